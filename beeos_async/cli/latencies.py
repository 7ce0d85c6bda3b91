"""How long things took, counted in classes: as small for a million as for ten.

Numbers only; how they look is the business of `histogram.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

CLASSES: Final = 24
"""Classes from one power of ten to the next: each is a tenth wider than the one before."""

LEAST: Final = 1e-4
"""Seconds below which nothing is told apart."""


class Latencies:
    """So many things, and how long they took."""

    def __init__(self) -> None:
        """Begin with none."""
        self.classes: Counter[int] = Counter()
        """How many there are in each class; see `lower_edge`."""

        self.longest: float = 0.0
        self._count = 0

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def add(self, seconds: float) -> None:
        """Count one more."""
        self._count += 1
        self.longest = max(self.longest, seconds)
        self.classes[math.floor(CLASSES * math.log10(max(seconds, LEAST)))] += 1

    def quantile(self, share: float) -> float:
        """Tell in how many seconds such a share of them was over, to a tenth.

        Args:
            share: From 0 to 1.
        """
        left = share * self._count
        for one in sorted(self.classes):
            left -= self.classes[one]
            if left <= 0:
                return min(self.longest, lower_edge(one + 0.5))
        return self.longest


def lower_edge(one: float) -> float:
    """Tell where a class begins, in seconds."""
    return float(10 ** (one / CLASSES))
