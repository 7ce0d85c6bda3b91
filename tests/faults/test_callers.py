"""What a caller may do in the middle of things, and what it finds afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from fault_network import Names
from fault_server import (
    FaultServer,
    Handler,
    Peer,
    Seen,
    half,
    honest,
    id_of,
    ids,
    requests,
    silent,
    tell_truth,
    vanish,
)
from hand_clock import HandClock
from standing import agree, check_report, client

import beeos_async as b
from beeos_async import AsyncBeeOS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]

SOON = 0.5
"""Seconds a cancellation may take."""


async def later(peer: Peer, seen: Seen) -> None:
    await asyncio.sleep(0.002)
    await tell_truth(peer, seen)


def refuse(status: str, code: str, *headers: str) -> Handler:
    async def handler(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"error":{"code":"%s"}}' % code.encode(), status, *headers)

    return handler


class Still(HandClock):
    """A clock on which no pause ever ends."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.Future()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


# Cancelling a call.


@pytest.mark.fault("C1")
@pytest.mark.parametrize(
    ("handlers", "slept", "read"),
    [
        pytest.param([silent], 0, 1, id="waiting for an answer"),
        pytest.param([half], 0, 1, id="reading a body"),
        pytest.param([refuse("503 Wait", "auth_transient")], 1, 1, id="between two tries"),
        pytest.param([refuse("409 Conflict", "conflict"), tell_truth], 1, 2, id="in a conflict"),
        pytest.param(
            [refuse("429 Slow", "rate_limited", "Retry-After: 5")], 1, 1, id="in a cool-down"
        ),
        pytest.param([vanish, silent], 0, 2, id="looking after it"),
    ],
)
async def test_a_call_can_be_cancelled_wherever_it_is(
    handlers: list[Handler], slept: int, read: int
) -> None:
    """At once, without another request; the client and everybody else go on."""
    clock = Still()

    async def stumble(peer: Peer, seen: Seen) -> None:
        turn = min(len(peer.server.seen), len(handlers)) - 1
        await (tell_truth if id_of(seen.target) == "inst-2" else handlers[turn])(peer, seen)

    async with FaultServer(requests(stumble)) as server:
        async with client(server, clock, timeout=30) as bee:
            call = asyncio.create_task(bee.start("inst-1"))
            await until(lambda: len(server.seen) == read and len(clock.slept) == slept)
            await asyncio.sleep(0.005)
            began = asyncio.get_running_loop().time()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            took = asyncio.get_running_loop().time() - began
            assert len(server.seen) == read
            # Another endpoint than the one that may be cooling down.
            assert (await bee.instances.get("inst-2")).id == "inst-2"

    assert took < SOON
    assert len(server.seen) == read + 1


@pytest.mark.fault("C1")
async def test_a_call_can_be_cancelled_in_the_queue() -> None:
    """Its place is given up; who is in flight and who stands behind it notice nothing."""
    go = asyncio.Event()

    async def gated(peer: Peer, seen: Seen) -> None:
        await go.wait()
        await tell_truth(peer, seen)

    async with FaultServer(requests(gated)) as server:
        async with client(server, max_concurrency=1) as bee:
            first, second, third = (asyncio.create_task(bee.start(id)) for id in ids(3))
            await until(lambda: server.seen)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            go.set()
            await asyncio.gather(first, third)

    assert server.applied == ["inst-0", "inst-2"]


@pytest.mark.fault("C1")
async def test_a_call_can_be_cancelled_while_it_connects() -> None:
    """Nothing is left of the attempt."""
    names = Names(hangs=True)
    connector = aiohttp.TCPConnector(resolver=names)
    async with client("http://slow.localhost", connector=connector, connect_timeout=30) as bee:
        call = asyncio.create_task(bee.start("inst-1"))
        await until(lambda: names.asked)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await connector.close()


@pytest.mark.fault("C1")
async def test_a_call_can_be_cancelled_while_it_asks_for_the_key() -> None:
    """The user's own callable is cancelled with it."""
    ended: list[str] = []

    async def ask() -> str:
        try:
            return await asyncio.Future()
        finally:
            ended.append("asking")

    async with FaultServer(honest()) as server:
        async with AsyncBeeOS(ask, base_url=server.url) as bee:
            call = asyncio.create_task(bee.start("inst-1"))
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    assert ended == ["asking"]
    assert server.connections == 0


STUMBLING = [tell_truth, vanish, refuse("500 Oops", ""), refuse("503 Wait", "auth_transient")]


