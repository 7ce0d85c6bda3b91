"""What a server answers, and what comes of it, judged by what it read and applied."""

from __future__ import annotations

from typing import Any

import pytest
from fault_server import (
    FaultServer,
    Handler,
    Peer,
    Seen,
    honest,
    http,
    id_of,
    ids,
    in_turn,
    instance,
    requests,
    tell_truth,
    vanish,
)
from hand_clock import HandClock
from msgspec import Struct, json, structs
from roads import ROAD, SERVED
from standing import agree, check_report, client

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._protocol import table
from beeos_async._protocol.endpoint import Endpoint

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]

SIX_SEPTEMBER = 1_788_681_600
"""Eight o'clock of that day of 2026, in seconds since 1970."""

PAGE = b"<html><head><style>b{}</style></head><body><b>Bad\x1b[2J gateway</b>%s</body></html>"


def refuse(status: str, code: str = "", *headers: str, applied: bool = False) -> Handler:
    async def handler(peer: Peer, seen: Seen) -> None:
        if applied and seen.method == "POST":
            peer.apply(id_of(seen.target))
        body = json.encode({"success": False, "error": {"code": code, "message": "no"}})
        await peer.answer(body, status, "X-Request-Id: req-1", *headers)

    return handler


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Handler:
    async def handler(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            peer.apply(id_of(seen.target))
        await peer.answer(body, status, *headers)

    return handler


def for_ids(bad: set[str], spoil: Handler) -> Handler:
    """Spoil the starts of some ids, and be honest to the others."""

    async def handler(peer: Peer, seen: Seen) -> None:
        spoiled = seen.method == "POST" and id_of(seen.target) in bad
        await (spoil if spoiled else tell_truth)(peer, seen)

    return handler


# No.


@pytest.mark.fault("H1")
async def test_a_refusal_names_the_parameter(clock: HandClock) -> None:
    """One request; the error says what was wrong with which field."""
    body = json.encode(
        {"success": False, "error": {"code": "bad", "message": "too long", "param": "name"}}
    )
    async with FaultServer(requests(answer(body, "400 Bad"))) as server:
        async with client(server, clock) as bee:
            with pytest.raises(b.BadRequestError) as caught:
                await bee.start("inst-1")

    assert (caught.value.param, caught.value.message) == ("name", "too long")
    assert server.methods == ["POST"]


@pytest.mark.fault("H1", "H5", "H7", "H15")
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("400 Bad", "bad_request", b.BadRequestError),
        ("403 Forbidden", "forbidden", b.PermissionDeniedError),
        ("404 Not Found", "agent_not_found", b.NotFoundError),
        ("413 Too Large", "too_large", b.PayloadTooLargeError),
        ("418 Teapot", "", b.BadRequestError),
        ("422 Unprocessable", "unprocessable", b.UnprocessableEntityError),
        ("429 Too Many", "quota_exceeded", b.RateLimitError),
    ],
)
async def test_a_no_is_the_ids_own(
    clock: HandClock, status: str, code: str, kind: type[b.APIError]
) -> None:
    """One request; in a fleet it fails its id and no other."""
    bad = {"inst-3", "inst-50"}
    async with FaultServer(requests(for_ids(bad, refuse(status, code)))) as server:
        async with client(server, clock) as bee:
            with pytest.raises(kind) as caught:
                await bee.start("inst-3")
            assert caught.value.delivered == "no"
            report = await bee.start_many(ids(100))

    assert {one.id: type(one.error) for one in report.failed} == dict.fromkeys(bad, kind)
    assert len(report.succeeded) == 98
    check_report(report, ids(100))
    agree(report, server.applied)
    assert len(server.seen) == 101


@pytest.mark.fault("H2")
async def test_a_refused_key_is_not_tried_again(clock: HandClock) -> None:
    """One request; the error neither has nor shows the key."""
    async with FaultServer(requests(refuse("401 Who", "invalid_token"))) as server:
        async with client(server, clock) as bee:
            with pytest.raises(b.AuthenticationError):
                await bee.start("inst-1")

    assert len(server.seen) == 1


