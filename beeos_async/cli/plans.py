"""What a run would meet: looked at, told, and not done."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .actions import DESTROY, RESTART, STOP, WAIT
from .display import terminal
from .glyphs import glyphs_of
from .wording import ID_WIDTH, as_json, clean, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console, RenderableType

    from beeos_async import FleetPlan, JournalState

    from .actions import Action

LISTED: Final = 10
"""How many ids are named that nothing would come of."""

BEFORE: Final = "_before"
"""How the word ends for what an earlier run has done, by the journal."""

IN_VAIN: Final = ("not_found", "terminated", "invalid_id")

# A plan of the library is one of starting; what it has seen means something else to others.
_MEANS: Final[Mapping[str, Mapping[str, str]]] = {
    STOP.name: {"would_start": "already_stopped", "already_running": "would_stop"},
    RESTART.name: {"would_start": "would_restart", "already_running": "would_restart"},
    DESTROY.name: {
        "would_start": "would_destroy",
        "already_running": "would_destroy",
        "in_transition": "would_destroy",
        "terminated": "already_gone",
    },
    WAIT.name: {"would_start": "stopped", "already_running": "running"},
}


def show_plan(
    plan: FleetPlan,
    ids: Iterable[str],
    before: Mapping[str, JournalState],
    action: Action,
    *,
    as_objects: bool,
) -> None:
    """Tell what a run would meet.

    Args:
        plan: What was seen.
        ids: All that were meant, in order.
        before: How far those had come of which the journal says that nothing is sent any more.
        action: What would be done.
        as_objects: Whether a program reads it.
    """
    means = _MEANS.get(action.name, {})
    seen = {id: means.get(state, state) for id, state in plan.states.items()}
    states = {id: _BEFORE[before[id]] if id in before else seen[id] for id in ids}
    # To wait sends nothing but looks, of which nobody knows how many.
    requests = 0 if action is WAIT else plan.requests
    seconds = None if action is WAIT else plan.seconds
    console = None if as_objects else terminal()
    if console is not None:
        for part in _drawn(states, _sum(states, requests, seconds), console):
            console.print(part, highlight=False)
        return
    for id, state in states.items():
        line = as_json({"kind": state, "id": id}) if as_objects else f"{state} {clean(id)}"
        sys.stdout.write(line + "\n")
    if as_objects:
        total: dict[str, Any] = {"kind": "plan", "total": len(states), **Counter(states.values())}
        sys.stdout.write(as_json({**total, "requests": requests, "seconds": seconds}) + "\n")
    else:
        sys.stdout.write(_sum(states, requests, seconds) + "\n")


_BEFORE: Final[Mapping[JournalState, str]] = {
    "succeeded": f"done{BEFORE}",
    "accepted": f"accepted{BEFORE}",
    "unknown": f"unknown{BEFORE}",
}


def _sum(states: Mapping[str, str], requests: int, seconds: float | None) -> str:
    """Sum up in one line."""
    met = ", ".join(
        f"{count:,} {state.replace('_', ' ')}"
        for state, count in Counter(states.values()).most_common()
    )
    if not requests:
        return f"{met or 'no ids'}: nothing to send"
    known = "how long is not known without --rate-limit"
    time = known if seconds is None else f"about {seconds:,.0f} s"
    return f"{met}: {number(requests, 'request')}, {time}"


def _drawn(states: Mapping[str, str], total: str, console: Console) -> Iterator[RenderableType]:
    glyphs = glyphs_of(console)
    table = Table.grid(padding=(0, 2))
    for state, count in Counter(states.values()).most_common():
        style = "red" if state in IN_VAIN else "green" if state.startswith("would") else "cyan"
        table.add_row(Text(f"  {count:>9,}", f"bold {style}"), Text(state.replace("_", " ")))
    yield Text("")
    yield table
    lost = [(id, state) for id, state in states.items() if state in IN_VAIN]
    if lost:
        yield Text("")
    for id, state in lost[:LISTED]:
        yield Text.assemble(
            (f"  {glyphs.bad} ", "red"), clean(id, ID_WIDTH), f"  {state.replace('_', ' ')}"
        )
    if len(lost) > LISTED:
        yield Text(f"    and {len(lost) - LISTED:,} more; --json names them all", "dim")
    yield Text("")
    yield Padding(Text(total, "bold"), (0, 0, 0, 2))
    yield Text("  Nothing was changed.", "dim")
    yield Text("")
