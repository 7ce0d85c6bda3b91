"""A run that was cut short goes on where it ended: judged by the server's log."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hand_clock import HandClock
from msgspec import json

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator
from beeos_async.fleet.journal import Journal
from beeos_async.fleet.records import Lines
from beeos_async.fleet.steps import Accepted

pytestmark = pytest.mark.anyio

OUTCOMES: Lines[b.Outcome[Any]] = Lines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def sent(cloud: Emulator) -> Counter[str]:
    """Count the requests that came since it was last asked."""
    counted = Counter(entry.operation for entry in cloud.log)
    cloud.log.clear()
    return counted


def written(path: Path) -> Counter[str]:
    return Counter(json.decode(line)["kind"] for line in path.read_bytes().splitlines())


def forget(path: Path, *words: str) -> None:
    """Take the lines away in which a word stands."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not any(word in line for word in words)))


def size(path: Path) -> int:
    return path.stat().st_size


async def cut_short(run: b.FleetRun[Any], after: int) -> None:
    """Leave a run early: it is cancelled, as it would be by somebody's Ctrl-C."""
    async with run:
        for _ in range(after):
            await anext(run)


def as_if_killed(
    bee: AsyncBeeOS,
    path: Path,
    action: str,
    *steps: str | b.Outcome[Any] | Accepted,
    wait: str | None = None,
) -> None:
    """Write what a process has written that was killed after these steps."""
    caller = bee._caller
    journal = Journal(path, action, wait, caller.base_url, caller.key)
    journal.open()
    journal.begin(1_790_000_000.0)
    for step in steps:
        if isinstance(step, str):
            journal.sent(step)
        elif isinstance(step, Accepted):
            journal.accepted(step.outcome)
        else:
            journal.outcome(step)
    journal.close()


LOST = b.ConnectionLostError(b.errors.Trouble(message="broke", reason="lost", delivered="maybe"))


# Going on -------------------------------------------------------------------------------------


