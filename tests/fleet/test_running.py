"""A fleet for a while: what a block started is stopped, and only that, however it is left."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import pytest
from fault_server import FaultServer, Peer, Seen, id_of, instance, requests
from hand_clock import HandClock
from msgspec import json

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator
from beeos_async.fleet import running

pytestmark = pytest.mark.anyio

MINE = "mine"


def stopped(cloud: Emulator) -> list[str]:
    return sorted(entry.ids[0] for entry in cloud.log if entry.operation == "stopInstance")


def actions(server: FaultServer, action: str) -> list[str]:
    return sorted(id_of(one.target) for one in server.seen if one.target.endswith(action))


class Held:
    """A server that answers each stop only when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.server = FaultServer(requests(self.answer))

    async def answer(self, peer: Peer, seen: Seen) -> None:
        if seen.target.endswith("/stop"):
            await self.go.wait()
            await peer.answer(instance(id_of(seen.target), "running", "stopped"))
        else:
            await peer.answer(instance(id_of(seen.target)))

    async def until(self, stops: int) -> None:
        while len(actions(self.server, "/stop")) < stops:
            await asyncio.sleep(0.001)


async def test_a_block_has_its_fleet_and_leaves_none(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Started on entry with the options given, stopped on exit, one request each way."""
    told: list[str] = []
    async with bee.running(cloud.ids, on_outcome=lambda one: told.append(one.id)) as report:
        assert report.ok
        assert sorted(told) == sorted(cloud.ids)
        assert stopped(cloud) == []

    assert stopped(cloud) == sorted(cloud.ids)
    assert len(cloud.log) == 40


async def test_what_ran_before_goes_on_running(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Nor is anything stopped that failed to start, or is no id."""
    before = cloud.world.add_instance("running")
    ids = [cloud.ids[0], before, "inst-nowhere", "a/b"]

    async with bee.running(ids) as report:
        assert report.counts == {"succeeded": 2, "failed": 1, "skipped": 1}

    assert stopped(cloud) == cloud.ids[:1]


async def test_nothing_started_is_nothing_to_stop(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """No request, in or out."""
    async with bee.running([]) as report:
        assert report.ok

    assert cloud.log == []


async def test_an_error_of_the_block_leaves_as_it_is(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """The very object, without a note where there is nothing to note."""
    mine = LookupError(MINE)

    with pytest.raises(LookupError) as caught:
        async with bee.running(cloud.ids):
            raise mine

    assert caught.value is mine
    assert not hasattr(mine, "__notes__")
    assert stopped(cloud) == sorted(cloud.ids)


async def test_what_cannot_be_stopped_is_logged_and_noted(
    cloud: Emulator, bee: AsyncBeeOS, caplog: pytest.LogCaptureFixture
) -> None:
    """A few ids by name and the sum; on a clean exit it is logged all the same."""
    cloud.faults.refuse("stopInstance", 403, times=7)
    with pytest.raises(LookupError) as caught:
        async with bee.running(cloud.ids, max_concurrency=1):
            raise LookupError(MINE)

    (note,) = caught.value.__notes__
    assert note.startswith("beeos_async: not stopped: ")
    assert "and 2 more (13 of 20 stopped in " in note
    assert "7 failed (PermissionDeniedError: 7)" in note
    (line,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert line.getMessage() == "leaving running(): " + note.removeprefix("beeos_async: ")

    caplog.clear()
    async with bee.running(cloud.ids) as report:
        # Those that could not be stopped run already, and are not ours this time.
        ours = [one.id for one in report.succeeded if not one.already]
        assert len(ours) == 13
        cloud.faults.refuse("stopInstance", 403, ids=ours[:1])
    assert f"not stopped: {ours[0]} (12 of 13 stopped" in caplog.text


async def test_a_client_that_was_closed_inside_stops_nothing_and_says_so(
    cloud: Emulator, bee: AsyncBeeOS, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot; the ids are named."""
    async with bee.running(cloud.ids[:2]):
        await bee.close()

    assert stopped(cloud) == []
    assert f"not stopped: {cloud.ids[0]}, {cloud.ids[1]} (ClientClosedError" in caplog.text


async def test_a_start_in_doubt_is_left_alone_and_named(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have run before: what is not known to be ours is not stopped."""

    async def some(peer: Peer, seen: Seen) -> None:
        if id_of(seen.target) == "inst-1":
            peer.rst()
        else:
            await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(some)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            async with bee.running(["inst-1", "inst-2"]) as report:
                assert report.counts == {"unknown": 1, "succeeded": 1}

    assert actions(server, "/stop") == ["inst-2"]
    assert "left alone, as perhaps not started here: inst-1" in caplog.text


async def test_what_ran_before_goes_on_running_although_no_answer_came(
    cloud: Emulator, clock: HandClock
) -> None:
    """The dates of the look tell: it has run for longer than the start is old."""
    before = cloud.world.add_instance("running")
    clock.time += 60
    cloud.faults.disconnect("startInstance", when="after")
    async with cloud.client(_clock=clock) as bee, bee.running([before]) as report:
        assert [one.already for one in report.succeeded] == [True]

    assert stopped(cloud) == []
    assert [entry.operation for entry in cloud.log] == ["startInstance", "getInstance"]


@pytest.mark.parametrize(
    ("field", "waited", "date", "ours"),
    [
        ("startedAt", 0, None, False),
        ("updatedAt", 0, "00:00:09", False),
        ("startedAt", 0, "00:00:01", False),
        ("startedAt", 30, "00:00:05", True),
        ("statusEnteredAt", 30, "00:00:05", True),
        ("startedAt", 30, "00:00:31", False),
    ],
)
async def test_what_was_found_running_is_ours_only_if_the_dates_say_so(
    clock: HandClock,
    caplog: pytest.LogCaptureFixture,
    field: str,
    waited: int,
    date: str | None,
    ours: bool,
) -> None:
    """An instance that may have run before is left alone, and named."""

    async def answer(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if seen.target.endswith("/start"):
            clock.time += waited
            raise ConnectionError
        data = {"id": id, "status": "running", "desiredStatus": "running"}
        data[field] = "2026-01-01T00:00:00Z"
        told = [f"Date: Thu, 01 Jan 2026 {date} GMT"] if date else []
        await peer.answer(json.encode({"success": True, "data": data}), "200 OK", *told)

    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            async with bee.running(["inst-1"]) as report:
                assert [one.already for one in report.succeeded] == [False]

    assert actions(server, "/stop") == ["inst-1"] * ours
    assert ("left alone, as perhaps not started here: inst-1" in caplog.text) is not ours


@pytest.mark.parametrize("how", ["task", "scope"])
async def test_a_cancelled_block_stops_what_it_started(how: str) -> None:
    """Cancelled once or again, by asyncio or by a scope: stopping is finished first."""
    held = Held()
    inside = asyncio.Event()

    async def block() -> None:
        async with bee.running([f"inst-{n}" for n in range(5)]):
            inside.set()
            await asyncio.sleep(3600)

    async with held.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        if how == "task":
            task = asyncio.create_task(block())
            await inside.wait()
            task.cancel()
            await held.until(5)
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
            held.go.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(block)
                await inside.wait()
                group.cancel_scope.cancel()
                group.start_soon(asyncio.sleep, 0)
                held.go.set()

    assert actions(server, "/stop") == [f"inst-{n}" for n in range(5)]


async def test_a_cancellation_during_the_exit_is_kept_for_afterwards() -> None:
    """The block was left in peace; who cancels then waits until the fleet is stopped."""
    held = Held()

    async def block() -> None:
        async with bee.running(["inst-1"]):
            pass

    async with held.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        task = asyncio.create_task(block())
        await held.until(1)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        held.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    assert actions(server, "/stop") == ["inst-1"]


async def test_a_start_that_is_broken_off_is_undone() -> None:
    """Cancelled on entry, what has started by then does not go on running unseen."""
    held = Held()
    held.go.set()
    slow = asyncio.Event()

    async def answer(peer: Peer, seen: Seen) -> None:
        if seen.target.endswith("inst-3/start"):
            slow.set()
            await peer.hang()
        await held.answer(peer, seen)

    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url) as bee:

            async def block() -> None:
                ids = [f"inst-{n}" for n in range(6)]
                async with bee.running(ids, max_concurrency=1):
                    raise AssertionError  # pragma: no cover -- the block is never entered

            task = asyncio.create_task(block())
            await slow.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task

    assert actions(server, "/start") == [f"inst-{n}" for n in range(4)]
    assert actions(server, "/stop") == [f"inst-{n}" for n in range(3)]
    assert "left alone, as perhaps not started here: inst-3" in caught.value.__notes__[0]


async def test_a_callback_that_raises_undoes_the_start(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """The user's own error comes out, and nothing is left running."""

    def broken(_: object) -> None:
        raise LookupError(MINE)

    with pytest.raises(LookupError, match=MINE):
        async with bee.running(cloud.ids, max_concurrency=1, on_outcome=broken):
            raise AssertionError  # pragma: no cover -- the block is never entered

    assert stopped(cloud) == cloud.ids[:1]


async def test_stopping_ends_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that says nothing any more does not hold the block for ever."""
    monkeypatch.setattr(running, "STOP_WITHIN", 0.1)
    held = Held()
    async with held.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        with anyio.fail_after(5):
            async with bee.running(["inst-1"]):
                pass

    assert "not stopped: inst-1" in caplog.text


def test_accepted_and_not_ready_was_started_here() -> None:
    """It wready for here, and is stopped here."""
    one = b.Instance(id="inst-1")
    ours: Any = running._is_ours

    assert ours(b.TimedOut("inst-1", one))
    assert ours(b.Failed("inst-1", b.WaitError("shut out", one, "device_unauthorized")))
    assert not ours(b.Failed("inst-1", b.WaitError("gone", one, "terminated")))
    assert not ours(b.Succeeded("inst-1", one, already=True))
    assert not ours(b.Skipped("inst-1", "deadline"))
