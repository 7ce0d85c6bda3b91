"""Time and chance."""

from __future__ import annotations

import asyncio
import math
import random
import time

import pytest
from hand_clock import HandClock

from beeos_async._clock import Clock, Limits, RealClock


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

    def __init__(self, limits: Limits[Guest], seconds: float) -> None:
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.limits = limits
        self.told: list[float] = []
        limits.watched.add(self)
        if self.end < limits.next:
            limits.wake(self.end)

    def expire(self) -> None:
        self.told.append(time.monotonic() - self.began)
        self.limits.watched.discard(self)


@pytest.mark.anyio
async def test_limits_tell_each_of_its_end_once_and_never_too_soon() -> None:
    """Within a tick, in whatever order they came."""
    limits = Limits[Guest]()
    guests = {seconds: Guest(limits, seconds) for seconds in (0.06, 0.02, 0.04, 0.021)}
    patient = Guest(limits, 1000)
    await asyncio.sleep(0.3)

    for seconds, guest in guests.items():
        assert len(guest.told) == 1
        assert seconds <= guest.told[0] < seconds + 0.2
    assert patient.told == []
    assert limits.watched == {patient}


@pytest.mark.anyio
async def test_limits_do_not_tell_whose_end_was_put_off() -> None:
    """Only what is true when it looks counts; with nobody left it sleeps."""
    limits = Limits[Guest]()
    guest = Guest(limits, 0.02)
    guest.end += 0.1
    gone = Guest(limits, 0.01)
    limits.watched.discard(gone)
    await asyncio.sleep(0.08)
    assert guest.told == []

    await asyncio.sleep(0.2)
    assert len(guest.told) == 1
    assert gone.told == []
    assert limits.next == math.inf


@pytest.mark.anyio
async def test_whoever_is_told_may_begin_anew() -> None:
    """A new end that comes before the next look is not slept through."""

    class Again(Guest):
        def expire(self) -> None:
            super().expire()
            if len(self.told) < 3:
                self.limits.watched.add(self)
                self.end = time.monotonic() + 0.01
                self.limits.wake(self.end)

    again = Again(Limits[Guest](), 0.01)
    await asyncio.sleep(0.2)

    assert len(again.told) == 3
