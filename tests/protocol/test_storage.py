"""Object stores: where they may be, and what they say no with."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict
from samples import sample

from beeos_async import DecodeError, NotFoundError, PermissionDeniedError
from beeos_async._protocol.message import Response
from beeos_async._protocol.storage import (
    Address,
    address_of,
    part_of,
    store_refusal,
    strong_mark,
)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://objects.example.org/a?sig=x%2F", "objects.example.org"),
        ("https://objects.example.org:8443/a", "objects.example.org:8443"),
        ("https://[2001:db8::1]/a", "[2001:db8::1]"),
        ("http://127.0.0.1:9000/a", "127.0.0.1:9000"),
        ("http://localhost/a", "localhost"),
        ("http://[::1]:9000/a", "[::1]:9000"),
    ],
)
def test_an_address_is_gone_to_as_it_is(url: str, host: str) -> None:
    """Not a character of it may change: it is signed."""
    assert address_of(url) == Address(url, host)


def test_a_fragment_is_no_part_of_an_address() -> None:
    """It never travels."""
    assert address_of("https://x.example/a?b#c").url == "https://x.example/a?b"


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("", "is no address"),
        ("/relative", "is no address"),
        ("https://", "is no address"),
        ("https://x.example:99999/", "is no address"),
        ("https://[::1/", "is no address"),
        ("https://x.example/\x00", "is no address"),
        ("https://x.example/a\\b", "is no address"),
        ("https://me@x.example/", "holds user information"),
        ("ftp://x.example/", "is neither https nor http"),
        ("javascript://x.example/", "is neither https nor http"),
        ("http://x.example/?sig=hidden", "is plain http to x.example"),
        ("http://127.0.0.1.x.example/", "is plain http"),
        ("http://169.254.169.254/latest", "is plain http"),
    ],
)
def test_an_odd_address_is_refused(url: str, flaw: str) -> None:
    """With its host at most; a signature is nobody's business."""
    with pytest.raises(DecodeError, match=flaw) as caught:
        address_of(url)

    assert "hidden" not in str(caught.value)


def test_plain_http_is_a_choice() -> None:
    """The caller's, who lets the key travel so, too."""
    assert address_of("http://store.lan:9000/a", allow_insecure=True).host == "store.lan:9000"


def test_a_no_in_xml_is_read() -> None:
    """Code, sentence and request id, in the error of its status."""
    error = store_refusal(sample("errors/xml").response)

    assert isinstance(error, PermissionDeniedError)
    assert (error.code, error.message) == ("AccessDenied", "Request has expired")
    body = b"<Error><Code>NoSuchKey</Code><RequestId>4442587FB7D0A2F9</RequestId></Error>"
    other = store_refusal(Response(404, CIMultiDict(), body))
    assert isinstance(other, NotFoundError)
    assert (other.code, other.request_id) == ("NoSuchKey", "4442587FB7D0A2F9")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", "", ""),
        (b"<html><body>Nope</body></html>", "", "Nope"),
        (b'{"error":{"code":"gone","message":"It is gone"}}', "gone", "It is gone"),
        (b"<Code></Code>", "", ""),
        (b"<Code>\x1b[2J</Code><Message>a\x00&lt;b</Message>", "[2J", "a <b"),
        (b"\xff<Code>X</Code>", "X", "X"),
    ],
)
def test_a_no_in_any_other_form_is_a_no(body: bytes, code: str, message: str) -> None:
    """Nothing in it breaks anything."""
    error = store_refusal(Response(404, CIMultiDict(), body))

    assert isinstance(error, NotFoundError)
    assert error.code == code
    assert message in error.message


def test_a_redirect_is_no_refusal() -> None:
    """It is not followed."""
    error = store_refusal(Response(302, CIMultiDict({"Location": "https://x.example/"}), b""))

    assert isinstance(error, DecodeError)
    assert error.reason == "redirect"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("bytes 4-9/10", (4, 10)),
        ("bytes 0-0/*", (0, None)),
        ("bytes */10", None),
        ("bytes 4-9", None),
        ("items 4-9/10", None),
        ("", None),
    ],
)
def test_a_part_says_where_it_begins(header: str, told: tuple[int, int | None] | None) -> None:
    """And how long the whole is, if it is known."""
    assert part_of(CIMultiDict({"content-range": header})) == told


@pytest.mark.parametrize(
    ("header", "mark"),
    [('"abc"', '"abc"'), ('W/"abc"', ""), ("abc", ""), ('"a\x00"', ""), ("", "")],
)
def test_only_a_strong_mark_is_one(header: str, mark: str) -> None:
    """A weak one allows for other bytes."""
    assert strong_mark({"ETag": header}) == mark
