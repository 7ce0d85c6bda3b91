"""What a fleet does when more than one id is in trouble: judged by the server's log."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, honest, id_of, instance, requests
from hand_clock import HandClock
from roads import ROAD

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._clock import RealClock
from beeos_async.emulator import Emulator

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]

VAULT = "vault"

MANY = 1_000_000
"""Duplicates that are pulled only where nothing else gets a turn."""


def client(server: FaultServer, clock: Any, **options: Any) -> AsyncBeeOS:
    options = {"timeout": 5.0, **ROAD, **options}
    bee = AsyncBeeOS("emulator", base_url=server.url, _clock=clock, **options)
    return clock.heed(bee) if isinstance(clock, HandClock) else bee


def ids(count: int) -> list[str]:
    return [f"inst-{n}" for n in range(count)]


async def accept(peer: Peer, seen: Seen) -> None:
    id = id_of(seen.target)
    if seen.method == "POST":
        peer.apply(id)
    desired = "running" if id in peer.server.applied else "stopped"
    await peer.answer(instance(id, desired=desired))


async def refuse(peer: Peer, status: str, code: str, *headers: str) -> None:
    await peer.answer(b'{"error":{"code":"%s"}}' % code.encode(), status, *headers)


@pytest.mark.fault("H3")
async def test_a_dead_key_ends_the_run_after_one_more_try(clock: HandClock) -> None:
    """At most concurrency + 1 further requests; the rest is skipped, the report says why."""

    async def some(peer: Peer, seen: Seen) -> None:
        if len(peer.server.seen) > 100:
            await refuse(peer, "401 Who", "invalid_token")
        else:
            await accept(peer, seen)

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(1000), max_concurrency=16)

    assert len(server.seen) <= 100 + 16 + 1
    assert report.counts["succeeded"] == 100
    assert isinstance(report.fatal, b.AuthenticationError)
    assert {one.reason for one in report.skipped} == {"fatal"}
    assert len(report) == 1000
    assert clock.slept == [1.0]


@pytest.mark.fault("H4")
async def test_a_single_odd_401_costs_a_second_and_nothing_else(clock: HandClock) -> None:
    """The key is tried once more, it lives, and everybody goes on."""

    async def some(peer: Peer, seen: Seen) -> None:
        if 40 <= len(peer.server.seen) < 44:
            await refuse(peer, "401 Who", "invalid_token")
        else:
            await accept(peer, seen)

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(200), max_concurrency=8)

    assert report.ok
    assert report.fatal is None
    assert sorted(server.applied) == sorted(ids(200))


@pytest.mark.fault("H3")
@pytest.mark.parametrize("end", ["cancelled", "closed", "deadline", "stopped"])
async def test_a_run_that_ends_while_a_refused_key_rests_has_each_id(end: str) -> None:
    """What was refused is `Failed`, the rest is skipped, and the probe is not waited for."""

    async def stranger(peer: Peer, _: Seen) -> None:
        await refuse(peer, "401 Who", "invalid_token")

    async with FaultServer(requests(stranger)) as server, client(server, RealClock()) as bee:
        deadline = 0.3 if end == "deadline" else None
        async with bee.start_stream(ids(20), max_concurrency=4, deadline=deadline) as run:
            while len(server.seen) < 4:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            if end == "closed":
                await bee.close()
            elif end == "stopped":
                run.stop()
            if end != "cancelled":
                await run.wait()

    assert [one.id for one in run.report] == ids(20)
    assert {type(one.error) for one in run.report.failed} == {b.AuthenticationError}
    assert run.report.counts == {"failed": 4, "skipped": 16}
    assert {one.reason for one in run.report.skipped} == {end}
    assert run.report.elapsed < 0.9 or end == "stopped"
    assert len(server.seen) == 4


@pytest.mark.fault("N8")
async def test_a_certificate_nobody_trusts_ends_the_run(clock: HandClock, authority: Any) -> None:
    """It would fail every id alike."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    async with FaultServer(honest(), tls=served) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(500), max_concurrency=4)

    assert isinstance(report.fatal, b.NotSentError)
    assert report.counts["failed"] <= 4
    assert report.counts["skipped"] >= 496
    assert server.seen == []


