"""What a run waits for: ids that were accepted, until each is as wished.

An id comes here with its acceptance and leaves with its outcome; meanwhile it holds neither
a worker nor a slot.  How long that takes is nobody's turn: outcomes are handed over by
couriers, of which there are none while there is nothing to hand over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import anyio
from msgspec import Struct

from .._io.poller import Poller
from ..errors import APIError, AuthenticationError, ClientClosedError
from ..models.instances import Instance
from ..waiting import Action, WaitError, WaitTimeoutError, Wish
from .outcomes import Failed, Outcome, Succeeded, TimedOut
from .watch import Watch

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .._clock import Clock

T = TypeVar("T")

WAITING_LIMIT: Final = 10_000
"""Ids that wait at once, where outcomes are not kept: what is pulled then has an end."""


class Waiting(Struct, frozen=True):
    """What a run waits for, and who looks."""

    poller: Poller
    wish: Wish
    action: Action


class Waits(Generic[T]):
    """The ids of one run that wait for a wish to come true."""

    def __init__(
        self,
        waiting: Waiting,
        clock: Clock,
        *,
        couriers: int,
        hand_over: Callable[[Outcome[T]], Awaitable[None]],
        hear: Callable[[Exception], None],
        limit: int | None,
    ) -> None:
        """Wait for nothing yet.

        Args:
            waiting: What for.
            clock: Time.
            couriers: How many outcomes are handed over at once.
            hand_over: Takes an outcome.
            hear: Told what is no matter of one id: why looking failed for all, or what the
                user's own function raised.
            limit: How many ids may be here at once.
        """
        self._waiting = waiting
        self._clock = clock
        self._most_couriers = couriers
        self._hand_over = hand_over
        self._hear = hear
        self._limit = limit
        # By watch, not by id: without collecting, an id may come twice.
        self._accepted: dict[Watch, Succeeded[T]] = {}
        self._ready: deque[Outcome[T]] = deque()
        self._couriers = 0
        self._group: TaskGroup | None = None
        self._change = anyio.Event()
        self.until: float | None = None
        """When waiting is of no more use, on the clock's `now`."""

    def __len__(self) -> int:
        """Count the ids that are here."""
        return len(self._accepted) + len(self._ready)

    @property
    def sends(self) -> bool:
        """Whether something is asked for before the wait."""
        return self._waiting.action != ""

    async def around(self, launch: Callable[[], Awaitable[None]]) -> None:
        """Launch, and then wait until every id that came here has its outcome."""
        async with anyio.create_task_group() as self._group:
            await launch()
            while self._accepted:
                await self.change()

    @property
    def full(self) -> bool:
        """Whether no more may come."""
        return self._limit is not None and len(self) >= self._limit

    async def change(self) -> None:
        """Wait until something has changed."""
        await self._change.wait()

    def take(self, accepted: Succeeded[T]) -> Outcome[T] | None:
        """Take an id in with its acceptance.

        Returns:
            Its outcome, where the server's answer was as wished already.
        """
        answer = accepted.instance if self.sends else None
        watch = Watch(
            accepted.id,
            self._waiting.wish,
            self._waiting.action,
            now=self._clock.now(),
            until=self.until,
            answer=cast("Instance | None", answer),
            tell=self._over,
        )
        if watch.met:
            return self._outcome(watch, accepted)
        self._accepted[watch] = accepted
        try:
            self._waiting.poller.add(watch)
        except ClientClosedError as error:
            watch.end(error)
        return None

    def break_off(self) -> list[Outcome[T]]:
        """Wait for nothing more, and give the outcomes of all that is here."""
        left = list(self._ready)
        for watch, accepted in self._accepted.items():
            self._waiting.poller.drop(watch)
            left.append(self._outcome(watch, accepted))
        self._accepted.clear()
        self._ready.clear()
        return left

    def wake(self) -> None:
        """Let those who wait for a change look whether it is theirs."""
        self._change.set()
        self._change = anyio.Event()

    def _over(self, watch: Watch) -> None:
        self._ready.append(self._outcome(watch, self._accepted.pop(watch)))
        if watch.error is not None and not _is_of_one(watch.error):
            self._hear(watch.error)
        if self._couriers < self._most_couriers and self._group is not None:
            self._couriers += 1
            self._group.start_soon(self._carry)
        self.wake()

    async def _carry(self) -> None:
        try:
            while self._ready:
                await self._hand_over(self._ready.popleft())
                self.wake()
        finally:
            self._couriers -= 1

    def _outcome(self, watch: Watch, accepted: Succeeded[T]) -> Outcome[T]:
        """Say what became of an id; without an error it is not as wished by now."""
        now, error = self._clock.now(), watch.error
        provisioning, connectivity = watch.split(now)
        told: dict[str, Any] = {
            "attempts": accepted.attempts,
            "looks": accepted.looks,
            "request_id": accepted.request_id,
            "queued": accepted.queued,
            "throttled": accepted.throttled,
            "request": accepted.request,
            "provisioning": provisioning,
            "connectivity": connectivity,
            "elapsed": accepted.elapsed + now - watch.since,
        }
        id, instance, already = accepted.id, accepted.instance, accepted.already
        if instance is not None and watch.last is not None:
            instance = cast("T", watch.last)
        if watch.met:
            return Succeeded(id, instance, already, **told)
        if isinstance(error, APIError) and _is_of_one(error):
            # Accepted it was all the same, and so is no plain failure.
            if self.sends:
                error = WaitError(f"{id} cannot be looked at: {error}", watch.last, "refused")
            return Failed(id, error, already=already, **told)
        if isinstance(error, WaitError) and not isinstance(error, WaitTimeoutError):
            return Failed(id, error, already=already, **told)
        return TimedOut(id, instance, already=already, **told)


def _is_of_one(error: Exception) -> bool:
    """Tell whether an error is about one id alone."""
    if isinstance(error, APIError):
        return not isinstance(error, AuthenticationError) and error.gave_up != "outage"
    return isinstance(error, WaitError)
