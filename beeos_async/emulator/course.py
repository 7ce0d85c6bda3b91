"""How one runtime operation goes: what lies ahead of it, and what is seen of it.

Its log (`operations.py`) says what has happened; all that is seen follows from the log.
Who may begin and cancel one is `runtime.py`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from ..models.events import (
    OperationOutcome,
    RuntimeErrorContext,
    RuntimeOperationError,
    RuntimeOperationEventPayload,
)
from ..models.runtime import (
    AgentTarget,
    ConversationTarget,
    InstanceTarget,
    OperationCancelRequest,
    OperationProgress,
    OperationProjection,
    RuntimeOperation,
)
from .agenda import Errand
from .effects import capability_of, is_read
from .operations import OperationLog

Target = InstanceTarget | AgentTarget | ConversationTarget

OWNER: Final = "usr-pretend-1"
EPOCH: Final = "1"

# What an operation that did not succeed tells: the runtime's word, and what may be done.
FAILURES: Final = {
    "failed": ("RUNTIME_EXECUTION_FAILED", "resubmit"),
    "cancelled": ("OPERATION_CANCELLED", "none"),
    "expired": ("COMMAND_EXPIRED", "resubmit"),
    "outcome_unknown": ("OUTCOME_UNKNOWN", "none"),
    "projection_blocked": ("PROJECTION_BLOCKED", "none"),
}
_EFFECTS: Final = {"succeeded": "committed", "projection_blocked": "committed"}
_STATUSES: Final = {
    "runtime_operation_started": "running",
    "runtime_operation_progress": "running",
    "runtime_effect_committed": "runtime_committed",
    "runtime_projection_pending": "projection_pending",
    "runtime_projection_synced": "runtime_committed",
    "runtime_projection_blocked": "projection_blocked",
}
_PROJECTIONS: Final = {
    "runtime_projection_pending": "pending",
    "runtime_projection_synced": "synced",
    "runtime_projection_blocked": "blocked",
}


class Operation(Struct):
    """One operation, as the world keeps it."""

    id: str
    instance: str
    method: str
    target: Target
    log: OperationLog
    now: Callable[[], datetime]
    created: datetime
    act: Callable[[], Any]
    """What it does once it is committed; what it gives is its result."""

    number: int
    """Which one of its world's."""

    result: Any = None
    ahead: list[Errand] = []
    cancel: OperationCancelRequest | None = None

    @property
    def revision(self) -> str:
        """Of the platform's knowledge of it; none for what changes nothing."""
        return "" if is_read(self.method) else str(self.number)

    @property
    def may_be_cancelled(self) -> bool:
        """Whether it is early enough."""
        return not self.log.over and self.cancel is None and not self._is_committed

    @property
    def _is_committed(self) -> bool:
        return any(one.event.type == "runtime_effect_committed" for one in self.log.events)

    def way(self, outcome: OperationOutcome) -> Iterator[Callable[[], object]]:
        """Give what will happen to it, step by step.

        Args:
            outcome: How it ends.
        """
        if outcome != "expired":
            yield self._start
            yield self._get_on
        if outcome in _EFFECTS:
            yield self._commit
        if outcome in _EFFECTS and self.revision:
            yield lambda: self.log.post("runtime_projection_pending", payload=self._projected())
            if outcome == "succeeded":
                yield lambda: self.log.post("runtime_projection_synced", revision=self.revision)
            else:
                yield lambda: self.log.post(
                    "runtime_projection_blocked", payload=self._projected("PROJECTION_BLOCKED")
                )
        yield lambda: self.respond(outcome)

    def stop(self) -> None:
        """Wish it cancelled: what lay ahead does not come."""
        for errand in self.ahead:
            errand.drop()
        self.cancel = OperationCancelRequest(requested_by=OWNER, requested_at=self.now())
        payload = RuntimeOperationEventPayload(requested_by=OWNER)
        self.log.post("runtime_operation_cancel_requested", payload=payload)

    def respond(self, outcome: OperationOutcome) -> None:
        """End it."""
        fields: dict[str, Any] = {"result": self.result}
        if outcome in FAILURES:
            code, mode = FAILURES[outcome]
            fields["error"] = RuntimeOperationError(
                code=code,
                message=f"the operation ended as {outcome}",
                operation_id=self.id,
                effect_state=_EFFECTS.get(outcome, outcome),
                retry_mode=mode,
                context=RuntimeErrorContext(
                    active_runtime_epoch=EPOCH,
                    retry_after_ms=250 if mode == "resubmit" else None,
                ),
            )
        self.log.post("runtime_rpc_response", outcome=outcome, **fields)

    def _start(self) -> None:
        payload = RuntimeOperationEventPayload(claimed_at=self.now(), execution_mode="start")
        self.log.post("runtime_operation_started", payload=payload)

    def _get_on(self) -> None:
        payload = RuntimeOperationEventPayload(phase="apply", current=1, total=2)
        self.log.post("runtime_operation_progress", payload=payload)

    def _commit(self) -> None:
        self.result = self.act()
        payload = RuntimeOperationEventPayload(
            committed_at=self.now(), projection_revision=self.revision
        )
        self.log.post("runtime_effect_committed", payload=payload)

    def _projected(self, flaw: str = "") -> RuntimeOperationEventPayload:
        return RuntimeOperationEventPayload(revision=self.revision, error_code=flaw)


def seen(operation: Operation) -> RuntimeOperation:
    """Describe an operation by what has happened to it."""
    log = operation.log
    status, effect, projection = "queued", "queued", "not_applicable"
    progress: OperationProgress | None = None
    error: RuntimeOperationError | None = None
    for one in log.events:
        event = one.event
        status = _STATUSES.get(event.type, status)
        projection = _PROJECTIONS.get(event.type, projection)
        if event.type == "runtime_effect_committed":
            effect = "committed"
        elif status == "running":
            effect = "running"
        if event.payload is not None and event.payload.phase:
            progress = OperationProgress(
                sequence=event.sequence,
                phase=event.payload.phase,
                current=event.payload.current,
                total=event.payload.total,
            )
        if event.outcome:
            status, effect = event.outcome, _EFFECTS.get(event.outcome, event.outcome)
            error = event.error
    last = log.events[-1].event if log.events else None
    return RuntimeOperation(
        id=operation.id,
        instance_id=operation.instance,
        target=operation.target,
        method=operation.method,
        capability=capability_of(operation.method),
        transport="service",
        sequence=str(log.last),
        cursor=str(log.last),
        created_at=operation.created,
        updated_at=operation.created if last is None else last.recorded_at,
        status=status,
        effect_state=effect,
        terminal=log.over,
        progress=progress,
        cancel_request=operation.cancel,
        projection=OperationProjection(revision=operation.revision or "0", state=projection),
        result=operation.result if log.over else None,
        error=error,
    )
