"""The runtime of an instance: methods, and the operations they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checks import decimal
from .._io.stream import EventStream
from .._io.subscription import IDLE, Listening, OnBadEvent, Opening
from .._protocol import table
from ..models.events import RuntimeEvent

if TYPE_CHECKING:
    from .._io.caller import Caller


class Runtime:
    """`bee.runtime`: methods of an instance's runtime, and the operations they become."""

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller

    def operation_events(
        self,
        instance_id: str,
        operation_id: str,
        *,
        last_event_id: str | int | None = None,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> EventStream[RuntimeEvent]:
        """Follow an operation: what happened, and what happens, up to its outcome.

        It ends after `runtime_rpc_response`, and `end_reason` is the outcome.

        Args:
            instance_id: The instance it runs on.
            operation_id: The operation.
            last_event_id: The id of the event after which to begin, such as `last_offset`
                of another stream; a decimal number, which may exceed 64 bits.
            idle: Seconds of silence after which it is opened again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`.
        """
        last = None if last_event_id is None else decimal("last_event_id", last_event_id)
        return EventStream(
            self._caller,
            table.STREAM_OPERATION,
            instance_id,
            operation_id,
            opening=Opening(last=last),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )
