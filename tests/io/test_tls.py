"""TLS as it is spoken over a leased connection: every cut, every end, and nobody else's answer."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import fault_server
import pytest
import trustme
from fault_network import Names, tls, trusting
from fault_server import (
    FaultServer,
    Peer,
    Seen,
    honest,
    http,
    id_of,
    ids,
    instance,
    requests,
)
from hand_clock import HandClock
from memory_wire import MemoryConnector, Script
from standing import agree, client
from yarl import URL

import beeos_async as b
from beeos_async._io import lease
from beeos_async._io.tls import Tls

pytestmark = pytest.mark.anyio

Deal = Callable[[Peer, bytes], Any]
"""Sends on what a server said, in its own way."""


def secured(server: FaultServer) -> str:
    return f"https://localhost:{server.port}"


def between(port: int, deal: Deal) -> fault_server.Script:
    """Make the script of who stands between, and sees nothing but ciphers."""

    async def script(peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def back() -> None:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65_536):
                    await deal(peer, data)
            peer.writer.close()

        task = asyncio.create_task(back())
        try:
            while data := await peer.reader.read(65_536):
                writer.write(data)
        finally:
            task.cancel()
            writer.close()
            await asyncio.gather(task, writer.wait_closed(), return_exceptions=True)

    return script


async def test_a_fleet_shares_a_few_connections_and_none_comes_into_the_pool(
    clock: HandClock, authority: trustme.CA
) -> None:
    """What the pool holds is for who speaks TLS by the loop."""
    async with FaultServer(honest(), tls=tls(authority)) as server:
        async with client(
            secured(server), clock, ssl=trusting(authority), max_concurrency=10
        ) as bee:
            report = await bee.start_many(ids(300))
            pooled: Any = bee._caller.transport
            assert pooled._session.connector._conns == {}

    assert report.ok
    agree(report, server.applied)
    assert server.connections == 10


@pytest.mark.parametrize("size", [1, 2, 5, 6, 100, 1000])
async def test_it_does_not_matter_how_the_wire_cuts_records(
    clock: HandClock, authority: trustme.CA, size: int
) -> None:
    """From the first byte of the handshake on."""

    async def deal(peer: Peer, data: bytes) -> None:
        await peer.send_slow(data, slice=size)

    async with (
        FaultServer(honest(), tls=tls(authority)) as server,
        FaultServer(between(server.port, deal)) as slicer,
        client(secured(slicer), clock, ssl=trusting(authority), connect_timeout=5) as bee,
    ):
        for id in ids(3):
            assert (await bee.start(id)).id == id

    assert server.applied == ids(3)
    assert server.connections == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("framed", [True, False])
async def test_what_is_longer_than_a_record_goes_both_ways(
    clock: HandClock, authority: trustme.CA, version: ssl.TLSVersion, framed: bool
) -> None:
    """An answer whose end is the connection's, too."""
    text = "".join(f"{number}," for number in range(140_000))

    async def echo(peer: Peer, seen: Seen) -> None:
        if framed:
            await peer.answer(seen.body)
            return
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + seen.body)
        raise ConnectionError

    served = tls(authority)
    served.maximum_version = version
    async with FaultServer(requests(echo), tls=served) as server:
        async with client(secured(server), clock, ssl=trusting(authority)) as bee:
            for _ in range(2):
                answer = await bee.request("POST", "/api/v1/things", json={"text": text})
                assert answer == {"text": text}

    assert server.connections == (1 if framed else 2)


