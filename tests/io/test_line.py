"""One leased connection: who stands on it, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from fault_server import FaultServer, Peer, Seen, honest, id_of, instance, requests
from memory_wire import MemoryWire, Script
from stable import ANSWER, WORDS, Stable

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._checks import Key
from beeos_async._io.flight import Flight
from beeos_async._io.line import Line, Lines, stand
from beeos_async._protocol.message import Request, Response

pytestmark = pytest.mark.anyio


def client(url: str, **options: Any) -> AsyncBeeOS:
    options = {"timeout": 2.0, "max_retries": 0, "transport": "leased", **options}
    return AsyncBeeOS("key", base_url=url, **options)


Lease = Callable[..., Awaitable[tuple[Line, MemoryWire]]]


@pytest.fixture
async def stable(anyio_backend: str) -> AsyncIterator[Stable]:
    """Give somebody who leases lines without sockets."""
    stable = Stable()
    yield stable
    await stable.close()


@pytest.fixture
def leased(stable: Stable) -> Lease:
    """Give what leases one."""
    return stable.lease


async def test_a_line_that_has_rested_for_too_long_is_not_asked(leased: Lease) -> None:
    """The loop may have been held so long that no timer could tell."""
    lines = Lines()
    old, wire = await leased(lines)
    young, _ = await leased(lines)
    young.rest()
    old.rest()
    old.end -= 16

    assert lines.take() is young
    assert wire.is_closing()
    assert lines.take() is None
    young.close()


async def test_a_line_that_is_closing_is_not_asked(leased: Lease) -> None:
    """Whoever closed it."""
    lines = Lines()
    line, wire = await leased(lines)
    line.rest()
    wire.close()

    assert lines.take() is None


async def test_the_line_used_last_is_asked_first(leased: Lease) -> None:
    """So that those that are not needed grow old together."""
    lines = Lines()
    first, second = (await leased(lines))[0], (await leased(lines))[0]
    first.rest()
    second.rest()

    assert lines.take() is second
    assert lines.take() is first
    first.close()
    second.close()


async def test_a_line_given_back_is_as_it_was(leased: Lease, stable: Stable) -> None:
    """Its handler stands on it again, and the pool has the connection."""
    lines = Lines()
    line, wire = await leased(lines)
    line.give_back()
    line.give_back()

    assert wire.get_protocol() is line.handler
    assert not wire.is_closing()
    assert lines.limits.watched == set()
    assert lines.take() is None
    (connector,) = stable.connectors
    again = await connector.connect(stable.address, [], aiohttp.ClientTimeout())
    assert again.protocol is line.handler
    again.close()


async def test_a_line_is_closed_even_after_its_lease(leased: Lease) -> None:
    """An answer may turn out to be somebody else's when its connection is back in the pool."""
    line, wire = await leased(Lines())
    line.give_back()
    line.close()

    assert wire.is_closing()


async def test_an_idle_line_is_closed_when_its_time_is_up(leased: Lease) -> None:
    """By its limit, without anybody asking."""
    lines = Lines()
    line, wire = await leased(lines)
    line.rest()
    line.end = 0.0
    lines.limits.wake(0.0)
    await asyncio.sleep(0.01)

    assert wire.is_closing()
    assert lines.idle == {}


async def test_an_answer_after_its_time_is_told_to_nobody(leased: Lease) -> None:
    """The time is up, the answer comes in the same moment, and the line is closed."""
    lines = Lines()
    line, wire = await leased(lines, Script([ANSWER], "open", ANSWER))
    told = line.ask(Flight(), WORDS, 100, 0.0)
    line.expire()
    line.expire()
    assert await told is None
    assert line.left <= 0
    await wire.idle.wait()

    assert wire.is_closing()


async def test_an_answer_nobody_waits_for_any_more_is_told_to_nobody(leased: Lease) -> None:
    """Whoever waited was cancelled in the same moment."""
    for pieces in ([ANSWER], [ANSWER + b"x"]):
        line, wire = await leased(Lines(), Script(pieces, "open", ANSWER))
        told = line.ask(Flight(), WORDS, 100, 1.0)
        told.cancel()
        line.expire()
        await wire.idle.wait()

        assert told.cancelled()
        line.close()


async def test_a_line_tells_its_handler_to_stop_writing(leased: Lease) -> None:
    """The handler keeps count of it, and asserts that it is told in order."""
    line, _ = await leased(Lines())
    line.pause_writing()
    assert line.handler.writing_paused
    line.resume_writing()
    assert not line.handler.writing_paused
    line.close()


