"""One call, done right: judged by what the server read and what took effect."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fault_server import (
    FaultServer,
    Peer,
    Script,
    Seen,
    honest,
    id_of,
    in_turn,
    instance,
    requests,
)
from hand_clock import HandClock
from roads import ROAD

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._io.call import Call, Pass
from beeos_async._io.queues import Lane
from beeos_async._protocol import table

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]

Handler = Callable[[Peer, Seen], Awaitable[None]]


def client(server: FaultServer, clock: HandClock, **options: Any) -> AsyncBeeOS:
    options = {"timeout": 2.0, **ROAD, **options}
    return AsyncBeeOS("emulator", base_url=server.url, _clock=clock, **options)


def refuse(status: str, code: str = "", *headers: str) -> Handler:
    async def handler(peer: Peer, _: Seen) -> None:
        body = b'{"success":false,"error":{"code":"%s","message":"no"}}' % code.encode()
        await peer.answer(body, status, "X-Request-Id: req-1", *headers)

    return handler


async def accept(peer: Peer, seen: Seen) -> None:
    id = id_of(seen.target)
    if seen.method == "POST":
        peer.apply(id)
    desired = "running" if id in peer.server.applied else "stopped"
    await peer.answer(instance(id, desired=desired))


async def apply_and_vanish(peer: Peer, seen: Seen) -> None:
    peer.apply(id_of(seen.target))
    raise ConnectionError


async def vanish(_: Peer, __: Seen) -> None:
    raise ConnectionError


async def test_a_start_is_one_request_with_the_key_in_one_header(clock: HandClock) -> None:
    """The plain case costs one request, and the key stands where it belongs."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        started = await bee.start("inst-1")

    assert (started.id, started.desired_status) == ("inst-1", "running")
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/api/v1/instances/inst-1/start")
    assert seen.headers["authorization"] == "Bearer emulator"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["accept-encoding"] == "gzip"
    assert seen.headers["user-agent"].startswith("beeos-async/")
    assert "content-type" not in seen.headers
    assert server.applied == ["inst-1"]


@pytest.mark.fault("N12", "H16", "H17")
@pytest.mark.parametrize("handler", [apply_and_vanish, refuse("500 Oops"), refuse("502 Bad")])
async def test_an_ambiguous_start_that_took_is_not_sent_again(
    clock: HandClock, handler: Handler
) -> None:
    """One look tells that it took: the effect happens exactly once."""

    async def applied(peer: Peer, seen: Seen) -> None:
        if handler is not apply_and_vanish:
            peer.apply(id_of(seen.target))
        await handler(peer, seen)

    async with (
        FaultServer(requests(applied, accept), requests(accept)) as server,
        client(server, clock) as bee,
    ):
        started = await bee.start("inst-1")

    assert started.desired_status == "running"
    assert server.lines == ["POST /api/v1/instances/inst-1/start", "GET /api/v1/instances/inst-1"]
    assert server.applied == ["inst-1"]


@pytest.mark.fault("N13", "H16")
@pytest.mark.parametrize("handler", [vanish, refuse("500 Oops"), refuse("504 Slow")])
async def test_an_ambiguous_start_that_did_not_take_is_sent_again(
    clock: HandClock, handler: Handler
) -> None:
    """One look tells that it did not take, and only then it is sent once more."""
    async with (
        FaultServer(requests(handler, accept), requests(accept)) as server,
        client(server, clock) as bee,
    ):
        await bee.start("inst-1")

    methods = [one.method for one in server.seen]
    assert methods == ["POST", "GET", "POST"]
    assert server.applied == ["inst-1"]
    assert clock.slept == [0.05]


