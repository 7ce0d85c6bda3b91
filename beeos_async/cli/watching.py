"""`watch`: what becomes of instances, a line for each change, until a wish or Ctrl-C."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from beeos_async import ConfigurationError, Succeeded
from beeos_async.waiting import has_come_true

from .clients import client_of
from .display import terminal
from .glyphs import ROUGH, STATE_STYLES, glyphs_of, style_of
from .listing import state
from .runs import exit_code
from .sources import ids_from
from .wording import as_data, as_json, clean, line, now

if TYPE_CHECKING:
    from rich.console import Console

    from beeos_async import Instance, Outcome
    from beeos_async.waiting import Wish

    from .options import Ids, Server


class Look(NamedTuple):
    """What is followed of an instance."""

    status: str
    desired_status: str
    connectivity: str
    ms_connection_status: str


async def follow(
    ids: Ids, until: Wish | None, server: Server, deadline: float | None, *, as_objects: bool
) -> int:
    """Follow instances.

    Args:
        ids: Which.
        until: What all of them are waited for to become; for ever where nothing is said.
        server: Where.
        deadline: Seconds, likewise.
        as_objects: Whether a program reads it.

    Raises:
        ConfigurationError: There are no ids, or an option cannot work.
    """
    named = ids_from(ids.ids or [], ids.files or [])
    if not named:
        msg = "there are no ids: name them, give --from FILE, or - for standard input"
        raise ConfigurationError(msg)
    diary = Diary(None if as_objects else terminal(), as_objects=as_objects)

    def seen(instance: Instance) -> bool:
        diary.enter(instance)
        return until is not None and has_come_true(until, instance)

    async with (
        client_of(server) as bee,
        bee.wait_stream(named, seen, deadline=deadline) as run,
    ):
        async for outcome in run:
            diary.close(outcome)
    return exit_code(run.report)


class Diary:
    """What was last seen of each instance; writes down what has changed."""

    def __init__(self, console: Console | None, *, as_objects: bool) -> None:
        """Begin with nothing seen.

        Args:
            console: A terminal to draw on, if there is one.
            as_objects: Whether a program reads it.
        """
        self._console = console
        self._as_objects = as_objects
        self._last: dict[str, Look] = {}

    def enter(self, instance: Instance) -> None:
        """Write down how an instance is, if that is news."""
        before = self._last.get(instance.id)
        # A row of a list may leave out what a look tells: that is no change.
        look = Look(
            instance.status or (before.status if before else ""),
            instance.desired_status or (before.desired_status if before else ""),
            instance.connectivity or (before.connectivity if before else ""),
            instance.ms_connection_status or (before.ms_connection_status if before else ""),
        )
        if look == before:
            return
        self._last[instance.id] = look
        if self._as_objects:
            self._write({"kind": "seen", "id": instance.id, **look._asdict()})
            return
        told = Text().append(clean(instance.id), "bold").append("  ")
        told.append_text(
            state(instance, ROUGH if self._console is None else glyphs_of(self._console))
        )
        for word in (look.connectivity, look.ms_connection_status):
            if word:
                told.append(", ").append(clean(word), STATE_STYLES.get(word, ""))
        self._tell(told)

    def close(self, outcome: Outcome[Any]) -> None:
        """Write down that an instance is followed no more, and why, if not by wish."""
        if self._as_objects:
            self._write(as_data(outcome))
        elif not isinstance(outcome, Succeeded):
            self._tell(Text(line(outcome), style_of(outcome)))

    def _tell(self, told: Text) -> None:
        told = Text().append(f"{now().astimezone():%H:%M:%S}  ", "dim").append_text(told)
        if self._console is not None:
            self._console.print(told, highlight=False)
        else:
            self._print(told.plain)

    def _write(self, data: dict[str, object]) -> None:
        self._print(as_json({"at": f"{now():%Y-%m-%dT%H:%M:%S.%fZ}", **data}))

    @staticmethod
    def _print(text: str) -> None:
        # At once: whoever reads the pipe acts on it.
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
