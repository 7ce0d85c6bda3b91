"""Waiting for an instance: what can be wished for, and what it means that a wait ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import BeeOSError

if TYPE_CHECKING:
    from .models.instances import Instance


class WaitError(BeeOSError):
    """What was waited for can no longer come true.

    Args:
        message: Why.
        last: The instance as it was last seen.
    """

    def __init__(self, message: str, last: Instance | None = None) -> None:
        super().__init__(message, last)
        self.message = message
        self.last = last

    def __str__(self) -> str:
        return self.message


class WaitTimeoutError(WaitError, TimeoutError):
    """What was waited for did not come true in time."""
