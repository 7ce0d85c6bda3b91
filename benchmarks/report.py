"""Run the benchmarks, keep their figures in one file, and draw the one that hardly wanders.

Each script runs in its turn, prints what it has to say, and leaves its figures in
`report.json`; what was there of it before is replaced.  `report.svg` shows the instructions
of one start, client by client.  It ends with what was promised and did not hold.

All of it takes a quarter of an hour on two cores that have nothing else to do, and is worth
nothing on others.

    python benchmarks/report.py [instructions start_many ...] [--quick] [--into benchmarks]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from _measure import HERE, about
from _sides import TITLES
from msgspec import json

UVLOOP: Final = ["--loop", "uvloop"]
FOUR: Final = ["--sides", "ours", "aiohttp", "pyreqwest", "official"]
RUNS: Final[dict[str, list[str]]] = {
    "start_many": ["start_many.py"],
    "start_many, TLS": ["start_many.py", "--tls", *FOUR],
    "start_many, uvloop": ["start_many.py", *UVLOOP, *FOUR],
    "start_many, TLS, uvloop": ["start_many.py", "--tls", *UVLOOP, *FOUR],
    "start_many, 10 at once": ["start_many.py", "--concurrency", "10", *FOUR],
    "start_many, 200 at once": ["start_many.py", "--concurrency", "200", *FOUR],
    "growth": ["growth.py", "--rounds", "1"],
    "loop_lag": ["loop_lag.py"],
    "decode": ["decode.py"],
    "imports": ["imports.py"],
    "instructions": ["instructions.py"],
    "one_call": ["one_call.py"],
}
SHORT: Final = {
    "instructions": ["--sides", "ours", "aiohttp"],
    "start_many": ["--sides", "ours", "aiohttp"],
}
"""What makes `--quick` quick, beside what it means to each script."""

WIDTH: Final = 820
LABEL: Final = 330
FIGURE: Final = 140
"""Room for the figures right of the bars."""

TOP: Final = 64
BAR: Final = 27
FAR: Final = 2.0
"""By how much the longest bar may be longer than the next one before it is broken off."""


def main() -> None:
    """Run, keep and draw."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and keep their figures.")
    parser.add_argument("names", nargs="*", help=f"which, else all: {'; '.join(RUNS)}")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder for the figures")
    parser.add_argument("--quick", action="store_true", help="see that all run")
    chosen = parser.parse_args()
    kept = chosen.into / "report.json"
    report: dict[str, Any] = json.decode(kept.read_bytes()) if kept.exists() else {}
    began, failed = perf_counter(), list[str]()
    for name in chosen.names or RUNS:
        print(f"\n── {name} ──\n", flush=True)
        figures, holds = figures_of(name, quick=chosen.quick)
        if figures is not None:
            report[name] = {"about": about().splitlines(), "figures": figures}
            kept.write_bytes(json.format(json.encode(report), indent=1) + b"\n")
        if not holds:
            failed.append(name)
    if "instructions" in report:
        picture = chosen.into / "report.svg"
        picture.write_text(drawn(report["instructions"]), encoding="utf-8")
        print(f"\n{kept} and {picture} are written")
    print(f"{(perf_counter() - began) / 60:.1f} minutes")
    if failed:
        sys.exit(f"not all promises hold: {'; '.join(failed)}")


def figures_of(name: str, *, quick: bool) -> tuple[Any, bool]:
    """Run one benchmark.

    Returns:
        Its figures, `None` where it was skipped or failed; and whether it did what it should.
    """
    script, *options = RUNS[name]
    if quick:
        options += ["--quick", *SHORT.get(script.removesuffix(".py"), [])]
    with TemporaryDirectory() as folder:
        told = Path(folder) / "figures.json"
        done = subprocess.run(
            [sys.executable, str(HERE / script), *options, "--json", str(told)], check=False
        )
        figures = None
        if told.exists():
            (figures,) = json.decode(told.read_bytes()).values()
        return figures, not done.returncode


def drawn(measured: dict[str, Any]) -> str:
    """Draw the instructions of one start as bars, the fewest first.

    Its colours are in the middle: they can be read on a light ground and on a dark one.

    Args:
        measured: What `instructions.py` told, and with what it was measured.
    """
    costs = {
        side: cost["instructions"] / 1000
        for side, cost in measured["figures"].items()
        if cost["instructions"] is not None
    }
    ranked = sorted(costs.items(), key=lambda item: item[1])
    longest = max(costs.values(), default=1)
    # One client that is far off shall not make all others alike.
    if len(ranked) > 1 and longest > FAR * ranked[-2][1]:
        longest = ranked[-2][1] * 1.2
    hand = costs.get("aiohttp")
    rows: list[str] = []
    for number, (side, cost) in enumerate(ranked):
        kind, y = ("ours" if side.startswith("ours") else "theirs"), TOP + BAR * number
        length = (WIDTH - LABEL - FIGURE) * min(cost / longest, 1)
        rows += [
            f'<text x="{LABEL - 12}" y="{y + 15}" class="name {kind}-name">'
            f"{escape(TITLES[side])}</text>",
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 7}" rx="3"'
            f' class="{kind}"/>',
            f'<text x="{LABEL + length + 8 + 18 * (cost > longest):.1f}" y="{y + 15}"'
            f' class="{kind}-name">{cost:,.0f} k'
            f"{f' · {cost / hand:.2f} &#215;' if hand else ''}</text>",
        ]
        if cost > longest:
            # Two more pieces with gaps before them: the bar goes on.
            rows += [
                f'<rect x="{LABEL + length + gap:.1f}" y="{y}" width="5" height="{BAR - 7}"'
                f' class="{kind}"/>'
                for gap in (4, 13)
            ]
    height = TOP + BAR * len(ranked) + 32
    lines = "\n".join(rows)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"
 viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Instructions of one start, by client">
<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #768390; }}
.title {{ font-weight: 600; font-size: 16px; }}
.name {{ text-anchor: end; }}
.small {{ font-size: 11px; }}
.ours-name {{ font-weight: 600; fill: #b7791f; }}
.ours {{ fill: #d69e2e; }}
.theirs {{ fill: #8b98a5; }}
</style>
<text x="20" y="24" class="title">Instructions of one start, the fewer the better</text>
<text x="20" y="44" class="small">beeos-async with all its promises, the others as bare
 requests; &#215; written by hand</text>
{lines}
<text x="20" y="{height - 10}" class="small">{escape(measured["about"][0])}</text>
</svg>
"""


if __name__ == "__main__":
    main()
