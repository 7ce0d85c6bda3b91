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
from typing import Final

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
def emulator(instances: int) -> Iterator[str]:
    """Run the emulator in a process of its own, on another core than this one, if there are two.

    Args:
        instances: How many it has.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-m", "beeos_async.emulator", "--instances", str(instances)]
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


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as told:
        for line in told:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
