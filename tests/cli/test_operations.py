"""The table, listed."""

from __future__ import annotations

import itertools
import json

import pytest
from command_line import Command, plain

from beeos_async import AsyncBeeOS
from beeos_async._protocol import table
from beeos_async.cli.operations import group_of, operations

GROUPS = {
    *("instances", "computer", "mobile", "catalog", "agents"),
    *("tasks", "conversations", "files", "runtime"),
}


def test_every_row_is_in_a_group_of_the_client() -> None:
    """The table has a paragraph for each group: none is entered twice."""
    groups = [one.group for one in operations()]

    assert [one.operation for one in operations()] == list(table.ROWS)
    assert set(groups) == GROUPS
    assert len([group for group, _ in itertools.groupby(groups)]) == len(set(groups))
    assert all(group in AsyncBeeOS.__annotations__ for group in groups)


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/api/v1/agents", "agents"),
        ("/api/v1/agents/{agentId}/invoke", "agents"),
        ("/api/v1/agents/{agentId}/tasks", "tasks"),
        ("/api/v1/tasks", "tasks"),
        ("/api/v1/agents/{agentId}/conversations/{convId}/events", "conversations"),
        ("/api/v1/files/{fileId}", "files"),
        ("/api/v1/instances/{instanceId}/runtime-capabilities", "runtime"),
        ("/api/v1/instances/{instanceId}/operations/{operationId}", "runtime"),
        ("/api/v1/instances/{instanceId}/terminal-sessions", "runtime"),
        ("/api/v1/instances/{id}/device/info", "instances"),
        ("/api/v1/providers", "catalog"),
    ],
)
def test_a_path_names_its_group(path: str, group: str) -> None:
    """Also those of groups that are large."""
    assert group_of(path) == group


def test_how_an_answer_comes_is_told() -> None:
    """Those that are followed apart from those that are read."""
    answers = {one.operation: one.answer for one in operations()}

    assert answers["streamTaskEvents"] == "events"
    assert answers["invokeAgent"] == "json or events"
    assert answers["deleteConversation"] == "nothing"
    assert {one for one, answer in answers.items() if "events" in answer} == set(table.STREAMS)


def test_a_pipe_gets_a_line_for_each(command: Command) -> None:
    """All of them, or those in which a word stands; as words or as objects."""
    whole, some = command("endpoints"), command("endpoints", "START", "--json")

    assert (whole.code, some.code) == (0, 0)
    assert len(whole.out.splitlines()) == len(table.ROWS)
    assert "instances getInstance GET /api/v1/instances/{id} safe getInstance json\n" in whole.out
    assert json.loads(some.out.splitlines()[0]) == {
        "group": "instances",
        "operation": "startInstance",
        "method": "POST",
        "path": "/api/v1/instances/{id}/start",
        "repeat": "desired",
        "bucket": "startInstance",
        "answer": "json",
    }


@pytest.mark.parametrize(("width", "wide"), [(80, False), (140, True)])
def test_a_terminal_gets_a_table(command: Command, width: int, wide: bool) -> None:
    """A group is named once; what there is no room for is left to JSON."""
    text = plain(command("endpoints", "computer", terminal=width).out)

    assert max(map(len, text.splitlines())) <= width
    assert [line[:10] for line in text.splitlines()].count("computer  ") == 1
    assert ("control-action" in text) is wide


def test_a_word_that_stands_nowhere_is_said_to(command: Command) -> None:
    """An empty list would leave somebody wondering."""
    assert command("endpoints", "tea\x1bpot") == (
        *(1, ""),
        "beeos-async: tea\ufffdpot stands in no operation\n",
    )
