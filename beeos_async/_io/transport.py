"""One request over the wire and its whole response back, by aiohttp's own session.

What aiohttp may not decide is switched off here: redirects, cookies, netrc, environment
proxies, hidden retries, its own timeouts as a safety net.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Required, TypedDict, Unpack

import aiohttp
from aiohttp import hdrs
from yarl import URL

from .._protocol.message import Request, Response
from ..errors import ClientClosedError
from .body import read_body
from .failure import Failures
from .flight import Flight
from .home import Home
from .line import KEEP_ALIVE

if TYPE_CHECKING:
    import ssl

    from aiohttp.connector import Connection

    from .._clock import Clock

SPARE_CONNECTIONS: Final = 16
"""Connections beyond the gate's slots, so that nobody waits inside aiohttp's unfair pool."""

ACCEPT: Final = "application/json"
JSON: Final = "application/json"
CODING: Final = "gzip"
"""Deflate and brotli open doors that nothing needs."""

_flight: ContextVar[Flight] = ContextVar("beeos_async_flight")


class _StaleConnection(Exception):  # noqa: N818 -- a signal of this file, seen by nobody
    """A pooled connection holds bytes nobody asked for."""


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


class Road(TypedDict, total=False):
    """How a transport connects, and as whom."""

    pool: Required[int]
    """How many requests may be in flight at once."""

    user_agent: Required[str]
    proxy: str | None
    """Where to connect instead."""

    ssl: ssl.SSLContext | None
    """Whom to trust, instead of the system's certificates."""

    connector: aiohttp.BaseConnector | None
    """Somebody else's connections, to be used and not to be closed."""


class AiohttpTransport:
    """A pooled aiohttp session, made at first use, with every habit of its own switched off."""

    def __init__(self, clock: Clock, base_url: str, **road: Unpack[Road]) -> None:
        """Remember how to connect; nothing is opened yet.

        Args:
            clock: Time.
            base_url: Scheme, host and prefix, without a trailing slash.
            **road: How to connect, and as whom; see `Road`.
        """
        self._clock = clock
        self._base = URL(base_url)
        self._base_path = self._base.raw_path.rstrip("/")
        self._pool = road["pool"]
        self._user_agent = road["user_agent"]
        self._proxy = road.get("proxy")
        self._ssl = road.get("ssl")
        self._borrowed = road.get("connector")
        self._session: aiohttp.ClientSession | None = None
        self._home = Home()
        self._failures = Failures(self._base.authority, proxied=bool(self._proxy))
        self._connect_timeout = aiohttp.ClientTimeout(total=None)
        self._closed = False

    def stay_home(self) -> None:
        """Refuse another event loop or process than the first request was made in.

        Raises:
            ClientLoopError: It is another one.
        """
        self._home.stay()

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
                body = (
                    b""
                    if kept
                    else await read_body(response.headers, response.content, request.answer_cap)
                )
            return Response(response.status, response.headers, body, self._clock.wall())
        except asyncio.CancelledError:
            _drop(response)
            failure = self._failures.of_cancellation(flight)
            if failure is None:
                raise
        except Exception as error:  # noqa: BLE001 -- anything may come out of a socket
            _drop(response)
            failure = self._failures.of(error, flight, _head(response))
        # Raised down here, where aiohttp's exception is no longer being handled.
        raise failure

    async def close(self) -> None:
        """Close every connection of ours, for good."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None and self._home.is_elsewhere:
            # The sockets are the parent's too: closing them here would deafen it.
            inherited.append(session)
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
                hdrs.ACCEPT: ACCEPT,
                hdrs.ACCEPT_ENCODING: CODING,
                hdrs.USER_AGENT: self._user_agent,
            },
        )
        # aiohttp sends GET, PUT and DELETE a second time on its own; our counts would lie.
        session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._session = session
        return session

    def __del__(self) -> None:
        """Say that a client was forgotten, once, and close what it left open."""
        session = getattr(self, "_session", None)
        if session is None or session.closed or sys.is_finalizing():
            return
        if self._home.is_elsewhere:
            inherited.append(session)
            return
        connector = session.connector
        # Without its connector the session has nothing to complain of.
        session.detach()
        if self._borrowed is None and connector is not None:
            # The public `close` wants to be awaited, and there is nobody to do it.
            connector._close()  # noqa: SLF001 -- as said
        # Last, because a warning may be an error.
        warnings.warn("a client was never closed", ResourceWarning, stacklevel=1, source=self)


_JSON: Final[Mapping[str, str]] = {"Content-Type": JSON}


def _headers(request: Request) -> Mapping[str, str] | None:
    json = None if request.body is None else _JSON
    return {**(json or {}), **dict(request.headers)} if request.headers else json


def _drop(response: aiohttp.ClientResponse | None) -> None:
    """Close the connection of a response that was not read to its end."""
    if response is not None:
        response.close()


def _head(response: aiohttp.ClientResponse | None) -> Response | None:
    return None if response is None else Response(response.status, response.headers, b"")


inherited: Final[list[object]] = []
"""What is the parent's, kept in a forked child so that nothing ever closes them."""
