"""One file on its way: how long the network may stand still, and what is the caller's own.

What the disk, an iterator or a callback of the caller raises is told from what the wire does
to an attempt: the one leaves as it is, the other may be tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from .cargo import Pieces, Source

T = TypeVar("T")

Told = Callable[[int, int | None], Awaitable[None]]
"""Hears how many bytes have gone or come, and how many there are."""


class Patience(Struct, frozen=True):
    """How long an attempt is borne."""

    idle: float
    """Seconds in which the network moves nothing."""

    connect: float
    """Seconds for name, connection and TLS."""


class OwnError(Exception):
    """Something of the caller's own went wrong: the disk, an iterator, a callback."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Watch:
    """Ends an attempt when the network stands still; what the caller takes does not count."""

    def __init__(self, timer: asyncio.Timeout, idle: float) -> None:
        self._timer = timer
        self._idle = idle

    def renew(self) -> None:
        self._set(asyncio.get_running_loop().time() + self._idle)

    async def suspend(self, own: Awaitable[T]) -> T:
        """Wait for something of the caller's own."""
        self._set(None)
        try:
            return await own
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is handed on bare
            raise OwnError(error) from None
        finally:
            self.renew()

    def _set(self, when: float | None) -> None:
        # The attempt may be over already, or about to be.
        with contextlib.suppress(RuntimeError):
            self._timer.reschedule(when)


class Body:
    """The body of one upload, while it is written."""

    def __init__(self, source: Source, told: Told) -> None:
        self.answered = False
        """Whether the store has spoken: then nobody wants the rest."""

        self.flaw: Exception | None = None
        """What the caller's own code raised; aiohttp would wrap it."""

        self.sent = 0
        self._read = 0
        self._source = source
        self._told = told

    async def pieces(self, watch: Watch) -> Pieces:
        """Give the body piece by piece, for as long as somebody wants it."""
        try:
            async with contextlib.aclosing(self._source.pieces()) as source:
                piece = await watch.suspend(self._next(source))
                while piece:
                    # The last one stays here until it is known to be that: nobody shall have
                    # a whole file from a source that was wrong about it.
                    following = await watch.suspend(self._next(source))
                    # Whoever says no before the end is heard now, or his word is lost behind
                    # the reset that follows it.
                    await asyncio.sleep(0)
                    if self.answered:
                        return
                    self.sent += len(piece)
                    yield piece
                    await watch.suspend(self._told(self.sent, self._source.size))
                    piece = following
        except OwnError as error:
            self.flaw = error.error
            raise

    async def _next(self, source: Pieces) -> bytes | memoryview:
        piece = await anext(source, b"")
        self._read += len(piece)
        size = self._source.size
        if self._read > size or (self._read < size and not piece):
            more = "more than" if self._read > size else f"{self._read:,} of"
            msg = f"the source gave {more} the {size:,} bytes that were announced"
            raise ConfigurationError(msg)
        return piece
