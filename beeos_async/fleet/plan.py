"""What a start would meet: a look at each id, which changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, cast

from anyio.lowlevel import checkpoint
from msgspec import Struct

from .._checks import quoted_id, seconds
from .._io.call import Call, Pass
from .._io.caller import Caller
from .._io.pager import Pager
from .._io.queues import Lane
from .._protocol import table
from .._protocol.paging import PAGE_SIZE, Params, next_numbered
from ..errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    TransportError,
)
from ..models._base import Page
from ..models.instances import Instance
from .engine import BREATH, FleetRun
from .outcomes import Failed, Succeeded
from .source import Ids, Source

PlanState = Literal[
    "would_start", "already_running", "in_transition", "not_found", "terminated", "invalid_id"
]
"""What a start would meet: an instance at rest, one that runs, one on its way somewhere, none,
one that is gone or going for good, or what cannot be an id."""

_ORDER: Final[tuple[PlanState, ...]] = (
    "would_start",
    "already_running",
    "in_transition",
    "terminated",
    "not_found",
    "invalid_id",
)

SOONEST: Final = 1e-9
"""Seconds that stand for none: every id is told to be too late, in its own outcome."""


class FleetPlan(Struct, frozen=True, kw_only=True):
    """What `start_many` would meet, had it been called instead of `plan_start`.

    Example:
        ```python
        plan = await bee.plan_start([*ids, desk, "inst-nowhere"])
        print(plan)  # 20 would start, 1 already running, 1 not found: 22 requests, …
        print(plan.states["inst-nowhere"], plan.requests, plan.seconds)  # not_found 22 None
        ```
    """

    states: dict[str, PlanState]
    """What each distinct id would meet, in the order they were given."""

    requests: int
    """How many starts would be sent: one for each id that can be one."""

    seconds: float | None
    """How long the quota would make them take, from now on; `None` while it is neither
    known nor learned."""

    @property
    def counts(self) -> dict[PlanState, int]:
        """How many ids would meet what; what none would meet is left out."""
        counted = Counter(self.states.values())
        return {state: counted[state] for state in _ORDER if counted[state]}

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Give the sums: the states may be those of a hundred thousand."""
        sums = {"counts": self.counts, "requests": self.requests, "seconds": self.seconds}
        return list(sums.items())

    def __repr__(self) -> str:
        """Show the one line."""
        return f"<FleetPlan: {self}>"

    def __str__(self) -> str:
        """Sum up in one line."""
        met = ", ".join(
            f"{count:,} {kind.replace('_', ' ')}" for kind, count in self.counts.items()
        )
        sent = f"{self.requests:,} request{'' if self.requests == 1 else 's'}"
        known = self.seconds is not None
        time = f"about {self.seconds:,.0f} s" if known else "and the quota is not known yet"
        return f"{met or 'no ids'}: {sent}, {time}"


async def look(caller: Caller, ids: Ids, deadline: float | None) -> FleetPlan:
    """Find out what a start of these ids would meet.

    Args:
        caller: What makes the calls.
        ids: Which.
        deadline: Seconds for looking, once the ids are had.

    Raises:
        TypeError: `ids` is a single string, or no iterable.
        BeeOSError: Some could not be looked at.
    """
    if deadline is not None:
        seconds("deadline", deadline)
    states: dict[str, PlanState | None] = {}
    await _take(caller, ids, states)
    if deadline is not None:
        deadline += caller.clock.now()
    try:
        await _sweep(caller, states, deadline)
    except (APIError, TransportError) as error:
        if isinstance(error, AuthenticationError) or error.gave_up == "outage":
            raise
        # The list has failed, and only the list: each can be looked at all the same.
    await _look_at_the_rest(caller, states, deadline)
    known: dict[str, PlanState] = {id: state for id, state in states.items() if state is not None}
    requests = sum(state != "invalid_id" for state in known.values())
    time = caller.gate.forecast(table.START_INSTANCE.bucket, requests)
    if time is not None and not requests:
        # What others wait for is no part of the plan.
        time = 0.0
    return FleetPlan(states=known, requests=requests, seconds=time)


async def _take(caller: Caller, ids: Ids, states: dict[str, PlanState | None]) -> None:
    """Take the ids in; those out of a `Pager` come with what there is to know."""

    def admit(id: str) -> bool:
        states.setdefault(id, None if _can_be_one(id) else "invalid_id")
        return True

    source = Source(ids, caller.clock, admit)
    if isinstance(ids, Pager):
        async for instance in cast("Pager[Instance]", ids):
            states[instance.id] = _state(instance) if instance.status else None
        return
    await source.open(None)
    while await source.next(None) is not None:
        if len(states) % BREATH == 0:
            await checkpoint()


async def _sweep(
    caller: Caller, states: dict[str, PlanState | None], deadline: float | None
) -> None:
    """Page through the list, for as long as that is cheaper than to look one by one."""
    params: Params | None = {"page": 0, "pageSize": PAGE_SIZE}
    before: Page[Instance] | None = None
    pages = 1
    missing = sum(state is None for state in states.values())
    while params is not None and missing > pages:
        now, patience = caller.clock.now(), caller.options.timeout
        if deadline is not None:
            # A list that says nothing leaves time to look at each.
            patience = min(patience, (deadline - now) / 2)
        pass_ = Pass(lane=Lane.FLEET, deadline=now + patience)
        page = await caller.run(Call.to(table.LIST_INSTANCES, pass_=pass_, params=params))
        for instance in page.data:
            # A row may say less than a look: what says nothing of its state was not found.
            if instance.status and states.get(instance.id, "") is None:
                states[instance.id] = _state(instance)
                missing -= 1
        pages = max(1, -(-(page.total or 0) // PAGE_SIZE) - int(str(params["page"])) - 1)
        params, before = next_numbered(params, page, before), page


async def _look_at_the_rest(
    caller: Caller, states: dict[str, PlanState | None], deadline: float | None
) -> None:
    """Look at each id that the list did not have: only its own 404 says that it is not there."""
    rest = [id for id, state in states.items() if state is None]
    if not rest:
        return
    left = None if deadline is None else max(SOONEST, deadline - caller.clock.now())
    run = FleetRun[Instance](caller, table.GET_INSTANCE, rest, deadline=left, read=False)
    async with run:
        await run.wait()
    for outcome in run.report:
        match outcome:
            case Succeeded(id, instance):
                states[id] = _state(instance)
            case Failed(id, NotFoundError()):
                states[id] = "not_found"
            case _:
                run.report.raise_for_failures()


def _can_be_one(id: str) -> bool:
    try:
        quoted_id(id)
    except ConfigurationError:
        return False
    return True


def _state(instance: Instance) -> PlanState:
    status, wish = instance.status, instance.desired_status or instance.status
    if "terminated" in {status, wish}:
        return "terminated"
    if status != wish or status in {"pending", "provisioning"}:
        return "in_transition"
    return "already_running" if status == "running" else "would_start"
