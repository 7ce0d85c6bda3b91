"""One instance: told something, and waited for until it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    """Give a clock whose last look before a deadline may take its time on a busy machine."""
    return HandClock(patience=30)


@pytest.fixture
async def bee(slow: Emulator, clock: HandClock) -> AsyncIterator[AsyncBeeOS]:
    async with slow.client(_clock=clock) as bee:
        yield bee


def operations(cloud: Emulator) -> list[str]:
    return [entry.operation for entry in cloud.log]


def polled(cloud: Emulator) -> bool:
    return "getInstance" in operations(cloud)


async def until(condition: Any) -> None:
    with anyio.fail_after(60):
        while not condition():
            await asyncio.sleep(0)


async def test_an_instance_is_told_and_waited_for(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Started, restarted, stopped and destroyed, each until it is so."""
    id = slow.ids[0]

    started = await bee.start(id, wait="online", deadline=900)
    assert (started.status, started.connectivity) == ("running", "online")

    again = await bee.restart(id, wait="connected", deadline=900)
    assert again.ms_connection_status == "connected"
    assert again.started_at != started.started_at

    stopped = await bee.stop(id, wait="stopped", deadline=900)
    assert stopped.status == "stopped"

    assert await bee.start(id, wait=lambda one: one.total_run_seconds > 1) is not None
    await bee.destroy(id, wait="terminated", deadline=900)
    assert slow.world.get(id).status == "terminated"


async def test_without_a_wish_there_is_one_request(slow: Emulator, bee: AsyncBeeOS) -> None:
    """As the group's own methods make it."""
    id = slow.ids[0]

    assert (await bee.start(id)).desired_status == "running"
    assert (await bee.restart(id)).id == id
    assert (await bee.stop(id)).desired_status == "stopped"
    await bee.destroy(id)

    assert operations(slow) == [
        "startInstance",
        "restartInstance",
        "stopInstance",
        "destroyInstance",
    ]


async def test_an_answer_that_is_as_wished_is_enough(slow: Emulator, bee: AsyncBeeOS) -> None:
    """No look follows it."""
    id = slow.world.add_instance("running")

    assert (await bee.start(id, wait="connected")).id == id

    assert operations(slow) == ["startInstance"]


