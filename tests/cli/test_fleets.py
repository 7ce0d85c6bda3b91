"""Stop, restart, destroy and wait: fleets told other things than to start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Clouds, Command, plain

from beeos_async.cli import fleets


def states(command: Command, url: str) -> dict[str, str]:
    ran = command("ls", "--columns", "id,status", "--base-url", url)
    return {one["id"]: one["status"] for one in map(json.loads, ran.out.splitlines())}


def test_a_fleet_is_stopped_and_started_again(command: Command, open_cloud: Clouds) -> None:
    """Each with its own words, and what was so before is told apart."""
    cloud = open_cloud(instances=3)
    url = ("--base-url", cloud.url)

    up = command("start", *cloud.ids, "--wait", "online", *url)
    again = command("start", *cloud.ids, "--json", *url)
    down = command("stop", "--status", "running", "--wait", "stopped", *url)

    assert (up.code, again.code, down.code) == (0, 0, 0)
    assert up.err.startswith("Starting 3 instances, until all are online, http://127.0.0.1")
    assert all(json.loads(line).get("already", True) for line in again.out.splitlines())
    assert down.out.startswith("3 of 3 stopped in ")
    assert set(states(command, cloud.url).values()) == {"stopped"}


def test_a_fleet_is_restarted(command: Command, open_cloud: Clouds) -> None:
    """And waited for until it is up again."""
    cloud = open_cloud(instances=0)
    id = cloud.world.add_instance(status="running")

    ran = command("restart", id, "--wait", "running", "--base-url", cloud.url)

    assert ran.code == 0
    assert ran.out.startswith("1 of 1 restarted in ")
    assert "Restarting 1 instance, until it is running" in ran.err


def test_a_fleet_is_destroyed_by_who_says_yes(command: Command, open_cloud: Clouds) -> None:
    """In a script there is nobody to ask; then nothing is sent."""
    cloud = open_cloud(instances=3)

    refused = command("destroy", "--status", "stopped", "--base-url", cloud.url)
    assert refused.code == 2
    assert set(states(command, cloud.url)) == set(cloud.ids)
    done = command("destroy", cloud.ids[0], "--yes", "--wait=terminated", "--base-url", cloud.url)
    none = command("destroy", "--search", "nobody", "--base-url", cloud.url)

    assert done.code == none.code == 0
    assert done.out.startswith("1 of 1 destroyed in ")
    assert [entry.ids for entry in cloud.log if entry.operation == "destroyInstance"] == [
        (cloud.ids[0],)
    ]


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)])
def test_who_is_asked_decides(
    command: Command,
    open_cloud: Clouds,
    monkeypatch: pytest.MonkeyPatch,
    answer: bool,
    code: int,
) -> None:
    """How somebody is asked is proved on a real terminal; what follows from it here."""
    asked: list[tuple[int, str]] = []

    async def consent(count: int, where: str) -> bool:
        asked.append((count, where))
        return answer

    monkeypatch.setattr(fleets, "consent", consent)
    cloud = open_cloud(instances=2)

    ran = command("destroy", *cloud.ids, "--base-url", cloud.url)

    assert ran.code == code
    assert asked == [(2, cloud.url)]
    assert len([one for one in cloud.log if one.operation == "destroyInstance"]) == 2 * answer
    assert ("nothing was destroyed" in ran.err) is not answer


def test_waiting_sends_nothing_but_looks(command: Command, open_cloud: Clouds) -> None:
    """What is ready comes out at once; the rest is late at the deadline."""
    cloud = open_cloud(instances=1, boot_time=60.0)
    cloud.world.add_instance(id="up", status="running")
    cloud.world.start(cloud.ids[0])

    ran = command(
        *("wait", "up", *cloud.ids, "--until", "running", "--deadline", 1.0),
        *("--base-url", cloud.url),
    )

    assert ran.code == 4
    assert ran.out.splitlines()[0] == f"timed_out {cloud.ids[0]} still pending, offline at the end"
    assert ran.out.splitlines()[1].startswith("1 of 2 ready in ")
    assert "give a longer --deadline, or wait again for the rest" in ran.err
    assert {entry.method for entry in cloud.log} == {"GET"}


def test_a_run_stops_when_too_many_failed(command: Command, open_cloud: Clouds) -> None:
    """The rest is left alone."""
    cloud = open_cloud(instances=0)

    ran = command(
        *("start", *(f"nowhere-{n}" for n in range(20)), "--max-failures", "10%"),
        *("--concurrency", 1, "--base-url", cloud.url),
    )

    assert ran.code == 1
    assert "3 failed (NotFoundError: 3); 17 skipped (max_failures: 17)" in ran.out


def test_what_the_server_gives_unasked_is_left_alone(command: Command, open_cloud: Clouds) -> None:
    """A filter that a server does not know must not destroy what it did not mean."""
    cloud = open_cloud(instances=1)
    row = {"id": "up", "status": "running"}
    thin = {"id": cloud.ids[0]}
    body = json.dumps({"success": True, "data": [row, thin], "total": 2}).encode()
    cloud.faults.garble("listInstances", body, content_type="application/json", times=None)

    ran = command("destroy", "--status", "stopped", "--yes", "--base-url", cloud.url)

    assert ran.code == 0
    assert [one.ids for one in cloud.log if one.operation == "destroyInstance"] == [
        (cloud.ids[0],)
    ]


ENDS = {
    "start": ("stopped", "running", "5 of 5 started in ", 0),
    "stop": ("running", "stopped", "5 of 5 stopped in ", 0),
    "restart": ("running", "provisioning", "3 of 5 restarted in ", 4),
    "destroy": ("stopped", "terminated", "5 of 5 destroyed in ", 0),
}


@pytest.mark.parametrize("action", ENDS)
def test_a_filter_and_a_journal_lose_nobody(
    command: Command, open_cloud: Clouds, tmp_path: Path, action: str
) -> None:
    """What was begun before a break is no longer as the filter says, and is looked after."""
    before, after, told, code = ENDS[action]
    cloud = open_cloud(instances=0, boot_time=60.0 if action == "restart" else 0.0)
    ids = [cloud.world.add_instance(status=before) for _ in range(5)]
    operation = f"{action}Instance"
    cloud.faults.silence(operation, when="after", after=2, times=None)
    cloud.faults.silence("getInstance", times=None)
    said = (action, "--status", before, "--journal", tmp_path / "j", "--base-url", cloud.url)
    yes = ["--yes"] if action == "destroy" else []

    first = command(*said, *yes, "--concurrency", 2, "--deadline", 0.1)
    cloud.faults.clear()
    planned = command(*said, "--dry-run", "--json")
    second = command(*said, *yes)
    third = command(*said, *yes)

    assert (first.code, second.code) == (4, code)
    assert "2 unknown" in first.out
    assert second.err.startswith("going on with 4 instances of the journal, 1 more instance found")
    assert told in second.out
    sent = [one.ids[0] for one in cloud.log if one.operation == operation]
    assert sorted(sent) == sorted(ids)
    plan = json.loads(planned.out.splitlines()[-1])
    assert (plan["total"], plan["done_before"]) == (5, 2)
    assert plan["requests"] == (1 if action == "restart" else 3)
    assert "journal" not in third.err
    assert {*states(command, cloud.url).values()} <= {after}


def test_who_is_asked_is_asked_about_what_is_left(
    command: Command, open_cloud: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the journal says is destroyed is not counted again; and another's is refused."""
    asked: list[int] = []

    async def consent(count: int, where: str) -> bool:
        asked.append(count)
        return True

    monkeypatch.setattr(fleets, "consent", consent)
    cloud = open_cloud(instances=4)
    cloud.faults.refuse("destroyInstance", 404, after=2, times=None)
    said = ("--status", "stopped", "--journal", tmp_path / "j", "--base-url", cloud.url)

    first = command("destroy", *said, "--concurrency", 1, "--max-failures", 0)
    other = command("stop", *said, "--dry-run")
    cloud.faults.clear()
    second = command("destroy", *said)

    assert (first.code, other.code, second.code) == (1, 2, 0)
    assert asked == [4, 2]
    assert "is about destroyInstance, and this run about stopInstance" in other.err
    assert second.out.startswith("4 of 4 destroyed in ")


def test_a_terminal_shows_what_was_accepted(command: Command, open_cloud: Clouds) -> None:
    """While it boots, and the wish as what each became."""
    cloud = open_cloud(instances=30, boot_time=1.5)

    ran = command(
        *("start", *cloud.ids, "--wait", "online", "--base-url", cloud.url), terminal=120
    )

    text = plain(ran.out)
    assert ran.code == 0
    assert "Starting 30 instances, until all are online" in text
    assert " accepted " in text
    assert "still booting" in text
    assert "until ready  p50 " in text
    assert "slowest  " in text
