"""What a body may hold, over a real socket: it is read, or it is an error of ours."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from fault_server import FaultServer, Peer, Script, Seen, http, in_turn, instance, tell_truth
from hand_clock import HandClock
from msgspec import json
from standing import agree, check_report, client

import beeos_async as b

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]

HEAD = b'{"success":true,"data":{"id":"inst-1","desiredStatus":"running"'
WHOLE = instance("inst-1")


def first(data: bytes, *, stays: bool = True) -> Script:
    """Apply the first start and answer with these bytes; from then on, be honest."""

    async def answer(peer: Peer, seen: Seen) -> None:
        peer.apply("inst-1")
        await peer.send(data)
        if not stays:
            raise ConnectionError

    return in_turn(answer, tell_truth)


async def looks_after(answer: bytes, clock: HandClock, *, stays: bool = True) -> b.Attempt:
    """Start once through a body that is of no use, and tell how its attempt ended."""
    told: list[b.Attempt] = []
    async with FaultServer(first(answer, stays=stays)) as server:
        async with client(server, clock, on_attempt=told.append, timeout=5.0) as bee:
            started = await bee.start("inst-1")
    assert (started.id, started.desired_status) == ("inst-1", "running")
    assert server.methods == ["POST", "GET"]
    assert server.applied == ["inst-1"]
    return told[0]


UNREADABLE = {
    "nothing": b"",
    "null": b"null",
    "a page": b"<html><body>hello</body></html>",
    "a byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "no number": HEAD + b',"cpu":NaN}}',
    "trailing bytes": WHOLE + b" x",
    "two documents": WHOLE + WHOLE,
    "a list": b"[]",
    "a text": b'"inst-1"',
    "bytes that are no UTF-8": HEAD + b',"name":"\xff"}}',
    "an overlong slash": HEAD + b',"name":"\xc0\xaf"}}',
    "half a pair": HEAD + b',"name":"\\ud800"}}',
    "half a pair, raw": HEAD + b',"name":"\xed\xa0\x80"}}',
    "a control character": HEAD + b',"name":"a\x01b"}}',
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "no id": b'{"success":true,"data":{"desiredStatus":"running"}}',
    "a null id": b'{"success":true,"data":{"id":null}}',
    "an empty id": b'{"success":true,"data":{"id":""}}',
    "a number for an id": b'{"success":true,"data":{"id":1}}',
    "no data": b'{"success":true}',
    "another instance": instance("inst-2"),
    "an id twice": b'{"success":true,"data":{"id":"inst-1","id":"inst-2"}}',
    "another case": instance("INST-1"),
    "deep nesting": HEAD + b',"x":' + b"[" * 2_000_000,
    "deep nesting where it is read": b'{"success":true,"data":' + b"[" * 2_000_000,
}


@pytest.mark.fault("P1", "P2", "P3", "P6", "P7", "P9")
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_body_of_no_use_is_a_decode_error_and_is_looked_after(
    clock: HandClock, body: bytes
) -> None:
    """Whatever the decoder would raise: it is ours, it says that the answer came."""
    attempt = await looks_after(http(body, "200 OK", "X-Request-Id: req-1"), clock)

    assert isinstance(attempt.error, b.DecodeError)
    assert (attempt.error.delivered, attempt.error.status) == ("yes", 200)
    assert attempt.request_id == "req-1"


@pytest.mark.fault("P3")
@pytest.mark.parametrize("prefix", [b'{"success":true,"data":', HEAD + b',"x":', b""])
async def test_ten_million_brackets_are_refused_at_once(clock: HandClock, prefix: bytes) -> None:
    """Whether they are over the cap or just below it."""
    for count in (8_000_000, 10_000_000):
        attempt = await looks_after(http(prefix + b"[" * count), clock)
        assert isinstance(attempt.error, b.DecodeError)


RAISED = """
import sys
sys.setrecursionlimit(100_000)
sys.path.insert(0, sys.argv[1])
import asyncio
from fault_server import FaultServer, http, requests
from beeos_async import AsyncBeeOS, DecodeError

async def answer(peer, seen):
    await peer.answer(bytes(sys.argv[2], "ascii") + b"[" * 50_000)

async def main():
    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("k", base_url=server.url, max_retries=0) as bee:
            try:
                await bee.instances.get("inst-1")
            except DecodeError:
                print("refused")

