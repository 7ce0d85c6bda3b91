"""What does the slow start cost where there is no quota?

The client begins with 8 starts in flight and doubles them with each round trip, because it
cannot know whether there is a quota.  A client that is told of a quota nothing can reach has
all 64 in flight from the beginning: that is the flat window it is held against, in rounds that
take turns.

    python benchmarks/unthrottled.py [--rounds 7] [--starts 2000] [--latency 0.02] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
from statistics import median
from time import perf_counter

from _measure import Promises, about, emulator, spread
from _sides import KEY

from beeos_async import AsyncBeeOS
from beeos_async.emulator import instance_ids

FLAT = "1000000/s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the slow start costs.")
    option = parser.add_argument
    option("--rounds", type=int, default=7, help="rounds that count; one more warms up")
    option("--starts", type=int, default=2000, help="starts of each side in each round")
    option("--latency", type=float, default=0.02, help="seconds an answer takes")
    option("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds = 2

    print(about())
    limit = chosen.starts / 64 * chosen.latency
    print(
        f"\n{chosen.starts:,} starts, 64 at once, {chosen.latency} s each: {limit:.2f} s at least"
    )
    promises = Promises()
    slow: list[float] = []
    flat: list[float] = []
    with emulator(chosen.starts, "--latency", str(chosen.latency)) as url:
        ids = instance_ids(chosen.starts)
        for number in range(chosen.rounds + 1):
            for rate_limit, taken in ((None, slow), (FLAT, flat))[:: 1 if number % 2 else -1]:
                seconds = asyncio.run(start(url, ids, rate_limit))
                if number:
                    taken.append(seconds)
    ratios = [own / other for own, other in zip(slow, flat, strict=True)]
    print(f"slow start {median(slow):.2f} s, flat window {median(flat):.2f} s: {spread(ratios)}")
    promises.hold("slow start / flat window", median(ratios), 1.15, unit=" x")
    promises.close()


async def start(url: str, ids: list[str], rate_limit: str | None) -> float:
    """Start all ids by a client that knows of a quota, or of none; give the seconds."""
    async with AsyncBeeOS(KEY, base_url=url, rate_limit=rate_limit) as bee:
        begin = perf_counter()
        report = await bee.start_many(ids)
        taken = perf_counter() - begin
    report.raise_for_failures()
    return taken


if __name__ == "__main__":
    main()
