"""Does anything grow when fleets are started through trouble again and again?

Each round opens a client, starts the same ids through 20 % of faults of ten kinds, and closes
it.  After each, this process is looked at: open descriptors, tasks, objects the collector
knows, memory.  The emulator is another process.  Pauses take no time, so that the minutes of
backing off that so much trouble asks for are not waited for.

Memory is that of this process with the allocator of C, which gives back what is free.
CPython's own keeps a mebibyte for as long as one object in it lives, and what a round leaves
behind, which is level, lies elsewhere each time: with `--allocator pymalloc` the same rounds
creep from 63 MiB to 81, and stop there after some twenty.

    python benchmarks/soak.py [--rounds 8] [--starts 8000] [--faults 0.2] [--minutes 30]
        [--allocator malloc|pymalloc]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from time import monotonic

from _measure import Promises, about, emulator, memory

from beeos_async import AsyncBeeOS, FleetReport, Instance
from beeos_async._clock import RealClock
from beeos_async.emulator import instance_ids

WARM = 2
"""Rounds after which nothing may grow any more."""

FEW = 100
"""Objects of a round that may still be on their way out."""

GROWTH = 2**20
"""Bytes by which memory may be more after the last round than after the second."""


class Quick(RealClock):
    """A clock on which pauses take no time, so that backing off is not waited for."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:  # type: ignore[override]
        """Seconds, with those that were not waited."""
        return monotonic() + self._skipped

    async def sleep(self, seconds: float, /) -> None:  # type: ignore[override]
        """Let others go, and say that so much time has passed."""
        until = self.now() + seconds
        await asyncio.sleep(0)
        self._skipped += max(0.0, until - self.now())


def main() -> None:
    """Run the rounds, print a line for each, and fail where something has grown."""
    parser = argparse.ArgumentParser(description="Whether anything grows.")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--starts", type=int, default=8000, help="of each round")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--faults", type=float, default=0.2, help="share of starts in trouble")
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long")
    parser.add_argument("--allocator", choices=("malloc", "pymalloc"), default="malloc")
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.starts = 3, 200
    if os.environ.get("PYTHONMALLOC") != chosen.allocator:
        # It is chosen before Python begins.
        os.environ["PYTHONMALLOC"] = chosen.allocator
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 -- this very script

    print(about())
    print(f"{'round':>6}{'started':>9}{'unknown':>9}{'lost':>6}{'fds':>6}{'tasks':>7}"
          f"{'objects':>9}{'MiB':>8}")  # fmt: skip
    with emulator(chosen.starts, "--faults", str(chosen.faults)) as url:
        looks = asyncio.run(soak(url, chosen))
    warm, last = looks[min(WARM, len(looks)) - 1], looks[-1]
    more = [after - before for before, after in zip(warm, last, strict=True)]
    promises = Promises()
    print(f"\nmore after round {len(looks)} than after round {WARM}:")
    promises.hold("open descriptors", more[0], 0)
    promises.hold("tasks", more[1], 0)
    promises.hold("objects", more[2], FEW)
    promises.hold("memory", more[3] / 2**20, GROWTH / 2**20, unit=" MiB")
    promises.close()


async def soak(url: str, chosen: argparse.Namespace) -> list[tuple[int, int, int, int]]:
    """Run rounds of starts, and look at this process after each."""
    ids = instance_ids(chosen.starts)
    looks: list[tuple[int, int, int, int]] = []
    began = monotonic()
    while len(looks) < chosen.rounds or monotonic() - began < 60 * chosen.minutes:
        report = await start(url, ids, chosen.concurrency)
        told = len(report.succeeded), len(report.unknown)
        if len(report) != len(ids):
            sys.exit(f"{len(report)} outcomes of {len(ids)} ids")
        del report
        # Sockets are closed a turn of the loop later.
        await asyncio.sleep(0.1)
        gc.collect()
        fds = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- names are enough
        look = fds, len(asyncio.all_tasks()), len(gc.get_objects()), memory()
        looks.append(look)
        print(f"{len(looks):>6}{told[0]:>9,}{told[1]:>9,}{len(ids) - sum(told):>6,}"
              f"{look[0]:>6}{look[1]:>7}{look[2]:>9,}{look[3] / 2**20:>8.1f}")  # fmt: skip
    return looks


async def start(url: str, ids: list[str], concurrency: int) -> FleetReport[Instance]:
    """Start them all, by a client of its own."""
    async with AsyncBeeOS(
        "benchmark", base_url=url, max_concurrency=concurrency, _clock=Quick()
    ) as bee:
        return await bee.start_many(ids)


if __name__ == "__main__":
    main()
