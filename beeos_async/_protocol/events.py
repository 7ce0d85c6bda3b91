"""What a frame of a stream means: its typed event, or a generic one where it is new.

A member that is missing, null or oddly typed gets its "not set" value, as in any answer.
Only what is no JSON, or no object where one is needed, cannot be read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from msgspec import structs

from ..models._base import Envelope
from ..models.agents import InvokeReply
from ..models.events import (
    BackfillTruncated,
    ChannelEvent,
    InvokeDelta,
    InvokeDone,
    InvokeEvent,
    InvokeFailure,
    InvokeReasoning,
    ReplayComplete,
    RuntimeEvent,
    StreamEnd,
    UnknownEvent,
)
from ..models.messages import Message
from .body import refuse_depth
from .lenient import salvage
from .sse import Frame

T = TypeVar("T")

_Told = InvokeDelta | InvokeReasoning | InvokeFailure | InvokeDone


class _Reader(Generic[T]):
    """Reads the events of one kind."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind

    # Built at first use: most programs read one stream, or none.
    @cached_property
    def _decode(self) -> Callable[[bytes], T]:
        return msgspec.json.Decoder(self._kind).decode

    def read(self, data: bytes) -> T:
        """Read in one strict pass, and leniently where that fails."""
        refuse_depth(data)
        try:
            return self._decode(data)
        except (msgspec.ValidationError, UnicodeDecodeError):
            return self.fit(_document(data))

    def fit(self, document: object) -> T:
        """Read leniently what is decoded already."""
        return salvage(self._kind, document)


_MESSAGE: Final = _Reader(Message)
_CHANNEL: Final[Mapping[str, _Reader[Any]]] = {
    "": _MESSAGE,
    "message": _MESSAGE,
    "backfill_truncated": _Reader(BackfillTruncated),
    "replay_complete": _Reader(ReplayComplete),
    "end": _Reader(StreamEnd),
}
_INVOKE: Final[Mapping[str, _Reader[Any]]] = {
    "delta": _Reader(InvokeDelta),
    "reasoning": _Reader(InvokeReasoning),
    "error": _Reader(InvokeFailure),
    "done": _Reader(InvokeDone),
}
# Some pages of the documentation call them so.
_INVOKE_ALIASES: Final[Mapping[str, str]] = {"agent_reply_delta": "delta", "agent_reply": "done"}
_CODE_ALIASES: Final[Mapping[str, str]] = {
    "agent_unavailable": "agent_offline",
    "agent_timeout": "service_timeout",
    "internal": "internal_error",
}
_NEEDS_JSON: Final = frozenset({"", "message", *_INVOKE, *_INVOKE_ALIASES})
_RUNTIME: Final = _Reader(RuntimeEvent)


@cache
def _strict_invoke() -> Callable[[bytes], _Told]:
    return msgspec.json.Decoder(_Told).decode


def channel_event(frame: Frame) -> ChannelEvent:
    """Read a frame of a task's or a conversation's stream; one without a name is a message.

    Raises:
        msgspec.MsgspecError: It cannot be read.
        RecursionError: It is nested too deep.
    """
    reader = _CHANNEL.get(frame.event)
    if reader is None:
        return UnknownEvent(name=frame.event, data=_anything(frame.data))
    return cast("ChannelEvent", reader.read(frame.data))


def invoke_event(frame: Frame) -> InvokeEvent:
    """Read a frame of an invocation: by the `type` in its JSON, else by its name.

    Raises:
        msgspec.MsgspecError: It cannot be read.
        RecursionError: It is nested too deep.
    """
    refuse_depth(frame.data)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _with_usual_code(_strict_invoke()(frame.data))
    read = _document if frame.event in _NEEDS_JSON else _anything
    document: object = read(frame.data)
    name = _type_of(document) or frame.event
    reader = _INVOKE.get(_INVOKE_ALIASES.get(name, name))
    if reader is None:
        return UnknownEvent(name=name, data=document)
    older = _older(document) if name in _INVOKE_ALIASES else document
    return _with_usual_code(reader.fit(older))


def invoke_end(answer: Envelope[InvokeReply]) -> Frame:
    """Make the last frame of an invocation out of an answer that came whole."""
    reply = answer.data
    end = InvokeDone(text=reply.text, context_id=reply.context_id, is_error=reply.is_error)
    return Frame(end.type, msgspec.json.encode(end))


def runtime_event(frame: Frame) -> RuntimeEvent:
    """Read a frame of a runtime operation's stream, whatever its name.

    Raises:
        msgspec.MsgspecError: It cannot be read.
        RecursionError: It is nested too deep.
    """
    event = _RUNTIME.read(frame.data)
    return event if event.id else structs.replace(event, id=frame.id)


def _type_of(document: object) -> str:
    if not isinstance(document, dict):
        return ""
    word = cast("dict[str, object]", document).get("type")
    return word if isinstance(word, str) else ""


def _older(document: object) -> object:
    """Give what is called as a message is the members of an event, too."""
    said = _MESSAGE.fit(document)
    told = {"text": said.text, "is_error": said.state in {"failed", "refused"}}
    return {**told, **cast("dict[str, object]", document)}


def _with_usual_code(event: _Told) -> InvokeEvent:
    """Give a code the name that most pages know it by."""
    if isinstance(event, InvokeFailure | InvokeDone) and event.code in _CODE_ALIASES:
        return structs.replace(event, code=_CODE_ALIASES[event.code])
    return event


def _document(data: bytes) -> object:
    refuse_depth(data)
    try:
        return cast("object", msgspec.json.decode(data))
    except UnicodeDecodeError:
        # The standard puts replacement characters for what is no UTF-8.
        return cast("object", msgspec.json.decode(data.decode("utf-8", "replace")))


def _anything(data: bytes) -> object:
    """Read what may be JSON, or any text."""
    try:
        return _document(data)
    except (msgspec.MsgspecError, RecursionError):
        return data.decode("utf-8", "replace")
