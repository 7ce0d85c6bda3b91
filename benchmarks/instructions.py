"""How many instructions does one start take, in our `start_many` and in code written by hand?

Seconds wander with whatever else the machine does; instructions of user code hardly do.
Each side runs under callgrind twice, with few ids and with many, and what the many take more
is what they cost: imports, connecting and the machinery's own beginning fall out.

    python benchmarks/instructions.py [--concurrency 50] [--fewer 200] [--more 1200]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys

from _measure import about, emulator, run_side
from _sides import TITLES

COUNTED = ("ours", "ours-streamed", "aiohttp")


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description="How many instructions one start takes.")
    option = parser.add_argument
    option("--concurrency", type=int, default=50, help="starts at once")
    option("--fewer", type=int, default=200, help="ids of the short run")
    option("--more", type=int, default=1200, help="ids of the long run")
    chosen = parser.parse_args()
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("skipped: instructions are counted by valgrind, which is not installed")
        return

    print(f"{about()}\n")
    each: dict[str, float] = {}
    with emulator(chosen.more) as url:
        for side in COUNTED:
            short, long = (
                instructions(valgrind, run_side(side, count, chosen.concurrency, url))
                for count in (chosen.fewer, chosen.more)
            )
            each[side] = (long - short) / (chosen.more - chosen.fewer)
            print(f"{TITLES[side]:34}{each[side] / 1000:>7,.0f} k instructions/start", flush=True)
    ratio = each["ours"] / each["aiohttp"]
    print(f"\nour start_many takes {ratio:.2f}x the instructions of hand-written aiohttp")


def instructions(valgrind: str, command: list[str]) -> int:
    """Count the instructions of a whole process, those of the kernel aside."""
    counting = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(
        counting,
        check=False,
        capture_output=True,
        text=True,
        # The same sets and dictionaries in the same order, each time.
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        sys.exit(f"callgrind did not count:\n{done.stderr}")
    return int(found[1])


if __name__ == "__main__":
    main()
