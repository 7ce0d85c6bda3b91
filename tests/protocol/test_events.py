"""From frames to events: every transcript of the contract, and everything that may be odd."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import beeos_sdk as official
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.body import UNREADABLE
from beeos_async._protocol.events import channel_event, invoke_event, runtime_event
from beeos_async._protocol.sse import Frame, Parser
from beeos_async.models.events import (
    BackfillTruncated,
    InvokeDelta,
    InvokeDone,
    InvokeFailure,
    InvokeReasoning,
    ReplayComplete,
    RuntimeErrorContext,
    RuntimeEvent,
    RuntimeOperationError,
    RuntimeOperationEvent,
    RuntimeOperationEventPayload,
    StreamEnd,
    UnknownEvent,
)
from beeos_async.models.messages import Message, ThinkingPart, ToolUsePart, UnknownPart

TASK = """\
event: message
data: {"type": "chat_message", "message_id": "m1", "offset": 1, "payload": {"text": "Sum up."},
data: "publisher_id": "user:u7", "state": "completed"}

event: message
data: {"type": "agent_reasoning", "message_id": "r1", "offset": 3, "body": "add", "state":
data: "streaming", "created_at": "2026-09-01T08:00:03Z"}

: nothing to see here

event: message
data: {
data:  "type": "agent_reply", "message_id": "m2", "offset": 6, "body": "311 rows",
data:  "parts": [{"type": "thinking", "text": "add", "state": "done"},
data:            {"type": "tool_use", "id": "c1", "name": "sum", "arguments": {"of": "Aug"}},
data:            {"type": "hologram", "mesh": 5}]
data: }

data: {"type": "agent_reply", "message_id": "m2", "offset": 7, "body": "311 rows match.",
data: "state": "completed", "stop_reason": "end_turn", "in_reply_to": "m1",
data: "updated_at": "2026-09-01T08:00:04.000000001Z"}

event: end
data: {"reason": "task_terminal"}

"""

TRUNCATED = """\
event: backfill_truncated
data: {"since": 40, "oldest_redis_offset": 220, "hint": "gone"}

event: replay_complete
data: {"latest_offset": 231}

id: 232
event: message
data: {"type": "agent_reply_error", "offset": 232, "payload": {"text": "unreachable"}}

id: 232
event: end
data: {"reason": "server_drain"}

"""

OPERATION = """\
id: 2
data: {"id": "2", "operationId": "op", "method": "session/set_model", "event": {"type":
data: "runtime_operation_progress", "sequence": "2", "recordedAt": "2026-09-03T12:00:02Z",
data: "payload": {"phase": "apply", "current": 1, "total": 2.5}}}

id: 3
event: whatever
data: {"id": "3", "operationId": "op", "method": "session/set_model", "event": {"type":
data: "runtime_rpc_response", "sequence": "3", "recordedAt": "2026-09-03T12:00:03Z",
data: "outcome": "failed", "result": {"a": [1]},
data: "error": {"code": "INSTANCE_OFFLINE", "message": "off", "operationId": "op",
data: "effectState": "failed", "retryMode": "resubmit", "context": {"retryAfterMs": 500}}}}

