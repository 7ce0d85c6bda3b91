"""When the host itself is failing: stop, probe, resume.  The arithmetic, without a clock.

A fleet that goes on sending into an outage burns the attempts of its ids and loses them.
So sending stops when too much fails, one request goes now and then to see, and the first
answer lets everybody go on.
"""

from __future__ import annotations

import math
from typing import Final

LEAST_RUN: Final = 20
"""Failures in a row that open the brake, at least."""

WATCHED: Final = 100
"""Requests of which more than half failing opens it too."""

FIRST_PROBE: Final = 0.25
"""Seconds until the first look whether the host is back; then twice as long, and so on."""

LONGEST_PROBE: Final = 5.0

ENDURANCE: Final = 6
"""How many more tries an id has than others while nothing at all succeeds."""

MAX_OUTAGE: Final = 300.0
"""Seconds after which a fleet gives the host up."""

_MASK: Final = (1 << WATCHED) - 1


def endured(extra: int, chance: float) -> float:
    """Seconds until a request may go that has used up its tries: those of a probe.

    Args:
        extra: Which try beyond its own it is, from 1.
        chance: A number from 0 up to 1.
    """
    return spread(min(LONGEST_PROBE, FIRST_PROBE * 2.0 ** (extra - 1)), chance)


def spread(pause: float, chance: float) -> float:
    """Spread a pause downward only, so that nothing comes later than promised."""
    return pause * (0.5 + 0.5 * chance)


class Brake:
    """Whether a fleet may send at all.  Every method is told what time it is."""

    __slots__ = ("_bits", "_next", "_pause", "_probing", "in_a_row", "is_calm", "open_since")

    def __init__(self) -> None:
        """Begin closed."""
        self.open_since: float | None = None
        """When the host was found failing; `None` while it is well."""

        self.is_calm: bool = True
        """Whether nothing failed lately, so that a request that did not tells nothing new."""

        self.in_a_row: int = 0
        """How many requests have failed since one did not."""

        # The last hundred requests, one bit each, failures set.
        self._bits = 0
        self._pause = 0.0
        self._next = 0.0
        self._probing = False

    def wait(self, now: float) -> float:
        """Tell how long a fleet's next request has to wait.

        Returns:
            Seconds; 0 for now, infinity for "until the probe has ended".
        """
        if self.open_since is None:
            return 0.0
        return math.inf if self._probing else max(0.0, self._next - now)

    def watch(self, now: float) -> None:
        """Note that somebody waits for the host, as nobody may have done for a long time.

        An outage lasts, as far as can be told, only while requests go to see whether it does.
        """
        unwatched = not self._probing and now - self._next > 2 * LONGEST_PROBE
        if self.open_since is not None and unwatched:
            self.open_since = now

    def go(self) -> bool:
        """Count a request that goes now; tell whether it is the probe."""
        if self.open_since is None:
            return False
        self._probing = True
        return True

    def outlasted(self, now: float) -> bool:
        """Tell whether the host has been down for longer than a fleet waits.

        Not while a probe is out: it may be the one that is answered.
        """
        if self.open_since is None or self._probing:
            return False
        return now - self.open_since > MAX_OUTAGE

    def endures(self, tries: int, extra: int) -> bool:
        """Tell whether a request that has used up its tries of its own gets one more.

        Too few may be in flight to tell an outage from their failures: of those that met
        nothing else each would then be lost.

        Args:
            tries: How often it was tried; all have failed.
            extra: Which try beyond its own the next one would be, from 1.
        """
        return self.in_a_row >= tries and extra <= ENDURANCE

    def hear(
        self,
        *,
        failing: bool,
        probe: bool,
        went: float,
        now: float,
        chance: float,
        in_flight: int,
    ) -> bool:
        """Count how a request ended.

        Args:
            failing: Whether the host failed it.
            probe: Whether it was the probe.
            went: When it was let go.
            now: When.
            chance: A number from 0 up to 1, to spread probes.
            in_flight: How many requests are, this one included.

        Returns:
            Whether the host has just been found well again.
        """
        if self.open_since is not None:
            if probe:
                self._probing = False
            # The brake holds no single call: what one is told tells as much as a probe.
            if not failing and (probe or went > self.open_since):
                self._close()
                return True
            if probe:
                self._pause = min(LONGEST_PROBE, 2 * self._pause)
                self._next = now + spread(self._pause, chance)
            return False
        if not failing:
            self.in_a_row = 0
            self._bits = self._bits << 1 & _MASK
            self.is_calm = not self._bits
            return False
        self.is_calm = False
        self.in_a_row += 1
        self._bits = (self._bits << 1 | 1) & _MASK
        # Half of those that are in flight, not of those that could be: a fleet that meets an
        # outage at its very beginning would lose its first ids on the way there.
        limit = max(LEAST_RUN, in_flight // 2)
        if self.in_a_row >= limit or self._bits.bit_count() * 2 > WATCHED:
            self.open_since = now
            self._pause = FIRST_PROBE
            self._next = now + self._pause
        return False

    def lose_probe(self, now: float) -> None:
        """Count a probe that ended without telling anything: the next one may go."""
        self._probing = False
        self._next = now

    def _close(self) -> None:
        self.open_since = None
        self._probing = False
        self.in_a_row = self._bits = 0
        self.is_calm = True
