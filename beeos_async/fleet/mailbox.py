"""Outcomes on their way to a reader, who may be slow, or absent."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

import anyio

T = TypeVar("T")

UNREAD_LIMIT: Final = 1000
"""Letters nobody has read yet, at which senders wait."""


class Mailbox(Generic[T]):
    """A queue that asks its senders to wait while it is full, and forgets when nobody reads."""

    __slots__ = ("_letters", "_news", "_open", "_room", "read")

    def __init__(self, *, read: bool) -> None:
        """Begin empty.

        Args:
            read: Whether somebody reads; else nothing is kept.
        """
        self.read: bool = read
        self._letters: deque[T] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._open = True

    def put(self, letter: T) -> None:
        """Leave a letter, which somebody reads."""
        self._letters.append(letter)
        self._news.set()

    @property
    def full(self) -> bool:
        """Whether a reader is far behind."""
        return self.read and len(self._letters) >= UNREAD_LIMIT

    async def until_room(self) -> None:
        """Wait while a reader is far behind."""
        while self.full:
            if self._room.is_set():
                self._room = anyio.Event()
            await self._room.wait()

    async def get(self) -> T | None:
        """Wait for a letter; `None` when there will be no more."""
        while not self._letters:
            if not self._open:
                return None
            # A second reader must not be left waiting on an event nobody sets any more.
            if self._news.is_set():
                self._news = anyio.Event()
            await self._news.wait()
        self._room.set()
        return self._letters.popleft()

    def forget(self) -> None:
        """Stop keeping letters: nobody will read them."""
        self.read = False
        self._room.set()

    def close(self) -> None:
        """There will be no more letters."""
        self._open = False
        self._news.set()
