"""What the door shall do: replies, and how a desk makes them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Final, cast

import msgspec
from msgspec import Struct, structs

from .._protocol.message import OPERATION_HEADER
from ..models._base import Accepted
from ..models.instances import Instance
from .frames import Written, frame
from .refusals import RefusedError, envelope
from .trouble import Fault

JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
_EVENTS: Final[Mapping[str, str]] = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
}
_PLAIN: Final = frozenset({str, bool, int, dict, datetime})

encode: Final = msgspec.json.Encoder().encode


class Reply(Struct, frozen=True):
    """What the door shall do."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    request_id: str = ""
    delay: float = 0.0
    fault: Fault | None = None
    """What is done to the socket besides, or, under a status of 0, instead."""

    frames: AsyncGenerator[bytes, None] | None = None
    """A body that is told as it comes, instead of one that is there."""


def streamed(events: AsyncGenerator[Written, None]) -> Reply:
    """Give the reply that tells events as they come."""
    return Reply(200, b"", _EVENTS, frames=_frames(events))


def trouble(fault: Fault, request_id: str, reply: Reply | None = None) -> Reply:
    """Give what the door shall do, instead of sending what would have been answered."""
    if reply is not None and fault.kind == "delay":
        return structs.replace(reply, delay=fault.seconds)
    if reply is not None and fault.kind == "push":
        return structs.replace(reply, fault=fault)
    if reply is not None and fault.kind == "break":
        # Only a stream can break.
        return reply if reply.frames is None else structs.replace(reply, fault=fault)
    if fault.kind in {"refuse", "garble"}:
        message = fault.message or "scripted trouble"
        error = RefusedError(fault.status, fault.code, message, headers=fault.headers)
        said = refusal(error, request_id)
        return said if fault.body is None else structs.replace(said, body=fault.body)
    return Reply(0, reply.body if reply is not None else b"", JSON, fault=fault)


def accepted(status: int, value: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Give the reply that says yes: an answer, none at all, or one whose id is a header.

    Args:
        status: What a success is answered with.
        value: The answer.
        headers: What it carries besides.
    """
    told = {**JSON, **(headers or {})}
    if isinstance(value, Accepted):
        body = encode(value.body) if value.body else b""
        return Reply(status, body, {**told, OPERATION_HEADER: value.operation_id})
    if value is None:
        return Reply(status, b"", headers or {})
    return Reply(status, encode(_whole(value)), told)


def refusal(error: RefusedError, request_id: str) -> Reply:
    """Give the reply that says no."""
    return Reply(error.status, encode(envelope(error, request_id)), {**JSON, **error.headers})


def _whole(value: object) -> object:
    """Write every field that is set, those at their default too, as a server does."""
    if isinstance(value, Struct):
        names, values = value.__struct_encode_fields__, structs.astuple(value)
        # An instance tells its empty words, too; elsewhere, nothing is left unsaid.
        nothing = (None,) if isinstance(value, Instance) else (None, "")
        told = {
            # Most are plain, and a call for each would be most of the work.
            name: one if type(one) in _PLAIN else _whole(one)
            for name, one in zip(names, values, strict=True)
            if one not in nothing
        }
        config = value.__struct_config__
        return told if config.tag is None else {str(config.tag_field): config.tag, **told}
    if isinstance(value, list):
        return [_whole(one) for one in cast("list[object]", value)]
    return value


async def _frames(events: AsyncGenerator[Written, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(events):
        async for event in events:
            yield frame(event)
