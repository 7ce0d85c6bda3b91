"""Bend what comes from outside, for as long as one likes, and see what breaks.

Each case is drawn from the seed and its own number, so that it can be replayed alone.  What
is found is printed with its case and ends the run with 1; it then gets a test by name, in
`faults/test_fuzz.py`.

    python tests/fuzz.py [--seconds 60 | --cases 25000] [--seed 0] [--only wire ...]
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final
from urllib.parse import unquote, urlsplit

from chunkings import cut, parse
from fault_server import FaultServer, Peer, chunked, http, id_of, instance
from msgspec import Struct, json
from standing import SECRET, check_error, held
from yarl import URL

from beeos_async import AsyncBeeOS, Attempt, BeeOSError, ConfigurationError, TransportError
from beeos_async._checks import quoted_id
from beeos_async._protocol import table
from beeos_async._protocol.body import UNREADABLE
from beeos_async._protocol.events import channel_event, invoke_event, runtime_event
from beeos_async._protocol.message import Response
from beeos_async._protocol.retry import retry_after
from beeos_async._protocol.sse import Frame
from beeos_async._protocol.wire import read
from beeos_async._urls import base_url_of, is_loopback

LIMIT: Final = 0.3
"""Seconds an attempt may take while responses are bent."""

LATE: Final = 10.0
"""Seconds after which a call that should have ended long ago hangs, on a busy machine too."""

WORKERS: Final = 256
BATCH: Final = 5000

TOKENS: Final = [
    b"\r\n", b"\n", b"\r", b"\0", b"\xff", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"{", b"}",
    b"[" * 2000, b"]", b"0\r\n\r\n", b"FFFFFFFFFFFFFFFF\r\n", b"-1", b"1e400", b"NaN", b"null",
    b"9" * 30, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: br\r\n", b"Location: http://127.0.0.1:1/\r\n", b"Connection: close\r\n",
    b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\x1b[2J", b"a" * 9000, b"<html>",
]  # fmt: skip
"""What is put in, beside noise: what parsers stumble over."""


class Found(Struct):
    """How one kind of fuzzing went."""

    kind: str
    cases: int = 0
    outcomes: Counter[str] = Counter()
    flaws: list[str] = []
    slowest: float = 0.0

    def note(self, outcome: str) -> None:
        """Count one case."""
        self.cases += 1
        self.outcomes[outcome] += 1

    def time(self, attempt: Attempt) -> None:
        """Heed how long an attempt took."""
        self.slowest = max(self.slowest, attempt.seconds)


def bend(data: bytes, dice: Random) -> bytes:
    """Bend bytes a little: cut, double, swap, flip, and put things in."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        at = dice.randint(0, len(data))
        end = min(len(data), at + dice.choice((1, 2, 4, 16, 200)))
        match dice.choice((0, 1, 1, 2, 3, 3, 3, 4, 4, 4, 5)):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:]
            case 3:
                data = data[:at] + dice.choice(TOKENS) + data[at:]
            case 4:
                data = data[:at] + dice.randbytes(end - at) + data[end:]
            case _:
                other = dice.randint(0, len(data))
                data = data[other:] + data[:other]
    return data


def answer_to(id: str, dice: Random) -> tuple[bool, bytes]:
    """Make an honest answer to a start, and tell whether it takes effect."""
    yes = instance(id)
    no = json.encode({"success": False, "error": {"code": "conflict", "message": "no"}})
    answers = [
        (True, http(yes, "200 OK", "X-Request-Id: req-1")),
        (True, chunked(yes[:20], yes[20:]) + b"0\r\n\r\n"),
        (True, http(gzip.compress(yes), "200 OK", "Content-Encoding: gzip")),
        (True, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + yes),
        (True, b"HTTP/1.1 100 Continue\r\n\r\n" + http(yes)),
        (False, http(no, "404 Not Found")),
        (False, http(no, "500 Oops")),
        (False, http(no, "302 Found", "Location: http://127.0.0.1:1/")),
        (False, http(b"<html>Bad Gateway</html>", "502 Bad Gateway", "Content-Type: text/html")),
        (False, chunked(no) + b"0\r\n\r\n"),
    ]
    return dice.choice(answers)


