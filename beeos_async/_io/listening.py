"""What a stream is opened with, and how it is listened to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from .._checks import one_of, seconds
from .._protocol.resume import Place

IDLE: Final = 120.0
"""Seconds of silence after which a connection is taken for dead; servers send no keep-alives."""

WORKING: Final = 300.0
"""Likewise for a stream that cannot be had again: an agent may think for as long."""

OnBadEvent = Literal["raise", "skip"]
"""What happens to an event that cannot be read."""


class Listening(Struct, frozen=True, kw_only=True):
    """How a stream is listened to."""

    idle: float = IDLE
    """Seconds of silence after which it is opened again."""

    on_bad_event: OnBadEvent = "raise"
    """Whether an event that cannot be read is raised, as a `DecodeError`, or passed over."""

    deadline: float | None = None
    """Seconds for the whole stream, from its opening to its end."""

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigurationError: A time is not a positive number, or a word is another one.
        """
        seconds("idle", self.idle)
        one_of("on_bad_event", self.on_bad_event, ("raise", "skip"))
        if self.deadline is not None:
            seconds("deadline", self.deadline)


class Opening(Struct, frozen=True, kw_only=True):
    """What a stream is opened with."""

    params: Mapping[str, object] = {}
    body: object = None
    key: str | None = None
    last: Place | None = None
    """Where the last event stood that is known already."""
