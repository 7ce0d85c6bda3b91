"""`get`: one instance, as fields that can be read, or as JSON for programs."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import structs, to_builtins
from rich.table import Table
from rich.text import Text

from .clients import client_of
from .display import terminal
from .glyphs import STATE_STYLES, glyphs_of
from .listing import state
from .runs import OK
from .wording import ago, as_json, clean, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from beeos_async import Instance

    from .options import Server

AT_THE_TOP: Final = frozenset({"id", "name", "status", "desired_status"})

VALUE_LIMIT: Final = 10_000
"""Characters of one field: a system prompt may have 8,192."""


async def show(id: str, server: Server, deadline: float | None, *, as_objects: bool) -> int:
    """Look at one instance.

    Args:
        id: Which.
        server: Where.
        deadline: Seconds for it.
        as_objects: Whether a program reads it.
    """
    async with client_of(server) as bee:
        instance = await bee.instances.get(id, deadline=deadline)
    console = None if as_objects else terminal()
    if console is None:
        sys.stdout.write(as_json(to_builtins(instance)) + "\n")
        sys.stdout.flush()
        return OK
    for part in portrait(instance, console):
        console.print(part, highlight=False)
    return OK


def portrait(instance: Instance, console: Console) -> Iterator[RenderableType]:
    """Draw what is known of an instance; what is not set is left out.

    Args:
        instance: Which.
        console: What it is for.
    """
    yield Text("")
    name = f"{clean(instance.name)}  " if instance.name else ""
    yield Text.assemble("  ", (name, "bold"), clean(instance.id))
    yield Text("  ").append_text(state(instance, glyphs_of(console)))
    yield Text("")
    table = Table.grid(padding=(0, 2))
    for field, value in structs.asdict(instance).items():
        if field not in AT_THE_TOP and value not in (None, "", 0, (), {}):
            label = Text(f"  {field.replace('_', ' ')}", "dim", no_wrap=True)
            table.add_row(label, _value(value))
    yield table
    yield Text("")


def _value(value: Any) -> Text:
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S %Z}  ({ago(value, now())})")
    if isinstance(value, str):
        # Lines of a prompt stay lines; nothing else of it moves the cursor.
        lines = (clean(line, VALUE_LIMIT) for line in value.splitlines())
        return Text("\n".join(lines), STATE_STYLES.get(value, ""), overflow="fold")
    if isinstance(value, tuple):
        words = cast("tuple[object, ...]", value)
        return Text(", ".join(clean(str(one)) for one in words), overflow="fold")
    return Text(as_json(to_builtins(value), indent=2), overflow="fold")
