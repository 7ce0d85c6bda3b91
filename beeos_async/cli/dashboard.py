"""How a run looks on a terminal while it goes on: a bar, a pace, counts, the last troubles.

Turns numbers into lines of text for a given width and height.  When to draw, and onto
what, is the business of `display.py`; how a run is summed up that of `summary.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from beeos_async import Skipped

from .glyphs import KINDS, Glyphs, glyphs_of, style_of
from .wording import ID_WIDTH, clean, duration, number, pace, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

    from beeos_async import Outcome

    from .progress import Progress

WIDEST: Final = 120
"""Columns beyond which a bar does not get clearer."""

NARROWEST: Final = 20
"""Characters of a trouble's words, even where they do not fit."""

TIMES_WIDTH: Final = 28
"""Columns kept free for the times, so that the bars beside them hold still."""

LEAST_HISTORY: Final = 8
"""Bars of the history; where there is no room for them, the times have a line of their own."""

LEAST_BAR: Final = 10
"""Cells of the bar, even where they do not fit."""

STILL: Final = " that "
"""What stands in what holds a run that has nothing left to send: `3 instances that are …`."""

LEAST_GAP: Final = 2
"""Blanks between two columns, even where there is hardly any."""

GAP: Final = 5
"""Blanks between two columns, where there is room."""


class Heading(NamedTuple):
    """What a run is about."""

    title: str
    where: str
    """To whom it is done."""

    done: str = "started"
    """What a success is called."""

    already: str = "already running"
    waits: bool = False
    """Whether what was accepted is still waited for."""


class Column(NamedTuple):
    """A number, and what it is one of."""

    number: int
    label: str
    style: str = ""
    passing: bool = False
    """Whether it is 0 once a run is over."""


class Dashboard:
    """A run as it goes on: drawn anew from its numbers whenever it is rendered."""

    def __init__(self, heading: Heading, progress: Progress) -> None:
        """Remember what to draw.

        Args:
            heading: What it is about.
            progress: The numbers.
        """
        self._heading = heading
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw it for a console's width and height."""
        width = min(options.max_width, WIDEST) - 4
        glyphs = glyphs_of(console)
        lines = list(self._lines(width, glyphs))
        room = min(len(self._progress.troubles), console.height - len(lines) - 3)
        if room > 0 and not self._progress.over:
            full = options.max_width - 4
            lines.append(Text(""))
            lines += (trouble(one, full, glyphs) for one in list(self._progress.troubles)[-room:])
        for line in lines:
            line.no_wrap = True
            line.truncate(options.max_width - 2)
            yield Text("  ").append_text(line)

    def _lines(self, width: int, glyphs: Glyphs) -> Iterator[Text]:
        heading, progress = self._heading, self._progress
        yield Text("")
        where = f"  {glyphs.dot}  {heading.where}"
        yield Text.assemble((heading.title, "bold"), (where, "dim"))
        yield Text("")
        yield bar(progress, width, glyphs)
        yield Text("")
        yield from self._speed(width, glyphs)
        yield Text("")
        yield from self._counts(width)
        yield Text("")
        yield from self._limits()

    def _speed(self, width: int, glyphs: Glyphs) -> Iterator[Text]:
        """Show how fast, for how long, how much longer."""
        progress = self._progress
        times = f"{duration(progress.elapsed)} elapsed"
        left = None if progress.over else progress.left
        if left is not None:
            times += f"  {glyphs.dot}  {duration(left)} left"
        speed = f"{pace(progress.pace):>8}  "
        room = width - len(speed) - max(len(times), TIMES_WIDTH) - 2
        apart = room < LEAST_HISTORY
        bars = progress.history(max(0, width - len(speed)) if apart else room)
        steps = len(glyphs.heights) - 1
        heights = "".join(glyphs.heights[round(one * steps)] for one in bars)
        line = Text.assemble((speed, "bold"), (heights, "cyan"))
        if apart:
            yield line
            yield Text(times)
        else:
            gap = " " * (width - len(speed) - len(heights) - len(times))
            yield line.append(gap + times)

    def _counts(self, width: int) -> Iterator[Text]:
        """Show how many came to what, in columns that hold still."""
        progress = self._progress
        columns = self._columns(self._heading.already)
        rooms = self._rooms(columns)
        if sum(rooms) + LEAST_GAP * (len(rooms) - 1) > width:
            columns = self._columns(self._heading.already.partition(" ")[0])
            rooms = self._rooms(columns)
        lines = _fitting(rooms, width)
        # At the end nothing is in progress; what else there is stays where it was.
        shown = sum(not one.passing for one in columns) if progress.over else len(columns)
        for first, last in lines:
            numbers, labels = Text(), Text()
            spare = (width - sum(rooms[first:last])) // max(1, last - first - 1)
            gap = " " * min(GAP, max(LEAST_GAP, spare))
            for (count, label, style, _), room in zip(
                columns[first : min(last, shown)], rooms[first:last], strict=False
            ):
                numbers.append(f"{count:>{room},}{gap}", f"bold {style}" if count else "dim")
                labels.append(f"{label:>{room}}{gap}", style if count else "dim")
            yield numbers
            yield labels

    def _columns(self, already: str) -> list[Column]:
        """Give the numbers in their order; what passes comes last."""
        progress = self._progress
        labels = {"succeeded": self._heading.done, "already": already}
        columns = [
            Column(progress.counts[kind.key], labels.get(kind.key, kind.label), kind.style)
            for kind in KINDS
            if kind.always or progress.counts[kind.key]
        ]
        columns.append(Column(progress.in_progress, "in progress", passing=True))
        if self._heading.waits:
            columns.append(Column(progress.accepted, "accepted", passing=True))
        columns.append(Column(progress.waiting, "not begun", passing=True))
        return columns

    def _rooms(self, columns: Sequence[Column]) -> list[int]:
        """Tell how wide columns are, whatever their numbers will be."""
        widest = len(f"{self._progress.total:,}")
        return [max(len(one.label), widest) for one in columns]

    def _limits(self) -> Iterator[Text]:
        """Say what holds the run back, and how often it was refused."""
        progress = self._progress
        if limit := progress.limited_by:
            by = "waiting for" if STILL in limit else "limited by"
            yield Text.assemble((by, "yellow"), f" {limit}")
        elif progress.refusals:
            yield Text.assemble(
                ("throttled", "yellow"), f" {progress.throttled_share:.0%} of the time"
            )
        else:
            yield Text("not throttled" if progress.over else "not held back", "dim")
        yield Text(_troubled(progress), "dim")


