"""The table against what the contract says, written down a second time by hand."""

from __future__ import annotations

from types import NoneType
from typing import Any

import pytest
from msgspec import inspect

from beeos_async._protocol import table
from beeos_async._protocol.endpoint import MIB, Endpoint, StreamEndpoint
from beeos_async._protocol.resume import BY_EVENT_ID, BY_OFFSET, NEVER, Resume
from beeos_async.models._base import Accepted, Envelope, Page
from beeos_async.models.agents import Agent, AgentPage, InvokeReply
from beeos_async.models.catalog import Model, Provider, Region
from beeos_async.models.control import ActionResult, ControlInfo, Screenshot
from beeos_async.models.conversations import (
    CancelAccepted,
    ClearAccepted,
    Conversation,
    ConversationPage,
    SentMessage,
)
from beeos_async.models.files import FileMeta, PresignedUpload
from beeos_async.models.instances import DeviceInfo, Instance
from beeos_async.models.messages import MessagePage
from beeos_async.models.mobile import AppList, UITree
from beeos_async.models.runtime import (
    OperationCancelAccepted,
    OperationPage,
    RuntimeOperation,
)
from beeos_async.models.tasks import (
    Task,
    TaskCreated,
    TaskPage,
    TaskWebhook,
    TaskWebhookList,
    WebhookDelivery,
    WebhookDeliveryList,
)

INSTANCE = "/api/v1/instances/{id}"
ACTION = Envelope[ActionResult]
CONVERSATIONS = "/api/v1/agents/{agentId}/conversations"
RUNTIME = "/api/v1/instances/{instanceId}"

# operationId, method, route, answer, what a repeat does, whether the answer names its resource
AGENT = "/api/v1/agents/{agentId}"
TASKS = f"{AGENT}/tasks"
HOOKS = f"{TASKS}/{{taskId}}/webhooks"