async def test_who_takes_leave_is_not_asked_again(clock: HandClock, authority: trustme.CA) -> None:
    """Without a word of it in the answer before."""

    async def leave(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.answer(instance(id_of(seen.target)))
        raise ConnectionError

    async with FaultServer(requests(leave), tls=tls(authority)) as server:
        async with client(secured(server), clock, ssl=trusting(authority)) as bee:
            for id in ids(3):
                await bee.start(id)
                transport: Any = bee._caller.transport
                while transport._lines.idle:
                    await asyncio.sleep(0.001)

    assert server.applied == ids(3)
    assert server.connections == 3


async def test_a_record_that_was_bent_on_its_way_ends_the_connection(
    clock: HandClock, authority: trustme.CA
) -> None:
    """And the server is told why."""
    bend = False

    async def deal(peer: Peer, data: bytes) -> None:
        await peer.send(data[:-1] + bytes([data[-1] ^ 1]) if bend else data)

    async with (
        FaultServer(honest(), tls=tls(authority)) as server,
        FaultServer(between(server.port, deal)) as bender,
        client(secured(bender), clock, ssl=trusting(authority), max_retries=0) as bee,
    ):
        await bee.start("inst-1")
        bend = True
        with pytest.raises(b.ConnectionLostError) as caught:
            await bee.instances.get("inst-1")
        bend = False
        await bee.start("inst-2")

    assert caught.value.delivered == "maybe"
    assert server.connections == 2


@pytest.mark.parametrize("kept", [0, 40])
async def test_a_wire_that_ends_without_leave_ends_the_answer(
    clock: HandClock, authority: trustme.CA, kept: int
) -> None:
    """Before a record, and within one."""
    cut = False

    async def deal(peer: Peer, data: bytes) -> None:
        await peer.send(data[:kept] if cut else data)
        if cut:
            raise ConnectionError

    async with (
        FaultServer(honest(), tls=tls(authority)) as server,
        FaultServer(between(server.port, deal)) as cutter,
        client(secured(cutter), clock, ssl=trusting(authority), max_retries=0) as bee,
    ):
        await bee.start("inst-1")
        cut = True
        with pytest.raises(b.ConnectionLostError):
            await bee.instances.get("inst-1")
        cut = False
        await bee.start("inst-2")

    assert server.connections == 2


async def test_a_handshake_that_is_cancelled_leaves_nothing(authority: trustme.CA) -> None:
    """The connection is closed, and nobody is told anything."""
    gone = asyncio.Event()

    async def dumb(peer: Peer) -> None:
        await peer.reader.read(4096)
        started.set()
        await peer.reader.read()
        gone.set()

    started = asyncio.Event()
    async with FaultServer(dumb) as server:
        async with client(secured(server), ssl=trusting(authority), connect_timeout=9) as bee:
            task = asyncio.create_task(bee.start("inst-1"))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()


class Wire(asyncio.Transport):
    """A connection whose other end answers while it is being written to."""

    def __init__(self, served: ssl.SSLContext, *, says: bytes, leaves: bool = False) -> None:
        super().__init__()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.served = served.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.says = says
        self.leaves = leaves
        self.above: Any = None
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.incoming.write(data)
        try:
            self.served.do_handshake()
            if self.says:
                self.served.write(self.says)
        except ssl.SSLWantReadError:
            pass
        else:
            self.closing = self.leaves
        if self.closing:
            self.above.connection_lost(None)
            return
        answer = self.outgoing.read()
        self.above.get_buffer(-1)[: len(answer)] = answer
        self.above.buffer_updated(len(answer))

    def is_closing(self) -> bool:
        return self.closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.above = protocol

    def pause_reading(self) -> None:
        """Go on: whoever reads is asked for room each time."""

    def resume_reading(self) -> None:
        """Go on."""


class Above(asyncio.Protocol):
    """Who is told what happens to the wire."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def eof_received(self) -> None:
        self.told.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(exc)


def over(wire: Wire, authority: trustme.CA) -> tuple[Tls, Above]:
    above = Above()
    room = memoryview(bytearray(65_536))
    return Tls(wire, trusting(authority), "localhost", room=room, above=above), above


async def test_an_answer_that_comes_before_there_is_a_request_is_nobodys(
    authority: trustme.CA,
) -> None:
    """It came with the end of the handshake, and would be taken for the first one."""
    wire = Wire(tls(authority), says=http(instance("inst-1")))
    spoken, above = over(wire, authority)

    with pytest.raises(ConnectionResetError, match="before there was a request"):
        await spoken.shake_hands()
    spoken.eof_received()
    spoken.connection_lost(None)
    assert above.told == ["eof", None]


async def test_who_hangs_up_as_soon_as_hands_are_shaken_is_sent_nothing(
    authority: trustme.CA,
) -> None:
    """Who asked then would wait for an answer until the time is up."""
    spoken, above = over(Wire(tls(authority), says=b"", leaves=True), authority)

    with pytest.raises(ConnectionResetError, match="right after"):
        await spoken.shake_hands()
    assert above.told == [None]


async def test_who_writes_more_than_goes_out_is_told(authority: trustme.CA) -> None:
    """The wire's word is handed on."""
    wire = Wire(tls(authority), says=b"")
    spoken, above = over(wire, authority)
    await spoken.shake_hands()
    wire.above.pause_writing()
    wire.above.resume_writing()

    assert above.told == ["pause", "resume"]


@pytest.mark.parametrize(("ends", "raised"), [(True, ConnectionResetError), (False, ssl.SSLError)])
async def test_tls_is_not_spoken_where_somebody_hung_up_or_spoke_first(
    ends: bool, raised: type[Exception]
) -> None:
    """What was said is lost to a handshake, which would wait for it."""
    connector = MemoryConnector(Script([], "open", b""))
    address = aiohttp.ClientRequest("GET", URL("http://a.example"))
    connection = await connector.connect(address, [], aiohttp.ClientTimeout())
    assert connection.protocol is not None
    (wire,) = connector.wires
    if ends:
        wire.close()
    else:
        connection.protocol.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(raised, match=r"at once|before it was asked"):
        lease.untouched(connection)
    connection.close()
    await connector.close()


async def test_who_closes_the_client_does_not_wait_for_a_handshake(authority: trustme.CA) -> None:
    """Nor does the call that waited for it hang."""
    started = asyncio.Event()

    async def dumb(peer: Peer) -> None:
        await peer.reader.read(4096)
        started.set()
        await peer.hang()

    async with FaultServer(dumb) as server:
        async with client(secured(server), ssl=trusting(authority), connect_timeout=60) as bee:
            task = asyncio.create_task(bee.start("inst-1"))
            await started.wait()
            async with asyncio.timeout(20):
                await bee.close()
                with pytest.raises(b.ClientClosedError):
                    await task


async def test_a_failed_handshake_leaves_nothing_to_the_garbage_collector(
    authority: trustme.CA, clock: HandClock
) -> None:
    """Nobody looks for it while a fleet waits for its host."""

    def left() -> int:
        return sum(isinstance(one, Tls) for one in gc.get_objects())

    async with FaultServer(honest(), tls=tls(authority, "another.test")) as server:
        async with client(server.url, clock, ssl=trusting(authority)) as bee:
            gc.collect()
            gc.disable()
            try:
                before = left()
                for _ in range(3):
                    with pytest.raises(b.NotSentError):
                        await bee.start("inst-1")
                    await asyncio.sleep(0.01)
                assert left() == before
            finally:
                gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is nobody")
@pytest.mark.parametrize("first", ["hangs up", "speaks http", "is somebody else"])
async def test_a_name_with_several_addresses_is_tried_at_all_of_them(
    authority: trustme.CA, first: str
) -> None:
    """The first one lets everybody in, and cannot be spoken to."""
    met = 0

    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        if first == "speaks http":
            writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        writer.close()

    async with FaultServer(honest(), tls=tls(authority)) as server:
        other = tls(authority, "another.test") if first == "is somebody else" else None
        stranger = await asyncio.start_server(bad, "127.0.0.2", server.port, ssl=other)
        async with stranger, client(secured(server), ssl=trusting(authority)) as bee:
            transport: Any = bee._caller.transport
            transport._open().connector._resolver = Names("127.0.0.2", "127.0.0.1")
            assert (await bee.start("inst-1")).id == "inst-1"

    assert server.applied == ["inst-1"]
    assert met or other


def narrow(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket that takes in little: the system would take all of a request."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    made.setblocking(False)
    return made


@pytest.mark.parametrize("over_tls", [True, False])
async def test_who_does_not_read_keeps_no_request_that_nobody_waits_for(
    authority: trustme.CA, over_tls: bool
) -> None:
    """What was not sent yet is dropped with the connection, key and all."""
    late = asyncio.Event()
    got = 0

    async def deaf(peer: Peer) -> None:
        nonlocal got
        reading: Any = peer.writer.transport
        await peer.read_head()
        reading.pause_reading()
        await late.wait()
        reading.resume_reading()
        with contextlib.suppress(OSError):
            while data := await peer.reader.read(65_536):
                got += len(data)
        heard.set()

    heard = asyncio.Event()
    body = {"text": "x" * 1_000_000}
    async with FaultServer(deaf, tls=tls(authority) if over_tls else None) as server:
        assert server._server is not None
        server._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = secured(server) if over_tls else server.url
        async with client(url, ssl=trusting(authority), timeout=0.3, max_retries=0) as bee:
            transport: Any = bee._caller.transport
            transport._open().connector._socket_factory = narrow
            with pytest.raises(b.RequestTimeoutError):
                await bee.request("POST", "/api/v1/things", json=body)
        late.set()
        await heard.wait()

    assert got < 1_000_000
