"""The README is run: every Python block, against the emulator."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest
from examples import blocks_of, run, run_tests

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def test_it_reads_on_a_package_index() -> None:
    """Where nothing lies beside it, every link leads somewhere, and it says whose it is.

    Of a picture its words are left there.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)]*)\)", README)

    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert project["authors"][0]["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_sources_hold_what_its_commands_name() -> None:
    """Whoever unpacks the source distribution has all that is needed for them."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    shipped = tool["hatch"]["build"]["targets"]["sdist"]["include"]
    named = set(re.findall(r"(?<=[ `])(?:\.ci|tests|benchmarks)/[\w./]*", README))

    assert ".ci/pdoc" in named
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [name for name in named if name.split("/")[0] not in shipped] == []
