"""Messages and their parts: open, tolerant, and the same in every way they travel."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import beeos_sdk as official
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.lenient import salvage
from beeos_async.models.events import (
    BackfillTruncated,
    InvokeDelta,
    InvokeDone,
    InvokeFailure,
    InvokeReasoning,
    RuntimeErrorContext,
    RuntimeEvent,
    RuntimeOperationError,
    RuntimeOperationEvent,
    RuntimeOperationEventPayload,
    StreamEnd,
)
from beeos_async.models.messages import (
    Attachment,
    CustomPart,
    FilePart,
    Message,
    MessagePage,
    Part,
    SourcePart,
    ThinkingPart,
    ToolResultPart,
    ToolUsePart,
    UnknownPart,
    part_of,
)

PARTS: list[tuple[dict[str, Any], Part]] = [
    (
        {"type": "thinking", "text": "hm", "state": "done"},
        ThinkingPart(text="hm", state="done"),
    ),
    (
        {"type": "tool_use", "id": "c1", "name": "sum", "arguments": {"of": "Aug"}, "state": "x"},
        ToolUsePart(id="c1", name="sum", arguments={"of": "Aug"}, state="x"),
    ),
    (
        {"type": "tool_result", "tool_use_id": "c1", "content": "311", "is_error": True},
        ToolResultPart(tool_use_id="c1", content="311", is_error=True),
    ),
    (
        {"type": "file", "url": "https://x.example/1", "mime_type": "image/png", "size": 7},
        FilePart(url="https://x.example/1", mime_type="image/png", size=7),
    ),
    (
        {"type": "source", "url": "https://x.example", "title": "T", "snippet": "s"},
        SourcePart(url="https://x.example", title="T", snippet="s"),
    ),
    ({"type": "custom", "kind": "mark", "data": [1, 2]}, CustomPart(kind="mark", data=[1, 2])),
]


@pytest.mark.parametrize(("json", "part"), PARTS, ids=lambda one: type(one).__name__)
def test_a_part_is_what_its_type_says(json: dict[str, Any], part: Part) -> None:
    """Read in one pass or in two, written again as it came."""
    body = msgspec.json.encode({"parts": [json], "offset": 1})
    odd = msgspec.json.encode({"parts": [json], "offset": "1"})

    assert msgspec.json.decode(body, type=Message).parts == [part]
    assert salvage(Message, msgspec.json.decode(odd)).parts == [part]
    assert msgspec.json.decode(msgspec.json.encode(part)) == json
    assert part.type == json["type"]


@pytest.mark.parametrize(
    ("json", "part"),
    [
        ({"type": "hologram", "mesh": 1}, UnknownPart({"type": "hologram", "mesh": 1})),
        ({"type": None}, UnknownPart({"type": None})),
        ({}, UnknownPart({})),
        ("text", UnknownPart("text")),
        (None, UnknownPart(None)),
        ({"type": "thinking"}, ThinkingPart()),
        ({"type": "thinking", "text": None, "state": 5}, ThinkingPart()),
        ({"type": "file", "size": True, "name": "n"}, FilePart(name="n")),
        ({"type": "tool_use", "id": 5, "name": "x", "arguments": None}, ToolUsePart(name="x")),
        ({"type": "tool_result", "content": 5, "new": 1}, ToolResultPart(content=5)),
    ],
)
def test_a_part_may_be_odd(json: Any, part: Part) -> None:
    """New kinds are kept as they are; members that do not fit are not set."""
    assert part_of(json) == part
    assert msgspec.convert({"parts": [json]}, Message).parts == [part]


def test_an_unknown_part_says_its_type() -> None:
    """Where it has one."""
    kinds = [UnknownPart(json).type for json in ({"type": "hologram"}, {"type": 5}, [], None)]

    assert kinds == ["hologram", "", "", ""]


def test_a_message_is_the_same_in_every_way_it_travels() -> None:
    """Pickled, copied, replaced, written and read again."""
    message = Message(message_id="m", offset=3, parts=[part for _, part in PARTS])

    assert pickle.loads(pickle.dumps(message)) == message
    assert copy.copy(message) == copy.deepcopy(message) == message
    assert msgspec.structs.replace(message, offset=4).parts == message.parts
    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Message(body="a", payload={"text": "b"}), "a"),
        (Message(payload={"text": "b"}), "b"),
        (Message(payload={"text": 5}), ""),
        (Message(payload={}), ""),
        (Message(payload="b"), ""),
        (Message(), ""),
    ],
)
def test_a_message_has_words(message: Message, text: str) -> None:
    """The body, else what older agents put elsewhere."""
    assert message.text == text


def test_a_message_says_whether_more_is_to_come() -> None:
    """Nothing said is nothing to come."""
    assert Message(state="streaming").streaming
    assert not Message().streaming
    assert not Message(state="completed").streaming


def test_a_page_may_say_little() -> None:
    """Rows alone, from an older server."""
    page = msgspec.json.decode(
        b'{"messages": [{"message_id": "m", "offset": 1}]}', type=MessagePage
    )

    assert page == MessagePage(messages=[Message(message_id="m", offset=1)])
    assert page.has_more is None


@pytest.mark.parametrize("id", ["", "x" * 129])
def test_an_attachment_names_a_file(id: str) -> None:
    """Within the contract's bounds."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"file_id": id}, Attachment)


PAIRS: list[tuple[type[msgspec.Struct], Any]] = [
    (Message, official.MessageDTO),
    (Message, official.TaskSSEMessage),
    (MessagePage, official.ListMessagesResponseAllOfData),
    (ThinkingPart, official.PartThinking),
    (ToolUsePart, official.PartToolUse),
    (ToolResultPart, official.PartToolResult),
    (FilePart, official.PartFile),
    (SourcePart, official.PartSource),
    (CustomPart, official.PartCustom),
    (Attachment, official.AttachmentRef),
    (BackfillTruncated, official.TaskSSEBackfillTruncated),
    (StreamEnd, official.TaskSSEEnd),
    (InvokeDelta, official.InvokeAgentSSEDelta),
    (InvokeReasoning, official.InvokeAgentSSEReasoning),
    (InvokeFailure, official.InvokeAgentSSEError),
    (InvokeDone, official.InvokeAgentSSEDone),
    (RuntimeEvent, official.RuntimeOperationEventEnvelope),
    (RuntimeOperationEvent, official.RuntimeOperationEventEnvelopeEvent),
    (RuntimeOperationEventPayload, official.RuntimeOperationEventEnvelopeEventPayload),
    (RuntimeOperationError, official.RuntimeOperationError),
    (RuntimeErrorContext, official.RuntimeOperationErrorContext),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda one: one.__name__)
def test_both_know_the_same_words(ours: type[msgspec.Struct], theirs: Any) -> None:
    """No field on the wire is known to the official models and not to ours, nor the reverse."""
    tag = {"type"} if ours.__struct_config__.tag else set()
    known = {field.alias or name for name, field in theirs.model_fields.items()}

    assert {*ours.__struct_encode_fields__, *tag} == known - {"additional_properties"}


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.none())


@modest
@given(
    st.sampled_from([json["type"] for json, _ in PARTS]),
    st.dictionaries(
        st.sampled_from(["text", "id", "name", "size", "content", "state", "is_error", "url"]), ODD
    ),
)
def test_no_part_breaks_its_message(type: str, members: dict[str, Any]) -> None:
    """Whatever its members are, it is a part of its kind."""
    (part,) = msgspec.convert({"parts": [{**members, "type": type}]}, Message).parts

    assert part.type == type
    assert not isinstance(part, UnknownPart)
