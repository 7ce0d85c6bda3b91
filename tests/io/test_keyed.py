"""Calls with an idempotency key, deletions, and answers that are no envelope."""

from __future__ import annotations

import asyncio
from types import NoneType
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, requests
from hand_clock import HandClock
from msgspec import json

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._protocol.endpoint import DELETION, IDEMPOTENT, KEYED, LONG_KEYED, Endpoint
from beeos_async.models._base import Accepted, Envelope, Snake

pytestmark = pytest.mark.anyio


class Wanted(Snake, frozen=True, kw_only=True):
    word: str = ""
    idempotency_key: str | None = None


def row(**options: Any) -> Endpoint[Any]:
    fields = {"answer": Envelope[dict[str, Any]], "repeat": KEYED, "key": "body", **options}
    return Endpoint("makeThing", "POST", "/things/{id}", bucket="makeThing", **fields)


def client(server: FaultServer, clock: HandClock) -> AsyncBeeOS:
    return AsyncBeeOS("emulator", base_url=server.url, _clock=clock, timeout=2.0)


def replies(*answers: tuple[str, bytes] | None) -> Any:
    """Give each request its reply in turn; to `None` nothing is said."""
    left = list(answers)

    async def handler(peer: Peer, _: Seen) -> None:
        answer = left.pop(0)
        if answer is None:
            raise ConnectionError
        await peer.answer(answer[1], answer[0])

    return requests(handler)


OK = ("200 OK", b'{"success":true,"data":{}}')
DUPLICATE = (
    "409 Conflict",
    b'{"success":false,"error":{"code":"conflict","message":"duplicate idempotency key"}}',
)


@pytest.mark.fault("H26")
async def test_a_key_is_minted_once_and_sent_with_the_same_bytes(clock: HandClock) -> None:
    """Each attempt is the same request to the letter; another call has another key."""
    async with FaultServer(replies(None, ("500 Oh", b""), OK, OK)) as server:
        async with client(server, clock) as bee:
            for _ in range(2):
                await bee._caller.call(row(), "one", body=Wanted(word="hello"))

    first, *others, next_call = [seen.body for seen in server.seen]
    assert others == [first, first]
    assert json.decode(first)["idempotency_key"] != json.decode(next_call)["idempotency_key"]
    assert json.decode(first)["word"] == "hello"


@pytest.mark.parametrize("where", ["argument", "body"])
async def test_the_callers_own_key_is_never_replaced(where: str, clock: HandClock) -> None:
    """Whether it came as an argument or in the body."""
    body = Wanted(idempotency_key="mine") if where == "body" else Wanted()
    async with FaultServer(replies(OK)) as server, client(server, clock) as bee:
        key = "mine" if where == "argument" else None
        await bee._caller.call(row(), "one", body=body, key=key)

    assert json.decode(server.seen[0].body)["idempotency_key"] == "mine"


async def test_a_key_may_travel_in_a_header_with_an_operation_id(clock: HandClock) -> None:
    """Some endpoints have no body for it."""
    operation = "123e4567-e89b-42d3-a456-426614174000"
    async with FaultServer(replies(OK)) as server, client(server, clock) as bee:
        await bee._caller.call(row(key="header"), "one", operation=operation)

    headers = server.seen[0].headers
    assert headers["idempotency-key"] == "00000000-0000-4000-8000-000000000001"
    assert headers["x-beeos-operation-id"] == operation


@pytest.mark.parametrize("key", ["", "with blank", "line\r\nbreak", "ä", "x" * 129])
async def test_a_key_that_cannot_travel_is_refused(key: str, clock: HandClock) -> None:
    """Before anything is sent."""
    async with FaultServer(replies()) as server, client(server, clock) as bee:
        with pytest.raises(b.ConfigurationError, match="idempotency_key"):
            await bee._caller.call(row(key="header"), "one", key=key)
        with pytest.raises(b.ConfigurationError, match="UUID"):
            await bee._caller.call(row(key="header"), "one", operation="no-uuid")

    assert server.seen == []


@pytest.mark.parametrize("key", ["order 17", "ä\r\n", "x" * 129])
async def test_a_key_in_a_body_may_be_any_text(key: str, clock: HandClock) -> None:
    """The contract sets no limit there, and it travels as it is."""
    async with FaultServer(replies(OK)) as server, client(server, clock) as bee:
        await bee._caller.call(row(), "one", body=Wanted(), key=key)

    assert json.decode(server.seen[0].body)["idempotency_key"] == key


@pytest.mark.parametrize("key", ["", 7, "\ud800"])
async def test_a_key_in_a_body_that_is_no_text_is_refused(key: Any, clock: HandClock) -> None:
    """An empty one would be none, and half a character cannot be sent."""
    async with FaultServer(replies()) as server, client(server, clock) as bee:
        with pytest.raises(b.ConfigurationError):
            await bee._caller.call(row(), "one", body=Wanted(), key=key)

    assert server.seen == []


async def test_an_error_shows_the_key(clock: HandClock) -> None:
    """So that the same request can be made again later, by whoever stored it."""
    async with FaultServer(replies(("400 No", b""))) as server, client(server, clock) as bee:
        with pytest.raises(b.BadRequestError) as caught:
            await bee._caller.call(row(), "one", body=Wanted(), key="mine")

    assert caught.value.idempotency_key == "mine"


