"""The runtime of an instance: what it is asked to do, and what became of it.

Example:
    ```python
    operation = await bee.runtime.operation(desk, operation_id)
    print(operation.method, operation.target.scope)  # skills/list instance
    ```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, cast

from msgspec import Meta, Struct, structs

from .._checks import must, uuid
from ._base import Camel, Moment, fitting, whole
from .events import RuntimeOperationError

RuntimeMethod = (
    Literal[
        "session/set_mode",
        "agent/create",
        "agent/update",
        "agent/delete",
        "agent/applyTemplate",
        "skills/list",
        "skills/install",
        "skills/uninstall",
        "skills/update",
        "models/list",
        "cron/list",
        "cron/status",
        "cron/add",
        "cron/update",
        "cron/remove",
        "cron/run",
        "cron/runs",
        "mcp/list",
        "mcp/prepare",
        "mcp/set",
        "mcp/unset",
        "session/clear",
        "session/set_model",
        "session/cancel",
    ]
    | str
)
"""What a runtime can be asked to do.  Open: a runtime may know more."""

Capability = (
    Literal["agents.lifecycle", "skills", "models", "cron", "mcp", "conversation.control"] | str
)
"""What a runtime must be able to do for a method.  Open."""

OperationStatus = (
    Literal[
        "queued",
        "running",
        "runtime_committed",
        "projection_pending",
        "projection_blocked",
        "succeeded",
        "failed",
        "cancelled",
        "expired",
        "outcome_unknown",
    ]
    | str
)
"""Where an operation is.  Open; whether it is over, `RuntimeOperation.terminal` says."""

EffectState = (
    Literal["queued", "running", "committed", "failed", "cancelled", "expired", "outcome_unknown"]
    | str
)
"""What became of an operation's effect on the runtime.  Open."""

ProjectionState = Literal["not_applicable", "pending", "synced", "blocked"] | str
"""Whether the platform knows of the effect.  Open."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}").fullmatch


class _Target(Camel, frozen=True, kw_only=True, tag_field="scope", tag="unknown"):
    """What an operation is about."""


# A tag of msgspec is no attribute, hence `scope`.
class InstanceTarget(_Target, frozen=True, kw_only=True, tag="instance"):
    """An operation on the instance itself."""

    scope: ClassVar[Literal["instance"]] = "instance"


class AgentTarget(_Target, frozen=True, kw_only=True, tag="agent"):
    """An operation on one agent of the instance."""

    scope: ClassVar[Literal["agent"]] = "agent"
    platform_agent_id: str = ""


class ConversationTarget(_Target, frozen=True, kw_only=True, tag="conversation"):
    """An operation on one conversation of an agent."""

    scope: ClassVar[Literal["conversation"]] = "conversation"
    platform_agent_id: str = ""
    conversation_id: str = ""


class UnknownTarget(Struct, frozen=True):
    """An operation on something that this version does not know.

    Encoded again it is no target of the wire's: what came stands under `json`.
    """

    json: Any = None
    """The target as it came: an object, unless the server is odd or silent."""

    @property
    def scope(self) -> str:
        """What it is, in the server's word; empty where there is none."""
        return _scope(self.json)


OperationTarget = InstanceTarget | AgentTarget | ConversationTarget | UnknownTarget
"""What an operation is about, told apart by `scope`.  Open: what is new is an
`UnknownTarget`."""

if TYPE_CHECKING:
    Target = OperationTarget
else:
    # A union of tagged classes refuses a new tag: the target is made in a second step.
    Target = Any


class OperationProgress(Camel, frozen=True, kw_only=True):
    """How far an operation is."""

    sequence: str = ""
    """The event that told it, a decimal number of any length."""

    phase: str = ""
    current: float | None = None
    """How much of `total` is done, in whatever the phase counts."""

    total: float | None = None


class OperationCancelRequest(Camel, frozen=True, kw_only=True):
    """Who wished an operation cancelled."""

    requested_by: str = ""
    reason: str = ""
    requested_at: Moment | None = None


class OperationProjection(Camel, frozen=True, kw_only=True):
    """Whether the platform knows what the runtime did."""

    revision: str = ""
    """A decimal number of any length; `revision_number` is the number."""

    state: ProjectionState = ""
    platform_agent_id: str = ""

    @property
    def revision_number(self) -> int:
        """The revision as a number; 0 where the server did not say."""
        return whole(self.revision)


