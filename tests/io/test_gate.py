"""Who may go, and when."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from hand_clock import HandClock

from beeos_async import ClientClosedError, ConnectionLostError
from beeos_async._clock import RealClock
from beeos_async._io.gate import Gate
from beeos_async._io.queues import Lane, Turn
from beeos_async._protocol.throttle import Rate
from beeos_async.errors import Trouble

pytestmark = pytest.mark.anyio

GONE = ConnectionLostError(Trouble(message="gone", reason="lost", delivered="maybe"))


def gate(clock: HandClock | RealClock, slots: int = 1, rate: Rate | None = None) -> Gate:
    return Gate(clock, slots, lambda _: rate)


async def test_no_more_pass_than_there_are_slots(clock: HandClock) -> None:
    """The semaphore holds: with two slots at most two are inside."""
    door = gate(clock, 2)
    inside = peak = 0

    async def visit() -> None:
        nonlocal inside, peak
        turn = await door.enter("x", Lane.SINGLE)
        inside += 1
        peak = max(peak, inside)
        await asyncio.sleep(0)
        inside -= 1
        door.leave(turn)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(visit)

    assert peak == 2
    assert door.in_flight == 0


@pytest.mark.parametrize("endpoints", ["one", "many"])
async def test_lanes_are_served_in_their_order_and_each_in_its_own(
    clock: HandClock, endpoints: str
) -> None:
    """Single calls pass fleets, fleets pass polls, and within a lane the first comes first."""
    # At one endpoint it is its pace that is waited for, at many it is the client's one slot.
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    served: list[str] = []

    async def visit(name: str, lane: Lane) -> None:
        turn = await door.enter("x" if endpoints == "one" else name, lane)
        served.append(name)
        door.leave(turn)

    async with anyio.create_task_group() as group:
        for name, lane in [
            ("poll", Lane.POLL),
            ("fleet 1", Lane.FLEET),
            ("fleet 2", Lane.FLEET),
            ("single 1", Lane.SINGLE),
            ("single 2", Lane.SINGLE),
        ]:
            group.start_soon(visit, name, lane)
            await asyncio.sleep(0)
        door.leave(first)

    assert served == ["single 1", "single 2", "fleet 1", "fleet 2", "poll"]


async def test_a_newcomer_does_not_pass_who_waits(clock: HandClock) -> None:
    """A slot that has just come free belongs to who waited for it."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    served: list[str] = []

    async def visit(name: str) -> None:
        turn = await door.enter("x", Lane.SINGLE)
        served.append(name)
        door.leave(turn)

    async with anyio.create_task_group() as group:
        group.start_soon(visit, "first")
        await asyncio.sleep(0)
        door.leave(first)
        group.start_soon(visit, "newcomer")

    assert served == ["first", "newcomer"]


async def test_a_cool_down_holds_everybody_at_one_endpoint_only(clock: HandClock) -> None:
    """A 429 cools the endpoint, not the worker, and not the other endpoints."""
    door = gate(clock, 5)
    first = await door.enter("x", Lane.SINGLE)
    second = await door.enter("x", Lane.SINGLE)
    door.cool(first, "x", 3.0)
    door.leave(first)
    door.cool(second, "x", 1.0)
    door.leave(second)

    assert (await door.enter("y", Lane.SINGLE)).throttled == 0
    assert clock.slept == []
    assert (await door.enter("x", Lane.SINGLE)).throttled == 3.0
    assert clock.slept == [3.0]


async def test_a_cool_down_that_begins_while_queueing_is_kept(clock: HandClock) -> None:
    """Who gets a slot of an endpoint that has been shut meanwhile gives it back and waits."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    entered: list[float] = []

    async def visit() -> None:
        turn = await door.enter("x", Lane.SINGLE)
        entered.append(clock.now())
        door.leave(turn)

    async with anyio.create_task_group() as group:
        group.start_soon(visit)
        await asyncio.sleep(0)
        door.cool(first, "x", 2.0)
        door.leave(first)

    assert entered == [1002.0]


async def test_a_known_quota_spaces_requests(clock: HandClock) -> None:
    """With a quota of ten a second, burst two, the third request waits a tenth of a second."""
    door = gate(clock, 10, Rate(10.0, 2))

    for _ in range(4):
        await door.enter("x", Lane.SINGLE)

    assert clock.slept == pytest.approx([0.1, 0.1], rel=0.02)


async def test_nobody_sleeps_past_what_it_waits_for(clock: HandClock) -> None:
    """Where the cool-down is longer than the deadline, the refusal comes at once."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    door.cool(first, "x", 10.0)
    door.leave(first)

    with pytest.raises(TimeoutError):
        await door.enter("x", Lane.SINGLE, clock.now() + 5)

    assert clock.slept == []
    assert door.in_flight == 0


