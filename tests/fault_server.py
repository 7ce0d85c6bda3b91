"""A server below HTTP: one script for each connection, a log of what was read and applied.

It is the oracle of the fault tests: whatever the client claims is compared with what this
server saw.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from msgspec import Struct, json


class Seen(Struct, frozen=True):
    """One request as it was read."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """One connection, as a script sees it."""

    def __init__(
        self,
        server: FaultServer,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server = server
        self.number = number
        self.reader = reader
        self.writer = writer

    async def read(self) -> Seen:
        """Read one whole request and log it."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(self.number, method, target, headers, body)
        self.server.seen.append(seen)
        return seen

    def apply(self, id: str) -> None:
        """Let a start take effect."""
        self.server.applied.append(id)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        """Send a whole answer."""
        await self.send(http(body, status, *headers))

    def rst(self) -> None:
        """Break the connection with a reset."""
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing until the client goes away."""
        await self.reader.read()
        raise ConnectionError


Script = Callable[[Peer], Awaitable[None]]


class FaultServer:
    """Runs one script for each connection, in order; the last one serves all that follow."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts
        self.tls = tls
        self.seen: list[Seen] = []
        self.applied: list[str] = []
        self.connections = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def lines(self) -> list[str]:
        """The requests read so far, as `METHOD target`."""
        return [f"{one.method} {one.target}" for one in self.seen]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        script = self.scripts[min(number, len(self.scripts) - 1)]
        try:
            await script(Peer(self, number, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Put an answer together."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        head.append("Content-Type: application/json")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def instance(id: str, status: str = "pending", desired: str = "running") -> bytes:
    """Make the answer a start or a look gives."""
    return json.encode(
        {"success": True, "data": {"id": id, "status": status, "desiredStatus": desired}}
    )


def requests(*answers: Callable[[Peer, Seen], Awaitable[None]]) -> Script:
    """Make a script that handles one request after another; the last handler serves the rest."""

    async def script(peer: Peer) -> None:
        turn = 0
        while True:
            seen = await peer.read()
            await answers[min(turn, len(answers) - 1)](peer, seen)
            turn += 1

    return script


def id_of(target: str) -> str:
    """Find the instance a target names."""
    return target.split("/")[4]


def honest(applied: Sequence[str] | None = None) -> Script:
    """Make a script that behaves: starts take effect, looks tell the truth."""

    async def answer(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if seen.method == "POST":
            peer.apply(id)
        desired = "running" if id in peer.server.applied or id in (applied or ()) else "stopped"
        await peer.answer(instance(id, "pending", desired))

    return requests(answer)
