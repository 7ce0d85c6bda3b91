"""Streams on real sockets: nothing lost, nothing twice, whatever the server and the caller do.

The fault server is the oracle: what it was asked for, and how often.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from fault_server import FaultServer, Peer, Script, Seen, http, requests
from hand_clock import HandClock
from msgspec import json
from multidict import CIMultiDict

from beeos_async import (
    AgentError,
    AsyncBeeOS,
    AuthenticationError,
    BackfillTruncated,
    BeeOSError,
    ChannelEvent,
    ClientClosedError,
    ClientLoopError,
    ConfigurationError,
    ConflictError,
    ConnectionLostError,
    DecodeError,
    EventStream,
    InvokeDelta,
    InvokeDone,
    InvokeFailure,
    Message,
    NotFoundError,
    RateLimitError,
    ReplayComplete,
    RequestTimeoutError,
    RuntimeEvent,
    ServiceUnavailableError,
    StreamEnd,
    StreamEndedError,
    UnknownEvent,
)
from beeos_async._io.feed import Feed
from beeos_async._io.subscription import PATIENCE
from beeos_async._protocol.sse import EVENT_CAP

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
CHUNKED = HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
END = b'event: end\ndata: {"reason": "task_terminal"}\n\n'

Answer = Callable[[Peer, Seen], Awaitable[None]]


def message(offset: int, **fields: Any) -> bytes:
    told = {"type": "agent_reply", "message_id": "m", "offset": offset, **fields}
    return b"event: message\ndata: " + json.encode(told) + b"\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def since_of(seen: Seen) -> int:
    return int(seen.target.partition("since=")[2] or 0)


def tells(*frames: bytes, then: Script | None = None) -> Answer:
    """Make what answers with a stream, and closes it, or does something else then."""

    async def answer(peer: Peer, _seen: Seen) -> None:
        await peer.send(HEAD + b"".join(frames))
        if then is not None:
            await then(peer)
        raise ConnectionError

    return answer


def ends(*frames: bytes) -> Answer:
    """Make what answers with a stream, and ends it in good order."""

    async def answer(peer: Peer, _seen: Seen) -> None:
        body = b"".join(frames)
        await peer.send(CHUNKED + (chunk(body) if body else b"") + b"0\r\n\r\n")

    return answer


def says(status: str, *headers: str, body: bytes = b"{}") -> Answer:
    """Make what answers with something else, once for each request."""

    async def answer(peer: Peer, _seen: Seen) -> None:
        await peer.answer(body, status, *headers)

    return answer


def serve(*answers: Answer, look: Answer | None = None) -> FaultServer:
    """Make a server that gives one answer after the other, and the last to all that follow.

    Whoever looks at a task, and asks for no events, hears that it is running, or `look`.
    """
    given = itertools.count()
    looked = look or says("200 OK", body=task("running"))

    async def one(peer: Peer, seen: Seen) -> None:
        if seen.target.partition("?")[0].endswith("/tasks/tsk"):
            return await looked(peer, seen)
        return await answers[min(next(given), len(answers) - 1)](peer, seen)

    return FaultServer(requests(one))


def task(status: str) -> bytes:
    return json.encode({"success": True, "data": {"task_id": "tsk", "status": status}})


@contextlib.asynccontextmanager
async def client(
    server: FaultServer, clock: HandClock, **options: Any
) -> AsyncIterator[AsyncBeeOS]:
    async with server, AsyncBeeOS("x", base_url=server.url, _clock=clock, **options) as bee:
        yield bee


async def told(stream: EventStream[Any], within: float = 20) -> list[Any]:
    """Open a stream and take all of it, or fail where it hangs."""
    async with asyncio.timeout(within), stream as events:
        return [event async for event in events]


def offsets(events: list[ChannelEvent]) -> list[int]:
    return [event.offset for event in events if isinstance(event, Message)]


# S1 to S4: what is told -----------------------------------------------------------------------


async def test_a_transcript_cut_at_every_byte_is_told_once(clock: HandClock) -> None:
    """Two hundred frames, a connection for each byte: every offset once, in order (S1)."""
    marks = [1 + number * 2 + number // 3 for number in range(200)]
    frames = [b'data:{"offset":%d}\n\n' % mark for mark in marks]
    frames.append(b'event:end\ndata:{"reason":"task_terminal"}\n\n')
    ends = list(itertools.accumulate(map(len, frames)))
    cuts = iter(range(ends[-1] + 1))

    async def answer(peer: Peer, seen: Seen) -> None:
        # What comes after the cursor, up to the byte whose turn it is; every second time in
        # a chunk, whose end is no end of the stream.
        first = sum(mark <= since_of(seen) for mark in marks)
        begin = ends[first - 1] if first else 0
        cut = next(cuts)
        data = b"".join(frames[first:])[: cut - begin]
        await peer.send(CHUNKED + chunk(data) if cut % 2 and data else HEAD + data)
        raise ConnectionError

    async with client(serve(answer), clock) as bee:
        # Four thousand connections; how many there are says the server, and no watch.
        events = await told(bee.tasks.events("agt", "tsk"), within=300)

    assert offsets(events) == marks
    assert events[-1] == StreamEnd(reason="task_terminal")
    assert next(cuts, None) is None


async def test_a_reconnect_asks_for_what_comes_after(clock: HandClock) -> None:
    """The cursor is the last offset that was taken, and nothing where there is none."""
    server = serve(
        tells(),
        tells(message(1), message(5)),
        tells(message(9), message(12)[:-1]),
        tells(message(12), END),
    )
    async with client(server, clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        events = await told(stream)

    path = "GET /api/v1/agents/agt/tasks/tsk/events"
    assert server.lines == [path, path, f"{path}?since=5", f"{path}?since=9"]
    assert offsets(events) == [1, 5, 9, 12]
    assert (stream.last_offset, stream.end_reason) == (12, "task_terminal")


async def test_it_begins_where_it_is_told_to(clock: HandClock) -> None:
    """A caller who knows an offset gets what comes after it."""
    server = serve(tells(message(7), message(8), END))
    async with client(server, clock) as bee:
        stream = bee.conversations.events("agt", "cnv", since=7)
        assert stream.last_offset == 7
        events = await told(stream)

    assert server.lines == ["GET /api/v1/agents/agt/conversations/cnv/events?since=7"]
    assert offsets(events) == [8]


async def test_it_asks_for_events_as_they_are(clock: HandClock) -> None:
    """No JSON, no compression, which would hold frames back."""
    server = serve(tells(END))
    async with client(server, clock) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    (seen,) = server.seen
    assert seen.headers["accept"] == "text/event-stream"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["authorization"] == "Bearer x"


async def test_what_is_told_again_is_dropped(clock: HandClock) -> None:
    """A server that replays fifty old frames repeats nothing (S2)."""
    again = [message(offset) for offset in range(1, 51)]
    server = serve(tells(*again), tells(*again, message(51), END))
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert offsets(events) == list(range(1, 52))


async def test_offsets_have_holes(clock: HandClock) -> None:
    """40, 42: both are told, and the next request asks for what comes after 42 (S3)."""
    server = serve(tells(message(40), message(42)), tells(END))
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert offsets(events) == [40, 42]
    assert since_of(server.seen[1]) == 42


async def test_a_reply_that_grows_is_told_each_time(clock: HandClock) -> None:
    """One `message_id` over ten offsets is ten events (S4)."""
    frames = [message(offset, body="x" * offset) for offset in range(1, 11)]
    async with client(serve(tells(*frames, END)), clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert [event.body for event in events[:-1]] == ["x" * n for n in range(1, 11)]


async def test_what_stands_nowhere_is_told_and_moves_nothing(clock: HandClock) -> None:
    """A frame without an offset may come twice, and is not taken for a place."""
    server = serve(
        tells(message(3), b'data: {"type": "chat_message"}\n\n'),
        tells(b'data: {"type": "chat_message", "offset": null}\n\n', message(4), END),
    )
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert offsets(events) == [3, 0, 0, 4]
    assert since_of(server.seen[1]) == 3


# S5 and S7: how it breaks ---------------------------------------------------------------------


async def hangs(peer: Peer) -> None:
    await peer.hang()


async def test_silence_is_no_error(clock: HandClock) -> None:
    """A connection that is half open is given up after the idle time (S5)."""
    server = serve(tells(message(1), then=hangs), tells(message(2), END))
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk", idle=0.05))

    assert offsets(events) == [1, 2]
    assert since_of(server.seen[1]) == 1


async def test_comments_keep_it_alive(clock: HandClock) -> None:
    """Whatever is heard is no silence."""

    async def pings(peer: Peer) -> None:
        for _ in range(10):
            await asyncio.sleep(0.1)
            await peer.send(b": ping\n\n")
        await peer.send(END)

    server = serve(tells(message(1), then=pings))
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk", idle=0.6))

    assert len(events) == 2
    assert server.connections == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"QQ\r\n",
        b"ffffffffffffffffffff\r\n",
        b"5\r\nhelloX",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno",
    ],
)
async def test_broken_chunks_are_survived(clock: HandClock, garbage: bytes) -> None:
    """aiohttp may wait for ever after them; a stream does not, and loses nothing (S7)."""

    async def answer(peer: Peer, _seen: Seen) -> None:
        await peer.send(CHUNKED)
        await asyncio.sleep(0.02)
        await peer.send(chunk(message(1)) + garbage)
        await peer.hang()

    server = serve(answer, tells(message(2), END))
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk", idle=0.2))

    assert offsets(events) == [1, 2]
    assert since_of(server.seen[1]) == 1


async def test_a_reset_is_a_break(clock: HandClock) -> None:
    """Like any other."""

    async def resets(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        peer.rst()

    server = serve(tells(message(1), then=resets), tells(message(2), END))
    async with client(server, clock) as bee:
        assert offsets(await told(bee.tasks.events("agt", "tsk"))) == [1, 2]


# S6: how it ends ------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["task_terminal", "channel_closed"])
async def test_an_end_ends_it(clock: HandClock, reason: str) -> None:
    """It is told, it says why, and nothing is asked for again (S6)."""
    end = b'event: end\ndata: {"reason": "%s"}\n\n' % reason.encode()
    server = serve(tells(message(1), end, message(2)))
    async with client(server, clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        events = await told(stream)

    assert events[1:] == [StreamEnd(reason=reason)]
    assert stream.end_reason == reason
    assert len(server.seen) == 1


@pytest.mark.parametrize("reason", [b'{"reason": "stream_closed"}', b'{"reason": "drain"}', b"{}"])
async def test_a_stream_that_was_dropped_goes_on(clock: HandClock, reason: bytes) -> None:
    """The server let go of the stream, not of the channel: a look, and it is opened again."""
    server = serve(
        tells(message(1), b"event: end\ndata: " + reason + b"\n\n", message(2)),
        tells(message(2), END),
    )
    async with client(server, clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        events = await told(stream)

    assert [type(event) for event in events] == [Message, Message, StreamEnd]
    assert stream.end_reason == "task_terminal"
    path = "GET /api/v1/agents/agt/tasks/tsk"
    assert server.lines == [f"{path}/events", path, f"{path}/events?since=1"]


DROPPED = b'event: end\ndata: {"reason": "stream_closed"}\n\n'


@pytest.mark.parametrize("last", [b"", DROPPED])
@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_a_task_that_is_over_is_not_asked_for_ever(
    clock: HandClock, last: bytes, status: str
) -> None:
    """A look tells that it is over, one more connection the rest.

    The look comes at once where the server said that it lets go, and where a stream broke off
    untold it comes the second time.  What was said between the break and the look must not
    be lost.
    """
    untold = [] if last else [ends()]
    server = serve(
        ends(message(1), last),
        *untold,
        ends(message(2), last),
        ends(last),
        look=says("200 OK", body=task(status)),
    )
    async with client(server, clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        events = await told(stream)

    assert offsets(events) == [1, 2]
    assert len(events) == 2
    assert (stream.end_reason, stream.last_offset) == ("task_terminal", 2)
    path = "GET /api/v1/agents/agt/tasks/tsk"
    again = [path] if last else []
    assert server.lines == [
        f"{path}/events",
        *[f"{path}/events?since=1" for _ in untold],
        path,
        f"{path}/events?since=1",
        *again,
        f"{path}/events?since=2",
    ]


@pytest.mark.parametrize(
    ("begun", "found", "reason"),
    [
        (
            lambda bee: bee.conversations.events("agt", "cnv"),
            {"success": True, "data": {"conversation_id": "cnv", "state": "closed"}},
            "channel_closed",
        ),
        (
            lambda bee: bee.runtime.operation_events("inst", "op"),
            {"id": "op", "status": "expired", "terminal": True},
            "expired",
        ),
    ],
)
async def test_what_else_is_over_is_not_asked_for_ever(
    clock: HandClock, begun: Callable[[AsyncBeeOS], EventStream[Any]], found: Any, reason: str
) -> None:
    """Each kind of stream looks at what it tells of."""

    async def one(peer: Peer, seen: Seen) -> None:
        if seen.target.endswith("/events"):
            await ends()(peer, seen)
        await peer.answer(json.encode(found))

    server = FaultServer(requests(one))
    async with client(server, clock) as bee:
        stream = begun(bee)
        events = await told(stream)

    assert (events, stream.end_reason) == ([], reason)
    assert [line.endswith("/events") for line in server.lines] == [True, True, False, True]


@pytest.mark.parametrize("last", [b"", DROPPED])
@pytest.mark.parametrize(
    "look",
    [None, says("403 Forbidden"), says("200 OK", body=b"[]"), says("200 OK", body=task(""))],
)
async def test_a_task_that_may_go_on_is_waited_for(
    clock: HandClock, last: bytes, look: Answer | None
) -> None:
    """However often its stream breaks off untold, and whatever keeps it from being looked at."""
    server = serve(tells(message(5), last), *[tells(last)] * 50, tells(message(6), END), look=look)
    async with client(server, clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        events = await told(stream)

    assert offsets(events) == [5, 6]
    assert stream.end_reason == "task_terminal"
    assert sum("/events" in line for line in server.lines) == 52


@pytest.mark.parametrize(
    "cut", [HEAD, HEAD + message(1)[:9], CHUNKED, CHUNKED + chunk(message(1)), CHUNKED + b"zz"]
)
async def test_a_cut_is_no_end(clock: HandClock, cut: bytes) -> None:
    """Although the task is over: whatever the network breaks off may be half of what there is."""

    async def breaks(peer: Peer, _seen: Seen) -> None:
        await peer.send(cut)
        raise ConnectionError

    server = serve(
        tells(message(1)),
        *[breaks] * 5,
        tells(message(2), END),
        look=says("200 OK", body=task("completed")),
    )
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert offsets(events) == [1, 2]


# S8, S9: what comes instead -------------------------------------------------------------------


async def test_a_refusal_that_passes_is_waited_for(clock: HandClock) -> None:
    """429 and 503 on a reconnect: it waits as long as it is told to, and goes on (S8)."""
    server = serve(
        tells(message(1)),
        says("429 Too Many Requests", "Retry-After: 7"),
        *[says("503 Service Unavailable")] * 5,
        says("502 Bad Gateway"),
        tells(message(2), END),
    )
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert offsets(events) == [1, 2]
    assert any(7 <= pause < 8 for pause in clock.slept)


async def test_a_503_that_says_when_is_asked_then(clock: HandClock) -> None:
    """Not before."""
    server = serve(
        tells(message(1)), says("503 Service Unavailable", "Retry-After: 40"), tells(END)
    )
    async with client(server, clock, max_retries=0) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    assert clock.slept == [0.25, 40]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", AuthenticationError),
        ("404 Not Found", NotFoundError),
        ("400 Bad Request", BeeOSError),
        ("403 Forbidden", BeeOSError),
        ("409 Conflict", ConflictError),
        ("302 Found", DecodeError),
    ],
)
async def test_a_refusal_that_stays_is_raised(
    clock: HandClock, status: str, error: type[BeeOSError]
) -> None:
    """With the place to go on from, and after one request (S8)."""
    server = serve(tells(message(1)), says(status))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        assert (await anext(events)).offset == 1  # type: ignore[union-attr]
        with pytest.raises(error) as caught:
            await anext(events)

        assert caught.value.last_offset == events.last_offset == 1
        assert len(server.seen) == 2
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_a_refusal_at_the_beginning_is_raised_at_once(clock: HandClock) -> None:
    """As of any call: JSON, although a stream was asked for."""
    body = b'{"success":false,"error":{"code":"agent_not_found","message":"no"}}'
    server = serve(says("404 Not Found", body=body))
    async with client(server, clock) as bee:
        with pytest.raises(NotFoundError, match="agent_not_found"):
            await told(bee.tasks.events("agt", "tsk"))

    assert len(server.seen) == 1


async def test_no_stream_is_final(clock: HandClock) -> None:
    """A 204 says that there is none (S9)."""
    server = serve(says("204 No Content", body=b""))
    async with client(server, clock) as bee:
        with pytest.raises(StreamEndedError, match="204"):
            await told(bee.tasks.events("agt", "tsk"))

    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_something_else_is_final(clock: HandClock, kind: str) -> None:
    """A page of a proxy is no stream, and would be none a second later (S9)."""
    server = serve(
        tells(message(1)), says("200 OK", f"Content-Type: {kind}", "X-Request-Id: req-1")
    )
    async with client(server, clock) as bee:
        with pytest.raises(DecodeError, match=f"no stream of events but {kind}") as caught:
            await told(bee.tasks.events("agt", "tsk"))

    assert caught.value.request_id == "req-1"
    assert caught.value.last_offset == 1
    assert len(server.seen) == 2


async def test_a_coding_nobody_asked_for_is_refused(clock: HandClock) -> None:
    """Bytes that cannot be read are no frames."""
    kind = "Content-Type: text/event-stream"
    server = serve(says("200 OK", kind, "Content-Encoding: x-odd", body=b"abc"))
    async with client(server, clock, max_retries=0) as bee:
        with pytest.raises(DecodeError, match="coding"):
            await told(bee.tasks.events("agt", "tsk"))


# S10, S11, S15: how much ----------------------------------------------------------------------


async def test_a_flood_of_comments_leaves_nothing_behind(clock: HandClock) -> None:
    """A hundred MiB of them, and memory stays where it was (S10)."""
    flood = (b": " + b"x" * 1000 + b"\n") * 1024

    async def pours(peer: Peer) -> None:
        for _ in range(100):
            await peer.send(flood)
        await peer.send(END)

    async with client(serve(tells(message(1), then=pours)), clock) as bee:
        async with bee.tasks.events("agt", "tsk") as events:
            await anext(events)
            gc.collect()
            tracemalloc.start()
            try:
                assert isinstance(await anext(events), StreamEnd)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()

    assert peak < 4 * 1024 * 1024


async def test_an_event_too_large_ends_it(clock: HandClock) -> None:
    """Nine MiB: said clearly, with the place of the last event, and not asked for again (S11)."""

    async def pours(peer: Peer) -> None:
        await peer.send(b"data: ")
        for _ in range(9):
            await peer.send(b"x" * 1024 * 1024)

    server = serve(tells(message(3), then=pours))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        assert offsets([await anext(events)]) == [3]
        with pytest.raises(StreamEndedError, match="too large") as caught:
            await anext(events)

    assert caught.value.last_offset == 3
    assert len(server.seen) == 1


async def test_an_event_of_eight_mib_is_told(clock: HandClock) -> None:
    """In one line."""
    body = "x" * (EVENT_CAP - 1000)
    async with client(serve(tells(message(1, body=body), END)), clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk"))

    assert len(events[0].body) == len(body)


async def test_a_slow_consumer_holds_the_server_back(clock: HandClock) -> None:
    """The server cannot send what nobody takes, and the client does not hoard it (S15)."""
    sent = 0

    async def pours(peer: Peer) -> None:
        nonlocal sent
        frame = message(0, body="x" * 100_000)
        while True:
            await peer.send(frame)
            sent += len(frame)

    server = serve(tells(message(1), then=pours))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        await anext(events)
        gc.collect()
        tracemalloc.start()
        try:
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        # What the kernel holds is not ours to bound.
        assert 100_000 < sent < 30_000_000
        assert held < 4_000_000
        assert len((await anext(events)).body) == 100_000  # type: ignore[union-attr]


# S12, S18: what it says -----------------------------------------------------------------------


async def test_an_event_that_cannot_be_read_is_raised(clock: HandClock) -> None:
    """Once; the next step gives the one after it (S12)."""
    server = serve(tells(message(1), b"data: {no\n\n", message(2), END))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        await anext(events)
        with pytest.raises(DecodeError) as caught:
            await anext(events)
        rest = [event async for event in events]

    assert caught.value.last_offset == 1
    assert caught.value.trouble.excerpt == "{no"
    assert caught.value.__context__ is None
    assert offsets(rest) == [2]


async def test_an_event_that_cannot_be_read_may_be_passed_over(clock: HandClock) -> None:
    """Where it is asked for (S12)."""
    server = serve(
        tells(message(1), b"data: {no\n\n", b"data: [" * 9999 + b"\n\n", message(2), END)
    )
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk", on_bad_event="skip"))

    assert offsets(events) == [1, 2]


async def test_what_is_new_is_told_as_it_is(clock: HandClock) -> None:
    """Typed where it is known, generic where it is not (S18)."""
    server = serve(
        tells(
            b'event: backfill_truncated\ndata: {"since": 40, "oldest_redis_offset": 220}\n\n',
            b'event: replay_complete\ndata: {"latest_offset": 231}\n\n',
            b'event: heartbeat\ndata: {"at": 1}\n\n',
            b"event: note\ndata: no JSON\n\n",
            END,
        )
    )
    async with client(server, clock) as bee:
        events = await told(bee.tasks.events("agt", "tsk", since=40))

    assert events[:-1] == [
        BackfillTruncated(since=40, oldest_redis_offset=220),
        ReplayComplete(latest_offset=231),
        UnknownEvent(name="heartbeat", data={"at": 1}),
        UnknownEvent(name="note", data="no JSON"),
    ]


# S14: invocations -----------------------------------------------------------------------------


def delta(text: str) -> bytes:
    return b"data: " + json.encode({"type": "delta", "text": text}) + b"\n\n"


def done(**fields: Any) -> bytes:
    return b"data: " + json.encode({"type": "done", **fields}) + b"\n\n"


async def test_an_invocation_is_told(clock: HandClock) -> None:
    """Deltas, then the end, which has all of it."""
    server = serve(tells(delta("Booked "), delta("42."), done(text="Booked 42.", context_id="c")))
    async with client(server, clock) as bee:
        stream = bee.agents.invoke_stream("agt", "Book it.", idempotency_key="key-1")
        events = await told(stream)

    assert events == [
        InvokeDelta(text="Booked "),
        InvokeDelta(text="42."),
        InvokeDone(text="Booked 42.", context_id="c"),
    ]
    assert stream.done is events[2]
    assert stream.end_reason == "done"
    assert json.decode(server.seen[0].body) == {"message": "Book it.", "idempotency_key": "key-1"}


@pytest.mark.parametrize("frames", [(), (delta("Let "),), (delta("Let "), done()[:-1])])
async def test_an_invocation_that_breaks_off_is_not_made_again(
    clock: HandClock, frames: tuple[bytes, ...]
) -> None:
    """It arrived, half of it is lost, and it was posted once (S14)."""
    server = serve(tells(*frames))
    async with client(server, clock) as bee:
        stream = bee.agents.invoke_stream("agt", "Go.")
        with pytest.raises(StreamEndedError, match="cannot be resumed") as caught:
            await told(stream)

    assert caught.value.delivered == "yes"
    assert caught.value.idempotency_key == json.decode(server.seen[0].body)["idempotency_key"]
    assert len(server.seen) == 1
    assert stream.done is None


async def test_a_silent_invocation_is_given_up(clock: HandClock) -> None:
    """And not made again, either."""
    server = serve(tells(delta("Let "), then=hangs))
    async with client(server, clock) as bee:
        with pytest.raises(StreamEndedError, match=r"0\.05 s"):
            await told(bee.agents.invoke_stream("agt", "Go.", idle=0.05))

    assert len(server.seen) == 1


async def test_an_invocation_that_may_have_arrived_is_not_made_again(clock: HandClock) -> None:
    """The connection broke before there was an answer: nobody knows, and nobody tries."""

    async def drops(peer: Peer, _seen: Seen) -> None:
        raise ConnectionError

    server = serve(drops)
    async with client(server, clock) as bee:
        with pytest.raises(ConnectionLostError) as caught:
            await told(bee.agents.invoke_stream("agt", "Go."))

    assert caught.value.delivered == "maybe"
    assert len(server.seen) == 1


async def test_an_invocation_that_was_refused_unseen_is_made_again(clock: HandClock) -> None:
    """With the same key: a 429 did nothing."""
    server = serve(says("429 Too Many Requests", "Retry-After: 1"), tells(done(text="yes")))
    async with client(server, clock) as bee:
        await told(bee.agents.invoke_stream("agt", "Go."))

    assert server.seen[0].body == server.seen[1].body
    assert json.decode(server.seen[0].body)["idempotency_key"]


async def test_an_invocation_that_failed_says_so(clock: HandClock) -> None:
    """Trouble is an event, and the end says it again; nothing is raised."""
    failure = {"type": "error", "code": "agent_timeout", "status_code": 504, "message": "late"}
    server = serve(
        tells(
            delta("Let me"),
            b"data: " + json.encode(failure) + b"\n\n",
            done(is_error=True, error="late", code="agent_timeout"),
        )
    )
    async with client(server, clock) as bee:
        stream = bee.agents.invoke_stream("agt", "Go.")
        events = await told(stream)

    assert events[1] == InvokeFailure(code="service_timeout", status_code=504, message="late")
    assert stream.done is not None
    assert (stream.done.is_error, stream.done.code) == (True, "service_timeout")
    with pytest.raises(AgentError, match="late"):
        stream.raise_for_error()


async def test_a_failure_that_only_the_end_tells_is_not_told_as_an_answer(
    clock: HandClock,
) -> None:
    """Whoever prints the words prints none; what went wrong is an error to ask for."""
    end = {"is_error": True, "code": "agent_reply_error", "text": "ledger locked"}
    told = b"retry: 2000\r\n\r\nevent: done\r\ndata: " + json.encode(end) + b"\r\n\r\n"
    async with client(serve(tells(told)), clock) as bee:
        async with bee.agents.invoke_stream("agt", "Book it.") as reply:
            with pytest.raises(ConfigurationError, match="take every event first"):
                reply.raise_for_error()
            assert [words async for words in reply.text()] == []
        with pytest.raises(AgentError, match="ledger locked"):
            reply.raise_for_error()


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/problem+json"])
@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_in_one_piece_is_the_answer(
    clock: HandClock, kind: str, fails: bool
) -> None:
    """A server that does not stream has answered all the same: its reply is the end."""
    reply = {"text": "Booked 42.", "context_id": "c", "is_error": fails}
    body = json.encode({"success": True, "data": reply})
    server = serve(says("200 OK", f"Content-Type: {kind}", body=body))
    async with client(server, clock) as bee:
        stream = bee.agents.invoke_stream("agt", "Book it.")
        events = await told(stream)

    assert events == [InvokeDone(text="Booked 42.", context_id="c", is_error=fails)]
    assert (stream.done, stream.end_reason) == (events[0], "done")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"success": true, "data": '),
        ("application/json", b'{"success": false, "data": {}}'),
        ("text/html", b"<h1>Welcome</h1>"),
        ("text/event-stream", b"data: none\n\n"),
    ],
)
async def test_an_invocation_whose_answer_is_of_no_use_shows_it(
    clock: HandClock, kind: str, body: bytes
) -> None:
    """It was made: the error has what came, and the key to look for it with."""
    server = serve(says("200 OK", f"Content-Type: {kind}", body=body))
    async with client(server, clock) as bee:
        with pytest.raises(DecodeError) as caught:
            await told(bee.agents.invoke_stream("agt", "Go.", idempotency_key="key-1"))

    assert (caught.value.delivered, caught.value.idempotency_key) == ("yes", "key-1")
    assert caught.value.trouble.excerpt in f"data: {body.decode()}"
    assert len(caught.value.trouble.excerpt) > 3
    assert len(server.seen) == 1


async def test_a_stream_of_a_task_has_no_answer_in_one_piece(clock: HandClock) -> None:
    """The contract knows none: whatever it is, it is not told as one, and it is shown."""
    body = json.encode({"success": True, "data": {"text": "?"}})
    server = serve(says("200 OK", "Content-Type: application/json", body=body))
    async with client(server, clock) as bee:
        with pytest.raises(DecodeError, match="no stream of events") as caught:
            await told(bee.tasks.events("agt", "tsk"))

    assert caught.value.trouble.excerpt == body.decode()


async def test_the_words_of_an_invocation(clock: HandClock) -> None:
    """Nothing but them."""
    reasoning = b'data: {"type": "reasoning", "text": "hm"}\n\n'
    server = serve(tells(reasoning, delta("Booked "), delta("42."), done(text="Booked 42.")))
    async with client(server, clock) as bee:
        async with bee.agents.invoke_stream("agt", "Book it.") as reply:
            assert [words async for words in reply.text()] == ["Booked ", "42."]
            assert reply.raise_for_error() is reply.done
            assert reply.done is not None


async def test_the_words_of_a_task(clock: HandClock) -> None:
    """Each once, although every frame has them all, over as many connections as it takes."""
    server = serve(
        tells(message(1, body="311", state="streaming")),
        tells(message(2, body="311 rows", state="streaming")),
        tells(message(3, body="311 rows match.", state="completed"), END),
    )
    async with client(server, clock) as bee:
        async with bee.tasks.events("agt", "tsk") as reply:
            assert [words async for words in reply.text()] == ["311", " rows", " match."]


# S19: operations ------------------------------------------------------------------------------

OPERATION = "/api/v1/instances/ins/operations/op/events"


def happening(number: int, type: str = "runtime_operation_progress", **more: Any) -> bytes:
    event = {"type": type, "sequence": str(number), **more}
    told = {"id": str(number), "operationId": "op", "method": "session/clear", "event": event}
    return b"id: %d\ndata: %s\n\n" % (number, json.encode(told))


RESPONSE = "runtime_rpc_response"


async def test_an_operation_goes_on_by_its_event_id(clock: HandClock) -> None:
    """A header carries it, as digits of any number; repeats are told by number, not by text."""
    big = 2**70
    server = serve(
        tells(happening(9), happening(10)),
        tells(happening(9), happening(10), happening(big)),
        tells(happening(big), happening(big + 1, RESPONSE, outcome="failed"), happening(big + 2)),
    )
    async with client(server, clock) as bee:
        stream = bee.runtime.operation_events("ins", "op")
        events: list[RuntimeEvent] = await told(stream)

    assert server.lines == [f"GET {OPERATION}"] * 3
    assert [seen.headers.get("last-event-id") for seen in server.seen] == [None, "10", str(big)]
    assert [int(event.id) for event in events] == [9, 10, big, big + 1]
    assert (stream.end_reason, stream.last_offset) == ("failed", str(big + 1))


async def test_an_operation_begins_where_it_is_told_to(clock: HandClock) -> None:
    """Zero is an id like any other."""
    server = serve(tells(happening(1, RESPONSE)))
    async with client(server, clock) as bee:
        await told(bee.runtime.operation_events("ins", "op", last_event_id=0))
        await told(bee.runtime.operation_events("ins", "op", last_event_id="0"))

    assert [seen.headers.get("last-event-id") for seen in server.seen] == ["0", "0"]


async def test_a_cursor_ahead_is_a_conflict(clock: HandClock) -> None:
    """Once, with what the server told (S19)."""
    body = b'{"code":"OPERATION_CURSOR_AHEAD","cursor":"9","lastSequence":"4","httpStatus":409}'
    server = serve(says("409 Conflict", body=body))
    async with client(server, clock) as bee:
        with pytest.raises(ConflictError) as caught:
            await told(bee.runtime.operation_events("ins", "op", last_event_id="9"))

    assert caught.value.metadata["lastSequence"] == "4"
    assert len(server.seen) == 1


# How long ---------------------------------------------------------------------------------------


async def test_pauses_grow_and_begin_anew(clock: HandClock) -> None:
    """A quarter of a second, doubling to thirty; ten seconds of health begin it anew."""

    async def lives(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        clock.time += 10

    server = serve(*[tells()] * 9, tells(message(1), then=lives), tells(), tells(END))
    async with client(server, clock) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    assert clock.slept == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 0.25, 0.5]


@pytest.mark.parametrize(("asked", "pause"), [(b"1", 0.1), (b"2000", 2), (b"99999999", 30)])
async def test_a_server_may_say_how_long(clock: HandClock, asked: bytes, pause: float) -> None:
    """Within bounds, and for as long as it says nothing else."""
    server = serve(
        tells(b"retry: " + asked + b"\n\n", message(1), then=ages(clock)),
        tells(message(2), then=ages(clock)),
        tells(END),
    )
    async with client(server, clock) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    assert clock.slept == [pause, pause]


def ages(clock: HandClock) -> Script:
    async def lives(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        clock.time += 60

    return lives


async def test_silence_costs_nothing(clock: HandClock) -> None:
    """The tenth silence is answered as soon as the first."""
    server = serve(*[tells(then=hangs)] * 4, tells(END))
    async with client(server, clock) as bee:
        await told(bee.tasks.events("agt", "tsk", idle=0.03))

    assert clock.slept == [0.25] * 4


async def test_patience_ends(clock: HandClock) -> None:
    """Nobody is kept waiting for ever by a host that is gone."""
    server = serve(tells(message(5)), says("500 Internal Server Error"))
    async with client(server, clock) as bee:
        with pytest.raises(StreamEndedError, match=r"could not be resumed: .*500") as caught:
            await told(bee.tasks.events("agt", "tsk"))

    assert caught.value.last_offset == 5
    assert caught.value.delivered == "no"
    assert PATIENCE * 0.8 < sum(clock.slept) < PATIENCE * 1.2


async def test_a_429_beyond_all_patience_is_not_waited_for(clock: HandClock) -> None:
    """Nor is slept through."""
    server = serve(tells(message(5)), says("429 Too Many Requests", "Retry-After: 900"))
    async with client(server, clock) as bee:
        with pytest.raises(StreamEndedError, match="429"):
            await told(bee.tasks.events("agt", "tsk"))

    assert sum(clock.slept) < 1


async def test_a_429_at_the_beginning_is_met_as_ever(clock: HandClock) -> None:
    """A single call waits for a minute, no longer."""
    server = serve(says("429 Too Many Requests", "Retry-After: 61"))
    async with client(server, clock) as bee:
        with pytest.raises(RateLimitError):
            await told(bee.tasks.events("agt", "tsk"))


async def test_a_host_that_goes_away_comes_back(clock: HandClock) -> None:
    """Nothing listens for a while: the stream waits."""
    async with FaultServer(requests(tells(message(1)))) as first:
        port = int(first.url.rpartition(":")[2])
        bee = AsyncBeeOS("x", base_url=first.url, _clock=clock, max_retries=0)
        stream = bee.tasks.events("agt", "tsk")
        await stream.__aenter__()
        assert offsets([await anext(stream)]) == [1]
    answer = serve(tells(message(2), END))

    async def returns(seconds: float) -> None:
        await HandClock.sleep(clock, seconds)
        if len(clock.slept) == 3:
            answer._server = await asyncio.start_server(answer._serve, "127.0.0.1", port)

    clock.sleep = returns  # type: ignore[method-assign]
    rest = [event async for event in stream]
    await bee.close()
    await answer.__aexit__()

    assert offsets(rest) == [2]
    assert len(clock.slept) == 3


async def test_a_deadline_is_the_whole_stream(clock: HandClock) -> None:
    """Also while nothing is heard, and while it is opened again."""
    server = serve(tells(message(1), then=hangs))
    async with client(server, clock) as bee:
        async with bee.tasks.events("agt", "tsk", deadline=0.1) as events:
            await anext(events)
            clock.time += 0.05
            with pytest.raises(RequestTimeoutError, match="deadline") as caught:
                clock.limit = expiring(clock)  # type: ignore[method-assign]
                await anext(events)

    assert caught.value.last_offset == 1
    assert len(server.seen) == 1


def expiring(clock: HandClock) -> Callable[[float | None], asyncio.Timeout]:
    """Make limits that wind the clock when they are reached."""

    def limit(seconds: float | None) -> asyncio.Timeout:
        assert seconds is not None
        asyncio.get_running_loop().call_later(
            seconds, lambda: setattr(clock, "time", clock.time + seconds)
        )
        return asyncio.timeout(seconds)

    return limit


async def test_a_deadline_cuts_the_pauses(clock: HandClock) -> None:
    """A stream that breaks again and again does not outlast it."""
    server = serve(tells(message(1)), tells())
    async with client(server, clock) as bee:
        with pytest.raises(RequestTimeoutError) as caught:
            await told(bee.tasks.events("agt", "tsk", deadline=20))

    assert caught.value.last_offset == 1
    assert sum(clock.slept) < 40


async def test_a_deadline_holds_for_failures_too(clock: HandClock) -> None:
    """A host that refuses until then is no reason to go on."""
    server = serve(tells(message(1)), says("503 Service Unavailable"))
    async with client(server, clock) as bee:
        with pytest.raises((RequestTimeoutError, ServiceUnavailableError, StreamEndedError)):
            await told(bee.tasks.events("agt", "tsk", deadline=20))

    assert sum(clock.slept) < 60


# S16: who listens -----------------------------------------------------------------------------


async def test_leaving_closes_the_connection(clock: HandClock) -> None:
    """At once, and not when the client closes (S16)."""
    gone = asyncio.Event()

    async def watches(peer: Peer) -> None:
        await peer.reader.read()
        gone.set()

    server = serve(tells(message(1), message(2), then=watches))
    async with client(server, clock) as bee:
        async with bee.tasks.events("agt", "tsk") as events:
            async for _ in events:  # pragma: no branch -- to leave it is the test
                break
        async with asyncio.timeout(1):
            await gone.wait()
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_the_end_closes_the_connection(clock: HandClock) -> None:
    """Although the server would keep it open, and although the block goes on."""
    gone = asyncio.Event()

    async def watches(peer: Peer) -> None:
        await peer.reader.read()
        gone.set()

    server = serve(tells(END, then=watches))
    async with client(server, clock) as bee:
        async with bee.tasks.events("agt", "tsk") as events:
            assert [event async for event in events] == [StreamEnd(reason="task_terminal")]
            async with asyncio.timeout(1):
                await gone.wait()


async def test_a_step_may_be_cancelled(clock: HandClock) -> None:
    """Whoever waits for the next event no longer than so long loses none."""

    async def drips(peer: Peer) -> None:
        for offset in (2, 3, 4):
            for byte in message(offset):
                await peer.send(bytes([byte]))
                await asyncio.sleep(0.0005)
        await peer.send(END)

    server = serve(tells(message(1), then=drips))
    events: list[ChannelEvent] = []
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as stream:
        async with asyncio.timeout(20):
            while stream.end_reason is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.003):
                        events.append(await anext(stream))

    assert offsets(events) == [1, 2, 3, 4]
    assert len(server.seen) == 1


async def test_a_cancelled_reconnect_is_made_at_the_next_step(clock: HandClock) -> None:
    """A pause that was cut short is no end."""
    server = serve(tells(message(1)), tells(message(2), END))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        await anext(events)
        step = asyncio.ensure_future(anext(events))
        while not clock.slept:
            await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step

        assert offsets([await anext(events)]) == [2]


async def test_another_timeout_is_not_ours(clock: HandClock) -> None:
    """The caller's own leaves as it is."""
    server = serve(tells(then=hangs))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await anext(events)

    assert not isinstance(caught.value, BeeOSError)
    assert len(server.seen) == 1


