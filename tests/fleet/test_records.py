"""Outcomes, errors and reports as lines of JSON, and back: nothing is lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

import beeos_async
from beeos_async import errors
from beeos_async.errors import (
    APIError,
    BeeOSError,
    ConfigurationError,
    NotFoundError,
    Problem,
    RateLimitError,
    RuntimeMethodError,
    ServerError,
    SkippedError,
    StreamEndedError,
    TransportError,
    Trouble,
)
from beeos_async.fleet.outcomes import (
    Failed,
    Outcome,
    Skipped,
    Succeeded,
    Tally,
    TimedOut,
    Unknown,
)
from beeos_async.fleet.records import Lines, UnreadableError
from beeos_async.fleet.report import FleetError, FleetReport
from beeos_async.models.agents import AgentError
from beeos_async.models.instances import Instance
from beeos_async.models.tasks import TaskTimeoutError
from beeos_async.waiting import WaitError

LINES: Lines[Outcome[Any]] = Lines()

words = st.text(max_size=20)
lone = st.text(st.characters(categories=["L", "Cs", "Zl"]), max_size=5)
"""Text as a user may give it for an id: also what has no UTF-8."""

whole = st.integers(-(2**63), 2**63 - 1)
numbers = st.floats(0, 1e6)
plain: Any = st.recursive(
    st.none() | st.booleans() | whole | st.floats(-1e6, 1e6) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
instances = st.builds(
    Instance,
    id=words,
    name=words,
    status=words,
    models=st.lists(words, max_size=3).map(tuple),
    provider_config=st.dictionaries(words, plain, max_size=3),
    total_run_seconds=whole,
    is_trial=st.booleans(),
    started_at=moments,
)
problems = st.builds(
    Problem,
    status=st.integers(100, 999),
    code=words,
    message=words,
    request_id=st.none() | words,
    param=st.none() | words,
    metadata=st.dictionaries(words, plain, max_size=3),
    retry_after=st.none() | numbers,
    delivered=st.sampled_from(["no", "maybe", "yes"]),
)
troubles = st.builds(
    Trouble,
    message=words,
    reason=words,
    delivered=st.sampled_from(["no", "maybe", "yes"]),
    status=st.none() | st.integers(100, 999),
    request_id=st.none() | words,
    excerpt=words,
)


def arguments(kind: type[BeeOSError]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Give what an error of a class is made of."""
    if issubclass(kind, APIError):
        return st.tuples(problems)
    if issubclass(kind, TransportError):
        return st.tuples(troubles)
    if issubclass(kind, WaitError):
        return st.tuples(words, st.none() | instances)
    others: dict[type[BeeOSError], st.SearchStrategy[tuple[Any, ...]]] = {
        RuntimeMethodError: st.tuples(whole, words, plain),
        StreamEndedError: st.tuples(words, st.none() | whole | words),
        SkippedError: st.tuples(words, words),
    }
    return others.get(kind, st.tuples(words))


KINDS: list[type[BeeOSError]] = [
    *(getattr(errors, name) for name in errors.__all__ if name.endswith("Error")),
]


@st.composite
def any_error(draw: st.DrawFn, kinds: list[type[BeeOSError]] = KINDS) -> BeeOSError:
    """Give an error as the caller leaves it: with or without what it adds."""
    kind = draw(st.sampled_from(kinds))
    error = kind(*draw(arguments(kind)))
    for name, values in {
        "attempts": st.integers(0, 99),
        "delivered": st.sampled_from(["no", "maybe", "yes"]),
        "gave_up": st.sampled_from([None, "deadline", "outage", "throttled", "stopped"]),
        "idempotency_key": st.none() | words,
    }.items():
        if draw(st.booleans()):
            setattr(error, name, draw(values))
    for note in draw(st.lists(words, max_size=2)):
        error.add_note(note)
    return error


