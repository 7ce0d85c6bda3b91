"""Fleets that are stopped, restarted and destroyed: judged by what the server read and did."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, honest, id_of, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

ACTIONS = {
    "start": "startInstance",
    "stop": "stopInstance",
    "restart": "restartInstance",
    "destroy": "destroyInstance",
}
WORD = b'{"success":true,"data":"destroyed"}'
CONFLICT = b'{"error":{"code":"conflict"}}'
MISSING = b'{"error":{"code":"agent_not_found"}}'


def client(server: FaultServer, clock: HandClock) -> AsyncBeeOS:
    return AsyncBeeOS("emulator", base_url=server.url, timeout=5.0, _clock=clock)


def sent(cloud: Emulator) -> dict[str, int]:
    return dict(Counter(entry.operation for entry in cloud.log))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("form", ["many", "stream"])
async def test_each_id_is_asked_once_and_reported_in_order(
    cloud: Emulator, bee: AsyncBeeOS, action: str, form: str
) -> None:
    """One request and one outcome an id, in the order given; the same for all four."""
    seen: list[str] = []
    options: dict[str, Any] = {"max_concurrency": 4, "max_failures": 1, "deadline": 60}
    options["on_outcome"] = lambda outcome: seen.append(outcome.id)
    if action == "destroy":
        options["confirm"] = True
    method = getattr(bee, f"{action}_{form}")
    if form == "many":
        report = await method(cloud.ids, **options)
    else:
        async with method(cloud.ids, collect=True, **options) as run:
            assert {one.id async for one in run} == set(cloud.ids)
        report = run.report

    assert report.ok
    assert report.operation == ACTIONS[action]
    assert sent(cloud) == {ACTIONS[action]: 20}
    assert [one.id for one in report] == cloud.ids
    assert sorted(seen) == sorted(cloud.ids)
    for last in report.instances.values():
        assert (last is None) == (action == "destroy")


@pytest.mark.parametrize("confirm", [{}, {"confirm": False}, {"confirm": 1}, {"confirm": "yes"}])
@pytest.mark.parametrize("method", ["destroy_many", "destroy_stream"])
async def test_nothing_is_destroyed_without_being_confirmed(
    cloud: Emulator, bee: AsyncBeeOS, method: str, confirm: dict[str, Any]
) -> None:
    """Only `True` will do, and it has to be said: nothing is sent before."""
    expected: Any = b.ConfigurationError if confirm else TypeError
    with pytest.raises(expected, match="confirm"):
        await getattr(bee, method)(cloud.ids, **confirm)

    assert cloud.log == []


async def test_what_an_option_is_called_matters(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """An option that does not exist is a TypeError, before any request."""
    for unknown in ({"dead_line": 1}, {"collect": False}):
        options: dict[str, Any] = unknown
        with pytest.raises(TypeError, match=next(iter(unknown))):
            await bee.stop_many(cloud.ids, **options)

    assert cloud.log == []


@pytest.mark.parametrize(
    ("method", "arguments", "own"),
    [
        ("start_many", {}, "wait, "),
        ("stop_many", {}, "wait, "),
        ("restart_many", {}, "wait, "),
        ("destroy_many", {"confirm": True}, "confirm, wait, "),
        ("wait_many", {"wish": "online"}, ""),
        ("start_stream", {}, "wait, "),
        ("stop_stream", {}, "wait, "),
        ("restart_stream", {}, "wait, "),
        ("destroy_stream", {"confirm": True}, "confirm, wait, "),
        ("wait_stream", {"wish": "online"}, ""),
        ("running", {}, "wait, "),
    ],
)
async def test_a_wrong_option_is_answered_with_the_right_ones(
    bee: AsyncBeeOS, method: str, arguments: dict[str, Any], own: str
) -> None:
    """In the name of the method that was called, with the one that was meant."""
    with pytest.raises(TypeError) as caught:
        called = getattr(bee, method)([], **arguments, max_failure=3)
        await (called.__aenter__() if method == "running" else called)

    names = "max_concurrency, deadline, max_failures, on_outcome, journal"
    more = ", collect" if method.endswith("_stream") else ""
    assert str(caught.value) == (
        f"{method}() has no option 'max_failure'; did you mean 'max_failures'?"
        f" there are {own}{names}{more}"
    )


async def test_an_option_like_none_is_answered_with_those_there_are(bee: AsyncBeeOS) -> None:
    """Without a guess."""
    options: dict[str, Any] = {"zzz": 1}
    with pytest.raises(TypeError, match=r"^start_many\(\) has no option 'zzz'; there are wait, "):
        await bee.start_many([], **options)


def test_every_option_is_shown_by_help() -> None:
    """What a `TypedDict` says of its fields is invisible at run time; its docstring is not."""
    shown = f"{b.FleetOptions.__doc__}{b.StreamOptions.__doc__}"
    assert all(f"    {name}: " in shown for name in b.StreamOptions.__annotations__)
    for method in ("start_many", "stop_many", "wait_stream", "running"):
        shown = inspect.getdoc(getattr(AsyncBeeOS, method)) or ""
        assert all(f"`{name}`" in shown for name in b.FleetOptions.__annotations__)


async def test_what_is_stopped_already_is_said_to_be(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """By an answer that says so, or by a conflict with what is so."""
    running = cloud.world.add_instance(status="running")

    report = await bee.stop_many([cloud.ids[0], running])

    assert [one.already for one in report.succeeded] == [True, False]


async def test_a_conflict_with_what_is_stopped_is_settled(clock: HandClock) -> None:
    """A first 409 is looked after: it had come true before."""

    async def some(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            await peer.answer(CONFLICT, "409 Conflict")
        else:
            await peer.answer(instance("inst-1", "stopped", "stopped"))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.stop_many(["inst-1"])

    assert report.succeeded[0].already
    assert [line.split()[0] for line in server.lines] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("gone", "already"), [(True, True), (False, True)], ids=["it is gone", "it is going"]
)
async def test_a_conflict_with_what_is_destroyed_is_settled(
    clock: HandClock,
    gone: bool,
    already: bool,
) -> None:
    """Somebody else was first, and that is said."""

    async def some(peer: Peer, seen: Seen) -> None:
        if seen.method == "DELETE":
            await peer.answer(CONFLICT, "409 Conflict")
        elif gone:
            await peer.answer(MISSING, "404 None")
        else:
            await peer.answer(instance("inst-1", "running", "terminated"))

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.destroy_many(["inst-1"], confirm=True)

    assert [one.already for one in report.succeeded] == [already]
    assert [line.split()[0] for line in server.lines] == ["DELETE", "GET"]


async def test_what_is_gone_after_a_lost_answer_was_destroyed(clock: HandClock) -> None:
    """A 404 proves it, and it was this run that did it; a 404 at first is a failure."""

    async def some(peer: Peer, seen: Seen) -> None:
        id = id_of(seen.target)
        if id == "inst-9" or seen.method == "GET":
            await peer.answer(MISSING, "404 None")
        else:
            peer.apply(id)
            peer.rst()

    async with FaultServer(requests(some)) as server, client(server, clock) as bee:
        report = await bee.destroy_many(["inst-1", "inst-9"], confirm=True)

    assert server.applied == ["inst-1"]
    assert [(one.id, one.instance, one.already) for one in report.succeeded] == [
        ("inst-1", None, False)
    ]
    assert isinstance(report.failed[0].error, b.NotFoundError)
    assert report.retryable_ids == []


async def test_a_restart_whose_answer_is_lost_is_unknown_and_never_repeated(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """Lost, cut, unreadable, a 500 or a gateway's page: one request each, and the truth."""
    ids = cloud.ids[:6]
    cloud.faults.disconnect("restartInstance", when="after", ids=ids[:1])
    cloud.faults.cut("restartInstance", ids=ids[1:2])
    cloud.faults.garble("restartInstance", ids=ids[2:3])
    cloud.faults.refuse("restartInstance", 500, when="after", ids=ids[3:4])
    cloud.faults.garble("restartInstance", status=502, ids=ids[4:5])

    report = await bee.restart_many(ids)

    assert [one.id for one in report.unknown] == ids[:5]
    assert [one.id for one in report.succeeded] == ids[5:]
    assert Counter(entry.ids for entry in cloud.log) == {(id,): 1 for id in ids}
    assert sent(cloud) == {"restartInstance": 6}