CONTRACT: list[tuple[str, str, str, Any, str, bool]] = [
    ("listProviders", "GET", "/api/v1/providers", Envelope[list[Provider]], "safe", False),
    ("listDeployRegions", "GET", "/api/v1/deploy/regions", Envelope[list[Region]], "safe", False),
    ("listDeployModels", "GET", "/api/v1/deploy/models", Envelope[list[Model]], "safe", False),
    ("listInstances", "GET", "/api/v1/instances", Page[Instance], "safe", False),
    ("getInstance", "GET", "/api/v1/instances/{id}", Envelope[Instance], "safe", True),
    ("deployInstance", "POST", "/api/v1/instances", Envelope[Instance], "once", False),
    ("startInstance", "POST", "/api/v1/instances/{id}/start", Envelope[Instance], "desired", True),
    ("stopInstance", "POST", "/api/v1/instances/{id}/stop", Envelope[Instance], "desired", True),
    (
        "restartInstance",
        "POST",
        "/api/v1/instances/{id}/restart",
        Envelope[Instance],
        "once",
        True,
    ),
    ("destroyInstance", "DELETE", "/api/v1/instances/{id}", Envelope[str], "desired", False),
    (
        "getDeviceInfo",
        "GET",
        "/api/v1/instances/{id}/device/info",
        Envelope[DeviceInfo],
        "safe",
        False,
    ),
    (
        "getComputerInfo",
        "GET",
        f"{INSTANCE}/computer",
        Envelope[ControlInfo],
        "safe",
        False,
    ),
    (
        "computerScreenshot",
        "POST",
        f"{INSTANCE}/computer/screenshot",
        Envelope[Screenshot],
        "idempotent",
        False,
    ),
    ("computerClick", "POST", f"{INSTANCE}/computer/click", ACTION, "once", False),
    ("computerMove", "POST", f"{INSTANCE}/computer/move", ACTION, "once", False),
    ("computerScroll", "POST", f"{INSTANCE}/computer/scroll", ACTION, "once", False),
    ("computerType", "POST", f"{INSTANCE}/computer/type", ACTION, "once", False),
    ("computerKey", "POST", f"{INSTANCE}/computer/key", ACTION, "once", False),
    ("getMobileInfo", "GET", f"{INSTANCE}/mobile", Envelope[ControlInfo], "safe", False),
    (
        "mobileScreenshot",
        "POST",
        f"{INSTANCE}/mobile/screenshot",
        Envelope[Screenshot],
        "idempotent",
        False,
    ),
    ("mobileTap", "POST", f"{INSTANCE}/mobile/tap", ACTION, "once", False),
    ("mobileDoubleTap", "POST", f"{INSTANCE}/mobile/double_tap", ACTION, "once", False),
    ("mobileLongPress", "POST", f"{INSTANCE}/mobile/long_press", ACTION, "once", False),
    ("mobileDrag", "POST", f"{INSTANCE}/mobile/drag", ACTION, "once", False),
    ("mobileSwipe", "POST", f"{INSTANCE}/mobile/swipe", ACTION, "once", False),
    ("mobileScroll", "POST", f"{INSTANCE}/mobile/scroll", ACTION, "once", False),
    ("mobileType", "POST", f"{INSTANCE}/mobile/type", ACTION, "once", False),
    ("mobileKey", "POST", f"{INSTANCE}/mobile/key", ACTION, "once", False),
    ("mobilePressButton", "POST", f"{INSTANCE}/mobile/press_button", ACTION, "once", False),
    ("mobileListApps", "GET", f"{INSTANCE}/mobile/apps", Envelope[AppList], "safe", False),
    ("mobileOpenApp", "POST", f"{INSTANCE}/mobile/open_app", ACTION, "once", False),
    ("mobileGetUiTree", "GET", f"{INSTANCE}/mobile/ui_tree", Envelope[UITree], "safe", False),
    ("listAgents", "GET", "/api/v1/agents", AgentPage, "safe", False),
    ("getAgent", "GET", AGENT, Envelope[Agent], "safe", False),
    ("updateAgent", "PATCH", AGENT, Envelope[Agent], "idempotent", False),
    ("deleteAgent", "DELETE", AGENT, NoneType, "idempotent", False),
    (
        "invokeAgent",
        "POST",
        "/api/v1/agents/{agentId}/invoke",
        Envelope[InvokeReply],
        "keyed",
        False,
    ),
    ("createTask", "POST", TASKS, Envelope[TaskCreated], "keyed", False),
    ("listUserTasks", "GET", "/api/v1/tasks", Envelope[TaskPage], "safe", False),
    ("listAgentTasks", "GET", TASKS, Envelope[TaskPage], "safe", False),
    ("getTask", "GET", f"{TASKS}/{{taskId}}", Envelope[Task], "safe", False),
    (
        "listTaskMessages",
        "GET",
        f"{TASKS}/{{taskId}}/messages",
        Envelope[MessagePage],
        "safe",
        False,
    ),
    ("streamTaskEvents", "GET", f"{TASKS}/{{taskId}}/events", NoneType, "safe", False),
    ("cancelTask", "POST", f"{TASKS}/{{taskId}}/cancel", Envelope[Task], "idempotent", False),
    ("continueTask", "POST", f"{TASKS}/{{taskId}}/continue", Envelope[Task], "once", False),
    ("registerTaskWebhook", "POST", HOOKS, Envelope[TaskWebhook], "idempotent", False),
    ("listTaskWebhooks", "GET", HOOKS, Envelope[TaskWebhookList], "safe", False),
    ("deleteTaskWebhook", "DELETE", f"{HOOKS}/{{webhookId}}", NoneType, "idempotent", False),
    (
        "listWebhookDeliveries",
        "GET",
        f"{HOOKS}/{{webhookId}}/deliveries",
        Envelope[WebhookDeliveryList],
        "safe",
        False,
    ),
    (
        "redeliverWebhook",
        "POST",
        f"{HOOKS}/{{webhookId}}/deliveries/{{deliveryId}}/redeliver",
        Envelope[WebhookDelivery],
        "once",
        False,
    ),
    (
        "createConversation",
        "POST",
        CONVERSATIONS,
        Envelope[Conversation],
        "keyed",
        False,
    ),
    (
        "listConversations",
        "GET",
        CONVERSATIONS,
        Envelope[ConversationPage],
        "safe",
        False,
    ),
    (
        "getConversation",
        "GET",
        f"{CONVERSATIONS}/{{convId}}",
        Envelope[Conversation],
        "safe",
        False,
    ),
    (
        "renameConversation",
        "PATCH",
        f"{CONVERSATIONS}/{{convId}}",
        Envelope[Conversation],
        "keyed",
        False,
    ),
    (
        "deleteConversation",
        "DELETE",
        f"{CONVERSATIONS}/{{convId}}",
        NoneType,
        "idempotent",
        False,
    ),
    (
        "sendConversationMessage",
        "POST",
        f"{CONVERSATIONS}/{{convId}}/messages",
        Envelope[SentMessage],
        "keyed",
        False,
    ),
    (
        "listConversationMessages",
        "GET",
        f"{CONVERSATIONS}/{{convId}}/messages",
        Envelope[MessagePage],
        "safe",
        False,
    ),
    (
        "streamConversationEvents",
        "GET",
        "/api/v1/agents/{agentId}/conversations/{convId}/events",
        NoneType,
        "safe",
        False,
    ),
    (
        "cancelConversation",
        "POST",
        f"{CONVERSATIONS}/{{conversationId}}/cancel",
        Envelope[CancelAccepted],
        "keyed",
        False,
    ),
    (
        "clearConversation",
        "POST",
        f"{CONVERSATIONS}/{{conversationId}}/clear",
        ClearAccepted,
        "keyed",
        False,
    ),
    (
        "setConversationModel",
        "PUT",
        f"{CONVERSATIONS}/{{conversationId}}/model",
        Accepted,
        "keyed",
        False,
    ),
    (
        "presignFileUpload",
        "POST",
        "/api/v1/files/presign-upload",
        Envelope[PresignedUpload],
        "idempotent",
        False,
    ),
    ("getFile", "GET", "/api/v1/files/{id}", Envelope[FileMeta], "safe", False),
    (
        "getRuntimeCapabilities",
        "GET",
        f"{RUNTIME}/runtime-capabilities",
        dict[str, Any],
        "safe",
        False,
    ),
    ("invokeRuntimeMethod", "POST", f"{RUNTIME}/methods", Accepted, "keyed", False),
    ("listRuntimeOperations", "GET", f"{RUNTIME}/operations", OperationPage, "safe", False),
    (
        "getRuntimeOperation",
        "GET",
        f"{RUNTIME}/operations/{{operationId}}",
        RuntimeOperation,
        "safe",
        False,
    ),
    (
        "streamRuntimeOperationEvents",
        "GET",
        "/api/v1/instances/{instanceId}/operations/{operationId}/events",
        NoneType,
        "safe",
        False,
    ),
    (
        "cancelRuntimeOperation",
        "POST",
        f"{RUNTIME}/operations/{{operationId}}/cancel",
        OperationCancelAccepted,
        "keyed",
        False,
    ),
    (
        "createTerminalSession",
        "POST",
        f"{RUNTIME}/terminal-sessions",
        dict[str, Any],
        "once",
        False,
    ),
    ("createCanvasSession", "POST", f"{RUNTIME}/canvas-sessions", dict[str, Any], "once", False),
]


