"""What stands between a client and a server: TLS, proxies, names, and places nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import trustme
from fault_server import Peer, Script, Seen
from hand_clock import HandClock


def tls(
    authority: trustme.CA, name: str = "localhost", *, expired: bool = False
) -> ssl.SSLContext:
    """Make what a server serves TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.now(UTC) - timedelta(days=1) if expired else None
    authority.issue_cert(name, not_after=end).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Make what a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def tunnel(port: int) -> Script:
    """Make the script of a proxy that connects to a port of this machine, whatever is asked."""

    async def script(peer: Peer) -> None:
        method, target, headers = await peer.read_head()
        peer.server.seen.append(Seen(peer.number, method, target, headers, b""))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = asyncio.create_task(_pour(reader, peer.writer))
        try:
            await _pour(peer.reader, writer)
        finally:
            back.cancel()
            writer.close()
            await asyncio.gather(back, writer.wait_closed(), return_exceptions=True)

    return script


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()


@contextlib.asynccontextmanager
async def blackhole() -> AsyncIterator[str]:
    """Give the URL of a port that answers no SYN: its backlog is full, and nobody accepts."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as sockets:
        hole = sockets.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        address = hole.getsockname()
        while True:
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            try:
                async with asyncio.timeout(0.05):
                    await loop.sock_connect(filler, address)
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{address[1]}"


class Names(aiohttp.abc.AbstractResolver):
    """A resolver that knows these addresses, or fails for a time, or never answers."""

    def __init__(
        self,
        *hosts: str,
        error: Exception | None = None,
        fails: float = math.inf,
        clock: HandClock | None = None,
        hangs: bool = False,
    ) -> None:
        self.hosts = hosts
        self.error = error
        self.clock = clock or HandClock()
        self.well = self.clock.now() + fails
        self.hangs = hangs
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        self.asked += 1
        if self.hangs:
            await asyncio.Future()
        if self.error is not None and self.clock.now() < self.well:
            raise self.error
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host=one, port=port, family=family, proto=0, flags=0
            )
            for one in self.hosts
        ]

    async def close(self) -> None:
        """Do nothing; there is nothing to close."""


class Sockets:
    """A socket factory that runs out: `left` more sockets can be had."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, address: aiohttp.AddrInfoType) -> socket.socket:
        if not self.left:
            raise OSError(errno.EMFILE, "Too many open files")
        self.left -= 1
        made = socket.socket(*address[:3])
        made.setblocking(False)
        return made
