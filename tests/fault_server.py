"""A server below HTTP: one script for each connection, a log of what was read and applied.

It is the oracle of the fault tests: whatever the client claims is compared with what this
server saw.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Final, Self

from msgspec import Struct, json
from roads import SERVED

NO_LINGER: Final = struct.pack("ii", 1, 0)


class Seen(Struct, frozen=True):
    """One request as it was read."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float = 0.0
    """When it was whole, on the loop's clock."""


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
        self.room: int | None = None
        """Bytes that may still be sent; `None` is no limit."""

    async def read_head(self) -> tuple[str, str, dict[str, str]]:
        """Read method, target and headers, and leave the body where it is."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        return method, target, {name.lower(): value.strip() for name, _, value in pairs}

    async def read(self) -> Seen:
        """Read one whole request and log it."""
        method, target, headers = await self.read_head()
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        now = asyncio.get_running_loop().time()
        seen = Seen(self.number, method, target, headers, body, now)
        self.server.seen.append(seen)
        return seen

    def apply(self, id: str) -> None:
        """Let a start take effect."""
        self.server.applied.append(id)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are, as far as there is room for them."""
        whole = self.room is None or len(data) <= self.room
        self.writer.write(data if whole else data[: self.room])
        await self.writer.drain()
        if self.room is not None:
            self.room -= len(data)
        if not whole:
            raise ConnectionError

    async def send_slow(self, data: bytes, *, slice: int = 1, pause: float = 0.0) -> None:
        """Send bytes in slices, each by itself."""
        for start in range(0, len(data), slice):
            await self.send(data[start : start + slice])
            await asyncio.sleep(pause)

    def limit_data(self, count: int) -> None:
        """End the connection after so many more bytes, wherever that cuts."""
        self.room = count

    def push_when_idle(self, data: bytes, after: float = 0.005) -> None:
        """Send bytes nobody asked for, so many seconds after the answer."""
        asyncio.get_running_loop().call_later(after, self.writer.write, data)

    async def answer(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        """Send a whole answer."""
        await self.send(http(body, status, *headers))

    def rst(self) -> None:
        """Break the connection with a reset."""
        peer: socket.socket = self.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing until the client goes away."""
        await self.reader.read()
        raise ConnectionError


Script = Callable[[Peer], Awaitable[None]]
Handler = Callable[[Peer, Seen], Awaitable[None]]


class FaultServer:
    """Runs one script for each connection, in order; the last one serves all that follow."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts
        self.tls = tls or SERVED.get("tls")
        self.seen: list[Seen] = []
        self.applied: list[str] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.open_listener()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    @property
    def url(self) -> str:
        """What a client takes as `base_url`."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    async def open_listener(self) -> None:
        """Let connections in; the second time where it was the first time."""
        # It listens at once; a loop may need some of its turns for that.
        sock = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = sock.getsockname()[1]
        self._server = await asyncio.start_server(
            self._serve, sock=sock, ssl=self.tls, backlog=1024
        )

    async def close_listener(self) -> None:
        """Refuse connections; those that are open stay."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await asyncio.sleep(0)

    async def die(self) -> None:
        """Go as a killed process goes: nothing listens, and every connection breaks."""
        await self.close_listener()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def lines(self) -> list[str]:
        """The requests read so far, as `METHOD target`."""
        return [f"{one.method} {one.target}" for one in self.seen]

    @property
    def methods(self) -> list[str]:
        """The methods of the requests read so far."""
        return [one.method for one in self.seen]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        script = self.scripts[min(number, len(self.scripts) - 1)]
        try:
            await script(Peer(self, number, reader, writer))
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            ssl.SSLError,
            asyncio.CancelledError,
        ):
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


def chunked(*chunks: bytes) -> bytes:
    """Put an answer together that comes in chunks; it has no last one."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def instance(id: str, status: str = "pending", desired: str = "running") -> bytes:
    """Make the answer a start or a look gives."""
    return json.encode(
        {"success": True, "data": {"id": id, "status": status, "desiredStatus": desired}}
    )


def requests(*answers: Handler) -> Script:
    """Make a script that handles one request after another; the last handler serves the rest."""

    async def script(peer: Peer) -> None:
        turn = 0
        while True:
            seen = await peer.read()
            await answers[min(turn, len(answers) - 1)](peer, seen)
            turn += 1

    return script


def in_turn(*answers: Handler) -> Script:
    """Make a script like `requests`, counting requests over all connections."""

    async def script(peer: Peer) -> None:
        while True:
            seen = await peer.read()
            turn = len(peer.server.seen) - 1
            await answers[min(turn, len(answers) - 1)](peer, seen)

    return script


def mixed(kinds: Mapping[str, Handler], share: float, seed: int = 0) -> Script:
    """Make an honest script that goes wrong for a share of the starts.

    What happens to one is drawn from seed, id and attempt, and not from the order they come
    in: so a failing id fails alone, too.
    """
    attempts: dict[str, int] = {}
    names = sorted(kinds)

    async def answer(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if seen.method == "POST":
            attempt = attempts[id] = attempts.get(id, 0) + 1
            roll = blake2b(f"{seed}/{id}/{attempt}".encode(), digest_size=8).digest()
            if int.from_bytes(roll[:6]) < share * 2**48:
                await kinds[names[int.from_bytes(roll[6:]) % len(names)]](peer, seen)
                return
        await tell_truth(peer, seen)

    return requests(answer)


async def tell_truth(peer: Peer, seen: Seen) -> None:
    """Let a start take effect, and tell it or a look how things are."""
    id = id_of(seen.target)
    if seen.method == "POST":
        peer.apply(id)
    desired = "running" if id in peer.server.applied else "stopped"
    await peer.answer(instance(id, "pending", desired))


async def vanish(_: Peer, __: Seen) -> None:
    """End the connection without a word."""
    raise ConnectionError


async def silent(peer: Peer, _: Seen) -> None:
    """Never answer."""
    await peer.hang()


async def half(peer: Peer, seen: Seen) -> None:
    """Send a whole head, half a body, and no more."""
    await peer.send(http(instance(id_of(seen.target)))[:-10])
    await peer.hang()


def ids(count: int) -> list[str]:
    """Name so many instances."""
    return [f"inst-{number}" for number in range(count)]


def id_of(target: str) -> str:
    """Find the instance a target names."""
    return target.split("/")[4]


def honest() -> Script:
    """Make a script that behaves: starts take effect, looks tell the truth."""
    return requests(tell_truth)