@pytest.mark.parametrize("line", CONTRACT, ids=lambda line: line[0])
def test_a_row_is_what_the_contract_says(line: tuple[str, str, str, Any, str, bool]) -> None:
    """Route, method, answer and the meaning of a repeat."""
    row = table.ROWS[line[0]]

    found = (row.operation, row.method, row.path, row.answer, row.repeat.word, row.echoes_id)
    assert found == line


def test_the_table_was_written_down_whole() -> None:
    """And in the same order."""
    assert [line[0] for line in CONTRACT] == list(table.ROWS)


# operationId: where its key travels
KEYS: dict[str, str] = {
    "invokeAgent": "body",
    "createTask": "body",
    "createConversation": "header",
    "renameConversation": "header",
    "sendConversationMessage": "body",
    "cancelConversation": "header",
    "clearConversation": "header",
    "setConversationModel": "header",
    "invokeRuntimeMethod": "header",
    "cancelRuntimeOperation": "header",
}


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_a_key_travels_where_the_contract_has_it(row: Endpoint[Any]) -> None:
    """Whatever is keyed takes one; nothing else does; only one endpoint refuses in a 200."""
    assert row.key == KEYS.get(row.operation)
    assert (row.key is not None) == (row.repeat.word == "keyed")
    assert row.refuses_in_200 == (row.operation == "invokeRuntimeMethod")
    assert row.repeat.gone_is_done == (row.method == "DELETE")


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_a_row_draws_on_its_own_quota_but_for_devices(row: Endpoint[Any]) -> None:
    """What devices are is one quota of the owner, what they are told and show another."""
    place = row.path.removeprefix(f"{INSTANCE}/")
    bucket = row.operation
    if place.startswith(("computer", "mobile")):
        bucket = "control-action" if "/" in place else "control-info"

    assert row.bucket == bucket


