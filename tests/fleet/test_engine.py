"""How a fleet runs: judged by what the server read and what took effect."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from fault_server import FaultServer, Peer, Seen, honest, http, id_of, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

MINE = "mine"


def client(server: FaultServer, clock: Any = None, **options: Any) -> AsyncBeeOS:
    return AsyncBeeOS("emulator", base_url=server.url, _clock=clock, **{"timeout": 5.0, **options})


def ids(count: int) -> list[str]:
    return [f"inst-{n}" for n in range(count)]


class Slow:
    """A server whose starts take effect and are answered only when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.server = FaultServer(requests(self.answer))

    async def answer(self, peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await self.go.wait()
        await peer.answer(instance(id_of(seen.target)))

    async def until(self, count: int) -> None:
        while len(self.server.seen) < count:
            await asyncio.sleep(0.001)


async def test_each_id_is_started_once_and_reported_in_order() -> None:
    """A plain run: every id one effect, one outcome, in the order given."""
    async with FaultServer(honest()) as server, client(server) as bee:
        report = await bee.start_many(ids(200), max_concurrency=8)

    assert sorted(server.applied) == sorted(ids(200))
    assert server.connections <= 8
    assert [one.id for one in report] == ids(200)
    assert report.ok
    assert report.first_try_rate == 1.0
    assert report["inst-7"].attempts == 1
    assert len(report.instances) == 200


async def test_duplicates_are_started_once(clock: HandClock) -> None:
    """An id given again is left out and counted."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many([*ids(9), *ids(5)])

    assert len(server.seen) == 9
    assert (len(report), report.duplicates) == (9, 5)


async def test_what_is_no_id_is_skipped_while_the_others_start(clock: HandClock) -> None:
    """Bad ids cost no request and no exception."""
    mixed: list[Any] = ["inst-1", "..", "a/b", "", 7, None, "inst-2"]
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many(mixed)

    assert sorted(server.applied) == ["inst-1", "inst-2"]
    assert {one.id: one.reason for one in report.skipped} == dict.fromkeys(
        ["..", "a/b", "", "<int 7>", "<NoneType None>"], "invalid_id"
    )
    assert len(report) == 7


@pytest.mark.fault("C9")
@pytest.mark.parametrize("given", ["inst-1", b"inst-1", b.Instance(id="inst-1"), 7, None])
async def test_what_is_no_collection_is_refused_before_any_request(
    clock: HandClock, given: Any
) -> None:
    """A string would fall apart into letters: it is a TypeError."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with pytest.raises(TypeError, match="iterable of instance ids"):
            await bee.start_many(given)

    assert server.connections == 0


def test_a_run_that_was_refused_can_be_shown() -> None:
    """A traceback that shows its locals shows it, half made as it is."""
    assert repr(b.FleetRun.__new__(b.FleetRun)) == "<FleetRun that was refused>"


@pytest.mark.fault("C21")
@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrency": 0},
        {"max_concurrency": 1.5},
        {"deadline": 0},
        {"deadline": -1},
        {"on_outcome": 3},
    ],
)
async def test_options_that_cannot_work_are_refused(
    clock: HandClock, options: dict[str, Any]
) -> None:
    """They are ValueErrors that name the option."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with pytest.raises(ValueError, match=next(iter(options))):
            await bee.start_many(ids(3), **options)

    assert server.connections == 0


@pytest.mark.fault("C13")
async def test_an_empty_fleet_is_an_empty_report(clock: HandClock) -> None:
    """Nothing to start: no request, and all is well."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many([])

    assert (len(report), report.ok, server.connections) == (0, True, 0)


async def test_instances_and_generators_are_taken_as_they_come(clock: HandClock) -> None:
    """Ids may be instances, out of a generator or an async generator."""

    def some() -> Iterator[str | b.Instance]:
        yield b.Instance(id="inst-0")
        yield "inst-1"

    async def later() -> AsyncIterator[str | b.Instance]:
        for id in ["inst-2", "inst-3", "inst-2"]:
            await asyncio.sleep(0)
            yield id

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        first = await bee.start_many(some())
        second = await bee.start_many(later())

    assert [one.id for one in first] == ["inst-0", "inst-1"]
    assert [one.id for one in second] == ["inst-2", "inst-3"]
    assert second.duplicates == 1


