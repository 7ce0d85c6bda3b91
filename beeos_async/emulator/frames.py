"""Events written as frames, the way the contract shows them."""

from __future__ import annotations

from typing import Final

import msgspec

from ..models.events import (
    BackfillTruncated,
    ChannelEvent,
    InvokeEvent,
    ReplayComplete,
    RuntimeEvent,
    StreamEnd,
    UnknownEvent,
)
from ..models.messages import Message

KEEP_ALIVE: Final = b": keep-alive\n\n"
"""A comment, which every reader has to pass over."""

Written = ChannelEvent | InvokeEvent | RuntimeEvent | bytes
"""What an answer may stream: events, or bytes that are sent as they are."""

_NAMES: Final[dict[type, str]] = {
    Message: "message",
    BackfillTruncated: "backfill_truncated",
    ReplayComplete: "replay_complete",
    StreamEnd: "end",
}

_encode: Final = msgspec.json.Encoder().encode


def frame(event: Written) -> bytes:
    """Write one event.

    A channel's events are named, an invocation's are not, a runtime operation's carry
    their id.
    """
    if isinstance(event, bytes):
        return event
    if isinstance(event, UnknownEvent):
        return _framed(event.name, _encode(event.data))
    if isinstance(event, RuntimeEvent):
        return b"id: " + event.id.encode() + b"\n" + _framed("", _encode(event))
    return _framed(_NAMES.get(type(event), ""), _encode(event))


def _framed(name: str, data: bytes) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + data + b"\n\n"
