"""Run the benchmarks, keep their figures in one file, and draw the one that hardly wanders.

Each script runs in its turn, prints what it has to say, and leaves its figures in
`report.json`; what was there of it before is replaced.  `report.svg` shows the instructions
of one start, client by client.  All of it takes a quarter of an hour.

    python benchmarks/report.py [instructions start_many ...] [--quick] [--into benchmarks]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from _measure import HERE, about
from _sides import TITLES
from msgspec import json

UVLOOP: Final = ["--loop", "uvloop"]
RUNS: Final[dict[str, list[str]]] = {
    "instructions": ["instructions.py"],
    "one_call": ["one_call.py"],
    "start_many": ["start_many.py"],
    "start_many, 10 at once": ["start_many.py", "--concurrency", "10"],
    "start_many, 200 at once": ["start_many.py", "--concurrency", "200"],
    "start_many, uvloop": ["start_many.py", *UVLOOP],
    "start_many, TLS": ["start_many.py", "--tls"],
    "start_many, TLS, uvloop": ["start_many.py", "--tls", *UVLOOP],
    "decode": ["decode.py"],
    "growth": ["growth.py"],
    "loop_lag": ["loop_lag.py"],
    "imports": ["imports.py"],
}
SHORT: Final = {
    "instructions": ["--sides", "ours", "aiohttp"],
    "start_many": ["--sides", "ours", "aiohttp"],
}
"""What makes `--quick` quick, beside what it means to each script."""

WIDTH: Final = 760
LABEL: Final = 290
BAR: Final = 26


def main() -> None:
    """Run, keep and draw."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and keep their figures.")
    parser.add_argument("names", nargs="*", help=f"which, else all: {'; '.join(RUNS)}")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder for the figures")
    parser.add_argument("--quick", action="store_true", help="see that all run")
    chosen = parser.parse_args()
    kept = chosen.into / "report.json"
    report: dict[str, Any] = json.decode(kept.read_bytes()) if kept.exists() else {}
    for name in chosen.names or RUNS:
        print(f"\n── {name} ──\n", flush=True)
        figures = figures_of(name, quick=chosen.quick)
        if figures is not None:
            report[name] = {"about": about().splitlines(), "figures": figures}
            kept.write_bytes(json.format(json.encode(report), indent=1) + b"\n")
    if "instructions" in report:
        picture = chosen.into / "report.svg"
        picture.write_text(drawn(report["instructions"]), encoding="utf-8")
        print(f"\n{kept} and {picture} are written")


def figures_of(name: str, *, quick: bool) -> Any:
    """Run one benchmark, and give its figures; `None` where it was skipped."""
    script, *options = RUNS[name]
    if quick:
        options += ["--quick", *SHORT.get(script.removesuffix(".py"), [])]
    with TemporaryDirectory() as folder:
        told = Path(folder) / "figures.json"
        done = subprocess.run(
            [sys.executable, str(HERE / script), *options, "--json", str(told)], check=False
        )
        if done.returncode:
            sys.exit(f"{script} failed")
        if not told.exists():
            return None
        (figures,) = json.decode(told.read_bytes()).values()
        return figures


def drawn(measured: dict[str, Any]) -> str:
    """Draw the instructions of one start as bars.

    Args:
        measured: What `instructions.py` told, and with what it was measured.
    """
    costs = {
        TITLES[side]: cost["instructions"] / 1000
        for side, cost in measured["figures"].items()
        if cost["instructions"] is not None
    }
    most = max(costs.values(), default=1)
    bars = "\n".join(
        f'<text x="{LABEL - 12}" y="{y + 18}" class="name">{escape(title)}</text>'
        f'<rect x="{LABEL}" y="{y + 3}" width="{(WIDTH - LABEL - 90) * cost / most:.1f}"'
        f' height="{BAR - 6}" rx="3" class="{"ours" if "beeos" in title else "theirs"}"/>'
        f'<text x="{LABEL + (WIDTH - LABEL - 90) * cost / most + 8:.1f}" y="{y + 18}">'
        f"{cost:,.0f} k</text>"
        for y, (title, cost) in zip(
            range(48, 48 + BAR * len(costs), BAR),
            sorted(costs.items(), key=lambda item: item[1]),
            strict=True,
        )
    )
    height = 48 + BAR * len(costs) + 34
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"
 viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Instructions of one start, by client">
<style>
text {{ font: 14px system-ui, sans-serif; fill: #57606a; }}
.title {{ font-weight: 600; font-size: 16px; }}
.name {{ text-anchor: end; }}
.small {{ font-size: 11px; }}
.ours {{ fill: #d98e04; }}
.theirs {{ fill: #afb8c1; }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #9ea7b3; }} .theirs {{ fill: #57606a; }} }}
</style>
<text x="{LABEL}" y="24" class="title">User instructions of one start (less is better)</text>
{bars}
<text x="{LABEL}" y="{height - 10}" class="small">{escape(measured["about"][0])}</text>
</svg>
"""


if __name__ == "__main__":
    main()
