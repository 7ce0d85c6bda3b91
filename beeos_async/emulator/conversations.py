"""The conversations of the pretend cloud: begun, listed, spoken in, changed, closed.

What is said in one of them, and what its agent says, is `talk.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .._clock import Clock
from ..models.conversations import (
    Conversation,
    ConversationPage,
    CreateConversation,
    SendMessage,
    SentMessage,
)
from ..models.messages import MessagePage
from ..models.runtime import ConversationTarget
from .agenda import Agenda
from .agents import Agents, platform_id_of
from .channels import Channel, Channels
from .course import Operation
from .cursor import after
from .refusals import RefusedError
from .runtime import Runtimes
from .scenery import uuid_for
from .talk import Talk


class Conversations:
    """All conversations of one pretend cloud.

    Attributes:
        reply_time: Seconds from a message to the end of its reply.
    """

    def __init__(
        self,
        clock: Clock,
        agenda: Agenda,
        channels: Channels,
        agents: Agents,
        runtimes: Runtimes,
        change: Callable[[], None],
        seed: int = 0,
    ) -> None:
        """Begin without any.

        Args:
            clock: Time.
            agenda: What is to come.
            channels: Where it is written down what is said.
            agents: Who lives where.
            runtimes: Who runs the operations.
            change: Told whenever something is changed.
            seed: What ids are drawn from.
        """
        self.reply_time: float = 0.1
        self._clock = clock
        self._agenda = agenda
        self._channels = channels
        self._agents = agents
        self._runtimes = runtimes
        self._change = change
        self._seed = seed
        self._talks: dict[str, Talk] = {}

    def create(self, agent: str, wanted: CreateConversation) -> Conversation:
        """Begin a conversation in which nothing is said yet.

        Raises:
            RefusedError: There is no such agent.
        """
        usual = self._agents.home(agent).model_primary
        id = uuid_for(self._seed, "conversation", len(self._talks))
        now = self._now()
        talk = self._talks[id] = Talk(
            id=id,
            agent=agent,
            title=wanted.title or "",
            metadata=wanted.metadata or {},
            channel=self._channels.open(agent, id),
            created=now,
            touched=now,
        )
        self._change()
        return talk.seen(usual)

    def list(self, agent: str, state: str, since: str, limit: int) -> ConversationPage:
        """Look at one page of an agent's conversations, in the order they were begun.

        Args:
            agent: The agent.
            state: `active`, `closed` or `all`.
            since: The cursor of an earlier page, or nothing.
            limit: Rows of a page.

        Raises:
            RefusedError: There is no such agent, or the cursor is none of ours.
        """
        usual = self._agents.home(agent).model_primary
        now = self._now()

        def wanted(one: Talk) -> bool:
            told = "active" if one.closed is None else "closed"
            return one.agent == agent and not one.is_gone(now) and state in {"all", told}

        rows, cursor = after(since, self._talks, wanted, limit, "since")
        return ConversationPage(conversations=[one.seen(usual) for one in rows], next_since=cursor)

    def get(self, agent: str, id: str) -> Conversation:
        """Look at a conversation."""
        return self._shown(self._find(agent, id))

    def rename(self, agent: str, id: str, title: str) -> Conversation:
        """Give a conversation another title."""
        talk = self._open(agent, id)
        talk.title = title
        self._touch(talk)
        return self._shown(talk)

    def delete(self, agent: str, id: str) -> None:
        """Close a conversation; a second time changes nothing."""
        talk = self._find(agent, id)
        if talk.closed is None:
            self._touch(talk)
            talk.closed = talk.touched
            talk.stop()
            talk.channel.end("channel_closed")

    def send(self, agent: str, id: str, wanted: SendMessage) -> SentMessage:
        """Say something, and have the agent think of a reply."""
        talk = self._open(agent, id)
        said = talk.say(wanted, self._agenda, self.reply_time)
        self._touch(talk)
        return SentMessage(message_id=said.message_id, created_at=said.created_at)

    def page(self, agent: str, id: str, since: int, limit: int, *, deltas: bool) -> MessagePage:
        """List what was said."""
        return self._find(agent, id).channel.page(since, limit, deltas=deltas)

    def channel(self, agent: str, id: str) -> Channel:
        """Find where it is written down what is said."""
        return self._find(agent, id).channel

    def cancel(self, agent: str, id: str, message: str, chosen: str) -> Operation:
        """Break off a turn.

        Args:
            agent: The agent.
            id: The conversation.
            message: The message that began the turn.
            chosen: The id the operation shall have, or nothing.

        Raises:
            RefusedError: There is no such turn, or it is over.
        """
        talk = self._open(agent, id)
        turn = talk.turns.get(message)
        if turn is None:
            raise RefusedError(404, "agent_not_found", "there is no such turn")
        if turn.over:
            raise RefusedError(409, "conflict", "the turn is over")

        def act() -> Any:
            talk.break_off(turn)
            return {"cancelled": message}

        operation = self._begin(talk, "session/cancel", chosen, act)
        turn.stop()
        return operation

    def clear(self, agent: str, id: str, chosen: str) -> tuple[Operation, int]:
        """Let the agent forget what was said.

        Args:
            agent: The agent.
            id: The conversation.
            chosen: The id the operation shall have, or nothing.

        Returns:
            The operation, and which history it is then.
        """
        talk = self._open(agent, id)

        def act() -> Any:
            talk.channel.clear()
            return {"generation": str(talk.generation)}

        operation = self._begin(talk, "session/clear", chosen, act)
        talk.generation += 1
        talk.stop()
        return operation, talk.generation

    def set_model(self, agent: str, id: str, model: str | None, chosen: str) -> Operation:
        """Choose the model of the turns to come.

        Args:
            agent: The agent.
            id: The conversation.
            model: The model; `None` for the agent's own.
            chosen: The id the operation shall have, or nothing.
        """
        talk = self._open(agent, id)

        def act() -> Any:
            talk.model = model or ""
            return {"model": model}

        return self._begin(talk, "session/set_model", chosen, act)

    def _begin(self, talk: Talk, method: str, chosen: str, act: Callable[[], Any]) -> Operation:
        home = self._agents.home(talk.agent).id
        target = ConversationTarget(
            platform_agent_id=platform_id_of(talk.agent), conversation_id=talk.id
        )
        operation = self._runtimes.begin(home, method, target, chosen, act)
        self._touch(talk)
        return operation

    def _find(self, agent: str, id: str) -> Talk:
        self._agenda.catch_up()
        self._agents.home(agent)
        talk = self._talks.get(id)
        if talk is not None and talk.agent == agent and not talk.is_gone(self._now()):
            return talk
        if talk is None and self._channels.holds(agent, id):
            raise RefusedError(400, "invalid_param", "this is a task, no conversation", "convId")
        raise RefusedError(404, "agent_not_found", "there is no such conversation")

    def _open(self, agent: str, id: str) -> Talk:
        talk = self._find(agent, id)
        if talk.closed is not None:
            raise RefusedError(409, "conflict", "the conversation is closed")
        return talk

    def _shown(self, talk: Talk) -> Conversation:
        return talk.seen(self._agents.home(talk.agent).model_primary)

    def _touch(self, talk: Talk) -> None:
        talk.touched = self._now()
        self._change()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)
