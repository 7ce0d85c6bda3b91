"""The bulk methods of a client: four actions on many ids, a plan, and a fleet for a while."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar, Unpack, cast

from .._io.caller import Caller
from .._io.poller import Poller
from .._protocol import table
from .._protocol.endpoint import Endpoint
from ..errors import ConfigurationError
from ..models.instances import Instance
from ..waiting import Action, DestroyWish, StartWish, StopWish, Wish, check_wish
from .engine import FleetRun
from .options import FleetOptions, StreamOptions, check_options
from .plan import FleetPlan, look
from .report import FleetReport
from .running import stop_again
from .source import Ids
from .waits import Waiting

T = TypeVar("T")


class Fleets:
    """What a client does with many ids."""

    _caller: Caller
    _poller: Poller

    async def start_many(
        self, ids: Ids, *, wait: StartWish | None = None, **options: Unpack[FleetOptions[Instance]]
    ) -> FleetReport[Instance]:
        """Start a fleet: each distinct id has one turn, and exactly one outcome.

        A start is sent again only where it certainly did not arrive, or where a look has shown
        that it did not take.

        Ids are pulled only as their turn comes, in order; a generator or an async iterator
        is never read further ahead than `max_concurrency` + 1.  A `Pager` is read to its
        end first, because starting changes the list that is being paged.

        With `wait`, an id that is accepted is watched by the client's one poller while its
        worker takes the next one: booting holds neither a worker nor a slot.  It comes out as
        `Succeeded` with the instance ready; as `Failed` with a `WaitError` once that can
        no longer be; or, when the deadline comes or the run is broken off, as `TimedOut`.

        With `journal`, each step is written down before it is acted upon, so that nothing is
        lost that this process was told, however it dies.  A run has come to its end when each
        id has come to one of its own; then the next call with the same journal begins anew.
        What was cut short, by a kill, a cancellation, the deadline, the budget, `stop` or a
        dead key, is gone on with instead, any number of times: what had succeeded is reported
        (and told to `on_outcome` and the stream) as it was then, without a request; what was
        accepted is waited for; what may have been sent is looked at first, and for a restart,
        of which no look can tell, stays `Unknown`; all else is tried, what had failed
        included.  A `Pager` need not find again what was begun: the journal's ids are added.
        Where you look the ids up yourself, add those of `FleetRun.unfinished`.
        `max_failures` counts what fails in this call.  A second run with the same journal is
        refused while the first goes on, and so is another action, wish, server or key.  If it
        cannot be written, nothing more is launched and the `OSError` is raised with `.report`.
        A job that shall start everything anew whatever became of the last run takes another
        file each time.

        Args:
            ids: Instance ids, or instances.  What is no id becomes `Skipped("invalid_id")`.
                Ids that were never pulled are reported only when `ids` is a sized
                collection: of a generator's rest nothing can be said.
            wait: `"running"`; `"online"`: running, and its control channel is up;
                `"connected"`: its message connection is up as well; or a function that says
                yes to the instance as a look shows it.
            **options: `max_concurrency`: how many ids at once; `deadline`: seconds for the
                whole run; `max_failures`: how many, or which share, may fail before it stops;
                `on_outcome`: called, or awaited, for each outcome; `journal`: a file by which
                a run that was cut short goes on.  All keywords; `FleetOptions` says more.

        Returns:
            The report.  Failures are in it; they are not raised.

        Raises:
            TypeError: `ids` is a single string, or no iterable; there is no such option.
            ConfigurationError: An option cannot work; the journal is in use, or of something
                else.
            OSError: The journal cannot be written.

        Example:
            ```python
            report = await bee.start_many(ids, wait="online", deadline=300, max_failures=0.05)
            print(report)  # 20 of 20 started in … s
            again = await bee.start_many(report.retryable_ids, journal="again.jsonl")
            ```
        """
        check_options("start_many", options, "wait")
        waiting = self._waiting(wait, "start")
        return await self._collected(table.START_INSTANCE, ids, options, waiting)

    async def stop_many(
        self, ids: Ids, *, wait: StopWish | None = None, **options: Unpack[FleetOptions[Instance]]
    ) -> FleetReport[Instance]:
        """Stop a fleet; in all else like `start_many`.

        Args:
            ids: As for `start_many`.
            wait: `"stopped"`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`.

        Returns:
            The report; `already` is said of what was stopped before.

        Example:
            ```python
            report = await bee.stop_many(bee.instances.list(status="running"), wait="stopped")
            print(report.counts)  # {'succeeded': 2}
            ```
        """
        check_options("stop_many", options, "wait")
        waiting = self._waiting(wait, "stop")
        return await self._collected(table.STOP_INSTANCE, ids, options, waiting)

    async def restart_many(
        self, ids: Ids, *, wait: StartWish | None = None, **options: Unpack[FleetOptions[Instance]]
    ) -> FleetReport[Instance]:
        """Restart a fleet; in all else like `start_many`.

        No state tells one restart from two, so none is sent again once it may have arrived:
        where the answer is lost or cannot be read, the outcome is `Unknown`.

        Args:
            ids: As for `start_many`.
            wait: As for `start_many`; it counts only once an instance has left `running`, or
                shows that it has started since.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`.

        Example:
            ```python
            report = await bee.restart_many([desk, phone], wait="online", deadline=300)
            for outcome in report.unknown:  # look at them before you do it again
                print(outcome.id, outcome.error)
            ```
        """
        check_options("restart_many", options, "wait")
        waiting = self._waiting(wait, "restart")
        return await self._collected(table.RESTART_INSTANCE, ids, options, waiting)

    async def destroy_many(
        self,
        ids: Ids,
        *,
        confirm: Literal[True],
        wait: DestroyWish | None = None,
        **options: Unpack[FleetOptions[None]],
    ) -> FleetReport[None]:
        """Destroy a fleet, for good; in all else like `start_many`.

        An instance that is gone after a lost answer was destroyed.

        Args:
            ids: As for `start_many`.
            confirm: `True`; there is no default, and nothing else will do.
            wait: `"terminated"`; an instance that is not there any more is.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`.

        Raises:
            ConfigurationError: It was not confirmed; nothing was sent.

        Example:
            ```python
            report = await bee.destroy_many(ids, confirm=True, wait="terminated", deadline=300)
            print(report)  # 20 of 20 destroyed in … s
            ```
        """
        _confirm(confirm, "destroy_many")
        check_options("destroy_many", options, "confirm", "wait")
        waiting = self._waiting(wait, "destroy")
        return await self._collected(table.DESTROY_INSTANCE, ids, options, waiting)

    async def wait_many(
        self, ids: Ids, wish: Wish, **options: Unpack[FleetOptions[Instance]]
    ) -> FleetReport[Instance]:
        """Wait until each of a fleet is ready; nothing is asked of any.

        Args:
            ids: As for `start_many`.
            wish: `"running"`, `"online"` or `"connected"`, as for `start_many`; `"stopped"`;
                `"terminated"`; or a function that says yes to the instance as a look shows it.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`.

        Returns:
            The report.  An instance that is wished elsewhere is `Failed` with a `WaitError`
            at once, one that is not ready at the deadline `TimedOut`.

        Example:
            ```python
            report = await bee.wait_many([desk, phone], "online", deadline=300)
            print(report)  # 2 of 2 ready in … s
            ```
        """
        check_options("wait_many", options)
        waiting = self._waiting(wish, "")
        return await self._collected(table.GET_INSTANCE, ids, options, waiting)

    def start_stream(
        self,
        ids: Ids,
        *,
        wait: StartWish | None = None,
        **options: Unpack[StreamOptions[Instance]],
    ) -> FleetRun[Instance]:
        """Start a fleet and see each outcome as it comes; see `FleetRun`.

        Args:
            ids: As for `start_many`.
            wait: As for `start_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`, and `collect`: `False` keeps counters only.

        Example:
            ```python
            async with bee.start_stream(ids, wait="online", deadline=300) as run:
                async for outcome in run:
                    print(outcome.id, outcome.kind, f"{outcome.elapsed:.1f} s;", run.progress)
            print(run.report)  # 20 of 20 started in … s
            ```
        """
        check_options("start_stream", options, "wait")
        waiting = self._waiting(wait, "start")
        return FleetRun(self._caller, table.START_INSTANCE, ids, waiting=waiting, **options)

    def stop_stream(
        self, ids: Ids, *, wait: StopWish | None = None, **options: Unpack[StreamOptions[Instance]]
    ) -> FleetRun[Instance]:
        """Stop a fleet and see each outcome as it comes; see `stop_many`.

        Args:
            ids: As for `start_many`.
            wait: As for `stop_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome`, `journal`
                and `collect`, as for `start_stream`.

        Example:
            ```python
            async with bee.stop_stream(ids, collect=False) as run:
                await run.wait()
            print(run.report.counts)  # {'succeeded': 20}
            ```
        """
        check_options("stop_stream", options, "wait")
        waiting = self._waiting(wait, "stop")
        return FleetRun(self._caller, table.STOP_INSTANCE, ids, waiting=waiting, **options)

    def restart_stream(
        self,
        ids: Ids,
        *,
        wait: StartWish | None = None,
        **options: Unpack[StreamOptions[Instance]],
    ) -> FleetRun[Instance]:
        """Restart a fleet and see each outcome as it comes; see `restart_many`.

        Args:
            ids: As for `start_many`.
            wait: As for `restart_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome`, `journal`
                and `collect`, as for `start_stream`.

        Example:
            ```python
            async with bee.restart_stream([desk, phone], wait="online", deadline=300) as run:
                async for outcome in run:
                    if not isinstance(outcome, Succeeded):
                        run.stop()  # no more restarts; what is in flight finishes
            ```
        """
        check_options("restart_stream", options, "wait")
        waiting = self._waiting(wait, "restart")
        return FleetRun(self._caller, table.RESTART_INSTANCE, ids, waiting=waiting, **options)

    def destroy_stream(
        self,
        ids: Ids,
        *,
        confirm: Literal[True],
        wait: DestroyWish | None = None,
        **options: Unpack[StreamOptions[None]],
    ) -> FleetRun[None]:
        """Destroy a fleet and see each outcome as it comes; see `destroy_many`.

        Args:
            ids: As for `start_many`.
            confirm: As for `destroy_many`.
            wait: As for `destroy_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome`, `journal`
                and `collect`, as for `start_stream`.

        Raises:
            ConfigurationError: It was not confirmed; nothing was sent.

        Example:
            ```python
            async with bee.destroy_stream(ids, confirm=True, max_concurrency=4) as run:
                async for outcome in run:
                    print(outcome.id, outcome.kind)
            ```
        """
        _confirm(confirm, "destroy_stream")
        check_options("destroy_stream", options, "confirm", "wait")
        waiting = self._waiting(wait, "destroy")
        return FleetRun(self._caller, table.DESTROY_INSTANCE, ids, waiting=waiting, **options)

    def wait_stream(
        self, ids: Ids, wish: Wish, **options: Unpack[StreamOptions[Instance]]
    ) -> FleetRun[Instance]:
        """Wait for a fleet and see each outcome as it comes; see `wait_many`.

        Args:
            ids: As for `start_many`.
            wish: As for `wait_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome`, `journal`
                and `collect`, as for `start_stream`.

        Example:
            ```python
            async with bee.wait_stream([desk, phone], "connected", deadline=300) as run:
                async for outcome in run:
                    print(outcome.id, outcome.kind)
            ```
        """
        check_options("wait_stream", options)
        waiting = self._waiting(wish, "")
        return FleetRun(self._caller, table.GET_INSTANCE, ids, waiting=waiting, **options)

    async def plan_start(self, ids: Ids, *, deadline: float | None = None) -> FleetPlan:
        """Look what `start_many` would meet, and change nothing.

        The list is swept once; what is not in it gets one look of its own.  Where looking
        one by one costs fewer requests, there is no sweep.

        Args:
            ids: As for `start_many`.
            deadline: Seconds for looking, once the ids are had.

        Raises:
            TypeError: `ids` is a single string, or no iterable.
            FleetError: Some ids could not be looked at; `.report` says which, and why.

        Example:
            ```python
            plan = await bee.plan_start([*ids, desk, phone])
            print(plan)  # 20 would start, 2 already running: 22 requests, …
            ```
        """
        return await look(self._caller, ids, deadline)

    @asynccontextmanager
    async def running(
        self, ids: Ids, *, wait: StartWish | None = None, **options: Unpack[FleetOptions[Instance]]
    ) -> AsyncGenerator[FleetReport[Instance]]:
        """Have a fleet for as long as a block lasts: start on entry, stop on exit.

        Stopped is what was started here, also where it never came to be ready, and only
        that: neither what was running already, nor what of that cannot be said: an `Unknown`,
        or what was found running after an answer was lost, with no date that tells since when.
        That happens however the block is left, also by a cancellation and also if starting is
        broken off, and takes 30 s at most.  An error of the block leaves as it is; what could
        not be stopped is logged as a warning and noted on it.

        Args:
            ids: As for `start_many`.
            wait: As for `start_many`.
            **options: `max_concurrency`, `deadline`, `max_failures`, `on_outcome` and
                `journal`, as for `start_many`; they are about starting.

        Yields:
            The report of the start.

        Example:
            ```python
            async with bee.running(ids, wait="online", deadline=300) as report:
                print(len(report.instances), "are online")  # 20 are online
            # What was started here is stopped again, and nothing else.
            ```
        """
        check_options("running", options, "wait")
        unsure: set[str] = set()
        waiting = self._waiting(wait, "start")
        run = self._run(table.START_INSTANCE, ids, options, waiting, unsure)
        async with stop_again(self._caller, run, unsure):
            async with run:
                await run.wait()
            yield run.report

    def _waiting(self, wish: Wish | None, action: Action) -> Waiting | None:
        if wish is None:
            return None
        check_wish(wish, action)
        return Waiting(self._poller, wish, action)

    def _run(
        self,
        row: Endpoint[Any],
        ids: Ids,
        options: FleetOptions[T],
        waiting: Waiting | None,
        unsure: set[str] | None = None,
    ) -> FleetRun[T]:
        # `collect` is said, so that nobody can switch it off where the report is the result.
        given = cast("Mapping[str, Any]", options)
        return FleetRun[T](
            self._caller,
            row,
            ids,
            collect=True,
            read=False,
            waiting=waiting,
            unsure=unsure,
            **given,
        )

    async def _collected(
        self, row: Endpoint[Any], ids: Ids, options: FleetOptions[T], waiting: Waiting | None
    ) -> FleetReport[T]:
        run = self._run(row, ids, options, waiting)
        async with run:
            await run.wait()
        return run.report


def _confirm(confirm: object, method: str) -> None:
    """Refuse what is not said in so many words: there is no way back."""
    if confirm is not True:
        msg = f"what is destroyed is gone for good: {method}(ids, confirm=True)"
        raise ConfigurationError(msg)