"""


def frames(text: str) -> list[Frame]:
    return Parser().feed(text.encode())


def frame(data: Any, event: str = "", id: str = "") -> Frame:
    return Frame(event, data if isinstance(data, bytes) else msgspec.json.encode(data), id)


def test_a_task_is_read() -> None:
    """Named and unnamed frames, data over several lines, parts known and unknown."""
    asked, thought, growing, done, end = map(channel_event, frames(TASK))

    assert asked == Message(
        type="chat_message",
        message_id="m1",
        offset=1,
        payload={"text": "Sum up."},
        publisher_id="user:u7",
        state="completed",
    )
    assert isinstance(thought, Message)
    assert thought.created_at == datetime(2026, 9, 1, 8, 0, 3, tzinfo=UTC)
    assert isinstance(growing, Message)
    assert growing.parts == [
        ThinkingPart(text="add", state="done"),
        ToolUsePart(id="c1", name="sum", arguments={"of": "Aug"}),
        UnknownPart({"type": "hologram", "mesh": 5}),
    ]
    assert isinstance(done, Message)
    assert (done.text, done.stop_reason, done.in_reply_to) == ("311 rows match.", "end_turn", "m1")
    assert end == StreamEnd(reason="task_terminal")


def test_a_gap_is_read() -> None:
    """What is lost, where the replay ends, and a reason nobody knows."""
    gap, over, failed, end = map(channel_event, frames(TRUNCATED))

    assert gap == BackfillTruncated(since=40, oldest_redis_offset=220, hint="gone")
    assert over == ReplayComplete(latest_offset=231)
    assert isinstance(failed, Message)
    assert failed.text == "unreachable"
    assert end == StreamEnd(reason="server_drain")


def test_an_operation_is_read() -> None:
    """Whatever its frames are called."""
    progress, response = map(runtime_event, frames(OPERATION))

    assert progress == RuntimeEvent(
        id="2",
        operation_id="op",
        method="session/set_model",
        event=RuntimeOperationEvent(
            type="runtime_operation_progress",
            sequence="2",
            recorded_at=datetime(2026, 9, 3, 12, 0, 2, tzinfo=UTC),
            payload=RuntimeOperationEventPayload(phase="apply", current=1, total=2.5),
        ),
    )
    assert response.event.outcome == "failed"
    assert response.event.error == RuntimeOperationError(
        code="INSTANCE_OFFLINE",
        message="off",
        operation_id="op",
        effect_state="failed",
        retry_mode="resubmit",
        context=RuntimeErrorContext(retry_after_ms=500),
    )


@pytest.mark.parametrize(
    ("data", "event", "read"),
    [
        ({"type": "delta", "text": "a"}, "", InvokeDelta(text="a")),
        ({"type": "reasoning", "text": "a"}, "", InvokeReasoning(text="a")),
        ({"type": "error", "message": "a"}, "error", InvokeFailure(message="a")),
        ({"type": "done", "text": "a", "is_error": True}, "", InvokeDone(text="a", is_error=True)),
        # The type is heard before the name.
        ({"type": "delta", "text": "a"}, "done", InvokeDelta(text="a")),
        ({"text": "a"}, "delta", InvokeDelta(text="a")),
        ({"message": "a", "code": "x"}, "error", InvokeFailure(message="a", code="x")),
        ({"text": "a"}, "done", InvokeDone(text="a")),
        ({"type": "agent_reply_delta", "text": "a"}, "", InvokeDelta(text="a")),
        ({"text": "a"}, "agent_reply_delta", InvokeDelta(text="a")),
        ({"type": "agent_reply", "text": "a"}, "", InvokeDone(text="a")),
        ({"type": "agent_reply_delta", "payload": {"text": "a"}}, "", InvokeDelta(text="a")),
        ({"body": "a"}, "agent_reply_delta", InvokeDelta(text="a")),
        ({"body": "a", "state": "completed"}, "agent_reply", InvokeDone(text="a")),
        ({"body": "a", "state": "failed"}, "agent_reply", InvokeDone(text="a", is_error=True)),
        (
            {"body": "a", "text": "b", "is_error": True},
            "agent_reply",
            InvokeDone(text="b", is_error=True),
        ),
        ({"type": 5, "text": "a"}, "delta", InvokeDelta(text="a")),
        ({"type": "error", "code": "agent_timeout"}, "", InvokeFailure(code="service_timeout")),
        ({"type": "done", "code": "internal"}, "", InvokeDone(code="internal_error")),
        ({"type": "done", "code": "agent_unavailable"}, "", InvokeDone(code="agent_offline")),
        ({"type": "done", "code": "other"}, "", InvokeDone(code="other")),
        # Odd members are as if they were not there.
        ({"type": "delta", "text": None}, "", InvokeDelta()),
        ({"type": "done", "text": 5, "is_error": "yes"}, "", InvokeDone()),
        ({"type": "error", "status_code": "504"}, "", InvokeFailure()),
        # What is new is told as it is.
        (
            {"type": "usage", "tokens": 5},
            "",
            UnknownEvent(name="usage", data={"type": "usage", "tokens": 5}),
        ),
        ({"a": 1}, "", UnknownEvent(name="", data={"a": 1})),
        ([1], "ping", UnknownEvent(name="ping", data=[1])),
        (b"no JSON", "ping", UnknownEvent(name="ping", data="no JSON")),
        (5, "", UnknownEvent(name="", data=5)),
    ],
)
def test_an_invocation_is_read(data: Any, event: str, read: Any) -> None:
    """By the type in its data, else by its name, in every spelling the pages have."""
    assert invoke_event(frame(data, event)) == read


@pytest.mark.parametrize(
    ("data", "event", "read"),
    [
        ({}, "message", Message()),
        ({"type": None, "offset": "7", "message_id": 5, "parts": None}, "", Message()),
        ({"offset": True}, "", Message()),
        ({"type": "x", "state": "napping"}, "", Message(type="x", state="napping")),
        ({"created_at": ""}, "", Message()),
        ({"since": "a"}, "backfill_truncated", BackfillTruncated()),
        ({"reason": None}, "end", StreamEnd()),
        ({"latest_offset": 2**63 - 1}, "replay_complete", ReplayComplete(latest_offset=2**63 - 1)),
        ({"a": 1}, "heartbeat", UnknownEvent(name="heartbeat", data={"a": 1})),
        (b"tick", "heartbeat", UnknownEvent(name="heartbeat", data="tick")),
        (b"", "heartbeat", UnknownEvent(name="heartbeat", data="")),
    ],
)
def test_a_channel_is_read_whatever_is_odd(data: Any, event: str, read: Any) -> None:
    """A member that does not fit is not set; an event that is new is generic."""
    assert channel_event(frame(data, event)) == read


@pytest.mark.parametrize(
    ("data", "id", "read"),
    [
        ({}, "9", RuntimeEvent(id="9")),
        ({"id": "4"}, "9", RuntimeEvent(id="4")),
        ({"id": 4, "event": None}, "", RuntimeEvent()),
        (
            {"event": {"payload": {"current": "x"}}},
            "",
            RuntimeEvent(event=RuntimeOperationEvent(payload=RuntimeOperationEventPayload())),
        ),
        (
            {"id": None, "event": {"payload": {"total": 3}}},
            "",
            RuntimeEvent(
                event=RuntimeOperationEvent(payload=RuntimeOperationEventPayload(total=3))
            ),
        ),
    ],
)
def test_an_operation_is_read_whatever_is_odd(data: Any, id: str, read: RuntimeEvent) -> None:
    """The frame's id stands in where the envelope has none."""
    assert runtime_event(frame(data, id=id)) == read