told = {
    "attempts": st.integers(0, 2**40),
    "request_id": st.none() | words,
    "queued": numbers,
    "throttled": numbers,
    "elapsed": numbers,
}
reasons = st.sampled_from(
    ["deadline", "max_failures", "fatal", "outage", "throttled", "cancelled", "closed", "stopped"]
)
outcomes: st.SearchStrategy[Outcome[Any]] = st.one_of(
    st.builds(Succeeded, words, st.none() | instances, st.booleans(), **told),
    st.builds(Failed, words, any_error(), **told),
    st.builds(TimedOut, words, instances, **told),
    st.builds(Unknown, words, any_error(), **told),
    st.builds(Skipped, words, reasons, **told),
    st.builds(Skipped, lone, st.just("invalid_id"), **told),
)


def report_of(*given: Outcome[Any], **tally: Any) -> FleetReport[Any]:
    counted = msgspec.structs.replace(Tally.of(given), **tally)
    return FleetReport("startInstance", {one.id: one for one in given}, counted)


# Lines ----------------------------------------------------------------------------------------


@modest
@given(outcome=outcomes)
def test_an_outcome_comes_back_equal(outcome: Outcome[Any]) -> None:
    """Whatever its kind, its error and its instance; in one line of JSON."""
    line = LINES.write(outcome)

    assert LINES.read(line) == outcome
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["kind"] == outcome.kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_of_errors_comes_back(kind: type[BeeOSError]) -> None:
    """As what it was, with all that it told."""

    @modest
    @given(error=any_error([kind]))
    def check(error: BeeOSError) -> None:
        back = LINES.read(LINES.write(Failed("a", error)))
        assert isinstance(back, Failed)
        assert type(back.error) is kind
        assert back.error == error
        assert vars(back.error) == vars(error)
        assert str(back.error) == str(error)

    check()


def test_every_public_error_is_known() -> None:
    """None is forgotten, the group of them included, but those that no fleet can meet."""
    public = {
        value
        for value in (getattr(beeos_async, name) for name in beeos_async.__all__)
        if isinstance(value, type) and issubclass(value, BeeOSError)
    }

    assert public == {*KINDS, FleetError, AgentError, TaskTimeoutError}


def test_the_error_of_a_fleet_comes_back_with_its_report() -> None:
    """It is one error for each id, and the report."""
    report = report_of(
        Succeeded("a", Instance(id="a"), attempts=1),
        Failed("b", NotFoundError(Problem(status=404, code="", message="gone"))),
    )
    with pytest.raises(FleetError) as caught:
        report.raise_for_failures()

    back = LINES.read(LINES.write(Failed("all", caught.value)))

    assert isinstance(back, Failed)
    assert back.error == caught.value
    assert isinstance(back.error, FleetError)
    assert back.error.report == report


def test_an_error_of_the_users_own_is_kept_as_the_one_of_ours_that_it_is() -> None:
    """Its class is not known to whoever reads; its words are."""

    class TeapotError(ServerError):
        pass

    error = TeapotError(Problem(status=518, code="teapot", message="short and stout"))
    back = LINES.read(LINES.write(Failed("a", error)))

    assert isinstance(back, Failed)
    assert type(back.error) is ServerError
    assert str(back.error) == str(error)


def test_what_is_no_data_in_an_error_is_kept_as_words() -> None:
    """A report must be writable whatever somebody put into an error."""
    back = LINES.read(LINES.write(Failed("a", BeeOSError(NotImplemented, ...))))

    assert back == Failed("a", BeeOSError("NotImplemented", "Ellipsis"))


