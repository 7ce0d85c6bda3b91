"""`watch`: a line for each change."""

from __future__ import annotations

import json
import re
import signal

import pytest
from command_line import Clouds, Command, plain, signalled

from beeos_async import Instance
from beeos_async.cli.watching import Diary


def test_what_becomes_of_an_instance_is_written_down(command: Command, open_cloud: Clouds) -> None:
    """From how it is until it is ready; each state once."""
    cloud = open_cloud(instances=1, boot_time=0.8)
    cloud.world.add_instance(id="up", status="running")
    cloud.world.start(cloud.ids[0])

    ran = command("watch", *cloud.ids, "up", "--until", "online", "--base-url", cloud.url)

    own = [line for line in ran.out.splitlines() if cloud.ids[0] in line]
    assert ran.code == 0
    assert re.fullmatch(r"\d\d:\d\d:\d\d  \S+  p\w+ing -> running, offline, unknown", own[0])
    assert own[-1].endswith("  running, online, connected")
    assert len(own) == len({line[10:] for line in own})
    assert len(ran.out.splitlines()) == len(own) + 1


def test_a_program_gets_objects(command: Command, open_cloud: Clouds) -> None:
    """With the time, and at last what became of each."""
    cloud = open_cloud(instances=0)
    cloud.world.add_instance(id="up", status="running")

    ran = command("watch", "up", "--until", "running", "--json", "--base-url", cloud.url)

    seen, over = (json.loads(line) for line in ran.out.splitlines())
    assert ran.code == 0
    assert (seen["kind"], seen["status"], seen["connectivity"]) == ("seen", "running", "online")
    assert seen["at"].endswith("Z")
    assert (over["kind"], over["id"]) == ("succeeded", "up")


def test_a_person_gets_colours(command: Command, open_cloud: Clouds) -> None:
    """And arrows; what is not there is told as a failure."""
    cloud = open_cloud(instances=1, boot_time=60.0)
    cloud.world.start(cloud.ids[0])

    ran = command(
        *("watch", *cloud.ids, "--deadline", 1.0, "--base-url", cloud.url),
        terminal=100,
    )
    gone = command("watch", "nowhere", "--base-url", cloud.url, terminal=100)

    text = plain(ran.out)
    assert ran.code == 4
    assert f"{cloud.ids[0]}  pending → running, offline, unknown" in text
    assert "failed nowhere WaitError: there is no instance nowhere" in plain(gone.out)
    assert "timed_out" in text
    assert "\x1b[33m" in ran.out


def test_ctrl_c_ends_it(command: Command, open_cloud: Clouds) -> None:
    """Which is how somebody leaves who waits for nothing."""
    cloud = open_cloud(instances=0)
    cloud.world.add_instance(id="up", status="running")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    with signalled(signal.SIGINT, when=lambda: len(cloud.log) >= 2):
        ran = command("watch", "up", "--base-url", cloud.url)

    signal.signal(signal.SIGINT, before)
    assert ran.code == 130
    assert len(ran.out.splitlines()) == 1
    assert ran.err == "beeos-async: interrupted\n"


def test_a_row_without_a_wish_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    """Seen in a list first and by a look then, an instance on its way is told of once."""
    diary = Diary(None, as_objects=False)
    full = Instance(id="a", status="pending", desired_status="running", connectivity="offline")

    for one in (full, Instance(id="a", status="pending"), full, Instance(id="a"), full):
        diary.enter(one)

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_row_that_says_less_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    """A list may leave out what a look tells."""
    diary = Diary(None, as_objects=False)
    full = Instance(id="a", status="running", connectivity="online", ms_connection_status="failed")

    for one in (Instance(id="a", status="running"), full, Instance(id="a", status="running")):
        diary.enter(one)

    assert [line[10:] for line in capsys.readouterr().out.splitlines()] == [
        "a  running",
        "a  running, online, failed",
    ]
