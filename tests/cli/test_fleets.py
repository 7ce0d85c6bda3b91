"""Stop, restart, destroy and wait: fleets told other things than to start."""

from __future__ import annotations

import json

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
    """What is as wished comes out at once; the rest is late at the deadline."""
    cloud = open_cloud(instances=1, boot_time=60.0)
    cloud.world.add_instance(id="up", status="running")
    cloud.world.start(cloud.ids[0])

    ran = command(
        *("wait", "up", *cloud.ids, "--until", "running", "--deadline", 1.0),
        *("--base-url", cloud.url),
    )

    assert ran.code == 4
    assert ran.out.splitlines()[0] == f"timed_out {cloud.ids[0]} accepted, not as wished in time"
    assert ran.out.splitlines()[1].startswith("1 of 2 as wished in ")
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
    assert "until as wished  p50 " in text
    assert "slowest  " in text
