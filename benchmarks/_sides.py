"""What is compared: ways to start many instances, each from nothing to all answers.

As a script it runs one of them once, in a process of its own, and prints as JSON what it took:
seconds on the clock, seconds of CPU of all threads, and the bytes of memory at its peak beyond
what was there before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import Any, Final

from _measure import peak_memory
from _server import Server
from msgspec import Struct, json

from beeos_async import AsyncBeeOS

KEY: Final = "benchmark"

FIRST: Final = 10**11
"""The number in the first id; all of them are as long."""

Side = Callable[[Server, list[str], int], Awaitable[int]]
"""Starts the ids on a server, so many at once, and tells how many were answered as started."""


class Taken(Struct, frozen=True):
    """What one side took."""

    wall: float
    """Seconds on the clock."""

    cpu: float
    """Seconds of CPU, of all threads, in user space and in the kernel."""

    memory: int
    """Bytes at the peak, beyond what was there before."""

    calls: int
    """Calls of Python functions, where they were counted."""


def ids_of(count: int) -> list[str]:
    """Make up ids that cost next to nothing to make."""
    return [f"instance_{FIRST + number}" for number in range(count)]


def trust(server: Server) -> ssl.SSLContext | None:
    """Trust whoever signed the server's certificate."""
    return ssl.create_default_context(cafile=server.ca) if server.ca else None


def bee_of(server: Server, concurrency: int, **options: Any) -> AsyncBeeOS:
    """Make a client of ours as anybody would, with all it does switched on."""
    return AsyncBeeOS(
        KEY, base_url=server.url, max_concurrency=concurrency, ssl=trust(server), **options
    )


