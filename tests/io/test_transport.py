"""What a socket may do, told apart by one question: was the request written?"""

from __future__ import annotations

import asyncio
import errno
import gc
import gzip
import os
import socket
import ssl
import subprocess
import sys
import traceback
import warnings
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from fault_server import FaultServer, Peer, Script, Seen, honest, http, id_of, instance, requests
from hand_clock import HandClock
from roads import ROAD

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async._checks import Key
from beeos_async._clock import RealClock
from beeos_async._io import home
from beeos_async._io import session as sessions
from beeos_async._io.flight import Flight
from beeos_async._io.lease import LeasedTransport
from beeos_async._io.transport import AiohttpTransport
from beeos_async._protocol.message import Request

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("either_road"),
    # Other machines are named, and what would go there ends at a proxy on this one.
    pytest.mark.beeos(beeos_allow_network=True),
]

Handler = Callable[[Peer, Seen], Awaitable[None]]
KEY = "oag_" + "5ec2e7" * 8


def client(url: str, clock: Any = None, **options: Any) -> AsyncBeeOS:
    options = {"timeout": 2.0, "connect_timeout": 0.5, "max_retries": 0, **ROAD, **options}
    return AsyncBeeOS(KEY, base_url=url, _clock=clock, **options)


async def failure_of(url: str, **options: Any) -> b.TransportError:
    """Make one call that must fail, and check what holds for every failure."""
    async with client(url, **options) as bee:
        with pytest.raises(b.TransportError) as caught:
            await bee.instances.get("inst-1")
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (str(error), repr(error), "".join(shown.format())):
        assert KEY not in text
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


def raw(*chunks: bytes, then: Callable[[Peer], Any] | None = None) -> Script:
    async def handler(peer: Peer, _: Seen) -> None:
        for chunk in chunks:
            await peer.send(chunk)
        if then is not None:
            waited = then(peer)
            if waited is not None:
                await waited
        raise ConnectionError

    return requests(handler)


BODY = instance("inst-1")


# What never left.


@pytest.mark.fault("N1")
async def test_a_refused_connection_was_not_sent() -> None:
    """Nobody listens: the request certainly never left."""
    error = await failure_of("http://127.0.0.1:1")

    assert isinstance(error, b.NotSentError)
    assert (error.reason, error.delivered) == ("connect", "no")


@pytest.mark.fault("N3")
async def test_an_unknown_name_is_asked_for_twice_at_most(clock: HandClock) -> None:
    """A name that cannot be resolved twice is unknown; no third try."""
    resolver = Resolver(OSError(socket.EAI_NONAME, "unknown"))
    connector = aiohttp.TCPConnector(resolver=resolver)
    error = await failure_of(
        "http://nowhere.localhost", connector=connector, max_retries=3, clock=clock
    )

    assert isinstance(error, b.NotSentError)
    assert (error.reason, error.attempts, resolver.asked) == ("dns", 2, 2)
    await connector.close()


@pytest.mark.fault("N4")
async def test_a_slow_resolver_is_bounded_by_the_connect_timeout() -> None:
    """Names count as connecting: a resolver that hangs does not hang the call."""
    connector = aiohttp.TCPConnector(resolver=Resolver(None))
    error = await failure_of("http://slow.localhost", connector=connector, connect_timeout=0.05)

    assert isinstance(error, b.NotSentError)
    assert error.reason == "connect"
    await connector.close()


class Resolver(aiohttp.abc.AbstractResolver):
    """A resolver that fails, or never answers."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.asked = 0

    async def resolve(self, *_: object, **__: object) -> list[aiohttp.abc.ResolveResult]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return await asyncio.Future()

    async def close(self) -> None:
        """Do nothing; there is nothing to close."""


@pytest.mark.fault("N26")
async def test_sockets_that_have_run_out_are_this_machines_trouble() -> None:
    """EMFILE is named for what it is."""
    connector = aiohttp.TCPConnector(
        socket_factory=lambda _: (_ for _ in ()).throw(OSError(errno.EMFILE, "no more"))
    )
    error = await failure_of("http://127.0.0.1:1", connector=connector)

    assert isinstance(error, b.NotSentError)
    assert error.reason == "local"
    await connector.close()


@pytest.mark.fault("N8")
async def test_a_certificate_that_is_not_trusted_ends_the_call(authority: trustme.CA) -> None:
    """One handshake, nothing sent, no retry."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    async with FaultServer(honest(), tls=served) as server:
        error = await failure_of(server.url, max_retries=3)

    assert isinstance(error, b.NotSentError)
    assert (error.reason, error.attempts) == ("tls", 1)
    assert server.seen == []