def _troubled(progress: Progress) -> str:
    """Say how many requests were refused or failed, whatever became of their ids."""
    parts = [f"{progress.refusals:,} refused (429)"] if progress.refusals else []
    parts += [f"{progress.failures:,} failed (server or connection)"] * bool(progress.failures)
    if not progress.requests:
        return "no requests"
    return f"{number(progress.requests, 'request')}: {', '.join(parts) or 'none failed'}"


def bar(progress: Progress, width: int, glyphs: Glyphs) -> Text:
    """Draw how much is done, and by colour and order what came of it.

    What a run that was broken off has left out is not done: there the bar stays empty.
    """
    total = progress.total or 1
    done = progress.done - progress.left_out
    told = f"{done:,} of {progress.total:,}"
    told = f"  {told:>{2 * len(f'{progress.total:,}') + 4}}  {_share(done, total):>4}"
    cells = max(LEAST_BAR, width - len(told))
    line = Text()
    seen = drawn = halves = 0
    style = ""
    for kind in KINDS:
        count = progress.counts[kind.key] - (progress.left_out if kind.key == "skipped" else 0)
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
        (f"{glyphs.bad} ", style_of(outcome)), (id, "bold"), "  ", clean(words, room)
    )


def _share(done: int, total: int) -> str:
    """Write a share that is 100% only when all is done."""
    return f"{100 * done // total}%"


def _fitting(rooms: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Part columns into lines they fit in, each at least one."""
    lines: list[tuple[int, int]] = []
    first = used = 0
    for at, room in enumerate(rooms):
        if at > first and used + LEAST_GAP + room > width:
            lines.append((first, at))
            first, used = at, room
        else:
            used += room + LEAST_GAP * (at > first)
    return [*lines, (first, len(rooms))]
