"""Look again and again until it is enough, or too late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct

from .._checks import seconds
from ..errors import BeeOSError

if TYPE_CHECKING:
    from .caller import Caller

T = TypeVar("T")

GROWTH: Final = 1.5
"""How much longer each pause is than the one before it."""

LONGEST: Final = 10.0
"""How much longer than the first a pause becomes."""

SPREAD: Final = 0.2
"""How much longer or shorter one is: who began at one moment shall not come in step."""


class Sight(Struct, Generic[T], frozen=True):
    """What a lookout has seen."""

    last: T | None
    """Nothing where no look came to its end."""

    enough: bool


async def look_until(
    caller: Caller,
    look: Callable[[float | None], Awaitable[T]],
    enough: Callable[[T], bool],
    *,
    poll: float,
    deadline: float | None,
) -> Sight[T]:
    """Look until it is enough.

    Args:
        caller: Whose clock counts, and whose closing ends it.
        look: Looks once, within so many seconds.
        enough: Tells whether what is seen is enough.
        poll: Seconds between the first two looks; they grow.
        deadline: Seconds for everything.

    Returns:
        What was seen last, if anything was, and whether it is enough.

    Raises:
        BeeOSError: A look failed.
    """
    seconds("poll", poll)
    clock = caller.clock
    until: float | None = None
    if deadline is not None:
        seconds("deadline", deadline)
        until = clock.now() + deadline
    seen: T | None = None
    pause = poll
    while until is None or clock.now() < until:
        try:
            seen = await look(None if until is None else until - clock.now())
        except BeeOSError as error:
            if error.gave_up != "deadline":
                raise
            break
        if enough(seen):
            return Sight(seen, enough=True)
        rest = pause * (1 + SPREAD * (clock.chance() - 0.5))
        if until is not None:
            rest = min(rest, max(0.0, until - clock.now()))
        await caller.gate.rest(rest)
        pause = min(pause * GROWTH, poll * LONGEST)
    return Sight(seen, enough=False)
