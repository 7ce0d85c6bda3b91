"""The head of a plain answer, and all that is none."""

from __future__ import annotations

import pytest

from beeos_async._protocol.head import LONGEST, plain

WHOLE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: nginx\r\n"
    b"Connection: Keep-Alive\r\n"
    b"Content-Length: \t12\t\r\n"
    b"X-Request-Id:  Req-1 \r\n"
    b"x-request-id: req-2\r\n"
    b"X-Name: \xc3\xa4\xff\r\n"
    b"\r\n"
)


def test_a_plain_head_is_read() -> None:
    """Where the body begins, how long it is, and each header whatever its case."""
    found = plain(WHOLE + b"{}")
    assert found is not None
    begin, length, head = found

    assert (begin, length) == (len(WHOLE), 12)
    assert head["SERVER"] == head.get("server") == "nginx"
    assert head["X-Request-Id"] == "Req-1"
    assert head["x-name"] == "\xe4\udcff"
    assert head.get("X-None") is None
    assert head.get("X-None", "none") == "none"
    with pytest.raises(KeyError, match="X-None"):
        head["X-None"]
    assert "server" in head
    assert "HTTP/1.1 200 OK" not in head


def test_the_names_of_a_head_are_told_once() -> None:
    """As they were written, for those who want to see all of them."""
    found = plain(WHOLE)
    assert found is not None

    assert list(found[2]) == ["Server", "Connection", "Content-Length", "x-request-id", "X-Name"]
    assert len(found[2]) == 5


@pytest.mark.parametrize("reason", [b"", b" ", b" OK", b" Found \xe4\t it"])
def test_a_reason_may_be_anything(reason: bytes) -> None:
    """Also nothing."""
    assert plain(b"HTTP/1.1 200%s\r\nContent-Length: 0\r\n\r\n" % reason) is not None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 204 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 100 OK\r\nContent-Length: 2\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_another_start_is_not_plain(head: bytes) -> None:
    """Only a whole head of a 200 in the one version is."""
    assert plain(head) is None


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 2",
        b"content-length:2",
        b"Transfer-Encoding: chunked",
        b"TRANSFER-ENCODING: identity",
        b"Content-Encoding: gzip",
        b"Content-Encoding:",
        b"Connection: close",
        b"Connection: keep-alive, close",
        b"Connection:",
        b"Proxy-Connection: close",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Key1: a",
        b"X Space: a",
        b"X-Late : a",
        b": nameless",
        b"no colon",
        b" folded",
        b"\tfolded",
        b"X-Control: \x01",
        b"X-Delete: \x7f",
        b"X-Null: \0",
        b"X-Bare: a\rb",
        b"X-Bare: a\nb",
        b"X-\xe4: a",
        b"\r\n".join([b"X: y"] * 61),
        b"X-Long: " + b"x" * LONGEST,
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_line_that_is_not_harmless_makes_no_plain_head(line: bytes, first: bool) -> None:
    """Whatever a parser acts on, or stumbles over, is left to the parser."""
    length = b"Content-Length: 2"
    lines = [line, length] if first else [length, line]

    assert plain(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n{}" % b"\r\n".join(lines)) is None


@pytest.mark.parametrize("length", [b"", b"-2", b"+2", b"0x2", b"2,2", b"2 2", b"123456789"])
def test_a_length_is_a_number(length: bytes) -> None:
    """Of digits, and not of more than a body can have."""
    assert plain(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % length) is None
