"""Fleets that are larger than one machine: their ids are shared out over a Dask cluster.

Each share is run by an ordinary client in a worker's process, and told of as it goes.  When
a worker dies, its share goes to another one, which looks before it sends: the journal's way
of going on.  Scheduling, moving and watching are Dask's.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, cast

import anyio
from msgspec import Struct

from ._clock import RealClock
from ._protocol.throttle import RateLimit, parse_rate
from ._share import TICK, Action, work_on
from .client import AsyncBeeOS
from .errors import BeeOSError, ConfigurationError
from .fleet.outcomes import Outcome, Skipped, Tally
from .fleet.report import FleetReport
from .fleet.steps import Sent
from .fleet.verdicts import left_by
from .models.instances import Instance
from .waiting import StartWish, StopWish

__all__ = ["start_many", "stop_many"]

TRIES: Final = 3
"""Workers that may die over one share: it may be the share that kills them."""

FAREWELL: Final = 2.0
"""Seconds a run that is broken off takes to tell its workers."""

_clock: Final = RealClock()


class _Share(Struct):
    """Some of the ids, and who works on them."""

    ids: list[str]
    home: str = ""
    """The worker's address."""

    tries: int = 0
    """Workers that it was given to, and that may have sent something."""


async def start_many(
    cluster: Any,
    ids: Iterable[str | Instance],
    *,
    wait: StartWish | None = None,
    deadline: float | None = None,
    on_outcome: Callable[[Outcome[Instance]], object] | None = None,
    rate_limit: RateLimit | None = None,
    **options: Any,
) -> FleetReport[Instance]:
    """Start a fleet from the workers of a Dask cluster.

    Each worker has this library, and the key in its environment as `BEEOS_API_KEY`; the key
    does not travel.  A quota is the caller's, so `rate_limit` is what the key has in all,
    and each share gets its part of it.

    If this call is broken off, its workers launch nothing more.

    Args:
        cluster: A `distributed.Client` made with `asynchronous=True`.
        ids: Which; all of them are read before anything begins.
        wait: As for `AsyncBeeOS.start_many`; a function must pickle.
        deadline: Seconds for the whole run.
        on_outcome: Called here, and awaited where it is async, for each outcome as it comes.
        rate_limit: The quota of all workers together.
        **options: Of the workers' clients; see `AsyncBeeOS`.

    Returns:
        The report, as of one run.  An id whose worker has died is looked after by another
        one; after three deaths it is `Unknown`.  A worker that cannot begin, for it has no
        key, leaves its share `Skipped` with its error as `fatal`; the others go on.

    Raises:
        ConfigurationError: There is no worker, or an option cannot work.
        Exception: What `on_outcome` or a worker raised.  Like whatever breaks the run off, a
            cancellation too, it has the report of what is known as `report`, and a note of it.

    Example:
        ```python
        from beeos_async.distributed import start_many

        # `cluster` is a distributed.Client("tcp://scheduler:8786", asynchronous=True).
        report = await start_many(cluster, ids, wait="online", rate_limit="6000/min")
        print(report)  # 20 of 20 started in … s
        ```
    """
    run = _Run("start", cluster, ids, wait, deadline, on_outcome, rate_limit, options)
    return await run.go()


async def stop_many(
    cluster: Any,
    ids: Iterable[str | Instance],
    *,
    wait: StopWish | None = None,
    deadline: float | None = None,
    on_outcome: Callable[[Outcome[Instance]], object] | None = None,
    rate_limit: RateLimit | None = None,
    **options: Any,
) -> FleetReport[Instance]:
    """Stop a fleet from the workers of a Dask cluster; in all else like `start_many`.

    Args:
        cluster: As for `start_many`.
        ids: Likewise.
        wait: `"stopped"`.
        deadline: As for `start_many`.
        on_outcome: Likewise.
        rate_limit: Likewise.
        **options: Likewise.

    Example:
        ```python
        from beeos_async.distributed import stop_many

        report = await stop_many(cluster, [desk, phone], wait="stopped", deadline=300)
        print(report)  # 2 of 2 stopped in … s
        ```
    """
    run = _Run("stop", cluster, ids, wait, deadline, on_outcome, rate_limit, options)
    return await run.go()