class Bent:
    """A server that bends its answers to starts; a look is always honest."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.applied: set[str] = set()

    async def serve(self, peer: Peer) -> None:
        """Serve one connection."""
        stays = True
        while stays:
            seen = await peer.read()
            id = id_of(seen.target)
            if seen.method == "GET":
                desired = "running" if id in self.applied else "stopped"
                await peer.answer(instance(id, "pending", desired))
            else:
                stays = await self.bend(peer, id)

    async def bend(self, peer: Peer, id: str) -> bool:
        """Answer a start; tell whether the connection stays."""
        dice = Random(f"{self.seed}/wire/{id}")
        takes, data = answer_to(id, dice)
        if takes:
            self.applied.add(id)
        await peer.send(bend(data, dice))
        end = dice.randrange(8)
        if end == 0:
            await peer.hang()
        if end == 1:
            peer.rst()
        return end == 2


async def fuzz_wire(found: Found, seed: int, first: int, count: int) -> None:
    """Bend whole responses to starts."""
    bent = Bent(seed)
    numbers = iter(range(first, first + count))
    async with FaultServer(bent.serve) as server:
        async with AsyncBeeOS(
            SECRET,
            base_url=server.url,
            timeout=LIMIT,
            max_retries=0,
            max_throttle_wait=0.0,
            max_concurrency=WORKERS,
            on_attempt=found.time,
        ) as bee:

            async def work() -> None:
                for number in numbers:
                    began = time.monotonic()
                    found.note(await start(bee, f"case-{number}", bent.applied, found))
                    took = time.monotonic() - began
                    # One attempt and its look.
                    if took > 2 * LIMIT + LATE:
                        found.flaws.append(f"case-{number}: took {took:.1f} s")

            await asyncio.gather(*(work() for _ in range(min(WORKERS, count))))
            if bee._caller.gate.in_flight or held(bee._caller.transport):
                found.flaws.append(f"case-{first} and later: something was not given back")


async def start(bee: AsyncBeeOS, id: str, applied: set[str], found: Found) -> str:
    """Start one instance, and compare what is claimed with what is so."""
    try:
        started = await bee.start(id)
    except BeeOSError as error:
        check_error(error)
        # A status that was bent to a no is the server's own word.
        if isinstance(error, TransportError) and error.delivered == "no" and id in applied:
            found.flaws.append(f"{id}: it took, and {error!r} denies it")
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 -- what is looked for
        found.flaws.append(f"{id}: {error!r} escaped")
        return type(error).__name__
    if started.id != id or id not in applied:
        found.flaws.append(f"{id}: started, and it was not")
    return "started"


WHOLE: Final[dict[str, object]] = {
    "success": True,
    "data": {
        "id": "inst-1",
        "name": "a",
        "status": "running",
        "desiredStatus": "running",
        "expiresAt": "2026-11-24T10:00:00Z",
        "cpu": 2,
        "tags": ["a", {"b": None}],
    },
    "error": {"code": "c", "message": "m", "metadata": {"a": [1]}},
}
WHOLE_BYTES: Final = json.encode(WHOLE)
ODD: Final[list[object]] = [
    None, True, 0, -1, 2**63, 1e308, "", "inst-1", "\x1b[2J", "a" * 3000, [], {}, [[]], [None],
    {"id": "inst-1"}, {"": {}}, "2026-13-99T99:99:99Z", "9999-12-31T23:59:59-23:59",
]  # fmt: skip


def swap(value: object, dice: Random) -> object:
    """Put something odd into a document, somewhere."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(list(value))
        return {**value, name: swap(value[name], dice)}
    return dice.choice(ODD)


