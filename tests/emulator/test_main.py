"""The emulator as a program."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from command_line import run_as_program
from msgspec import json

from beeos_async.emulator import EFFECTS_PATH, instance_ids
from beeos_async.emulator.__main__ import main, outage_of, refusal_of


def ask(port: int, method: str, path: str, headers: Mapping[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, headers=dict(headers or {}))
        return json.decode(connection.getresponse().read())


def test_a_process_of_its_own_serves_until_it_is_told_to_go() -> None:
    """It says where it listens, answers there, and goes with a clean exit code."""
    command = [sys.executable, "-m", "beeos_async.emulator", "--instances", "3", "--seed", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        told = json.decode(program.stdout.readline())
        port = int(told["url"].rpartition(":")[2])
        start = f"/api/v1/instances/{instance_ids(3, 5)[1]}/start"
        started = ask(port, "POST", start, {"Authorization": "Bearer x"})
        effects = ask(port, "GET", EFFECTS_PATH)
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0

    assert told["instances"] == 3
    assert started["success"] is True
    assert (effects["requests"], effects["effects"]) == (1, {instance_ids(3, 5)[1]: 1})


class Ear(io.StringIO):
    """Hears what is said, and then gives the signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_end_it_well(number: signal.Signals) -> None:
    """Ctrl-C and a supervisor's word alike; and the handlers before are back afterwards."""
    before = signal.getsignal(number)

    with contextlib.redirect_stdout(Ear(number)) as ear:
        code = main(["--instances", "2", "--faults", "0.5", "--quota", "9/s"])

    told = json.decode(ear.getvalue())
    assert code == 0
    assert told["instances"] == 2
    assert told["url"].startswith("http://127.0.0.1:")
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("503:10@2000", (10.0, "503", 2000)),
        ("reset:2.5", (2.5, "reset", 0)),
        ("refused:0.1@0", (0.1, "refused", 0)),
    ],
)
def test_an_outage_is_written_in_one_word(text: str, read: tuple[float, str, int]) -> None:
    """Kind, seconds, and after how many requests."""
    assert outage_of(text) == read
    with contextlib.redirect_stdout(Ear(signal.SIGTERM)):
        assert main(["--instances", "2", "--outage", text]) == 0


def test_starts_are_refused_after_so_many() -> None:
    """As where a key dies in the middle of a run."""
    assert refusal_of("401@1000") == (401, 1000)
    with contextlib.redirect_stdout(Ear(signal.SIGTERM)):
        assert main(["--instances", "2", "--refuse", "403@0"]) == 0


WRONG = "--faults=2 --quota=fast --instances=-1 --outage=503 --outage=fire:1 --refuse=401"


@pytest.mark.parametrize("option", WRONG.split())
def test_an_option_that_cannot_work_is_a_usage_error(
    option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and one line that says what would work."""
    monkeypatch.setattr(sys, "argv", ["emulator", option])

    with pytest.raises(SystemExit) as left:
        run_as_program("beeos_async.emulator.__main__")

    assert left.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
