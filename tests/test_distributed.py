"""Fleets on a Dask cluster: real workers in processes of their own, some of which are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from distributed import Client, LocalCluster

from beeos_async import (
    AsyncBeeOS,
    AuthenticationError,
    ConfigurationError,
    ConnectionLostError,
    FleetReport,
    Instance,
    Outcome,
    Skipped,
    _share,
    distributed,
)
from beeos_async.distributed import start_many, stop_many
from beeos_async.emulator import Emulator
from beeos_async.fleet.outcomes import Tally

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def machines() -> Iterator[str]:
    """Run two workers in processes of their own; give the address of their scheduler."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
        env={"BEEOS_API_KEY": "any"},
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
async def cluster(machines: str, anyio_backend: str) -> AsyncIterator[Any]:
    """Give a client of theirs, once both are up."""
    async with Client(machines, asynchronous=True, set_as_default=False) as cluster:
        await cluster.wait_for_workers(2)
        yield cluster


@pytest.fixture
async def threads(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Give a client of two workers in threads of this process."""
    monkeypatch.setenv("BEEOS_API_KEY", "any")
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            asynchronous=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        Client(cluster, asynchronous=True, set_as_default=False) as client,
    ):
        yield client


class Unfinished:
    """What Dask calls a future, of work that has not come to an end."""

    def done(self) -> bool:
        return False


def asked(cloud: Emulator, operation: str) -> Counter[str]:
    """Count the requests of one kind, by id."""
    return Counter(entry.ids[0] for entry in cloud.log if entry.operation == operation)


# As on one machine ----------------------------------------------------------------------------


async def test_a_fleet_is_started_by_all_workers(cluster: Any, cloud: Emulator) -> None:
    """Each id by one of them, once; the report is in the order of the ids."""
    heard: list[str] = []
    report = await start_many(
        cluster,
        [*cloud.ids, cloud.ids[0], "no/id"],
        base_url=cloud.url,
        on_outcome=lambda outcome: heard.append(outcome.id),
    )

    assert [outcome.id for outcome in report] == [*cloud.ids, "no/id"]
    assert report.counts == {"succeeded": 20, "skipped": 1}
    assert report["no/id"] == Skipped("no/id", "invalid_id")
    assert (report.duplicates, report.fatal) == (1, None)
    assert sorted(heard) == sorted([*cloud.ids, "no/id"])
    assert asked(cloud, "startInstance") == dict.fromkeys(cloud.ids, 1)
    assert len(cloud.log) == 20


async def test_workers_in_threads_do_the_same(threads: Any, cloud: Emulator) -> None:
    """Stopping, too, and waiting; instances may be given, and heard of by a coroutine."""
    heard: list[Outcome[Instance]] = []

    async def hear(outcome: Outcome[Instance]) -> None:
        heard.append(outcome)

    started = await start_many(
        threads, cloud.ids, wait="online", base_url=cloud.url, on_outcome=hear
    )
    stopped = await stop_many(
        threads, started.instances.values(), wait="stopped", base_url=cloud.url
    )

    assert started.ok
    assert {one.connectivity for one in started.instances.values()} == {"online"}
    assert len(heard) == 20
    assert stopped.ok
    assert {one.status for one in stopped.instances.values()} == {"stopped"}


async def test_no_ids_are_no_work(threads: Any) -> None:
    """Nothing is sent to anybody."""
    report = await start_many(threads, [])

    assert len(report) == 0
    assert report.ok


async def test_a_refused_key_is_told(threads: Any, cloud: Emulator) -> None:
    """The run ends as it would on one machine."""
    cloud.faults.refuse("startInstance", 401, times=99)

    report = await start_many(threads, cloud.ids, base_url=cloud.url, max_concurrency=2)

    assert isinstance(report.fatal, AuthenticationError)
    assert report.counts == {"failed": 4, "skipped": 16}


async def test_a_deadline_is_that_of_the_whole_run(threads: Any, cloud: Emulator) -> None:
    """What did not get its turn is skipped, wherever it was to be sent."""
    report = await start_many(threads, cloud.ids, deadline=1, rate_limit=4.0, base_url=cloud.url)

    assert report.counts["skipped"] >= 10
    assert {one.reason for one in report.skipped} == {"deadline"}
    assert len(report) == 20


# What dies ------------------------------------------------------------------------------------


async def pid_of_a_busy_worker(cluster: Any) -> int:
    processing = await cluster.processing()
    pids = await cluster.run(os.getpid)
    return next(pids[home] for home, work in processing.items() if work)


async def test_what_a_dead_worker_leaves_is_finished_by_another(
    cluster: Any, cloud: Emulator
) -> None:
    """Nothing is lost, and nothing is sent twice: it is looked at first."""
    ids = [*cloud.ids, *(cloud.world.add_instance() for _ in range(20))]

    async def kill() -> None:
        while len(cloud.log) < 10:
            await anyio.sleep(0.01)
        os.kill(await pid_of_a_busy_worker(cluster), signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        report = await start_many(cluster, ids, rate_limit=20.0, base_url=cloud.url)

    assert report.ok
    assert [outcome.id for outcome in report] == ids
    assert [cloud.effects(id) for id in ids] == [1] * 40
    assert asked(cloud, "startInstance") == dict.fromkeys(ids, 1)
    # Only of what the dead one had not told of yet.
    assert 0 < len(asked(cloud, "getInstance")) <= 20


async def test_all_workers_may_be_gone_for_a_while(cluster: Any, cloud: Emulator) -> None:
    """The run goes on as soon as one is back."""

    async def kill() -> None:
        while len(cloud.log) < 4:
            await anyio.sleep(0.01)
        for pid in (await cluster.run(os.getpid)).values():
            os.kill(pid, signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        report = await start_many(cluster, cloud.ids, rate_limit=20.0, base_url=cloud.url)

    assert report.ok
    assert asked(cloud, "startInstance") == dict.fromkeys(cloud.ids, 1)


async def test_what_was_told_before_is_neither_told_nor_asked_again(threads: Any) -> None:
    """Of a worker that was taken for dead, or that has died when all was told."""
    heard: list[str] = []
    run = distributed._Run(
        "start", threads, ["a"], None, None, lambda one: heard.append(one.id), None, {}
    )
    told = FleetReport("startInstance", {"a": Skipped("a", "stopped")}, Tally(counts={}))
    working = {Unfinished(): distributed._Share(["a"], home="tcp://nobody")}

    await run._hear([told.to_jsonl().encode()] * 2)
    await run._look_after(working, ["tcp://somebody"])

    assert heard == ["a"]
    assert working == {}
    assert run._report()["a"] == Skipped("a", "stopped")


async def test_a_share_that_kills_its_workers_is_given_up(
    cluster: Any, cloud: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the share: then what became of it is unknown, and the others have theirs."""
    monkeypatch.setattr(distributed, "TRIES", 1)

    async def kill() -> None:
        while len(cloud.log) < 6:
            await anyio.sleep(0.01)
        os.kill(await pid_of_a_busy_worker(cluster), signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        report = await start_many(cluster, cloud.ids, rate_limit=20.0, base_url=cloud.url)

    assert len(report) == 20
    assert 10 <= report.counts["succeeded"] < 20
    for outcome in report.unknown:
        assert isinstance(outcome.error, ConnectionLostError)
        assert outcome.error.delivered == "maybe"
    assert set(report.counts) == {"succeeded", "unknown"}
    assert max(cloud.effects(id) for id in cloud.ids) == 1


async def test_a_share_that_was_tried_before_is_looked_at_first(
    threads: Any, cloud: Emulator
) -> None:
    """What took is not sent again, what did not take is sent."""
    async with AsyncBeeOS("k", base_url=cloud.url) as bee:
        await bee.start(cloud.ids[0])

    fatal = await threads.submit(
        _share.work_on,
        *("run", "start", cloud.ids[:2], {"wait": "online", "deadline": 20}),
        {"base_url": cloud.url},
        tried=True,
        pure=False,
    )

    assert fatal is None
    assert asked(cloud, "startInstance") == {cloud.ids[0]: 1, cloud.ids[1]: 1}
    assert [cloud.world.get(id).connectivity for id in cloud.ids[:2]] == ["online"] * 2


async def test_what_comes_in_while_it_is_told_is_told_too() -> None:
    """The work may end between the last look at its outcomes and the end of telling."""
    over, seen = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    outcomes, told = ["first"], list[str]()

    def end() -> None:
        outcomes.append("second")
        over.set()
        seen.set()

    def tell() -> bool:
        told.extend(outcomes)
        outcomes.clear()
        if not seen.is_set():
            loop.call_soon_threadsafe(end)
            seen.wait()
        return False

    await _share.tell_on(tell, pytest.fail, over)

    assert told == ["first", "second"]


async def test_workers_launch_nothing_more_for_who_is_gone(threads: Any, cloud: Emulator) -> None:
    """A run that is broken off here ends there, too."""
    with anyio.move_on_after(0.6) as scope:
        await start_many(threads, cloud.ids, rate_limit=4.0, base_url=cloud.url)
    assert scope.cancelled_caught

    come = -1
    while come < len(cloud.log):
        come = len(cloud.log)
        # Longer than from one start of a worker to its next.
        await anyio.sleep(0.8)
    assert 0 < come < 20


async def test_a_callback_that_raises_leaves_the_report(
    cluster: Any, cloud: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard of stands in it, whoever was told, and the rest may have been sent."""
    monkeypatch.setattr(distributed, "TICK", 0.02)
    heard: list[str] = []

    def hear(outcome: Outcome[Instance]) -> None:
        heard.append(outcome.id)
        if len(heard) == 5:
            msg = "mine"
            raise ZeroDivisionError(msg)

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        await start_many(cluster, cloud.ids, base_url=cloud.url, on_outcome=hear)

    report: Any = getattr(caught.value, "report")  # noqa: B009 -- no such attribute is declared
    assert [one.id for one in report] == cloud.ids
    assert report.counts["succeeded"] >= 5
    assert {one.kind for one in report} <= {"succeeded", "unknown"}
    assert caught.value.__notes__ == [f"beeos_async: {report}"]
    assert len(heard) == 5


async def test_a_cancelled_run_leaves_the_report(
    cluster: Any, cloud: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the cancellation, from which a timeout is raised."""
    monkeypatch.setattr(distributed, "TICK", 0.02)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.2):
            await start_many(cluster, cloud.ids, rate_limit=4.0, base_url=cloud.url)

    report: Any = getattr(caught.value.__cause__, "report")  # noqa: B009 -- likewise
    assert [one.id for one in report] == cloud.ids
    assert report.counts["unknown"] >= 10
    assert not report.skipped


async def test_a_worker_without_a_key_leaves_its_share(
    cluster: Any, cloud: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had to do is skipped, with the reason; the other goes on."""
    monkeypatch.setattr(distributed, "TICK", 0.02)
    home = [next(iter(await cluster.nthreads()))]
    heard: list[str] = []
    # Functions of their own: a method of `os.environ` would travel with that of this process.
    await cluster.run(lambda: os.environ.pop("BEEOS_API_KEY"), workers=home)
    try:
        report = await start_many(
            cluster, cloud.ids, base_url=cloud.url, on_outcome=lambda one: heard.append(one.id)
        )
    finally:
        await cluster.run(lambda: os.environ.setdefault("BEEOS_API_KEY", "any"), workers=home)

    assert isinstance(report.fatal, ConfigurationError)
    assert "BEEOS_API_KEY" in str(report.fatal)
    assert report.counts == {"succeeded": 10, "skipped": 10}
    assert {one.reason for one in report.skipped} == {"fatal"}
    assert sorted(heard) == sorted(cloud.ids)


# What cannot work -----------------------------------------------------------------------------


async def test_an_option_that_cannot_work_is_refused(threads: Any) -> None:
    """Here, before anything travels."""
    with pytest.raises(ConfigurationError, match="timeout"):
        await start_many(threads, ["inst-1"], timeout=-1)
    with pytest.raises(ConfigurationError, match="a quota is"):
        await start_many(threads, ["inst-1"], rate_limit="many")
    with pytest.raises(ConfigurationError, match="deadline"):
        await start_many(threads, ["inst-1"], deadline=0)
    with pytest.raises(ConfigurationError, match="wait"):
        await start_many(threads, ["inst-1"], wait="soon")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="one string"):
        await start_many(threads, "inst-1")


async def test_a_cluster_without_workers_is_refused() -> None:
    """Nobody would ever come."""
    async with (
        LocalCluster(
            n_workers=0, processes=False, asynchronous=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster, asynchronous=True, set_as_default=False) as client,
    ):
        with pytest.raises(ConfigurationError, match="no workers"):
            await start_many(client, ["inst-1"])


def test_a_quota_is_divided() -> None:
    """In each of the ways it is written."""
    assert distributed._part_of("600/min", 4) == "150.000000000/min"
    assert distributed._part_of(10.0, 4) == 2.5
    assert distributed._part_of({"startInstance": "10/s", "listInstances": 4}, 2) == {
        "startInstance": "5.000000000/s",
        "listInstances": 2.0,
    }
