"""Time and chance."""

from __future__ import annotations

import asyncio
import math
import random
import time

import pytest
from hand_clock import HandClock

from beeos_async._clock import Clock, RealClock, Watch


def test_the_real_clock_is_the_machines() -> None:
    """Steady time, calendar time, chance, sleep and timer are those of the standard library."""
    clock: Clock = RealClock()

    assert clock.now is time.monotonic
    assert clock.wall is time.time
    assert clock.chance is random.random
    assert clock.sleep is asyncio.sleep
    assert clock.limit is asyncio.timeout


def test_the_real_clock_moves_on() -> None:
    """Never backwards, and near the calendar; chance is from 0 up to, not including, 1."""
    clock = RealClock()

    assert clock.now() <= clock.now()
    assert abs(clock.wall() - time.time()) < 60
    assert 0 <= clock.chance() < 1


def test_a_hand_wound_clock_is_a_clock() -> None:
    """What the tests hand in is what the library asks for."""
    clock: Clock = HandClock()

    assert clock.now() == clock.now()


class Guest:
    """Somebody who is watched, and notes when it was told that its time is up."""

    def __init__(self, watch: Watch[Guest], seconds: float) -> None:
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.watch = watch
        self.told: list[float] = []
        watch.watched.add(self)
        if self.end < watch.next:
            watch.wake(self.end)

    def expire(self) -> None:
        self.told.append(time.monotonic() - self.began)
        self.watch.watched.discard(self)


@pytest.mark.anyio
async def test_a_watch_tells_each_of_its_end_once_and_never_too_soon() -> None:
    """Within a tick, in whatever order they came."""
    watch = Watch[Guest]()
    guests = {seconds: Guest(watch, seconds) for seconds in (0.06, 0.02, 0.04, 0.021)}
    patient = Guest(watch, 1000)
    await asyncio.sleep(0.3)

    for seconds, guest in guests.items():
        assert len(guest.told) == 1
        assert seconds <= guest.told[0] < seconds + 0.2
    assert patient.told == []
    assert watch.watched == {patient}


@pytest.mark.anyio
async def test_a_watch_does_not_tell_whose_end_was_put_off() -> None:
    """Only what is true when it looks counts; with nobody left it sleeps."""
    watch = Watch[Guest]()
    guest = Guest(watch, 0.02)
    guest.end += 0.1
    gone = Guest(watch, 0.01)
    watch.watched.discard(gone)
    await asyncio.sleep(0.08)
    assert guest.told == []

    await asyncio.sleep(0.2)
    assert len(guest.told) == 1
    assert gone.told == []
    assert watch.next == math.inf


@pytest.mark.anyio
async def test_whoever_is_told_may_begin_anew() -> None:
    """A new end that comes before the next look is not slept through."""

    class Again(Guest):
        def expire(self) -> None:
            super().expire()
            if len(self.told) < 3:
                self.watch.watched.add(self)
                self.end = time.monotonic() + 0.01
                self.watch.wake(self.end)

    again = Again(Watch[Guest](), 0.01)
    await asyncio.sleep(0.2)

    assert len(again.told) == 3
