"""Does somebody else's client accept our pretend cloud?

The official SDK is the witness that is not our code: it drives every endpoint over
HTTP and puts every answer through its own models.  It is synchronous, so it asks from a
thread while the cloud runs in the test's loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import beeos_sdk as official
import pytest
from beeos_sdk.exceptions import (
    ApiException,
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from hand_clock import HandClock
from pydantic_core import to_jsonable_python

from beeos_async._protocol.table import ROWS
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.models.conversations import CreateConversation, SendMessage
from beeos_async.models.runtime import InvokeRuntimeMethod
from beeos_async.models.tasks import CreateTask, RegisterWebhook

pytestmark = pytest.mark.anyio


def said(value: Any) -> Any:
    """Leave out nulls: its models write some that nobody said."""
    if isinstance(value, dict):
        return {name: said(one) for name, one in value.items() if one is not None}
    return [said(one) for one in value] if isinstance(value, list) else value


class Witness:
    """The official SDK with one session, and what it has asked so far."""

    def __init__(self, url: str, key: str | None = "emulator") -> None:
        # Its pool would hide a refusal by asking again on its own.
        told = official.Configuration(host=url, access_token=key, retries=False)
        self._session = official.ApiClient(told)
        self.instances = official.InstancesApi(self._session)
        self.catalog = official.DeployApi(self._session)
        self.computer = official.ComputerApi(self._session)
        self.mobile = official.MobileApi(self._session)
        self.files = official.FilesApi(self._session)
        self.agents = official.AgentsApi(self._session)
        self.tasks = official.TasksApi(self._session)
        self.conversations = official.ConversationsApi(self._session)
        self.runtime = official.DefaultApi(self._session)

    async def ask(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call one of its methods, and hold its reading of the answer against the bytes."""
        bound: Any = method
        full = getattr(bound.__self__, f"{bound.__name__}_with_http_info")
        answer = await asyncio.to_thread(full, *args, **options)
        found = answer.data
        # Nothing in our answer is unknown to it, and nothing is read as something else.
        if isinstance(found, str):
            assert found.encode() == answer.raw_data
        elif found is None:
            assert answer.raw_data == b""
        else:
            read = found if isinstance(found, dict) else to_jsonable_python(found.to_dict())
            assert said(read) == said(json.loads(answer.raw_data))
        assert answer.headers["X-Request-Id"]
        return getattr(found, "data", found)

    async def refused(
        self, method: Callable[..., Any], *args: Any, **options: Any
    ) -> tuple[Any, Any]:
        """Call one of its methods, which must raise, and give what it raised."""
        with pytest.raises(ApiException) as caught:
            await asyncio.to_thread(method, *args, **options)
        error: Any = caught.value
        # The statuses a method does not document it leaves unread.
        told: Any = error.data or official.ErrorResponse.from_json(error.body)
        assert told.success is False
        assert told.error.request_id == error.headers["X-Request-Id"]
        return error, told.error

    def close(self) -> None:
        # Its own `with` block closes nothing.
        self._session.rest_client.pool_manager.clear()


@pytest.fixture
async def witness(cloud: Emulator) -> AsyncIterator[Witness]:
    witness = Witness(cloud.url)
    yield witness
    witness.close()


async def test_the_witness_reads_the_catalog(witness: Witness) -> None:
    """Providers, regions and models are what it takes them for, whole and narrowed."""
    catalog = witness.catalog

    providers = await witness.ask(catalog.list_providers)
    regions = await witness.ask(catalog.list_deploy_regions)
    models = await witness.ask(catalog.list_deploy_models)
    provider, framework = providers[0].meta.id, "nectar-phone"
    near = await witness.ask(catalog.list_deploy_regions, provider_id=provider)
    fitting = await witness.ask(catalog.list_deploy_models, agent_framework=framework)

    assert all(isinstance(one, official.ProviderCatalogItem) for one in providers)
    assert all(isinstance(one, official.DeployRegionItem) for one in regions)
    assert all(isinstance(one, official.DeployModelItem) for one in models)
    assert 0 < len(near) < len(regions)
    assert 0 < len(fitting) < len(models)
    assert await witness.ask(catalog.list_deploy_regions, provider_id="nowhere") == []


