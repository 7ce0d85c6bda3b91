"""Every endpoint of the API, one row each.

Read by the groups, the emulator, the command and the tests; a route stands nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar, Unpack

from ..models._base import Accepted, Envelope, Page
from ..models.agents import Agent, AgentPage, InvokeReply
from ..models.catalog import Model, Provider, Region
from ..models.control import ActionResult, ControlInfo, Screenshot
from ..models.conversations import (
    CancelAccepted,
    ClearAccepted,
    Conversation,
    ConversationPage,
    SentMessage,
)
from ..models.files import FileMeta, PresignedUpload
from ..models.instances import DeviceInfo, Instance
from ..models.messages import MessagePage
from ..models.mobile import AppList, UITree
from ..models.runtime import OperationCancelAccepted, OperationPage, RuntimeOperation
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
    Look,
    Repeat,
    StreamEndpoint,
    Whole,
    desired,
)
from .events import channel_event, invoke_end, invoke_event, runtime_event
from .resume import (
    BY_EVENT_ID,
    BY_OFFSET,
    NEVER,
    Resume,
    conversation_over,
    operation_over,
    task_over,
)
from .sse import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
E = TypeVar("E")

CONTROL_INFO: Final = "control-info"
"""The bucket of every question what a device is."""

CONTROL_ACTION: Final = "control-action"
"""The bucket of all that a device is told, and of its pictures, apps and trees."""


class _Special(TypedDict, total=False):
    """What few rows need to say; see `Endpoint`."""

    echoes_id: bool
    answer_cap: int
    body_cap: int
    key: Literal["body", "header"]
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
    opening: Endpoint[Any],
    event: Callable[[Frame], E],
    resume: Resume[E],
    look: Look[Any] | None = None,
    whole: Whole[Any] | None = None,
) -> StreamEndpoint[E]:
    row = StreamEndpoint(opening, event, resume, look, whole)
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

# computer
# All that is told a device, its pictures and lists included, draws on one quota of the owner;
# what it is may be asked more often.
GET_COMPUTER_INFO: Final = _row(
    "getComputerInfo",
    "GET",
    "/api/v1/instances/{id}/computer",
    Envelope[ControlInfo],
    SAFE,
    CONTROL_INFO,
)
# A second picture harms nobody.
SCREENSHOT_COMPUTER: Final = _row(
    "computerScreenshot",
    "POST",
    "/api/v1/instances/{id}/computer/screenshot",
    Envelope[Screenshot],
    IDEMPOTENT,
    CONTROL_ACTION,
)

# Two clicks are not one click.
CLICK_COMPUTER: Final = _row(
    "computerClick",
    "POST",
    "/api/v1/instances/{id}/computer/click",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
MOVE_COMPUTER: Final = _row(
    "computerMove",
    "POST",
    "/api/v1/instances/{id}/computer/move",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SCROLL_COMPUTER: Final = _row(
    "computerScroll",
    "POST",
    "/api/v1/instances/{id}/computer/scroll",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
TYPE_COMPUTER: Final = _row(
    "computerType",
    "POST",
    "/api/v1/instances/{id}/computer/type",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
KEY_COMPUTER: Final = _row(
    "computerKey",
    "POST",
    "/api/v1/instances/{id}/computer/key",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)

# mobile
GET_MOBILE_INFO: Final = _row(
    "getMobileInfo",
    "GET",
    "/api/v1/instances/{id}/mobile",
    Envelope[ControlInfo],
    SAFE,
    CONTROL_INFO,
)
SCREENSHOT_MOBILE: Final = _row(
    "mobileScreenshot",
    "POST",
    "/api/v1/instances/{id}/mobile/screenshot",
    Envelope[Screenshot],
    IDEMPOTENT,
    CONTROL_ACTION,
)

# What fingers do they do each time; two swipes scroll twice as far.
TAP_MOBILE: Final = _row(
    "mobileTap",
    "POST",
    "/api/v1/instances/{id}/mobile/tap",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
DOUBLE_TAP_MOBILE: Final = _row(
    "mobileDoubleTap",
    "POST",
    "/api/v1/instances/{id}/mobile/double_tap",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
LONG_PRESS_MOBILE: Final = _row(
    "mobileLongPress",
    "POST",
    "/api/v1/instances/{id}/mobile/long_press",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
DRAG_MOBILE: Final = _row(
    "mobileDrag",
    "POST",
    "/api/v1/instances/{id}/mobile/drag",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SWIPE_MOBILE: Final = _row(
    "mobileSwipe",
    "POST",
    "/api/v1/instances/{id}/mobile/swipe",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SCROLL_MOBILE: Final = _row(
    "mobileScroll",
    "POST",
    "/api/v1/instances/{id}/mobile/scroll",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
TYPE_MOBILE: Final = _row(
    "mobileType",
    "POST",
    "/api/v1/instances/{id}/mobile/type",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
KEY_MOBILE: Final = _row(
    "mobileKey",
    "POST",
    "/api/v1/instances/{id}/mobile/key",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
PRESS_BUTTON_MOBILE: Final = _row(
    "mobilePressButton",
    "POST",
    "/api/v1/instances/{id}/mobile/press_button",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
LIST_MOBILE_APPS: Final = _row(
    "mobileListApps",
    "GET",
    "/api/v1/instances/{id}/mobile/apps",
    Envelope[AppList],
    SAFE,
    CONTROL_ACTION,
)
OPEN_MOBILE_APP: Final = _row(
    "mobileOpenApp",
    "POST",
    "/api/v1/instances/{id}/mobile/open_app",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
GET_MOBILE_UI_TREE: Final = _row(
    "mobileGetUiTree",
    "GET",
    "/api/v1/instances/{id}/mobile/ui_tree",
    Envelope[UITree],
    SAFE,
    CONTROL_ACTION,
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

# Half a stream that broke off cannot be had again, and a second one is a second invocation:
# what comes whole, as the contract allows, is the answer all the same.
STREAM_INVOCATION: Final = _stream(
    _asked_for_events(INVOKE_AGENT),
    invoke_event,
    NEVER,
    whole=Whole(INVOKE_AGENT, invoke_end),
)

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
    Look(GET_TASK, task_over),
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
CREATE_CONVERSATION: Final = _row(
    "createConversation",
    "POST",
    "/api/v1/agents/{agentId}/conversations",
    Envelope[Conversation],
    KEYED,
    key="header",
    body_cap=MIB,
)
LIST_CONVERSATIONS: Final = _row(
    "listConversations",
    "GET",
    "/api/v1/agents/{agentId}/conversations",
    Envelope[ConversationPage],
    SAFE,
    answer_cap=32 * MIB,
)
GET_CONVERSATION: Final = _row(
    "getConversation",
    "GET",
    "/api/v1/agents/{agentId}/conversations/{convId}",
    Envelope[Conversation],
    SAFE,
)
RENAME_CONVERSATION: Final = _row(
    "renameConversation",
    "PATCH",
    "/api/v1/agents/{agentId}/conversations/{convId}",
    Envelope[Conversation],
    KEYED,
    key="header",
    body_cap=MIB,
)
DELETE_CONVERSATION: Final = _row(
    "deleteConversation",
    "DELETE",
    "/api/v1/agents/{agentId}/conversations/{convId}",
    NoneType,
    DELETION,
)
SEND_MESSAGE: Final = _row(
    "sendConversationMessage",
    "POST",
    "/api/v1/agents/{agentId}/conversations/{convId}/messages",
    Envelope[SentMessage],
    KEYED,
    key="body",
    body_cap=MIB,
)
LIST_CONVERSATION_MESSAGES: Final = _row(
    "listConversationMessages",
    "GET",
    "/api/v1/agents/{agentId}/conversations/{convId}/messages",
    Envelope[MessagePage],
    SAFE,
    answer_cap=32 * MIB,
)
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
    Look(GET_CONVERSATION, conversation_over),
)

CANCEL_CONVERSATION: Final = _row(
    "cancelConversation",
    "POST",
    "/api/v1/agents/{agentId}/conversations/{conversationId}/cancel",
    Envelope[CancelAccepted],
    KEYED,
    key="header",
    body_cap=MIB,
)

# The one answer of this group that comes without an envelope, and in the runtime's spelling.
CLEAR_CONVERSATION: Final = _row(
    "clearConversation",
    "POST",
    "/api/v1/agents/{agentId}/conversations/{conversationId}/clear",
    ClearAccepted,
    KEYED,
    key="header",
)
SET_CONVERSATION_MODEL: Final = _row(
    "setConversationModel",
    "PUT",
    "/api/v1/agents/{agentId}/conversations/{conversationId}/model",
    Accepted,
    KEYED,
    key="header",
    body_cap=MIB,
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
GET_RUNTIME_CAPABILITIES: Final = _row(
    "getRuntimeCapabilities",
    "GET",
    "/api/v1/instances/{instanceId}/runtime-capabilities",
    dict[str, Any],
    SAFE,
)
INVOKE_RUNTIME_METHOD: Final = _row(
    "invokeRuntimeMethod",
    "POST",
    "/api/v1/instances/{instanceId}/methods",
    Accepted,
    KEYED,
    key="header",
    refuses_in_200=True,
)
LIST_RUNTIME_OPERATIONS: Final = _row(
    "listRuntimeOperations",
    "GET",
    "/api/v1/instances/{instanceId}/operations",
    OperationPage,
    SAFE,
    answer_cap=32 * MIB,
)
GET_RUNTIME_OPERATION: Final = _row(
    "getRuntimeOperation",
    "GET",
    "/api/v1/instances/{instanceId}/operations/{operationId}",
    RuntimeOperation,
    SAFE,
)
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
    Look(GET_RUNTIME_OPERATION, operation_over),
)
CANCEL_RUNTIME_OPERATION: Final = _row(
    "cancelRuntimeOperation",
    "POST",
    "/api/v1/instances/{instanceId}/operations/{operationId}/cancel",
    OperationCancelAccepted,
    KEYED,
    key="header",
)

# A ticket is good for one session: a second one is another ticket.
CREATE_TERMINAL_SESSION: Final = _row(
    "createTerminalSession",
    "POST",
    "/api/v1/instances/{instanceId}/terminal-sessions",
    dict[str, Any],
    ONCE,
)
CREATE_CANVAS_SESSION: Final = _row(
    "createCanvasSession",
    "POST",
    "/api/v1/instances/{instanceId}/canvas-sessions",
    dict[str, Any],
    ONCE,
)
