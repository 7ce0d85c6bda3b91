"""Workers on one iterator: how a fleet runs.

Each worker takes an id, makes its call, writes its outcome and takes the next one; no task
exists for an id whose turn has not come.  How a single call survives trouble is the
caller's business; here it is decided only what a run adds: when to stop launching, what
becomes of the rest, and who is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint
from msgspec import structs

from .._checks import count, seconds
from .._io.caller import Call, Caller, Pass
from .._io.gate import Lane
from .._io.pager import Pager
from .._protocol.endpoint import Endpoint
from ..errors import (
    BeeOSError,
    ClientClosedError,
    ConfigurationError,
    ConnectionLostError,
    Trouble,
)
from ..models._base import Envelope
from ..models.instances import Instance
from .outcomes import Failed, FleetReport, Outcome, Reason, Skipped, Succeeded, Tally, Unknown

if TYPE_CHECKING:
    from types import TracebackType


T = TypeVar("T")

Ids = Iterable[str | Instance] | AsyncIterable[str | Instance]

GRACE: Final = 0.2
"""Seconds beyond the run's deadline to find out what became of calls in flight."""

UNREAD_LIMIT: Final = 1000
"""Outcomes nobody has read yet, at which workers pause."""

BREATH: Final = 200
"""Outcomes without a request, after which other tasks of the loop get a turn."""


