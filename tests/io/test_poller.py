"""The one poller of a client: judged by the requests it costs and by who is told what."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import pytest
from fault_server import FaultServer, Peer, Seen, http, id_of, instance, requests
from hand_clock import HandClock
from msgspec import json

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._io.looks import LOOKERS
from beeos_async._protocol.polling import Sight
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

MINE = "mine"


class Waiter:
    """Somebody who waits for an instance to be in a state, and keeps what it was shown."""

    def __init__(
        self,
        id: str,
        goal: str = "running",
        *,
        until: float | None = None,
        unseen: bool = False,
    ) -> None:
        self.id = id
        self.goal = goal
        self.until = until
        self.unseen = unseen
        self.seen: list[tuple[str | None, bool]] = []
        self.at: list[float] = []
        self.over = anyio.Event()
        self.error: Exception | None = None

    def see(self, item: b.Instance | None, now: float, *, whole: bool) -> Sight:
        status = None if item is None else item.status
        moved = not self.seen or self.seen[-1][0] != status
        self.seen.append((status, whole))
        self.at.append(now)
        if status in {self.goal, None}:
            self.over.set()
            return Sight.OVER
        return Sight.MOVED if moved else Sight.SAME

    def end(self, error: Exception | None) -> None:
        self.error = error or TimeoutError()
        self.over.set()


@pytest.fixture
def clock() -> HandClock:
    """Give a clock whose last look before a deadline may take its time on a busy machine."""
    return HandClock(patience=300)


@pytest.fixture
async def slow(clock: HandClock) -> AsyncIterator[Emulator]:
    """Give a pretend cloud of 1,200 whose instances take ten seconds, on the hand's clock."""
    async with Emulator(instances=1200, boot_time=10, online_time=0, clock=clock) as cloud:
        yield cloud


@pytest.fixture
async def bee(slow: Emulator, clock: HandClock) -> AsyncIterator[AsyncBeeOS]:
    async with slow.client(_clock=clock) as bee:
        yield bee


async def wait_for(bee: AsyncBeeOS, waiters: list[Waiter], *, add: bool = True) -> None:
    # Time is the hand's, and requests are counted; this only ends what hangs.
    with anyio.fail_after(300):
        for waiter in waiters if add else []:
            bee._poller.add(waiter)
        for waiter in waiters:
            await waiter.over.wait()


async def nothing_left() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert {name for name in names if "poller" in name} == set()


def polls(cloud: Emulator) -> Counter[str]:
    return Counter(
        entry.operation
        for entry in cloud.log
        if entry.operation in {"getInstance", "listInstances"}
    )


def start_all(cloud: Emulator, ids: list[str]) -> None:
    for id in ids:
        cloud.world.start(id)


async def waiting_for_long(cloud: Emulator, bee: AsyncBeeOS) -> Waiter:
    """Have somebody wait for the first of two that never come up, until pauses are long."""
    for id in cloud.ids[:2]:
        cloud.world.pin(id, status="pending")
    patient = Waiter(cloud.ids[0])
    bee._poller.add(patient)
    while len(patient.seen) < 6:
        await asyncio.sleep(0)
    return patient


# Lists and looks ------------------------------------------------------------------------------


