"""The report over a fleet: what became of every id, summed up, written down and merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final, Generic, Self, TypeVar

from ..errors import BeeOSError, ConfigurationError, SkippedError
from ..models.instances import Instance
from ..waiting import WaitTimeoutError
from .outcomes import (
    Failed,
    Kind,
    Outcome,
    Skipped,
    Succeeded,
    Tally,
    TimedOut,
    Unknown,
    may_yet_succeed,
    words,
)
from .records import Form, learn, read_report, write_report
from .sentence import sentence

T = TypeVar("T")

ROWS_SHOWN: Final = 100
"""Ids a notebook shows of those that did not succeed."""


class FleetReport(Generic[T]):  # noqa: PLW1641 -- a report is nobody's key
    """What became of a fleet: every distinct id that was pulled has exactly one outcome.

    Iterates over the outcomes in the order the ids were given.  A run with `collect=False`
    leaves only the counters.

    Example:
        ```python
        report = await bee.start_many([*ids, "inst-nowhere"])
        print(report)  # 20 of 21 started in … s; 1 failed (NotFoundError: 1)
        for outcome in report.failed:
            print(outcome.id, outcome.error)
        print(report[ids[0]].kind, report.instances[ids[0]].desired_status)  # succeeded running
        ```
    """

    def __init__(self, operation: str, outcomes: Mapping[str, Outcome[T]], tally: Tally) -> None:
        """Sum up a run.

        Args:
            operation: The operationId that was called for each id, or `wait`; empty where
                reports of several were merged.
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
        """The outcomes of the ids that succeeded, in input order."""
        return [one for one in self if isinstance(one, Succeeded)]

    @property
    def already(self) -> int:
        """How many of those that succeeded were as asked before this run asked."""
        return self._tally.already

    @property
    def failed(self) -> list[Failed]:
        """The outcomes of the ids that failed, each with its `error`."""
        return [one for one in self if isinstance(one, Failed)]

    @property
    def timed_out(self) -> list[TimedOut[T]]:
        """The outcomes of the ids that were accepted, or waited for, and not ready in time."""
        return [one for one in self if isinstance(one, TimedOut)]

    @property
    def unknown(self) -> list[Unknown]:
        """The outcomes of the ids of which it could not be found out what became of them."""
        return [one for one in self if isinstance(one, Unknown)]

    @property
    def skipped(self) -> list[Skipped]:
        """The outcomes of the ids that were never acted upon, each with its `reason`."""
        return [one for one in self if isinstance(one, Skipped)]

    @property
    def instances(self) -> dict[str, T]:
        """The instances that succeeded, by id."""
        return {one.id: one.instance for one in self.succeeded}

    @property
    def retryable_ids(self) -> list[str]:
        """The ids worth retrying: all but those that succeeded and those that cannot.

        Also those that are `Unknown`: to start, stop or destroy them again does no harm.  Of a
        restart look at them first, or leave them out: another run may restart them twice.
        """
        return [one.id for one in self if may_yet_succeed(one)]

    @property
    def duplicates(self) -> int:
        """How many duplicate ids were given, and left out."""
        return self._tally.duplicates

    @property
    def elapsed(self) -> float:
        """Seconds the run took, or the runs that were merged took together."""
        return self._tally.elapsed

    @property
    def first_try_rate(self) -> float:
        """The share (0 to 1) that succeeded with its first request: the server's health."""
        return self._tally.first_tries / len(self) if len(self) else 1.0

    @property
    def fatal(self) -> BeeOSError | None:
        """What ended the whole run, if something did."""
        return self._tally.fatal

    def raise_for_failures(self) -> None:
        """Do nothing when every id succeeded.

        Raises:
            FleetError: Some did not; it holds one error for each, with a note that says of
                which id it is, and the report.

        Example:
            ```python
            report = await bee.start_many([*ids, "inst-nowhere"])
            try:
                report.raise_for_failures()
            except FleetError as error:
                print(error)  # 20 of 21 started in … s; 1 failed (NotFoundError: 1)
                print([type(one).__name__ for one in error.exceptions])  # ['NotFoundError']
            ```
        """
        if not self.ok:
            uncollected = BeeOSError("outcomes were not collected, only counted")
            raise FleetError(str(self), list(_errors(self)) or [uncollected], self)

    def to_jsonl(self) -> str:
        """Write the report down, to be read by `from_jsonl` or by another program.

        Returns:
            JSON lines: the sum first, then each outcome, in order.  `kind` tells them apart;
            an error is its class by name and plain data, an instance is whole.

        Example:
            ```python
            from pathlib import Path

            report = await bee.start_many(ids)
            Path("report.jsonl").write_text(report.to_jsonl(), encoding="utf-8")
            ```
        """
        return write_report(self.operation, self, self._tally)

    @classmethod
    def from_jsonl(cls, text: str | bytes) -> FleetReport[Any]:
        """Read what `to_jsonl` has written.

        Lines may be left out: then the others are counted anew.  Where an id stands twice,
        the later line counts.

        Args:
            text: The lines.

        Returns:
            A report that is equal to the one that was written.

        Raises:
            ConfigurationError: A line is none of a report; it says which.

        Example:
            ```python
            text = (await bee.start_many(ids)).to_jsonl()
            report = FleetReport.from_jsonl(text)
            print(report.counts)  # {'succeeded': 20}
            ```
        """
        return cls(*read_report(text))

    def __or__(self, other: FleetReport[T]) -> FleetReport[T]:
        """Merge with a later report, whose outcomes win: `report | await bee.start_many(again)`.

        Ids keep their order, new ones follow.  `duplicates` and `elapsed` add up.  `fatal` is
        the later report's, or else this one's for as long as an id is still skipped because of
        it.  An id counts as a first try by the report that was the first to send it.  Where the
        two are about different things, `operation` is empty.

        Raises:
            ConfigurationError: One of them has counted its outcomes and not collected them.
        """
        if not isinstance(other, FleetReport):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        for one in (self, other):
            if len(one) != len(one._outcomes):
                msg = "a report without its outcomes cannot be merged: run with collect=True"
                raise ConfigurationError(msg)
        merged = {**self._outcomes, **other._outcomes}
        tally = Tally.of(merged.values())
        first = {**merged, **{one.id: one for one in self if one.attempts}}
        tally.first_tries = Tally.of(first.values()).first_tries
        tally.duplicates = self.duplicates + other.duplicates
        tally.elapsed = self.elapsed + other.elapsed
        unsent = any(isinstance(one, Skipped) and one.reason == "fatal" for one in merged.values())
        tally.fatal = other.fatal or (self.fatal if unsent else None)
        operation = self.operation if self.operation == other.operation else ""
        return FleetReport(operation, merged, tally)

    def __str__(self) -> str:
        """Sum up in one line what a person can act on."""
        return sentence(self.operation, self._outcomes.values(), self._tally)

    def __repr__(self) -> str:
        """Show the one line."""
        return f"<FleetReport: {self}>"

    def _repr_html_(self) -> str:
        """Show a table in a notebook: the sum, and each id that did not succeed."""
        others = [one for one in self if not isinstance(one, Succeeded)]
        rows = "".join(
            f"<tr><td>{escape(one.id)}</td><td>{one.kind}</td><td>{escape(words(one))}</td></tr>"
            for one in others[:ROWS_SHOWN]
        )
        if len(others) > ROWS_SHOWN:
            rows += f"<tr><td colspan=3>and {len(others) - ROWS_SHOWN:,} more</td></tr>"
        return (
            f"<table><caption>{escape(str(self))}</caption>"
            f"<tr><th>id</th><th>outcome</th><th>why</th></tr>{rows}</table>"
        )