asyncio.run(main())
"""


@pytest.mark.fault("P4", "C24")
@pytest.mark.parametrize("prefix", ['{"success":true,"data":{"id":"inst-1","x":', ""])
def test_deep_nesting_does_not_kill_a_process_that_raised_its_limit(prefix: str) -> None:
    """The C stack is guarded by us, where nobody else does."""
    done = subprocess.run(
        [sys.executable, "-c", RAISED, str(Path(__file__).parents[1]), prefix],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr


@pytest.mark.fault("P5")
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"1" * 5000, "$"),
        (b"1e400", "$"),
        (b'"seven"', None),
        (b"-1e-400", None),
        (b"true", None),
        (b"[1]", None),
    ],
)
async def test_a_number_that_is_none_is_named_or_not_set(
    clock: HandClock, value: bytes, named: str | None
) -> None:
    """What no number can hold is unreadable, and the error says where; the rest is "not set"."""
    body = b'{"success":true,"data":[{"id":"inst-1"}],"total":%s}' % value

    async def page(peer: Peer, _: Seen) -> None:
        await peer.answer(body)

    async with FaultServer(in_turn(page)) as server, client(server, clock, max_retries=0) as bee:
        if named is None:
            (one,) = await bee.instances.list().collect()
            assert one.id == "inst-1"
        else:
            with pytest.raises(b.DecodeError, match=r"\$\.total"):
                await bee.instances.list().collect()


@pytest.mark.fault("P6")
async def test_of_an_id_that_comes_twice_the_last_one_counts(clock: HandClock) -> None:
    """It is the requested one, or the answer is refused (above)."""

    async def twice(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"success":false,"success":true,"data":{"id":"inst-2","id":"inst-1"}}')

    async with FaultServer(in_turn(twice)) as server, client(server, clock) as bee:
        assert (await bee.instances.get("inst-1")).id == "inst-1"


@pytest.mark.fault("P7")
async def test_a_connection_that_brought_another_instance_is_closed(clock: HandClock) -> None:
    """A fleet behind a cache that mixes up its answers claims nothing that is not so."""
    fleet = [f"inst-{number}" for number in range(200)]

    async def confuse(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST" and seen.target.endswith("3/start"):
            peer.apply(seen.target.split("/")[4])
            await peer.answer(instance("inst-0"))
            assert await peer.reader.read() == b"", "nothing more is asked here"
            raise ConnectionError
        await tell_truth(peer, seen)

    async with FaultServer(in_turn(confuse)) as server, client(server, clock) as bee:
        report = await bee.start_many(fleet)

    assert report.ok
    check_report(report, fleet)
    agree(report, server.applied)


@pytest.mark.fault("P8")
async def test_what_the_contract_may_grow_is_read(clock: HandClock) -> None:
    """Unknown words and fields, missing and odd ones: an id is all that is needed."""
    odd = {
        "success": "yes",
        "data": {
            "id": "inst-1",
            "status": "hibernating",
            "desiredStatus": None,
            "connectivity": 7,
            "expiresAt": "soon",
            "brandNew": {"a": [1, {"b": None}]},
        },
        "meta": [],
    }

    async def grow(peer: Peer, _: Seen) -> None:
        await peer.answer(json.encode(odd))

    async with FaultServer(in_turn(grow)) as server, client(server, clock) as bee:
        found = await bee.instances.get("inst-1")

    assert (found.status, found.desired_status, found.expires_at) == ("hibernating", "", None)
    assert len(server.seen) == 1


BOMB = gzip.compress(b"[" * (32 * 1024 * 1024), compresslevel=1)
LARGE = {
    "a bomb": http(BOMB, "200 OK", "Content-Encoding: gzip"),
    "a bomb in a bomb": http(gzip.compress(BOMB), "200 OK", "Content-Encoding: gzip"),
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n" + b" " * 100_000,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"100000\r\n%s\r\n" % (b" " * 0x100000) * 9,
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 9_000_000,
}


@pytest.mark.fault("P10")
@pytest.mark.parametrize("answer", LARGE.values(), ids=LARGE)
async def test_nobody_reads_more_than_an_answer_may_have(clock: HandClock, answer: bytes) -> None:
    """The start is looked after, as after any answer that is of no use."""
    attempt = await looks_after(answer, clock, stays=False)

    assert isinstance(attempt.error, b.DecodeError)
    if answer is not LARGE["a bomb in a bomb"]:
        assert attempt.error.reason == "too_large"


GREEDY = """
import asyncio, resource, sys
sys.path.insert(0, sys.argv[1])
import gzip
from fault_server import FaultServer, http, requests
from beeos_async import AsyncBeeOS, DecodeError

layer = gzip.compress(bytes(1 << 20), 9)
bomb = layer * 512

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024

async def answer(peer, seen):
    await peer.answer(bomb, "200 OK", "Content-Encoding: gzip")

