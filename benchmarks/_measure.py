"""How the benchmarks measure: a server on another core, the spread of rounds, the machine."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import urlopen

from beeos_async._version import __version__

HERE: Final = Path(__file__).parent

LIBRARIES: Final = (
    "beeos-async",
    "aiohttp",
    "anyio",
    "msgspec",
    "uvloop",
    "beeos-sdk",
    "pydantic",
    "urllib3",
    "httpx",
    "pyreqwest",
)


@contextlib.contextmanager
def emulator(instances: int, *options: str) -> Iterator[str]:
    """Run the emulator in a process of its own, on another core than this one, if there are two.

    Args:
        instances: How many it has.
        *options: Of `python -m beeos_async.emulator`.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-m", "beeos_async.emulator", "--instances", str(instances)]
    command += options
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if len(cores) > 1:
                os.sched_setaffinity(server.pid, cores[1:])
                os.sched_setaffinity(0, cores[:1])
            assert server.stdout is not None  # noqa: S101 -- it is piped
            line = server.stdout.readline()
            if not line:
                sys.exit("the emulator did not start")
            yield json.loads(line)["url"]
        finally:
            server.terminate()
            if len(cores) > 1:
                os.sched_setaffinity(0, cores)


def told_by(url: str) -> Any:
    """Ask an emulator what came, what it answered, and what took effect.

    Args:
        url: Where it is.
    """
    # Imported here: a side that is measured shall not carry a server.
    from beeos_async.emulator import EFFECTS_PATH  # noqa: PLC0415

    with urlopen(url + EFFECTS_PATH, timeout=60) as answer:  # noqa: S310 -- of this machine
        return json.load(answer)


class Promises:
    """Figures beside what was promised of them."""

    def __init__(self, *, quick: bool = False) -> None:
        """Begin with none.

        Args:
            quick: Whether it shall only be seen that all runs: then no figure means anything.
        """
        self._quick = quick
        self._broken: list[str] = []

    def hold(self, what: str, figure: float, most: float, *, unit: str = "") -> None:
        """Print a figure and its bound, and remember whether it held.

        Args:
            what: The figure's name.
            figure: What was measured.
            most: What was promised.
            unit: Of both.
        """
        self._tell(what, figure, f"at most {most:,.6g}{unit}", unit, holds=figure <= most)

    def reach(self, what: str, figure: float, least: float, *, unit: str = "") -> None:
        """Print a figure that shall be large, and remember whether it was.

        Args:
            what: The figure's name.
            figure: What was measured.
            least: What was promised.
            unit: Of both.
        """
        self._tell(what, figure, f"at least {least:,.6g}{unit}", unit, holds=figure >= least)

    def _tell(self, what: str, figure: float, bound: str, unit: str, *, holds: bool) -> None:
        if self._quick:
            return
        if not holds:
            self._broken.append(what)
        mark = "" if holds else "   BROKEN"
        print(f"  {what:44}{figure:>12,.4g}{unit}  ({bound}){mark}", flush=True)

    def close(self) -> None:
        """Leave with an exit code that says whether all of them held."""
        if self._quick:
            print("--quick: it runs; far too short for any figure above to mean anything")
            return
        if self._broken:
            sys.exit(f"broken: {', '.join(self._broken)}")
        print("\nall promises hold")


def about() -> str:
    """Tell when, where and with what was measured."""
    return "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.system()} on {_processor()}, "
            f"{os.cpu_count()} cores, {platform.python_implementation()} "
            f"{platform.python_version()}",
            ", ".join(f"{library} {_version(library)}" for library in LIBRARIES),
        ]
    )


def spread(values: Sequence[float]) -> str:
    """Show a ratio over rounds: its median, and from where to where.

    Args:
        values: One for each round.
    """
    return f"{median(values):.2f}x ({min(values):.2f}-{max(values):.2f})"


def peak_memory() -> int:
    """Tell how many bytes of this process were in memory at once, at most so far."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            # What `getrusage` tells begins with what the parent had when it made the child.
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # noqa: PLC0415 -- Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory() -> int:
    """Tell how many bytes of this process are in memory now; its peak where that is not told."""
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_memory()


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as told:
        for line in told:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(library: str) -> str:
    if library == "beeos-async":
        # It need not be installed to be measured.
        return __version__
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
