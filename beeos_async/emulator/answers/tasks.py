"""Answers about tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from ..._protocol import table
from ...models.events import ChannelEvent
from ..desk import Call, stream_desk
from ..world import World

LAST_OFFSET: Final = 2**63 - 1


@stream_desk(table.STREAM_TASK)
async def stream_task(world: World, call: Call) -> AsyncGenerator[ChannelEvent, None]:
    """Tell what was said after an offset, and what is said."""
    agent, id = call.ids
    return world.channels.find(agent, id).follow(call.number("since", 0, LAST_OFFSET))
