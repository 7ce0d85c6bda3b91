"""What became of each id, and the report over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar, Final, Generic, Literal, Self, TypeVar

from msgspec import Struct

from ..errors import (
    APIError,
    BadRequestError,
    BeeOSError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    SkippedError,
    UnprocessableEntityError,
)
from ..models.instances import Instance
from ..waiting import WaitError, WaitTimeoutError

T = TypeVar("T")

Reason = Literal[
    "deadline",
    "max_failures",
    "fatal",
    "outage",
    "throttled",
    "cancelled",
    "closed",
    "stopped",
    "invalid_id",
]
"""Why an id was skipped: the run's deadline came, too many failed, the key died, the host was
down, the quota asked for too long a wait, the run was cancelled, the client closed, `stop()` was
called, or the id cannot be one."""

Kind = Literal["succeeded", "failed", "timed_out", "unknown", "skipped"]


class _Outcome(Struct, frozen=True, kw_only=True, tag_field="kind"):
    attempts: int = 0
    """How often the request was sent."""

    request_id: str | None = None
    """The server's name for the last request."""

    queued: float = 0.0
    """Seconds spent waiting for a slot."""

    throttled: float = 0.0
    """Seconds spent waiting because the endpoint was cooling down."""

    request: float = 0.0
    """Seconds its requests were under way."""

    provisioning: float | None = None
    """Seconds from the acceptance until it ran, as far as seen; `None` where nobody waited for
    it, or where it is not known."""

    connectivity: float | None = None
    """Seconds from there until it was connected as wished; `None` likewise."""

    elapsed: float = 0.0
    """Seconds from the id's turn to its outcome."""


class _Waited(_Outcome, frozen=True, kw_only=True):
    already: bool = False
    """Whether what was asked for had come true before this run asked: then it is not its work,
    whatever became of the wait."""


# The leading fields are positional, so that `case Succeeded(id, instance)` works; a tag of
# msgspec is no attribute, hence `kind`.
class Succeeded(_Outcome, Generic[T], frozen=True, tag="succeeded"):
    """The server accepted it, in its own answer or by what a look found."""

    id: str
    instance: T
    """The instance as it was right after, or as it was once it was as wished; `None` for a
    destruction."""

    already: bool = False
    """Whether it had come true before this run asked, if not all that was waited for."""

    kind: ClassVar[Kind] = "succeeded"


class Failed(_Waited, frozen=True, tag="failed"):
    """The server certainly did not do it; or it did, and what was waited for never comes true.

    The latter is told by a `WaitError`.
    """

    id: str
    error: BeeOSError
    kind: ClassVar[Kind] = "failed"


class TimedOut(_Waited, Generic[T], frozen=True, tag="timed_out"):
    """Accepted, but not as wished when its time was up, or when the run was broken off."""

    id: str
    instance: T
    """The instance as it was last seen; `None` for a destruction."""

    kind: ClassVar[Kind] = "timed_out"


class Unknown(_Outcome, frozen=True, tag="unknown"):
    """It may have been delivered, and what became of it could not be found out."""

    id: str
    error: BeeOSError
    kind: ClassVar[Kind] = "unknown"


class Skipped(_Outcome, frozen=True, tag="skipped"):
    """It was certainly never acted upon, and `reason` says why."""

    id: str
    reason: Reason
    kind: ClassVar[Kind] = "skipped"


Outcome = Succeeded[T] | Failed | TimedOut[T] | Unknown | Skipped
"""What became of one id: exactly one of these, written once and final."""

_LASTING: Final = (
    BadRequestError,
    PermissionDeniedError,
    NotFoundError,
    PayloadTooLargeError,
    UnprocessableEntityError,
)
"""Refusals that would come again, however often the same was asked."""

_OTHERS: Final[tuple[Kind, ...]] = ("failed", "timed_out", "unknown", "skipped")

ROWS_SHOWN: Final = 100
"""Ids a notebook shows of those that did not succeed."""

_PAST: Final[Mapping[str, str]] = {
    "startInstance": "started",
    "stopInstance": "stopped",
    "restartInstance": "restarted",
    "destroyInstance": "destroyed",
    "getInstance": "found",
    "wait": "as wished",
}


_LOST: Final[tuple[Kind, ...]] = ("failed", "timed_out", "unknown")