class FleetRun(Generic[T]):
    """A run: an async context manager, and an async iterator over outcomes as they finish.

    ```python
    async with bee.start_stream(ids) as run:
        async for outcome in run:
            print(outcome.id, outcome.kind)
    print(run.report)
    ```

    Leaving the block early ends the run: what is in flight becomes `Unknown`, the rest
    `Skipped("cancelled")`, and the report is complete all the same.
    """

    def __init__(
        self,
        caller: Caller,
        row: Endpoint[Any],
        ids: Ids,
        *,
        max_concurrency: int | None = None,
        deadline: float | None = None,
        on_outcome: Callable[[Outcome[T]], object] | None = None,
        collect: bool = True,
        read: bool = True,
    ) -> None:
        """Check the options; nothing is pulled or sent yet.

        Args:
            caller: What makes the calls.
            row: The endpoint to call for each id.
            ids: Which.
            max_concurrency: Workers; the client's semaphore holds in any case.
            deadline: Seconds for the whole run.
            on_outcome: Called, and awaited where it is async, once for each outcome.
            collect: Whether outcomes are kept for the report.
            read: Whether somebody iterates over the run.

        Raises:
            TypeError: `ids` is a single string, or no iterable.
            ConfigurationError: An option cannot work.
        """
        _many(ids)
        if max_concurrency is not None:
            count("max_concurrency", max_concurrency, least=1, most=10_000)
        if deadline is not None:
            seconds("deadline", deadline)
        self._caller = caller
        self._clock = caller.clock
        self._row = row
        self._given = ids
        self._workers = max_concurrency or caller.gate.slots
        self._allowed = deadline
        self._on_outcome = on_outcome
        self._collect = collect
        self._read = read
        self._pass = Pass()
        self._source: Iterator[str] | None = None
        self._stream: AsyncIterator[str | Instance] | None = None
        self._pulling = anyio.Lock()
        self._pull_timer: asyncio.Timeout | None = None
        self._outcomes: dict[str, Outcome[T] | None] = {}
        self._tally = Tally(counts={})
        self._halted: Reason | None = None
        self._error: Exception | None = None
        self._unread: deque[Outcome[T]] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._silent = 0
        self._began = 0.0
        self._driver: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        self._caller.transport.stay_home()
        self._caller.gate.stay_open()
        self._began = self._clock.now()
        deadline = None if self._allowed is None else self._began + self._allowed
        self._pass = Pass(lane=Lane.FLEET, deadline=deadline, grace=GRACE)
        name = f"beeos-async {self._row.operation}"
        self._driver = asyncio.create_task(self._drive(), name=name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, early if need be; an error of the body leaves as it is."""
        driver = self._driver
        assert driver is not None  # noqa: S101 -- made on entry
        if not driver.done():
            driver.cancel()
            await asyncio.wait([driver])
        if error is None:
            self._raise_error()

    def __aiter__(self) -> Self:
        """Iterate over outcomes as they finish."""
        return self

    async def __anext__(self) -> Outcome[T]:
        """Wait for the next outcome.

        Raises:
            Exception: What `ids` or `on_outcome` raised, once all outcomes are read.
        """
        while not self._unread:
            if self._driver is None or self._driver.done():
                self._raise_error()
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        self._room.set()
        return self._unread.popleft()

    async def wait(self) -> None:
        """Wait until the run is over, without reading its outcomes.

        Raises:
            Exception: What `ids` or `on_outcome` raised.
        """
        self._read = False
        self._room.set()
        if self._driver is not None:
            await asyncio.wait([self._driver])
        self._raise_error()

    def stop(self) -> None:
        """Launch nothing more; what is in flight finishes, the rest is `Skipped("stopped")`."""
        self._halt("stopped")

    @property
    def report(self) -> FleetReport[T]:
        """What is known so far; complete once the block has been left, however it was left."""
        known = {id: outcome for id, outcome in self._outcomes.items() if outcome is not None}
        tally = structs.replace(self._tally, counts=dict(self._tally.counts))
        return FleetReport(self._row.operation, known, tally)

    def _halt(self, reason: Reason) -> None:
        if self._halted is None:
            self._halted = reason
            if self._pull_timer is not None:
                # Somebody waits for a slow iterable: it is not needed any more.
                self._pull_timer.reschedule(asyncio.get_running_loop().time())

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            error.add_note(f"beeos_async: {self.report}")
            with contextlib.suppress(AttributeError):
                error.report = self.report  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise error

    async def _drive(self) -> None:
        try:
            await self._open()
            workers = self._workers
            if isinstance(self._given, Sized):
                workers = min(workers, len(self._given))
            async with anyio.create_task_group() as group:
                for _ in range(workers):
                    group.start_soon(self._work)
            await self._skip_rest()
        except asyncio.CancelledError:
            self._halt("cancelled")
            for id in self._rest():
                self._write(Skipped(id, "cancelled"))
            raise
        except Exception as error:  # noqa: BLE001 -- the user's own, from ids; raised by whoever waits
            self._error = error
        finally:
            self._tally.elapsed = self._clock.now() - self._began
            self._news.set()

    async def _open(self) -> None:
        """Turn what was given into one iterator for all workers."""
        if isinstance(self._given, Pager):
            # Starting changes the very list that is being paged: read it first, until a
            # pass finds nothing new.
            pager = cast("Pager[Instance]", self._given)
            found: dict[str, Instance] = {}
            known = -1
            while len(found) > known:
                known = len(found)
                found.update({one.id: one for one in await pager.collect()})
            self._given = list(found)
        if isinstance(self._given, AsyncIterable):
            self._stream = aiter(self._given)
        else:
            self._source = self._admitted(self._given)

    def _admitted(self, items: Iterable[str | Instance]) -> Iterator[str]:
        for item in items:
            id = self._admit(item)
            if id is not None:
                yield id

    def _admit(self, item: object) -> str | None:
        """Take an id in, once."""
        if isinstance(item, Instance):
            item = item.id
        # What is no string gets a name that no id can have, and so is never sent.
        id = item if isinstance(item, str) else f"<{type(item).__name__} {item!r}>"
        if self._collect:
            if id in self._outcomes:
                self._tally.duplicates += 1
                return None
            # Its place in the report is its place in the input.
            self._outcomes[id] = None
        return id

    async def _work(self) -> None:
        while self._halted is None:
            try:
                id = await self._next()
            except Exception as error:  # noqa: BLE001 -- the user's own, out of `ids`
                self._fail(error)
                return
            if id is None:
                return
            await self._put(await self._one(id))

    async def _next(self) -> str | None:
        """Pull the next id; `None` at the end."""
        deadline = self._pass.deadline
        if deadline is not None and self._clock.now() >= deadline:
            self._halt("deadline")
            return None
        if self._source is not None:
            return next(self._source, None)
        async with self._pulling:
            return await self._pull(deadline)

    async def _pull(self, deadline: float | None) -> str | None:
        stream = self._stream
        assert stream is not None  # noqa: S101 -- opened before any worker
        id: str | None = None
        while id is None and self._halted is None:
            limit = None if deadline is None else deadline - self._clock.now()
            timer = self._clock.limit(limit)
            try:
                async with timer:
                    self._pull_timer = timer
                    item = await anext(stream, _END)
            except TimeoutError:
                if not timer.expired():
                    raise
                item = _END
            finally:
                self._pull_timer = None
            if item is _END:
                if timer.expired():
                    self._halt("deadline")
                return None
            id = self._admit(item)
        return id

    async def _one(self, id: str) -> Outcome[T]:
        """Make the call for one id, whatever may come of it."""
        began = self._clock.now()
        try:
            call: Call[Envelope[Any]] = Call(self._row, (id,), self._pass)
        except ConfigurationError:
            return Skipped(id, "invalid_id")
        failure: BeeOSError | None = None
        answer: Envelope[Any] | None = None
        try:
            answer = await self._caller.run(call)
        except asyncio.CancelledError:
            self._write(self._judged(call, id, began, None, None))
            raise
        except BeeOSError as error:
            # An outcome is kept; the frames of its error are not.
            failure = error.with_traceback(None)
        return self._judged(call, id, began, answer, failure)

    def _judged(
        self,
        call: Call[Envelope[Any]],
        id: str,
        began: float,
        answer: Envelope[Any] | None,
        failure: BeeOSError | None,
    ) -> Outcome[T]:
        """Turn what is known of a call into its outcome; without either it was cancelled."""
        told: dict[str, Any] = {
            "attempts": call.attempts,
            "request_id": call.request_id,
            "queued": call.queued,
            "throttled": call.throttled,
            "elapsed": self._clock.now() - began,
        }
        if answer is not None:
            instance = answer.data if isinstance(answer.data, Instance) else None
            already = call.already or (call.looked == 0 and _has_come_true(call.row, instance))
            return Succeeded(id, cast("T", instance), already, **told)
        if failure is None:
            in_doubt = call.in_doubt
            return Unknown(id, _broken_off(), **told) if in_doubt else Skipped(id, "cancelled")
        if failure.delivered != "no":
            return Unknown(id, failure, **told)
        if isinstance(failure, ClientClosedError):
            self._halt("closed")
            return Skipped(id, "closed", **told)
        if failure.gave_up is not None:
            self._halt(failure.gave_up)
            return Skipped(id, failure.gave_up, **told)
        return Failed(id, failure, **told)

    async def _put(self, outcome: Outcome[T]) -> None:
        """Write an outcome, tell of it, and wait while nobody reads."""
        self._write(outcome)
        if self._on_outcome is not None:
            try:
                told = self._on_outcome(outcome)
                if inspect.isawaitable(told):
                    await told
            except Exception as error:  # noqa: BLE001 -- the user's own
                self._fail(error)
        while self._read and len(self._unread) >= UNREAD_LIMIT:
            if self._room.is_set():
                self._room = anyio.Event()
            await self._room.wait()
        if not outcome.attempts:
            self._silent += 1
            if self._silent % BREATH == 0:
                await checkpoint()

    def _write(self, outcome: Outcome[T]) -> None:
        if self._collect:
            self._outcomes[outcome.id] = outcome
        self._tally.add(outcome)
        if self._read:
            self._unread.append(outcome)
            self._news.set()

    async def _skip_rest(self) -> None:
        if self._halted is not None:
            for id in self._rest():
                await self._put(Skipped(id, self._halted))

    def _rest(self) -> Iterator[str]:
        """Give the ids whose turn never came; of a generator's rest nothing can be said."""
        if self._source is not None and isinstance(self._given, Sized):
            yield from self._source

    def _fail(self, error: Exception) -> None:
        """Stop launching because of an error of the user's own; the first one is raised."""
        if self._error is None:
            self._error = error
        self._halt("stopped")


def _many(ids: object) -> None:
    """Refuse what is one thing: a string would fall apart into letters."""
    if isinstance(ids, str | bytes | Instance) or not isinstance(ids, Iterable | AsyncIterable):
        msg = f"ids must be an iterable of instance ids, not {type(ids).__name__}"
        if isinstance(ids, str):
            msg += "; for one instance write [id], or bee.start(id)"
        raise TypeError(msg)


def _has_come_true(row: Endpoint[Any], instance: Instance | None) -> bool:
    settle = row.repeat.settle
    return settle is not None and instance is not None and instance.status == settle.goal


def _broken_off() -> ConnectionLostError:
    return ConnectionLostError(
        Trouble(
            message="the run was cancelled before the answer came",
            reason="cancelled",
            delivered="maybe",
        )
    )


_END: Final[Any] = object()
