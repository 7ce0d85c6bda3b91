"""The command in a process of its own: signals, pipes, and a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import KEY, Alone, Clouds, signalled

FULL = Path("/dev/full")

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

    assert process.wait(timeout=10) == 141
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


@pytest.mark.parametrize("arguments", [["start", "--json"], ["ls"]], ids=["a run", "a list"])
@pytest.mark.skipif(not FULL.exists(), reason="not every system has a device that is full")
def test_a_full_disk_is_one_line(alone: Alone, open_cloud: Clouds, arguments: list[str]) -> None:
    """No traceback; and of a run it is said what was done, where it still can be said."""
    cloud = open_cloud(instances=20)
    with FULL.open("w", encoding="utf-8") as full:
        process = alone(*arguments, "--status", "stopped", "--base-url", cloud.url, stdout=full)
        _, err = process.communicate(timeout=10)

    lines = err.splitlines()
    assert process.returncode == 1
    assert lines[-1] == "beeos-async: standard output cannot be written: No space left on device"
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    if arguments[0] == "start":
        assert " of 20 started in " in lines[-2]
        assert "start it again for the rest" in lines[-2]


def offered(alone: Alone, shell: str, words: str) -> str:
    """Ask for completions, as a shell does."""
    env = {
        "_BEEOS_ASYNC_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    out, err = alone(env=env).communicate(timeout=20)
    assert "Traceback" not in err
    return str(out)


@pytest.mark.parametrize(
    ("words", "offer"),
    [
        ("beeos-async resta", "restart"),
        ("beeos-async ls --status sto", "stopped"),
        ("beeos-async call startI", "startInstance"),
        ("beeos-async start --wait ", "connected"),
    ],
)
def test_a_word_can_be_completed(alone: Alone, words: str, offer: str) -> None:
    """Commands, states, operations and wishes are offered, without a client or a key."""
    assert offer in offered(alone, "bash", words)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_complete_too(alone: Alone, shell: str) -> None:
    """Each asks in a way of its own."""
    assert "restart" in offered(alone, shell, "beeos-async resta")


def on_a_terminal(
    alone: Alone,
    columns: int,
    *arguments: object,
    typed: bytes = b"",
    signal_at: bytes | None = None,
) -> tuple[int, str]:
    """Run the command on a pseudo-terminal, and give its exit code and all it wrote there.

    Somebody types ahead, or presses Ctrl-C as soon as something stands there.
    """
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
    os.write(ours, typed)
    written = b""
    # Linux says by an error that the other side is closed, others by an empty part.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65_536):
            written += part
            if signal_at is not None and signal_at in written:
                process.send_signal(signal.SIGINT)
                signal_at = None
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


@pytest.mark.parametrize(("typed", "code"), [(b"yes\n", 0), (b"no\n", 1)])
def test_a_terminal_is_asked_before_anything_is_destroyed(
    alone: Alone, open_cloud: Clouds, typed: bytes, code: int
) -> None:
    """With how many it would be; anything but the whole word destroys nothing."""
    cloud = open_cloud(instances=3)

    left, text = on_a_terminal(
        *(alone, 80, "destroy", "--status", "stopped", "--base-url", cloud.url), typed=typed
    )

    assert left == code
    assert "This destroys 3 instances of http://127.0.0.1" in text
    assert ("3 of 3 destroyed in " in text) is (code == 0)
    destroyed = [one for one in cloud.log if one.operation == "destroyInstance"]
    assert len(destroyed) == (3 if code == 0 else 0)


def test_ctrl_c_leaves_a_question_unanswered(alone: Alone, open_cloud: Clouds) -> None:
    """Nothing was destroyed, and nothing waits for the keyboard any more."""
    cloud = open_cloud(instances=2)

    status, text = on_a_terminal(
        *(alone, 80, "destroy", "--status", "stopped", "--base-url", cloud.url),
        signal_at=b"to go on: ",
    )

    assert status == 130
    assert "interrupted" in text
    assert {one.operation for one in cloud.log} == {"listInstances"}
