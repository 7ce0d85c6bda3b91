"""What one row of the table is: a route, the type of its answer, and what a repeat does."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast, get_origin

from msgspec import json

from ..models._base import Accepted, Envelope, Page
from ..models.instances import Instance
from .resume import Resume
from .sse import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
E = TypeVar("E")

MIB: Final = 1024 * 1024


@dataclass(frozen=True, eq=False)
class Settle:
    """How to find out whether a call took whose answer was lost or was a conflict."""

    ask: Endpoint[Envelope[Instance]]
    goal: Literal["running", "stopped", "terminated"]
    """The `desired_status` that means it took."""

    answer: object = None
    """What the call answers then; `None`: what was found."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """What sending a call a second time does; each row says it, there is no default."""

    word: Literal["safe", "idempotent", "desired", "keyed", "once"]
    settle: Settle | None = None
    gone_is_done: bool = False
    """Whether a 404 after a lost answer means that it took, as it does for a deletion."""

    last_words: frozenset[int] = frozenset()
    """Statuses after which it is never sent again, although the answer is not known."""


SAFE: Final = Repeat("safe")
"""A read: sent again at will."""

IDEMPOTENT: Final = Repeat("idempotent")
"""Asked twice it is the same: sent again at will."""

DELETION: Final = Repeat("idempotent", gone_is_done=True)
"""What is gone was deleted: sent again at will."""

KEYED: Final = Repeat("keyed")
"""Carries an idempotency key: sent again with the same key and the same bytes."""

# The contract's pages disagree on a 504; the safe reading wins.
LONG_KEYED: Final = Repeat("keyed", last_words=frozenset({504}))
"""Likewise, but after a 504 what was asked for may still be running: then not again."""

ONCE: Final = Repeat("once")
"""Acts each time: only what certainly was not done is sent again."""


def desired(
    ask: Endpoint[Envelope[Instance]],
    goal: Literal["running", "stopped", "terminated"],
    *,
    gone_is_done: bool = False,
    answer: object = None,
) -> Repeat:
    """Give a wish for a state: asked twice it is one wish, and a look tells whether it took."""
    return Repeat("desired", Settle(ask, goal, answer), gone_is_done)


@dataclass(frozen=True, eq=False)
class Endpoint(Generic[T]):
    """One HTTP operation of the API.

    Attributes:
        operation: The contract's `operationId`.
        method: The HTTP method.
        path: The route, ids in braces.
        answer: What a 2xx body decodes to.
        repeat: What sending it twice does.
        bucket: Whose quota it draws on; endpoints of one bucket cool down together.
        echoes_id: Whether the answer is about the very resource the path names first.
        answer_cap: Bytes of a decoded answer that are read at most.
        body_cap: Bytes a request body may have.
        key: Where its idempotency key travels, if it takes one.
        least_timeout: Seconds an attempt is given at least.
        refuses_in_200: Whether a 200 is the runtime's refusal, and only a 202 a yes.
    """

    operation: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    answer: type[T]
    repeat: Repeat
    bucket: str
    echoes_id: bool = False
    answer_cap: int = 8 * MIB
    body_cap: int = MIB // 16
    key: Literal["body", "header"] | None = None
    least_timeout: float = 0.0
    refuses_in_200: bool = False

    shape: Literal["enveloped", "bare", "empty", "accepted"] = field(init=False)
    """How its answer comes: in an envelope, as it is, not at all, or with a header."""

    pieces: tuple[str, ...] = field(init=False)
    """The route cut where ids go."""

    def __post_init__(self) -> None:
        """Read off what each request would have to read off again."""
        kind = cast("type", get_origin(self.answer) or self.answer)
        shape = "empty" if kind is NoneType else "bare"
        if issubclass(kind, Envelope | Page):
            shape = "enveloped"
        elif kind is Accepted:
            shape = "accepted"
        object.__setattr__(self, "shape", shape)
        head, *rest = self.path.split("{")
        pieces = (head, *(piece.partition("}")[2] for piece in rest))
        object.__setattr__(self, "pieces", pieces)

    # Built at first use: seventy decoders would slow the import of every program.
    @cached_property
    def decode(self) -> Callable[[bytes], T]:
        """Decode a well-formed body in one strict pass."""
        return json.Decoder(self.answer).decode


@dataclass(frozen=True, eq=False)
class Look(Generic[T]):
    """How to find out whether there is more to come of a stream that breaks off untold.

    Attributes:
        ask: What is asked; its path names what the stream's does.
        over: Why there is no more, in the word of the stream; `None` while there is.
    """

    ask: Endpoint[T]
    over: Callable[[T], str | None]


@dataclass(frozen=True, eq=False)
class Whole(Generic[T]):
    """How an answer is told that comes in one piece, although a stream was asked for.

    Attributes:
        row: Who reads it.
        frame: Makes the one event that has all of it.
    """

    row: Endpoint[T]
    frame: Callable[[T], Frame]


@dataclass(frozen=True, eq=False)
class StreamEndpoint(Generic[E]):
    """An operation that is answered by a stream of events.

    Attributes:
        opening: The request that opens it; also who reads a refusal.
        event: What a frame means.
        resume: How it goes on after it broke off.
        look: How to tell whether it goes on at all; `None` where it cannot be resumed.
        whole: How to tell an answer in one piece; `None` where the contract knows none.
    """

    opening: Endpoint[Any]
    event: Callable[[Frame], E]
    resume: Resume[E]
    look: Look[Any] | None = None
    whole: Whole[Any] | None = None
