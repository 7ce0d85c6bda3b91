"""What does `import beeos_async` cost a program, beyond a bare Python?

Fresh processes, interleaved: one that imports nothing, one that imports the package, one that
makes a client of it, one that imports aiohttp.

    python benchmarks/imports.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from _measure import Promises, about
from msgspec import json

PROGRAMS = {
    "nothing": "pass",
    "import beeos_async": "import beeos_async",
    "from beeos_async import AsyncBeeOS": "from beeos_async import AsyncBeeOS",
    "import aiohttp": "import aiohttp",
}
LOADED = "import beeos_async, sys; sys.exit('aiohttp' in sys.modules)"
MILLISECOND = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the import costs.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()

    print(f"{about()}\n")
    took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(1 if chosen.quick else chosen.rounds):
        for name, program in PROGRAMS.items():
            began = perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            took[name].append((perf_counter() - began) * MILLISECOND)
    beyond = {
        name: [own - bare for own, bare in zip(took[name], took["nothing"], strict=True)]
        for name in PROGRAMS
    }
    for name, times in beyond.items():
        print(f"{name:40}{median(times):>8,.1f} ms beyond a bare Python")
    if chosen.json is not None:
        chosen.json.write_bytes(json.format(json.encode({"imports": beyond}), indent=1))
    print()
    promises = Promises(quick=chosen.quick)
    promises.hold("ms of import beeos_async", median(beyond["import beeos_async"]), 80)
    loaded = subprocess.run([sys.executable, "-c", LOADED], check=False).returncode
    promises.hold("aiohttp imported with it", loaded, 0)
    promises.close()


if __name__ == "__main__":
    main()
