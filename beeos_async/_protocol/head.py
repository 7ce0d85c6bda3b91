"""The head of the one plain shape that nearly every answer has, read without a parser.

`HTTP/1.1 200`, one `Content-Length`, and nothing that says how the body is coded or the
connection used.  Whatever else comes is not read here, and not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, overload

D = TypeVar("D")

LONGEST: Final = 8000
"""Bytes of a head beyond which it is not plain: a parser has limits for lines."""

# All in lower case: to ignore case while matching costs four times as much.
_TEXT: Final = rb"[\t\x20-\x7e\x80-\xff]*+"
# What a parser acts on has a line of its own below, or makes the answer no plain one.
_LINES: Final = (
    # What nearly every answer has, once more and first, because it is told apart so quickly.
    rb"(?:(?:date|server|content-type|x-request-id):" + _TEXT + rb"\r\n"
    rb"|(?!con(?:tent-(?:length|encoding)|nection):|transfer-encoding:|upgrade:"
    rb"|proxy-connection:|sec-websocket-key1:)[!#$%&'*+.^_`|~0-9a-z-]++:" + _TEXT + rb"\r\n"
    rb"|connection:[\t ]*+keep-alive[\t ]*+\r\n){0,60}+"
)
_whole = re.compile(
    rb"http/1\.1 200(?: "
    + _TEXT
    + rb")?+\r\n"
    + _LINES
    + rb"content-length:[\t ]*+([0-9]{1,8})[\t ]*+\r\n"
    + _LINES
    + rb"\r\n"
).fullmatch


class Head(Mapping[str, str]):
    """The headers of a plain head, each read when it is asked for."""

    __slots__ = ("_lower", "_raw")

    def __init__(self, raw: bytes, lower: bytes) -> None:
        """Keep the bytes of a head.

        Args:
            raw: From the status line to the empty line.
            lower: The same in lower case.
        """
        self._raw = raw
        self._lower = lower

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, /, default: str) -> str: ...

    @overload
    def get(self, name: str, /, default: D) -> str | D: ...

    def get(self, name: str, /, default: object = None) -> object:
        """Give a header's value, the first one where there are more."""
        mark = _marks[name]
        at = self._lower.find(mark)
        if at < 0:
            return default
        begin = at + len(mark)
        # A plain line holds no other CR, and no other blanks than those two that end a value:
        # to look for less takes half the time.
        value = self._raw[begin : self._raw.index(b"\r", begin)]
        return value.strip().decode("utf-8", "surrogateescape")

    def __getitem__(self, name: str) -> str:
        """Give a header's value, the first one where there are more."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        """Give the names as they were written, each once."""
        lines = self._raw.split(b"\r\n")[1:-2]
        names = (line.partition(b":")[0].decode("ascii") for line in lines)
        return iter({name.lower(): name for name in names}.values())

    def __len__(self) -> int:
        """Count the names."""
        return sum(1 for _ in self)


def plain(data: bytes) -> tuple[int, int, Head] | None:
    """Read a plain head at the beginning of some bytes.

    Returns:
        Where its body begins, how long that is, and its headers; `None` where the head is not
        plain, or not whole.
    """
    begin = data.find(b"\r\n\r\n", 0, LONGEST) + 4
    raw = data[:begin]
    lower = raw.lower()
    found = _whole(lower)
    # The name of the protocol has no other spelling.
    if found is None or not raw.startswith(b"HTTP"):
        return None
    return begin, int(found[1]), Head(raw, lower)


class _Marks(dict[str, bytes]):
    """Names as they stand in a head: at the beginning of a line, before a colon."""

    def __missing__(self, name: str) -> bytes:
        mark = self[name] = b"\r\n%s:" % name.lower().encode("utf-8", "surrogateescape")
        return mark


_marks: Final = _Marks()
