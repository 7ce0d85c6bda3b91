"""How long instances take to become ready: what those that have become so tell of the rest.

Arithmetic alone: what waits, and since when, is `waits.py`'s.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

ENOUGH: Final = 0.2
"""Which share of those that have waited so long must be ready to tell of the others."""


class Boots(Struct):
    """How long those took that are ready, from their acceptance on."""

    count: int = 0
    shortest: float = math.inf
    """Seconds."""

    longest: float = 0.0
    """Seconds."""

    def add(self, seconds: float) -> None:
        """Count one that became ready."""
        self.count += 1
        self.shortest = min(self.shortest, seconds)
        self.longest = max(self.longest, seconds)

    def slowest(self, late: int) -> float | None:
        """Estimate how long the slowest one will take.

        The quick ones are ready first.  As long as others have waited for longer than any of
        those took, the longest time that was seen is too short: then times are taken to lie
        evenly between the shortest and the one in question.

        Args:
            late: How many still wait that have waited for about as long.

        Returns:
            Seconds; `None` while too little was seen.
        """
        if self.count <= late * ENOUGH / (1 - ENOUGH):
            return None
        return self.shortest + (self.longest - self.shortest) * (1 + late / self.count)
