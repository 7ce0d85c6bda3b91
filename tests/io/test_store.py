"""The object store's wire: what is sent there, and what becomes of an attempt."""

from __future__ import annotations

import asyncio
import gc
import gzip
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from fault_server import FaultServer, Peer, Script, Seen, http, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._io import home
from beeos_async._io import session as sessions
from beeos_async._io.cargo import MemorySource, StreamSource
from beeos_async._io.transfer import Transfers

pytestmark = pytest.mark.anyio

KEY = "oag_" + "5ec2e7" * 8
FIVE_MB = bytes(5_000_000)
TOO_LARGE = b"<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>"


def client(clock: HandClock | None = None, **options: Any) -> AsyncBeeOS:
    options = {"timeout": 2.0, "connect_timeout": 0.5, "max_retries": 0, **options}
    return AsyncBeeOS(KEY, base_url="http://127.0.0.1:1", _clock=clock, **options)


def moving(bee: AsyncBeeOS) -> Transfers:
    return Transfers(bee._caller)


def at(url: str) -> Callable[[], Awaitable[str]]:
    async def locate() -> str:
        return url

    return locate


async def up(bee: AsyncBeeOS, url: str, data: bytes = b"bytes", **options: Any) -> None:
    await moving(bee).upload(at(url), MemorySource(data), "text/plain", **options)


async def down(bee: AsyncBeeOS, url: str) -> bytes:
    return await bee.files.fetch(url)


def says(body: bytes, status: str = "200 OK", *headers: str) -> Script:
    async def handler(peer: Peer, _: Seen) -> None:
        await peer.answer(body, status, *headers)

    return requests(handler)