async def test_a_trusted_certificate_is_spoken_to(authority: trustme.CA) -> None:
    """The `ssl` option says whom to trust."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    async with FaultServer(honest(), tls=served) as server:
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        async with client(server.url.replace("127.0.0.1", "localhost"), ssl=trust) as bee:
            assert (await bee.start("inst-1")).id == "inst-1"


@pytest.mark.fault("N9")
async def test_plain_text_on_a_tls_port_was_not_sent() -> None:
    """A server that speaks no TLS sees no request."""

    async def babble(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")

    async with FaultServer(babble) as server:
        error = await failure_of(server.url.replace("http:", "https:"))

    assert isinstance(error, b.NotSentError)
    assert error.reason == "tls"


@pytest.mark.fault("N25")
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", 407),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", 502),
        (b"", None),
        (b"garbage\r\n\r\n", None),
    ],
)
async def test_a_proxy_that_does_not_connect_sent_nothing(
    answer: bytes, status: int | None
) -> None:
    """What a proxy says to CONNECT is not an answer to the request; it never sees the key."""
    async with FaultServer(raw(answer)) as proxy:
        error = await failure_of("https://openapi.example", proxy=proxy.url)

    assert isinstance(error, b.NotSentError)
    assert (error.reason, error.status) == ("proxy", status)
    assert "authorization" not in proxy.seen[0].headers
    assert proxy.lines == ["CONNECT openapi.example:443"]


@pytest.mark.fault("N25")
async def test_a_proxy_that_cannot_be_reached_sent_nothing() -> None:
    """The error says that it was the proxy."""
    error = await failure_of("https://openapi.example", proxy="http://127.0.0.1:1")

    assert isinstance(error, b.NotSentError)
    assert error.reason == "proxy"


# What may have arrived.


@pytest.mark.fault("N12", "N13")
@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_that_ends_before_the_answer_may_have_delivered(reset: bool) -> None:
    """FIN or RST after the request was written: nobody knows."""
    async with FaultServer(raw(then=Peer.rst if reset else None)) as server:
        error = await failure_of(server.url)

    assert isinstance(error, b.ConnectionLostError)
    assert error.delivered == "maybe"


@pytest.mark.fault("N22", "N23")
@pytest.mark.parametrize(
    "chunks",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nX-Request-Id: r\r\n\r\n", BODY],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ],
)
async def test_a_cut_answer_may_have_delivered(chunks: list[bytes]) -> None:
    """Half an answer is no answer."""
    async with FaultServer(raw(*chunks)) as server:
        error = await failure_of(server.url)

    assert isinstance(error, b.ConnectionLostError)
    assert error.delivered == "maybe"


@pytest.mark.fault("N19")
async def test_silence_ends_with_the_attempt() -> None:
    """No answer within `timeout`: the request may have arrived."""
    async with FaultServer(raw(then=Peer.hang)) as server:
        error = await failure_of(server.url, timeout=0.4)

    assert isinstance(error, b.RequestTimeoutError)
    assert isinstance(error, TimeoutError)
    assert error.delivered == "maybe"


@pytest.mark.fault("N21")
@pytest.mark.parametrize(
    "second", [b"QQ\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"5\r\nhelloXX", b"HTTP/1.1 502 Bad\r\n\r\n"]
)
async def test_a_malformed_chunk_does_not_hang_the_call(second: bytes) -> None:
    """aiohttp may wait for ever after a bad chunk; the attempt's own limit ends it."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{ssuc\r\n"
    async with FaultServer(raw(head, second, then=Peer.hang)) as server:
        error = await failure_of(server.url, timeout=0.2)

    assert isinstance(error, b.DecodeError | b.ConnectionLostError | b.RequestTimeoutError)
    assert error.delivered != "no"


