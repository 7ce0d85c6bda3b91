"""The characters and colours to draw with.

Colours are the terminal's own sixteen, on the terminal's own background; no fact is told by
colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

    from beeos_async import Outcome


class Glyphs(NamedTuple):
    """The characters to draw with."""

    bar: str
    half: str
    rest: str
    heights: str
    good: str
    warn: str
    bad: str
    dot: str
    arrow: str
    tick: str


FINE: Final = Glyphs("━", "╸", "─", "▁▂▃▄▅▆▇█", "✓", "!", "✗", "·", "→", "╵")
ROUGH: Final = Glyphs("#", "#", "-", "_.-=+*%#", "+", "!", "x", "|", "->", "'")
"""For a terminal whose encoding has no more."""


class Kind(NamedTuple):
    """A kind of outcome, as it is shown."""

    key: str
    label: str
    style: str
    always: bool


KINDS: Final = (
    Kind("succeeded", "", "green", always=True),
    Kind("already", "", "cyan", always=True),
    Kind("failed", "failed", "red", always=True),
    Kind("timed_out", "not ready", "magenta", always=False),
    Kind("unknown", "unknown", "yellow", always=True),
    Kind("skipped", "skipped", "blue", always=True),
)
"""All of them; what a success is called is a matter of what was asked for."""

STATE_STYLES: Final = {
    "running": "green",
    "online": "green",
    "connected": "green",
    "pending": "yellow",
    "provisioning": "yellow",
    "connecting": "yellow",
    "reconnecting": "yellow",
    "terminated": "red",
    "offline": "red",
    "failed": "red",
}
"""Of the words an instance says of itself; others are plain."""


def glyphs_of(console: Console) -> Glyphs:
    """Choose the characters a console can show."""
    return FINE if console.encoding.startswith("utf") else ROUGH


def style_of(outcome: Outcome[Any]) -> str:
    """Choose the colour of an outcome."""
    return next(kind.style for kind in KINDS if kind.key == outcome.kind)


def label_of(outcome: Outcome[Any]) -> str:
    """Say of what kind an outcome is that is no success."""
    return next(kind.label for kind in KINDS if kind.key == outcome.kind)
