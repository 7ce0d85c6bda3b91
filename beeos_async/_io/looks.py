"""How a poller looks: one id after another, or all of them down a list.

What is seen is shown to the poller, and what fails is told to it; when to look, and for
whom, is its business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Final, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from .._protocol.endpoint import Endpoint
from .._protocol.paging import PAGE_SIZE, Params, next_numbered
from .._protocol.polling import LONGEST, MISSES, pages_of
from ..errors import APIError, AuthenticationError, BeeOSError, NotFoundError
from ..models._base import Envelope, Page
from .call import Call, Pass
from .caller import Caller
from .queues import Lane

T = TypeVar("T")

LOOKERS: Final = 16
"""Looks at single ids that are under way at once."""

SICK: Final = 3
"""Sweeps that fail one after the other, after which the list is done without for a while."""

WITHOUT: Final = 3
"""Rounds that do without a list that is sick, before it is asked again."""

LIST: Final = ""
"""Stands for the list where an id is told: no id is empty."""


class Onlooker(Protocol):
    """Who is told."""

    def moment(self) -> int:
        """Name the moment at which something is asked for."""
        ...

    def show(self, id: str, item: Any | None, asked: int, /, *, whole: bool) -> None:
        """Take in what was seen: a row of the list, a look, or `None` where nothing is there.

        What happened after the moment it was `asked` for, it cannot show.
        """
        ...

    def hear(self, id: str, error: Exception, /) -> None:
        """Take in why looking at an id, or at `LIST`, failed."""
        ...


class Looks:
    """What is being looked at, singly and by a sweep of the list.

    Attributes:
        requests: What looking has cost since a round began.
        pages: How many pages the list has, as far as known.
        sweeps: Whether the list is of use.
    """

    def __init__(
        self,
        caller: Caller,
        one: Endpoint[Envelope[Any]],
        many: Endpoint[Page[Any]],
        onlooker: Onlooker,
        group: TaskGroup,
        pages: int,
    ) -> None:
        """Look at nothing yet.

        Args:
            caller: What makes the calls.
            one: The endpoint that shows one id.
            many: The list that shows them all.
            onlooker: Who is told.
            group: What the work runs in.
            pages: How many pages the list had before.
        """
        self._caller = caller
        self._one = one
        self._many = many
        self._onlooker = onlooker
        self._group = group
        self._due: dict[str, None] = {}
        self._under_way: set[str] = set()
        self._sought: set[str] = set()
        self._round: set[str] = set()
        self._quiet = anyio.Event()
        self._misses: dict[str, int] = {}
        self._lookers = 0
        # Sweeps that failed one after the other, rounds that do without, and when it spoke last.
        self._failures = 0
        self._without = 0
        self._heard = 0.0
        self.requests = 0
        self.pages = pages
        self.sweeps = True

    def begin(self, ids: Iterable[str], late: Iterable[str] = ()) -> None:
        """Begin a round: look at ids, by a sweep where that costs fewer requests.

        Args:
            ids: Which; those that still hang from a round before are left alone.
            late: Those of them that cannot wait for the end of a sweep that is under way.
        """
        self.requests = 0
        self._round, self._quiet = set(), anyio.Event()
        asked = [id for id in ids if not self._is_busy(id)]
        if not self.sweeps or self.pages >= len(asked) or self._is_sick():
            self.look(asked)
        elif LIST in self._under_way:
            self.look(late)
        else:
            self._heard = self._caller.clock.now()
            self._sought = set(asked)
            self._round.add(LIST)
            self._under_way.add(LIST)
            self._group.start_soon(self._one_thing, LIST, self._sweep())

    def look(self, ids: Iterable[str]) -> None:
        """Have ids looked at, each by itself, as part of this round."""
        for id in ids:
            if not self._is_busy(id):
                self._due[id] = None
                self._round.add(id)
        # Those at work may hang: they are not counted on.
        for _ in range(min(LOOKERS - self._lookers, len(self._due))):
            self._lookers += 1
            self._group.start_soon(self._look_around)

    async def finished(self) -> None:
        """Wait until the round is over; what hangs from another one is not waited for."""
        if self._round:
            await self._quiet.wait()

    def leave(self, id: str) -> None:
        """Look at an id no more: nobody waits for it."""
        self._due.pop(id, None)
        self._misses.pop(id, None)
        self._sought.discard(id)
        if id not in self._under_way:
            self._done(id)

    def clear(self) -> None:
        """Look at nothing that has not begun."""
        for id in list(self._due):
            self.leave(id)

    def let_go(self) -> None:
        """Wait for nothing of this round any more."""
        self._quiet.set()

    def _is_sick(self) -> bool:
        """Tell whether this round has to do without the list."""
        if LIST in self._under_way:
            return self._caller.clock.now() - self._heard >= LONGEST
        self._without = max(-1, self._without - 1)
        return self._without >= 0

    def _is_busy(self, id: str) -> bool:
        return id in self._due or id in self._under_way

    def _done(self, id: str) -> None:
        self._round.discard(id)
        if not self._round:
            self._quiet.set()

    async def _look_around(self) -> None:
        """Look at one id after another, until none is due."""
        try:
            while self._due:
                id = next(iter(self._due))
                del self._due[id]
                await self._one_thing(id, self._look(id))
        finally:
            self._lookers -= 1

    async def _one_thing(self, id: str, work: Awaitable[None]) -> None:
        self._under_way.add(id)
        try:
            await work
        except BeeOSError as error:
            # Kept by who is told of it; its frames are not.
            self._onlooker.hear(id, error.with_traceback(None))
        except Exception as error:  # noqa: BLE001 -- out of the callable that gives the key
            self._onlooker.hear(id, error)
        finally:
            self._under_way.discard(id)
            self._done(id)

    async def _look(self, id: str) -> None:
        began = self._onlooker.moment()
        try:
            item = (await self._ask(Call.to(self._one, id, pass_=self._pass()))).data
        except NotFoundError:
            item = None
        self._misses.pop(id, None)
        self._onlooker.show(id, item, began, whole=True)

    async def _sweep(self) -> None:
        """Sweep the list, and look at each where the list fails."""
        ids = self._sought
        try:
            await self._page_through(ids)
        except BeeOSError as error:
            self._failures += 1
            answered = isinstance(error, APIError) and not isinstance(error, AuthenticationError)
            # What fails once may be well a moment later; to look at a few is soon done.
            if self._failures >= SICK or (answered and len(ids) <= PAGE_SIZE):
                self._without = WITHOUT
                if answered:
                    self.look(ids)
            raise
        self._failures = 0

    async def _page_through(self, ids: set[str]) -> None:
        """Page through the list, for as long as that is cheaper than to look at the rest."""
        params: Params | None = {"page": 0, "pageSize": PAGE_SIZE}
        before: Page[Any] | None = None
        asked = 0
        while params is not None:
            began = self._onlooker.moment()
            call = Call.to(self._many, pass_=self._pass(), params=params)
            page = await self._ask(call)
            asked += 1
            self._heard = self._caller.clock.now()
            for row in page.data:
                ids.discard(row.id)
                self._onlooker.show(row.id, row, began, whole=False)
            params, before = next_numbered(params, page, before), page
            self.pages = pages_of(page.total, asked, self.pages, more=params is not None)
            if params is not None and self.pages - asked >= len(ids):
                self.look(ids)
                return
        for id in ids:
            # Pages shift while the list changes: absence proves nothing.
            self._misses[id] = self._misses.get(id, 0) + 1
            if self._misses[id] >= MISSES:
                self.look([id])

    def _pass(self) -> Pass:
        # What waits longer at the gate is of yesterday; the next round asks anew.
        return Pass(
            lane=Lane.POLL, deadline=self._caller.clock.now() + self._caller.options.timeout
        )

    async def _ask(self, call: Call[T]) -> T:
        try:
            return await self._caller.run(call)
        finally:
            self.requests += call.tries
