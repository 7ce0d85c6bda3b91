"""How long things took, drawn: columns over a logarithmic axis, and the quantiles above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

from .latencies import CLASSES, Latencies, lower_edge
from .wording import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .glyphs import Glyphs

ROWS: Final = 4
"""Lines of the columns."""

LEAST_COLUMNS: Final = 12

FINENESS: Final = 1.5
"""Columns there are at most, times the root of how many things they are about."""

WIDEST_COLUMN: Final = 3
"""Characters of a column, where there are few."""

MARKS: Final = (1, 2, 5)
"""What stands on the axis, and ten times as much, and a tenth, and so on."""

DECADES: Final = range(-4, 6)

QUANTILES: Final = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))


def histogram(latencies: Latencies, title: str, width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Draw how long things took.

    Args:
        latencies: How long; at least one.
        title: What things.
        width: Characters there are for it.
        glyphs: What to draw with.
    """
    dot = f" {glyphs.dot} "
    facts = [f"{name} {brief(latencies.quantile(share))}" for share, name in QUANTILES]
    facts.append(f"longest {brief(latencies.longest)}")
    # Where there is no room, what tells least goes first.
    for least in (facts[1], facts[3], facts[2]):
        if len(title) + 2 + len(dot.join(facts)) > width:
            facts.remove(least)
    yield Text.assemble((title, "bold"), "  ", dot.join(facts))
    first, last = min(latencies.classes), max(latencies.classes)
    # A few things in many columns have no shape.
    most = min(width, max(LEAST_COLUMNS, round(FINENESS * len(latencies) ** 0.5)))
    merged = -(-(last - first + 1) // most)
    edges = range(first, last + 1, merged)
    counts = [sum(latencies.classes[edge + i] for i in range(merged)) for edge in edges]
    wide = max(1, min(WIDEST_COLUMN, width // len(counts)))
    yield from _columns(counts, wide, glyphs)
    yield _axis(first, merged, wide, len(counts) * wide, glyphs)


def _columns(counts: Sequence[int], wide: int, glyphs: Glyphs) -> Iterator[Text]:
    steps = len(glyphs.heights)
    most = max(counts)
    # A single one among thousands is still a mark.
    heights = [max(bool(count), round(ROWS * steps * count / most)) for count in counts]
    for row in reversed(range(ROWS)):
        filled = (min(steps, max(0, height - row * steps)) for height in heights)
        line = "".join(wide * (glyphs.heights[part - 1] if part else " ") for part in filled)
        yield Text(line, "cyan")


def _axis(first: int, merged: int, wide: int, width: int, glyphs: Glyphs) -> Text:
    line = ""
    for mark in (mark * 10.0**decade for decade in DECADES for mark in MARKS):
        # The column whose class holds the mark.
        place = next(
            (at for at in range(width // wide) if lower_edge(first + at * merged + merged) > mark),
            width,
        )
        begins = lower_edge(first) <= mark * 10 ** (1 / CLASSES)
        label = f"{glyphs.tick}{brief(mark)}"
        at = place * wide
        room = at + cell_len(label) <= width and (not line or at > cell_len(line) + 1)
        if begins and place * wide < width and room:
            line = f"{line:<{at}}{label}"
    return Text(line, "dim")