@pytest.mark.parametrize("read", [channel_event, invoke_event, runtime_event])
@pytest.mark.parametrize("data", [b"", b"{", b"no", b'{"type": }', b"[" * 5000])
def test_what_is_no_json_cannot_be_read(read: Any, data: bytes) -> None:
    """And nothing is made up for it."""
    with pytest.raises(UNREADABLE):
        read(frame(data))


@pytest.mark.parametrize("event", ["", "message", "end", "replay_complete", "backfill_truncated"])
def test_an_event_of_a_channel_is_an_object(event: str) -> None:
    """A list is none."""
    with pytest.raises(msgspec.ValidationError):
        channel_event(frame([], event))


@pytest.mark.parametrize("read", [channel_event, invoke_event, runtime_event])
def test_broken_utf_8_is_read_with_gaps(read: Any) -> None:
    """As the standard reads a stream."""
    event = read(frame(b'{"type": "delta", "id": "\xff", "body": "a\xff", "text": "a\xff"}'))

    assert "\ufffd" in msgspec.json.encode(event).decode()


@pytest.mark.parametrize("read", [channel_event, invoke_event, runtime_event])
def test_depth_is_refused_where_python_would_not(read: Any, monkeypatch: Any) -> None:
    """A raised recursion limit opens no way to the C stack."""
    monkeypatch.setattr(sys, "getrecursionlimit", lambda: 100_000)

    with pytest.raises(RecursionError):
        read(frame(b'{"type": "delta", "payload": ' + b"[" * 300 + b"]" * 300 + b"}"))


@modest
@given(st.binary(max_size=80), st.sampled_from(["", "message", "end", "delta", "x"]))
def test_no_frame_is_worse_than_unreadable(data: bytes, event: str) -> None:
    """Whatever comes."""
    for read in (channel_event, invoke_event, runtime_event):
        try:
            read(Frame(event, data))  # type: ignore[operator]
        except UNREADABLE:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@modest
@given(
    st.dictionaries(
        st.sampled_from([*Message.__struct_encode_fields__, "type", "event", "id", "text"]), JSON
    ),
    st.sampled_from(["", "end", "done", "new"]),
)
def test_any_object_is_an_event(members: dict[str, Any], event: str) -> None:
    """However odd its members are."""
    for read in (channel_event, invoke_event, runtime_event):
        assert read(frame(members, event)) is not None  # type: ignore[operator]


def test_what_we_read_is_what_the_official_models_hold() -> None:
    """The transcripts keep to the contract: its own models take each of their messages."""
    for one in frames(TASK)[:2] + frames(TRUNCATED)[2:3]:
        document = msgspec.json.decode(one.data)
        ours = channel_event(one)
        theirs = official.TaskSSEMessage.from_dict(document)

        assert theirs is not None
        assert (theirs.type, theirs.offset) == (ours.type, ours.offset)  # type: ignore[union-attr]
    for one in frames(OPERATION):
        theirs = official.RuntimeOperationEventEnvelope.from_json(one.data)
        assert theirs is not None
        assert theirs.id == runtime_event(one).id
