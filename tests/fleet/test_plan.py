"""What a start would meet: a look that changes nothing, at no more requests than it needs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, http, id_of, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


def sent(cloud: Emulator) -> dict[str, int]:
    return dict(Counter(entry.operation for entry in cloud.log))


async def test_each_id_is_told_what_it_would_meet(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Every state there is, in the order given; and nothing has changed."""
    world = cloud.world
    terminated, running = world.add_instance("terminated"), world.add_instance("running")
    stopping = world.add_instance("running", desired_status="stopped")
    booting = world.add_instance()
    world.pin(booting, status="provisioning", desired_status="")
    asked = world.add_instance("stopped", desired_status="running")
    leaving = world.add_instance("running", desired_status="terminated")
    odd = world.add_instance("hibernating", desired_status="hibernating")
    before = world.changes

    plan = await bee.plan_start(
        [
            *(running, "a/b", cloud.ids[3], cloud.ids[3], "inst-nowhere", terminated),
            *(stopping, booting, asked, leaving, odd),
        ]
    )

    assert list(plan.states.items()) == [
        (running, "already_running"),
        ("a/b", "invalid_id"),
        (cloud.ids[3], "would_start"),
        ("inst-nowhere", "not_found"),
        (terminated, "terminated"),
        (stopping, "in_transition"),
        (booting, "in_transition"),
        (asked, "in_transition"),
        (leaving, "terminated"),
        (odd, "would_start"),
    ]
    assert plan.counts == {
        "would_start": 2,
        "already_running": 1,
        "in_transition": 3,
        "terminated": 2,
        "not_found": 1,
        "invalid_id": 1,
    }
    assert (plan.requests, plan.seconds) == (9, None)
    assert str(plan) == (
        "2 would start, 1 already running, 3 in transition, 2 terminated, 1 not found,"
        " 1 invalid id: 9 requests, and the quota is not known yet"
    )
    # One sweep, and one look at what it did not have.
    assert sent(cloud) == {"listInstances": 1, "getInstance": 1}
    assert world.changes == before


async def test_a_sweep_costs_a_page_for_two_hundred(clock: HandClock) -> None:
    """A fleet is looked at by the page, and no page is read beyond the last id."""
    async with Emulator(instances=900) as cloud, cloud.client(_clock=clock) as bee:
        plan = await bee.plan_start(cloud.ids[:500])

    assert plan.counts == {"would_start": 500}
    assert sent(cloud) == {"listInstances": 3}


async def test_a_few_ids_of_many_are_looked_at_one_by_one(clock: HandClock) -> None:
    """The sweep ends where it would cost more than a look each."""
    async with Emulator(instances=2000) as cloud, cloud.client(_clock=clock) as bee:
        plan = await bee.plan_start(cloud.ids[-5:])
        assert sent(cloud) == {"listInstances": 1, "getInstance": 5}
        cloud.log.clear()
        await bee.plan_start(cloud.ids[-1:])
        assert sent(cloud) == {"getInstance": 1}

    assert plan.counts == {"would_start": 5}


