"""Every endpoint of the API, one row each.

Read by the groups, the emulator, the command and the tests; a route stands nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar, Unpack

from ..models._base import Envelope, Page
from ..models.agents import Agent, AgentPage, InvokeReply
from ..models.catalog import Model, Provider, Region
from ..models.files import FileMeta, PresignedUpload
from ..models.instances import DeviceInfo, Instance
from ..models.messages import MessagePage
from ..models.tasks import (
    Task,
    TaskCreated,
    TaskPage,
    TaskWebhook,
    TaskWebhookList,
    WebhookDelivery,
    WebhookDeliveryList,
)
from .endpoint import (
    DELETION,
    IDEMPOTENT,
    KEYED,
    LONG_KEYED,
    MIB,
    ONCE,
    SAFE,
    Endpoint,
    Repeat,
    StreamEndpoint,
    desired,
)
from .events import channel_event, invoke_event, runtime_event
from .resume import BY_EVENT_ID, BY_OFFSET, NEVER, Resume
from .sse import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
E = TypeVar("E")


class _Special(TypedDict, total=False):
    """What few rows need to say; see `Endpoint`."""

    echoes_id: bool
    answer_cap: int
    body_cap: int
    key: Literal["body", "header"]
    takes_operation_id: bool
    least_timeout: float
    refuses_in_200: bool


_rows: dict[str, Endpoint[Any]] = {}
ROWS: Final[Mapping[str, Endpoint[Any]]] = _rows
"""The whole table, by operationId, in the order of this file."""

_streams: dict[str, StreamEndpoint[Any]] = {}
STREAMS: Final[Mapping[str, StreamEndpoint[Any]]] = _streams
"""The rows that are, or can be, answered by a stream of events, by operationId."""


def _row(
    operation: str,
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    path: str,
    answer: type[T],
    repeat: Repeat,
    bucket: str = "",
    **special: Unpack[_Special],
) -> Endpoint[T]:
    row = Endpoint(operation, method, path, answer, repeat, bucket or operation, **special)
    _rows[operation] = row
    return row


def _stream(
    opening: Endpoint[Any], event: Callable[[Frame], E], resume: Resume[E]
) -> StreamEndpoint[E]:
    row = StreamEndpoint(opening, event, resume)
    _streams[opening.operation] = row
    return row


def _asked_for_events(row: Endpoint[Any]) -> Endpoint[Any]:
    """Give the other form of a row that acts."""
    return replace(row, answer=NoneType, repeat=ONCE)


# catalog
LIST_PROVIDERS: Final = _row(
    "listProviders", "GET", "/api/v1/providers", Envelope[list[Provider]], SAFE
)
LIST_REGIONS: Final = _row(
    "listDeployRegions", "GET", "/api/v1/deploy/regions", Envelope[list[Region]], SAFE
)
LIST_MODELS: Final = _row(
    "listDeployModels", "GET", "/api/v1/deploy/models", Envelope[list[Model]], SAFE
)

# instances
LIST_INSTANCES: Final = _row(
    "listInstances", "GET", "/api/v1/instances", Page[Instance], SAFE, answer_cap=32 * MIB
)
GET_INSTANCE: Final = _row(
    "getInstance", "GET", "/api/v1/instances/{id}", Envelope[Instance], SAFE, echoes_id=True
)

# A second deploy is a second machine, and a second bill.
DEPLOY_INSTANCE: Final = _row(
    "deployInstance", "POST", "/api/v1/instances", Envelope[Instance], ONCE
)

# A start moves the wish, not the machine: asked twice, it is the same wish.
START_INSTANCE: Final = _row(
    "startInstance",
    "POST",
    "/api/v1/instances/{id}/start",
    Envelope[Instance],
    desired(GET_INSTANCE, "running"),
    echoes_id=True,
)
STOP_INSTANCE: Final = _row(
    "stopInstance",
    "POST",
    "/api/v1/instances/{id}/stop",
    Envelope[Instance],
    desired(GET_INSTANCE, "stopped"),
    echoes_id=True,
)

# No state tells one restart from two.
RESTART_INSTANCE: Final = _row(
    "restartInstance",
    "POST",
    "/api/v1/instances/{id}/restart",
    Envelope[Instance],
    ONCE,
    echoes_id=True,
)

# The answer is a word, not an instance; and what is gone was destroyed.
DESTROY_INSTANCE: Final = _row(
    "destroyInstance",
    "DELETE",
    "/api/v1/instances/{id}",
    Envelope[str],
    desired(GET_INSTANCE, "terminated", gone_is_done=True, answer=Envelope(data="destroyed")),
)
GET_DEVICE_INFO: Final = _row(
    "getDeviceInfo",
    "GET",
    "/api/v1/instances/{id}/device/info",
    Envelope[DeviceInfo],
    SAFE,
)

# agents
LIST_AGENTS: Final = _row(
    "listAgents", "GET", "/api/v1/agents", AgentPage, SAFE, answer_cap=32 * MIB
)
GET_AGENT: Final = _row("getAgent", "GET", "/api/v1/agents/{agentId}", Envelope[Agent], SAFE)
UPDATE_AGENT: Final = _row(
    "updateAgent",
    "PATCH",
    "/api/v1/agents/{agentId}",
    Envelope[Agent],
    IDEMPOTENT,
    body_cap=MIB,
)

# The contract knows no yes to this one.
DELETE_AGENT: Final = _row("deleteAgent", "DELETE", "/api/v1/agents/{agentId}", NoneType, DELETION)

# The gateway waits 115 seconds for an agent.
INVOKE_AGENT: Final = _row(
    "invokeAgent",
    "POST",
    "/api/v1/agents/{agentId}/invoke",
    Envelope[InvokeReply],
    LONG_KEYED,
    key="body",
    body_cap=MIB,
    least_timeout=130.0,
)

# Half a stream that broke off cannot be had again, and a second one is a second invocation.
STREAM_INVOCATION: Final = _stream(_asked_for_events(INVOKE_AGENT), invoke_event, NEVER)

# tasks
CREATE_TASK: Final = _row(
    "createTask",
    "POST",
    "/api/v1/agents/{agentId}/tasks",
    Envelope[TaskCreated],
    KEYED,
    key="body",
    body_cap=MIB,
)
LIST_TASKS: Final = _row(
    "listUserTasks", "GET", "/api/v1/tasks", Envelope[TaskPage], SAFE, answer_cap=32 * MIB
)
LIST_AGENT_TASKS: Final = _row(
    "listAgentTasks",
    "GET",
    "/api/v1/agents/{agentId}/tasks",
    Envelope[TaskPage],
    SAFE,
    answer_cap=32 * MIB,
)
GET_TASK: Final = _row(
    "getTask", "GET", "/api/v1/agents/{agentId}/tasks/{taskId}", Envelope[Task], SAFE
)
LIST_TASK_MESSAGES: Final = _row(
    "listTaskMessages",
    "GET",
    "/api/v1/agents/{agentId}/tasks/{taskId}/messages",
    Envelope[MessagePage],
    SAFE,
    answer_cap=32 * MIB,
)
STREAM_TASK: Final = _stream(
    _row(
        "streamTaskEvents",
        "GET",
        "/api/v1/agents/{agentId}/tasks/{taskId}/events",
        NoneType,
        SAFE,
    ),
    channel_event,
    BY_OFFSET,
)

# What is canceled stays so: asked twice it is the same wish.
CANCEL_TASK: Final = _row(
    "cancelTask",
    "POST",
    "/api/v1/agents/{agentId}/tasks/{taskId}/cancel",
    Envelope[Task],
    IDEMPOTENT,
    body_cap=MIB,
)

# A second input may meet the next question.
CONTINUE_TASK: Final = _row(
    "continueTask",
    "POST",
    "/api/v1/agents/{agentId}/tasks/{taskId}/continue",
    Envelope[Task],
    ONCE,
    body_cap=MIB,
)

# There is one for each URL, and the last registration counts.
REGISTER_WEBHOOK: Final = _row(
    "registerTaskWebhook",
    "POST",
    "/api/v1/agents/{agentId}/tasks/{taskId}/webhooks",
    Envelope[TaskWebhook],
    IDEMPOTENT,
)
LIST_WEBHOOKS: Final = _row(
    "listTaskWebhooks",
    "GET",
    "/api/v1/agents/{agentId}/tasks/{taskId}/webhooks",
    Envelope[TaskWebhookList],
    SAFE,
)
DELETE_WEBHOOK: Final = _row(
    "deleteTaskWebhook",
    "DELETE",
    "/api/v1/agents/{agentId}/tasks/{taskId}/webhooks/{webhookId}",
    NoneType,
    DELETION,
)
LIST_DELIVERIES: Final = _row(
    "listWebhookDeliveries",
    "GET",
    "/api/v1/agents/{agentId}/tasks/{taskId}/webhooks/{webhookId}/deliveries",
    Envelope[WebhookDeliveryList],
    SAFE,
)

# Each time it is told once more.
REDELIVER_WEBHOOK: Final = _row(
    "redeliverWebhook",
    "POST",
    "/api/v1/agents/{agentId}/tasks/{taskId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver",
    Envelope[WebhookDelivery],
    ONCE,
)

# conversations
STREAM_CONVERSATION: Final = _stream(
    _row(
        "streamConversationEvents",
        "GET",
        "/api/v1/agents/{agentId}/conversations/{convId}/events",
        NoneType,
        SAFE,
    ),
    channel_event,
    BY_OFFSET,
)

# files
# A second address is an empty record, and nothing else.
PRESIGN_UPLOAD: Final = _row(
    "presignFileUpload",
    "POST",
    "/api/v1/files/presign-upload",
    Envelope[PresignedUpload],
    IDEMPOTENT,
    body_cap=MIB,
)
GET_FILE: Final = _row("getFile", "GET", "/api/v1/files/{id}", Envelope[FileMeta], SAFE)

# runtime
STREAM_OPERATION: Final = _stream(
    _row(
        "streamRuntimeOperationEvents",
        "GET",
        "/api/v1/instances/{instanceId}/operations/{operationId}/events",
        NoneType,
        SAFE,
    ),
    runtime_event,
    BY_EVENT_ID,
)
