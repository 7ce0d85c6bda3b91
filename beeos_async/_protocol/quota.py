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
"""Seconds between two of them, at least: nearer ones would measure how requests bunch."""

LONG_AGO: Final = 0.15
"""Seconds a measure takes at least: what comes in less may be a burst that was not seen yet."""

LEISURE: Final = 30.0
"""Seconds after which a 429 of an endpoint that is not paced is none of a quota that was used up:
nobody wanted as much, and what was had says nothing of what could have been had."""

ENOUGH: Final = 16
"""Requests from which on a measure is sharp."""

NEARLY: Final = 0.9
"""From which share on a bucket may have run over."""

AGREEMENT: Final = 0.2
"""How far two measures may differ and still agree."""

GENTLE: Final = 0.8
"""How far a rate that was measured falls by one 429 at most: it may have been bad luck."""

IN_VAIN: Final = 0.75
"""The share of what a quota once gave below which it is none that refuses: going slower has
not helped."""

WRONG: Final = 0.5
"""The share of a quota that was told below which it was told wrongly, if that is all there is."""

_ROUNDS: Final = 4
_BRIEF: Final = 1e-3


class Ledger:
    """What was accepted of what went when, and what follows from it.

    A request counts for the moment it went: they arrive in that order, and nearly as far
    apart, however long they are on their way.
    """

    __slots__ = (
        "_count",
        "_emptied",
        "_filled",
        "_first",
        "_known",
        "_marks",
        "_proven",
        "agrees",
        "below",
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

        self.below = 0
        """How many times in a row a quota that was told gave far less."""

        self.opened: float | None = None
        """When the first request went, at all or after a pause."""

        self._count = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=MARKS)
        # When the bucket was empty, and how much had been accepted by then: first and last.
        self._first: tuple[float, int] | None = None
        self._emptied: tuple[float, int] | None = None
        # The first bucketful that was had, and how long it took.
        self._filled = 0, 0.0
        self._proven = 0.0

    @property
    def got(self) -> int:
        """How many were accepted since the last 429."""
        return self._count - (self._emptied[1] if self._emptied else 0)

    @property
    def first_fill(self) -> int | None:
        """How many were accepted before the first 429, once there was one."""
        return self._filled[0] if self._first else None

    @property
    def in_vain(self) -> bool:
        """Whether requests are refused at a pace at which the quota once gave far more.

        Then what refuses them is no quota, or another one.
        """
        return self.rate is not None and self.rate < IN_VAIN * self._proven

    def accept(self, went: float) -> None:
        """Count a request that was accepted.

        Args:
            went: When it went.
        """
        self._count += 1
        marks = self._marks
        if not marks or went - marks[-1][0] >= SPACING:
            marks.append((went, self._count))

    def open(self, now: float) -> None:
        """Note that the first request goes, at all or after a pause."""
        self.opened = now

    def refilled(self, now: float) -> float:
        """Tell how much has come together since the last 429, and was not taken yet."""
        if self.rate is None or self._emptied is None:
            return 0.0
        return max(0.0, min(self.burst, self.rate * (now - self._emptied[0]) - self.got))

    def empty(self, went: float, paced_at: float | None, *, searched: bool = False) -> bool:
        """Learn from a 429.

        Args:
            went: When the request went that was refused.
            paced_at: The rate at which requests went then; `None` where nothing held them back.
            searched: Whether that rate had been rising in search of the quota's.

        Returns:
            Whether the rate was measured by it.
        """
        before, self._emptied = self._emptied, (went, self._count)
        opened = went if self.opened is None else self.opened
        got, last = self._count - (before[1] if before else 0), self.rate
        if not got:
            # That it is still empty does not say how fast it refills: somebody else may draw on
            # it, or it refills all at once.
            return False
        at_leisure = self.rate is paced_at is None and went - opened > LEISURE
        if self._first is None or before is None or at_leisure:
            self._first, self._filled = self._emptied, (got, went - opened)
            return False
        mean = max(SLOWEST, got / max(_BRIEF, went - before[0]))
        if self._known:
            self.below = self.below + 1 if mean < WRONG * self._known.per_second else 0
            return False
        rate, burst, weight = self._measure(went, mean)
        ran_over = mean * (opened - before[0]) >= NEARLY * burst - 1
        if paced_at is not None:
            # Whoever is refused was too fast.
            rate = max(mean, min(rate, paced_at))
        if last is not None and not searched:
            rate = max(rate, GENTLE * last)
        self.agrees = last is not None and abs(rate / last - 1) < AGREEMENT
        self.sharp = weight >= ENOUGH or (got >= ENOUGH and not ran_over)
        self.rate, self.burst = rate, burst
        since, had = self._first
        if self._count - had >= ENOUGH:
            self._proven = max(self._proven, (self._count - had) / (went - since))
        return True

    def _measure(self, now: float, mean: float) -> tuple[float, float, float]:
        """Find the rate, the burst, and of how many requests the rate was measured."""
        rate, burst, weight = mean, 1.0, 0.0
        first, took = self._filled
        # What a bucket holds is known by the rate, and the rate by that.
        for _ in range(_ROUNDS):
            burst = max(1.0, first - rate * took)
            rate, weight = mean, 0.0
            for moment, count in self._marks:
                # The request of that moment had taken one out itself.
                surplus = self._count - count - (burst - 1)
                if now - moment >= LONG_AGO and surplus > rate * (now - moment):
                    rate, weight = surplus / (now - moment), surplus
        return rate, burst, weight