async def ours(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by `start_many`."""
    async with bee_of(server, concurrency) as bee:
        report = await bee.start_many(ids)
    return len(report.instances)


async def ours_plain(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by `start_many`, over the transport that leases nothing."""
    async with bee_of(server, concurrency, transport="plain") as bee:
        report = await bee.start_many(ids)
    return len(report.instances)


async def ours_streamed(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by `start_stream`, and keep nothing."""
    async with (
        bee_of(server, concurrency) as bee,
        bee.start_stream(ids, collect=False) as run,
    ):
        async for _ in run:
            pass
    return run.report.counts["succeeded"]


async def ours_one(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them one after the other by `start`."""
    async with bee_of(server, concurrency) as bee:
        for id in ids:
            await bee.start(id)
    return len(ids)


async def aiohttp_by_hand(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them as one does who has aiohttp, an afternoon, and no SDK."""
    import aiohttp  # noqa: PLC0415 -- so that each side weighs on nobody else's memory

    turn = asyncio.Semaphore(concurrency)
    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(ssl=trust(server) or True, limit=max(100, concurrency))
    async with aiohttp.ClientSession(server.url, headers=headers, connector=connector) as session:

        async def start(id: str) -> dict[str, Any]:
            async with turn, session.post(f"/api/v1/instances/{id}/start") as response:
                response.raise_for_status()
                answer = await response.json()
                return answer["data"]

        instances = await asyncio.gather(*(start(id) for id in ids))
    return len(instances)


async def aiohttp_one(server: Server, ids: list[str], _concurrency: int) -> int:
    """Start them one after the other by `session.post` and `json()`."""
    import aiohttp  # noqa: PLC0415 -- as above

    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        for id in ids:
            async with session.post(f"/api/v1/instances/{id}/start") as response:
                response.raise_for_status()
                await response.json()
    return len(ids)


async def aiohttp_msgspec(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by aiohttp, with msgspec instead of `json()`."""
    import aiohttp  # noqa: PLC0415 -- as above

    decode = _decoder()
    turn = asyncio.Semaphore(concurrency)
    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(ssl=trust(server) or True, limit=max(100, concurrency))
    async with aiohttp.ClientSession(server.url, headers=headers, connector=connector) as session:

        async def start(id: str) -> Any:
            async with turn, session.post(f"/api/v1/instances/{id}/start") as response:
                response.raise_for_status()
                return decode(await response.read()).data

        instances = await asyncio.gather(*(start(id) for id in ids))
    return len(instances)


async def httpx_pydantic(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by httpx, with the official SDK's pydantic model."""
    import httpx  # noqa: PLC0415 -- as above
    from beeos_sdk import InstanceResponse  # noqa: PLC0415

    turn = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(
        base_url=server.url,
        headers={"Authorization": f"Bearer {KEY}"},
        limits=limits,
        verify=trust(server) or True,
    ) as session:

        async def start(id: str) -> Any:
            async with turn:
                response = await session.post(f"/api/v1/instances/{id}/start")
            response.raise_for_status()
            return InstanceResponse.model_validate_json(response.content).data

        instances = await asyncio.gather(*(start(id) for id in ids))
    return len(instances)


async def pyreqwest_msgspec(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by pyreqwest, which is Rust, with msgspec."""
    from pyreqwest.client import ClientBuilder  # noqa: PLC0415 -- as above

    decode = _decoder()
    turn = asyncio.Semaphore(concurrency)
    builder = (
        ClientBuilder()
        .base_url(server.url)
        .default_headers({"Authorization": f"Bearer {KEY}"})
        .error_for_status(enable=True)
    )
    if server.ca:
        builder = builder.add_root_certificate_pem(server.ca_pem())
    async with builder.build() as session:

        async def start(id: str) -> Any:
            async with turn:
                response = await session.post(f"/api/v1/instances/{id}/start").build().send()
                return decode(await response.bytes()).data

        instances = await asyncio.gather(*(start(id) for id in ids))
    return len(instances)


async def official(server: Server, ids: list[str], concurrency: int) -> int:
    """Start them by the official SDK, which is synchronous, from a pool of threads."""
    import beeos_sdk  # noqa: PLC0415 -- as above

    configuration = beeos_sdk.Configuration(host=server.url, access_token=KEY)
    configuration.connection_pool_maxsize = concurrency
    configuration.ssl_ca_cert = server.ca
    session = beeos_sdk.ApiClient(configuration)
    instances = beeos_sdk.InstancesApi(session)
    with ThreadPoolExecutor(concurrency) as pool:
        answers = list(pool.map(instances.start_instance, ids))
    session.rest_client.pool_manager.clear()
    return len([answer.data for answer in answers])


def _decoder() -> Callable[[bytes], Any]:
    from beeos_async import Instance  # noqa: PLC0415 -- as above
    from beeos_async.models._base import Envelope  # noqa: PLC0415

    return json.Decoder(Envelope[Instance]).decode


SIDES: Final[dict[str, Side]] = {
    "ours": ours,
    "ours-streamed": ours_streamed,
    "ours-plain": ours_plain,
    "ours-one": ours_one,
    "aiohttp": aiohttp_by_hand,
    "aiohttp-one": aiohttp_one,
    "aiohttp-msgspec": aiohttp_msgspec,
    "pyreqwest": pyreqwest_msgspec,
    "httpx": httpx_pydantic,
    "official": official,
}

TITLES: Final = {
    "ours": "beeos-async, start_many",
    "ours-streamed": "beeos-async, start_stream, nothing kept",
    "ours-plain": "beeos-async, start_many, transport plain",
    "ours-one": "beeos-async, start, one by one",
    "aiohttp": "aiohttp, written by hand",
    "aiohttp-one": "aiohttp, written by hand, one by one",
    "aiohttp-msgspec": "aiohttp + msgspec",
    "pyreqwest": "pyreqwest (Rust) + msgspec",
    "httpx": "httpx + pydantic",
    "official": "official SDK, a thread for each",
}

SLOWER: Final = {"httpx": 8, "official": 3}
"""By how much fewer starts are enough to see how slow a side is."""


def main() -> None:
    """Run one side once."""
    parser = argparse.ArgumentParser(description="Run one side once.")
    option = parser.add_argument
    option("side", choices=SIDES)
    option("count", type=int, help="how many ids")
    option("concurrency", type=int, help="how many at once")
    option("server", type=lambda text: json.decode(text, type=Server), help="where, as JSON")
    option("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    option("--warm", type=int, default=0, help="starts before those that count")
    option("--calls", action="store_true", help="count calls of Python functions, too")
    chosen = parser.parse_args()
    if chosen.loop == "uvloop":
        import uvloop  # noqa: PLC0415 -- only where it is asked for

        run: Callable[[Any], Any] = uvloop.run
    else:
        run = asyncio.run
    print(json.encode(run(measured(chosen))).decode(), flush=True)
    # Some libraries have threads that crash while an interpreter ends, which is not measured.
    os._exit(0)


async def measured(chosen: argparse.Namespace) -> Taken:
    """Run a side, and measure it."""
    side, warm, ids = SIDES[chosen.side], ids_of(chosen.warm), ids_of(chosen.count)
    if warm:
        await side(chosen.server, warm, chosen.concurrency)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    gc.collect()
    before = peak_memory()
    wall, cpu = perf_counter(), process_time()
    if chosen.calls:
        sys.setprofile(count)
    started = await side(chosen.server, ids, chosen.concurrency)
    sys.setprofile(None)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if started != len(ids):
        sys.exit(f"{chosen.side} started {started} of {len(ids)}")
    return Taken(wall, cpu, peak_memory() - before, calls)


if __name__ == "__main__":
    main()