@pytest.mark.fault("H3")
async def test_a_key_that_dies_ends_a_fleet_of_ten_thousand_at_once(clock: HandClock) -> None:
    """At most so many more requests as were in the air, and one."""
    alive = 1000

    async def expire(peer: Peer, seen: Seen) -> None:
        dead = len(peer.server.seen) > alive
        await (refuse("401 Who", "invalid_token") if dead else tell_truth)(peer, seen)

    async with FaultServer(requests(expire)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(10_000), max_concurrency=50)

    assert len(server.seen) <= alive + 50 + 1
    assert len(report.succeeded) == alive
    assert isinstance(report.fatal, b.AuthenticationError)
    assert {one.reason for one in report.skipped} == {"fatal"}
    assert len(report) == 10_000
    agree(report, server.applied)


@pytest.mark.fault("H7")
async def test_a_conflict_with_what_is_gone_fails_its_id(clock: HandClock) -> None:
    """One start, one look, and it is over for that id alone."""

    async def handler(peer: Peer, seen: Seen) -> None:
        if id_of(seen.target) != "inst-5":
            await tell_truth(peer, seen)
        elif seen.method == "POST":
            await refuse("409 Conflict", "conflict")(peer, seen)
        else:
            await peer.answer(instance("inst-5", "terminated", "terminated"))

    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(20))

    (failed,) = report.failed
    assert (failed.id, type(failed.error)) == ("inst-5", b.ConflictError)
    assert server.methods.count("GET") == 1
    check_report(report, ids(20))


@pytest.mark.fault("H8")
async def test_a_conflict_with_ones_own_lost_start_is_a_success(clock: HandClock) -> None:
    """It was applied late: the look came too early, the second try found it running."""
    applied = False

    async def handler(peer: Peer, seen: Seen) -> None:
        nonlocal applied
        id = id_of(seen.target)
        if seen.method == "POST" and not applied:
            raise ConnectionError
        if seen.method == "POST":
            await refuse("409 Conflict", "conflict")(peer, seen)
        elif not applied:
            applied = True
            await peer.answer(instance(id, "stopped", "stopped"))
        else:
            await peer.answer(instance(id, "running", "running"))

    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        report = await bee.start_many(["inst-1"])

    assert server.methods == ["POST", "GET", "POST", "GET"]
    (one,) = report.succeeded
    assert not one.already


# Not now.