async def test_streams_hold_no_slot(clock: HandClock) -> None:
    """Twenty of them, through a gate for one, and a call passes."""
    instance = b'{"success":true,"data":{"id":"i"}}'

    async def answer(peer: Peer, seen: Seen) -> None:
        if seen.target.endswith("/events"):
            await peer.send(HEAD + message(1))
            await peer.hang()
        await peer.send(http(instance))

    async with client(serve(answer), clock, max_concurrency=1) as bee:
        async with contextlib.AsyncExitStack() as stack, asyncio.timeout(10):
            for number in range(120):
                await stack.enter_async_context(bee.tasks.events("agt", f"tsk{number}"))
            assert (await bee.instances.get("i")).id == "i"
            assert bee._caller.gate.in_flight == 0


async def test_a_client_that_closes_ends_its_streams(clock: HandClock) -> None:
    """Whoever waits hears why, at once."""
    server = serve(tells(message(1), then=hangs))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        await anext(events)
        step = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.01)

        await bee.close()

        async with asyncio.timeout(1):
            with pytest.raises(ClientClosedError):
                await step
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_a_closed_client_opens_none(clock: HandClock) -> None:
    """As of any call."""
    async with client(serve(tells(END)), clock) as bee:
        await bee.close()
        with pytest.raises(ClientClosedError):
            await told(bee.tasks.events("agt", "tsk"))