async def test_a_conflict_with_ones_own_lost_attempt_says_that_it_arrived(
    clock: HandClock,
) -> None:
    """It is no plain failure; without a lost attempt before it, it is."""
    async with FaultServer(replies(None, DUPLICATE, DUPLICATE)) as server:
        async with client(server, clock) as bee:
            with pytest.raises(b.ConflictError) as echo:
                await bee._caller.call(row(), "one", body=Wanted())
            with pytest.raises(b.ConflictError) as plain:
                await bee._caller.call(row(), "one", body=Wanted())

    assert (echo.value.delivered, plain.value.delivered) == ("yes", "no")
    assert echo.value.__notes__ == ["the first attempt arrived: look for what it made"]
    assert len(server.seen) == 3


@pytest.mark.fault("H19")
async def test_what_runs_long_is_not_sent_again_after_a_504(clock: HandClock) -> None:
    """It may still be running; other failures of the host are repeated."""
    replied = replies(("500 Oh", b""), ("504 Late", b""))
    async with FaultServer(replied) as server, client(server, clock) as bee:
        with pytest.raises(b.GatewayTimeoutError) as caught:
            await bee._caller.call(row(repeat=LONG_KEYED), "one", body=Wanted())

    assert caught.value.delivered == "maybe"
    assert len(server.seen) == 2


async def test_what_is_gone_after_a_lost_answer_was_deleted(clock: HandClock) -> None:
    """A 404 at once is the caller's mistake."""
    deletion = row(answer=NoneType, repeat=DELETION, key=None)
    async with FaultServer(replies(None, ("404 No", b""), ("404 No", b""))) as server:
        async with client(server, clock) as bee:
            assert await bee._caller.call(deletion, "one") is None
            with pytest.raises(b.NotFoundError):
                await bee._caller.call(deletion, "one")

    assert len(server.seen) == 3


async def test_what_is_the_same_asked_twice_is_asked_again(clock: HandClock) -> None:
    """Without a key, and without a look; an answer without a body is no flaw."""
    same = row(answer=NoneType, repeat=IDEMPOTENT, key=None)
    async with FaultServer(replies(None, ("502 Oh", b"<html>"), ("204 Done", b""))) as server:
        async with client(server, clock) as bee:
            assert await bee._caller.call(same, "one") is None

    assert len(server.seen) == 3


async def test_an_accepted_operation_has_its_id_from_the_header(clock: HandClock) -> None:
    """Its body is open, and may be missing."""

    async def handler(peer: Peer, seen: Seen) -> None:
        body = b"" if seen.target.endswith("none") else b'{"ticket":7}'
        await peer.answer(body, "202 Accepted", "X-BeeOS-Operation-Id: op-1")

    accepted = row(answer=Accepted, key="header")
    async with FaultServer(requests(handler)) as server, client(server, clock) as bee:
        full = await bee._caller.call(accepted, "one")
        empty = await bee._caller.call(accepted, "none")

    assert full == Accepted(operation_id="op-1", body={"ticket": 7})
    assert empty == Accepted(operation_id="op-1")


async def test_a_bare_answer_is_the_value_itself(clock: HandClock) -> None:
    """No envelope, no `success`."""
    bare = row(answer=dict[str, Any])
    async with FaultServer(replies(("201 Made", b'{"a":1}'))) as server:
        async with client(server, clock) as bee:
            assert await bee._caller.call(bare, "one", body=Wanted()) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'{"jsonrpc":"2.0","id":1,"error":{"code":-32021,"message":"X","data":{"a":[1]}}}',
            b.RuntimeMethodError(-32021, "X", {"a": [1]}),
        ),
        (b'{"error":{"code":"no number","message":"X"}}', None),
        (b'{"error":{"code":true,"message":"X"}}', None),
        (b'{"error":{"message":"X"}}', None),
        (b'{"error":"X"}', None),
        (b'{"result":1}', None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
    ],
)
async def test_a_runtime_says_no_with_a_200(
    body: bytes, error: b.BeeOSError | None, clock: HandClock
) -> None:
    """And what says neither yes nor no cannot be used."""
    refusing = row(answer=Accepted, key="header", refuses_in_200=True, repeat=LONG_KEYED)
    answers = [("200 OK", body)] * 4
    async with FaultServer(replies(*answers)) as server, client(server, clock) as bee:
        with pytest.raises(type(error) if error else b.DecodeError) as caught:
            await bee._caller.call(refusing, "one")

    if error:
        assert caught.value.args == error.args
        assert len(server.seen) == 1


async def test_an_endpoint_may_need_more_time(clock: HandClock) -> None:
    """Its attempts are given at least what it says, however impatient the client is."""

    async def slow(peer: Peer, _: Seen) -> None:
        await asyncio.sleep(0.3)
        await peer.answer(OK[1])

    async with FaultServer(requests(slow)) as server:
        async with client(server, clock) as bee:
            hasty = bee.with_options(timeout=0.05)
            await hasty._caller.call(row(least_timeout=5.0), "one", body=Wanted())

    assert len(server.seen) == 1
