"""Time and chance, the one way in.

Nothing else in the library reads a clock, sleeps, arms a timer or rolls dice; tests hand
in a clock that they wind by hand.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Protocol


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


class RealClock:
    """The clock of the machine."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    # Jitter spreads load; nobody gains by guessing it.
    chance = staticmethod(random.random)
    token = staticmethod(lambda: str(uuid.uuid4()))
    sleep = staticmethod(asyncio.sleep)
    limit = staticmethod(asyncio.timeout)
