"""How a run looks on a terminal: a bar, a pace, counts, the last troubles, the sum.

Turns numbers into lines of text for a given width and height.  When to draw, and onto
what, is the business of `display.py`.  Colours are the terminal's own sixteen, on the
terminal's own background; no fact is told by colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from beeos_async import Skipped

from .wording import ID_WIDTH, clean, duration, pace, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions

    from beeos_async import FleetReport, Outcome

    from .progress import Progress

WIDEST: Final = 120
"""Columns beyond which a bar does not get clearer."""

NARROWEST: Final = 20
"""Characters of a trouble's words, even where they do not fit."""

TIMES_WIDTH: Final = 28
"""Columns kept free for the times, so that the bars beside them hold still."""

TALLEST: Final = 13
"""Lines of the dashboard without its troubles, with a blank above and below."""

SUM_LIMIT: Final = 1000
"""Characters of a report's one line."""

LISTED: Final = 10
"""How many ids that did not succeed are named at the end."""


class Glyphs(NamedTuple):
    """The characters to draw with."""

    bar: str
    half: str
    rest: str
    heights: str
    good: str
    bad: str
    dot: str


FINE: Final = Glyphs("━", "╸", "─", "▁▂▃▄▅▆▇█", "✓", "✗", "·")
ROUGH: Final = Glyphs("#", "#", "-", "_.-=+*%#", "+", "x", "|")
"""For a terminal whose encoding has no more."""


class Kind(NamedTuple):
    """A kind of outcome, as it is shown."""

    key: str
    label: str
    style: str
    always: bool


KINDS: Final = (
    Kind("succeeded", "started", "green", always=True),
    Kind("already", "already running", "cyan", always=True),
    Kind("failed", "failed", "red", always=True),
    Kind("timed_out", "timed out", "magenta", always=False),
    Kind("unknown", "unknown", "yellow", always=True),
    Kind("skipped", "skipped", "blue", always=True),
)