def in_turn(*answers: bytes) -> Script:
    """Give each request its answer, and break off after an answer that is not whole."""
    left = list(answers)

    async def handler(peer: Peer, _: Seen) -> None:
        await peer.send(left.pop(0).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        raise ConnectionError

    return requests(handler)


async def test_nothing_goes_there_but_the_bytes_and_their_type() -> None:
    """No key, no cookie, no chunks; the query, which is signed, to the letter."""
    async with FaultServer(says(b"", "200 OK", "Set-Cookie: a=b")) as server, client() as bee:
        for _ in range(2):
            await up(bee, f"{server.url}/a%2Fb?sig=x%3D&y=ü".replace("ü", "%C3%BC"))
        await down(bee, f"{server.url}/a#part")

    put, again, get = server.seen
    assert (put.method, put.target, put.body) == ("PUT", "/a%2Fb?sig=x%3D&y=%C3%BC", b"bytes")
    assert put.headers.keys() == {
        "host",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "user-agent",
    }
    assert (put.headers["content-type"], put.headers["content-length"]) == ("text/plain", "5")
    assert again.headers == put.headers
    assert (get.target, get.headers["accept-encoding"]) == ("/a", "identity")
    assert not any(KEY in str(seen) for seen in server.seen)


async def test_an_early_no_is_told_as_what_it_is() -> None:
    """A 413 while megabytes are still on their way is no broken connection, however rude."""

    async def rude(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(http(TOO_LARGE, "413 Too Large", "Content-Type: application/xml"))

    async def polite(peer: Peer) -> None:
        await rude(peer)
        await peer.reader.read()

    async with FaultServer(rude, polite, rude) as server, client(max_retries=3) as bee:
        for _ in range(3):
            with pytest.raises(b.PayloadTooLargeError) as caught:
                await up(bee, server.url, FIVE_MB)
            assert caught.value.code == "EntityTooLarge"
            assert caught.value.attempts == 1

    assert server.connections == 3


async def test_a_no_without_words_is_a_no() -> None:
    """What breaks off after the status line is told by the status."""

    async def curt(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 900\r\n\r\n<Error>")

    async with FaultServer(curt) as server, client() as bee:
        with pytest.raises(b.PermissionDeniedError):
            await up(bee, server.url, FIVE_MB)
        with pytest.raises(b.PermissionDeniedError):
            await down(bee, server.url)


async def test_a_yes_before_the_end_is_no_yes() -> None:
    """Who has not read it all has not stored it."""

    async def hasty(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.answer(b"")
        await peer.hang()

    async with FaultServer(hasty) as server, client() as bee:
        with pytest.raises(b.ConnectionLostError):
            await up(bee, server.url, FIVE_MB)


async def test_a_long_no_is_not_read_to_its_end() -> None:
    """A store that talks on is left."""
    async with FaultServer(says(b"x" * 1_000_000, "404 Not Found")) as server, client() as bee:
        with pytest.raises(b.NotFoundError) as caught:
            await down(bee, server.url)

    assert len(caught.value.message) == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """Neither up nor down, and nobody else hears of it."""
    async with FaultServer(says(b"")) as other:
        script = says(b"", f"{status} Moved", f"Location: {other.url}/there")
        async with FaultServer(script) as server, client(max_retries=3) as bee:
            for move in (up, down):
                with pytest.raises(b.DecodeError) as caught:
                    await move(bee, server.url)
                assert caught.value.reason == "redirect"

        assert other.connections == 0
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://store.example.net/x",
        "https://user:word@store.example.net/x",
        "https://store.example.net:port/x",
        "https:///x",
        "https://store.example.net/a b",
        "https://store.example.net/a\r\nX: y",
        "https://störe.example.net/",
    ],
)
async def test_an_odd_address_is_not_gone_to(url: str) -> None:
    """It came in an answer: that answer cannot be used."""
    async with client() as bee:
        for move in (up, down):
            with pytest.raises(b.DecodeError, match="the answer names a file's address that"):
                await move(bee, url)


@pytest.mark.beeos(beeos_allow_network=True)
async def test_plain_http_is_allowed_where_the_caller_allows_it() -> None:
    """To a host that is not loopback, if the key may go there, too."""
    async with client(allow_insecure=True) as bee:
        with pytest.raises(b.NotSentError, match="store"):
            await down(bee, "http://store.invalid/x?sig=hidden")


async def test_silence_ends_an_attempt_and_progress_does_not() -> None:
    """The limit is for what stands still: a trickle longer than it is whole."""

    async def trickle(peer: Peer, _: Seen) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.02)
            await peer.send(b"x")

    async def stuck(peer: Peer, _: Seen) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxx")
        await peer.hang()

    async with FaultServer(requests(trickle, stuck)) as server, client(timeout=0.1) as bee:
        assert await down(bee, server.url) == b"x" * 8
        with pytest.raises(b.RequestTimeoutError):
            await down(bee, server.url)


async def test_a_store_that_does_not_read_ends_an_upload() -> None:
    """The same holds on the way up."""

    async def deaf(peer: Peer) -> None:
        await asyncio.sleep(1)

    async with FaultServer(deaf) as server, client(timeout=0.1) as bee:
        with pytest.raises(b.RequestTimeoutError):
            await up(bee, server.url, FIVE_MB * 4)


async def test_what_the_caller_takes_does_not_count() -> None:
    """A slow source, a slow callback, a slow disk are no slow network."""

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.15)
            yield b"x"

    async def thoughtful(_done: int, _total: int | None) -> None:
        await asyncio.sleep(0.15)

    async with FaultServer(says(b"")) as server, client(timeout=0.1) as bee:
        await moving(bee).upload(
            at(server.url), StreamSource(slow(), 3), "text/plain", progress=thoughtful
        )

    assert server.seen[0].body == b"xxx"


WHOLE = b"0123456789"
HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: "one"\r\n\r\n'


