"""How fast are event streams read: cut into frames, and made into typed events?

Both parsers read the same events of about 400 bytes in the same chunks, one after the other
in each round: ours, which works by line, and one that looks at every byte, as most do.

    python benchmarks/sse.py [--rounds 7] [--events 20000] [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

from _measure import about, spread
from msgspec import json

from beeos_async._protocol.events import channel_event
from beeos_async._protocol.sse import Parser

CHUNKS = (1024, 16 * 1024, 128 * 1024)
"""Sizes of chunks; what a socket gives at once lies between them."""

SIZE = 400
FLOOR = 50.0
"""MB/s our parser promises."""


class ByteParser:
    """Looks at one byte after the other; just enough of the standard to read these events."""

    def __init__(self) -> None:
        self.line = bytearray()
        self.event = ""
        self.data: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """Take bytes, give the events that are whole."""
        events: list[tuple[str, str]] = []
        for byte in chunk:
            if byte != 10:
                self.line.append(byte)
                continue
            text = self.line.decode()
            self.line.clear()
            if not text:
                events.append((self.event, "\n".join(self.data)))
                self.event, self.data = "", []
                continue
            name, _, value = text.partition(": ")
            if name == "data":
                self.data.append(value)
            elif name == "event":
                self.event = value
        return events


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast event streams are read.")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of both sides")
    parser.add_argument("--events", type=int, default=20_000, help="events a round")
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.events = 2, 1000
    events = [frame(number) for number in range(chosen.events)]
    stream = b"".join(events)
    size = len(stream) / len(events)
    print(about(), f"\n{len(events):,} events of {size:.0f} bytes, {chosen.rounds} rounds\n")
    slowest = float("inf")
    for chunk in CHUNKS:
        pieces = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
        rates: list[float] = []
        ratios: list[float] = []
        typed: list[float] = []
        for _ in range(chosen.rounds):
            # Every side inside one round: a noisy machine then slows all alike.
            ours = timed(Parser().feed, pieces, len(events))
            theirs = timed(ByteParser().feed, pieces, len(events))
            both = timed(read_typed(Parser()), pieces, len(events))
            rates.append(len(stream) / ours / 1e6)
            typed.append(len(stream) / both / 1e6)
            ratios.append(theirs / ours)
        slowest = min(slowest, median(rates))
        print(
            f"chunks of {chunk:>7,} bytes: frames {median(rates):6.0f} MB/s"
            f" ({min(rates):.0f}-{max(rates):.0f}), typed events {median(typed):5.0f} MB/s,"
            f" {spread(ratios)} as fast as byte by byte"
        )
    kept = "kept" if slowest >= FLOOR else "BROKEN"
    print(f"\nparser: {slowest:.0f} MB/s at least; the promise of {FLOOR:.0f} MB/s is {kept}")
    sys.exit(slowest < FLOOR)


def frame(number: int) -> bytes:
    """Make one event as a task's stream has it."""
    message = {
        "type": "agent_reply",
        "message_id": "msg-4711",
        "offset": number * 3 + 1,
        "publisher_id": "agent:agt-clerk",
        "created_at": "2026-09-01T08:00:03.25Z",
        "body": "",
        "state": "streaming",
    }
    bare = len(wrapped(message))
    return wrapped({**message, "body": ("Löhne und Gehälter " * 30)[: SIZE - bare - 20]})


def wrapped(message: dict[str, object]) -> bytes:
    """Write a frame."""
    return b"event: message\ndata: " + json.encode(message) + b"\n\n"


def timed(feed: Callable[[bytes], list[object]], pieces: list[bytes], expected: int) -> float:
    """Feed all pieces, and give the seconds it took."""
    count = 0
    begin = perf_counter()
    for piece in pieces:
        count += len(feed(piece))
    took = perf_counter() - begin
    assert count == expected, (count, expected)  # noqa: S101 -- or nothing was measured
    return took


def read_typed(parser: Parser) -> Callable[[bytes], list[object]]:
    """Make what cuts frames and reads them."""

    def feed(piece: bytes) -> list[object]:
        return [channel_event(one) for one in parser.feed(piece)]

    return feed


if __name__ == "__main__":
    main()