class Dashboard:
    """A run as it goes on: drawn anew from its numbers whenever it is rendered."""

    def __init__(self, title: str, where: str, progress: Progress) -> None:
        """Remember what to draw.

        Args:
            title: What is being done.
            where: To whom.
            progress: The numbers.
        """
        self._title = title
        self._where = where
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw it for a console's width and height."""
        width = min(options.max_width, WIDEST) - 4
        glyphs = glyphs_of(console)
        for line in self._lines(width, options.max_width - 4, console.height, glyphs):
            line.no_wrap = True
            line.truncate(options.max_width - 2)
            yield Text("  ").append_text(line)

    def _lines(self, width: int, full: int, height: int, glyphs: Glyphs) -> Iterator[Text]:
        yield Text("")
        yield Text.assemble((self._title, "bold"), (f"  {glyphs.dot}  {self._where}", "dim"))
        yield Text("")
        yield bar(self._progress, width, glyphs)
        yield Text("")
        yield self._speed(width, glyphs)
        yield Text("")
        yield from self._counts(width)
        yield Text("")
        yield self._quota(glyphs)
        troubles = self._progress.troubles
        room = min(len(troubles), height - TALLEST)
        if room > 0 and not self._progress.over:
            yield Text("")
            yield from (trouble(one, full, glyphs) for one in list(troubles)[-room:])

    def _speed(self, width: int, glyphs: Glyphs) -> Text:
        """Show how fast, for how long, how much longer."""
        progress = self._progress
        times = f"{duration(progress.elapsed)} elapsed"
        if not progress.over:
            left = progress.left
            times += "" if left is None else f"  {glyphs.dot}  {duration(left)} left"
        speed = f"{pace(progress.pace):>8}  "
        room = width - len(speed) - max(len(times), TIMES_WIDTH) - 2
        steps = len(glyphs.heights) - 1
        heights = "".join(glyphs.heights[round(one * steps)] for one in progress.history(room))
        gap = " " * (width - len(speed) - len(heights) - len(times))
        return Text.assemble((speed, "bold"), (heights, "cyan"), gap, times)

    def _counts(self, width: int) -> Iterator[Text]:
        """Show how many came to what, in columns that hold still."""
        progress = self._progress
        columns = [
            (progress.counts[kind.key], kind.label, kind.style)
            for kind in KINDS
            if kind.always or progress.counts[kind.key]
        ]
        columns += [(progress.in_progress, "in progress", ""), (progress.waiting, "waiting", "")]
        wide = [max(len(label), len(f"{progress.total:,}")) for _, label, _ in columns]
        gap = " " * min(5, max(1, (width - sum(wide)) // (len(wide) - 1)))
        numbers, labels = Text(), Text()
        # At the end nothing is in progress; what else there is stays where it was.
        shown = len(columns) - 2 if progress.over else len(columns)
        for (count, label, style), room in list(zip(columns, wide, strict=True))[:shown]:
            numbers.append(f"{count:>{room},}{gap}", f"bold {style}" if count else "dim")
            labels.append(f"{label:>{room}}{gap}", style if count else "dim")
        yield numbers
        yield labels

    def _quota(self, glyphs: Glyphs) -> Text:
        """Show whether the endpoint holds the run back."""
        progress = self._progress
        if not progress.refusals:
            return Text("not throttled", "dim")
        share = f"{progress.throttled_share:.0%} of the time"
        refused = f"{progress.refusals:,} of {progress.requests:,} requests refused with 429"
        return Text.assemble(("throttled", "yellow"), f"  {share}  {glyphs.dot}  {refused}")


def glyphs_of(console: Console) -> Glyphs:
    """Choose the characters a console can show."""
    return FINE if console.encoding.startswith("utf") else ROUGH


def bar(progress: Progress, width: int, glyphs: Glyphs) -> Text:
    """Draw how much is done, and by colour and order what came of it."""
    total = progress.total or 1
    told = f"{progress.done:,} of {progress.total:,}"
    told = f"  {told:>{2 * len(f'{progress.total:,}') + 4}}  {progress.done / total:4.0%}"
    cells = max(10, width - len(told))
    line = Text()
    seen = drawn = halves = 0
    style = ""
    for kind in KINDS:
        count = progress.counts[kind.key]
        if count:
            seen, style = seen + count, kind.style
            # A single failure among thousands is still a mark on the bar.
            halves = min(2 * cells, max(2 * cells * seen // total, 2 * drawn + 2))
            line.append(glyphs.bar * (halves // 2 - drawn), style)
            drawn = halves // 2
    if halves % 2:
        line.append(glyphs.half, style)
        drawn += 1
    line.append(glyphs.rest * (cells - drawn), "dim")
    return line.append(told)


def trouble(outcome: Outcome[Any], width: int, glyphs: Glyphs) -> Text:
    """Say in one line why an id did not succeed."""
    id = clean(outcome.id, ID_WIDTH)
    words = why(outcome)
    if isinstance(outcome, Skipped):
        words = f"skipped: {words}"
    room = max(NARROWEST, width - cell_len(id) - 4)
    return Text.assemble(
        (f"{glyphs.bad} ", _style(outcome)), (id, "bold"), "  ", clean(words, room)
    )


def summary(report: FleetReport[Any], note: str, console: Console) -> Iterator[Text | Table]:
    """Sum up a run that is over: what did not succeed, and all in one line."""
    glyphs = glyphs_of(console)
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
        lines.add_row("", note)
    yield lines
    yield Text("")


def _table(troubles: list[Outcome[Any]], width: int) -> Table:
    table = Table.grid(padding=(0, 2))
    kinds = [f"    {one.kind.replace('_', ' ')}" for one in troubles]
    ids = [clean(one.id, ID_WIDTH) for one in troubles]
    room = width - max(map(cell_len, kinds)) - max(map(cell_len, ids)) - 6
    for one, kind, id in zip(troubles, kinds, ids, strict=True):
        # Two lines tell a reason and a request id; more would push the first ones away.
        words = clean(why(one), 2 * max(NARROWEST, room) - 8)
        table.add_row(
            Text(kind, _style(one)), Text(id, no_wrap=True), Text(words, overflow="fold")
        )
    return table


def _style(outcome: Outcome[Any]) -> str:
    return next(kind.style for kind in KINDS if kind.key == outcome.kind)
