"""The courier of the pretend cloud: tells receivers on this machine what is due, over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from .._urls import is_loopback
from .hooks import Delivery, Hooks

PATIENCE: Final = 10.0
"""Seconds a receiver is given."""


class Courier:
    """Delivers webhooks while the cloud is open."""

    def __init__(self, hooks: Hooks) -> None:
        """Stay at home for now.

        Args:
            hooks: What is due.
        """
        self._hooks = hooks
        self._round: asyncio.Task[None] | None = None

    def set_out(self) -> None:
        """Begin to deliver."""
        self._round = asyncio.create_task(self._deliver())

    async def come_home(self) -> None:
        """Deliver no more."""
        if self._round is not None:
            self._round.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._round
            self._round = None

    async def _deliver(self) -> None:
        # Opened at the first delivery: most clouds tell nobody anything.
        async with contextlib.AsyncExitStack() as stack:
            session: aiohttp.ClientSession | None = None
            while True:
                await self._hooks.wait()
                while self._hooks.due:
                    if session is None:
                        session = await stack.enter_async_context(aiohttp.ClientSession())
                    delivery = self._hooks.due.pop(0)
                    self._hooks.report(delivery, *await _send(session, delivery))


async def _send(session: aiohttp.ClientSession, delivery: Delivery) -> tuple[int, str]:
    """Send once; tell the receiver's status, or 0, and what was wrong."""
    if not is_loopback(urlsplit(delivery.hook.url).hostname or ""):
        return 0, "transport: the emulator tells nobody beyond this machine"
    try:
        async with asyncio.timeout(PATIENCE):
            sent = session.post(
                delivery.hook.url,
                data=delivery.body,
                headers=delivery.headers,
                allow_redirects=False,
            )
            async with sent as answer:
                taken = 200 <= answer.status < 300
                return answer.status, "" if taken else f"status {answer.status}"
    except (aiohttp.ClientError, OSError) as error:
        return 0, f"transport: {type(error).__name__}"
