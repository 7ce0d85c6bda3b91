"""`endpoints`: the operations of the API, read from the table everybody reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.table import Table
from rich.text import Text

from beeos_async._protocol import table

from .display import terminal
from .runs import OK, SOME_FAILED, complain
from .wording import as_json, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

# In the order of the table, which has a paragraph for each group.
_METHODS: Final = {
    "catalog": "providers regions models",
    "instances": "list get deploy start stop restart destroy device_info",
    "computer": "info screenshot click move scroll type key",
    "mobile": "info screenshot tap double_tap long_press drag swipe scroll type key press_button"
    " apps open_app ui_tree",
    "agents": "list get update delete invoke",
    "tasks": "create list list_for_agent get messages events cancel continue_ register_webhook"
    " list_webhooks delete_webhook webhook_deliveries redeliver_webhook",
    "conversations": "create list get rename delete send messages events cancel clear set_model",
    "files": "presign_upload get",
    "runtime": "capabilities invoke operations operation operation_events cancel_operation"
    " terminal_session canvas_session",
}

METHOD_STYLES: Final = {"GET": "green", "DELETE": "red"}

USUAL: Final = "json"

NARROW: Final = 120
"""Columns below which the path, the quota and the form of the answer are left to JSON."""

REPEATS: Final = {
    "safe": "a read, repeated freely",
    "idempotent": "twice is the same as once",
    "desired": "sets a state; after a lost answer it is looked at before a repeat",
    "keyed": "carries an idempotency key",
    "once": "acts each time, so it is repeated only if it certainly was not done",
}
"""What each word of a repeat means."""


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

    python: str
    """The client's method for it."""


HEADS: Final = Operation(
    "group", "operation", "method", "path", "repeat", "quota", "answer", "python"
)
"""What stands above the columns."""


def operations() -> list[Operation]:
    """Give all of them, in the order of the table."""
    methods = [(group, one) for group, names in _METHODS.items() for one in names.split()]
    return [
        Operation(
            group=group,
            operation=row.operation,
            method=row.method,
            path=row.path,
            repeat=row.repeat.word,
            bucket=row.bucket,
            answer=_answer(row.operation, empty=row.shape == "empty"),
            python=f"bee.{group}.{method}",
        )
        for row, (group, method) in zip(table.ROWS.values(), methods, strict=True)
    ]


def _answer(operation: str, *, empty: bool) -> str:
    if operation in table.STREAMS:
        return "events" if empty else "json or events"
    return "nothing" if empty else "json"


def show(word: str | None, *, as_objects: bool) -> int:
    """List the operations.

    Args:
        word: What must stand in them, if anything.
        as_objects: Whether a program reads it.
    """
    needle = (word or "").lower()
    found = [one for one in operations() if needle in " ".join(one).lower()]
    console = None if as_objects else terminal()
    if console is not None and found:
        _draw(found, console)
    elif as_objects:
        sys.stdout.writelines(as_json(one._asdict()) + "\n" for one in found)
    elif found:
        # Parted by tabs, as an answer may be told in several words.
        sys.stdout.writelines("\t".join(one) + "\n" for one in (HEADS, *found))
    if not found:
        complain(f"{clean(needle)} stands in no operation")
        return SOME_FAILED
    return OK


def _draw(found: Sequence[Operation], console: Console) -> None:
    wide = console.width >= NARROW
    grid = Table.grid(padding=(0, 2))
    for one in (HEADS, *found):
        bold = "bold" if one is HEADS else ""
        cells = [
            Text(one.operation, bold, no_wrap=True),
            Text(one.python, bold or "cyan", no_wrap=True),
            Text(one.method, bold or METHOD_STYLES.get(one.method, "yellow")),
        ]
        if wide:
            cells.append(Text(one.path.removeprefix("/api/v1"), bold or "dim", overflow="fold"))
        cells.append(Text(one.repeat, bold))
        if wide:
            bucket = "" if one.bucket == one.operation else one.bucket
            answer = "" if one.answer == USUAL else one.answer
            cells.append(Text(bucket, bold or "dim", no_wrap=True))
            cells.append(Text(answer, bold or "dim", no_wrap=True))
        grid.add_row(*cells)
    console.print(grid, highlight=False)
    legend = Table.grid(padding=(0, 2))
    for word in dict.fromkeys(one.repeat for one in found):
        legend.add_row(Text(f"repeat: {word}", "dim"), Text(REPEATS[word], "dim"))
    console.print()
    console.print(legend, highlight=False)
