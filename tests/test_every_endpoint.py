"""Every row of the table, driven through the real client over a real socket.

A row without a line here fails; so does a line without a row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import pytest

from beeos_async import APIError, AsyncBeeOS, ConflictError, EventStream
from beeos_async._protocol import table
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.models.conversations import CreateConversation, SendMessage
from beeos_async.models.runtime import InvokeRuntimeMethod
from beeos_async.models.tasks import CreateTask, RegisterWebhook

pytestmark = pytest.mark.anyio

Drive = Callable[[AsyncBeeOS, Any], Awaitable[Any]]

UUID: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


async def events_of(stream: EventStream[Any]) -> list[Any]:
    async with stream as events:
        return [event async for event in events]


async def refusal_of(call: Awaitable[Any]) -> APIError:
    with pytest.raises(APIError) as caught:
        await call
    return caught.value


CALLS: Final[dict[str, tuple[Drive, Callable[[Any, Any], Any]]]] = {
    # catalog
    "listProviders": (
        lambda bee, _: bee.catalog.providers(),
        lambda found, _: found[0].meta.id != "",
    ),
    "listDeployRegions": (
        lambda bee, _: bee.catalog.regions(provider_id="comb-k8s"),
        lambda found, _: len(found) == 3,
    ),
    "listDeployModels": (
        lambda bee, _: bee.catalog.models(agent_framework="nectar-claw"),
        lambda found, _: found[0].reasoning is True,
    ),
    # instances
    "listInstances": (
        lambda bee, _: bee.instances.list(status="stopped").collect(),
        lambda found, one: one in [row.id for row in found],
    ),
    "getInstance": (
        lambda bee, one: bee.instances.get(one),
        lambda found, one: found.id == one,
    ),
    "deployInstance": (
        lambda bee, _: bee.instances.deploy(name="scribe", agent_framework="nectar-claw"),
        lambda made, one: made.name == "scribe" and made.id != one,
    ),
    "startInstance": (
        lambda bee, one: bee.instances.start(one),
        lambda told, one: told.id == one and told.desired_status == "running",
    ),
    "stopInstance": (
        lambda bee, one: bee.instances.stop(one),
        lambda told, one: told.id == one and told.desired_status == "stopped",
    ),
    "restartInstance": (
        lambda bee, one: bee.instances.restart(one),
        lambda told, one: told.id == one and told.desired_status == "running",
    ),
    "destroyInstance": (
        lambda bee, one: bee.instances.destroy(one),
        lambda told, _: told is None,
    ),
    "getDeviceInfo": (
        lambda bee, one: bee.instances.device_info(one),
        lambda found, _: found.width > 0,
    ),
    # computer
    "getComputerInfo": (
        lambda bee, one: bee.computer.info(one),
        lambda found, _: (found.online, found.os) == (True, "linux"),
    ),
    "computerScreenshot": (
        lambda bee, one: bee.computer.screenshot(one),
        lambda found, _: found.file_id and found.url and found.width == 1920,
    ),
    "computerClick": (
        lambda bee, one: bee.computer.click(one, x=10, y=20, button="right", count=2),
        lambda ok, _: ok is True,
    ),
    "computerMove": (
        lambda bee, one: bee.computer.move(one, x=0, y=0),
        lambda ok, _: ok is True,
    ),
    "computerScroll": (
        lambda bee, one: bee.computer.scroll(one, direction="down", amount=2),
        lambda ok, _: ok is True,
    ),
    "computerType": (
        lambda bee, one: bee.computer.type(one, text="Grüße", submit=True),
        lambda ok, _: ok is True,
    ),
    "computerKey": (
        lambda bee, one: bee.computer.key(one, keys=["ctrl", "c"]),
        lambda ok, _: ok is True,
    ),
    # mobile
    "getMobileInfo": (
        lambda bee, one: bee.mobile.info(one),
        lambda found, _: (found.online, found.os) == (True, "android"),
    ),
    "mobileScreenshot": (
        lambda bee, one: bee.mobile.screenshot(one),
        lambda found, _: found.file_id and found.url and found.width == 1080,
    ),
    "mobileTap": (
        lambda bee, one: bee.mobile.tap(one, x=10, y=20),
        lambda ok, _: ok is True,
    ),
    "mobileDoubleTap": (
        lambda bee, one: bee.mobile.double_tap(one, x=10, y=20),
        lambda ok, _: ok is True,
    ),
    "mobileLongPress": (
        lambda bee, one: bee.mobile.long_press(one, x=10, y=20, duration_ms=800),
        lambda ok, _: ok is True,
    ),
    "mobileDrag": (
        lambda bee, one: bee.mobile.drag(one, x1=10, y1=20, x2=30, y2=40),
        lambda ok, _: ok is True,
    ),
    "mobileSwipe": (
        lambda bee, one: bee.mobile.swipe(one, x1=10, y1=20, x2=30, y2=40, duration_ms=300),
        lambda ok, _: ok is True,
    ),
    "mobileScroll": (
        lambda bee, one: bee.mobile.scroll(one, direction="up"),
        lambda ok, _: ok is True,
    ),
    "mobileType": (
        lambda bee, one: bee.mobile.type(one, text="milk"),
        lambda ok, _: ok is True,
    ),
    "mobileKey": (
        lambda bee, one: bee.mobile.key(one, keys=["KEYCODE_ENTER"]),
        lambda ok, _: ok is True,
    ),
    "mobilePressButton": (
        lambda bee, one: bee.mobile.press_button(one, button="home"),
        lambda ok, _: ok is True,
    ),
    "mobileListApps": (
        lambda bee, one: bee.mobile.apps(one, launchable_only=True),
        lambda found, _: [app.label for app in found] == ["Mail", "Maps"],
    ),
    "mobileOpenApp": (
        lambda bee, one: bee.mobile.open_app(one, app="net.example.mail", locale="de-AT"),
        lambda ok, _: ok is True,
    ),
    "mobileGetUiTree": (
        lambda bee, one: bee.mobile.ui_tree(one, format="raw"),
        lambda found, _: found.supported and found.content.startswith("<hierarchy"),
    ),
    # agents
    "listAgents": (
        lambda bee, _: bee.agents.list(limit=1000).collect(),
        lambda found, one: one.agent in [row.id for row in found],
    ),
    "getAgent": (
        lambda bee, one: bee.agents.get(one.agent),
        lambda found, one: found.id == one.agent,
    ),
    "updateAgent": (
        lambda bee, one: bee.agents.update(one.agent, visibility="unlisted"),
        lambda told, one: (told.id, told.visibility) == (one.agent, "unlisted"),
    ),
    "deleteAgent": (
        lambda bee, one: refusal_of(bee.agents.delete(one.agent)),
        lambda error, _: isinstance(error, ConflictError),
    ),
    "invokeAgent": (
        lambda bee, one: bee.agents.invoke(one.agent, "hello"),
        lambda reply, _: reply.raise_for_error().text == "You said: hello",
    ),
    # tasks
    "createTask": (
        lambda bee, one: bee.tasks.create(one.agent, "Trim the hedge."),
        lambda made, one: made.agent_id == one.agent and made.task_id not in {"", one.id},
    ),
    "listUserTasks": (
        lambda bee, _: bee.tasks.list(state="all").collect(),
        lambda found, one: [row.task_id for row in found] == [one.paused, one.id],
    ),
    "listAgentTasks": (
        lambda bee, one: bee.tasks.list_for_agent(one.agent, state="open").collect(),
        lambda found, one: [row.task_id for row in found] == [one.paused],
    ),
    "getTask": (
        lambda bee, one: bee.tasks.get(one.agent, one.id),
        lambda found, one: (found.task_id, found.outcome) == (one.id, "completed"),
    ),
    "listTaskMessages": (
        lambda bee, one: bee.tasks.messages(one.agent, one.id).collect(),
        lambda found, _: [row.type for row in found] == ["chat_message", "agent_reply"],
    ),
    "streamTaskEvents": (
        lambda bee, one: events_of(bee.tasks.events(one.agent, one.id)),
        lambda told, _: told[-1].reason == "task_terminal",
    ),
    "cancelTask": (
        lambda bee, one: bee.tasks.cancel(one.agent, one.paused, reason="enough"),
        lambda told, one: (told.task_id, told.outcome) == (one.paused, "canceled"),
    ),
    "continueTask": (
        lambda bee, one: bee.tasks.continue_(one.agent, one.paused, input={"yes": True}),
        lambda told, one: (told.task_id, told.is_paused) == (one.paused, False),
    ),
    "registerTaskWebhook": (
        lambda bee, one: bee.tasks.register_webhook(
            one.agent, one.paused, url="https://hooks.example.net/b", secret="s" * 16
        ),
        lambda made, one: (made.task_id, made.has_secret) == (one.paused, True),
    ),
    "listTaskWebhooks": (
        lambda bee, one: bee.tasks.list_webhooks(one.agent, one.id),
        lambda found, one: [row.webhook_id for row in found] == [one.hook],
    ),
    "deleteTaskWebhook": (
        lambda bee, one: bee.tasks.delete_webhook(one.agent, one.id, one.hook),
        lambda told, _: told is None,
    ),
    "listWebhookDeliveries": (
        lambda bee, one: bee.tasks.webhook_deliveries(one.agent, one.id, one.hook, limit=3),
        lambda found, one: [row.delivery_id for row in found] == [one.delivery],
    ),
    "redeliverWebhook": (
        lambda bee, one: bee.tasks.redeliver_webhook(one.agent, one.id, one.hook, one.delivery),
        lambda made, one: made.status == "pending" and made.delivery_id != one.delivery,
    ),
    # conversations
    "createConversation": (
        lambda bee, one: bee.conversations.create(one.agent, title="Hedges", metadata={"a": "b"}),
        lambda made, one: (made.agent_id, made.title, made.is_open) == (one.agent, "Hedges", True),
    ),
    "listConversations": (
        lambda bee, one: bee.conversations.list(one.agent, state="all").collect(),
        lambda found, one: [row.conversation_id for row in found] == [one.over, one.id],
    ),
    "getConversation": (
        lambda bee, one: bee.conversations.get(one.agent, one.id),
        lambda found, one: found.conversation_id == one.id,
    ),
    "renameConversation": (
        lambda bee, one: bee.conversations.rename(one.agent, one.id, "Roses"),
        lambda told, one: (told.conversation_id, told.title) == (one.id, "Roses"),
    ),
    "deleteConversation": (
        lambda bee, one: bee.conversations.delete(one.agent, one.id),
        lambda told, _: told is None,
    ),
    "sendConversationMessage": (
        lambda bee, one: bee.conversations.send(one.agent, one.id, "And then?"),
        lambda told, one: told.message_id not in {"", one.message},
    ),
    "listConversationMessages": (
        lambda bee, one: bee.conversations.messages(one.agent, one.id).collect(),
        lambda found, one: found[0].message_id == one.message,
    ),
    "streamConversationEvents": (
        lambda bee, one: events_of(bee.conversations.events(one.agent, one.over)),
        lambda told, _: told[-1].reason == "channel_closed",
    ),
    "cancelConversation": (
        lambda bee, one: bee.conversations.cancel(one.agent, one.id, one.message, reason="slow"),
        lambda told, _: told.operation_id and told.status == "accepted",
    ),
    "clearConversation": (
        lambda bee, one: bee.conversations.clear(one.agent, one.id),
        lambda told, one: (told.conversation_id, told.generation) == (one.id, 2),
    ),
    "setConversationModel": (
        lambda bee, one: bee.conversations.set_model(one.agent, one.id, None, operation_id=UUID),
        lambda told, _: told.operation_id == UUID,
    ),
    # files
    "presignFileUpload": (
        lambda bee, _: bee.files.presign_upload(filename="a.txt", content_type="text/plain"),
        lambda told, one: told.file_id not in {"", one},
    ),
    "getFile": (
        lambda bee, one: bee.files.get(one),
        lambda found, one: (found.file_id, found.size) == (one, 5),
    ),
    # runtime
    "getRuntimeCapabilities": (
        lambda bee, one: bee.runtime.capabilities(one.instance),
        lambda found, _: "skills/list" in found["methods"],
    ),
    "invokeRuntimeMethod": (
        lambda bee, one: bee.runtime.invoke(one.instance, "skills/list"),
        lambda told, _: told.operation_id == told.body["result"]["operationId"],
    ),
    "listRuntimeOperations": (
        lambda bee, one: bee.runtime.operations(one.instance).collect(),
        lambda found, one: [row.id for row in found] == [one.operation],
    ),
    "getRuntimeOperation": (
        lambda bee, one: bee.runtime.operation(one.instance, one.operation),
        lambda found, one: (found.id, found.terminal) == (one.operation, False),
    ),
    "streamRuntimeOperationEvents": (
        lambda bee, one: events_of(bee.runtime.operation_events(one.instance, one.operation)),
        lambda told, _: told[-1].event.outcome == "succeeded",
    ),
    "cancelRuntimeOperation": (
        lambda bee, one: bee.runtime.cancel_operation(one.instance, one.operation),
        lambda told, one: told.operation_id == one.operation,
    ),
    "createTerminalSession": (
        lambda bee, one: bee.runtime.terminal_session(one.instance, platform_agent_id=UUID),
        lambda ticket, _: ticket["ticket"],
    ),
    "createCanvasSession": (
        lambda bee, one: bee.runtime.canvas_session(
            one.instance, platform_agent_id=UUID, conversation_id=one.id, canvas_id="board:1"
        ),
        lambda ticket, _: ticket["ticket"],
    ),
}


class Talk(NamedTuple):
    """A conversation with a turn in it, and an operation that is under way."""

    instance: str
    agent: str
    id: str
    message: str
    over: str
    """Another conversation, which is closed."""

    operation: str


def talk(cloud: Emulator, pace: float) -> Talk:
    world = cloud.world
    world.conversations.reply_time = world.runtimes.pace = pace
    instance = world.add_instance(status="running")
    agent = agent_of(instance)
    over, id = (
        world.conversations.create(agent, CreateConversation()).conversation_id for _ in range(2)
    )
    world.conversations.delete(agent, over)
    message = world.conversations.send(agent, id, SendMessage(message="Where were we?")).message_id
    asked = InvokeRuntimeMethod(jsonrpc="2.0", id=1, method="skills/list", params={})
    return Talk(instance, agent, id, message, over, world.runtimes.invoke(instance, asked, ""))


class Work(NamedTuple):
    """A task that is over and whose receiver is not there, and one that waits for input."""

    agent: str
    id: str
    paused: str
    hook: str
    delivery: str


def work(cloud: Emulator) -> Work:
    tasks, hooks = cloud.world.tasks, cloud.world.hooks
    agent = agent_of(cloud.world.add_instance(status="running"))
    tasks.work_time = 0.0
    id, paused = (
        tasks.create(agent, CreateTask(message=message)).task_id for message in ("Go.", "ask: Go?")
    )
    # Looking lets time pass: the one is over then, and the other waits.
    job = tasks.job(agent, id)
    hook = hooks.register(id, RegisterWebhook(url="https://hooks.example.net/a")).webhook_id
    hooks.tell(job)
    delivery = hooks.due.pop()
    hooks.report(delivery, 0, "transport: nobody is there")
    return Work(agent, id, paused, hook, delivery.id)


def resource(cloud: Emulator, operation: str) -> Any:
    """Give what a route is about: a stopped instance, or something that can be reached."""
    path = table.ROWS[operation].path
    if path.startswith("/api/v1/files"):
        return cloud.world.files.keep(b"bytes", "a.txt", "text/plain").file_id
    if "/conversations" in path or "{instanceId}" in path:
        # What is followed shall come to its end; all else shall be met under way.
        return talk(cloud, 0.0 if path.endswith("/events") else 3600.0)
    if path.startswith(("/api/v1/agents", "/api/v1/tasks")):
        return work(cloud)
    place = path.removeprefix("/api/v1/instances/{id}/").partition("/")[0]
    system = {"computer": "linux", "mobile": "android"}.get(place)
    if system is None:
        return cloud.ids[0]
    return cloud.world.add_instance(status="running", os_type=system)


@pytest.mark.parametrize("operation", table.ROWS)
async def test_the_client_and_the_emulator_agree(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """One method, one request to the row's route, one answer of the row's type."""
    drive, holds = CALLS[operation]
    id = resource(cloud, operation)

    answer = await drive(bee, id)

    assert holds(answer, id)
    (entry,) = cloud.log
    assert entry.operation == operation
    assert entry.method == table.ROWS[operation].method
    # There is one that the contract knows no yes to.
    assert entry.status == 409 if operation == "deleteAgent" else 200 <= entry.status < 300


def test_no_line_is_left_over() -> None:
    """What is no longer in the table is no longer driven."""
    assert list(CALLS) == list(table.ROWS)