@pytest.mark.fault("H9")
async def test_a_rate_limit_holds_its_endpoint_and_no_other(clock: HandClock) -> None:
    """Every start waits out the two seconds; a look does not."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 2")
    async with FaultServer(in_turn(slow, tell_truth)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(20), max_concurrency=1)
        assert 2.0 <= sum(clock.slept) <= 2.4
        before = sum(clock.slept)
        await bee.instances.get("inst-1")
        assert sum(clock.slept) == before

    assert report.ok
    assert server.methods == ["POST"] * 21 + ["GET"]


GARBAGE = [
    "-1", "abc", "5.5", "1e3", "nan", "inf", "5, 10", "", "+5", "1" * 21, "\uff11\uff10", "\u0663",
    "Fri, 01 Jan 100000 00:00:00 GMT", "Fri, 31 Feb 2026 00:00:00 GMT", "tomorrow", "0x10", "5 s",
]  # fmt: skip


@pytest.mark.fault("H11", "H13")
@pytest.mark.parametrize("garbage", [None, *GARBAGE])
async def test_garbage_is_waited_for_as_if_nothing_had_been_said(
    clock: HandClock, garbage: str | None
) -> None:
    """No exception, no eternity: the usual backoff of a throttled call."""
    header = [] if garbage is None else ["Retry-After: " + garbage.encode().decode("latin-1")]
    slow = refuse("429 Slow", "rate_limited", *header)
    async with FaultServer(in_turn(slow, tell_truth)) as server, client(server, clock) as bee:
        await bee.start("inst-1")

    assert clock.slept == [pytest.approx(0.75)]
    assert server.methods == ["POST", "POST"]


@pytest.mark.fault("H11", "H14")
async def test_refusals_cost_time_and_no_retry(clock: HandClock) -> None:
    """Each waits longer than the one before, and a failure after them is still tried again."""
    slow, stumble = refuse("429 Slow", "rate_limited"), refuse("503 Wait", "auth_transient")
    script = in_turn(*[slow] * 4, *[stumble] * 3, tell_truth)
    async with FaultServer(script) as server, client(server, clock) as bee:
        await bee.start("inst-1")

    assert clock.slept[:4] == pytest.approx([0.75, 1.5, 3.0, 6.0])
    assert server.methods == ["POST"] * 8


@pytest.mark.fault("H13")
@pytest.mark.parametrize("status", ["400 Bad", "401 Who", "404 None"])
async def test_a_plain_no_is_not_made_a_wait_by_a_header(clock: HandClock, status: str) -> None:
    """`Retry-After` counts where something may pass, and nowhere else."""
    async with FaultServer(requests(refuse(status, "x", "Retry-After: 5"))) as server:
        async with client(server, clock) as bee:
            with pytest.raises(b.APIError):
                await bee.start("inst-1")

    assert clock.slept == []
    assert len(server.seen) == 1


HEAD = b"HTTP/1.1 %s\r\nRetry-After: Sun, 06 Sep 2026 08:00:02 GMT\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What there is of an answer, and whether its connection stays.
BODIES = {
    "far too long": (HEAD + b"Content-Length: 99999999\r\n\r\n{", True),
    "endless": (CHUNKED + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160, True),
    "cut": (HEAD + b'Content-Length: 50\r\n\r\n{"error":', False),
    "silent": (HEAD + b"Content-Length: 50\r\n\r\n", True),
    "in a coding of its own": (
        HEAD + b"Content-Encoding: x-own\r\nContent-Length: 4\r\n\r\nabcd",
        True,
    ),
}


@pytest.mark.fault("H2", "H9", "H28")
@pytest.mark.parametrize(("data", "stays"), BODIES.values(), ids=BODIES)
async def test_a_no_is_heard_whatever_becomes_of_its_body(
    clock: HandClock, data: bytes, stays: bool
) -> None:
    """A 429 that never says why holds its endpoint all the same, and a refused key is refused."""
    clock.epoch, status = SIX_SEPTEMBER - clock.time, b"429 Slow"
    # Only what never comes is waited for.
    patience = 0.5 if data is BODIES["silent"][0] else 5.0

    async def no(peer: Peer, seen: Seen) -> None:
        await peer.send(data % status)
        if not stays:
            raise ConnectionError

    async with FaultServer(in_turn(no, tell_truth)) as server:
        async with client(server, clock, timeout=patience) as bee:
            assert (await bee.start("inst-1")).desired_status == "running"
            assert 2 <= clock.time - 1000 <= 2.4
            assert server.methods == ["POST", "POST"]

    status = b"401 Who"
    async with FaultServer(in_turn(no, tell_truth)) as server:
        async with client(server, clock, timeout=patience) as bee:
            with pytest.raises(b.AuthenticationError) as caught:
                await bee.start("inst-1")
            assert (caught.value.delivered, server.methods) == ("no", ["POST"])
            # What was left of the body is nobody's answer.
            assert (await bee.instances.get("inst-1")).id == "inst-1"


@pytest.mark.fault("H12")
async def test_a_day_to_wait_ends_a_fleet(clock: HandClock) -> None:
    """The current ids fail with what the server said, the rest is skipped, nobody waits."""
    slow = refuse("429 Slow", "rate_limited", "Retry-After: 86400")
    async with FaultServer(requests(slow)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(100), max_concurrency=5)

    assert len(server.seen) <= 5
    assert {one.reason for one in report.skipped} == {"throttled"}
    assert all(isinstance(one.error, b.RateLimitError) for one in report.failed)
    assert len(report.failed) == len(server.seen)
    assert {one.error.retry_after for one in report.failed} >= {86400.0}  # type: ignore[attr-defined]
    assert clock.slept == []
    check_report(report, ids(100))


# Perhaps.


@pytest.mark.fault("H16", "H17")
@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad Gateway", "503 Wait", "504 Slow", "599 X"]
)
async def test_a_failing_server_is_looked_after(
    clock: HandClock, status: str, applied: bool
) -> None:
    """Whether it had acted: one look, and a second start only where it had not."""
    async with FaultServer(in_turn(refuse(status, applied=applied), tell_truth)) as server:
        async with client(server, clock) as bee:
            report = await bee.start_many(["inst-1"])

    assert report.ok
    assert server.methods == ["POST", "GET"] + ["POST"] * (not applied)
    assert server.applied == ["inst-1"]


@pytest.mark.fault("H17", "P13")
async def test_a_gateways_page_is_told_in_a_few_clean_words(clock: HandClock) -> None:
    """No markup, no control character, two hundred characters at most."""
    body = PAGE % (b"x" * 5000)
    page = answer(body, "502 Bad Gateway", "Content-Type: text/html")
    async with FaultServer(requests(page)) as server, client(server, clock, max_retries=0) as bee:
        with pytest.raises(b.ServerError) as caught:
            await bee.instances.get("inst-1")

    assert caught.value.message.startswith("Bad [2J gateway")
    assert len(caught.value.message) <= 200
    assert caught.value.message.isprintable()


@pytest.mark.fault("H18")
async def test_a_login_service_that_stumbles_is_no_refused_key(clock: HandClock) -> None:
    """Sent again directly: it was answered before anything was looked at."""
    asked: list[str] = []

    async def key() -> str:
        asked.append("key")
        return "token"

    stumble = refuse("503 Wait", "auth_transient")
    async with FaultServer(in_turn(stumble, stumble, tell_truth)) as server:
        async with AsyncBeeOS(key, base_url=server.url, _clock=clock, **ROAD) as bee:
            await bee.start("inst-1")

    assert server.methods == ["POST"] * 3
    # Once for each attempt, and not once more.
    assert len(asked) == 3


@pytest.mark.fault("H20")
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
@pytest.mark.parametrize("where", ["same", "other", "relative", "nowhere"])
async def test_a_redirect_is_an_unreadable_answer(
    clock: HandClock, status: int, where: str
) -> None:
    """Wherever it points, one request is made and nobody else is told anything."""
    async with FaultServer(honest()) as other:

        async def move(peer: Peer, seen: Seen) -> None:
            goal = {
                "same": f"{server.url}{seen.target}",
                "other": f"{other.url}{seen.target}",
                "relative": "//127.0.0.1:1/elsewhere",
                "nowhere": "",
            }[where]
            await peer.answer(b"", f"{status} Moved", f"Location: {goal}")

        async with FaultServer(requests(move)) as server, client(server, clock) as bee:
            with pytest.raises(b.DecodeError) as caught:
                await bee.start("inst-1")

    assert (caught.value.reason, caught.value.status) == ("redirect", status)
    assert len(server.seen) == 1
    assert other.connections == 0


@pytest.mark.fault("H22", "H23")
@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("204 No Content", b""),
        ("202 Accepted", b""),
        ("200 OK", b""),
        ("200 OK", b'{"success":false,"data":{"id":"inst-1"}}'),
        ("200 OK", b'{"success":false,"error":{"code":"x","message":"no"}}'),
    ],
)
async def test_a_success_that_says_nothing_is_looked_after(
    clock: HandClock, status: str, body: bytes, applied: bool
) -> None:
    """It is neither believed nor repeated blindly."""

    async def vague(peer: Peer, seen: Seen) -> None:
        if applied:
            peer.apply(id_of(seen.target))
        await peer.send(
            f"HTTP/1.1 {status}\r\n\r\n".encode() if status[:3] == "204" else http(body, status)
        )

    async with FaultServer(in_turn(vague, tell_truth)) as server, client(server, clock) as bee:
        assert (await bee.start("inst-1")).desired_status == "running"

    assert server.methods == ["POST", "GET"] + ["POST"] * (not applied)
    assert server.applied == ["inst-1"]


# What acts each time, and what carries a key.


async def cut(peer: Peer, _: Seen) -> None:
    peer.limit_data(40)
    await peer.answer(instance("inst-1"))


@pytest.mark.fault("H25")
@pytest.mark.parametrize(
    "handler",
    [
        vanish,
        cut,
        refuse("500 Oops"),
        refuse("502 Bad Gateway"),
        refuse("503 Wait", "agent_service_unavailable"),
        refuse("504 Slow", "service_timeout"),
        refuse("408 Slow"),
        answer(b"<html>", "200 OK"),
    ],
)
async def test_a_deployment_that_may_have_happened_is_never_repeated(
    clock: HandClock, handler: Handler
) -> None:
    """One request, and an error that says what is not known."""

    async def deploy(peer: Peer, seen: Seen) -> None:
        await handler(peer, structs.replace(seen, method="deploy"))

    async with FaultServer(requests(deploy)) as server, client(server, clock) as bee:
        with pytest.raises(b.BeeOSError) as caught:
            await bee.instances.deploy(name="a", agent_framework="f")

    assert caught.value.delivered != "no"
    assert len(server.seen) == 1


@pytest.mark.fault("H26")
async def test_a_request_with_a_key_is_repeated_to_the_letter(clock: HandClock) -> None:
    """The same key, the same bytes: the server can tell that it is one request."""
    async with FaultServer(requests(vanish), requests(refuse("500 Oops")), honest()) as server:
        async with client(server, clock, max_retries=1) as bee:
            with pytest.raises(b.ServerError) as caught:
                await bee.request(
                    "POST", "/api/v1/things/a/b", json={"a": [1, 2]}, idempotency_key="key-1"
                )

    first, second = server.seen
    assert (first.target, first.body) == (second.target, second.body)
    keys = {one.headers["idempotency-key"] for one in server.seen}
    assert keys == {"key-1"} == {caught.value.idempotency_key}


@pytest.mark.fault("H27")
@pytest.mark.parametrize("closes", [True, False])
async def test_a_no_that_comes_before_the_body_is_whole_is_heard(
    clock: HandClock, closes: bool
) -> None:
    """It is the server's 413, and no broken connection."""
    if closes and SERVED:  # pragma: no cover -- over TLS alone
        pytest.skip("the loop's TLS, which serves here, cannot close half a connection")
    parting = ("Connection: close",) if closes else ()
    refusal = http(b'{"error":{"code":"too_large","message":"no"}}', "413 Too Large", *parting)

    async def early(peer: Peer) -> None:
        while True:
            _, _, headers = await peer.read_head()
            await peer.send(refusal)
            if closes:
                peer.writer.write_eof()
            await peer.reader.readexactly(int(headers["content-length"]))

    async with FaultServer(early) as server, client(server, clock) as bee:
        for _ in range(2):
            with pytest.raises(b.PayloadTooLargeError):
                await bee.request("POST", "/api/v1/things", json={"text": "x" * 1_000_000})

    assert server.connections == 1 + closes


