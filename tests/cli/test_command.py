"""The command as a shell calls it, in this process, against a pretend cloud beside it."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import KEY, Clouds, Command, run_as_program, signalled

from beeos_async import AsyncBeeOS, __version__
from beeos_async.cli import fleets, runs
from beeos_async.cli.actions import RESTART
from beeos_async.cli.display import PlainDisplay
from beeos_async.cli.options import PRODUCTION
from beeos_async.cli.signals import Signals


def test_ids_are_started(command: Command, open_cloud: Clouds) -> None:
    """Everything named is started once, however often it is named, and all is well."""
    cloud = open_cloud()

    ran = command("start", *cloud.ids, *cloud.ids, "--base-url", cloud.url)

    assert ran.code == 0
    assert ran.out.startswith("8 of 8 started in ")
    assert ran.err == f"Starting 8 instances, {cloud.url}\n"
    assert [cloud.effects(id) for id in cloud.ids] == [1] * 8


def test_ids_come_from_files_and_standard_input(
    command: Command, open_cloud: Clouds, tmp_path: Path
) -> None:
    """One a line, past blank lines and comments."""
    cloud = open_cloud(instances=3)
    (tmp_path / "ids").write_text(f"# mine\n{cloud.ids[0]}\n\n")

    ran = command(
        *("start", "-", "--from", tmp_path / "ids", "--base-url", cloud.url),
        stdin=f"{cloud.ids[1]}\n".encode(),
    )

    assert ran.code == 0
    assert [cloud.effects(id) for id in cloud.ids] == [1, 1, 0]


def test_a_filter_finds_the_ids(
    command: Command, open_cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not find is left alone; the URL may come from the environment."""
    cloud = open_cloud(instances=3)
    cloud.world.add_instance(id="other", status="running")
    monkeypatch.setenv("BEEOS_API_URL", cloud.url)

    ran = command("start", "--status", "stopped", "--deadline", 30)

    assert ran.code == 0
    assert ran.out.startswith("3 of 3 started in ")
    assert not [entry for entry in cloud.log if "other" in entry.path]


def test_a_filter_that_finds_nothing_is_no_failure(command: Command, open_cloud: Clouds) -> None:
    """To start all of none is done."""
    cloud = open_cloud(instances=1)

    ran = command("start", "--search", "nobody-has-this-name", "--base-url", cloud.url)

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "no instance found with --search nobody-has-this-name\n"


def test_json_is_an_object_a_line(command: Command, open_cloud: Clouds) -> None:
    """One for each outcome, and the report."""
    cloud = open_cloud(instances=2)

    ran = command("start", *cloud.ids, "no-such", "b d", "--json", "--base-url", cloud.url)

    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert {one["id"]: one["kind"] for one in objects[:-1]} == {
        cloud.ids[0]: "succeeded",
        cloud.ids[1]: "succeeded",
        "no-such": "failed",
        "b d": "skipped",
    }
    assert next(one for one in objects if one["kind"] == "failed")["error"]["status"] == 404
    assert objects[-1]["kind"] == "report"
    assert (objects[-1]["ok"], objects[-1]["succeeded"]) == (False, 2)