async def main():
    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("k", base_url=server.url, max_retries=0) as bee:
            before = peak()
            try:
                await bee.instances.get("inst-1")
            except DecodeError as error:
                print(error.reason, peak() - before < 3 * 8)

asyncio.run(main())
"""


@pytest.mark.fault("P10")
@pytest.mark.skipif(sys.platform != "linux", reason="only there a process tells its peak")
def test_a_bomb_of_half_a_gibibyte_takes_no_more_than_three_times_the_cap() -> None:
    """Memory is what a bomb is for."""
    done = subprocess.run(
        [sys.executable, "-c", GREEDY, str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "too_large True"


CODED = {
    "br": (WHOLE, "br"),
    "zstd": (WHOLE, "zstd"),
    "a word of its own": (WHOLE, "x-custom"),
    "gzip twice": (gzip.compress(gzip.compress(WHOLE)), "gzip, gzip"),
    "no gzip": (WHOLE, "gzip"),
    "broken gzip": (gzip.compress(WHOLE)[:10] + b"\xff" * 40, "gzip"),
    "a wrong checksum": (gzip.compress(WHOLE)[:-8] + bytes(8), "gzip"),
    "deflate that is none": (b"\x00" + zlib.compress(WHOLE), "deflate"),
}


@pytest.mark.fault("P11")
@pytest.mark.parametrize(("body", "coding"), CODED.values(), ids=CODED)
async def test_a_coding_that_cannot_be_read_is_not_guessed_at(
    clock: HandClock, body: bytes, coding: str
) -> None:
    """Unknown, doubled or broken: the answer came, and is of no use."""
    attempt = await looks_after(http(body, "200 OK", f"Content-Encoding: {coding}"), clock)

    assert isinstance(attempt.error, b.DecodeError)
    assert attempt.error.delivered == "yes"


HEADS = {
    "a header of nine KiB": b"X: " + b"x" * 9000 + b"\r\nContent-Length: 2",
    "two hundred headers": b"\r\n".join(b"X%d: x" % number for number in range(200)),
    "a NUL": b"X: \0\r\nContent-Length: 2",
    "a bare carriage return": b"X: a\rb\r\nContent-Length: 2",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3",
    "a negative length": b"Content-Length: -1",
    "a length of letters": b"Content-Length: two",
    "a blank before the colon": b"X : a\r\nContent-Length: 2",
}


@pytest.mark.fault("P12")
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_head_that_is_no_http_is_nobodys_400(clock: HandClock, head: bytes) -> None:
    """The 400 is the parser's own; the server never said it."""
    attempt = await looks_after(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n{}", clock, stays=False)

    assert isinstance(attempt.error, b.DecodeError)
    assert attempt.error.delivered == "yes"
    # One parser lets one of them pass, and finds the body to be of no use.
    assert attempt.status in {None, 200}


@pytest.mark.fault("P13")
async def test_foreign_words_reach_nobody_as_they_came(clock: HandClock) -> None:
    """No escape sequence, no mebibyte; a request id fit for a ticket."""
    message = "\x1b[2J\x1b]0;owned\x07\u202e" + "a" * 1_048_576
    body = json.encode({"error": {"code": "c\x00d", "message": message, "param": "\x9b1m"}})

    async def shout(peer: Peer, _: Seen) -> None:
        await peer.answer(body, "400 Bad", "X-Request-Id: \x1b[31m" + "r" * 500)

    async with FaultServer(in_turn(shout)) as server, client(server, clock) as bee:
        with pytest.raises(b.APIError) as caught:
            await bee.start("inst-1")

    error = caught.value
    assert len(error.message) <= 2000
    assert error.request_id is None or len(error.request_id) <= 128
    for text in (error.message, error.code, error.param or "", error.request_id or ""):
        assert text.isprintable()


@pytest.mark.fault("P14")
@pytest.mark.parametrize("cookie", ["a=b", "a=b; Domain=localhost; Path=/", "__Host-a=b; Secure"])
async def test_nothing_a_server_wants_remembered_is(clock: HandClock, cookie: str) -> None:
    """Neither by call nor by client."""

    async def bake(peer: Peer, seen: Seen) -> None:
        await peer.answer(instance(seen.target.split("/")[4]), "200 OK", f"Set-Cookie: {cookie}")

    async with FaultServer(in_turn(bake)) as server:
        async with client(server.url.replace("127.0.0.1", "localhost"), clock) as bee:
            await asyncio.gather(*(bee.instances.get(f"inst-{n}") for n in range(3)))
            await bee.start("inst-9")

    assert len(server.seen) == 4
    assert not any("cookie" in one.headers for one in server.seen)
