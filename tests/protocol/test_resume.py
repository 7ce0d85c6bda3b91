"""The rules of going on: what is sent, what is a repeat, what is the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.resume import (
    BACKOFF_CAP,
    BY_EVENT_ID,
    BY_OFFSET,
    NEVER,
    Ending,
    Place,
    conversation_over,
    is_repeat,
    operation_over,
    pause,
    task_over,
)
from beeos_async.models._base import Envelope
from beeos_async.models.conversations import Conversation
from beeos_async.models.events import (
    BackfillTruncated,
    ChannelEvent,
    InvokeDelta,
    InvokeDone,
    InvokeEvent,
    InvokeFailure,
    ReplayComplete,
    RuntimeEvent,
    RuntimeOperationEvent,
    StreamEnd,
    UnknownEvent,
)
from beeos_async.models.messages import Message
from beeos_async.models.runtime import RuntimeOperation
from beeos_async.models.tasks import Task

BIG = 10**40


@pytest.mark.parametrize(
    ("place", "last", "repeat"),
    [
        (None, 5, False),
        (5, None, False),
        (5, 5, True),
        (4, 5, True),
        (7, 5, False),
        (1, 0, False),
        ("9", "10", True),
        ("10", "9", False),
        ("010", "9", False),
        (str(BIG), str(BIG), True),
        (str(BIG + 1), str(BIG), False),
        (str(BIG - 1), str(BIG), True),
        ("5", 5, True),
        ("a7", "a8", False),
        ("a7", "a7", True),
        ("a7", "9", False),
        ("٣", "9", False),
    ],
)
def test_a_repeat_is_told_by_its_place(
    place: Place | None, last: Place | None, repeat: bool
) -> None:
    """As numbers, of any length; what is none is the same or is not."""
    assert is_repeat(place, last) is repeat


@modest
@given(st.integers(0, 10**60), st.integers(0, 10**60))
def test_digits_are_compared_as_numbers(one: int, other: int) -> None:
    """Whether they came as text or not."""
    assert is_repeat(str(one), str(other)) is is_repeat(one, other) is (one <= other)


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (Message(offset=7, message_id="m"), 7),
        (Message(message_id="m"), None),
        (Message(offset=-1), None),
        (ReplayComplete(latest_offset=231), None),
        (BackfillTruncated(since=40, oldest_redis_offset=220), None),
        (StreamEnd(reason="task_terminal"), None),
        (UnknownEvent(name="x", data={"offset": 9}), None),
    ],
)
def test_only_a_message_stands_in_a_channel(event: ChannelEvent, place: int | None) -> None:
    """Going on at the latest offset would skip what lies between."""
    assert BY_OFFSET.place(event) == place


@pytest.mark.parametrize(
    ("reason", "final"),
    [
        ("task_terminal", True),
        ("channel_closed", True),
        ("stream_closed", False),
        ("server_drain", False),
        ("", False),
    ],
)
def test_only_two_words_end_a_channel(reason: str, final: bool) -> None:
    """Any other is about the stream alone."""
    assert BY_OFFSET.ending(StreamEnd(reason=reason)) == Ending(reason, final)


@pytest.mark.parametrize(
    "event",
    [
        Message(type="agent_reply", state="completed"),
        Message(type="chat_message", state="completed"),
        Message(type="agent_reply_error", state="failed"),
        ReplayComplete(),
        UnknownEvent(name="end "),
    ],
)
def test_no_message_ends_a_channel(event: ChannelEvent) -> None:
    """The caller's own words carry `completed`, too."""
    assert BY_OFFSET.ending(event) is None


@pytest.mark.parametrize(
    ("id", "place"),
    [("7", "7"), ("", None), ("a\r\nb", None), ("é", None), ("1" * 129, None), ("a b", None)],
)
def test_an_operation_stands_at_its_id(id: str, place: str | None) -> None:
    """What cannot travel in a header is no place."""
    assert BY_EVENT_ID.place(RuntimeEvent(id=id)) == place


def test_an_operation_ends_with_its_response() -> None:
    """A blocked projection is no end: the effect took."""
    response = RuntimeOperationEvent(type="runtime_rpc_response", outcome="expired")
    blocked = RuntimeOperationEvent(type="runtime_projection_blocked")

    assert BY_EVENT_ID.ending(RuntimeEvent(event=response)) == Ending("expired", final=True)
    assert BY_EVENT_ID.ending(RuntimeEvent(event=blocked)) is None


@pytest.mark.parametrize(
    ("event", "ending"),
    [
        (InvokeDone(), Ending("done", final=True)),
        (InvokeDone(is_error=True), Ending("done", final=True)),
        (InvokeDelta(text="x"), None),
        (InvokeFailure(code="service_timeout"), None),
    ],
)
def test_an_invocation_ends_when_it_is_done(event: InvokeEvent, ending: Ending | None) -> None:
    """And stands nowhere."""
    assert NEVER.ending(event) == ending
    assert NEVER.place(event) is None


@pytest.mark.parametrize(
    ("status", "over"),
    [("completed", True), ("succeeded", True), ("input_required", False), ("new", False)],
)
def test_a_look_tells_whether_a_task_is_over(status: str, over: bool) -> None:
    """A pause is no end, and neither is a word nobody knows."""
    found = Envelope(data=Task(task_id="t", status=status))
    assert task_over(found) == ("task_terminal" if over else None)


@pytest.mark.parametrize("state", ["active", "open", "closed", ""])
def test_a_look_tells_whether_a_conversation_is_over(state: str) -> None:
    """Only where it says so."""
    found = Envelope(data=Conversation(conversation_id="c", state=state))
    assert conversation_over(found) == ("channel_closed" if state == "closed" else None)


def test_a_look_tells_whether_an_operation_is_over() -> None:
    """By its flag, and not by a list of words."""
    found = RuntimeOperation(id="o", status="mothballed", terminal=True)
    assert operation_over(found) == "mothballed"
    assert operation_over(RuntimeOperation(id="o", status="succeeded")) is None


@pytest.mark.parametrize("last", [None, 0, 7])
def test_what_is_sent_to_go_on(last: int | None) -> None:
    """A query, a header, or nothing."""
    assert BY_OFFSET.params(last) == ({"since": 7} if last else {})
    assert BY_OFFSET.headers(last) == {}
    assert BY_EVENT_ID.params(last) == {}
    assert BY_EVENT_ID.headers(str(last) if last is not None else None) == (
        {"Last-Event-ID": str(last)} if last is not None else {}
    )
    assert NEVER.params(last) == NEVER.headers(last) == {}


def test_pauses_double_up_to_thirty_seconds() -> None:
    """However often it breaks."""
    assert [pause(breaks, None) for breaks in range(1, 9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30]
    assert pause(10**9, None) == BACKOFF_CAP


@pytest.mark.parametrize(
    ("breaks", "asked", "seconds"),
    [
        (1, 0, 0.1),
        (1, 99, 0.1),
        (1, 2000, 2),
        (1, 10**9, 30),
        (2, 2000, 2),
        (5, 2000, 4),
        (9, 0, 30),
    ],
)
def test_a_server_that_asks_for_a_pause_gets_it(breaks: int, asked: int, seconds: float) -> None:
    """Within bounds; and what breaks again and again is left alone for longer."""
    assert pause(breaks, asked) == seconds