@pytest.mark.parametrize(("allowed", "lost"), [(0, 1), (5, 6), (0.1, 11), (0.29, 30)])
async def test_a_budget_of_failures_stops_launching(
    clock: HandClock, allowed: float, lost: int
) -> None:
    """The run stops when more than so many have failed; what is in flight finishes."""

    async def never(peer: Peer, _: Seen) -> None:
        await refuse(peer, "404 None", "agent_not_found")

    async with FaultServer(requests(never)) as server, client(server, clock) as bee:
        report = await bee.start_many(
            [*ids(100), *ids(5)], max_concurrency=1, max_failures=allowed
        )

    assert report.counts == {"failed": lost, "skipped": 100 - lost}
    assert {one.reason for one in report.skipped} == {"max_failures"}
    assert len(server.seen) == lost


@pytest.mark.parametrize("allowed", [-1, 0.0, 1.0, 1.5, True, "3"])
async def test_a_budget_that_is_none_is_refused(clock: HandClock, allowed: Any) -> None:
    """A count, or a share between 0 and 1; a share only of what can be counted."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with pytest.raises(b.ConfigurationError, match="max_failures"):
            await bee.start_many(ids(3), max_failures=allowed)
        with pytest.raises(b.ConfigurationError, match="sized"):
            await bee.start_many(iter(ids(3)), max_failures=0.5)

    assert server.connections == 0


@pytest.mark.parametrize("kind", ["503", "reset", "500 after"])
async def test_an_outage_loses_no_id_and_wastes_next_to_no_request(
    clock: HandClock, kind: str
) -> None:
    """Sending stops, one probe goes now and then, and nobody has burned attempts."""

    def down(peer: Peer) -> bool:
        return len(peer.server.seen) > 500 and clock.time < 1010.0

    async def some(peer: Peer, seen: Seen) -> None:
        if not down(peer):
            await accept(peer, seen)
        elif kind == "reset":
            raise ConnectionError
        else:
            if kind == "500 after" and seen.method == "POST":
                peer.apply(id_of(seen.target))
            await refuse(peer, "503 Down", "")

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(3000))

    assert report.ok, report
    assert sorted(set(server.applied)) == sorted(ids(3000))
    assert len(server.applied) == 3000
    assert len(server.seen) <= 3000 + 200
    assert bee.instances is not None


async def test_an_outage_that_lasts_ends_the_run(clock: HandClock) -> None:
    """After five minutes the rest is skipped; what may have arrived stays unknown."""

    async def dead(peer: Peer, _: Seen) -> None:
        await refuse(peer, "503 Down", "")

    async with FaultServer(requests(dead)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(500), max_concurrency=8)

    assert len(report) == 500
    assert set(report.counts) <= {"unknown", "skipped"}
    assert {one.reason for one in report.skipped} == {"outage"}
    assert len(server.seen) <= 300
    assert clock.time >= 1300


@pytest.mark.fault("H12")
async def test_a_wait_that_is_too_long_ends_the_run_and_says_until_when(clock: HandClock) -> None:
    """More than five minutes is no pause: the rest is skipped, nobody hangs at the door."""

    async def full(peer: Peer, _: Seen) -> None:
        await refuse(peer, "429 Slow", "rate_limited", "Retry-After: 86400")

    async with FaultServer(requests(full)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(100), max_concurrency=16)
        with pytest.raises(b.RateLimitError) as caught:
            await bee.start("inst-1")

    assert {one.reason for one in report.skipped} == {"throttled"}
    assert {type(one.error) for one in report.failed} == {b.RateLimitError}
    assert len(report) == 100
    assert len(report.failed) == len(server.seen) <= 8
    assert caught.value.retry_after == pytest.approx(86400, rel=0.11)
    assert clock.slept == []


async def test_stopping_sends_away_who_only_waits(clock: HandClock) -> None:
    """Ids that wait for a quota are not launched after `stop`."""
    async with FaultServer(honest()) as server:
        async with client(server, RealClock(), rate_limit=20.0) as bee:
            async with bee.start_stream(ids(60)) as run:
                async for _ in run:
                    if len(server.seen) >= 3:
                        run.stop()
    assert len(server.seen) <= 6
    assert run.report.counts["succeeded"] == len(server.applied)
    assert {one.reason for one in run.report.skipped} == {"stopped"}


@pytest.mark.fault("N27")
async def test_a_probe_that_finds_the_host_still_down_costs_its_id_no_retry(
    clock: HandClock,
) -> None:
    """However long the host is down, and however few the ids that look whether it still is."""

    async def down(peer: Peer, seen: Seen) -> None:
        broken = len(peer.server.seen) <= 80
        await (refuse(peer, "503 Down", "auth_transient") if broken else accept(peer, seen))

    async with FaultServer(requests(down)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(8))

    assert report.counts == {"succeeded": 8}
    assert sorted(server.applied) == ids(8)
    # As many as would have cost each of them more than its three retries.
    assert len(server.seen) == 88


@pytest.mark.fault("N30")
@pytest.mark.parametrize("kind", ["503", "reset", "refused"])
@pytest.mark.parametrize("size", [6, 300])
async def test_a_host_that_is_down_at_the_very_beginning_costs_no_id(
    clock: HandClock, size: int, kind: Any
) -> None:
    """Few are in flight then, and fewer failures than that many slots would ask for are enough."""
    async with Emulator(instances=size, boot_time=0, clock=clock) as cloud:
        cloud.faults.outage(30, kind)
        async with clock.heed(cloud.client(_clock=clock, max_concurrency=200, **ROAD)) as bee:
            report = await bee.start_many(cloud.ids)

    assert report.counts == {"succeeded": size}
    assert {cloud.effects(id) for id in cloud.ids} == {1}


@pytest.mark.fault("N27")
@pytest.mark.parametrize("kind", ["503", "reset", "refused"])
@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_a_short_outage_costs_a_small_run_no_id(
    clock: HandClock, workers: int, kind: Any
) -> None:
    """Too few are in flight to open the brake before the first of them has failed for good."""
    async with Emulator(instances=40, boot_time=0, clock=clock) as cloud:
        cloud.faults.outage(4, kind, after=10)
        async with clock.heed(cloud.client(_clock=clock, **ROAD)) as bee:
            report = await bee.start_many(cloud.ids, max_concurrency=workers)

    assert report.counts == {"succeeded": 40}
    assert {cloud.effects(id) for id in cloud.ids} == {1}
    # Nobody hammers: three seconds are some ten tries, each of them perhaps with its look.
    assert len(cloud.log) <= 40 + 2 * 20


@pytest.mark.fault("N27")
async def test_one_id_that_always_fails_holds_a_small_run_up_for_seconds_only(
    clock: HandClock,
) -> None:
    """It may be the host, and turns out not to be."""

    async def some(peer: Peer, seen: Seen) -> None:
        sick = id_of(seen.target) == "inst-2"
        await (refuse(peer, "502 Bad", "") if sick else accept(peer, seen))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        began = clock.now()
        report = await bee.start_many(ids(5), max_concurrency=1)

    assert {one.id for one in report.unknown} == {"inst-2"}
    assert sorted(server.applied) == ["inst-0", "inst-1", "inst-3", "inst-4"]
    assert clock.now() - began < 15
    assert sum("inst-2" in seen.target for seen in server.seen) == 1 + 4 + 6


@pytest.mark.fault("N33")
async def test_a_run_after_an_outage_that_nobody_saw_the_end_of_starts_its_ids(
    clock: HandClock,
) -> None:
    """The run that met it is over for ten minutes: the next one looks, and goes on."""
    async with Emulator(instances=120, boot_time=0, clock=clock) as cloud:
        cloud.faults.outage(200)
        async with clock.heed(cloud.client(_clock=clock, **ROAD)) as bee:
            before = await bee.start_many(cloud.ids[:20], deadline=20)
            clock.time += 600
            report = await bee.start_many(cloud.ids[20:])

    assert before.counts.keys() <= {"skipped", "unknown"}
    assert report.counts == {"succeeded": 100}
    assert {cloud.effects(id) for id in cloud.ids[20:]} == {1}


@pytest.mark.fault("N34")
async def test_a_deadline_with_many_in_flight_holds_no_other_run_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run that gave its answers no time has measured itself, and not the host."""

    async def some(peer: Peer, seen: Seen) -> None:
        # The first ids open the window: as many as there are slots go at once.
        if 400 <= int(id_of(seen.target).removeprefix("inst-")) < 464:
            await asyncio.sleep(60)
        await accept(peer, seen)

    async with FaultServer(requests(some)) as server, client(server, RealClock()) as bee:
        assert (await bee.start_many(ids(400))).ok
        cut = await bee.start_many(ids(464)[400:], deadline=1.0)
        report = await bee.start_many(ids(600)[464:])

    assert len(cut.unknown) > 20
    assert report.ok
    assert sorted(server.applied) == sorted(ids(400) + ids(600)[464:])
    assert "the host is failing" not in caplog.text


