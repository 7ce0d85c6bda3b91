"""What does a fleet do to its neighbours, and to a key that dies?

A bot answers its user while a fleet of thousands starts over the same client: a single `get`,
again and again, timed.  The fleet is held to a quota that the pretend server, one process of
Python, has no trouble with: it is the client that is measured.  And a key that is refused from
one moment on: how many more requests go out with it.

    python benchmarks/neighbour.py [--starts 5000] [--concurrency 64] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
from time import perf_counter

from _measure import Promises, about, emulator, told_by
from _sides import KEY

from beeos_async import AsyncBeeOS
from beeos_async.emulator import instance_ids

PAUSE = 0.005
RATE = 400
DIES_AFTER = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a fleet does to its neighbours.")
    option = parser.add_argument
    option("--starts", type=int, default=5000, help="ids of the fleet beside the single calls")
    option("--concurrency", type=int, default=64, help="starts at once")
    option("--quick", action="store_true", help="1,000 ids")
    chosen = parser.parse_args()
    starts = 1000 if chosen.quick else chosen.starts

    print(about())
    promises = Promises()
    ids = instance_ids(2 * DIES_AFTER if chosen.quick else 10 * DIES_AFTER)
    with emulator(starts, "--latency", "0.01") as url:
        alone, beside = asyncio.run(neighbours(url, ids[:starts], chosen.concurrency))
    print(f"\na single get beside a fleet of {starts:,}, {chosen.concurrency} at once")
    for name, times in (("alone", alone), ("beside the fleet", beside)):
        half, most = (sorted(times)[int(share * len(times))] for share in (0.5, 0.99))
        print(
            f"  {name:20}{len(times):>6,} calls, half within {half * 1000:6.1f} ms, "
            f"99 of 100 within {most * 1000:6.1f} ms"
        )
    promises.hold(
        "p99 beside the fleet", sorted(beside)[int(0.99 * len(beside))] * 1000, 50, unit=" ms"
    )

    with emulator(len(ids), "--refuse", f"401@{DIES_AFTER}") as url:
        counts = asyncio.run(dying(url, ids, chosen.concurrency))
        further = told_by(url)["requests"] - DIES_AFTER
    print(f"\na key that dies after {DIES_AFTER:,} of {len(ids):,} starts: {counts}")
    promises.hold("further requests", further, chosen.concurrency + 1)
    promises.close()


async def neighbours(
    url: str, ids: list[str], concurrency: int
) -> tuple[list[float], list[float]]:
    """Time single calls alone, and then beside a fleet."""
    bee = AsyncBeeOS(
        KEY,
        base_url=url,
        max_concurrency=concurrency,
        rate_limit={"startInstance": f"{RATE}/s"},
    )
    async with bee:

        async def call() -> float:
            begin = perf_counter()
            await bee.instances.get(ids[0])
            return perf_counter() - begin

        alone = [await call() for _ in range(200)]
        fleet = asyncio.create_task(bee.start_many(ids))
        beside: list[float] = []
        while not fleet.done():
            beside.append(await call())
            await asyncio.sleep(PAUSE)
        fleet.result().raise_for_failures()
    return alone, beside


async def dying(url: str, ids: list[str], concurrency: int) -> dict[str, int]:
    """Start a fleet with a key that dies."""
    async with AsyncBeeOS(KEY, base_url=url, max_concurrency=concurrency) as bee:
        report = await bee.start_many(ids)
    assert report.fatal is not None, "a key that is refused ends the run"  # noqa: S101
    return {**report.counts}


if __name__ == "__main__":
    main()
