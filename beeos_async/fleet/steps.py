"""What stands in a journal: a line for each step of a run.

How the file is kept is the business of `journal.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from ..models.instances import Instance
from .outcomes import Failed, Kind, Outcome, Skipped, Succeeded, TimedOut, Unknown
from .records import Lines

FORMAT: Final = 1
"""The version of what is written here."""


class Header(Struct, frozen=True, kw_only=True, tag_field="kind", tag="header"):
    """Begins each run: what it is about."""

    format: int
    action: str
    """The operationId that is called for each id, or `wait`."""

    wait: str | None = None
    """What is waited for; of a function no more is known than that it is one."""

    base_url: str
    key: str | None
    """The fingerprint of the key; `None` for a callable, whose keys come and go."""

    at: datetime | None = None
    """When, by the calendar; for those who read."""


class Sent(Struct, frozen=True, tag_field="kind", tag="sent"):
    """An id is about to be sent."""

    id: str


class Accepted(Struct, frozen=True, tag_field="kind", tag="accepted"):
    """The server has accepted an id, which is now waited for."""

    outcome: Succeeded[Instance | None]
    """What came of it so far."""


class End(Struct, frozen=True, tag_field="kind", tag="end"):
    """The run has come to its end: each of its ids has an outcome of its own."""


Line = Outcome[Any] | Header | Sent | Accepted | End

Past = Succeeded[Any] | Unknown | Sent | Accepted
"""The last that is known of an id, where it is not to be tried as if nothing had been."""

JournalState = Kind | Literal["accepted"]
"""How far an id had come when a run was cut short: to an outcome, or to being waited for."""

LINES: Final[Lines[Line]] = Lines(Header, Sent, Accepted, End)


def known_of(line: Line) -> JournalState:
    """Tell how far an id had come, by the last line about it."""
    match line:
        case Accepted():
            return "accepted"
        case Succeeded() | Failed() | TimedOut() | Skipped():
            return line.kind
        case _:
            return "unknown"
