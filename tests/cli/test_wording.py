"""The words for outcomes, times and paces."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from beeos_async import (
    ConnectionLostError,
    Failed,
    Instance,
    NotFoundError,
    Outcome,
    Skipped,
    Succeeded,
    TimedOut,
    Unknown,
)
from beeos_async.cli.wording import (
    NO_ID,
    ago,
    as_data,
    as_json,
    brief,
    clean,
    duration,
    line,
    now,
    number,
    pace,
    times,
    why,
)
from beeos_async.errors import Problem, Trouble

REFUSED = NotFoundError(
    Problem(status=404, code="not_found", message="no such instance", request_id="req_1")
)
LOST = ConnectionLostError(Trouble(message="the line broke", reason="lost", delivered="maybe"))
INSTANCE = Instance(id="a", status="pending", desired_status="running")
WANTED = {"desired_status": "running"}
NOBODY = {"desired_status": None}
SEEN = Instance(id="a", status="running", connectivity="off\x1bline")


@pytest.mark.fault("P13")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("inst_1", "inst_1"),
        ("你好", "你好"),
        ("\x1b[2Jred", "\ufffd[2Jred"),
        ("a\nb\rc\x9bd", "a\ufffdb\ufffdc\ufffdd"),
        ("abc\u202etxt", "abc\ufffdtxt"),
        ("half\ud800", "half\ufffd"),
    ],
)
def test_clean_marks_what_a_terminal_would_obey(text: str, shown: str) -> None:
    """No text of others moves the cursor, changes a colour or turns the writing round."""
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("x" * 20, 20, "x" * 20),
        ("x" * 50, 10, "x" * 6 + "…" + "xxx"),
        ("gone for good, alas [404 r_1]", 24, "gone for good,…[404 r_1]"),
        ("sorry [" + "x" * 50 + "]", 12, "sorry […xxx]"),
    ],
)
def test_a_long_text_loses_its_middle(text: str, limit: int, shown: str) -> None:
    """The beginning says what it is about, and the end has the request id."""
    assert clean(text, limit) == shown
    assert len(shown) <= limit


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Succeeded("a", INSTANCE), "succeeded a"),
        (
            Failed("a", REFUSED),
            "failed a NotFoundError: no such instance [404 not_found request req_1]",
        ),
        (Unknown("a", LOST), "unknown a ConnectionLostError: the line broke [lost]"),
        (TimedOut("a", INSTANCE), "timed_out a still pending at the end"),
        (TimedOut("a", SEEN), "timed_out a still running, off\ufffdline at the end"),
        (TimedOut("a", None), "timed_out a not gone at the end"),
        (TimedOut("a", Instance(id="a")), "timed_out a not seen at the end"),
        (Skipped("a", "deadline"), "skipped a deadline"),
        (Skipped("a\x1b", "invalid_id"), f"skipped a\ufffd invalid_id: {NO_ID}"),
    ],
)
def test_an_outcome_is_one_line(outcome: Outcome[Instance], words: str) -> None:
    """Each kind says which id, and why it did not succeed."""
    assert line(outcome) == words
    assert words.endswith(why(outcome))


@pytest.mark.parametrize(
    ("outcome", "own"),
    [
        (Succeeded("a", INSTANCE), {"already": False, "status": "pending", **WANTED}),
        (Succeeded("a", None, already=True), {"already": True, "status": None, **NOBODY}),
        (TimedOut("a", INSTANCE), {"status": "pending", **WANTED}),
        (TimedOut("a", None), {}),
        (Skipped("a", "deadline"), {"reason": "deadline"}),
        (
            Failed("a", REFUSED),
            {
                "error": {
                    "type": "NotFoundError",
                    "message": "no such instance",
                    "delivered": "no",
                    "status": 404,
                    "code": "not_found",
                }
            },
        ),
        (
            Unknown("a", LOST),
            {
                "error": {
                    "type": "ConnectionLostError",
                    "message": "the line broke [lost]",
                    "delivered": "maybe",
                }
            },
        ),
    ],
)
def test_an_outcome_is_one_object(outcome: Outcome[Instance], own: dict[str, object]) -> None:
    """Each kind has the fields all have, and its own."""
    common = {"attempts", "request_id", "kind", "id", *times(outcome)}

    data = as_data(outcome)

    assert data["kind"] == outcome.kind
    assert {key: value for key, value in data.items() if key not in common} == own
    assert common <= set(json.loads(json.dumps(data)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (60, "1:00"), (187.9, "3:07"), (3765, "1:02:45")],
)
def test_a_time_is_written_as_long_as_it_needs(seconds: float, text: str) -> None:
    """Tenths while they can be told apart, then minutes, then hours."""
    assert duration(seconds) == text


def test_a_pace_and_a_number_read_well() -> None:
    """Fractions of a slow pace, thousands of a fast one, one of one."""
    assert [pace(8.44), pace(99.96), pace(1204.4)] == ["8.4/s", "100.0/s", "1,204/s"]
    assert [number(1, "instance"), number(1200, "instance")] == ["1 instance", "1,200 instances"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"),
        (0.001, "1 ms"),
        (0.0314, "31 ms"),
        (1.0, "1 s"),
        (1.26, "1.3 s"),
        (20.0, "20 s"),
        (187.0, "3:07"),
    ],
)
def test_a_latency_is_written_in_its_own_unit(seconds: float, text: str) -> None:
    """As many digits as tell something."""
    assert brief(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s ago"),
        (12, "12 s ago"),
        (125, "2 min ago"),
        (7_300, "2 h ago"),
        (200_000, "2 d ago"),
        (-90_000, "in 1 d"),
    ],
)
def test_a_moment_is_told_from_now(seconds: float, text: str) -> None:
    """In the largest unit of which there is a whole one, past or to come."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)

    assert ago(moment, moment + timedelta(seconds=seconds)) == text
    assert now().tzinfo is UTC


def test_json_is_safe_to_print() -> None:
    """For programs one line of ASCII; for people their own letters, and nothing obeyed."""
    value = {"name": "蜂\x1b[2J\x9b", "text": "a\nb\u202e"}

    line = as_json(value)
    text = as_json(value, indent=2)

    assert line.isascii()
    assert json.loads(line) == json.loads(text) == value
    assert "蜂\\u001b[2J\\u009b" in text
    assert all(one == "\n" or one.isprintable() for one in text)
