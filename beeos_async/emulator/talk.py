"""How one conversation goes: what is said in it, and what the agent is about to say.

A reply is planned when a message comes: piece by piece, each with all there is so far.
Who may do what to a conversation is `conversations.py`'s business.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct, structs

from ..models.conversations import Conversation, SendMessage
from ..models.messages import Message, ThinkingPart
from .agenda import Agenda, Errand
from .agents import reply_to
from .channels import Channel
from .course import OWNER

READABLE: Final = timedelta(minutes=5)
"""How long what was said can be read after a conversation is closed."""

KEPT: Final = timedelta(hours=24)
"""How long a conversation is kept in which nothing is said."""


class Turn(Struct):
    """What an agent is about to reply to one message."""

    to: str
    """The message it replies to."""

    reply: Message
    """The reply, as far as it has come."""

    over: bool = False
    ahead: list[Errand] = []

    def stop(self) -> None:
        """Let it not go on."""
        self.over = True
        for errand in self.ahead:
            errand.drop()


class Talk(Struct):
    """One conversation, as the world keeps it."""

    id: str
    agent: str
    title: str
    metadata: dict[str, str]
    channel: Channel
    created: datetime
    touched: datetime
    closed: datetime | None = None
    turns: dict[str, Turn] = {}
    """By the message that began it."""

    model: str = ""
    generation: int = 1

    def is_gone(self, now: datetime) -> bool:
        """Tell whether nothing is known of it any more."""
        return now - self.touched > KEPT if self.closed is None else now - self.closed > READABLE

    def seen(self, usual: str) -> Conversation:
        """Describe it.

        Args:
            usual: The model of its agent.
        """
        return Conversation(
            conversation_id=self.id,
            agent_id=self.agent,
            title=self.title,
            state="active" if self.closed is None else "closed",
            metadata=self.metadata,
            created_at=self.created,
            last_activity_at=self.touched,
            closed_at=self.closed,
            model_override_id=self.model,
            effective_model_id=self.model or usual,
        )

    def say(self, wanted: SendMessage, agenda: Agenda, reply_time: float) -> Message:
        """Say something to the agent, and have it think of a reply.

        Args:
            wanted: What is said, and which files go along.
            agenda: Where the reply is planned.
            reply_time: Seconds until it is complete.
        """
        files = {"attachments": wanted.attachments} if wanted.attachments else {}
        said = self.channel.post(
            Message(
                type="chat_message",
                publisher_id=f"user:{OWNER}",
                payload={"text": wanted.message, **files},
                body=wanted.message,
                state="completed",
            )
        )
        reply = Message(
            message_id=f"{said.message_id}-reply",
            type="agent_reply",
            publisher_id=f"agent:{self.agent}",
            in_reply_to=said.message_id,
            state="streaming",
        )
        turn = self.turns[said.message_id] = Turn(to=said.message_id, reply=reply)
        pieces = reply_to(wanted.message)
        for number, text in enumerate(pieces, 1):
            step = self._piece(turn, text, last=number == len(pieces))
            turn.ahead.append(agenda.plan(reply_time * number / len(pieces), step))
        return said

    def break_off(self, turn: Turn) -> None:
        """Say that a turn was broken off."""
        self._post(turn, state="cancelled", stop_reason="user_stop")

    def stop(self) -> None:
        """Let no turn go on."""
        for turn in self.turns.values():
            turn.stop()

    def _piece(self, turn: Turn, text: str, *, last: bool) -> Callable[[], None]:
        """Make what says the next piece of a reply."""
        if not last:
            return lambda: self._post(turn, body=text)

        def end() -> None:
            turn.over = True
            thought = ThinkingPart(text="It was said, so it is said again.", state="done")
            self._post(turn, body=text, parts=[thought], state="completed", stop_reason="end_turn")

        return end

    def _post(self, turn: Turn, **fields: Any) -> None:
        turn.reply = self.channel.post(structs.replace(turn.reply, **fields))
        self.touched = turn.reply.updated_at or turn.reply.created_at or self.touched
