"""What a server may say, and what either transport tells of it: the same, or there is a bug."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from memory_wire import MemoryConnector, Script
from msgspec import Struct

import beeos_async as b
from beeos_async._checks import Key
from beeos_async._clock import RealClock
from beeos_async._io.flight import Flight
from beeos_async._io.lease import LeasedTransport
from beeos_async._io.transport import AiohttpTransport
from beeos_async._protocol.message import Request

LIMIT = 0.3
REQUEST = Request("POST", "/api/v1/instances/inst-1/start", None, 5000)
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: second\r\n\r\n{}"

STARTS = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 200 \xe4\xf6",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 201 Created",
    b"HTTP/1.1 204 None",
    b"HTTP/1.1 304 Same",
    b"HTTP/1.1 404 None",
    b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 103 Hint\r\nLink: a\r\n\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 101 Other",
    b"http/1.1 200 OK",
    b"HTTP/2.0 200 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 2000 OK",
    b"ICY 200 OK",
    b"\r\nHTTP/1.1 200 OK",
]
LINES = [
    b"Content-Type: application/json",
    b"Server: nginx",
    b"Date: Wed, 25 Nov 2026 18:00:00 GMT",
    b"X-Request-Id: req-1",
    b"x-request-id:req-2",
    b"X-Request-Id: \t spaced \t",
    b"X-Empty:",
    b"X-High: \xc3\xa4\xff",
    b"X-Tab: a\tb",
    b"X-Control: a\x01b",
    b"X-Null: a\x00b",
    b"X Space: a",
    b"X-Late : a",
    b"no colon at all",
    b": no name",
    b" folded",
    b"\tfolded",
    b"X-Long: " + b"x" * 8200,
    b"X-Fold: a\r\n b",
    b"X-Bare: a\rb",
    b"X-Bare: a\nb",
    b"Connection: keep-alive",
    b"Connection: Keep-Alive",
    b"Connection: close",
    b"Connection: keep-alive, close",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Proxy-Connection: close",
    b"Keep-Alive: timeout=5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Content-Encoding: gzip",
    b"Content-Encoding: identity",
    b"Content-Encoding: br",
    b"Content-Encoding:",
    b"Trailer: X",
    b"Set-Cookie: a=b",
    b"Sec-WebSocket-Key1: a",
    *[b"X-%d: %d" % (n, n) for n in range(3)],
    b"\r\n".join(b"Y-%d: y" % n for n in range(70)),
    b"\r\n".join(b"Z-%d: y" % n for n in range(140)),
]
LENGTHS = [
    b"Content-Length: %d",
    b"content-length:%d",
    b"CONTENT-LENGTH: \t%d \t",
    b"Content-Length: 0%d",
    b"Content-Length: +%d",
    b"Content-Length: -%d",
    b"Content-Length: %d,%d",
    b"Content-Length: 0x%d",
    b"Content-Length: %d000000000",
    b"Content-Length: %d0",
    b"Content-Length : %d",
    b"Content-Length:\r\n %d",
    b"Content-Length:",
    b"",
]
ODD_BYTES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"\x80", b"0", b"9", b"A", b"\t", b";"]


class Told(Struct, frozen=True):
    """What a caller learns of one request."""

    kind: str
    status: int | None
    reason: str = ""
    delivered: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    request_id: str | None = None


def answers(choose: Callable[[list[Any]], Any], number: Callable[[int, int], int]) -> Script:
    """Make up what a server says: mostly plain, often nearly so, sometimes anything."""
    body = choose([b"", b"{}", b'{"success":true}', b"x" * 300, b"y" * 4999, b"z" * 6000])
    rare = number(0, 3) == 0
    start = choose(STARTS) if rare else STARTS[0]
    lines = [choose(LINES if number(0, 5) == 0 else LINES[:9]) for _ in range(number(0, 5))]
    length = choose(LENGTHS) if number(0, 4) == 0 else LENGTHS[number(0, 2)]
    length = length.replace(b"%d", str(len(body) + choose([0] * 12 + [1, -1, 5])).encode())
    for _ in range((1 + (number(0, 15) == 0)) * bool(length)):
        lines.insert(number(0, len(lines)), length)
    if number(0, 9) == 0:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    data = b"\r\n".join([start, *lines, b"", b""]) + body
    for _ in range(number(1, 3) if number(0, 3) == 0 else 0):
        at = number(0, len(data))
        data = data[:at] + choose(ODD_BYTES) + data[at + number(0, 2) :]
    if number(0, 9) == 0:
        data = data[: number(0, len(data))]
    if number(0, 9) == 0:
        data += choose([PLAIN, b"\r\n", b"\0", b"x", b"HTTP/1.1 408 Late\r\n\r\n"])
    cuts = sorted(number(0, len(data)) for _ in range(choose([0, 0, 0, 1, 1, 2, 4])))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    if number(0, 14) == 0:
        pieces.append(choose([PLAIN, b"x", b"\r\n"]))
    end = choose(["fin"] * 9 + ["rst"] * 3 + ["open"] * (6 if plainly(data) else 1))
    return Script([piece for piece in pieces if piece], end, PLAIN)


def plainly(data: bytes) -> bool:
    """Tell whether an answer looks whole, so that leaving the connection open costs no wait."""
    head, _, body = data.partition(b"\r\n\r\n")
    return head.endswith(b"Content-Length: %d" % len(body))


async def story(kind: type[AiohttpTransport], script: Script, *, borrowed: bool) -> list[Any]:
    """Make two requests one after the other, and tell what became of them."""
    connector = MemoryConnector(script)
    transport = kind(RealClock(), "http://127.0.0.1:1", user_agent="test", connector=connector)
    if not borrowed:
        transport._open()
        transport._borrowed = None
    # Only who leaves the connection open needs the limit; a busy machine shall not meet it.
    limit = LIMIT if script.end == "open" else 10 * LIMIT
    told: list[Any] = []
    for _ in range(2):
        flight = Flight()
        flight.key = Key("key")
        try:
            answer = await transport.send(REQUEST, flight, limit, limit)
        except b.TransportError as error:
            kind_of = type(error).__name__
            told.append(
                Told(
                    kind_of,
                    error.status,
                    error.reason,
                    error.delivered,
                    b"",
                    (),
                    error.request_id,
                )
            )
        else:
            # Blanks after a value are not part of it; older releases of aiohttp leave them there.
            pairs = {name.lower(): answer.headers[name].strip(" \t") for name in answer.headers}
            told.append(
                Told(
                    "answer",
                    answer.status,
                    body=answer.body,
                    headers=tuple(sorted(pairs.items())),
                    request_id=answer.request_id,
                )
            )
        for wire in connector.wires:
            await asyncio.wait_for(wire.idle.wait(), 1)
    told.append([wire.requests for wire in connector.wires])
    await transport.close()
    await connector.close()
    return told


async def same(script: Script) -> None:
    """Tell the story by both transports, and to the leased one in both of its ways."""
    plain = await story(AiohttpTransport, script, borrowed=False)
    for borrowed in (False, True):
        leased = await story(LeasedTransport, script, borrowed=borrowed)
        both = f"{leased}\n  instead of\n{plain}"
        assert leased[0] == plain[0], both
        if leased[-1] == plain[-1]:
            assert leased == plain, both
        else:
            # Of a connection that brought more than was asked for, or less, the stricter view
            # may be taken: it is not asked again.  Never the other way round.
            brought = b"".join(script.pieces).partition(b"\r\n\r\n")[2]
            assert (plain[-1], leased[-1]) == ([2], [1, 1]), both
            assert plain[0].kind != "answer" or brought != plain[0].body, both
