"""What is to come: done at its time, when somebody looks, and waited for by who waits."""

from __future__ import annotations

import asyncio

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint
from hand_clock import HandClock

from beeos_async.emulator.agenda import Agenda
from beeos_async.emulator.bell import Bell

pytestmark = pytest.mark.anyio


@pytest.fixture
def agenda(clock: HandClock) -> Agenda:
    return Agenda(clock)


def test_what_is_due_is_done_in_order(clock: HandClock, agenda: Agenda) -> None:
    """Of two at one time the first that was planned comes first; what is later waits."""
    done: list[str] = []
    for delay, word in ((2.0, "late"), (1.0, "a"), (1.0, "b"), (0.0, "now")):
        agenda.plan(delay, lambda word=word: done.append(word))  # type: ignore[misc]  # a default fixes the word

    agenda.catch_up()
    clock.time += 1.0
    agenda.catch_up()
    agenda.catch_up()

    assert done == ["now", "a", "b"]


def test_what_is_done_may_plan_more(clock: HandClock, agenda: Agenda) -> None:
    """And what is due by then is done, too."""
    done: list[str] = []

    def first() -> None:
        done.append("first")
        agenda.plan(0.0, lambda: done.append("second"))
        agenda.plan(1.0, lambda: done.append("third"))

    agenda.plan(0.5, first)
    clock.time += 0.5
    agenda.catch_up()

    assert done == ["first", "second"]


def test_what_was_dropped_is_not_done(clock: HandClock, agenda: Agenda) -> None:
    """Even when its time comes."""
    done: list[str] = []
    agenda.plan(1.0, lambda: done.append("no")).drop()
    agenda.plan(1.0, lambda: done.append("yes"))

    clock.time += 1.0
    agenda.catch_up()

    assert done == ["yes"]


async def test_who_waits_for_news_waits_for_the_next_errand(
    clock: HandClock, agenda: Agenda
) -> None:
    """Not for one that was dropped; and no longer than that."""
    done: list[float] = []
    agenda.plan(1.0, lambda: done.append(0.0)).drop()
    agenda.plan(5.0, lambda: done.append(clock.time))
    agenda.plan(9.0, lambda: done.append(clock.time))
    begun = clock.time

    await agenda.wait(asyncio.Event())

    assert done == [begun + 5.0]
    assert clock.slept == [5.0]


async def test_an_errand_that_is_overdue_is_done_at_once(clock: HandClock, agenda: Agenda) -> None:
    """Nobody sleeps for less than no time."""
    done: list[str] = []
    agenda.plan(1.0, lambda: done.append("x"))
    clock.time += 3.0

    await agenda.wait(asyncio.Event())

    assert (done, clock.slept) == (["x"], [0.0])


async def test_news_wake_who_waits_for_an_errand() -> None:
    """Whatever is planned stays planned; and nothing is left running behind."""

    class Still(HandClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    agenda = Agenda(Still())
    done: list[str] = []
    agenda.plan(1.0, lambda: done.append("x"))
    bell = Bell(agenda)
    before = asyncio.all_tasks()
    waiting = asyncio.ensure_future(bell.wait())
    while not bell.waiting:
        await asyncio.sleep(0)

    bell.ring()
    await waiting

    assert done == []
    assert not bell.waiting
    assert asyncio.all_tasks() == before


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    """Neither in the bell nor in the loop."""

    class Still(HandClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    agenda = Agenda(Still())
    agenda.plan(1.0, lambda: None)
    bell = Bell(agenda)
    before = asyncio.all_tasks()
    waiting = asyncio.ensure_future(bell.wait())
    while len(asyncio.all_tasks()) < len(before) + 3:
        await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert not bell.waiting
    assert asyncio.all_tasks() == before


async def test_without_errands_only_news_wake(agenda: Agenda) -> None:
    """As if there were no agenda."""
    bell = Bell(agenda)
    waiting = asyncio.ensure_future(bell.wait())
    while not bell.waiting:
        await asyncio.sleep(0)

    bell.ring()
    await waiting

    assert not bell.waiting


async def test_a_bell_may_be_rung_in_another_thread() -> None:
    """A test that runs beside the cloud scripts it, and nobody has to wait for the next news."""
    bell = Bell()
    async with anyio.create_task_group() as group:
        group.start_soon(bell.wait)
        while not bell.waiting:
            await checkpoint()
        with anyio.fail_after(5):
            await anyio.to_thread.run_sync(bell.ring)
    assert not bell.waiting


def test_a_bell_rings_for_nobody_in_a_loop_that_is_closed() -> None:
    """The world outlives its loops."""
    bell = Bell()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(bell.wait())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    bell.ring()

    assert len(bell.waiting) == 1
    # Nobody shall hear that it was never finished.
    waiting.get_coro().close()
    del waiting
