"""`ls`: instances as a table for people, or as JSON lines for programs."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import structs, to_builtins
from rich.cells import cell_len
from rich.text import Text

from beeos_async import Instance

from .clients import client_of
from .display import terminal
from .glyphs import STATE_STYLES, glyphs_of
from .guesses import check_state, refuse_word, strange_state
from .runs import OK
from .wording import TEXT_LIMIT, ago, as_json, clean, now, number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rich.console import Console

    from beeos_async import AsyncBeeOS

    from .glyphs import Glyphs
    from .options import Filters, Server

FIELDS: Final = tuple(field.name for field in structs.fields(Instance))
"""What can be told of an instance."""

USUAL: Final = ("id", "name", "status", "connectivity", "agent_framework", "region", "since")
"""What is told where nothing is said, the most wanted first."""

SINCE: Final = "since"
"""For how long an instance is in its state: `status_entered_at`, as people say it."""

HEADS: Final = {"agent_framework": "framework", "provider_id": "provider", "cluster_id": "cluster"}

PAGE: Final = 200
"""Rows the server gives at once."""

APART: Final = 2
"""Blanks between two columns."""

WIDEST: Final = 40
"""Characters of a column but the first: an id is never cut."""


class Wanted(NamedTuple):
    """What shall be listed, and how."""

    filters: Filters
    columns: str | None
    limit: int | None
    deadline: float | None
    as_objects: bool


async def show(wanted: Wanted, server: Server) -> int:
    """List instances.

    Args:
        wanted: Which, and what of them.
        server: Where.

    Raises:
        ConfigurationError: There is no such state or column, or an option cannot work.
    """
    check_state(wanted.filters.status)
    columns = _columns(wanted.columns)
    console = None if wanted.as_objects else terminal()
    async with client_of(server) as bee:
        found = 0
        if console is None:
            async for one in _listed(bee, wanted):
                found += 1
                sys.stdout.write(as_json(_as_data(one, columns)) + "\n")
            sys.stdout.flush()
        else:
            with console.status("Looking for instances"):
                instances = [one async for one in _listed(bee, wanted)]
            found = len(instances)
            for line in table(instances, columns or USUAL, console):
                console.print(line, highlight=False)
    if not found:
        by = f" with {clean(str(wanted.filters))}" if any(wanted.filters) else ""
        sys.stderr.write(f"no instance found{by}{strange_state(wanted.filters.status)}\n")
    return OK


def table(
    instances: Sequence[Instance], columns: Sequence[str], console: Console
) -> Iterator[Text]:
    """Draw a table that fits; what there is no room for is left out, the last column first.

    Args:
        instances: The rows.
        columns: What to tell of each.
        console: What it is for.
    """
    if not instances:
        return
    glyphs = glyphs_of(console)
    cells = [[_cell(one, column, glyphs) for column in columns] for one in instances]
    heads = [HEADS.get(column, column).replace("_", " ") for column in columns]
    widths = [
        max(cell_len(head), *(row[at].cell_len for row in cells)) for at, head in enumerate(heads)
    ]
    widths = [widths[0], *(min(width, WIDEST) for width in widths[1:])]
    shown = len(widths)
    while shown > 1 and sum(widths[:shown]) + APART * (shown - 1) > console.width:
        shown -= 1
    yield _row([Text(head, "bold") for head in heads], widths[:shown])
    for row in cells:
        yield _row(row, widths[:shown])
    left_out = ", ".join(heads[shown:])
    sum_of_all = number(len(instances), "instance")
    yield Text(f"{sum_of_all}; no room for {left_out}" if left_out else sum_of_all, "dim")


async def _listed(bee: AsyncBeeOS, wanted: Wanted) -> AsyncIterator[Instance]:
    pager = bee.instances.list(
        **wanted.filters._asdict(),
        page_size=min(PAGE, wanted.limit or PAGE),
        deadline=wanted.deadline,
    )
    if wanted.limit is not None:
        for one in await pager.collect(limit=wanted.limit):
            yield one
        return
    async for one in pager:
        yield one


def _columns(text: str | None) -> tuple[str, ...]:
    """Read the columns that are wanted; none where nothing is said."""
    if text is None:
        return ()
    chosen = tuple(word.strip().replace("-", "_") for word in text.split(",") if word.strip())
    for word in chosen:
        if word not in {*FIELDS, SINCE}:
            refuse_word("column", word, FIELDS, f"there are {', '.join(FIELDS)}")
    return chosen


def _as_data(instance: Instance, columns: Sequence[str]) -> dict[str, Any]:
    """Give what was asked for in our spelling, or all there is in the server's."""
    if not columns:
        data: dict[str, Any] = to_builtins(instance)
        return data
    return {
        column: to_builtins(
            instance.status_entered_at if column == SINCE else getattr(instance, column)
        )
        for column in columns
    }


def _cell(instance: Instance, column: str, glyphs: Glyphs) -> Text:
    if column == SINCE:
        entered = instance.status_entered_at
        return Text("" if entered is None else ago(entered, now()), "dim")
    value = getattr(instance, column)
    if column == "status":
        return state(instance, glyphs)
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}")
    text = value if isinstance(value, str) else as_json(to_builtins(value))
    return Text(clean(text, TEXT_LIMIT), STATE_STYLES.get(text, ""))


def state(instance: Instance, glyphs: Glyphs) -> Text:
    """Say in what state an instance is, and to which it is being brought."""
    status, desired = instance.status, instance.desired_status
    text = Text().append(clean(status), STATE_STYLES.get(status, ""))
    if desired and desired != status:
        text.append(f" {glyphs.arrow} ", "dim")
        text.append(clean(desired), STATE_STYLES.get(desired, ""))
    return text


def _row(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for cell, width in zip(cells, widths, strict=False):
        fitted = cell.copy()
        fitted.truncate(width, overflow="ellipsis", pad=True)
        line.append_text(fitted)
        line.append(" " * APART)
    line.rstrip()
    return line