async def test_an_ambiguous_start_that_cannot_be_settled_says_maybe(clock: HandClock) -> None:
    """Where no look succeeds, the error says that the start may have been delivered."""

    async def handler(peer: Peer, seen: Seen) -> None:
        await (apply_and_vanish if seen.method == "POST" else vanish)(peer, seen)

    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        with pytest.raises(b.ConnectionLostError) as caught:
            await bee.start("inst-1")

    assert caught.value.delivered == "maybe"
    assert caught.value.attempts == 1
    assert [one.method for one in server.seen] == ["POST"] + ["GET"] * 4


async def test_a_start_that_fails_for_good_was_certainly_not_delivered(clock: HandClock) -> None:
    """After four tries, each of which a look has settled, nothing is in doubt."""

    async def handler(peer: Peer, seen: Seen) -> None:
        await (refuse("500 Oops") if seen.method == "POST" else accept)(peer, seen)

    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        with pytest.raises(b.ServerError) as caught:
            await bee.start("inst-1")

    assert caught.value.delivered == "no"
    assert caught.value.attempts == 4
    assert server.methods == [*["POST", "GET"] * 4, "GET"]
    assert clock.slept[-1] == 1.0


def dawdling(after: int, *refusals: Handler) -> Script:
    """Lose starts of which one takes effect after so many requests, and not before."""
    posts: list[Handler] = [vanish, *refusals]

    async def handler(peer: Peer, seen: Seen) -> None:
        if len(peer.server.seen) == after + 1:
            peer.apply(id_of(seen.target))
        await (posts.pop(0) if seen.method == "POST" else look)(peer, seen)

    async def look(peer: Peer, seen: Seen) -> None:
        desired = "running" if peer.server.applied else "stopped"
        await peer.answer(instance(id_of(seen.target), desired=desired))

    return requests(handler)


@pytest.mark.parametrize(
    ("after", "refusals"), [(2, []), (4, [vanish]), (3, [refuse("403 Forbidden", "forbidden")])]
)
async def test_what_would_fail_is_looked_at_once_more_after_a_pause(
    clock: HandClock, after: int, refusals: list[Handler]
) -> None:
    """What a start does after its connection broke is no failure, whatever came afterwards."""
    retries = len(refusals)
    async with (
        FaultServer(dawdling(after, *refusals)) as server,
        client(server, clock, max_retries=retries) as bee,
    ):
        report = await bee.start_many(["inst-1"])

    assert server.applied == ["inst-1"]
    (started,) = report.succeeded
    assert (started.already, started.attempts) == (False, 1 + retries)
    assert clock.slept[-1] == 1.0


@pytest.mark.parametrize("deadline", [0.5, 1.5])
async def test_what_cannot_be_looked_at_once_more_is_in_doubt(
    clock: HandClock, deadline: float
) -> None:
    """The first look came at once: that it found nothing is no proof."""

    async def refused_at_last(peer: Peer, seen: Seen) -> None:
        if seen.method == "GET" and "GET" in server.methods[:-1]:
            raise ConnectionError
        await (vanish if seen.method == "POST" else accept)(peer, seen)

    async with (
        FaultServer(requests(refused_at_last)) as server,
        client(server, clock, max_retries=0) as bee,
    ):
        report = await bee.start_many(["inst-1"], deadline=deadline)

    assert server.methods == ["POST", "GET", "GET"][: 2 + (deadline > 1)]
    assert [one.error.delivered for one in report.unknown] == ["maybe"]


async def test_a_start_broken_off_between_its_tries_is_in_doubt(clock: HandClock) -> None:
    """The first try may take after the look that did not find it."""
    clock.dice = 1.0
    async with FaultServer(dawdling(9, vanish)) as server, client(server, clock) as bee:
        report = await bee.start_many(["inst-1"], deadline=0.05)

    assert server.methods == ["POST", "GET"]
    assert [one.error.gave_up for one in report.unknown] == ["deadline"]


