"""Answers about agents: each says again what it was told, word by word."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..._protocol import table
from ...models._base import Envelope
from ...models.agents import InvokeAgent, InvokeReply
from ...models.events import InvokeDelta, InvokeDone, InvokeEvent
from ..desk import Call, desk, stream_desk
from ..world import World


@desk(table.INVOKE_AGENT)
async def invoke_agent(_world: World, call: Call) -> Envelope[InvokeReply]:
    """Answer in one piece."""
    asked = call.body(InvokeAgent)
    return Envelope(
        data=InvokeReply(text=f"You said: {asked.message}", context_id=_context(asked))
    )


@stream_desk(table.STREAM_INVOCATION)
async def stream_invocation(_world: World, call: Call) -> AsyncGenerator[InvokeEvent, None]:
    """Answer word by word."""
    return _words(call.body(InvokeAgent))


async def _words(asked: InvokeAgent) -> AsyncGenerator[InvokeEvent, None]:
    text = _text(asked)
    for number, word in enumerate(text.split(" ")):
        yield InvokeDelta(text=f" {word}" if number else word)
    yield InvokeDone(text=text, context_id=_context(asked))


def _text(asked: InvokeAgent) -> str:
    return f"You said: {asked.message}"


def _context(asked: InvokeAgent) -> str:
    return asked.context_id or f"chn-{asked.idempotency_key or 'new'}"
