"""How many instructions does one start take, in our `start_many` and in everybody else's code?

Seconds wander with whatever else the machine does; instructions of user code hardly do.
Each side runs under callgrind twice, with few ids and with many, and what the many take more
is what they cost: imports, connecting and the machinery's own beginning fall out.  Calls of
Python functions are counted in the same way by a profile hook, and system calls by strace.
Nothing here is timed, so several runs go on at once, one on each core.

    python benchmarks/instructions.py [--concurrency 50] [--sides ours aiohttp] [--tls]
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import Promises, about
from _run import Options, command, parser, run, save
from _server import Server, server
from _sides import TITLES
from msgspec import Struct

SIDES = (
    "ours",
    "ours-streamed",
    "ours-plain",
    "aiohttp",
    "aiohttp-msgspec",
    "pyreqwest",
    "official",
    "httpx",
)
VALGRIND = shutil.which("valgrind")
STRACE = shutil.which("strace")


class Cost(Struct, frozen=True):
    """What one start of a side takes."""

    instructions: float | None
    python_calls: float
    system_calls: float | None


def main() -> None:
    """Count and print."""
    asked = parser("How many instructions one start takes.", SIDES)
    asked.add_argument("--fewer", type=int, default=100, help="ids of the short run")
    asked.add_argument("--more", type=int, default=500, help="ids of the long run")
    chosen = asked.parse_args(namespace=Options())
    if chosen.quick:
        chosen.fewer, chosen.more = 10, 20
    if VALGRIND is None:
        print("instructions are not counted: that takes valgrind, which is not installed")

    print(f"{about()}\n")
    print(f"{'one start takes':44}{'instructions':>14}{'Python calls':>14}{'system calls':>14}")
    costs: dict[str, Cost] = {}
    with server(chosen.more, tls=chosen.tls) as where:
        for side, cost in costs_of(chosen.sides, where, chosen):
            costs[side] = cost
            print(
                f"{TITLES[side]:44}{_shown(cost.instructions, 1000, ' k')}"
                f"{_shown(cost.python_calls)}{_shown(cost.system_calls)}",
                flush=True,
            )
    save(chosen, "instructions", costs)
    print()
    promises = Promises(quick=chosen.quick)
    if "ours" in costs:
        ours = costs["ours"]
        if ours.instructions is not None:
            promises.hold("k instructions of a start", ours.instructions / 1000, 250)
        promises.hold("calls of Python functions", ours.python_calls, 130)
        if ours.system_calls is not None:
            promises.hold("system calls", ours.system_calls, 5)
    if "aiohttp" in costs and (hand := costs["aiohttp"].instructions):
        for side, what, most in (("ours", "start_many", 0.41), ("ours-plain", "plain", 0.90)):
            if side in costs:
                own = costs[side].instructions or 0
                promises.hold(f"{what}, x by hand", own / hand, most, unit="x")
    promises.close()


def costs_of(sides: Sequence[str], where: Server, chosen: Options) -> Iterator[tuple[str, Cost]]:
    """Count what one start of each side takes, as the difference of two runs."""
    if hasattr(os, "sched_setaffinity"):
        # The server does not mind: it has next to nothing to do.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def difference(count: Callable[[int], int]) -> Callable[[], float]:
            many, few = pool.submit(count, chosen.more), pool.submit(count, chosen.fewer)
            return lambda: (many.result() - few.result()) / (chosen.more - chosen.fewer)

        def begin(side: str) -> Callable[[], Cost]:
            def told(ids: int) -> list[str]:
                return command(side, ids, where, chosen, warm=0)

            counted = VALGRIND and difference(lambda ids: instructions(told(ids)))
            called = difference(lambda ids: run(side, ids, where, chosen, calls=True).calls)
            asked = STRACE and difference(lambda ids: system_calls(told(ids)))
            return lambda: Cost(counted and counted(), called(), asked and asked())

        for side, cost in [(side, begin(side)) for side in sides]:
            yield side, cost()


def instructions(counted: list[str]) -> int:
    """Count the instructions of a whole process, those of the kernel aside."""
    told = _traced([str(VALGRIND), "--tool=callgrind", "--callgrind-out-file=/dev/null", *counted])
    found = re.search(r"Collected : (\d+)", told)
    if found is None:
        sys.exit(f"callgrind did not count:\n{told}")
    return int(found[1])


def system_calls(counted: list[str]) -> int:
    """Count the system calls of a whole process, all threads."""
    with TemporaryDirectory() as folder:
        summary = Path(folder) / "summary"
        _traced([str(STRACE), "-f", "-c", "-o", str(summary), *counted])
        found = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", summary.read_text(), re.MULTILINE)
    if found is None:
        sys.exit("strace did not count")
    return int(found[1])


def _traced(tracing: list[str]) -> str:
    done = subprocess.run(
        tracing,
        check=False,
        capture_output=True,
        text=True,
        # The same sets and dictionaries in the same order, each time.
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if done.returncode:
        sys.exit(f"{tracing[0]} failed:\n{done.stderr}")
    return done.stderr


def _shown(figure: float | None, unit: float = 1, name: str = "") -> str:
    if figure is None:
        return f"{'not counted':>14}"
    return f"{figure / unit:>{14 - len(name)},.{0 if unit > 1 else 1}f}{name}"


if __name__ == "__main__":
    main()
