"""May this be sent again, and after how long: the tables of the rules, row by row."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from properties import modest

from beeos_async._protocol.endpoint import KEYED, ONCE, SAFE, Repeat, desired
from beeos_async._protocol.message import Response
from beeos_async._protocol.retry import (
    THROTTLE_CAP,
    TRANSIENT_CAP,
    Verdict,
    backoff,
    conflict_pause,
    cool_down,
    delivered,
    judge,
    retry_after,
    took,
)
from beeos_async._protocol.table import GET_INSTANCE, ROWS
from beeos_async._protocol.wire import read
from beeos_async.errors import (
    BeeOSError,
    ClientClosedError,
    ClientLoopError,
    ConfigurationError,
    ConnectionLostError,
    DecodeError,
    Delivered,
    NotSentError,
    RequestTimeoutError,
    SkippedError,
    TransportError,
    Trouble,
)

DESIRED = desired(GET_INSTANCE, "running")
CLASSES: dict[str, Repeat] = {"read": SAFE, "desired": DESIRED, "keyed": KEYED, "once": ONCE}

RAISE, AGAIN, SETTLE, THROTTLED = Verdict.RAISE, Verdict.AGAIN, Verdict.SETTLE, Verdict.THROTTLED


def transport(
    kind: type[TransportError], reason: str, delivered: Delivered, status: int | None = None
) -> TransportError:
    return kind(Trouble(message="", reason=reason, delivered=delivered, status=status))


def refused(status: int, code: str = "") -> BeeOSError:
    """Give the error that an answer becomes."""
    body = b'{"success":false,"error":{"code":"%s","message":"no"}}' % code.encode()
    with pytest.raises(BeeOSError) as caught:
        read(GET_INSTANCE, "inst-1", Response(status, CIMultiDict(), body if code else b""))
    return caught.value


# What failed, and the verdict for a read, a desired state, a keyed call and one that acts once.
RULES: list[tuple[str, BeeOSError, tuple[Verdict, Verdict, Verdict, Verdict]]] = [
    # It never left this machine.
    ("refused", transport(NotSentError, "connect", "no"), (AGAIN, AGAIN, AGAIN, AGAIN)),
    ("no descriptor", transport(NotSentError, "local", "no"), (AGAIN, AGAIN, AGAIN, AGAIN)),
    ("proxy 502", transport(NotSentError, "proxy", "no", 502), (AGAIN, AGAIN, AGAIN, AGAIN)),
    ("proxy 407", transport(NotSentError, "proxy", "no", 407), (RAISE, RAISE, RAISE, RAISE)),
    ("certificate", transport(NotSentError, "tls", "no"), (RAISE, RAISE, RAISE, RAISE)),
    # It may have arrived.
    ("lost", transport(ConnectionLostError, "lost", "maybe"), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("silence", transport(RequestTimeoutError, "timeout", "maybe"), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("slow to connect", transport(RequestTimeoutError, "timeout", "no"), (AGAIN,) * 4),
    # It arrived, and the answer is of no use.
    ("unreadable", transport(DecodeError, "unreadable", "yes"), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("other id", transport(DecodeError, "wrong_id", "yes"), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("too large", transport(DecodeError, "too_large", "yes"), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("301", refused(301), (RAISE, RAISE, RAISE, RAISE)),
    ("307", refused(307), (RAISE, RAISE, RAISE, RAISE)),
    # The server said no.
    *(
        (str(status), refused(status), (RAISE, RAISE, RAISE, RAISE))
        for status in (400, 401, 402, 403, 404, 405, 410, 413, 415, 418, 422, 451)
    ),
    ("408", refused(408), (AGAIN, SETTLE, AGAIN, RAISE)),
    ("409", refused(409, "conflict"), (RAISE, SETTLE, RAISE, RAISE)),
    ("429", refused(429, "rate_limited"), (THROTTLED,) * 4),
    ("429 of a proxy", refused(429), (THROTTLED,) * 4),
    ("429 of machines", refused(429, "quota_exceeded"), (RAISE, RAISE, RAISE, RAISE)),
    *(
        (str(status), refused(status), (AGAIN, SETTLE, AGAIN, RAISE))
        for status in (500, 501, 502, 503, 504, 507, 520, 599)
    ),
    *(
        (f"503 {code}", refused(503, code), (AGAIN, AGAIN, AGAIN, AGAIN))
        for code in (
            "auth_unavailable",
            "auth_transient",
            "refresh_transient",
            "session_unavailable",
            "control_rate_limit_unavailable",
        )
    ),
    *(
        (f"503 {code}", refused(503, code), (AGAIN, SETTLE, AGAIN, RAISE))
        for code in ("agent_offline", "agent_service_unavailable", "device_offline", "new_word")
    ),
    # It never was a matter of the wire.
    *(
        (kind.__name__, kind("no"), (RAISE, RAISE, RAISE, RAISE))
        for kind in (ConfigurationError, ClientClosedError, ClientLoopError, BeeOSError)
    ),
    ("skipped", SkippedError("inst-1", "fatal"), (RAISE, RAISE, RAISE, RAISE)),
]


@pytest.mark.parametrize("word", CLASSES)
@pytest.mark.parametrize(
    ("failure", "verdicts"), [pytest.param(*rule, id=name) for name, *rule in RULES]
)
def test_a_failure_is_judged_by_the_row(
    word: str, failure: BeeOSError, verdicts: tuple[Verdict, ...]
) -> None:
    """The row's word and the kind of failure decide; nothing that may have acted acts twice."""
    assert judge(CLASSES[word], failure, 1) is dict(zip(CLASSES, verdicts, strict=True))[word]


