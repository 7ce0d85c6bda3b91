"""Tasks: work that an agent is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checks import LAST_OFFSET, count
from .._io.stream import ChannelStream
from .._io.subscription import IDLE, Listening, OnBadEvent, Opening
from .._protocol import table
from .._protocol.words import ChannelWords
from ..models.events import ChannelEvent

if TYPE_CHECKING:
    from .._io.caller import Caller


class Tasks:
    """`bee.tasks`: work that an agent is given."""

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller

    def events(
        self,
        agent_id: str,
        task_id: str,
        *,
        since: int = 0,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> ChannelStream[ChannelEvent]:
        """Follow a task: what was said, what is said, and why it ends.

        It ends with the task (`end_reason` is `task_terminal`) or with its channel
        (`channel_closed`).  A task that failed says so in its messages.

        Args:
            agent_id: The agent.
            task_id: The task.
            since: The offset after which to begin, such as `last_offset` of another stream;
                0 for the beginning.
            idle: Seconds of silence after which it is opened again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`; a message that grows
            comes again and again, whole each time, and `text()` tells what was added.
        """
        count("since", since, least=0, most=LAST_OFFSET)
        return ChannelStream(
            self._caller,
            table.STREAM_TASK,
            agent_id,
            task_id,
            words=ChannelWords(),
            opening=Opening(last=since),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )
