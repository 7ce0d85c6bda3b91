"""What every test may ask for: the loop, a hand-wound clock, an emulator, a client."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trustme
from examples import scene
from fault_network import tls, trusting
from hand_clock import HandClock
from roads import ROAD, SERVED
from standing import checked_raises, hidden, open_files

from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytest_plugins = ["beeos_async.pytest_plugin", "pytester"]

HANGS = 60.0
"""Seconds after which a test of a fault is taken to hang."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole suite run on the other event loop."""
    parser.addoption("--uvloop", action="store_true", help="run async tests on uvloop")
    parser.addoption("--tls", action="store_true", help="run tests of both roads over TLS")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the other loop open what it keeps for the whole process, before anybody counts."""
    if session.config.getoption("--uvloop"):  # pragma: no cover -- the other loop alone
        anyio.run(anyio.lowlevel.checkpoint, backend_options={"use_uvloop": True})


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Run async tests on asyncio, the only library of loops that is spoken to."""
    return "asyncio", {"use_uvloop": bool(request.config.getoption("--uvloop"))}


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own key, URL and proxy out of every test."""
    for name in ("BEEOS_API_KEY", "BEEOS_API_URL", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["leased", "plain"])
def either_road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test once by each transport."""
    monkeypatch.setitem(ROAD, "transport", request.param)
    if request.config.getoption("--tls"):  # pragma: no cover -- as above
        authority: trustme.CA = request.getfixturevalue("authority")
        monkeypatch.setitem(ROAD, "ssl", trusting(authority))
        monkeypatch.setitem(SERVED, "tls", tls(authority, "127.0.0.1"))
    return ROAD["transport"]


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that never makes a test wait."""
    return HandClock()


@pytest.fixture
async def cloud(anyio_backend: str) -> AsyncIterator[Emulator]:
    """Give a pretend cloud with twenty stopped instances that boot at once."""
    async with Emulator(instances=20, boot_time=0.0) as cloud:
        yield cloud


@pytest.fixture
async def bee(cloud: Emulator, clock: HandClock) -> AsyncIterator[AsyncBeeOS]:
    """Give a client of that cloud whose pauses take no time."""
    async with cloud.client(_clock=clock) as bee:
        yield bee


@pytest.fixture
def around(cloud: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Give what an example of the documentation finds around it, in a folder of its own."""
    monkeypatch.setenv("BEEOS_API_KEY", "a-key-for-the-emulator")
    monkeypatch.setenv("BEEOS_API_URL", cloud.url)
    # Some of them write files.
    monkeypatch.chdir(tmp_path)
    return scene(cloud)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Give somebody who signs certificates, and whom nobody trusts unless told to."""
    return trustme.CA()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put around each test of a fault what checks what holds whatever goes wrong."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("fault"):
            around = ["standing"]
            if inspect.iscoroutinefunction(item.function):
                around.append("no_task_left")
                item.obj = bounded(item.obj)
            # First to be set up, last to look.
            item.fixturenames[:0] = [name for name in around if name not in item.fixturenames]


def bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Let a test fail that hangs: nothing that goes wrong may do that to anybody."""

    @functools.wraps(test)
    async def bounded(*args: Any, **options: Any) -> None:
        async with asyncio.timeout(HANGS):
            await test(*args, **options)

    return bounded


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check every error a test expects, and what it logs and leaves open."""
    before = open_files()
    monkeypatch.setattr(pytest, "raises", checked_raises)
    caplog.set_level(logging.DEBUG)
    yield
    hidden(caplog.text)
    assert open_files() == before, "every socket is closed"


@pytest.fixture
async def no_task_left(anyio_backend: str) -> AsyncIterator[None]:
    """Check that a test leaves no task behind."""
    yield
    left = [task for task in asyncio.all_tasks() if "TestRunner" not in repr(task.get_coro())]
    assert left == [], "every task is done"
