"""A connector without sockets: each of its connections plays the same script, byte for byte.

What a real socket would join or tear apart by chance is told here, so that two transports can
be shown exactly the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import aiohttp
from aiohttp.client_proto import ResponseHandler
from msgspec import Struct

End = Literal["fin", "rst", "open"]


class Script(Struct, frozen=True):
    """What a server says on one connection."""

    pieces: Sequence[bytes]
    """In answer to the first request, one after the other."""

    end: End
    """What comes then."""

    answer: bytes
    """In answer to any further request."""


class MemoryWire(asyncio.Transport):
    """One connection, as the loop would show it to a protocol."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.requests = 0
        self.closing = False
        self.idle = asyncio.Event()
        self._protocol: Any = None
        self._steps: deque[bytes | End] = deque()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # A whole request at once: none of those here has a body.
        assert bytes(data).endswith(b"\r\n\r\n")
        assert not self.closing
        self.requests += 1
        first = self.requests == 1
        self._steps.extend(
            [*self.script.pieces, self.script.end] if first else [self.script.answer]
        )
        self.idle.clear()
        self._later()

    def _later(self) -> None:
        asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        if self.closing or not self._steps:
            self.idle.set()
            return
        step = self._steps.popleft()
        if step == "fin":
            self._protocol.eof_received()
            self.close()
        elif step == "rst":
            self._end(ConnectionResetError("reset"))
        elif step != "open":
            self._feed(step)
        self._later()

    def _feed(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        room = memoryview(self._protocol.get_buffer(-1))
        room[: len(data)] = data
        self._protocol.buffer_updated(len(data))

    def _end(self, error: Exception | None) -> None:
        if not self.closing:
            self.closing = True
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self._protocol.connection_lost(error))
            loop.call_soon(self.idle.set)

    def close(self) -> None:
        self._end(None)

    def is_closing(self) -> bool:
        return self.closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def pause_reading(self) -> None:
        """Go on all the same: no answer here is so long that anybody would have to wait."""

    def resume_reading(self) -> None:
        """Go on."""

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class MemoryConnector(aiohttp.BaseConnector):
    """Makes connections that play a script."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.wires: list[MemoryWire] = []

    async def _create_connection(self, *_: object) -> ResponseHandler:
        handler = ResponseHandler(asyncio.get_running_loop())
        wire = MemoryWire(self.script)
        wire.set_protocol(handler)
        handler.connection_made(wire)
        self.wires.append(wire)
        return handler
