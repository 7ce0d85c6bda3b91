"""Events: what the four streams carry, beside the messages of `messages.py`.

Example:
    ```python
    async with bee.agents.invoke_stream(agent_id, "How high is the hedge?") as reply:
        async for event in reply:
            match event:
                case InvokeDelta(text=words):
                    print(words, end="")
                case InvokeDone(is_error=is_error, code=code):
                    print(" failed:" if is_error else " done", code)
                case UnknownEvent(name=name):
                    print("something new:", name)
    ```
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import Struct

from ._base import Camel, Moment, Snake
from .messages import Message

EndReason = Literal["task_terminal", "channel_closed", "stream_closed"] | str
"""Why a channel's stream ends: the task is over, the channel is closed, or the stream alone
was dropped.  Open."""


class UnknownEvent(Struct, frozen=True, kw_only=True):
    """An event of a kind that this version does not know."""

    name: str
    """Its kind, in the server's word; empty where it has none."""

    data: Any = None
    """Its JSON, or its text where that is no JSON."""


class BackfillTruncated(Snake, frozen=True, kw_only=True):
    """Some of what was asked for is no longer kept; the stream goes on.

    Chunks of a reply are kept for a day, messages for longer: what is missing can be had
    from the list of messages.
    """

    since: int = 0
    """The offset that was asked for."""

    oldest_redis_offset: int = 0
    """The first offset that is still there; to have it, too, go on from the one before it."""

    hint: str = ""


class ReplayComplete(Snake, frozen=True, kw_only=True):
    """All that was there before is told; from here on it is live."""

    latest_offset: int = 0
    """Where the last of it stood; 0 where the server does not say."""


class StreamEnd(Snake, frozen=True, kw_only=True):
    """The last event of a channel's stream."""

    reason: EndReason = ""


ChannelEvent = Message | BackfillTruncated | ReplayComplete | StreamEnd | UnknownEvent
"""What the stream of a task or a conversation carries.  Open: what is new is an
`UnknownEvent`."""


# A tag of msgspec is no attribute, hence `type`.
class _InvokeEvent(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="unknown"
):
    """One event of an invocation."""


class InvokeDelta(_InvokeEvent, frozen=True, kw_only=True, tag="delta"):
    """The next piece of the answer."""

    type: ClassVar[Literal["delta"]] = "delta"
    text: str = ""


class InvokeReasoning(_InvokeEvent, frozen=True, kw_only=True, tag="reasoning"):
    """The next piece of what the agent thinks; never a part of the answer."""

    type: ClassVar[Literal["reasoning"]] = "reasoning"
    text: str = ""


class InvokeFailure(_InvokeEvent, frozen=True, kw_only=True, tag="error"):
    """What went wrong; `InvokeDone` follows."""

    type: ClassVar[Literal["error"]] = "error"
    code: str = ""
    status_code: int | None = None
    """As an HTTP status, where it has one."""

    message: str = ""


class InvokeDone(_InvokeEvent, frozen=True, kw_only=True, tag="done"):
    """The last event of an invocation."""

    type: ClassVar[Literal["done"]] = "done"
    text: str = ""
    """The whole answer; after a failure it may be empty, or say what failed."""

    context_id: str = ""
    """The task channel it became."""

    is_error: bool = False
    """Whether the agent failed or refused, or did not answer."""

    error: str = ""
    code: str = ""


InvokeEvent = InvokeDelta | InvokeReasoning | InvokeFailure | InvokeDone | UnknownEvent
"""What the stream of an invocation carries.  Open: what is new is an `UnknownEvent`."""

RuntimeEventType = (
    Literal[
        "runtime_operation_started",
        "runtime_operation_progress",
        "runtime_effect_committed",
        "runtime_projection_pending",
        "runtime_projection_synced",
        "runtime_projection_blocked",
        "runtime_operation_cancel_requested",
        "runtime_rpc_response",
    ]
    | str
)
"""What happened to an operation; `runtime_rpc_response` is the last.  Open."""

OperationOutcome = (
    Literal["succeeded", "failed", "cancelled", "expired", "outcome_unknown", "projection_blocked"]
    | str
)
"""How an operation ended.  `projection_blocked` may follow an effect that took.  Open."""


class RuntimeErrorContext(Camel, frozen=True, kw_only=True):
    """What a caller needs to go on after a failed operation."""

    active_runtime_epoch: str = ""
    projection_revision: str = ""
    retry_after_ms: int | None = None
    """Milliseconds; `RuntimeOperationError.retry_after` has it in seconds."""

    expected_contract_revision: str = ""
    resource_id: str = ""


class RuntimeOperationError(Camel, frozen=True, kw_only=True):
    """Why an operation failed; data, nothing to raise."""

    code: str = ""
    """The runtime's name for it, such as `INSTANCE_OFFLINE`."""

    message: str = ""
    operation_id: str = ""
    request_id: str = ""
    effect_state: (
        Literal["failed", "cancelled", "expired", "outcome_unknown", "committed"] | str
    ) = ""
    """What became of the effect.  Open."""

    retry_mode: Literal["none", "resume", "resubmit"] | str = ""
    """What may be done about it.  Open."""

    context: RuntimeErrorContext | None = None

    @property
    def retry_after(self) -> float | None:
        """Seconds the runtime asks to wait, where it does."""
        told = None if self.context is None else self.context.retry_after_ms
        return None if told is None or told < 0 else told / 1000


class RuntimeOperationEventPayload(Camel, frozen=True, kw_only=True):
    """The particulars of one event; which are there depends on its type."""

    claimed_at: Moment | None = None
    execution_mode: str = ""
    phase: str = ""
    current: float | None = None
    """How much of `total` is done, in whatever the phase counts."""

    total: float | None = None
    committed_at: Moment | None = None
    projection_revision: str = ""
    revision: str = ""
    platform_agent_id: str = ""
    error_code: str = ""
    cause_code: str = ""
    requested_by: str = ""
    reason: str = ""


class RuntimeOperationEvent(Camel, frozen=True, kw_only=True):
    """What happened."""

    type: RuntimeEventType = ""
    sequence: str = ""
    """A decimal number of any length; compare as a number."""

    recorded_at: Moment | None = None
    payload: RuntimeOperationEventPayload | None = None
    outcome: OperationOutcome = ""
    """How it ended; only in a `runtime_rpc_response`."""

    result: Any = None
    revision: str = ""
    error: RuntimeOperationError | None = None


class RuntimeEvent(Camel, frozen=True, kw_only=True):
    """One event of a runtime operation, with the operation it belongs to."""

    id: str = ""
    """Its place in the stream: a decimal number of any length."""

    operation_id: str = ""
    method: str = ""
    event: RuntimeOperationEvent = RuntimeOperationEvent()