@pytest.mark.fault("C1")
@pytest.mark.parametrize("handler", STUMBLING, ids=["well", "lost", "500", "503"])
async def test_a_call_cancelled_at_any_step_leaves_nothing_behind(
    clock: HandClock, handler: Handler
) -> None:
    """Step by step of the loop: each time the next call finds everything as it was."""
    known: set[str] = set()

    async def stumble(peer: Peer, seen: Seen) -> None:
        new = seen.target.endswith("/start") and seen.target not in known
        known.add(seen.target)
        await (handler if new else tell_truth)(peer, seen)

    async with FaultServer(requests(stumble)) as server:
        async with client(server, clock, max_concurrency=2) as bee:
            step = done = 0
            while done < 3:
                call = asyncio.create_task(bee.start(f"inst-{step}"))
                for _ in range(step):
                    await asyncio.sleep(0)
                done += not call.cancel()
                (came,) = await asyncio.gather(call, return_exceptions=True)
                assert isinstance(came, b.Instance | asyncio.CancelledError)
                gate = bee._caller.gate
                assert gate.in_flight == gate._queue.waiting == 0
                step += 1
            assert (await bee.start("inst-last")).id == "inst-last"

    assert step > 8
    assert all(server.applied.count(id) == 1 for id in server.applied)


# Cancelling a fleet.


@pytest.mark.fault("C1", "C2")
async def test_a_fleet_cancelled_at_any_step_tells_what_became_of_each_id(
    clock: HandClock,
) -> None:
    """Whatever the step, every id has its outcome, and nothing that happened is denied."""
    fleet = ids(12)
    known: set[str] = set()

    async def stumble(peer: Peer, seen: Seen) -> None:
        new = seen.method == "POST" and seen.target not in known
        known.add(seen.target)
        if new and seen.target.endswith(("3/start", "7/start")):
            peer.apply(id_of(seen.target))
            raise ConnectionError
        if new and seen.target.endswith("5/start"):
            await refuse("503 Wait", "auth_transient")(peer, seen)
        else:
            await tell_truth(peer, seen)

    async def work(run: b.FleetRun[b.Instance]) -> None:
        async with run:
            await run.wait()

    step, over = 1, False
    kinds: set[str] = set()
    async with FaultServer(requests(stumble)) as server, client(server, clock) as bee:
        while not over:
            server.applied.clear()
            known.clear()
            run = bee.start_stream(fleet, max_concurrency=3)
            task = asyncio.create_task(work(run))
            for _ in range(step):
                await asyncio.sleep(0)
            over = not task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # What had been written may be read only now.
            await asyncio.sleep(0.001)
            assert [one.id for one in run.report] == fleet
            agree(run.report, server.applied)
            assert bee._caller.gate.in_flight == 0
            kinds.update(run.report.counts)
            step += 1

        assert run.report.ok

    # It was cancelled before, between and after requests; how often, is the loop's business.
    assert kinds == {"skipped", "unknown", "succeeded"}
    assert step > len(fleet)


@pytest.mark.fault("C2", "C5")
@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_a_fleet_that_is_broken_off_after_some_outcomes_tells_all(how: str) -> None:
    """The error is the caller's own, the report is in its hands, and its sum is right."""
    fleet = ids(60)

    async def some(peer: Peer, seen: Seen) -> None:
        if len(peer.server.seen) > 20:
            await peer.hang()
        await tell_truth(peer, seen)

    async with FaultServer(requests(some)) as server, client(server, timeout=30) as bee:
        run = bee.start_stream(fleet, max_concurrency=4)

        async def work() -> None:
            async with run, asyncio.timeout(0.2 if how == "timed out" else None):
                async for _ in run:
                    pass

        task = asyncio.create_task(work())
        if how == "cancelled":
            await until(lambda: len(server.seen) == 24)
            began = asyncio.get_running_loop().time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert asyncio.get_running_loop().time() - began < SOON
        else:
            with pytest.raises(TimeoutError) as caught:
                await task
            assert not isinstance(caught.value, b.BeeOSError)

    assert run.report.counts == {"succeeded": 20, "unknown": 4, "skipped": 36}
    assert {one.reason for one in run.report.skipped} == {"cancelled"}
    check_report(run.report, fleet)
    agree(run.report, server.applied)


INTERRUPTED = """
import asyncio, sys
from beeos_async import AsyncBeeOS

runs = []

async def main():
    async with AsyncBeeOS("k", base_url=sys.argv[1]) as bee:
        async with bee.start_stream([f"inst-{n}" for n in range(50)], max_concurrency=5) as run:
            runs.append(run)
            await run.wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(runs[0].report.counts)
"""


@pytest.mark.fault("C3")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
async def test_ctrl_c_leaves_the_report_in_ones_hands() -> None:
    """Under `asyncio.run` it is a cancellation, and then `KeyboardInterrupt`."""

    async def some(peer: Peer, seen: Seen) -> None:
        if len(peer.server.seen) > 10:
            await peer.hang()
        await tell_truth(peer, seen)

    async with FaultServer(requests(some)) as server:
        code = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + INTERRUPTED
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            server.url,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        await until(lambda: len(server.seen) == 15)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert out.decode().strip() == "{'succeeded': 10, 'unknown': 5, 'skipped': 35}"
    assert (process.returncode, err) == (0, b"")


# Sources.


