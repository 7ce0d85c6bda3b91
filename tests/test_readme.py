"""The README is run: every Python block, against the emulator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from examples import blocks_of, run, run_tests

pytestmark = pytest.mark.anyio

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(README)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
async def test_each_python_block_runs(
    block: str, around: dict[str, Any], tmp_path: Path, pytester: pytest.Pytester
) -> None:
    """What the README shows works as it stands."""
    if "def test_" in block:
        await run_tests(block, pytester)
        return
    if "asyncio.run(" in block:
        tmp_path.joinpath("ids.txt").write_text("\n".join(around["ids"]))
        done = await anyio.run_process([sys.executable, "-c", block], cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return
    await run(block, "README.md", around)


def test_the_commands_to_paste_are_there() -> None:
    """One line starts the demo, one runs the tests."""
    lines = README.splitlines()
    start = "python3 -m venv .venv && .venv/bin/pip install -q "

    assert start + "'.[cli]' && .venv/bin/beeos-async demo" in lines
    assert start + "'.[test]' && .venv/bin/python -m pytest -q" in lines
    assert len(BLOCKS) >= 6
