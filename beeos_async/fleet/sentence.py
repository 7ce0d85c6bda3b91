"""A report in one sentence, which a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

from ..errors import RateLimitError
from .outcomes import Failed, Kind, Outcome, Tally, may_yet_succeed, words

_OTHERS: Final[tuple[Kind, ...]] = ("failed", "timed_out", "unknown", "skipped")

# Where a run is interrupted, nothing has timed out.
_LABELS: Final[Mapping[str, str]] = {"timed_out": "not ready"}

_PAST: Final[Mapping[str, str]] = {
    "startInstance": "started",
    "stopInstance": "stopped",
    "restartInstance": "restarted",
    "destroyInstance": "destroyed",
    "getInstance": "found",
    "wait": "ready",
}

_ALREADY: Final[Mapping[str, str]] = {
    "startInstance": "already running",
    "stopInstance": "already stopped",
    "destroyInstance": "already gone",
}


def sentence(operation: str, outcomes: Collection[Outcome[Any]], tally: Tally) -> str:
    """Sum up a run.

    Args:
        operation: What was called for each id.
        outcomes: As far as they were collected.
        tally: What was counted.
    """
    parts = [f"{_successes(operation, tally)} in {tally.elapsed:.1f} s"]
    parts += [
        f"{count:,} {_LABELS.get(kind, kind)}{_why(outcomes, kind)}"
        for kind in _OTHERS
        if (count := tally.counts.get(kind))
    ]
    if tally.fatal is not None:
        parts.append(f"ended by {type(tally.fatal).__name__}")
    if again := sum(map(may_yet_succeed, outcomes)):
        parts.append(f"{again:,} retryable{_when(outcomes)}")
    if tally.duplicates:
        parts.append(f"{tally.duplicates:,} duplicate{'' if tally.duplicates == 1 else 's'}")
    return "; ".join(parts)


def _successes(operation: str, tally: Tally) -> str:
    """Say how many succeeded; what was so before is no work of this run."""
    done, before = _PAST.get(operation, "done"), _ALREADY.get(operation, "already done")
    total = sum(tally.counts.values())
    own = tally.counts.get("succeeded", 0) - tally.already
    if not tally.already:
        return f"{own:,} of {total:,} {done}"
    if not own:
        return f"{tally.already:,} of {total:,} {before}"
    return f"{own:,} of {total:,} {done}, {tally.already:,} {before},"


def _when(outcomes: Collection[Outcome[Any]]) -> str:
    """Say how long the quota wants to be left alone."""
    asked = [
        one.error.retry_after or 0.0
        for one in outcomes
        if isinstance(one, Failed)
        and isinstance(one.error, RateLimitError)
        and one.error.gave_up == "throttled"
    ]
    return f", in {max(asked):,.0f} s" if asked else ""


def _why(outcomes: Collection[Outcome[Any]], kind: Kind) -> str:
    """Name the commonest causes of one kind."""
    causes = Counter(
        words(one).partition(":")[0] for one in outcomes if one.kind == kind and words(one)
    )
    named = ", ".join(f"{cause}: {count:,}" for cause, count in causes.most_common(3))
    return f" ({named})" if named else ""
