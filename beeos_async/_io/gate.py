"""Who may go: the brake, the pace of each endpoint, and the client-wide semaphore.

Everything that waits for its turn waits here, in one place and in order; nobody waits
inside the connection pool.  When something may go is decided in `_protocol/pacer.py` and
`_protocol/brake.py`; here it is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import anyio
from msgspec import Struct

from .._protocol.brake import Brake
from .._protocol.pacer import Pacer, Ticket
from ..errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._clock import Clock
    from .._protocol.throttle import Rate


log: Final = logging.getLogger("beeos_async")


class Lane(IntEnum):
    """Who goes first; within a lane it is first come, first served."""

    SINGLE = 0
    """A call somebody awaits; the brake does not hold it."""

    FLEET = 1
    POLL = 2


class EndpointState(Struct, frozen=True, kw_only=True):
    """What is known of one endpoint's quota, for those who watch."""

    paced: bool
    """Whether requests are spaced, because the quota is known or was learned."""

    rate: float | None
    """Requests a second that are sent, where they are spaced."""

    in_flight: int
    queued: int
    """Calls that wait for this endpoint."""

    shut_for: float
    """Seconds it still rests after a 429."""

    paused: float
    """Seconds it has rested, altogether."""

    refusals: int
    """How many 429s there were."""