async def test_a_thousand_of_twelve_hundred_cost_six_requests_a_round(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """The list has six pages: cheaper than a thousand looks."""
    ids = slow.ids[200:]
    for id in ids:
        slow.world.pin(id, status="provisioning")
    waiters = [Waiter(id, until=clock.time + 20) for id in ids]

    await wait_for(bee, waiters)

    (rounds,) = {len(waiter.seen) for waiter in waiters}
    assert rounds >= 5
    # The last round comes shortly before the time is up.
    assert polls(slow) == {"listInstances": 6 * rounds}
    assert all(isinstance(waiter.error, TimeoutError) for waiter in waiters)


async def test_a_timer_that_is_early_costs_no_further_look(slow: Emulator) -> None:
    """Some loops count in milliseconds: when it wakes, the time may be up only in one of them."""

    class Early(HandClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds - 0.001 if seconds > 0.1 else seconds)

    async def looks(clock: HandClock) -> Counter[str]:
        slow.log.clear()
        async with slow.client(_clock=clock) as bee:
            await wait_for(bee, [Waiter(id, until=clock.time + 20) for id in slow.ids[:4]])
        return polls(slow)

    in_time = await looks(HandClock(patience=300))

    assert await looks(Early(patience=300)) == in_time
    assert in_time["getInstance"] >= 20


async def test_a_few_are_looked_at_one_by_one(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Six pages cost more than four looks; that there are six is asked once."""
    ids = slow.ids[1000:1004]
    start_all(slow, ids)
    waiters = [Waiter(id) for id in ids]

    await wait_for(bee, waiters)

    counts = polls(slow)
    assert counts["listInstances"] == 1
    assert counts["getInstance"] == sum(len(waiter.seen) for waiter in waiters)


async def test_one_alone_is_never_swept_for(slow: Emulator, bee: AsyncBeeOS) -> None:
    """A look costs one request, and so does the shortest list."""
    start_all(slow, slow.ids[:1])

    await wait_for(bee, [Waiter(slow.ids[0])])

    assert set(polls(slow)) == {"getInstance"}


async def test_a_sweep_ends_where_looks_are_cheaper(slow: Emulator, bee: AsyncBeeOS) -> None:
    """All but one stand on the first page: one look instead of five pages more."""
    ids = [*slow.ids[:20], slow.ids[-1]]
    for id in ids:
        slow.world.pin(id, status="running")

    await wait_for(bee, [Waiter(id) for id in ids])

    assert polls(slow) == {"listInstances": 1, "getInstance": 1}


async def test_rounds_come_ever_later_and_sooner_while_something_moves(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """A quarter of a second, a half, one, two, four, five; and at most one once it moves."""
    one, other = slow.ids[:2]
    slow.world.pin(one, status="pending")
    waiter = Waiter(one, "stopped", until=clock.time + 30)

    await wait_for(bee, [waiter])

    first = [round(at - 1000, 3) for at in waiter.at]
    assert first[:6] == [0.25, 0.75, 1.75, 3.75, 7.75, 12.75]
    assert first[-1] == pytest.approx(29.8)

    slow.world.start(other)
    begin = clock.time
    waiter = Waiter(other)
    await wait_for(bee, [waiter])
    pauses = [after - before for before, after in itertools.pairwise([begin, *waiter.at])]
    # It moved to `provisioning` and then not for a while.
    assert waiter.seen[0] == ("pending", True)
    assert max(pauses) <= 5
    assert waiter.at[-1] - begin < 17


async def test_a_sight_asked_for_before_the_wait_shows_nothing(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """What is on its way when an instance is told something is of the time before, which no
    clock needs to tell: here it stands still."""
    slow.world.pin(slow.ids[0], status="running")
    early, late = Waiter(slow.ids[0], "stopped", unseen=True), Waiter(slow.ids[0])

    bee._poller.add(early)
    while not bee._caller.gate.in_flight:
        await asyncio.sleep(0)
    await wait_for(bee, [late])
    bee._poller.drop(early)

    assert [len(early.seen), len(late.seen)] == [2, 1]
    assert polls(slow)["getInstance"] == 2


async def test_several_who_wait_for_one_id_share_its_looks(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """One request shows it to all of them."""
    slow.world.pin(slow.ids[0], status="running")
    waiters = [Waiter(slow.ids[0]) for _ in range(5)]

    await wait_for(bee, waiters)

    assert polls(slow) == {"getInstance": 1}


async def test_views_share_one_poller(slow: Emulator, bee: AsyncBeeOS) -> None:
    """A view is another way to call, not another client."""
    view = bee.with_options(timeout=5)

    assert view._poller is bee._poller


async def test_who_knows_nothing_is_looked_at_at_once_and_alone(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """Nobody else is asked about because somebody new has come."""
    patient = await waiting_for_long(slow, bee)
    new = Waiter(slow.ids[1], "pending", unseen=True)
    known, begin = len(patient.seen), clock.time

    await wait_for(bee, [new])

    assert new.at == [begin]
    assert len(patient.seen) == known
    bee._poller.drop(patient)


async def test_somebody_new_is_looked_at_within_a_second(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """Also where others have been waiting for long."""
    patient = await waiting_for_long(slow, bee)
    begin = clock.time
    new = Waiter(slow.ids[1], "pending")

    await wait_for(bee, [new])

    assert new.at[0] - begin <= 1
    bee._poller.drop(patient)


# Absence --------------------------------------------------------------------------------------


async def test_absence_from_a_list_proves_nothing(slow: Emulator, bee: AsyncBeeOS) -> None:
    """After three sweeps a look decides, and what it finds is there."""
    ids = slow.ids[:100]
    start_all(slow, ids)
    slow.world.hide(ids[7])
    waiters = [Waiter(id) for id in ids]

    await wait_for(bee, waiters)

    hidden = waiters[7]
    assert hidden.error is None
    assert {whole for _, whole in hidden.seen} == {True}
    looks = [entry.ids[0] for entry in slow.log if entry.operation == "getInstance"]
    assert set(looks) >= {ids[7]}


async def test_only_a_look_that_finds_nothing_says_that_it_is_gone(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Three sweeps without it, and one 404."""
    ids = slow.ids[:10]
    for id in ids:
        slow.world.pin(id, status="pending")
    # The list is short enough to be swept for ten.
    for id in slow.ids[150:]:
        slow.world.remove(id)
    waiters = [Waiter(id, until=1000.0 + 15) for id in ids]
    slow.world.remove(ids[3])

    await wait_for(bee, waiters)

    assert waiters[3].seen == [(None, True)]
    assert waiters[3].error is None
    looked = [entry for entry in slow.log if entry.operation == "getInstance"]
    assert [(entry.ids[0], entry.status) for entry in looked] == [(ids[3], 404)]
    position = slow.log.index(looked[0])
    assert Counter(entry.operation for entry in slow.log[:position]) == {"listInstances": 3}


# Coming and going -----------------------------------------------------------------------------


async def test_nothing_is_left_when_nobody_waits(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Neither when all is over, nor when the last one has gone away."""
    start_all(slow, slow.ids[:2])
    await wait_for(bee, [Waiter(slow.ids[0])])
    await nothing_left()

    waiter = Waiter(slow.ids[1], "never")
    bee._poller.add(waiter)
    await asyncio.sleep(0.01)
    bee._poller.drop(waiter)
    bee._poller.drop(waiter)
    await nothing_left()
    asked = len(slow.log)
    await asyncio.sleep(0.05)
    assert len(slow.log) == asked


async def test_a_poller_that_sleeps_hears_who_comes_and_who_goes(slow: Emulator) -> None:
    """On a real clock: who knows nothing is looked at at once, and an empty house is left."""
    for id in slow.ids[:2]:
        slow.world.pin(id, status="pending")
    async with slow.client() as bee:
        patient = Waiter(slow.ids[0], "never")
        bee._poller.add(patient)
        while len(patient.seen) < 2:
            await asyncio.sleep(0.001)
        # It sleeps for a second now.
        await asyncio.sleep(0.01)
        new = Waiter(slow.ids[1], "pending", unseen=True)
        await bee._poller.attend(new, new.over)
        assert len(patient.seen) == 2
        await asyncio.sleep(0.01)

        bee._poller.drop(patient)

        await nothing_left()


async def test_who_is_cancelled_goes_alone(slow: Emulator, bee: AsyncBeeOS) -> None:
    """The others who wait, even for the same id, are not concerned."""
    start_all(slow, slow.ids[:1])
    first, second = Waiter(slow.ids[0]), Waiter(slow.ids[0])

    async with anyio.create_task_group() as group:
        group.start_soon(bee._poller.attend, second, second.over)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await bee._poller.attend(first, first.over)

    assert scope.cancelled_caught
    assert first.seen == []
    assert second.error is None
    assert second.seen[-1] == ("running", True)


async def test_a_new_life_begins_where_the_old_one_has_not_ended(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Somebody who comes in the moment the last one goes is looked after."""
    start_all(slow, slow.ids[:1])
    for turns in range(6):
        first = Waiter(slow.ids[0], "never")
        bee._poller.add(first)
        await asyncio.sleep(0.002)
        bee._poller.drop(first)
        for _ in range(turns):
            await asyncio.sleep(0)
        await wait_for(bee, [Waiter(slow.ids[0])])


async def test_closing_the_client_ends_all_waits(slow: Emulator, bee: AsyncBeeOS) -> None:
    """With the error that says so; nobody may come any more, and no task is left."""
    waiters = [Waiter(id) for id in slow.ids[:30]]
    for waiter in waiters:
        bee._poller.add(waiter)
    await asyncio.sleep(0.005)

    await bee.close()

    assert all(isinstance(waiter.error, b.ClientClosedError) for waiter in waiters)
    with pytest.raises(b.ClientClosedError):
        bee._poller.add(Waiter(slow.ids[0]))
    await nothing_left()


async def test_a_poller_that_is_cancelled_leaves_nobody_waiting(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Whoever cancels all tasks cancels it too; and it can begin anew."""
    slow.world.pin(slow.ids[0], status="running")
    waiter = Waiter(slow.ids[1], "never")
    bee._poller.add(waiter)
    await asyncio.sleep(0.005)
    (task,) = [one for one in asyncio.all_tasks() if one.get_name() == "beeos-async poller"]

    task.cancel()
    with anyio.fail_after(5):
        await waiter.over.wait()

    assert isinstance(waiter.error, b.ClientClosedError)
    await nothing_left()
    await wait_for(bee, [Waiter(slow.ids[0])])


async def test_each_has_its_own_deadline(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """To the moment, with a look shortly before it, and the others go on."""
    for id in slow.ids[:3]:
        slow.world.pin(id, status="pending")
    waiters = [Waiter(slow.ids[n], until=clock.time + 3 + 2 * n) for n in range(2)]
    waiters.append(Waiter(slow.ids[2], until=clock.time + 50))
    endless = Waiter(slow.ids[2], "never")
    bee._poller.add(endless)
    ends: dict[str, float] = {}
    for waiter in waiters:
        bee._poller.add(waiter)

    async def end(waiter: Waiter) -> None:
        await waiter.over.wait()
        ends[waiter.id] = clock.time

    async with anyio.create_task_group() as group:
        for waiter in waiters[:2]:
            group.start_soon(end, waiter)

    assert ends[waiters[0].id] == pytest.approx(1003, abs=1)
    assert waiters[0].at[-1] == pytest.approx(1002.8)
    assert waiters[1].at[-1] == pytest.approx(1004.8)
    assert not waiters[2].over.is_set()
    assert not endless.over.is_set()
    bee._poller.drop(waiters[2])
    bee._poller.drop(endless)


# Trouble --------------------------------------------------------------------------------------


async def test_trouble_that_passes_ends_no_wait(slow: Emulator, bee: AsyncBeeOS) -> None:
    """Refusals by quota, failures of the host, garbage: there is another round."""
    id = slow.ids[0]
    slow.world.pin(id, status="running")
    slow.faults.refuse("getInstance", 429, retry_after=7, times=3)
    slow.faults.refuse("getInstance", 500, times=9)
    slow.faults.disconnect("getInstance", times=5)
    slow.faults.garble("getInstance", times=5)
    waiter = Waiter(id)

    await wait_for(bee, [waiter])

    assert waiter.error is None
    assert len(slow.log) == 23


async def test_a_quota_that_asks_for_too_long_ends_no_wait(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """It is waited for, in rounds that send nothing."""
    slow.world.pin(slow.ids[0], status="running")
    slow.faults.refuse("getInstance", 429, retry_after=1000)
    waiter = Waiter(slow.ids[0])

    await wait_for(bee, [waiter])

    assert clock.time > 2000
    assert len(slow.log) == 2


@pytest.mark.parametrize(("status", "times"), [(429, 2), (503, 5)])
async def test_a_sweep_that_meets_trouble_is_made_again(
    slow: Emulator, bee: AsyncBeeOS, status: int, times: int
) -> None:
    """A list that is down for a while does not become a thousand looks."""
    start_all(slow, slow.ids)
    retry_after = 2 if status == 429 else None
    slow.faults.refuse("listInstances", status, retry_after=retry_after, times=times)

    await wait_for(bee, [Waiter(id) for id in slow.ids])

    counts = polls(slow)
    assert counts["listInstances"] > times
    assert counts["getInstance"] < 30


@pytest.mark.parametrize("trouble", ["refused", "unreadable"])
async def test_a_list_that_is_of_no_use_is_done_without(
    slow: Emulator, bee: AsyncBeeOS, trouble: str
) -> None:
    """Each is looked at then."""
    ids = slow.ids[:50]
    for id in ids:
        slow.world.pin(id, status="running")
    if trouble == "refused":
        slow.faults.refuse("listInstances", 403, times=None)
    else:
        slow.faults.garble("listInstances", times=None)

    await wait_for(bee, [Waiter(id) for id in ids])

    counts = polls(slow)
    assert counts["getInstance"] == 50
    assert counts["listInstances"] <= 4


async def test_a_refused_key_is_tried_once_more(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """A second later, with one look; then all goes on."""
    ids = slow.ids[:3]
    for id in ids:
        slow.world.pin(id, status="pending")
    waiters = [Waiter(id, until=clock.time + 10) for id in ids]
    slow.faults.refuse("listInstances", 401)
    for waiter in waiters:
        bee._poller.add(waiter)

    await wait_for(bee, waiters, add=False)

    assert all(isinstance(waiter.error, TimeoutError) for waiter in waiters)
    # Nobody was asked about before the key was tried.
    first = slow.log[:2]
    assert [entry.operation for entry in first] == ["listInstances", "getInstance"]
    assert min(waiter.at[0] for waiter in waiters) >= 1001.25


async def test_a_key_that_is_refused_again_ends_all_waits(slow: Emulator, bee: AsyncBeeOS) -> None:
    """With that very error, and without asking once for each."""
    slow.faults.refuse("listInstances", 401, times=None)
    slow.faults.refuse("getInstance", 401, times=None)
    waiters = [Waiter(id) for id in slow.ids[:300]]

    await wait_for(bee, waiters)

    assert {type(waiter.error) for waiter in waiters} == {b.AuthenticationError}
    assert len(slow.log) == 2
    await nothing_left()


async def test_a_key_refused_to_many_looks_at_once_is_tried_with_one(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Those under way are a few; the others are not asked about any more."""
    slow.faults.refuse("listInstances", 403, times=None)
    slow.faults.refuse("getInstance", 401, times=None)
    waiters = [Waiter(id) for id in slow.ids[:300]]

    await wait_for(bee, waiters)

    assert {type(waiter.error) for waiter in waiters} == {b.AuthenticationError}
    assert 2 <= polls(slow)["getInstance"] <= LOOKERS + 1


async def test_what_is_refused_for_one_id_ends_its_wait_alone(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """It would be refused for ever; the others are not concerned."""
    ids = slow.ids[:2]
    start_all(slow, ids)
    slow.faults.refuse("getInstance", 403, ids=ids[:1], times=None)
    slow.faults.refuse("listInstances", 403, times=None)
    waiters = [Waiter(id) for id in ids]

    await wait_for(bee, waiters)

    assert isinstance(waiters[0].error, b.PermissionDeniedError)
    assert waiters[0].error.__traceback__ is None
    assert waiters[1].error is None


async def test_a_redirect_ends_all_waits(clock: HandClock) -> None:
    """It would meet everybody, every time."""

    async def away(peer: Peer, _: Seen) -> None:
        await peer.answer(b"", "302 Found", "Location: http://elsewhere.example/")

    async with FaultServer(requests(away)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            waiters = [Waiter("inst-1"), Waiter("inst-2")]
            bee._poller._pages = 9
            await wait_for(bee, waiters)

    assert {type(waiter.error) for waiter in waiters} == {b.DecodeError}


async def test_a_host_that_is_down_for_too_long_ends_all_waits(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock
) -> None:
    """Five minutes, as for a fleet; nobody waits for ever for what never answers."""
    slow.faults.refuse("getInstance", 503, code="auth_transient", times=None)
    slow.faults.refuse("listInstances", 503, code="auth_transient", times=None)
    waiters = [Waiter(id) for id in slow.ids[:3]]

    await wait_for(bee, waiters)

    assert {type(waiter.error) for waiter in waiters} == {b.ServiceUnavailableError}
    assert clock.time - 1000 > 300


async def test_a_key_callable_that_raises_ends_all_waits(slow: Emulator, clock: HandClock) -> None:
    """Its own error comes out, whether a list or a look needed the key."""

    async def key() -> str:
        raise LookupError(MINE)

    async with AsyncBeeOS(key, base_url=slow.url, _clock=clock) as bee:
        for count in (1, 30):
            waiters = [Waiter(id) for id in slow.ids[:count]]
            await wait_for(bee, waiters)
            assert {str(waiter.error) for waiter in waiters} == {MINE}
            await nothing_left()

    assert slow.log == []


class Careful(Waiter):
    """Somebody to whom a row of a list says nothing."""

    def see(self, item: b.Instance | None, now: float, *, whole: bool) -> Sight:
        return super().see(item, now, whole=whole) if whole else Sight.UNSURE


class Hanging:
    """A server that says nothing about one instance, and all about the others."""

    def __init__(self, *, also_lists: bool = False) -> None:
        self.also_lists = also_lists
        self.server = FaultServer(requests(self.answer))

    async def answer(self, peer: Peer, seen: Seen) -> None:
        if "?" in seen.target:
            if self.also_lists:
                await peer.hang()
            rows = [{"id": f"inst-{n}", "status": "running"} for n in range(3)]
            await peer.send(http(json.encode({"data": rows, "total": 100_000})))
        elif id_of(seen.target) == "inst-0":
            await peer.hang()
        else:
            await peer.answer(instance(id_of(seen.target), "running"))


async def test_what_hangs_holds_up_nobody_else() -> None:
    """One id that is not answered about; the others are, and the deadline is kept."""
    hanging = Hanging()
    async with hanging.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        stuck = Waiter("inst-0", "never", until=begin + 1.2)
        others = [Waiter(f"inst-{n}", "running") for n in range(1, 3)]
        bee._poller._pages = 500
        await wait_for(bee, [stuck, *others])

    assert isinstance(stuck.error, TimeoutError)
    assert all(waiter.error is None for waiter in others)
    assert loop.time() - begin < 3


async def test_what_hangs_holds_up_nobody_who_comes_later() -> None:
    """Whoever looks at what hangs is counted on for nothing else."""
    hanging = Hanging()
    async with hanging.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        # Its end is the end of the round that hangs.
        brief = Waiter("inst-0", "never", until=asyncio.get_running_loop().time() + 0.5)
        stuck, later = Waiter("inst-0", "never"), Waiter("inst-1")
        bee._poller._pages = 500
        for waiter in (brief, stuck):
            bee._poller.add(waiter)
        await brief.over.wait()
        await wait_for(bee, [later])
        assert bee._poller._looks is not None
        assert bee._poller._looks._under_way == {"inst-0"}
        bee._poller.drop(stuck)

    assert sorted(line.rpartition("/")[2] for line in server.lines) == ["inst-0", "inst-1"]


async def test_what_is_being_looked_at_is_not_looked_at_twice() -> None:
    """Although a row of a list, meanwhile, is a reason to."""
    hanging = Hanging()
    async with hanging.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        begin = asyncio.get_running_loop().time()
        bee._poller._pages = 500
        stuck = Careful("inst-0", until=begin + 1.2)
        others = [Waiter(f"inst-{n}", "never", until=begin + 0.5) for n in range(1, 3)]
        for waiter in (stuck, *others):
            bee._poller.add(waiter)
        await others[0].over.wait()
        # Of a look that was under way then, they are shown nothing.
        others = [Waiter(f"inst-{n}", "running") for n in range(1, 3)]
        assert bee._poller._looks is not None
        bee._poller._looks.pages = 1
        await wait_for(bee, others)

    assert sum(line.endswith("inst-0") for line in server.lines) == 1
    assert any("?" in line for line in server.lines)


async def test_a_list_that_hangs_is_not_asked_for_twice() -> None:
    """Nor is it replaced by a look at each, before their time is nearly up."""
    hanging = Hanging(also_lists=True)
    async with hanging.server as server, AsyncBeeOS("emulator", base_url=server.url) as bee:
        begin = asyncio.get_running_loop().time()
        # Somebody's end makes the poller go on to another round.
        ends = [0.5, *[1.2] * 29, *[60] * 20]
        waiters = [Waiter(f"inst-{n}", until=begin + end) for n, end in enumerate(ends)]
        for waiter in waiters:
            bee._poller.add(waiter)
        for waiter in waiters[:30]:
            await waiter.over.wait()
        seen = [line.rpartition("/")[2] for line in server.lines]
        for waiter in waiters[30:]:
            bee._poller.drop(waiter)

    assert [line for line in seen if "?" in line] == seen[:1]
    assert {*seen[1:]} == {waiter.id for waiter in waiters[1:30]}
    assert all(waiter.error is None for waiter in waiters[1:30])


async def test_a_list_that_says_nothing_for_long_is_done_without(clock: HandClock) -> None:
    """Each is looked at while it hangs."""
    hanging = Hanging(also_lists=True)
    async with hanging.server as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            waiters = [Waiter(f"inst-{n}", "never") for n in range(1, 30)]
            for waiter in waiters:
                bee._poller.add(waiter)
            while not server.seen:
                await asyncio.sleep(0.001)
            # Its round is over; what becomes of the list is not waited for.
            clock.time += 5
            assert bee._poller._looks is not None
            bee._poller._looks.let_go()
            while not all(waiter.seen for waiter in waiters):
                await asyncio.sleep(0.001)
            for waiter in waiters:
                bee._poller.drop(waiter)

    assert sum("?" in line for line in server.lines) == 1


@pytest.mark.parametrize("refusal", [(500, None), (429, 3600)])
async def test_a_list_that_is_sick_keeps_nobody_waiting(
    slow: Emulator, bee: AsyncBeeOS, clock: HandClock, refusal: tuple[int, int | None]
) -> None:
    """A few are looked at one by one in the very round it fails, and it is asked now and then."""
    ids = slow.ids[:20]
    start_all(slow, ids)
    status, retry_after = refusal
    slow.faults.refuse("listInstances", status, retry_after=retry_after, times=None)
    begin = clock.time

    await wait_for(bee, [Waiter(id) for id in ids])

    assert clock.time - begin < 30
    counts = polls(slow)
    assert counts["getInstance"] >= 20
    assert 1 <= counts["listInstances"] <= 4 + counts["getInstance"] / 20


async def test_a_list_that_stays_sick_is_replaced_by_looks_at_many(
    slow: Emulator, bee: AsyncBeeOS
) -> None:
    """Three sweeps have their chance, before looking gets so dear."""
    start_all(slow, slow.ids)
    slow.faults.disconnect("listInstances", times=None)

    await wait_for(bee, [Waiter(id) for id in slow.ids])

    counts = polls(slow)
    assert counts["getInstance"] >= len(slow.ids)
    assert counts["listInstances"] >= 3 * 4


async def thin(peer: Peer, seen: Seen) -> None:
    """List three that run, in rows that say nothing else."""
    if "?" in seen.target:
        rows = [{"id": f"inst-{n}", "status": "running"} for n in range(3)]
        await peer.send(http(json.encode({"data": rows, "total": 3})))
    else:
        await peer.answer(instance(id_of(seen.target), "running"))


async def test_a_row_that_says_too_little_is_followed_by_a_look(clock: HandClock) -> None:
    """The look is part of the same round."""
    async with FaultServer(requests(thin)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            waiters = [Careful(f"inst-{n}") for n in range(3)]
            await wait_for(bee, [*waiters])

    assert [line.split("?")[0] for line in server.lines] == [
        "GET /api/v1/instances",
        *(f"GET /api/v1/instances/inst-{n}" for n in range(3)),
    ]
    assert clock.time == 1000.25


async def test_polls_stand_behind_everybody_else(slow: Emulator, clock: HandClock) -> None:
    """A fleet that uses all slots is not held up by those who wait."""
    seen: list[str] = []

    def told(attempt: b.Attempt) -> None:
        seen.append(attempt.endpoint)

    async with slow.client(_clock=clock, max_concurrency=1, on_attempt=told) as bee:
        waiter = Waiter(slow.ids[0], "stopped", unseen=True)
        bee._poller.add(waiter)
        report = await bee.start_many(slow.ids[1:40])

    assert report.ok
    assert seen.count("getInstance") <= 1
