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
import logging
import math
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, TypeVarTuple, Unpack, cast

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from msgspec import structs

from .._checks import budget, count, seconds
from .._io.call import Call, Pass
from .._io.caller import Caller
from .._io.queues import Lane
from .._protocol.endpoint import Endpoint
from .._protocol.wire import bare
from ..errors import BeeOSError, ClientClosedError, ConfigurationError
from ..models._base import Envelope
from ..models.instances import Instance
from .journal import Journal
from .mailbox import Mailbox
from .outcomes import Failed, Outcome, Reason, Skipped, Succeeded, Tally, TimedOut
from .progress import Meter, Progress
from .report import FleetReport
from .source import Ids, LateError, Source
from .steps import Accepted, JournalState
from .verdicts import (
    doubt_of,
    is_final,
    is_refused_key,
    judged,
    left_by,
    what_ends,
    what_ends_waiting,
)
from .waits import WAITING_LIMIT, Waiting, Waits

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")
Args = TypeVarTuple("Args")

log: Final = logging.getLogger("beeos_async")

GRACE: Final = 0.2
"""Seconds beyond the run's deadline to find out what became of calls in flight."""

BREATH: Final = 200
"""Outcomes without a request, after which other tasks of the loop get a turn."""

KEY_PROBE: Final = 1.0
"""Seconds after a refused key until one request tries it again."""