def test_plain_output_is_plain(command: Command, open_cloud: Clouds) -> None:
    """Neither an id nor the server's words bring a control character or a colour along."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse(
        "startInstance", 404, message="no \x1b[2J\x07 [red]such[/red]\r\nthing", times=None
    )

    ran = command("start", *cloud.ids, "odd\x1b[31m\rid", "--base-url", cloud.url)

    assert ran.code == 1
    assert not [one for one in ran.out + ran.err if one != "\n" and not one.isprintable()]
    assert "[red]such[/red]" in ran.out
    assert "skipped odd\ufffd[31m\ufffdid invalid_id" in ran.out


def test_a_known_quota_is_kept_to(command: Command, open_cloud: Clouds) -> None:
    """A number is so many a second, which is said; three pauses lie between four starts."""
    cloud = open_cloud(instances=4)

    ran = command("start", *cloud.ids, "--rate-limit", 10, "--json", "--base-url", cloud.url)

    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[-1])["elapsed"] >= 0.29
    assert ran.err == f"Starting 4 instances, {cloud.url}, at most 10/s\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start"], "there are no ids: name them"),
        (["start", "-"], "there are no ids: name them"),
        (["start", "a,b"], "a,b is one id with a comma in it; several are given as a b"),
        (["start", "a", "--base-url", "http://x.example"], "use https (only in Python, "),
        (["start", "a", "--base-url", "foo"], "loopback), and begins with 'foo'"),
        (["start", "a", "--base-url", "https://x.example/api/v1/"], "leave it out"),
        (["demo", "--faults", "often"], "--faults is a share such as 5% or 0.05, not often"),
        (["demo", "--faults", "120%"], "--faults is a share such as 5% or 0.05, not 120%"),
        (["start", "a", "--status", "stopped"], "give ids or filters, not both"),
        (["start", "--status", "stoped"], "stoped is no state; did you mean stopped?"),
        (["ls", "--status", "Runing"], "Runing is no state; did you mean running?"),
        (["start", "a", "--max-failures", "few"], "--max-failures is a number such as 10"),
        (["start", "a", "--max-failures", "500%"], "max_failures must be a whole number, or"),
        (["start", "a", "--wait", "onlin"], "'onlin' is not one of"),
        (["wait", "a", "--until", "gone"], "'gone' is not one of"),
        (["watch"], "there are no ids: name them"),
        (["destroy", "a"], "nobody is here to be asked: say --yes"),
        (["start", "a", "--base-url", "ftp://x"], "base_url must begin with https://"),
        (["start", "a", "--rate-limit", "often"], "a quota is"),
        (["start", "a", "--rate-limit", "-3.5"], "a quota is"),
        (["start", "a", "--timeout", "0"], "timeout must be a positive number"),
        (["start", "a", "--deadline", "0"], "deadline must be a positive number"),
        (["start", "a", "--deadline", "-1"], "deadline must be a positive number"),
        (["start", "--search", "a", "--deadline", "-1"], "deadline must be a positive number"),
        (["start", "a", "--retries", "-1"], "max_retries must be a whole number"),
        (["start", "--from", "no-such-file"], "no-such-file cannot be read"),
        (["start", "a", "--api-key-file", "no-such-file"], "no-such-file cannot be read"),
        (["demo", "--quota", "often"], "a quota is"),
        (["start", "a", "--concurrency", "0"], "--concurrency"),
        (["start", "--no-such-option"], "No such option"),
        (["no-such-command"], "No such command"),
        (["demo", "--faults", "2"], "--faults"),
    ],
)
def test_wrong_usage_is_code_2(command: Command, arguments: list[str], words: str) -> None:
    """One line says what would be right; nothing is sent, and nothing traced."""
    ran = command(*arguments)

    assert ran.code == 2
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_missing_key_is_wrong_usage(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names both ways to give one."""
    command("--version")
    monkeypatch.delenv("BEEOS_API_KEY")

    ran = command("start", "a")

    assert ran.code == 2
    assert "set BEEOS_API_KEY, or give --api-key-file" in ran.err


