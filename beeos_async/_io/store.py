"""The object store: bytes out and in over a session of its own, which never sees the key.

One attempt at a time; whether there is another is `transfer.py`'s.  Where to go comes in
answers of the API and is data: an address is looked at before it is gone to, a redirect is
not followed, and nothing but the bytes and their type is sent along.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs
from yarl import URL

from .._protocol.message import Response
from .._protocol.storage import Address, part_of, store_refusal, strong_mark
from .._urls import proxy_of
from ..errors import BeeOSError, ClientClosedError
from .body import UnusableError
from .failure import Failures
from .flight import Flight
from .home import Home
from .passage import Body, OwnError, Patience, Told, Watch
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
    from .cargo import Pieces, Sink, Source

AT_ONCE: Final = 32
"""Uploads that run at the same time, and likewise downloads; more wait in line."""

_REFUSAL: Final = 64 * 1024
"""Bytes that are read of what a store says no with."""


class Store:
    """Sends to and fetches from addresses that the API has named."""

    def __init__(
        self,
        clock: Clock,
        *,
        user_agent: str,
        proxy: str | None = None,
        ssl: ssl.SSLContext | None = None,
        connector: aiohttp.BaseConnector | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """Remember how to connect; nothing is opened yet.

        Args:
            clock: Time.
            user_agent: The `User-Agent` header.
            proxy: Where to connect instead; else what the environment says for a host.
            ssl: Whom to trust, instead of the system's certificates.
            connector: Somebody else's connections, to be used and not to be closed.
            allow_insecure: Whether plain http may go to a host that is not loopback.
        """
        self.allow_insecure = allow_insecure
        self._clock = clock
        self._user_agent = user_agent
        self._proxy = proxy
        self._ssl = ssl
        self._borrowed = connector
        self._session: aiohttp.ClientSession | None = None
        self._home = Home()
        self._closed = False
        # One line for each direction: whoever sends on what he fetches needs a place in both.
        self._sending = asyncio.Semaphore(AT_ONCE)
        self._fetching = asyncio.Semaphore(AT_ONCE)

    async def put(
        self, address: Address, source: Source, content_type: str, patience: Patience, told: Told
    ) -> None:
        """Send an object, once.

        Args:
            address: Where.
            source: Its bytes.
            content_type: What they are; the signature of the address covers it.
            patience: How long it is borne.
            told: Hears how many bytes have gone.

        Raises:
            TransportError: It did not get there, as far as is known.
            APIError: The store refused.
        """
        headers = {"Content-Type": content_type, "Content-Length": str(source.size)}
        body = Body(source, told)

        async def read(response: aiohttp.ClientResponse, _: Watch) -> None:
            body.answered = True
            answer = await _words(response)
            if not 200 <= answer.status < 300:
                raise store_refusal(answer)
            if body.sent < source.size:
                msg = "it is answered before it was whole"
                raise ConnectionError(msg)

        async with self._sending:
            await self._exchange("PUT", address, headers, patience, read, body)

    async def get(
        self, address: Address, sink: Sink, cap: int | None, patience: Patience, told: Told
    ) -> None:
        """Fetch an object, or the rest of it, once.

        Args:
            address: Where.
            sink: Where it lands, and what of it is there already.
            cap: Bytes that are taken at most, `None`: all.
            patience: How long it is borne.
            told: Hears how many bytes have come.

        Raises:
            TransportError: It did not come whole.
            APIError: The store refused.
        """
        headers: dict[str, str] = {}
        if sink.position and sink.mark:
            headers = {"Range": f"bytes={sink.position}-", "If-Range": sink.mark}

        async def read(response: aiohttp.ClientResponse, watch: Watch) -> None:
            total = await _begin(response, sink, watch)
            _keep_to(cap, total or 0)
            async for data in response.content.iter_any():
                _keep_to(cap, sink.position + len(data))
                await watch.suspend(sink.write(data))
                await watch.suspend(told(sink.position, total))
            if total is not None and sink.position < total:
                msg = "a part of the rest is no whole"
                raise ConnectionError(msg)

        async with self._fetching:
            await self._exchange("GET", address, headers, patience, read)

    async def _exchange(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        patience: Patience,
        read: Callable[[aiohttp.ClientResponse, Watch], Awaitable[None]],
        body: Body | None = None,
    ) -> None:
        """Send one request, and let its answer be read."""
        self._home.stay()
        session = self._session or self._open()
        url = URL(address.url, encoded=True)
        # Each address may lead to another machine; what signs it is not shown.
        keep_within(url.host or "", str(url.origin()))
        proxy = proxy_of(address.url, self._proxy)
        failures = Failures(address.host, proxied=bool(proxy))
        flight = Flight()
        current.set(flight)
        response: aiohttp.ClientResponse | None = None
        data: Pieces | None = None
        try:
            async with self._clock.limit(patience.idle) as timer:
                watch = Watch(timer, patience.idle)
                while response is None:
                    data = body.pieces(watch) if body else None
                    with contextlib.suppress(StaleConnection):
                        response = await session.request(
                            method,
                            url,
                            data=data,
                            headers=headers,
                            allow_redirects=False,
                            proxy=proxy,
                            timeout=_timeout(patience),
                        )
                return await read(response, watch)
        except asyncio.CancelledError:
            drop(response)
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure: Exception = failures.lost(flight)
        except BeeOSError:
            drop(response)
            raise
        except Exception as error:  # noqa: BLE001 -- anything may come out of a socket
            drop(response)
            own = error.error if isinstance(error, OwnError) else body and body.flaw
            failure = own or failures.of(error, flight, head_of(response))
        finally:
            if data is not None:
                # Where it is still being run, its task has been told to end.
                with contextlib.suppress(RuntimeError):
                    await data.aclose()
        # Raised down here, where aiohttp's exception is no longer being handled.
        raise failure

    async def close(self) -> None:
        """Close every connection of ours, for good."""
        self._closed = True
        session, self._session = self._session, None
        await close_session(session, self._home)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            msg = "the client is closed"
            raise ClientClosedError(msg)
        # Nobody waits inside the pool: the two lines are shorter.
        connector = self._borrowed or aiohttp.TCPConnector(limit=0, ssl=self._ssl or True)
        self._session = open_session(
            connector,
            owned=self._borrowed is None,
            request_class=GuardedRequest,
            headers={
                hdrs.ACCEPT: "*/*",
                # What was stored is what is wanted, to the byte.
                hdrs.ACCEPT_ENCODING: "identity",
                hdrs.USER_AGENT: self._user_agent,
            },
            unpack=False,
        )
        return self._session

    def __del__(self) -> None:
        """Close what a forgotten client left open; its transport says so."""
        session = getattr(self, "_session", None)
        if session is not None and not sys.is_finalizing():
            forget_session(session, self._home, owned=self._borrowed is None)


async def _begin(response: aiohttp.ClientResponse, sink: Sink, watch: Watch) -> int | None:
    """See that what follows is what comes next; tell how long the whole is."""
    if response.status == 200:
        if sink.position:
            await watch.suspend(sink.restart())
        sink.mark = strong_mark(response.headers)
        return response.content_length
    part = part_of(response.headers) if response.status == 206 else None
    if part and sink.position == part[0]:
        return part[1]
    answer = await _words(response)
    if sink.position:
        # Whatever is wrong with the rest, the whole is another question.
        await watch.suspend(sink.restart())
        msg = "the rest of the file was refused"
        raise ConnectionError(msg)
    if 200 <= answer.status < 300:
        flaw = "it is a part of a file, or nothing"
        raise UnusableError(flaw, "unreadable")
    raise store_refusal(answer)


def _timeout(patience: Patience) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=patience.connect, sock_connect=patience.connect
    )


def _keep_to(cap: int | None, size: int) -> None:
    if cap is not None and size > cap:
        flaw = f"the file has more than {cap:,} bytes"
        raise UnusableError(flaw, "too_large")


async def _words(response: aiohttp.ClientResponse) -> Response:
    """Read what a store says, as far as it can be read."""
    said: list[bytes] = []
    room = _REFUSAL
    # Whoever refuses an upload may break off while it is still on its way.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async for piece in response.content.iter_any():
            said.append(piece[:room])
            room -= len(piece)
            if room <= 0:
                break
    return Response(response.status, response.headers, b"".join(said))
