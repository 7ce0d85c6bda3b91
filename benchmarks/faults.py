"""What does a fleet claim where one start in ten meets trouble, and what does it cost?

Ten kinds of trouble, half of them after the start took effect: refusals, failures, connections
that break, answers that are cut.  What is claimed is compared with what the server knows took
effect; nothing may be claimed that did not happen, nothing that happened reported as failed,
and nothing may happen twice.

One kind is a 429 that asks for a second, of all; a thousand of them would be a quarter of an
hour.  So the client has a clock whose pauses take no time; sockets and limits are real.

Memory is what the process holds after the run beyond what it held before, less the instances,
which are weighed by holding as many again.

    python benchmarks/faults.py [--starts 100000] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from time import monotonic, perf_counter

from _measure import Promises, about, emulator, memory, told_by
from _sides import KEY
from msgspec import json

from beeos_async import AsyncBeeOS, FleetReport, Instance
from beeos_async._clock import RealClock
from beeos_async.emulator import instance_ids

SHARE = 0.1


class Unhurried(RealClock):
    """A clock that is moved on by whoever sleeps, at once."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:  # type: ignore[override]  # the real one has it from `time`
        """Tell the seconds, those slept included."""
        return monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]  # likewise
        """Let the time pass without waiting for it."""
        until = self.now() + seconds
        await asyncio.sleep(0)
        self._ahead += max(0.0, until - self.now())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a fleet claims through trouble.")
    option = parser.add_argument
    option("--starts", type=int, default=100_000, help="how many ids")
    option("--quick", action="store_true", help="20,000 ids")
    chosen = parser.parse_args()
    starts = 20_000 if chosen.quick else chosen.starts

    print(about())
    ids = instance_ids(starts)
    options = ("--faults", str(SHARE), "--boot-time", "3600", "--seed", "0")
    with emulator(starts, *options) as url:
        before = memory()
        begin = perf_counter()
        report = asyncio.run(start(url, ids))
        taken = perf_counter() - begin
        gc.collect()
        held = memory() - before
        told = told_by(url)
    print(f"\n{starts:,} starts, {SHARE:.0%} of them in trouble: {taken:.1f} s")
    print(f"  {report}")

    promises = Promises()
    claim(promises, report, ids, told["effects"])
    sent = {name: sum(counts.values()) for name, counts in told["answers"].items()}
    promises.hold("starts sent / ids", sent["startInstance"] / starts, 1.07, unit=" x")
    promises.hold("looks / ids", sent.get("getInstance", 0) / starts, 0.10, unit=" x")
    promises.hold("requests / ids", told["requests"] / starts, 1.16, unit=" x")
    promises.hold("starts sent for one id", max(one.attempts for one in report), 4 + 1)
    promises.hold("bytes an id, without its instance", (held - weigh(report)) / starts, 1024)
    promises.close()


def claim(
    promises: Promises, report: FleetReport[Instance], ids: list[str], effects: dict[str, int]
) -> None:
    """Compare what is claimed with what took effect."""
    started, unknown = set(report.instances), {one.id for one in report.unknown}
    applied = set(effects)
    promises.hold("ids without an outcome", len(set(ids) - {one.id for one in report}), 0)
    promises.hold("outcomes too many", len(list(report)) - len(ids), 0)
    promises.hold("claimed, and did not happen", len(started - applied), 0)
    promises.hold("happened, and is reported as failed", len(applied - started - unknown), 0)
    promises.hold("happened twice", sum(count > 1 for count in effects.values()), 0)
    promises.hold("unknown", len(unknown), 10)


def weigh(report: FleetReport[Instance]) -> int:
    """Tell the bytes of the instances of a report, by holding them once more."""
    raw = [json.encode(one) for one in list(report.instances.values())[:1000]]
    decode = json.Decoder(Instance).decode
    gc.collect()
    before = memory()
    again = [decode(raw[number % len(raw)]) for number in range(len(report))]
    gc.collect()
    held = memory() - before
    del again
    return held


async def start(url: str, ids: list[str]) -> FleetReport[Instance]:
    """Start all of them."""
    async with AsyncBeeOS(KEY, base_url=url, _clock=Unhurried()) as bee:
        return await bee.start_many(ids)


if __name__ == "__main__":
    main()
