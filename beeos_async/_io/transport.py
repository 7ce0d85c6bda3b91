"""One request over the wire and its whole response back; the only client code with aiohttp.

What aiohttp may not decide is switched off here: redirects, cookies, netrc, environment
proxies, hidden retries, its own timeouts as a safety net.  Every failure is told apart by
one question, was the request written?, and leaves as an error that holds plain data: no
exception of aiohttp is chained or kept, because some of them print the key.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError
from yarl import URL

from .._protocol.message import Request, Response
from .._protocol.refusal import unreadable
from .._reach import refuse
from .._urls import is_loopback
from ..errors import (
    ClientClosedError,
    ClientLoopError,
    ConfigurationError,
    ConnectionLostError,
    DecodeError,
    Delivered,
    NotSentError,
    RequestTimeoutError,
    TransportError,
    Trouble,
)

if TYPE_CHECKING:
    import ssl

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

    from .._checks import Key
    from .._clock import Clock

KEEP_ALIVE: Final = 15.0
"""Seconds an idle connection is kept; longer ones are the likelier to be dead on arrival."""

_READABLE: Final = frozenset({"gzip", "deflate", "identity"})


class Flight:
    """What is known of one attempt while it is in the air."""

    __slots__ = ("_protocol", "key", "sent")

    key: Key
    """The key the attempt goes with; set before it takes off."""

    keeps: bool = False
    """Whether it may take over its answer instead of having it read."""

    def __init__(self) -> None:
        self.sent = False
        """Whether the request has begun to be written; until then it certainly never left."""

        self._protocol: ResponseHandler | None = None

    def take_off(self, protocol: ResponseHandler) -> None:
        """Note that the request is about to be written, and where."""
        self.sent = True
        self._protocol = protocol

    def keep(self, response: aiohttp.ClientResponse) -> bool:  # noqa: ARG002 -- a feed's looks
        """Take over an answer whose head has come; tell whether it did."""
        return False

    def ground(self) -> None:
        """Close the connection used: what came over it cannot be trusted."""
        if self._protocol is not None:
            self._protocol.close()


class Transport(Protocol):
    """Sends one request, once."""

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


_flight: ContextVar[Flight] = ContextVar("beeos_async_flight")


class _StaleConnection(Exception):  # noqa: N818 -- a signal of this file, seen by nobody
    """A pooled connection holds bytes nobody asked for."""


class _UnusableError(Exception):
    """The body cannot be used, for a reason known before it is decoded."""

    def __init__(self, flaw: str, reason: str) -> None:
        super().__init__(flaw)
        self.flaw = flaw
        self.reason = reason


class _GuardedRequest(aiohttp.ClientRequest):
    """Refuses a dirty connection, notes that the request leaves, and adds the key last."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        protocol = conn.protocol
        # An answer pushed onto an idle connection would be taken for the answer to this
        # request, and every later answer would be off by one (aiohttp issue 13656).
        if protocol is None or protocol.should_close:
            raise _StaleConnection
        flight = _flight.get()
        self.headers[hdrs.AUTHORIZATION] = flight.key.header
        flight.take_off(protocol)
        return await super().send(conn)


