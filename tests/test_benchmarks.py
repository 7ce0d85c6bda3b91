"""The benchmarks run: each in its quickest form, whose figures mean nothing."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(script.name for script in BENCHMARKS.glob("[!_]*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_says_what_it_measures(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it needs of its neighbours is there, and it begins with its one question."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    names = runpy.run_path(str(BENCHMARKS / script))

    assert f"python benchmarks/{script}" in names["__doc__"]
    assert callable(names["main"])


@pytest.mark.benchmarks
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_runs(
    script: str, tmp_path: Path
) -> None:  # pragma: no cover -- minutes, and peers that only `.ci/run --full` installs
    """Against what it measures, and beside whom it measures it."""
    options = ["--quick"] if script != "report.py" else ["--quick", "--into", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
