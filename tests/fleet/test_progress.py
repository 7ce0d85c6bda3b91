"""What those who watch a run are told: how far, how fast, and what holds it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, honest, id_of, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator
from beeos_async.fleet.boots import Boots
from beeos_async.fleet.mailbox import UNREAD_LIMIT
from beeos_async.fleet.outcomes import Succeeded, Tally
from beeos_async.fleet.progress import STEP, WINDOW, Meter

pytestmark = pytest.mark.anyio

BUSY = b'{"error":{"code":"rate_limited"}}'


def client(server: FaultServer, **options: Any) -> AsyncBeeOS:
    return AsyncBeeOS("emulator", base_url=server.url, timeout=5.0, **options)


def ids(count: int) -> list[str]:
    return [f"inst-{n}" for n in range(count)]


class Held:
    """A server whose starts are answered only when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.server = FaultServer(requests(self.answer))

    async def answer(self, peer: Peer, seen: Seen) -> None:
        await self.go.wait()
        await peer.answer(instance(id_of(seen.target)))

    async def until(self, count: int) -> None:
        while len(self.server.seen) < count:
            await asyncio.sleep(0.001)


async def test_a_run_tells_how_far_it_is() -> None:
    """Before, in the middle and after; duplicates do not count twice."""
    held = Held()
    async with held.server as server, client(server) as bee:
        run = bee.start_stream([*ids(9), *ids(3), "a/b"], max_concurrency=4)
        before = run.progress
        async with run:
            await held.until(4)
            middle = run.progress
            held.go.set()
            await run.wait()
            after = run.progress

    assert repr(run).startswith("<FleetRun of startInstance: 10 of 10 at ")
    assert (before.done, before.total, before.in_flight, before.rate) == (0, 13, 0, 0.0)
    assert before.seconds_left is None
    assert (middle.done, middle.in_flight, middle.counts) == (0, 4, {})
    assert middle.limited_by == "concurrency"
    assert (after.done, after.total, after.in_flight) == (10, 10, 0)
    assert after.counts == {"succeeded": 9, "skipped": 1}
    assert after.rate > 0
    assert after.seconds_left == 0.0
    assert after.limited_by == "nothing"
    assert str(after).startswith("10 of 10 at ")


async def test_a_generator_has_no_total_until_its_end() -> None:
    """Of its rest nothing is known; and a source that has nothing to give holds the run."""
    more = asyncio.Event()

    async def some() -> AsyncIterator[str]:
        yield "inst-0"
        await more.wait()
        yield "inst-1"

    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(some(), collect=False) as run:
            await anext(run)
            middle = run.progress
            more.set()
            await run.wait()

    assert (middle.done, middle.total, middle.seconds_left) == (1, None, None)
    assert (middle.in_flight, middle.limited_by) == (0, "nothing")
    assert str(middle).startswith("1 at ")
    assert (run.progress.done, run.progress.total) == (2, 2)


async def test_a_run_that_is_stopped_is_held_by_nothing() -> None:
    """It only waits for what is in flight."""
    held = Held()
    async with held.server as server, client(server) as bee:
        async with bee.start_stream(ids(9), max_concurrency=2) as run:
            await held.until(2)
            run.stop()
            assert run.progress.limited_by == "nothing"
            assert run.progress.in_flight == 2
            held.go.set()
            await run.wait()

    assert run.progress.counts == {"succeeded": 2, "skipped": 7}


async def test_a_window_that_still_widens_is_a_matter_of_concurrency() -> None:
    """Eight at first: who stands behind them waits for a turn, not for a quota."""
    held = Held()
    async with held.server as server, client(server) as bee:
        async with bee.start_stream(ids(30), max_concurrency=20) as run:
            await held.until(8)
            assert run.progress.limited_by == "concurrency"
            assert bee.throttle.snapshot()["startInstance"].queued == 12
            held.go.set()
            await run.wait()