async def test_the_witness_pages_through_all_instances(cloud: Emulator, witness: Witness) -> None:
    """Pages begin at 0, do not overlap, and each tells the sum."""
    seen: list[str] = []
    for page in range(4):
        options = {"page": page, "page_size": 7}
        rows = await witness.ask(witness.instances.list_instances, **options)
        seen += [row.id for row in rows]

    assert seen == cloud.ids
    whole = await asyncio.to_thread(witness.instances.list_instances, page=2, page_size=7)
    assert (len(whole.data), whole.total) == (6, 20)


async def test_the_witness_filters_the_list(cloud: Emulator, witness: Witness) -> None:
    """Each filter it can send narrows the list, and they combine with "and"."""
    odd = cloud.world.add_instance(
        status="running",
        name="Odd One",
        provider_id="elsewhere",
        agent_framework="odd-frame",
        cluster_id="cl-odd",
    )
    filters = {
        "status": "running",
        "provider_id": "elsewhere",
        "agent_framework": "odd-frame",
        "cluster_id": "cl-odd",
        "search": "odd one",
    }
    rows = witness.instances.list_instances

    for name, value in filters.items():
        assert [one.id for one in await witness.ask(rows, **{name: value})] == [odd]
    assert [one.id for one in await witness.ask(rows, **filters)] == [odd]
    assert await witness.ask(rows, **{**filters, "status": "stopped"}) == []


async def test_the_witness_leads_an_instance_through_its_life(
    cloud: Emulator, witness: Witness
) -> None:
    """Start, restart, stop and destroy answer with what it takes for an instance or a word."""
    id, instances = cloud.ids[0], witness.instances

    before = await witness.ask(instances.get_instance, id)
    started = await witness.ask(instances.start_instance, id)
    again = await witness.ask(instances.start_instance, id)
    restarted = await witness.ask(instances.restart_instance, id)
    stopped = await witness.ask(instances.stop_instance, id)
    word = await witness.ask(instances.destroy_instance, id)
    after = await witness.ask(instances.get_instance, id)

    assert (before.status, before.desired_status) == ("stopped", "stopped")
    assert {one.id for one in (started, again, restarted, stopped, after)} == {id}
    assert (started.desired_status, again.status) == ("running", "running")
    assert (restarted.desired_status, stopped.desired_status) == ("running", "stopped")
    assert (word, after.status) == ("destroyed", "terminated")
    assert cloud.effects(id) == 1


async def test_the_witness_asks_for_the_device(cloud: Emulator, witness: Witness) -> None:
    """Phones and desktops tell what they are, running or not."""
    told = [await witness.ask(witness.instances.get_device_info, id) for id in cloud.ids]

    assert {one.type for one in told} == {"android", "linux"}


@pytest.mark.parametrize(
    "wanted",
    [
        {"variantId": "variant-bee-small"},
        {"agentFramework": "nectar-claw", "providerId": "comb-k8s", "models": ["clover/mini-3"]},
    ],
    ids=["by variant", "by hand"],
)
async def test_the_witness_deploys(
    cloud: Emulator, witness: Witness, wanted: dict[str, Any]
) -> None:
    """Both ways of saying what to deploy make an instance, which it can get."""
    request = official.DeployInstanceRequest(name="made-by-the-witness", **wanted)

    made = await witness.ask(witness.instances.deploy_instance, request)
    found = await witness.ask(witness.instances.get_instance, made.id)

    assert made.id not in cloud.ids
    assert (made.name, found.name) == ("made-by-the-witness", "made-by-the-witness")
    assert made.agent_framework == wanted.get("agentFramework", made.agent_framework)
    assert cloud.log[0].status == 201


