"""What does our `start_many` cost beside code written by hand, and beside the official SDK?

Each side starts the same ids on the same emulator, from opening its client to holding every
answer, and all sides take their turn in every round, so that a noisy machine slows all of
them alike.  The emulator is another process on another core; its instances have been started
by the warm-up round already, and to start them again is answered alike, by 200 and the
instance, 1.6 KB of JSON.

CPU is user and system time of this process, all threads.  Starts per second are what client
and server reach together: the emulator is Python too, so mostly the clients wait for it, and
the CPU is the fairer figure.  Memory is the peak beyond imports and ids, each figure from a
fresh process.

    python benchmarks/start_many.py [--rounds 7] [--starts 2000] [--concurrency 50] [--quick]
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from statistics import median
from time import perf_counter, process_time

from _measure import about, emulator, run_side, spread
from _sides import SIDES, TITLES, Side

from beeos_async.emulator import instance_ids

TIMED = ("ours", "aiohttp", "official")
WEIGHED = ("ours", "ours-streamed", "aiohttp")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What our start_many costs.")
    option = parser.add_argument
    option("--rounds", type=int, default=7, help="rounds that count; one more warms up")
    option("--starts", type=int, default=2000, help="starts of each side in each round")
    option("--concurrency", type=int, default=50, help="starts at once, where it is no thread")
    option("--fleets", type=int, nargs="+", default=[1000, 100_000], help="ids to weigh")
    option("--quick", action="store_true", help="see that it runs; the figures mean nothing")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.starts = min(chosen.rounds, 2), min(chosen.starts, 200)
        chosen.fleets = [min(fleet, 1000) for fleet in chosen.fleets[:1]]

    print(about())
    with emulator(max(chosen.starts, *chosen.fleets)) as url:
        answer = time_sides(url, chosen.starts, chosen.concurrency, chosen.rounds)
        for fleet in chosen.fleets:
            weigh_sides(url, fleet, chosen.concurrency)
    print(f"\n{answer}")


def time_sides(url: str, starts: int, concurrency: int, rounds: int) -> str:
    """Time all sides in rounds, print a table, and return the answer to the question."""
    ids = instance_ids(starts)
    print(f"\n{starts:,} starts, {concurrency} at once, median of {rounds} rounds (least-most)")
    walls: dict[str, list[float]] = {side: [] for side in TIMED}
    cpus: dict[str, list[float]] = {side: [] for side in TIMED}
    for number in range(rounds + 1):
        # Who goes first changes, so that nobody always profits from who went before.
        for side in TIMED if number % 2 else reversed(TIMED):
            wall, cpu = time_one(SIDES[side], url, ids, concurrency)
            if number:
                walls[side].append(wall)
                cpus[side].append(cpu)

    print(f"{'':34}{'starts/s':>9}{'x by hand':>20}{'CPU µs/start':>14}{'x by hand':>20}")
    for side in TIMED:
        faster = [hand / own for own, hand in zip(walls[side], walls["aiohttp"], strict=True)]
        dearer = [own / hand for own, hand in zip(cpus[side], cpus["aiohttp"], strict=True)]
        print(
            f"{TITLES[side]:34}{starts / median(walls[side]):>9,.0f}{spread(faster):>20}"
            f"{median(cpus[side]) / starts * 1e6:>14,.0f}{spread(dearer):>20}"
        )

    by_hand, official = (
        spread([own / other for own, other in zip(cpus["ours"], cpus[side], strict=True)])
        for side in ("aiohttp", "official")
    )
    return (
        f"our start_many costs {official} of the CPU of the official SDK,\n"
        f"our start_many costs {by_hand} of the CPU of hand-written aiohttp"
    )


def time_one(side: Side, url: str, ids: list[str], concurrency: int) -> tuple[float, float]:
    """Time one side once: seconds on the clock, and seconds of CPU."""
    gc.collect()
    wall, cpu = perf_counter(), process_time()
    started = side(url, ids, concurrency)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if started != len(ids):
        sys.exit(f"{started} of {len(ids)} were started: nothing to compare")
    return wall, cpu


def weigh_sides(url: str, fleet: int, concurrency: int) -> None:
    """Print what each side takes of memory at its peak."""
    print(f"\npeak memory at {fleet:,} ids, beyond imports and ids")
    for side in WEIGHED:
        command = run_side(side, fleet, concurrency, url)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken = int(done.stdout)
        print(f"{TITLES[side]:34}{taken / 2**20:>9,.1f} MiB{taken / fleet:>12,.0f} bytes/id")


if __name__ == "__main__":
    main()