async def test_a_generator_is_not_read_ahead() -> None:
    """No more ids are pulled than can be in flight, and one."""
    slow = Slow()
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"inst-{pulled}"

    async with slow.server as server, client(server) as bee:
        async with bee.start_stream(endless(), max_concurrency=5) as run:
            await slow.until(5)
            assert pulled <= 6
            run.stop()
            slow.go.set()
            outcomes = [one async for one in run]

    assert len(outcomes) == 5
    assert run.report.ok


async def test_stopping_lets_what_is_in_flight_finish_and_skips_the_rest() -> None:
    """`stop` is graceful: no launch after it, nothing broken off."""
    slow = Slow()
    async with slow.server as server, client(server) as bee:
        async with bee.start_stream(ids(50), max_concurrency=5) as run:
            await slow.until(5)
            run.stop()
            run.stop()
            slow.go.set()
            await run.wait()
        assert len(server.seen) == 5

    assert run.report.counts == {"succeeded": 5, "skipped": 45}
    assert {one.reason for one in run.report.skipped} == {"stopped"}


async def test_stopping_does_not_wait_for_a_slow_source() -> None:
    """A run that waits for the next id ends when it is stopped."""

    async def slow() -> AsyncIterator[str]:
        yield "inst-1"
        await asyncio.sleep(3600)

    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(slow()) as run:
            async for _ in run:
                run.stop()

    assert run.report.counts == {"succeeded": 1}


@pytest.mark.parametrize("turns", range(6))
async def test_a_run_that_is_cancelled_as_it_begins_has_its_report(turns: int) -> None:
    """However early: every id has its outcome, and nothing of the run is left behind."""
    async with FaultServer(honest()) as server, client(server) as bee:
        run = bee.start_stream(ids(20))

        async def body() -> None:
            async with run:
                await asyncio.sleep(3600)

        before = asyncio.all_tasks()
        task = asyncio.create_task(body())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        new = asyncio.all_tasks() - before
        # The server may just be learning that its guest has gone.
        assert [task for task in new if "FaultServer" not in repr(task.get_coro())] == []
        assert bee._caller.gate.when_closed == []
    assert len(run.report) == (20 if turns else 0)


async def test_a_run_that_is_left_at_once_has_its_report(clock: HandClock) -> None:
    """Also where nothing of it has had its turn yet."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        async with bee.start_stream(ids(20)) as run:
            pass

    assert len(run.report) == 20


async def test_outcomes_come_as_they_finish(clock: HandClock) -> None:
    """The stream yields each outcome once, and the report has them all."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        async with bee.start_stream(ids(30)) as run:
            seen = [outcome.id async for outcome in run]

    assert sorted(seen) == sorted(ids(30))
    assert len(run.report) == 30


async def test_leaving_early_breaks_off_and_the_report_is_complete() -> None:
    """What was in flight is unknown, what was never sent is skipped: nothing is lost."""
    slow = Slow()
    async with slow.server as server, client(server) as bee:
        async with bee.start_stream(ids(50), max_concurrency=5) as run:
            await slow.until(5)
        assert len(server.seen) == 5

    report = run.report
    assert report.counts == {"unknown": 5, "skipped": 45}
    assert {one.reason for one in report.skipped} == {"cancelled"}
    assert {one.id for one in report.unknown} == set(server.applied)
    assert {one.error.delivered for one in report.unknown} == {"maybe"}


