"""An aiohttp session with every habit of its own switched off, from its opening to its end.

Redirects, cookies, netrc, environment proxies, hidden retries: none of them is aiohttp's to
decide.  What a session sends, and whether it carries the key, is its owner's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs

from .._protocol.message import Response
from .._reach import refuse
from .._urls import is_loopback
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp.connector import Connection

    from .flight import Flight
    from .home import Home

current: Final[ContextVar[Flight]] = ContextVar("beeos_async_flight")
"""The attempt that is being sent in this context."""

inherited: Final[list[object]] = []
"""What is the parent's, kept in a forked child so that nothing ever closes it."""


class StaleConnection(Exception):  # noqa: N818 -- a signal between sessions and their owners
    """A pooled connection holds bytes nobody asked for."""


class GuardedRequest(aiohttp.ClientRequest):
    """Refuses a dirty connection, and notes that the request leaves."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        protocol = conn.protocol
        # An answer pushed onto an idle connection would be taken for the answer to this
        # request, and every later answer would be off by one (aiohttp issue 13656).
        if protocol is None or protocol.should_close:
            raise StaleConnection
        flight = current.get()
        self.sign(flight)
        flight.take_off(protocol)
        return await super().send(conn)

    def sign(self, flight: Flight) -> None:
        """Add what only this attempt may carry: here, nothing."""


def keep_within(host: str, url: str) -> None:
    """Refuse to go to another machine while only loopback may be reached.

    Args:
        host: Where it would be gone to.
        url: The same as it may be shown.

    Raises:
        ConfigurationError: It is another machine, and `only_loopback` holds.
    """
    if not is_loopback(host) and refuse(url):
        msg = f"only loopback may be reached in here (`only_loopback`), not {url}"
        raise ConfigurationError(msg)


def open_session(
    connector: aiohttp.BaseConnector,
    *,
    owned: bool,
    request_class: type[GuardedRequest],
    headers: Mapping[str, str],
    unpack: bool = True,
) -> aiohttp.ClientSession:
    """Open a session that does what it is told and nothing else.

    Args:
        connector: Its connections.
        owned: Whether they are closed with it.
        request_class: What leaves.
        headers: What every request carries.
        unpack: Whether bodies are decompressed as they come.
    """
    session = aiohttp.ClientSession(
        connector=connector,
        connector_owner=owned,
        request_class=request_class,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        raise_for_status=False,
        auto_decompress=unpack,
        skip_auto_headers=(hdrs.CONTENT_TYPE,),
        headers=headers,
    )
    # aiohttp sends GET, PUT and DELETE a second time on its own; our counts would lie.
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return session


async def close_session(session: aiohttp.ClientSession | None, home: Home) -> None:
    """Close a session, but none of another process: that would deafen the parent.

    Args:
        session: The session, if there is one.
        home: Where it was opened.
    """
    if session is not None and home.is_elsewhere:
        inherited.append(session)
    elif session is not None:
        await session.close()


def forget_session(session: aiohttp.ClientSession, home: Home, *, owned: bool) -> bool:
    """Close, without waiting, what a forgotten owner left open.

    Args:
        session: The session.
        home: Where it was opened.
        owned: Whether its connections are closed with it.

    Returns:
        Whether there was something to complain of.
    """
    if home.is_elsewhere:
        inherited.append(session)
        return False
    connector = session.connector
    # Without its connector the session has nothing to complain of.
    session.detach()
    if owned and connector is not None:
        # The public `close` wants to be awaited, and there is nobody to do it.
        connector._close()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] -- as said
    return True


def drop(response: aiohttp.ClientResponse | None) -> None:
    """Close the connection of a response that was not read to its end."""
    if response is not None:
        response.close()


def head_of(response: aiohttp.ClientResponse | None, wall: float = 0.0) -> Response | None:
    """Give what has come of a response without its body.

    Args:
        response: As aiohttp has it, if it has come at all.
        wall: When, in seconds since 1970.
    """
    return None if response is None else Response(response.status, response.headers, b"", wall)