async def test_a_look_that_finds_nothing_ends_the_call(clock: HandClock) -> None:
    """An instance that does not exist cannot have been started."""
    handler = requests(vanish)
    async with (
        FaultServer(handler, requests(refuse("404 None", "agent_not_found"))) as server,
        client(server, clock) as bee,
    ):
        with pytest.raises(b.NotFoundError) as caught:
            await bee.start("inst-1")

    assert caught.value.delivered == "no"
    assert [one.method for one in server.seen] == ["POST", "GET"]


@pytest.mark.fault("H6")
async def test_a_conflict_with_a_running_instance_is_a_success(clock: HandClock) -> None:
    """The wish had come true before: the instance is returned as it was found."""

    async def look(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target), "running", "running"))

    async with (
        FaultServer(requests(refuse("409 Conflict", "conflict"), look)) as server,
        client(server, clock) as bee,
    ):
        assert (await bee.start("inst-1")).status == "running"

    assert [one.method for one in server.seen] == ["POST", "GET"]


@pytest.mark.fault("H7")
async def test_a_conflict_with_a_terminated_instance_is_final(clock: HandClock) -> None:
    """What is gone for good is not asked a second time."""

    async def look(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target), "terminated", "terminated"))

    async with (
        FaultServer(requests(refuse("409 Conflict", "conflict"), look)) as server,
        client(server, clock) as bee,
    ):
        with pytest.raises(b.ConflictError):
            await bee.start("inst-1")

    assert [one.method for one in server.seen] == ["POST", "GET"]


async def test_a_conflict_that_lasts_is_tried_after_one_two_and_four_seconds(
    clock: HandClock,
) -> None:
    """A machine in the wrong state gets time to leave it, and then the conflict is told."""

    async def handler(peer: Peer, seen: Seen) -> None:
        await (refuse("409 Conflict", "conflict") if seen.method == "POST" else accept)(peer, seen)

    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        with pytest.raises(b.ConflictError) as caught:
            await bee.start("inst-1")

    assert clock.slept == [1.0, 2.0, 4.0]
    assert caught.value.attempts == 4


async def test_a_destruction_of_what_is_gone_is_done(clock: HandClock) -> None:
    """After a lost answer, a 404 means that it was destroyed."""
    async with (
        FaultServer(requests(vanish), requests(refuse("404 None", "agent_not_found"))) as server,
        client(server, clock) as bee,
    ):
        await bee.destroy("inst-1")

    assert [one.method for one in server.seen] == ["DELETE", "GET"]


async def test_a_second_destruction_that_finds_nothing_is_done(clock: HandClock) -> None:
    """It was not taken, was sent again, and somebody had been quicker."""

    async def look(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target), "stopped", "stopped"))

    gone = refuse("404 None", "agent_not_found")
    async with (
        FaultServer(requests(refuse("500 Oops"), look, gone)) as server,
        client(server, clock) as bee,
    ):
        await bee.destroy("inst-1")

    assert [one.method for one in server.seen] == ["DELETE", "GET", "DELETE"]


async def test_a_destruction_of_what_never_was_is_refused(clock: HandClock) -> None:
    """A first 404 is an answer, not a success."""
    async with (
        FaultServer(requests(refuse("404 None", "agent_not_found"))) as server,
        client(server, clock) as bee,
    ):
        with pytest.raises(b.NotFoundError):
            await bee.destroy("inst-1")

    assert len(server.seen) == 1


@pytest.mark.fault("H25")
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (vanish, b.ConnectionLostError),
        (refuse("500 Oops"), b.ServerError),
        (refuse("502 Bad"), b.ServerError),
        (refuse("504 Slow"), b.GatewayTimeoutError),
        (refuse("409 Conflict", "conflict"), b.ConflictError),
    ],
)
@pytest.mark.parametrize("act", ["deploy", "restart"])
async def test_what_acts_each_time_is_never_sent_twice(
    clock: HandClock, handler: Handler, error: type[b.BeeOSError], act: str
) -> None:
    """A deploy or restart that may have arrived is raised, not repeated."""
    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        with pytest.raises(error):
            if act == "deploy":
                await bee.instances.deploy(name="a", agent_framework="f")
            else:
                await bee.restart("inst-1")

    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "handler",
    [refuse("503 Wait", "auth_transient"), refuse("429 Slow", "rate_limited", "Retry-After: 1")],
)
async def test_what_was_certainly_not_done_is_sent_again(
    clock: HandClock, handler: Handler
) -> None:
    """Even a restart is repeated when the server says it never looked at it."""

    async def restart(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(handler, restart)) as server, client(server, clock) as bee:
        await bee.restart("inst-1")

    assert [one.method for one in server.seen] == ["POST", "POST"]


