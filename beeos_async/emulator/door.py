"""The door of the pretend cloud: requests in from sockets, replies and faults out to them.

The only file of the emulator that imports aiohttp.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Final, Protocol

from aiohttp import web

from .._clock import Clock
from ..errors import ConfigurationError
from .replies import Reply
from .trouble import Fault

HOST: Final = "127.0.0.1"
"""Nobody but this machine."""

CLOSE_GRACE: Final = 0.05
"""Seconds a late answer is given when the emulator closes."""

BACKLOG: Final = 4096

_TURNS: Final = 4
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Serving(Protocol):
    """Whoever answers requests."""

    async def serve(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        read: Callable[[int], Awaitable[bytes | None]],
        /,
    ) -> Reply:
        """Serve one request; see `Desk.serve`."""
        ...


class Door:
    """An HTTP server on loopback in front of a desk."""

    def __init__(self, desk: Serving, clock: Clock) -> None:
        """Stay closed for now.

        Args:
            desk: Who serves.
            clock: Time, for late answers.
        """
        self._desk = desk
        self._clock = clock
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._closing = asyncio.Event()
        self._outage: asyncio.Task[None] | None = None
        # The listener comes and goes; nobody closes it half-way through either.
        self._moving = asyncio.Lock()

    async def open(self, port: int) -> int:
        """Listen.

        Args:
            port: Where, or 0 for a free port.

        Returns:
            The port.

        Raises:
            ConfigurationError: The port is taken, or not allowed.
        """
        self._closing.clear()
        loop = asyncio.get_running_loop()
        # A client that goes takes its silent request with it.
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        try:
            self._listener = await loop.create_server(server, sock=_listen(port), backlog=BACKLOG)
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
            msg = f"port {port} of {HOST} {why}; choose another, or 0 for a free one"
            raise ConfigurationError(msg) from None
        self._server = server
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        self._closing.set()
        async with self._moving:
            if self._outage is not None:
                self._outage.cancel()
                await asyncio.wait([self._outage])
                self._outage = None
            if self._server is not None:
                server, self._server = self._server, None
                await self._clear(server, CLOSE_GRACE)

    def _begin_outage(self, seconds: float) -> None:
        """Begin to be out of order, unless that has begun."""
        begun = self._outage is not None and not self._outage.done()
        if self._server is not None and self._listener is not None and not begun:
            port = int(self._listener.sockets[0].getsockname()[1])
            end = self._clock.now() + seconds
            self._outage = asyncio.create_task(self._be_down(self._server, port, end))

    async def _be_down(self, server: web.Server, port: int, end: float) -> None:
        """Be out of order until then, as if nobody had ever listened."""
        async with self._moving:
            await self._clear(server)
        # However long it took to see everybody out.
        await self._clock.sleep(max(0.0, end - self._clock.now()))
        async with self._moving:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(server, sock=_listen(port), backlog=BACKLOG)

    async def _clear(self, server: web.Server, grace: float = 0.0) -> None:
        """Let nobody in any more, and throw out who is in, once they have had so many seconds."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # asyncio forgets the socket of whom it lets in while its listener closes: so it
        # first stops to let in (a proactor loop cannot), and then closes.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(listener.sockets[0])
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        listener.close()
        # It takes the loop some turns to see somebody out.
        for _ in range(_TURNS):
            transports = [guest.transport for guest in server.connections if guest.transport]
            if grace:
                await server.shutdown(grace)
            for transport in transports:
                # Nor does a client that does not read keep the door open.
                transport.abort()
            await asyncio.sleep(0)
        await listener.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        async def read(cap: int) -> bytes | None:
            return await _body(request, cap) if request.body_exists else b""

        reply = await self._desk.serve(
            request.method,
            request.raw_path,
            request.headers,
            read,
        )
        if reply.delay:
            await self._clock.sleep(reply.delay)
        # By the clock the dates of the answer are by.
        date = formatdate(self._clock.wall(), usegmt=True)
        headers = {**reply.headers, "X-Request-Id": reply.request_id, "Date": date}
        if reply.frames is not None:
            response = web.StreamResponse(status=reply.status, headers=headers)
            async with contextlib.aclosing(reply.frames) as frames:
                await self._tell(request, response, frames, reply.fault)
            return response
        if reply.fault is not None and request.transport is not None:
            await self._spoil(request.transport, reply, reply.fault)
        # A status of 0 finds the connection closed: nothing of this reaches it.
        return web.Response(status=reply.status or 500, body=reply.body, headers=headers)

    async def _tell(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        frames: AsyncGenerator[bytes, None],
        fault: Fault | None,
    ) -> None:
        """Send a body as it comes, up to its end, or to where it is to break."""
        await response.prepare(request)
        left = fault.at if fault is not None else 0
        while fault is None or left:
            data = await anext(frames, b"")
            if not data:
                break
            sent = data if fault is None else data[:left]
            left -= len(sent)
            # Waits while the client does not read.
            await response.write(sent)
        if fault is not None and not left and request.transport is not None:
            await self._break(request.transport, fault)

    async def _break(self, transport: asyncio.Transport, fault: Fault) -> None:
        """Break a stream."""
        transport.write(fault.body or b"")
        if fault.then == "silence":
            await self._closing.wait()
        if fault.then == "reset":
            _reset(transport)
        transport.close()

    async def _spoil(self, transport: asyncio.Transport, reply: Reply, fault: Fault) -> None:
        """Do to the socket what a fault asks for."""
        match fault.kind:
            case "push":
                # The answer is written before the loop turns again.
                loop = asyncio.get_running_loop()
                loop.call_later(fault.seconds, transport.write, fault.body or b"")
                return
            case "silence":
                await self._closing.wait()
            case "shut":
                self._begin_outage(fault.seconds)
            case "cut":
                transport.write(_head(reply, f"Content-Length: {len(reply.body)}"))
                transport.write(_half(reply))
            case "malformed":
                half = _half(reply)
                transport.write(_head(reply, "Transfer-Encoding: chunked"))
                transport.write(b"%x\r\n%b\r\nno number\r\n" % (len(half), half))
            case "trickle":
                transport.write(_head(reply, f"Content-Length: {len(reply.body)}"))
                for byte in reply.body:
                    await self._clock.sleep(fault.seconds)
                    transport.write(bytes([byte]))
            case "raw":
                transport.write(fault.body or b"")
            case _:
                if fault.reset:
                    _reset(transport)
        transport.close()


def _listen(port: int) -> socket.socket:
    """Listen at once; a loop may need some of its turns for that."""
    return socket.create_server((HOST, port), backlog=BACKLOG)


def _reset(transport: asyncio.Transport) -> None:
    """Let closing break the connection."""
    peer: socket.socket = transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


async def _body(request: web.BaseRequest, cap: int) -> bytes | None:
    """Read a body, unless it is longer than allowed."""
    pieces: list[bytes] = []
    room = cap
    async for piece in request.content.iter_any():
        room -= len(piece)
        if room < 0:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _head(reply: Reply, length: str) -> bytes:
    """Promise a whole answer."""
    told = {**reply.headers, "X-Request-Id": reply.request_id}
    status = "206 Partial Content" if "Content-Range" in told else "200 OK"
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in told.items()), length]
    return "\r\n".join([*lines, "", ""]).encode()


def _half(reply: Reply) -> bytes:
    return reply.body[: len(reply.body) // 2]
