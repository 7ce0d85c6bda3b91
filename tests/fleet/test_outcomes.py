"""What became of each id, and the report over all of them."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Iterable
from typing import Any, assert_never

import msgspec
import pytest

from beeos_async.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    BeeOSError,
    ConflictError,
    ConnectionLostError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    SkippedError,
    Trouble,
    UnprocessableEntityError,
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
from beeos_async.fleet.report import FleetError, FleetReport
from beeos_async.models.instances import Instance
from beeos_async.waiting import WaitTimeoutError


def refused(status: int, kind: type[APIError], code: str = "") -> APIError:
    return kind(Problem(status=status, code=code, message="no"))


LOST = ConnectionLostError(Trouble(message="broke", reason="lost", delivered="maybe"))
MISSING = refused(404, NotFoundError, "agent_not_found")
RUNNING = Instance(id="a", status="running")
PENDING = Instance(id="c", status="pending", desired_status="running")

ALL: list[Outcome[Instance]] = [
    Succeeded("a", RUNNING, attempts=1),
    Failed("b", MISSING, attempts=1, request_id="req-b"),
    TimedOut("c", PENDING, attempts=1),
    Unknown("d", LOST, attempts=4),
    Skipped("e", "deadline"),
]


def told_to_wait(seconds: float) -> RateLimitError:
    """Make the refusal that ends a run."""
    error = RateLimitError(
        Problem(status=429, code="rate_limited", message="", retry_after=seconds)
    )
    error.gave_up = "throttled"
    return error


def report_of(
    outcomes: Iterable[Outcome[Any]],
    operation: str = "startInstance",
    *,
    collect: bool = True,
    **tally: Any,
) -> FleetReport[Any]:
    """Sum up as a run does."""
    counted = Tally(counts={}, **tally)
    kept: dict[str, Outcome[Any]] = {}
    for one in outcomes:
        counted.add(one)
        if collect:
            kept[one.id] = one
    return FleetReport(operation, kept, counted)


# Outcomes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "kind", "leading"),
    [
        (ALL[0], "succeeded", ("id", "instance", "already")),
        (ALL[1], "failed", ("id", "error")),
        (ALL[2], "timed_out", ("id", "instance")),
        (ALL[3], "unknown", ("id", "error")),
        (ALL[4], "skipped", ("id", "reason")),
    ],
)
def test_an_outcome_is_matched_by_position_and_by_kind(
    outcome: Outcome[Instance], kind: str, leading: tuple[str, ...]
) -> None:
    """The leading fields are positional; `kind` is the word, and the tag in JSON."""
    assert outcome.kind == type(outcome).kind == kind
    assert type(outcome).__match_args__ == leading
    assert type(outcome).__struct_config__.tag == kind
    assert type(outcome).__struct_config__.tag_field == "kind"


def test_the_union_is_closed_to_a_match() -> None:
    """Each outcome is taken by exactly one case."""
    found = []
    for outcome in ALL:
        match outcome:
            case Succeeded(id, instance, already):
                found.append((id, instance.status, already))
            case Failed(id, error) | Unknown(id, error):
                found.append((id, type(error).__name__))
            case TimedOut(id, instance):
                found.append((id, instance.status))
            case Skipped(id, reason):
                found.append((id, reason))
            case _:
                assert_never(outcome)

    assert found == [
        ("a", "running", False),
        ("b", "NotFoundError"),
        ("c", "pending"),
        ("d", "ConnectionLostError"),
        ("e", "deadline"),
    ]


@pytest.mark.parametrize("outcome", ALL, ids=lambda outcome: outcome.kind)
@pytest.mark.parametrize(
    "copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy]
)
def test_an_outcome_travels(outcome: Outcome[Instance], copied: Any) -> None:
    """It is written once and final: the copy is equal, and neither can be changed."""
    other = copied(outcome)

    assert type(other) is type(outcome)
    assert other == outcome
    with pytest.raises(AttributeError, match="immutable"):
        other.attempts = 9


@pytest.mark.parametrize(
    "outcome",
    [
        Succeeded("a", RUNNING, True, attempts=1, queued=0.5),
        TimedOut("c", PENDING, elapsed=1.5),
        Skipped("e", "outage", request_id="req-e", throttled=2.0),
    ],
    ids=lambda outcome: outcome.kind,
)
def test_an_outcome_without_an_error_is_json(outcome: Any) -> None:
    """Its kind is the tag."""
    wire = msgspec.json.encode(outcome)

    assert msgspec.json.decode(wire)["kind"] == outcome.kind
    kinds = Succeeded[Instance] | TimedOut[Instance] | Skipped
    assert msgspec.json.decode(wire, type=kinds) == outcome


def test_every_outcome_tells_how_it_went() -> None:
    """Attempts, request id and where the time went; nothing where there was no request."""
    outcome = Skipped("e", "closed")

    assert (outcome.attempts, outcome.request_id) == (0, None)
    assert (outcome.queued, outcome.throttled, outcome.elapsed) == (0.0, 0.0, 0.0)


# The report -----------------------------------------------------------------------------------


def test_a_report_holds_each_outcome_in_input_order() -> None:
    """By position, by id and by kind."""
    report = report_of(ALL)

    assert list(report) == ALL
    assert len(report) == 5
    assert report["c"] is ALL[2]
    assert "c" in report
    assert "x" not in report
    assert 7 not in report
    with pytest.raises(KeyError, match="x"):
        report["x"]
    assert (report.succeeded, report.failed) == ([ALL[0]], [ALL[1]])
    assert (report.timed_out, report.unknown, report.skipped) == ([ALL[2]], [ALL[3]], [ALL[4]])
    assert report.instances == {"a": RUNNING}
    assert report.counts == {
        "succeeded": 1,
        "failed": 1,
        "timed_out": 1,
        "unknown": 1,
        "skipped": 1,
    }


def test_the_counts_are_a_copy() -> None:
    """Whoever changes them changes nothing."""
    report = report_of(ALL)

    report.counts["failed"] = 99

    assert report.counts["failed"] == 1


@pytest.mark.parametrize(
    ("outcomes", "ok"),
    [
        ([], True),
        (ALL[:1], True),
        ([Succeeded("a", None), Succeeded("b", None, already=True)], True),
        *(([ALL[0], one], False) for one in ALL[1:]),
        *(([one], False) for one in ALL[1:]),
    ],
)
def test_a_report_is_ok_when_every_id_succeeded(outcomes: Any, ok: bool) -> None:
    """Anything else is something to look at; nothing at all is well."""
    report = report_of(outcomes)

    assert report.ok is ok
    if ok:
        report.raise_for_failures()


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (ALL[0], False),
        (ALL[2], True),
        (ALL[3], True),
        (Unknown("a", refused(400, BadRequestError)), True),
        (Skipped("a", "invalid_id"), False),
        *(
            (Skipped("a", reason), True)
            for reason in (
                "deadline",
                "max_failures",
                "fatal",
                "outage",
                "throttled",
                "cancelled",
                "closed",
                "stopped",
            )
        ),
        (Failed("a", refused(400, BadRequestError)), False),
        (Failed("a", refused(403, PermissionDeniedError)), False),
        (Failed("a", MISSING), False),
        (Failed("a", refused(405, BadRequestError)), False),
        (Failed("a", refused(410, BadRequestError)), False),
        (Failed("a", refused(413, PayloadTooLargeError)), False),
        (Failed("a", refused(422, UnprocessableEntityError)), False),
        (Failed("a", refused(401, AuthenticationError)), True),
        (Failed("a", refused(408, BadRequestError)), True),
        (Failed("a", refused(409, ConflictError)), True),
        (Failed("a", refused(429, RateLimitError)), True),
        (Failed("a", refused(500, ServerError)), True),
        (Failed("a", LOST), True),
    ],
)
def test_what_may_yet_succeed_is_worth_another_run(outcome: Any, again: bool) -> None:
    """All but what succeeded, what is no id, and refusals that would come again."""
    assert report_of([outcome]).retryable_ids == ([outcome.id] if again else [])


def test_a_report_says_how_it_went() -> None:
    """Duplicates, time, the share of first tries, and what ended it all."""
    fatal = refused(401, AuthenticationError)
    outcomes = [
        Succeeded("a", RUNNING, attempts=1),
        Succeeded("b", RUNNING, attempts=2),
        Succeeded("c", RUNNING, attempts=0, already=True),
        Failed("d", fatal, attempts=1),
    ]

    report = report_of(outcomes, duplicates=3, elapsed=1.25, fatal=fatal)

    assert (report.duplicates, report.elapsed, report.fatal) == (3, 1.25, fatal)
    assert report.first_try_rate == 0.5
    lost = Succeeded("a", RUNNING, attempts=1, looks=1)
    before = Succeeded("b", RUNNING, attempts=1, looks=1, already=True)
    assert report_of([lost, before]).first_try_rate == 0.5
    assert report_of([]).first_try_rate == 1.0
    assert report_of([]).fatal is None


def test_a_report_without_outcomes_still_counts() -> None:
    """What a run with `collect=False` leaves."""
    report = report_of(ALL, collect=False)

    assert (len(report), list(report), report.ok) == (5, [], False)
    assert report.counts["failed"] == 1
    assert report.retryable_ids == []
    assert str(report) == ("1 of 5 started in 0.0 s; 1 failed; 1 not ready; 1 unknown; 1 skipped")
    with pytest.raises(FleetError) as caught:
        report.raise_for_failures()
    assert [str(error) for error in caught.value.exceptions] == [
        "outcomes were not collected, only counted"
    ]


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (report_of([]), "0 of 0 started in 0.0 s"),
        (report_of(ALL[:1], elapsed=4.06), "1 of 1 started in 4.1 s"),
        (
            report_of(ALL),
            (
                "1 of 5 started in 0.0 s; 1 failed (NotFoundError: 1); 1 not ready;"
                " 1 unknown (ConnectionLostError: 1); 1 skipped (deadline: 1); 3 retryable"
            ),
        ),
        (
            report_of(
                [
                    *(Succeeded(f"s{n}", None) for n in range(1200)),
                    *(Skipped(f"k{n}", "outage") for n in range(1000)),
                    *(Failed(f"f{n}", MISSING) for n in range(3)),
                    *(Failed(f"g{n}", refused(409, ConflictError)) for n in range(2)),
                    *(Failed(f"h{n}", refused(500, ServerError)) for n in range(4)),
                    Failed("i", refused(400, BadRequestError)),
                ],
                "destroyInstance",
                duplicates=1,
            ),
            (
                "1,200 of 2,210 destroyed in 0.0 s;"
                " 10 failed (ServerError: 4, NotFoundError: 3, ConflictError: 2);"
                " 1,000 skipped (outage: 1,000); 1,006 retryable;"
                " 1 duplicate"
            ),
        ),
        (
            report_of([Succeeded("a", None, already=True)]),
            "1 of 1 already running in 0.0 s",
        ),
        (
            report_of([*ALL[:1], Succeeded("b", None, already=True)], "stopInstance"),
            "1 of 2 stopped, 1 already stopped, in 0.0 s",
        ),
        (
            report_of([Succeeded("a", None, already=True)], "", collect=False),
            "1 of 1 already done in 0.0 s",
        ),
        (report_of(ALL[:1], "stopInstance"), "1 of 1 stopped in 0.0 s"),
        (report_of(ALL[:1], "restartInstance"), "1 of 1 restarted in 0.0 s"),
        (report_of(ALL[:1], "getInstance"), "1 of 1 found in 0.0 s"),
        (report_of(ALL[:1], "getDeviceInfo"), "1 of 1 done in 0.0 s"),
        (
            report_of([Skipped("a", "fatal")], fatal=refused(401, AuthenticationError)),
            (
                "0 of 1 started in 0.0 s; 1 skipped (fatal: 1); ended by AuthenticationError;"
                " 1 retryable"
            ),
        ),
        (
            report_of([Failed("a", told_to_wait(3600.0)), Skipped("b", "throttled")]),
            (
                "0 of 2 started in 0.0 s; 1 failed (RateLimitError: 1);"
                " 1 skipped (throttled: 1); 2 retryable, in 3,600 s"
            ),
        ),
    ],
)
def test_a_report_is_one_readable_line(report: FleetReport[Any], line: str) -> None:
    """Numbers a person can act on, and the commonest causes."""
    assert str(report) == line
    assert repr(report) == f"<FleetReport: {line}>"


@pytest.mark.parametrize("collect", [True, False])
def test_what_was_so_before_is_counted(collect: bool) -> None:
    """Also where outcomes are not kept, and in a report that was written down."""
    before = [Succeeded(id, RUNNING, already=True) for id in ("x", "y")]
    report = report_of([*ALL, *before], collect=collect)

    read = FleetReport.from_jsonl(report.to_jsonl())

    assert (report.already, read.already) == (2, 2)
    assert (report.counts["succeeded"], str(read)) == (3, str(report))
    assert str(report).startswith("1 of 7 started, 2 already running, in ")


def test_a_notebook_sees_a_table() -> None:
    """Of the ids that did not succeed; what came from outside is escaped."""
    bad = BadRequestError(Problem(status=400, code="", message="<script>alert(1)</script>"))

    page = report_of([*ALL, Failed("<b>&", bad)])._repr_html_()

    assert page.startswith("<table><caption>1 of 6 started")
    assert page.count("<tr>") == 1 + 5
    assert "<td>e</td><td>skipped</td><td>deadline</td>" in page
    assert "<td>c</td><td>timed_out</td><td></td>" in page
    assert "&lt;b&gt;&amp;" in page
    assert "<script>" not in page


def test_a_notebook_is_not_flooded() -> None:
    """A hundred ids; of the rest, how many."""
    page = report_of([Skipped(f"k{n}", "outage") for n in range(1500)])._repr_html_()

    assert page.count("<td>skipped</td>") == 100
    assert "<td colspan=3>and 1,400 more</td>" in page
    hundred = report_of([Skipped(f"k{n}", "outage") for n in range(100)])._repr_html_()
    assert "more" not in hundred


@pytest.mark.fault("C25")
@pytest.mark.parametrize(
    "copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy]
)
def test_a_report_travels(copied: Any) -> None:
    """Equal means: it tells the same."""
    report = report_of(ALL, elapsed=1.5, fatal=refused(401, AuthenticationError))

    other = copied(report)

    assert other == report
    assert list(other) == ALL
    assert str(other) == str(report)


def test_two_reports_that_tell_different_things_are_not_equal() -> None:
    """Operation, outcomes and counters all count; a report is nobody's key."""
    report = report_of(ALL)

    assert report == report_of(ALL)
    assert report != report_of(ALL, "stopInstance")
    assert report != report_of(ALL[:4])
    assert report != report_of(ALL, elapsed=1.0)
    assert report != report_of(ALL, collect=False)
    assert report != ALL
    with pytest.raises(TypeError, match="unhashable"):
        hash(report)


