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
from typing import TYPE_CHECKING, Final

import anyio
from msgspec import Struct

from .._protocol.brake import Brake
from .._protocol.budget import RetryBudget
from .._protocol.pacer import Pacer
from ..errors import BeeOSError, ClientClosedError
from .queues import (
    AloneError,
    CoolingError,
    DismissedError,
    Door,
    Lane,
    OutageError,
    Owner,
    Place,
    Queue,
    Turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._clock import Clock
    from .._protocol.throttle import Rate


log: Final = logging.getLogger("beeos_async")


class EndpointState(Struct, frozen=True, kw_only=True):
    """What is known of one endpoint's quota, for those who watch.

    Example:
        ```python
        await bee.start(id)
        state = bee.throttle.snapshot()["startInstance"]
        print(state.in_flight, state.queued, state.shut_for, state.refusals)  # 0 0 0.0 0
        ```
    """

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
        self.in_flight: int = 0
        """How many slots of the semaphore are taken; who waits for one stands in the queue."""

        self.brake: Final = Brake()
        self.budget: Final = RetryBudget()
        self._clock = clock
        self._now = clock.now
        self._rate_of = rate_of
        self._queue = Queue()
        self._bare = Queue()
        self._doors: dict[str, Door] = {}
        self._closed = False
        self._idle: anyio.Event | None = None
        self._released: anyio.Event | None = None
        self._alarms: set[asyncio.Timeout] = set()
        self._holding: set[asyncio.Timeout] = set()
        self.when_closed: list[Callable[[], None]] = []
        """Told when the client closes."""

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
        """Tell in how many seconds so many more requests will have gone, after those in line.

        Args:
            bucket: Whose quota they draw on.
            requests: How many, besides those that stand in line already.

        Returns:
            Seconds; `None` while the quota is neither known nor learned.
        """
        door = self._doors.get(bucket) or self._door(bucket)
        return door.pacer.forecast(door.queue.waiting + requests, self._clock.now())

    def stay_open(self) -> None:
        """Refuse once the client is closed.

        Raises:
            ClientClosedError: It is.
        """
        if self._closed:
            raise _closed()

    def admit(self, bucket: str) -> Turn | None:
        """Give a turn where nobody and nothing is to be waited for; else `enter` is the way.

        Args:
            bucket: Whose quota the request draws on.
        """
        door = self._doors.get(bucket)
        if (
            door is None
            or door.queue.waiting
            or self._queue.waiting
            or self.in_flight >= self.slots
            or self._closed
            or self.brake.open_since is not None
            or door.pacer.wait(now := self._now()) > 0
        ):
            return None
        turn = Turn(door=door)
        door.pacer.go(turn, now)
        self.in_flight += 1
        return turn

    async def enter(
        self,
        bucket: str,
        lane: Lane,
        until: float | None = None,
        bound: float = math.inf,
        owner: Owner | None = None,
        *,
        sent: bool = False,
    ) -> Turn:
        """Wait for one's turn, which must be given back by `leave`.

        Args:
            bucket: Whose quota the request draws on.
            lane: Who goes first.
            until: When waiting is of no more use, on the clock's `now`.
            bound: Seconds an endpoint may rest before it is not waited for.
            owner: The run that may dismiss it while it waits.
            sent: Whether it was sent before: then only where it waits for the host.

        Raises:
            TimeoutError: The time is up, or would be.
            CoolingError: The endpoint rests for longer than `bound`.
            DismissedError: The run launches nothing more.
            OutageError: The host has been down for too long for a fleet.
            ClientClosedError: The client was closed meanwhile.
        """
        door = self._doors.get(bucket) or self._door(bucket)
        pacer = door.pacer
        turn = Turn(door=door)
        while True:
            if self._closed:
                raise _closed()
            if self.brake.open_since is not None and lane is not Lane.SINGLE:
                await self._hold(until, owner)
            now = self._clock.now()
            if pacer.shut_until > now:
                _refuse_to_wait(pacer.shut_until, now, until, bound)
            if not door.queue.waiting and pacer.wait(now) <= 0:
                pacer.go(turn, now)
                turn.over = False
            else:
                turn.over = False
                await self._stand(door, Place(turn, until, bound, None if sent else owner), lane)
            try:
                if self.in_flight < self.slots and not self._queue.waiting:
                    self.in_flight += 1
                else:
                    place = Place(turn, until, bound, None if sent else owner)
                    await self._wait(self._queue, place, lane)
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
        if turn.bare and not self.in_flight:
            self._bare.refuse(lambda _: AloneError())
        while self._bare.waiting and not turn.bare:
            self._bare.next().grant()
            if self.in_flight:
                break

    async def room(self, turn: Turn, lane: Lane, until: float | None) -> bool:
        """Wait until a request has ended that had a socket: there is one more of them then.

        Args:
            turn: The turn that found none, and was given back.
            lane: Who goes first.
            until: When waiting is of no more use.

        Returns:
            Whether one has ended; not, where nobody else is in flight.

        Raises:
            TimeoutError: The time is up.
            ClientClosedError: The client was closed meanwhile.
        """
        if not self.in_flight:
            return False
        try:
            await self._wait(self._bare, Place(turn, until, math.inf, None), lane)
        except AloneError:
            return False
        return True

    def cool(self, turn: Turn, bucket: str, pause: float) -> None:
        """Count a 429: the endpoint rests, for everybody.

        Args:
            turn: The turn it came in.
            bucket: Its name.
            pause: Seconds.
        """
        door, now = turn.door, self._clock.now()
        # One line for a pause, not one for each that was in the air.
        if door.pacer.shut_until <= now:
            log.info("%s: a 429, no request for %.1f s", bucket, pause)
        turn.over = True
        door.pacer.refuse(turn, now, pause)
        self._shut(door)

    def turn_to(self, turn: Turn, bucket: str) -> bool:
        """Let a request to another endpoint follow in the slot of one that has ended.

        Args:
            turn: The turn of the latter; unless the other has to wait, it becomes its own.
            bucket: The other endpoint.

        Returns:
            Whether it may go.
        """
        door, now = self._doors.get(bucket) or self._door(bucket), self._clock.now()
        if door.queue.waiting or door.pacer.wait(now) > 0:
            return False
        self._return(turn)
        turn.door, turn.over, turn.probe = door, False, False
        turn.epoch, turn.number, turn.rate = 0, 0, None
        door.pacer.go(turn, now)
        return True

    def hear(self, turn: Turn, failure: BeeOSError | None) -> None:
        """Tell the brake how a request ended.

        Args:
            turn: Whose turn it was.
            failure: What the host failed with, if it was the host that failed.
        """
        probe, turn.brake_probe = turn.brake_probe, False
        brake, now = self.brake, self._clock.now()
        since = brake.open_since
        well = brake.hear(
            failing=failure is not None,
            probe=probe,
            went=turn.went,
            now=now,
            chance=self._clock.chance(),
            in_flight=self.in_flight,
        )
        if well:
            log.info("the host answers again after %.1f s: fleets go on", now - (since or now))
            # Everybody waits: let them come back as slowly as they once began.
            for door in self._doors.values():
                door.pacer.restart()
        elif since is None and brake.open_since is not None:
            log.warning("the host is failing, fleets wait until a probe is answered: %s", failure)
        if probe or well:
            self._release()

    def dismiss(self, owner: Owner) -> None:
        """Send away the calls of a run that were never sent, or that wait for the host."""
        owner.dismissed = True

        def owned(place: Place) -> Exception | None:
            return DismissedError() if place.owner is owner else None

        for queue in (self._queue, *(door.queue for door in self._doors.values())):
            queue.refuse(owned)
        for door in self._doors.values():
            door.dismiss()
        # Who waits for the host looks by itself.
        self._release()

    async def rest(self, seconds: float) -> None:
        """Sleep, but not beyond the closing of the client.

        Raises:
            ClientClosedError: It was closed meanwhile.
        """
        await self._doze(seconds, self._alarms)
        self.stay_open()

    async def close(self, grace: float) -> None:
        """Send away who waits, and give those in flight so many seconds."""
        self._closed = True
        for tell in list(self.when_closed):
            tell()
        _wake(self._alarms)
        for queue in (self._queue, self._bare, *(door.queue for door in self._doors.values())):
            queue.refuse(lambda _: _closed())
        for door in self._doors.values():
            door.dismiss()
        self._release()
        if self.in_flight:
            self._idle = anyio.Event()
            with contextlib.suppress(TimeoutError):
                async with self._clock.limit(grace):
                    await self._idle.wait()

    def _door(self, bucket: str) -> Door:
        return self._doors.setdefault(bucket, Door(Pacer(self.slots, self._rate_of(bucket))))

    async def _hold(self, until: float | None, owner: Owner | None) -> None:
        """Wait until the host is well, or it is one's turn to see whether it is."""
        while True:
            if owner is not None and owner.dismissed:
                raise DismissedError
            now = self._clock.now()
            self.brake.watch(now)
            wait = self.brake.wait(now)
            if wait <= 0:
                return
            if self.brake.outlasted(now):
                raise OutageError
            if wait < math.inf:
                if until is not None and now + wait >= until:
                    raise TimeoutError
                await self._doze(wait, self._holding)
            else:
                self._released = self._released or anyio.Event()
                async with self._clock.limit(until and until - now):
                    await self._released.wait()
            self.stay_open()

    def _release(self) -> None:
        """Let all look again who wait for the host, or for the next probe."""
        if self._released is not None:
            self._released.set()
            self._released = None
        holding, self._holding = self._holding, set()
        _wake(holding)

    async def _doze(self, seconds: float, alarms: set[asyncio.Timeout]) -> None:
        """Sleep until the time has come, or somebody wakes what is in a set."""
        alarm = self._clock.limit(None)
        alarms.add(alarm)
        try:
            async with alarm:
                await self._clock.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            alarms.discard(alarm)

    async def _stand(self, door: Door, place: Place, lane: Lane) -> None:
        """Wait for the endpoint; its keeper counts the turn as gone."""
        came = self._clock.now()
        if door.keeper is None:
            self._appoint(door)
        try:
            await self._wait(door.queue, place, lane)
        except BaseException:
            door.dismiss()
            raise
        if door.pacer.paced or door.pacer.refusals:
            place.turn.throttled += self._clock.now() - came

    def _appoint(self, door: Door) -> None:
        """Put a keeper at a door; another follows where one is cancelled as any task may be."""

        def follow(left: asyncio.Task[None]) -> None:
            # Who sends a keeper home, as nobody waits, says so first.
            if door.keeper is left and left.cancelled():
                self._appoint(door)

        door.keeper = asyncio.create_task(self._keep(door))
        door.keeper.add_done_callback(follow)

    async def _keep(self, door: Door) -> None:
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

    async def _wait(self, queue: Queue, place: Place, lane: Lane) -> None:
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

    def _pass_on(self, queue: Queue, turn: Turn) -> None:
        if queue is self._queue:
            self._free_slot()
        elif queue is self._bare:
            if self._bare.waiting:
                self._bare.next().grant()
        else:
            self._return(turn)

    def _return(self, turn: Turn) -> None:
        turn.over = True
        door = turn.door
        door.pacer.end(turn, accepted=turn.accepted)
        if door.keeper is not None:
            door.ring()

    def _free_slot(self) -> None:
        if self._queue.waiting:
            self._queue.next().grant()
            return
        self.in_flight -= 1
        if self._idle and not self.in_flight:
            self._idle.set()

    def _shut(self, door: Door) -> None:
        """Send away who could not wait so long, and tell the keeper."""
        shut, now = door.pacer.shut_until, self._clock.now()

        def late(place: Place) -> Exception | None:
            try:
                _refuse_to_wait(shut, now, place.until, place.bound)
            except (TimeoutError, CoolingError) as refusal:
                return refusal
            return None

        door.queue.refuse(late)
        door.ring()
        door.dismiss()


def _refuse_to_wait(shut_until: float, now: float, until: float | None, bound: float) -> None:
    if until is not None and shut_until >= until:
        raise TimeoutError
    if shut_until - now > bound:
        raise CoolingError(shut_until - now)


def _wake(alarms: set[asyncio.Timeout]) -> None:
    for alarm in alarms:
        alarm.reschedule(asyncio.get_running_loop().time())


def _closed() -> ClientClosedError:
    return ClientClosedError("the client is closed")
