"""The one poller of a client: asks again, for all who wait, until each has what it waits for.

What a sight means is told by who waits; when to look is decided in `_protocol/polling.py`,
and how to look is `looks.py`'s.  Nothing is left behind when nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from contextvars import Context
from typing import Any, Final, Protocol

import anyio

from .._protocol.endpoint import SAFE, Endpoint
from .._protocol.polling import (
    BUSY,
    EARLY,
    FIRST,
    LAST_LOOK,
    LONGEST,
    Sight,
    pause_after,
    round_at,
)
from .._protocol.retry import Verdict, judge
from ..errors import (
    APIError,
    AuthenticationError,
    BeeOSError,
    ClientClosedError,
    DecodeError,
    RateLimitError,
    TransportError,
)
from ..models._base import Envelope, Page
from .caller import Caller
from .looks import LIST, Looks

KEY_PROBE: Final = 1.0
"""Seconds after a refused key until one look tries it again."""


class Watched(Protocol):
    """Somebody who waits for something about one id."""

    @property
    def id(self) -> str:
        """The id."""
        ...

    @property
    def until(self) -> float | None:
        """When its time is up, on the clock's `now`."""
        ...

    @property
    def unseen(self) -> bool:
        """Whether it knows nothing yet, so that looking at once may end the wait at once."""
        ...

    def see(self, item: Any, now: float, /, *, whole: bool) -> Sight:
        """Take in a row of a list, what a look shows, or `None` where it finds nothing there."""
        ...

    def end(self, error: Exception | None, /) -> None:
        """Learn that the wait is over: by an error, or by time."""
        ...