async def test_a_stream_stays_in_its_loop(clock: HandClock) -> None:
    """It belongs to the client's, says so elsewhere, and goes on at home."""

    async def elsewhere(events: EventStream[ChannelEvent]) -> ChannelEvent:
        return await anext(events)

    async def ends(peer: Peer) -> None:
        await tried.wait()
        await peer.send(END)

    tried = asyncio.Event()
    server = serve(tells(message(1), then=ends))
    async with client(server, clock) as bee, bee.tasks.events("agt", "tsk") as events:
        await anext(events)
        with pytest.raises(ClientLoopError):
            await asyncio.to_thread(asyncio.run, elsewhere(events))
        tried.set()

        assert await anext(events) == StreamEnd(reason="task_terminal")


async def test_every_try_is_told_of(clock: HandClock) -> None:
    """A stream that is opened, and opened again, is seen by who counts attempts."""
    seen: list[tuple[str, int | None]] = []
    server = serve(tells(message(1)), says("503 Service Unavailable"), tells(END))
    options = {"on_attempt": lambda one: seen.append((one.endpoint, one.status))}
    async with client(server, clock, **options) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    assert seen == [("streamTaskEvents", status) for status in (200, 503, 200)]


async def test_a_rotated_key_opens_it_again(clock: HandClock) -> None:
    """A key that expired while it was told is asked for once more."""
    keys = iter(["one", "two", "three", "four"])

    async def key() -> str:
        return next(keys)

    server = serve(tells(message(1)), says("401 Unauthorized"), tells(END))
    async with server, AsyncBeeOS(key, base_url=server.url, _clock=clock) as bee:
        await told(bee.tasks.events("agt", "tsk"))

    assert [seen.headers["authorization"] for seen in server.seen] == [
        "Bearer one",
        "Bearer two",
        "Bearer four",
    ]