@pytest.mark.fault("C2")
async def test_a_cancellation_is_raised_and_the_report_is_complete() -> None:
    """The sum over all outcomes is the number of ids, whenever it is cancelled."""
    slow = Slow()
    runs: list[b.FleetRun[b.Instance]] = []

    async def work(bee: AsyncBeeOS) -> None:
        async with bee.start_stream(ids(40), max_concurrency=4) as run:
            runs.append(run)
            await run.wait()

    async with slow.server as server, client(server) as bee:
        task = asyncio.create_task(work(bee))
        await slow.until(4)
        began = asyncio.get_running_loop().time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - began < 5

    assert runs[0].report.counts == {"unknown": 4, "skipped": 36}


async def test_an_id_that_only_waited_is_skipped_not_unknown(clock: HandClock) -> None:
    """What certainly never left is not in doubt when the run is broken off."""

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"error":{"code":"rate_limited"}}', "429 Slow", "Retry-After: 30")

    async with FaultServer(requests(refuse)) as server, client(server) as bee:
        async with bee.start_stream(ids(3), max_concurrency=1) as run:
            while not server.seen:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)

    assert run.report.counts == {"skipped": 3}
    assert len(server.seen) == 1


async def test_an_error_of_the_body_leaves_as_it_is(clock: HandClock) -> None:
    """It is not wrapped in a group, and the run is over."""
    slow = Slow()
    async with slow.server as server, client(server) as bee:
        with pytest.raises(LookupError, match="mine"):
            async with bee.start_stream(ids(9)):
                await slow.until(1)
                raise LookupError(MINE)


