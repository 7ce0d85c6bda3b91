"""Those who wait at the gate: in lanes, each with what would send it away."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

import anyio

from .._protocol.pacer import Pacer, Ticket


class Lane(IntEnum):
    """Who goes first; within a lane it is first come, first served."""

    SINGLE = 0
    """A call somebody awaits; the brake does not hold it."""

    FLEET = 1
    POLL = 2


class CoolingError(Exception):
    """The endpoint rests for longer than the caller would wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class DismissedError(Exception):
    """The run this call belongs to launches nothing more."""


class AloneError(Exception):
    """Nobody else is in flight whose end could be waited for."""


class OutageError(Exception):
    """The host has been down for longer than a fleet waits."""


class Owner(Protocol):
    """A run, which may dismiss those of its calls that were never sent."""

    dismissed: bool


class Turn(Ticket, kw_only=True, eq=False, gc=False):
    """A request that may go; to be given back when it has ended."""

    door: Door
    accepted: bool = False
    """Whether the server took it out of the quota."""

    bare: bool = False
    """Whether this machine had no socket for it."""

    brake_probe: bool = False
    over: bool = False
    throttled: float = 0.0
    """Seconds it waited for the endpoint, not in the queue."""


class Place:
    """A place in a queue."""

    __slots__ = ("_event", "bound", "granted", "owner", "refusal", "turn", "until")

    def __init__(self, turn: Turn, until: float | None, bound: float, owner: object) -> None:
        self._event = anyio.Event()
        self.turn: Turn = turn
        self.until: float | None = until
        self.bound: float = bound
        self.owner: object = owner
        self.granted: bool = False
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


class Queue:
    """Those who wait, by lane."""

    __slots__ = ("_lanes", "waiting")

    def __init__(self) -> None:
        self._lanes: tuple[deque[Place], ...] = tuple(deque() for _ in Lane)
        self.waiting: int = 0

    def join(self, lane: Lane, place: Place) -> None:
        """Stand at the end of a lane."""
        self._lanes[lane].append(place)
        self.waiting += 1

    def next(self) -> Place:
        """Take out who comes first; there is somebody."""
        self.waiting -= 1
        return next(lane for lane in self._lanes if lane).popleft()

    def leave(self, lane: Lane, place: Place) -> None:
        """Go away unserved."""
        with contextlib.suppress(ValueError):
            self._lanes[lane].remove(place)
            self.waiting -= 1

    def refuse(self, refusal: Callable[[Place], Exception | None]) -> None:
        """Send away all for whom there is a refusal."""
        for lane in self._lanes:
            for place in list(lane):
                if (found := refusal(place)) is not None:
                    lane.remove(place)
                    self.waiting -= 1
                    place.refuse(found)


class Door:
    """One endpoint: its pace, and who waits for it."""

    __slots__ = ("_bell", "keeper", "pacer", "queue")

    def __init__(self, pacer: Pacer) -> None:
        self.pacer: Pacer = pacer
        self.queue: Queue = Queue()
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
