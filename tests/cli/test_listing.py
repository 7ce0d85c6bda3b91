"""`ls`: a table, or JSON lines."""

from __future__ import annotations

import json

import pytest
from command_line import Clouds, Command, plain


def test_a_program_gets_all_there_is(command: Command, open_cloud: Clouds) -> None:
    """An object a line, in the server's own spelling, and only what the filter finds."""
    cloud = open_cloud(instances=2)
    cloud.world.add_instance(id="up", status="running")

    ran = command("ls", "--status", "stopped", "--base-url", cloud.url)

    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert [one["id"] for one in objects] == cloud.ids
    assert objects[0]["agentFramework"]


def test_columns_may_be_chosen(command: Command, open_cloud: Clouds) -> None:
    """In our spelling, with dashes or without; `since` is when it came into its state."""
    cloud = open_cloud(instances=3)

    ran = command("ls", "--columns", "id, os-type,since", "--limit", 2, "--base-url", cloud.url)

    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert len(objects) == 2
    assert list(objects[0]) == ["id", "os_type", "since"]
    assert objects[0]["since"].endswith("Z")
    assert cloud.log[-1].path.endswith("pageSize=2")


def test_a_column_there_is_not_is_refused(command: Command) -> None:
    """With the one that was meant, or with all."""
    assert "nmae is no column; did you mean name?" in command("ls", "--columns", "nmae").err
    assert "weight is no column; there are id, owner_id" in command("ls", "--columns=weight").err


@pytest.mark.parametrize("width", [30, 60, 100, 200])
def test_a_terminal_gets_a_table_that_fits(
    command: Command, open_cloud: Clouds, width: int
) -> None:
    """What there is no room for is named; an id is never cut."""
    cloud = open_cloud(instances=3)
    cloud.world.add_instance(id="up-and-running", status="running", name="n" * 60)

    ran = command("ls", "--base-url", cloud.url, terminal=width)

    lines = plain(ran.out).splitlines()
    assert ran.code == 0
    assert max(map(len, lines)) <= width
    assert any(line.startswith("4 instances") for line in lines)
    assert any(line.startswith("up-and-running") for line in lines)
    assert ("no room for" in plain(ran.out)) is (width < 120)
    assert "\x1b[32m" in ran.out or width < 60


def test_a_table_says_where_an_instance_goes(command: Command, open_cloud: Clouds) -> None:
    """The state it is in, and the one it is brought to; dates and lists have a form too."""
    cloud = open_cloud(instances=1, boot_time=60.0)
    cloud.world.start(cloud.ids[0])

    ran = command(
        *("ls", "--columns", "id,status,created_at,models,since", "--base-url", cloud.url),
        terminal=160,
    )

    assert "pending → running" in plain(ran.out)
    assert '["clover/' in ran.out
    assert " s ago" in ran.out


def test_nothing_is_said_to_be_nothing(command: Command, open_cloud: Clouds) -> None:
    """In a table as in a pipe, with what was asked for and whether there is such a state."""
    cloud = open_cloud(instances=0)

    bare = command("ls", "--base-url", cloud.url, terminal=80)
    strange = command("ls", "--status", "hibernating", "--base-url", cloud.url)

    assert (bare.code, bare.err) == (0, "no instance found\n")
    assert strange.out == ""
    assert strange.err.startswith(
        "no instance found with --status hibernating; nor is hibernating"
    )
