"""Does the client keep its promises where answers are foreign, calls are broken off, hosts dead?

Answers to nobody's request, pushed onto connections of a fleet; a fleet cancelled with a thousand
requests in flight; single calls to a server that answers nothing but 503.  One line says what was
promised, one what was seen.  The pretend cloud is another process, and its log is the judge: what
took effect, how often, and what was asked.

    python benchmarks/edges.py [desync cancel dead] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter
from typing import Any

from _measure import about

from beeos_async import AsyncBeeOS, BeeOSError, FleetReport
from beeos_async.emulator import Emulator, instance_ids

SEED = 7


class Cloud:
    """The pretend cloud, in its own process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, size: int) -> None:
        self.process = process
        self.url = url
        self.ids = instance_ids(size, SEED)

    async def tell(self, **wish: object) -> Any:
        """Ask it to do something, and take its answer."""
        assert self.process.stdin is not None  # noqa: S101 -- both are piped
        assert self.process.stdout is not None  # noqa: S101
        self.process.stdin.write(json.dumps(wish).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    def client(self, **options: Any) -> AsyncBeeOS:
        """Make a client of it."""
        return AsyncBeeOS("benchmark", base_url=self.url, **options)


@contextlib.asynccontextmanager
async def open_cloud(size: int, **options: Any) -> AsyncIterator[Cloud]:
    """Run a pretend cloud in another process, and end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "--serve",
        json.dumps({"instances": size, "seed": SEED, "boot_time": 60.0, **options}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # All that took effect is one line.
        limit=2**26,
    )
    assert process.stdout is not None  # noqa: S101 -- it is piped
    yield Cloud(process, json.loads(await process.stdout.readline()), size)
    assert process.stdin is not None  # noqa: S101 -- it is piped
    process.stdin.close()
    await process.wait()


async def serve(options: dict[str, Any]) -> None:
    """Be that cloud: do what each line of standard input says."""
    loop = asyncio.get_running_loop()
    async with Emulator(**options) as cloud:
        print(json.dumps(cloud.url), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            wish = json.loads(line)
            answer: object = None
            if "push" in wish:
                cloud.faults.push("startInstance", wish.pop("push").encode(), times=None, **wish)
            elif "fault" in wish:
                getattr(cloud.faults, wish.pop("fault"))(*wish.pop("of", ()), **wish)
            elif "clear" in wish:
                cloud.faults.clear()
            else:
                answer = {
                    "effects": {id: cloud.effects(id) for id in cloud.ids if cloud.effects(id)},
                    "asked": Counter(entry.operation for entry in cloud.log),
                    "statuses": Counter(entry.status for entry in cloud.log),
                }
            print(json.dumps(answer), flush=True)


def judge(report: FleetReport[Any], told: dict[str, Any]) -> list[str]:
    """Compare a report with what took effect; give back what is wrong with it."""
    started = {one.id for one in report.succeeded}
    unknown = {one.id for one in report.unknown}
    applied = set(told["effects"])
    wrong = {
        "claimed and not done": len(started - applied),
        "done and denied": len(applied - started - unknown),
        "done twice": sum(times > 1 for times in told["effects"].values()),
    }
    return [f"{count} {what}" for what, count in wrong.items() if count]


def say(name: str, promised: str, seen: str) -> None:
    """Print one figure."""
    print(f"{name:<10} promised  {promised}\n{'':<10} seen      {seen}", flush=True)


async def desync(*, quick: bool) -> None:
    """Answers to somebody else, pushed onto connections that are idle or about to be used."""
    size = 1000 if quick else 10_000
    evil = b'{"success":true,"data":{"id":"evil","desiredStatus":"running"}}'
    pushed = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(evil), evil)
    async with open_cloud(size) as cloud, cloud.client() as bee:
        await cloud.tell(push=pushed.decode(), ids=cloud.ids[::20])
        report = await bee.start_many(cloud.ids)
        told = await cloud.tell()
    mixed = sum(id != one.id for id, one in report.instances.items())
    say(
        "desync",
        f"no answer mistaken in {size:,} starts, 5 % of them followed by a foreign one",
        f"{mixed} mistaken, {', '.join(judge(report, told)) or 'none wrong'},"
        f" {len(report.succeeded):,} started",
    )


async def cancel(*, quick: bool) -> None:
    """Cancelling a fleet with a thousand requests in flight."""
    size, concurrency = (1000, 100) if quick else (20_000, 1000)
    async with open_cloud(size) as cloud, cloud.client(max_concurrency=concurrency) as bee:
        # The pace grows with what is answered: so most is, first.
        await cloud.tell(fault="silence", of=["startInstance"], times=None, after=size // 2)
        run = bee.start_stream(cloud.ids)

        async def work() -> None:
            async with run:
                await run.wait()

        task = asyncio.create_task(work())
        while run.progress.done < size // 2:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        began = perf_counter()
        task.cancel()
        await asyncio.wait([task])
        took = perf_counter() - began
        in_flight = len(run.report.unknown)
    say(
        "cancel",
        f"within 100 ms with {concurrency} in flight",
        f"{took * 1000:.0f} ms, {in_flight} were in flight, {len(run.report):,} outcomes",
    )


async def dead(*, quick: bool) -> None:
    """Single calls to a server that answers nothing but 503."""
    calls, at_once = (100, 20) if quick else (2000, 20)
    async with open_cloud(1) as cloud, cloud.client() as bee:
        await cloud.tell(fault="refuse", of=["getInstance", 503], times=None)
        left = iter(range(calls))

        async def ask() -> None:
            for _ in left:
                with contextlib.suppress(BeeOSError):
                    await bee.instances.get(cloud.ids[0])

        began = perf_counter()
        await asyncio.gather(*(ask() for _ in range(at_once)))
        took = perf_counter() - began
        told = await cloud.tell()
    asked = told["asked"]["getInstance"]
    allowed = 1.2 * calls + 10 * took + 100
    say(
        "dead",
        f"{allowed:,.0f} requests: 1.2 for each call, 10 a second, and 100 to begin with",
        f"{asked:,} of {calls:,} single calls in {took:.1f} s",
    )


FIGURES: dict[str, Callable[..., Awaitable[None]]] = {
    one.__name__: one for one in (desync, cancel, dead)
}


def main() -> None:
    """Measure the figures that are named, or all of them."""
    parser = argparse.ArgumentParser(description="What is promised, and what is seen.")
    parser.add_argument("figures", nargs="*", metavar="figure", help=", ".join(FIGURES))
    parser.add_argument("--serve", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.serve is not None:
        asyncio.run(serve(chosen.serve))
        return
    print(about())
    for name in chosen.figures or FIGURES:
        asyncio.run(FIGURES[name](quick=chosen.quick))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
