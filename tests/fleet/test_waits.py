"""Fleets that wait: what was accepted is watched while workers go on, and every id comes out."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from fault_server import FaultServer, Peer, Seen, id_of, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._io.looks import LOOKERS
from beeos_async.emulator import Emulator
from beeos_async.fleet import waits

pytestmark = pytest.mark.anyio

MINE = "mine"
NEVER = datetime.max.replace(tzinfo=UTC)


@pytest.fixture
def clock() -> HandClock:
    """Give a clock whose last look before a deadline may take its time on a busy machine."""
    return HandClock(patience=30)


@pytest.fixture
async def bee(slow: Emulator, clock: HandClock) -> AsyncIterator[AsyncBeeOS]:
    async with slow.client(_clock=clock) as bee:
        yield bee


def counts(cloud: Emulator) -> Counter[str]:
    return Counter(entry.operation for entry in cloud.log)


def stuck(cloud: Emulator, *ids: str) -> None:
    """Let instances hang on their way up."""
    for id in ids:
        cloud.world.pin(id, status="provisioning", connectivity="offline")


async def until(condition: Any) -> None:
    with anyio.fail_after(60):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("wish", ["running", "online", "connected"])
async def test_a_fleet_is_started_and_waited_for(
    slow: Emulator, bee: AsyncBeeOS, wish: Any
) -> None:
    """Each id is started once, and comes out with the instance ready."""
    report = await bee.start_many(slow.ids, wait=wish, deadline=900)

    assert report.ok
    assert [one.id for one in report] == slow.ids
    assert all(slow.effects(id) == 1 for id in slow.ids)
    for one in report.succeeded:
        assert one.instance.status == "running"
        assert wish == "running" or one.instance.connectivity == "online"
        assert wish != "connected" or one.instance.ms_connection_status == "connected"
        assert (one.attempts, one.already) == (1, False)
        assert one.provisioning is not None
        assert one.provisioning >= 0
        assert one.elapsed >= one.provisioning + (one.connectivity or 0)
        assert (one.connectivity is None) == (wish == "running")
    # One page shows all of them.
    assert counts(slow)["getInstance"] + counts(slow)["listInstances"] < 60


async def test_time_splits_into_what_it_was_spent_on(clock: HandClock) -> None:
    """In the queue, at the quota, under way, until it ran, until it was online."""
    async with Emulator(
        instances=3, boot_time=10, online_time=2, latency=0.5, quota="1/s", clock=clock
    ) as cloud:
        async with cloud.client(_clock=clock, rate_limit={"startInstance": 1.0}) as bee:
            report = await bee.start_many(cloud.ids, wait="online")

    for one in report.succeeded:
        assert one.request > 0
        assert one.provisioning is not None
        assert one.connectivity is not None
        whole = one.queued + one.throttled + one.request + one.provisioning + one.connectivity
        assert whole == pytest.approx(one.elapsed, abs=0.01)
    assert sum(one.throttled for one in report) > 1


async def test_without_a_wish_nothing_is_known_of_booting(slow: Emulator, bee: AsyncBeeOS) -> None:
    """And no request is made for it."""
    report = await bee.start_many(slow.ids[:3])

    assert {(one.provisioning, one.connectivity) for one in report} == {(None, None)}
    assert counts(slow) == {"startInstance": 3}


async def test_booting_holds_no_worker(slow: Emulator, bee: AsyncBeeOS) -> None:
    """One worker starts all of them while the first one still boots."""
    stuck(slow, *slow.ids)

    async with bee.start_stream(slow.ids, wait="online", max_concurrency=1) as run:
        await until(lambda: counts(slow)["startInstance"] == 60)
        assert len(run.report) == 0


async def test_the_whole_family_waits(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Started, restarted, stopped, destroyed: each with its own wish, as a run and as a stream."""
    before = await bee.start_many(slow.ids, wait="running")
    assert before.ok

    again = await bee.restart_many(slow.ids, wait="online")
    assert again.ok
    # What ran before the restart did not count.
    for one in again.succeeded:
        assert one.instance.started_at is not None
        assert one.instance.started_at > (before.instances[one.id].started_at or NEVER)

    stopped = await bee.stop_many(slow.ids, wait="stopped")
    assert {one.instance.status for one in stopped.succeeded} == {"stopped"}
    assert {one.provisioning for one in stopped} == {None}

    gone = await bee.destroy_many(slow.ids[:30], confirm=True, wait="terminated")
    assert gone.ok
    assert set(gone.instances.values()) == {None}
    assert {slow.world.get(id).status for id in slow.ids[:30]} == {"terminated"}

    rest = slow.ids[30:]
    async with bee.start_stream(rest, wait="running") as started:
        assert len([one async for one in started]) == 30
    async with bee.restart_stream(rest, wait="running") as restarted:
        await restarted.wait()
    async with bee.stop_stream(rest, wait="stopped") as halted:
        await halted.wait()
    async with bee.destroy_stream(rest, confirm=True, wait="terminated") as destroyed:
        await destroyed.wait()
    runs: list[b.FleetRun[Any]] = [started, restarted, halted, destroyed]
    assert all(run.report.ok for run in runs)
    assert {slow.world.get(id).status for id in rest} == {"terminated"}