async def test_the_queue_is_left_when_the_time_is_up() -> None:
    """Who gives up in the queue leaves no ghost behind: the next slot goes to the next one."""
    clock = RealClock()
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)

    with pytest.raises(TimeoutError):
        await door.enter("x", Lane.SINGLE, clock.now() + 0.01)

    door.leave(first)
    await door.enter("x", Lane.SINGLE)
    assert door.in_flight == 1


async def test_a_slot_given_to_one_who_is_cancelled_goes_on_to_the_next(clock: HandClock) -> None:
    """A slot is never lost in the moment between being given and being taken."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    doomed = asyncio.create_task(door.enter("x", Lane.SINGLE))
    heir = asyncio.create_task(door.enter("x", Lane.SINGLE))
    await asyncio.sleep(0)

    door.leave(first)
    doomed.cancel()
    await asyncio.wait([doomed])

    door.leave(await asyncio.wait_for(heir, 10))
    assert doomed.cancelled()
    assert door.in_flight == 0


async def test_closing_sends_away_who_waits_and_who_comes(clock: HandClock) -> None:
    """A closed gate lets nobody in, from the queue or from outside."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    waiting = asyncio.create_task(door.enter("x", Lane.SINGLE))
    await asyncio.sleep(0)

    closing = asyncio.create_task(door.close(10))
    with pytest.raises(ClientClosedError):
        await waiting
    with pytest.raises(ClientClosedError):
        await door.enter("x", Lane.SINGLE)

    assert not closing.done()
    door.leave(first)
    await closing


async def test_closing_waits_no_longer_than_its_grace(clock: HandClock) -> None:
    """A request that does not end keeps nobody from closing."""
    door = gate(clock)
    await door.enter("x", Lane.SINGLE)

    await door.close(0.01)

    assert door.in_flight == 1