@pytest.mark.parametrize("word", CLASSES)
def test_an_unknown_name_is_asked_for_twice(word: str) -> None:
    """A resolver may stumble once; a name that is unknown twice is unknown."""
    failure = transport(NotSentError, "dns", "no")

    assert judge(CLASSES[word], failure, 1) is AGAIN
    assert judge(CLASSES[word], failure, 2) is RAISE


def test_a_wish_that_cannot_be_looked_up_is_not_repeated() -> None:
    """Without an endpoint that settles, what may have been done is not done again."""
    unsettled = Repeat("desired")

    assert judge(unsettled, transport(ConnectionLostError, "lost", "maybe"), 1) is RAISE
    assert judge(unsettled, refused(409), 1) is RAISE
    assert judge(unsettled, transport(NotSentError, "connect", "no"), 1) is AGAIN


def test_nothing_that_acts_once_is_sent_again_in_doubt() -> None:
    """Of all failures, only those that certainly did not deliver repeat a deploy or a click."""
    again = [failure for _, failure, _ in RULES if judge(ONCE, failure, 1) in {AGAIN, THROTTLED}]

    assert again
    assert {failure.delivered for failure in again} == {"no"}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "", "no"),
        (401, "", "no"),
        (404, "", "no"),
        (408, "", "maybe"),
        (409, "", "no"),
        (429, "rate_limited", "no"),
        (500, "internal_error", "maybe"),
        (502, "", "maybe"),
        (503, "", "maybe"),
        (503, "agent_offline", "maybe"),
        (503, "auth_transient", "no"),
        (503, "auth_unavailable", "no"),
        (503, "refresh_transient", "no"),
        (503, "session_unavailable", "no"),
        (503, "control_rate_limit_unavailable", "no"),
        (504, "service_timeout", "maybe"),
        (599, "", "maybe"),
    ],
)
def test_a_refusal_says_whether_it_may_have_acted(
    status: int, code: str, expected: Delivered
) -> None:
    """A 4xx did nothing; a 5xx may have, unless its code says it never looked."""
    assert delivered(status, code) == expected
    assert refused(status, code).delivered == expected


