"""One attempt while it is in the air, and what a transport promises about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .._checks import Key
from .._protocol.message import Request, Response

if TYPE_CHECKING:
    import aiohttp


class Closable(Protocol):
    """Whatever a request went out on."""

    def close(self) -> None:
        """Close it."""
        ...


class Flight:
    """What is known of one attempt while it is in the air."""

    key: Key
    """The key the attempt goes with; set before it takes off."""

    def __init__(self) -> None:
        """Begin on the ground."""
        self.keeps: bool = False
        """Whether it may take over its answer instead of having it read."""

        self.sent: bool = False
        """Whether the request has begun to be written; until then it certainly never left."""

        self.road: Closable | None = None
        """What it went out on."""

    def take_off(self, road: Closable) -> None:
        """Note that the request is about to be written, and on what."""
        self.sent = True
        self.road = road

    def keep(self, response: aiohttp.ClientResponse) -> bool:  # noqa: ARG002 -- a feed's looks
        """Take over an answer whose head has come; tell whether it did."""
        return False

    def hear(self, body: bytes) -> None:
        """Take note of what was read; only who may take an answer over is told."""

    def ground(self) -> None:
        """Close the connection used: what came over it cannot be trusted."""
        if self.road is not None:
            self.road.close()


class Transport(Protocol):
    """Sends one request, once."""

    def stay_home(self) -> None:
        """Refuse another event loop or process than the first request was made in.

        Raises:
            ClientLoopError: It is another one.
        """
        ...

    async def send(
        self, request: Request, flight: Flight, limit: float, connect_limit: float
    ) -> Response:
        """Send a request and read the whole response.

        Args:
            request: What to send.
            flight: Where to note what happens; brings the key.
            limit: Seconds for everything.
            connect_limit: Seconds of them for name, connection and TLS.

        Raises:
            TransportError: There is no whole response.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
