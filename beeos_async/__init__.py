"""An asyncio SDK for BeeOS: start one instance, or a hundred thousand.

The front door: every public name, fetched when it is first asked for, so that importing
the package costs next to nothing.

In the examples of this reference `bee` is an open `AsyncBeeOS`, `id` an instance that is
stopped and `ids` a list of such; `desk` and `phone` are instances that are online, `cloud`
is an open `Emulator`; other ids are named for what they are the id of, such as `agent_id`.
What is not imported in an example comes from `beeos_async`.  All of them are run as they
stand, and print what the comment behind a `print` says.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from ._io.caller import Attempt
    from ._io.capture import Captured
    from ._io.gate import EndpointState
    from ._io.pager import Pager
    from ._io.stream import ChannelStream, EventStream, TextStream
    from ._reach import only_loopback
    from .client import AsyncBeeOS
    from .errors import (
        APIError,
        AuthenticationError,
        BadRequestError,
        BeeOSError,
        ClientClosedError,
        ClientLoopError,
        ConfigurationError,
        ConflictError,
        ConnectionLostError,
        DecodeError,
        GatewayTimeoutError,
        NotFoundError,
        NotSentError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        RuntimeMethodError,
        ServerError,
        ServiceUnavailableError,
        SkippedError,
        StreamEndedError,
        TransportError,
        UnprocessableEntityError,
        WaitError,
        WaitReason,
        WaitTimeoutError,
        WebhookSignatureError,
    )
    from .fleet.engine import FleetRun
    from .fleet.options import FleetOptions, StreamOptions
    from .fleet.outcomes import Failed, Outcome, Skipped, Succeeded, TimedOut, Unknown
    from .fleet.plan import FleetPlan, PlanState
    from .fleet.progress import Progress, Throttle
    from .fleet.report import FleetError, FleetReport
    from .fleet.steps import JournalState
    from .groups.agents import InvokeStream
    from .models._base import Accepted
    from .models.agents import (
        Agent,
        AgentCapabilities,
        AgentError,
        AgentPage,
        InstanceProjection,
        InvokeReply,
    )
    from .models.catalog import Model, Provider, Region
    from .models.control import ControlInfo, Screenshot
    from .models.conversations import CancelAccepted, ClearAccepted, Conversation, SentMessage
    from .models.events import (
        BackfillTruncated,
        ChannelEvent,
        InvokeDelta,
        InvokeDone,
        InvokeEvent,
        InvokeFailure,
        InvokeReasoning,
        ReplayComplete,
        RuntimeErrorContext,
        RuntimeEvent,
        RuntimeOperationError,
        RuntimeOperationEvent,
        RuntimeOperationEventPayload,
        StreamEnd,
        UnknownEvent,
    )
    from .models.files import FileMeta, PresignedUpload
    from .models.instances import DeployInstance, DeviceInfo, Instance
    from .models.messages import (
        Attachment,
        CustomPart,
        FilePart,
        Message,
        MessagePage,
        Part,
        SourcePart,
        ThinkingPart,
        ToolResultPart,
        ToolUsePart,
        UnknownPart,
    )
    from .models.mobile import AppInfo, UITree
    from .models.runtime import (
        AgentTarget,
        ConversationTarget,
        InstanceTarget,
        OperationCancelAccepted,
        OperationCancelRequest,
        OperationProgress,
        OperationProjection,
        OperationTarget,
        RuntimeOperation,
        UnknownTarget,
    )
    from .models.tasks import (
        Task,
        TaskCreated,
        TaskStatusEvent,
        TaskSummary,
        TaskTimeoutError,
        TaskWebhook,
        WebhookDelivery,
    )
    from .waiting import StartWish, Wish

__all__ = [
    "APIError",
    "Accepted",
    "Agent",
    "AgentCapabilities",
    "AgentError",
    "AgentPage",
    "AgentTarget",
    "AppInfo",
    "AsyncBeeOS",
    "Attachment",
    "Attempt",
    "AuthenticationError",
    "BackfillTruncated",
    "BadRequestError",
    "BeeOSError",
    "CancelAccepted",
    "Captured",
    "ChannelEvent",
    "ChannelStream",
    "ClearAccepted",
    "ClientClosedError",
    "ClientLoopError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionLostError",
    "ControlInfo",
    "Conversation",
    "ConversationTarget",
    "CustomPart",
    "DecodeError",
    "DeployInstance",
    "DeviceInfo",
    "EndpointState",
    "EventStream",
    "Failed",
    "FileMeta",
    "FilePart",
    "FleetError",
    "FleetOptions",
    "FleetPlan",
    "FleetReport",
    "FleetRun",
    "GatewayTimeoutError",
    "Instance",
    "InstanceProjection",
    "InstanceTarget",
    "InvokeDelta",
    "InvokeDone",
    "InvokeEvent",
    "InvokeFailure",
    "InvokeReasoning",
    "InvokeReply",
    "InvokeStream",
    "JournalState",
    "Message",
    "MessagePage",
    "Model",
    "NotFoundError",
    "NotSentError",
    "OperationCancelAccepted",
    "OperationCancelRequest",
    "OperationProgress",
    "OperationProjection",
    "OperationTarget",
    "Outcome",
    "Pager",
    "Part",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PlanState",
    "PresignedUpload",
    "Progress",
    "Provider",
    "RateLimitError",
    "Region",
    "ReplayComplete",
    "RequestTimeoutError",
    "RuntimeErrorContext",
    "RuntimeEvent",
    "RuntimeMethodError",
    "RuntimeOperation",
    "RuntimeOperationError",
    "RuntimeOperationEvent",
    "RuntimeOperationEventPayload",
    "Screenshot",
    "SentMessage",
    "ServerError",
    "ServiceUnavailableError",
    "Skipped",
    "SkippedError",
    "SourcePart",
    "StartWish",
    "StreamEnd",
    "StreamEndedError",
    "StreamOptions",
    "Succeeded",
    "Task",
    "TaskCreated",
    "TaskStatusEvent",
    "TaskSummary",
    "TaskTimeoutError",
    "TaskWebhook",
    "TextStream",
    "ThinkingPart",
    "Throttle",
    "TimedOut",
    "ToolResultPart",
    "ToolUsePart",
    "TransportError",
    "UITree",
    "Unknown",
    "UnknownEvent",
    "UnknownPart",
    "UnknownTarget",
    "UnprocessableEntityError",
    "WaitError",
    "WaitReason",
    "WaitTimeoutError",
    "WebhookDelivery",
    "WebhookSignatureError",
    "Wish",
    "__version__",
    "only_loopback",
]

# The same names again, by the room they live in; a test holds the two and the imports together.
_ROOMS = {
    "_io.caller": ("Attempt",),
    "_io.capture": ("Captured",),
    "_io.gate": ("EndpointState",),
    "_io.pager": ("Pager",),
    "_io.stream": ("ChannelStream", "EventStream", "TextStream"),
    "_reach": ("only_loopback",),
    "client": ("AsyncBeeOS",),
    "errors": (
        "APIError",
        "AuthenticationError",
        "BadRequestError",
        "BeeOSError",
        "ClientClosedError",
        "ClientLoopError",
        "ConfigurationError",
        "ConflictError",
        "ConnectionLostError",
        "DecodeError",
        "GatewayTimeoutError",
        "NotFoundError",
        "NotSentError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestTimeoutError",
        "RuntimeMethodError",
        "ServerError",
        "ServiceUnavailableError",
        "SkippedError",
        "StreamEndedError",
        "TransportError",
        "UnprocessableEntityError",
        "WaitError",
        "WaitReason",
        "WaitTimeoutError",
        "WebhookSignatureError",
    ),
    "fleet.engine": ("FleetRun",),
    "fleet.options": ("FleetOptions", "StreamOptions"),
    "fleet.outcomes": ("Failed", "Outcome", "Skipped", "Succeeded", "TimedOut", "Unknown"),
    "fleet.plan": ("FleetPlan", "PlanState"),
    "fleet.progress": ("Progress", "Throttle"),
    "fleet.report": ("FleetError", "FleetReport"),
    "fleet.steps": ("JournalState",),
    "groups.agents": ("InvokeStream",),
    "models._base": ("Accepted",),
    "models.agents": (
        "Agent",
        "AgentCapabilities",
        "AgentError",
        "AgentPage",
        "InstanceProjection",
        "InvokeReply",
    ),
    "models.catalog": ("Model", "Provider", "Region"),
    "models.control": ("ControlInfo", "Screenshot"),
    "models.conversations": ("CancelAccepted", "ClearAccepted", "Conversation", "SentMessage"),
    "models.files": ("FileMeta", "PresignedUpload"),
    "models.events": (
        "BackfillTruncated",
        "ChannelEvent",
        "InvokeDelta",
        "InvokeDone",
        "InvokeEvent",
        "InvokeFailure",
        "InvokeReasoning",
        "ReplayComplete",
        "RuntimeErrorContext",
        "RuntimeEvent",
        "RuntimeOperationError",
        "RuntimeOperationEvent",
        "RuntimeOperationEventPayload",
        "StreamEnd",
        "UnknownEvent",
    ),
    "models.instances": ("DeployInstance", "DeviceInfo", "Instance"),
    "models.messages": (
        "Attachment",
        "CustomPart",
        "FilePart",
        "Message",
        "MessagePage",
        "Part",
        "SourcePart",
        "ThinkingPart",
        "ToolResultPart",
        "ToolUsePart",
        "UnknownPart",
    ),
    "models.mobile": ("AppInfo", "UITree"),
    "waiting": ("StartWish", "Wish"),
    "models.runtime": (
        "AgentTarget",
        "ConversationTarget",
        "InstanceTarget",
        "OperationCancelAccepted",
        "OperationCancelRequest",
        "OperationProgress",
        "OperationProjection",
        "OperationTarget",
        "RuntimeOperation",
        "UnknownTarget",
    ),
    "models.tasks": (
        "Task",
        "TaskCreated",
        "TaskStatusEvent",
        "TaskSummary",
        "TaskTimeoutError",
        "TaskWebhook",
        "WebhookDelivery",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    room = _HOME.get(name)
    if room is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(f".{room}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
