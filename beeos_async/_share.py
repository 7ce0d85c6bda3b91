"""One share of a fleet that is larger than one machine: what a worker does with it.

It is run by an ordinary client, and told of as it goes.  What is shared out, and who works on
it, is decided in `distributed.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from anyio import to_thread

from ._clock import RealClock
from .client import AsyncBeeOS
from .errors import BeeOSError
from .fleet.journal import Journal
from .fleet.outcomes import Outcome, Tally
from .fleet.report import FleetReport
from .models.instances import Instance

TICK: Final = 0.2
"""Seconds between two reports of a share, and between two looks at the workers."""

Action = Literal["start", "stop"]

_clock: Final = RealClock()


def work_on(
    name: str,
    action: Action,
    ids: list[str],
    settings: dict[str, Any],
    options: dict[str, Any],
    *,
    tried: bool,
) -> BeeOSError | None:
    """Run a share in a loop of its own, in the worker's thread; give what was fatal, if any."""
    dask = import_module("distributed")
    news, stop = dask.Queue(name), dask.Event(name)
    batch: list[Outcome[Instance]] = []

    def tell() -> bool:
        # Meanwhile the loop, in the other thread, may put more of them there.
        told = list(batch)
        del batch[: len(told)]
        if told:
            outcomes = {one.id: one for one in told}
            report = FleetReport(f"{action}Instance", outcomes, Tally.of(told))
            news.put(report.to_jsonl().encode())
        return bool(stop.is_set())

    async def work() -> BeeOSError | None:
        with TemporaryDirectory() as folder:
            async with AsyncBeeOS(**options) as bee:
                if tried:
                    settings["journal"] = Path(folder, "journal")
                    _doubt(settings["journal"], action, settings["wait"], bee.base_url, ids)
                stream = bee.start_stream if action == "start" else bee.stop_stream
                async with stream(ids, on_outcome=batch.append, **settings) as run:
                    telling = asyncio.create_task(tell_on(tell, run.stop, over := asyncio.Event()))
                    try:
                        await run.wait()
                    finally:
                        over.set()
                        await telling
        return run.report.fatal

    return asyncio.run(work())


async def tell_on(tell: Callable[[], bool], stop: Callable[[], None], over: asyncio.Event) -> None:
    """Tell of outcomes from time to time, and once more when the work is over."""
    ending = False
    while not ending:
        with contextlib.suppress(TimeoutError):
            async with _clock.limit(TICK):
                await over.wait()
        # It may end while it is being told of: then once more.
        ending = over.is_set()
        if await to_thread.run_sync(tell):
            stop()


def _doubt(path: Path, action: Action, wait: Any, base_url: str, ids: Iterable[str]) -> None:
    """Write the journal of a run that was killed after it had sent every id, or just before.

    So each of them is looked at first, and is sent only if it did not take.
    """
    journal = Journal(path, f"{action}Instance", wait, base_url, None)
    journal.open()
    try:
        journal.begin(_clock.wall())
        for id in ids:
            journal.sent(id)
    finally:
        journal.close()
