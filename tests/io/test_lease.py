"""When connections are leased, when not, and that nobody can tell by the answers."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from fault_server import (
    FaultServer,
    Peer,
    Seen,
    chunked,
    honest,
    http,
    id_of,
    instance,
    requests,
)

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._checks import Key
from beeos_async._io import probe
from beeos_async._io.flight import Flight
from beeos_async._io.transport import AiohttpTransport
from beeos_async._protocol.message import Request

pytestmark = [
    pytest.mark.anyio,
    # Other machines are named, and what would go there ends at a proxy on this one.
    pytest.mark.beeos(beeos_allow_network=True),
]


def client(url: str, **options: Any) -> AsyncBeeOS:
    return AsyncBeeOS("key", base_url=url, **{"timeout": 2.0, "max_retries": 0, **options})


@pytest.fixture
def untried() -> Iterator[None]:
    """Forget, before and after, what was found out about aiohttp."""
    probe.flaw_of_aiohttp.cache_clear()
    yield
    probe.flaw_of_aiohttp.cache_clear()


@pytest.fixture
def plain_sends(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what goes the plain way."""
    seen: list[str] = []
    send = AiohttpTransport.send

    async def counted(self: AiohttpTransport, request: Any, *rest: Any) -> Any:
        seen.append(request.target)
        return await send(self, request, *rest)

    monkeypatch.setattr(AiohttpTransport, "send", counted)
    return seen


@pytest.mark.parametrize("answer", ["plain", "chunked"])
async def test_what_is_pushed_onto_a_resting_connection_is_nobodys_answer(answer: str) -> None:
    """Whoever read the answer before; what came over it since is not read."""

    async def push(peer: Peer, seen: Seen) -> None:
        body = instance(id_of(seen.target))
        await peer.send(http(body) if answer == "plain" else chunked(body) + b"0\r\n\r\n")
        peer.push_when_idle(http(instance("inst-2")), after=0.01)

    def is_dirty() -> bool:
        transport: Any = bee._caller.transport
        return not transport._lines.idle

    async with FaultServer(requests(push), honest()) as server, client(server.url) as bee:
        await bee.start("inst-1")
        async with asyncio.timeout(10):
            while not is_dirty():
                await asyncio.sleep(0.001)
        # It says what would be a right answer.
        await bee.start("inst-2")

    assert [(one.connection, id_of(one.target)) for one in server.seen] == [
        (0, "inst-1"),
        (1, "inst-2"),
    ]


async def test_the_installed_aiohttp_leases(untried: None, plain_sends: list[str]) -> None:
    """The probe finds nothing strange: an upgrade that breaks the lease fails here."""
    async with FaultServer(honest()) as server, client(server.url) as bee:
        await bee.start("inst-1")
        await bee.instances.get("inst-1")

    assert probe.flaw_of_aiohttp() is None
    assert plain_sends == []
    assert server.connections == 1


async def connect_otherwise(self: Any, request: Any) -> None:
    """Stand for a `connect` of another release."""


def read_otherwise(self: Any, data: bytes) -> None:
    """Stand for a parser of another release: nothing comes of what it is given."""


class Changed(ResponseHandler):
    """Stands for a handler of another release: it tells nothing of what was pushed."""

    should_close = False


class Wrong(ResponseHandler):
    """Stands for a handler of another release: all connections are dirty."""

    should_close = True


CHANGES: list[tuple[Any, str, Any, str]] = [
    (aiohttp.BaseConnector, "connect", connect_otherwise, "connects differently"),
    (probe.Connection, "release", None, "AttributeError"),
    (ResponseHandler, "data_received", read_otherwise, "waits for what is there"),
    (probe, "ResponseHandler", Changed, "does not see what was pushed"),
    (probe, "ResponseHandler", Wrong, "reads an answer differently"),
]


@pytest.mark.parametrize(("where", "name", "change", "flaw"), CHANGES)
async def test_another_aiohttp_sends_the_plain_way(
    untried: None,
    plain_sends: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: Any,
    name: str,
    change: Any,
    flaw: str,
) -> None:
    """What is missing or different costs speed and one line in the log, never a start."""
    caplog.set_level(logging.DEBUG, logger="beeos_async")
    with monkeypatch.context() as changed:
        if change is None:
            changed.delattr(where, name)
        else:
            changed.setattr(where, name, change)
        assert flaw in str(probe.flaw_of_aiohttp())
    # What was found out holds for the process, and every client of it.
    async with FaultServer(honest()) as server:
        for n in range(2):
            async with client(server.url) as bee:
                await bee.start(f"inst-{n}")
                await bee.start(f"inst-{n}")

    assert len(plain_sends) == 4
    told = [one.getMessage() for one in caplog.records if "not leased" in one.getMessage()]
    assert len(told) == 2
    assert flaw in told[0]