class FleetRun(Generic[T]):
    """A run: an async context manager, and an async iterator over outcomes as they finish.

    Leaving the block early ends the run: what is in flight becomes `Unknown`, the rest
    `Skipped("cancelled")`, and the report is complete all the same.

    Example:
        ```python
        async with bee.start_stream(ids) as run:
            async for outcome in run:
                if isinstance(outcome, Failed):
                    print(outcome.id, outcome.error)
                    run.stop()
        print(run.report)
        ```
    """

    # Here, for a traceback that shows its locals also shows what was refused as it was made.
    _is_made = False

    def __init__(
        self,
        caller: Caller,
        row: Endpoint[Any],
        ids: Ids,
        *,
        max_concurrency: int | None = None,
        deadline: float | None = None,
        max_failures: float | None = None,
        on_outcome: Callable[[Outcome[T]], object] | None = None,
        journal: str | os.PathLike[str] | None = None,
        collect: bool = True,
        read: bool = True,
        waiting: Waiting | None = None,
        unsure: set[str] | None = None,
    ) -> None:
        """Check the options; nothing is pulled or sent yet.

        Args:
            caller: What makes the calls.
            row: The endpoint to call for each id.
            ids: Which.
            max_concurrency: Workers; the client's semaphore holds in any case.
            deadline: Seconds for the whole run.
            max_failures: How many ids may fail, or which share of them, before the run stops.
            on_outcome: Called, and awaited where it is async, once for each outcome; not for
                those a cancellation or an early exit has written.
            journal: Where it is written down what was sent and what came of it.
            collect: Whether outcomes are kept for the report.
            read: Whether somebody iterates over the run.
            waiting: What each id that is accepted has to wait for.
            unsure: Takes the ids of which it cannot be told whether they were as wished before.

        Raises:
            TypeError: `ids` is a single string, or no iterable.
            ConfigurationError: An option cannot work.
        """
        self._clock = caller.clock
        self._now = caller.clock.now
        self._source = Source(ids, caller.clock, self._admit)
        size = self._source.size
        if max_concurrency is not None:
            count("max_concurrency", max_concurrency, least=1, most=10_000)
        if deadline is not None:
            seconds("deadline", deadline)
        if max_failures is not None:
            budget("max_failures", max_failures, sized=size is not None)
        if on_outcome is not None and not callable(on_outcome):
            msg = f"on_outcome must be a function of an outcome, not {on_outcome!r}"
            raise ConfigurationError(msg)
        if isinstance(max_failures, float):
            # 0.29 of a hundred are 29, although the product of floats is a little less.
            max_failures = int(round(max_failures * self._source.distinct(), 6))
        self._caller = caller
        self._row = row
        self._workers = max_concurrency or caller.gate.slots
        self._allowed = deadline
        self._max_failures = max_failures
        self._on_outcome = on_outcome
        self._collect = collect
        self._pass = Pass(unsure=unsure)
        self._outcomes: dict[str, Outcome[T] | None] = {}
        self._tally = Tally(counts={})
        self._mail: Mailbox[Outcome[T]] = Mailbox(read=read)
        self._is_quiet = not read and on_outcome is None and journal is None and waiting is None
        self._halted: Reason | None = None
        # Whether an id was left without its turn, or may have been.
        self._left_some = False
        self._error: BaseException | None = None
        self._probing: anyio.Event | None = None
        self._silent = 0
        self._inherited = 0
        self._past = 0
        self._busy = 0
        self._began = 0.0
        self._meter = Meter(caller.gate, row.bucket, self._workers)
        self._driver: asyncio.Task[None] | None = None
        self._operation = row.operation if waiting is None or waiting.action else "wait"
        self._journal: Journal | None = None
        if journal is not None:
            wish = None if waiting is None else waiting.wish
            self._journal = Journal(journal, self._operation, wish, caller.base_url, caller.key)
        self._waits: Waits[T] | None = None
        if waiting is not None:
            self._waits = Waits(
                waiting,
                caller.clock,
                couriers=self._workers,
                hand_over=self._hand_over,
                hear=self._hear,
                limit=None if collect else WAITING_LIMIT,
            )
        self._is_made = True

    def __repr__(self) -> str:
        """Show how far it is."""
        if not self._is_made:
            return "<FleetRun that was refused>"
        return f"<FleetRun of {self._operation}: {self.progress}>"

    async def __aenter__(self) -> Self:
        """Begin."""
        if self._driver is not None:
            msg = "a run is entered once; make another one"
            raise RuntimeError(msg)
        self._caller.transport.stay_home()
        self._caller.gate.stay_open()
        journal = self._journal
        if journal is not None:
            await _opened(journal)
        self._caller.gate.when_closed.append(self._close)
        self._began = self._now()
        self._meter.begin(self._began)
        deadline = None if self._allowed is None else self._began + self._allowed
        before = None if journal is None else journal.sent
        self._pass = Pass(
            lane=Lane.FLEET,
            deadline=deadline,
            grace=GRACE,
            before=before,
            unsure=self._pass.unsure,
        )
        if journal is not None:
            self._jot(journal.begin, self._clock.wall())
        if self._waits is not None:
            self._waits.until = deadline
        size = self._source.size
        log.info("%s: a run of %s ids begins", self._operation, "?" if size is None else size)
        name = f"beeos-async {self._operation}"
        counts = self._tally.counts
        work = self._caller.accompany(self._drive(), self._operation, size, counts)
        driver = self._driver = asyncio.create_task(work, name=name)
        try:
            # A task that is cancelled before its first step never runs, not even to clean up.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            driver.cancel()
            await asyncio.wait([driver])
            raise
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
            # It takes a loop some turns to cancel all of it, and nothing more is launched in them.
            self._halt("cancelled")
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
        if self._driver is None:
            raise _not_entered()
        outcome = await self._mail.get()
        if outcome is None:
            self._raise_error()
            raise StopAsyncIteration
        return outcome

    async def wait(self) -> None:
        """Wait until the run is over, without reading its outcomes.

        Raises:
            Exception: What `ids` or `on_outcome` raised.

        Example:
            ```python
            async with bee.start_stream(ids, deadline=60, on_outcome=print) as run:
                await run.wait()
            ```
        """
        if self._driver is None:
            raise _not_entered()
        self._mail.forget()
        await asyncio.wait([self._driver])
        self._raise_error()

    async def unfinished(self) -> dict[str, JournalState]:
        """Tell what the journal knows of a run that was cut short, which this one goes on with.

        May be asked before the run is entered; nothing is locked or changed.  Where the ids
        are found anew each time, as by a filter, what was begun may not be found any more:
        those given here belong to the run as well.  Of a `Pager` the run knows by itself.

        Returns:
            How far each id had come: the kind of its outcome, or `"accepted"` where it is
            still waited for.  Empty without a journal, and after a run that came to its end.

        Raises:
            ConfigurationError: It cannot be read, is no journal, or is of something else.

        Example:
            ```python
            begun = await bee.start_stream([], journal="night.jsonl").unfinished()
            report = await bee.start_many([*begun, *ids], journal="night.jsonl")
            print(len(begun), report.ok)  # 0 True
            ```
        """
        if self._journal is None:
            return {}
        return await to_thread.run_sync(self._journal.look)

    def _close(self) -> None:
        self._halt("closed")

    def stop(self) -> None:
        """Launch nothing more; the rest is `Skipped("stopped")`.

        What is in flight finishes, and what was accepted is waited for; a host that is down
        is not.

        Example:
            ```python
            async with bee.start_stream(ids, max_concurrency=2) as run:
                async for outcome in run:
                    if run.progress.done >= 5:
                        run.stop()
            print(run.report.skipped[-1].reason)  # stopped
            ```
        """
        self._halt("stopped")

    @property
    def report(self) -> FleetReport[T]:
        """What is known so far; complete once the block has been left, however it was left."""
        if self._driver is not None and self._driver.done():
            # A cancellation has no time for a long tail; whoever reads the report has.  Of a
            # collection that was changed meanwhile no more can be had: the run has raised it.
            with contextlib.suppress(Exception):
                for id in self._source.rest():
                    self._write(self._left(id))
            if self._journal is not None:
                self._journal.close()
        known = {id: outcome for id, outcome in self._outcomes.items() if outcome is not None}
        tally = structs.replace(self._tally, counts=dict(self._tally.counts))
        if self._driver is not None and not self._driver.done():
            tally.elapsed = self._now() - self._began
        return FleetReport(self._operation, known, tally)

    @property
    def progress(self) -> Progress:
        """How far the run is, how fast it goes and what holds it, in this moment."""
        return self._meter.read(
            self._now(),
            self._tally,
            size=self._source.size,
            past=self._past,
            busy=self._busy,
            waits=self._waits,
            until=self._pass.deadline,
            probing=self._probing is not None,
            unread=self._mail.full,
            halted=self._halted is not None,
            over=self._driver is not None and self._driver.done(),
        )

    def _halt(self, reason: Reason) -> None:
        """Launch nothing more; the first reason is the one for all that is left."""
        if self._halted is None:
            self._halted = reason
            self._source.close()
            self._caller.gate.dismiss(self._pass)
            if self._waits is not None:
                self._waits.wake()

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            error.add_note(f"beeos_async: {self.report}")
            with contextlib.suppress(AttributeError):
                error.report = self.report  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise error

    async def _drive(self) -> None:
        try:
            try:
                begun = () if self._journal is None else self._journal.ids
                await self._source.open(self._pass.deadline, begun)
            except LateError:
                self._halt("deadline")
            size = self._source.size
            workers = self._workers if size is None else min(self._workers, size)
            launch = partial(self._launch, workers)
            await (launch() if self._waits is None else self._waits.around(launch))
            failed = self._error is not None or self._tally.fatal is not None
            if self._journal is not None and not (self._left_some or failed):
                self._jot(self._journal.end)
        except asyncio.CancelledError:
            self._halt("cancelled")
            raise
        except BaseException as error:  # noqa: BLE001 -- the user's own; raised by whoever waits
            self._halt("stopped")
            self._error = self._error or _bare(error)
        finally:
            for outcome in self._waits.break_off() if self._waits is not None else ():
                # What only waited is in the journal as accepted, which tells as much.
                if isinstance(outcome, TimedOut):
                    self._write(outcome)
                else:
                    self._break_off(outcome)
            self._tally.elapsed = self._now() - self._began
            self._caller.gate.when_closed.remove(self._close)
            if self._journal is not None:
                self._journal.unlock()
            self._mail.close()
            # The one line looks at every outcome: not for nobody.
            if log.isEnabledFor(logging.INFO):
                log.info("%s: %s", self._operation, self.report)

    async def _launch(self, workers: int) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(self._own, self._take_turns)
        if self._halted is not None:
            self._left_some = self._left_some or self._source.size is None
            for id in self._source.rest():
                await self._own(self._put, self._left(id))

    def _admit(self, id: str) -> bool:
        """Take an id in, once."""
        if self._collect:
            if id in self._outcomes:
                self._tally.duplicates += 1
                return False
            # Its place in the report is its place in the input.
            self._outcomes[id] = None
        return True

    async def _own(self, work: Callable[[Unpack[Args]], Awaitable[None]], *args: *Args) -> None:
        """Work, and tell a cancellation of something of the user's own from one of the run."""
        try:
            await work(*args)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            msg = "the ids, the callback or the key callable of this run was cancelled"
            self._fail(RuntimeError(msg))

    async def _take_turns(self) -> None:
        while self._halted is None:
            if self._probing is not None:
                await self._probing.wait()
                continue
            if self._waits is not None and self._waits.full:
                await self._waits.change()
                continue
            try:
                deadline = self._pass.deadline
                id = self._source.at_once(deadline)
                if id is None:
                    id = await self._source.next(deadline)
            except LateError:
                self._halt("deadline")
                return
            except Exception as error:  # noqa: BLE001 -- the user's own, out of `ids`
                self._fail(error)
                return
            if id is None:
                return
            if self._journal is None and self._halted is None:
                await self._bring(id)
            else:
                await self._turn(id)

    async def _wait_for(self, accepted: Succeeded[T], waits: Waits[T]) -> None:
        """Give an id that was accepted away, unless it is ready already."""
        at_once = waits.take(accepted)
        if at_once is not None:
            await self._finish(at_once)
            return
        if self._journal is not None:
            self._jot(self._journal.accepted, accepted)
        # Also one that was accepted by an earlier run costs no request.
        await self._breathe()

    async def _turn(self, id: str) -> None:
        """Give one id its turn where a journal may know of it, or nothing is launched any more."""
        past = None if self._journal is None else self._journal.past(id)
        if self._halted is not None or (past is not None and is_final(past, self._row)):
            await self._put(self._left(id))
            await self._breathe()
        elif isinstance(past, Accepted):
            await self._pass_on(cast("Outcome[T]", past.outcome))
        else:
            await self._bring(id, None if past is None else doubt_of(past))

    async def _bring(self, id: str, doubt: BeeOSError | None = None) -> None:
        """Bring one id to its outcome, whatever it takes.

        Args:
            id: The id.
            doubt: Why it is looked at first: an earlier run may have sent it.
        """
        self._busy += 1
        began = self._now()
        outcome = await self._call(id, began, 0, doubt)
        if is_refused_key(outcome):
            outcome = await self._bear(outcome, began)
        self._busy -= 1
        if self._is_quiet and outcome.attempts:
            # Nobody is told, and others had their turns while the request was out.
            self._write(outcome)
        else:
            await self._pass_on(outcome)

    async def _pass_on(self, outcome: Outcome[T]) -> None:
        """Tell of an outcome, or let what was accepted wait."""
        if self._waits is not None and isinstance(outcome, Succeeded):
            await self._wait_for(outcome, self._waits)
        else:
            await self._finish(outcome)

    def _left(self, id: str) -> Outcome[T]:
        """Come to the outcome of an id of which nothing more is asked."""
        self._left_some = self._left_some or self._halted is not None
        past = None if self._journal is None else self._journal.past(id)
        if past is None:
            return Skipped(id, self._halted or "cancelled")
        outcome: Outcome[T] = left_by(past)
        # The budget is of what this run does, and so is its pace.
        self._inherited += outcome.kind != "succeeded"
        self._past += outcome.kind != "skipped"
        return outcome

    async def _bear(self, outcome: Outcome[T], began: float) -> Outcome[T]:
        """Bear a refused key: try it once more, or wait for who does."""
        while is_refused_key(outcome) and self._halted is None:
            if self._probing is None:
                return await self._probe(outcome, began)
            await self._bide(outcome, self._probing.wait())
            if self._halted is None:
                outcome = await self._call(outcome.id, began, outcome.attempts)
        return outcome

    async def _probe(self, refused: Outcome[T], began: float) -> Outcome[T]:
        """Try a refused key once more, while nothing is launched: a second no is final."""
        verdict = self._probing = anyio.Event()
        try:
            await self._bide(refused, self._until_probe())
            if self._halted is not None:
                return refused
            outcome = await self._call(refused.id, began, refused.attempts)
            if isinstance(outcome, Failed) and is_refused_key(outcome):
                self._end(outcome.error)
            return outcome
        finally:
            self._probing = None
            verdict.set()

    async def _until_probe(self) -> None:
        """Sleep until a refused key is due once more, or nothing is."""
        left = math.inf
        if self._pass.deadline is not None:
            left = max(0.0, self._pass.deadline - self._now())
        with contextlib.suppress(ClientClosedError):
            await self._caller.gate.rest(min(KEY_PROBE, left))
        if left <= KEY_PROBE:
            self._halt("deadline")

    async def _bide(self, outcome: Outcome[T], pause: Awaitable[None]) -> None:
        """Wait with an outcome at hand, which a cancellation makes the last word."""
        try:
            await pause
        except asyncio.CancelledError:
            self._break_off(outcome)
            raise

    def _end(self, error: BeeOSError) -> None:
        """End the run because of something that would fail every id."""
        if self._halted is None:
            self._tally.fatal = error
            self._halt("fatal")

    async def _call(
        self, id: str, began: float, before: int, doubt: BeeOSError | None = None
    ) -> Outcome[T]:
        """Make the call for one id; `before` requests were made for it already."""
        try:
            request = bare(self._row, id)
        except ConfigurationError:
            return Skipped(id, "invalid_id")
        call: Call[Envelope[Any]] = Call(self._row, id, request, self._pass, None)
        if self._waits is not None and not self._waits.sends:
            return Succeeded(id, cast("T", Instance(id=id)))
        if doubt is not None:
            call.doubt(doubt)
        failure: BeeOSError | None = None
        answer: Envelope[Any] | None = None
        try:
            answer = await self._caller.run(call)
        except asyncio.CancelledError:
            elapsed, attempts = self._now() - began, before + call.attempts
            self._break_off(judged(call, None, None, self._halted, attempts, elapsed))
            raise
        except BeeOSError as error:
            # An outcome is kept; the frames of its error are not.
            failure = error.with_traceback(None)
            self._heed(failure, what_ends(failure))
        except Exception as error:  # noqa: BLE001 -- of the callable that gives the key, or the journal's
            self._fail(error)
        elapsed, attempts = self._now() - began, before + call.attempts
        return judged(call, answer, failure, self._halted, attempts, elapsed)

    def _heed(self, error: BeeOSError, reason: Reason | None) -> None:
        """Halt where an error means the end of the run."""
        if reason == "fatal":
            self._end(error)
        elif reason is not None:
            self._halt(reason)

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
        if self._mail.read:
            await self._mail.until_room()
        if not outcome.attempts:
            await self._breathe()

    async def _breathe(self) -> None:
        """Give other tasks a turn, where many ids in a row cost no request."""
        self._silent += 1
        if self._silent % BREATH == 0:
            await checkpoint()

    async def _finish(self, outcome: Outcome[T]) -> None:
        """Write down what became of an id, and then tell of it."""
        if self._journal is not None:
            self._jot(self._journal.outcome, outcome)
        await self._put(outcome)

    def _break_off(self, outcome: Outcome[T]) -> None:
        """Write down what became of an id as a cancellation came; there is no time to tell."""
        if self._journal is not None:
            self._jot(self._journal.outcome, outcome)
        self._write(outcome)

    async def _hand_over(self, outcome: Outcome[T]) -> None:
        await self._own(self._finish, outcome)

    def _hear(self, error: Exception) -> None:
        """Halt because looking at those that wait has failed for all of them."""
        if isinstance(error, BeeOSError):
            self._heed(error, what_ends_waiting(error))
        else:
            self._fail(error)

    def _write(self, outcome: Outcome[T]) -> None:
        if self._collect:
            self._outcomes[outcome.id] = outcome
        self._tally.add(outcome)
        if self._mail.read:
            self._mail.put(outcome)
        if self._max_failures is not None:
            lost = self._tally.lost - self._inherited
            if lost > self._max_failures:
                self._halt("max_failures")

    def _jot(self, write: Callable[..., None], *what: object) -> None:
        """Write into the journal; a run that cannot be written down launches nothing more."""
        try:
            write(*what)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Stop launching because of an error of the user's own; the first one is raised."""
        if self._error is None:
            self._error = error
        self._halt("stopped")


def _not_entered() -> RuntimeError:
    return RuntimeError("a run begins with `async with`")


async def _opened(journal: Journal) -> None:
    """Open a journal, away from the loop: a long one takes a while to read."""
    opening = asyncio.create_task(to_thread.run_sync(journal.open))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on; what it locks must not stay locked.
        await asyncio.wait([opening])
        opening.exception()
        journal.close()
        raise


def _bare(error: BaseException) -> BaseException:
    """Take what a worker raised out of the groups it came in."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
