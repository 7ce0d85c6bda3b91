"""Agents: who answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ._base import Snake
from .messages import Attachment


class InvokeAgent(Snake, frozen=True, kw_only=True):
    """What an agent is asked."""

    message: str
    context_id: str | None = None
    timeout_ms: Annotated[int, Meta(ge=0, le=115_000)] | None = None
    idempotency_key: str | None = None
    metadata: dict[str, str] | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=16)] | None = None


class InvokeReply(Snake, frozen=True, kw_only=True):
    """What an agent answered."""

    text: str = ""
    """The answer; or what went wrong, where `is_error` says so."""

    context_id: str = ""
    """The task channel the invocation became."""

    is_error: bool = False
    """Whether the agent failed or refused: no error of this client, but the agent's answer."""
