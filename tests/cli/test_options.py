"""What can be said on a command line, and how groups of it come to a command."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest

from beeos_async import Instance
from beeos_async.cli import app as room
from beeos_async.cli.options import STATES, Filters, flat, offered_operations, offered_states
from beeos_async.waiting import StartWish, Wish


class Pair(NamedTuple):
    """A group."""

    left: Annotated[int, "left"]
    right: Annotated[str, "right"] = "r"


def test_a_group_comes_as_a_whole() -> None:
    """Each field is an option by itself, with its default, and the command gets the group."""
    got: list[object] = []

    @flat
    def command(*, first: int, pair: Pair, last: Path | None = None) -> None:
        """Do it."""
        got.append((first, pair, last))

    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["first", "left", "right", "last"]
    assert parameters["right"].default == "r"
    assert parameters["left"].default is inspect.Parameter.empty
    assert typing.get_type_hints(command, include_extras=True)["left"] == Annotated[int, "left"]
    assert (command.__name__, command.__doc__) == ("command", "Do it.")
    command(first=1, left=2, right="x", last=None)
    assert got == [(1, Pair(2, "x"), None)]


def test_the_states_offered_are_those_of_the_model() -> None:
    """The words stand here once more so that a shell need not wait for the models."""
    closed, opened = typing.get_args(typing.get_type_hints(Instance)["status"])

    assert (set(STATES), opened) == (set(typing.get_args(closed)), str)
    assert offered_states("s") == ["stopped"]
    assert offered_states("") == list(STATES)


@pytest.mark.parametrize(
    ("command", "kind"), [(room.StartWish, StartWish), (room.Wish, Wish)], ids=["start", "any"]
)
def test_the_wishes_offered_are_those_of_the_library(command: object, kind: object) -> None:
    """No fewer and no others."""

    def words(of: object) -> set[str]:
        inner = typing.get_args(of)
        return {of} if isinstance(of, str) else set().union(*map(words, inner)) if inner else set()

    assert words(typing.get_args(command)[0] if command is room.StartWish else command) == words(
        kind
    )


def test_operations_are_offered() -> None:
    """As a shell asks for them."""
    assert list(offered_operations("startI")) == ["startInstance"]


def test_filters_read_as_they_were_said() -> None:
    """With the names of the command line."""
    assert str(Filters(status="stopped", agent_framework="claw")) == (
        "--status stopped --framework claw"
    )