class CoolingError(Exception):
    """The endpoint rests for longer than the caller would wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class OutageError(Exception):
    """The host has been down for longer than a fleet waits."""


class Turn(Ticket):
    """A request that may go; to be given back when it has ended."""

    __slots__ = ("accepted", "brake_probe", "door", "over", "throttled")

    def __init__(self, door: _Door) -> None:
        super().__init__()
        self.door = door
        self.accepted = False
        """Whether the server took it out of the quota."""

        self.brake_probe = False
        self.over = False
        self.throttled = 0.0
        """Seconds it waited for the endpoint, not in the queue."""


class _Place:
    """A place in a queue."""

    __slots__ = ("_event", "granted", "refusal", "turn", "until")

    def __init__(self, turn: Turn, until: float | None) -> None:
        self._event = anyio.Event()
        self.turn = turn
        self.until = until
        self.granted = False
        self.refusal: Exception | None = None

    def grant(self) -> None:
        """Let it go."""
        self.granted = True
        self._event.set()

    def refuse(self, refusal: Exception) -> None:
        """Send it away."""
        self.refusal = refusal
        self._event.set()

    async def wait(self) -> None:
        """Wait for either."""
        await self._event.wait()


class _Queue:
    """Those who wait, by lane."""

    __slots__ = ("_lanes", "waiting")

    def __init__(self) -> None:
        self._lanes: tuple[deque[_Place], ...] = tuple(deque() for _ in Lane)
        self.waiting = 0

    def join(self, lane: Lane, place: _Place) -> None:
        """Stand at the end of a lane."""
        self._lanes[lane].append(place)
        self.waiting += 1

    def next(self) -> _Place:
        """Take out who comes first; there is somebody."""
        self.waiting -= 1
        return next(lane for lane in self._lanes if lane).popleft()

    def leave(self, lane: Lane, place: _Place) -> None:
        """Go away unserved."""
        with contextlib.suppress(ValueError):
            self._lanes[lane].remove(place)
            self.waiting -= 1

    def refuse(self, refusal: Callable[[_Place], Exception | None]) -> None:
        """Send away all for whom there is a refusal."""
        for lane in self._lanes:
            for place in list(lane):
                if (found := refusal(place)) is not None:
                    lane.remove(place)
                    self.waiting -= 1
                    place.refuse(found)


class _Door:
    """One endpoint: its pace, and who waits for it."""

    __slots__ = ("_bell", "keeper", "pacer", "queue")

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.queue = _Queue()
        self.keeper: asyncio.Task[None] | None = None
        self._bell: anyio.Event | None = None

    async def listen(self) -> None:
        """Wait until something has ended."""
        self._bell = anyio.Event()
        await self._bell.wait()

    def ring(self) -> None:
        """Tell the keeper that something has ended."""
        if self._bell is not None:
            self._bell.set()
            self._bell = None

    def dismiss(self) -> None:
        """Send the keeper home when nobody waits."""
        if self.keeper is not None and not self.queue.waiting:
            self.keeper.cancel()
            self.keeper = None


class Gate:
    """Lets calls pass: the brake, then the endpoint's pace, then a slot of the semaphore."""

    def __init__(self, clock: Clock, slots: int, rate_of: Callable[[str], Rate | None]) -> None:
        """Build a gate.

        Args:
            clock: Time.
            slots: How many requests may be in flight.
            rate_of: The known quota of an endpoint, if any.
        """
        self.slots: Final = slots
        self.brake: Final = Brake(slots)
        self._clock = clock
        self._rate_of = rate_of
        self._free = anyio.Semaphore(slots, max_value=slots, fast_acquire=True)
        self._queue = _Queue()
        self._doors: dict[str, _Door] = {}
        self._closed = False
        self._idle: anyio.Event | None = None
        self._released: anyio.Event | None = None

    @property
    def in_flight(self) -> int:
        """How many slots are taken."""
        return self.slots - self._free.value

    def snapshot(self) -> dict[str, EndpointState]:
        """Tell what is known of each endpoint that was called, by operationId or bucket."""
        now = self._clock.now()
        return {
            bucket: EndpointState(
                paced=door.pacer.paced,
                rate=door.pacer.rate(now),
                in_flight=door.pacer.in_flight,
                queued=door.queue.waiting,
                shut_for=max(0.0, door.pacer.shut_until - now),
                paused=door.pacer.paused,
                refusals=door.pacer.refusals,
            )
            for bucket, door in self._doors.items()
        }

    def forecast(self, bucket: str, requests: int) -> float | None:
        """Tell in how many seconds so many more requests will have gone, those before included.

        Args:
            bucket: Whose quota they draw on.
            requests: How many.

        Returns:
            Seconds; `None` while the quota is neither known nor learned.
        """
        door = self._doors.get(bucket) or self._door(bucket)
        before = door.queue.waiting if requests else 0
        return door.pacer.forecast(before + requests, self._clock.now())

    def stay_open(self) -> None:
        """Refuse once the client is closed.

        Raises:
            ClientClosedError: It is.
        """
        if self._closed:
            raise _closed()

    async def enter(
        self,
        bucket: str,
        lane: Lane,
        until: float | None = None,
        bound: float | None = None,
    ) -> Turn:
        """Wait for one's turn, which must be given back by `leave`.

        Args:
            bucket: Whose quota the request draws on.
            lane: Who goes first.
            until: When waiting is of no more use, on the clock's `now`.
            bound: Seconds an endpoint may rest before it is not waited for.

        Raises:
            TimeoutError: The time is up, or would be.
            CoolingError: The endpoint rests for longer than `bound`.
            OutageError: The host has been down for too long for a fleet.
            ClientClosedError: The client was closed meanwhile.
        """
        door = self._doors.get(bucket) or self._door(bucket)
        pacer = door.pacer
        turn = Turn(door)
        while True:
            self.stay_open()
            if self.brake.open_since is not None and lane is not Lane.SINGLE:
                await self._hold(until)
            now = self._clock.now()
            if pacer.shut_until > now:
                _refuse_to_wait(pacer.shut_until, now, until, bound)
            if not door.queue.waiting and pacer.wait(now) <= 0:
                pacer.go(turn, now)
                turn.over = False
            else:
                turn.over = False
                await self._stand(door, turn, lane, until)
            try:
                if self._free.value and not self._queue.waiting:
                    self._free.acquire_nowait()
                else:
                    await self._wait(self._queue, _Place(turn, until), lane)
            except BaseException:
                self._return(turn)
                raise
            # The host or the endpoint may have failed while this one stood in a queue.
            held = self.brake.open_since is not None and lane is not Lane.SINGLE
            if pacer.shut_until <= self._clock.now() and not (
                held and self.brake.wait(self._clock.now())
            ):
                turn.brake_probe = held and self.brake.go()
                return turn
            self._return(turn)
            self._free_slot()

    def leave(self, turn: Turn) -> None:
        """Give a turn back: the slot goes to the next in line."""
        if not turn.over:
            self._return(turn)
        if turn.brake_probe:
            self.brake.lose_probe(self._clock.now())
            self._release()
        self._free_slot()

    def cool(self, turn: Turn, bucket: str, pause: float) -> None:
        """Count a 429: the endpoint rests, for everybody.

        Args:
            turn: The turn it came in.
            bucket: The endpoint; a look that settles may be at another than its turn.
            pause: Seconds.
        """
        door, now = self._doors.get(bucket) or self._door(bucket), self._clock.now()
        # One line for a pause, not one for each that was in the air.
        if door.pacer.shut_until <= now:
            log.info("%s: a 429, no request for %.1f s", bucket, pause)
        if door is turn.door:
            turn.over = True
            door.pacer.refuse(turn, now, pause)
        else:
            door.pacer.shut(now, pause)
        self._shut(door)

    def is_shut(self, bucket: str) -> bool:
        """Tell whether an endpoint is cooling down."""
        door = self._doors.get(bucket)
        return door is not None and door.pacer.shut_until > self._clock.now()

    def hear(self, turn: Turn, *, failing: bool) -> None:
        """Tell the brake how a request ended."""
        probe, turn.brake_probe = turn.brake_probe, False
        brake, now = self.brake, self._clock.now()
        since = brake.open_since
        if brake.hear(failing=failing, probe=probe, now=now, chance=self._clock.chance()):
            log.info("the host answers again after %.1f s: fleets go on", now - (since or now))
            # Everybody waits: let them come back as slowly as they once began.
            for door in self._doors.values():
                door.pacer.restart()
        elif since is None and brake.open_since is not None:
            log.warning("the host is failing: fleets wait until a probe is answered")
        if probe:
            self._release()

    async def close(self, grace: float) -> None:
        """Send away who waits, and give those in flight so many seconds."""
        self._closed = True
        for queue in (self._queue, *(door.queue for door in self._doors.values())):
            queue.refuse(lambda _: _closed())
        for door in self._doors.values():
            door.dismiss()
        self._release()
        if self.in_flight:
            self._idle = anyio.Event()
            with contextlib.suppress(TimeoutError):
                async with self._clock.limit(grace):
                    await self._idle.wait()

    def _door(self, bucket: str) -> _Door:
        return self._doors.setdefault(bucket, _Door(Pacer(self.slots, self._rate_of(bucket))))

    async def _hold(self, until: float | None) -> None:
        """Wait until the host is well, or it is one's turn to see whether it is."""
        while True:
            now = self._clock.now()
            wait = self.brake.wait(now)
            if wait <= 0:
                return
            if self.brake.outlasted(now):
                raise OutageError
            if wait < math.inf:
                if until is not None and now + wait > until:
                    raise TimeoutError
                await self._clock.sleep(wait)
            else:
                self._released = self._released or anyio.Event()
                async with self._clock.limit(until and until - now):
                    await self._released.wait()
            self.stay_open()

    def _release(self) -> None:
        if self._released is not None:
            self._released.set()
            self._released = None

    async def _stand(self, door: _Door, turn: Turn, lane: Lane, until: float | None) -> None:
        """Wait for the endpoint; its keeper counts the turn as gone."""
        came = self._clock.now()
        if door.keeper is None:
            door.keeper = asyncio.create_task(self._keep(door))
        try:
            await self._wait(door.queue, _Place(turn, until), lane)
        except BaseException:
            door.dismiss()
            raise
        if door.pacer.paced or door.pacer.refusals:
            turn.throttled += self._clock.now() - came

    async def _keep(self, door: _Door) -> None:
        """Let those who wait for an endpoint go, each as its time comes."""
        while door.queue.waiting:
            now = self._clock.now()
            wait = door.pacer.wait(now)
            if wait <= 0:
                place = door.queue.next()
                door.pacer.go(place.turn, now)
                place.grant()
            elif wait < math.inf:
                await self._clock.sleep(wait)
            else:
                await door.listen()
        door.keeper = None

    async def _wait(self, queue: _Queue, place: _Place, lane: Lane) -> None:
        """Stand in a queue until one is granted what it is for."""
        queue.join(lane, place)
        try:
            async with self._clock.limit(place.until and place.until - self._clock.now()):
                await place.wait()
        except BaseException:
            queue.leave(lane, place)
            if place.granted:
                # It came in the same moment as the cancellation: pass it on.
                self._pass_on(queue, place.turn)
            raise
        if place.refusal is not None:
            raise place.refusal

    def _pass_on(self, queue: _Queue, turn: Turn) -> None:
        if queue is self._queue:
            self._free_slot()
        else:
            self._return(turn)

    def _return(self, turn: Turn) -> None:
        turn.over = True
        turn.door.pacer.end(turn, accepted=turn.accepted)
        turn.door.ring()

    def _free_slot(self) -> None:
        if self._queue.waiting:
            self._queue.next().grant()
            return
        self._free.release()
        if self._idle and not self.in_flight:
            self._idle.set()

    def _shut(self, door: _Door) -> None:
        """Send away who could not wait so long, and tell the keeper."""
        shut = door.pacer.shut_until

        def late(place: _Place) -> Exception | None:
            return TimeoutError() if place.until is not None and place.until < shut else None

        door.queue.refuse(late)
        door.ring()
        door.dismiss()


def _refuse_to_wait(
    shut_until: float, now: float, until: float | None, bound: float | None
) -> None:
    if until is not None and shut_until > until:
        raise TimeoutError
    if bound is not None and shut_until - now > bound:
        raise CoolingError(shut_until - now)


def _closed() -> ClientClosedError:
    return ClientClosedError("the client is closed")