@pytest.mark.parametrize(
    ("goal", "desired_status", "status", "taken"),
    [
        ("running", "running", "stopped", True),
        ("running", "running", "running", True),
        ("running", "stopped", "running", False),
        ("running", "terminated", "running", False),
        ("running", "", "running", True),
        ("running", "", "pending", False),
        ("running", "", "", False),
        ("stopped", "stopped", "running", True),
        ("stopped", "running", "stopped", False),
        ("stopped", "", "stopped", True),
        ("terminated", "terminated", "running", True),
        ("terminated", "running", "terminated", True),
        ("terminated", "", "terminated", True),
        ("terminated", "stopped", "stopped", False),
        ("running", "new_word", "running", False),
    ],
)
def test_a_look_tells_whether_a_wish_was_taken(
    goal: str, desired_status: str, status: str, taken: bool
) -> None:
    """Where it is steered counts; where it is counts only if the server does not say."""
    assert took(goal, desired_status, status) is taken


# Pauses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "most"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (9, 20.0), (101, 20.0)]
)
def test_a_transient_failure_backs_off_with_full_jitter(attempts: int, most: float) -> None:
    """Anything from nothing to the bound, which doubles up to twenty seconds."""
    assert backoff(attempts, 0.0) == 0.0
    assert backoff(attempts, 0.5) == pytest.approx(most / 2)
    assert backoff(attempts, 1.0) == pytest.approx(most)
    assert most <= TRANSIENT_CAP


@pytest.mark.parametrize(
    ("asked", "refusals", "least", "most"),
    [
        (5.0, 1, 5.0, 5.5),
        (5.0, 9, 5.0, 5.5),
        (86400.0, 1, 86400.0, 95040.0),
        (0.0, 1, 0.5, 1.0),
        (None, 1, 0.5, 1.0),
        (None, 2, 1.0, 2.0),
        (None, 3, 2.0, 4.0),
        (None, 6, 15.0, 30.0),
        (None, 10_000, 15.0, 30.0),
    ],
)
def test_a_refused_endpoint_rests_as_long_as_it_asked(
    asked: float | None, refusals: int, least: float, most: float
) -> None:
    """Never less than told, a fifth more at most; untold, it doubles up to half a minute."""
    assert cool_down(asked, refusals, 0.0) == pytest.approx(least)
    assert cool_down(asked, refusals, 1.0) == pytest.approx(most)
    assert cool_down(asked, refusals, 0.0) >= 0.1
    assert asked or most <= THROTTLE_CAP


@pytest.mark.parametrize(("attempts", "pause"), [(1, 1), (2, 2), (3, 4), (4, 8), (100, 20)])
def test_a_conflict_is_given_time(attempts: int, pause: float) -> None:
    """One, two, four seconds, and never more than a transient failure gets."""
    assert conflict_pause(attempts) == pause


# Retry-After ----------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()