async def test_a_restart_that_certainly_was_not_done_is_sent_again(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A rate limit, or a refusal before it was looked at; each takes effect once."""
    cloud.faults.refuse("restartInstance", 429, retry_after=1, ids=cloud.ids[:1])
    cloud.faults.refuse("restartInstance", 503, code="auth_transient", ids=cloud.ids[1:2])

    report = await bee.restart_many(cloud.ids[:3])

    assert report.ok
    assert sent(cloud) == {"restartInstance": 5}
    assert sum(entry.applied for entry in cloud.log) == 3


async def test_a_restart_that_is_a_conflict_failed(clock: HandClock) -> None:
    """It certainly did not happen, and no look could tell more."""

    async def refuse(peer: Peer, _: Seen) -> None:
        await peer.answer(CONFLICT, "409 Conflict")

    async with FaultServer(requests(refuse)) as server, client(server, clock) as bee:
        report = await bee.restart_many(["inst-1"])

    assert isinstance(report.failed[0].error, b.ConflictError)
    assert len(server.seen) == 1


async def test_where_a_client_goes_can_be_read() -> None:
    """As it was understood, and not to be changed."""
    async with FaultServer(honest()) as server, client(server, HandClock()) as bee:
        assert bee.base_url == server.url
        view: Any = bee.with_options(timeout=1)
        assert view.base_url == server.url
        with pytest.raises(AttributeError):
            view.base_url = "https://elsewhere.example"