def test_what_a_later_version_may_add_is_passed_over() -> None:
    """Fields of an outcome, an instance, an error and its parts; and a class of errors."""
    line = b"""{"kind":"succeeded","id":"a","instance":{"id":"a","colour":"red"},"mood":1}"""
    assert LINES.read(line) == Succeeded("a", Instance(id="a"))

    line = b"""{"kind":"failed","id":"a","error":{"class":"NotFoundError","weight":3,"args":
        [{"status":404,"code":"x","message":"y","colour":"red"}]}}""".replace(b"\n", b"")
    error = LINES.read(line)
    assert isinstance(error, Failed)
    assert error.error.args[0] == Problem(status=404, code="x", message="y")

    line = b"""{"kind":"unknown","id":"a","error":{"class":"MoodError","args":["low"]}}"""
    assert LINES.read(line) == Unknown("a", BeeOSError("MoodError: ['low']"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b'{"kind":"succeeded"}',
        b'{"kind":"started","id":"a"}',
        b'{"kind":"skipped","id":"a","reason":"boredom"}',
        b'{"kind":"failed","id":"a","error":"no"}',
        b'{"kind":"failed","id":"a","error":{"class":"NotFoundError","args":[]}}',
        b'{"kind":"failed","id":"a","error":{"class":"NotFoundError","args":["x"]}}',
        b'{"kind":"skipped","id":"\\ud800","reason":"boredom"}',
        b'{"kind":"skipped","id":"\\ud800","reason"',
        b"[" * 100_000,
        b"[" * 100_000 + b"\\u",
    ],
)
def test_what_is_no_line_is_said_to_be_none(line: bytes) -> None:
    """One kind of error, whatever is wrong."""
    with pytest.raises(UnreadableError):
        LINES.read(line)


# Reports --------------------------------------------------------------------------------------


@modest
@given(
    given_=st.lists(outcomes, max_size=6, unique_by=lambda one: one.id),
    duplicates=whole,
    elapsed=numbers,
    fatal=st.none() | any_error(),
)
def test_a_report_comes_back_equal(
    given_: list[Outcome[Any]], duplicates: int, elapsed: float, fatal: BeeOSError | None
) -> None:
    """In the order of its ids, and with what was counted."""
    report = report_of(*given_, duplicates=duplicates, elapsed=elapsed, fatal=fatal)
    back = FleetReport.from_jsonl(report.to_jsonl())

    assert back == report
    assert list(back) == list(report)
    assert str(back) == str(report)
    assert FleetReport.from_jsonl(report.to_jsonl().encode()) == report


def test_a_report_that_only_counted_comes_back_counting() -> None:
    """Without outcomes the sum is all there is."""
    report: FleetReport[Any] = FleetReport(
        "stopInstance", {}, Tally(counts={"succeeded": 9, "failed": 1}, first_tries=8, elapsed=2.5)
    )

    back = FleetReport.from_jsonl(report.to_jsonl())

    assert back == report
    assert len(back) == 10
    assert back.first_try_rate == 0.8


def test_lines_may_be_left_out_and_are_counted_anew() -> None:
    """A filter over the lines gives a report of what it let pass."""
    report = report_of(
        Succeeded("a", Instance(id="a"), attempts=1),
        Skipped("b", "deadline"),
        Succeeded("c", Instance(id="c"), attempts=2),
        elapsed=3.0,
    )
    head, *lines = report.to_jsonl().splitlines()

    kept = FleetReport.from_jsonl("\n\n".join([head, *lines[1:]]))
    assert kept.counts == {"skipped": 1, "succeeded": 1}
    assert (kept.first_try_rate, kept.elapsed) == (0.0, 3.0)

    headless = FleetReport.from_jsonl("\n".join(lines))
    assert headless.counts == report.counts
    assert headless.instances == report.instances


def test_a_line_that_is_none_is_named() -> None:
    """By its number."""
    text = report_of(Skipped("a", "deadline")).to_jsonl() + "what is this\n"

    with pytest.raises(ConfigurationError, match="line 3 is none of a report"):
        FleetReport.from_jsonl(text)


# Merging --------------------------------------------------------------------------------------

MISSING = NotFoundError(Problem(status=404, code="", message="gone"))