@pytest.mark.fault("P12")
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"nonsense\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_http_is_unreadable_and_no_400(head: bytes) -> None:
    """The 400 of aiohttp's parser is not the server's."""
    async with FaultServer(raw(head)) as server:
        error = await failure_of(server.url)

    assert isinstance(error, b.DecodeError)
    assert error.delivered == "yes"
    # The parser without extensions gives some of the heads out before it stumbles.
    assert error.status in {None, 200}


# What arrived and is read, or is not.


@pytest.mark.parametrize(
    ("body", "encoding"), [(gzip.compress(BODY), "gzip"), (zlib.compress(BODY), "deflate")]
)
async def test_a_compressed_answer_is_read(body: bytes, encoding: str) -> None:
    """Gzip is asked for, and deflate is understood."""
    answer = http(body, "200 OK", f"Content-Encoding: {encoding}")
    async with FaultServer(raw(answer)) as server, client(server.url) as bee:
        assert (await bee.instances.get("inst-1")).id == "inst-1"


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_answer_without_a_length_is_read(chunked: bool) -> None:
    """Chunks, or the end of the connection, say where the body ends."""
    if chunked:
        answer = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    else:
        answer = b"Connection: close\r\n\r\n" + BODY
    async with FaultServer(raw(b"HTTP/1.1 200 OK\r\n" + answer)) as server:
        async with client(server.url) as bee:
            assert (await bee.instances.get("inst-1")).id == "inst-1"


@pytest.mark.fault("P11")
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, "br"),
        (BODY, "zstd"),
        (BODY, "x-custom"),
        (gzip.compress(gzip.compress(BODY)), "gzip, gzip"),
        (b"\x1f\x8b\x08\x00garbage that is no gzip", "gzip"),
        (gzip.compress(BODY)[:-12], "gzip"),
    ],
)
async def test_a_body_in_a_strange_coding_is_unreadable(body: bytes, encoding: str) -> None:
    """Nothing that was not asked for is guessed at."""
    answer = http(body, "200 OK", f"Content-Encoding: {encoding}")
    async with FaultServer(raw(answer)) as server:
        error = await failure_of(server.url)

    assert isinstance(error, b.DecodeError)
    assert error.delivered == "yes"
    # A coding whose library is missing is refused by aiohttp before there is a response.
    assert error.status in {200, None}


BOMB = gzip.compress(b"[" * (64 * 1024 * 1024), compresslevel=1)


@pytest.mark.fault("P10")
@pytest.mark.parametrize(
    "answer",
    [
        http(BOMB, "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"100000\r\n%s\r\n" % (b"x" * 0x100000) * 9,
    ],
)
async def test_a_body_over_the_cap_is_not_read(answer: bytes) -> None:
    """Eight mebibytes, decoded, are enough for any answer."""
    async with FaultServer(raw(answer)) as server:
        error = await failure_of(server.url)

    assert isinstance(error, b.DecodeError)
    assert (error.reason, error.status) == ("too_large", 200)


# The pool.


@pytest.mark.fault("N16")
async def test_an_answer_pushed_onto_an_idle_connection_is_never_taken() -> None:
    """Every answer belongs to its own request, whatever a server pushes in between."""

    pushed = asyncio.Semaphore(0)

    async def push(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))
        await asyncio.sleep(0.01)
        await peer.answer(instance("evil"))
        pushed.release()

    async with FaultServer(requests(push)) as server, client(server.url) as bee:
        for n in range(5):
            assert (await bee.instances.get(f"inst-{n}")).id == f"inst-{n}"
            await pushed.acquire()
            # The loop looks at its sockets once more before the next request.
            await asyncio.sleep(0.01)

    assert len(server.seen) == 5
    assert server.connections == 5


@pytest.mark.fault("N17")
async def test_a_timeout_pushed_onto_an_idle_connection_is_never_taken() -> None:
    """A 408 for nobody is not the answer to the next start."""

    pushed = asyncio.Event()

    async def push(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))
        await asyncio.sleep(0.01)
        await peer.send(http(b"", "408 Request Timeout"))
        pushed.set()

    async with FaultServer(requests(push), honest()) as server, client(server.url) as bee:
        await bee.start("inst-1")
        await pushed.wait()
        await asyncio.sleep(0.01)
        await bee.start("inst-2")

    assert len(server.seen) == 2