async def test_closing_reaches_who_waits_for_an_endpoint(clock: HandClock) -> None:
    """Who sleeps through a cool-down finds the gate closed when it wakes."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    door.cool(first, "x", 5.0)
    door.leave(first)
    sleeper = asyncio.create_task(door.enter("x", Lane.SINGLE))
    await asyncio.sleep(0)

    await door.close(1)

    with pytest.raises(ClientClosedError):
        await sleeper


async def test_one_who_is_cancelled_while_the_gate_closes_just_goes(clock: HandClock) -> None:
    """A cancellation that meets the closing takes no slot and gives none back."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    waiting = asyncio.create_task(door.enter("x", Lane.SINGLE))
    await asyncio.sleep(0)

    closing = asyncio.create_task(door.close(10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    door.leave(first)
    await closing
    assert waiting.cancelled()
    assert door.in_flight == 0


def break_down(door: Gate, turn: Turn) -> None:
    """Let the host fail until the brake opens."""
    while door.brake.open_since is None:
        door.hear(turn, GONE)


async def test_what_is_known_of_an_endpoint_can_be_seen(clock: HandClock) -> None:
    """Its pace, its queue, its pauses."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    door.cool(first, "x", 5.0)

    state = door.snapshot()["x"]

    assert (state.paced, state.rate, state.in_flight, state.queued) == (False, None, 0, 0)
    assert (state.shut_for, state.paused, state.refusals) == (5.0, 5.0, 1)


async def test_a_cancelled_turn_at_the_door_is_given_back(clock: HandClock) -> None:
    """The keeper had let it go; it goes on to the next."""
    door = gate(clock, 4)
    first = await door.enter("x", Lane.SINGLE)
    place = door._doors["x"]
    place.pacer.shut(clock.now(), 1.0)
    doomed = asyncio.create_task(door.enter("x", Lane.SINGLE))
    await asyncio.sleep(0)
    waiting = place.queue.next()
    place.pacer.go(waiting.turn, clock.now())
    waiting.grant()
    doomed.cancel()
    await asyncio.wait([doomed])

    assert doomed.cancelled()
    assert place.pacer.in_flight == 1
    door.leave(first)
    assert place.pacer.in_flight == 0


async def test_a_fleet_in_the_queue_when_the_host_fails_waits_with_the_others(
    clock: HandClock,
) -> None:
    """A slot that comes after the brake opened is given back."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    fleet = asyncio.create_task(door.enter("y", Lane.FLEET))
    await asyncio.sleep(0)
    break_down(door, first)
    door.leave(first)

    turn = await fleet

    assert turn.brake_probe
    assert clock.slept == [0.25]
    door.hear(turn, None)
    door.leave(turn)
    assert door.brake.open_since is None


async def test_a_probe_that_is_cancelled_lets_the_next_one_go(clock: HandClock) -> None:
    """Nobody waits for ever for a probe that tells nothing."""
    door = gate(clock, 4)
    first = await door.enter("x", Lane.SINGLE)
    break_down(door, first)
    probe = await door.enter("x", Lane.FLEET)
    second = asyncio.create_task(door.enter("x", Lane.FLEET))
    await asyncio.sleep(0)
    door.leave(probe)

    assert (await asyncio.wait_for(second, 1)).brake_probe


@pytest.mark.parametrize("begun", [True, False])
async def test_a_cancelled_keeper_is_replaced(clock: HandClock, begun: bool) -> None:
    """Who cancels whatever task there is leaves nobody standing who is to stay."""
    door = gate(clock, 4, Rate(1.0, 1))
    first = await door.enter("x", Lane.SINGLE)
    waiting = [asyncio.create_task(door.enter("x", Lane.SINGLE)) for _ in range(2)]
    keeper: asyncio.Task[None] | None = None
    while keeper is None or begun:
        await asyncio.sleep(0)
        keeper, begun = door._doors["x"].keeper, begun and keeper is None
    keeper.cancel()
    door.leave(first)

    for turn in await asyncio.wait_for(asyncio.gather(*waiting), 5):
        door.leave(turn)
    await asyncio.sleep(0)
    assert keeper.cancelled()
    assert door._doors["x"].keeper is None


async def test_nobody_waits_past_its_deadline_for_a_host(clock: HandClock) -> None:
    """Neither for the probe that is due too late, nor for one that does not end."""
    door = gate(clock, 4)
    first = await door.enter("x", Lane.SINGLE)
    break_down(door, first)

    with pytest.raises(TimeoutError):
        await door.enter("x", Lane.FLEET, clock.now() + 0.1)
    await door.enter("x", Lane.FLEET)
    with pytest.raises(TimeoutError):
        await door.enter("x", Lane.FLEET, clock.now() + 0.01)


async def test_a_single_call_is_not_held_by_the_brake(clock: HandClock) -> None:
    """Somebody awaits it: it fails fast, or finds the host well."""
    door = gate(clock, 4)
    first = await door.enter("x", Lane.SINGLE)
    break_down(door, first)
    await door.enter("x", Lane.SINGLE)

    assert clock.slept == []


async def test_a_single_call_that_is_answered_lets_everybody_go_at_once() -> None:
    """Nobody sleeps on until the probe would have been due."""
    clock = RealClock()
    door = gate(clock, 4)
    first = await door.enter("x", Lane.SINGLE)
    break_down(door, first)
    fleet = asyncio.create_task(door.enter("y", Lane.FLEET))
    await asyncio.sleep(0.001)
    second = await door.enter("x", Lane.SINGLE)
    door.hear(second, None)
    for _ in range(10):
        await asyncio.sleep(0)

    assert fleet.done()
    assert not fleet.result().brake_probe


async def test_an_endpoint_shut_while_a_slot_was_waited_for_is_waited_for_too(
    clock: HandClock,
) -> None:
    """The slot is given back meanwhile."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    waiting = asyncio.create_task(door.enter("y", Lane.SINGLE))
    await asyncio.sleep(0)
    door._doors["y"].pacer.shut(clock.now(), 2.0)
    door.leave(first)

    await waiting

    assert clock.slept == [2.0]


async def test_a_slot_that_does_not_come_in_time_is_not_waited_for() -> None:
    """The turn at the endpoint is given back with the place in the queue."""
    clock = RealClock()
    door = gate(clock)
    await door.enter("x", Lane.SINGLE)

    with pytest.raises(TimeoutError):
        await door.enter("y", Lane.SINGLE, clock.now() + 0.01)

    assert door.snapshot()["y"].in_flight == 0


async def test_a_slot_that_comes_with_a_cancellation_goes_to_the_next(clock: HandClock) -> None:
    """No slot is lost in the moment between being given and being taken."""
    door = gate(clock)
    first = await door.enter("x", Lane.SINGLE)
    doomed = asyncio.create_task(door.enter("y", Lane.SINGLE))
    heir = asyncio.create_task(door.enter("z", Lane.SINGLE))
    await asyncio.sleep(0)

    door.leave(first)
    doomed.cancel()
    await asyncio.wait([doomed])

    door.leave(await asyncio.wait_for(heir, 10))
    assert doomed.cancelled()
    assert door.in_flight == 0


async def test_closing_wakes_who_rests() -> None:
    """A pause between two tries does not outlast the client."""
    door = gate(RealClock())
    resting = asyncio.create_task(door.rest(50))
    await asyncio.sleep(0)

    await door.close(1)

    with pytest.raises(ClientClosedError):
        await asyncio.wait_for(resting, 5)


async def test_who_found_no_socket_waits_until_another_request_has_ended(clock: HandClock) -> None:
    """Each end of one that had a socket lets one of them try again."""
    door = gate(clock, 3)
    turns = [await door.enter("a", Lane.FLEET) for _ in range(3)]
    woken: list[int] = []

    async def wait(number: int) -> None:
        turns[number].bare = True
        door.leave(turns[number])
        assert await door.room(turns[number], Lane.FLEET, None)
        woken.append(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait(0))
        await asyncio.sleep(0)
        group.create_task(wait(1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert woken == []
        another = await door.enter("a", Lane.FLEET)
        door.leave(turns[2])
        for _ in range(5):
            await asyncio.sleep(0)
        assert woken == [0]
        door.leave(another)


async def test_who_found_no_socket_does_not_wait_for_nobody(clock: HandClock) -> None:
    """Alone, it fails as before; and who waits learns that the last one found none either."""
    door = gate(clock, 3)
    first, last = [await door.enter("a", Lane.FLEET) for _ in range(2)]
    first.bare = last.bare = True
    door.leave(first)
    waiting = asyncio.create_task(door.room(first, Lane.FLEET, None))
    await asyncio.sleep(0)
    door.leave(last)

    assert not await waiting
    assert not await door.room(last, Lane.FLEET, None)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_socket_that_comes_with_a_cancellation_goes_to_the_next(
    clock: HandClock, others: int
) -> None:
    """Nobody waits for an end that has been told to somebody who is gone."""
    door = gate(clock, 4)
    turns = [await door.enter("a", Lane.FLEET) for _ in range(3)]
    keeps = await door.enter("a", Lane.FLEET)
    for turn in turns[: 1 + others]:
        turn.bare = True
        door.leave(turn)
    waiting = [
        asyncio.create_task(door.room(turn, Lane.FLEET, None)) for turn in turns[: 1 + others]
    ]
    await asyncio.sleep(0)
    door.leave(turns[2])
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]

    told = asyncio.gather(*waiting[1:])
    assert await asyncio.wait_for(told, 10) == [True] * others
    door.leave(keeps)


async def test_who_waits_for_a_socket_waits_no_longer_than_it_may(clock: HandClock) -> None:
    """Its deadline, and the closing of the client, end it."""
    door = gate(clock, 2)
    first, second = [await door.enter("a", Lane.FLEET) for _ in range(2)]
    first.bare = True
    door.leave(first)
    with pytest.raises(TimeoutError):
        await door.room(first, Lane.FLEET, clock.now() + 0.01)
    waiting = asyncio.create_task(door.room(first, Lane.FLEET, None))
    await asyncio.sleep(0)
    closing = asyncio.create_task(door.close(1.0))
    with pytest.raises(ClientClosedError):
        await waiting
    door.leave(second)
    await closing
