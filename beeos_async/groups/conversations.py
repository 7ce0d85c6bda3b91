"""Conversations: many turns with one agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from .._checks import LAST_OFFSET, count, one_of, plain
from .._io.listening import IDLE, Listening, OnBadEvent, Opening
from .._io.pager import Pager
from .._io.stream import ChannelStream
from .._protocol import table
from .._protocol.paging import MESSAGES, Style, by_cursor
from .._protocol.words import ChannelWords
from ..models._base import Accepted, Page
from ..models.conversations import (
    CancelAccepted,
    CancelConversation,
    ClearAccepted,
    Conversation,
    CreateConversation,
    RenameConversation,
    SendMessage,
    SentMessage,
    SetConversationModel,
    StateFilter,
)
from ..models.events import ChannelEvent
from ..models.messages import Attachment, Message

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Conversations"]

CONVERSATIONS_LIMIT: Final = 100
MESSAGES_LIMIT: Final = 200


def _conversations(answer: Any) -> Page[Conversation]:
    found = answer.data
    return Page(data=found.conversations, next_cursor=found.next_since or None)


_STYLE: Final = Style(
    by_cursor("since"), page=_conversations, name=lambda row: row.conversation_id
)


class Conversations:
    """`bee.conversations`: many turns with one agent.

    A conversation is created without a message; what is sent is taken at once, and the
    agent's reply comes among the messages and events, naming in `in_reply_to` what it
    replies to.  Several turns may be under way together.

    Whatever changes something carries an idempotency key: yours, or one that is made up
    for the call; so an attempt whose answer was lost is made again without harm.  Keep a
    key of your own where you may have to repeat the call in another process.

    Example:
        ```python
        talk = await bee.conversations.create(agent_id, title="The hedge")
        sent = await bee.conversations.send(agent_id, talk.conversation_id, "How high?")
        async with bee.conversations.events(agent_id, talk.conversation_id) as events:
            async for event in events:
                if isinstance(event, Message) and event.in_reply_to == sent.message_id:
                    print(event.body)  # You said: How high?
                    if not event.streaming:
                        break
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller
        self._call = caller.call

    async def create(
        self,
        agent_id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Conversation:
        """Begin a conversation.

        Args:
            agent_id: The agent.
            title: What it is about.
            metadata: Texts of your own by name.
            idempotency_key: 1 to 128 characters, else one is made up.
            deadline: Seconds for the whole call.

        Example:
            ```python
            talk = await bee.conversations.create(agent_id, title="The hedge")
            print(talk.conversation_id, talk.is_open)  # … True
            ```
        """
        body = CreateConversation(title=title, metadata=plain(metadata))
        answer = await self._call(
            table.CREATE_CONVERSATION, agent_id, deadline=deadline, body=body, key=idempotency_key
        )
        return answer.data

    def list(
        self,
        agent_id: str,
        *,
        state: StateFilter | None = None,
        since: str | None = None,
        limit: int = CONVERSATIONS_LIMIT,
        deadline: float | None = None,
    ) -> Pager[Conversation]:
        """List the conversations with an agent.

        Args:
            agent_id: The agent.
            state: `active`, as where nothing is said, `closed` or `all`.
            since: A cursor of an earlier page, to go on from there.
            limit: Rows a request, 1 to 100.
            deadline: Seconds for each page.

        Returns:
            An async iterator over conversations, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for talk in bee.conversations.list(agent_id, state="active"):
                print(talk.conversation_id, talk.title, talk.last_activity_at)
            ```
        """
        count("limit", limit, least=1, most=CONVERSATIONS_LIMIT)
        if state is not None:
            one_of("state", state, get_args(StateFilter))
        return Pager(
            self._caller,
            table.LIST_CONVERSATIONS,
            agent_id,
            style=_STYLE,
            params={"state": state, "since": since, "limit": limit},
            deadline=deadline,
        )

    async def get(
        self, agent_id: str, conversation_id: str, *, deadline: float | None = None
    ) -> Conversation:
        """Look at one conversation.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            deadline: Seconds for the whole call.

        Example:
            ```python
            talk = await bee.conversations.get(agent_id, conversation_id)
            print(talk.title, talk.state)  # The hedge active
            ```
        """
        row = table.GET_CONVERSATION
        return (await self._call(row, agent_id, conversation_id, deadline=deadline)).data

    async def rename(
        self,
        agent_id: str,
        conversation_id: str,
        title: str,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Conversation:
        """Give a conversation another title.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            title: 1 to 256 characters.
            idempotency_key: 1 to 128 characters, else one is made up.
            deadline: Seconds for the whole call.

        Returns:
            The conversation as it is then.

        Example:
            ```python
            talk = await bee.conversations.rename(agent_id, conversation_id, "Roses")
            print(talk.title)  # Roses
            ```
        """
        answer = await self._call(
            table.RENAME_CONVERSATION,
            agent_id,
            conversation_id,
            deadline=deadline,
            body=RenameConversation(title=title),
            key=idempotency_key,
        )
        return answer.data

    async def delete(
        self, agent_id: str, conversation_id: str, *, deadline: float | None = None
    ) -> None:
        """Close a conversation, for good; what was said can be read for some minutes more.

        One that is gone after a lost answer was deleted.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            deadline: Seconds for the whole call.

        Example:
            ```python
            await bee.conversations.delete(agent_id, conversation_id)
            ```
        """
        await self._call(table.DELETE_CONVERSATION, agent_id, conversation_id, deadline=deadline)

    async def send(
        self,
        agent_id: str,
        conversation_id: str,
        message: str,
        *,
        attachments: Sequence[Attachment] | None = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> SentMessage:
        """Say something; the reply comes by `messages` or `events`.

        Args:
            agent_id: The agent.
            conversation_id: The conversation; in a closed one it is a `ConflictError`.
            message: What is said.
            attachments: Files that were uploaded before, at most 16.
            idempotency_key: Any text, else one is made up.  The same key in the same
                conversation is the same message.
            deadline: Seconds for the whole call.

        Returns:
            The id under which the message was taken.

        Example:
            ```python
            file = await bee.files.upload(b"two roses", filename="order.txt")
            sent = await bee.conversations.send(
                agent_id, conversation_id, "Is this right?", attachments=[file.attachment]
            )
            # The reply names it in `in_reply_to`.
            print(sent.message_id)
            ```
        """
        answer = await self._call(
            table.SEND_MESSAGE,
            agent_id,
            conversation_id,
            deadline=deadline,
            body=SendMessage(message=message, attachments=plain(attachments)),
            key=idempotency_key,
        )
        return answer.data

    def messages(
        self,
        agent_id: str,
        conversation_id: str,
        *,
        since: int = 0,
        include_deltas: bool = False,
        limit: int = MESSAGES_LIMIT,
        deadline: float | None = None,
    ) -> Pager[Message]:
        """List what was said, each message in its last state.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            since: The offset after which to begin; 0 for the beginning.
            include_deltas: Whether the pieces of older agents are listed, too.
            limit: Rows a request, 1 to 200.
            deadline: Seconds for each page.

        Returns:
            An async iterator over messages, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for message in bee.conversations.messages(agent_id, conversation_id):
                print(message.offset, message.publisher_id, message.text)
            ```
        """
        count("limit", limit, least=1, most=MESSAGES_LIMIT)
        count("since", since, least=0, most=LAST_OFFSET)
        # Anything but a true word is taken for no, silently.
        params = {"since": since or None, "limit": limit, "include_deltas": include_deltas or None}
        return Pager(
            self._caller,
            table.LIST_CONVERSATION_MESSAGES,
            agent_id,
            conversation_id,
            style=MESSAGES,
            params=params,
            deadline=deadline,
        )

    def events(
        self,
        agent_id: str,
        conversation_id: str,
        *,
        since: int = 0,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> ChannelStream[ChannelEvent]:
        """Follow a conversation: what was said, and what is said, until it is deleted.

        Several turns may be on their way at once; `in_reply_to` tells them apart.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            since: The offset after which to begin, such as `last_offset` of another stream;
                0 for the beginning.
            idle: Seconds of silence after which it is opened again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`; a message that grows
            comes again and again, whole each time, and `text()` tells what was added.

        Example:
            ```python
            await bee.conversations.send(agent_id, conversation_id, "And the roses?")
            async with bee.conversations.events(agent_id, conversation_id, deadline=60) as events:
                async for words in events.text():
                    print(words, end="")
                    break  # and listen again later, from here on:
            print(events.last_offset)
            ```
        """
        count("since", since, least=0, most=LAST_OFFSET)
        return ChannelStream(
            self._caller,
            table.STREAM_CONVERSATION,
            agent_id,
            conversation_id,
            words=ChannelWords(),
            opening=Opening(last=since),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )

    async def cancel(
        self,
        agent_id: str,
        conversation_id: str,
        target_message_id: str,
        *,
        reason: str | None = None,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline: float | None = None,
    ) -> CancelAccepted:
        """Break off one turn; the others go on.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            target_message_id: The message that began the turn, as `send` named it.
            reason: Why, for the record.
            idempotency_key: 1 to 128 characters, else one is made up.
            operation_id: The UUID the operation shall have, else the server makes one up.
            deadline: Seconds for the whole call.

        Returns:
            The operation, of which `bee.runtime.operation` tells what becomes.

        Example:
            ```python
            accepted = await bee.conversations.cancel(
                agent_id, conversation_id, message_id, reason="asked twice"
            )
            print(accepted.status)  # accepted
            ```
        """
        answer = await self._call(
            table.CANCEL_CONVERSATION,
            agent_id,
            conversation_id,
            deadline=deadline,
            body=CancelConversation(target_message_id=target_message_id, reason=reason),
            key=idempotency_key,
            operation=operation_id,
        )
        return answer.data

    async def clear(
        self,
        agent_id: str,
        conversation_id: str,
        *,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline: float | None = None,
    ) -> ClearAccepted:
        """Let the agent forget what was said; the conversation goes on.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            idempotency_key: 1 to 128 characters, else one is made up.
            operation_id: The UUID the operation shall have, else the server makes one up.
            deadline: Seconds for the whole call.

        Returns:
            The operation, and which history it is now.

        Example:
            ```python
            accepted = await bee.conversations.clear(agent_id, conversation_id)
            print(accepted.generation)  # 2
            ```
        """
        return await self._call(
            table.CLEAR_CONVERSATION,
            agent_id,
            conversation_id,
            deadline=deadline,
            key=idempotency_key,
            operation=operation_id,
        )

    async def set_model(
        self,
        agent_id: str,
        conversation_id: str,
        model_override_id: str | None,
        *,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline: float | None = None,
    ) -> Accepted:
        """Choose the model the next turns are answered with.

        Args:
            agent_id: The agent.
            conversation_id: The conversation.
            model_override_id: The model, 1 to 128 characters; `None` for the agent's own.
            idempotency_key: 1 to 128 characters, else one is made up.
            operation_id: The UUID the operation shall have, else the server makes one up.
            deadline: Seconds for the whole call.

        Returns:
            The operation that was accepted.

        Example:
            ```python
            await bee.conversations.set_model(agent_id, conversation_id, "clover/mini-3")
            talk = await bee.conversations.get(agent_id, conversation_id)
            print(talk.model_override_id)  # clover/mini-3
            ```
        """
        return await self._call(
            table.SET_CONVERSATION_MODEL,
            agent_id,
            conversation_id,
            deadline=deadline,
            body=SetConversationModel(model_override_id=model_override_id),
            key=idempotency_key,
            operation=operation_id,
        )
