"""A fleet for a while: what a block has started is stopped, however the block is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from .._io.caller import Caller
from .._protocol import table
from ..errors import BeeOSError
from ..models.instances import Instance
from ..waiting import WaitError
from .engine import FleetRun
from .outcomes import Failed, Outcome, Succeeded, TimedOut, Unknown
from .report import FleetReport

STOP_WITHIN: Final = 30.0
"""Seconds for stopping; a cancellation waits for it, so it has an end."""

NAMED: Final = 5
"""Ids a warning names; the rest is counted."""

log: Final = logging.getLogger("beeos_async")


@asynccontextmanager
async def stop_again(
    caller: Caller, run: FleetRun[Instance], unsure: set[str]
) -> AsyncGenerator[None]:
    """Stop on exit what a run has started.

    Args:
        caller: What makes the calls.
        run: The run; it is over, or broken off, when the block is left.
        unsure: What was found running and may have been so before; known when it is left.
    """
    try:
        yield
    except BaseException as error:
        for trouble in await _stop(caller, run.report, unsure):
            error.add_note(f"beeos_async: {trouble}")
        raise
    else:
        await _stop(caller, run.report, unsure)


async def _stop(caller: Caller, report: FleetReport[Instance], unsure: set[str]) -> list[str]:
    """Stop what was started, and tell of what may go on running."""
    troubles: list[str] = []
    if in_doubt := [one.id for one in report if isinstance(one, Unknown) or one.id in unsure]:
        troubles.append(_warned(f"left alone, as perhaps not started here: {_named(in_doubt)}"))
    if started := [one.id for one in report if one.id not in unsure and _is_ours(one)]:
        # In a task of its own: a cancellation that comes now is not its business.
        stopping = asyncio.create_task(_stopped(caller, started), name="beeos-async stop again")
        await _finish(stopping)
        troubles += stopping.result()
    return troubles


async def _stopped(caller: Caller, ids: list[str]) -> list[str]:
    run = FleetRun[Any](caller, table.STOP_INSTANCE, ids, deadline=STOP_WITHIN, read=False)
    try:
        async with run:
            await run.wait()
    except BeeOSError as error:
        # The client is closed already.
        return [_warned(f"not stopped: {_named(ids)} ({type(error).__name__}: {error})")]
    left = [one.id for one in run.report if not isinstance(one, Succeeded)]
    return [_warned(f"not stopped: {_named(left)} ({run.report})")] if left else []


async def _finish(task: asyncio.Task[Any]) -> None:
    """Wait for a task to its end; a cancellation meanwhile is delivered afterwards."""
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


def _warned(trouble: str) -> str:
    log.warning("leaving running(): %s", trouble)
    return trouble


def _is_ours(outcome: Outcome[Instance]) -> bool:
    match outcome:
        case Succeeded(already=already) | TimedOut(already=already):
            return not already
        case Failed(error=WaitError(reason=reason), already=already):
            # It was accepted, and may run although it never was ready; what is gone cannot.
            return not already and reason != "terminated"
        case _:
            return False


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
