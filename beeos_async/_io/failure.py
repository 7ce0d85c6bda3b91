"""What went wrong on the wire, told apart by one question: was the request written?

No exception of aiohttp leaves the transports, or is chained: some of them print the key.
Each becomes an error of ours that holds plain data.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from .._protocol.message import Response
from .._protocol.refusal import unreadable
from ..errors import (
    ConnectionLostError,
    DecodeError,
    Delivered,
    NotSentError,
    RequestTimeoutError,
    TransportError,
    Trouble,
)
from .body import UnusableError
from .flight import Flight

NO: Final = 400
"""The first status that says no."""


def is_no(head: Response) -> bool:
    """Tell whether a status says no, whatever became of the body that was to say why.

    Args:
        head: Status and headers of an answer.
    """
    return head.status >= NO


class Failures:
    """What can go wrong on the way to one host."""

    __slots__ = ("_host", "_proxied", "met")

    def __init__(self, host: str, *, proxied: bool) -> None:
        """Remember what a refusal has to name.

        Args:
            host: Where the requests go.
            proxied: Whether through a proxy.
        """
        self._host = host
        self._proxied = proxied
        self.met = False
        """Whether there was a connection to it, over TLS where that is spoken."""

    def of(self, error: Exception, flight: Flight, head: Response | None) -> TransportError:
        """Tell what an exception means.

        Args:
            error: What came out of aiohttp, of asyncio, or of anywhere.
            flight: How far the attempt had come.
            head: Status and headers of the answer, if they have come.
        """
        if not flight.sent:
            return self._not_sent(error)
        if isinstance(error, TimeoutError):
            return RequestTimeoutError(_trouble("no answer in time", "timeout", "maybe"))
        if isinstance(error, UnusableError) and head is not None:
            return unreadable(head, error.flaw, error.reason)
        if isinstance(error.__cause__, ContentEncodingError) and head is not None:
            return unreadable(head, "its compression is broken")
        if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
            # The 400 inside is aiohttp's own; the server never said it.
            return DecodeError(_trouble("the answer is no valid HTTP", "unreadable", "yes"))
        return self.lost(flight, head)

    def of_cancellation(self, flight: Flight) -> TransportError | None:
        """Tell what a cancellation means; `None` where somebody wanted it.

        Closing the session cancels those who wait inside it, although nobody cancelled
        them (aiohttp issue 10313 and relatives).
        """
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return None
        return self.lost(flight)

    @staticmethod
    def lost(flight: Flight, head: Response | None = None) -> TransportError:
        """Tell of a connection that ended under an attempt."""
        if not flight.sent:
            return NotSentError(
                _trouble("the client closed before the request left", "local", "no")
            )
        return ConnectionLostError(
            Trouble(
                message="the connection broke before the answer was whole",
                reason="lost",
                delivered="maybe",
                status=head.status if head else None,
                request_id=head.request_id if head else None,
            )
        )

    def _not_sent(self, error: Exception) -> NotSentError:
        status: int | None = None
        match error:
            case aiohttp.ClientConnectorDNSError():
                reason, what = "dns", "the host name cannot be resolved"
            case ssl.SSLError() if self.met and not isinstance(error, ssl.CertificateError):
                # It did, a moment ago: what answers there now is not ready, or not the host.
                reason, what = "connect", "no TLS with what has spoken it before"
            case ssl.SSLError():
                reason, what = "tls", "the server's certificate or TLS cannot be accepted"
            case aiohttp.ClientHttpProxyError():
                reason, what, status = "proxy", "the proxy refused to connect", error.status
            case aiohttp.ClientProxyConnectionError():
                reason, what = "proxy", "the proxy cannot be reached"
            case OSError(errno=errno.EMFILE | errno.ENFILE | errno.ENOBUFS | errno.ENOMEM):
                reason, what = "local", "this machine is out of sockets"
            case TimeoutError():
                reason, what = "connect", "no connection in time"
            case aiohttp.ClientConnectorError():
                reason, what = "connect", "no connection"
            case _ if self._proxied:
                reason, what = "proxy", "the proxy broke off"
            case _:
                reason, what = "connect", f"no connection, {type(error).__name__}"
        detail = getattr(error, "strerror", None)
        message = f"{what} ({self._host}{f': {detail}' if isinstance(detail, str) else ''})"
        return NotSentError(_trouble(message, reason, "no", status))


def _trouble(
    message: str, reason: str, delivered: Delivered, status: int | None = None
) -> Trouble:
    return Trouble(message=message, reason=reason, delivered=delivered, status=status)
