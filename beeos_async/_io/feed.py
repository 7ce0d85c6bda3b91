"""An answer that is told as it comes: opened like any other, then read piece by piece."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from msgspec import structs

from .._protocol.message import Response
from .flight import Flight

if TYPE_CHECKING:
    import aiohttp

EVENT_STREAM: Final = "text/event-stream"

_READABLE: Final = frozenset({"", "gzip", "deflate", "identity"})


class Feed:
    """A body that is being told.

    Attributes:
        head: The status and the headers it came with.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Take over an answer whose head has come."""
        self.head = Response(response.status, response.headers, b"")
        self._response = response

    async def read(self) -> bytes:
        """Wait for more bytes; there are none after its end, whatever the end was.

        aiohttp stops reading from the socket while more than 128 KiB are not taken from
        here: that is what holds the server back.
        """
        content = self._response.content
        with contextlib.suppress(Exception):
            return await content.readany()
        # It broke, and what came before it is good: the last events, maybe.  aiohttp keeps
        # it and does not give it out.
        with contextlib.suppress(Exception):
            # Named privately, and there is no other name.
            return content._read_nowait(-1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return b""

    @property
    def orderly(self) -> bool:
        """Whether, after its end, it is certain that the server meant it to be there."""
        response = self._response
        # A body without chunks ends wherever its connection does.
        framing = response.headers.get("Transfer-Encoding", "").lower()
        return framing.endswith("chunked") and response.content.exception() is None

    def close(self) -> None:
        """Close the connection, at once; who waits in `read` gets the end."""
        self._response.close()


class FeedFlight(Flight):
    """The attempt that opens a feed, and keeps the answer where it is one."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps = True
        self.feed: Feed | None = None
        self.head = Response(0, {}, b"")
        """The last answer, whatever it is; without a body where that is a feed."""

    def keep(self, response: aiohttp.ClientResponse) -> bool:
        """Take over a stream of events; an answer of any other kind is read as ever."""
        self.head = Response(response.status, response.headers, b"")
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if (
            200 <= response.status < 300
            and response.content_type == EVENT_STREAM
            and coding in _READABLE
        ):
            self.feed = Feed(response)
        return self.feed is not None

    def hear(self, body: bytes) -> None:
        """Keep what an answer says that is no stream: it may be of use all the same."""
        self.head = structs.replace(self.head, body=body)