async def test_the_witness_knows_every_endpoint_of_the_table(
    cloud: Emulator, witness: Witness
) -> None:
    """Called by its names, it asks for what our rows say: same method, same route."""
    id, instances, catalog = cloud.ids[0], witness.instances, witness.catalog
    request = official.DeployInstanceRequest(name="any", variantId="any")
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (catalog.list_providers, ()),
        (catalog.list_deploy_regions, ()),
        (catalog.list_deploy_models, ()),
        (instances.list_instances, ()),
        (instances.get_instance, (id,)),
        (instances.deploy_instance, (request,)),
        (instances.start_instance, (id,)),
        (instances.stop_instance, (id,)),
        (instances.restart_instance, (id,)),
        (instances.destroy_instance, (id,)),
        (instances.get_device_info, (id,)),
        *actions(cloud, witness),
        *errands(cloud, witness),
        *talk(cloud, witness),
        *luggage(cloud, witness),
        *work(cloud, witness),
    ]

    for method, args in calls:
        if method == witness.agents.delete_agent:
            # There is no yes to this one.
            await witness.refused(method, *args)
        else:
            await witness.ask(method, *args)

    asked = [entry.operation for entry in cloud.log]
    assert asked == list(ROWS)
    assert asked == [camel(method.__name__) for method, _ in calls]


def actions(cloud: Emulator, witness: Witness) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Give a call of each method for desktops and phones, in the order of our table."""
    desk = cloud.world.add_instance(status="running", os_type="linux")
    phone = cloud.world.add_instance(status="running", os_type="android")
    of, on = witness.computer, witness.mobile
    way = {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "duration_ms": 300}
    return [
        (of.get_computer_info, (desk,)),
        (of.computer_screenshot, (desk,)),
        (of.computer_click, (desk, official.ClickRequest(x=1, y=2, button="right", count=2))),
        (of.computer_move, (desk, official.MoveRequest(x=1, y=2))),
        (of.computer_scroll, (desk, official.ScrollRequest(direction="down", amount=2))),
        (of.computer_type, (desk, official.TypeRequest(text="Grüße", submit=True))),
        (of.computer_key, (desk, official.KeyRequest(keys=["ctrl", "c"]))),
        (on.get_mobile_info, (phone,)),
        (on.mobile_screenshot, (phone,)),
        (on.mobile_tap, (phone, official.TapRequest(x=1, y=2))),
        (on.mobile_double_tap, (phone, official.TapRequest(x=1, y=2))),
        (on.mobile_long_press, (phone, official.LongPressRequest(x=1, y=2, duration_ms=900))),
        (on.mobile_drag, (phone, official.DragRequest(**way))),
        (on.mobile_swipe, (phone, official.SwipeRequest(**way))),
        (on.mobile_scroll, (phone, official.ScrollRequest(x=1, y=2, direction="up"))),
        (on.mobile_type, (phone, official.TypeRequest(text="milk"))),
        (on.mobile_key, (phone, official.KeyRequest(keys=["KEYCODE_ENTER"]))),
        (on.mobile_press_button, (phone, official.PressButtonRequest(button="home"))),
        (on.mobile_list_apps, (phone,)),
        (on.mobile_open_app, (phone, official.OpenAppRequest(app="net.example.mail"))),
        (on.mobile_get_ui_tree, (phone,)),
    ]


KEY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def errands(cloud: Emulator, witness: Witness) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Give a call of each method for agents and tasks, in the order of our table."""
    world, on, of = cloud.world, witness.agents, witness.tasks
    agent = agent_of(world.add_instance(status="running"))
    world.tasks.work_time = 0.0
    over, paused = (
        world.tasks.create(agent, CreateTask(message=message)).task_id
        for message in ("Go.", "ask: Go?")
    )
    job = world.tasks.job(agent, over)
    url = "http://127.0.0.1:1/hook"
    hook = world.hooks.register(over, RegisterWebhook(url=url)).webhook_id
    world.hooks.tell(job)
    delivery = world.hooks.due.pop()
    world.hooks.report(delivery, 0, "transport: nobody is there")
    receiver = official.RegisterTaskWebhookRequest(url=url, token="t" * 16, secret="s" * 16)
    return [
        (on.list_agents, ()),
        (on.get_agent, (agent,)),
        (on.update_agent, (agent, official.UpdateAgentRequest(visibility="public"))),
        (on.delete_agent, (agent,)),
        (on.invoke_agent, (agent, official.InvokeAgentRequest(message="hello"))),
        (of.create_task, (agent, official.CreateTaskRequest(message="Trim the hedge."))),
        (of.list_user_tasks, ()),
        (of.list_agent_tasks, (agent,)),
        (of.get_task, (agent, over)),
        (of.list_task_messages, (agent, over)),
        (of.stream_task_events, (agent, over)),
        (of.cancel_task, (agent, over)),
        (of.continue_task, (agent, paused, official.ContinueTaskRequest(input="yes"))),
        (of.register_task_webhook, (agent, paused, receiver)),
        (of.list_task_webhooks, (agent, over)),
        (of.delete_task_webhook, (agent, paused, "whk-3")),
        (of.list_webhook_deliveries, (agent, over, hook)),
        (of.redeliver_webhook, (agent, over, hook, delivery.id)),
    ]


