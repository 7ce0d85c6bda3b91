"""The client: owns the session, carries the groups, offers the jobs."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from msgspec import structs

from ._checks import Key, Options, count, header_text, one_of, tls_context
from ._clock import Clock, RealClock
from ._io.caller import Attempt, Caller
from ._io.gate import Gate
from ._io.lease import LeasedTransport
from ._io.poller import Poller
from ._io.store import Store
from ._io.telemetry import caller_class
from ._io.transport import AiohttpTransport, Road
from ._protocol import table
from ._protocol.throttle import RateLimit, rates
from ._urls import DEFAULT_URL, base_url_of, proxy_of
from ._version import __version__
from .direct import Direct
from .errors import ConfigurationError
from .fleet.errands import Errands
from .fleet.offers import Fleets
from .fleet.progress import Throttle
from .groups.agents import Agents
from .groups.catalog import Catalog
from .groups.computer import Computer
from .groups.conversations import Conversations
from .groups.files import Files
from .groups.instances import Instances
from .groups.mobile import Mobile
from .groups.runtime import Runtime
from .groups.tasks import Tasks

if TYPE_CHECKING:
    import ssl as tls
    from types import TracebackType

    import aiohttp

CLOSE_GRACE: Final = 1.0
"""Seconds requests in flight are given when the client closes."""


class AsyncBeeOS(Errands, Fleets, Direct):
    """An asyncio client of the BeeOS API: one pooled session, one semaphore, all endpoints.

    What goes wrong with a call is an error of `beeos_async.errors`.  Outside of that tree are
    the mistakes of a program, as `TypeError` and `RuntimeError`, what its own files and
    callbacks raise, and cancellation.  `ConfigurationError` comes before any I/O; a
    `TransportError` says in `.delivered` whether the request may have arrived; an `APIError`
    is the server's no.  `deadline=`, which every method takes, is the whole call in seconds:
    queueing, attempts and pauses.

    What is trusted: the base URL given here, its certificate, and nothing in an answer.
    The key goes to that host alone, in one header, and stands in no `repr`, error or log.

    Example:
        ```python
        async with AsyncBeeOS() as bee:  # BEEOS_API_KEY, BEEOS_API_URL
            instance = await bee.start(id)
            report = await bee.start_many(ids)
        ```
    """

    instances: Instances
    """The life of instances."""

    computer: Computer
    """Desktops, seen and worked by hand."""

    mobile: Mobile
    """Phones, seen and worked by hand."""

    catalog: Catalog
    """What can be deployed, where, and with which models."""

    agents: Agents
    """Who answers."""

    tasks: Tasks
    """Work that an agent is given."""

    conversations: Conversations
    """What is said to an agent and by it, turn by turn."""

    files: Files
    """What goes along with a message."""

    runtime: Runtime
    """Methods of an instance's runtime, and the operations they become."""

    def __init__(
        self,
        api_key: str | Callable[[], Awaitable[str]] | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        max_retries: int = 3,
        max_concurrency: int = 64,
        rate_limit: RateLimit | None = None,
        max_throttle_wait: float = 60.0,
        proxy: str | None = None,
        ssl: tls.SSLContext | None = None,
        connector: aiohttp.BaseConnector | None = None,
        transport: Literal["auto", "leased", "plain"] = "auto",
        allow_insecure: bool = False,
        user_agent: str | None = None,
        on_attempt: Callable[[Attempt], object] | None = None,
        _clock: Clock | None = None,
    ) -> None:
        """Check everything; connect to nothing yet.  Works outside an event loop.

        Args:
            api_key: A user JWT or an `oag_` key, else `BEEOS_API_KEY`; or an async callable
                that returns one, awaited before each attempt (it caches for itself) and
                once more after a 401.
            base_url: Else `BEEOS_API_URL`, else the production host.
            timeout: Seconds for one attempt.
            connect_timeout: Seconds of them for name, connection and TLS.
            max_retries: How often a failed attempt is repeated; a 429 costs none of them, nor
                does an outage cost any in a fleet.  While nothing else succeeds, an id of a
                fleet that has used them up is tried up to six times more.
            max_concurrency: Requests in flight of the whole client, 1 to 10,000.
            rate_limit: The known quota, for each endpoint or by operationId:
                `"600/min"`, `"10/s"` or a number a second.  That of `computer` and `mobile`
                is published and known without it; it is named `control-action` and, for
                their `info`, `control-info`.
            max_throttle_wait: Seconds a 429 may make a single call wait.
            proxy: Where to connect instead, else `HTTPS_PROXY` and `NO_PROXY`.
            ssl: Whom to trust, instead of the system's certificates.
            connector: Your own aiohttp connector, borrowed and never closed.
            transport: How requests travel: `"plain"` by aiohttp's session; `"leased"` over
                connections of that session that are written to and read directly, which
                costs a fraction; `"auto"` leases where the installed aiohttp lets it, found
                out at the first request, and is plain elsewhere.
            allow_insecure: Let the key, files and what webhooks tell travel in plain http to
                hosts that are not loopback.
            user_agent: The `User-Agent` header.
            on_attempt: Called after each attempt.

        Raises:
            ConfigurationError: Something cannot work; the message says what would.
        """
        try:
            key = api_key if callable(api_key) else _key(api_key)
        finally:
            # Crash reporters keep the locals of the frames an error went through.
            del api_key
        url = base_url_of(
            base_url or os.environ.get("BEEOS_API_URL") or DEFAULT_URL,
            allow_insecure=allow_insecure,
        )
        options = Options(
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            max_throttle_wait=max_throttle_wait,
        )
        count("max_concurrency", max_concurrency, least=1, most=10_000)
        tls_context(ssl)
        if inspect.iscoroutinefunction(on_attempt):
            msg = "on_attempt is called, not awaited: it cannot be a coroutine function"
            raise ConfigurationError(msg)
        self._own_road: Final = any(one is not None for one in (proxy, ssl, connector))
        one_of("transport", transport, ("auto", "leased", "plain"))
        clock = _clock or RealClock()
        self._base_url: Final = url
        self._proxy = proxy_of(url, proxy)
        self._configuration: Final[dict[str, Any]] = {
            "base_url": url,
            "max_concurrency": max_concurrency,
            "rate_limit": rate_limit,
            "transport": transport,
            "allow_insecure": allow_insecure,
            "user_agent": user_agent,
        }
        agent = header_text("user_agent", user_agent or f"beeos-async/{__version__}")
        road: Road = {
            "user_agent": agent,
            "proxy": self._proxy,
            "ssl": ssl,
            "connector": connector,
        }
        carrier = (
            AiohttpTransport(clock, url, **road)
            if transport == "plain"
            else LeasedTransport(clock, url, forced=transport == "leased", **road)
        )
        store = Store(
            clock,
            user_agent=agent,
            proxy=proxy,
            ssl=ssl,
            connector=connector,
            allow_insecure=allow_insecure,
        )
        # Nobody shall wait inside the pool, which is unfair: a small one bounds the gate.
        slots = min(max_concurrency, getattr(connector, "limit", 0) or max_concurrency)
        gate = Gate(clock, slots, rates(rate_limit, "rate_limit"))
        self._furnish(
            caller_class()(
                carrier, gate, clock, key, options, on_attempt, store=store, base_url=url
            )
        )
        # Views share it, as they share the gate.
        self._poller = Poller(self._caller, table.GET_INSTANCE, table.LIST_INSTANCES)

    def _furnish(self, caller: Caller) -> None:
        self._caller = caller
        self.instances = Instances(caller)
        self.computer = Computer(caller)
        self.mobile = Mobile(caller)
        self.catalog = Catalog(caller)
        self.agents = Agents(caller)
        self.tasks = Tasks(caller)
        self.conversations = Conversations(caller)
        self.files = Files(caller)
        self.runtime = Runtime(caller)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        max_retries: int | None = None,
        max_throttle_wait: float | None = None,
        on_attempt: Callable[[Attempt], object] | None = None,
    ) -> AsyncBeeOS:
        """Make a view of this client that treats its calls differently.

        It shares session, semaphore and cool-downs; closing either closes both.  Whoever waits
        for a state, through whichever view, shares one poller: its looks keep to the options
        of the client itself, and are told to that one's `on_attempt` alone.

        Args:
            timeout: Seconds for one attempt.
            connect_timeout: Seconds of them for name, connection and TLS.
            max_retries: How often a failed attempt is repeated.
            max_throttle_wait: Seconds a 429 may make a single call wait.
            on_attempt: Called after each attempt.

        Example:
            ```python
            patient = bee.with_options(timeout=120, max_retries=8)
            report = await patient.start_many(ids)
            ```
        """
        given = {
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "max_retries": max_retries,
            "max_throttle_wait": max_throttle_wait,
        }
        old = self._caller
        changed = {name: value for name, value in given.items() if value is not None}
        options = structs.replace(old.options, **changed)
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._furnish(
            caller_class()(
                old.transport,
                old.gate,
                old.clock,
                old.key,
                options,
                on_attempt or old.on_attempt,
                store=old.store,
                base_url=old.base_url,
            )
        )
        return view

    @property
    def base_url(self) -> str:
        """Where it goes, as it was understood: without a slash at the end."""
        return self._base_url

    @property
    def throttle(self) -> Throttle:
        """What is known of each endpoint's quota."""
        return Throttle(self._caller.gate)

    async def close(self) -> None:
        """Close: who waits gets `ClientClosedError`, who is in flight a second more.

        A second time does nothing.

        Example:
            ```python
            bee = AsyncBeeOS()
            try:
                await bee.start(id)
            finally:
                await bee.close()
            ```
        """
        try:
            await self._caller.gate.close(CLOSE_GRACE)
            await self._poller.gone()
        finally:
            try:
                await self._caller.store.close()
            finally:
                await self._caller.transport.close()

    aclose = close

    async def __aenter__(self) -> Self:
        """Use the client; nothing is opened before the first request."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    def __repr__(self) -> str:
        """Show where it goes, and no more of a key than its first characters."""
        # An error may show a client that is half made.
        caller: Caller | None = getattr(self, "_caller", None)
        if caller is None:
            return "<AsyncBeeOS>"
        key = caller.key
        return f"<AsyncBeeOS {self._base_url} {key if isinstance(key, Key) else '<key callable>'}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as configuration; the key is read from the environment on the other side.

        Raises:
            TypeError: The client has a proxy, a TLS context or a connector of its own, and
                would be another one over there.
        """
        if self._own_road:
            msg = "a client with a proxy, ssl or connector of its own does not pickle"
            raise TypeError(msg)
        return _rebuilt, ({**self._configuration, **structs.asdict(self._caller.options)},)


def _key(given: str | None) -> Key:
    """Take the key that was given, else the environment's, and name its source in a refusal."""
    where = "BEEOS_API_KEY" if given is None else "api_key"
    if given is None:
        given = os.environ.get(where)
    if given is None:
        msg = "there is no API key: pass api_key, or set BEEOS_API_KEY"
        raise ConfigurationError(msg)
    try:
        return Key(given)
    except ConfigurationError as error:
        flaw = f"{where}: {error}"
    finally:
        del given
    raise ConfigurationError(flaw)


def _rebuilt(configuration: dict[str, Any]) -> AsyncBeeOS:
    return AsyncBeeOS(**configuration)