def fuzz_decoder(found: Found, seed: int, first: int, count: int) -> None:
    """Bend bodies, under every status, for every row: a value of the row, or our error."""
    rows = list(table.ROWS.values())
    for number in range(first, first + count):
        dice = Random(f"{seed}/decoder/{number}")
        row = dice.choice(rows)
        status = dice.choice((200, 200, 200, 201, 202, 204, 302, 400, 404, 409, 429, 500, 503))
        headers = {"X-Request-Id": bend(b"req-1", dice).decode("latin-1")}
        body = json.encode(swap(WHOLE, dice)) if dice.random() < 0.5 else WHOLE_BYTES
        if body is WHOLE_BYTES or dice.random() < 0.2:
            body = bend(body, dice)
        response = Response(status, headers, body, 1_790_000_000.0)
        try:
            answer = read(row, "inst-1", response)
        except BeeOSError as error:
            check_error(error)
            found.note(type(error).__name__)
        except Exception as error:  # noqa: BLE001 -- what is looked for
            found.note(type(error).__name__)
            found.flaws.append(f"decoder {number}: {error!r} escaped from {row.operation}")
        else:
            found.note("read")
            named = getattr(getattr(answer, "data", None), "id", "inst-1")
            if row.echoes_id and named != "inst-1":
                found.flaws.append(f"decoder {number}: {named} was taken for inst-1")


NAMES: Final = ["", "message", "end", "delta", "done", "error", "replay_complete", "new", "\x00"]
EVENTS: Final[tuple[Callable[[Frame], object], ...]] = (
    channel_event,
    invoke_event,
    runtime_event,
)


def fuzz_streams(found: Found, seed: int, first: int, count: int) -> None:
    """Bend streams of events: the same frames however they are cut, and events or our error."""
    for number in range(first, first + count):
        dice = Random(f"{seed}/stream/{number}")
        body = json.encode(swap(WHOLE["data"], dice))
        stream = bend(b"id: 7\nevent: %s\ndata: %s\n\n" % (b"delta", body) * 3, dice)
        if parse(cut(dice, stream)) != parse([stream]):
            found.flaws.append(f"stream {number}: cut elsewhere, it is read otherwise")
        frame = Frame(dice.choice(NAMES), bend(body, dice) if dice.random() < 0.5 else body, "7")
        try:
            event = dice.choice(EVENTS)(frame)
        except UNREADABLE:
            found.note("unreadable")
        except Exception as error:  # noqa: BLE001 -- what is looked for
            found.note(type(error).__name__)
            found.flaws.append(f"stream {number}: {error!r} escaped")
        else:
            found.note(type(event).__name__)


PIECES: Final = [
    "", " ", "\t", "0", "1", "59", "5", "86400", "9" * 10, "9" * 11, "-", "+", ".", "e", ",",
    ":", "nan", "inf", "Fri, ", "Friday, ", "Fri ", "31", "01", " Jan ", "-Feb-", "2026", "99",
    "00:00:00", "23:59:60", " GMT", " UTC", "\u0663", "\uff11", "\x00", "\ud800",
]  # fmt: skip


def fuzz_headers(found: Found, seed: int, first: int, count: int) -> None:
    """Put `Retry-After` and `Date` together out of pieces: a time to wait, or none."""
    for number in range(first, first + count):
        dice = Random(f"{seed}/header/{number}")
        text, date = ("".join(dice.choices(PIECES, k=dice.randint(0, 6))) for _ in range(2))
        try:
            wait = retry_after({"Retry-After": text, "Date": date}, 1_790_000_000.0)
        except Exception as error:  # noqa: BLE001 -- what is looked for
            found.note(type(error).__name__)
            found.flaws.append(f"header {number}: {error!r} escaped from {text!r}, {date!r}")
            continue
        found.note("nothing" if wait is None else "seconds")
        if wait is not None and not (0 <= wait < math.inf):
            found.flaws.append(f"header {number}: {wait} of {text!r}, {date!r}")


LETTERS: Final = "a1-._~/\\?#%:@ \t\r\n\0\x7f\xa0\u200b\u2028\ud800\uff0e\u2024é[]{}|"


