"""Answers about tasks, and about who is told how they go."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final, get_args

from ..._protocol import table
from ...models._base import Envelope
from ...models.events import ChannelEvent
from ...models.messages import MessagePage
from ...models.tasks import (
    CancelTask,
    ContinueTask,
    CreateTask,
    RegisterWebhook,
    Task,
    TaskCreated,
    TaskFilter,
    TaskPage,
    TaskWebhook,
    TaskWebhookList,
    WebhookDelivery,
    WebhookDeliveryList,
)
from ..desk import Call, desk, stream_desk
from ..refusals import RefusedError
from ..world import World

LAST_OFFSET: Final = 2**63 - 1

DEFAULT_TASKS: Final = 50
LARGEST_TASKS: Final = 100
DEFAULT_MESSAGES: Final = 100
LARGEST_MESSAGES: Final = 500
"""The default is the emulator's; the contract publishes none."""

DEFAULT_DELIVERIES: Final = 50
LARGEST_DELIVERIES: Final = 200


@desk(table.CREATE_TASK, status=202)
async def create_task(world: World, call: Call) -> Envelope[TaskCreated]:
    """Give an agent something to do."""
    (agent,) = call.ids
    return Envelope(data=world.tasks.create(agent, call.body(CreateTask)))


@desk(table.LIST_TASKS)
async def list_tasks(world: World, call: Call) -> Envelope[TaskPage]:
    """Show one page of everybody's."""
    return _list(world, call, call.params.get("agent_id", ""))


@desk(table.LIST_AGENT_TASKS)
async def list_agent_tasks(world: World, call: Call) -> Envelope[TaskPage]:
    """Show one page of one agent's."""
    (agent,) = call.ids
    return _list(world, call, agent)


def _list(world: World, call: Call, agent: str) -> Envelope[TaskPage]:
    state = call.params.get("state", "active")
    if state not in get_args(TaskFilter):
        message = f"state is one of {', '.join(get_args(TaskFilter))}"
        raise RefusedError(400, "invalid_param", message, "state")
    return Envelope(
        data=world.tasks.list(
            agent,
            call.params.get("instance_id", ""),
            "active" if state == "open" else state,
            call.params.get("since", ""),
            call.number("limit", DEFAULT_TASKS, LARGEST_TASKS, 1),
        )
    )


@desk(table.GET_TASK)
async def get_task(world: World, call: Call) -> Envelope[Task]:
    """Look."""
    agent, id = call.ids
    return Envelope(data=world.tasks.get(agent, id))


@desk(table.LIST_TASK_MESSAGES)
async def list_task_messages(world: World, call: Call) -> Envelope[MessagePage]:
    """Show one page of what was said."""
    agent, id = call.ids
    deltas = call.params.get("include_deltas", "").lower() in {"true", "1", "yes"}
    limit = call.number("limit", DEFAULT_MESSAGES, LARGEST_MESSAGES, 1)
    since = call.number("since", 0, LAST_OFFSET)
    return Envelope(data=world.tasks.page(agent, id, since, limit, deltas=deltas))


@stream_desk(table.STREAM_TASK)
async def stream_task(world: World, call: Call) -> AsyncGenerator[ChannelEvent, None]:
    """Tell what was said after an offset, and what is said."""
    agent, id = call.ids
    return world.channels.find(agent, id).follow(call.number("since", 0, LAST_OFFSET))


@desk(table.CANCEL_TASK)
async def cancel_task(world: World, call: Call) -> Envelope[Task]:
    """End it; a body is not needed."""
    agent, id = call.ids
    wanted = call.body(CancelTask) if call.raw else CancelTask()
    return Envelope(data=world.tasks.cancel(agent, id, wanted.reason))


@desk(table.CONTINUE_TASK)
async def continue_task(world: World, call: Call) -> Envelope[Task]:
    """Let it go on; a body is not needed, unless it waits for one."""
    agent, id = call.ids
    given = call.body(ContinueTask) if call.raw else ContinueTask()
    return Envelope(data=world.tasks.go_on(agent, id, given))


@desk(table.REGISTER_WEBHOOK, status=201)
async def register_webhook(world: World, call: Call) -> Envelope[TaskWebhook]:
    """Tell somebody from now on."""
    return Envelope(data=world.hooks.register(_task(world, call), call.body(RegisterWebhook)))


@desk(table.LIST_WEBHOOKS)
async def list_webhooks(world: World, call: Call) -> Envelope[TaskWebhookList]:
    """Show who is told."""
    return Envelope(data=TaskWebhookList(webhooks=world.hooks.list(_task(world, call))))


@desk(table.DELETE_WEBHOOK, status=204)
async def delete_webhook(world: World, call: Call) -> None:
    """Tell somebody no longer."""
    world.hooks.delete(_task(world, call), call.ids[2])


@desk(table.LIST_DELIVERIES)
async def list_deliveries(world: World, call: Call) -> Envelope[WebhookDeliveryList]:
    """Show what somebody was told."""
    limit = call.number("limit", DEFAULT_DELIVERIES, LARGEST_DELIVERIES, 1)
    told = world.hooks.deliveries(_task(world, call), call.ids[2], limit)
    return Envelope(data=WebhookDeliveryList(deliveries=told))


@desk(table.REDELIVER_WEBHOOK, status=202)
async def redeliver_webhook(world: World, call: Call) -> Envelope[WebhookDelivery]:
    """Tell it once more, each time."""
    return Envelope(data=world.hooks.redeliver(_task(world, call), call.ids[2], call.ids[3]))


def _task(world: World, call: Call) -> str:
    return world.tasks.get(call.ids[0], call.ids[1]).task_id