# The error ------------------------------------------------------------------------------------


def failed_run() -> FleetError:
    with pytest.raises(FleetError) as caught:
        report_of(ALL).raise_for_failures()
    return caught.value


def test_a_fleet_error_holds_one_error_for_each_id_that_did_not_succeed() -> None:
    """A skipped id stands as `SkippedError`, one that was not ready as `WaitTimeoutError`."""
    error = failed_run()

    missing, late, lost, skipped = error.exceptions
    assert (type(missing), str(missing)) == (NotFoundError, str(MISSING))
    assert late == WaitTimeoutError("c was not ready in time", PENDING)
    assert (type(lost), str(lost)) == (ConnectionLostError, str(LOST))
    assert skipped == SkippedError("e", "deadline")
    assert str(error) == error.message == str(error.report)
    assert error.report == report_of(ALL)


def test_each_error_of_a_fleet_says_of_which_id_it_is() -> None:
    """In a note, which a traceback shows; the outcome's own error stays as it was written."""
    noted = BadRequestError(Problem(status=400, code="", message="no"))
    noted.add_note("before")
    report = report_of([Failed("a", MISSING), Failed("b", MISSING), Failed("c", noted)])

    for _ in range(2):
        with pytest.raises(FleetError) as caught:
            report.raise_for_failures()

    shown = "".join(traceback.format_exception(caught.value))
    assert [one.__notes__ for one in caught.value.exceptions] == [
        ["instance a"],
        ["instance b"],
        ["before", "instance c"],
    ]
    assert "instance b" in shown
    assert not hasattr(MISSING, "__notes__")
    assert noted.__notes__ == ["before"]


