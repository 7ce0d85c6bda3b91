"""The pretend cloud's agents and tasks: what they do by themselves, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hand_clock import HandClock

from beeos_async import AsyncBeeOS, InvokeDone, InvokeFailure, ServiceUnavailableError
from beeos_async.emulator import Emulator, World
from beeos_async.emulator.agents import agent_of
from beeos_async.emulator.refusals import RefusedError
from beeos_async.models.agents import InvokeAgent
from beeos_async.models.messages import Message
from beeos_async.models.tasks import ContinueTask, CreateTask, RegisterWebhook

if TYPE_CHECKING:
    from conftest import Knock

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(clock: HandClock) -> World:
    world = World(clock, seed=3)
    world.tasks.work_time = 10.0
    return world


@pytest.fixture
def agent(world: World) -> str:
    return agent_of(world.add_instance(status="running"))


def made(world: World, agent: str, message: str, **options: Any) -> str:
    return world.tasks.create(agent, CreateTask(message=message, **options)).task_id


def said(world: World, agent: str, task: str) -> list[Message]:
    return world.tasks.page(agent, task, 0, 500, deltas=False).messages


def test_a_task_goes_its_way_in_its_own_time(world: World, agent: str, clock: HandClock) -> None:
    """Queued, then running, then a reply that grows, then over."""
    task = made(world, agent, "one two three")
    seen = []
    for _ in range(11):
        found = world.tasks.get(agent, task)
        seen.append((found.status, said(world, agent, task)[-1].text))
        clock.time += 1

    assert [status for status, _ in seen] == ["queued"] * 2 + ["running"] * 8 + ["completed"]
    growing = list(dict.fromkeys(text for _, text in seen[2:]))
    assert growing == [
        "You",
        "You said:",
        "You said: one",
        "You said: one two",
        "You said: one two three",
    ]
    assert found.completed_at is not None
    assert found.started_at is not None
    assert found.completed_at > found.started_at


def test_what_is_continued_takes_its_time_again(
    world: World, agent: str, clock: HandClock
) -> None:
    """And is told with what was put in."""
    task = made(world, agent, "ask: how high?")
    clock.time += 10
    world.tasks.go_on(agent, task, ContinueTask(input="two metres"))

    assert world.tasks.get(agent, task).status == "running"
    clock.time += 10
    assert world.tasks.get(agent, task).result == 'You said: how high? "two metres"'


def test_what_was_planned_ends_with_the_task(world: World, agent: str, clock: HandClock) -> None:
    """Nothing is said after the end, and the end stays what it was."""
    task = made(world, agent, "one two three", deadline_ms=60_000)
    clock.time += 5
    world.tasks.cancel(agent, task, "enough")
    count = len(said(world, agent, task))
    clock.time += 1000

    assert world.tasks.get(agent, task).status == "canceled"
    assert len(said(world, agent, task)) == count
    assert said(world, agent, task)[-1].type == "chat_cancel"


@pytest.mark.parametrize("message", ["Ask : it", "ask:it", "ASK: it"])
def test_a_script_is_one_word_and_a_colon(
    message: str, world: World, agent: str, clock: HandClock
) -> None:
    """In any case; without the colon it is a word like others."""
    task, plain = made(world, agent, message), made(world, agent, message.replace(":", ""))
    clock.time += 10

    assert world.tasks.get(agent, task).status == "input_required"
    assert world.tasks.get(agent, plain).status == "completed"


def test_a_task_belongs_to_its_agent_and_its_context(world: World, agent: str) -> None:
    """Nobody else has it, and a context must be there."""
    other = agent_of(world.add_instance(status="running"))
    task = made(world, agent, "x")

    for refused in (
        lambda: world.tasks.get(other, task),
        lambda: made(world, agent, "x", context_id="nowhere"),
        lambda: world.tasks.invoke(agent, InvokeAgent(message="x", context_id="nowhere")),
        lambda: world.tasks.get("agt-nowhere", task),
    ):
        with pytest.raises(RefusedError) as caught:
            refused()
        assert caught.value.status == 404
    assert made(world, agent, "x", context_id=task) != task


@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_an_agent_that_is_not_there_is_not_asked(world: World, state: str) -> None:
    """A task, too, needs somebody who does it."""
    asleep = agent_of(world.add_instance(status=state))

    with pytest.raises(RefusedError) as caught:
        made(world, asleep, "x")

    assert (caught.value.status, caught.value.code) == (503, "agent_offline")


def test_an_invocation_is_a_task_that_is_over(world: World, agent: str) -> None:
    """With the key as the message's id, which the agent's answer belongs to."""
    reply = world.tasks.invoke(agent, InvokeAgent(message="Hello", idempotency_key="key-1"))

    first, last = said(world, agent, reply.context_id)
    assert (first.message_id, first.text) == ("key-1", "Hello")
    assert (last.text, last.state) == ("You said: Hello", "completed")
    assert world.tasks.get(agent, reply.context_id).is_over


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        ("fail: it", "agent_reply_error", 502),
        ("refuse: it", "agent_reply_error", 502),
        ("linger: over it", "service_timeout", 504),
    ],
)
async def test_an_invocation_that_goes_wrong_says_so_in_its_stream(
    message: str, code: str, status: int, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """One `error`, then `done`."""
    agent = agent_of(cloud.world.add_instance(status="running"))

    async with bee.agents.invoke_stream(agent, message) as stream:
        failure, done = [event async for event in stream]

    assert isinstance(failure, InvokeFailure)
    assert isinstance(done, InvokeDone)
    assert (failure.code, failure.status_code) == (code, status)
    assert (done.is_error, done.code) == (True, code)


async def test_a_stream_to_nobody_is_refused_before_it_begins(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """As an answer in one piece is."""
    stream = bee.with_options(max_retries=0).agents.invoke_stream(agent_of(cloud.ids[0]), "Hello?")

    with pytest.raises(ServiceUnavailableError, match="no live session"):
        await stream.__aenter__()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", None),
        (b'{"name":"x"}', "name"),
        (b'{"visibility":"secret"}', "visibility"),
        (b'{"mcpEnabled":true,"mcp_enabled":false}', "mcp_enabled"),
    ],
)
async def test_an_update_of_anything_else_is_refused(
    body: bytes, param: str | None, cloud: Emulator, knock: Knock
) -> None:
    """Nothing, unknown names, unknown words, and two names that disagree."""
    heard = await knock(cloud, "PATCH", f"/api/v1/agents/{agent_of(cloud.ids[0])}", body)

    assert heard.status == 400
    assert heard.error.get("param") == param


@pytest.mark.parametrize(
    "body", [b'{"mcp_enabled":true}', b'{"mcpEnabled":true,"mcp_enabled":true}']
)
async def test_an_older_name_is_understood(body: bytes, cloud: Emulator, knock: Knock) -> None:
    """It means what the newer one means."""
    heard = await knock(cloud, "PATCH", f"/api/v1/agents/{agent_of(cloud.ids[0])}", body)

    assert heard.document["data"]["mcpEnabled"] is True


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/api/v1/tasks?state=asleep", "state"),
        ("/api/v1/tasks?limit=0", "limit"),
        ("/api/v1/tasks?limit=101", "limit"),
        ("/api/v1/tasks?since=x", "since"),
        ("/api/v1/agents?offset=-1", "offset"),
        ("/api/v1/agents/{agent}/tasks/{task}/messages?limit=501", "limit"),
        ("/api/v1/agents/{agent}/tasks/{task}/webhooks/{hook}/deliveries?limit=201", "limit"),
    ],
)
async def test_a_list_beyond_its_limits_is_refused(
    path: str, param: str, cloud: Emulator, knock: Knock
) -> None:
    """With the parameter that was wrong."""
    agent = agent_of(cloud.world.add_instance(status="running"))
    task = made(cloud.world, agent, "linger: on")
    hook = cloud.world.hooks.register(task, RegisterWebhook(url="http://127.0.0.1:1/"))

    heard = await knock(cloud, "GET", path.format(agent=agent, task=task, hook=hook.webhook_id))

    assert (heard.status, heard.error["param"]) == (400, param)


async def test_agents_of_an_instance_are_found_by_either_name(
    cloud: Emulator, knock: Knock
) -> None:
    """The parameter has two."""
    for name in ("instance_id", "instanceId"):
        heard = await knock(cloud, "GET", f"/api/v1/agents?{name}={cloud.ids[1]}")
        assert [row["instanceId"] for row in heard.document["data"]] == [cloud.ids[1]]
        assert heard.document["projection"]["syncState"] == "synced"
    assert (await knock(cloud, "GET", "/api/v1/agents?instance_id=x")).status == 404


async def test_what_was_due_when_the_cloud_closed_is_told_when_it_opens(
    clock: HandClock,
) -> None:
    """It remembers whom it has not told yet."""
    cloud = Emulator(instances=1, clock=clock)
    agent = agent_of(cloud.world.add_instance(status="running"))
    task = made(cloud.world, agent, "linger: on")
    hook = cloud.world.hooks.register(task, RegisterWebhook(url="http://127.0.0.1:1/")).webhook_id
    cloud.world.tasks.cancel(agent, task, None)

    assert cloud.world.hooks.deliveries(task, hook, 1)[0].status == "pending"
    async with cloud:
        async with asyncio.timeout(5):
            while cloud.world.hooks.deliveries(task, hook, 1)[0].status == "pending":
                await asyncio.sleep(0.001)

    assert cloud.world.hooks.deliveries(task, hook, 1)[0].attempt_num >= 1


async def test_a_cloud_can_be_opened_again(clock: HandClock) -> None:
    """Its store listens elsewhere then, and has what it had."""
    cloud = Emulator(instances=1, clock=clock)
    async with cloud:
        kept = cloud.world.files.keep(b"bytes", "a", "b/c").file_id
        first = cloud.world.files.base
    async with cloud, cloud.client() as bee:
        assert await bee.files.download(kept) == b"bytes"
        assert cloud.world.files.base != first
