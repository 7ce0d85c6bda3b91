"""What each command does: `demo` and `start`, from its options to its exit code.

Options are read in `app.py`, ids and the key in `sources.py`; a fleet is run in `runs.py`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from beeos_async import AsyncBeeOS, ConfigurationError
from beeos_async.emulator import MIXED, Emulator

from .display import Display, display_for
from .runs import OK, Plan, start_fleet
from .sources import ids_from, key_in
from .wording import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .signals import Signals

LATENCY: Final = 0.03
"""Seconds the pretend cloud takes to answer, as if it were some way off."""

NOTHING: Final = (
    "there are no ids: name them, give a file of them with --from FILE, give - for standard"
    " input, or look for them with a filter such as --status stopped"
)


class Filters(NamedTuple):
    """Which instances to look for, as `bee.instances.list` takes it."""

    status: str | None = None
    provider_id: str | None = None
    agent_framework: str | None = None
    cluster_id: str | None = None
    search: str | None = None


class Which(NamedTuple):
    """Which instances are meant."""

    ids: Sequence[str]
    files: Sequence[Path]
    filters: Filters


class Server(NamedTuple):
    """How to reach the server, and how hard to try."""

    base_url: str
    key_file: Path | None
    timeout: float
    retries: int
    rate_limit: str | None


class How(NamedTuple):
    """How a run goes and is shown."""

    concurrency: int
    deadline: float | None
    as_json: bool


async def demo(
    signals: Signals, how: How, *, instances: int, quota: str, faults: float, seed: int
) -> int:
    """Start a fleet in an emulator.

    Args:
        signals: What may end it.
        how: How.
        instances: How many there are.
        quota: What the emulator allows, or `none`.
        faults: Which share of the requests goes wrong.
        seed: What the trouble is drawn from.
    """
    limit = None if quota in {"", "none"} else quota_in(quota)
    async with Emulator(instances=instances, quota=limit, latency=LATENCY, seed=seed) as cloud:
        # Of 429s there are enough: those of the quota.
        cloud.faults.mix(share=faults, seed=seed, kinds=MIXED.keys() - {"429"})

        def proof() -> str:
            once = sum(cloud.effects(id) == 1 for id in cloud.ids)
            return f"the pretend cloud has started {once:,} of {instances:,} exactly once"

        async with cloud.client(max_concurrency=how.concurrency) as bee:
            plan = Plan(
                ids=list(cloud.ids),
                where=f"pretend cloud, {quota if limit else 'no quota'}, {faults:.0%} faults",
                concurrency=how.concurrency,
                proof=proof,
            )
            return await start_fleet(bee, plan, display_for(as_json=how.as_json), signals)


async def start(signals: Signals, how: How, *, which: Which, server: Server, dry_run: bool) -> int:
    """Start the instances that are meant.

    Args:
        signals: What may end it.
        how: How.
        which: The instances.
        server: Where.
        dry_run: Only print them.

    Raises:
        ConfigurationError: There are none, or an option cannot work.
    """
    began = time.monotonic()
    named = ids_from(which.ids, which.files)
    if any(which.filters) and (which.ids or which.files):
        msg = "give ids or filters, not both: it is not clear whether all shall be started"
        raise ConfigurationError(msg)
    if not named and not any(which.filters):
        raise ConfigurationError(NOTHING)
    if dry_run and named:
        return _print(named, as_json=how.as_json)
    async with client_of(server, how.concurrency) as bee:
        display = display_for(as_json=how.as_json)
        left = how.deadline
        if any(which.filters):
            named = await _found(bee, which.filters, left, display)
            # What the looking took is gone; what is left must still be some time.
            left = left and max(0.001, left - (time.monotonic() - began))
        if dry_run:
            return _print(named, as_json=how.as_json)
        plan = Plan(ids=named, where=server.base_url, concurrency=how.concurrency, deadline=left)
        return await start_fleet(bee, plan, display, signals)


def client_of(server: Server, concurrency: int) -> AsyncBeeOS:
    """Make the client.

    Args:
        server: Where, and how hard to try.
        concurrency: How many requests may be in flight.

    Raises:
        ConfigurationError: There is no key, or something cannot work.
    """
    if server.key_file is None and "BEEOS_API_KEY" not in os.environ:
        msg = "there is no API key: set BEEOS_API_KEY, or give --api-key-file FILE"
        raise ConfigurationError(msg)
    return AsyncBeeOS(
        None if server.key_file is None else key_in(server.key_file),
        base_url=server.base_url,
        timeout=server.timeout,
        max_retries=server.retries,
        max_concurrency=concurrency,
        rate_limit=None if server.rate_limit is None else quota_in(server.rate_limit),
    )


def quota_in(text: str) -> str | float:
    """Read a quota as the client takes it: `600/min`, `10/s`, or a number a second."""
    try:
        return float(text)
    except ValueError:
        return text


async def _found(
    bee: AsyncBeeOS, filters: Filters, deadline: float | None, display: Display
) -> list[str]:
    """Look for instances before the first is started, so that their number is known."""
    found: dict[str, None] = {}
    known = -1
    with display.looking():
        # Others may change the list meanwhile, and shift its pages: look until nothing is new.
        while len(found) > known:
            known = len(found)
            listed = bee.instances.list(**filters._asdict(), deadline=deadline)
            found |= dict.fromkeys([instance.id async for instance in listed])
    return list(found)


def _print(ids: list[str], *, as_json: bool) -> int:
    for id in ids:
        text = json.dumps({"kind": "would_start", "id": id}) if as_json else clean(id)
        sys.stdout.write(text + "\n")
    return OK
