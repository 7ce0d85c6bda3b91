"""A clock wound by hand, so that no test waits."""

from __future__ import annotations

import asyncio

from beeos_async import AsyncBeeOS


class HandClock:
    """A clock that moves only when somebody sleeps, and then at once.

    Limits stay real timers: what they guard against, a silent socket, is real time.  Where a
    test is about the hand's time alone, they have at least some patience with a busy machine.
    """

    def __init__(self, *, patience: float = 0.0) -> None:
        self.patience = patience
        self.time = 1000.0
        self.epoch = 1_790_000_000.0
        self.dice = 0.5
        self.slept: list[float] = []
        self.tokens = 0
        self._heeded: AsyncBeeOS | None = None

    def heed(self, bee: AsyncBeeOS) -> AsyncBeeOS:
        """Stand still while this client has a request under way, however long its loop takes."""
        self._heeded = bee
        return bee

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.epoch + self.time

    def chance(self) -> float:
        return self.dice

    def token(self) -> str:
        self.tokens += 1
        return f"00000000-0000-4000-8000-{self.tokens:012}"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.time + seconds
        await asyncio.sleep(0)
        while self._heeded is not None and self._heeded._caller.gate.in_flight:
            await asyncio.sleep(0)
        self.time = max(self.time, until)

    def limit(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(None if seconds is None else max(seconds, self.patience))