async def test_a_destroyed_instance_that_is_not_there_any_more_is_gone(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """A look that finds nothing is what was waited for."""
    slow.faults.refuse("getInstance", 404, times=None)
    slow.faults.refuse("listInstances", 403, times=None)

    report = await bee.destroy_many(slow.ids[:3], confirm=True, wait="terminated")

    assert report.ok


async def test_a_function_is_believed_on_a_look_alone(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Its yes on a row of a list costs one look more."""

    def has_run(one: b.Instance) -> bool:
        return one.status == "running" and one.total_run_seconds >= 3

    report = await bee.start_many(slow.ids, wait=has_run)

    assert report.ok
    assert all(one.instance.total_run_seconds >= 3 for one in report.succeeded)
    assert counts(slow)["getInstance"] >= 60


async def test_what_runs_already_is_as_wished_at_once(slow: Emulator, bee: AsyncBeeOS) -> None:
    """The server's own answer says it: no look follows."""
    ids = [slow.world.add_instance("running") for _ in range(3)]

    report = await bee.start_many(ids, wait="connected")

    assert [one.already for one in report.succeeded] == [True] * 3
    assert {one.provisioning for one in report} == {0.0}
    assert counts(slow) == {"startInstance": 3}


async def test_what_is_not_ready_at_the_deadline_has_timed_out(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """Accepted, with the instance as it was last seen; the others came out before."""
    stuck(slow, *slow.ids[:4])
    begin = clock.time

    report = await bee.start_many(slow.ids, wait="online", deadline=600)

    assert report.counts == {"succeeded": 56, "timed_out": 4}
    assert [one.id for one in report.timed_out] == slow.ids[:4]
    for one in report.timed_out:
        assert one.instance.status == "provisioning"
        assert one.provisioning == pytest.approx(600, abs=1)
        assert one.connectivity is None
    assert clock.time - begin < 602
    assert set(report.retryable_ids) == set(slow.ids[:4])
    with pytest.raises(b.FleetError) as caught:
        report.raise_for_failures()
    assert {type(error) for error in caught.value.exceptions} == {b.WaitTimeoutError}
    assert pickle.loads(pickle.dumps(report)) == report


async def test_what_becomes_true_shortly_before_the_deadline_is_seen(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """The last look comes shortly before the time is up."""
    id = slow.ids[0]
    slow.world.start(id)
    moved = slow.world.get(id).status_entered_at
    assert moved is not None
    machine = slow.world._machines[id]
    ready = machine.steps[-1][0]

    report = await bee.wait_many([id], "running", deadline=ready + 0.3 - clock.time)

    assert report.ok


async def test_each_end_in_vain_has_its_own_reason(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Gone, stopped by somebody, fallen back, shut out: failed at once, and no other id."""
    gone, away, back, out, lost = slow.ids[:5]
    world = slow.world

    async with bee.start_stream(slow.ids, wait="online", deadline=900) as run:
        await until(lambda: counts(slow)["listInstances"] >= 1)
        world.destroy(gone)
        world.stop(away)
        world.pin(back, status="stopped", halt_reason="no credit")
        world.pin(
            out,
            status="running",
            connectivity="offline",
            connectivity_reason="device_unauthorized",
        )
        world.remove(lost)
        await run.wait()

    report = run.report
    assert report.counts == {"succeeded": 55, "failed": 5}
    reasons: dict[str, str | None] = {}
    for one in report.failed:
        assert isinstance(one.error, b.WaitError)
        reasons[one.id] = one.error.reason
    assert reasons == {
        gone: "terminated",
        away: "turned_away",
        back: "fell_back",
        out: "device_unauthorized",
        lost: "terminated",
    }
    assert "no credit" in str(report[back].error)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    assert report.retryable_ids == [away, back]


async def test_a_look_that_is_refused_for_an_accepted_id_is_no_plain_failure(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """It was started, and cannot be looked after; where nothing was sent, it is the refusal."""
    slow.faults.refuse("getInstance", 403, ids=slow.ids[:1], times=None)
    slow.faults.refuse("listInstances", 403, times=None)

    report = await bee.start_many(slow.ids[:2], wait="online")

    (one,) = report.failed
    assert isinstance(one.error, b.WaitError)
    assert one.error.reason == "refused"
    assert "403" in str(one.error)
    assert report.counts == {"succeeded": 1, "failed": 1}

    (other,) = (await bee.wait_many(slow.ids[:1], "online")).failed
    assert isinstance(other.error, b.PermissionDeniedError)


async def test_what_fails_to_start_is_not_waited_for(slow: Emulator, bee: AsyncBeeOS) -> None:
    """It has its outcome from the call."""
    report = await bee.start_many([*slow.ids[:3], "inst-nowhere", "a/b"], wait="running")

    assert report.counts == {"succeeded": 3, "failed": 1, "skipped": 1}


async def test_waits_in_vain_count_as_failures(slow: Emulator, bee: AsyncBeeOS) -> None:
    """More than allowed, and nothing more is launched; what was accepted is waited for."""
    stuck(slow, *slow.ids)

    async def ids() -> AsyncIterator[str]:
        for id in slow.ids[:10]:
            yield id
        for id in slow.ids[:4]:
            slow.world.destroy(id)
        await until(lambda: len(run.report.failed) == 4)
        yield slow.ids[10]

    run = bee.start_stream(ids(), wait="online", max_failures=3, deadline=600, max_concurrency=1)
    async with run:
        await run.wait()

    assert counts(slow)["startInstance"] == 10
    assert run.report.counts == {"failed": 4, "timed_out": 6, "skipped": 1}
    assert run.report[slow.ids[10]] == b.Skipped(slow.ids[10], "max_failures")


async def test_ids_that_time_out_count_as_failures(slow: Emulator, bee: AsyncBeeOS) -> None:
    """As API and report say it, although nothing is left to be launched by then."""
    stuck(slow, *slow.ids[:3])

    run = bee.start_stream(slow.ids[:6], wait="online", deadline=600)
    async with run:
        await run.wait()

    assert run._tally.lost == 3


async def test_a_run_that_is_stopped_waits_for_what_was_accepted(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """It launches nothing more, and breaks nothing off."""
    async with bee.start_stream(slow.ids, wait="running", max_concurrency=2) as run:
        await until(lambda: counts(slow)["startInstance"] >= 10)
        run.stop()
        assert run.progress.in_flight >= 8
        await run.wait()

    report = run.report
    started = counts(slow)["startInstance"]
    assert report.counts == {"succeeded": started, "skipped": 60 - started}
    assert started < 60


@pytest.mark.parametrize("how", ["left", "cancelled"])
async def test_a_run_that_is_broken_off_tells_what_was_accepted(
    slow: Emulator, bee: AsyncBeeOS, how: str
) -> None:
    """Accepted and not ready is what it was; every id has exactly one outcome."""
    stuck(slow, *slow.ids)
    runs: list[b.FleetRun[b.Instance]] = []

    async def work() -> None:
        async with bee.start_stream(slow.ids, wait="online", max_concurrency=4) as run:
            runs.append(run)
            await until(lambda: len(bee._poller._watched) == 60)
            if how == "cancelled":
                await run.wait()

    task = asyncio.create_task(work())
    if how == "cancelled":
        await until(lambda: len(bee._poller._watched) == 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await task

    report = runs[0].report
    assert report.counts == {"timed_out": 60}
    assert {one.instance.status for one in report.timed_out} == {"provisioning"}
    assert bee._poller._watched == {}


async def test_outcomes_that_nobody_has_read_yet_are_in_the_report(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """A callback that takes its time holds neither the poller nor the report back."""
    told: list[str] = []

    async def tell(outcome: b.Outcome[b.Instance]) -> None:
        told.append(outcome.id)
        await asyncio.sleep(3600)

    async with bee.start_stream(
        slow.ids, wait="running", max_concurrency=2, on_outcome=tell
    ) as run:
        await until(lambda: len(told) == 2)
        await until(lambda: not bee._poller._watched)

    # Two were being told of, the rest was ready.
    assert len(told) == 2
    assert run.report.counts == {"succeeded": 60}


async def test_a_callback_is_told_of_waits_as_of_anything(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Once for each; async ones run side by side, as those of workers do."""
    told: list[str] = []
    most = now = 0

    async def tell(outcome: b.Outcome[b.Instance]) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        told.append(outcome.id)

    await bee.start_many(slow.ids, wait="running", max_concurrency=4, on_outcome=tell)

    assert sorted(told) == sorted(slow.ids)
    assert 1 < most <= 8


@pytest.mark.parametrize("error", [LookupError(MINE), asyncio.CancelledError()])
async def test_a_callback_that_raises_stops_the_run_and_loses_nothing(
    slow: Emulator, bee: AsyncBeeOS, error: BaseException
) -> None:
    """What was accepted is waited for, and the error comes out with the report."""

    def broken(_: object) -> None:
        raise error

    expected: Any = LookupError if isinstance(error, LookupError) else RuntimeError
    with pytest.raises(expected) as caught:
        await bee.start_many(slow.ids, wait="running", on_outcome=broken)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    assert report.counts == {"succeeded": 60}


async def test_a_function_that_raises_stops_the_run_and_is_raised(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Of what was accepted nothing more can be said."""

    def broken(_: b.Instance) -> bool:
        raise LookupError(MINE)

    with pytest.raises(LookupError, match=MINE) as caught:
        await bee.start_many(slow.ids, wait=broken, max_concurrency=2)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    started = counts(slow)["startInstance"]
    assert report.counts["timed_out"] == started
    assert report.counts.get("skipped", 0) == 60 - started


async def test_a_key_that_dies_during_the_wait_is_fatal(slow: Emulator, bee: AsyncBeeOS) -> None:
    """The run ends; what was accepted is told as that, and the report says why."""
    stuck(slow, *slow.ids)

    async with bee.start_stream(slow.ids, wait="online") as run:
        await until(lambda: len(bee._poller._watched) == 60)
        slow.faults.refuse("listInstances", 401, times=None)
        slow.faults.refuse("getInstance", 401, times=None)
        await run.wait()

    assert run.report.counts == {"timed_out": 60}
    assert isinstance(run.report.fatal, b.AuthenticationError)
    assert 2 <= sum(entry.status == 401 for entry in slow.log) <= LOOKERS + 1


async def test_an_outage_that_lasts_ends_the_wait_of_a_fleet(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """After five minutes, with the rest never sent."""
    slow.faults.refuse("listInstances", 500, times=None)
    slow.faults.refuse("getInstance", 500, times=None)

    report = await bee.start_many(slow.ids, wait="online")

    assert report.counts == {"timed_out": 60}
    assert report.fatal is None
    assert clock.time - 1000 > 300


async def test_closing_the_client_ends_the_waits_of_a_fleet(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """With its report: accepted and not ready, the rest never sent."""
    stuck(slow, *slow.ids)

    async with bee.start_stream(slow.ids, wait="online", max_concurrency=2) as run:
        await until(lambda: counts(slow)["startInstance"] >= 10)
        await bee.close()
        await run.wait()

    report = run.report
    started = counts(slow)["startInstance"]
    assert report.counts == {"timed_out": started, "skipped": 60 - started}
    assert {one.reason for one in report.skipped} == {"closed"}


async def test_an_answer_that_comes_as_the_client_closes_is_not_waited_for() -> None:
    """It was accepted; nobody is left to look after it."""
    go = asyncio.Event()

    async def answer(peer: Peer, seen: Seen) -> None:
        await go.wait()
        await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url) as bee:
            async with bee.start_stream(["inst-1"], wait="running") as run:
                await until(lambda: server.seen)
                closing = asyncio.create_task(bee.close())
                await asyncio.sleep(0)
                go.set()
                await run.wait()
            await closing

    assert run.report.counts == {"timed_out": 1}


async def test_without_collecting_no_more_than_some_wait_at_once(
    slow: Emulator, bee: AsyncBeeOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then no more ids are pulled: memory does not grow with their number."""
    monkeypatch.setattr("beeos_async.fleet.engine.WAITING_LIMIT", 10)
    assert waits.WAITING_LIMIT == 10_000
    most = 0

    def ids() -> Iterator[str]:
        nonlocal most
        for id in slow.ids:
            most = max(most, len(bee._poller._watched))
            yield id

    async with bee.start_stream(ids(), wait="running", collect=False, max_concurrency=3) as run:
        kinds = Counter([one.kind async for one in run])

    assert kinds == {"succeeded": 60}
    assert run.report.counts == {"succeeded": 60}
    assert 8 <= most <= 10 + 3


async def test_without_collecting_an_id_that_comes_twice_comes_out_twice(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Ids are taken to be distinct; where they are not, nothing is lost either."""
    ids = [*slow.ids[:5], *slow.ids[:5]]

    async with bee.start_stream(ids, wait="online", collect=False) as run:
        told = Counter([one.id async for one in run])

    assert told == dict.fromkeys(slow.ids[:5], 2)


async def test_a_full_house_is_left_when_the_run_is_stopped(
    slow: Emulator, bee: AsyncBeeOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that wait for room see that nothing more is launched."""
    monkeypatch.setattr("beeos_async.fleet.engine.WAITING_LIMIT", 5)
    stuck(slow, *slow.ids)

    run = bee.start_stream(
        iter(slow.ids), wait="running", collect=False, max_concurrency=3, deadline=600
    )
    async with run:
        await until(lambda: len(bee._poller._watched) >= 5)
        run.stop()
        await run.wait()

    assert run.report.counts["timed_out"] == counts(slow)["startInstance"]
    assert len(run.report) <= 5 + 3


async def test_those_who_watch_see_how_many_are_waited_for(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """They are in flight, and what holds the run is that they are on their way."""
    stuck(slow, *slow.ids)
    seen: list[b.Progress] = []
    async with bee.start_stream(slow.ids, wait="running") as run:
        await until(lambda: len(bee._poller._watched) == 60)
        seen.append(run.progress)
        for id in slow.ids:
            slow.world.free(id)
        await run.wait()
        seen.append(run.progress)

    first, last = seen
    assert (first.in_flight, first.done, first.seconds_left) == (60, 0, None)
    assert first.limited_by == "60 instances that are still booting"
    assert (last.in_flight, last.done, last.seconds_left) == (0, 60, 0.0)


# Nothing to send ------------------------------------------------------------------------------


async def test_a_fleet_is_waited_for_and_nothing_is_asked_of_it(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """The same report: ready, wished elsewhere, not there, no id."""
    started, idle = slow.ids[:50], slow.ids[50]
    for id in started:
        slow.world.start(id)

    report = await bee.wait_many([*started, idle, started[0], "inst-no", "a/b"], "online")

    assert report.counts == {"succeeded": 50, "failed": 2, "skipped": 1}
    assert report.duplicates == 1
    assert {one.instance.connectivity for one in report.succeeded} == {"online"}
    assert {one.attempts for one in report} == {0}
    assert {one.error.reason for one in report.failed if isinstance(one.error, b.WaitError)} == {
        "turned_away",
        "terminated",
    }
    assert str(report).startswith("50 of 53 ready in ")
    assert set(counts(slow)) == {"listInstances", "getInstance"}


async def test_a_wait_is_seen_as_it_goes(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Outcomes as they come; and of those that are not yet ready it is told how many."""
    started = slow.ids[:20]
    for id in started:
        slow.world.start(id)
    waiting: list[int] = []

    async with bee.wait_stream(started, "running", collect=False) as run:
        async for outcome in run:
            assert outcome.kind == "succeeded"
            waiting.append(run.progress.waiting)

    assert len(waiting) == 20
    assert max(waiting) > 0
    assert run.progress.waiting == 0
    assert str(run.report).startswith("20 of 20 ready in ")


async def test_what_was_never_seen_in_time_has_timed_out_unseen(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """With an instance of which nothing is known."""
    slow.faults.refuse("getInstance", 500, times=None)

    report = await bee.wait_many(slow.ids[:1], "online", deadline=5)

    (one,) = report.timed_out
    assert one.instance == b.Instance(id=slow.ids[0])


async def test_other_tasks_live_while_many_ids_are_taken_in(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Nothing is sent for them, and yet the loop is not held."""
    turns = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(neighbour())
    slow.faults.silence("listInstances", times=None)
    async with bee.start_stream([]):
        pass
    run = bee.wait_many((f"inst-{n}" for n in range(2000)), "online", max_concurrency=1)
    waiting = asyncio.create_task(run)
    await until(lambda: len(bee._poller._watched) == 2000)
    waiting.cancel()
    task.cancel()

    assert turns >= 9


@pytest.mark.parametrize(
    ("call", "wish"),
    [
        ("start_many", "stopped"),
        ("stop_many", "running"),
        ("restart_many", "terminated"),
        ("wait_many", "ready"),
        ("start_stream", "stopped"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_before_any_request(
    slow: Emulator, bee: AsyncBeeOS, call: str, wish: str
) -> None:
    """And the refusal says what can."""
    method: Any = getattr(bee, call)

    with pytest.raises(b.ConfigurationError, match="can be waited for"):
        if call == "wait_many":
            await method(slow.ids, wish)
        elif call.endswith("_stream"):
            method(slow.ids, wait=wish)
        else:
            await method(slow.ids, wait=wish)

    assert slow.log == []


# For a while ----------------------------------------------------------------------------------


async def test_a_block_stops_also_what_never_came_to_be_ready(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """It was started here; what ran before, ready or not, was not."""
    ready, hanging, out, before, odd = (
        slow.ids[0],
        slow.ids[1],
        slow.ids[2],
        slow.world.add_instance("running"),
        slow.world.add_instance("running", connectivity="offline"),
    )
    stuck(slow, hanging)
    refused = {
        "status": "running",
        "connectivity": "offline",
        "connectivity_reason": "device_unauthorized",
    }
    slow.world.pin(out, **{**refused, "status": "pending", "connectivity_reason": ""})
    shut = slow.world.add_instance("running", connectivity="offline")

    async def shut_out() -> None:
        await until(lambda: len(bee._poller._watched) == 4)
        slow.world.pin(out, **refused)
        slow.world.pin(shut, **refused)

    async with anyio.create_task_group() as group:
        group.start_soon(shut_out)
        ids = [ready, hanging, out, before, odd, shut]
        async with bee.running(ids, wait="online", deadline=600) as report:
            kinds = [(one.id, one.kind) for one in report]
            for id in (hanging, out):
                slow.world.free(id)

    assert kinds == [
        (ready, "succeeded"),
        (hanging, "timed_out"),
        (out, "failed"),
        (before, "succeeded"),
        (odd, "timed_out"),
        (shut, "failed"),
    ]
    stopped = [entry.ids[0] for entry in slow.log if entry.operation == "stopInstance"]
    assert sorted(stopped) == sorted([ready, hanging, out])


async def test_a_block_that_is_cancelled_while_it_waits_stops_what_it_started(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """On entry already."""
    stuck(slow, *slow.ids)

    async def block() -> None:
        async with bee.running(slow.ids, wait="online"):
            raise AssertionError  # pragma: no cover -- the block is never entered

    task = asyncio.create_task(block())
    await until(lambda: len(bee._poller._watched) == 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert counts(slow)["stopInstance"] == 60
