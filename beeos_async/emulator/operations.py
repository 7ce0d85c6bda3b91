"""What happens to one runtime operation: a log for those who follow it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, Final

from .._clock import Clock
from ..models.events import RuntimeEvent, RuntimeOperationEvent
from .agenda import Agenda
from .bell import Bell
from .refusals import RefusedError

LAST: Final = "runtime_rpc_response"
"""The type of the last event of an operation."""


class OperationLog:
    """The events of one operation, numbered from 1.

    Attributes:
        events: What happened, in order.
    """

    def __init__(
        self,
        clock: Clock,
        id: str,
        method: str = "",
        first: int = 1,
        agenda: Agenda | None = None,
    ) -> None:
        """Begin with nothing happened.

        Args:
            clock: Time, for the dates of events.
            id: The operation.
            method: What it does.
            first: The number of its first event; it may be beyond any machine's integer.
            agenda: What is to come, of which something may happen to it.
        """
        self.events: list[RuntimeEvent] = []
        self._clock = clock
        self._id = id
        self._method = method
        self._next = first
        self._bell = Bell(agenda)

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self._next - 1

    @property
    def over(self) -> bool:
        """Whether its last event has happened."""
        return bool(self.events) and self.events[-1].event.type == LAST

    def post(self, type: str, **fields: Any) -> RuntimeEvent:
        """Let something happen.

        Args:
            type: What, such as `runtime_operation_progress`.
            **fields: Of `RuntimeOperationEvent`.
        """
        number = str(self._next)
        self._next += 1
        told = RuntimeEvent(
            id=number,
            operation_id=self._id,
            method=self._method,
            event=RuntimeOperationEvent(
                type=type,
                sequence=number,
                recorded_at=datetime.fromtimestamp(self._clock.wall(), UTC),
                **fields,
            ),
        )
        self.events.append(told)
        self._bell.ring()
        return told

    async def follow(self, after: int = 0) -> AsyncGenerator[RuntimeEvent, None]:
        """Tell everything that happened after an event, then what happens, up to the last.

        Args:
            after: The number of the event; 0 for the beginning.
        """
        while True:
            # What happens while it is told is told, too: the list grows under the loop.
            for event in self.events:
                if int(event.id) > after:
                    after = int(event.id)
                    yield event
            if self.over:
                return
            await self._bell.wait()


class Operations:
    """The logs of one pretend cloud, by instance and operation."""

    def __init__(self, clock: Clock, agenda: Agenda | None = None) -> None:
        """Begin without any.

        Args:
            clock: Time, for the dates of events.
            agenda: What is to come.
        """
        self._clock = clock
        self._agenda = agenda
        self._logs: dict[tuple[str, str], OperationLog] = {}

    def open(self, instance: str, id: str, method: str = "", first: int = 1) -> OperationLog:
        """Begin the log of an operation, or find the one that was begun.

        Args:
            instance: The instance it runs on.
            id: The operation.
            method: What it does.
            first: The number of its first event.
        """
        log = OperationLog(self._clock, id, method, first, self._agenda)
        return self._logs.setdefault((instance, id), log)

    def find(self, instance: str, id: str) -> OperationLog:
        """Find a log.

        Raises:
            RefusedError: There is none.
        """
        log = self._logs.get((instance, id))
        if log is None:
            raise RefusedError(404, "not_found", "there is no such operation")
        return log

    def follow(self, instance: str, id: str, cursor: str) -> AsyncGenerator[RuntimeEvent, None]:
        """Follow an operation from a cursor on.

        Args:
            instance: The instance it runs on.
            id: The operation.
            cursor: The id of the last event that was heard, or nothing.

        Raises:
            RefusedError: There is no such operation, the cursor is no number, or the
                operation has not come so far.
        """
        log = self.find(instance, id)
        if cursor and not (cursor.isascii() and cursor.isdecimal()):
            raise RefusedError(400, "invalid_param", "a cursor is a number", "Last-Event-ID")
        after = int(cursor or 0)
        if after > log.last:
            # The runtime's own refusals are bare.
            code = "OPERATION_CURSOR_AHEAD"
            told = {
                "code": code,
                "operationId": id,
                "cursor": cursor,
                "lastSequence": str(log.last),
                "httpStatus": 409,
            }
            raise RefusedError(409, code, "the cursor is ahead", whole=told)
        return log.follow(after)
