"""What becomes of a call: the outcome of its id, and what that means for the whole run.

Decisions only; to write an outcome, and to halt, is the engine's business.
"""

from __future__ import annotations

from typing import Any, TypeVar

from .._io.call import Call
from .._protocol.endpoint import Endpoint
from ..errors import (
    AuthenticationError,
    BeeOSError,
    ClientClosedError,
    ConnectionLostError,
    NotSentError,
    Trouble,
)
from ..models._base import Envelope
from ..models.instances import Instance
from .outcomes import Failed, Outcome, Reason, Skipped, Succeeded, TimedOut, Unknown
from .steps import Accepted, Past, Sent

T = TypeVar("T")


def judged(
    call: Call[Envelope[Any]],
    answer: Envelope[Any] | None,
    failure: BeeOSError | None,
    halted: Reason | None,
    attempts: int,
    elapsed: float,
) -> Outcome[Any]:
    """Turn what is known of a call into its outcome.

    Args:
        call: The call.
        answer: What came of it.
        failure: Or what it failed with; without either it was broken off.
        halted: Why the run launches nothing more, if so.
        attempts: How often the request was sent, earlier calls for this id included.
        elapsed: Seconds since the id's turn came.
    """
    id = call.id
    if answer is not None:
        # Nearly every outcome, and so without the detour over a dictionary.
        instance: Any = answer.data if isinstance(answer.data, Instance) else None
        return Succeeded(
            id,
            instance,
            call.already or (call.looked == 0 and _has_come_true(call.row, instance)),
            attempts=attempts,
            looks=call.looked,
            request_id=call.request_id,
            queued=call.queued,
            throttled=call.throttled,
            request=call.sending,
            elapsed=elapsed,
        )
    told: dict[str, Any] = {
        "attempts": attempts,
        "looks": call.looked,
        "request_id": call.request_id,
        "queued": call.queued,
        "throttled": call.throttled,
        "request": call.sending,
        "elapsed": elapsed,
    }
    if failure is None:
        # Cancelled, or the key could not be had.
        reason = halted or "cancelled"
        if not call.in_doubt:
            return Skipped(id, reason)
        error = _unheard("the run was cancelled before the answer came", "cancelled")
        return Unknown(id, error, **told)
    return _failed(id, failure, halted, told)


def what_ends(failure: BeeOSError) -> Reason | None:
    """Tell why a failure ends the whole run, if it does."""
    match failure.gave_up:
        case "outage" | "throttled" as reason:
            return reason
        case _:
            pass
    if isinstance(failure, NotSentError) and failure.reason == "tls":
        return "fatal"
    if isinstance(failure, ClientClosedError) and failure.delivered == "no":
        return "closed"
    return None


def what_ends_waiting(error: BeeOSError) -> Reason:
    """Tell why a run ends, of which looking at ids that wait has failed for all with an error."""
    return what_ends(error) or "fatal"


def is_refused_key(outcome: Outcome[T]) -> bool:
    """Tell whether an id failed because the key was refused, as it would for every id."""
    return isinstance(outcome, Failed) and isinstance(outcome.error, AuthenticationError)


def is_final(past: Past, row: Endpoint[Any]) -> bool:
    """Tell whether what an earlier run has left of an id is all that can be had.

    That is so of what succeeded; and of what may have been sent where no look can tell whether
    it took, which is never repeated.
    """
    if isinstance(past, Accepted):
        return False
    return isinstance(past, Succeeded) or row.repeat.settle is None


def doubt_of(past: Past) -> BeeOSError:
    """Say why it is open what became of an id that an earlier run has sent."""
    if isinstance(past, Unknown):
        return past.error
    return _unheard("an earlier run had sent it, and was broken off", "lost")


def left_by(past: Past) -> Outcome[Any]:
    """Say what became of an id of which this run asks nothing more."""
    match past:
        case Sent(id):
            return Unknown(id, doubt_of(past))
        case Accepted(one):
            return TimedOut(
                one.id,
                one.instance,
                already=one.already,
                attempts=one.attempts,
                looks=one.looks,
                request_id=one.request_id,
                queued=one.queued,
                throttled=one.throttled,
                request=one.request,
                elapsed=one.elapsed,
            )
        case _:
            return past


def _failed(
    id: str, failure: BeeOSError, halted: Reason | None, told: dict[str, Any]
) -> Outcome[Any]:
    if failure.delivered != "no":
        return Unknown(id, failure, **told)
    if isinstance(failure, ClientClosedError):
        return Skipped(id, "closed", **told)
    match failure.gave_up:
        case "throttled" as reason if not told["attempts"]:
            return Skipped(id, reason, **told)
        case "stopped":
            return Skipped(id, halted or "stopped", **told)
        case "deadline" | "outage" as reason:
            return Skipped(id, reason, **told)
        case _:
            # Also who was told to wait for too long: its error says until when.
            return Failed(id, failure, **told)


def _has_come_true(row: Endpoint[Any], instance: Instance | None) -> bool:
    settle = row.repeat.settle
    return settle is not None and instance is not None and instance.status == settle.goal


def _unheard(message: str, reason: str) -> ConnectionLostError:
    return ConnectionLostError(Trouble(message=message, reason=reason, delivered="maybe"))
