"""The command in a process of its own: signals, pipes, and a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from typing import Any

import pytest
from command_line import KEY, Alone, Clouds, signalled

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and terminals are POSIX's")


@pytest.mark.fault("C3", "C4")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_its_sum(
    alone: Alone, open_cloud: Clouds, number: int, code: int
) -> None:
    """The default of a signal is death without a word; here it is a report, at once."""
    cloud = open_cloud(instances=8, quota="4/s")
    process = alone("start", *cloud.ids, "--concurrency", 2, "--base-url", cloud.url)
    assert process.stderr is not None
    process.stderr.readline()
    while len(cloud.log) < 5:
        time.sleep(0.01)
    began = time.monotonic()

    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert process.returncode == code
    assert time.monotonic() - began < 1.0
    assert out.splitlines()[-1].startswith("4 of 8 started in ")
    assert "skipped (cancelled: " in out.splitlines()[-1]
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_second_ctrl_c_leaves_although_nobody_reads(alone: Alone, open_cloud: Clouds) -> None:
    """A reader that has stopped reading holds up the loop, but not the way out."""
    cloud = open_cloud(instances=2000)
    process = alone("start", "--status", "stopped", "--json", "--base-url", cloud.url)
    # Nobody reads standard output: after the pipe's 64 KiB the command stands still.
    seen = -1
    while len(cloud.log) > seen or seen < 50:
        seen = len(cloud.log)
        time.sleep(0.3)

    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=5) == 130


def test_a_reader_that_leaves_ends_the_run(alone: Alone, open_cloud: Clouds) -> None:
    """`| head -1` gets its line, and nothing is started for nobody."""
    cloud = open_cloud(instances=500, quota="20/s")
    process = alone("start", "--status", "stopped", "--json", "--base-url", cloud.url)
    assert process.stdout is not None

    first = json.loads(process.stdout.readline())
    process.stdout.close()

    assert process.wait(timeout=10) == 1
    assert first["kind"] == "succeeded"
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_a_log_that_lacks_a_character_does_not_end_the_run(
    alone: Alone, open_cloud: Clouds
) -> None:
    """Where the encoding has no such letter, a mark stands for it."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("startInstance", 404, message="没有", times=None)
    env = {"PYTHONIOENCODING": "ascii"}

    process = alone("start", *cloud.ids, "--base-url", cloud.url, env=env)

    out, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "NotFoundError: ?? [404" in out


def on_a_terminal(alone: Alone, columns: int, *arguments: object) -> tuple[int, str]:
    """Run the command on a pseudo-terminal, and give its exit code and all it wrote there."""
    import fcntl  # noqa: PLC0415 -- there is none on Windows
    import pty  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {"TERM": "xterm-256color", "PYTHONUTF8": "1", "NO_COLOR": "", "LINES": "", "COLUMNS": ""}
    process = alone(
        *arguments, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT, text=False, env=env
    )
    os.close(theirs)
    written = b""
    # Linux says by an error that the other side is closed, others by an empty part.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65_536):
            written += part
    os.close(ours)
    return process.wait(timeout=10), written.decode()


def test_a_terminal_shows_the_demo_live(alone: Alone) -> None:
    """The demo as everybody meets it: drawn in place, throttled, and all 500 started."""
    code, text = on_a_terminal(alone, 80, "demo")

    assert code == 0
    assert text.count("Starting 500 instances") > 20
    assert "throttled" in text
    assert "500 of 500 started in " in text
    assert "500 of 500 exactly once" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    drawings = text.split("Starting 500 instances")
    assert all("\x1b[2K" in drawing for drawing in drawings[1:-1])


def test_ctrl_c_on_a_terminal_gives_the_cursor_back(alone: Alone, open_cloud: Clouds) -> None:
    """The summary stands below the last drawing, and the prompt below it is usable."""
    cloud = open_cloud(instances=9)
    cloud.faults.silence("startInstance", times=None)

    def in_flight() -> bool:
        # As many starts as are in flight at first.
        return [one.operation for one in cloud.log].count("startInstance") == 8

    def begin(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        process = alone(*arguments, **options)
        left.enter_context(signalled(signal.SIGINT, when=in_flight, process=process.pid))
        return process

    with contextlib.ExitStack() as left:
        arguments = ("start", "--status", "stopped", "--base-url", cloud.url)
        status, text = on_a_terminal(begin, 200, *arguments)

    assert status == 130
    assert "0 of 9 started in" in text
    assert "8 unknown (ConnectionLostError: 8)" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert KEY not in text
