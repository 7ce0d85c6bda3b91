"""A bell for those who wait for news, in whichever loop they wait."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everybody who waits, and forgets who goes.

    Attributes:
        waiting: Who waits.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        # An event belongs to the loop it is awaited in; the world outlives its loops.
        self.waiting: set[asyncio.Event] = set()

    async def wait(self) -> None:
        """Wait until it rings."""
        news = asyncio.Event()
        self.waiting.add(news)
        try:
            await news.wait()
        finally:
            self.waiting.discard(news)

    def ring(self) -> None:
        """Wake them."""
        for news in self.waiting:
            news.set()