def fuzz_ids(found: Found, seed: int, first: int, count: int) -> None:
    """Make ids of odd letters: one segment that decodes to them, or a refusal."""
    for number in range(first, first + count):
        dice = Random(f"{seed}/id/{number}")
        id = "".join(dice.choices(LETTERS, k=dice.choice((0, 1, 2, 3, 5, 8, 127, 129))))
        try:
            sent = quoted_id(id)
        except ConfigurationError:
            found.note("refused")
            continue
        except Exception as error:  # noqa: BLE001 -- what is looked for
            found.note(type(error).__name__)
            found.flaws.append(f"id {number}: {error!r} escaped from {id!r}")
            continue
        found.note("sent")
        path = urlsplit(f"https://host/api/{sent}/start").path
        if unquote(sent) != id or path.split("/")[2:] != [sent, "start"] or sent in {".", ".."}:
            found.flaws.append(f"id {number}: {id!r} is sent as {sent!r}")


HOSTS: Final = [
    "https://", "http://", "ftp://", "//", "openapi.beeos.ai", "evil.example", "127.0.0.1",
    "[::1]", "localhost", "user:pw@", "@", ":443", ":99999", ":-1", ":", "/", "/v1", "/..",
    "/%2e%2e", "?q", "#f", "\\", " ", "\t", "\0", "%00", "xn--e1afmkfd.example", "\uff45vil",
    "[", "]", "..", ".", "-",
]  # fmt: skip


def fuzz_urls(found: Found, seed: int, first: int, count: int) -> None:
    """Put base URLs together out of pieces: one that leads where it says, or a refusal."""
    for number in range(first, first + count):
        dice = Random(f"{seed}/url/{number}")
        pieces = dice.choices(HOSTS, k=dice.randint(0, 5))
        url = "".join(["https://" if dice.random() < 0.7 else "", *pieces])
        try:
            plain = base_url_of(url)
        except ConfigurationError as error:
            check_error(error)
            found.note("refused")
            continue
        except Exception as error:  # noqa: BLE001 -- what is looked for
            found.note(type(error).__name__)
            found.flaws.append(f"url {number}: {error!r} escaped from {url!r}")
            continue
        found.note("taken")
        parts = urlsplit(plain)
        honest = parts.hostname == URL(plain).raw_host and "@" not in parts.netloc
        safe = parts.scheme == "https" or is_loopback(parts.hostname or "")
        if not (honest and safe and plain == base_url_of(plain)):
            found.flaws.append(f"url {number}: {url!r} is taken as {plain!r}")


def in_a_loop(found: Found, seed: int, first: int, count: int) -> None:
    """Bend responses on the wire, in a loop of their own."""
    asyncio.run(fuzz_wire(found, seed, first, count))


KINDS: Final[dict[str, Callable[[Found, int, int, int], None]]] = {
    "wire": in_a_loop,
    "decoder": fuzz_decoder,
    "streams": fuzz_streams,
    "headers": fuzz_headers,
    "ids": fuzz_ids,
    "urls": fuzz_urls,
}


def fuzz(kind: str, seed: int, *, cases: int, seconds: float) -> Found:
    """Fuzz one kind, for so many cases or so long, whatever is over first."""
    found = Found(kind, outcomes=Counter())
    began = time.monotonic()
    while found.cases < cases and time.monotonic() - began < seconds:
        count = min(BATCH, cases - found.cases)
        KINDS[kind](found, seed, found.cases, count)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description="Bend what comes from outside.")
    parser.add_argument("--cases", type=int, default=10**9, help="of each kind")
    parser.add_argument("--seconds", type=float, default=math.inf, help="for each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    chosen = parser.parse_args(arguments)
    if chosen.cases == 10**9 and chosen.seconds == math.inf:
        chosen.seconds = 60.0
    flaws = 0
    for kind in chosen.only:
        found = fuzz(kind, chosen.seed, cases=chosen.cases, seconds=chosen.seconds)
        flaws += len(found.flaws)
        told = ", ".join(f"{name} {number:,}" for name, number in found.outcomes.most_common())
        # A busy machine may add to it; what hangs takes longer than that.
        slow = f"; slowest attempt {found.slowest:.2f} s of {LIMIT + 0.1:.1f}"
        slow = slow if found.slowest else ""
        print(f"{kind}: {found.cases:,} cases, {len(found.flaws)} flaws{slow}; {told}")
        for flaw in found.flaws[:20]:
            print(f"  {flaw}")
    return 1 if flaws else 0


if __name__ == "__main__":  # pragma: no cover -- the tests call `main`
    sys.exit(main())