class FleetError(BeeOSError, ExceptionGroup[BeeOSError]):
    """Some ids of a fleet did not succeed: one error for each, and the whole `.report`.

    Example:
        ```python
        try:
            (await bee.start_many(["inst-nowhere"])).raise_for_failures()
        except FleetError as error:
            print(error.report.counts, error.report.retryable_ids)  # {'failed': 1} []
        ```
    """

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
        """Keep the report when `except*` splits the group.

        Example:
            ```python
            report = await bee.start_many(["inst-nowhere", "no id/at all"])
            try:
                report.raise_for_failures()
            except* NotFoundError as missing:
                print(len(missing.exceptions))  # 1
            except* SkippedError as skipped:
                print(skipped.exceptions[0])  # no id/at all was skipped: invalid_id
            ```
        """
        return FleetError(self.message, excs, self.report)

    def __str__(self) -> str:
        return self.message


def _rebuilt(message: str, raised: list[BeeOSError], lines: str) -> FleetError:
    return FleetError(message, raised, FleetReport.from_jsonl(lines))


def _parts(error: FleetError) -> tuple[object, ...]:
    return error.message, list(error.exceptions), error.report.to_jsonl()


learn(FleetError, Form(_rebuilt, (str, list[BeeOSError], str), _parts))


def _errors(report: FleetReport[T]) -> Iterator[BeeOSError]:
    for one in report:
        match one:
            case Failed(id, error) | Unknown(id, error):
                yield _named(error, id)
            case TimedOut(id, instance):
                last = instance if isinstance(instance, Instance) else None
                yield WaitTimeoutError(f"{id} was not ready in time", last)
            case Skipped(id, reason):
                yield SkippedError(id, reason)
            case _:
                pass


def _named(error: BeeOSError, id: str) -> BeeOSError:
    """Say on an error of which id it is; on a copy, since an outcome is final."""
    # Not by `copy`, whose way with errors any library may change for the whole process.
    kind = type(error)
    named = kind.__new__(kind, *error.args)
    vars(named).update(vars(error))
    named.__cause__ = error.__cause__
    named.__notes__ = [*getattr(error, "__notes__", ()), f"instance {id}"]
    return named
