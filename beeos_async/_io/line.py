"""A leased connection that reads the plain answer by itself, and hands on all that is not plain.

While a connection is leased, a protocol of ours stands on its transport, and aiohttp's
handler is put aside.  It reads one shape of answer, the one of `_protocol/head.py`.  When
anything else comes, the handler stands on the transport again, is given the bytes so far,
and reads the answer as it always does.  So nothing unusual is ever parsed here.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final

from .._clock import Limits, ticks
from .._protocol.head import Head, plain
from .._protocol.message import Response
from .flight import Flight
from .later import AT_ONCE, Later

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

KEEP_ALIVE: Final = 15.0
"""Seconds an idle connection is kept; longer ones are the likelier to be dead on arrival."""

LARGEST: Final = 64 * 1024
"""Bytes of a body beyond which the handler reads it: it can make the server wait."""

Plain = tuple[Head, bytes]
"""The headers and the body of a plain answer."""

Waiter = asyncio.Future[Plain | None]
"""What waits for an answer.  `None` means that the handler has it."""

Asked = tuple[Flight, bytes, Waiter]
"""Where to note that a request leaves, the request as it goes over the wire, and who waits."""


class Lines:
    """The leased lines of one client, and what they share."""

    __slots__ = ("buffer", "idle", "later", "limits")

    def __init__(self) -> None:
        """Begin with none."""
        # One buffer for all: what was read is copied out of it before anybody else reads.  A
        # protocol that brings none is given a new one of 256 KiB for each read.
        self.buffer: Final = memoryview(bytearray(LARGEST))
        self.idle: Final[dict[Line, None]] = {}
        """Who may be asked, the one that was used last at the end."""

        self.limits: Final = Limits[Line]()
        """The time of all there are, idle or not."""

        self.later: Final = Later[Asked, Plain | None]()

    def take(self) -> Line | None:
        """Take out the line that was used last, if there is one that is fit for use."""
        while self.idle:
            line, _ = self.idle.popitem()
            # The loop may have been held for longer than a timer knows.
            if line.end > ticks() and not line.transport.is_closing():
                return line
            line.close()
        return None

    def close(self) -> None:
        """Close all idle connections."""
        while self.idle:
            line, _ = self.idle.popitem()
            line.close()


class Line(asyncio.BufferedProtocol):
    """One leased connection, from its lease to its end or its return."""

    __slots__ = (
        "_connection",
        "_lines",
        "_loop",
        "_most",
        "_over",
        "_partial",
        "_waiter",
        "end",
        "handler",
        "head",
        "left",
        "transport",
    )

    def __init__(
        self,
        lines: Lines,
        connection: Connection,
        handler: ResponseHandler,
        transport: asyncio.Transport,
    ) -> None:
        """Stand on a connection instead of its handler.

        Args:
            lines: What it is one of.
            connection: The lease.
            handler: What reads all but the plain answer.
            transport: Where both stand: the connection's own, or TLS over it.
        """
        self.handler = handler
        self.transport = transport
        self.end = math.inf
        """When it runs out of time; see `Limits`."""

        self.left = 0.0
        """Seconds that were left for the answer when it turned out not to be plain."""

        self.head: Response | None = None
        """Status and headers of such an answer, once they have come."""

        self._lines = lines
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiter: Waiter | None = None
        self._partial = b""
        self._most = 0
        self._over = False
        lines.limits.watched.add(self)
        stand(transport, self)

    def ask(self, flight: Flight, words: bytes, cap: int, seconds: float) -> Waiter:
        """Have a request written, at once where no other is under way.

        Args:
            flight: Where to note that it leaves, once it does.
            words: The request, as it goes over the wire.
            cap: Bytes of the body that are read at most.
            seconds: How long it may take.

        Returns:
            What waits for the answer.  `None` means that the handler has it, or will have
            it within the seconds that are `left`, if any are.  It fails where the request
            could not be written.
        """
        self._most = min(cap, LARGEST)
        lines = self._lines
        limits = lines.limits
        self.end = end = ticks() + seconds
        if end < limits.next:
            limits.wake(end)
        waiter: Waiter = asyncio.Future(loop=self._loop)
        if len(limits.watched) - len(lines.idle) > 1:
            lines.later.put_off(self._go, (flight, words, waiter))
        else:
            self._go((flight, words, waiter))
        return waiter

    def rest(self) -> None:
        """Be idle: the answer was whole."""
        if self._over:
            return
        if self.head is not None:
            # The handler has read it, and knows whether the server will hear another request.
            if self.handler.should_close:
                self.close()
                return
            self.head, self.left = None, 0.0
            stand(self.transport, self)
        lines = self._lines
        self.end = end = ticks() + KEEP_ALIVE
        if end < lines.limits.next:
            lines.limits.wake(end)
        lines.idle[self] = None

    def give_back(self) -> None:
        """Return the connection to the pool it came from, as it was."""
        if not self._over:
            self._part()
            if self.transport.get_protocol() is self:
                stand(self.transport, self.handler)
            self._connection.release()

    def close(self) -> None:
        """Close the connection, even if the lease is over."""
        self._part()
        if self.transport.get_write_buffer_size():
            # Nobody waits for the answer; who does not read shall not keep the request for ever.
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.close()
        self._connection.close()
        self.handler.close()

    def expire(self) -> None:
        """Be out of time: whoever waits for an answer is told, who is idle is closed."""
        if self._waiter is None:
            self.close()
        elif not self._waiter.done():
            # What comes now, comes too late, and is told to nobody.
            self._waiter.set_result(None)
            self._waiter = None

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- there is one size
        """Say where to read to."""
        return self._lines.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Read what has come."""
        waiter = self._waiter
        if waiter is None:
            # Nobody has asked: it would be taken for the answer to the next request.
            self.close()
            return
        news = bytes(self._lines.buffer[:nbytes])
        data = self._partial + news if self._partial else news
        found = plain(data)
        if found is not None and found[1] <= self._most:
            begin, length, head = found
            missing = begin + length - len(data)
            if not missing:
                self._waiter, self._partial = None, b""
                if len(self._lines.limits.watched) > AT_ONCE:
                    self._lines.later.wake(waiter, (head, data[begin:]))
                elif not waiter.done():
                    # Who was cancelled or is out of time closes the line.
                    waiter.set_result((head, data[begin:]))
                return
            if missing > 0 and not self._partial:
                self._partial = data
                return
        # Not plain, or in more than two pieces.
        stand(self.transport, self.handler)
        self._hand_over(waiter, news)

    def eof_received(self) -> None:
        """Let the transport close; nobody shall ask here any more."""
        self._lines.idle.pop(self, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the handler, and let it say what that means for the answer."""
        if self._waiter is not None:
            self._hand_over(self._waiter)
        self._part()
        self.handler.connection_lost(exc)
        self._connection.close()
        # Over TLS the two would hold each other until the garbage collector comes.
        self.transport = _GONE

    def pause_writing(self) -> None:
        """Tell the handler, which keeps count."""
        self.handler.pause_writing()

    def resume_writing(self) -> None:
        """Tell the handler, which keeps count."""
        self.handler.resume_writing()

    def _go(self, asked: Asked) -> None:
        """Write a request, unless nobody wants its answer any more, or nobody could read it."""
        flight, words, waiter = asked
        if waiter.done():
            return
        try:
            if self.transport.is_closing():
                msg = "the connection ended before the request was sent"
                raise ConnectionResetError(msg)  # noqa: TRY301 -- a transport may raise as well
            self._waiter = waiter
            flight.take_off(self)
            self.transport.write(words)
        except Exception as error:  # noqa: BLE001 -- as said
            # Its traceback has this frame, which has the key and who waits.
            waiter.set_exception(error.with_traceback(None))

    def _hand_over(self, waiter: Waiter, news: bytes = b"") -> None:
        """Let the handler read the answer from its beginning, in the pieces it came in."""
        pieces = [piece for piece in (self._partial, news) if piece]
        self._waiter, self._partial = None, b""
        self.left, self.end = self.end - ticks(), math.inf
        self.handler.set_response_params(read_until_eof=True)
        for piece in pieces:
            self.handler.data_received(piece)
        if not waiter.done():
            waiter.set_result(None)

    def _part(self) -> None:
        """End the lease."""
        self._over = True
        self._lines.idle.pop(self, None)
        self._lines.limits.watched.discard(self)


class _Gone(asyncio.Transport):
    """Where a line stands whose connection is lost."""

    def is_closing(self) -> bool:
        """Say so."""
        return True

    def get_write_buffer_size(self) -> int:
        """Say that nothing is left to be written."""
        return 0


_GONE: Final = _Gone()


def stand(transport: asyncio.Transport, protocol: Any) -> None:
    """Change who reads, between two reads: some loops choose how to read when they begin to."""
    transport.pause_reading()
    transport.set_protocol(protocol)
    transport.resume_reading()
