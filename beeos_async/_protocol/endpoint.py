"""What one row of the table is: a route, the type of its answer, and what a repeat does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from msgspec import json

from ..models._base import Envelope
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

    gone_is_done: bool = False
    """Whether a 404 means it took, as it does for a destruction."""

    answer: object = None
    """What the call answers then; `None`: what was found."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """What sending a call a second time does; each row says it, there is no default."""

    word: Literal["safe", "desired", "keyed", "once"]
    settle: Settle | None = None


SAFE: Final = Repeat("safe")
"""A read: sent again at will."""

KEYED: Final = Repeat("keyed")
"""Carries an idempotency key: sent again with the same key and the same bytes."""

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
    return Repeat("desired", Settle(ask, goal, gone_is_done, answer))


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

    # Built at first use: seventy decoders would slow the import of every program.
    @cached_property
    def decode(self) -> Callable[[bytes], T]:
        """Decode a well-formed body in one strict pass."""
        return json.Decoder(self.answer).decode

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The route cut where ids go."""
        head, *rest = self.path.split("{")
        return (head, *(piece.partition("}")[2] for piece in rest))


@dataclass(frozen=True, eq=False)
class StreamEndpoint(Generic[E]):
    """An operation that is answered by a stream of events.

    Attributes:
        opening: The request that opens it; also who reads a refusal.
        event: What a frame means.
        resume: How it goes on after it broke off.
    """

    opening: Endpoint[Any]
    event: Callable[[Frame], E]
    resume: Resume[E]