class Poller:
    """Looks for everybody who waits, in rounds."""

    def __init__(
        self, caller: Caller, one: Endpoint[Envelope[Any]], many: Endpoint[Page[Any]]
    ) -> None:
        """Begin with nobody.

        Args:
            caller: What makes the calls.
            one: The endpoint that shows one id.
            many: The list that shows them all.
        """
        self._caller = caller
        self._clock = caller.clock
        self._one = one
        self._many = many
        # While somebody waits; it knows this poller, which shall be free when nobody does.
        self._looks: Looks | None = None
        self._pages = 1
        # With each its number: what was asked for before it came shows it nothing, and a clock
        # may be too coarse to tell.
        self._watched: dict[str, dict[Watched, int]] = {}
        self._came = 0
        self._unseen: set[str] = set()
        self._joined = False
        self._moved = False
        # A key that was refused once, and whether this round is to try it again.
        self._refused = False
        self._probing = False
        self._pause = FIRST
        self._next = math.inf
        self._nearest = math.inf
        self._alarm: asyncio.Timeout | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, watch: Watched) -> None:
        """Look for somebody, until it is over or dropped.

        Raises:
            ClientClosedError: The client is closed.
        """
        self._caller.transport.stay_home()
        self._caller.gate.stay_open()
        now = self._clock.now()
        self._came += 1
        self._watched.setdefault(watch.id, {})[watch] = self._came
        if watch.unseen:
            self._unseen.add(watch.id)
        if watch.until is not None:
            self._nearest = min(self._nearest, watch.until)
        if self._task is None:
            self._pause, self._next = FIRST, now + FIRST
            self._caller.gate.when_closed.append(self._close)
            # It works for everybody, so no single one's context is its own.
            work = self._run()
            self._task = asyncio.create_task(work, name="beeos-async poller", context=Context())
        else:
            self._joined = True
            self._next = min(self._next, now + BUSY)
            self._wake()

    def drop(self, watch: Watched) -> None:
        """Look for somebody no more; the others are not concerned."""
        watches = self._watched.get(watch.id, {})
        if watches.pop(watch, None) is None:
            return
        if not watches:
            del self._watched[watch.id]
            self._unseen.discard(watch.id)
            if self._looks is not None:
                self._looks.leave(watch.id)
        if not self._watched:
            self._wake()

    async def attend(self, watch: Watched, over: anyio.Event) -> None:
        """Look for somebody until an event is set; a cancellation ends it for this one alone.

        Raises:
            ClientClosedError: The client is closed.
        """
        self.add(watch)
        try:
            await over.wait()
        finally:
            self.drop(watch)

    async def gone(self) -> None:
        """Wait until nothing is left of it; nobody may wait any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def moment(self) -> int:
        """Give what tells who came before from who comes later."""
        return self._came

    def show(self, id: str, item: Any | None, asked: int, /, *, whole: bool) -> None:
        """Show those who wait for an id what was seen of it."""
        self._refused = False
        now, watches = self._clock.now(), self._watched.get(id, {})
        for watch in [watch for watch, number in watches.items() if number <= asked]:
            sight = watch.see(item, now, whole=whole)
            if sight is Sight.OVER:
                self.drop(watch)
            elif sight is Sight.UNSURE:
                self._at_work().look([id])
            self._moved = self._moved or sight is not Sight.SAME

    def hear(self, id: str, error: Exception, /) -> None:
        """Decide what it means that looking failed: mostly nothing, there is another round."""
        if isinstance(error, RateLimitError):
            return
        if isinstance(error, AuthenticationError):
            self._doubt(error)
        elif not isinstance(error, APIError | TransportError) or error.gave_up == "outage":
            self._end_all(error)
        elif id == LIST and (isinstance(error, DecodeError) or _is_final(error)):
            # Not the list, then; each can still be looked at.
            self._at_work().sweeps = False
        elif _is_final(error):
            # A bad certificate or a redirect would meet everybody.
            everybody = isinstance(error, TransportError)
            self._end(list(self._watched) if everybody else [id], error)

    def _doubt(self, error: AuthenticationError) -> None:
        """Try a refused key once more, with one look: a second no is final."""
        if self._probing:
            self._end_all(error)
        else:
            self._refused = True
            self._at_work().clear()

    def _at_work(self) -> Looks:
        assert self._looks is not None  # noqa: S101 -- whatever is told, it has looked
        return self._looks

    def _close(self) -> None:
        self._end_all(ClientClosedError("the client was closed during the wait"))

    def _end_all(self, error: Exception) -> None:
        self._end(list(self._watched), error)

    def _end(self, ids: list[str], error: Exception | None) -> None:
        """End the waits for some ids, all for the same reason."""
        for watch in [watch for id in ids for watch in self._watched.get(id, ())]:
            self.drop(watch)
            watch.end(error)

    async def _run(self) -> None:
        try:
            while self._watched:
                async with anyio.create_task_group() as group:
                    self._looks = looks = Looks(
                        self._caller, self._one, self._many, self, group, self._pages
                    )
                    while self._watched:
                        await self._until_due()
                        self._expire()
                        await self._round(looks)
                    self._pages = looks.pages
                    # What hangs is looked at for nobody.
                    group.cancel_scope.cancel()
        finally:
            self._task = self._looks = None
            self._nearest = math.inf
            self._refused = False
            self._caller.gate.when_closed.remove(self._close)
            # Whatever ended it, nobody is left waiting.
            self._end_all(ClientClosedError("the poller of the client was cancelled"))

    async def _until_due(self) -> None:
        """Sleep until a round is due, or somebody's time is up."""
        while self._watched:
            now = self._clock.now()
            at_once = bool(self._unseen) and not self._refused
            due = now if at_once else round_at(self._next, self._nearest, now)
            if due <= now:
                return
            self._alarm = self._clock.limit(None)
            try:
                async with self._alarm:
                    await self._clock.sleep(due - now)
            except TimeoutError:
                # Somebody has come, or everybody has gone.
                continue
            finally:
                self._alarm = None
            return

    def _wake(self) -> None:
        """Look again what there is to do: somebody has come, or everybody has gone."""
        if self._looks is not None and not self._watched:
            self._looks.let_go()
        if self._alarm is not None:
            # Too late for one that is expiring by itself.
            with contextlib.suppress(RuntimeError):
                self._alarm.reschedule(asyncio.get_running_loop().time())

    def _expire(self) -> None:
        """End the waits whose time is up."""
        # Just before it there is no time left to look once more.
        now = self._clock.now() + EARLY
        if now < self._nearest:
            return
        self._nearest = math.inf
        for watch in [watch for watches in self._watched.values() for watch in watches]:
            if watch.until is not None and watch.until <= now:
                self.drop(watch)
                watch.end(None)
            elif watch.until is not None:
                self._nearest = min(self._nearest, watch.until)

    async def _round(self, looks: Looks) -> None:
        """Look at everything that is due, and wait for it, but not for what hangs."""
        now = self._clock.now()
        whole = now >= self._next
        # Somebody new, or late, is no reason to ask again about all others.
        late = self._late(now)
        ids = list(self._watched) if whole else [*self._unseen, *late]
        self._unseen.clear()
        self._joined = self._moved = False
        self._probing = self._refused
        if self._refused:
            ids, late = ids[:1], []
        looks.begin(ids, late)
        with contextlib.suppress(TimeoutError):
            async with self._clock.limit(max(0.0, min(LONGEST, self._nearest - now))):
                await looks.finished()
        if whole or self._refused:
            self._pause = pause_after(self._pause, looks.requests, moved=self._moved)
            rest = min(self._pause, BUSY) if self._joined else self._pause
            rest = max(rest, KEY_PROBE) if self._refused else rest
            self._next = self._clock.now() + rest

    def _late(self, now: float) -> list[str]:
        """Find whose time is nearly up."""
        # A little more: to wake up is not exact.
        soon = now + 1.05 * LAST_LOOK
        if soon < self._nearest:
            return []
        return [
            id
            for id, watches in self._watched.items()
            if id not in self._unseen
            and any(watch.until is not None and watch.until <= soon for watch in watches)
        ]


def _is_final(error: BeeOSError) -> bool:
    return judge(SAFE, error, 1) is Verdict.RAISE