async def test_a_pager_is_the_sweep_itself(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """What a list has told need not be asked again."""
    cloud.world.pin(cloud.ids[0], status="")

    plan = await bee.plan_start(bee.instances.list())

    assert list(plan.states) == cloud.ids
    # A row that does not tell its state is looked at.
    assert sent(cloud) == {"listInstances": 1, "getInstance": 1}


async def test_ids_come_from_anywhere(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Instances, generators, async generators; a string is a TypeError."""

    async def later() -> AsyncIterator[str | b.Instance]:
        for id in cloud.ids:
            await asyncio.sleep(0)
            yield b.Instance(id=id)

    assert len((await bee.plan_start(later())).states) == 20
    assert len((await bee.plan_start(f"inst-{n}/" for n in range(2000))).states) == 2000
    given: Any = "inst-1"
    with pytest.raises(TypeError, match="iterable"):
        await bee.plan_start(given)


async def test_nothing_to_start_is_a_plan_too(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """No request at all, and no time."""
    plan = await bee.plan_start([])

    assert (plan.states, plan.requests, cloud.log) == ({}, 0, [])
    assert str(plan) == "no ids: 0 requests, and the quota is not known yet"


async def test_a_plan_shows_its_sums_alone(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Not each of a hundred thousand ids; `rich` likewise."""
    plan = await bee.plan_start(cloud.ids)

    assert repr(plan) == f"<FleetPlan: {plan}>"
    assert dict(plan.__rich_repr__()) == {
        "counts": {"would_start": len(cloud.ids)},
        "requests": len(cloud.ids),
        "seconds": None,
    }
    assert repr(bee.instances.list()) == "<Pager of listInstances>"


@pytest.mark.parametrize(
    ("quota", "least", "most"), [("10/s", 1.0, 1.2), ("600/min", 0.0, 0.0), (2, 9.5, 9.7)]
)
async def test_a_known_quota_tells_the_time(
    cloud: Emulator, clock: HandClock, quota: Any, least: float, most: float
) -> None:
    """Twenty starts at a quota: what is beyond the burst takes its time."""
    limits = {"startInstance": quota}
    async with cloud.client(_clock=clock, rate_limit=limits) as bee:
        plan = await bee.plan_start(cloud.ids)
        assert plan.seconds is not None
        assert least <= plan.seconds <= most
        assert f"20 requests, about {plan.seconds:,.0f} s" in str(plan)
        assert (await bee.plan_start([])).seconds == 0.0
        one = await bee.plan_start(cloud.ids[:1])
        assert "1 request, " in str(one)

        began = clock.time
        await bee.start_many(cloud.ids, max_concurrency=1)

    assert clock.time - began == pytest.approx(plan.seconds, abs=0.2)


async def test_a_learned_quota_tells_the_time(clock: HandClock) -> None:
    """What two 429s have taught, the next plan knows."""
    async with Emulator(instances=300, quota={"startInstance": "10/s"}, clock=clock) as cloud:
        async with cloud.client(_clock=clock) as bee:
            await bee.start_many(cloud.ids[:100])
            plan = await bee.plan_start(cloud.ids[100:])

    assert plan.seconds is not None
    # On a clock that jumps, more is in the air at a 429 than in life: it measures low.
    assert 12 <= plan.seconds <= 35


async def test_who_cannot_look_says_so(cloud: Emulator, clock: HandClock) -> None:
    """A list or a look that fails is an error, never a guess."""
    cloud.faults.refuse("getInstance", 403, ids=cloud.ids[:1])
    async with cloud.client(_clock=clock) as bee:
        with pytest.raises(b.FleetError) as caught:
            await bee.plan_start(cloud.ids[:1])
        assert isinstance(caught.value.exceptions[0], b.PermissionDeniedError)
        assert "retryable" not in str(caught.value)
        cloud.faults.refuse("listInstances", 401)
        with pytest.raises(b.AuthenticationError):
            await bee.plan_start(cloud.ids)


@pytest.mark.parametrize("trouble", ["500", "403", "429", "silence"])
async def test_a_list_that_fails_is_done_without(
    cloud: Emulator, clock: HandClock, trouble: str
) -> None:
    """Each id is looked at then."""
    if trouble == "silence":
        cloud.faults.silence("listInstances", times=None)
    else:
        cloud.faults.refuse("listInstances", int(trouble), retry_after=3600, times=None)
    async with cloud.client(_clock=clock, timeout=0.2, max_retries=0) as bee:
        plan = await bee.plan_start(cloud.ids[:20], deadline=60)

    assert plan.counts == {"would_start": 20}
    assert sent(cloud) == {"listInstances": 1, "getInstance": 20}


async def test_a_deadline_bounds_the_look(clock: HandClock) -> None:
    """Pages and looks together; a deadline that cannot be is refused before."""

    async def slow(peer: Peer, seen: Seen) -> None:
        clock.time += 3
        if seen.target.startswith("/api/v1/instances?"):
            await peer.send(http(b'{"success":true,"data":[{"id":"inst-1"}],"total":1}'))
        else:
            await peer.answer(instance(id_of(seen.target), "stopped", "stopped"))

    async with FaultServer(requests(slow)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            plan = await bee.plan_start(["inst-1", "inst-2"], deadline=100)
            assert plan.counts == {"would_start": 2}
            with pytest.raises(b.FleetError, match="0 of 2 found"):
                await bee.plan_start(["inst-1", "inst-2"], deadline=2)
            seen = len(server.seen)
            with pytest.raises(b.ConfigurationError, match="deadline"):
                await bee.plan_start(["inst-1"], deadline=0)

    assert len(server.seen) == seen