@pytest.mark.fault("H1", "H2", "H5")
@pytest.mark.parametrize(
    "status", ["400 Bad", "401 Who", "403 No", "404 None", "413 Big", "422 X"]
)
async def test_a_plain_no_is_not_asked_again(clock: HandClock, status: str) -> None:
    """A refusal that would come again is raised after one request."""
    async with FaultServer(requests(refuse(status, "x"))) as server, client(server, clock) as bee:
        with pytest.raises(b.APIError) as caught:
            await bee.start("inst-1")

    assert caught.value.request_id == "req-1"
    assert len(server.seen) == 1


@pytest.mark.fault("H20")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(clock: HandClock, status: int) -> None:
    """Neither the key nor the request goes where an answer points."""
    async with FaultServer(requests(accept)) as other:
        move = refuse(f"{status} Moved", "", f"Location: {other.url}/api/v1/instances/inst-1")
        async with FaultServer(requests(move)) as server, client(server, clock) as bee:
            with pytest.raises(b.DecodeError) as caught:
                await bee.start("inst-1")

    assert caught.value.reason == "redirect"
    assert len(server.seen) == 1
    assert other.connections == 0


@pytest.mark.fault("H14")
async def test_a_rate_limit_delays_a_start_and_never_fails_it(clock: HandClock) -> None:
    """Twenty refusals cost time, and not one retry."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 2")
    async with (
        FaultServer(requests(*[slow] * 20, accept)) as server,
        client(server, clock) as bee,
    ):
        await bee.start("inst-1", deadline=120)

    assert len(server.seen) == 21
    assert sum(clock.slept) == pytest.approx(20 * 2.1)


@pytest.mark.fault("H10")
async def test_a_date_to_wait_for_is_measured_by_the_servers_clock(clock: HandClock) -> None:
    """A client whose own clock is wrong waits rightly."""
    slow = refuse(
        "429 Slow",
        "rate_limited",
        "Date: Tue, 24 Nov 2026 10:00:00 GMT",
        "Retry-After: Tue, 24 Nov 2026 10:00:20 GMT",
    )
    async with FaultServer(requests(slow, accept)) as server, client(server, clock) as bee:
        await bee.start("inst-1")

    assert clock.slept == pytest.approx([21.0])
    assert len(server.seen) == 2


@pytest.mark.fault("H12")
@pytest.mark.parametrize("asked", ["86400", "61"])
async def test_a_wait_that_is_too_long_fails_at_once(clock: HandClock, asked: str) -> None:
    """A single call does not wait longer than `max_throttle_wait`."""
    slow = refuse("429 Slow", "rate_limited", f"Retry-After: {asked}")
    async with FaultServer(requests(slow)) as server, client(server, clock) as bee:
        with pytest.raises(b.RateLimitError) as caught:
            await bee.start("inst-1")

    assert caught.value.retry_after == float(asked)
    assert clock.slept == []
    assert len(server.seen) == 1


@pytest.mark.fault("H12")
@pytest.mark.parametrize("deadline", [None, 200])
async def test_a_wait_that_is_too_long_is_so_for_the_next_call_as_well(
    clock: HandClock, deadline: float | None
) -> None:
    """Whoever comes to an endpoint that rests is told at once, deadline or not."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 90")
    async with FaultServer(requests(slow, accept)) as server, client(server, clock) as bee:
        for id in ("inst-1", "inst-2"):
            with pytest.raises(b.RateLimitError) as caught:
                await bee.start(id, deadline=deadline)
            assert caught.value.gave_up is None
        assert len(server.seen) == 1
        clock.time += 30
        await bee.start("inst-2", deadline=200)

    assert clock.slept == [pytest.approx(90 * 1.05 - 30)]
    assert server.applied == ["inst-2"]