async def test_a_line_whose_connection_is_lost_holds_no_transport(leased: Lease) -> None:
    """Over TLS the two would be garbage that only the collector can free."""
    line, wire = await leased(Lines(), Script([ANSWER], "fin", ANSWER))
    assert await line.ask(Flight(), WORDS, 100, 1.0) is not None
    await wire.idle.wait()
    line.rest()

    assert line.transport is not wire
    assert line.transport.is_closing()
    assert line.transport.get_write_buffer_size() == 0


async def test_a_line_that_is_over_does_not_rest(leased: Lease) -> None:
    """It was closed under an answer that was whole."""
    lines = Lines()
    line, _ = await leased(lines)
    line.close()
    line.rest()

    assert lines.idle == {}


async def test_what_keeps_its_answer_has_a_connection_of_its_own() -> None:
    """The leased ones stay where they are, for whoever asks next."""
    async with FaultServer(honest()) as server, client(server.url, max_concurrency=3) as bee:
        await asyncio.gather(*(bee.start(f"inst-{n}") for n in range(3)))
        leased = server.connections
        flight = Flight()
        flight.keeps = True
        flight.key = Key("key")
        request = Request("GET", "/api/v1/instances/inst-1", None, 1000)
        answer = await bee._caller.transport.send(request, flight, 1, 1)
        assert answer.status == 200
        await bee.start("inst-4")

    assert server.connections == leased + 1


async def test_a_line_of_a_borrowed_connector_is_given_back_at_once() -> None:
    """Somebody else may be waiting for a connection."""
    connector = aiohttp.TCPConnector(limit=1)
    async with FaultServer(honest()) as server:
        async with aiohttp.ClientSession(connector=connector, connector_owner=False) as session:
            async with client(server.url, connector=connector) as bee:
                for n in range(3):
                    await bee.start(f"inst-{n}")
                    url = f"{server.url}/api/v1/instances/inst-{n}"
                    async with session.get(url) as answer:
                        assert answer.status == 200
        await connector.close()

    assert server.connections == 1


async def test_a_pooled_connection_that_was_pushed_to_is_not_leased() -> None:
    """It came back to a borrowed connector clean, and is dirty now."""
    connector = aiohttp.TCPConnector()

    async def push(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))
        await asyncio.sleep(0.01)
        await peer.answer(instance("evil"))

    async with FaultServer(requests(push)) as server:
        async with client(server.url, connector=connector) as bee:
            for n in range(3):
                assert (await bee.instances.get(f"inst-{n}")).id == f"inst-{n}"
                await asyncio.sleep(0.03)
        await connector.close()

    assert server.connections == len(server.seen) == 3


async def test_an_answer_about_another_instance_ends_its_connection() -> None:
    """What else comes over it may be off by one, too."""

    async def other(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance("inst-2"))

    for connector in (None, aiohttp.TCPConnector()):
        async with FaultServer(requests(other), honest()) as server:
            async with client(server.url, connector=connector) as bee:
                with pytest.raises(b.DecodeError, match="another"):
                    await bee.instances.get("inst-1")
                await bee.start("inst-1")
        assert server.connections == 2
        if connector is not None:
            await connector.close()


async def test_bytes_pushed_right_behind_an_answer_end_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The answer counts; what follows it is nobody's."""
    caplog.set_level(logging.WARNING)

    async def push(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))
        await asyncio.sleep(0)
        await peer.send(b"HTTP/1.1 408 Late\r\n\r\n")

    async with FaultServer(requests(push)) as server, client(server.url) as bee:
        for n in range(20):
            assert (await bee.instances.get(f"inst-{n}")).id == f"inst-{n}"
            await asyncio.sleep(0.002)

    assert server.connections == len(server.seen) == 20
    assert caplog.records == []


async def test_a_line_that_rests_has_forgotten_the_answer_before(leased: Lease) -> None:
    """Its handler read that one; the time it had left is no limit of the next."""
    lines = Lines()
    line, wire = await leased(lines)
    line.head, line.left = Response(200, {}, b"", 0.0), 9.0
    stand(wire, line.handler)
    line.rest()

    assert wire.get_protocol() is line
    assert (line.head, line.left) == (None, 0.0)
    assert lines.take() is line
    line.close()


async def test_a_line_whose_handler_is_not_done_does_not_rest(leased: Lease) -> None:
    """There is more of the answer, or the server will hear no other request."""
    lines = Lines()
    line, wire = await leased(lines)
    line.head = Response(200, {}, b"", 0.0)
    line.handler.data_received(b"HTTP/1.1 200 Pushed")
    line.rest()

    assert wire.is_closing()
    assert lines.idle == {}
