"""Does the client keep its promises where answers are foreign, calls are broken off, hosts dead?

Answers to nobody's request, pushed onto connections of a fleet; a fleet cancelled with a thousand
requests in flight, by its program and by Ctrl-C at the command; single calls to a server that
answers nothing but 503.  The pretend cloud is another process, and its log is the judge: what
took effect, how often, and what was asked.

    python benchmarks/edges.py [desync cancel interrupt dead] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

from _measure import Promises, about

from beeos_async import AsyncBeeOS, BeeOSError
from beeos_async.emulator import Emulator, instance_ids

SEED = 7

INTERRUPTED = 130
"""How a command ends that Ctrl-C has ended."""


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


async def desync(promises: Promises, *, quick: bool) -> None:
    """Answers to somebody else, pushed onto connections that are idle or about to be used."""
    size = 1000 if quick else 10_000
    evil = b'{"success":true,"data":{"id":"evil","desiredStatus":"running"}}'
    pushed = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(evil), evil)
    async with open_cloud(size) as cloud, cloud.client() as bee:
        await cloud.tell(push=pushed.decode(), ids=cloud.ids[::20])
        report = await bee.start_many(cloud.ids)
        told = await cloud.tell()
    print(f"\ndesync: {size:,} starts, 5 % of them followed by a foreign answer: {report}")
    started, applied = {one.id for one in report.succeeded}, set(told["effects"])
    unknown = {one.id for one in report.unknown}
    mixed = sum(id != one.id for id, one in report.instances.items())
    promises.hold("answers mistaken", mixed, 0)
    promises.hold("claimed, and did not happen", len(started - applied), 0)
    promises.hold("happened, and is denied", len(applied - started - unknown), 0)
    promises.hold("happened twice", sum(times > 1 for times in told["effects"].values()), 0)
    promises.hold("not started", size - len(started), 0)


async def cancel(promises: Promises, *, quick: bool) -> None:
    """Cancelling a fleet with a thousand requests in flight."""
    rounds, concurrency = (1, 100) if quick else (5, 1000)
    taken = [await cancelled(concurrency) for _ in range(rounds)]
    print(f"\ncancel: a fleet with {concurrency:,} requests in flight, {rounds} times")
    for which, limit in (("wall", 100.0), ("cpu", math.inf)):
        figures = sorted(one[which] for one in taken)
        what = f"until it is over, {which} ({figures[0]:.0f}-{figures[-1]:.0f})"
        promises.hold(what, median(figures), limit, unit=" ms")
    promises.hold("not told to be in flight", concurrency - min(one["open"] for one in taken), 0)
    promises.hold("ids without an outcome", max(one["lost"] for one in taken), 0)


async def cancelled(concurrency: int) -> dict[str, float]:
    """Cancel one fleet, and tell what that took."""
    # The window grows with what is answered: so much is, first.
    answered = 3 * concurrency
    size = 2 * answered
    async with open_cloud(size) as cloud, cloud.client(max_concurrency=concurrency) as bee:
        await cloud.tell(fault="silence", of=["startInstance"], times=None, after=answered)
        run = bee.start_stream(cloud.ids)

        async def work() -> None:
            async with run:
                await run.wait()

        task = asyncio.create_task(work())
        while run.progress.done < answered:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        wall, cpu = perf_counter(), process_time()
        task.cancel()
        await asyncio.wait([task])
        wall, cpu = perf_counter() - wall, process_time() - cpu
    told = {"open": len(run.report.unknown), "lost": size - len(run.report)}
    return {"wall": wall * 1000, "cpu": cpu * 1000, **told}


async def interrupt(promises: Promises, *, quick: bool) -> None:
    """Ctrl-C at the command, with a thousand requests in flight."""
    concurrency = 100 if quick else 1000
    answered = 3 * concurrency
    size = 2 * answered
    async with open_cloud(size) as cloud:
        await cloud.tell(fault="silence", of=["startInstance"], times=None, after=answered)
        command = [sys.executable, "-m", "beeos_async", "start", "--from", "-"]
        command += ["--concurrency", str(concurrency), "--base-url", cloud.url]
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "BEEOS_API_KEY": "benchmark"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # What a shell runs in the background ignores it, and would hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdin is not None  # noqa: S101 -- it is piped
        process.stdin.write("\n".join(cloud.ids).encode())
        process.stdin.write_eof()
        while (await cloud.tell())["asked"].get("startInstance", 0) < answered + concurrency:
            await asyncio.sleep(0.2)
        began = perf_counter()
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        took = perf_counter() - began
    summary = out.decode().splitlines()[-1]
    print(f"\ninterrupt: Ctrl-C with {concurrency:,} requests in flight: {summary}")
    promises.hold("until the command has summed up and ended", took, 1.0, unit=" s")
    promises.hold("exit code other than 130", process.returncode != INTERRUPTED, 0)
    promises.hold("no summary", f"{answered:,} of {size:,} started" not in summary, 0)


async def dead(promises: Promises, *, quick: bool) -> None:
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
    print(f"\ndead: {calls:,} single calls to a server that answers 503, in {took:.1f} s;")
    print("  1.2 requests for each are allowed, 10 a second, and 100 to begin with")
    promises.hold("requests", told["asked"]["getInstance"], 1.2 * calls + 10 * took + 100)


FIGURES: dict[str, Callable[..., Awaitable[None]]] = {
    one.__name__: one for one in (desync, cancel, interrupt, dead)
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
    promises = Promises()
    for name in chosen.figures or FIGURES:
        asyncio.run(FIGURES[name](promises, quick=chosen.quick))  # type: ignore[arg-type]
    promises.close()


if __name__ == "__main__":
    main()
