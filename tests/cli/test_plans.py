"""`--dry-run`: what a run would meet, and that nothing of it is done."""

from __future__ import annotations

import json

import pytest
from command_line import Clouds, Command, plain

from beeos_async.emulator import Emulator


def mixed(open_cloud: Clouds) -> Emulator:
    """Give a cloud with an instance in each state."""
    cloud = open_cloud(instances=2)
    cloud.world.add_instance(id="up", status="running")
    cloud.world.add_instance(id="gone", status="terminated")
    return cloud


IDS = ("up", "gone", "nowhere", "b d")


@pytest.mark.parametrize(
    ("action", "states", "requests"),
    [
        ("start", "would_start would_start already_running terminated not_found invalid_id", 5),
        ("stop", "already_stopped already_stopped would_stop terminated not_found invalid_id", 5),
        (
            "restart",
            f"{3 * 'would_restart '}terminated not_found invalid_id",
            5,
        ),
        (
            "destroy",
            f"{3 * 'would_destroy '}already_gone not_found invalid_id",
            5,
        ),
        ("wait", "stopped stopped running terminated not_found invalid_id", 0),
    ],
)
def test_each_action_has_its_own_words(
    command: Command, open_cloud: Clouds, action: str, states: str, requests: int
) -> None:
    """For each id what it would meet, and how many requests that is; none of them is sent."""
    cloud = mixed(open_cloud)

    ran = command(action, *cloud.ids, *IDS, "--dry-run", "--json", "--base-url", cloud.url)

    *objects, total = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert [one["id"] for one in objects] == [*cloud.ids, *IDS]
    assert [one["kind"] for one in objects] == states.split()
    assert (total["kind"], total["total"], total["requests"]) == ("plan", 6, requests)
    assert total["seconds"] is None
    assert {entry.method for entry in cloud.log} == {"GET"}


def test_a_known_quota_tells_the_seconds(command: Command, open_cloud: Clouds) -> None:
    """Those of a burst cost none; where no quota is given, that is said."""
    cloud = open_cloud(instances=5)

    told = command("start", *cloud.ids, "--dry-run", "--rate-limit", 2, "--base-url", cloud.url)
    untold = command("start", *cloud.ids, "--dry-run", "--base-url", cloud.url)
    waiting = command("wait", *cloud.ids, "--dry-run", "--base-url", cloud.url)

    assert told.out.splitlines()[0] == f"would_start {cloud.ids[0]}"
    assert told.out.splitlines()[-1] == "5 would start: 5 requests, about 2 s"
    assert untold.out.endswith("5 requests, how long is not known without --rate-limit\n")
    assert waiting.out.endswith("5 stopped: nothing to send\n")


def test_a_filter_that_finds_nothing_plans_nothing(command: Command, open_cloud: Clouds) -> None:
    """And says so."""
    ran = command(
        *("stop", "--search", "nobody", "--dry-run", "--base-url", open_cloud(instances=1).url)
    )

    assert (ran.code, ran.out) == (0, "no ids: nothing to send\n")


@pytest.mark.parametrize("width", [40, 80])
def test_a_person_gets_a_table(command: Command, open_cloud: Clouds, width: int) -> None:
    """How many of what, and the first of those of which nothing would come."""
    cloud = mixed(open_cloud)
    lost = [f"lost\x1b{n}" for n in range(12)]

    ran = command(
        *("start", *cloud.ids, *IDS, *lost, "--dry-run", "--base-url", cloud.url), terminal=width
    )

    text = "\n".join(line.rstrip() for line in plain(ran.out).splitlines())
    assert ran.code == 0
    assert "          2  would start\n" in text
    assert "  ✗ gone  terminated\n" in text
    assert "  ✗ lost\ufffd0  invalid id\n" in text
    assert "    and 5 more; --json names them all\n" in text
    assert "\n  Nothing was changed." in text
    assert "\n\n  ✗" in text
    assert max(map(len, text.splitlines())) <= width


def test_a_plan_without_trouble_names_nobody(command: Command, open_cloud: Clouds) -> None:
    """The counts are all there is to say."""
    cloud = open_cloud(instances=2)

    said = ("start", *cloud.ids, "--dry-run", "--base-url", cloud.url)
    text = plain(command(*said, terminal=80).out)

    assert "✗" not in text
    assert "\n\n\n" not in text


def test_what_cannot_be_looked_at_is_a_failure(command: Command, open_cloud: Clouds) -> None:
    """With the code of its cause."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("getInstance", 401, after=1, times=None)
    cloud.faults.refuse("getInstance", 403, times=1)

    forbidden = command("start", *cloud.ids, "--dry-run", "--base-url", cloud.url)
    refused = command("start", *cloud.ids, "--dry-run", "--base-url", cloud.url)

    assert (forbidden.code, refused.code) == (1, 3)
    assert forbidden.err.startswith("beeos-async: 0 of 1 found")
