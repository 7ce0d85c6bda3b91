"""The parser against the standard: by hand, by every cut, and by chance."""

from __future__ import annotations

import itertools
import re
import tracemalloc

import pytest
from chunkings import ENDS, check, main, parse, read_plainly

from beeos_async._protocol.sse import EVENT_CAP, Frame, Parser

Told = list[tuple[str, str, str]]

# Each is a stream with LF for its line ends, and what it says: name, data, last id.
VECTORS: dict[str, tuple[str, Told]] = {
    "one line": ("data: salut\n\n", [("", "salut", "")]),
    "two events": ("data: a\n\ndata: b\n\n", [("", "a", ""), ("", "b", "")]),
    "lines are joined": ("data: a\ndata: b\ndata:\n\n", [("", "a\nb\n", "")]),
    "a name": ("event: end\ndata: {}\n\n", [("end", "{}", "")]),
    "a name after its data": ("data: 1\nevent: late\n\n", [("late", "1", "")]),
    "the last name holds": ("event: a\nevent: b\ndata: 1\n\n", [("b", "1", "")]),
    "an empty name is none": ("event: a\nevent:\ndata: 1\n\n", [("", "1", "")]),
    "a name without data is forgotten": ("event: a\n\ndata: 1\n\n", [("", "1", "")]),
    "comments": (": hello\ndata: 1\n:data: 2\n:\n\n", [("", "1", "")]),
    "one blank after the colon": ("data:1\ndata: 2\ndata:  3\n\n", [("", "1\n2\n 3", "")]),
    "a tab is no blank": ("data:\t1\n\n", [("", "\t1", "")]),
    "a field without a colon": ("data\n\ndata\ndata\n\n", [("", "", ""), ("", "\n", "")]),
    "more colons": ("data:a:b: c\n\n", [("", "a:b: c", "")]),
    "names are exact": ("Data: 1\n data: 2\ndata : 3\ndatas: 4\ndat: 5\n\n", []),
    "unknown fields": ("nope: 1\ndata: 2\n: \nnope\n\n", [("", "2", "")]),
    "an id stays": ("id: 7\ndata: a\n\ndata: b\n\n", [("", "a", "7"), ("", "b", "7")]),
    "an id without data counts": ("id: 8\n\ndata: a\n\n", [("", "a", "8")]),
    "an empty id takes it back": (
        "id: 7\ndata: a\n\nid\ndata: b\n\n",
        [("", "a", "7"), ("", "b", "")],
    ),
    "an id with NUL is ignored": (
        "id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n",
        [("", "a", "7"), ("", "b", "7")],
    ),
    "retry is no event": ("retry: 2000\n\nretry: 1x\nretry:\nretry: -1\n\n", []),
    "one byte order mark": ("\ufeffdata: 1\n\n\ufeffdata: 2\n\n", [("", "1", "")]),
    "two byte order marks": ("\ufeff\ufeffdata: 1\n\ndata: 2\n\n", [("", "2", "")]),
    "UTF-8 and line ends of others": (
        "data: é€🐝\x0b\x0c\x85\u2028\0\n\n",
        [("", "é€🐝\x0b\x0c\x85\u2028\0", "")],
    ),
    "nothing without its blank line": ("data: 1\n\ndata: 2\n", [("", "1", "")]),
    "blank lines": ("\n\n\ndata: 1\n\n\n\n", [("", "1", "")]),
}


@pytest.mark.parametrize("end", ENDS, ids=["LF", "CR", "CRLF"])
@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_reads_alike_however_it_is_cut(name: str, end: bytes) -> None:
    """Whole, in two at every place, in three at every two places, and byte by byte."""
    text, told = VECTORS[name]
    stream = text.encode().replace(b"\n", end)
    whole = parse([stream])

    assert whole[0] == told == read_plainly(stream)[0]
    for a, b in itertools.combinations_with_replacement(range(len(stream) + 1), 2):
        assert parse([stream[:a], stream[a:b], stream[b:]]) == whole
    assert parse([stream[at : at + 1] for at in range(len(stream))]) == whole


def test_line_ends_may_be_mixed() -> None:
    """CR, LF and CRLF end a line each; CR CR and LF CR are two ends."""
    assert parse([b"data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\r\rdata: 5\n\r"])[0] == [
        ("", "1\n2\n3", ""),
        ("", "4", ""),
        ("", "5", ""),
    ]


def test_an_event_comes_with_its_last_byte() -> None:
    """A CR ends the line at once: nobody waits for the LF that may follow."""
    parser = Parser()

    assert parser.feed(b"data: 1\r\n") == []
    assert parser.feed(b"\r") == [Frame("", b"1")]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"") == []
    assert parser.feed(b"\ndata: 2\n\n") == [Frame("", b"2")]


def test_an_empty_chunk_does_not_part_cr_from_lf() -> None:
    """What belongs together stays together, whatever comes in between."""
    assert parse([b"data: 1\r", b"", b"\ndata: 2\n\n"])[0] == [("", "1\n2", "")]


@pytest.mark.parametrize(
    ("line", "retry"),
    [
        (b"retry: 250", 250),
        (b"retry:0", 0),
        (b"retry: 0007", 7),
        (b"retry: " + b"9" * 5000, 999_999_999),
        (b"retry: 1.5", None),
        (b"retry: +5", None),
        ("retry: ٣".encode(), None),
        (b"retry", None),
    ],
)
def test_a_pause_is_asked_for_in_digits(line: bytes, retry: int | None) -> None:
    """It holds from its line on, and five thousand digits do no harm."""
    parser = Parser()

    parser.feed(line + b"\n")

    assert parser.retry == retry


def test_broken_utf_8_is_passed_on_as_it_is() -> None:
    """Data stays bytes: who decodes it says what is wrong with it."""
    assert Parser().feed(b"event: \xff\ndata: \xff\xc3\n\n") == [Frame("\ufffd", b"\xff\xc3")]


@pytest.mark.parametrize("seed", range(0, 3000, 500))
def test_chance_finds_no_chunking_that_matters(seed: int) -> None:
    """Streams made up, cut anywhere, and read by a second parser that is slow and plain."""
    assert sum(map(check, range(seed, seed + 500))) > 400


def test_the_script_tries_as_many_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`python tests/chunkings.py 100000` is the same, longer."""
    main(20)

    assert re.fullmatch(r"20 streams, \d+ frames: no difference\n", capsys.readouterr().out)


def test_a_line_may_have_all_of_an_event() -> None:
    """Eight MiB in one line are an event like any other, in one chunk or in many."""
    stream = b"data: " + b"x" * EVENT_CAP + b"\n\n"
    for size in (len(stream), 100_000):
        parser = Parser()
        chunks = (stream[at : at + size] for at in range(0, len(stream), size))

        (frame,) = [frame for chunk in chunks for frame in parser.feed(chunk)]

        assert len(frame.data) == EVENT_CAP
        assert not parser.overflowed


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "stream",
    [
        b"data: 1\n\ndata: " + b"x" * 50 + b"\n\ndata: 2\n\n",
        b"data: 1\n\n" + b"data: xxxxxxxxxx\n" * 5 + b"\ndata: 2\n\n",
        b"data: 1\n\nevent: " + b"x" * 50 + b"\ndata: 2\n\n",
        b"data: 1\n\nid: " + b"x" * 50 + b"\ndata: 2\n\n",
    ],
)
def test_what_is_too_large_ends_the_parsing(stream: bytes, size: int) -> None:
    """What stood before it is there; nothing after it is made up."""
    parser = Parser(cap=30)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert [one for chunk in chunks for one in parser.feed(chunk)] == [Frame("", b"1")]
    assert parser.overflowed


@pytest.mark.parametrize(
    "flood", [b": " + b"x" * 70, b"x" * 70, b"unknown: " + b"x" * 61, b": x\n" * 18]
)
def test_a_flood_of_nothing_is_not_kept(flood: bytes) -> None:
    """Comments and unknown fields are dropped as they come, in lines without end too."""
    parser = Parser()
    parser.feed(b"data: 1\nda")
    parser.feed(b"ta: 2\n: ")
    tracemalloc.start()
    try:
        for _ in range(50_000):
            parser.feed(flood)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 50_000
    assert parser.feed(b"\n\n")[-1:] == [Frame("", b"1\n2")]


def test_a_long_line_byte_by_byte_is_held_once() -> None:
    """A slow line costs its bytes, not an object for each."""
    parser = Parser()
    parser.feed(b"data: ")
    tracemalloc.start()
    try:
        for _ in range(100_000):
            parser.feed(b"x")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 400_000
    assert len(parser.feed(b"\n\n")[0].data) == 100_000