def test_an_error_of_a_class_of_ones_own_is_named_too() -> None:
    """Whatever its constructor asks for."""

    class OddError(BeeOSError):
        def __init__(self, *, why: str) -> None:
            super().__init__()
            self.why = why

    odd = OddError(why="no")
    with pytest.raises(FleetError) as caught:
        report_of([Failed("a", odd)]).raise_for_failures()

    (named,) = caught.value.exceptions
    assert isinstance(named, OddError)
    assert (named.why, named.__notes__, hasattr(odd, "__notes__")) == ("no", ["instance a"], False)


def test_an_instance_that_is_none_is_not_the_last_one_seen() -> None:
    """After a destruction there is nothing to show."""
    with pytest.raises(FleetError) as caught:
        report_of([TimedOut("a", None)]).raise_for_failures()

    (error,) = caught.value.exceptions
    assert isinstance(error, WaitTimeoutError)
    assert error.last is None


def test_a_fleet_error_is_caught_as_one_and_as_a_group() -> None:
    """`except BeeOSError`, `except ExceptionGroup` and `except*` all do."""
    assert isinstance(failed_run(), BeeOSError)
    assert isinstance(failed_run(), ExceptionGroup)

    seen: dict[str, list[BaseException]] = {}
    try:
        report_of(ALL).raise_for_failures()
    except* NotFoundError as group:
        seen["missing"] = list(group.exceptions)
    except* (SkippedError, TimeoutError) as group:
        seen["later"] = list(group.exceptions)
    except* BeeOSError as group:
        seen["rest"] = list(group.exceptions)

    assert {name: len(errors) for name, errors in seen.items()} == {
        "missing": 1,
        "later": 2,
        "rest": 1,
    }


def test_a_part_of_a_fleet_error_keeps_the_report() -> None:
    """Whoever handles a part may look up the whole."""
    error = failed_run()
    error.add_note("a note")

    part, rest = error.split(SkippedError)
    found = error.subgroup(lambda one: isinstance(one, APIError))

    assert isinstance(part, FleetError)
    assert isinstance(rest, FleetError)
    assert isinstance(found, FleetError)
    assert part.report is rest.report is found.report is error.report
    assert part.__notes__ == ["a note"]
    assert [str(one) for one in found.exceptions] == [str(MISSING)]


@pytest.mark.fault("C25")
def test_a_fleet_error_travels_with_its_report() -> None:
    """Type, data, notes: all of it."""
    error = failed_run()
    error.add_note("a note")

    other = pickle.loads(pickle.dumps(error))

    assert other == error
    assert other.report == error.report
    assert other.exceptions == error.exceptions
    assert other.__notes__ == ["a note"]
    assert list(other.report) == ALL
