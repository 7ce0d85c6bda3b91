"""Where a run is shown: drawn on a terminal, as plain lines in a log, as JSON for a program.

One of three displays is chosen once, in `display_for`; the run tells each the same things.
What is said comes from `wording.py`, `dashboard.py` and `summary.py`.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol

from rich.console import Console
from rich.live import Live

from .dashboard import Dashboard, Heading
from .glyphs import KINDS
from .latencies import Latencies
from .summary import SUM_LIMIT, summary
from .wording import as_data, as_json, clean, duration, line, pace, report_as_data

if TYPE_CHECKING:
    from beeos_async import FleetReport, Outcome

    from .progress import Progress

REDRAWS: Final = 8
"""Drawings a second: fluent to the eye, and next to nothing to compute."""

SHOW_CURSOR: Final = b"\x1b[?25h\r\n"


class Display(Protocol):
    """What a run needs of whoever shows it."""

    def looking(self) -> AbstractContextManager[object]:
        """Show that it is being found out what there is to do."""
        ...

    def begin(self, heading: Heading, progress: Progress) -> None:
        """Show that a run begins."""
        ...

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Show an outcome, which the progress has already counted."""
        ...

    def tick(self) -> None:
        """Show how the run stands; called some times a second."""
        ...

    def end(self, report: FleetReport[Any], note: str) -> None:
        """Show what became of the run."""
        ...

    def abandon(self) -> None:
        """Leave the terminal usable, now, without another word."""
        ...


class LiveDisplay:
    """On a terminal: a dashboard that is redrawn in place, and at last a summary."""

    def __init__(self, console: Console) -> None:
        """Use a console that is a terminal."""
        self._console = console
        self._live: Live | None = None
        self._requests = Latencies()

    def looking(self) -> AbstractContextManager[object]:
        """Turn a spinner."""
        return self._console.status("Looking for instances")

    def begin(self, heading: Heading, progress: Progress) -> None:
        """Draw the dashboard."""
        self._requests = progress.latencies
        # Drawn by the run's own ticks, not by a thread: numbers never change under the pen.
        self._live = Live(
            Dashboard(heading, progress),
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Wait for the next tick."""

    def tick(self) -> None:
        """Redraw."""
        if self._live is not None:
            self._live.refresh()

    def end(self, report: FleetReport[Any], note: str) -> None:
        """Draw a last time, and sum up below."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        for part in summary(report, self._requests, note, self._console):
            self._console.print(part, highlight=False)

    def abandon(self) -> None:
        """Show the cursor again, below what is drawn."""
        # Past the buffer, which a signal may have caught in the middle of a write.
        os.write(self._console.file.fileno(), SHOW_CURSOR)


class PlainDisplay:
    """In a log: a line for each id that did not succeed, and at last the sum.

    How the run stands is said on standard error, once a second at first and ever more
    rarely, so that the log of an hour can still be read.
    """

    def __init__(self) -> None:
        """Write to standard output and error as they are now."""
        self._out = sys.stdout
        self._progress: Progress | None = None
        self._due = 1.0

    def looking(self) -> AbstractContextManager[object]:
        """Say nothing."""
        return nullcontext()

    def begin(self, heading: Heading, progress: Progress) -> None:
        """Say what begins."""
        self._progress = progress
        self._say(f"{heading.title}, {heading.where}")

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Say what did not succeed."""
        if outcome.kind != "succeeded":
            self._write(line(outcome))

    def tick(self) -> None:
        """Say how it stands, when it is time."""
        progress = self._progress
        if progress is None or progress.elapsed < self._due:
            return
        self._due = progress.elapsed + max(1.0, progress.elapsed / 10)
        parts = [f"{progress.done:,} of {progress.total:,} after {duration(progress.elapsed)}"]
        parts += [pace(progress.pace)]
        parts += [
            f"{progress.counts[kind.key]:,} {kind.label}"
            for kind in KINDS
            if kind.label and progress.counts[kind.key]
        ]
        if progress.accepted:
            parts += [f"{progress.accepted:,} accepted"]
        if progress.limited_by:
            parts += [f"limited by {progress.limited_by}"]
        if progress.left is not None:
            parts += [f"{duration(progress.left)} left"]
        self._say(", ".join(parts))

    def end(self, report: FleetReport[Any], note: str) -> None:
        """Sum up."""
        self._write(clean(str(report), SUM_LIMIT))
        if note:
            self._say(note)

    def abandon(self) -> None:
        """Leave: a log needs no tidying."""

    def _write(self, text: str) -> None:
        # At once: whoever reads the pipe acts on it, and a killed run leaves what it knew.
        self._out.write(text + "\n")
        self._out.flush()

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


class JsonDisplay(PlainDisplay):
    """For a program: an object a line, one for each outcome and one for the report."""

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Write it down, whatever it is."""
        # ASCII only: what a terminal would obey, and what no encoding has, is escaped.
        self._write(as_json(as_data(outcome)))

    def end(self, report: FleetReport[Any], note: str) -> None:
        """Write the sum down."""
        self._write(as_json(report_as_data(report)))
        if note:
            self._say(note)


def display_for(*, as_json: bool) -> Display:
    """Choose how to show a run, by what standard output is.

    Args:
        as_json: What the user asked for.
    """
    if as_json:
        return JsonDisplay()
    console = terminal()
    return PlainDisplay() if console is None else LiveDisplay(console)


def terminal() -> Console | None:
    """Give what draws on standard output, where that is a terminal that can be drawn on."""
    console = Console()
    return console if console.is_terminal and not console.is_dumb_terminal else None
