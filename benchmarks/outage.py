"""What does an outage of the whole host cost a fleet?

After a tenth of the starts the host fails for ten seconds: it answers 503, resets every
connection, or does not listen at all.  The fleet stops launching, sends a probe now and then,
and goes on when one is answered.  How long after the recovery the first start is answered well
is the server's own measure.  From there to full speed counts until 200 in a row come at four
fifths of the pace of the rest.

    python benchmarks/outage.py [--starts 20000] [--seconds 10] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from itertools import pairwise
from time import perf_counter

from _measure import Promises, about, emulator, told_by
from _sides import KEY

from beeos_async import AsyncBeeOS, FleetReport, Instance
from beeos_async.emulator import instance_ids

KINDS = ("503", "reset", "refused")

IN_A_ROW = 200
FULL = 0.8
"""Which part of the pace of the rest is called full speed."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What an outage costs.")
    option = parser.add_argument
    option("--starts", type=int, default=20_000, help="how many ids")
    option("--seconds", type=float, default=10.0, help="how long the host fails")
    option("--quick", action="store_true", help="2,000 ids, two seconds")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.starts, chosen.seconds = 2_000, 2.0

    # What the client says of an outage is said below.
    logging.getLogger("beeos_async").setLevel(logging.ERROR)
    print(about())
    promises = Promises()
    for kind in KINDS:
        outage(promises, kind, chosen.starts, chosen.seconds)
    promises.close()


def outage(promises: Promises, kind: str, starts: int, seconds: float) -> None:
    """Start a fleet through one kind of outage."""
    ids = instance_ids(starts)
    with emulator(starts, "--outage", f"{kind}:{seconds}@{starts // 10}") as url:
        begin = perf_counter()
        moments: list[float] = []
        report = asyncio.run(start(url, ids, moments))
        taken = perf_counter() - begin
        told = told_by(url)
    (met,) = told["outages"]
    print(f"\n{kind}: {starts:,} starts and {seconds:.0f} s of outage took {taken:.1f} s")
    print(f"  {report}")
    promises.hold("ids lost", starts - len(report.instances), 0)
    promises.hold("starts that took effect more than once", twice(told["effects"]), 0)
    # What it costs does not grow with the fleet: two hundredths of the promised 20,000.
    most = 1 + 400 / min(starts, 20_000)
    promises.hold("requests / ids", told["requests"] / starts, most, unit=" x")
    promises.hold("seconds from recovery to the first success", met["well_after"], 5.5)
    promises.hold("seconds from there to full speed", until_full(moments), 3.0)


def twice(effects: dict[str, int]) -> int:
    """Count the ids on which a start took effect more than once."""
    return sum(count > 1 for count in effects.values())


def until_full(moments: list[float]) -> float:
    """Tell how long after its longest pause a run went at full speed again."""
    gaps = [after - before for before, after in pairwise(moments)]
    after = moments[gaps.index(max(gaps)) + 1 :]
    half = after[len(after) // 2 :]
    row = IN_A_ROW / (FULL * len(half) / (half[-1] - half[0]))
    for first, last in zip(after, after[IN_A_ROW:], strict=False):
        if last - first <= row:
            return last - after[0]
    return after[-1] - after[0]


async def start(url: str, ids: list[str], moments: list[float]) -> FleetReport[Instance]:
    """Start all of them, and note when each was."""
    async with AsyncBeeOS(KEY, base_url=url) as bee:
        return await bee.start_many(ids, on_outcome=lambda _: moments.append(perf_counter()))


if __name__ == "__main__":
    main()
