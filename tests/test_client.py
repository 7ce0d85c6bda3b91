"""The client: what it takes, what it refuses, what it shows."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from typing import Any

import aiohttp
import pytest
from fault_server import FaultServer, Peer, Seen, honest, instance, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS

pytestmark = pytest.mark.anyio

MINE = "mine"

KEY = "oag_" + "0123456789abcdef" * 4


def test_key_and_url_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the two variables of all official SDKs are read."""
    monkeypatch.setenv("BEEOS_API_KEY", KEY)
    monkeypatch.setenv("BEEOS_API_URL", "https://staging.example/")

    assert repr(AsyncBeeOS()) == "<AsyncBeeOS https://staging.example <key oag_0123…>>"


def test_without_a_key_the_error_names_the_variable() -> None:
    """There is no pretend cloud and no anonymous call."""
    with pytest.raises(b.ConfigurationError, match="BEEOS_API_KEY"):
        AsyncBeeOS()


def test_the_production_host_is_the_default() -> None:
    """Only the key is needed."""
    assert "https://openapi.beeos.ai" in repr(AsyncBeeOS("a-jwt"))
    assert "a-jwt" not in repr(AsyncBeeOS("a-jwt"))


async def ask() -> str: ...


@pytest.mark.fault("C19", "C20", "C21")
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": -1}, "max_concurrency"),
        ({"max_concurrency": 10**6}, "max_concurrency"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"max_throttle_wait": float("inf")}, "max_throttle_wait"),
        ({"rate_limit": "fast"}, "quota"),
        ({"rate_limit": {"startInstances": "10/s"}}, "startInstances"),
        ({"base_url": "http://openapi.beeos.ai"}, "allow_insecure"),
        ({"transport": "fast"}, "auto, leased, plain"),
        ({"proxy": "socks5://127.0.0.1:1"}, "proxy"),
        ({"ssl": False}, "ssl"),
        ({"user_agent": "a\r\nX: b"}, "user_agent"),
        ({"api_key": "k\nX: b"}, "key"),
    ],
)
def test_options_that_cannot_work_are_refused_at_construction(
    options: dict[str, Any], named: str
) -> None:
    """Each is a ValueError that names the option."""
    with pytest.raises(b.ConfigurationError, match=named) as caught:
        AsyncBeeOS(**{"api_key": "k", **options})

    assert isinstance(caught.value, ValueError)


def test_the_https_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read once; loopback and `NO_PROXY` hosts go direct."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    def proxy(url: str) -> str | None:
        return AsyncBeeOS("k", base_url=url)._caller.transport._proxy

    assert proxy("https://openapi.beeos.ai") == "http://proxy.example:3128"
    assert proxy("https://inside.example") is None
    assert proxy("http://127.0.0.1:8095") is None


def test_a_client_tells_its_proxy_without_name_and_password() -> None:
    """What is shown somewhere is no secret; without a proxy there is none."""
    through = AsyncBeeOS("k", proxy="http://somebody:open-barley@proxy.example:3128")

    assert through.proxy == "http://proxy.example:3128"
    assert through.with_options(timeout=3).proxy == through.proxy
    assert AsyncBeeOS("k").proxy is None


async def test_a_known_quota_spaces_the_requests_of_its_endpoint(clock: HandClock) -> None:
    """A mapping gives each operation its own; others are not held."""
    async with (
        FaultServer(honest()) as server,
        AsyncBeeOS(
            "k", base_url=server.url, rate_limit={"startInstance": 10.0}, _clock=clock
        ) as bee,
    ):
        for n in range(3):
            await bee.start(f"inst-{n}")
            await bee.instances.get(f"inst-{n}")

    assert clock.slept == pytest.approx([0.1, 0.1], rel=0.02)


async def test_one_quota_holds_for_each_endpoint_by_itself(clock: HandClock) -> None:
    """A single rate is every endpoint's, not shared among them."""
    async with (
        FaultServer(honest()) as server,
        AsyncBeeOS("k", base_url=server.url, rate_limit=10, _clock=clock) as bee,
    ):
        await bee.start("inst-1")
        await bee.instances.get("inst-1")
        assert clock.slept == []
        await bee.start("inst-2")

    assert clock.slept == pytest.approx([0.1], rel=0.02)


