"""A stream of events as an async iterator: nothing lost, nothing twice, whatever breaks.

Frames come from `subscription.py`; what they mean, which are repeats and which is the last
is decided in `_protocol`, by the stream's row.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, Generic, Literal, Self, TypeVar

from msgspec import structs

from .._protocol.body import UNREADABLE
from .._protocol.endpoint import StreamEndpoint
from .._protocol.refusal import unreadable, words_of
from .._protocol.resume import is_repeat
from .._protocol.sse import Frame
from .._protocol.text import shown
from .._protocol.words import Words
from ..errors import BeeOSError, ConfigurationError
from .caller import Caller
from .listening import Listening, Opening
from .subscription import Subscription

if TYPE_CHECKING:
    from types import TracebackType

E = TypeVar("E")

log: Final = logging.getLogger("beeos_async")


class EventStream(Generic[E]):
    """A stream of events, opened by `async with` and told by `async for`.

    A connection that breaks off, or falls silent, is opened again after the last event that
    was taken: nothing is lost, and nothing comes twice.  Where the server lets go of it, or it
    breaks off again and tells nothing new, a look at what it tells of decides whether it is
    over.  An invocation cannot be gone on with: when it breaks off, `StreamEndedError` says so.
    Bytes are read as events are taken, so a slow reader holds the server back.  Leaving the
    block closes the connection.

    What is raised while it is opened or told carries `last_offset`, where to go on:
    `StreamEndedError` if it broke off and could not be resumed, for five minutes or at all,
    or if an event is larger than 8 MiB; an `APIError` if the server refuses to go on; a
    `DecodeError` if an event cannot be read, and then the next step gives the one after it.

    Example:
        ```python
        accepted = await bee.runtime.invoke(desk, "skills/list")
        async with bee.runtime.operation_events(desk, accepted.operation_id) as events:
            async for event in events:
                print(event.event.type)
        print(events.end_reason, events.last_offset)  # succeeded …
        ```
    """

    def __init__(
        self,
        caller: Caller,
        row: StreamEndpoint[E],
        *ids: str,
        opening: Opening,
        listening: Listening,
    ) -> None:
        """Check and build the request; nothing is sent yet.

        Args:
            caller: What makes calls.
            row: The endpoint.
            *ids: What its path names.
            opening: What it is opened with.
            listening: How it is listened to.

        Raises:
            ConfigurationError: It cannot be asked for.
        """
        self._row = row
        self._skips = listening.on_bad_event == "skip"
        self._line = Subscription(caller, row, ids, opening, listening)
        self._frames: deque[Frame] = deque()
        self._state: Literal["new", "open", "over"] = "new"
        self._reason: str | None = None
        self._final: E | None = None
        """The event that ended it."""

    @property
    def last_offset(self) -> int | str | None:
        """Where the last event stood that was taken: what to go on after, another time."""
        return self._line.last

    @property
    def end_reason(self) -> str | None:
        """Why it ended, in the contract's word; `None` while it has not."""
        return self._reason

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            BeeOSError: It cannot be opened.
        """
        if self._state != "new":
            msg = "a stream is told once: ask for another one"
            raise ConfigurationError(msg)
        self._state = "open"
        await self._line.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._leave()

    def __aiter__(self) -> Self:
        """Tell its events."""
        if self._state == "new":
            msg = "a stream is opened first: `async with … as events`"
            raise ConfigurationError(msg)
        return self

    async def __anext__(self) -> E:
        """Give the next event."""
        while True:
            while self._frames:
                event = self._take(self._frames.popleft())
                if event is not None:
                    return event
            if self._line.over is not None:
                self._reason = self._line.over
                self._leave()
            if self._state != "open":
                raise StopAsyncIteration
            # Somewhere else it is not to be read, and not to be closed either.
            self._line.stay_home()
            try:
                self._frames.extend(await self._line.more())
            except BeeOSError:
                self._leave()
                raise

    def _take(self, frame: Frame) -> E | None:
        """Take a frame; `None` where it is nothing to be told."""
        event = self._read(frame)
        if event is None:
            return None
        rule, line = self._row.resume, self._line
        place, ending = rule.place(event), rule.ending(event)
        if is_repeat(place, line.last):
            return None
        if ending is not None and not ending.final:
            # The stream alone was dropped: what it would have told, the next one tells.
            self._frames.clear()
            why = f"the server dropped it ({shown(ending.reason, 64)})"
            line.break_off(why, meant=True, dropped=True)
            return None
        if place is not None:
            # Only here: what was not taken comes again.
            line.last = place
        if ending is not None:
            self._reason, self._final = ending.reason, event
            self._leave()
        return event

    def _read(self, frame: Frame) -> E | None:
        """Read a frame; `None` where it cannot be read and shall be passed over."""
        try:
            return self._row.event(frame)
        except UNREADABLE as error:
            if self._skips:
                log.info("%s: an event was passed over", self._row.opening.operation)
                return None
            flaw = words_of(error)
        # Raised down here, where no foreign exception is being handled: none is chained.
        answer = structs.replace(self._line.head, body=frame.data)
        raise self._line.marked(unreadable(answer, flaw))

    def _leave(self) -> None:
        self._state = "over"
        self._frames.clear()
        self._line.close()


class TextStream(EventStream[E]):
    """A stream of events that can be told in words.

    Example:
        ```python
        async with bee.agents.invoke_stream(agent_id, "How high is the hedge?") as reply:
            answer = "".join([words async for words in reply.text()])
        print(answer)  # You said: How high is the hedge?
        ```
    """

    def __init__(
        self,
        caller: Caller,
        row: StreamEndpoint[E],
        *ids: str,
        words: Words[E],
        opening: Opening,
        listening: Listening,
    ) -> None:
        """Check and build the request; nothing is sent yet.

        Args:
            caller: What makes calls.
            row: The endpoint.
            *ids: What its path names.
            words: What finds the words of an event.
            opening: What it is opened with.
            listening: How it is listened to.
        """
        super().__init__(caller, row, *ids, opening=opening, listening=listening)
        self._words = words

    async def text(self) -> AsyncIterator[str]:
        """Tell the words of the answer alone, piece by piece, as they come.

        Example:
            ```python
            async with bee.agents.invoke_stream(agent_id, "How high is the hedge?") as reply:
                async for words in reply.text():
                    print(words, end="", flush=True)
            ```
        """
        async for event in self:
            if words := self._words.take(event):
                yield words


class ChannelStream(TextStream[E]):
    """A stream whose events stand at numbered places.

    Example:
        ```python
        made = await bee.tasks.create(agent_id, "Trim the hedge.")
        async with bee.tasks.events(agent_id, made.task_id) as events:
            async for event in events:
                break  # leaving the block closes the connection, and stops nothing else
        async with bee.tasks.events(agent_id, made.task_id, since=events.last_offset) as events:
            async for event in events:
                print(event)
        print(events.end_reason)  # task_terminal
        ```
    """

    @property
    def last_offset(self) -> int:
        """Where the last event stood that was taken: the `since` of another time."""
        return int(self._line.last or 0)
