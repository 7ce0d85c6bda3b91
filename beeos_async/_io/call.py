"""What is known of one call: what it sends, what became of it so far, what is in doubt.

Who makes the call is `caller.py`; what is written here outlives a cancellation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from .._protocol.brake import MAX_OUTAGE
from .._protocol.endpoint import Endpoint
from .._protocol.message import Request
from .._protocol.retry import Verdict, is_slow
from .._protocol.wire import build
from ..errors import (
    BeeOSError,
    ConflictError,
    GaveUp,
    NotFoundError,
    NotSentError,
    RequestTimeoutError,
    TransportError,
    Trouble,
)
from .flight import Flight
from .queues import Lane

T = TypeVar("T")
U = TypeVar("U")


class Lingering(Enum):
    """Whether a request that was sent may still take, although a look has not found it."""

    OVER = auto()
    """None is out there: it never left, or was looked after late enough."""

    BRIEFLY = auto()
    """Its answer was lost, and the look came at once: a later one will tell."""

    TOLD = auto()
    """Likewise, and the later look is what is under way."""

    LONG = auto()
    """Nobody waited for the answer, and no look tells when it is over."""


# What each call needs of its enums: to look a member up runs Python code on 3.11.
_RAISE: Final = Verdict.RAISE
_OVER: Final = Lingering.OVER


class Pass(Struct, kw_only=True):
    """What a run adds to each of its calls."""

    lane: Lane = Lane.SINGLE
    deadline: float | None = None
    """When the call must be over, on the clock's `now`."""

    grace: float = 0.0
    """Seconds beyond it for the look that settles an ambiguous call."""

    before: Callable[[str], None] | None = None
    """Told the id before its request goes out for the first time; if it raises, none does."""

    unsure: set[str] | None = None
    """Takes the ids of which it cannot be told whether they were as wished before."""

    dismissed: bool = False
    """Whether the run launches nothing more."""


class Call(Generic[T]):
    """One call as the user sees it, retries included, and what is known of it so far.

    It outlives a cancellation: whoever made it can see whether the request had left.
    """

    # Of the class, as long as nothing fails: what no usual call needs costs none.
    first_sent: float = 0.0
    """When it was sent that may have taken without saying so, for the first time."""

    told: Mapping[str, str] | None = None
    """The headers of the last answer, where it is about a doubt."""

    def __init__(
        self,
        row: Endpoint[T],
        id: str,
        request: Request,
        pass_: Pass,
        key: str | None,
    ) -> None:
        """Begin; nothing is sent yet.

        All are positional, and every attribute is set here and in this order: that is what the
        interpreter is fast at.

        Args:
            row: The endpoint.
            id: What its path names first; empty where it names nothing.
            request: What goes out.
            pass_: What a run adds.
            key: The idempotency key, the same in every attempt.
        """
        self.row = row
        self.id = id
        self.request = request
        self.pass_ = pass_
        self.key = key
        self.flight: Flight = Flight()
        self.attempts: int = 0
        """How often the request itself was sent."""

        self.tries: int = 0
        """How often anything was sent, looks included."""

        self.refusals: int = 0
        """How many answers were a 429."""

        self.excused: int = 0
        """How many tries an outage of the host has cost."""

        self.looked: int = 0
        """How often it was looked whether it took, since it was last sent."""

        self.unsettled: BeeOSError | None = None
        """The failure of which it is not known yet whether the request took all the same."""

        self.verdict: Verdict = _RAISE
        """What the last failure asks for."""

        self.already: bool = False
        """Whether a conflict turned out to be a wish that had come true before this call."""

        self.failure: BeeOSError | None = None
        """Why the last attempt failed."""

        self.gave_up: GaveUp | None = None
        """What came before the next try could."""

        self.doubted: bool = False
        """Whether any attempt may have taken without saying so."""

        self.lingering: Lingering = _OVER
        """Whether an attempt may still take that a look has not found."""

        self.rekeyed: bool = False
        self.queued: float = 0.0
        self.throttled: float = 0.0
        self.sending: float = 0.0
        """Seconds its requests were under way, looks included."""

        self.request_id: str | None = None

    @staticmethod
    def to(
        row: Endpoint[U],
        *ids: str,
        pass_: Pass,
        params: Mapping[str, object] | None = None,
        body: object = None,
        key: str | None = None,
        operation: str | None = None,
    ) -> Call[U]:
        """Check and build the request of a call.

        Raises:
            ConfigurationError: An id or the body cannot be sent.
        """
        request = build(row, *ids, params=params, body=body, key=key, operation=operation)
        return Call(row, ids[0] if ids else "", request, pass_, key)

    @property
    def in_doubt(self) -> bool:
        """Whether the request may have been delivered, as far as known in this moment."""
        return self.flight.sent or self.unsettled is not None or self.lingering is not _OVER

    @property
    def spent(self) -> int:
        """How many of its tries count, in what is to be found out now."""
        return self.looked if self.unsettled else self.attempts - self.refusals - self.excused

    @property
    def until(self) -> float | None:
        """When the next request must be over: a look may use the grace."""
        deadline = self.pass_.deadline
        if deadline is None or self.unsettled is None:
            return deadline
        return deadline + self.pass_.grace

    def doubt(self, error: BeeOSError) -> None:
        """Begin with a look: somebody who did not hear the answer may have sent it before.

        Args:
            error: What there is to say of that, should the look be impossible.
        """
        self.unsettled, self.doubted = error, True

    def end(self) -> BeeOSError:
        """Choose what to raise: the failure in question, where no look could answer it."""
        error = self.unsettled or self.failure or _unsent(self.gave_up)
        lingers = self.lingering is not _OVER and error.delivered == "no"
        if self.unsettled is not None or lingers:
            error.delivered = "maybe"
        error.gave_up = self.gave_up
        error.attempts = self.attempts
        error.idempotency_key = self.key
        self.failure = self.unsettled = None
        return error


def was_missed(call: Call[Any], question: BeeOSError, *, ended: bool) -> None:
    """Take in that a look did not find that a call took."""
    call.verdict = Verdict.AGAIN
    if call.lingering is Lingering.TOLD:
        call.lingering, call.verdict = _OVER, Verdict.RAISE
        question.delivered = "no"
    elif is_slow(question):
        call.lingering = Lingering.LONG
    elif not isinstance(question, ConflictError):
        if call.lingering is _OVER:
            call.lingering = Lingering.BRIEFLY
    elif ended:
        call.verdict = Verdict.RAISE


def excuse(call: Call[Any]) -> None:
    """Let a try cost nothing, because it was no fault of the call's own."""
    if call.unsettled is None:
        call.excused += 1
    else:
        call.looked -= 1


def is_gone(call: Call[Any], error: BeeOSError) -> bool:
    """Tell whether a second destruction found nothing left to destroy."""
    return isinstance(error, NotFoundError) and call.doubted and call.row.repeat.gone_is_done


def _unsent(gave_up: GaveUp | None) -> TransportError:
    """Say why a call was never sent."""
    if gave_up == "outage":
        message = f"not sent: the host has been failing for {MAX_OUTAGE:.0f} s"
        return NotSentError(Trouble(message=message, reason="outage", delivered="no"))
    message = "the deadline came before the request could be sent"
    return RequestTimeoutError(Trouble(message=message, reason="timeout", delivered="no"))
