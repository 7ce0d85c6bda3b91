"""Answers about runtime operations."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..._protocol import table
from ...models.events import RuntimeEvent
from ..desk import Call, stream_desk
from ..world import World


@stream_desk(table.STREAM_OPERATION)
async def stream_operation(world: World, call: Call) -> AsyncGenerator[RuntimeEvent, None]:
    """Tell what happened after an event, and what happens."""
    instance, id = call.ids
    return world.operations.follow(instance, id, call.headers.get("Last-Event-ID", ""))