class Tally(Struct):
    """What is counted while a run goes on, whether or not outcomes are kept."""

    counts: dict[Kind, int]
    first_tries: int = 0
    duplicates: int = 0
    elapsed: float = 0.0
    fatal: BeeOSError | None = None

    @property
    def lost(self) -> int:
        """How many ids neither succeeded nor were skipped."""
        return sum(self.counts.get(kind, 0) for kind in _LOST)

    def add(self, outcome: Outcome[T]) -> None:
        """Count one outcome."""
        self.counts[outcome.kind] = self.counts.get(outcome.kind, 0) + 1
        if outcome.kind == "succeeded" and outcome.attempts <= 1:
            self.first_tries += 1


class FleetReport(Generic[T]):  # noqa: PLW1641 -- a report is nobody's key
    """What became of a fleet: every distinct id that was pulled has exactly one outcome.

    Iterates over the outcomes in the order the ids were given.  A run with `collect=False`
    leaves only the counters.

    ```python
    report = await bee.start_many(ids)
    print(report)                      # 498 of 500 started in 4.1 s; 2 failed (NotFoundError: 2)
    report.raise_for_failures()
    ```
    """

    def __init__(self, operation: str, outcomes: Mapping[str, Outcome[T]], tally: Tally) -> None:
        """Sum up a run.

        Args:
            operation: The operationId that was called for each id, or `wait`.
            outcomes: By id, in input order; empty when they were not collected.
            tally: What was counted.
        """
        self.operation = operation
        self._outcomes = outcomes
        self._tally = tally

    def __iter__(self) -> Iterator[Outcome[T]]:
        """Iterate over the outcomes in input order."""
        return iter(self._outcomes.values())

    def __getitem__(self, id: str) -> Outcome[T]:
        """Look one id up.

        Raises:
            KeyError: The id was not part of the run, or outcomes were not collected.
        """
        return self._outcomes[id]

    def __contains__(self, id: object) -> bool:
        """Tell whether an id has an outcome here."""
        return id in self._outcomes

    def __len__(self) -> int:
        """Count the distinct ids, also when their outcomes were not collected."""
        return sum(self._tally.counts.values())

    def __eq__(self, other: object) -> bool:
        """Two reports are equal when they tell the same."""
        if not isinstance(other, FleetReport):
            return NotImplemented
        return self.__dict__ == other.__dict__

    @property
    def counts(self) -> dict[Kind, int]:
        """How many ids came to which kind of outcome; kinds that did not occur are left out."""
        return dict(self._tally.counts)

    @property
    def ok(self) -> bool:
        """Whether every id succeeded."""
        return self._tally.counts.get("succeeded", 0) == len(self)

    @property
    def succeeded(self) -> list[Succeeded[T]]:
        """The ids that succeeded."""
        return [one for one in self if isinstance(one, Succeeded)]

    @property
    def failed(self) -> list[Failed]:
        """The ids that failed."""
        return [one for one in self if isinstance(one, Failed)]

    @property
    def timed_out(self) -> list[TimedOut[T]]:
        """The ids that were accepted and not ready in time."""
        return [one for one in self if isinstance(one, TimedOut)]

    @property
    def unknown(self) -> list[Unknown]:
        """The ids of which it could not be found out."""
        return [one for one in self if isinstance(one, Unknown)]

    @property
    def skipped(self) -> list[Skipped]:
        """The ids that were never acted upon."""
        return [one for one in self if isinstance(one, Skipped)]

    @property
    def instances(self) -> dict[str, T]:
        """The instances that succeeded, by id."""
        return {one.id: one.instance for one in self.succeeded}

    @property
    def retryable_ids(self) -> list[str]:
        """The ids worth another run: all but those that succeeded and those that cannot."""
        return [one.id for one in self if _may_yet_succeed(one)]

    @property
    def duplicates(self) -> int:
        """How many ids were given again, and left out."""
        return self._tally.duplicates

    @property
    def elapsed(self) -> float:
        """Seconds the run took."""
        return self._tally.elapsed

    @property
    def first_try_rate(self) -> float:
        """The share of ids that succeeded with their first request: the server's health."""
        return self._tally.first_tries / len(self) if len(self) else 1.0

    @property
    def fatal(self) -> BeeOSError | None:
        """What ended the whole run, if something did."""
        return self._tally.fatal

    def raise_for_failures(self) -> None:
        """Do nothing when every id succeeded.

        Raises:
            FleetError: Some did not; it holds one error for each and the report.
        """
        if not self.ok:
            uncollected = BeeOSError("outcomes were not collected, only counted")
            raise FleetError(str(self), list(_errors(self)) or [uncollected], self)

    def __str__(self) -> str:
        """Sum up in one line what a person can act on."""
        counts = self._tally.counts
        past = _PAST.get(self.operation, "done")
        text = f"{counts.get('succeeded', 0):,} of {len(self):,} {past} in {self.elapsed:.1f} s"
        parts = [
            f"{counts[kind]:,} {kind.replace('_', ' ')}{_why(self, kind)}"
            for kind in _OTHERS
            if counts.get(kind)
        ]
        if self.fatal is not None:
            parts.append(f"ended by {type(self.fatal).__name__}")
        if again := len(self.retryable_ids):
            parts.append(f"{again:,} worth another run{_when(self)}")
        if self.duplicates:
            parts.append(f"{self.duplicates:,} given again and left out")
        return "; ".join([text, *parts])

    def __repr__(self) -> str:
        """Show the one line."""
        return f"<FleetReport: {self}>"

    def _repr_html_(self) -> str:
        """Show a table in a notebook: the sum, and each id that did not succeed."""
        others = [one for one in self if not isinstance(one, Succeeded)]
        rows = "".join(
            f"<tr><td>{escape(one.id)}</td><td>{one.kind}</td><td>{escape(_words(one))}</td></tr>"
            for one in others[:ROWS_SHOWN]
        )
        if len(others) > ROWS_SHOWN:
            rows += f"<tr><td colspan=3>and {len(others) - ROWS_SHOWN:,} more</td></tr>"
        return (
            f"<table><caption>{escape(str(self))}</caption>"
            f"<tr><th>id</th><th>outcome</th><th>why</th></tr>{rows}</table>"
        )