BODY = instance("inst-1")
PLAIN = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
ODD = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + PLAIN,
    "HTTP/1.0 that stays": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + PLAIN,
    "HTTP/0.9": BODY,
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "another version": b"HTTP/3.1 200 OK\r\n" + PLAIN,
    "no version": b"200 OK\r\n" + PLAIN,
    "no reason": b"HTTP/1.1 200\r\n" + PLAIN,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + BODY,
    "hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + PLAIN,
    "nothing but hints": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "a body to 204": b"HTTP/1.1 204 No Content\r\n" + PLAIN,
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + PLAIN,
    "a negative status": b"HTTP/1.1 -200 OK\r\n" + PLAIN,
    "a status beyond all": b"HTTP/1.1 999 What\r\n" + PLAIN,
    "bare line feeds": b"HTTP/1.1 200 OK\n" + PLAIN.replace(b"\r\n", b"\n"),
    "a line before all": b"\r\nHTTP/1.1 200 OK\r\n" + PLAIN,
    "folded headers": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n" + PLAIN,
    "a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n"
    + b"%x\r\n%s\r\n0\r\nX-A: b\r\n\r\n" % (len(BODY), BODY),
    "chunk extensions": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b'%x;a="b"\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY),
    "two codings": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two answers": (b"HTTP/1.1 200 OK\r\n" + PLAIN) * 2,
}