async def test_an_aiohttp_of_another_make_loses_only_time() -> None:
    """What is looked at below its front door may be gone one day: then the next one tells it."""

    class Content:
        async def readany(self) -> bytes:
            raise OSError

    class Response:
        status, headers, content = 200, CIMultiDict[str](), Content()

    assert await Feed(Response()).read() == b""  # type: ignore[arg-type]


def test_aiohttp_keeps_what_came_before_a_break() -> None:
    """A release of it that looks different fails here, not at somebody's last event."""
    assert callable(aiohttp.StreamReader._read_nowait)


async def test_what_came_before_a_break_is_told(clock: HandClock) -> None:
    """The end of an invocation, and a connection that dies with it: the end is heard."""

    async def answer(peer: Peer, _seen: Seen) -> None:
        await peer.send(CHUNKED)
        await asyncio.sleep(0.02)
        await peer.send(chunk(delta("yes") + done(text="yes")))
        raise ConnectionError

    async with client(serve(answer), clock) as bee:
        async with bee.agents.invoke_stream("agt", "Go.") as reply:
            # Everything has come, and broken, before anybody looks.
            await asyncio.sleep(0.05)
            assert [words async for words in reply.text()] == ["yes"]


# How it is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda bee: bee.tasks.events("..", "tsk"),
        lambda bee: bee.tasks.events("agt", ""),
        lambda bee: bee.tasks.events("agt", "tsk", since=-1),
        lambda bee: bee.tasks.events("agt", "tsk", since=2**63),
        lambda bee: bee.tasks.events("agt", "tsk", since=True),
        lambda bee: bee.conversations.events("agt", "cnv", since="7"),
        lambda bee: bee.conversations.events("agt", "cnv", idle=0),
        lambda bee: bee.tasks.events("agt", "tsk", deadline=-1),
        lambda bee: bee.tasks.events("agt", "tsk", on_bad_event="ignore"),
        lambda bee: bee.runtime.operation_events("ins", "op", last_event_id="1x"),
        lambda bee: bee.runtime.operation_events("ins", "op", last_event_id=-1),
        lambda bee: bee.runtime.operation_events("ins", "op", last_event_id=True),
        lambda bee: bee.runtime.operation_events("ins", "op", last_event_id="9" * 129),
        lambda bee: bee.agents.invoke_stream("agt", "Go.", timeout_ms=115_001),
        lambda bee: bee.agents.invoke_stream("agt", "Go.", idempotency_key=""),
        lambda bee: bee.agents.invoke_stream("agt", "x" * 2**20),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_at_once(
    make: Callable[[AsyncBeeOS], object],
) -> None:
    """Before anything is opened."""
    async with AsyncBeeOS("x", base_url="http://127.0.0.1:9") as bee:
        with pytest.raises(ConfigurationError):
            make(bee)


async def test_a_stream_is_opened_once(clock: HandClock) -> None:
    """First `async with`, then `async for`; and a second one is another one."""
    async with client(serve(tells(END)), clock) as bee:
        stream = bee.tasks.events("agt", "tsk")
        with pytest.raises(ConfigurationError, match="async with"):
            aiter(stream)
        await told(stream)
        with pytest.raises(ConfigurationError, match="told once"):
            await stream.__aenter__()
