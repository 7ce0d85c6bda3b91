"""Time and chance."""

from __future__ import annotations

import asyncio
import random
import time

from hand_clock import HandClock

from beeos_async._clock import Clock, RealClock


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
