"""When to look again, and how: the arithmetic of polling, without a clock."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from .paging import PAGE_SIZE

FIRST: Final = 0.25
"""Seconds until the first look; then twice as long, and so on."""

LONGEST: Final = 5.0
"""Seconds between two looks, at most."""

BUSY: Final = 1.0
"""Seconds between two looks, at most, while something moves and looking is cheap."""

RATE: Final = 4.0
"""Requests a second that looking may cost while something moves."""

LAST_LOOK: Final = 0.2
"""Seconds before a deadline for a last look."""

EARLY: Final = 0.002
"""Seconds before its time that a timer may be over: some loops count in milliseconds."""

MISSES: Final = 3
"""Sweeps that did not show an id, after which one look at it decides."""


class Sight(Enum):
    """What a sight of something means to who waits for it."""

    SAME = auto()
    MOVED = auto()
    """Nothing is decided, but it is on its way."""

    UNSURE = auto()
    """A row of a list does not say it: it must be looked at whole."""

    OVER = auto()
    """The wait is over, one way or the other."""


def pause_after(pause: float, requests: int, *, moved: bool) -> float:
    """Tell how long to wait after a round.

    Args:
        pause: How long it was before it.
        requests: What the round cost.
        moved: Whether it showed that something is on its way.

    Returns:
        Seconds.
    """
    grown = min(LONGEST, 2 * pause)
    return min(grown, max(BUSY, requests / RATE)) if moved else grown


def round_at(due: float, deadline: float, now: float) -> float:
    """Tell when to look: as is due, but once more before somebody's time is up.

    Args:
        due: When the next round is due.
        deadline: Whose time is up first.
        now: When this is asked.
    """
    if due < deadline:
        return due
    last = deadline - LAST_LOOK
    return last if last > now + EARLY else deadline


def pages_of(total: int | None, asked: int, known: int, *, more: bool) -> int:
    """Tell how many pages a list has.

    Args:
        total: How many rows, where the server says.
        asked: How many pages were fetched by now.
        known: How many pages it had as far as known before.
        more: Whether another one follows.
    """
    if not more:
        return asked
    return max(asked + 1, known if total is None else -(-total // PAGE_SIZE))