async def test_endless_refusals_end_with_the_wait_a_call_is_allowed(clock: HandClock) -> None:
    """Without a deadline a single call is throttled for `max_throttle_wait` at most."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 20")
    async with FaultServer(requests(slow)) as server, client(server, clock) as bee:
        with pytest.raises(b.RateLimitError):
            await bee.start("inst-1")

    assert len(server.seen) == 3
    assert sum(clock.slept) <= 60


@pytest.mark.fault("H15")
async def test_a_quota_of_machines_is_no_rate_limit(clock: HandClock) -> None:
    """A 429 with another code than `rate_limited` stays, and is raised."""
    full = refuse("429 Full", "quota_exceeded")
    async with FaultServer(requests(full)) as server, client(server, clock) as bee:
        with pytest.raises(b.RateLimitError):
            await bee.start("inst-1")

    assert len(server.seen) == 1


async def test_nothing_is_waited_for_past_the_deadline(clock: HandClock) -> None:
    """When the next try would come too late the last failure is raised now, and says so."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 10")
    async with FaultServer(requests(slow)) as server, client(server, clock) as bee:
        with pytest.raises(b.RateLimitError) as caught:
            await bee.start("inst-1", deadline=5)

    assert caught.value.gave_up == "deadline"
    assert clock.slept == []
    assert len(server.seen) == 1


async def test_a_backoff_that_would_cross_the_deadline_is_not_slept(clock: HandClock) -> None:
    """The last error is raised instead."""
    clock.dice = 0.999
    down = refuse("503 Wait", "auth_transient")
    async with FaultServer(requests(down)) as server, client(server, clock) as bee:
        with pytest.raises(b.ServiceUnavailableError) as caught:
            await bee.start("inst-1", deadline=0.25)

    assert caught.value.gave_up == "deadline"
    assert len(server.seen) == 2
    assert clock.slept == [pytest.approx(0.0999)]


async def test_a_call_whose_endpoint_cools_past_its_deadline_is_not_sent(
    clock: HandClock,
) -> None:
    """It fails before any request of its own, and says that nothing was delivered."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 30")
    async with FaultServer(requests(slow)) as server, client(server, clock) as bee:
        with pytest.raises(b.RateLimitError):
            await bee.start("inst-1", deadline=1)
        with pytest.raises(b.RequestTimeoutError) as caught:
            await bee.start("inst-2", deadline=1)

    assert (caught.value.delivered, caught.value.gave_up) == ("no", "deadline")
    assert caught.value.attempts == 0
    assert len(server.seen) == 1


async def test_a_throttled_look_waits_and_keeps_the_start_in_doubt(clock: HandClock) -> None:
    """The look's own rate limit cools the look's endpoint and costs it no retry."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 1")
    async with (
        FaultServer(
            requests(apply_and_vanish), requests(*[slow] * 6, refuse("500 Oops", ""), accept)
        ) as server,
        client(server, clock) as bee,
    ):
        await bee.start("inst-1")

    assert [one.method for one in server.seen] == ["POST"] + ["GET"] * 8
    assert server.applied == ["inst-1"]


