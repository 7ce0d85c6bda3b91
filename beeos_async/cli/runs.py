"""One run of the command: through the client, onto a display, to an exit code.

What it is about comes from `sources.py` or the server; how it is shown is the display's.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from beeos_async import (
    AuthenticationError,
    BeeOSError,
    ConfigurationError,
    Failed,
    FleetError,
    NotSentError,
    Skipped,
    TimedOut,
    Unknown,
)

from .actions import START, Action
from .dashboard import Heading
from .display import REDRAWS
from .progress import Progress
from .signals import run_until_signalled
from .wording import clean

if TYPE_CHECKING:
    from beeos_async import AsyncBeeOS, FleetReport, FleetRun

    from .display import Display
    from .signals import Signals

OK: Final = 0
SOME_FAILED: Final = 1
USAGE: Final = 2
AUTHENTICATION: Final = 3
DEADLINE: Final = 4

LEFT: Final = 141
"""What a shell is told of a process whose reader has left: 128 and SIGPIPE."""

DOCTOR: Final = "`beeos-async doctor` finds out where it fails"

KEY_ADVICE: Final = "the server refuses the key: check BEEOS_API_KEY, or the key file"

NO_ROOM: Final = {
    getattr(errno, name, errno.ENOSPC) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO")
}
"""Why what was to be written is not; Windows knows no quota."""


class Plan(NamedTuple):
    """What a run shall do."""

    ids: list[str]
    where: str
    """How to call the host."""

    concurrency: int
    action: Action = START
    wish: str | None = None
    """What each id is waited for to become."""

    deadline: float | None = None
    max_failures: float | None = None
    journal: Path | None = None
    gives_up: str = ""
    """What there is to say at a deadline that nobody has asked for."""

    proof: Callable[[], str] | None = None
    """What else there is to say once all is done."""

    @property
    def heading(self) -> Heading:
        """What it is about, for those who watch."""
        action = self.action
        done = action.noun(self.wish)
        title = action.title(len(self.ids), self.wish)
        return Heading(title, self.where, done, action.already, waits=self.wish is not None)

    def note(self, code: int, *, cancelled: bool) -> str:
        """Say what to do next, where that is plain."""
        again = self.action.broken_off
        if self.journal is not None:
            again = f"the same command goes on where this one ended, with {self.journal}"
        if cancelled:
            return f"interrupted; {again}"
        if code == AUTHENTICATION:
            return KEY_ADVICE
        if code == DEADLINE and self.gives_up:
            return self.gives_up
        if code == DEADLINE:
            return f"the deadline came first; give a longer --deadline, or {again}"
        return self.proof() if self.proof is not None else ""


async def run_fleet(bee: AsyncBeeOS, plan: Plan, display: Display, signals: Signals) -> int:
    """Do something to a fleet, show it, and sum it up, however it ends.

    Args:
        bee: The client.
        plan: What to do.
        display: What shows it.
        signals: What may cancel it.

    Returns:
        The exit code.
    """
    progress = Progress(len(plan.ids), plan.concurrency, time.monotonic())
    run = plan.action.stream(
        bee.with_options(on_attempt=progress.heed),
        plan.ids,
        plan.wish,
        max_concurrency=plan.concurrency,
        deadline=plan.deadline,
        max_failures=plan.max_failures,
        journal=plan.journal,
    )
    shown: set[str] = set()
    cancelled = False
    signals.at_once = display.abandon
    display.begin(plan.heading, progress)
    try:
        async with _ticks(progress, run, display), run:
            async for outcome in run:
                shown.add(outcome.id)
                progress.add(outcome)
                display.outcome(outcome)
    except asyncio.CancelledError:
        cancelled = True
    except BaseException as error:
        display.abandon()
        if is_unwritten(error):
            # What was done is known, and only cannot be told where it was to be told.
            complain(f"{run.report}; {plan.note(SOME_FAILED, cancelled=True)}")
        raise
    report = run.report
    # A run that was broken off has written outcomes that nobody could read any more.
    for outcome in report:
        if outcome.id not in shown:
            progress.add(outcome)
            display.outcome(outcome)
    progress.finish(time.monotonic())
    code = signals.exit_code if cancelled else exit_code(report)
    note = plan.note(code, cancelled=cancelled)
    display.end(report, note or _advice(_errors_of(report)).removeprefix("; "))
    return code


def exit_code(report: FleetReport[Any]) -> int:
    """Say in a number what became of a run, the most hopeless first."""
    if any(_is_refused_key(one) for one in report):
        return AUTHENTICATION
    if any(_is_late(one) for one in report):
        return DEADLINE
    return OK if report.ok else SOME_FAILED


def run(main: Callable[[Signals], Coroutine[Any, Any, int]]) -> int:
    """Run a command to its exit code; an error that was to be expected is one line.

    Args:
        main: The command.
    """

    async def told(signals: Signals) -> int:
        try:
            return await main(signals)
        except asyncio.CancelledError:
            # A run would have summed up: there was none yet, or it was over.
            complain("interrupted")
            raise

    try:
        return run_until_signalled(told)
    except ConfigurationError as error:
        complain(str(error))
        return USAGE
    except FleetError as error:
        complain(f"{error}{_advice(_errors_of(error.report))}")
        return exit_code(error.report)
    except BeeOSError as error:
        complain(f"{type(error).__name__}: {error}{_advice([error])}")
        return code_of(error)
    except BrokenPipeError:
        # Of `| head -1`, for one: it has what it wanted.
        _forget_output()
        return LEFT
    except OSError as error:
        if not is_unwritten(error):
            raise
        name = error.filename or "standard output"
        complain(f"{name} cannot be written: {error.strerror}")
        _forget_output()
        return SOME_FAILED


def code_of(error: BeeOSError) -> int:
    """Say in a number what an error means."""
    if isinstance(error, AuthenticationError):
        return AUTHENTICATION
    return DEADLINE if error.gave_up == "deadline" else SOME_FAILED


def _errors_of(report: FleetReport[Any]) -> list[BeeOSError]:
    return [one.error for one in report if isinstance(one, Failed | Unknown)]


def _advice(errors: Iterable[BeeOSError]) -> str:
    """Say what to do about errors, where that is plain: nothing, or a part of a sentence."""
    kinds = {type(error) for error in errors}
    if AuthenticationError in kinds:
        return f"; {KEY_ADVICE}"
    return f"; {DOCTOR}" if NotSentError in kinds else ""


def is_unwritten(error: BaseException) -> bool:
    """Tell whether there was no room for something that was to be written."""
    return isinstance(error, OSError) and error.errno in NO_ROOM


def complain(text: str) -> None:
    """Say on standard error what is wrong."""
    sys.stderr.write(f"beeos-async: {clean(text)}\n")


@contextlib.asynccontextmanager
async def _ticks(
    progress: Progress, run: FleetRun[Any], display: Display
) -> AsyncGenerator[None, None]:
    """Let the display know of the time while the block lasts."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(1 / REDRAWS)
            progress.tick(time.monotonic(), run.progress)
            display.tick()

    ticking = asyncio.create_task(tick(), name="beeos-async display")
    try:
        yield
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking


def _is_refused_key(outcome: object) -> bool:
    return isinstance(outcome, Failed | Unknown) and isinstance(outcome.error, AuthenticationError)


def _is_late(outcome: object) -> bool:
    match outcome:
        case Skipped(reason=reason):
            return reason == "deadline"
        case TimedOut():
            return True
        case Failed(error=error) | Unknown(error=error):
            return error.gave_up == "deadline"
        case _:
            return False


def _forget_output() -> None:
    """Let what is left in the buffer of standard output go nowhere when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)
