"""Events written as frames are read again as the same events."""

from __future__ import annotations

from typing import Any

import pytest

from beeos_async._protocol.events import channel_event, invoke_event, runtime_event
from beeos_async._protocol.sse import Parser
from beeos_async.emulator.frames import KEEP_ALIVE, frame
from beeos_async.models.events import (
    BackfillTruncated,
    InvokeDelta,
    InvokeDone,
    InvokeFailure,
    InvokeReasoning,
    ReplayComplete,
    RuntimeEvent,
    RuntimeOperationEvent,
    StreamEnd,
    UnknownEvent,
)
from beeos_async.models.messages import CustomPart, Message


@pytest.mark.parametrize(
    ("event", "read"),
    [
        (Message(message_id="m", offset=5, parts=[CustomPart(data="a\nb")]), channel_event),
        (BackfillTruncated(since=4, oldest_redis_offset=9), channel_event),
        (ReplayComplete(latest_offset=7), channel_event),
        (StreamEnd(reason="channel_closed"), channel_event),
        (UnknownEvent(name="new", data={"a": [1]}), channel_event),
        (InvokeDelta(text="é\r\n"), invoke_event),
        (InvokeReasoning(text="hm"), invoke_event),
        (InvokeFailure(code="x", message="y"), invoke_event),
        (InvokeDone(text="é", is_error=True), invoke_event),
        (RuntimeEvent(id="7", event=RuntimeOperationEvent(type="x")), runtime_event),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_written_is_read(event: Any, read: Any) -> None:
    """One frame for each, by the reader of its stream."""
    (one,) = Parser().feed(frame(event))

    assert read(one) == event


def test_bytes_are_sent_as_they_are() -> None:
    """An answer may say what is no event."""
    assert frame(KEEP_ALIVE) is KEEP_ALIVE
    assert Parser().feed(KEEP_ALIVE) == []


def test_an_operation_names_its_place() -> None:
    """The id of the frame is the id of the event."""
    (one,) = Parser().feed(frame(RuntimeEvent(id="7")))

    assert (one.id, one.event) == ("7", "")