@pytest.mark.parametrize("slow", ["silence", "504 Slow"])
async def test_a_start_that_nobody_waits_for_any_more_may_still_take(
    clock: HandClock, slow: str
) -> None:
    """A look that finds it not yet taken is no proof, whatever the next try is told."""

    async def silent(peer: Peer, _: Seen) -> None:
        await peer.hang()

    late = silent if slow == "silence" else refuse(slow, "service_timeout")
    answers = late, accept, refuse("403 Forbidden", "forbidden")
    async with (
        FaultServer(in_turn(*answers)) as server,
        client(server, clock, timeout=0.4) as bee,
    ):
        with pytest.raises(b.PermissionDeniedError) as caught:
            await bee.start("inst-1")

    assert [one.method for one in server.seen] == ["POST", "GET", "POST"]
    assert caught.value.delivered == "maybe"


async def test_a_look_counts_at_its_own_endpoint(clock: HandClock) -> None:
    """Also the one in its caller's slot: its 429 is told, and learned from."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 3")
    async with (
        FaultServer(requests(apply_and_vanish), requests(slow, accept)) as server,
        client(server, clock) as bee,
    ):
        await bee.start("inst-1")
        told = bee.throttle.snapshot()

    assert server.methods == ["POST", "GET", "GET"]
    assert (told["getInstance"].refusals, told["startInstance"].refusals) == (1, 0)
    assert (told["getInstance"].in_flight, told["startInstance"].in_flight) == (0, 0)


async def test_a_look_waits_for_its_own_endpoint_outside_the_gate(clock: HandClock) -> None:
    """No slot is held while the endpoint of the look cools down."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 3")
    async with (
        FaultServer(requests(slow, apply_and_vanish), requests(accept)) as server,
        client(server, clock, max_concurrency=1) as bee,
    ):
        with pytest.raises(b.RateLimitError):
            await bee.instances.get("inst-1", deadline=1)
        await bee.start("inst-1")

    assert server.lines[1:] == [
        "POST /api/v1/instances/inst-1/start",
        "GET /api/v1/instances/inst-1",
    ]
    assert clock.slept == pytest.approx([3.15])


