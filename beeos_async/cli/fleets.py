"""What a fleet is told: from the options of `start` and its like to the exit code.

Options are read in `app.py`, ids and the key in `sources.py`; a fleet is run in `runs.py`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from beeos_async import ConfigurationError
from beeos_async.emulator import MIXED, Emulator

from .actions import DESTROY, RESTART
from .clients import budget_in, client_of, quota_in, share_in, told_quota
from .consent import consent
from .display import Display, display_for
from .guesses import check_state, strange_state
from .plans import show_plan
from .progress import THROTTLED
from .runs import OK, SOME_FAILED, Plan, complain, run_fleet
from .sources import ids_from
from .wording import clean, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beeos_async import AsyncBeeOS, JournalState

    from .actions import Action
    from .options import Demo, Filters, Ids, Run, Server
    from .signals import Signals

LATENCY: Final = 0.03
"""Seconds the pretend cloud takes to answer, as if it were some way off."""

BEARABLE: Final = 0.4
"""The share of faults beyond which a client takes a host for one that is down, and waits."""

PATIENCE: Final = 20.0
"""Seconds a demo of such a host takes."""

OK_STATUS: Final = 200

NOTHING: Final = (
    "there are no ids: name them, give a file of them with --from FILE, give - for standard"
    " input, or look for them with a filter such as --status stopped"
)


async def demo(signals: Signals, said: Demo) -> int:
    """Start a fleet in an emulator.

    Args:
        signals: What may end it.
        said: What it meets.
    """
    quota = None if said.quota in {"", "none"} else quota_in(said.quota)
    share = share_in("--faults", said.faults)
    cloud = Emulator(instances=said.instances, quota=quota, latency=LATENCY, seed=said.seed)
    # Of 429s there are enough: those of the quota.
    cloud.faults.mix(share=share, seed=said.seed, kinds=MIXED.keys() - {"429"})

    def proof() -> str:
        once = sum(cloud.effects(id) == 1 for id in cloud.ids)
        starts = [one for one in cloud.log if one.operation == "startInstance"]
        lost = [one.applied for one in starts if one.status not in {OK_STATUS, THROTTLED}]
        told = f"the pretend cloud has started {once:,} of {said.instances:,} exactly once"
        if not lost:
            return told
        return (
            f"{told}, past {number(len(lost), 'fault')}:"
            f" {len(lost) - sum(lost):,} before a start took effect, {sum(lost):,} after"
        )

    async with cloud, cloud.client(max_concurrency=said.concurrency) as bee:
        plan = Plan(
            ids=list(cloud.ids),
            where=f"pretend cloud, {told_quota(said.quota) if quota else 'no quota'},"
            f" {share:.0%} faults",
            concurrency=said.concurrency,
            deadline=PATIENCE if share > BEARABLE else None,
            gives_up=f"with so many faults the host counts as down: the demo ends after"
            f" {PATIENCE:.0f} s",
            proof=proof,
        )
        return await run_fleet(bee, plan, display_for(as_json=said.as_json), signals)


async def act(
    signals: Signals,
    action: Action,
    wish: str | None,
    ids: Ids,
    filters: Filters,
    run: Run,
    server: Server,
    *,
    yes: bool = True,
) -> int:
    """Do something to the instances that are meant.

    Args:
        signals: What may end it.
        action: What to do.
        wish: What to wait for, if anything.
        ids: The instances, by name.
        filters: Or by what they are.
        run: How.
        server: Where.
        yes: Whether it needs no asking.

    Raises:
        ConfigurationError: There are none, or an option cannot work.
    """
    began = time.monotonic()
    max_failures = budget_in(run.max_failures)
    check_state(filters.status)
    named = ids_from(ids.ids or [], ids.files or [])
    if any(filters) and (ids.ids or ids.files):
        msg = f"give ids or filters, not both: it is not clear whether to {action.name} all"
        raise ConfigurationError(msg)
    if not named and not any(filters):
        raise ConfigurationError(NOTHING)
    async with client_of(server, run.concurrency, run.rate_limit) as bee:
        display = display_for(as_json=run.as_json)
        left = run.deadline
        # Made for nothing but its journal, which it checks as the run itself will.
        begun = await action.stream(bee, [], wish, journal=run.journal).unfinished()
        if any(filters):
            named = await _found(bee, filters, left, display, begun)
            # What the looking took is gone; what is left must still be some time.
            left = left and max(0.001, left - (time.monotonic() - began))
            if not (named or run.dry_run or run.as_json):
                return OK
        if run.dry_run:
            before: dict[str, JournalState] = {
                id: begun[id] for id in named if id in begun and _is_behind(begun[id], action)
            }
            with display.looking():
                rest = [id for id in named if id not in before]
                seen = await bee.plan_start(rest, deadline=left)
            show_plan(seen, named, before, action, as_objects=run.as_json)
            return OK
        if action is DESTROY and not yes:
            doomed = sum(begun.get(id) != "succeeded" for id in named)
            if doomed and not await consent(doomed, bee.base_url):
                complain("nothing was destroyed")
                return SOME_FAILED
        plan = Plan(
            ids=named,
            where=_where(bee, run),
            concurrency=run.concurrency,
            action=action,
            wish=wish,
            deadline=left,
            max_failures=max_failures,
            journal=run.journal,
        )
        return await run_fleet(bee, plan, display, signals)


def _where(bee: AsyncBeeOS, run: Run) -> str:
    """Say whose instances they are, and how fast they are told: a unit is soon forgotten."""
    if run.rate_limit is None:
        return bee.base_url
    return f"{bee.base_url}, at most {told_quota(run.rate_limit)}"


def _is_behind(known: JournalState, action: Action) -> bool:
    """Tell whether a run that goes on with a journal would send nothing for an id."""
    return known in {"succeeded", "accepted"} or (known == "unknown" and action is RESTART)


async def _found(
    bee: AsyncBeeOS,
    filters: Filters,
    deadline: float | None,
    display: Display,
    begun: Iterable[str],
) -> list[str]:
    """Look for instances before anything is sent, so that their number is known.

    Those that an earlier run had begun come first: the filter may not find them any more,
    because they are on their way.
    """
    found: dict[str, None] = {}
    known = -1
    with display.looking():
        # Others may change the list meanwhile, and shift its pages: look until nothing is new.
        while len(found) > known:
            known = len(found)
            async for instance in bee.instances.list(**filters._asdict(), deadline=deadline):
                # What says that it is something else was not asked for.
                if filters.status in {None, instance.status or filters.status}:
                    found[instance.id] = None
    named = list(dict.fromkeys(begun))
    if named:
        more = f"{number(len(found.keys() - set(named)), 'more instance')} found"
        sys.stderr.write(
            f"going on with {number(len(named), 'instance')} of the journal, {more}\n"
        )
    elif not found:
        why = strange_state(filters.status)
        sys.stderr.write(f"no instance found with {clean(str(filters))}{why}\n")
    return list(dict.fromkeys([*named, *found]))
