"""How a run is summed up on a terminal: what did not succeed, what was slow, all in one line."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .dashboard import NARROWEST, WIDEST
from .glyphs import glyphs_of, label_of, style_of
from .histogram import histogram
from .latencies import Latencies
from .wording import ID_WIDTH, brief, clean, times, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from beeos_async import FleetReport, Outcome

    from .glyphs import Glyphs

SUM_LIMIT: Final = 1000
"""Characters of a report's one line."""

LISTED: Final = 10
"""How many ids that did not succeed are named at the end."""

SLOWEST: Final = 3
"""How many ids that took longest are named."""

WORTH_A_WORD: Final = 0.05
"""Which share of an id's time is told."""

WORTH_DRAWING: Final = 20
"""Things from which on their times have a shape."""


def summary(
    report: FleetReport[Any], requests: Latencies, note: str, console: Console
) -> Iterator[RenderableType]:
    """Sum up a run that is over.

    Args:
        report: What became of it.
        requests: How long its requests took.
        note: What else there is to say; empty for nothing.
        console: What it is for.
    """
    glyphs = glyphs_of(console)
    width = min(console.width, WIDEST) - 8
    yield from _times(report, requests, width, glyphs)
    troubles: list[Outcome[Any]] = [*report.failed, *report.unknown, *report.timed_out]
    troubles += [one for one in report.skipped if one.reason == "invalid_id"]
    if troubles:
        yield Text("")
        yield _table(troubles[:LISTED], console.width)
        if len(troubles) > LISTED:
            yield Text(f"    and {len(troubles) - LISTED:,} more; --json names them all", "dim")
    # Last, where the eye is when the prompt is back.
    style, mark = ("green", glyphs.good) if report.ok else ("red", glyphs.bad)
    yield Text("")
    lines = Table.grid()
    lines.add_row(Text(f"  {mark} ", f"bold {style}"), Text(clean(str(report), SUM_LIMIT), "bold"))
    if note:
        lines.add_row("", Text(note))
    yield lines
    yield Text("")


def _times(
    report: FleetReport[Any], requests: Latencies, width: int, glyphs: Glyphs
) -> Iterator[RenderableType]:
    """Show how long it took, as a whole and where it was slowest."""
    boots = Latencies()
    for one in report.succeeded:
        if one.provisioning is not None or one.connectivity is not None:
            boots.add(one.elapsed)
    for latencies, title in ((requests, "requests"), (boots, "until ready")):
        if len(latencies) >= WORTH_DRAWING:
            yield Text("")
            for line in histogram(latencies, title, width, glyphs):
                yield Padding(line, (0, 0, 0, 4))
    if len(requests) >= WORTH_DRAWING:
        slowest = heapq.nlargest(SLOWEST, report, key=lambda one: one.elapsed)
        yield Text("")
        yield _slowest([one for one in slowest if one.attempts], width, glyphs)


def _slowest(outcomes: Sequence[Outcome[Any]], width: int, glyphs: Glyphs) -> Table:
    table = Table.grid(padding=(0, 2))
    ids = [clean(one.id, ID_WIDTH) for one in outcomes]
    room = width - len("slowest") - max(map(cell_len, ids), default=0) - 12
    for at, (id, one) in enumerate(zip(ids, outcomes, strict=True)):
        table.add_row(
            Text("    slowest" if not at else "", "dim", no_wrap=True),
            Text(id, no_wrap=True),
            Text(f"{brief(one.elapsed):>6}", "bold", no_wrap=True),
            Text(_spent(one, room, glyphs), "dim", no_wrap=True),
        )
    return table


def _spent(outcome: Outcome[Any], room: int, glyphs: Glyphs) -> str:
    """Say what an id's time went by with: the most of it first, and as much as there is room."""
    parts = {name: seconds or 0.0 for name, seconds in times(outcome).items()}
    del parts["elapsed"]
    told = f"{outcome.attempts} attempts" if outcome.attempts > 1 else ""
    for name in sorted(parts, key=lambda name: -parts[name]):
        more = f"{told} {glyphs.dot} {name}" if told else name
        more += f" {brief(parts[name])}"
        if parts[name] < WORTH_A_WORD * outcome.elapsed or len(more) > room:
            break
        told = more
    return told


def _table(troubles: Sequence[Outcome[Any]], width: int) -> Table:
    table = Table.grid(padding=(0, 2))
    kinds = [f"    {label_of(one)}" for one in troubles]
    ids = [clean(one.id, ID_WIDTH) for one in troubles]
    room = width - max(map(cell_len, kinds)) - max(map(cell_len, ids)) - 6
    for one, kind, id in zip(troubles, kinds, ids, strict=True):
        # Two lines tell a reason and a request id; more would push the first ones away.
        words = clean(why(one), 2 * max(NARROWEST, room) - 8)
        table.add_row(
            Text(kind, style_of(one)), Text(id, no_wrap=True), Text(words, overflow="fold")
        )
    return table