async def test_a_throttled_look_whose_wait_is_too_long_leaves_the_start_in_doubt(
    clock: HandClock,
) -> None:
    """What is raised is the failure in question, not the look's."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 1000")
    async with (
        FaultServer(requests(apply_and_vanish), requests(slow)) as server,
        client(server, clock) as bee,
    ):
        with pytest.raises(b.ConnectionLostError) as caught:
            await bee.start("inst-1")

    assert caught.value.delivered == "maybe"


async def test_the_deadline_cuts_an_attempt_and_leaves_it_in_doubt(clock: HandClock) -> None:
    """A single call has no grace beyond its deadline: the start may have arrived."""

    async def silent(peer: Peer, _: Seen) -> None:
        await peer.hang()

    async with FaultServer(requests(silent)) as server, client(server, clock) as bee:
        began = asyncio.get_running_loop().time()
        clock.time += 0
        with pytest.raises(b.RequestTimeoutError) as caught:
            await bee.start("inst-1", deadline=0.1)

    assert asyncio.get_running_loop().time() - began < 2
    assert caught.value.delivered == "maybe"
    assert server.lines[0] == "POST /api/v1/instances/inst-1/start"


@pytest.mark.fault("P7")
async def test_an_answer_about_another_instance_is_refused(clock: HandClock) -> None:
    """A wrong id is never a start; the connection it came over is not used again."""

    async def wrong(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.answer(instance("inst-2"))

    async with (
        FaultServer(requests(wrong), requests(accept)) as server,
        client(server, clock) as bee,
    ):
        started = await bee.start("inst-1")

    assert started.id == "inst-1"
    assert [one.connection for one in server.seen] == [0, 1]
    assert server.applied == ["inst-1"]


@pytest.mark.fault("H22", "H23", "P1", "P2", "P3")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>hi</html>",
        b'{"success":false}',
        b'{"success":true}',
        b'{"success":true,"data":{}}',
        b'{"success":true,"data":{"id":"inst-1"}} trailing',
        b'\xef\xbb\xbf{"success":true,"data":{"id":"inst-1"}}',
        b'{"success":true,"data":{"id":"inst-1","name":"\xff"}}',
        b'{"success":true,"data":{"id":"inst-1","x":' + b"[" * 100_000,
    ],
)
async def test_an_unreadable_success_is_looked_after(clock: HandClock, body: bytes) -> None:
    """What a 200 says badly, a look says well."""

    async def garbled(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.answer(body)

    async with FaultServer(requests(garbled, accept)) as server, client(server, clock) as bee:
        await bee.start("inst-1")

    assert [one.method for one in server.seen] == ["POST", "GET"]
    assert server.applied == ["inst-1"]


async def test_an_unreadable_answer_to_a_read_is_read_again_and_then_told(
    clock: HandClock,
) -> None:
    """The error has the status, the request id and the words of the body."""

    async def garbled(peer: Peer, _: Seen) -> None:
        page = b"<html><script>x()</script><b>Bad\x1b[2J gateway</b></html>"
        await peer.answer(page, "200 OK", "X-Request-Id: req-9", "Content-Type: text/html")

    async with FaultServer(requests(garbled)) as server, client(server, clock) as bee:
        with pytest.raises(b.DecodeError) as caught:
            await bee.instances.get("inst-1")

    assert len(server.seen) == 4
    assert (caught.value.status, caught.value.request_id) == (200, "req-9")
    assert caught.value.trouble.excerpt == "Bad [2J gateway"


async def test_a_key_that_is_asked_for_is_asked_before_each_attempt(clock: HandClock) -> None:
    """A rotating key is fresh on every attempt."""
    keys = iter(f"key-{n}" for n in range(10))

    async def ask() -> str:
        return next(keys)

    down = refuse("503 Wait", "auth_transient")
    async with (
        FaultServer(requests(down, accept)) as server,
        AsyncBeeOS(ask, base_url=server.url, _clock=clock, **ROAD) as bee,
    ):
        await bee.start("inst-1")

    sent = [one.headers["authorization"] for one in server.seen]
    assert sent == ["Bearer key-0", "Bearer key-1"]


async def test_a_key_that_changed_after_a_401_earns_one_more_try(clock: HandClock) -> None:
    """An expired token is replaced once; the second 401 stays."""
    keys = iter(["old", "new", "new", "newer", "newest"])

    async def ask() -> str:
        return next(keys)

    async with (
        FaultServer(requests(refuse("401 Who", "invalid_token"))) as server,
        AsyncBeeOS(ask, base_url=server.url, _clock=clock, **ROAD) as bee,
    ):
        with pytest.raises(b.AuthenticationError):
            await bee.start("inst-1")

    assert [one.headers["authorization"] for one in server.seen] == ["Bearer old", "Bearer new"]


async def test_a_key_that_did_not_change_after_a_401_is_not_tried_again(clock: HandClock) -> None:
    """The same key would be refused again."""

    async def ask() -> str:
        return "same"

    async with (
        FaultServer(requests(refuse("401 Who", "invalid_token"))) as server,
        AsyncBeeOS(ask, base_url=server.url, _clock=clock, **ROAD) as bee,
    ):
        with pytest.raises(b.AuthenticationError):
            await bee.start("inst-1")

    assert len(server.seen) == 1


async def test_each_attempt_is_told(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    """The hook and the log see every try: what, how it ended, and never the key."""
    told: list[b.Attempt] = []

    async with (
        FaultServer(requests(refuse("500 Oops"), accept, accept)) as server,
        client(server, clock, on_attempt=told.append) as bee,
    ):
        with caplog.at_level(logging.DEBUG, "beeos_async"):
            await bee.start("inst-1")

    assert [(one.endpoint, one.attempt, one.status) for one in told] == [
        ("startInstance", 1, 500),
        ("getInstance", 2, 200),
        ("startInstance", 3, 200),
    ]
    assert isinstance(told[0].error, b.ServerError)
    assert told[0].request_id == "req-1"
    assert "POST /api/v1/instances/{id}/start: 500, attempt 1" in caplog.text
    assert "emulator" not in caplog.text


async def test_the_log_tells_each_attempt_without_a_hook(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, path template, status, attempt, milliseconds and request id; no id, no key."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        with caplog.at_level(logging.DEBUG, "beeos_async"):
            await bee.start("inst-1")

    assert caplog.messages == [
        "POST /api/v1/instances/{id}/start: 200, attempt 1, 0 ms, request None"
    ]


async def test_a_hook_that_raises_costs_nothing(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody's counter does not cost a start its outcome."""

    def broken(_: b.Attempt) -> None:
        raise RuntimeError

    async with (
        FaultServer(honest()) as server,
        client(server, clock, on_attempt=broken) as bee,
    ):
        assert (await bee.start("inst-1")).id == "inst-1"

    assert "on_attempt raised" in caplog.text


