"""What every test may ask for: the loop, a hand-wound clock, an emulator, a client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trustme
from hand_clock import HandClock

from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytest_plugins = ["beeos_async.pytest_plugin", "pytester"]


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, the only loop the library speaks to."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own key, URL and proxy out of every test."""
    for name in ("BEEOS_API_KEY", "BEEOS_API_URL", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Give somebody who signs certificates, and whom nobody trusts unless told to."""
    return trustme.CA()