async def test_an_instance_is_waited_for_and_nothing_is_asked_of_it(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Whoever told it; and what is so already is seen at once."""
    id = slow.ids[0]
    slow.world.start(id)

    assert (await bee.wait(id, "online")).connectivity == "online"
    looks = len(slow.log)
    assert (await bee.wait(id, "running", deadline=5)).status == "running"

    assert set(operations(slow)) == {"getInstance"}
    assert len(slow.log) == looks + 1


async def test_a_wait_for_the_end_of_an_instance_is_content_with_nothing(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Terminated, or not there any more."""
    there, gone = slow.ids[:2]
    slow.world.destroy(there)
    slow.world.remove(gone)

    last = await bee.wait(there, "terminated")
    assert last is not None
    assert last.status == "terminated"
    assert await bee.wait(gone, "terminated") is None


async def test_what_never_comes_true_is_raised_at_once(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """With the reason, and with the instance as it was last seen."""
    id = slow.ids[0]
    begin = clock.time
    with pytest.raises(b.WaitError) as caught:
        await bee.wait(id, "online", deadline=900)

    assert (caught.value.reason, clock.time) == ("turned_away", begin)
    assert caught.value.last == slow.world.get(id)

    slow.world.pin(id, status="provisioning")
    task = asyncio.create_task(bee.start(id, wait="running"))
    await until(lambda: operations(slow).count("getInstance") > 1)
    slow.world.stop(id)
    with pytest.raises(b.WaitError, match=f"the desired status of {id} to stopped"):
        await task


async def test_what_does_not_come_true_in_time_is_raised_as_a_timeout(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """The deadline is for the call and the wait together."""
    id = slow.ids[0]
    slow.world.pin(id, status="provisioning")
    slow.faults.refuse("startInstance", 429, retry_after=60)
    begin = clock.time

    with pytest.raises(b.WaitTimeoutError, match=f"{id} was not running in time") as caught:
        await bee.start(id, wait="running", deadline=90)

    assert clock.time - begin == pytest.approx(90)
    assert caught.value.last is not None
    assert caught.value.last.status == "provisioning"
    assert isinstance(caught.value, TimeoutError)


async def test_what_fails_to_start_is_raised_as_ever(slow: Emulator, bee: AsyncBeeOS) -> None:
    """There is nothing to wait for."""
    with pytest.raises(b.NotFoundError):
        await bee.start("inst-nowhere", wait="online")

    assert operations(slow) == ["startInstance"]


async def test_a_wait_that_is_cancelled_is_over(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Another one goes on."""
    slow.world.start(slow.ids[0])
    other = asyncio.create_task(bee.wait(slow.ids[0], "online"))
    task = asyncio.create_task(bee.start(slow.ids[1], wait="online"))
    await until(lambda: len(bee._poller._watched) == 2)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list(bee._poller._watched) in ([slow.ids[0]], [])
    assert (await other).connectivity == "online"


async def test_closing_the_client_ends_a_wait(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Nobody is left waiting, and nobody may begin to."""
    slow.world.pin(slow.ids[0], status="provisioning")
    task = asyncio.create_task(bee.start(slow.ids[0], wait="online"))
    await until(lambda: polled(slow))

    await bee.close()

    with pytest.raises(b.ClientClosedError):
        await task
    with pytest.raises(b.ClientClosedError):
        await bee.wait(slow.ids[0], "online")


async def test_what_a_function_raises_is_raised(slow: Emulator, bee: AsyncBeeOS) -> None:
    """As it is."""
    mine = LookupError("mine")

    def broken(_: b.Instance) -> bool:
        raise mine

    with pytest.raises(LookupError) as caught:
        await bee.wait(slow.ids[0], broken)

    assert caught.value is mine


async def test_many_who_wait_cost_no_more_than_one_list(slow: Emulator, bee: AsyncBeeOS) -> None:
    """All waits of a client, and of its views, share one poller."""
    view = bee.with_options(max_retries=0)

    async with anyio.create_task_group() as group:
        for n, id in enumerate(slow.ids):
            group.start_soon((bee, view)[n % 2].instances.start, id)
    slow.log.clear()
    async with anyio.create_task_group() as group:
        for n, id in enumerate(slow.ids):
            group.start_soon((bee, view)[n % 2].wait, id, "online")

    assert operations(slow)[0] == "listInstances"
    assert len(slow.log) < 80


@pytest.mark.parametrize("id", ["", "a/b", ".."])
async def test_what_cannot_be_an_id_is_refused(slow: Emulator, bee: AsyncBeeOS, id: str) -> None:
    """Before any request."""
    with pytest.raises(b.ConfigurationError):
        await bee.wait(id, "online")
    with pytest.raises(b.ConfigurationError):
        await bee.start(id, wait="online")

    assert slow.log == []


async def test_what_cannot_be_wished_for_is_refused(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Before any request, and so is a deadline that is none."""
    wrong: Any = "ready"
    for call in (bee.start, bee.stop, bee.restart, bee.destroy):
        with pytest.raises(b.ConfigurationError, match="can be waited for here"):
            await call(slow.ids[0], wait=wrong)
    with pytest.raises(b.ConfigurationError, match="can be waited for here"):
        await bee.wait(slow.ids[0], wrong)
    for none in (0, -1, float("nan")):
        with pytest.raises(b.ConfigurationError, match="deadline"):
            await bee.wait(slow.ids[0], "online", deadline=none)
        with pytest.raises(b.ConfigurationError, match="deadline"):
            await bee.start(slow.ids[0], wait="online", deadline=none)

    assert slow.log == []