async def test_a_view_shares_session_and_closing_but_not_options(clock: HandClock) -> None:
    """`with_options` changes how calls behave, not what they share."""
    told: list[b.Attempt] = []

    async def fail(peer: Peer, _: Seen) -> None:
        await peer.answer(b"", "503 Wait")

    async with (
        FaultServer(requests(fail)) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        view = bee.with_options(max_retries=1, on_attempt=told.append)
        with pytest.raises(b.ServiceUnavailableError) as caught:
            await view.instances.get("inst-1")
        assert caught.value.attempts == 2
        with pytest.raises(b.ServiceUnavailableError) as caught:
            await bee.instances.get("inst-1")
        assert caught.value.attempts == 4
        assert server.connections == 1
        assert len(told) == 2
        with pytest.raises(b.ConfigurationError, match="timeout"):
            bee.with_options(timeout=-1)

        await view.close()
        with pytest.raises(b.ClientClosedError):
            await bee.start("inst-1")


@pytest.mark.fault("C15")
async def test_closing_twice_does_nothing() -> None:
    """`close` and `aclose` are one, and idempotent."""
    async with FaultServer(honest()) as server:
        bee = AsyncBeeOS("k", base_url=server.url)
        await bee.start("inst-1")
        await bee.close()
        await bee.aclose()
        with pytest.raises(b.ClientClosedError):
            await bee.start("inst-1")

    assert len(server.seen) == 1


async def test_closing_lets_a_request_in_flight_finish() -> None:
    """Who is in flight is given a moment; who waits is sent away."""
    go = asyncio.Event()

    async def slow(peer: Peer, seen: Seen) -> None:
        await go.wait()
        await peer.answer(instance(seen.target.split("/")[4]))

    async with FaultServer(requests(slow)) as server:
        bee = AsyncBeeOS("k", base_url=server.url, max_concurrency=1)
        first = asyncio.create_task(bee.start("inst-1"))
        while not server.seen:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(bee.start("inst-2"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(bee.close())
        with pytest.raises(b.ClientClosedError):
            await second
        go.set()
        assert (await first).id == "inst-1"
        await closing


async def test_an_error_of_the_block_leaves_as_it_is() -> None:
    """It is not wrapped in a group."""
    with pytest.raises(LookupError, match="mine"):
        async with AsyncBeeOS("k"):
            raise LookupError(MINE)


async def test_a_small_borrowed_pool_bounds_the_gate() -> None:
    """Nobody waits inside somebody else's unfair pool."""
    connector = aiohttp.TCPConnector(limit=2)
    async with FaultServer(honest()) as server:
        async with AsyncBeeOS("k", base_url=server.url, connector=connector) as bee:
            assert bee._caller.gate.slots == 2
            assert (await bee.start_many([f"inst-{n}" for n in range(20)])).ok
        await connector.close()

    assert server.connections <= 2


@pytest.mark.fault("C25")
def test_a_pickled_client_is_its_configuration_without_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key is read from the environment on the other side."""
    bee = AsyncBeeOS(KEY, base_url="https://staging.example", timeout=7, max_concurrency=3)
    frozen = pickle.dumps(bee)
    assert KEY.encode() not in frozen

    with pytest.raises(b.ConfigurationError, match="BEEOS_API_KEY"):
        pickle.loads(frozen)
    monkeypatch.setenv("BEEOS_API_KEY", "other-key")
    thawed = pickle.loads(frozen)

    assert "https://staging.example" in repr(thawed)
    assert thawed._caller.options == bee._caller.options
    assert thawed._caller.gate.slots == 3


def test_a_client_with_a_key_callable_shows_no_key() -> None:
    """Its `repr` asks for nothing."""
    assert repr(AsyncBeeOS(ask)) == "<AsyncBeeOS https://openapi.beeos.ai <key callable>>"


@pytest.mark.parametrize("id", ["", "..", "a/b", "a b", "x" * 129, 7, None])
async def test_a_bad_id_is_refused_before_any_request(clock: HandClock, id: Any) -> None:
    """In a single call it is an error, and nothing is connected."""
    async with (
        FaultServer(honest()) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        for act in (bee.start, bee.stop, bee.restart, bee.destroy, bee.instances.get):
            with pytest.raises(b.ConfigurationError, match="id"):
                await act(id)
        with pytest.raises(b.ConfigurationError, match="deadline"):
            await bee.start("inst-1", deadline=0)

    assert server.connections == 0


async def tell(_: b.Attempt) -> None:
    """Be a coroutine function."""


@pytest.mark.parametrize(
    ("options", "named"),
    [({"on_attempt": tell}, "on_attempt"), ({"api_key": ""}, "api_key: the API key is empty")],
)
def test_what_could_only_fail_later_is_refused_now(options: dict[str, Any], named: str) -> None:
    """The refusal names where the value came from."""
    with pytest.raises(b.ConfigurationError, match=named):
        AsyncBeeOS(**{"api_key": "k", **options})


def test_a_bad_key_of_the_environment_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that one knows where to look; the key stands in no frame."""
    monkeypatch.setenv("BEEOS_API_KEY", "bad key")
    with pytest.raises(b.ConfigurationError, match=r"^BEEOS_API_KEY: ") as caught:
        AsyncBeeOS()

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "bad key" not in "".join(shown.format())


def test_a_half_made_client_can_be_shown() -> None:
    """A crash reporter shows the locals of the frame that failed."""
    with pytest.raises(b.ConfigurationError) as caught:
        AsyncBeeOS(KEY, base_url="ftp://x")

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(shown.format())
    assert "<AsyncBeeOS>" in text
    assert KEY not in text.replace(f"KEY = '{KEY}'", "")


def test_a_client_with_a_road_of_its_own_does_not_pickle() -> None:
    """Over there it would be another one."""
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(AsyncBeeOS("k", proxy="http://127.0.0.1:1"))


async def test_deploy_takes_one_description() -> None:
    """A Struct and fields together would leave one unheard."""
    async with AsyncBeeOS("k", base_url="http://127.0.0.1:1") as bee:
        with pytest.raises(b.ConfigurationError, match="not both"):
            await bee.instances.deploy(
                b.DeployInstance(name="a", variant_id="v"), agent_framework="f"
            )


async def test_closing_is_finished_even_when_it_is_cancelled() -> None:
    """The session is closed whatever ends the wait for those in flight."""

    async def hang(peer: Peer, _: Seen) -> None:
        await peer.hang()

    async with FaultServer(requests(hang)) as server:
        bee = AsyncBeeOS("k", base_url=server.url, max_retries=0)
        call = asyncio.create_task(bee.instances.get("inst-1"))
        while not server.seen:
            await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await bee.close()
        with pytest.raises(b.ConnectionLostError):
            await call
        assert bee._caller.transport._session is None