@pytest.mark.fault("H16", "H22", "P12")
@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
async def test_whatever_a_server_speaks_a_start_ends_and_is_done_once(
    clock: HandClock, data: bytes, stays: bool
) -> None:
    """Understood or not: in time, and the next call finds a clean connection."""

    async def odd(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.send(data)
        if not stays:
            raise ConnectionError

    async with FaultServer(in_turn(odd, tell_truth)) as server:
        async with client(server, clock, timeout=0.2) as bee:
            assert (await bee.start("inst-1")).desired_status == "running"
            assert (await bee.start("inst-2")).id == "inst-2"

    assert server.applied == ["inst-1", "inst-2"]


class Body(Struct, omit_defaults=True):
    """What any endpoint with a key in its body takes."""

    text: str = "hello"
    idempotency_key: str | None = None


ROWS = sorted(row.operation for row in table.ROWS.values() if row.repeat.word != "desired")


async def ask(bee: AsyncBeeOS, row: Endpoint[Any]) -> b.BeeOSError:
    """Call an endpoint, whatever it is, and give the error it ends in."""
    names = ["one", "two", "three", "four"][: len(row.pieces) - 1]
    body = Body() if row.key == "body" or row.method in {"POST", "PUT"} else None
    with pytest.raises(b.BeeOSError) as caught:
        await bee._caller.call(row, *names, body=body)
    return caught.value


@pytest.mark.fault("H25", "H26")
@pytest.mark.parametrize("spoil", [vanish, refuse("500 Oops")], ids=["lost", "500"])
@pytest.mark.parametrize("operation", ROWS)
async def test_every_endpoint_is_repeated_as_its_row_says(
    clock: HandClock, operation: str, spoil: Handler
) -> None:
    """What acts each time goes once; anything else again, to the letter, with the same key."""
    row: Endpoint[Any] = table.ROWS[operation]
    async with FaultServer(in_turn(spoil, spoil, refuse("400 Bad"))) as server:
        async with client(server, clock) as bee:
            error = await ask(bee, row)

    sent = {(one.target, one.body, one.headers.get("idempotency-key")) for one in server.seen}
    assert len(sent) == 1
    assert len(server.seen) == (1 if row.repeat.word == "once" else 3)
    assert (error.idempotency_key is not None) == (row.repeat.word == "keyed")


@pytest.mark.fault("H19")
@pytest.mark.parametrize(
    "operation", [name for name in ROWS if 504 in table.ROWS[name].repeat.last_words]
)
async def test_what_runs_long_is_not_asked_for_again_after_a_504(
    clock: HandClock, operation: str
) -> None:
    """It may still be running: one request, and the error says that it may have arrived."""
    async with FaultServer(in_turn(refuse("504 Slow", "service_timeout"))) as server:
        async with client(server, clock) as bee:
            error = await ask(bee, table.ROWS[operation])

    assert isinstance(error, b.GatewayTimeoutError)
    assert error.delivered == "maybe"
    assert len(server.seen) == 1
