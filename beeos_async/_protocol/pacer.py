"""When the next request to an endpoint may go: the arithmetic, without a clock.

At first only the number in flight is bounded, by a window that doubles with each round
trip.  The first 429 tells that there is a quota, the second one how much it refills; what
follows from them is `quota.py`'s.  From then on requests are spaced: we keep a bucket like
the server's, so that what comes together there in a pause goes at once after it.  State in,
state out; who waits is the gate's business.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from .quota import Ledger
from .throttle import Rate

FIRST_WINDOW: Final = 8
"""Requests in flight to an endpoint of which nothing is known yet."""

LEAST_WINDOW: Final = 4
"""Requests in flight where the second 429 is due: each may be refused."""

NARROWING: Final = 4
"""By how much a window that met a 429 is narrower before it grows slowly again."""

STEADY: Final = 1.01
"""How much faster than measured is tried: so slowly is the quota overrun."""

PLATEAU: Final = 8.0
"""Seconds without a 429 until the rate is a tenth higher; it grows with their cube."""

LONGEST_PLATEAU: Final = 64.0

DOUBLING: Final = 0.5
"""Seconds in which a rate that is searched for doubles, at most."""

STEPS: Final = 3
"""Requests that must have been accepted for that, in the first search."""

SMALL: Final = 16
"""Below how many at once a burst is small: larger ones mostly hold what a second refills."""

PATIENCE: Final = 2
"""After how many 429s in a row that a told quota does not explain it is learned instead."""

PLAIN: Final = 1.0
"""Seconds from which on a server's word for a pause is plain."""

RELUCTANCE: Final = 0.5
"""Seconds of a pause after a probe that was refused without such a word; each one doubles them."""

MOST_RELUCTANT: Final = 5.0

CATCH_UP: Final = 0.05
"""Seconds a late wake-up may be made up for: otherwise every one of them would be lost."""

SHARE: Final = 0.9
"""How much of a burst that was measured is used, at most."""

KNOWN: Final = 0.99
"""The share of a known quota that is used: clocks and networks are not exact."""

SPARED: Final = 10
"""Requests of a known burst that are not used."""

HEAD_START: Final = 0.15
"""Seconds for which more are spared, where that is more: the first request is the longest on
its way, and the server's bucket refills only from then on."""

SPARING: Final = 8
"""Which part of a burst is spared at most."""

_NOISE: Final = 1e-6
_ENDLESS: Final = 40


class Ticket(Struct, eq=False, gc=False):
    """One request that was let go, to be given back with its end."""

    epoch: int = 0
    probe: bool = False
    went: float = 0.0
    """When."""

    rate: float | None = None
    """How many went a second then, if it is paced."""

    number: int = 0
    """Which one it was since the last pause, from 1."""