async def test_a_quota_that_limits_is_named_with_its_rate() -> None:
    """And how long the rest takes at it, before any of it was measured."""
    async with FaultServer(honest()) as server, client(server, rate_limit="10/s") as bee:
        async with bee.start_stream(ids(100), max_concurrency=20) as run:
            while run.progress.done < 9:
                await asyncio.sleep(0.005)
            progress = run.progress
            state = bee.throttle.snapshot()["startInstance"]

    assert progress.limited_by == "quota on startInstance, 9.9/s"
    assert progress.seconds_left is not None
    assert 5 < progress.seconds_left < 15
    assert str(progress).endswith(", limited by quota on startInstance, 9.9/s")
    assert "s left" in str(progress)
    assert (state.paced, state.rate, state.refusals) == (True, pytest.approx(9.9), 0)


async def test_an_endpoint_that_rests_is_named_with_its_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As long as nothing was measured there is no rate to tell; one log line for a pause."""
    caplog.set_level(logging.INFO, "beeos_async")

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(BUSY, "429 Slow", "Retry-After: 30")

    async with FaultServer(requests(refuse)) as server, client(server) as bee:
        async with bee.start_stream(ids(20), max_concurrency=4) as run:
            while sum(one.refusals for one in bee.throttle.snapshot().values()) < 4:
                await asyncio.sleep(0.001)
            progress = run.progress

    assert progress.limited_by.startswith("quota on startInstance, at rest for 3")
    assert progress.seconds_left is None
    lines = [one.getMessage() for one in caplog.records if "a 429" in one.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith("startInstance: a 429, no request for 3")


async def test_a_failing_host_is_said_to_fail(caplog: pytest.LogCaptureFixture) -> None:
    """While the brake is open; opened and closed are one log line each."""
    caplog.set_level(logging.INFO, "beeos_async")
    down = True

    async def some(peer: Peer, seen: Seen) -> None:
        if down:
            await peer.answer(b"{}", "503 Down")
        else:
            await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(some)) as server, client(server, max_retries=0) as bee:
        async with bee.start_stream(ids(200), max_concurrency=20) as run:
            while run.progress.limited_by != "an outage of the host":
                await asyncio.sleep(0.001)
            down = False
            await run.wait()

    said = [(one.levelname, one.getMessage()) for one in caplog.records if "host" in one.msg]
    assert [level for level, _ in said] == ["WARNING", "INFO"]
    assert said[0][1].startswith("the host is failing, fleets wait until a probe is answered: ")
    assert "503" in said[0][1]
    assert said[1][1].startswith("the host answers again after 0.")


async def test_a_reader_who_is_far_behind_is_said_to_hold() -> None:
    """Workers wait for room, and neither a quota nor the host has part in it."""
    bad = [f"a/{n}" for n in range(UNREAD_LIMIT + 5)]
    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(bad, max_concurrency=2) as run:
            while run.progress.done < UNREAD_LIMIT:
                await asyncio.sleep(0)
            assert run.progress.limited_by == "outcomes nobody has read"
            await run.wait()
            assert run.progress.limited_by == "nothing"


async def test_a_refused_key_is_said_to_hold() -> None:
    """Until the probe has shown whether it is refused for good."""

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"error":{"code":"invalid_token"}}', "401 Who")

    async with FaultServer(requests(refuse)) as server, client(server) as bee:
        async with bee.start_stream(ids(3), max_concurrency=1) as run:
            while not server.seen:
                await asyncio.sleep(0.001)
            while run.progress.limited_by != "a refused key":
                await asyncio.sleep(0.001)  # pragma: no cover -- it may be known by now


async def test_a_run_logs_its_beginning_and_its_end(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """One line each at INFO, and no key in any; the sum is not made for nobody."""
    caplog.set_level(logging.INFO, "beeos_async")
    async with FaultServer(honest()) as server, client(server, _clock=clock) as bee:
        await bee.start_many(ids(3))
        await bee.start_many(id for id in ids(2))
        lines = [one.getMessage() for one in caplog.records]
        caplog.clear()
        caplog.set_level(logging.WARNING, "beeos_async")
        await bee.start_many(ids(3))

    assert lines == [
        "startInstance: a run of 3 ids begins",
        "startInstance: 3 of 3 started in 0.0 s",
        "startInstance: a run of ? ids begins",
        "startInstance: 2 of 2 started in 0.0 s",
    ]
    assert caplog.records == []


async def test_the_rate_is_that_of_the_last_seconds() -> None:
    """Not of the whole run, and not of an instant; who asks often costs no memory."""
    async with AsyncBeeOS("emulator", base_url="http://localhost:1") as bee:
        meter = Meter(bee._caller.gate, "startInstance", 4)
    tally = Tally(counts={})

    def read(now: float) -> b.Progress:
        return meter.read(now, tally, size=1000)

    meter.begin(100.0)
    assert read(100.0).rate == 0.0
    now = 100.0
    for _ in range(1000):
        now += 0.01
        tally.add(Succeeded("a", None))
        assert len(meter._measures) <= WINDOW / STEP + 2
        last = read(now)
    assert last.rate == pytest.approx(100.0)
    assert last.seconds_left == 0.0
    assert str(last) == "1,000 of 1,000 at 100.0/s, about 0.0 s left"

    for _ in range(60):
        now += 0.1
        last = read(now)
    assert last.rate == 0.0
    assert read(now).limited_by == "nothing"


def test_a_run_that_ended_at_once_has_no_rate() -> None:
    """Nothing is divided by no time."""
    bee = AsyncBeeOS("emulator", base_url="http://localhost:1")
    meter = Meter(bee._caller.gate, "startInstance", 4)

    progress = meter.read(5.0, Tally(counts={}), size=0, over=True)

    assert (progress.done, progress.total, progress.rate) == (0, 0, 0.0)
    assert progress.seconds_left == 0.0


# How long it will take -----------------------------------------------------------------------


async def forecasts(run: b.FleetRun[Any], clock: HandClock) -> list[tuple[float, float | None]]:
    """Ask at each outcome how long the rest will take, and tell how long it took."""
    asked = [(clock.now(), run.progress.seconds_left) async for _ in run]
    end = clock.now()
    return [(end - when, said) for when, said in asked]


async def test_what_a_known_quota_will_take_is_told_to_the_second(clock: HandClock) -> None:
    """From the first outcome to the last; those that stand in line are counted once."""
    async with FaultServer(honest()) as server:
        async with client(server, _clock=clock, rate_limit="4/s") as bee:
            async with bee.start_stream(ids(70)) as run:
                told = await forecasts(run, clock)

    # By the hand's time the last ones are under way for no time at all.
    told = [(true, said) for true, said in told if true]
    assert len(told) > 50
    assert [said for _, said in told] == [pytest.approx(true, abs=0.3) for true, _ in told]


async def test_while_a_quota_is_being_learned_nothing_is_told(clock: HandClock) -> None:
    """Neither a rate nor a time: after the first 429 nobody knows them."""
    gate_told: list[b.Progress] = []
    async with Emulator(instances=60, quota="5/s", clock=clock) as cloud:
        async with cloud.client(_clock=clock) as bee:
            async with bee.start_stream(cloud.ids) as run:
                async for _ in run:
                    state = bee.throttle.snapshot()["startInstance"]
                    if state.refusals and state.rate is None:
                        gate_told.append(run.progress)

    assert gate_told
    assert all(
        one.limited_by.startswith("quota on startInstance, ")
        for one in gate_told
        if one.limited_by != "nothing"
    )


async def test_booting_is_told_from_how_long_the_others_took(clock: HandClock) -> None:
    """Sending and booting together; in the middle and at the end, it is about that."""
    async with Emulator(instances=200, boot_time=3, online_time=0.1, clock=clock) as cloud:
        async with cloud.client(_clock=clock, rate_limit="20/s") as bee:
            async with bee.start_stream(cloud.ids, wait="online", deadline=900) as run:
                told = await forecasts(run, clock)

    known = [(true, said) for true, said in told if said is not None]
    assert len(known) > 150
    assert all(said <= true + 3 for true, said in known)
    settled = [(true, said) for true, said in known[len(known) // 2 :] if true > 1]
    assert [said for _, said in settled] == [pytest.approx(true, abs=2) for true, _ in settled]


async def test_of_one_that_hangs_nothing_is_told(clock: HandClock) -> None:
    """That all others were quick does not tell when it will come; the deadline is no forecast."""
    async with Emulator(instances=50, boot_time=1, online_time=0.1, clock=clock) as cloud:
        cloud.world.pin(cloud.ids[7], status="provisioning")
        async with cloud.client(_clock=clock) as bee:
            async with bee.start_stream(cloud.ids, wait="online", deadline=60) as run:
                while run.progress.done < 49:
                    await asyncio.sleep(0)
                late = clock.now() + 2
                while clock.now() < late:
                    await asyncio.sleep(0)
                hung = run.progress

    assert (hung.done, hung.waiting, hung.seconds_left) == (49, 1, None)
    assert hung.limited_by == "1 instance that is still booting"


def test_the_slowest_is_estimated_from_those_that_are_ready() -> None:
    """What was seen is the whole story only where nobody has waited for longer."""
    boots = Boots()
    assert boots.slowest(0) is None
    for seconds in (1.0, 2.0, 1.5, 1.2):
        boots.add(seconds)

    assert boots.slowest(0) == 2.0
    assert boots.slowest(4) == 3.0
    assert boots.slowest(16) is None


def test_a_pace_is_believed_for_as_long_as_answers_come() -> None:
    """Not before one round was answered, and not after silence; a deadline ends it anyhow."""
    bee = AsyncBeeOS("emulator", base_url="http://localhost:1")
    meter = Meter(bee._caller.gate, "startInstance", 8)
    tally = Tally(counts={})

    def left(now: float, **more: Any) -> float | None:
        return meter.read(now, tally, size=20, busy=8, **more).seconds_left

    meter.begin(100.0)
    tally.counts["succeeded"] = 4
    assert left(101.0) is None
    tally.counts["succeeded"] = 10
    assert left(102.0) == pytest.approx(2.0)
    assert left(102.0, until=103.5) == pytest.approx(1.5)
    assert left(102.0, probing=True) is None
    assert left(102.0, halted=True) == pytest.approx(1.6)
    assert left(104.0) == pytest.approx(4.0)
    tally.counts["succeeded"] = 19
    assert meter.read(105.0, tally, size=20, busy=1).seconds_left == pytest.approx(5 / 19)
    # Of one that keeps the others waiting, their pace tells nothing.
    assert meter.read(106.1, tally, size=20, busy=1).seconds_left is None


def test_what_cost_no_work_of_this_run_is_no_pace() -> None:
    """Neither what was skipped nor what an earlier run had done."""
    bee = AsyncBeeOS("emulator", base_url="http://localhost:1")
    meter = Meter(bee._caller.gate, "startInstance", 8)
    tally = Tally(counts={"succeeded": 121, "skipped": 479}, elapsed=2.0)

    meter.begin(100.0)

    assert meter.read(102.0, tally, size=700, past=100).rate == pytest.approx(10.5)
    assert meter.read(102.0, tally, size=600, past=100, over=True).rate == pytest.approx(10.5)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.42, "0.4 s"), (42.4, "42 s"), (600.0, "10 min"), (9960.0, "166 min")]
)
def test_a_time_is_told_as_exactly_as_it_is_known(seconds: float, told: str) -> None:
    """Tenths where they matter, minutes where seconds do not."""
    progress = b.Progress(
        done=1,
        total=9,
        in_flight=1,
        counts={"succeeded": 1},
        rate=1.0,
        seconds_left=seconds,
        limited_by="concurrency",
    )

    assert str(progress) == f"1 of 9 at 1.0/s, about {told} left, limited by concurrency"