@pytest.mark.parametrize(
    ("operation", "repeat", "resume", "look"),
    [
        ("invokeAgent", "once", NEVER, None),
        ("streamTaskEvents", "safe", BY_OFFSET, table.GET_TASK),
        ("streamConversationEvents", "safe", BY_OFFSET, table.GET_CONVERSATION),
        ("streamRuntimeOperationEvents", "safe", BY_EVENT_ID, table.GET_RUNTIME_OPERATION),
    ],
)
def test_a_stream_goes_on_by_its_own_rule(
    operation: str, repeat: str, resume: Resume[Any], look: Endpoint[Any] | None
) -> None:
    """Reads are opened again, for as long as what they tell of is not over."""
    row = table.STREAMS[operation]

    assert (row.opening.repeat.word, row.resume) == (repeat, resume)
    assert (row.look and row.look.ask) == look
    assert row.look is None or row.look.ask.pieces == (*row.opening.pieces[:-1], "")


@pytest.mark.parametrize(
    ("operation", "goal", "gone_is_done"),
    [
        ("startInstance", "running", False),
        ("stopInstance", "stopped", False),
        ("destroyInstance", "terminated", True),
    ],
)
def test_a_wish_is_settled_by_reading_the_instance(
    operation: str, goal: str, gone_is_done: bool
) -> None:
    """One GET tells whether it took; what is gone was destroyed."""
    repeat = table.ROWS[operation].repeat
    settle = repeat.settle

    assert settle is not None
    assert (settle.ask, settle.goal) == (table.GET_INSTANCE, goal)
    assert repeat.gone_is_done is gone_is_done
    assert settle.answer == (Envelope(data="destroyed") if gone_is_done else None)


def test_every_row_has_a_name_in_the_file() -> None:
    """The table is what the constants say, each once, in the order of the file."""
    constants = vars(table).values()
    streams = [value for value in constants if isinstance(value, StreamEndpoint)]
    named = [
        value.opening if isinstance(value, StreamEndpoint) else value
        for value in constants
        if isinstance(value, Endpoint | StreamEndpoint)
    ]

    # An invocation has one route and two rows: its stream's is no row of its own.
    named.remove(table.STREAM_INVOCATION.opening)
    assert named == list(table.ROWS.values())
    assert streams == list(table.STREAMS.values())
    assert all(name == row.operation for name, row in table.ROWS.items())
    assert all(name == row.opening.operation for name, row in table.STREAMS.items())


LONG = {
    "listInstances",
    "listAgents",
    "listUserTasks",
    "listAgentTasks",
    "listTaskMessages",
    "listConversations",
    "listConversationMessages",
    "listRuntimeOperations",
}
"""Whose pages may be long."""


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_a_row_keeps_within_its_kind(row: Endpoint[Any]) -> None:
    """Routes begin with the version; only pages may be long; who echoes has an id to echo."""
    assert row.path.startswith("/api/v1/")
    assert row.path.count("{") == row.path.count("}") == len(row.pieces) - 1
    assert row.answer_cap == (32 if row.operation in LONG else 8) * MIB
    assert len(row.pieces) > 1 or not row.echoes_id


READABLE = (
    inspect.AnyType,
    inspect.BoolType,
    inspect.DateTimeType,
    inspect.DictType,
    inspect.FloatType,
    inspect.IntType,
    inspect.ListType,
    inspect.LiteralType,
    inspect.NoneType,
    inspect.StrType,
    inspect.StructType,
    inspect.UnionType,
    inspect.VarTupleType,
)


def kinds_of(shape: inspect.Type) -> set[type[inspect.Type]]:
    match shape:
        case inspect.StructType():
            below = [field.type for field in shape.fields]
        case inspect.ListType() | inspect.VarTupleType():
            below = [shape.item_type]
        case inspect.UnionType():
            below = list(shape.types)
        case _:
            below = []
    return {type(shape), *(kind for one in below for kind in kinds_of(one))}


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_the_second_pass_knows_every_kind_of_value_of_a_row(row: Endpoint[Any]) -> None:
    """A kind it does not know would be lost without a word in a broken answer."""
    assert kinds_of(inspect.type_info(row.answer)) <= set(READABLE)
