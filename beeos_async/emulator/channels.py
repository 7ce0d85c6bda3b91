"""What is said in one task or conversation: a log for those who list and those who follow."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from .._clock import Clock
from ..models.events import BackfillTruncated, ChannelEvent, ReplayComplete, StreamEnd
from ..models.messages import Message, MessagePage
from .agenda import Agenda
from .bell import Bell
from .refusals import RefusedError

CHUNKS: Final = frozenset({"agent_reply_delta", "agent_thought_chunk", "agent_message_chunk"})
"""Types that a list hides, unless it is asked for them."""

# Nobody shall take an offset for a count: every third one is left out.
_HOLE: Final = 3


class Channel:
    """A log of messages whose offsets rise, with holes.

    Attributes:
        latest: The last offset; 0 while nothing was said.
        ended: Why it is over, once it is.
    """

    def __init__(self, clock: Clock, id: str = "", agenda: Agenda | None = None) -> None:
        """Begin with nothing said.

        Args:
            clock: Time, for the dates of messages.
            id: What its messages are named after.
            agenda: What is to come, of which something may be said here.
        """
        self.latest: int = 0
        self.ended: str | None = None
        self._clock = clock
        self._id = id
        self._frames: list[Message] = []
        self._born: dict[str, datetime] = {}
        """When each message was first said."""

        self._lost = 0
        """The last offset that is no longer kept."""

        self._drops = 0
        self._bell = Bell(agenda)

    @property
    def said(self) -> int:
        """How many messages there have been; one that grows is one."""
        return len(self._born)

    def post(self, message: Message) -> Message:
        """Say something; a message that was said before has grown.

        Args:
            message: What; its place, its dates and, where it has none, its id are given here.

        Returns:
            The message as it stands in the log.
        """
        self.latest += 1 + (self.latest % _HOLE == 1)
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        id = message.message_id or f"msg-{self._id or 'channel'}-{self.latest}"
        born = self._born.setdefault(id, now)
        told = structs.replace(
            message,
            message_id=id,
            offset=self.latest,
            created_at=born,
            updated_at=None if born is now else now,
        )
        self._frames.append(told)
        self._bell.ring()
        return told

    def end(self, reason: str = "task_terminal") -> None:
        """Close it: whoever follows is told all there is, and why it ends."""
        self.ended = self.ended or reason
        self._bell.ring()

    def drop(self) -> None:
        """Send away who follows (`stream_closed`), although nothing is over."""
        self._drops += 1
        self._bell.ring()

    def forget(self, offset: int) -> None:
        """Keep the pieces and the states in between no longer, up to an offset.

        Args:
            offset: The last one that is concerned.
        """
        durable = {one.offset for one in self._durable()}
        self._frames = [
            one for one in self._frames if one.offset > offset or one.offset in durable
        ]
        self._lost = max(self._lost, min(offset, self.latest))

    def clear(self) -> None:
        """Keep nothing that was said; offsets go on."""
        self._frames = []
        self._lost = self.latest

    def page(self, since: int = 0, limit: int = 100, *, deltas: bool = False) -> MessagePage:
        """List messages, each in its last state.

        Args:
            since: The offset after which to begin.
            limit: How many are looked at; those that are hidden count, too, so that a page
                may be empty and not the last.
            deltas: Whether chunks are shown.
        """
        found = [one for one in self._durable() if one.offset > since]
        seen = found[:limit]
        return MessagePage(
            messages=[one for one in seen if deltas or one.type not in CHUNKS],
            latest_offset=self.latest,
            next_since=str(seen[-1].offset) if len(found) > limit else None,
            has_more=len(found) > limit,
        )

    async def follow(self, since: int = 0) -> AsyncGenerator[ChannelEvent, None]:
        """Tell everything that was said after an offset, then what is said, until it ends.

        Args:
            since: The offset; 0 for the beginning.
        """
        drops = self._drops
        if since < self._lost:
            yield BackfillTruncated(
                since=since, oldest_redis_offset=self._lost + 1, hint="older chunks are gone"
            )
        replayed = False
        while True:
            for message in self._after(since):
                since = message.offset
                yield message
            if not replayed:
                replayed = True
                yield ReplayComplete(latest_offset=self.latest)
            if since < self.latest:
                # Something was said while it was told.
                continue
            if self.ended is not None:
                yield StreamEnd(reason=self.ended)
                return
            if drops != self._drops:
                yield StreamEnd(reason="stream_closed")
                return
            await self._bell.wait()

    def _after(self, offset: int) -> list[Message]:
        return self._frames[bisect_right(self._frames, offset, key=lambda one: one.offset) :]

    def _durable(self) -> list[Message]:
        """Give the last state of each message, in the order of these."""
        last = {one.message_id: one for one in self._frames}
        return sorted(last.values(), key=lambda one: one.offset)


class Channels:
    """The channels of one pretend cloud, by the agent they belong to and their own id."""

    def __init__(self, clock: Clock, agenda: Agenda | None = None) -> None:
        """Begin without any.

        Args:
            clock: Time, for the dates of messages.
            agenda: What is to come.
        """
        self._clock = clock
        self._agenda = agenda
        self._channels: dict[tuple[str, str], Channel] = {}

    def open(self, agent: str, id: str) -> Channel:
        """Begin a channel, or find the one that was begun.

        Args:
            agent: The agent it belongs to.
            id: Its id, that of its task or conversation.
        """
        return self._channels.setdefault((agent, id), Channel(self._clock, id, self._agenda))

    def holds(self, agent: str, id: str) -> bool:
        """Tell whether there is a channel, of a task or of a conversation."""
        return (agent, id) in self._channels

    def find(self, agent: str, id: str) -> Channel:
        """Find a channel.

        Raises:
            RefusedError: There is none.
        """
        channel = self._channels.get((agent, id))
        if channel is None:
            raise RefusedError(404, "agent_not_found", "there is no such task or conversation")
        return channel