async def test_what_had_succeeded_is_reported_without_a_request(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """The first run is left after some outcomes; the second one asks for the rest alone."""
    first = bee.start_stream(cloud.ids, journal=path, max_concurrency=2)
    await cut_short(first, 7)
    good = first.report.instances
    before = sent(cloud)["startInstance"]

    report = await bee.start_many(cloud.ids, journal=path, max_concurrency=2)

    assert report.ok
    assert [one.id for one in report] == cloud.ids
    assert {id: report.instances[id] for id in good} == good
    assert 7 <= len(good) <= before <= 10
    again = sent(cloud)
    assert again["startInstance"] + again["getInstance"] == 20 - len(good)
    assert all(cloud.effects(id) == 1 for id in cloud.ids)
    assert written(path)["end"] == 1


async def test_a_run_that_has_ended_is_begun_anew(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """As a nightly job does; every id is asked about again."""
    for _ in range(2):
        assert (await bee.start_many(cloud.ids, journal=path)).ok
        assert sent(cloud) == {"startInstance": 20}

    assert written(path) == {"header": 2, "sent": 40, "succeeded": 40, "end": 2}


async def test_resumes_may_be_resumed(cloud: Emulator, bee: AsyncBeeOS, path: Path) -> None:
    """Any number of times; each id takes effect once, and the last report has all of them."""
    for _ in range(4):
        await cut_short(bee.start_stream(cloud.ids, journal=path, max_concurrency=2), 5)

    async with bee.start_stream(cloud.ids, journal=path) as run:
        told = [one.id async for one in run]

    assert sorted(told) == sorted(cloud.ids)
    assert run.report.ok
    assert sent(cloud)["startInstance"] == 20
    assert all(cloud.effects(id) == 1 for id in cloud.ids)
    assert written(path)["header"] == 5


async def test_what_failed_or_was_never_sent_is_tried_again(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """The budget of failures is each run's own: what an earlier one left does not use it up."""
    cloud.faults.refuse("startInstance", 403, times=2)
    first = await bee.start_many(cloud.ids, journal=path, max_failures=1, max_concurrency=1)
    assert first.counts == {"failed": 2, "skipped": 18}
    assert written(path) == {"header": 1, "sent": 2, "failed": 2}

    assert (await bee.start_many(cloud.ids, journal=path, max_failures=0)).ok


async def test_a_failure_is_an_end_too(cloud: Emulator, bee: AsyncBeeOS, path: Path) -> None:
    """Every id had its say: the next call is another run."""
    cloud.faults.refuse("startInstance", 403, times=2)
    await bee.start_many([*cloud.ids, "a/b"], journal=path)
    assert written(path)["end"] == 1

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert sent(cloud)["startInstance"] == 40


async def test_a_run_that_was_halted_with_its_last_id_has_ended(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """Nothing was cut short by it, so the next call starts the whole fleet, as every night."""
    cloud.faults.refuse("startInstance", 403, ids=cloud.ids[-1:], times=1)
    first = await bee.start_many(cloud.ids, journal=path, max_failures=0, max_concurrency=1)
    assert first.counts == {"succeeded": 19, "failed": 1}
    assert written(path)["end"] == 1

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert sent(cloud) == {"startInstance": 40}


async def test_of_a_generator_that_was_halted_nobody_knows_the_end(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """There may be more in it: the next call goes on."""
    cloud.faults.refuse("startInstance", 403, ids=cloud.ids[-1:], times=1)
    for expected in ({"succeeded": 19, "failed": 1}, {"succeeded": 20}):
        report = await bee.start_many(
            iter(cloud.ids), journal=path, max_failures=0, max_concurrency=1
        )
        assert report.counts == expected

    assert written(path)["end"] == 1
    assert sent(cloud) == {"startInstance": 21}


async def test_a_dead_key_is_no_end_although_each_id_was_asked_for(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """With a key that lives the same call goes on."""
    cloud.faults.refuse("startInstance", 401, after=19, times=2)
    first = await bee.start_many(cloud.ids, journal=path, max_concurrency=1)
    assert first.counts == {"succeeded": 19, "failed": 1}

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert sent(cloud) == {"startInstance": 22}


async def test_what_came_true_as_a_run_was_left_is_known_to_the_next(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """Its outcome is in the report, although nobody was told it, and so it is in the journal."""
    release = asyncio.Event()

    async def slowly(_: object) -> None:
        await release.wait()

    run = bee.start_stream(
        cloud.ids, wait="online", journal=path, max_concurrency=1, on_outcome=slowly
    )
    async with run:
        while run._waits is None or len(run._waits._ready) < 5:
            await asyncio.sleep(0.01)
    good = run.report.instances
    assert len(good) > 5

    sent(cloud)
    report = await bee.start_many(cloud.ids, wait="online", journal=path)

    assert {id: report.instances[id] for id in good} == good
    assert written(path)["succeeded"] == 20


async def test_a_run_that_is_cancelled_as_it_reads_its_journal_lets_it_go(
    cloud: Emulator, bee: AsyncBeeOS, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that reads cannot be stopped: it is waited for, and the lock goes with it."""
    reading, go = threading.Event(), threading.Event()
    read = Journal._read

    def slowly(*args: Any, **options: Any) -> None:
        reading.set()
        assert go.wait(10)
        read(*args, **options)

    run = bee.start_stream(cloud.ids, journal=path)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_read", slowly)
        entering = asyncio.create_task(run.__aenter__())
        while not reading.is_set():
            await asyncio.sleep(0.001)
        entering.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await entering

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert len(run.report) == 0


async def test_what_the_deadline_left_is_taken_up_again(clock: HandClock, path: Path) -> None:
    """A quota of one a second and five seconds: the rest is for the next call."""
    async with Emulator(instances=20, quota="1/s", boot_time=0, clock=clock) as cloud:
        async with cloud.client(_clock=clock, rate_limit="1/s") as bee:
            first = await bee.start_many(cloud.ids, journal=path, deadline=5)
            second = await bee.start_many(cloud.ids, journal=path)

    assert 1 <= first.counts["succeeded"] <= 6
    assert {one.reason for one in first.skipped} == {"deadline"}
    assert second.ok
    assert all(cloud.effects(id) == 1 for id in cloud.ids)


async def test_a_run_that_was_stopped_is_gone_on_with(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """`stop` lets what is in flight finish, and leaves the rest to the next call."""
    async with bee.start_stream(cloud.ids, journal=path, max_concurrency=1) as run:
        async for _ in run:
            run.stop()
    assert "end" not in written(path)

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert sent(cloud) == {"startInstance": 20}


async def test_other_ids_may_be_given(cloud: Emulator, bee: AsyncBeeOS, path: Path) -> None:
    """Those that are new are started, those that are gone are not reported."""
    ids = cloud.ids
    as_if_killed(bee, path, "startInstance", b.Succeeded(ids[0], b.Instance(id=ids[0])))

    report = await bee.start_many(ids[1:3], journal=path)

    assert [one.id for one in report] == ids[1:3]
    assert sent(cloud) == {"startInstance": 2}


async def test_a_pager_that_no_longer_finds_what_was_begun_loses_nothing(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """What was accepted before the break is stopped no more: it is waited for all the same."""
    ids = cloud.ids
    for id in ids[:3]:
        await bee.start(id)
    as_if_killed(
        *(bee, path, "startInstance"),
        b.Succeeded(ids[0], b.Instance(id=ids[0])),
        Accepted(b.Succeeded(ids[1], b.Instance(id=ids[1]))),
        ids[2],
        b.Failed("lost", b.NotFoundError(b.errors.Problem(status=404, code="", message=""))),
        wait="running",
    )
    sent(cloud)
    stopped = bee.instances.list(status="stopped")
    run = bee.start_stream(stopped, wait="running", journal=path)
    known = await run.unfinished()

    async with run:
        await run.wait()

    words = ("succeeded", "accepted", "unknown", "failed")
    assert known == dict(zip((*ids[:3], "lost"), words, strict=True))
    assert [one.id for one in run.report] == [*ids[:3], "lost", *ids[3:]]
    assert [one.id for one in run.report.failed] == ["lost"]
    assert [cloud.effects(id) for id in ids] == [1] * 20
    assert await bee.start_stream([], wait="running", journal=path).unfinished() == {}
    assert await bee.start_stream([]).unfinished() == {}


async def test_a_generator_and_a_run_that_only_counts_go_on_too(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """The outcomes of the past are told with the others, whole, and not kept in memory."""

    def some() -> Iterator[str]:
        yield from cloud.ids

    await cut_short(bee.start_stream(some(), journal=path, max_concurrency=2, collect=False), 9)
    sent(cloud)
    told: list[b.Outcome[b.Instance]] = []
    async with bee.start_stream(
        some(), journal=path, collect=False, on_outcome=told.append
    ) as run:
        seen = [one async for one in run]

    assert seen == told
    assert {one.id for one in seen} == set(cloud.ids)
    assert all(isinstance(one, b.Succeeded) and one.instance.name for one in seen)
    assert run.report.counts == {"succeeded": 20}
    assert sum(sent(cloud).values()) <= 20 - 9


async def test_duplicates_are_left_out_of_a_resumed_run(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """An id that had succeeded and is given twice is reported once."""
    good = b.Succeeded(cloud.ids[0], b.Instance(id=cloud.ids[0]), attempts=1)
    as_if_killed(bee, path, "startInstance", cloud.ids[0], good)

    report = await bee.start_many([*cloud.ids, *cloud.ids], journal=path)

    assert report[cloud.ids[0]] == good
    assert (len(report), report.duplicates) == (20, 20)
    assert sent(cloud) == {"startInstance": 19}


async def test_a_long_past_leaves_the_loop_to_others(clock: HandClock, path: Path) -> None:
    """A thousand outcomes without one request do not hold up everything else."""
    async with Emulator(instances=1000, boot_time=0) as cloud, cloud.client(_clock=clock) as bee:
        past = [b.Succeeded(id, b.Instance(id=id), attempts=1) for id in cloud.ids]
        as_if_killed(bee, path, "startInstance", *past)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        report = await bee.start_many(cloud.ids, journal=path, max_concurrency=1)
        counting.cancel()

        assert cloud.log == []
    assert report.first_try_rate == 1.0
    assert turns >= 5


# Doubt ----------------------------------------------------------------------------------------


async def test_what_was_sent_is_looked_after_before_it_is_sent_again(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """One that took is not sent again; one that did not is, after one look."""
    took, lost, unknown = cloud.ids[:3]
    await bee.start(took)
    await bee.start(unknown)
    sent(cloud)
    as_if_killed(bee, path, "startInstance", took, lost, unknown, b.Unknown(unknown, LOST))

    report = await bee.start_many(cloud.ids[:3], journal=path)

    assert report.ok
    assert [one.already for one in report.succeeded] == [False] * 3
    assert [report[id].attempts for id in cloud.ids[:3]] == [0, 1, 0]
    assert Counter((entry.operation, entry.ids[0]) for entry in cloud.log) == {
        ("getInstance", took): 1,
        ("getInstance", lost): 1,
        ("startInstance", lost): 1,
        ("getInstance", unknown): 1,
    }
    assert [cloud.effects(id) for id in cloud.ids[:3]] == [1, 1, 1]


async def test_where_no_look_can_be_had_it_stays_unknown(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """Nothing is sent that may have been sent, and the next run looks again."""
    lost, unknown = cloud.ids[:2]
    as_if_killed(bee, path, "startInstance", lost, b.Unknown(unknown, LOST))
    cloud.faults.refuse("getInstance", 404, times=None, ids=[lost])
    cloud.faults.refuse("getInstance", 500, times=None, ids=[unknown])

    report = await bee.start_many([lost, unknown], journal=path)

    assert isinstance(report[lost], b.Failed)
    assert report.unknown == [report[unknown]]
    assert str(report.unknown[0].error) == str(LOST)
    assert sent(cloud)["startInstance"] == 0
    cloud.faults.clear()
    assert (await bee.start_many([lost, unknown], journal=path)).ok


async def test_what_was_accepted_is_waited_for_and_not_sent_again(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """Any number of ids may wait when a process is killed: none of them is settled again."""
    answers = [await bee.start(id) for id in cloud.ids]
    sent(cloud)
    steps: list[Any] = []
    for one in answers:
        steps += [one.id, Accepted(b.Succeeded(one.id, one, attempts=1))]
    steps.append(b.TimedOut(answers[0].id, answers[0], attempts=1))
    as_if_killed(bee, path, "startInstance", *steps, wait="online")

    report = await bee.start_many(cloud.ids, journal=path, wait="online")

    assert report.ok
    assert {one.instance.connectivity for one in report.succeeded} == {"online"}
    assert {one.attempts for one in report} == {1}
    assert sent(cloud)["startInstance"] == 0


@pytest.mark.parametrize("turns", range(1, 7))
async def test_what_was_accepted_before_is_not_lost_however_early_a_run_is_left(
    bee: AsyncBeeOS, path: Path, turns: int
) -> None:
    """Taking in a long past gives way to others now and then: also there each id is kept."""
    ids = [f"inst-{n}" for n in range(500)]
    accepted = [Accepted(b.Succeeded(id, b.Instance(id=id), attempts=1)) for id in ids]
    as_if_killed(bee, path, "startInstance", *accepted, wait="online")

    async with bee.start_stream(ids, journal=path, wait="online", max_concurrency=1) as run:
        for _ in range(turns):
            await asyncio.sleep(0)

    assert [one.id for one in run.report] == ids
    assert run.report.counts == {"timed_out": 500}


async def test_a_restart_that_was_accepted_is_waited_for(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """It is measured by how it was right after it was accepted, and never repeated."""
    (id, *_) = cloud.ids
    await bee.start(id, wait="online")
    accepted = await bee.restart(id)
    await bee.wait(id, "online")
    sent(cloud)
    steps = [id, Accepted(b.Succeeded(id, accepted, attempts=1))]
    as_if_killed(bee, path, "restartInstance", *steps, wait="online")

    report = await bee.restart_many([id], journal=path, wait="online", deadline=30)

    assert report.ok
    assert sent(cloud)["restartInstance"] == 0


async def test_what_the_deadline_left_waiting_is_waited_for_by_the_next_run(
    clock: HandClock, path: Path
) -> None:
    """It was accepted: the next call waits on, and sends nothing."""
    async with Emulator(instances=5, boot_time=60, clock=clock) as cloud:
        async with cloud.client(_clock=clock) as bee:
            first = await bee.start_many(cloud.ids, wait="online", deadline=5, journal=path)
            assert first.counts == {"timed_out": 5}
            assert written(path) == {"header": 1, "sent": 5, "accepted": 5, "timed_out": 5}
            sent(cloud)

            second = await bee.start_many(cloud.ids, wait="online", journal=path)

        assert second.ok
        assert sent(cloud)["startInstance"] == 0
        assert written(path)["end"] == 1


async def test_a_wait_alone_may_be_gone_on_with(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """What was seen ready is not looked at again until the run has ended."""
    (first, *rest) = cloud.ids
    for id in cloud.ids:
        await bee.start(id, wait="online")
    seen = b.Succeeded(first, b.Instance(id=first, name="seen"))
    as_if_killed(bee, path, "wait", seen, wait="online")
    sent(cloud)

    report = await bee.wait_many(cloud.ids, "online", journal=path)

    assert report.ok
    assert report[first] == seen
    assert len(rest) == 19
    assert written(path) == {"header": 2, "accepted": 19, "succeeded": 20, "end": 1}


async def test_another_wish_is_refused(cloud: Emulator, bee: AsyncBeeOS, path: Path) -> None:
    """What had come true of the one says nothing of the other."""
    await bee.start_many(cloud.ids, journal=path)

    words = "waits for nothing, and this run waits for online"
    with pytest.raises(b.ConfigurationError, match=words):
        await bee.start_many(cloud.ids, journal=path, wait="online")


async def test_a_destruction_that_took_is_a_success(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """A 404 says so; and what is still there is destroyed."""
    gone, here, known = cloud.ids[:3]
    await bee.destroy(gone)
    as_if_killed(bee, path, "destroyInstance", gone, here, b.Succeeded(known, None, attempts=1))
    cloud.faults.refuse("getInstance", 404, times=1, ids=[gone])
    sent(cloud)

    report = await bee.destroy_many(cloud.ids[:3], confirm=True, journal=path)

    assert report.ok
    assert report.instances == dict.fromkeys(cloud.ids[:3])
    assert sent(cloud) == {"getInstance": 2, "destroyInstance": 1}


async def test_a_restart_is_never_repeated(cloud: Emulator, bee: AsyncBeeOS, path: Path) -> None:
    """No look can tell one restart from two: what may have been sent stays unknown."""
    sent_, unknown, refused, new = cloud.ids[:4]
    for id in cloud.ids[:4]:
        await bee.start(id)
    sent(cloud)
    as_if_killed(
        bee,
        path,
        "restartInstance",
        sent_,
        unknown,
        b.Unknown(unknown, LOST, attempts=1),
        refused,
        b.Failed(refused, b.ServerError(b.errors.Problem(status=503, code="", message=""))),
    )

    for _ in range(2):
        report = await bee.restart_many(cloud.ids[:4], journal=path, max_failures=0)

        assert [one.kind for one in report] == ["unknown", "unknown", "succeeded", "succeeded"]
        assert "an earlier run had sent it" in str(report.unknown[0].error)
        assert report.unknown[1] == b.Unknown(unknown, LOST, attempts=1)
        assert sent(cloud) == {"restartInstance": 2}
        # As if it had been killed just before its end, and had not restarted these two yet.
        forget(path, '"end"', refused, new)


async def test_what_is_left_of_a_run_keeps_its_past(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """A run that is stopped at once says of each id what is known, and not that it was skipped."""
    good, doubted, ready, new = cloud.ids[:4]
    known = b.Succeeded(good, b.Instance(id=good), attempts=1)
    accepted = Accepted(b.Succeeded(ready, b.Instance(id=ready), attempts=1))
    steps = [good, known, doubted, ready, accepted]
    as_if_killed(bee, path, "startInstance", *steps, wait="running")

    for leave in (True, False):
        run = bee.start_stream(cloud.ids[:4], journal=path, wait="running")
        async with run:
            run.stop()
            if not leave:
                await run.wait()
        report = run.report

        assert report[good] == known
        assert report[ready] == b.TimedOut(ready, b.Instance(id=ready), attempts=1)
        assert report[doubted].kind == "unknown"
        assert report[new].kind == "skipped"
        assert cloud.log == []

    await bee.start(ready)
    sent(cloud)
    assert (await bee.start_many(cloud.ids[:4], journal=path, wait="running")).ok
    assert sent(cloud)["startInstance"] == 2


async def test_what_was_broken_off_before_it_left_is_not_in_doubt(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """A connection that was only being made carries no request: the next run just sends it."""
    first = bee.start_stream(cloud.ids, journal=path)
    async with first:
        while not written(path)["sent"]:
            await asyncio.sleep(0)
    assert {one.kind for one in first.report} == {"skipped"}
    assert written(path)["skipped"] == written(path)["sent"]

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert sent(cloud) == {"startInstance": 20}


# What may go wrong with it --------------------------------------------------------------------


async def test_a_refused_journal_is_told_before_anything_is_sent(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """Another action, another key, no path; in use by a run that goes on."""
    await bee.start_many(cloud.ids[:1], journal=path)
    sent(cloud)

    with pytest.raises(b.ConfigurationError, match="is about startInstance"):
        await bee.stop_many(cloud.ids, journal=path)
    async with cloud.client(api_key="another") as other:
        with pytest.raises(b.ConfigurationError, match="another key"):
            await other.start_many(cloud.ids, journal=path)
    with pytest.raises(b.ConfigurationError, match="must be the path"):
        bee.start_stream(cloud.ids, journal=7)  # type: ignore[arg-type]
    go = asyncio.Event()

    async def held() -> AsyncIterator[str]:
        await go.wait()
        for id in cloud.ids:
            yield id

    async with bee.start_stream(held(), journal=str(path)) as run:
        with pytest.raises(b.ConfigurationError, match="in use by another run"):
            await bee.start_many(cloud.ids, journal=path)
        assert cloud.log == []
        go.set()
        await run.wait()

    assert (await bee.with_options(timeout=5).start_many(cloud.ids, journal=path)).ok


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
async def test_a_full_disk_lets_nothing_be_sent(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Not even the header fits: the error is the disk's own and has the report."""
    with pytest.raises(OSError, match="No space left") as caught:
        await bee.start_many(cloud.ids, journal="/dev/full")

    report = caught.value.report  # type: ignore[attr-defined]
    assert report.counts == {"skipped": 20}
    assert cloud.log == []


SHORT_OF_ROOM = """
    import asyncio, resource, sys
    from beeos_async import AsyncBeeOS

    async def main(url, path, *ids):
        resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
        async with AsyncBeeOS("emulator", base_url=url, max_concurrency=4) as bee:
            try:
                await bee.start_many(ids, journal=path)
            except OSError as error:
                sys.stdout.write(error.report.to_jsonl())

    asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX's")
@pytest.mark.parametrize("room", [7000, 7500])
async def test_where_the_room_ends_the_run_ends_and_nothing_is_lost(
    cloud: Emulator, bee: AsyncBeeOS, path: Path, room: int
) -> None:
    """What could not be written is in the report, and looked after by the next run."""
    script = textwrap.dedent(SHORT_OF_ROOM.format(room=room))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, cloud.url, path, *cloud.ids),
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    report = b.FleetReport.from_jsonl(out)

    started = {entry.ids[0] for entry in cloud.log}
    assert size(path) == room
    assert 0 < len(started) < 20
    assert {one.id for one in report.succeeded} == started
    assert {one.reason for one in report.skipped} == {"stopped"}

    assert (await bee.start_many(cloud.ids, journal=path)).ok
    assert all(cloud.effects(id) == 1 for id in cloud.ids)


async def test_an_error_with_a_report_pickles_as_before(
    cloud: Emulator, bee: AsyncBeeOS, path: Path
) -> None:
    """What a resumed run reports is like what any run reports."""
    await cut_short(bee.start_stream(cloud.ids, journal=path), 3)
    report = await bee.start_many(cloud.ids, journal=path)

    assert pickle.loads(pickle.dumps(report)) == report
    assert b.FleetReport.from_jsonl(report.to_jsonl()) == report


# Killed ---------------------------------------------------------------------------------------

ACKNOWLEDGES = """
    import asyncio, sys
    from beeos_async import AsyncBeeOS

    async def main(url, path, *ids):
        async with AsyncBeeOS("emulator", base_url=url, max_concurrency=8) as bee:
            async with bee.start_stream(ids, journal=path) as run:
                async for outcome in run:
                    print(outcome.id, outcome.kind, flush=True)

    asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.fault("C18")
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("after", [1, 40])
async def test_after_a_kill_nothing_acknowledged_is_lost(path: Path, after: int) -> None:
    """kill -9 in the middle: what was told stays true, and the rest is done once."""
    script = textwrap.dedent(ACKNOWLEDGES)
    async with Emulator(instances=200, boot_time=0, latency=0.005, strict=True) as cloud:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, cloud.url, path, *cloud.ids),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        lines = [await process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        lines += (await process.stdout.read()).splitlines()
        await process.wait()
        acknowledged = {line.split()[0].decode() for line in lines}
        sent(cloud)

        async with cloud.client() as bee:
            report = await bee.start_many(cloud.ids, journal=path)

    asked = {entry.ids[0] for entry in cloud.log}
    assert report.ok
    assert [one.id for one in report] == cloud.ids
    assert acknowledged & asked == set()
    assert 0 < len(acknowledged) < 200
    assert sent(cloud)["getInstance"] <= 8
    assert all(cloud.effects(id) == 1 for id in cloud.ids)
