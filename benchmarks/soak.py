"""Does anything grow when fleets are started through trouble again and again?

Each round opens a client, starts the same ids through 20 % of faults of ten kinds, and closes
it.  After each, this process is looked at: open descriptors, tasks, objects the collector
knows, memory.  The emulator is another process.  Pauses take no time, so that the minutes of
backing off that so much trouble asks for are not waited for.

    python benchmarks/soak.py [--rounds 8] [--starts 8000] [--faults 0.2] [--minutes 30]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from time import monotonic

from _measure import about, emulator, memory

from beeos_async import AsyncBeeOS, FleetReport, Instance
from beeos_async._clock import RealClock
from beeos_async.emulator import instance_ids

WARM = 2
"""Rounds after which nothing may grow any more."""

FEW = 100
"""Objects of a round that may still be on their way out."""

GROWTH = 4 * 2**20
"""Bytes by which the peak of the second half of the rounds may be over that of the first: the
allocator cannot give back whole what a report of thousands of outcomes has taken in pieces."""


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
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.starts = 3, 200

    print(about())
    print(f"{'round':>6}{'started':>9}{'unknown':>9}{'lost':>6}{'fds':>6}{'tasks':>7}"
          f"{'objects':>9}{'MiB':>8}")  # fmt: skip
    with emulator(chosen.starts, "--faults", str(chosen.faults)) as url:
        looks = asyncio.run(soak(url, chosen))
    warm, last = looks[min(WARM, len(looks)) - 1], looks[-1]
    names = ("descriptors", 0), ("tasks", 0), ("objects", FEW)
    grown = [
        name
        for (name, few), before, after in zip(names, warm, last, strict=False)
        if after - before > few
    ]
    half = len(looks) // 2
    more = max(look[3] for look in looks[half:]) - max(look[3] for look in looks[:half])
    if more > GROWTH:
        grown.append("memory")
    print(
        f"\nafter round {WARM} {'grew: ' + ', '.join(grown) if grown else 'nothing grew'};"
        f" memory {more / 2**20:+.1f} MiB from the first half to the second"
    )
    sys.exit(bool(grown))


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