class FleetError(BeeOSError, ExceptionGroup[BeeOSError]):
    """Some ids of a fleet did not succeed: one error for each, and the whole `.report`."""

    report: FleetReport[Any]

    def __new__(cls, message: str, errors: Sequence[BeeOSError], report: FleetReport[Any]) -> Self:
        """Make the group.

        Args:
            message: The sum in one line.
            errors: One for each id that did not succeed; at least one.
            report: The whole report.
        """
        group = super().__new__(cls, message, errors)
        group.report = report
        return group

    def __init__(
        self,
        message: str,
        errors: Sequence[BeeOSError],
        report: FleetReport[Any],  # noqa: ARG002 -- `__new__` has kept it
    ) -> None:
        super().__init__(message, errors)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the report."""
        return type(self), (self.message, self.exceptions, self.report), self.__dict__

    # Typeshed lets a group be derived of any exceptions; this one is of ours.
    def derive(self, excs: Sequence[BeeOSError]) -> FleetError:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep the report when `except*` splits the group."""
        return FleetError(self.message, excs, self.report)

    def __str__(self) -> str:
        return self.message


def _errors(report: FleetReport[T]) -> Iterator[BeeOSError]:
    for one in report:
        match one:
            case Failed(error=error) | Unknown(error=error):
                yield error
            case TimedOut(id, instance):
                last = instance if isinstance(instance, Instance) else None
                yield WaitTimeoutError(f"{id} was accepted and not ready in time", last)
            case Skipped(id, reason):
                yield SkippedError(id, reason)
            case _:
                pass


def _may_yet_succeed(outcome: Outcome[T]) -> bool:
    match outcome:
        case Succeeded() | Skipped(reason="invalid_id"):
            return False
        # Like every 4xx of an odd number it is a `BadRequestError`, yet it may pass.
        case Failed(error=APIError(status=408)):
            return True
        case Failed(error=WaitError(reason=reason)):
            return reason not in {"terminated", "device_unauthorized"}
        case Failed(error=error):
            return not isinstance(error, _LASTING)
        case _:
            return True


def _words(outcome: Outcome[T]) -> str:
    match outcome:
        case Failed(error=error) | Unknown(error=error):
            return f"{type(error).__name__}: {error}"
        case Skipped(reason=reason):
            return reason
        case _:
            return ""


def _when(report: FleetReport[T]) -> str:
    """Say how long the quota wants to be left alone."""
    asked = [
        one.error.retry_after or 0.0
        for one in report.failed
        if isinstance(one.error, RateLimitError) and one.error.gave_up == "throttled"
    ]
    return f", in {max(asked):,.0f} s" if asked else ""


def _why(report: FleetReport[T], kind: Kind) -> str:
    """Name the commonest causes of one kind."""
    causes = Counter(
        _words(one).partition(":")[0] for one in report if one.kind == kind and _words(one)
    )
    named = ", ".join(f"{cause}: {count:,}" for cause, count in causes.most_common(3))
    return f" ({named})" if named else ""
