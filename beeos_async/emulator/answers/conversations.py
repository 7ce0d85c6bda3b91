"""Answers about conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final, get_args

from ..._protocol import table
from ..._protocol.message import OPERATION_HEADER
from ...models._base import Accepted, Envelope
from ...models.conversations import (
    CancelAccepted,
    CancelConversation,
    ClearAccepted,
    Conversation,
    ConversationPage,
    CreateConversation,
    RenameConversation,
    SendMessage,
    SentMessage,
    SetConversationModel,
    StateFilter,
)
from ...models.events import ChannelEvent
from ...models.messages import MessagePage
from ..desk import Call, desk, stream_desk
from ..keys import require_key
from ..refusals import RefusedError
from ..world import World

LAST_OFFSET: Final = 2**63 - 1

DEFAULT_CONVERSATIONS: Final = 50
LARGEST_CONVERSATIONS: Final = 100
DEFAULT_MESSAGES: Final = 100
LARGEST_MESSAGES: Final = 200
"""The defaults are the emulator's; the contract publishes none."""


@desk(table.CREATE_CONVERSATION, status=201)
async def create_conversation(world: World, call: Call) -> Envelope[Conversation]:
    """Begin one; a body is not needed."""
    (agent,) = call.ids
    wanted = call.body(CreateConversation) if call.raw else CreateConversation()
    return Envelope(data=world.conversations.create(agent, wanted))


@desk(table.LIST_CONVERSATIONS)
async def list_conversations(world: World, call: Call) -> Envelope[ConversationPage]:
    """Show one page of those in a state."""
    (agent,) = call.ids
    state = call.params.get("state", "active")
    if state not in get_args(StateFilter):
        message = f"state is one of {', '.join(get_args(StateFilter))}"
        raise RefusedError(400, "invalid_param", message, "state")
    limit = call.number("limit", DEFAULT_CONVERSATIONS, LARGEST_CONVERSATIONS, 1)
    state = "active" if state == "open" else state
    since = call.params.get("since", "")
    return Envelope(data=world.conversations.list(agent, state, since, limit))


@desk(table.GET_CONVERSATION)
async def get_conversation(world: World, call: Call) -> Envelope[Conversation]:
    """Look."""
    return Envelope(data=world.conversations.get(*call.ids))


@desk(table.RENAME_CONVERSATION)
async def rename_conversation(world: World, call: Call) -> Envelope[Conversation]:
    """Give it another title."""
    require_key(call.headers)
    agent, id = call.ids
    title = call.body(RenameConversation, closed=True).title
    return Envelope(data=world.conversations.rename(agent, id, title))


@desk(table.DELETE_CONVERSATION, status=204)
async def delete_conversation(world: World, call: Call) -> None:
    """Close it."""
    world.conversations.delete(*call.ids)


@desk(table.SEND_MESSAGE, status=202)
async def send_message(world: World, call: Call) -> Envelope[SentMessage]:
    """Take a message; the reply comes later."""
    agent, id = call.ids
    return Envelope(data=world.conversations.send(agent, id, call.body(SendMessage)))


@desk(table.LIST_CONVERSATION_MESSAGES)
async def list_messages(world: World, call: Call) -> Envelope[MessagePage]:
    """Show one page of what was said."""
    agent, id = call.ids
    since = call.number("since", 0, LAST_OFFSET)
    limit = call.number("limit", DEFAULT_MESSAGES, LARGEST_MESSAGES, 1)
    # As the contract has it: whatever is not one of these is a no, without a word.
    deltas = call.params.get("include_deltas", "").lower() in {"true", "1", "yes"}
    return Envelope(data=world.conversations.page(agent, id, since, limit, deltas=deltas))


@stream_desk(table.STREAM_CONVERSATION)
async def stream_conversation(world: World, call: Call) -> AsyncGenerator[ChannelEvent, None]:
    """Tell what was said after an offset, and what is said."""
    since = call.number("since", 0, LAST_OFFSET)
    return world.conversations.channel(*call.ids).follow(since)


@desk(table.CANCEL_CONVERSATION, status=202)
async def cancel_conversation(world: World, call: Call) -> Envelope[CancelAccepted]:
    """Break off one turn."""
    agent, id = call.ids
    target = call.body(CancelConversation, closed=True).target_message_id
    chosen = call.headers.get(OPERATION_HEADER, "")
    operation = world.conversations.cancel(agent, id, target, chosen)
    call.told[OPERATION_HEADER] = operation.id
    return Envelope(data=CancelAccepted(operation_id=operation.id, status="accepted"))


@desk(table.CLEAR_CONVERSATION, status=202)
async def clear_conversation(world: World, call: Call) -> ClearAccepted:
    """Forget what was said."""
    require_key(call.headers)
    agent, id = call.ids
    chosen = call.headers.get(OPERATION_HEADER, "")
    operation, generation = world.conversations.clear(agent, id, chosen)
    call.told[OPERATION_HEADER] = operation.id
    return ClearAccepted(
        operation_id=operation.id,
        conversation_id=id,
        status="accepted",
        current_generation=str(generation),
    )


@desk(table.SET_CONVERSATION_MODEL, status=202)
async def set_conversation_model(world: World, call: Call) -> Accepted:
    """Choose the model of the turns to come; the answer has no body."""
    require_key(call.headers)
    agent, id = call.ids
    model = call.body(SetConversationModel, closed=True).model_override_id
    chosen = call.headers.get(OPERATION_HEADER, "")
    operation = world.conversations.set_model(agent, id, model, chosen)
    return Accepted(operation_id=operation.id)
