"""The table, listed."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import pytest
from command_line import Command, plain

from beeos_async import AsyncBeeOS
from beeos_async._protocol import table
from beeos_async._protocol.endpoint import Endpoint, StreamEndpoint
from beeos_async.cli.operations import REPEATS, operations


def rows_read_by(method: Any) -> set[str]:
    """Tell which operations a method of a group names, by the constants of the table."""
    names = getattr(method, "__code__", None)
    rows = [getattr(table, name, None) for name in (names.co_names if names else ())]
    return {
        row.operation if isinstance(row, Endpoint) else row.opening.operation
        for row in rows
        if isinstance(row, Endpoint | StreamEndpoint)
    }


def test_every_row_names_its_method() -> None:
    """What is told of an operation in Python is a method of the client that calls it."""
    groups = get_type_hints(AsyncBeeOS)

    assert [one.operation for one in operations()] == list(table.ROWS)
    for one in operations():
        bee, group, method = one.python.split(".")
        assert (bee, group) == ("bee", one.group)
        assert one.operation in rows_read_by(getattr(groups[group], method))


def test_how_an_answer_comes_is_told() -> None:
    """Those that are followed apart from those that are read."""
    answers = {one.operation: one.answer for one in operations()}

    assert answers["streamTaskEvents"] == "events"
    assert answers["invokeAgent"] == "json or events"
    assert answers["deleteConversation"] == "nothing"
    assert {one for one, answer in answers.items() if "events" in answer} == set(table.STREAMS)


def test_a_pipe_gets_a_line_for_each(command: Command) -> None:
    """Below a line that names the columns; or those in which a word stands, as objects."""
    whole, some = command("endpoints"), command("endpoints", "START", "--json")

    assert (whole.code, some.code) == (0, 0)
    head, *rows = [line.split("\t") for line in whole.out.splitlines()]
    assert head == ["group", "operation", "method", "path", "repeat", "quota", "answer", "python"]
    assert [row[1] for row in rows] == list(table.ROWS)
    assert {len(row) for row in rows} == {len(head)}
    assert json.loads(some.out.splitlines()[0]) == {
        "group": "instances",
        "operation": "startInstance",
        "method": "POST",
        "path": "/api/v1/instances/{id}/start",
        "repeat": "desired",
        "bucket": "startInstance",
        "answer": "json",
        "python": "bee.instances.start",
    }


@pytest.mark.parametrize(("width", "wide"), [(80, False), (140, True)])
def test_a_terminal_gets_a_table(command: Command, width: int, wide: bool) -> None:
    """With heads and a legend; what there is no room for is left to JSON."""
    text = plain(command("endpoints", "computer", terminal=width).out)

    assert max(map(len, text.splitlines())) <= width
    assert text.split()[:3] == ["operation", "python", "method"]
    assert "bee.computer.click" in text
    assert REPEATS["once"] in " ".join(text.split())
    assert {row.repeat.word for row in table.ROWS.values()} == REPEATS.keys()
    assert ("control-action" in text) is wide


def test_a_word_that_stands_nowhere_is_said_to(command: Command) -> None:
    """An empty list would leave somebody wondering."""
    assert command("endpoints", "tea\x1bpot") == (
        *(1, ""),
        "beeos-async: tea\ufffdpot stands in no operation\n",
    )
