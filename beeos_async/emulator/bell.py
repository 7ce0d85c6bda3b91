"""A bell for those who wait for news, in whichever loop they wait."""

from __future__ import annotations

import asyncio
import contextlib

from .agenda import Agenda


class Bell:
    """Wakes everybody who waits, and forgets who goes.

    Attributes:
        waiting: Who waits.
    """

    def __init__(self, agenda: Agenda | None = None) -> None:
        """Begin with nobody.

        Args:
            agenda: What is to come, of which the news may be made.
        """
        self._agenda = agenda
        # An event belongs to the loop it is awaited in; the world outlives its loops.
        self.waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    async def wait(self) -> None:
        """Wait until it rings, or until something that was planned has happened."""
        news = asyncio.Event()
        self.waiting[news] = asyncio.get_running_loop()
        try:
            await (news.wait() if self._agenda is None else self._agenda.wait(news))
        finally:
            del self.waiting[news]

    def ring(self) -> None:
        """Wake them, from whichever thread: a test may run beside the cloud it scripts."""
        for news, loop in list(self.waiting.items()):
            # A loop that is closed waits for nothing.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(news.set)
