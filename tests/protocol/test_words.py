"""The words alone: each once, whichever way they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.words import FINISHED, ChannelWords, InvokeWords
from beeos_async.models.events import (
    InvokeDelta,
    InvokeDone,
    InvokeEvent,
    InvokeFailure,
    InvokeReasoning,
    ReplayComplete,
    StreamEnd,
)
from beeos_async.models.messages import Message


def reply(text: str, id: str = "m", state: str = "streaming", to: str = "") -> Message:
    return Message(type="agent_reply", message_id=id, body=text, state=state, in_reply_to=to)


def piece(text: str, type: str = "agent_message_chunk", to: str = "") -> Message:
    return Message(type=type, payload={"text": text}, in_reply_to=to)


def words(*events: Any) -> list[str]:
    """Give what each event of a channel adds."""
    heard = ChannelWords()
    return [heard.take(event) for event in events]


def answer(*events: InvokeEvent) -> list[str]:
    """Give what each event of an invocation adds."""
    heard = InvokeWords()
    return [heard.take(event) for event in events]


def test_an_answer_is_its_deltas() -> None:
    """Reasoning and trouble are no part of it."""
    assert answer(
        InvokeReasoning(text="hm"),
        InvokeDelta(text="a"),
        InvokeFailure(message="no"),
        InvokeDelta(text="b"),
        InvokeDone(text="ab"),
    ) == ["", "a", "", "b", ""]


@pytest.mark.parametrize(("text", "rest"), [("all", "all"), ("", ""), ("all of it", "all of it")])
def test_an_answer_without_deltas_is_its_end(text: str, rest: str) -> None:
    """The end has the whole truth."""
    assert answer(InvokeDone(text=text)) == [rest]


@pytest.mark.parametrize(("text", "rest"), [("abc", "c"), ("ab", ""), ("x", ""), ("", "")])
def test_the_end_adds_what_was_missing(text: str, rest: str) -> None:
    """And takes nothing back."""
    assert answer(InvokeDelta(text="ab"), InvokeDone(text=text))[-1] == rest


@pytest.mark.parametrize("before", [[], [InvokeDelta(text="ledger")]])
def test_what_failed_is_no_answer(before: list[InvokeEvent]) -> None:
    """The end of a failure says what failed, even where it goes on from what was said."""
    assert answer(*before, InvokeDone(text="ledger locked", is_error=True))[-1] == ""


@pytest.mark.parametrize("state", ["failed", "refused"])
def test_a_reply_that_failed_is_no_answer(state: str) -> None:
    """What it said before stands, its body says what failed, and the next one begins anew."""
    assert words(reply("3"), reply("3 crash trace", state=state), reply("3", id="n")) == [
        "3",
        "",
        "3",
    ]
    assert words(piece("3"), reply("crash", state=state), reply("3", id="n")) == ["3", "", "3"]


def test_a_reply_that_was_stopped_is_told_as_far_as_it_came() -> None:
    """Its body is what there is of the answer."""
    assert words(reply("3"), reply("311", state="cancelled")) == ["3", "11"]


def test_a_reply_that_grows_is_told_piece_by_piece() -> None:
    """Frames hold all of it; each adds its end."""
    assert words(reply("3"), reply("311"), reply("311"), reply("311 rows", state="completed")) == [
        "3",
        "11",
        "",
        " rows",
    ]


def test_a_finished_reply_that_comes_again_is_told_once() -> None:
    """Each frame of a reply has a higher offset, the last ones too; what is new is told."""
    assert words(
        reply("3"),
        reply("311", state="completed"),
        reply("311", state="completed"),
        reply("311 rows", state=""),
        reply("311 rows.", state="streaming"),
    ) == ["3", "11", "", " rows", "."]


def test_replies_without_a_name_are_not_taken_for_one() -> None:
    """What does not say which it is cannot come again."""
    assert words(reply("a", id="", state=""), reply("ab", id="", state="")) == ["a", "ab"]


def test_an_endless_conversation_is_not_kept_whole() -> None:
    """Of the replies that are finished, only the last ones are remembered."""
    heard = ChannelWords()
    for number in range(1000):
        heard.take(reply("x" * 100, id=f"m{number}", state="completed"))

    assert heard.take(reply("x" * 100, id="m999", state="completed")) == ""
    assert len(heard._whole) == FINISHED


def test_replies_do_not_mix() -> None:
    """Several may be written at once, each under its own id."""
    assert words(reply("a"), reply("x", id="n"), reply("ab"), reply("xy", id="n")) == [
        "a",
        "x",
        "b",
        "y",
    ]


def test_a_reply_that_is_rewritten_goes_on_where_it_parts() -> None:
    """What was said cannot be taken back."""
    assert words(reply("311 rowz"), reply("311 rows match.", state="completed")) == [
        "311 rowz",
        "s match.",
    ]
    assert words(reply("abc"), reply("ab")) == ["abc", ""]


def test_pieces_are_told_as_they_come() -> None:
    """And not again when the whole follows."""
    assert words(piece("3"), piece("11", "agent_reply_delta"), reply("311.", state="")) == [
        "3",
        "11",
        ".",
    ]


def test_the_pieces_of_one_reply_are_not_the_next_one_s() -> None:
    """A second reply begins anew."""
    assert words(piece("a"), reply("a", state="completed"), reply("a", id="n")) == ["a", "", "a"]


def test_the_pieces_of_two_turns_do_not_mix() -> None:
    """Each is told as it comes, and not again by the reply it belongs to."""
    assert words(
        piece("3", to="q1"),
        piece("no", to="q2"),
        piece("11", to="q1"),
        reply("none", "n", "", to="q2"),
        reply("311", "m", "", to="q1"),
    ) == ["3", "no", "11", "ne", ""]


@pytest.mark.parametrize(("pieces", "whole"), [("", "q1"), ("q1", "")])
def test_pieces_that_do_not_say_whose_they_are_are_the_next_one_s(pieces: str, whole: str) -> None:
    """And so are those of a reply that does not say it."""
    assert words(piece("3", to=pieces), reply("311", to=whole)) == ["3", "11"]


def test_pieces_without_a_reply_do_not_pile_up() -> None:
    """Of turns that never end, only the last ones are remembered."""
    heard = ChannelWords()
    for number in range(1000):
        heard.take(piece("x", to=f"q{number}"))

    assert len(heard._loose) == FINISHED


def test_a_finished_reply_is_forgotten() -> None:
    """A conversation may go on for ever."""
    heard = ChannelWords()
    for number in range(100):
        heard.take(reply("a", id=str(number)))
        heard.take(reply("ab", id=str(number), state="completed"))

    assert not heard._said


@pytest.mark.parametrize(
    "event",
    [
        Message(type="chat_message", payload={"text": "?"}),
        Message(type="agent_reasoning", body="hm"),
        Message(type="agent_thought_chunk", payload={"text": "hm"}),
        Message(type="agent_reply_error", payload={"text": "no"}),
        Message(type="agent.refuse", body="no"),
        ReplayComplete(),
        StreamEnd(),
    ],
)
def test_nothing_else_has_words(event: Any) -> None:
    """Questions, thoughts and refusals are not the answer."""
    assert words(event) == [""]


@modest
@given(st.text(), st.lists(st.integers(0, 50)))
def test_however_it_grows_the_words_are_the_text(text: str, cuts: list[int]) -> None:
    """Joined, what is told is what was said."""
    frames = [reply(text[:cut]) for cut in sorted(cuts)]

    assert "".join(words(*frames, reply(text, state="completed"))) == text