async def test_a_lease_that_is_asked_for_and_not_to_be_had_is_an_error(
    untried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`"leased"` never goes the plain way in silence."""
    with monkeypatch.context() as changed:
        changed.setattr(aiohttp.BaseConnector, "connect", connect_otherwise)
        probe.flaw_of_aiohttp()
    async with FaultServer(honest()) as server, client(server.url, transport="leased") as bee:
        with pytest.raises(b.ConfigurationError, match="not possible"):
            await bee.start("inst-1")

    assert server.connections == 0


async def test_through_a_proxy_http_goes_the_plain_way(plain_sends: list[str]) -> None:
    """Without a tunnel the request names the whole URL, and aiohttp writes it."""
    url = "http://somewhere.example"
    async with FaultServer(requests(answer_any)) as proxy:
        async with client(url, proxy=proxy.url, allow_insecure=True) as bee:
            assert (await bee.start("inst-1")).id == "inst-1"
        with pytest.raises(b.ConfigurationError, match="proxy"):
            async with client(
                url, proxy=proxy.url, allow_insecure=True, transport="leased"
            ) as bee:
                await bee.start("inst-1")

    assert proxy.lines == [f"POST {url}/api/v1/instances/inst-1/start"]
    assert plain_sends == ["/api/v1/instances/inst-1/start"]


async def answer_any(peer: Peer, seen: Seen) -> None:
    await peer.answer(instance("inst-1"))


@pytest.mark.parametrize("transport", ["leased", "plain"])
async def test_a_proxy_is_told_who_asks(transport: str) -> None:
    """The name and password of its URL go to the proxy, and the key does not."""

    async def refuse(peer: Peer, seen: Seen) -> None:
        await peer.answer(b"", "407 Who")

    async with FaultServer(requests(refuse)) as proxy:
        url = proxy.url.replace("//", "//name:word@")
        async with client("https://somewhere.example", proxy=url, transport=transport) as bee:
            with pytest.raises(b.NotSentError):
                await bee.start("inst-1")

    (seen,) = proxy.seen
    assert seen.headers["proxy-authorization"] == (
        "Basic " + base64.b64encode(b"name:word").decode()
    )
    assert "authorization" not in seen.headers


async def test_both_ways_ask_for_the_same(plain_sends: list[str]) -> None:
    """The same requests, header by header, whichever way they go."""

    async def none(peer: Peer, seen: Seen) -> None:
        await peer.answer(b"", "404 None")

    async def either(transport: str) -> list[Seen]:
        async with FaultServer(requests(none)) as server:
            async with client(server.url + "/prefix", transport=transport) as bee:
                for act in ("get", "start", "stop", "restart", "destroy"):
                    with pytest.raises(b.NotFoundError):
                        await getattr(bee.instances, act)("inst-1")
                with pytest.raises(b.NotFoundError):
                    await bee.instances.deploy(name="a", variant_id="b", agent_framework="c")
                with pytest.raises(b.NotFoundError):
                    await bee.instances.list(status="sto pped").collect()
        return server.seen

    leased, plain = await either("leased"), await either("plain")

    assert len(leased) == len(plain) == 7
    for ours, theirs in zip(leased, plain, strict=True):
        assert (ours.method, ours.target, ours.body) == (theirs.method, theirs.target, theirs.body)
        assert {**ours.headers, "host": ""} == {**theirs.headers, "host": ""}
    assert leased[0].headers["host"].startswith("127.0.0.1:")


@pytest.mark.parametrize("transport", ["leased", "plain"])
@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
async def test_an_interim_answer_is_passed_over(transport: str, interim: str) -> None:
    """What comes before the answer is not the answer."""

    async def hint(peer: Peer, seen: Seen) -> None:
        await peer.send(f"HTTP/1.1 {interim}\r\nLink: </a>\r\n\r\n".encode() * 2)
        await peer.answer(instance(id_of(seen.target)))

    async with FaultServer(requests(hint)) as server:
        async with client(server.url, transport=transport) as bee:
            for n in range(3):
                assert (await bee.start(f"inst-{n}")).id == f"inst-{n}"

    assert server.connections == 1


async def test_an_answer_before_the_request_is_out_ends_the_connection() -> None:
    """What is left of a large request must not stand before the next one."""
    taken = asyncio.Event()

    async def early(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.answer(b"{}", "413 Too Large")
        await taken.wait()

    request = Request("POST", "/api/v1/files", b"x" * (12 << 20), 1000)
    async with FaultServer(early, honest()) as server:
        async with client(server.url, transport="leased") as bee:
            flight = Flight()
            flight.key = Key("key")
            answer = await bee._caller.transport.send(request, flight, 5, 5)
            await bee.start("inst-1")
            taken.set()

    assert answer.status == 413
    assert server.connections == 2
    assert server.lines == ["POST /api/v1/instances/inst-1/start"]


async def test_a_session_somebody_else_closed_sends_nothing() -> None:
    """The connector of the session is gone, and so is the way."""
    async with FaultServer(honest()) as server, client(server.url, transport="leased") as bee:
        await bee.start("inst-1")
        session = bee._caller.transport._session
        await session.close()
        with pytest.raises(b.NotSentError):
            await bee.start("inst-2")

    assert len(server.seen) == 1