def luggage(cloud: Emulator, witness: Witness) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Give a call of each method for files, in the order of our table."""
    kept = cloud.world.files.keep(b"bytes", "a.txt", "text/plain").file_id
    wanted = official.PresignUploadRequest(filename="a.txt", content_type="text/plain")
    return [(witness.files.presign_file_upload, (wanted,)), (witness.files.get_file, (kept,))]


def talk(cloud: Emulator, witness: Witness) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Give a call of each method for conversations, in the order of our table."""
    world, of = cloud.world, witness.conversations
    agent = agent_of(world.add_instance(status="running"))
    one, over = (
        world.conversations.create(agent, CreateConversation()).conversation_id for _ in range(2)
    )
    world.conversations.reply_time = 3600.0
    turn = world.conversations.send(agent, one, SendMessage(message="Where were we?")).message_id
    world.conversations.delete(agent, over)
    return [
        (of.create_conversation, (agent,)),
        (of.list_conversations, (agent,)),
        (of.get_conversation, (agent, over)),
        (
            of.rename_conversation,
            (KEY, agent, one, official.RenameConversationRequest(title="Roses")),
        ),
        (of.delete_conversation, (agent, over)),
        (
            of.send_conversation_message,
            (agent, one, official.SendMessageRequest(message="And then?")),
        ),
        (of.list_conversation_messages, (agent, one)),
        (of.stream_conversation_events, (agent, over)),
        (
            of.cancel_conversation,
            (agent, one, official.CancelConversationRequest(target_message_id=turn)),
        ),
        (of.clear_conversation, (KEY, agent, one)),
        (
            of.set_conversation_model,
            (KEY, agent, one, official.SetConversationModelRequest(modelOverrideId="m")),
        ),
    ]