@pytest.mark.fault("N14")
async def test_a_connection_closed_while_idle_is_not_used_again() -> None:
    """The next request takes a new one, and nobody notices."""

    async def once(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)))
        raise ConnectionError

    async with FaultServer(requests(once)) as server, client(server.url) as bee:
        for n in range(3):
            await bee.start(f"inst-{n}")
            await asyncio.sleep(0.01)

    assert len(server.seen) == server.connections == 3


@pytest.mark.parametrize("act", ["get", "destroy"])
async def test_nothing_is_sent_a_second_time_behind_our_back(act: str) -> None:
    """aiohttp would repeat a GET or DELETE on its own; the server counts one."""

    async def vanish(peer: Peer, _: Seen) -> None:
        raise ConnectionError

    async with FaultServer(requests(vanish)) as server, client(server.url) as bee:
        with pytest.raises(b.ConnectionLostError):
            await getattr(bee.instances, act)("inst-1")

    assert [one.method for one in server.seen].count("DELETE" if act == "destroy" else "GET") == 1


@pytest.mark.fault("P14")
async def test_a_cookie_is_never_sent_back() -> None:
    """What a server wants remembered is forgotten."""

    async def bake(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(id_of(seen.target)), "200 OK", "Set-Cookie: a=b; Path=/")

    async with FaultServer(requests(bake)) as server:
        async with client(server.url.replace("127.0.0.1", "localhost")) as bee:
            await bee.start("inst-1")
            await bee.start("inst-2")

    assert all("cookie" not in one.headers for one in server.seen)


async def test_the_environment_brings_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A netrc file neither breaks the call nor adds a password."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with FaultServer(honest()) as server, client(server.url) as bee:
        await bee.start("inst-1")

    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


# Closing, loops, processes.


async def test_closing_the_session_under_a_request_is_no_cancellation() -> None:
    """Who is still in flight after the grace gets an error of ours."""
    async with FaultServer(raw(then=Peer.hang)) as server, client(server.url) as bee:
        call = asyncio.create_task(bee.instances.get("inst-1"))
        while not server.seen:
            await asyncio.sleep(0.001)
        await bee._caller.transport.close()

        with pytest.raises(b.ConnectionLostError):
            await call


async def test_closing_the_session_under_a_connection_attempt_is_no_cancellation() -> None:
    """Who waits for a connection while the session closes had not sent anything."""
    connector = aiohttp.TCPConnector(limit=1)
    request = Request("GET", "/api/v1/instances/inst-1", None, 1000)
    async with FaultServer(raw(then=Peer.hang)) as server:
        kind = AiohttpTransport if ROAD["transport"] == "plain" else LeasedTransport
        wire = kind(RealClock(), server.url, user_agent="test", connector=connector)

        async def send() -> None:
            flight = Flight()
            flight.key = Key(KEY)
            await wire.send(request, flight, 5, 5)

        first = asyncio.create_task(send())
        while not server.seen:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(send())
        await asyncio.sleep(0.01)
        await connector.close()

        with pytest.raises(b.ConnectionLostError):
            await first
        with pytest.raises(b.NotSentError):
            await second
        await wire.close()


async def test_a_borrowed_connector_is_never_closed() -> None:
    """What is somebody else's stays open."""
    connector = aiohttp.TCPConnector(limit=3)
    async with FaultServer(honest()) as server:
        async with client(server.url, connector=connector) as bee:
            await bee.start("inst-1")
        assert not connector.closed
        await connector.close()


@pytest.mark.fault("C15")
def test_another_loop_is_refused_by_name() -> None:
    """A client belongs to the loop of its first request."""

    async def start(bee: AsyncBeeOS) -> None:
        with pytest.raises(b.NotSentError):
            await bee.start("inst-1")

    bee = client("http://127.0.0.1:1")
    asyncio.run(start(bee))
    with pytest.raises(b.ClientLoopError, match="closed"):
        asyncio.run(bee.start("inst-1"))
    asyncio.run(bee.close())

    async def both() -> None:
        other = client("http://127.0.0.1:1")
        await start(other)
        thread = asyncio.to_thread(lambda: asyncio.run(other.start("inst-1")))
        with pytest.raises(b.ClientLoopError, match="one client for each loop"):
            await thread
        await other.close()

    asyncio.run(both())


