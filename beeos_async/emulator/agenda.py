"""What is to come in the pretend cloud: each thing at its time, done when somebody looks."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from msgspec import Struct

from .._clock import Clock


class Errand(Struct, eq=False):
    """Something to be done at a time."""

    act: Callable[[], object] | None
    """What is done; `None` once it is not to be done any more."""

    def drop(self) -> None:
        """Let it not be done."""
        self.act = None


class Agenda:
    """The errands of one pretend cloud.

    No timers and no tasks of its own: whoever looks at something that moves catches up
    first, and whoever waits for news waits for the next errand, too.
    """

    def __init__(self, clock: Clock) -> None:
        """Plan nothing.

        Args:
            clock: Time.
        """
        self._clock = clock
        self._planned = 0
        self._errands: list[tuple[float, int, Errand]] = []

    def plan(self, delay: float, act: Callable[[], object]) -> Errand:
        """Have something done; of two at one time, the first that was planned comes first.

        Args:
            delay: Seconds until then.
            act: What; it may plan more.
        """
        errand = Errand(act)
        self._planned += 1
        heapq.heappush(self._errands, (self._clock.now() + delay, self._planned, errand))
        return errand

    def catch_up(self) -> None:
        """Do what is due, in order."""
        while self._errands and self._errands[0][0] <= self._clock.now():
            _, _, errand = heapq.heappop(self._errands)
            if errand.act is not None:
                errand.act()

    async def wait(self, news: asyncio.Event) -> None:
        """Wait for news, or until the next errand is done.

        Args:
            news: What else is waited for.
        """
        self._forget()
        if not self._errands:
            await news.wait()
            return
        left = max(0.0, self._errands[0][0] - self._clock.now())
        waiting = [asyncio.ensure_future(one) for one in (news.wait(), self._clock.sleep(left))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            # None is left behind for a loop that closes to find.
            await asyncio.gather(*waiting, return_exceptions=True)
        self.catch_up()

    def _forget(self) -> None:
        """Leave out what was dropped, so that nobody waits for it."""
        while self._errands and self._errands[0][2].act is None:
            heapq.heappop(self._errands)
