"""What the scripts have in common: their options, a run of one side, and where figures go."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _measure import HERE
from _server import Server
from _sides import SLOWER, Taken
from msgspec import json


class Options(argparse.Namespace):
    """What a script was told."""

    sides: list[str]
    concurrency: int
    loop: str
    tls: bool
    quick: bool
    json: Path | None
    fewer: int
    more: int
    rounds: int
    starts: int


def parser(question: str, sides: Sequence[str]) -> argparse.ArgumentParser:
    """Begin a script's options with those that all have."""
    asked = argparse.ArgumentParser(description=question)
    option = asked.add_argument
    option("--sides", nargs="+", default=list(sides), choices=sides, help="who takes part")
    option("--concurrency", type=int, default=50, help="starts at once")
    option("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    option("--tls", action="store_true", help="over TLS")
    option("--quick", action="store_true", help="see that it runs; the figures mean nothing")
    option("--json", type=Path, help="where to write the figures, too")
    return asked


def command(side: str, ids: int, where: Server, chosen: Options, *, warm: int) -> list[str]:
    """Give the command that runs a side once in a process of its own."""
    return [
        sys.executable,
        str(HERE / "_sides.py"),
        side,
        str(ids),
        str(chosen.concurrency),
        json.encode(where).decode(),
        "--loop",
        chosen.loop,
        "--warm",
        str(warm),
    ]


def run(
    side: str, ids: int, where: Server, chosen: Options, *, warm: int = 0, calls: bool = False
) -> Taken:
    """Run a side once in a process of its own, and tell what it took."""
    told = command(side, ids, where, chosen, warm=warm)
    done = subprocess.run(told + ["--calls"] * calls, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr}")
    return json.decode(done.stdout, type=Taken)


def fewer(side: str, starts: int) -> int:
    """Tell how many starts are enough to measure a side that may be slow."""
    return max(100, starts // SLOWER.get(side, 1))


def save(chosen: Options, name: str, figures: Mapping[str, Any]) -> None:
    """Write the figures for `report.py`, where it asks for them."""
    if chosen.json is not None:
        chosen.json.write_bytes(json.format(json.encode({name: figures}), indent=1))
