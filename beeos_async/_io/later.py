"""What one client puts off to later turns of the event loop, which the whole program shares.

Of many answers that have come only a few wake who waits for them, the others in the turns
after.  And requests asked for in one turn are written together at the beginning of the next: to
write is what costs most, since the system hands each request on and wakes who reads it, which
is over sooner for many in a row.  What is alone is not put off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
W = TypeVar("W")

AT_ONCE: Final = 16
"""How many are woken in one turn of the loop.  What an answer sets off takes some 30 µs: fewer
would cost more in turns than anybody feels, more would be felt."""


class Later(Generic[W, T]):
    """Work for the next turn of the loop, and answers for the turns after."""

    __slots__ = ("_late", "_scheduled", "_woken", "_work")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._work: Final[deque[tuple[Callable[[W], None], W]]] = deque()
        self._late: Final[deque[tuple[asyncio.Future[T], T]]] = deque()
        self._woken = 0
        self._scheduled = False

    def put_off(self, work: Callable[[W], None], what: W) -> None:
        """Do something at the beginning of the next turn; it must not raise."""
        self._work.append((work, what))
        if not self._scheduled:
            self._schedule()

    def wake(self, waiter: asyncio.Future[T], answer: T) -> None:
        """Tell an answer, in a later turn where this one has woken enough."""
        if self._woken == AT_ONCE:
            self._late.append((waiter, answer))
            return
        if not self._scheduled:
            self._schedule()
        # Whoever is gone has seen to it that nothing is left behind.
        if not waiter.done():
            self._woken += 1
            waiter.set_result(answer)

    def _schedule(self) -> None:
        asyncio.get_running_loop().call_soon(self._turn)
        self._scheduled = True

    def _turn(self) -> None:
        self._woken, self._scheduled = 0, False
        late = self._late
        try:
            for _ in range(len(self._work)):
                work, what = self._work.popleft()
                work(what)
            while late and self._woken < AT_ONCE:
                self.wake(*late.popleft())
        finally:
            # An interrupt may come out of anything, and the loop be run again.
            if (self._work or late) and not self._scheduled:
                self._schedule()
