"""When the next request to an endpoint may go: the arithmetic, without a clock.

At first only the number in flight is bounded, by a window that doubles with each round
trip.  The first 429 tells that there is a quota.  Between two 429s the server's bucket was
empty twice, so what it accepted meanwhile is what it refilled: that share of requests a
second is the quota, measured, and requests are spaced by it.  State in, state out; who
waits is the gate's business.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from .throttle import Rate, conform

FIRST_WINDOW: Final = 8
"""Requests in flight to an endpoint of which nothing is known yet."""

NARROWING: Final = 4
"""By how much a window that met a 429 is narrower before it grows slowly again."""

BOLD: Final = 1.2
"""How much faster than first measured is tried: the first measure misses what overflowed."""

STEADY: Final = 1.02
"""How much faster than measured, once two measures agree: so slowly is the quota overrun."""

AGREEMENT: Final = 0.2
"""How far two measures may differ and still agree."""

PLATEAU: Final = 8.0
"""Seconds without a 429 until the rate is a tenth higher; it grows with their cube."""

LONGEST_PLATEAU: Final = 64.0

SLOWEST: Final = 0.01
"""Requests a second below which no measure goes."""

CATCH_UP: Final = 0.05
"""Seconds a late wake-up may be made up for: otherwise every one of them would be lost."""

KNOWN: Final = 0.99
"""The share of a known quota that is used: clocks and networks are not exact."""

SPARED: Final = 10
"""Requests of a known burst that are not used, at most."""


class Ticket(Struct, eq=False):
    """One request that was let go, to be given back with its end."""

    epoch: int = 0
    probe: bool = False


class Pacer:
    """What is known of one endpoint's quota.  Every method is told what time it is."""

    __slots__ = (
        "_accepted",
        "_base",
        "_calm_since",
        "_due",
        "_empty_at",
        "_epoch",
        "_known",
        "_most",
        "_plateau",
        "_probe_due",
        "_probing",
        "_threshold",
        "_window",
        "in_flight",
        "paused",
        "refusals",
        "shut_until",
    )

    def __init__(self, most: int, known: Rate | None = None) -> None:
        """Begin with what is known.

        Args:
            most: The widest window.
            known: The quota, where the user knows it.
        """
        self.in_flight = 0
        self.refusals = 0
        """How many 429s there were."""

        self.paused = 0.0
        """Seconds the endpoint was shut, altogether."""

        self.shut_until = 0.0
        self._most = most
        # A little of the burst is left for requests that bunch on their way.
        self._known = known and Rate(
            known.per_second * KNOWN, known.burst - min(SPARED, known.burst // 20)
        )
        self._base = self._known.per_second if self._known else None
        self._due = 0.0
        self._window = float(most if known else min(FIRST_WINDOW, most))
        self._threshold = math.inf
        self._plateau = PLATEAU
        self._calm_since = 0.0
        self._epoch = 0
        self._empty_at: float | None = None
        self._accepted = 0
        self._probe_due = False
        self._probing = False

    @property
    def paced(self) -> bool:
        """Whether requests are spaced, because the quota is known or was measured."""
        return self._base is not None

    def rate(self, now: float) -> float | None:
        """Give the requests a second that are sent now, or `None` while nothing is known."""
        if self._base is None or self._known:
            return self._base
        calm = max(0.0, now - self._calm_since) / self._plateau
        return self._base * (1 + 0.1 * calm**3)

    def wait(self, now: float) -> float:
        """Tell how long the next request has to wait.

        Returns:
            Seconds; 0 for now, infinity for "until one that is in flight has ended".
        """
        if now < self.shut_until:
            return self.shut_until - now
        if self._probing or self.in_flight >= self._window:
            return math.inf
        if self._probe_due:
            return 0.0
        if self._base is None:
            return 0.0
        pace = self._pace(now)
        return conform(pace, self._due, now)[1] if pace else 0.0

    def forecast(self, requests: int, now: float) -> float | None:
        """Tell in how many seconds so many more requests will have gone.

        Args:
            requests: How many.
            now: When.

        Returns:
            Seconds, at today's rate; `None` while there is none.
        """
        if self._base is None or not (pace := self._pace(now)):
            return None
        start = max(self._due, self.shut_until, now)
        full = start + (requests - pace.burst) / pace.per_second
        return max(0.0, self.shut_until - now, full - now) if requests else 0.0

    def go(self, ticket: Ticket, now: float) -> None:
        """Count a request that goes now; `wait` has said it may.

        Args:
            ticket: What is to be given back with the request's end.
            now: When.
        """
        self.in_flight += 1
        ticket.epoch = self._epoch
        ticket.probe, self._probe_due = self._probe_due, False
        if ticket.probe:
            self._probing = True
        if self._base is not None and (pace := self._pace(now)):
            self._due = max(self._due, now) + 1 / pace.per_second

    def end(self, ticket: Ticket, *, accepted: bool) -> None:
        """Count a request that has ended, in any way.

        Args:
            ticket: What `go` gave.
            accepted: Whether the server took it, and so out of the quota.
        """
        self.in_flight -= 1
        if ticket.probe:
            self._probing = False
        if accepted:
            self._accepted += 1
            if self._window < self._most:
                slow = self._window >= self._threshold
                self._window = min(self._most, self._window + (1 / self._window if slow else 1))

    def refuse(self, ticket: Ticket, now: float, pause: float) -> None:
        """Count a request that ended with a 429, and shut the endpoint.

        Args:
            ticket: What `go` gave.
            now: When.
            pause: Seconds for which nothing goes.
        """
        self.end(ticket, accepted=False)
        # Those that were in the air with the first one tell nothing new.
        if ticket.epoch == self._epoch:
            self._measure(now)
            self._epoch += 1
            self._probe_due = True
            self._due = 0.0
            self._threshold = max(FIRST_WINDOW, self._window / NARROWING)
            self._window = float(min(FIRST_WINDOW, self._most))
        self.refusals += 1
        self.shut(now, pause)

    def shut(self, now: float, pause: float) -> None:
        """Let nothing go for so many seconds; a longer pause wins."""
        until = max(self.shut_until, now + pause)
        self.paused += until - max(self.shut_until, now)
        self.shut_until = self._calm_since = until

    def restart(self) -> None:
        """Narrow the window to its beginning: the host was down."""
        self._window = float(min(FIRST_WINDOW, self._most))
        self._threshold = math.inf

    def _pace(self, now: float) -> Rate | None:
        # A burst is trusted only where the user knows it, and only until the first 429.
        if self._known and not self._epoch:
            return self._known
        rate = self.rate(now)
        return None if rate is None else Rate(rate, max(1, int(rate * CATCH_UP)))

    def _measure(self, now: float) -> None:
        """Learn from the second 429 on: the bucket was empty then, and is now."""
        since, self._empty_at = self._empty_at, now
        accepted, self._accepted = self._accepted, 0
        if since is None or self._known:
            return
        measured = max(SLOWEST, accepted / (now - since))
        steady = self._base is not None and abs(measured / self._base - 1) < AGREEMENT
        self._plateau = min(LONGEST_PLATEAU, 2 * self._plateau) if steady else PLATEAU
        self._base = measured * (STEADY if steady else BOLD)
