"""How a stream goes on after it broke off: what is sent, what is a repeat, what is the end.

Each stream has one rule, and its row names it.  The rules decide; `_io/stream.py` obeys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from msgspec import Struct

from ..models._base import Envelope
from ..models.conversations import Conversation
from ..models.events import ChannelEvent, InvokeDone, InvokeEvent, RuntimeEvent, StreamEnd
from ..models.messages import Message
from ..models.runtime import RuntimeOperation
from ..models.tasks import Task

E = TypeVar("E")

Place = int | str
"""Where an event stands in its stream: an offset, or an id of decimal digits."""

BACKOFF_BASE: Final = 0.25
BACKOFF_CAP: Final = 30.0
SHORTEST_ASKED: Final = 0.1
LONGEST_ASKED: Final = 30.0

HEALTHY: Final = 10.0
"""Seconds a stream must have been open for its next break to count as the first."""

_DONE: Final = frozenset({"task_terminal", "channel_closed"})

_NUMBER: Final = re.compile(r"[0-9]{1,128}").fullmatch
# Anything else cannot travel in a header.
_ID: Final = re.compile(r"[!-~]{1,128}").fullmatch


class Ending(Struct, frozen=True):
    """What an event says of the end of its stream."""

    reason: str
    final: bool
    """Whether there is nothing more to come; else the stream alone was dropped."""


@dataclass(frozen=True, eq=False)
class Resume(Generic[E]):
    """The rule of one stream.

    Attributes:
        by: What carries the place to go on after: the query parameter `since`, the header
            `Last-Event-ID`, or nothing, where a stream cannot be resumed.
        place: Finds where an event stands; `None` where it stands nowhere.
        ending: Tells whether an event is the last, and why.
    """

    by: Literal["since", "Last-Event-ID"] | None
    place: Callable[[E], Place | None]
    ending: Callable[[E], Ending | None]

    def params(self, last: Place | None) -> dict[str, object]:
        """Give the query that asks for what comes after a place."""
        return {"since": last} if self.by == "since" and last else {}

    def headers(self, last: Place | None) -> dict[str, str]:
        """Give the headers that do the same."""
        # A `0` is sent: to this stream it is an id like any other.
        return {"Last-Event-ID": str(last)} if self.by == "Last-Event-ID" and last else {}


def is_repeat(place: Place | None, last: Place | None) -> bool:
    """Tell whether what stands at a place was delivered before.

    Offsets have holes, so only what is not beyond the last one is a repeat; and one
    message comes again and again while it grows, so its id tells nothing.

    Args:
        place: Where it stands; `None` where it stands nowhere.
        last: Where the last one stood that was delivered.
    """
    if place is None or last is None:
        return False
    here, there = _number(place), _number(last)
    # What is no number has no order; the same is the same all the same.
    return place == last if here is None or there is None else here <= there


def _number(place: Place) -> int | None:
    if isinstance(place, int):
        return place
    # Longer than any machine's integer, hence Python's; and `int` alone takes more than digits.
    return int(place) if _NUMBER(place) else None


def pause(breaks: int, asked: int | None) -> float:
    """Seconds to wait before a stream is opened again.

    Args:
        breaks: How often in a row it broke off, at least 1.
        asked: Milliseconds the stream itself asked for, in a `retry` line.
    """
    grown = min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** min(breaks - 1, 10))
    if asked is None:
        return grown
    told = min(LONGEST_ASKED, max(SHORTEST_ASKED, asked / 1000))
    # What breaks again and again is not opened at the pace of what never does.
    return told if breaks == 1 else max(told, grown)


def task_over(found: Envelope[Task]) -> str | None:
    """Tell why no more will come of a task."""
    return "task_terminal" if found.data.is_over else None


def conversation_over(found: Envelope[Conversation]) -> str | None:
    """Tell why no more will come of a conversation."""
    return "channel_closed" if found.data.state == "closed" else None


def operation_over(found: RuntimeOperation) -> str | None:
    """Tell why no more will come of an operation: by its outcome."""
    return found.status if found.terminal else None


def _offset(event: ChannelEvent) -> int | None:
    return (event.offset if event.offset > 0 else None) if isinstance(event, Message) else None


def _channel_ending(event: ChannelEvent) -> Ending | None:
    return Ending(event.reason, event.reason in _DONE) if isinstance(event, StreamEnd) else None


def _runtime_place(event: RuntimeEvent) -> str | None:
    return event.id if _ID(event.id) else None


def _runtime_ending(event: RuntimeEvent) -> Ending | None:
    if event.event.type != "runtime_rpc_response":
        return None
    return Ending(event.event.outcome, final=True)


def _nowhere(_event: InvokeEvent) -> None:
    return None


def _invoke_ending(event: InvokeEvent) -> Ending | None:
    return Ending("done", final=True) if isinstance(event, InvokeDone) else None


BY_OFFSET: Final[Resume[ChannelEvent]] = Resume("since", _offset, _channel_ending)
"""Tasks and conversations."""

BY_EVENT_ID: Final[Resume[RuntimeEvent]] = Resume("Last-Event-ID", _runtime_place, _runtime_ending)
"""Runtime operations."""

NEVER: Final[Resume[InvokeEvent]] = Resume(None, _nowhere, _invoke_ending)
"""Invocations: to ask again would be to invoke again."""
