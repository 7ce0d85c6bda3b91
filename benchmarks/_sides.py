"""What is compared: four ways to start many instances, each from nothing to all answers.

As a script it runs one of them once, in a process of its own, and prints the bytes that it
took at its peak beyond what was there before: `_sides.py SIDE COUNT CONCURRENCY URL`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import aiohttp
from _measure import peak_memory

from beeos_async import AsyncBeeOS
from beeos_async.emulator import instance_ids

KEY: Final = "benchmark"

THREADS: Final = 32
"""Of the official SDK, with as many connections."""

Side = Callable[[str, list[str], int], int]
"""Starts the ids at a URL, so many at once, and tells how many were answered as started."""


async def collected(url: str, ids: list[str], concurrency: int) -> int:
    """Start them by `start_many`."""
    async with AsyncBeeOS(KEY, base_url=url, max_concurrency=concurrency) as bee:
        report = await bee.start_many(ids)
    return len(report.instances)


async def streamed(url: str, ids: list[str], concurrency: int) -> int:
    """Start them by `start_stream`, and keep nothing."""
    async with (
        AsyncBeeOS(KEY, base_url=url, max_concurrency=concurrency) as bee,
        bee.start_stream(ids, collect=False) as run,
    ):
        async for _ in run:
            pass
    return run.report.counts["succeeded"]


async def by_hand(url: str, ids: list[str], concurrency: int) -> int:
    """Start them as one does who has aiohttp, an afternoon, and no SDK."""
    turn = asyncio.Semaphore(concurrency)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:

        async def start(id: str) -> dict[str, Any]:
            async with turn, session.post(f"/api/v1/instances/{id}/start") as response:
                response.raise_for_status()
                answer = await response.json()
                return answer["data"]

        instances = await asyncio.gather(*(start(id) for id in ids))
    return len(instances)


def official(url: str, ids: list[str], _concurrency: int) -> int:
    """Start them by the official SDK, which is synchronous, from a pool of threads."""
    # Imported here, so that it weighs on nobody else's memory.
    import beeos_sdk  # noqa: PLC0415

    configuration = beeos_sdk.Configuration(host=url, access_token=KEY)
    configuration.connection_pool_maxsize = THREADS
    session = beeos_sdk.ApiClient(configuration)
    instances = beeos_sdk.InstancesApi(session)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(instances.start_instance, ids))
    session.rest_client.pool_manager.clear()
    return len([answer.data for answer in answers])


SIDES: Final[dict[str, Side]] = {
    "ours": lambda *given: asyncio.run(collected(*given)),
    "ours-streamed": lambda *given: asyncio.run(streamed(*given)),
    "aiohttp": lambda *given: asyncio.run(by_hand(*given)),
    "official": official,
}

TITLES: Final = {
    "ours": "ours, start_many",
    "ours-streamed": "ours, start_stream(collect=False)",
    "aiohttp": "aiohttp, written by hand",
    "official": f"official SDK, {THREADS} threads",
}


def main(side: str, count: str, concurrency: str, url: str) -> None:
    """Run one side once.

    Args:
        side: Which.
        count: How many ids.
        concurrency: How many at once.
        url: Where.
    """
    ids = instance_ids(int(count))
    before = peak_memory()
    started = SIDES[side](url, ids, int(concurrency))
    if started != len(ids):
        sys.exit(f"{side} started {started} of {count}")
    print(peak_memory() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
