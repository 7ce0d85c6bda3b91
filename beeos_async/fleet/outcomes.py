"""What became of each id: a closed union.

Example:
    ```python
    report = await bee.start_many(ids, wait="online", deadline=300)
    for outcome in report:
        match outcome:
            case Succeeded(id, instance):
                print(id, "was running" if outcome.already else "was started")
            case Failed(id, error) | Unknown(id, error):
                print(id, error)
            case TimedOut(id, instance):
                print(id, "is still", instance.status)
            case Skipped(id, reason):
                print(id, "was never sent:", reason)
    ```
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar

from msgspec import Struct

from ..errors import (
    APIError,
    BadRequestError,
    BeeOSError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    UnprocessableEntityError,
)
from ..waiting import WaitError

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

    looks: int = 0
    """How often it was looked whether the request took: its answer was lost, or a conflict."""

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
    """Seconds from there until it was ready; `None` likewise.  A duration: whether
    it is connected is the `connectivity` of the instance."""

    elapsed: float = 0.0
    """Seconds from the id's turn to its outcome."""


class _Waited(_Outcome, frozen=True, kw_only=True):
    already: bool = False
    """Whether what was asked for had come true before this run asked: then it is not its work,
    whatever became of the wait."""


# The leading fields are positional, so that `case Succeeded(id, instance)` works; a tag of
# msgspec is no attribute, hence `kind`.  No circle can be in what succeeded: the garbage
# collector need not look at it.
class Succeeded(_Outcome, Generic[T], frozen=True, tag="succeeded", gc=False):
    """The server accepted it, in its own answer or by what a look found.

    Example:
        ```python
        for outcome in (await bee.start_many([desk, *ids])).succeeded:
            if not outcome.already:
                print(outcome.id, outcome.instance.desired_status, outcome.attempts)  # … running 1
        ```
    """

    id: str
    instance: T
    """The instance as it was right after, or as it was once it was ready; `None` for a
    destruction."""

    already: bool = False
    """Whether it had come true before this run asked, if not all that was waited for."""

    kind: ClassVar[Kind] = "succeeded"


class Failed(_Waited, frozen=True, tag="failed"):
    """The server certainly did not do it; or it did, and what was waited for never comes true.

    The latter is told by a `WaitError`.

    Example:
        ```python
        for outcome in (await bee.start_many(["inst-nowhere"])).failed:
            print(outcome.id, outcome.error)  # inst-nowhere … [404 …
        ```
    """

    id: str
    error: BeeOSError
    kind: ClassVar[Kind] = "failed"


class TimedOut(_Waited, Generic[T], frozen=True, tag="timed_out"):
    """Accepted, but not ready when its time was up, or when the run was broken off.

    Example:
        ```python
        report = await bee.start_many(ids, wait="connected", deadline=300)
        late = [outcome.id for outcome in report.timed_out]  # accepted, and perhaps ready soon
        rest = await bee.wait_many(late, "connected", deadline=300)
        ```
    """

    id: str
    instance: T
    """The instance as it was last seen; `None` for a destruction."""

    kind: ClassVar[Kind] = "timed_out"


class Unknown(_Outcome, frozen=True, tag="unknown"):
    """It may have been delivered, and what became of it could not be found out.

    Example:
        ```python
        report = await bee.restart_many([desk, phone])
        for outcome in report.unknown:  # not repeated, for it may have been done
            print(outcome.id, (await bee.instances.get(outcome.id)).started_at)
        ```
    """

    id: str
    error: BeeOSError
    kind: ClassVar[Kind] = "unknown"


class Skipped(_Outcome, frozen=True, tag="skipped"):
    """It was certainly never acted upon, and `reason` says why.

    Example:
        ```python
        report = await bee.start_many([*ids, "no id/at all"])
        print([(outcome.id, outcome.reason) for outcome in report.skipped])
        # [('no id/at all', 'invalid_id')]
        ```
    """

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

_LOST: Final[tuple[Kind, ...]] = ("failed", "timed_out", "unknown")


class Tally(Struct):
    """What is counted while a run goes on, whether or not outcomes are kept."""

    counts: dict[Kind, int]
    first_tries: int = 0
    already: int = 0
    duplicates: int = 0
    elapsed: float = 0.0
    fatal: BeeOSError | None = None

    @property
    def lost(self) -> int:
        """How many ids neither succeeded nor were skipped."""
        return sum(self.counts.get(kind, 0) for kind in _LOST)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome[Any]]) -> Tally:
        """Count outcomes."""
        tally = cls(counts={})
        for one in outcomes:
            tally.add(one)
        return tally

    def add(self, outcome: Outcome[T]) -> None:
        """Count one outcome."""
        kind, counts = outcome.kind, self.counts
        counts[kind] = counts[kind] + 1 if kind in counts else 1
        if isinstance(outcome, Succeeded):
            # A lost answer that a look has settled was no first try; a conflict was an answer.
            if outcome.attempts <= 1 and (outcome.already or not outcome.looks):
                self.first_tries += 1
            if outcome.already:
                self.already += 1


def may_yet_succeed(outcome: Outcome[T]) -> bool:
    """Tell whether an id is retryable."""
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


def is_cut(outcome: Outcome[T]) -> bool:
    """Tell whether the run was over before an id had come to an end of its own."""
    match outcome:
        case Skipped(reason=reason):
            return reason != "invalid_id"
        case Failed(error=error) | Unknown(error=error):
            return error.gave_up is not None
        case _:
            return isinstance(outcome, TimedOut)


def words(outcome: Outcome[T]) -> str:
    """Say why an id did not succeed; nothing where its kind says it all."""
    match outcome:
        case Failed(error=error) | Unknown(error=error):
            return f"{type(error).__name__}: {error}"
        case Skipped(reason=reason):
            return reason
        case _:
            return ""