class Pacer:
    """What is known of one endpoint's quota.  Every method is told what time it is."""

    __slots__ = (
        "_at",
        "_base",
        "_believed",
        "_calm_since",
        "_epoch",
        "_known",
        "_ledger",
        "_most",
        "_plateau",
        "_probe_due",
        "_probing",
        "_searching",
        "_sent",
        "_share",
        "_steps",
        "_threshold",
        "_tokens",
        "_vain",
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
        self.in_flight: int = 0
        self.refusals: int = 0
        """How many 429s there were."""

        self.paused: float = 0.0
        """Seconds the endpoint was shut, altogether."""

        self.shut_until: float = 0.0
        self._most = most
        self._known = known and _cautious(known)
        self._base = self._known.per_second if self._known else None
        self._ledger = Ledger(self._known)
        self._tokens = float(self._known.burst) if self._known else 1.0
        self._at = 0.0
        self._window = float(most if known else min(FIRST_WINDOW, most))
        self._threshold = math.inf
        self._plateau = PLATEAU
        self._calm_since = 0.0
        self._epoch = 0
        self._probe_due = False
        self._probing = False
        self._searching = False
        self._steps = STEPS
        self._share = SHARE
        self._believed = 0.0
        self._sent = 0
        self._vain = 0

    @property
    def paced(self) -> bool:
        """Whether requests are spaced, because the quota is known or was measured."""
        return self._base is not None

    def rate(self, now: float) -> float | None:
        """Give the requests a second that are sent now, or `None` while nothing is known."""
        if self._base is None or self._known:
            return self._base
        calm = max(0.0, now - self._calm_since)
        if self._searching:
            doublings = min(calm / DOUBLING, self._ledger.got / self._steps, _ENDLESS)
            return self._base * math.pow(2.0, doublings)
        return self._base * (1 + 0.1 * (calm / self._plateau) ** 3)

    def wait(self, now: float) -> float:
        """Tell how long the next request has to wait.

        Returns:
            Seconds; 0 for now, infinity for "until one that is in flight has ended".
        """
        if now < self.shut_until:
            return self.shut_until - now
        if self._base is None and not self.refusals:
            # Nothing is known of a quota: the window alone decides.
            return 0.0 if self.in_flight < self._window else math.inf
        if self._probing or self.in_flight >= self._width():
            return math.inf
        if self._probe_due or (rate := self.rate(now)) is None:
            return 0.0
        lacking = (1 - self._filled(now, rate)) / rate
        # What is less than the last digit of a clock that has run for long is nothing.
        return lacking if lacking > _NOISE / rate and now + lacking > now else 0.0

    def forecast(self, requests: int, now: float) -> float | None:
        """Tell in how many seconds so many more requests will have gone.

        Args:
            requests: How many.
            now: When.

        Returns:
            Seconds, at today's rate; `None` while there is none.
        """
        if (rate := self.rate(now)) is None:
            return None
        start = max(self.shut_until, now)
        full = start + (requests - self._filled(start, rate)) / rate
        return max(0.0, self.shut_until - now, full - now) if requests else 0.0

    def go(self, ticket: Ticket, now: float) -> None:
        """Count a request that goes now; `wait` has said it may.

        Args:
            ticket: What is to be given back with the request's end.
            now: When.
        """
        self.in_flight += 1
        ticket.went = now
        if self._base is None and not self._epoch and self._ledger.opened is not None:
            # Nothing is known of a quota, and it is not the first one: there is nothing to note.
            return
        ticket.epoch = self._epoch
        ticket.probe, self._probe_due = self._probe_due, False
        if ticket.probe:
            self._probing = True
            self._sent = 0
        if ticket.probe or self._ledger.opened is None:
            self._ledger.open(now)
        self._sent += 1
        ticket.number = self._sent
        ticket.rate = rate = self.rate(now)
        if rate is None:
            return
        if ticket.probe:
            # The server's bucket was empty at the 429, and has filled since.
            refilled = 0.0 if self._searching else self._share * self._ledger.refilled(now)
            self._believed = self._tokens = max(1.0, refilled)
        else:
            self._tokens = self._filled(now, rate)
        self._tokens -= 1
        self._at = max(self._at, now)

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
            self._vain = 0
            self._ledger.accept(ticket.went)
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
        if ticket.probe and pause < PLAIN:
            # Not every server says for how long; and some say so little that it is no word.
            pause = max(pause, min(MOST_RELUCTANT, RELUCTANCE * 2.0**self._vain))
            self._vain = min(self._vain + 1, _ENDLESS)
        # Those that were in the air with the first one tell nothing new.
        if ticket.epoch == self._epoch:
            self._learn(ticket)
            self._epoch += 1
            self._probe_due = True
            narrow = max(FIRST_WINDOW, self._window / NARROWING)
            # Who is paced needs no window besides; it only shall not be wide at once.
            self._threshold = narrow if self._base is None else math.inf
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

    def _width(self) -> float:
        """Tell how many may be in flight; few where the second 429 is due, as far as known."""
        first = self._ledger.first_fill
        if self._base is not None or first is None:
            return self._window
        return min(self._window, max(LEAST_WINDOW, abs(first - self._ledger.got) / 2))

    def _filled(self, now: float, rate: float) -> float:
        """Tell how full our bucket is."""
        if self._known and not self._epoch:
            # What the user knows is trusted whole until the first 429.
            most = float(self._known.burst)
        else:
            most = max(1.0, rate * CATCH_UP)
            if not self._searching:
                most = max(most, self._share * self._ledger.burst)
        return min(most, self._tokens + max(0.0, now - self._at) * rate)

    def _learn(self, refused: Ticket) -> None:
        """Learn from the second 429 on how much is refilled, and from then on how much more."""
        ledger, learned = self._ledger, self._base is not None
        if learned and not self._searching and not refused.probe:
            # A burst that was refused before it was used up was not there.
            gone = self._believed >= max(2, refused.number - 1)
            self._share = self._share / 2 if gone else min(SHARE, self._share * 1.2)
        measured = ledger.empty(refused.went, refused.rate, searched=self._searching)
        if ledger.below >= PATIENCE or (learned and ledger.in_vain):
            self._start_over(refused.went)
            return
        if not measured or ledger.rate is None:
            return
        found = ledger.sharp or ledger.agrees
        if found and ledger.agrees and not self._searching:
            self._plateau = min(LONGEST_PLATEAU, 2 * self._plateau)
        else:
            self._plateau = PLATEAU
        # A bucket that holds little runs over in a pause: most of the rate is still to be found.
        self._searching = not found and ledger.burst < SMALL
        self._steps = self._steps * 2 if self._searching and learned else STEPS
        self._base = ledger.rate * (1.0 if self._searching else STEADY)

    def _start_over(self, now: float) -> None:
        """Forget what was learned or told, but for this 429."""
        self._ledger, self._base, self._known = Ledger(), None, None
        self._ledger.empty(now, None)
        self._searching, self._steps, self._share, self._plateau = False, STEPS, SHARE, PLATEAU


def _cautious(known: Rate) -> Rate:
    """Leave a little of a known quota for requests that bunch on their way."""
    spared = max(SPARED, int(known.per_second * HEAD_START))
    return Rate(known.per_second * KNOWN, known.burst - min(spared, known.burst // SPARING))