FORKED = """
import asyncio, os, sys
from beeos_async import AsyncBeeOS, BeeOSError, ClientLoopError

async def main():
    bee = AsyncBeeOS("k", base_url="http://127.0.0.1:1", max_retries=0, transport=sys.argv[1])
    try:
        await bee.start("inst-1")
    except BeeOSError:
        pass
    if os.fork() == 0:
        try:
            await bee.start("inst-1")
        except ClientLoopError as error:
            os._exit(7 if "fork" in str(error) else 1)
        os._exit(2)
    print(os.waitstatus_to_exitcode(os.wait()[1]))

asyncio.run(main())
"""


@pytest.mark.fault("C15")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_is_refused() -> None:
    """The child would read the parent's answers."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, ROAD["transport"]],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "7"


FORGOTTEN = """
import asyncio, logging, sys
from beeos_async import AsyncBeeOS

logging.basicConfig()

async def main():
    bee = AsyncBeeOS("k", base_url=sys.argv[1], transport=sys.argv[2])
    await bee.start("inst-1")

asyncio.run(main())
"""


@pytest.mark.fault("C16")
async def test_a_forgotten_client_warns_once() -> None:
    """One ResourceWarning, and no complaint of aiohttp's."""
    async with FaultServer(honest()) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-X",
            "dev",
            "-c",
            FORGOTTEN,
            server.url,
            ROAD["transport"],
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await process.communicate()

    assert process.returncode == 0
    assert told.count(b"ResourceWarning: a client was never closed") == 1
    assert b"Unclosed" not in told


async def test_a_client_forgotten_in_a_living_loop_closes_its_connections() -> None:
    """The warning comes with the sockets closed."""
    async with FaultServer(honest()) as server:
        bee = client(server.url)
        await bee.start("inst-1")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del bee
            gc.collect()
        assert [str(one.message) for one in caught] == ["a client was never closed"]
        await asyncio.sleep(0.01)


async def test_a_forgotten_client_leaves_a_borrowed_connector_alone() -> None:
    """It warns, and what is somebody else's stays open."""
    connector = aiohttp.TCPConnector()
    async with FaultServer(honest()) as server:
        bee = client(server.url, connector=connector)
        await bee.start("inst-1")
        with pytest.warns(ResourceWarning, match="a client was never closed"):
            del bee
            gc.collect()
        assert not connector.closed
        await connector.close()


async def test_a_fork_is_seen_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter of forks is compared on each call."""
    monkeypatch.setattr(home, "_process", home._process)
    async with FaultServer(honest()) as server, client(server.url) as bee:
        await bee.start("inst-1")
        home._forked()
        with pytest.raises(b.ClientLoopError, match="fork"):
            await bee.start("inst-2")
        session = bee._caller.transport._session
        assert session is not None
        # The sockets are the parent's: neither closing nor forgetting may touch them.
        bee._caller.transport.__del__()
        await bee.close()
        assert not session.closed
        sessions.inherited.clear()
        await session.close()

    assert len(server.seen) == 1


async def test_an_error_nobody_foresaw_before_sending_is_not_sent() -> None:
    """Whatever breaks while connecting, the request never left."""
    connector = aiohttp.TCPConnector(resolver=Resolver(LookupError("odd")))
    error = await failure_of("http://odd.example.localhost", connector=connector)

    assert isinstance(error, b.NotSentError)
    assert "LookupError" in str(error)
    await connector.close()


async def test_a_connection_that_was_never_used_can_be_distrusted() -> None:
    """There is nothing to close."""
    Flight().ground()


def test_what_is_touched_of_aiohttp_is_there() -> None:
    """The private names this library relies on exist; an upgrade that drops one fails here."""
    session = aiohttp.ClientSession.__new__(aiohttp.ClientSession)
    assert "_retry_connection" in aiohttp.ClientSession.ATTRS or hasattr(
        session, "_retry_connection"
    )
    assert hasattr(aiohttp.client_proto.ResponseHandler, "should_close")
    assert hasattr(aiohttp.ClientRequest, "send")
    assert hasattr(aiohttp.BaseConnector, "_close")


async def test_nothing_leaves_a_closed_session() -> None:
    """A call that was on its way when the session closed opens no new one."""
    async with FaultServer(honest()) as server, client(server.url) as bee:
        await bee._caller.transport.close()
        with pytest.raises(b.ClientClosedError):
            await bee.start("inst-1")

    assert server.connections == 0
