"""Agents: who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .._io.stream import TextStream
from .._io.subscription import IDLE, Listening, OnBadEvent, Opening
from .._protocol import table
from .._protocol.words import InvokeWords
from ..models.agents import InvokeAgent
from ..models.events import InvokeDone, InvokeEvent
from ..models.messages import Attachment

if TYPE_CHECKING:
    from .._io.caller import Caller


class InvokeStream(TextStream[InvokeEvent]):
    """What an agent answers, as it comes.

    ```python
    async with bee.agents.invoke_stream(agent_id, "Reconcile August.") as reply:
        async for words in reply.text():
            print(words, end="")
    if reply.done and reply.done.is_error:
        print(reply.done.error)
    ```
    """

    @property
    def done(self) -> InvokeDone | None:
        """The event that ended it, with the whole answer; `None` while it has not ended."""
        return self._final if isinstance(self._final, InvokeDone) else None


class Agents:
    """`bee.agents`: who answers."""

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller

    def invoke_stream(
        self,
        id: str,
        message: str,
        *,
        context_id: str | None = None,
        timeout_ms: int | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> InvokeStream:
        """Ask an agent, and hear the answer while it is made.

        An invocation is not made twice: one that breaks off before its end raises
        `StreamEndedError`, and only what certainly never arrived is sent again.  The agent
        is not stopped by that; what it answered is in the task it became.

        Args:
            id: The agent.
            message: What it is asked.
            context_id: The task it belongs to.
            timeout_ms: Milliseconds the gateway waits for the agent, up to 115,000.
            idempotency_key: The message's id, else one is minted.
            metadata: What travels along.
            attachments: Files, uploaded before; 16 at most.
            idle: Seconds of silence after which it is given up.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`.
        """
        body = InvokeAgent(
            message=message,
            context_id=context_id,
            timeout_ms=timeout_ms,
            metadata=None if metadata is None else dict(metadata),
            attachments=None if attachments is None else list(attachments),
        )
        return InvokeStream(
            self._caller,
            table.STREAM_INVOCATION,
            id,
            words=InvokeWords(),
            opening=Opening(body=body, key=idempotency_key),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )
