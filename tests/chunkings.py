"""Streams made up at random, cut at random, and read by a second parser that is slow and plain.

`python tests/chunkings.py 100000` tries that many; the suite tries fewer.
"""

from __future__ import annotations

import re
import sys
from random import Random
from typing import Any

from beeos_async._protocol.sse import Parser

ATOMS = (
    *(b"data", b"event", b"id", b"retry", b"dat", b"datas", b"ids", b"unknown", b"", b":"),
    *(b":", b": ", b":  ", b" :", b"x", b"{}", b"0", b"250", b"9" * 30, b"1a", b"-5"),
    *(b"\0", b"\xef\xbb\xbf", "ü".encode(), "€".encode(), "🐝".encode(), b"\xff", b"\xc3"),
    *(b"\x0b", b"\x0c", b"\x1c", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"data: a", b"data:b"),
)
ENDS = (b"\n", b"\r", b"\r\n")

Result = tuple[list[tuple[str, str, str]], str, int | None]


def invent(dice: Random) -> bytes:
    """Make up a stream: mostly fields, mostly in order, with everything that may be odd."""
    pieces: list[bytes] = [b"\xef\xbb\xbf"] if dice.random() < 0.2 else []
    favourite = dice.choice([*ENDS, None])
    for _ in range(dice.randint(1, 24)):
        if dice.random() < 0.7:
            pieces.append(dice.choice((b"data", b"data: ", b"event:", b"id: ", b"", b"")))
        pieces += dice.choices(ATOMS, k=dice.choice((0, 0, 1, 2, 3)))
        pieces.append(favourite or dice.choice(ENDS))
    return b"".join(pieces)


def cut(dice: Random, stream: bytes) -> list[bytes]:
    """Cut it anywhere: often, seldom, or at every byte; a chunk may be empty."""
    how_many = dice.choice((0, 1, 2, 5, len(stream)))
    marks = sorted(dice.randint(0, len(stream)) for _ in range(how_many))
    return [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]


def parse(chunks: list[bytes], **options: Any) -> Result:
    """Read chunks with the parser that is tested."""
    parser = Parser(**options)
    frames = [frame for chunk in chunks for frame in parser.feed(chunk)]
    told = [(one.event, one.data.decode("utf-8", "replace"), one.id) for one in frames]
    return told, parser.id, parser.retry


def read_plainly(stream: bytes) -> Result:
    """Do what the standard says, all at once and one line after the other."""
    text = stream.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    *lines, _unfinished = re.split("\r\n|\n|\r", text)
    told: list[tuple[str, str, str]] = []
    data = event = id = ""
    retry: int | None = None
    for line in lines:
        if line == "":
            if data:
                told.append((event, data[:-1], id))
            data = event = ""
            continue
        name, value = line, ""
        if ":" in line:
            at = line.index(":")
            name, value = line[:at], line[at + 1 :]
            value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            id = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry = min(int(value), 999_999_999)
    return told, id, retry


def check(seed: int) -> int:
    """Hold one stream in one chunking against the plain reading, and give its frames' number.

    Raises:
        AssertionError: They differ.
    """
    dice = Random(seed)  # noqa: S311 -- the same streams each time
    stream = invent(dice)
    chunks = cut(dice, stream)
    expected = read_plainly(stream)
    found = parse(chunks)
    assert found == expected, (seed, stream, chunks, found, expected)
    cap = dice.randint(0, 20)
    assert parse(chunks, cap=cap) == parse([stream], cap=cap), (seed, stream, chunks, cap)
    return len(found[0])


def main(cases: int) -> None:
    """Try so many, and say so."""
    frames = sum(map(check, range(cases)))
    print(f"{cases:,} streams, {frames:,} frames: no difference")  # noqa: T201


if __name__ == "__main__":  # pragma: no cover -- the suite calls `main` itself
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