def part(begin: int, data: bytes) -> bytes:
    return (
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n"
        b"Content-Range: bytes %d-9/10\r\n\r\n" % (len(data), begin)
    ) + data


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([HEAD + WHOLE[:4], part(4, WHOLE[4:])], ["", "bytes=4-"]),
        (
            [HEAD + WHOLE[:4], part(4, WHOLE[4:6]), part(6, WHOLE[6:])],
            ["", "bytes=4-", "bytes=6-"],
        ),
        # Another state of the object, or a store that knows no parts: the whole, anew.
        ([HEAD + WHOLE[:4], HEAD.replace(b"one", b"two") + WHOLE], ["", "bytes=4-"]),
        # Without a mark nobody knows whether the rest belongs to what is there.
        (
            [HEAD.replace(b"ETag", b"X") + WHOLE[:4], HEAD + WHOLE],
            ["", ""],
        ),
        ([HEAD.replace(b'"one"', b'W/"one"') + WHOLE[:4], HEAD + WHOLE], ["", ""]),
        # A part that is not the one that was asked for, and a no to the part.
        ([HEAD + WHOLE[:4], part(2, WHOLE[2:]), HEAD + WHOLE], ["", "bytes=4-", ""]),
        (
            [HEAD + WHOLE[:4], b"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", HEAD + WHOLE],
            ["", "bytes=4-", ""],
        ),
        ([b"", HEAD + WHOLE], ["", ""]),
    ],
)
async def test_what_broke_off_is_made_whole(
    answers: list[bytes], asked: list[str], clock: HandClock
) -> None:
    """By the rest where that is sure to belong to it, else by the whole."""
    async with FaultServer(in_turn(*answers)) as server, client(clock, max_retries=3) as bee:
        assert await down(bee, server.url) == WHOLE

    assert [seen.headers.get("range", "") for seen in server.seen] == asked
    assert [seen.headers.get("if-range", "") for seen in server.seen] == [
        '"one"' if one else "" for one in asked
    ]


async def test_a_part_that_nobody_asked_for_is_no_file() -> None:
    """Half a file is not taken for one."""
    async with FaultServer(in_turn(part(4, WHOLE[4:]))) as server, client() as bee:
        with pytest.raises(b.DecodeError, match="part of a file"):
            await down(bee, server.url)


