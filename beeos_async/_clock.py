"""Time and chance, the one way in.

Nothing else in the library reads a clock, sleeps, arms a timer or rolls dice; tests hand
in a clock that they wind by hand.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
import uuid
from typing import Final, Generic, Protocol, TypeVar


class Clock(Protocol):
    """What the library needs to know of time and chance."""

    def now(self) -> float:
        """Seconds on a clock that never jumps."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, as the calendar counts them."""
        ...

    def chance(self) -> float:
        """A number from 0 up to, not including, 1."""
        ...

    def token(self) -> str:
        """A UUID that nobody has had before."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return after so many seconds."""
        ...

    def limit(self, seconds: float | None, /) -> asyncio.Timeout:
        """Guard a block: `TimeoutError` leaves it after so many seconds, `None` means never."""
        ...


ticks: Final = time.monotonic
"""`RealClock.now`, for those who ask several times a request and know no other clock."""


class RealClock:
    """The clock of the machine."""

    now = staticmethod(ticks)
    wall = staticmethod(time.time)
    # Jitter spreads load; nobody gains by guessing it.
    chance = staticmethod(random.random)
    token = staticmethod(lambda: str(uuid.uuid4()))
    sleep = staticmethod(asyncio.sleep)
    limit = staticmethod(asyncio.timeout)


class Ending(Protocol):
    """What can run out of time."""

    end: float
    """When it does, on `RealClock.now`; infinity for never."""

    def expire(self) -> None:
        """Be told that it has."""
        ...


E = TypeVar("E", bound=Ending)


class Limits(Generic[E]):
    """Many limits under one timer, for what begins and ends thousands of times a second.

    Whoever gives one of the `watched` an `end` before `next` calls `wake`.  A limit is kept
    to within `TICK`, and never cut short.
    """

    TICK: Final = 0.02
    """Seconds between two looks, at least."""

    __slots__ = ("_timer", "next", "watched")

    def __init__(self) -> None:
        """Begin with nothing to watch."""
        self.watched: Final[set[E]] = set()
        self.next = math.inf
        """When it looks again who has run out of time."""

        self._timer: asyncio.TimerHandle | None = None

    def wake(self, end: float) -> None:
        """Look then, and not later."""
        if self._timer is not None:
            self._timer.cancel()
        self.next = end
        pause = end - ticks()
        self._timer = asyncio.get_running_loop().call_later(pause, self._look)

    def _look(self) -> None:
        self._timer, self.next = None, math.inf
        now = ticks()
        for one in [one for one in self.watched if one.end <= now]:
            one.end = math.inf
            one.expire()
        soonest = min((one.end for one in self.watched), default=math.inf)
        if soonest < self.next:
            self.wake(max(soonest, now + self.TICK))