@pytest.mark.parametrize("kind", ["503", "reset"])
async def test_a_run_that_is_stopped_waits_for_no_host_that_is_down(
    clock: HandClock, kind: Any
) -> None:
    """Not even for the ids that were sent before: what may have arrived is `Unknown`."""
    tries = asked = 0
    stopped = 0.0

    def listen(_: b.Attempt) -> None:
        nonlocal tries, asked, stopped
        tries += bee._caller.gate.brake.open_since is not None
        if tries == 30:
            asked, stopped = len(cloud.log), clock.now()
            run.stop()

    async with Emulator(instances=200, boot_time=0, clock=clock) as cloud:
        cloud.faults.outage(250, kind)
        async with cloud.client(_clock=clock, on_attempt=listen, **ROAD) as bee:
            async with bee.start_stream(cloud.ids) as run:
                await run.wait()

    assert 0 < asked <= len(cloud.log) <= asked + 8
    assert clock.now() < stopped + 1
    assert {one.reason for one in run.report.skipped} == {"stopped"}
    assert {one.id for one in run.report.unknown} <= {id for one in cloud.log for id in one.ids}
    assert run.report.counts.keys() <= {"skipped", "unknown"}
    assert len(run.report) == 200


async def test_closing_wakes_who_sleeps() -> None:
    """A run behind a long pause ends at once when the client closes."""

    async def slow(peer: Peer, _: Seen) -> None:
        await refuse(peer, "429 Slow", "rate_limited", "Retry-After: 50")

    async with FaultServer(requests(slow)) as server, client(server, RealClock()) as bee:
        run = asyncio.create_task(bee.start_many(ids(20)))
        while not server.seen:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        await bee.close()
        report = await asyncio.wait_for(run, 2)

    assert report.counts == {"skipped": 20}
    assert {one.reason for one in report.skipped} == {"closed"}