@pytest.mark.fault("C7", "C8")
async def test_duplicates_and_what_is_no_id_cost_nothing(clock: HandClock) -> None:
    """Ninety requests for ninety ids; what is none is skipped, and nothing is raised."""
    given = [*ids(87), "..", "a/b", "x" * 129, *ids(10)]
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        report = await bee.start_many(given)

    assert (len(report), report.duplicates) == (90, 10)
    assert len(server.seen) == 87
    assert {one.reason for one in report.skipped} == {"invalid_id"}
    assert len(report.skipped) == 3
    check_report(report, given)


@pytest.mark.fault("C10")
async def test_a_source_that_raises_halfway_has_its_ids_started_once(clock: HandClock) -> None:
    """Its own error, with the report of those that came before it."""

    class Mine(Exception):  # noqa: N818 -- somebody else's
        pass

    def some() -> Iterator[str]:
        yield from ids(49)
        raise Mine

    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with pytest.raises(Mine) as caught:
            await bee.start_many(some())

    report = caught.value.report  # type: ignore[attr-defined]
    assert f"{len(report.succeeded)} of 49 started" in caught.value.__notes__[0]
    check_report(report, ids(49))
    # What had not been sent when it raised is not sent any more.
    assert {one.reason for one in report.skipped} <= {"stopped"}
    assert sorted(server.applied) == sorted(report.instances)


@pytest.mark.fault("C11")
async def test_ids_are_started_as_they_arrive() -> None:
    """Nobody waits for the last id before the first is started."""
    seen_at: list[int] = []

    async def slow() -> AsyncIterator[str]:
        for id in ids(20):
            await asyncio.sleep(0.005)
            seen_at.append(len(server.seen))
            yield id

    async with FaultServer(honest()) as server, client(server) as bee:
        async with bee.start_stream(slow(), collect=False) as run:
            async for _ in run:
                pass

    assert run.report.counts == {"succeeded": 20}
    assert seen_at[-1] >= 15


@pytest.mark.fault("C12")
async def test_an_endless_source_ends_with_the_deadline() -> None:
    """No more is pulled than can be in flight, and one; the run returns in time."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"inst-{pulled}"

    async with FaultServer(requests(later)) as server, client(server) as bee:
        began = asyncio.get_running_loop().time()
        report = await bee.start_many(endless(), max_concurrency=4, deadline=0.2)
        took = asyncio.get_running_loop().time() - began

    assert 0.15 < took < 2.0
    assert len(report.succeeded) <= pulled <= len(server.seen) + 5
    agree(report, server.applied)


# Several at once.


@pytest.mark.fault("C22")
async def test_two_fleets_and_single_calls_share_one_client() -> None:
    """Neither fleet starves the other, and a single call passes both."""
    waits: list[int] = []

    async def single(bee: AsyncBeeOS, server: FaultServer) -> None:
        for number in range(20):
            before = len(server.seen)
            await bee.instances.get(f"single-{number}")
            waits.append(len(server.seen) - before)

    async with FaultServer(requests(later)) as server:
        async with client(server, max_concurrency=10) as bee:
            one = asyncio.create_task(bee.start_many([f"a-{n}" for n in range(400)]))
            two = asyncio.create_task(bee.start_many([f"b-{n}" for n in range(400)]))
            await until(lambda: len(server.seen) > 50)
            await single(bee, server)
            await until(lambda: len(server.seen) > 400)
            share = sum(id.startswith("a") for id in server.applied) / len(server.applied)
            reports = await asyncio.gather(one, two)

    assert all(report.ok for report in reports)
    assert 0.4 <= share <= 0.6
    # One round of those in flight passes before it, and not the queue of the fleets.
    assert sorted(waits)[len(waits) // 2] <= 2 * 10


ODD_LOOP = """
import asyncio, sys
sys.setrecursionlimit(50_000)
sys.path.insert(0, sys.argv[1])
from fault_server import FaultServer, mixed, tell_truth
from hand_clock import HandClock
from beeos_async import AsyncBeeOS

async def vanish(peer, seen):
    raise ConnectionError

async def main():
    # How long a step takes is the machine's business.
    asyncio.get_running_loop().slow_callback_duration = 60
    async with FaultServer(mixed({"lost": vanish}, 0.2)) as server:
        async with AsyncBeeOS("k", base_url=server.url, _clock=HandClock()) as bee:
            report = await bee.start_many([f"inst-{n}" for n in range(100)])
    print(report.counts, len(server.applied))

if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main(), debug=True)
"""


@pytest.mark.fault("C24")
@pytest.mark.parametrize("loop", ["debug", "uvloop"])
def test_another_loop_and_its_debug_mode_change_nothing(loop: str) -> None:
    """Not a warning more, and the same report."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ODD_LOOP, str(Path(__file__).parents[1]), loop],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONASYNCIODEBUG": ""},
    )

    assert done.stdout.strip() == "{'succeeded': 100} 100", done.stderr
    assert done.stderr == ""
