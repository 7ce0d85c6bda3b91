"""The README is run: every Python block, against the emulator."""

from __future__ import annotations

import ast
import re
import sys
import types
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of

pytestmark = pytest.mark.anyio

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONFTEST = """
import pytest
pytest_plugins = ["beeos_async.pytest_plugin"]  # installed or not
anyio_backend = pytest.fixture(lambda: "asyncio")
"""
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
async def test_each_python_block_runs(
    block: str,
    cloud: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    pytester: pytest.Pytester,
) -> None:
    """What the README shows works as it stands."""
    if "def test_" in block:
        # A run of its own, for there is a loop here.
        pytester.makepyfile(block).with_name("conftest.py").write_text(CONFTEST)
        done = await anyio.to_thread.run_sync(
            pytester.runpytest_subprocess, "-p", "no:beeos_async"
        )
        done.assert_outcomes(passed=block.count("def test_"))
        return
    monkeypatch.setenv("BEEOS_API_KEY", "a-key-for-the-emulator")
    monkeypatch.setenv("BEEOS_API_URL", cloud.url)
    # Some of them write files.
    monkeypatch.chdir(tmp_path)
    if "asyncio.run(" in block:
        tmp_path.joinpath("ids.txt").write_text("\n".join(cloud.ids))
        done = await anyio.run_process([sys.executable, "-c", block], cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return
    code = compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    desk = cloud.world.add_instance(status="running", os_type="linux")
    names = {
        "__name__": "readme",
        "ids": cloud.ids,
        "desk": desk,
        "agent": agent_of(desk),
        "phone": cloud.world.add_instance(status="running", os_type="android"),
    }
    # What only defines something has run when it comes back.
    if (running := types.FunctionType(code, names)()) is not None:
        await running


def test_the_commands_to_paste_are_there() -> None:
    """One line starts the demo, one runs the tests."""
    lines = README.splitlines()
    start = "python3 -m venv .venv && .venv/bin/pip install -q "

    assert start + "'.[cli]' && .venv/bin/beeos-async demo" in lines
    assert start + "'.[test]' && .venv/bin/python -m pytest -q" in lines
    assert len(BLOCKS) >= 6