class _Run:
    """One run, as whoever asked for it sees it."""

    def __init__(
        self,
        action: Action,
        cluster: Any,
        ids: Iterable[str | Instance],
        wait: object,
        deadline: float | None,
        on_outcome: Callable[[Outcome[Instance]], object] | None,
        rate_limit: RateLimit | None,
        options: dict[str, Any],
    ) -> None:
        if isinstance(ids, str):
            msg = "ids is one string; a fleet is started by a list of them"
            raise TypeError(msg)
        # What cannot work for any worker is refused here: nothing of this is ever opened.
        given_here: dict[str, Any] = {"api_key": "any", "base_url": "http://127.0.0.1", **options}
        bee = AsyncBeeOS(**given_here)
        stream: Callable[..., Any] = bee.start_stream if action == "start" else bee.stop_stream
        stream((), wait=wait, deadline=deadline, on_outcome=on_outcome)
        given = [one if isinstance(one, str) else one.id for one in ids]
        self._action: Action = action
        self._cluster = cluster
        self._outcomes: dict[str, Outcome[Instance] | None] = dict.fromkeys(given)
        self._duplicates = len(given) - len(self._outcomes)
        self._wait = wait
        self._on_outcome = on_outcome
        self._rate_limit = rate_limit
        self._options = options
        self._began = _clock.now()
        self._until = None if deadline is None else self._began + deadline
        self._name = f"beeos-{_clock.token()}"
        self._fatal: BeeOSError | None = None

    async def go(self) -> FleetReport[Instance]:
        """Share the ids out, and see to it that each comes to its outcome."""
        dask = import_module("distributed")
        homes = list(await self._cluster.nthreads())
        if not homes:
            msg = "the cluster has no workers: start some, or wait for them"
            raise ConfigurationError(msg)
        ids = list(self._outcomes)
        # Dealt out like cards: what is slow is often slow in a row.
        shares = [_Share(ids[n :: len(homes)]) for n in range(min(len(homes), len(ids)))]
        if self._rate_limit is not None:
            self._options["rate_limit"] = _part_of(self._rate_limit, len(shares) or 1)
        news = await dask.Queue(self._name, client=self._cluster)
        working: dict[Any, _Share] = {}
        try:
            for share, home in zip(shares, homes, strict=False):
                working[self._send(share, home)] = share
            while working:
                await _clock.sleep(TICK)
                alive = list(await self._cluster.nthreads())
                # What is heard now was told by workers that may have died since.
                await self._hear(await news.get(batch=True))
                await self._look_after(working, alive)
            await self._hear(await news.get(batch=True))
            # Those of a worker that could not begin.
            for outcome in self._leave(shares):
                await self._tell(outcome)
        except BaseException as error:
            for future in working:
                future.release()
            # Also while this is being cancelled; but not for a scheduler that is gone.
            with contextlib.suppress(Exception), anyio.move_on_after(FAREWELL, shield=True):
                await dask.Event(self._name, client=self._cluster).set()
                self._learn(await news.get(batch=True))
            self._leave(shares)
            self._hand_over(error)
            raise
        finally:
            news.close()
        return self._report()

    def _send(self, share: _Share, home: str) -> Any:
        """Send a share to a worker, and to no other: what Dask repeated would not look first."""
        share.home, share.tries = home, share.tries + 1
        left = None if self._until is None else max(TICK, self._until - _clock.now())
        return self._cluster.submit(
            work_on,
            *(self._name, self._action, share.ids),
            {"wait": self._wait, "deadline": left},
            self._options,
            tried=share.tries > 1,
            workers=[home],
            allow_other_workers=False,
            pure=False,
        )

    async def _look_after(self, working: dict[Any, _Share], alive: list[str]) -> None:
        """Take leave of shares that are done, and move those whose worker has died."""
        for future, share in list(working.items()):
            if future.done():
                del working[future]
                try:
                    self._fatal = await future or self._fatal
                except ConfigurationError as error:
                    self._fatal = error.with_traceback(None)
                    share.tries -= 1
            elif share.home not in alive:
                share.ids = [id for id in share.ids if self._outcomes[id] is None]
                if not share.ids or share.tries == TRIES or self._is_over():
                    del working[future]
                    for outcome in self._leave([share]):
                        await self._tell(outcome)
                elif alive:
                    del working[future]
                    busy = [one.home for one in working.values()]
                    working[self._send(share, min(alive, key=busy.count))] = share

    def _is_over(self) -> bool:
        return self._until is not None and _clock.now() >= self._until

    async def _hear(self, batches: Iterable[bytes]) -> None:
        """Take in what the workers tell, and tell of it."""
        for outcome in self._learn(batches):
            await self._tell(outcome)

    def _learn(self, batches: Iterable[bytes]) -> list[Outcome[Instance]]:
        # All of it before anything is told of: whoever is told may raise.
        told = [one for batch in batches for one in FleetReport[Instance].from_jsonl(batch)]
        return [one for one in told if self._take(one)]

    def _take(self, outcome: Outcome[Instance]) -> bool:
        # A worker that was taken for dead may still tell what another has told.
        if self._outcomes[outcome.id] is not None:
            return False
        self._outcomes[outcome.id] = outcome
        return True

    def _leave(self, shares: Iterable[_Share]) -> list[Outcome[Instance]]:
        """Say of each id that nobody has told of what is known: whether it may have been sent."""
        left = [
            left_by(Sent(id)) if share.tries else Skipped(id, "fatal")
            for share in shares
            for id in share.ids
        ]
        return [one for one in left if self._take(one)]

    async def _tell(self, outcome: Outcome[Instance]) -> None:
        if self._on_outcome is not None:
            told = self._on_outcome(outcome)
            if inspect.isawaitable(told):
                await told

    def _hand_over(self, error: BaseException) -> None:
        """Give the report to whoever is told that the run was broken off."""
        report = self._report()
        error.add_note(f"beeos_async: {report}")
        with contextlib.suppress(AttributeError):
            error.report = report  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

    def _report(self) -> FleetReport[Instance]:
        outcomes = {id: one for id, one in self._outcomes.items() if one is not None}
        tally = Tally.of(outcomes.values())
        tally.duplicates = self._duplicates
        tally.elapsed = _clock.now() - self._began
        tally.fatal = self._fatal
        return FleetReport(f"{self._action}Instance", outcomes, tally)


def _part_of(quota: RateLimit, parts: int) -> RateLimit:
    """Divide a quota."""
    if isinstance(quota, Mapping):
        return {name: cast("str | float", _part_of(one, parts)) for name, one in quota.items()}
    parse_rate(quota)
    if isinstance(quota, str):
        amount, _, unit = quota.partition("/")
        return f"{float(amount) / parts:.9f}/{unit}"
    return quota / parts
