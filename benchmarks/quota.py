"""How close to the limit of a quota does a fleet run, and how much does it waste?

A quota of `rate` a second with a burst takes at least (n - burst) / rate seconds for n starts;
nothing can be faster.  The client is not told of the quota first, and told in a second run.
Beside it, on servers of the same kind: every id at once with two retries each, which is what
most SDKs do by default, and the official SDK in threads, which does not retry a start.

Slow quotas take what they take: 1,000 ids at 10 a second are 99 seconds, so they are left
out unless asked for.

    python benchmarks/quota.py [--long] [--longest] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, Final

import aiohttp
from _measure import Promises, about, emulator, told_by
from _sides import KEY

from beeos_async import AsyncBeeOS
from beeos_async.emulator import instance_ids

CONCURRENCY: Final = 64
THREADS: Final = 32
RETRIES: Final = 2

Starts = Callable[[str, list[str]], int]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How close to a quota a fleet runs.")
    option = parser.add_argument
    option("--long", action="store_true", help="also 1,000 ids at 10/s: 6 minutes")
    option("--longest", action="store_true", help="also 4,000 ids at 10/s: 20 minutes more")
    option("--quick", action="store_true", help="see that it runs: 600 ids at 200/s alone")
    chosen = parser.parse_args()
    cases = [(200, 1000), (200, 4000), (10, 100)]
    if chosen.quick:
        cases = [(200, 600)]
    if chosen.long or chosen.longest:
        cases.append((10, 1000))
    if chosen.longest:
        cases.append((10, 4000))

    print(about())
    promises = Promises()
    for rate, count in cases:
        measure(promises, rate, count)
    left_out = [f"{count:,} ids at 10/s" for count in (1000, 4000) if (10, count) not in cases]
    if left_out:
        print(f"\nleft out, for the time they take: {', '.join(left_out)}")
    promises.close()


def measure(promises: Promises, rate: int, count: int) -> None:
    """Measure one quota and one number of ids, all ways to start them."""
    limit = (count - rate) / rate
    print(f"\n{count:,} ids, {rate}/s with a burst of {rate}: {limit:.1f} s at least")
    taken, lost, refused = run(ours(None), rate, count)
    show("ours, not told of it", taken, count - lost, refused)
    promises.hold("ids lost", lost, 0)
    promises.hold("seconds / limit", taken / limit, (1.05 * limit + 1) / limit, unit=" x")
    promises.hold("requests that were throttled", refused, CONCURRENCY + count / 100)
    taken, lost, refused = run(ours(f"{rate}/s"), rate, count)
    show("ours, told of it", taken, count - lost, refused)
    promises.hold("ids lost", lost, 0)
    promises.hold("seconds / limit", taken / limit, (1.05 * limit + 1) / limit, unit=" x")
    promises.hold("requests that were throttled", refused, 10)
    taken, lost, refused = run(retried, rate, count)
    show(f"all at once, {RETRIES} retries each", taken, count - lost, refused)
    taken, lost, refused = run(official, rate, count)
    show(f"official SDK, {THREADS} threads", taken, count - lost, refused)


def run(starts: Starts, rate: int, count: int) -> tuple[float, int, int]:
    """Start ids on a server of their own; give seconds, ids lost and requests throttled."""
    with emulator(count, "--quota", f"{rate}/s") as url:
        ids = instance_ids(count)
        begin = perf_counter()
        started = starts(url, ids)
        taken = perf_counter() - begin
        told = told_by(url)
    assert len(told["effects"]) == started, "what is claimed is what took effect"  # noqa: S101
    return taken, count - started, told["answers"]["startInstance"].get("429", 0)


def show(how: str, taken: float, started: int, refused: int) -> None:
    """Print one way to start them."""
    print(f"{how:34}{taken:>8.1f} s{started:>9,} started{refused:>9,} throttled", flush=True)


def ours(rate_limit: str | None) -> Starts:
    """Start them by `start_many`."""

    async def start(url: str, ids: list[str]) -> int:
        bee = AsyncBeeOS(KEY, base_url=url, max_concurrency=CONCURRENCY, rate_limit=rate_limit)
        async with bee:
            return len((await bee.start_many(ids)).instances)

    return lambda url, ids: asyncio.run(start(url, ids))


def retried(url: str, ids: list[str]) -> int:
    """Start all of them at once, each with retries of its own."""
    return asyncio.run(_retried(url, ids))


async def _retried(url: str, ids: list[str]) -> int:
    headers = {"Authorization": f"Bearer {KEY}"}
    turn = asyncio.Semaphore(CONCURRENCY)
    async with aiohttp.ClientSession(url, headers=headers) as session:

        async def start(id: str) -> bool:
            async with turn:
                for attempt in range(1 + RETRIES):
                    if attempt:
                        jitter = random.random()  # noqa: S311 -- as the SDKs do
                        await asyncio.sleep(0.5 * 2 ** (attempt - 1) * (0.75 + 0.25 * jitter))
                    async with session.post(f"/api/v1/instances/{id}/start") as response:
                        await response.read()
                        if response.status != 429:
                            return response.ok
            return False

        return sum(await asyncio.gather(*map(start, ids)))


def official(url: str, ids: list[str]) -> int:
    """Start them by the official SDK, which is synchronous, from a pool of threads."""
    import beeos_sdk  # noqa: PLC0415 -- needed by this side alone

    configuration = beeos_sdk.Configuration(host=url, access_token=KEY)
    configuration.connection_pool_maxsize = THREADS
    session = beeos_sdk.ApiClient(configuration)
    instances: Any = beeos_sdk.InstancesApi(session)

    def start(id: str) -> bool:
        try:
            instances.start_instance(id)
        except beeos_sdk.ApiException:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        started = sum(pool.map(start, ids))
    session.rest_client.pool_manager.clear()
    return started


if __name__ == "__main__":
    main()