def waits(text: str | None, date: str | None = None, wall: float = NOW) -> float | None:
    headers: CIMultiDict[str] = CIMultiDict()
    if text is not None:
        headers["retry-after"] = text
    if date is not None:
        headers["date"] = date
    return retry_after(headers, wall)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("007", 7.0),
        (" 12\t", 12.0),
        ("86400", 86400.0),
        ("9999999999", 9999999999.0),
    ],
)
def test_a_number_is_so_many_seconds(text: str, seconds: float) -> None:
    """Up to ten digits, blanks around them aside."""
    assert waits(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "-1",
        "+5",
        "abc",
        "5.5",
        "5.0",
        "1e3",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "5, 10",
        "5;10",
        "5s",
        "0x10",
        "1_000",
        "5 5",
        "99999999999",
        "9" * 21,
        "9" * 5000,
        "\uff11\uff10",
        "\u0663",
        "\u00b2",
        "5\x00",
        "\xa05",
        "2026-03-01T12:00:20Z",
        "Sun, 01 Mar 100000 12:00:20 GMT",
        "Sun, 01 Mar 0000 12:00:20 GMT",
        "Sun, 01 Mar 2026 12:00:20",
        "Sun, 01 Mar 2026 12:00:20 UTC",
        "Sun, 01 Mar 2026 12:00:20 +0000",
        "Sun, 1 Mar 2026 12:00:20 GMT",
        "Sun, 01 Mrz 2026 12:00:20 GMT",
        "Sun, 31 Feb 2026 12:00:20 GMT",
        "Sun, 00 Mar 2026 12:00:20 GMT",
        "Sun, 01 Mar 2026 24:00:00 GMT",
        "Sun, 01 Mar 2026 12:60:00 GMT",
        "Sun, 01 Mar 2026 12:00:61 GMT",
        "sun, 01 mar 2026 12:00:20 gmt",
        "01 Mar 2026 12:00:20 GMT",
        "Sun, \u0660\u0661 Mar \u0662\u0660\u0662\u0666 12:00:20 GMT",
        "Sun, 01 Mar 2026 12:00:20 GMT, 5",
    ],
)
def test_garbage_is_as_nothing(text: str | None) -> None:
    """What is neither a number nor a date is no instruction, and never an exception."""
    assert waits(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 01 Mar 2026 12:00:20 GMT", 20.0),
        ("Sunday, 01-Mar-26 12:00:20 GMT", 20.0),
        ("Sun Mar  1 12:00:20 2026", 20.0),
        ("Sun Mar 15 12:00:00 2026", 14 * 86400.0),
        ("Mon, 02 Mar 2026 00:00:00 GMT", 43200.0),
        ("Thu, 31 Dec 2026 23:59:60 GMT", 26395199.0),
        ("Sun, 01 Mar 2026 11:59:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Saturday, 01-Mar-69 12:00:00 GMT", 1356998400.0),
        ("Sunday, 01-Mar-70 12:00:00 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251629934399.0),
    ],
)
def test_a_date_is_the_time_until_then(text: str, seconds: float) -> None:
    """All three forms are understood; the past means now."""
    assert waits(text) == seconds


@pytest.mark.parametrize("skew", [-3600.0, 3600.0, 10 * 365 * 86400.0])
@pytest.mark.parametrize(
    "date",
    [
        "Sun, 01 Mar 2026 12:00:00 GMT",
        "Sunday, 01-Mar-26 12:00:00 GMT",
        "Sun Mar  1 12:00:00 2026",
    ],
)
def test_a_date_is_measured_against_the_servers_own_clock(date: str, skew: float) -> None:
    """A client whose clock is wrong does not wait wrongly."""
    assert waits("Sun, 01 Mar 2026 12:00:20 GMT", date, NOW + skew) == 20.0


@pytest.mark.parametrize("date", [None, "", "now", "-1", "12"])
def test_without_the_servers_clock_ours_must_do(date: str | None) -> None:
    """An answer without a readable `Date` is measured against the wall."""
    assert waits("Sun, 01 Mar 2026 12:00:20 GMT", date, NOW - 10) == 30.0


def test_a_year_of_two_digits_is_of_its_century() -> None:
    """From 70 on it is the last one, as everywhere in Unix."""
    last = waits("Monday, 02-Mar-70 00:00:00 GMT", "Sun, 01 Mar 1970 00:00:00 GMT")
    this = waits("Saturday, 02-Mar-69 00:00:00 GMT", "Fri, 01 Mar 2069 00:00:00 GMT")

    assert last == this == 86400.0


def test_a_number_of_seconds_needs_no_clock() -> None:
    """Whatever the clocks say."""
    assert waits("5", "Thu, 01 Jan 1970 00:00:00 GMT", NOW + 1e9) == 5.0


@modest
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_is_an_exception(text: str, date: str) -> None:
    """Whatever stands in the two headers, the answer is a time to wait or none."""
    seconds = waits(text, date)

    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@modest
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001 -- made aware below
    st.integers(0, 10**6),
)
def test_every_date_of_the_calendar_is_read(moment: datetime, seconds: int) -> None:
    """The standard library's form of a date is ours."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)

    found = waits(format_datetime(moment, usegmt=True), wall=moment.timestamp() - seconds)

    assert found == pytest.approx(seconds, abs=1e-3)


# The rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ROWS)
def test_a_row_that_writes_is_never_safe(operation: str) -> None:
    """Only reads are sent again at will."""
    row: Any = ROWS[operation]

    assert (row.repeat.word == "safe") == (row.method == "GET")
    assert (row.repeat.word == "desired") == (row.repeat.settle is not None)
