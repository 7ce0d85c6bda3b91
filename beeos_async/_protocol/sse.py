"""Bytes in, frames out: an incremental parser of `text/event-stream`, in any chunking.

It follows the WHATWG rules (HTML, section 9.2.6) and works by line, not by byte.  Comments
and fields nobody knows are dropped as they come; an event that is too large ends the
parsing.  What a frame means is `events.py`'s, what follows from it `resume.py`'s.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

EVENT_CAP: Final = 8 * 1024 * 1024
"""Bytes of one event that are held at most; one line may have them all."""

_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = frozenset({b"data", b"event", b"id", b"retry"})
_OPENINGS: Final = tuple(name + b":" for name in _FIELDS)
_SURE: Final = max(map(len, _OPENINGS))
"""Bytes of a line that tell whether it can be of use."""

# A longer number of milliseconds is eleven days, and only its being long is of interest.
_DIGITS: Final = 9


class Frame(Struct, frozen=True):
    """One event as it stood in the stream."""

    event: str
    """Its name; empty where it has none."""

    data: bytes
    """Its lines, joined by LF: UTF-8, if the server keeps to the rules."""

    id: str = ""
    """The last id the stream has named, in this event or before it."""


class Parser:
    """Cuts one stream into frames.

    Attributes:
        id: The last id that was named; empty where none was.
        retry: Milliseconds the server asks to wait before a reconnect; `None` where it
            does not ask.
        overflowed: Whether an event was too large; nothing after it is parsed.
    """

    __slots__ = (
        "_data",
        "_event",
        "_head",
        "_line",
        "_room",
        "_skips_lf",
        "_skips_line",
        "id",
        "overflowed",
        "retry",
    )

    def __init__(self, cap: int = EVENT_CAP) -> None:
        """Begin before the first byte.

        Args:
            cap: Bytes of one event that are held at most.
        """
        self.id = ""
        self.retry: int | None = None
        self.overflowed = False
        # The name of a field and its blank are not the event's.
        self._room = cap + _SURE + 1
        self._head: bytes | None = b""
        """What came before it is known whether it is a byte order mark; `None` afterwards."""

        self._line = bytearray()
        """The line whose end has not come."""

        self._skips_line = False
        """Whether that line is of no use, and not kept."""

        self._skips_lf = False
        """Whether a LF would belong to the CR that ended the chunk before."""

        self._event = ""
        self._data: bytes | bytearray | None = None

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes, and give the frames that are whole now."""
        if self._head is not None:
            chunk = self._head + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._head = chunk
                return []
            self._head = None
            chunk = chunk.removeprefix(_BOM)
        if self._skips_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skips_lf = False
        if not chunk or self.overflowed:
            return []
        # Of bytes, unlike of text, this knows LF, CR and CRLF alone.
        lines = chunk.splitlines()
        last = chunk[-1:]
        tail = b"" if last in b"\r\n" else lines.pop()
        self._skips_lf = last == b"\r"
        if lines and (self._line or self._skips_line):
            lines[0] = self._whole(lines[0])
        frames = self._read(lines)
        if tail and not self.overflowed:
            self._hold(tail)
        return frames

    def _read(self, lines: list[bytes]) -> list[Frame]:
        frames: list[Frame] = []
        data = self._data
        for line in lines:
            if not line:
                if data is not None:
                    frames.append(Frame(self._event, bytes(data), self.id))
                self._event, data = "", None
                continue
            name, _, value = line.partition(b":")
            if name not in _FIELDS:
                continue
            if len(line) + len(data or b"") > self._room:
                self._overflow()
                return frames
            value = value.removeprefix(b" ")
            if name != b"data":
                self._note(name, value)
            elif data is None:
                data = value
            else:
                data = bytearray(data) if isinstance(data, bytes) else data
                data += b"\n"
                data += value
        self._data = data
        return frames

    def _note(self, name: bytes, value: bytes) -> None:
        """Take one of the other three fields."""
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self.id = value.decode("utf-8", "replace")
        elif value.isdigit():
            self.retry = int(value.lstrip(b"0")[:_DIGITS] or b"0")

    def _hold(self, tail: bytes) -> None:
        """Keep the beginning of a line, where the line can be of use."""
        if self._skips_line:
            return
        line = self._line
        line += tail
        if len(line) < _SURE:
            return
        if not line.startswith(_OPENINGS):
            line.clear()
            self._skips_line = True
        elif len(line) + len(self._data or b"") > self._room:
            self._overflow()

    def _whole(self, rest: bytes) -> bytes:
        """Put a line together whose end has come; what was skipped is like a comment."""
        if self._skips_line:
            self._skips_line = False
            return b":"
        line = bytes(self._line) + rest
        self._line.clear()
        return line

    def _overflow(self) -> None:
        self.overflowed = True
        self._line.clear()
        self._data = None