class RuntimeOperation(Camel, frozen=True, kw_only=True):
    """One durable operation of a runtime, as the server last described it.

    Example:
        ```python
        accepted = await bee.runtime.invoke(desk, "skills/install", {"name": "ocr"})
        operation = await bee.runtime.operation(desk, accepted.operation_id)
        if operation.terminal and operation.error:
            print(operation.error.code, operation.error.retry_mode, operation.error.retry_after)
        ```
    """

    id: str
    instance_id: str = ""
    target: Target = UnknownTarget()
    method: RuntimeMethod = ""
    capability: Capability = ""
    transport: Literal["service"] | str = ""
    sequence: str = ""
    """How many events it has had: a decimal number of any length.  `position` is the number."""

    cursor: str = ""
    """Where its events can be followed from, as `Last-Event-ID`."""

    created_at: Moment | None = None
    updated_at: Moment | None = None
    status: OperationStatus = ""
    effect_state: EffectState = ""
    terminal: bool = False
    """Whether it is over.  Trust this, and not a list of statuses: there may be new ones."""

    progress: OperationProgress | None = None
    cancel_request: OperationCancelRequest | None = None
    projection: OperationProjection | None = None
    result: Any = None
    error: RuntimeOperationError | None = None
    """Why it failed; data, nothing was raised."""

    def __post_init__(self) -> None:
        """Make a target out of JSON."""
        structs.force_setattr(self, "target", target_of(self.target))

    @property
    def position(self) -> int:
        """`sequence` as a number, to be compared; 0 where the server did not say."""
        return whole(self.sequence)


class OperationPage(Camel, frozen=True, kw_only=True):
    """One page of a list of operations."""

    operations: list[RuntimeOperation] = []
    next_cursor: str = ""
    """The cursor of the next page; empty on the last."""


class InvokeRuntimeMethod(Camel, frozen=True, kw_only=True):
    """What a runtime is asked to do, as JSON-RPC."""

    # None has a default, for a default would not travel.
    jsonrpc: Literal["2.0"]
    id: Any
    method: Annotated[str, Meta(min_length=1)]
    params: dict[str, Any]


class OperationCancelAccepted(Camel, frozen=True, kw_only=True):
    """A wish to cancel that was taken; whether it comes true, the operation will tell."""

    operation_id: str
    """The operation that shall be cancelled."""

    status: Literal["cancel_requested"] | str = ""


class CreateTerminalSession(Camel, frozen=True, kw_only=True):
    """Whose terminal is asked for."""

    platform_agent_id: str
    conversation_id: str | None = None
    resume_terminal_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: An id is no UUID.
        """
        uuid("platform_agent_id", self.platform_agent_id)
        for name in ("conversation_id", "resume_terminal_id"):
            if (id := getattr(self, name)) is not None:
                uuid(name, id)


class CreateCanvasSession(Camel, frozen=True, kw_only=True):
    """Whose canvas is asked for."""

    platform_agent_id: str
    conversation_id: str
    canvas_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: An id is no UUID, or a canvas's no token.
        """
        uuid("platform_agent_id", self.platform_agent_id)
        uuid("conversation_id", self.conversation_id)
        must(
            self.canvas_id is None or _TOKEN(self.canvas_id) is not None,
            "canvas_id must have 1 to 128 letters, digits, dots, dashes, colons and underscores,"
            f" a letter or a digit first, not {self.canvas_id!r}",
        )


_TARGETS: Final[Mapping[str, type[InstanceTarget | AgentTarget | ConversationTarget]]] = {
    kind.scope: kind for kind in (InstanceTarget, AgentTarget, ConversationTarget)
}


def target_of(json: object) -> OperationTarget:
    """Make a target out of its JSON; a field that does not fit is as one that is not there.

    Args:
        json: What came, or a target already.
    """
    if isinstance(json, InstanceTarget | AgentTarget | ConversationTarget | UnknownTarget):
        return json
    kind = _TARGETS.get(_scope(json))
    return UnknownTarget(json) if kind is None else fitting(kind, cast("dict[str, object]", json))


def _scope(json: object) -> str:
    if not isinstance(json, dict):
        return ""
    scope = cast("dict[str, object]", json).get("scope")
    return scope if isinstance(scope, str) else ""
