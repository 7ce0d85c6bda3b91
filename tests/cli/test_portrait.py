"""`get`: one instance, for people and for programs."""

from __future__ import annotations

import json

from command_line import Clouds, Command, plain


def test_a_person_reads_what_is_set(command: Command, open_cloud: Clouds) -> None:
    """Each field by its name; what is not set is left out, and nothing is obeyed."""
    cloud = open_cloud(instances=0)
    id = cloud.world.add_instance(
        name="night\x1b[2J-shift", status="running", system_prompt="Be kind.\nBe \x07brief."
    )

    ran = command("get", id, "--base-url", cloud.url, terminal=90)

    text = plain(ran.out)
    assert ran.code == 0
    assert f"  night\ufffd[2J-shift  {id}\n  running\n" in text
    assert "connectivity      " in text
    assert "Be \ufffdbrief." in text
    assert "UTC  (" in text
    assert '"labels": {' in text
    assert "clover/large-3, clover/mini-3" in text
    assert "halt reason" not in text
    assert max(map(len, text.splitlines())) <= 90


def test_an_instance_without_a_name_has_its_id(command: Command, open_cloud: Clouds) -> None:
    """It is what one is called by."""
    cloud = open_cloud(instances=0)
    id = cloud.world.add_instance(name="")

    assert f"\n  {id}\n" in plain(command("get", id, "--base-url", cloud.url, terminal=90).out)


def test_a_program_gets_one_object(command: Command, open_cloud: Clouds) -> None:
    """In a pipe, or because it says so."""
    cloud = open_cloud(instances=1)

    piped = command("get", *cloud.ids, "--base-url", cloud.url)
    asked = command("get", *cloud.ids, "--json", "--base-url", cloud.url, terminal=90)

    assert json.loads(piped.out) == json.loads(asked.out)
    assert json.loads(piped.out)["id"] == cloud.ids[0]


def test_one_that_is_not_there_is_a_failure(command: Command, open_cloud: Clouds) -> None:
    """One line, and 1."""
    ran = command("get", "nowhere", "--base-url", open_cloud().url)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("beeos-async: NotFoundError: ")
