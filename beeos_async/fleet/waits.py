"""What a run waits for: ids that were accepted, until each is ready.

An id comes here with its acceptance and leaves with its outcome; meanwhile it holds neither
a worker nor a slot.  How long that takes is nobody's turn: outcomes are handed over by
couriers, of which there are none while there is nothing to hand over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import anyio
from msgspec import Struct

from .._io.poller import Poller
from ..errors import APIError, AuthenticationError, ClientClosedError
from ..models.instances import Instance
from ..waiting import Action, WaitError, WaitTimeoutError, Wish
from .boots import Boots
from .outcomes import Failed, Outcome, Succeeded, TimedOut
from .watch import Watch

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .._clock import Clock

T = TypeVar("T")

WAITING_LIMIT: Final = 10_000
"""Ids that wait at once, where outcomes are not kept: what is pulled then has an end."""

NEARLY: Final = 0.9
"""Which part of the longest time that was seen makes one that still waits a late one: many are
seen at once, and those that came with them are not much younger."""

_STILL: Final[Mapping[Action, str]] = {
    "start": "still booting",
    "restart": "still restarting",
    "stop": "still stopping",
    "destroy": "still being destroyed",
}


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
        self._boots = Boots()
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

    @property
    def who(self) -> str:
        """Say how many are here, and why."""
        wish = self._waiting.wish
        still = f"not {wish if isinstance(wish, str) else 'ready'} yet"
        still = _STILL.get(self._waiting.action, still)
        count = len(self)
        return f"{count:,} instance{' that is' if count == 1 else 's that are'} {still}"

    def left(self, now: float, sending: float) -> float | None:
        """Estimate when all will be ready, by how long it took those that are.

        Args:
            now: When.
            sending: Seconds until the last one will come here; 0 where it has.

        Returns:
            Seconds; `None` where it cannot be said: too few are ready, or all that are here
            have waited for longer than the others give reason to expect.
        """
        if not self._accepted and not sending:
            return 0.0
        usual = NEARLY * self._boots.longest
        # They came in the order they stand in.
        late = sum(1 for _ in takewhile(lambda one: now - one.since > usual, self._accepted))
        slowest = self._boots.slowest(late)
        if slowest is None or sending:
            return None if slowest is None else sending + slowest
        last = slowest - (now - next(reversed(self._accepted)).since)
        return last if last > 0 else None

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
            Its outcome, where the server's answer was ready already.
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
        if watch.met:
            self._boots.add(self._clock.now() - watch.since)
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
        """Say what became of an id; without an error it is not ready by now."""
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
