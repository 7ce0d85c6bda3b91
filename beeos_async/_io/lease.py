"""One request over a leased connection: aiohttp connects and pools, the rest is done here.

`connector.connect` hands out a connection of the session's pool, with its DNS, proxy tunnel
and keep-alive, and with TLS where `tls.py` does not speak it.  The request is written onto
it as it stands, and its answer is read by `line.py`, or by the parser that sits on it where it
is not plain.  Nothing is built on the way that this client does not need, and there is nothing
to be switched off: no redirects, no cookies, no hidden retry.

It reaches below the front door of aiohttp.  So `probe.py` tries it out once in a process, and
where a piece is missing or behaves differently, everything goes the plain way, by `transport.py`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final, Unpack

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from msgspec import structs
from yarl import URL

from .._checks import Key, header_text
from .._clock import Clock, ticks
from .._protocol.message import Request, Response
from ..errors import ConfigurationError
from .body import read_body
from .failure import is_no
from .flight import Flight
from .line import Line, Lines
from .probe import flaw_of_aiohttp
from .session import inherited
from .tls import Tls
from .transport import ACCEPT, CODING, JSON, AiohttpTransport, Road

Headers = tuple[tuple[str, str], ...]

log: Final = logging.getLogger("beeos_async")

SWITCHING_PROTOCOLS: Final = 101


class LeasedTransport(AiohttpTransport):
    """Leases connections of the session for what is plain; the rest goes through the session."""

    def __init__(
        self, clock: Clock, base_url: str, *, forced: bool = False, **road: Unpack[Road]
    ) -> None:
        """Remember how to connect; nothing is opened yet.

        Args:
            clock: Time.
            base_url: Scheme, host and prefix, without a trailing slash.
            forced: Whether it is an error if no connection can be leased.
            **road: How to connect, and as whom; see `Road`.
        """
        self._lines = Lines()
        super().__init__(clock, base_url, **road)
        self._forced = forced
        self._able: bool | None = None
        self._address: aiohttp.ClientRequest | None = None
        self._common: dict[bool, str] = {}

    async def send(
        self, request: Request, flight: Flight, limit: float, connect_limit: float
    ) -> Response:
        """Send a request and read the whole response; see `Transport.send`."""
        if flight.keeps or not (self._able or self._is_able()):
            return await super().send(request, flight, limit, connect_limit)
        if self._session is None:
            self._open()
        flight.sent = False
        line: Line | None = None
        try:
            line = self._lines.take()
            if line is None:
                line, limit = await self._lease(limit, connect_limit)
            # No name for the words: they hold the key, and a traceback shows its locals.
            plain = await line.ask(
                flight, self._words(request, flight.key), request.answer_cap, limit
            )
            if plain is None:
                answer = await self._told(line, request.answer_cap)
            else:
                head, body = plain
                answer = Response(200, head, body, self._wall())
        except asyncio.CancelledError:
            _give_up(line)
            failure = self._failures.of_cancellation(flight)
            if failure is None:
                raise
        except Exception as error:  # noqa: BLE001 -- anything may come out of a socket
            _give_up(line)
            failure = self._failure_of(error, flight, None if line is None else line.head)
        else:
            if plain is None or request.body is not None or self._borrowed is not None:
                self._leave(line)
            else:
                line.rest()
            return answer
        # Raised down here, where aiohttp's exception is no longer being handled.
        raise failure

    async def _told(self, line: Line, cap: int) -> Response:
        """Read an answer that is not plain, as aiohttp's handler tells it."""
        if line.left <= 0:
            raise TimeoutError
        try:
            async with self._clock.limit(line.left):
                while True:
                    message, content = await line.handler.read()
                    # Past the interim ones.
                    if not 100 <= message.code < 200 or message.code == SWITCHING_PROTOCOLS:
                        break
                head = line.head = Response(message.code, message.headers, b"", self._wall())
                body = await read_body(message.headers, content, cap)
                return structs.replace(head, body=body)
        except Exception:
            if line.head is None or not is_no(line.head):
                raise
            line.close()
            return line.head

    def _leave(self, line: Line) -> None:
        """Part from a line whose answer was whole, but which may not rest as it is."""
        if line.transport.get_write_buffer_size():
            # Answered before the request was out: the rest of it is still on its way.
            line.close()
        elif self._borrowed is not None:
            # Somebody else may be waiting for it.  Over such a one, TLS is never spoken here.
            line.give_back()
        else:
            line.rest()

    async def close(self) -> None:
        """Close every connection of ours, for good."""
        if self._home.is_elsewhere:
            inherited.append(self._lines)
        else:
            self._lines.close()
        await super().close()

    def __del__(self) -> None:
        """Say that a client was forgotten, once, and close what it left open."""
        try:
            super().__del__()
        finally:
            if self._home.is_elsewhere:
                inherited.append(self._lines)
            else:
                # Their connections are closed; without the lease nobody complains of them.
                self._lines.close()

    async def _lease(self, limit: float, connect_limit: float) -> tuple[Line, float]:
        """Lease a clean connection, and tell what time is left."""
        connector = None if self._session is None else self._session.connector
        if connector is None:
            # The session was closed by somebody else.
            msg = "session is closed"
            raise RuntimeError(msg)
        began = ticks()
        async with self._clock.limit(min(limit, connect_limit)):
            line = await self._connect(connector, connect_limit)
        self._failures.met = True
        return line, limit - (ticks() - began)

    async def _connect(self, connector: aiohttp.BaseConnector, connect_limit: float) -> Line:
        """Take a connection of the pool, or a new one."""
        address, timeout = self._address or self._find(), self._timeout(connect_limit)
        line = await self._secure(connector, address, timeout)
        if line is not None:
            return line
        while True:
            connection = await connector.connect(address, [], timeout)
            handler, transport = connection.protocol, connection.transport
            # An answer pushed onto an idle connection would be taken for the answer to this
            # request, and every later answer would be off by one (aiohttp issue 13656).
            if (
                handler is not None
                and transport is not None
                and not transport.is_closing()
                and not handler.should_close
            ):
                return Line(self._lines, connection, handler, transport)
            connection.close()

    async def _secure(
        self,
        connector: aiohttp.BaseConnector,
        address: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp's, to be handed on
    ) -> Line | None:
        """Make a connection and speak TLS over it; it never comes into the pool.

        Returns:
            `None` where aiohttp has to do it: through a proxy, over somebody else's connections,
            and when a name with several addresses fails at one of them.  And for http.
        """
        ours = self._borrowed is None and not self._proxy
        if not ours or not isinstance(connector, aiohttp.TCPConnector):
            return None
        # As aiohttp has it; to make the default once more would hold the loop for a while.
        trust = connector._get_ssl_context(address)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if trust is None:
            return None
        bare = self._base.with_scheme("http").with_port(self._base.port)
        connection = await connector.connect(aiohttp.ClientRequest("GET", bare), [], timeout)
        host, port = bare.raw_host or "", bare.port or 0
        try:
            handler, wire = untouched(connection)
            room = self._lines.buffer
            tls = Tls(wire, trust, host.rstrip("."), room=room, above=handler)
            await tls.shake_hands()
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
            # Known already: the name was found a moment ago.
            found = await connector._resolve_host(host, port)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            if len(found) == 1:
                raise
            return None
        return Line(self._lines, connection, handler, tls)

    def _find(self) -> aiohttp.ClientRequest:
        """Say where to connect, as aiohttp wants to be told."""
        proxy = URL(self._proxy) if self._proxy else None
        self._address = aiohttp.ClientRequest("GET", self._base, proxy=proxy)
        return self._address

    def _words(self, request: Request, key: Key) -> bytes:
        """Put a request together as it goes over the wire; nothing else writes to it."""
        body = request.body
        if not self._common:
            self._common = {kind: self._headers(json=kind) for kind in (False, True)}
        headers = self._common[body is not None]
        if request.headers:
            headers = self._headers(request.headers, json=body is not None)
        if body is not None:
            length = f"Content-Length: {len(body)}\r\n"
        else:
            length = "" if request.method in _BODILESS else "Content-Length: 0\r\n"
        head = (
            f"{request.method} {self._base_path}{request.target} HTTP/1.1\r\n"
            f"{headers}Authorization: {key.header}\r\n{length}\r\n"
        ).encode("ascii")
        return head if body is None else head + body

    def _headers(self, own: Headers = (), *, json: bool) -> str:
        """Write the headers that need no key; a request's own ones go before ours."""
        headers = {
            "Host": (self._address or self._find()).headers[hdrs.HOST],
            "Accept": ACCEPT,
            "Accept-Encoding": CODING,
            "User-Agent": self._user_agent,
        }
        if json:
            headers["Content-Type"] = JSON
        theirs = {name.lower() for name, _ in own}
        lines = [(name, value) for name, value in headers.items() if name.lower() not in theirs]
        # All are made of checked parts; this is the last place to see that no line is broken.
        return "".join(f"{name}: {header_text(name, value)}\r\n" for name, value in (*lines, *own))

    def _is_able(self) -> bool:
        """Find out, once, whether connections can be leased here."""
        if self._able is None:
            flaw = self._flaw()
            if flaw and self._forced:
                msg = f'transport="leased" is not possible: {flaw}; "auto" goes the plain way'
                raise ConfigurationError(msg)
            if flaw:
                log.debug("connections are not leased: %s", flaw)
            self._able = not flaw
        return self._able

    def _flaw(self) -> str | None:
        if self._proxy and self._base.scheme == "http":
            return "an http request through a proxy names its whole URL"
        return flaw_of_aiohttp()


_BODILESS: Final = frozenset({"GET", "HEAD"})


def untouched(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    """Give what a new connection consists of, if nothing has come over it yet.

    Raises:
        ConnectionResetError: It is over.
        ssl.SSLError: Who speaks first does not speak TLS.
    """
    handler, wire = connection.protocol, connection.transport
    if handler is None or wire is None or wire.is_closing():
        msg = "it hung up at once"
        raise ConnectionResetError(msg)
    if handler.should_close:
        msg = "it spoke before it was asked"
        raise ssl.SSLError(msg)
    return handler, wire


def _give_up(line: Line | None) -> None:
    """Close a connection whose answer was not read to its end."""
    if line is not None:
        line.close()
