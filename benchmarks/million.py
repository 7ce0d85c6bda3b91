"""Can a million ids be started by a process whose memory does not grow with them?

They come out of a generator and are streamed, `collect=False`.  The server, another process,
answers each start with the instance it names and remembers nothing, so that it is not what is
measured; how often it was asked it says at the end.

    python benchmarks/million.py [--ids 1000000] [--concurrency 100] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from time import perf_counter

from _measure import about, memory, peak_memory

from beeos_async import AsyncBeeOS

STEPS = 10
ALLOWED = 64 * 2**20
"""Bytes a streamed run may take, however long it is."""

EACH = 200 * 2**10
"""Bytes more for each request in flight."""


class Answers(asyncio.Protocol):
    """Answers each start with the instance it names."""

    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer what came; a start is one small segment on loopback."""
        for request in data.split(b"\r\n\r\n")[:-1]:
            Answers.asked += 1
            id = request.split(b"/", 5)[4]
            body = b'{"success":true,"data":{"id":"%s","desiredStatus":"running"}}' % id
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )


async def serve() -> None:
    """Serve until standard input ends, then tell how many requests there were."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(Answers.asked)


async def stream(url: str, chosen: argparse.Namespace) -> list[int]:
    """Start them all, and look at the memory ten times on the way."""
    step = max(1, chosen.ids // STEPS)
    looks: list[int] = []
    began = perf_counter()
    ids = (f"instance-{number}" for number in range(chosen.ids))
    async with (
        AsyncBeeOS("benchmark", base_url=url, max_concurrency=chosen.concurrency) as bee,
        bee.start_stream(ids, collect=False) as run,
    ):
        told = 0
        async for outcome in run:
            told += outcome.kind == "succeeded"
            if told % step == 0:
                looks.append(memory())
                pace = told / (perf_counter() - began)
                print(
                    f"{told:>11,} started{pace:>9,.0f}/s{looks[-1] / 2**20:>8.1f} MiB", flush=True
                )
    if run.report.counts != {"succeeded": chosen.ids} or told != chosen.ids:
        sys.exit(f"{told} of {chosen.ids} were started: {run.report.counts}")
    return looks


def main() -> None:
    """Measure and print; fail where memory grew with the ids."""
    parser = argparse.ArgumentParser(description="What a million streamed starts take.")
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument("--concurrency", type=int, default=100)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    if chosen.quick:
        chosen.ids = min(chosen.ids, 5000)

    print(about())
    before = peak_memory()
    with subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None  # noqa: S101 -- it is piped
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        looks = asyncio.run(stream(url, chosen))
        asked, _ = server.communicate("")
    taken, grown = peak_memory() - before, looks[-1] - looks[0]
    allowed = ALLOWED + EACH * chosen.concurrency
    print(
        f"\n{chosen.ids:,} ids, {int(asked):,} requests: {taken / 2**20:.1f} MiB at the peak"
        f" beyond imports ({allowed / 2**20:.0f} allowed), {grown / 2**20:+.1f} MiB"
        f" from the first tenth to the last"
    )
    sys.exit(taken > allowed or int(asked) != chosen.ids)


if __name__ == "__main__":
    main()
