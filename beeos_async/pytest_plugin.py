"""The pytest plugin: a pretend cloud for each test, a client of it, and a guard against real ones.

It is loaded in every pytest run of everybody who has the library installed, so it imports
nothing of it before a test asks for something.

Example:
    ```python
    import asyncio

    import pytest

    from beeos_async import AsyncBeeOS


    async def wake(ids):  # what you want to test
        async with AsyncBeeOS() as bee:
            return await bee.start_many(ids)


    def lost_answers(faults):
        faults.disconnect("startInstance", when="after", times=2)


    @pytest.mark.beeos(instances=5, faults=lost_answers)
    def test_wake_survives_lost_answers(beeos_emulator):
        assert asyncio.run(wake(beeos_emulator.ids)).ok
        assert all(beeos_emulator.effects(id) == 1 for id in beeos_emulator.ids)
    ```
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from . import AsyncBeeOS
    from .emulator import Emulator

__all__ = ["beeos", "beeos_emulator"]

MARKER: Final = "beeos"
NETWORK: Final = "beeos_allow_network"
"""Both the ini option and the keyword of the marker that let a test reach other machines."""

_KEY: Final = "emulator"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(
        NETWORK,
        "whether tests may reach BeeOS hosts on other machines; a test that does fails otherwise",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(faults=None, {NETWORK}=False, **options): what `beeos_emulator` is like: "
        "`faults` is a share of all starts (0.05) or a function that is given `cloud.faults`, "
        "`options` are those of `Emulator` (instances, quota, boot_time, latency, seed, strict)",
    )


def _guarded(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that reaches a BeeOS host which is not loopback, whatever it catches."""
    # So light that it does not count: the front door fetches one small module.
    from . import only_loopback  # noqa: PLC0415 -- as the docstring above says

    if _said(item).get(NETWORK, item.config.getini(NETWORK)):
        return (yield)
    with only_loopback() as refused:
        result = yield
    if refused:
        pytest.fail(
            f"the test would have reached {', '.join(sorted(set(refused)))}; give what it tests "
            f"the fixture `beeos` or `beeos_emulator`, or allow it by {NETWORK} in the ini file "
            f"or @pytest.mark.{MARKER}({NETWORK}=True)",
            pytrace=False,
        )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Guard the fixtures."""
    if any(mark.args for mark in item.iter_markers(MARKER)):
        msg = f"@pytest.mark.{MARKER} takes keywords, such as instances=20 or faults=0.05"
        pytest.fail(msg, pytrace=False)
    return (yield from _guarded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Guard the test."""
    return (yield from _guarded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Guard what the fixtures do at the end."""
    return (yield from _guarded(item))


@pytest.fixture
def beeos_emulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """A pretend BeeOS that listens on this machine for as long as the test lasts.

    `@pytest.mark.beeos(instances=…, quota=…, faults=…)` on a test, a class or a module says
    what it is like; the nearest word counts.  It runs on a loop in a thread of its own: so
    it is there for sync tests and for async ones, whichever plugin runs them.  A client
    that is made without a URL and a key goes to it, for both stand in the environment.

    Example:
        ```python
        import asyncio

        from beeos_async import AsyncBeeOS


        async def start(id):  # what you want to test: it finds URL and key in the environment
            async with AsyncBeeOS() as bee:
                await bee.start(id)


        def test_start(beeos_emulator):
            asyncio.run(start(beeos_emulator.ids[0]))

            assert beeos_emulator.log[-1].operation == "startInstance"
        ```
    """
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 -- as said on top

    from .emulator import Emulator  # noqa: PLC0415 -- likewise

    options: dict[str, Any] = {"boot_time": 0.0, "online_time": 0.0, **_said(request.node)}
    options.pop(NETWORK, None)
    known = {"faults", NETWORK, *inspect.signature(Emulator).parameters}
    if unknown := [name for name in options if name not in known and name[:1] != "_"]:
        words = ", ".join(sorted(name for name in known if name[:1] != "_"))
        msg = f"@pytest.mark.{MARKER} has no option {unknown[0]!r}; there are {words}"
        pytest.fail(msg, pytrace=False)
    faults: float | Callable[[Any], object] | None = options.pop("faults", None)
    cloud = Emulator(**options)
    if callable(faults):
        faults(cloud.faults)
    elif faults is not None:
        cloud.faults.mix(faults)
    with (
        start_blocking_portal("asyncio", name="beeos_emulator") as portal,
        portal.wrap_async_context_manager(cloud),
    ):
        monkeypatch.setenv("BEEOS_API_URL", cloud.url)
        monkeypatch.setenv("BEEOS_API_KEY", _KEY)
        yield cloud


@pytest.fixture
def beeos(beeos_emulator: Emulator) -> Iterator[AsyncBeeOS]:
    """A client of the pretend cloud, closed after the test.

    It works in an async test, whichever plugin runs it, and in a sync test that calls
    `asyncio.run`, once; like any client it belongs to one loop, that of its first call.

    Example:
        ```python
        import pytest


        @pytest.mark.anyio
        async def test_a_start_is_heard(beeos, beeos_emulator):
            (id, *_) = beeos_emulator.ids

            await beeos.start(id)

            assert beeos_emulator.effects(id) == 1
        ```
    """
    import asyncio  # noqa: PLC0415 -- as said on top

    loop: asyncio.AbstractEventLoop | None = None
    life: AsyncGenerator[None] | None = None

    async def live() -> AsyncGenerator[None]:
        # A loop that ends finishes its async generators, and so this client, whose
        # connections could not be closed any more once the loop is.
        try:
            yield
        finally:
            await client.close()

    async def key() -> str:
        # Asked before anything is sent: here it turns out which loop the client lives in.
        nonlocal loop, life
        if life is None:
            loop, life = asyncio.get_running_loop(), live()
            await anext(life)
        return _KEY

    client = beeos_emulator.client(api_key=key)
    yield client
    if loop is None or life is None or loop.is_closed():
        return
    if loop.is_running():
        asyncio.run_coroutine_threadsafe(life.aclose(), loop).result()
    else:
        loop.run_until_complete(life.aclose())


def _said(node: Any) -> dict[str, Any]:
    """Put together what the markers say, the nearest last."""
    said: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(MARKER))):
        said.update(mark.kwargs)
    return said
