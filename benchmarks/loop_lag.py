"""How long does a run hold the event loop that a program shares with others?

Beside a run of `start_many` a task asks for a turn again and again, and notes how long it
waits for each.  Beside nothing at all the same task tells how much of that is the machine;
and beside a fleet started by hand, how much of it is Python's.

A promise is kept by what the loop's own thread did in the meantime, collections of garbage
included: when another process had the core, no run of this one held the loop.

    python benchmarks/loop_lag.py [--starts 10000] [--rounds 5] [--sides ours aiohttp]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter, thread_time

from _measure import Promises, about
from _run import Options, parser, save
from _server import Server, server
from _sides import SIDES, TITLES, ids_of
from msgspec import Struct

MILLISECOND = 1000
WARM = 200
IDLE = "nothing"


class Held(Struct, frozen=True):
    """How long turns of the loop took, in milliseconds."""

    busy: float
    """Of its thread, at the 99.9th percentile."""

    clock: float
    """On the clock, at the 99.9th percentile."""

    longest: float
    """Of its thread, at most."""


def main() -> None:
    """Measure and print."""
    asked = parser("How long a run holds the loop.", ("ours", "aiohttp"))
    asked.add_argument("--starts", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=5)
    chosen = asked.parse_args(namespace=Options())
    if chosen.quick:
        chosen.starts, chosen.rounds = 300, 1

    print(f"{about()}\n")
    beside: dict[str, list[Held]] = {side: [] for side in (*chosen.sides, IDLE)}
    with server(chosen.starts) as where:
        for _ in range(chosen.rounds):
            for side in chosen.sides:
                beside[side].append(asyncio.run(held(side, where, chosen)))
            beside[IDLE].append(asyncio.run(idle()))
    print(f"{'ms of a turn, beside':44}{'p99.9':>10}{'by the clock':>14}{'longest':>10}")
    for side, rounds in beside.items():
        busy, clock = (_median(rounds, of) for of in ("busy", "clock"))
        longest = max(one.longest for one in rounds)
        print(f"{TITLES.get(side, side):44}{busy:>10.2f}{clock:>14.2f}{longest:>10.2f}")
    save(chosen, "loop_lag", beside)
    print()
    promises = Promises(quick=chosen.quick)
    if "ours" in beside:
        promises.hold("ms a run holds the loop, p99.9", _median(beside["ours"], "busy"), 5)
    promises.close()


async def held(side: str, where: Server, chosen: Options) -> Held:
    """Start a fleet, and measure how long each turn of the loop takes meanwhile."""
    await SIDES[side](where, ids_of(WARM), chosen.concurrency)
    watching = asyncio.create_task(turns())
    started = await SIDES[side](where, ids_of(chosen.starts), chosen.concurrency)
    watching.cancel()
    if started != chosen.starts:
        sys.exit(f"{side} started {started} of {chosen.starts}")
    return await watching


async def idle() -> Held:
    """Measure how long a turn of a loop takes that has nothing to do."""
    watching = asyncio.create_task(turns())
    await asyncio.sleep(1)
    watching.cancel()
    return await watching


async def turns() -> Held:
    """Take turns until cancelled, and tell how long they took."""
    busy: list[float] = []
    clock: list[float] = []
    worked, began = thread_time(), perf_counter()
    try:
        while True:
            await asyncio.sleep(0)
            works, now = thread_time(), perf_counter()
            busy.append(works - worked)
            clock.append(now - began)
            worked, began = works, now
    except asyncio.CancelledError:
        rare = int(len(busy) * 0.999)
        busy.sort()
        clock.sort()
        return Held(busy[rare] * MILLISECOND, clock[rare] * MILLISECOND, busy[-1] * MILLISECOND)


def _median(rounds: Sequence[Held], of: str) -> float:
    return median(getattr(one, of) for one in rounds)


if __name__ == "__main__":
    main()
