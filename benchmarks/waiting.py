"""What does it cost to wait until a thousand instances are online?

Each side starts the same fleet on an emulator of its own, all with the same seed and so the same
boot times, and waits until every instance is online; the other instances of the account stand in
the list as well.  One side is `start_many(wait="online")`.  The others are written by hand, as one
does: a task for each id that asks for it every second, and one that asks at the pauses that our
poller makes where nothing moves, from a quarter of a second to five.

Counted are the looks, pages of the list included, by the emulator's own log.  How late each
instance was known to be online is told beside it, by the date the emulator gave it: few requests
would be easily had by looking seldom.

    python benchmarks/waiting.py [--instances 1200] [--starts 1000] [--boot 10] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from statistics import median, quantiles

from _measure import about

from beeos_async import AsyncBeeOS, Instance, Outcome, Succeeded
from beeos_async.emulator import Emulator

Known = Callable[[Instance], None]
Side = Callable[[AsyncBeeOS, list[str], Known], Awaitable[None]]

PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
LONGEST = 5.0


async def ours(bee: AsyncBeeOS, ids: list[str], known: Known) -> None:
    """Start and wait in one call."""

    def tell(outcome: Outcome[Instance]) -> None:
        if isinstance(outcome, Succeeded):
            known(outcome.instance)

    await bee.start_many(ids, wait="online", on_outcome=tell)


async def each_second(bee: AsyncBeeOS, ids: list[str], known: Known) -> None:
    """Ask for each every second."""
    await one_by_one(bee, ids, known, ())


async def ever_later(bee: AsyncBeeOS, ids: list[str], known: Known) -> None:
    """Ask for each at growing pauses."""
    await one_by_one(bee, ids, known, PAUSES)


async def one_by_one(
    bee: AsyncBeeOS, ids: list[str], known: Known, pauses: tuple[float, ...]
) -> None:
    """Start all, and then have a task for each that asks until it is online."""

    async def ask(id: str) -> None:
        for pause in chain(pauses, repeat(LONGEST if pauses else 1.0)):
            await asyncio.sleep(pause)
            instance = await bee.instances.get(id)
            if instance.status == "running" and instance.connectivity == "online":
                known(instance)
                return

    await bee.start_many(ids)
    await asyncio.gather(*map(ask, ids))


SIDES: dict[str, Side] = {
    'start_many(wait="online")': ours,
    "a GET for each id, every second": each_second,
    "a GET for each id, ever later": ever_later,
}


async def run_side(
    side: Side, instances: int, starts: int, boot: float
) -> tuple[int, int, list[float], float]:
    """Run one side: looks, pages among them, how late each was known, seconds altogether."""
    late: list[float] = []

    def known(instance: Instance) -> None:
        since = instance.connectivity_updated_at
        assert since is not None  # noqa: S101 -- the emulator gives every date
        late.append(time.time() - since.timestamp())

    async with Emulator(instances, boot_time=boot, online_time=boot / 10, seed=7) as cloud:
        async with cloud.client() as bee:
            begin = time.perf_counter()
            # Spread over the account, as fleets are.
            step = instances / starts
            await side(bee, [cloud.ids[int(n * step)] for n in range(starts)], known)
            taken = time.perf_counter() - begin
        log = [entry.operation for entry in cloud.log]
    pages = log.count("listInstances")
    return log.count("getInstance") + pages, pages, late, taken


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description="What waiting for a fleet costs.")
    option = parser.add_argument
    option("--instances", type=int, default=1200, help="instances of the account")
    option("--starts", type=int, default=1000, help="how many of them are started")
    option("--boot", type=float, default=10.0, help="seconds to boot; each takes half to 1.5 x it")
    option("--quick", action="store_true", help="see that it runs; the figures mean nothing")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.instances, chosen.starts, chosen.boot = 120, 100, 0.5

    print(about())
    print(
        f"\n{chosen.starts:,} of {chosen.instances:,} instances started and waited for until they"
        f" are online, {chosen.boot:g} s to boot"
    )
    print(
        f"{'':34}{'looks':>8}{'for an id':>11}{'known late: median':>20}{'95 %':>8}{'all in':>9}"
    )
    counted: dict[str, int] = {}
    for title, side in SIDES.items():
        looks, pages, late, taken = asyncio.run(
            run_side(side, chosen.instances, chosen.starts, chosen.boot)
        )
        if len(late) != chosen.starts:
            parser.exit(1, f"{title}: {len(late)} came online: nothing to compare\n")
        counted[title] = looks
        print(
            f"{title:34}{looks:>8,}{looks / chosen.starts:>11.2f}{median(late):>18.2f} s"
            f"{quantiles(late, n=20)[-1]:>6.2f} s{taken:>7.1f} s"
            + (f"   ({pages} pages of the list)" if pages else "")
        )
    own, *others = counted.items()
    print()
    for title, looks in others:
        print(f"{own[0]} costs {looks / own[1]:.0f} x fewer looks than {title}")


if __name__ == "__main__":
    main()