def test_of_two_reports_the_later_wins() -> None:
    """Outcome by outcome; ids keep their order, new ones follow."""
    first = report_of(
        Succeeded("a", Instance(id="a"), attempts=1),
        Failed("b", MISSING, attempts=1),
        Skipped("c", "deadline"),
        duplicates=2,
        elapsed=3.0,
    )
    again = report_of(
        Succeeded("c", Instance(id="c"), attempts=1),
        Succeeded("b", Instance(id="b"), attempts=1),
        Skipped("d", "deadline"),
        duplicates=1,
        elapsed=0.5,
    )
    before = first.to_jsonl(), again.to_jsonl()

    both = first | again

    assert [one.id for one in both] == ["a", "b", "c", "d"]
    assert both["b"] is again["b"]
    assert both.counts == {"succeeded": 3, "skipped": 1}
    assert (both.duplicates, both.elapsed) == (3, 3.5)
    # `b` had its first try in the first report, and it failed.
    assert both.first_try_rate == 0.5
    assert both.operation == "startInstance"
    assert (first.to_jsonl(), again.to_jsonl()) == before
    assert FleetReport.from_jsonl(both.to_jsonl()) == both


def test_a_merge_keeps_what_was_fatal_while_an_id_still_suffers_from_it() -> None:
    """Once all of them were sent after all, nothing is fatal any more."""
    dead = report_of(
        Skipped("a", "fatal"), Skipped("b", "fatal"), fatal=RateLimitError(MISSING.problem)
    )
    half = report_of(Succeeded("a", None, attempts=1))
    rest = report_of(Succeeded("b", None, attempts=1))

    assert (dead | half).fatal == dead.fatal
    assert (dead | half | rest).fatal is None
    assert (rest | dead).fatal == dead.fatal


@pytest.mark.parametrize("order", [1, -1])
def test_what_was_only_counted_cannot_be_merged(order: int) -> None:
    """Whose outcome would win, nobody could say."""
    counted: FleetReport[Any] = FleetReport("startInstance", {}, Tally(counts={"succeeded": 3}))
    left, right = [report_of(Skipped("a", "deadline")), counted][::order]

    with pytest.raises(ConfigurationError, match="collect=True"):
        left | right


def test_a_report_merges_with_reports_alone() -> None:
    """As any type of its kind."""
    with pytest.raises(TypeError):
        report_of() | {}  # type: ignore[operator]


@modest
@given(
    a=st.lists(outcomes, max_size=5, unique_by=lambda one: one.id),
    b=st.lists(outcomes, max_size=5, unique_by=lambda one: one.id),
    c=st.lists(outcomes, max_size=5, unique_by=lambda one: one.id),
)
def test_merging_is_of_any_grouping(
    a: list[Outcome[Any]], b: list[Outcome[Any]], c: list[Outcome[Any]]
) -> None:
    """Shards may be merged as they come in, and the empty report changes nothing."""
    x, y, z = report_of(*a), report_of(*b), report_of(*c)

    assert list((x | y) | z) == list(x | (y | z))
    assert ((x | y) | z).counts == (x | (y | z)).counts
    assert x | report_of() == x
    assert report_of() | x == x
    assert sum((x | y).counts.values()) == len({one.id for one in [*a, *b]})


def test_the_dates_of_an_instance_come_back() -> None:
    """To the microsecond, with their offset."""
    at = datetime(2026, 5, 4, 3, 2, 1, 987_654, tzinfo=UTC)
    report = report_of(Succeeded("a", Instance(id="a", started_at=at), attempts=1))

    assert FleetReport.from_jsonl(report.to_jsonl()).instances["a"].started_at == at


def test_what_was_done_to_merged_reports_of_two_kinds_is_not_said() -> None:
    """What was stopped since was not started; of one kind it is said as before."""
    started = report_of(Succeeded("inst-1", Instance(id="inst-1")))
    stopped = FleetReport("stopInstance", {one.id: one for one in started}, Tally.of(started))

    assert str(started | started) == "1 of 1 started in 0.0 s"
    assert str(started | stopped) == "1 of 1 done in 0.0 s"
    assert (started | stopped).operation == ""
    assert FleetReport.from_jsonl((started | stopped).to_jsonl()) == started | stopped