async def test_bytes_are_given_as_they_are_stored() -> None:
    """What is packed stays packed, and what has no length ends with its connection."""
    packed = gzip.compress(b"words")
    script = in_turn(
        http(packed, "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\n\r\nno length",
    )
    async with FaultServer(script) as server, client() as bee:
        assert await down(bee, server.url) == packed
        assert await down(bee, server.url) == b"no length"


async def test_an_endless_file_is_left() -> None:
    """A cap holds where no length was told."""

    async def endless(peer: Peer, _: Seen) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(bytes(65536))

    async with FaultServer(requests(endless)) as server, client() as bee:
        with pytest.raises(b.DecodeError) as caught:
            await bee.files.fetch(server.url, max_bytes=1_000_000)

    assert caught.value.reason == "too_large"


async def test_a_dirty_connection_is_not_used() -> None:
    """What was pushed onto it would be taken for the answer; the body is made anew."""

    async def pushy(peer: Peer, _: Seen) -> None:
        await peer.answer(b"")
        await peer.answer(b"pushed", "403 Forbidden")

    async with FaultServer(requests(pushy), says(b"")) as server, client() as bee:
        await up(bee, server.url)
        await asyncio.sleep(0.01)
        await up(bee, server.url)

    assert [seen.connection for seen in server.seen] == [0, 1]
    assert server.seen[1].body == b"bytes"


async def test_a_busy_store_is_waited_for(clock: HandClock) -> None:
    """As long as it says, and not longer than the client bears."""
    busy = http(b"", "429 Slow", "Retry-After: 7")
    late = http(b"", "429 Slow", "Retry-After: 700")
    script = in_turn(busy, http(b""), late)
    async with FaultServer(script) as server, client(clock, max_retries=3) as bee:
        await up(bee, server.url)
        with pytest.raises(b.RateLimitError):
            await up(bee, server.url)

    assert 7 <= clock.slept[0] < 8
    assert len(clock.slept) == 1


async def test_no_pause_goes_beyond_the_deadline(clock: HandClock) -> None:
    """The failure is told instead, and that the deadline came before the next attempt."""
    script = says(b"", "429 Slow", "Retry-After: 7")
    async with FaultServer(script) as server, client(clock, max_retries=3) as bee:
        with pytest.raises(b.RateLimitError) as caught:
            await up(bee, server.url, deadline=5)

    assert caught.value.gave_up == "deadline"
    assert clock.slept == []


async def test_a_closed_client_moves_nothing() -> None:
    """Neither anew, nor on; and closing twice is no matter."""

    async def slow(peer: Peer) -> None:
        await peer.read()
        await peer.hang()

    async with FaultServer(slow) as server:
        bee = client()
        moved = asyncio.create_task(up(bee, server.url))
        while not server.seen:
            await asyncio.sleep(0.001)
        await bee.close()
        with pytest.raises(b.ConnectionLostError):
            await moved
        await bee.close()
        with pytest.raises(b.ClientClosedError):
            await down(bee, server.url)


async def test_closing_under_a_connection_attempt_is_no_cancellation() -> None:
    """Who waits for a connection while it closes had not sent anything."""
    connector = aiohttp.TCPConnector(limit=1)

    async def slow(peer: Peer) -> None:
        await peer.read()
        await peer.hang()

    async with FaultServer(slow) as server, client(connector=connector) as bee:
        first = asyncio.create_task(down(bee, server.url))
        while not server.seen:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(down(bee, server.url))
        await asyncio.sleep(0.01)
        await connector.close()
        with pytest.raises(b.ConnectionLostError):
            await first
        with pytest.raises(b.NotSentError):
            await second


async def test_a_timeout_of_the_callers_own_is_his() -> None:
    """It is not taken for the deadline's."""

    def late(_done: int, _total: int | None) -> None:
        raise TimeoutError

    async with FaultServer(says(b"here")) as server, client() as bee:
        with pytest.raises(TimeoutError) as caught:
            await up(bee, server.url, progress=late, deadline=5)

    assert not isinstance(caught.value, b.BeeOSError)


async def test_a_cancelled_upload_leaves_nothing_behind() -> None:
    """The source is closed, the connection too, and the next one is not disturbed."""
    ended = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            yield b"x"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def listening(peer: Peer) -> None:
        await peer.hang()

    source = waiting()
    async with FaultServer(listening, says(b"")) as server, client() as bee:
        moved = asyncio.create_task(
            moving(bee).upload(at(server.url), StreamSource(source, 9), "text/plain")
        )
        await asyncio.sleep(0.05)
        moved.cancel()
        with pytest.raises(asyncio.CancelledError):
            await moved
        await asyncio.sleep(0.01)
        await source.aclose()
        assert ended.is_set()
        await up(bee, server.url)


async def test_errors_show_no_address_and_chain_nothing() -> None:
    """A signed query is as good as a key."""
    async with FaultServer(in_turn(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")) as server:
        async with client() as bee:
            with pytest.raises(b.ConnectionLostError) as caught:
                await down(bee, f"{server.url}/x?sig=hidden")
            with pytest.raises(b.NotSentError) as unsent:
                await down(bee, "http://127.0.0.1:1/x?sig=hidden")

    for error in (caught.value, unsent.value):
        assert "hidden" not in f"{error} {error!r} {error.trouble}"
        assert error.__cause__ is None
        assert error.__context__ is None


async def test_a_proxy_is_gone_through() -> None:
    """The one the client was given serves the store, too."""
    async with FaultServer(says(b"through")) as proxy, client(proxy=proxy.url) as bee:
        assert await down(bee, "http://127.0.0.1:1/x") == b"through"

    assert proxy.lines == ["GET http://127.0.0.1:1/x"]


async def test_a_borrowed_connector_is_used_and_stays_open() -> None:
    """It is the caller's."""
    connector = aiohttp.TCPConnector()
    async with FaultServer(says(b"here")) as server:
        async with client(connector=connector) as bee:
            assert await down(bee, server.url) == b"here"
        assert not connector.closed
        await connector.close()


async def test_a_forgotten_client_closes_the_stores_connections() -> None:
    """Without a second warning: who forgot one client is told once."""
    async with FaultServer(says(b"here")) as server:
        bee = client()
        await down(bee, server.url)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del bee
            gc.collect()
            await asyncio.sleep(0.01)
        assert caught == []


async def test_a_fork_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sockets are the parent's."""
    monkeypatch.setattr(home, "_process", home._process)
    async with FaultServer(says(b"here")) as server, client() as bee:
        await down(bee, server.url)
        home._forked()
        with pytest.raises(b.ClientLoopError, match="fork"):
            await down(bee, server.url)
        session = bee._caller.store._session
        assert session is not None
        bee._caller.store.__del__()
        await bee.close()
        assert not session.closed
        sessions.inherited.clear()
        await session.close()