def work(cloud: Emulator, witness: Witness) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Give a call of each method for runtimes, in the order of our table."""
    of, one = witness.runtime, cloud.world.add_instance(status="running")
    asked = InvokeRuntimeMethod(jsonrpc="2.0", id=1, method="skills/list", params={})
    id = cloud.world.runtimes.invoke(one, asked, "")
    cloud.world.runtimes.pace = 3600.0
    other = cloud.world.runtimes.invoke(one, asked, "")
    request = official.InvokeRuntimeMethodRequest(
        jsonrpc="2.0", id=7, method="skills/install", params={"name": "ocr"}
    )
    terminal = official.CreateTerminalSessionRequest(platformAgentId=KEY)
    canvas = official.CreateCanvasSessionRequest(
        platformAgentId=KEY, conversationId=KEY, canvasId="board:1"
    )
    return [
        (of.get_runtime_capabilities, (one,)),
        (of.invoke_runtime_method, (one, request)),
        (of.list_runtime_operations, ("active", one)),
        (of.get_runtime_operation, (one, id)),
        (of.stream_runtime_operation_events, (one, id)),
        (of.cancel_runtime_operation, (KEY, one, other)),
        (of.create_terminal_session, (one, terminal)),
        (of.create_canvas_session, (one, canvas)),
    ]


async def test_the_witness_talks(cloud: Emulator, witness: Witness) -> None:
    """What it says is taken, replied to, and what it takes for a page of messages."""
    of, agent = witness.conversations, agent_of(cloud.world.add_instance(status="running"))
    cloud.world.conversations.reply_time = 0.0
    request = official.CreateConversationRequest(title="The hedge", metadata={"ticket": "H-12"})

    made = await witness.ask(of.create_conversation, agent, create_conversation_request=request)
    id = made.conversation_id
    message = official.SendMessageRequest(message="How high?", idempotency_key="turn-1")
    sent = await witness.ask(of.send_conversation_message, agent, id, message)
    again = await witness.ask(of.send_conversation_message, agent, id, message)
    page = await witness.ask(of.list_conversation_messages, agent, id, include_deltas=True)
    await witness.ask(of.delete_conversation, agent, id)
    open_ones = await witness.ask(of.list_conversations, agent)
    closed = await witness.ask(of.list_conversations, agent, state="closed", limit=1)
    late = official.SendMessageRequest(message="Still there?")
    error, told = await witness.refused(of.send_conversation_message, agent, id, late)

    assert (made.title, made.metadata, made.state) == ("The hedge", {"ticket": "H-12"}, "active")
    assert sent.message_id == again.message_id == page.messages[0].message_id
    assert [one.type for one in page.messages] == ["chat_message", "agent_reply"]
    assert page.messages[1].state == "completed"
    assert page.messages[1].parts[0].actual_instance.type == "thinking"
    assert open_ones.conversations == []
    assert [one.state for one in closed.conversations] == ["closed"]
    assert isinstance(error, ConflictException)
    assert told.code == "conflict"


async def test_the_witness_has_something_done(cloud: Emulator, witness: Witness) -> None:
    """It creates, waits, continues, reads and cancels, and takes each answer for what it is."""
    of, agent = witness.tasks, agent_of(cloud.world.add_instance(status="running"))
    cloud.world.tasks.work_time = 0.0
    kept = cloud.world.files.keep(b"bytes", "a.txt", "text/plain").file_id
    request = official.CreateTaskRequest(
        message="ask: how high?",
        deadline_ms=60_000,
        idempotency_key="mine",
        metadata={"run": "3"},
        attachments=[official.AttachmentRef(file_id=kept, filename="a.txt")],
    )

    made = await witness.ask(of.create_task, agent, request)
    again = await witness.ask(of.create_task, agent, request)
    paused = await witness.ask(of.get_task, agent, made.task_id)
    given = official.ContinueTaskRequest(input={"metres": 2})
    await witness.ask(of.continue_task, agent, made.task_id, given)
    done = await witness.ask(of.get_task, agent, made.task_id)
    page = await witness.ask(of.list_task_messages, agent, made.task_id, include_deltas=True)
    rows = await witness.ask(of.list_user_tasks, state="closed", limit=1)
    none = await witness.ask(of.list_agent_tasks, agent)
    error, told = await witness.refused(of.continue_task, agent, made.task_id, given)

    assert made.task_id == again.task_id
    assert (paused.status, done.status) == ("input_required", "completed")
    assert done.result == 'You said: how high? {"metres":2}'
    assert (done.metadata, done.caller_id) == ({"run": "3"}, "usr-pretend-1")
    assert [one.type for one in page.messages] == [
        *("chat_message", "agent.input_required", "user.continue", "agent_reply"),
    ]
    assert [(row.task_id, row.close_reason) for row in rows.tasks] == [(made.task_id, "completed")]
    assert none.tasks == []
    assert isinstance(error, ConflictException)
    assert told.message == "task is already closed"


async def test_the_witness_asks_an_agent(cloud: Emulator, witness: Witness) -> None:
    """A no inside a yes is an answer, an agent that is away is a 503, a long silence a 504."""
    on, agent = witness.agents, agent_of(cloud.world.add_instance(status="running"))

    def asking(message: str) -> tuple[str, Any]:
        return agent, official.InvokeAgentRequest(message=message)

    reply = await witness.ask(on.invoke_agent, *asking("hello"))
    refused = await witness.ask(on.invoke_agent, *asking("refuse: it"))
    late, told = await witness.refused(on.invoke_agent, *asking("linger: over it"))
    away, why = await witness.refused(
        on.invoke_agent, agent_of(cloud.ids[0]), official.InvokeAgentRequest(message="hello")
    )

    assert (reply.text, reply.is_error) == ("You said: hello", False)
    assert (refused.is_error, refused.context_id != reply.context_id) == (True, True)
    assert (late.status, told.code) == (504, "service_timeout")
    assert (away.status, why.code) == (503, "agent_offline")


async def test_the_witness_is_told_what_a_runtime_refuses(
    cloud: Emulator, witness: Witness
) -> None:
    """A 200 is its error model; what comes bare under a 409 is a model of its own."""
    of, one = witness.runtime, cloud.world.add_instance(status="running")
    cloud.world.runtimes.pace = 0.0
    request = official.InvokeRuntimeMethodRequest(
        jsonrpc="2.0", id="mine", method="moon/land", params={}
    )
    asked = InvokeRuntimeMethod(jsonrpc="2.0", id=1, method="cron/list", params={})
    id = cloud.world.runtimes.invoke(one, asked, "")

    no = await witness.ask(of.invoke_runtime_method, one, request)
    with pytest.raises(ConflictException) as caught:
        await asyncio.to_thread(of.cancel_runtime_operation, KEY, one, id)

    assert isinstance(no, official.RuntimeJSONRPCBusinessError)
    assert (no.error.code, no.error.message) == (-32001, "METHOD_NOT_SUPPORTED")
    conflict: Any = caught.value.data
    assert isinstance(conflict, official.ServiceOperationCancelConflict)
    assert conflict.operation_id == id


async def test_the_witness_works_a_phone(cloud: Emulator, witness: Witness) -> None:
    """What it says arrives, word for word, and what it sees is what it takes it for."""
    phone = cloud.world.add_instance(status="running", os_type="android")
    on = witness.mobile

    info = await witness.ask(on.get_mobile_info, phone)
    opened = await witness.ask(
        on.mobile_open_app, phone, official.OpenAppRequest(app="net.example.maps", locale="de")
    )
    missed = await witness.ask(on.mobile_tap, phone, official.TapRequest(x=info.screen_width, y=0))
    apps = await witness.ask(on.mobile_list_apps, phone, include_system=True)
    few = await witness.ask(on.mobile_list_apps, phone, launchable_only=True)
    tree = await witness.ask(on.mobile_get_ui_tree, phone, query="maps", format="raw")
    shot = await witness.ask(on.mobile_screenshot, phone)

    assert (info.os, info.coordinate_system, info.online) == ("android", "absolute_pixels", True)
    assert (opened.ok, missed.ok) == (True, False)
    assert (len(apps.apps), len(few.apps)) == (5, 2)
    assert tree.supported
    assert 'text="Maps"' in tree.content
    assert (shot.format, shot.width, shot.height) == ("png", 1080, 2400)
    (action,) = cloud.world.devices.actions(phone)
    assert action.fields == {"app": "net.example.maps", "locale": "de"}


async def test_the_witness_is_told_that_a_device_is_busy_or_away(
    cloud: Emulator, witness: Witness
) -> None:
    """409, 503, 400 and 404 are what it raises, with the codes the contract has for devices."""
    held = cloud.world.add_instance(status="running", os_type="linux")
    away = cloud.world.add_instance(status="stopped", os_type="linux")
    cloud.world.devices.hold(held)
    poor = cloud.world.add_instance(status="running", os_type="linux")
    cloud.world.devices.script(poor, unsupported=["move"])
    phone = cloud.world.add_instance(status="running", os_type="android")
    met: list[tuple[type[ApiException], str]] = []

    for id in (held, away, poor, phone):
        request = official.MoveRequest(x=1, y=1)
        error, told = await witness.refused(witness.computer.computer_move, id, request)
        met.append((type(error), told.code))

    assert met == [
        (ConflictException, "device_busy"),
        (ServiceException, "device_offline"),
        (BadRequestException, "action_unsupported"),
        (NotFoundException, "agent_not_found"),
    ]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "missing_token"), ("oag_" + "0123456789abcdef" * 4, "invalid_token")],
    ids=["no key", "a key that looks real"],
)
async def test_the_witness_is_told_that_its_key_is_bad(
    cloud: Emulator, key: str | None, code: str
) -> None:
    """401 is what it raises for a missing key, and for one that should not be here."""
    stranger = Witness(cloud.url, key)

    error, told = await stranger.refused(stranger.instances.start_instance, cloud.ids[0])
    stranger.close()

    assert isinstance(error, UnauthorizedException)
    assert (error.status, told.code, told.type) == (401, code, "authentication_error")


async def test_the_witness_is_told_that_there_is_no_such_instance(witness: Witness) -> None:
    """404 is what it raises for every route that names an unknown id."""
    of = witness.instances
    ways = [
        of.get_instance,
        of.start_instance,
        of.stop_instance,
        of.restart_instance,
        of.destroy_instance,
        of.get_device_info,
    ]
    for way in ways:
        error, told = await witness.refused(way, "inst-nowhere")

        assert isinstance(error, NotFoundException)
        assert (error.status, told.code, told.type) == (404, "agent_not_found", "not_found_error")


async def test_the_witness_is_told_of_a_conflict(cloud: Emulator, witness: Witness) -> None:
    """409 is what it raises when what is over shall start."""
    over = cloud.world.add_instance(status="terminated")

    error, told = await witness.refused(witness.instances.start_instance, over)

    assert isinstance(error, ConflictException)
    assert (error.status, told.code, told.type) == (409, "conflict", "conflict_error")


async def test_the_witness_is_told_what_is_wrong_with_its_body(
    cloud: Emulator, witness: Witness
) -> None:
    """400 is what it raises for a deployment of nothing; nothing is deployed."""
    nothing = official.DeployInstanceRequest(name="nothing")
    count = len(cloud.world)

    error, told = await witness.refused(witness.instances.deploy_instance, nothing)

    assert isinstance(error, BadRequestException)
    assert (error.status, told.code, told.type) == (400, "invalid_body", "invalid_request_error")
    assert len(cloud.world) == count


async def test_the_witness_is_told_to_slow_down(clock: HandClock) -> None:
    """429 is what it raises beyond the quota, with the pause in the header it passes on."""
    async with Emulator(instances=2, quota={"startInstance": 1.0}, clock=clock) as busy:
        hasty = Witness(busy.url)
        await hasty.ask(hasty.instances.start_instance, busy.ids[0])
        error, told = await hasty.refused(hasty.instances.start_instance, busy.ids[1])
        hasty.close()

    assert (error.status, told.code, told.type) == (429, "rate_limited", "rate_limit_error")
    assert error.headers["Retry-After"] == "1"
    # It has no class of its own for this one.
    assert type(error) is ApiException


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, BadRequestException, "invalid_param"),
        (401, UnauthorizedException, "invalid_token"),
        (403, ForbiddenException, "forbidden"),
        (404, NotFoundException, "agent_not_found"),
        (409, ConflictException, "conflict"),
        (413, ApiException, "payload_too_large"),
        (429, ApiException, "rate_limited"),
        (500, ServiceException, "internal_error"),
        (503, ServiceException, "agent_service_unavailable"),
        (504, ServiceException, "service_timeout"),
    ],
)
async def test_the_witness_reads_every_scripted_refusal(
    cloud: Emulator, witness: Witness, status: int, kind: type[ApiException], code: str
) -> None:
    """Whatever refusal is scripted, its error model takes the body: type, code, request id."""
    for operation in ROWS:
        cloud.faults.refuse(operation, status, times=None)

    for method in (witness.instances.start_instance, witness.instances.get_device_info):
        error, told = await witness.refused(method, cloud.ids[0])

        assert type(error) is kind
        assert (error.status, told.code) == (status, code)