@pytest.mark.fault("C6")
async def test_the_deadline_returns_what_is_done_and_skips_the_rest() -> None:
    """A deadline is a partial report, not an exception."""
    first: list[str] = []

    async def some(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if len(first) >= 6:
            await peer.hang()
        first.append(id)
        peer.apply(id)
        await peer.answer(instance(id))

    async with FaultServer(requests(some)) as server, client(server) as bee:
        began = asyncio.get_running_loop().time()
        report = await bee.start_many(ids(30), max_concurrency=3, deadline=0.3)
        assert asyncio.get_running_loop().time() - began < 3

    assert report.counts == {"succeeded": 6, "unknown": 3, "skipped": 21}
    assert {one.reason for one in report.skipped} == {"deadline"}
    assert set(report.instances) == set(server.applied)


async def test_a_start_in_flight_at_the_deadline_is_settled_within_the_grace() -> None:
    """One look after the deadline tells that it took: it is a success, not a doubt."""

    async def slow(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if seen.method == "POST":
            peer.apply(id)
            await peer.hang()
        await peer.answer(instance(id))

    async with FaultServer(requests(slow)) as server, client(server) as bee:
        report = await bee.start_many(ids(3), deadline=0.2)

    assert report.counts == {"succeeded": 3}
    assert sorted(server.applied) == ids(3)


async def test_an_endpoint_that_cools_past_the_deadline_skips(clock: HandClock) -> None:
    """Ids that could not be sent in time are skipped for the deadline, without waiting for it."""

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"error":{"code":"rate_limited"}}', "429 Slow", "Retry-After: 30")

    async with FaultServer(requests(refuse)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(5), max_concurrency=2, deadline=10)

    assert report.counts == {"skipped": 5}
    assert {one.reason for one in report.skipped} == {"deadline"}
    assert clock.slept == []


async def test_a_slow_source_does_not_outlast_the_deadline() -> None:
    """A run that waits for the next id ends at its deadline."""

    async def slow() -> AsyncIterator[str]:
        yield "inst-1"
        await asyncio.sleep(3600)

    async with FaultServer(honest()) as server, client(server) as bee:
        report = await bee.start_many(slow(), deadline=0.1)

    assert report.counts == {"succeeded": 1}


async def test_an_unsized_source_is_not_asked_after_the_deadline(clock: HandClock) -> None:
    """Of a generator's rest nothing is said: it is not pulled any more."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            if pulled == 4:
                clock.time += 100
            yield f"inst-{pulled}"

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many(endless(), max_concurrency=1, deadline=10)

    assert pulled == 4
    assert report.counts == {"succeeded": 3, "skipped": 1}


@pytest.mark.fault("C10")
async def test_a_source_that_raises_resolves_what_was_pulled_and_raises() -> None:
    """Its own error comes out, with the report; nothing that began is broken off."""

    def broken() -> Iterator[str]:
        yield from ids(10)
        raise LookupError(MINE)

    async with FaultServer(honest()) as server, client(server) as bee:
        with pytest.raises(LookupError, match="mine") as caught:
            await bee.start_many(broken(), max_concurrency=3)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    assert report.counts == {"succeeded": 10}
    assert "10 of 10 started" in caught.value.__notes__[0]
    assert sorted(server.applied) == sorted(ids(10))


async def test_an_async_source_that_raises_does_so_too() -> None:
    """Even a TimeoutError of its own is not taken for the run's."""

    async def broken() -> AsyncIterator[str]:
        yield "inst-1"
        raise TimeoutError(MINE)

    async with FaultServer(honest()) as server, client(server) as bee:
        with pytest.raises(TimeoutError, match="mine"):
            await bee.start_many(broken(), deadline=30)

    assert server.applied == ["inst-1"]


async def test_a_callback_is_told_of_each_outcome_once(clock: HandClock) -> None:
    """Sync or async, it is called as outcomes happen."""
    told: list[str] = []

    async def tell(outcome: b.Outcome[b.Instance]) -> None:
        await asyncio.sleep(0)
        told.append(outcome.id)

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        await bee.start_many(["..", *ids(9)], on_outcome=tell)
        await bee.start_many(ids(3), on_outcome=lambda outcome: told.append(outcome.kind))

    assert sorted(told[:10]) == sorted(["..", *ids(9)])
    assert told[10:] == ["succeeded"] * 3


@pytest.mark.fault("C17")
async def test_a_callback_that_raises_stops_the_run_and_is_raised() -> None:
    """Nothing more is launched, what is in flight finishes, and the report is attached."""

    def broken(_: object) -> None:
        raise LookupError(MINE)

    async with FaultServer(honest()) as server, client(server) as bee:
        with pytest.raises(LookupError, match="mine") as caught:
            await bee.start_many(ids(100), max_concurrency=4, on_outcome=broken)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    assert len(report) == 100
    assert report.counts["succeeded"] == len(server.applied) <= 8
    assert {one.reason for one in report.skipped} == {"stopped"}


async def test_a_callback_that_is_cancelled_over_the_rest_is_raised_too(clock: HandClock) -> None:
    """Nobody has cancelled the run: it says so, and tells of all others."""
    told: list[str] = []

    async def tell(outcome: b.Outcome[b.Instance]) -> None:
        told.append(outcome.id)
        if outcome.kind == "skipped":
            raise asyncio.CancelledError
        run.stop()

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        run = bee.start_stream(ids(10), max_concurrency=1, on_outcome=tell)
        with pytest.raises(RuntimeError, match="was cancelled"):
            async with run:
                await run.wait()

    assert told == ids(10)
    assert run.report.counts == {"succeeded": 1, "skipped": 9}


async def test_an_error_comes_out_of_the_stream_after_its_outcomes() -> None:
    """A reader sees every outcome first, then the error, once."""

    def broken() -> Iterator[str]:
        yield "inst-1"
        raise LookupError(MINE)

    seen: list[str] = []
    async with FaultServer(honest()) as server, client(server) as bee:
        with pytest.raises(LookupError, match="mine"):
            async with bee.start_stream(broken()) as run:
                async for outcome in run:
                    seen.append(outcome.id)  # noqa: PERF401 -- what came before the error

    assert seen == ["inst-1"]


async def test_workers_pause_while_nobody_reads() -> None:
    """A reader that falls behind by a thousand outcomes stops the run from going on."""
    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(ids(1500), max_concurrency=8) as run:
            while len(run.report) < 1000:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert len(server.seen) <= 1000 + 8
            assert sum([1 async for _ in run]) == 1500


async def test_waiting_for_the_end_lifts_the_pause() -> None:
    """Who does not read says so by `wait`, and the run goes to its end."""
    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(ids(1200), max_concurrency=8) as run:
            while len(run.report) < 1000:
                await asyncio.sleep(0.01)
            await run.wait()

    assert len(server.applied) == 1200


async def test_other_tasks_live_while_ids_are_skipped(clock: HandClock) -> None:
    """A long row of bad ids does not hold the loop."""
    turns = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        task = asyncio.create_task(neighbour())
        report = await bee.start_many((".." + "/" * n for n in range(2000)), max_concurrency=1)
        task.cancel()

    assert report.counts == {"skipped": 2000}
    assert turns >= 9


@pytest.mark.fault("C14")
async def test_closing_the_client_ends_a_run_with_its_report() -> None:
    """Ids in flight finish within the grace, the rest is skipped, nothing is cancelled."""
    slow = Slow()
    async with slow.server as server, client(server) as bee:
        run = bee.start_stream(ids(30), max_concurrency=3)
        async with run:
            await slow.until(3)
            closing = asyncio.create_task(bee.close())
            await asyncio.sleep(0)
            slow.go.set()
            await run.wait()
        await closing
        with pytest.raises(b.ClientClosedError):
            await bee.start_many(ids(3))

    assert run.report.counts == {"succeeded": 3, "skipped": 27}
    assert {one.reason for one in run.report.skipped} == {"closed"}


async def test_failures_are_outcomes_and_the_others_go_on(clock: HandClock) -> None:
    """Each id fails for itself; errors are kept without the frames they came through."""

    async def some(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if id.endswith("3"):
            await peer.answer(b'{"error":{"code":"agent_not_found"}}', "404 None")
        else:
            peer.apply(id)
            await peer.answer(instance(id))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(20))

    assert [one.id for one in report.failed] == ["inst-3", "inst-13"]
    assert all(isinstance(one.error, b.NotFoundError) for one in report.failed)
    assert all(one.error.__traceback__ is None for one in report.failed)
    assert len(server.applied) == 18
    with pytest.raises(b.FleetError) as caught:
        report.raise_for_failures()
    assert caught.value.report is report


async def test_an_instance_that_runs_already_is_said_to(clock: HandClock) -> None:
    """A 200 that says running, or a first conflict with a running instance, is `already`."""

    async def some(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if id == "inst-1" and seen.method == "POST":
            await peer.answer(b'{"error":{"code":"conflict"}}', "409 Conflict")
        else:
            status = "pending" if id == "inst-2" else "running"
            await peer.answer(instance(id, status))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(3))

    assert [one.already for one in report.succeeded] == [True, True, False]
    assert len(server.seen) == 4


async def test_a_pager_is_drained_before_the_first_start(clock: HandClock) -> None:
    """Starting changes the list that is paged: it is read until a pass finds nothing new."""

    async def some(peer: Peer, seen: Seen) -> None:
        if seen.method == "GET":
            rows = b",".join(b'{"id":"%s"}' % id.encode() for id in ids(3))
            await peer.send(http(b'{"success":true,"data":[%s],"total":3}' % rows))
        else:
            peer.apply(id_of(seen.target))
            await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(bee.instances.list(status="stopped"))

    assert [line.split()[0] for line in server.lines] == ["GET", "GET", "POST", "POST", "POST"]
    assert report.ok
    assert len(report) == 3


@pytest.mark.fault("C22")
async def test_two_fleets_share_one_semaphore() -> None:
    """The client's bound holds over all its runs."""
    slow = Slow()
    async with slow.server as server, client(server, max_concurrency=6) as bee:
        async with anyio.create_task_group() as group:
            group.start_soon(bee.start_many, ids(20))
            group.start_soon(bee.start_many, [f"other-{n}" for n in range(20)])
            await slow.until(6)
            await asyncio.sleep(0.05)
            assert len(server.seen) == 6
            slow.go.set()

    assert len(server.applied) == 40


async def test_memory_does_not_grow_with_the_number_of_ids() -> None:
    """Without collecting, a run keeps counters only."""
    async with FaultServer(honest()) as server, client(server) as bee:

        async def peak(count: int) -> int:
            gc.collect()
            tracemalloc.start()
            async with bee.start_stream(
                (f"inst-{n}" for n in range(count)), collect=False, max_concurrency=8
            ) as run:
                async for _ in run:
                    server.seen.clear()
                    server.applied.clear()
            assert len(run.report) == count
            assert list(run.report) == []
            used = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return used

        await peak(50)
        few = await peak(200)
        assert await peak(2000) < few + 200_000


async def test_a_run_is_of_no_use_outside_its_block(clock: HandClock) -> None:
    """It begins with `async with`, once; anything else says so instead of doing nothing."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        run = bee.start_stream(ids(3))
        with pytest.raises(RuntimeError, match="async with"):
            await run.wait()
        with pytest.raises(RuntimeError, match="async with"):
            await anext(run)
        async with run:
            await run.wait()
        with pytest.raises(RuntimeError, match="once"):
            await run.__aenter__()

    assert len(server.seen) == 3


async def test_a_list_that_cannot_be_read_is_raised(clock: HandClock) -> None:
    """Without its ids there is no fleet: the error of the list comes out."""

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"error":{"code":"invalid_token"}}', "401 Who")

    async with FaultServer(requests(refuse)) as server, client(server, clock) as bee:
        with pytest.raises(b.AuthenticationError):
            await bee.start_many(bee.instances.list())

    assert len(server.seen) == 1


async def test_a_collection_that_changes_under_a_run_is_raised_with_the_report(
    clock: HandClock,
) -> None:
    """No more can be said of what was not pulled, but all of what was."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        given = dict.fromkeys(ids(20))
        run = bee.start_stream(given, max_concurrency=2, on_outcome=lambda one: given.pop(one.id))
        with pytest.raises(RuntimeError, match="changed size") as caught:
            async with run:
                await run.wait()

    assert [one.id for one in run.report] == sorted(server.applied)
    assert getattr(caught.value, "report", None) == run.report


async def test_a_report_of_a_run_that_goes_on_says_how_long_it_has(clock: HandClock) -> None:
    """Not that all of it took no time."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        async with bee.start_stream(ids(3), max_concurrency=1) as run:
            assert run.report.elapsed == 0
            await anext(run)
            clock.time += 5
            assert run.report.elapsed == 5
            assert "1 of 1 started in 5.0 s" in str(run.report)
            run.stop()
            await run.wait()


async def test_a_list_whose_page_does_not_come_is_raised() -> None:
    """A page that times out is no deadline of the run: an empty report would look well."""
    async with Emulator(instances=3, boot_time=0) as cloud:
        async with cloud.client(timeout=0.3, max_retries=0) as bee:
            cloud.faults.silence("listInstances")
            with pytest.raises(b.RequestTimeoutError) as caught:
                await bee.start_many(bee.instances.list(), deadline=5)

    assert caught.value.gave_up is None


async def test_what_was_read_of_a_list_by_the_deadline_is_told() -> None:
    """The second page is too late: those of the first have their outcome all the same."""
    told: list[b.Outcome[b.Instance]] = []
    async with Emulator(instances=201, boot_time=0) as cloud, cloud.client() as bee:
        cloud.faults.silence("listInstances", after=1)
        report = await bee.start_many(bee.instances.list(), deadline=0.3, on_outcome=told.append)

    assert [one.id for one in report] == [one.id for one in told]
    assert len(report) == 200
    assert {one.reason for one in report.skipped} == {"deadline"}
    assert [entry.operation for entry in cloud.log] == ["listInstances"] * 2


async def test_workers_pause_again_when_the_reader_falls_behind_again() -> None:
    """Each thousand unread outcomes hold the run, not only the first."""
    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(ids(1200), max_concurrency=2) as run:
            for _ in range(2):
                for _ in range(50):
                    await anext(run)
                while len(run._mail._letters) < 1000:
                    await asyncio.sleep(0.01)
            assert len(server.seen) < 1200
