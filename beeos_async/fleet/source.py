"""Where a fleet's ids come from: any iterable, pulled only as their turn comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import Any, Final, cast

import anyio
from anyio.lowlevel import checkpoint

from .._clock import Clock
from .._io.pager import Pager
from ..models.instances import Instance

BREATH: Final = 200
"""Duplicates after which other tasks of the loop get a turn."""

SHOWN: Final = 64
"""Characters of what is no id, in its outcome."""

Ids = Iterable[str | Instance] | AsyncIterable[str | Instance]


class Source:
    """One iterator for all workers: each id is taken once."""

    def __init__(self, ids: Ids, clock: Clock, take: Callable[[str], bool]) -> None:
        """Remember what was given; nothing is pulled yet.

        Args:
            ids: What was given.
            clock: Time.
            take: Takes an id in, or refuses it as a duplicate.

        Raises:
            TypeError: It is one thing, not many.
        """
        _many(ids)
        self._given = ids
        self._clock = clock
        self._take = take
        self._items: Iterator[str | Instance] | None = None
        self._stream: AsyncIterator[str | Instance] | None = None
        self._pulling = anyio.Lock()
        self._timer: asyncio.Timeout | None = None
        self._over = False

    @property
    def size(self) -> int | None:
        """How many ids there are, duplicates included, where it can be known."""
        if isinstance(self._given, AsyncIterable) or not isinstance(self._given, Sized):
            return None
        # Some wrappers have a length only sometimes.
        with contextlib.suppress(TypeError):
            return len(self._given)
        return None

    def distinct(self) -> int:
        """Count the distinct ids of a sized collection."""
        given = cast("Iterable[str | Instance]", self._given)
        return len({_name(item) for item in given})

    async def open(self, deadline: float | None, begun: Iterable[str] = ()) -> None:
        """Turn what was given into one iterator.

        A `Pager` is read to its end first, until a pass finds nothing new: starting
        changes the very list that is being paged.

        Args:
            deadline: When reading it is of no more use, on the clock's `now`.
            begun: The ids an earlier run had begun: a `Pager` may not find them any more.

        Raises:
            LateError: The deadline came first; what was read by then is the `rest`.
        """
        try:
            if isinstance(self._given, Pager):
                await self._drain(cast("Pager[Instance]", self._given), deadline, begun)
        finally:
            if isinstance(self._given, AsyncIterable):
                self._stream = aiter(self._given)
            else:
                self._items = iter(self._given)

    def close(self) -> None:
        """Give no more ids; who waits for a slow iterable is let go."""
        self._over = True
        if self._timer is not None:
            # Too late for one that is expiring by itself.
            with contextlib.suppress(RuntimeError):
                self._timer.reschedule(asyncio.get_running_loop().time())

    def rest(self) -> Iterator[str]:
        """Give the ids whose turn never came; of a generator's rest nothing can be said."""
        if self._items is not None and self.size is not None:
            yield from filter(self._take, map(_name, self._items))

    def at_once(self, deadline: float | None) -> str | None:
        """Pull the next id, where it is there and new; else `next` is the way.

        Args:
            deadline: When it is of no more use, on the clock's `now`.

        Raises:
            LateError: The deadline came first.
        """
        if self._items is None:
            return None
        if deadline is not None:
            self._check(deadline)
        for item in self._items:
            # The usual thing first: nearly every item is a plain string.
            id = item if type(item) is str else _name(item)
            return id if self._take(id) else None
        return None

    async def next(self, deadline: float | None) -> str | None:
        """Pull the next id.

        Args:
            deadline: When waiting for it is of no more use, on the clock's `now`.

        Returns:
            The id, or `None` at the end.

        Raises:
            LateError: The deadline came first.
        """
        if deadline is not None:
            self._check(deadline)
        if self._items is None:
            async with self._pulling:
                return await self._pull(deadline)
        for passed, item in enumerate(self._items, 1):
            id = _name(item)
            if self._take(id):
                return id
            if passed % BREATH == 0:
                # A long row of duplicates must neither hold the loop nor outlast the run.
                await checkpoint()
                if self._over:
                    return None
                if deadline is not None:
                    self._check(deadline)
        return None

    def _check(self, deadline: float) -> None:
        if self._clock.now() >= deadline:
            raise LateError

    async def _pull(self, deadline: float | None) -> str | None:
        stream = self._stream
        assert stream is not None  # noqa: S101 -- opened before any worker
        passed = 0
        while not self._over:
            passed += 1
            timer = self._clock.limit(None if deadline is None else deadline - self._clock.now())
            try:
                async with timer:
                    self._timer = timer
                    item = await anext(stream, _END)
            except TimeoutError:
                if not timer.expired():
                    # One of the iterable's own, and no business of the run.
                    raise
                item = _END
            finally:
                self._timer = None
            if item is _END:
                if timer.expired() and not self._over:
                    raise LateError
                return None
            id = _name(item)
            if self._take(id):
                return id
            if passed % BREATH == 0:
                # An iterable that is async need not ever wait.
                await checkpoint()
                if deadline is not None:
                    self._check(deadline)
        return None

    async def _drain(
        self, pager: Pager[Instance], deadline: float | None, begun: Iterable[str]
    ) -> None:
        """Read a list to its end, and take its ids for what was given, after those begun."""
        found = dict.fromkeys(begun)
        known = -1
        timer = self._clock.limit(None if deadline is None else deadline - self._clock.now())
        self._timer = timer
        try:
            async with timer:
                while len(found) > known:
                    known = len(found)
                    async for one in pager:
                        found[one.id] = None
        except TimeoutError:
            # A page that does not come in time fails with one of its own.
            if not timer.expired():
                raise
            raise LateError from None
        finally:
            self._timer = None
            self._given = list(found)


class LateError(Exception):
    """The run's deadline came before the next id."""


def _name(item: object) -> str:
    if isinstance(item, Instance):
        return item.id
    if isinstance(item, str):
        return item
    # What is no string gets a name that no id can have, and so is never sent.
    try:
        shown = repr(item)[:SHOWN]
    except Exception:  # noqa: BLE001 -- somebody else's
        shown = f"at {id(item):#x}"
    return f"<{type(item).__name__} {shown}>"


def _many(ids: object) -> None:
    """Refuse what is one thing: a string would fall apart into letters."""
    if isinstance(ids, str | bytes | Instance) or not isinstance(ids, Iterable | AsyncIterable):
        msg = f"ids must be an iterable of instance ids, not {type(ids).__name__}"
        if isinstance(ids, str):
            msg += "; for one instance write [id], or bee.start(id)"
        raise TypeError(msg)


_END: Final[Any] = object()
