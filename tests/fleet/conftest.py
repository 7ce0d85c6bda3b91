"""What tests of waiting ask for: a cloud that takes its time, on a clock that takes none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hand_clock import HandClock

from beeos_async.emulator import Emulator


@pytest.fixture
async def slow(clock: HandClock) -> AsyncIterator[Emulator]:
    """Give a pretend cloud of sixty whose instances take ten seconds, on the hand's clock."""
    async with Emulator(instances=60, boot_time=10, online_time=2, clock=clock) as cloud:
        yield cloud
