"""Whatever a server says, both transports tell the same story of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_wire import Script
from properties import modest
from stories import PLAIN, answers, same

pytestmark = pytest.mark.anyio


@modest
@given(st.data())
def test_both_transports_tell_the_same_story(data: st.DataObject) -> None:
    """Status, headers, body, error, and how many connections it took: all the same."""
    script = answers(
        lambda words: data.draw(st.sampled_from(words)),
        lambda least, most: data.draw(st.integers(least, most)),
    )
    asyncio.run(same(script))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


WHOLE = [
    [PLAIN],
    [PLAIN[:-2], PLAIN[-2:]],
    [PLAIN[:-2], b"{", b"}"],
    [PLAIN[:20], PLAIN[20:]],
    [PLAIN[:1], PLAIN[1:5], PLAIN[5:]],
    [PLAIN + b"x"],
    [PLAIN, b"x"],
    [PLAIN, PLAIN],
    [PLAIN + PLAIN],
    [HEAD + b"Connection: close\r\n\r\n{}"],
    [HEAD + HEAD[17:] + b"\r\n{}"],
    [b"HTTP/1.1 103 Hint\r\n\r\n", PLAIN],
    [b"HTTP/1.1 103 Hint\r\n\r\n" + PLAIN],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n", b"x" * 6000],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + b"x" * 6000],
    [b"HTTP/1.1 404 None\r\nContent-Length: 2\r\n\r\n", b"{}"],
]
CUT = [
    [],
    [PLAIN[:-1]],
    [PLAIN[:-2]],
    [PLAIN[:-4]],
    [HEAD + b"Content-Encoding: gzip\r\n\r\n{}"],
    [b"HTTP/1.1 200 OK\r\n\r\n{}"],
]


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        *((pieces, end) for pieces in WHOLE for end in ("fin", "rst", "open")),
        *((pieces, end) for pieces in CUT for end in ("fin", "rst")),
        (CUT[1], "open"),
        (CUT[3], "open"),
    ],
)
async def test_these_are_told_alike(anyio_backend: str, pieces: list[bytes], end: Any) -> None:
    """What is known to be tricky, without waiting for chance to find it."""
    await same(Script(pieces, end, PLAIN))