async def test_a_start_in_doubt_when_the_client_closes_is_unknown() -> None:
    """What may have arrived is never called skipped, and no request leaves a closed client."""

    async def some(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            peer.apply(id_of(seen.target))
            raise ConnectionError
        await refuse(peer, "503 Down", "")

    async with FaultServer(requests(some)) as server, client(server, RealClock()) as bee:
        run = asyncio.create_task(bee.start_many(["inst-1"]))
        while len(server.seen) < 2:
            await asyncio.sleep(0.001)
        await bee.close()
        report = await asyncio.wait_for(run, 5)

    assert report.counts == {"unknown": 1}
    assert server.applied == ["inst-1"]


@pytest.mark.fault("N19")
async def test_a_start_nobody_waited_for_any_more_is_unknown() -> None:
    """After a timeout one look proves only that it has not taken yet."""

    looked, applied = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            await looked.wait()
            peer.apply(id_of(seen.target))
            applied.set()
        await peer.answer(instance(id_of(seen.target), "stopped", "stopped"))
        looked.set()

    async with FaultServer(requests(slow)) as server:
        async with client(server, RealClock(), timeout=0.5, max_retries=0) as bee:
            report = await bee.start_many(["inst-1"])
            await applied.wait()

    assert server.methods == ["POST", "GET"]
    assert report.counts == {"unknown": 1}


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_a_key_callable_that_fails_stops_the_run_and_loses_no_id(
    clock: HandClock, error: type[BaseException]
) -> None:
    """Its error comes out with the report, and every id has its outcome."""
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        if asked > 5:
            raise error
        return "key"

    async with FaultServer(honest()) as server:
        async with AsyncBeeOS(ask, base_url=server.url, _clock=clock, **ROAD) as bee:
            with pytest.raises(RuntimeError) as caught:
                await bee.start_many(ids(50), max_concurrency=2)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    assert len(report) == 50
    assert set(report.instances) == set(server.applied)


async def test_a_key_callable_that_hangs_is_bounded(clock: HandClock) -> None:
    """The key counts against the call's deadline."""

    async def ask() -> str:
        return await asyncio.Future()

    async with FaultServer(honest()) as server:
        async with AsyncBeeOS(ask, base_url=server.url, _clock=RealClock(), **ROAD) as bee:
            with pytest.raises(b.NotSentError, match="no key in time"):
                await bee.start("inst-1", deadline=0.1)

    assert server.connections == 0


async def test_a_timeout_of_the_key_callable_is_its_own(clock: HandClock) -> None:
    """It is not mistaken for the call's."""

    def ask() -> Any:
        raise TimeoutError(VAULT)

    async with FaultServer(honest()) as server:
        async with AsyncBeeOS(ask, base_url=server.url, _clock=clock, **ROAD) as bee:
            with pytest.raises(TimeoutError, match="vault"):
                await bee.start("inst-1")


async def test_a_callback_that_exits_is_not_swallowed(clock: HandClock) -> None:
    """Not only an `Exception` ends a run: what it raised comes out bare."""

    class Exit(BaseException):
        pass

    def leave(_: object) -> None:
        raise Exit

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with pytest.raises(Exit):
            await bee.start_many(ids(50), max_concurrency=2, on_outcome=leave)


@pytest.mark.fault("C26")
@pytest.mark.parametrize("kind", ["generator", "async generator"])
async def test_endless_duplicates_neither_hold_the_loop_nor_outlast_the_run(
    clock: HandClock, kind: str
) -> None:
    """A generator that repeats itself ends at the deadline, or when the run is stopped."""
    pulled = 0

    def round_and_round() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "inst-1"
            # Time begins to pass once the loop was free to bring the answer.
            if answered:
                clock.time += 0.001
            assert pulled < MANY

    async def likewise() -> AsyncIterator[str]:
        rounds = round_and_round()
        while True:
            yield next(rounds)

    given = round_and_round if kind == "generator" else likewise
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        answered: list[object] = []
        # Few workers: sixty who spin leave a busy machine no time to connect.
        report = await bee.start_many(
            given(), deadline=1, max_concurrency=4, on_outcome=answered.append
        )
        assert 1000 < pulled < MANY
        answered.clear()
        async with bee.start_stream(given()) as run:
            async for _ in run:
                run.stop()

    assert report.counts == run.report.counts == {"succeeded": 1}
    assert report.duplicates > 200


async def test_lengths_that_lie_are_not_believed(clock: HandClock) -> None:
    """An async queue has a length of now; a wrapper may have none at all."""

    class Queue:
        __len__ = (0).__int__

        async def __aiter__(self) -> Any:
            for id in ids(3):
                yield id

    class Wrapper:
        def __len__(self) -> int:
            raise TypeError

        def __iter__(self) -> Iterator[str]:
            return iter(ids(3))

    class Odd:
        def __repr__(self) -> str:
            raise LookupError

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        assert (await bee.start_many(Queue())).counts == {"succeeded": 3}  # type: ignore[arg-type]
        assert (await bee.start_many(Wrapper())).counts == {"succeeded": 3}  # type: ignore[arg-type]
        odd: list[Any] = [Odd(), "inst-9"]
        assert (await bee.start_many(odd)).counts == {"skipped": 1, "succeeded": 1}

    assert len(server.seen) == 7


async def test_a_list_that_is_not_read_in_time_is_a_report_not_an_error() -> None:
    """The deadline of a run holds for its pages too."""

    async def silent(peer: Peer, _: Seen) -> None:
        await peer.hang()

    async with FaultServer(requests(silent)) as server, client(server, RealClock()) as bee:
        report = await bee.start_many(bee.instances.list(), deadline=0.1)

    assert len(report) == 0


async def test_two_readers_share_one_stream(clock: HandClock) -> None:
    """Each outcome goes to one of them, and both see the end."""
    seen: list[str] = []

    async def read(run: b.FleetRun[b.Instance]) -> None:
        seen.extend([outcome.id async for outcome in run])

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        async with bee.start_stream(ids(40)) as run:
            await asyncio.wait_for(asyncio.gather(read(run), read(run)), 5)

    assert sorted(seen) == sorted(ids(40))


async def test_a_slow_async_source_of_duplicates_is_read_to_its_end(clock: HandClock) -> None:
    """Duplicates cost no request, sync or async."""

    async def twice() -> Any:
        for id in [*ids(3), *ids(3)]:
            yield id

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many(twice())

    assert (len(report), report.duplicates, len(server.seen)) == (3, 3, 3)
