"""`endpoints`: the operations of the API, read from the table everybody reads."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.table import Table
from rich.text import Text

from beeos_async._protocol import table

from .display import terminal
from .runs import OK, SOME_FAILED, complain
from .wording import as_json, clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

# A path names the group its endpoint is in; the first that fits does.
_GROUPS: Final = tuple(
    (re.compile(pattern).search, group)
    for pattern, group in (
        (r"/instances/\{\w+\}/computer", "computer"),
        (r"/instances/\{\w+\}/mobile", "mobile"),
        (r"/instances/\{\w+\}/(methods|operations|runtime|terminal|canvas)", "runtime"),
        (r"/conversations", "conversations"),
        (r"/tasks|/webhook", "tasks"),
        (r"/files", "files"),
        (r"/agents", "agents"),
        (r"/instances", "instances"),
        (r"", "catalog"),
    )
)

METHOD_STYLES: Final = {"GET": "green", "DELETE": "red"}

USUAL: Final = "json"

NARROW: Final = 100
"""Columns below which the quota and what a repeat does are left to JSON."""


class Operation(NamedTuple):
    """One operation of the API."""

    group: str
    operation: str
    method: str
    path: str
    repeat: str
    """What sending it twice does: safe, idempotent, desired, keyed or once."""

    bucket: str
    """Whose quota it draws on."""

    answer: str
    """How its answer comes: `json`, `events`, `json or events`, or `nothing` but a yes."""


def operations() -> list[Operation]:
    """Give all of them, in the order of the table."""
    return [
        Operation(
            group=group_of(row.path),
            operation=row.operation,
            method=row.method,
            path=row.path,
            repeat=row.repeat.word,
            bucket=row.bucket,
            answer=_answer(row.operation, empty=row.shape == "empty"),
        )
        for row in table.ROWS.values()
    ]


def _answer(operation: str, *, empty: bool) -> str:
    if operation in table.STREAMS:
        return "events" if empty else "json or events"
    return "nothing" if empty else "json"


def group_of(path: str) -> str:
    """Tell which group of the client an endpoint is in, by its path."""
    return next(group for fits, group in _GROUPS if fits(path))


def show(word: str | None, *, as_objects: bool) -> int:
    """List the operations.

    Args:
        word: What must stand in them, if anything.
        as_objects: Whether a program reads it.
    """
    needle = (word or "").lower()
    found = [one for one in operations() if needle in " ".join(one).lower()]
    console = None if as_objects else terminal()
    if console is not None:
        _draw(found, console)
    else:
        for one in found:
            line = as_json(one._asdict()) if as_objects else " ".join(one)
            sys.stdout.write(line + "\n")
    if not found:
        complain(f"{clean(needle)} stands in no operation")
        return SOME_FAILED
    return OK


def _draw(found: Iterable[Operation], console: Console) -> None:
    wide = console.width >= NARROW
    grid = Table.grid(padding=(0, 2))
    group = ""
    for one in found:
        cells: list[Any] = [
            Text("" if one.group == group else one.group, "bold"),
            Text(one.operation, no_wrap=True),
            Text(one.method, METHOD_STYLES.get(one.method, "yellow")),
            Text(one.path.removeprefix("/api/v1"), "dim", overflow="fold"),
        ]
        if wide:
            bucket = "" if one.bucket == one.operation else one.bucket
            answer = "" if one.answer == USUAL else one.answer
            cells += [Text(one.repeat), Text(answer or bucket, "dim", no_wrap=True)]
        grid.add_row(*cells)
        group = one.group
    console.print(grid, highlight=False)