def test_a_key_may_come_from_a_file(
    command: Command, open_cloud: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wins over the environment."""
    cloud = open_cloud(instances=1)
    monkeypatch.setenv("BEEOS_API_KEY", "not a key")
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "key").chmod(0o600)

    ran = command("start", *cloud.ids, "--api-key-file", tmp_path / "key", "--base-url", cloud.url)

    assert ran.code == 0
    (tmp_path / "key").chmod(0o644)
    monkeypatch.setattr("beeos_async.cli.sources.POSIX", True)
    ran = command("start", "a", "--api-key-file", tmp_path / "key")
    assert (ran.code, "others can read the key file" in ran.err) == (2, True)


def test_some_failures_are_code_1(command: Command, open_cloud: Clouds) -> None:
    """A line for each of them, the sum, and 1."""
    cloud = open_cloud(instances=2)

    ran = command("start", *cloud.ids, "no-such", "--base-url", cloud.url)

    assert ran.code == 1
    lines = ran.out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("failed no-such NotFoundError: ")
    assert "request " in lines[0]
    assert lines[1].startswith("2 of 3 started in ")


def test_a_refused_key_is_code_3(command: Command, open_cloud: Clouds) -> None:
    """In an outcome, and when it stops the looking."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("startInstance", 401, times=None)
    cloud.faults.refuse("listInstances", 401, times=None)

    started = command("start", *cloud.ids, "--base-url", cloud.url)
    looked = command("start", "--status", "stopped", "--base-url", cloud.url)

    assert started.code == looked.code == 3
    assert "check BEEOS_API_KEY" in started.err
    assert looked.err.startswith("beeos-async: AuthenticationError: ")
    assert "check BEEOS_API_KEY" in looked.err
    assert len(looked.err.splitlines()) == 1


def test_a_deadline_is_code_4(command: Command, open_cloud: Clouds) -> None:
    """Before a turn, in flight, and while looking."""
    cloud = open_cloud(instances=4)
    cloud.faults.silence("startInstance", times=None)
    cloud.faults.silence("listInstances", times=None)
    cloud.faults.silence("getInstance", times=None)
    url = ("--base-url", cloud.url, "--deadline", 0.2)

    waiting = command("start", *cloud.ids, "--concurrency", 1, *url)
    in_flight = command("start", *cloud.ids, *url)
    looking = command("start", "--status", "stopped", *url)

    assert waiting.code == in_flight.code == looking.code == 4
    assert "1 unknown (RequestTimeoutError: 1); 3 skipped (deadline: 3)" in waiting.out
    assert "4 unknown" in in_flight.out
    assert "give a longer --deadline, or start it again for the rest" in in_flight.err


def test_an_error_before_the_run_is_one_line(command: Command) -> None:
    """Where nothing listens, the looking fails, and that is 1."""
    ran = command("start", "--search", "x", "--base-url", "http://127.0.0.1:1", "--retries", 0)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("beeos-async: NotSentError: ")
    assert ran.err.endswith("; `beeos-async doctor` finds out where it fails\n")
    assert len(ran.err.splitlines()) == 1


def test_a_demo_needs_no_account(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It brings its own cloud, with trouble in it, and all instances start exactly once."""
    command("--version")
    monkeypatch.delenv("BEEOS_API_KEY")

    ran = command("demo", "--instances", 40, "--quota", "none", "--faults", 0.2, "--seed", 3)

    assert ran.code == 0
    assert ran.out.startswith("40 of 40 started in ")
    assert "the pretend cloud has started 40 of 40 exactly once, past " in ran.err
    assert re.search(r"past \d+ faults: \d+ before a start took effect, \d+ after\n", ran.err)


def test_a_demo_in_which_nothing_works_comes_to_an_end(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and a start whose answer was lost is no first try."""
    monkeypatch.setattr(fleets, "PATIENCE", 0.3)

    ran = command("demo", "--instances", 100, "--quota", "none", "--faults", "100%", "--json")

    report = json.loads(ran.out.splitlines()[-1])
    assert ran.code == 4
    assert "with so many faults the host counts as down: the demo ends after 0 s" in ran.err
    assert report["succeeded"] > 0
    assert report["first_try_rate"] == 0


def test_a_demo_speaks_json(command: Command) -> None:
    """With a quota given as a number, and without trouble."""
    ran = command(
        "demo", "--instances", 3, "--quota", "1000", "--faults", 0, "--concurrency", 1, "--json"
    )

    assert ran.code == 0
    assert [json.loads(line)["kind"] for line in ran.out.splitlines()] == [
        *["succeeded"] * 3,
        "report",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_summed_up(
    command: Command, open_cloud: Clouds, number: int
) -> None:
    """What was in flight is unknown, the rest skipped, and the report complete."""
    cloud = open_cloud(instances=6)
    cloud.faults.silence("startInstance", after=2, times=None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    with signalled(number, when=lambda: len(cloud.log) >= 4):
        ran = command("start", *cloud.ids, "--concurrency", 2, "--json", "--base-url", cloud.url)

    signal.signal(signal.SIGINT, before)
    report = json.loads(ran.out.splitlines()[-1])
    assert ran.code == 128 + number
    assert (report["succeeded"], report["unknown"], report["skipped"]) == (2, 2, 2)
    assert len(ran.out.splitlines()) == 7
    assert ran.err.endswith("what runs is not started twice\n")


def test_a_run_that_was_broken_off_goes_on_by_its_journal(
    command: Command, open_cloud: Clouds, tmp_path: Path
) -> None:
    """The same command again starts the rest, and nothing twice."""
    cloud = open_cloud(instances=6)
    cloud.faults.silence("startInstance", after=2, times=None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    said = ("start", *cloud.ids, "--journal", tmp_path / "night", "--base-url", cloud.url)

    with signalled(signal.SIGINT, when=lambda: len(cloud.log) == 4):
        first = command(*said, "--concurrency", 2)
    cloud.faults.clear()
    second = command(*said)

    signal.signal(signal.SIGINT, before)
    assert (first.code, second.code) == (130, 0)
    assert first.err.endswith(
        f"interrupted; the same command goes on where this one ended, with {tmp_path / 'night'}\n"
    )
    assert second.out.startswith("6 of 6 started in ")
    assert [cloud.effects(id) for id in cloud.ids] == [1] * 6


def test_a_journal_that_is_none_is_wrong_usage(
    command: Command, open_cloud: Clouds, tmp_path: Path
) -> None:
    """Whatever else the file holds is left as it is."""
    cloud = open_cloud(instances=1)
    (tmp_path / "letter").write_text("Dear all,\n")

    ran = command("start", *cloud.ids, "--journal", tmp_path / "letter", "--base-url", cloud.url)

    assert ran.code == 2
    assert "is no journal" in ran.err
    assert (tmp_path / "letter").read_text() == "Dear all,\n"


def test_an_interrupted_look_says_so(command: Command, open_cloud: Clouds) -> None:
    """Before there is a run there is nothing to sum up."""
    cloud = open_cloud()
    cloud.faults.silence("listInstances", times=None)

    with signalled(signal.SIGTERM, when=lambda: len(cloud.log) >= 1):
        ran = command("start", "--status", "stopped", "--base-url", cloud.url)

    assert ran == (143, "", "beeos-async: interrupted\n")


def test_an_unexpected_error_leaves_the_terminal_usable(open_cloud: Clouds) -> None:
    """It is a bug and goes up as it is, but the cursor comes back."""
    cloud = open_cloud(instances=1)
    calls: list[str] = []

    class Broken(PlainDisplay):
        def outcome(self, outcome: object) -> None:
            raise ZeroDivisionError

        def abandon(self) -> None:
            calls.append("abandon")

    async def main() -> None:
        async with cloud.client() as bee:
            plan = runs.Plan(ids=list(cloud.ids), where="here", concurrency=1)
            await runs.run_fleet(bee, plan, Broken(), Signals())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    assert calls == ["abandon"]


class Full(io.StringIO):
    """Standard output on a disk without room, or with another fault."""

    def __init__(self, file: int, number: int = errno.ENOSPC) -> None:
        super().__init__()
        self._file = file
        self._number = number

    def write(self, text: str) -> int:
        raise OSError(self._number, os.strerror(self._number))

    def fileno(self) -> int:
        return self._file


@pytest.mark.parametrize("arguments", [["start", "--json"], ["ls"]], ids=["a run", "a list"])
def test_a_full_disk_is_one_line(
    command: Command,
    open_cloud: Clouds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    """And 1; of a run it is said what was done, and what to do for the rest."""
    cloud = open_cloud(instances=3)
    with (tmp_path / "out").open("w+") as out:
        monkeypatch.setattr(sys, "stdout", Full(out.fileno()))
        ran = command(*arguments, "--status", "stopped", "--base-url", cloud.url)
        out.write("nowhere")

    assert ran.code == 1
    lines = ran.err.splitlines()
    assert lines[-1] == "beeos-async: standard output cannot be written: No space left on device"
    assert ("start it again for the rest" in ran.err) is (arguments[0] == "start")
    # What is written after that goes nowhere, and is no second error.
    assert (tmp_path / "out").read_text() == ""


@pytest.mark.parametrize("arguments", [["start", "--json"], ["ls"], ["endpoints"]])
def test_a_reader_that_has_left_is_no_failure(
    command: Command,
    open_cloud: Clouds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    """It has what it wanted; a shell is told what it is told of other programs."""
    where = [] if arguments == ["endpoints"] else ["--base-url", open_cloud(instances=3).url]
    which = ["--status", "stopped"] if where else []
    with (tmp_path / "out").open("w+") as out:
        monkeypatch.setattr(sys, "stdout", Full(out.fileno(), errno.EPIPE))
        ran = command(*arguments, *which, *where)

    assert (ran.code, ran.err.count("\n")) == (141, "start" in arguments)


def test_a_file_without_room_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Another error of the system is none of ours, and goes up as it is."""

    async def full(_: Signals) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run.journal")

    async def odd(_: Signals) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    assert runs.run(full) == 1
    assert capsys.readouterr().err == (
        "beeos-async: run.journal cannot be written: No space left on device\n"
    )
    with pytest.raises(OSError, match="open files"):
        runs.run(odd)


def test_a_run_says_where_to_go_on() -> None:
    """By the journal where there is one; else what another run would do."""
    plan = runs.Plan(["a"], "there", 1, action=RESTART)
    written = plan._replace(journal=Path("night.journal"))

    assert plan.note(130, cancelled=True).startswith("interrupted; take care with the rest: ")
    assert written.note(130, cancelled=True) == (
        "interrupted; the same command goes on where this one ended, with night.journal"
    )
    assert written.note(4, cancelled=False).endswith("ended, with night.journal")
    assert plan.note(1, cancelled=False) == ""


def test_no_output_has_the_key(command: Command, open_cloud: Clouds) -> None:
    """Neither of a success nor of a failure."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("startInstance", 401, after=1, times=None)

    said = [
        command("start", *cloud.ids, "--base-url", cloud.url),
        command("start", *cloud.ids, "--base-url", cloud.url, "--json"),
        command("start", "a", "--base-url", "nonsense"),
        command("start", "--status", "x", "--base-url", "http://127.0.0.1:1", "--retries", 0),
    ]

    assert [ran.code for ran in said] == [0, 3, 2, 1]
    assert KEY not in str(said)


def test_it_says_its_version(command: Command) -> None:
    """The package's own."""
    assert command("--version") == (0, f"beeos-async {__version__}\n", "")


def test_help_names_what_there_is(command: Command) -> None:
    """All commands, where the key comes from, and the default host, which is the client's."""
    root, start = command("--help"), command("start", "-h")

    assert root.code == start.code == 0
    commands = "demo start stop restart destroy wait ls get watch call endpoints doctor emulator"
    assert all(f" {word} " in root.out for word in commands.split())
    assert "BEEOS_API_KEY" in root.out
    assert "--api-key-file" in start.out
    assert "--api-key " not in start.out
    assert PRODUCTION in repr(AsyncBeeOS(KEY))
    assert root.out.index(" start ") < root.out.index(" ls ") < root.out.index(" demo ")
    assert "pending, provisioning, running, stopped, terminated" in " ".join(
        start.out.replace("│", " ").split()
    )
    assert not [line for line in start.out.splitlines() if "<bool>" in line and "--h" not in line]


def test_without_a_command_there_is_help(command: Command) -> None:
    """It is what somebody who types the bare name wants."""
    ran = command()

    assert "demo" in ran.out + ran.err


def test_help_does_not_bring_aiohttp() -> None:
    """A shell that asks for help does not wait for a client it does not need."""
    code = (
        "import sys; sys.argv = ['beeos-async', 'start', '--help']\n"
        "from beeos_async.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('aiohttp', 'msgspec', 'rich.live')))"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode
        == 0
    )


def test_without_the_extra_it_says_how_to_get_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and 2."""
    monkeypatch.delitem(sys.modules, "beeos_async.cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)

    ran = command("demo")

    assert ran == (2, "", "the command needs an extra: pip install 'beeos-async[cli]'\n")


def test_another_missing_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the extra cannot mend is shown as it is."""
    monkeypatch.setitem(sys.modules, "beeos_async.cli.app", None)

    with pytest.raises(ModuleNotFoundError):
        run_as_program("beeos_async.__main__")


def test_streams_of_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """A program that has put its own stream in place of standard error keeps it."""

    stream: Any = object()
    monkeypatch.setattr(sys, "stderr", stream)

    assert command("--version").code == 0
    assert sys.stderr is stream