class AiohttpTransport:
    """A pooled aiohttp session, made at first use, with every habit of its own switched off."""

    def __init__(
        self,
        clock: Clock,
        base_url: str,
        *,
        pool: int,
        user_agent: str,
        proxy: str | None = None,
        ssl: ssl.SSLContext | None = None,
        connector: aiohttp.BaseConnector | None = None,
    ) -> None:
        """Remember how to connect; nothing is opened yet.

        Args:
            clock: Time.
            base_url: Scheme, host and prefix, without a trailing slash.
            pool: How many requests may be in flight at once.
            user_agent: The `User-Agent` header.
            proxy: Where to connect instead.
            ssl: Whom to trust, instead of the system's certificates.
            connector: Somebody else's connections, to be used and not to be closed.
        """
        self._clock = clock
        self._base = URL(base_url)
        self._base_path = self._base.raw_path.rstrip("/")
        self._pool = pool
        self._user_agent = user_agent
        self._proxy = proxy
        self._ssl = ssl
        self._borrowed = connector
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = _process
        self._connect_timeout = aiohttp.ClientTimeout(total=None)
        self._closed = False

    def stay_home(self) -> None:
        """Refuse another event loop or process than the first request was made in.

        Raises:
            ClientLoopError: It is another one.
        """
        if self._process != _process and self._loop is not None:
            # The child would read the parent's answers off the shared sockets.
            msg = "this client connected before the process forked; make a new one in the child"
            raise ClientLoopError(msg)
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._loop is None:
            self._loop, self._process = loop, _process
            return
        msg = (
            f"this client belongs to event loop {id(self._loop):#x}"
            f"{' (closed)' if self._loop.is_closed() else ''}, the call runs in {id(loop):#x};"
            " make one client for each loop"
        )
        raise ClientLoopError(msg)

    async def send(
        self, request: Request, flight: Flight, limit: float, connect_limit: float
    ) -> Response:
        """Send a request and read the whole response; see `Transport.send`."""
        session = self._session or self._open()
        response: aiohttp.ClientResponse | None = None
        flight.sent = False
        _flight.set(flight)
        try:
            async with self._clock.limit(limit):
                while response is None:
                    try:
                        # Awaited bare: the context manager costs, and is not needed here.
                        response = await session.request(
                            request.method,
                            self._url(request.target),
                            data=request.body,
                            headers=_headers(request),
                            allow_redirects=False,
                            proxy=self._proxy,
                            timeout=self._timeout(connect_limit),
                        )
                    except _StaleConnection:
                        # Nothing was sent, and aiohttp has closed it: take the next one.
                        continue
                kept = flight.keep(response)
                body = b"" if kept else await _body(response, request.answer_cap)
            return Response(response.status, response.headers, body, self._clock.wall())
        except asyncio.CancelledError:
            _drop(response)
            # Closing the session cancels those who wait inside it, although nobody
            # cancelled them (aiohttp issue 10313 and relatives).
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure = _lost(flight)
        except Exception as error:  # noqa: BLE001 -- anything may come out of a socket
            _drop(response)
            failure = self._failure(error, flight, response)
        # Raised down here, where aiohttp's exception is no longer being handled.
        raise failure

    async def close(self) -> None:
        """Close every connection of ours, for good."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None and self._process != _process:
            # The sockets are the parent's too: closing them here would deafen it.
            _inherited.append(session)
        elif session is not None:
            await session.close()

    def _url(self, target: str) -> URL:
        path, mark, query = target.partition("?")
        # Built from its parts: parsing the whole would cost more than sending it.
        url = self._base.with_path(self._base_path + path, encoded=True)
        return URL(f"{url}?{query}", encoded=True) if mark else url

    def _timeout(self, connect_limit: float) -> aiohttp.ClientTimeout:
        # `connect` covers names, TCP, TLS and a proxy's CONNECT; the rest is the limit's.
        if self._connect_timeout.connect != connect_limit:
            self._connect_timeout = aiohttp.ClientTimeout(
                total=None, connect=connect_limit, sock_connect=connect_limit
            )
        return self._connect_timeout

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            msg = "the client is closed"
            raise ClientClosedError(msg)
        if not is_loopback(self._base.host or "") and refuse(str(self._base)):
            msg = f"only loopback may be reached in here (`only_loopback`), not {self._base}"
            raise ConfigurationError(msg)
        connector = self._borrowed or aiohttp.TCPConnector(
            # The gate bounds requests; streams, which hold no slot, shall not take theirs.
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
            ttl_dns_cache=60,
            ssl=self._ssl or True,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._borrowed is None,
            request_class=_GuardedRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            raise_for_status=False,
            skip_auto_headers=(hdrs.CONTENT_TYPE,),
            headers={
                hdrs.ACCEPT: "application/json",
                # Deflate and brotli open doors that nothing needs.
                hdrs.ACCEPT_ENCODING: "gzip",
                hdrs.USER_AGENT: self._user_agent,
            },
        )
        # aiohttp sends GET, PUT and DELETE a second time on its own; our counts would lie.
        session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._session = session
        return session

    def _failure(
        self, error: Exception, flight: Flight, response: aiohttp.ClientResponse | None
    ) -> TransportError:
        if not flight.sent:
            return self._not_sent(error)
        if isinstance(error, TimeoutError):
            return RequestTimeoutError(_trouble("no answer in time", "timeout", "maybe"))
        if isinstance(error, _UnusableError) and response is not None:
            return unreadable(_head(response), error.flaw, error.reason)
        if isinstance(error.__cause__, ContentEncodingError) and response is not None:
            return unreadable(_head(response), "its compression is broken")
        if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
            # The 400 inside is aiohttp's own; the server never said it.
            return DecodeError(_trouble("the answer is no valid HTTP", "unreadable", "yes"))
        return _lost(flight, response)

    def _not_sent(self, error: Exception) -> NotSentError:
        status: int | None = None
        match error:
            case aiohttp.ClientConnectorDNSError():
                reason, what = "dns", "the host name cannot be resolved"
            case aiohttp.ClientSSLError():
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
            case _ if self._proxy:
                reason, what = "proxy", "the proxy broke off"
            case _:
                reason, what = "connect", f"no connection, {type(error).__name__}"
        detail = getattr(error, "strerror", None)
        host = self._base.authority
        message = f"{what} ({host}{f': {detail}' if isinstance(detail, str) else ''})"
        return NotSentError(_trouble(message, reason, "no", status))

    def __del__(self) -> None:
        """Say that a client was forgotten, once, and close what it left open."""
        session = getattr(self, "_session", None)
        if session is None or session.closed or sys.is_finalizing():
            return
        if self._process != _process:
            _inherited.append(session)
            return
        connector = session.connector
        # Without its connector the session has nothing to complain of.
        session.detach()
        if self._borrowed is None and connector is not None:
            # The public `close` wants to be awaited, and there is nobody to do it.
            connector._close()  # noqa: SLF001 -- as said
        # Last, because a warning may be an error.
        warnings.warn("a client was never closed", ResourceWarning, stacklevel=1, source=self)


_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}


def _headers(request: Request) -> Mapping[str, str] | None:
    json = None if request.body is None else _JSON
    return {**(json or {}), **dict(request.headers)} if request.headers else json


async def _body(response: aiohttp.ClientResponse, cap: int) -> bytes:
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    length = response.content_length
    if not encoding and length is not None and length <= cap:
        return await response.read()
    if encoding and encoding not in _READABLE:
        # aiohttp hands such a body through as it is; nobody here could read it.
        flaw = "its content coding was not asked for"
        raise _UnusableError(flaw, "unreadable")
    chunks: list[bytes] = []
    # A length that is told counts at once; what comes compressed counts as it unfolds.
    size = length if length is not None and not encoding else 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > cap:
            flaw = f"its body has more than {cap:,} bytes"
            raise _UnusableError(flaw, "too_large")
    return b"".join(chunks)


def _drop(response: aiohttp.ClientResponse | None) -> None:
    """Close the connection of a response that was not read to its end."""
    if response is not None:
        response.close()


def _head(response: aiohttp.ClientResponse) -> Response:
    return Response(response.status, response.headers, b"")


def _lost(flight: Flight, response: aiohttp.ClientResponse | None = None) -> TransportError:
    if not flight.sent:
        return NotSentError(_trouble("the client closed before the request left", "local", "no"))
    head = None if response is None else _head(response)
    return ConnectionLostError(
        Trouble(
            message="the connection broke before the answer was whole",
            reason="lost",
            delivered="maybe",
            status=head.status if head else None,
            request_id=head.request_id if head else None,
        )
    )


def _trouble(
    message: str, reason: str, delivered: Delivered, status: int | None = None
) -> Trouble:
    return Trouble(message=message, reason=reason, delivered=delivered, status=status)


_process = 0
_inherited: Final[list[aiohttp.ClientSession]] = []
"""Sessions of the parent, kept in a forked child so that nothing ever closes them."""


def _forked() -> None:
    global _process  # noqa: PLW0603 -- a process is a global thing
    _process += 1


# Cheaper by a system call for each request than asking for the process id.
if hasattr(os, "register_at_fork"):  # pragma: no branch -- Windows cannot fork
    os.register_at_fork(after_in_child=_forked)
