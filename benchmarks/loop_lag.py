"""How long does a run hold the event loop that a program shares with others?

Beside a run of `start_many` a task asks for a turn again and again, and notes how long it
waits for each.  Beside nothing at all the same task tells how much of that is the machine.

    python benchmarks/loop_lag.py [--starts 10000] [--rounds 5]
"""

from __future__ import annotations

import asyncio
import sys
from statistics import median
from time import perf_counter

from _measure import Promises, about, spread
from _run import Options, parser, save
from _server import Server, server
from _sides import bee_of, ids_of

MILLISECOND = 1000


def main() -> None:
    """Measure and print."""
    asked = parser("How long a run holds the loop.", ("ours",))
    asked.add_argument("--starts", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=5)
    chosen = asked.parse_args(namespace=Options())
    if chosen.quick:
        chosen.starts, chosen.rounds = 300, 1

    print(f"{about()}\n")
    beside: list[float] = []
    alone: list[float] = []
    longest: list[float] = []
    with server(chosen.starts) as where:
        for _ in range(chosen.rounds):
            holds = asyncio.run(held(where, chosen))
            beside.append(holds[int(len(holds) * 0.999)] * MILLISECOND)
            longest.append(holds[-1] * MILLISECOND)
            quiet = asyncio.run(idle())
            alone.append(quiet[int(len(quiet) * 0.999)] * MILLISECOND)
    print(f"p99.9 of a turn of the loop, ms: {median(beside):.2f} beside a run")
    print(f"                                 {median(alone):.2f} beside nothing")
    save(chosen, "loop_lag", {"beside": beside, "alone": alone, "longest": longest})
    print(f"\na run holds the loop for {spread(beside)[:-1].replace('x', ' ms')}), p99.9")
    promises = Promises(quick=chosen.quick)
    promises.hold("ms a run holds the loop, p99.9", median(beside), 5)
    promises.close()


async def held(where: Server, chosen: Options) -> list[float]:
    """Start a fleet, and measure how long each turn of the loop takes meanwhile."""
    async with bee_of(where, chosen.concurrency) as bee:
        ids = ids_of(chosen.starts)
        await bee.start_many(ids[:200])
        watching = asyncio.create_task(turns())
        report = await bee.start_many(ids)
        watching.cancel()
        if not report.ok:
            sys.exit(str(report))
        return sorted(await watching)


async def idle() -> list[float]:
    """Measure how long a turn of a loop takes that has nothing to do."""
    watching = asyncio.create_task(turns())
    await asyncio.sleep(1)
    watching.cancel()
    return sorted(await watching)


async def turns() -> list[float]:
    """Take turns until cancelled, and tell how long each was waited for."""
    waits: list[float] = []
    began = perf_counter()
    try:
        while True:
            await asyncio.sleep(0)
            now = perf_counter()
            waits.append(now - began)
            began = now
    except asyncio.CancelledError:
        return waits


if __name__ == "__main__":
    main()