async def test_a_cancelled_call_is_told_too(clock: HandClock) -> None:
    """A try that its caller gave up has neither status nor error."""
    told: list[b.Attempt] = []

    async def silent(peer: Peer, _: Seen) -> None:
        await peer.hang()

    async with (
        FaultServer(requests(silent)) as server,
        client(server, clock, on_attempt=told.append) as bee,
    ):
        call = asyncio.create_task(bee.start("inst-1"))
        while not server.seen:
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        # The client is of use all the same.
        server.scripts = (honest(),)
        assert (await bee.start("inst-2")).id == "inst-2"

    assert (told[0].status, told[0].error) == (None, None)


async def test_a_failed_call_leaves_no_cycle_behind(clock: HandClock) -> None:
    """An error that was raised is freed by its last reference, without the collector."""
    async with (
        FaultServer(requests(refuse("503 Wait", "auth_transient"))) as server,
        client(server, clock) as bee,
    ):
        gc.collect()
        gc.disable()
        try:
            try:
                await bee.start("inst-1")
            except b.ServiceUnavailableError as error:
                gone = weakref.ref(error)
            assert gone() is None
        finally:
            gc.enable()


async def test_single_calls_to_a_dead_server_do_not_ask_it_four_times_each(
    clock: HandClock,
) -> None:
    """After a hundred retries they fail at once, and say why; a fleet has its brake instead."""
    clock.dice = 0.0
    down = refuse("503 Wait", "auth_transient")
    async with FaultServer(requests(down)) as server, client(server, clock) as bee:
        errors: list[b.BeeOSError] = []
        for _ in range(200):
            with pytest.raises(b.ServiceUnavailableError) as caught:
                await bee.instances.get("inst-1")
            errors.append(caught.value)

    assert len(server.seen) == 200 + 100 + 200 * 0.2
    assert (errors[0].attempts, errors[0].gave_up) == (4, None)
    assert (errors[-2].attempts, errors[-2].gave_up) == (1, "budget")


@pytest.mark.fault("N33")
async def test_what_an_outage_kept_from_being_sent_says_so(clock: HandClock) -> None:
    """The host is down for longer than probes go, one at a time: no deadline came."""
    async with (
        FaultServer(requests(refuse("503 Down"))) as server,
        client(server, clock) as bee,
    ):
        caller, pass_ = bee._caller, Pass(lane=Lane.POLL)
        calls = [Call.to(table.GET_INSTANCE, f"inst-{n}", pass_=pass_) for n in range(200)]
        ends = await asyncio.gather(*map(caller.run, calls), return_exceptions=True)

    asked = {id_of(seen.target) for seen in server.seen}
    unsent = [end for call, end in zip(calls, ends, strict=True) if call.id not in asked]
    assert unsent
    for end in unsent:
        assert isinstance(end, b.NotSentError)
        assert (end.reason, end.gave_up, end.attempts) == ("outage", "outage", 0)
        assert str(end) == "not sent: the host has been failing for 300 s [outage]"
