"""Answers about runtimes: methods, operations, tickets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from ..._protocol import table
from ..._protocol.message import OPERATION_HEADER
from ...models._base import Accepted
from ...models.events import RuntimeEvent
from ...models.runtime import (
    CreateCanvasSession,
    CreateTerminalSession,
    InvokeRuntimeMethod,
    OperationCancelAccepted,
    OperationPage,
    RuntimeOperation,
)
from ..desk import Call, desk, stream_desk
from ..keys import require_key
from ..refusals import RefusedError
from ..world import World

DEFAULT_OPERATIONS: Final = 50
"""Rows of a page where the client does not say; the contract publishes no default."""

LARGEST_OPERATIONS: Final = 200


@desk(table.GET_RUNTIME_CAPABILITIES)
async def get_capabilities(world: World, call: Call) -> dict[str, Any]:
    """Tell what the runtime can do."""
    (instance,) = call.ids
    return world.runtimes.manifest(instance)


@desk(table.INVOKE_RUNTIME_METHOD, status=202)
async def invoke_method(world: World, call: Call) -> Accepted:
    """Accept a method; a refusal is a 200."""
    (instance,) = call.ids
    asked = call.body(InvokeRuntimeMethod, closed=True)
    id = world.runtimes.invoke(instance, asked, call.headers.get(OPERATION_HEADER, ""))
    result = {"operationId": id, "status": "accepted"}
    body = {"jsonrpc": "2.0", "id": asked.id, "result": result}
    return Accepted(operation_id=id, body=body)


@desk(table.LIST_RUNTIME_OPERATIONS)
async def list_operations(world: World, call: Call) -> OperationPage:
    """Show one page of those that are not over; nothing else can be asked for."""
    (instance,) = call.ids
    if call.params.get("status") != "active":
        code = "invalid_param" if "status" in call.params else "missing_param"
        raise RefusedError(400, code, "status must be active", "status")
    limit = call.number("limit", DEFAULT_OPERATIONS, LARGEST_OPERATIONS, 1)
    return world.runtimes.list(instance, call.params.get("cursor", ""), limit)


@desk(table.GET_RUNTIME_OPERATION)
async def get_operation(world: World, call: Call) -> RuntimeOperation:
    """Look, whether it is over or not."""
    return world.runtimes.get(*call.ids)


@stream_desk(table.STREAM_OPERATION)
async def stream_operation(world: World, call: Call) -> AsyncGenerator[RuntimeEvent, None]:
    """Tell what happened after an event, and what happens."""
    instance, id = call.ids
    world.runtimes.catch_up()
    return world.operations.follow(instance, id, call.headers.get("Last-Event-ID", ""))


@desk(table.CANCEL_RUNTIME_OPERATION, status=202)
async def cancel_operation(world: World, call: Call) -> OperationCancelAccepted:
    """Wish it cancelled; the wish is an operation of its own, named in a header."""
    require_key(call.headers)
    instance, id = call.ids
    chosen = call.headers.get(OPERATION_HEADER, "")
    call.told[OPERATION_HEADER] = world.runtimes.cancel(instance, id, chosen)
    return OperationCancelAccepted(operation_id=id, status="cancel_requested")


@desk(table.CREATE_TERMINAL_SESSION, status=201)
async def create_terminal_session(world: World, call: Call) -> dict[str, Any]:
    """Give a ticket for a terminal."""
    (instance,) = call.ids
    call.body(CreateTerminalSession, closed=True)
    return world.runtimes.ticket(instance, "terminal")


@desk(table.CREATE_CANVAS_SESSION, status=201)
async def create_canvas_session(world: World, call: Call) -> dict[str, Any]:
    """Give a ticket for a canvas."""
    (instance,) = call.ids
    call.body(CreateCanvasSession, closed=True)
    return world.runtimes.ticket(instance, "canvas")
