"""One request over the wire and its whole response back, by aiohttp's own session.

What aiohttp may not decide is switched off in `session.py` and here: its own timeouts are
no safety net.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Required, TypedDict, Unpack

import aiohttp
from aiohttp import hdrs
from yarl import URL

from .._protocol.message import Request, Response
from ..errors import ClientClosedError, TransportError
from .body import read_body
from .failure import Failures, is_no
from .flight import Flight
from .home import Home
from .line import KEEP_ALIVE
from .session import (
    GuardedRequest,
    StaleConnection,
    close_session,
    current,
    drop,
    forget_session,
    head_of,
    keep_within,
    open_session,
)

if TYPE_CHECKING:
    import ssl

    from .._clock import Clock

ACCEPT: Final = "application/json"
JSON: Final = "application/json"
CODING: Final = "gzip"
"""Deflate and brotli open doors that nothing needs."""


class _KeyedRequest(GuardedRequest):
    """Adds the key last."""

    def sign(self, flight: Flight) -> None:
        self.headers[hdrs.AUTHORIZATION] = flight.key.header


class Road(TypedDict, total=False):
    """How a transport connects, and as whom."""

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
        self._wall = clock.wall
        self._base = URL(base_url)
        self._base_path = self._base.raw_path.rstrip("/")
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
        current.set(flight)
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
                    except StaleConnection:
                        # Nothing was sent, and aiohttp has closed it: take the next one.
                        continue
                self._failures.met = True
                kept = flight.keep(response)
                cap = request.answer_cap
                body = b"" if kept else await read_body(response.headers, response.content, cap)
                if flight.keeps:
                    flight.hear(body)
            return Response(response.status, response.headers, body, self._wall())
        except asyncio.CancelledError:
            drop(response)
            failure = self._failures.of_cancellation(flight)
            if failure is None:
                raise
        except Exception as error:  # noqa: BLE001 -- anything may come out of a socket
            drop(response)
            head = head_of(response, self._clock.wall())
            if head is not None and is_no(head):
                return head
            failure = self._failure_of(error, flight, head)
        # Raised down here, where aiohttp's exception is no longer being handled.
        raise failure

    async def close(self) -> None:
        """Close every connection of ours, for good."""
        self._closed = True
        session, self._session = self._session, None
        await close_session(session, self._home)

    def _failure_of(
        self, error: Exception, flight: Flight, head: Response | None
    ) -> TransportError:
        """Tell what an exception means, and forget an address that leads nowhere."""
        failure = self._failures.of(error, flight, head)
        connector = None if self._session is None else self._session.connector
        if (
            failure.reason == "connect"
            and self._borrowed is None
            and isinstance(connector, aiohttp.TCPConnector)
        ):
            # The host may have moved, and its name be known for another minute as it was.
            connector.clear_dns_cache()
        return failure

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
        keep_within(self._base.host or "", str(self._base))
        connector = self._borrowed or aiohttp.TCPConnector(
            # The gate bounds requests; streams, which hold no slot, shall not take theirs.
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
            ttl_dns_cache=60,
            ssl=self._ssl or True,
        )
        session = open_session(
            connector,
            owned=self._borrowed is None,
            request_class=_KeyedRequest,
            headers={
                hdrs.ACCEPT: ACCEPT,
                hdrs.ACCEPT_ENCODING: CODING,
                hdrs.USER_AGENT: self._user_agent,
            },
        )
        self._session = session
        return session

    def __del__(self) -> None:
        """Say that a client was forgotten, once, and close what it left open."""
        session = getattr(self, "_session", None)
        if session is None or sys.is_finalizing():
            return
        if forget_session(session, self._home, owned=self._borrowed is None):
            # Last, because a warning may be an error.
            warnings.warn("a client was never closed", ResourceWarning, stacklevel=1, source=self)


_JSON: Final[Mapping[str, str]] = {"Content-Type": JSON}


def _headers(request: Request) -> Mapping[str, str] | None:
    json = None if request.body is None else _JSON
    return {**(json or {}), **dict(request.headers)} if request.headers else json
