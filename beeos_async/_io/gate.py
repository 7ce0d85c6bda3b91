"""Who may go: which endpoint is cooling down, and the client-wide semaphore with its lanes.

Everything that waits for its turn waits here, in one place and in order; nobody waits
inside the connection pool.
"""

from __future__ import annotations

import contextlib
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import anyio

from .._protocol.throttle import Rate, conform
from ..errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._clock import Clock


class Lane(IntEnum):
    """Who goes first when slots are short; within a lane it is first come, first served."""

    SINGLE = 0
    """A call somebody awaits."""

    FLEET = 1
    POLL = 2


class _Door:
    """What is known of one endpoint's quota."""

    __slots__ = ("due", "rate", "shut_until")

    def __init__(self, rate: Rate | None) -> None:
        self.rate = rate
        self.due = 0.0
        self.shut_until = 0.0


class Gate:
    """Lets calls pass: first the endpoint's door, then a slot of the client's semaphore."""

    def __init__(self, clock: Clock, slots: int, rate_of: Callable[[str], Rate | None]) -> None:
        """Build a gate.

        Args:
            clock: Time.
            slots: How many requests may be in flight.
            rate_of: The known quota of an endpoint, if any.
        """
        self.slots: Final = slots
        self._clock = clock
        self._rate_of = rate_of
        self._free = anyio.Semaphore(slots, max_value=slots, fast_acquire=True)
        self._queues: tuple[deque[_Turn], ...] = tuple(deque() for _ in Lane)
        self._waiting = 0
        self._doors: dict[str, _Door] = {}
        self._closed = False
        self._idle: anyio.Event | None = None

    @property
    def in_flight(self) -> int:
        """How many slots are taken."""
        return self.slots - self._free.value

    def stay_open(self) -> None:
        """Refuse once the client is closed.

        Raises:
            ClientClosedError: It is.
        """
        if self._closed:
            raise ClientClosedError(_CLOSED)

    async def enter(self, bucket: str, lane: Lane, until: float | None = None) -> float:
        """Wait for one's turn; the caller must `leave` afterwards.

        Args:
            bucket: Whose quota the request draws on.
            lane: Who goes first.
            until: When waiting is of no more use, on the clock's `now`.

        Returns:
            How many seconds of the wait were the endpoint's, not the queue's.

        Raises:
            TimeoutError: The time is up.
            ClientClosedError: The client was closed meanwhile.
        """
        door = self._doors.get(bucket) or self._door(bucket)
        throttled = 0.0
        while True:
            self.stay_open()
            if door.shut_until or door.rate:
                throttled += await self._pass(door, until)
            if self._free.value and not self._waiting:
                self._free.acquire_nowait()
            else:
                await self._queue(lane, until)
            # The endpoint may have been told to cool down while this one stood in the queue.
            if not door.shut_until or door.shut_until <= self._clock.now():
                return throttled
            self.leave()

    def leave(self) -> None:
        """Give the slot to the next in line."""
        for queue in self._queues:
            if queue:
                self._waiting -= 1
                queue.popleft().grant()
                return
        self._free.release()
        if self._idle and not self.in_flight:
            self._idle.set()

    def cool(self, bucket: str, seconds: float) -> None:
        """Keep everybody from an endpoint for so long; a longer pause wins."""
        door = self._doors.get(bucket) or self._door(bucket)
        door.shut_until = max(door.shut_until, self._clock.now() + seconds)

    def is_shut(self, bucket: str) -> bool:
        """Tell whether an endpoint is cooling down."""
        door = self._doors.get(bucket)
        return door is not None and door.shut_until > self._clock.now()

    async def close(self, grace: float) -> None:
        """Send away who waits, and give those in flight so many seconds."""
        self._closed = True
        for queue in self._queues:
            for turn in queue:
                turn.set()
            queue.clear()
        self._waiting = 0
        if self.in_flight:
            self._idle = anyio.Event()
            with contextlib.suppress(TimeoutError):
                async with self._clock.limit(grace):
                    await self._idle.wait()

    def _door(self, bucket: str) -> _Door:
        return self._doors.setdefault(bucket, _Door(self._rate_of(bucket)))

    async def _pass(self, door: _Door, until: float | None) -> float:
        came = now = self._clock.now()
        while True:
            wait = door.shut_until - now
            if wait <= 0 and door.rate:
                door.due, wait = conform(door.rate, door.due, now)
            if wait <= 0:
                return now - came
            if until is not None and now + wait > until:
                raise TimeoutError
            await self._clock.sleep(wait)
            self.stay_open()
            now = self._clock.now()

    async def _queue(self, lane: Lane, until: float | None) -> None:
        turn = _Turn()
        queue = self._queues[lane]
        queue.append(turn)
        self._waiting += 1
        try:
            async with self._clock.limit(until and until - self._clock.now()):
                await turn.wait()
        except BaseException:
            if turn.granted:
                # The slot came in the same moment as the cancellation: pass it on.
                self.leave()
            elif turn in queue:
                queue.remove(turn)
                self._waiting -= 1
            raise
        if not turn.granted:
            raise ClientClosedError(_CLOSED)


class _Turn:
    """A place in the queue."""

    __slots__ = ("_event", "granted")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self.granted = False

    def grant(self) -> None:
        """Hand a slot over."""
        self.granted = True
        self._event.set()

    def set(self) -> None:
        """Wake who waits, with nothing in hand."""
        self._event.set()

    async def wait(self) -> None:
        """Wait for either."""
        await self._event.wait()


_CLOSED: Final = "the client is closed"
