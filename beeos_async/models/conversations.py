"""Conversations: many turns with one agent, and what can be done to them.

Example:
    ```python
    talk = await bee.conversations.create(agent_id, title="The hedge")
    sent = await bee.conversations.send(agent_id, talk.conversation_id, "How high?")
    print(talk.is_open, sent.message_id, sent.created_at)
    ```
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from ._base import Camel, Moment, Snake, whole
from .messages import Attachment

ConversationState = Literal["active", "closed"] | str
"""Whether anything can be said in it; `open` is an older word for `active`.  Open."""

StateFilter = Literal["active", "open", "closed", "all"]
"""What a list of conversations can be narrowed to; `open` is an alias of `active`."""

Named = Annotated[str, Meta(min_length=1, max_length=128)]


class Conversation(Snake, frozen=True, kw_only=True):
    """One conversation, as the server last described it."""

    conversation_id: str
    agent_id: str = ""
    title: str = ""
    state: ConversationState = ""
    metadata: dict[str, Any] = {}
    """Texts by name, as they were given at its creation."""

    created_at: Moment | None = None
    last_activity_at: Moment | None = None
    closed_at: Moment | None = None
    # Two names of the contract are in another spelling than their neighbours.
    model_override_id: str = field(name="modelOverrideId", default="")
    """The model that was set for it; empty where none was."""

    effective_model_id: str = field(name="effectiveModelId", default="")
    """The model its turns are answered with, where the server tells."""

    @property
    def is_open(self) -> bool:
        """Whether anything can be said in it, as far as the server told."""
        return self.state in {"active", "open"}


class ConversationPage(Snake, frozen=True, kw_only=True):
    """One page of a list of conversations."""

    conversations: list[Conversation] = []
    next_since: str = ""
    """The cursor of the next page; empty on the last."""


class CreateConversation(Snake, frozen=True, kw_only=True):
    """What a new conversation shall be; it begins without a message."""

    title: str | None = None
    metadata: dict[str, str] | None = None


class RenameConversation(Snake, frozen=True, kw_only=True):
    """A new title."""

    title: Annotated[str, Meta(min_length=1, max_length=256)]


class SendMessage(Snake, frozen=True, kw_only=True):
    """What is said next."""

    message: str
    idempotency_key: str | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=16)] | None = None
    """Files, where the server takes some: the guides show them, the schema does not."""


class SentMessage(Snake, frozen=True, kw_only=True):
    """A message that was taken; the agent's reply names it in `in_reply_to`."""

    message_id: str
    created_at: Moment | None = None


class CancelConversation(Snake, frozen=True, kw_only=True):
    """Which turn shall be broken off."""

    target_message_id: Named
    """The message that began it, `SentMessage.message_id`."""

    reason: str | None = None


class CancelAccepted(Snake, frozen=True, kw_only=True):
    """A cancellation that was taken: a durable operation of the agent's instance."""

    operation_id: str
    status: Literal["accepted"] | str = ""


class ClearAccepted(Camel, frozen=True, kw_only=True):
    """A clearing that was taken: a durable operation of the agent's instance."""

    operation_id: str
    conversation_id: str = ""
    status: Literal["accepted"] | str = ""
    current_generation: str = ""
    """Which history it is now, a decimal number of any length."""

    @property
    def generation(self) -> int:
        """The same as a number; 0 where the server did not say."""
        return whole(self.current_generation)


class SetConversationModel(Camel, frozen=True, kw_only=True):
    """Which model a conversation's turns shall be answered with; `None` for the agent's own."""

    # Without a default it always travels: to the server, null is not the same as nothing.
    model_override_id: Named | None
