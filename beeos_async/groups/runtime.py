"""The runtime of an instance: its methods, its durable operations, its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._checks import count, decimal, length
from .._io.listening import IDLE, Listening, OnBadEvent, Opening
from .._io.pager import Pager
from .._io.stream import EventStream
from .._protocol import table
from .._protocol.paging import Style, by_cursor
from ..models._base import Accepted, Page
from ..models.events import RuntimeEvent
from ..models.runtime import (
    CreateCanvasSession,
    CreateTerminalSession,
    InvokeRuntimeMethod,
    OperationCancelAccepted,
    OperationPage,
    RuntimeMethod,
    RuntimeOperation,
)

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Runtime"]

OPERATIONS_LIMIT: Final = 200


def _operations(answer: OperationPage) -> Page[RuntimeOperation]:
    return Page(data=answer.operations, next_cursor=answer.next_cursor or None)


_STYLE: Final = Style(by_cursor("cursor"), page=_operations, name=lambda row: row.id)


class Runtime:
    """`bee.runtime`: what an instance's runtime can be asked to do.

    A method is not answered, it is accepted: it becomes a durable operation, of which
    `operation` and `operation_events` tell what becomes.  Whether an operation is over,
    its `terminal` says.

    Example:
        ```python
        accepted = await bee.runtime.invoke(desk, "skills/install", {"name": "ocr"})
        async with bee.runtime.operation_events(desk, accepted.operation_id) as events:
            async for event in events:
                print(event.event.type)
        print(events.end_reason)  # succeeded
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller
        self._call = caller.call

    async def capabilities(self, id: str, *, deadline: float | None = None) -> dict[str, Any]:
        """Ask what the runtime can do; the contract leaves open how it says so.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Example:
            ```python
            print(await bee.runtime.capabilities(desk))
            ```
        """
        return await self._call(table.GET_RUNTIME_CAPABILITIES, id, deadline=deadline)

    async def invoke(
        self,
        id: str,
        method: RuntimeMethod,
        params: dict[str, Any] | None = None,
        *,
        rpc_id: Any = 1,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline: float | None = None,
    ) -> Accepted:
        """Ask the runtime to do something.

        Args:
            id: The instance.
            method: What, such as `skills/install`.
            params: The method's own parameters.
            rpc_id: The `id` of the JSON-RPC request: any JSON, and of no meaning to anybody
                but you.
            idempotency_key: 1 to 128 characters, else one is made up.
            operation_id: The UUID the operation shall have, else the server makes one up.
            deadline: Seconds for the whole call.

        Returns:
            The operation that was accepted.

        Raises:
            RuntimeMethodError: The runtime refused; its `message` is the runtime's word for
                why, its `retry_after` the seconds it asks to wait.

        Example:
            ```python
            try:
                accepted = await bee.runtime.invoke(desk, "skills/install", {"name": "ocr"})
            except RuntimeMethodError as error:
                print(error.message, "come back in", error.retry_after, "s")
            else:
                operation = await bee.runtime.operation(desk, accepted.operation_id)
                print(operation.status)  # succeeded
            ```
        """
        body = InvokeRuntimeMethod(jsonrpc="2.0", id=rpc_id, method=method, params=params or {})
        return await self._call(
            table.INVOKE_RUNTIME_METHOD,
            id,
            deadline=deadline,
            body=body,
            key=idempotency_key,
            operation=operation_id,
        )

    def operations(
        self,
        id: str,
        *,
        cursor: str | None = None,
        limit: int = OPERATIONS_LIMIT,
        deadline: float | None = None,
    ) -> Pager[RuntimeOperation]:
        """List the operations that are not over; the server lists no others.

        Args:
            id: The instance.
            cursor: The one of an earlier page, at most 128 characters, to go on from there.
            limit: Rows a request, 1 to 200.
            deadline: Seconds for each page.

        Returns:
            An async iterator over operations, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for operation in bee.runtime.operations(desk):
                print(operation.id, operation.method, operation.status)  # … skills/list …
            ```
        """
        count("limit", limit, least=1, most=OPERATIONS_LIMIT)
        if cursor is not None:
            length("cursor", cursor, most=128)
        return Pager(
            self._caller,
            table.LIST_RUNTIME_OPERATIONS,
            id,
            style=_STYLE,
            params={"status": "active", "cursor": cursor, "limit": limit},
            deadline=deadline,
        )

    async def operation(
        self, id: str, operation: str, *, deadline: float | None = None
    ) -> RuntimeOperation:
        """Look at one operation, over or not.

        Args:
            id: The instance.
            operation: The operation's id.
            deadline: Seconds for the whole call.

        Example:
            ```python
            operation = await bee.runtime.operation(desk, operation_id)
            if operation.terminal:
                print(operation.result or operation.error)
            ```
        """
        return await self._call(table.GET_RUNTIME_OPERATION, id, operation, deadline=deadline)

    def operation_events(
        self,
        id: str,
        operation: str,
        *,
        last_event_id: str | int | None = None,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> EventStream[RuntimeEvent]:
        """Follow an operation: what happened, and what happens, up to its outcome.

        It ends after `runtime_rpc_response`, and `end_reason` is the outcome.

        Args:
            id: The instance it runs on.
            operation: The operation's id.
            last_event_id: The id of the event after which to begin, such as `last_offset`
                of another stream; a decimal number, which may exceed 64 bits.
            idle: Seconds of silence after which it is opened again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`.

        Example:
            ```python
            accepted = await bee.runtime.invoke(desk, "skills/install", {"name": "ocr"})
            async with bee.runtime.operation_events(desk, accepted.operation_id) as events:
                async for event in events:
                    print(event.id, event.event.type, event.event.outcome)
            print(events.end_reason)  # succeeded
            ```
        """
        last = None if last_event_id is None else decimal("last_event_id", last_event_id)
        return EventStream(
            self._caller,
            table.STREAM_OPERATION,
            id,
            operation,
            opening=Opening(last=last),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )

    async def cancel_operation(
        self,
        id: str,
        operation: str,
        *,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline: float | None = None,
    ) -> OperationCancelAccepted:
        """Wish an operation cancelled; whether it comes true, the operation will tell.

        Args:
            id: The instance.
            operation: The operation's id; of one that can no longer be cancelled it is a
                `ConflictError` with the code `OPERATION_NOT_CANCELLABLE`.
            idempotency_key: 1 to 128 characters, else one is made up.
            operation_id: The UUID the cancellation shall have as an operation of its own,
                else the server makes one up.
            deadline: Seconds for the whole call.

        Example:
            ```python
            try:
                await bee.runtime.cancel_operation(desk, operation_id)
            except ConflictError as error:
                # OPERATION_NOT_CANCELLABLE: it was done first.
                print(error.code)
            ```
        """
        return await self._call(
            table.CANCEL_RUNTIME_OPERATION,
            id,
            operation,
            deadline=deadline,
            key=idempotency_key,
            operation=operation_id,
        )

    async def terminal_session(
        self,
        id: str,
        *,
        platform_agent_id: str,
        conversation_id: str | None = None,
        resume_terminal_id: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Get a ticket for a terminal: good for one use, and opaque.

        Never asked for twice once the request may have arrived.

        Args:
            id: The instance.
            platform_agent_id: The agent, by its UUID.
            conversation_id: The conversation it belongs to, by its UUID.
            resume_terminal_id: The terminal to go on with, by its UUID.
            deadline: Seconds for the whole call.

        Example:
            ```python
            ticket = await bee.runtime.terminal_session(
                desk, platform_agent_id="7c9e6679-7425-40de-944b-e07fc1f90ae7"
            )
            ```
        """
        body = CreateTerminalSession(
            platform_agent_id=platform_agent_id,
            conversation_id=conversation_id,
            resume_terminal_id=resume_terminal_id,
        )
        return await self._call(table.CREATE_TERMINAL_SESSION, id, deadline=deadline, body=body)

    async def canvas_session(
        self,
        id: str,
        *,
        platform_agent_id: str,
        conversation_id: str,
        canvas_id: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Get a ticket for a canvas: good for one use, and opaque.

        Never asked for twice once the request may have arrived.

        Args:
            id: The instance.
            platform_agent_id: The agent, by its UUID.
            conversation_id: The conversation it belongs to, by its UUID.
            canvas_id: Which canvas: 1 to 128 letters, digits, dots, dashes, colons and
                underscores.
            deadline: Seconds for the whole call.

        Example:
            ```python
            ticket = await bee.runtime.canvas_session(
                desk,
                platform_agent_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
                conversation_id="16fd2706-8baf-433b-82eb-8c7fada847da",
                canvas_id="board:1",
            )
            ```
        """
        body = CreateCanvasSession(
            platform_agent_id=platform_agent_id,
            conversation_id=conversation_id,
            canvas_id=canvas_id,
        )
        return await self._call(table.CREATE_CANVAS_SESSION, id, deadline=deadline, body=body)
