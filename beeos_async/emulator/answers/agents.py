"""Answers about agents: who there is, and what they say to what they are told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from msgspec import Struct, field, structs

from ..._protocol import table
from ...models._base import Envelope
from ...models.agents import Agent, AgentPage, InvokeAgent, InvokeReply, Visibility
from ...models.events import (
    InvokeDelta,
    InvokeDone,
    InvokeEvent,
    InvokeFailure,
    InvokeReasoning,
)
from ..desk import Call, desk, stream_desk
from ..refusals import RefusedError
from ..world import World

DEFAULT_AGENTS: Final = 20
LARGEST_AGENTS: Final = 10_000
LAST: Final = 2**31 - 1


@desk(table.LIST_AGENTS)
async def list_agents(world: World, call: Call) -> AgentPage:
    """Show some of them, of one instance or of all."""
    params = call.params
    return world.agents.list(
        params.get("instance_id") or params.get("instanceId", ""),
        params.get("status", ""),
        call.number("offset", 0, LAST),
        call.number("limit", DEFAULT_AGENTS, LARGEST_AGENTS),
    )


@desk(table.GET_AGENT)
async def get_agent(world: World, call: Call) -> Envelope[Agent]:
    """Look."""
    (id,) = call.ids
    return Envelope(data=world.agents.get(id))


@desk(table.UPDATE_AGENT)
async def update_agent(world: World, call: Call) -> Envelope[Agent]:
    """Change what may be changed, and refuse whoever asks for more."""
    (id,) = call.ids
    world.agents.home(id)
    given = call.body(_Update)
    told = {name for name, value in structs.asdict(given).items() if value is not None}
    if not told:
        raise RefusedError(400, "invalid_param", "there is nothing to change")
    if {"mcp", "alias"} <= told and given.mcp != given.alias:
        message = "mcpEnabled and mcp_enabled say different things"
        raise RefusedError(400, "invalid_param", message, "mcp_enabled")
    changes: dict[str, Any] = {}
    if given.visibility is not None:
        changes["visibility"] = given.visibility
    if given.mcp is not None or given.alias is not None:
        changes["mcp_enabled"] = given.mcp if given.mcp is not None else given.alias
    world.touch()
    return Envelope(data=world.agents.update(id, changes))


class _Update(Struct, forbid_unknown_fields=True):
    """What may be changed, under an older name, too."""

    visibility: Visibility | None = None
    mcp: bool | None = field(name="mcpEnabled", default=None)
    alias: bool | None = field(name="mcp_enabled", default=None)


@desk(table.DELETE_AGENT)
async def delete_agent(world: World, call: Call) -> None:
    """Never do: an agent goes with its instance."""
    (id,) = call.ids
    world.agents.home(id)
    raise RefusedError(409, "conflict", "an agent cannot be deleted")


@desk(table.INVOKE_AGENT)
async def invoke_agent(world: World, call: Call) -> Envelope[InvokeReply]:
    """Answer in one piece."""
    (id,) = call.ids
    return Envelope(data=world.tasks.invoke(id, call.body(InvokeAgent)))


@stream_desk(table.STREAM_INVOCATION)
async def stream_invocation(world: World, call: Call) -> AsyncGenerator[InvokeEvent, None]:
    """Answer word by word."""
    (id,) = call.ids
    try:
        reply = world.tasks.invoke(id, call.body(InvokeAgent))
    except RefusedError as error:
        # What does not answer in time has begun all the same.
        if error.code != "service_timeout":
            raise
        return _failed(error.code, error.status, InvokeReply(text=error.message, is_error=True))
    if reply.is_error:
        return _failed("agent_reply_error", 502, reply)
    return _words(reply)


async def _words(reply: InvokeReply) -> AsyncGenerator[InvokeEvent, None]:
    yield InvokeReasoning(text="It was said, so it is said again.")
    for number, word in enumerate(reply.text.split(" ")):
        yield InvokeDelta(text=f" {word}" if number else word)
    yield InvokeDone(text=reply.text, context_id=reply.context_id)


async def _failed(code: str, status: int, reply: InvokeReply) -> AsyncGenerator[InvokeEvent, None]:
    yield InvokeFailure(code=code, status_code=status, message=reply.text)
    yield InvokeDone(
        text=reply.text,
        context_id=reply.context_id,
        is_error=True,
        error=reply.text,
        code=code,
    )
