"""TLS as it is spoken over a leased connection: every cut, every end, and nobody else's answer."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import fault_server
import pytest
import trustme
from fault_network import tls, trusting
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
from beeos_async._clock import RealClock
from beeos_async._io.lease import LeasedTransport
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


async def test_an_answer_that_comes_before_there_is_a_request_is_nobodys(
    authority: trustme.CA,
) -> None:
    """It came with the end of the handshake, and would be taken for the first one."""
    wire = Wire(tls(authority), says=http(instance("inst-1")))
    room = memoryview(bytearray(65_536))
    spoken = Tls(wire, trusting(authority), "localhost", room)

    with pytest.raises(ConnectionResetError, match="before there was a request"):
        await spoken.shake_hands()


async def test_who_hangs_up_as_soon_as_hands_are_shaken_is_sent_nothing(
    authority: trustme.CA,
) -> None:
    """Who asked then would wait for an answer until the time is up."""
    wire = Wire(tls(authority), says=b"", leaves=True)
    spoken = Tls(wire, trusting(authority), "localhost", memoryview(bytearray(65_536)))

    with pytest.raises(ConnectionResetError, match="right after"):
        await spoken.shake_hands()


async def test_who_writes_more_than_goes_out_is_told(authority: trustme.CA) -> None:
    """The wire's word is handed on."""
    told: list[str] = []

    class Above(asyncio.Protocol):
        def pause_writing(self) -> None:
            told.append("pause")

        def resume_writing(self) -> None:
            told.append("resume")

    wire = Wire(tls(authority), says=b"")
    spoken = Tls(wire, trusting(authority), "localhost", memoryview(bytearray(65_536)))
    await spoken.shake_hands()
    spoken.set_protocol(Above())
    wire.above.pause_writing()
    wire.above.resume_writing()

    assert told == ["pause", "resume"]


@pytest.mark.parametrize(("ends", "raised"), [(True, ConnectionResetError), (False, ssl.SSLError)])
async def test_tls_is_not_spoken_where_somebody_hung_up_or_spoke_first(
    authority: trustme.CA, ends: bool, raised: type[Exception]
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
    transport = LeasedTransport(RealClock(), "https://a.example", user_agent="test")

    with pytest.raises(raised, match=r"at once|before it was asked"):
        await transport._secure(connection, trusting(authority))
    assert wire.is_closing()
    await connector.close()
