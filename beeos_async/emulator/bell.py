"""A bell for those who wait for news, in whichever loop they wait."""

from __future__ import annotations

import asyncio

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
        self.waiting: set[asyncio.Event] = set()

    async def wait(self) -> None:
        """Wait until it rings, or until something that was planned has happened."""
        news = asyncio.Event()
        self.waiting.add(news)
        try:
            await (news.wait() if self._agenda is None else self._agenda.wait(news))
        finally:
            self.waiting.discard(news)

    def ring(self) -> None:
        """Wake them."""
        for news in self.waiting:
            news.set()
