"""`emulator`: a pretend cloud in the foreground."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket

import pytest
from command_line import Alone, Command, plain, signalled

from beeos_async.cli import hosting

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals are POSIX's")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/v1/instances", headers={"Authorization": "Bearer x"})
        return bool(json.loads(connection.getresponse().read()).get("total") == 3)
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_serves_until_a_signal(command: Command, number: int, code: int) -> None:
    """It says how a client finds it, and at last how many came; Ctrl-C is its usual end."""
    port = free_port()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    with signalled(number, when=lambda: answers(port)):
        ran = command("emulator", "--port", port, "--instances", 3)

    signal.signal(signal.SIGINT, before)
    assert ran.code == code
    assert ran.out.startswith(f"A pretend BeeOS listens on http://127.0.0.1:{port}: 3 instances")
    assert f"  export BEEOS_API_URL=http://127.0.0.1:{port}\n" in ran.out
    assert ran.err == "1 request came\n"


def test_a_terminal_shows_what_comes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many, and the last of them, in one line that is drawn over."""
    monkeypatch.setattr(hosting, "REDRAWS", 100)
    port = free_port()
    seen = 0

    def twice() -> bool:
        nonlocal seen
        answers(port)
        seen += 1
        return seen > 20

    with signalled(signal.SIGTERM, when=twice):
        ran = command("emulator", "--port", port, "--instances", 3, "--quota", "9", terminal=50)

    lines = [plain(drawing) for drawing in re.split("[\r\n]", ran.out)]
    assert ran.code == 143
    assert any("requests  ·  GET /api/v1/instances 200" in line for line in lines)
    assert max(map(len, lines[8:])) <= 50


def test_a_program_gets_nothing_but_that_line(command: Command) -> None:
    """Before it is told to go, and after."""
    port = free_port()

    with signalled(signal.SIGTERM, when=lambda: answers(port)):
        ran = command("emulator", "--port", port, "--instances", 3, "--json")

    assert ran.code == 143
    assert [json.loads(line)["port"] for line in ran.out.splitlines()] == [port]


@posix
def test_a_program_in_any_language_reads_one_line(alone: Alone) -> None:
    """With where it listens, on a port that was free."""
    process = alone("emulator", "--port", 0, "--instances", 3, "--json", "--faults", 0.5)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())

    assert told == {
        "url": f"http://127.0.0.1:{told['port']}",
        "port": told["port"],
        "instances": 3,
    }
    assert answers(told["port"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143


def test_a_port_that_is_taken_is_wrong_usage(command: Command) -> None:
    """With what would be right."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ran = command("emulator", "--port", port)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"beeos-async: port {port} of 127.0.0.1 is taken; ")


@pytest.mark.parametrize(
    "option", ["--quota=fast", "--instances=-1", "--boot-time=-1", "--port=70000"]
)
def test_an_option_that_cannot_work_is_wrong_usage(command: Command, option: str) -> None:
    """Before anything listens."""
    ran = command("emulator", option)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
