"""What answers tell of a quota: how much it refills a second, and how much it holds.

The server keeps a bucket that refills all the time; a request takes one out, and a 429 says
that it was empty.  So two things are certain of what was accepted.  Between two 429s it is at
most what was refilled meanwhile, and exactly that unless the bucket ran over in a pause.
Between any two moments it is at most that and one bucketful.  The highest rate that follows
from either is the best that can be known, and never too high but for noise.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from .throttle import Rate

SLOWEST: Final = 0.01
"""Requests a second below which no measure goes."""

MARKS: Final = 64
"""Moments that are remembered, to measure from."""

SPACING: Final = 0.1
"""Seconds between two of them, at least: nearer ones would measure how answers bunch."""

ENOUGH: Final = 16
"""Requests from which on a measure is sharp."""

NEARLY: Final = 0.9
"""From which share on a bucket may have run over."""

AGREEMENT: Final = 0.2
"""How far two measures may differ and still agree."""

GENTLE: Final = 0.8
"""How far a rate that was measured falls by one 429 at most: it may have been bad luck."""

NEARLY_ALL: Final = 0.97
"""The share of a rate that was refused which may be the quota's."""

_ROUNDS: Final = 4
_SMALL: Final = 64


class Ledger:
    """What was accepted when, and what follows from it."""

    __slots__ = (
        "_count",
        "_emptied",
        "_fills",
        "_known",
        "_marks",
        "agrees",
        "burst",
        "opened",
        "rate",
        "sharp",
    )

    def __init__(self, known: Rate | None = None) -> None:
        """Know nothing, or what the user knows: that stands.

        Args:
            known: The quota.
        """
        self._known = known
        self.rate: float | None = known.per_second if known else None
        """Requests a second; `None` before the second 429."""

        self.burst = float(known.burst) if known else 1.0
        """How many at once, after a rest."""

        self.sharp = False
        """Whether the last measure was of enough requests, and of nothing that ran over."""

        self.agrees = False
        """Whether it agreed with the one before."""

        self._count = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=MARKS)
        self.opened: float | None = None
        """When the first request went, at all or after a pause."""

        self._emptied: tuple[float, int] | None = None
        # How much was accepted in how many seconds while nothing was held back.
        self._fills: list[tuple[int, float]] = []

    @property
    def got(self) -> int:
        """How many were accepted since the last 429."""
        return self._count - (self._emptied[1] if self._emptied else 0)

    @property
    def first_fill(self) -> int | None:
        """How many were accepted before the first 429, once there was one."""
        return self._fills[0][0] if self._fills else None

    def accept(self, now: float) -> None:
        """Count a request that was accepted."""
        self._count += 1
        marks = self._marks
        if not marks or now - marks[-1][0] >= SPACING:
            marks.append((now, self._count))

    def open(self, now: float) -> None:
        """Note that the first request goes, at all or after a pause."""
        self.opened = now

    def refilled(self, now: float) -> float:
        """Tell how much has come together since the last 429."""
        if self.rate is None or self._emptied is None:
            return 0.0
        return min(self.burst, self.rate * (now - self._emptied[0]))

    def empty(self, now: float, paced_at: float | None, over: float) -> None:
        """Learn from a 429.

        Args:
            now: When it came.
            paced_at: The rate at which requests went out then; `None` where nothing held them
                back.
            over: By how much that can be over the quota's: more than 1 where it had been
                rising in search of it, with a step for each request; 0 where it was no search.
        """
        opened = now if self.opened is None else self.opened
        before, self._emptied = self._emptied, (now, self._count)
        if self._known:
            return
        if before is None:
            self._fills.append((self._count, now - opened))
            return
        got, mean = self._count - before[1], (self._count - before[1]) / (now - before[0])
        if paced_at is None:
            self._fills.append((got, now - opened))
        rate, burst, weight = self._measure(now, mean)
        full = got > 0 and mean * (opened - before[0]) >= NEARLY * burst - 1
        if over:
            rate = max(rate, self._crossed(paced_at or 0.0, over, burst))
        elif paced_at is not None:
            # Whoever is refused was too fast, bad luck aside.
            rate = max(mean, min(rate, NEARLY_ALL * paced_at))
        last = self.rate
        if last is not None and got:
            rate = max(rate, (NEARLY if full and got < ENOUGH else GENTLE) * last)
        self.agrees = last is not None and abs(rate / last - 1) < AGREEMENT
        self.sharp = weight >= ENOUGH or (got >= ENOUGH and not full)
        self.rate, self.burst = rate, burst

    def _measure(self, now: float, mean: float) -> tuple[float, float, float]:
        """Find the rate, the burst, and of how many requests the rate was measured."""
        rate, burst, weight = max(SLOWEST, mean), 1.0, 0.0
        # What a bucket holds is known by the rate, and the rate by that.
        for _ in range(_ROUNDS):
            burst = max(1.0, *(got - rate * seconds for got, seconds in self._fills))
            rate, weight = max(SLOWEST, mean), 0.0
            for moment, count in self._marks:
                surplus = self._count - count - burst - 1
                if now > moment and surplus > rate * (now - moment):
                    rate, weight = surplus / (now - moment), surplus
        return rate, burst, weight

    @staticmethod
    def _crossed(paced_at: float, step: float, burst: float) -> float:
        """Tell which rate a rising one had crossed, for a bucket to be empty by now."""
        rise, drained = 1.0, 0.0
        while drained < min(burst, _SMALL) - 1:
            rise *= step
            drained += 1 - 1 / rise
        return paced_at / (rise * step) if burst < _SMALL else 0.0
