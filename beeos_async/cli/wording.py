"""How outcomes, times and paces read, the same on a terminal, in a log and in JSON.

Functions of values to text; nothing is printed here, and nothing is coloured.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from beeos_async import (
    APIError,
    BeeOSError,
    Failed,
    Instance,
    Skipped,
    Succeeded,
    TimedOut,
    Unknown,
)

if TYPE_CHECKING:
    from beeos_async import FleetReport, Outcome

TEXT_LIMIT: Final = 300
"""Characters of one text on a line; a server's sentence may have 2,000."""

MINUTE: Final = 60

MILLISECOND: Final = 0.001

WHOLE: Final = 100
"""A pace from which on its fraction says nothing."""

NO_ID: Final = r"ids have no / \ ? # %, blanks or control characters, and at most 128 characters"
"""What is wrong with most that cannot be one."""

UNITS: Final = ((86_400, "d"), (3_600, "h"), (MINUTE, "min"))

_NOT_PLAIN: Final = re.compile(r"[^\x20-\x7e\n]+").sub

ID_WIDTH: Final = 40
"""Characters of an id in a column; who needs the rest of a longer one asks for JSON."""


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """Make a text of whatever origin safe to print: one line, nothing a terminal obeys.

    Args:
        text: An id out of a file, or a server's words.
        limit: Characters at most; a longer text loses its middle.
    """
    if len(text) > limit:
        # An error's status and request id stand in brackets at its end.
        tail = len(text) - text.rfind("[")
        tail = tail if tail <= limit // 2 else limit // 3
        text = f"{text[: limit - tail - 1]}…{text[-tail:]}"
    if text.isprintable():
        return text
    # Marked rather than removed: an id must not look like another one.
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def why(outcome: Outcome[Any]) -> str:
    """Say what kept an id from succeeding; empty when nothing did."""
    match outcome:
        case Failed(error=error) | Unknown(error=error):
            return f"{type(error).__name__}: {clean(str(error))}"
        case Skipped(reason="invalid_id"):
            return f"invalid_id: {NO_ID}"
        case Skipped(reason=reason):
            return reason
        case TimedOut(instance=instance):
            return f"{_last_seen(instance)} at the end"
        case _:
            return ""


def _last_seen(instance: object) -> str:
    """Say how an instance was seen last that was not ready, whatever has ended the run."""
    if not isinstance(instance, Instance):
        return "not gone"
    if not instance.status:
        return "not seen"
    words = [instance.status, *(one for one in (instance.connectivity,) if one)]
    return f"still {', '.join(map(clean, words))}"


def line(outcome: Outcome[Any]) -> str:
    """Say what became of an id, in one line."""
    return f"{outcome.kind} {clean(outcome.id)} {why(outcome)}".rstrip()


def as_data(outcome: Outcome[Any]) -> dict[str, object]:
    """Say what became of an id, as one object for another program."""
    data: dict[str, object] = {"kind": outcome.kind, "id": outcome.id}
    match outcome:
        case Succeeded(instance=instance, already=already):
            data["already"] = already
            known = instance if isinstance(instance, Instance) else None
            # Right after a stop an instance still runs: where it is going is told as well.
            data["status"] = known and known.status
            data["desired_status"] = known and known.desired_status
        case TimedOut(instance=instance) if isinstance(instance, Instance):
            data["status"], data["desired_status"] = instance.status, instance.desired_status
        case Failed(error=error) | Unknown(error=error):
            data["error"] = error_as_data(error)
        case Skipped(reason=reason):
            data["reason"] = reason
        case _:
            pass
    return data | {
        "attempts": outcome.attempts,
        "request_id": outcome.request_id,
        **{name: seconds and round(seconds, 6) for name, seconds in times(outcome).items()},
    }


def times(outcome: Outcome[Any]) -> dict[str, float | None]:
    """Tell what an id's time went by with, in seconds; `elapsed` is all of it."""
    return {
        "queued": outcome.queued,
        "throttled": outcome.throttled,
        "request": outcome.request,
        "provisioning": outcome.provisioning,
        "connectivity": outcome.connectivity,
        "elapsed": outcome.elapsed,
    }


def error_as_data(error: BeeOSError) -> dict[str, object]:
    """Say what an error is, as one object for another program."""
    data: dict[str, object] = {
        "type": type(error).__name__,
        "message": error.message if isinstance(error, APIError) else str(error),
        "delivered": error.delivered,
    }
    if isinstance(error, APIError):
        data |= {"status": error.status, "code": error.code}
    return data


def report_as_data(report: FleetReport[Any]) -> dict[str, object]:
    """Sum up a run, as one object for another program."""
    counts = report.counts
    return {
        "kind": "report",
        "ok": report.ok,
        "total": len(report),
        "succeeded": counts.get("succeeded", 0),
        "failed": counts.get("failed", 0),
        "timed_out": counts.get("timed_out", 0),
        "unknown": counts.get("unknown", 0),
        "skipped": counts.get("skipped", 0),
        "duplicates": report.duplicates,
        "first_try_rate": round(report.first_try_rate, 6),
        "elapsed": round(report.elapsed, 6),
    }


def duration(seconds: float) -> str:
    """Write how long a run takes: `4.2 s`, `3:07`, `1:02:45`."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def brief(seconds: float) -> str:
    """Write how long a request takes: `0.4 ms`, `31 ms`, `1.2 s`, `3:07`."""
    if seconds >= MINUTE:
        return duration(seconds)
    if seconds >= 1:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return f"{1000 * seconds:.{1 if seconds < MILLISECOND else 0}f}".removesuffix(".0") + " ms"


def pace(rate: float) -> str:
    """Write a pace: `8.4/s`, `1,204/s`."""
    return f"{rate:,.0f}/s" if rate >= WHOLE else f"{rate:.1f}/s"


def number(count: int, noun: str) -> str:
    """Write a number of things: `1 instance`, `1,200 instances`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def ago(moment: datetime, now: datetime) -> str:
    """Write how long a moment is past: `12 s ago`, `3 h ago`; or is to come: `in 2 d`."""
    seconds = (now - moment).total_seconds()
    size, unit = next(((size, unit) for size, unit in UNITS if abs(seconds) >= size), (1, "s"))
    text = f"{abs(seconds) // size:,.0f} {unit}"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def now() -> datetime:
    """Tell the time of the calendar."""
    return datetime.now(UTC)


def as_json(value: object, *, indent: int | None = None) -> str:
    """Write a value as JSON that is safe to print.

    Args:
        value: Of builtin types.
        indent: Blanks of each level, for people; without it is one line of ASCII.
    """
    if indent is None:
        return json.dumps(value)
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _NOT_PLAIN(lambda found: _escaped(found[0]), text)


def _escaped(text: str) -> str:
    """Write as JSON does what no terminal shall see as it is."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
