"""How many retries the single calls of a client may add.  The arithmetic, without a clock.

A fleet waits for a host that fails; somebody awaits a single call.  So single calls go on
being tried, but a server that is down is not asked four times for each of them: retries are
a share of what is asked, and a few a second.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.2
"""Retries that each call adds to what is allowed."""

PER_SECOND: Final = 10
"""Retries a second that are allowed in any case."""

MEMORY: Final = 10
"""Seconds after which calls and retries are forgotten."""


class RetryBudget:
    """What may still be tried again.  Every method is told what time it is."""

    __slots__ = ("_balance", "_second", "_seconds")

    def __init__(self) -> None:
        self._seconds = [0.0] * MEMORY
        self._balance = float(PER_SECOND * MEMORY)
        self._second = 0

    def call(self, now: float) -> None:
        """Count a call."""
        second = int(now)
        if second != self._second:
            self._forget(second)
        self._balance += SHARE
        self._seconds[second % MEMORY] += SHARE

    def retry(self, now: float) -> bool:
        """Count a retry, if it is allowed, and tell whether it is."""
        second = int(now)
        if second != self._second:
            self._forget(second)
        if self._balance < 1:
            return False
        self._balance -= 1
        self._seconds[second % MEMORY] -= 1
        return True

    def _forget(self, second: int) -> None:
        """Forget what is ten seconds old or older."""
        for old in range(max(self._second + 1, second - MEMORY + 1), second + 1):
            self._seconds[old % MEMORY] = 0.0
        self._second = second
        # Summed anew: what is added and taken away for years would lose its last digits.
        self._balance = PER_SECOND * MEMORY + sum(self._seconds)
