"""What a fleet claims, against the server's own log of effects."""

from __future__ import annotations

from collections import Counter

import pytest
from hand_clock import HandClock

from beeos_async import FleetReport, Instance
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


def agree(report: FleetReport[Instance], cloud: Emulator) -> None:
    """The invariants that hold whatever went wrong."""
    ids = [outcome.id for outcome in report]
    started = {one.id for one in report.succeeded}
    unknown = {one.id for one in report.unknown}
    applied = {id for id in cloud.ids if cloud.effects(id)}
    assert ids == cloud.ids, "one outcome for each id, in order"
    assert started <= applied, "nothing is claimed that did not happen"
    assert applied <= started | unknown, "nothing that happened is reported as failed"
    assert max(cloud.effects(id) for id in cloud.ids) <= 1, "nothing happened twice"


async def test_ten_thousand_starts_through_trouble_are_told_as_they_happened(
    clock: HandClock,
) -> None:
    """5 % of rate limits, failures and lost answers: every start counted once, none lost."""
    async with Emulator(instances=10_000, boot_time=5.0, seed=3) as cloud:
        cloud.faults.mix(0.05, kinds=["429", "500", "disconnect after"], seed=3)
        async with cloud.client(_clock=clock) as bee:
            report = await bee.start_many(cloud.ids)
        sent = Counter(entry.operation for entry in cloud.log)

    agree(report, cloud)
    assert report.ok, report
    assert sent["startInstance"] <= 10_700
    assert sent["getInstance"] <= 1_000


async def test_every_kind_of_trouble_is_told_as_it_happened(clock: HandClock) -> None:
    """10 % of all ten kinds, half of them after the effect."""
    async with Emulator(instances=2_000, boot_time=5.0, seed=5) as cloud:
        cloud.faults.mix(0.1, seed=5)
        async with cloud.client(_clock=clock) as bee:
            report = await bee.start_many(cloud.ids)

    agree(report, cloud)
    assert len(report.unknown) <= 2
