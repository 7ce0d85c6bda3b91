"""A cloud beside the test, the command in this process, and the command on its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from command_line import KEY, Alone, Clouds, Command, Ran

from beeos_async.__main__ import main
from beeos_async.emulator import Emulator


@pytest.fixture
def open_cloud() -> Iterator[Clouds]:
    """Give what opens a pretend cloud on a loop in another thread: the command has its own."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal("asyncio"))

        def open_cloud(**options: Any) -> Emulator:
            cloud = Emulator(**{"instances": 8, "boot_time": 0.0, **options})
            opened: AbstractContextManager[Emulator] = portal.wrap_async_context_manager(cloud)
            return stack.enter_context(opened)

        yield open_cloud


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give what runs the command in this process, as the shell would call it."""
    monkeypatch.setenv("BEEOS_API_KEY", KEY)

    def command(*arguments: object, stdin: bytes = b"", terminal: int = 0) -> Ran:
        if terminal:
            # What rich takes for a terminal; so wide.
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("TERM", "xterm")
            monkeypatch.setenv("COLUMNS", str(terminal))
        else:
            monkeypatch.delenv("FORCE_COLOR", raising=False)
            monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(sys, "argv", ["beeos-async", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        return Ran(int(left.value.code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def alone() -> Iterator[Alone]:
    """Give what runs the command in a process of its own, which does not outlive the test."""
    with ExitStack() as stack:

        def alone(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> Any:
            # Whoever runs the tests in the background may have had Ctrl-C ignored.
            code = (
                "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
                "from beeos_async.__main__ import main; main()"
            )
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen(
                [sys.executable, "-c", code, *map(str, arguments)],
                env={**os.environ, "BEEOS_API_KEY": KEY, **(env or {})},
                **{**streams, **options},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield alone
