"""What many lines share: requests leave together, and answers are told a few in a turn."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest
from fault_server import FaultServer, Peer, honest, ids
from memory_wire import MemoryWire, Script
from stable import ANSWER, WORDS, Stable
from standing import client

from beeos_async import Instance, NotSentError
from beeos_async._io.flight import Flight
from beeos_async._io.later import AT_ONCE, Later
from beeos_async._io.line import Line, Lines, Waiter
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

PLAIN = Script([ANSWER], "open", ANSWER)


class Leased:
    """Lines of one client, each with its wire, and what was asked on each."""

    def __init__(self, stable: Stable) -> None:
        self.stable = stable
        self.lines = Lines()
        self.wires: list[MemoryWire] = []
        self.flights: list[Flight] = []

    async def lease(self, count: int) -> list[Line]:
        found = [await self.stable.lease(self.lines, PLAIN) for _ in range(count)]
        self.wires += [wire for _, wire in found]
        return [line for line, _ in found]

    def ask(self, line: Line) -> Waiter:
        self.flights.append(Flight())
        return line.ask(self.flights[-1], WORDS, 100, 60.0)

    @property
    def sent(self) -> list[int]:
        return [wire.requests for wire in self.wires]


@pytest.fixture
async def leased(anyio_backend: str) -> AsyncIterator[Leased]:
    """Give what leases lines without sockets."""
    stable = Stable()
    yield Leased(stable)
    await stable.close()


async def test_one_alone_leaves_at_once(leased: Leased) -> None:
    """There is nobody to wait for, however many lines are idle."""
    line, other = await leased.lease(2)
    other.rest()

    waiter = leased.ask(line)

    assert leased.sent == [1, 0]
    assert leased.flights[0].sent
    await waiter


async def test_what_is_asked_in_one_turn_leaves_together_in_the_next(leased: Leased) -> None:
    """And nothing says before that it was sent."""
    waiters = [leased.ask(line) for line in await leased.lease(3)]

    assert leased.sent == [0, 0, 0]
    assert not any(flight.sent for flight in leased.flights)
    await asyncio.sleep(0)
    assert leased.sent == [1, 1, 1]
    assert all(flight.sent for flight in leased.flights)
    assert [body for waiter in waiters for _, body in [(await waiter) or (None, b"")]] == [
        b"{}"
    ] * 3


async def test_who_is_cancelled_before_that_has_sent_nothing(leased: Leased) -> None:
    """So nobody has to wonder whether it took."""
    first, second = await leased.lease(2)
    gone, waiter = leased.ask(first), leased.ask(second)
    gone.cancel()

    await waiter

    assert leased.sent == [0, 1]
    assert not leased.flights[0].sent


@pytest.mark.parametrize("end", ["closed", "hung up", "pushed to", "lost", "out of time"])
async def test_a_line_that_ends_before_that_sends_nothing(leased: Leased, end: str) -> None:
    """Who asked is told that it certainly did not leave, and the others do."""
    first, second = await leased.lease(2)
    waiters = [leased.ask(first), leased.ask(second)]
    match end:
        case "closed":
            first.close()
        case "hung up":
            # That the connection is lost is told later than the others leave.
            first.eof_received()
            leased.wires[0].close()
        case "pushed to":
            leased.wires[0]._feed(ANSWER)
        case "lost":
            first.connection_lost(None)
        case _:
            first.expire()

    await waiters[1]

    with pytest.raises(ConnectionResetError, match="before the request was sent") as caught:
        await waiters[0]
    # That frame would have the key, and be freed by the garbage collector alone.
    assert "_go" not in [frame.name for frame in caught.traceback]
    assert leased.sent == [0, 1]
    assert [flight.sent for flight in leased.flights] == [False, True]


async def test_what_cannot_be_written_is_told_to_who_asked(leased: Leased) -> None:
    """And holds up nobody else."""
    first, second = await leased.lease(2)
    waiters = [leased.ask(first), leased.ask(second)]
    leased.wires[0].write = None  # type: ignore[method-assign, assignment]

    await waiters[1]

    with pytest.raises(TypeError):
        await waiters[0]
    assert leased.flights[0].sent, "it may have left in part"
    first.close()


async def test_of_many_answers_a_few_are_told_in_a_turn(anyio_backend: str) -> None:
    """So that others who share the loop have turns in between."""
    count = 2 * AT_ONCE + 3
    later = Later[int, int]()
    waiters: list[asyncio.Future[int]] = [
        asyncio.get_running_loop().create_future() for _ in range(count)
    ]
    waiters[AT_ONCE + 1].cancel()
    for number, waiter in enumerate(waiters):
        later.wake(waiter, number)

    told: list[list[int]] = []
    for _ in range(4):
        done = [waiter for waiter in waiters if waiter.done() and not waiter.cancelled()]
        told.append([waiter.result() for waiter in done])
        await asyncio.sleep(0)

    # Who came first is told first; one who is gone takes nobody's place.
    order = [number for number in range(count) if number != AT_ONCE + 1]
    assert told == [order[:AT_ONCE], order[: 2 * AT_ONCE], order, order]


async def test_an_answer_that_has_come_is_told_although_its_time_is_up(leased: Leased) -> None:
    """It was there in time, and only waited for its turn."""
    lines = await leased.lease(AT_ONCE + 1)
    waiters = [leased.ask(line) for line in lines]
    # They leave, and then all answers come in one turn.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [waiter.done() for waiter in waiters] == [True] * AT_ONCE + [False]
    lines[-1].expire()

    assert await waiters[-1] is not None
    assert leased.wires[-1].is_closing()


def test_an_interrupt_holds_up_nobody_for_ever() -> None:
    """It may come out of anything, and the loop be run again."""
    later, done = Later[int, int](), list[int]()

    def work(what: int) -> None:
        if not what:
            raise KeyboardInterrupt
        done.append(what)

    async def put_off() -> None:
        for what in range(3):
            later.put_off(work, what)
        await asyncio.sleep(0)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(put_off())
        loop.run_until_complete(asyncio.sleep(0))

    assert done == [1, 2]


async def test_a_call_cancelled_before_it_leaves_has_no_effect() -> None:
    """Over real sockets, and by the server's log."""
    async with Emulator(instances=20) as cloud, cloud.client() as bee:
        await asyncio.gather(*map(bee.instances.get, cloud.ids))
        calls = [asyncio.create_task(bee.start(id)) for id in cloud.ids]
        await asyncio.sleep(0)
        calls[7].cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(done[7], asyncio.CancelledError)
    assert [cloud.effects(id) for id in cloud.ids] == [1] * 7 + [0] + [1] * 12


async def test_over_connections_that_have_just_hung_up_nothing_is_in_doubt() -> None:
    """Over real sockets: it is seen in the turn in which they are used."""
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await honest()(peer)

    async with FaultServer(script) as server, client(server, max_retries=0) as bee:
        await asyncio.gather(*map(bee.instances.get, ids(5)))
        for peer in peers:
            # At once, and it would still read what comes.
            with socket.socket(
                fileno=os.dup(peer.writer.get_extra_info("socket").fileno())
            ) as wire:
                wire.shutdown(socket.SHUT_WR)
        # The first one leaves at once, and is in doubt.
        _, *done = await asyncio.gather(*map(bee.restart, ids(5)), return_exceptions=True)

    left = [isinstance(one, Instance) for one in done]
    assert [server.applied.count(id) for id in ids(5)[1:]] == left
    assert all(isinstance(one, Instance | NotSentError) for one in done)
