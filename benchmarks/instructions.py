"""How many instructions does one start take, in our `start_many` and in everybody else's code?

Seconds wander with whatever else the machine does; instructions of user code hardly do.
Each side runs under callgrind twice, with few ids and with many, and what the many take more
is what they cost: imports, connecting and the machinery's own beginning fall out.  Calls of
Python functions are counted in the same way by a profile hook, and system calls by strace.

    python benchmarks/instructions.py [--concurrency 50] [--sides ours aiohttp] [--tls]
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import about
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
    asked.add_argument("--fewer", type=int, default=200, help="ids of the short run")
    asked.add_argument("--more", type=int, default=1200, help="ids of the long run")
    chosen = asked.parse_args(namespace=Options())
    if chosen.quick:
        chosen.fewer, chosen.more = 10, 20
    if VALGRIND is None:
        print("instructions are not counted: that takes valgrind, which is not installed")

    print(f"{about()}\n")
    print(f"{'one start takes':44}{'instructions':>14}{'Python calls':>14}{'system calls':>14}")
    costs: dict[str, Cost] = {}
    with server(chosen.more, tls=chosen.tls) as where:
        for side in chosen.sides:
            cost = costs[side] = cost_of(side, where, chosen)
            print(
                f"{TITLES[side]:44}{_shown(cost.instructions, 1000, ' k')}"
                f"{_shown(cost.python_calls)}{_shown(cost.system_calls)}",
                flush=True,
            )
    save(chosen, "instructions", costs)
    if "ours" in costs and "aiohttp" in costs and costs["aiohttp"].instructions:
        ratio = (costs["ours"].instructions or 0) / costs["aiohttp"].instructions
        print(f"\nour start_many takes {ratio:.2f}x the instructions of hand-written aiohttp")


def cost_of(side: str, where: Server, chosen: Options) -> Cost:
    """Count what one start of a side takes, as the difference of two runs."""
    per_start = chosen.more - chosen.fewer

    def difference(count) -> float:
        return (count(chosen.more) - count(chosen.fewer)) / per_start

    return Cost(
        instructions=VALGRIND
        and difference(lambda ids: instructions(command(side, ids, where, chosen, warm=0))),
        python_calls=difference(lambda ids: run(side, ids, where, chosen, calls=True).calls),
        system_calls=STRACE
        and difference(lambda ids: system_calls(command(side, ids, where, chosen, warm=0))),
    )


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
