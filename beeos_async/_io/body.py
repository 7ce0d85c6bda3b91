"""The body of an answer, read under its cap and in no coding but those that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import StreamReader, hdrs

_READABLE: Final = frozenset({"gzip", "deflate", "identity"})


class UnusableError(Exception):
    """The body cannot be used, for a reason known before it is decoded."""

    def __init__(self, flaw: str, reason: str) -> None:
        super().__init__(flaw)
        self.flaw = flaw
        self.reason = reason


async def read_body(headers: Mapping[str, str], content: StreamReader, cap: int) -> bytes:
    """Read a body to its end.

    Args:
        headers: Of the answer.
        content: What is unfolded of it as it comes.
        cap: Bytes that are read at most, unfolded.

    Raises:
        UnusableError: It is too large, or in a coding that nobody here can read.
    """
    encoding = headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    told = headers.get(hdrs.CONTENT_LENGTH)
    length = None if told is None else int(told)
    if not encoding and length is not None and length <= cap:
        return await content.read()
    if encoding and encoding not in _READABLE:
        # aiohttp hands such a body through as it is.
        flaw = "its content coding was not asked for"
        raise UnusableError(flaw, "unreadable")
    chunks: list[bytes] = []
    # A length that is told counts at once; what comes compressed counts as it unfolds.
    size = length if length is not None and not encoding else 0
    async for chunk in content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > cap:
            flaw = f"its body has more than {cap:,} bytes"
            raise UnusableError(flaw, "too_large")
    return b"".join(chunks)
