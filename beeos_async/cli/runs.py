"""One run of the command: through the client, onto a display, to an exit code.

What is started comes from `sources.py` or the server; how it is shown is the display's.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from beeos_async import (
    AuthenticationError,
    BeeOSError,
    ConfigurationError,
    Failed,
    Skipped,
    Unknown,
)

from .display import REDRAWS
from .progress import Progress
from .signals import run_until_signalled
from .wording import clean, number

if TYPE_CHECKING:
    from beeos_async import AsyncBeeOS, FleetReport

    from .display import Display
    from .signals import Signals

OK: Final = 0
SOME_FAILED: Final = 1
USAGE: Final = 2
AUTHENTICATION: Final = 3
DEADLINE: Final = 4

ADVICE: Final = {
    AUTHENTICATION: "the server refuses the key: check BEEOS_API_KEY, or the key file",
    DEADLINE: "the deadline came first: start the rest again, or with a longer --deadline",
}
"""What to do next, where that is plain."""

INTERRUPTED: Final = "interrupted; start it again for the rest: what runs is not started twice"


class Plan(NamedTuple):
    """What a run shall do."""

    ids: list[str]
    where: str
    """How to call the host."""

    concurrency: int
    deadline: float | None = None
    proof: Callable[[], str] | None = None
    """What else there is to say once all is done."""


async def start_fleet(bee: AsyncBeeOS, plan: Plan, display: Display, signals: Signals) -> int:
    """Start a fleet, show it, and sum it up, however it ends.

    Args:
        bee: The client.
        plan: What to start.
        display: What shows it.
        signals: What may cancel it.

    Returns:
        The exit code.
    """
    progress = Progress(len(plan.ids), plan.concurrency, time.monotonic())
    run = bee.with_options(on_attempt=progress.heed).start_stream(
        plan.ids, max_concurrency=plan.concurrency, deadline=plan.deadline
    )
    shown: set[str] = set()
    cancelled = False
    signals.at_once = display.abandon
    display.begin(f"Starting {number(len(plan.ids), 'instance')}", plan.where, progress)
    try:
        async with _ticks(progress, display), run:
            async for outcome in run:
                shown.add(outcome.id)
                progress.add(outcome)
                display.outcome(outcome)
    except asyncio.CancelledError:
        cancelled = True
    except BaseException:
        display.abandon()
        raise
    report = run.report
    # A run that was broken off has written outcomes that nobody could read any more.
    for outcome in report:
        if outcome.id not in shown:
            progress.add(outcome)
            display.outcome(outcome)
    progress.finish(time.monotonic())
    code = signals.exit_code if cancelled else exit_code(report)
    note = INTERRUPTED if cancelled else ADVICE.get(code, "")
    display.end(report, note or (plan.proof() if plan.proof else ""))
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
    except BeeOSError as error:
        complain(f"{type(error).__name__}: {error}")
        if isinstance(error, AuthenticationError):
            return AUTHENTICATION
        return DEADLINE if error.gave_up == "deadline" else SOME_FAILED


def complain(text: str) -> None:
    """Say on standard error what is wrong."""
    sys.stderr.write(f"beeos-async: {clean(text)}\n")


@contextlib.asynccontextmanager
async def _ticks(progress: Progress, display: Display) -> AsyncGenerator[None, None]:
    """Let the display know of the time while the block lasts."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(1 / REDRAWS)
            progress.tick(time.monotonic())
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
        case Failed(error=error) | Unknown(error=error):
            return error.gave_up == "deadline"
        case _:
            return False
