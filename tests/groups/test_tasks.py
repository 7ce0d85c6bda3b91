"""The tasks group, against the emulator and against servers that say other things."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, requests
from hand_clock import HandClock
from msgspec import json

import beeos_async as b
from beeos_async import AsyncBeeOS, Message, Task
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.emulator.jobs import Job

pytestmark = pytest.mark.anyio


@pytest.fixture
def agent(cloud: Emulator) -> str:
    """Give an agent that is there to be asked, and needs no time."""
    cloud.world.tasks.work_time = 0.0
    return agent_of(cloud.world.add_instance(status="running"))


async def test_a_task_is_created_worked_on_and_read(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """From the first word to the result."""
    file = await bee.files.upload(b"x", filename="a.txt")

    made = await bee.tasks.create(
        agent,
        "Trim the hedge, please.",
        deadline_ms=60_000,
        metadata={"run": "17"},
        attachments=[file.attachment],
    )
    done = await bee.tasks.wait(agent, made.task_id, deadline=10)
    said = await bee.tasks.messages(agent, made.task_id).collect()

    assert (made.status, made.is_over) == ("queued", False)
    assert (done.outcome, done.result) == ("completed", "You said: Trim the hedge, please.")
    assert done.metadata == {"run": "17"}
    assert done.created_at is not None
    assert done.deadline_at is not None
    assert (done.deadline_at - done.created_at).total_seconds() == 60
    assert [one.type for one in said] == ["chat_message", "agent_reply"]
    assert said[-1].text == done.result


async def test_a_creation_whose_answer_is_lost_is_one_task(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """The same key, the same bytes, the same task."""
    cloud.faults.disconnect("createTask", when="after")

    made = await bee.tasks.create(agent, "Once.")

    first, second = [entry.body for entry in cloud.log]
    assert first == second
    assert b'"idempotency_key":"00000000-0000-4000-8000-000000000001"' in first
    (row,) = await bee.tasks.list(state="all").collect()
    assert row.task_id == made.task_id


async def test_the_same_key_is_the_same_task_and_another_payload_a_conflict(
    bee: AsyncBeeOS, agent: str
) -> None:
    """Across calls, as long as the caller keeps the key."""
    one = await bee.tasks.create(agent, "Once.", idempotency_key="mine")
    other = await bee.tasks.create(agent, "Once.", idempotency_key="mine")

    assert one.task_id == other.task_id
    with pytest.raises(b.ConflictError):
        await bee.tasks.create(agent, "Twice.", idempotency_key="mine")


async def test_a_200_for_a_created_task_will_do(clock: HandClock) -> None:
    """One page of the contract says so."""
    async with FaultServer(says({"task_id": "t", "agent_id": "a", "status": "queued"})) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            assert (await bee.tasks.create("a", "x")).task_id == "t"


async def test_tasks_are_listed_newest_first_and_page_by_page(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """By a cursor that says nothing, and narrowed by what they belong to."""
    made = [(await bee.tasks.create(agent, f"linger: {n}")).task_id for n in range(7)]
    elsewhere = agent_of(home := cloud.world.add_instance(status="running"))
    there = (await bee.tasks.create(elsewhere, "linger: there")).task_id
    await bee.tasks.cancel(agent, made[3])

    everything = [row.task_id async for row in bee.tasks.list(state="all", limit=3)]
    hers = [row async for row in bee.tasks.list_for_agent(agent, limit=2)]
    on_it = await bee.tasks.list(instance_id=home).collect()
    closed = await bee.tasks.list(agent_id=agent, state="closed").collect()

    assert everything == [there, *reversed(made)]
    assert [row.task_id for row in hers] == [id for id in reversed(made) if id != made[3]]
    assert all(row.is_open for row in hers)
    assert [row.task_id for row in on_it] == [there]
    assert [(row.task_id, row.is_open, row.close_reason) for row in closed] == [
        (made[3], False, "canceled")
    ]


@pytest.mark.fault("H29")
async def test_a_list_whose_cursors_go_round_ends_where_it_began(clock: HandClock) -> None:
    """Three pages that lead to each other are read once."""

    async def page(peer: Peer, seen: Seen) -> None:
        turn = int(seen.target.partition("since=")[2].partition("&")[0] or 0) % 3 + 1
        told = b'{"tasks":[{"task_id":"tsk-%d"}],"next_since":"%d"}' % (turn, turn)
        await peer.answer(b'{"success":true,"data":%s}' % told)

    async with FaultServer(requests(page)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            found = [row.task_id async for row in bee.tasks.list()]

    # The first page has another address when a cursor leads to it.
    assert found == ["tsk-1", "tsk-2", "tsk-3", "tsk-1"]
    assert len(server.seen) == 4


async def test_a_list_goes_on_from_a_cursor(bee: AsyncBeeOS, agent: str) -> None:
    """That of an earlier page; one that is none is refused."""
    for n in range(5):
        await bee.tasks.create(agent, f"linger: {n}")
    first = await anext(bee.tasks.list(limit=2).pages())

    rest = await bee.tasks.list(limit=2, since=first.next_cursor).collect()

    everything = await bee.tasks.list().collect()
    assert [*first.data, *rest] == everything
    for cursor in ("mine", "bWluZS8x", "dGFzay94"):
        with pytest.raises(b.BadRequestError, match="cursor"):
            await bee.tasks.list(since=cursor).collect()


async def test_a_pause_for_input_ends_a_wait_and_is_continued(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """Any JSON is an input."""
    made = await bee.tasks.create(agent, "ask: which account?")

    paused = await bee.tasks.wait(agent, made.task_id, deadline=10)
    with pytest.raises(b.BadRequestError):
        await bee.tasks.continue_(agent, made.task_id)
    going = await bee.tasks.continue_(agent, made.task_id, input={"account": 7})
    done = await bee.tasks.wait(agent, made.task_id, deadline=10)

    assert (paused.status, paused.is_paused, paused.is_over) == ("input_required", True, False)
    assert not going.is_paused
    assert done.result == 'You said: which account? {"account":7}'
    said = [one.type for one in await bee.tasks.messages(agent, made.task_id).collect()]
    assert said == ["chat_message", "agent.input_required", "user.continue", "agent_reply"]


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({}, b""),
        ({"input": None}, b'{"input":null}'),
        ({"input": "yes"}, b'{"input":"yes"}'),
        ({"auth_grant": True}, b'{"auth_grant":true}'),
        ({"auth_grant": False, "input": None}, b'{"input":null,"auth_grant":false}'),
    ],
)
async def test_what_is_not_said_is_not_null(
    given: dict[str, Any], body: bytes, cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """Nothing, null and a value are three things; without any there is no body."""
    made = await bee.tasks.create(agent, "ask: it")
    await bee.tasks.wait(agent, made.task_id)
    cloud.log.clear()

    try:
        await bee.tasks.continue_(agent, made.task_id, **given)
    except b.BadRequestError:
        assert "input" not in given

    assert cloud.log[0].body == body


async def test_a_pause_for_a_grant_is_granted(bee: AsyncBeeOS, agent: str) -> None:
    """A no is no grant, and a task that does not wait takes none."""
    made = await bee.tasks.create(agent, "login: to the bank")
    paused = await bee.tasks.wait(agent, made.task_id)

    with pytest.raises(b.BadRequestError):
        await bee.tasks.continue_(agent, made.task_id, auth_grant=False)
    await bee.tasks.continue_(agent, made.task_id, auth_grant=True)
    busy = await bee.tasks.create(agent, "linger: on")
    with pytest.raises(b.ConflictError, match="does not wait"):
        await bee.tasks.continue_(agent, busy.task_id, auth_grant=True)
    done = await bee.tasks.wait(agent, made.task_id)
    with pytest.raises(b.ConflictError, match="closed"):
        await bee.tasks.continue_(agent, made.task_id, auth_grant=True)

    assert paused.status == "auth_required"
    assert done.result == "You said: to the bank"


@pytest.mark.parametrize("operation", ["continueTask", "redeliverWebhook"])
async def test_what_acts_each_time_is_not_sent_twice(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A lost answer is told as one."""
    cloud.faults.disconnect(operation, when="before", times=None)

    with pytest.raises(b.ConnectionLostError) as caught:
        if operation == "continueTask":
            await bee.tasks.continue_("agt", "task", input=1)
        else:
            await bee.tasks.redeliver_webhook("agt", "task", "hook", "delivery")

    assert (caught.value.delivered, caught.value.attempts) == ("maybe", 1)
    assert [entry.operation for entry in cloud.log] == [operation]


@pytest.mark.parametrize(
    ("message", "outcome", "error"),
    [
        ("fail: at it", "failed", "the agent failed"),
        ("refuse: it", "rejected", "the agent refused"),
    ],
)
async def test_a_task_that_ends_badly_says_so(
    message: str, outcome: str, error: str, bee: AsyncBeeOS, agent: str
) -> None:
    """It is an end, and no exception."""
    made = await bee.tasks.create(agent, message)

    done = await bee.tasks.wait(agent, made.task_id)

    assert done.outcome == outcome
    assert done.error.startswith(error)
    assert done.result is None


async def test_a_task_has_a_deadline_of_its_own(bee: AsyncBeeOS, agent: str) -> None:
    """The server ends what is late."""
    made = await bee.tasks.create(agent, "linger: on", deadline_ms=1)

    assert (await bee.tasks.wait(agent, made.task_id)).outcome == "timeout"


async def test_a_task_is_canceled_once(cloud: Emulator, bee: AsyncBeeOS, agent: str) -> None:
    """A repeat changes nothing, and is no error."""
    made = await bee.tasks.create(agent, "linger: on")

    first = await bee.tasks.cancel(agent, made.task_id, reason="enough")
    second = await bee.tasks.cancel(agent, made.task_id)

    assert first == second
    assert first.outcome == "canceled"
    said = await bee.tasks.messages(agent, made.task_id).collect()
    assert [one.text for one in said if one.type == "chat_cancel"] == ["enough"]
    assert [entry.body for entry in cloud.log if entry.operation == "cancelTask"] == [
        b'{"reason":"enough"}',
        b"",
    ]


async def test_a_conflict_with_the_end_is_an_end(clock: HandClock) -> None:
    """Servers that do not like to cancel what is over are understood."""
    async with Emulator(strict=True) as cloud, cloud.client(_clock=clock) as bee:
        agent = agent_of(cloud.world.add_instance(status="running"))
        made = await bee.tasks.create(agent, "refuse: it")
        await bee.tasks.cancel(agent, made.task_id)

        again = await bee.tasks.cancel(agent, made.task_id, deadline=10)

        assert again.outcome == "canceled"
        assert cloud.log[-2].status == 409
        cloud.faults.refuse("cancelTask", 409, message="agent rejected the request")
        busy = await bee.tasks.create(agent, "linger: on")
        with pytest.raises(b.ConflictError, match="rejected the request"):
            await bee.tasks.cancel(agent, busy.task_id)


async def test_a_conflict_at_the_deadline_is_told(clock: HandClock) -> None:
    """There is no time left to look."""

    async def slow(peer: Peer, _: Seen) -> None:
        clock.time += 100
        await peer.answer(b"", "409 Conflict")

    async with FaultServer(requests(slow)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            with pytest.raises(b.ConflictError):
                await bee.tasks.cancel("a", "t", deadline=30)

    assert server.lines == ["POST /api/v1/agents/a/tasks/t/cancel"]


def says(*answers: dict[str, Any]) -> Any:
    """Make a server that tells a task in one state after another; the last one stays."""
    left = list(answers)

    async def handler(peer: Peer, _: Seen) -> None:
        data = left.pop(0) if len(left) > 1 else left[0]
        await peer.answer(json.encode({"success": True, "data": {"task_id": "t", **data}}))

    return requests(handler)


@pytest.mark.parametrize(
    ("status", "outcome", "paused"),
    [
        ("completed", "completed", False),
        ("failed", "failed", False),
        ("canceled", "canceled", False),
        ("timeout", "timeout", False),
        ("rejected", "rejected", False),
        ("succeeded", "completed", False),
        ("cancelled", "canceled", False),
        ("input_required", None, True),
        ("auth_required", None, True),
    ],
)
async def test_a_wait_ends_where_nothing_will_go_on_by_itself(
    status: str, outcome: str | None, paused: bool, clock: HandClock
) -> None:
    """At every end, in the words of older servers too, and at every pause."""
    server = FaultServer(says({"status": "queued"}, {"status": "news"}, {"status": status}))
    async with server, AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
        task = await bee.tasks.wait("a", "t")

    assert (task.status, task.outcome, task.is_paused) == (status, outcome, paused)
    assert len(server.seen) == 3
    assert clock.slept == [1.0, 1.5]


def chat(job: Job) -> None:
    """Say more than a look looks through."""
    for number in range(1001):
        job.channel.post(Message(type="agent_reasoning", body=str(number)))


ENDS: dict[str, tuple[Callable[[Job], object], tuple[str, object, str]]] = {
    "reply": (lambda job: job.answer("done"), ("completed", "done", "")),
    "fail": (Job.fail, ("failed", None, "the agent failed, as it was told to")),
    "refuse": (Job.refuse, ("rejected", None, "the agent refused, as it was told to")),
    "cancel": (lambda job: job.cancel("enough"), ("canceled", None, "")),
    "late": (Job.expire, ("timeout", None, "")),
    "ask": (lambda job: job.pause("input", "Which?"), ("input_required", None, "")),
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("later", [False, True])
async def test_a_wait_for_a_long_talk_ends_with_it(
    how: str, later: bool, cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """A look tells for ever how the first thousand messages left it; what follows is heard."""
    end, expected = ENDS[how]
    made = await bee.tasks.create(agent, "linger: on")
    job = cloud.world.tasks.job(agent, made.task_id)
    job.begin()
    chat(job)
    if not later:
        end(job)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        waiting = group.create_task(bee.tasks.wait(agent, made.task_id))
        while later and cloud.log[-1].operation != "streamTaskEvents":
            await asyncio.sleep(0)
        if later:
            end(job)

    found = waiting.result()
    assert (found.status, found.result, found.error) == expected
    assert (await bee.tasks.get(agent, made.task_id)).status == "running"


async def test_a_wait_for_a_long_talk_ends_in_time(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """What was seen of it is told, although it was never heard to end."""
    made = await bee.tasks.create(agent, "linger: on")
    job = cloud.world.tasks.job(agent, made.task_id)
    job.begin()
    chat(job)

    with pytest.raises(b.TaskTimeoutError, match="its status was 'running'"):
        await bee.tasks.wait(agent, made.task_id, deadline=0.05)


async def test_a_wait_for_a_long_talk_ends_with_what_cannot_be_heard(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """A refusal is one."""
    made = await bee.tasks.create(agent, "linger: on")
    chat(cloud.world.tasks.job(agent, made.task_id))
    cloud.faults.refuse("streamTaskEvents", 403)

    with pytest.raises(b.PermissionDeniedError):
        await bee.tasks.wait(agent, made.task_id, deadline=60)


@pytest.mark.parametrize("stale", [1, 2, 3])
async def test_a_long_talk_whose_end_nobody_knows_is_waited_for(
    stale: int, clock: HandClock
) -> None:
    """Its stream is over, and neither its messages nor its row say how: a look must."""
    task = {"task_id": "t", "status": "running", "truncated": True}
    over = b'event: end\ndata: {"reason": "channel_closed"}\n\n'
    looks = iter([*[task] * stale, {**task, "status": "completed"}])

    async def handler(peer: Peer, seen: Seen) -> None:
        route = seen.target.partition("?")[0].rpartition("/")[2]
        data = {"messages": {"messages": []}, "tasks": {"tasks": [{"task_id": "t"}]}}
        if route == "events":
            await peer.answer(over, "200 OK", "Content-Type: text/event-stream")
        else:
            told = data.get(route) or next(looks)
            await peer.answer(json.encode({"success": True, "data": told}))

    async with FaultServer(requests(handler)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            assert (await bee.tasks.wait("a", "t")).status == "completed"


async def test_a_wait_looks_more_and_more_seldom(clock: HandClock) -> None:
    """From the first pause to ten times as long, and never beyond the deadline."""
    async with FaultServer(says({"status": "running"})) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            began = clock.now()
            with pytest.raises(b.TaskTimeoutError) as caught:
                await bee.tasks.wait("a", "t", poll=2, deadline=120)

    assert clock.now() - began == 120
    pauses = clock.slept
    assert pauses[:3] == [2, 3, 4.5]
    assert max(pauses) == 20
    assert pauses[:-1] == sorted(pauses[:-1])
    error = caught.value
    assert isinstance(error, TimeoutError)
    assert error.last == Task(task_id="t", status="running")
    assert "its status was 'running'" in str(error)


async def test_a_wait_that_sees_nothing_says_so(clock: HandClock) -> None:
    """The deadline is for the looks, too."""

    async def slow(peer: Peer, _: Seen) -> None:
        clock.time += 100
        await peer.answer(b"", "500 Oh")

    async with FaultServer(requests(slow)) as server:
        async with AsyncBeeOS("emulator", base_url=server.url, _clock=clock) as bee:
            # As any wait that is late is caught.
            with pytest.raises(b.WaitTimeoutError, match="not seen"):
                await bee.tasks.wait("a", "t", deadline=30)


async def test_a_wait_ends_with_what_cannot_be_looked_at(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """A task that is not there is no task to wait for."""
    with pytest.raises(b.NotFoundError):
        await bee.tasks.wait(agent, "nowhere")
    with pytest.raises(b.ConfigurationError, match="poll"):
        await bee.tasks.wait(agent, "nowhere", poll=0)
    with pytest.raises(b.ConfigurationError, match="deadline"):
        await bee.tasks.wait(agent, "nowhere", deadline=-1)

    assert [entry.operation for entry in cloud.log] == ["getTask"]


async def test_messages_are_paged_by_offsets_with_holes(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """Pieces of older agents are hidden unless they are asked for; then a page may be empty."""
    made = await bee.tasks.create(agent, "linger: on")
    channel = cloud.world.tasks.job(agent, made.task_id).channel
    for number in range(6):
        channel.post(b.Message(type="agent_reply_delta", body=f"{number}"))
    last = channel.post(b.Message(type="agent_reply", body="done"))
    cloud.log.clear()

    plain = await bee.tasks.messages(agent, made.task_id, limit=2).collect()
    whole = await bee.tasks.messages(agent, made.task_id, include_deltas=True).collect()
    rest = await bee.tasks.messages(agent, made.task_id, since=plain[0].offset).collect()

    assert [one.text for one in plain] == ["linger: on", "done"]
    assert [one.text for one in whole[1:-1]] == ["0", "1", "2", "3", "4", "5"]
    assert [one.offset for one in rest] == [last.offset]
    assert "include_deltas=true" in cloud.log[-2].path
    assert not any("include_deltas" in entry.path for entry in cloud.log[:-2])


@pytest.mark.parametrize(
    "call",
    [
        lambda bee: bee.tasks.list(limit=101),
        lambda bee: bee.tasks.list(state="asleep"),
        lambda bee: bee.tasks.list_for_agent("a", limit=0),
        lambda bee: bee.tasks.messages("a", "t", limit=501),
        lambda bee: bee.tasks.messages("a", "t", since=-1),
    ],
)
async def test_a_list_beyond_its_limits_is_refused_at_once(call: Any, bee: AsyncBeeOS) -> None:
    """Not only when it is iterated over."""
    with pytest.raises(b.ConfigurationError):
        call(bee)


@pytest.mark.parametrize(
    "call",
    [
        lambda bee: bee.tasks.create("a", "x", deadline_ms=604_800_001),
        lambda bee: bee.tasks.create("a", "x", attachments=[b.Attachment(file_id="f")] * 17),
        lambda bee: bee.tasks.create("a", "x" * 2**20),
        lambda bee: bee.tasks.create("", "x"),
        lambda bee: bee.tasks.get("a", "../t"),
        lambda bee: bee.tasks.webhook_deliveries("a", "t", "w", limit=201),
        *(
            lambda bee, url=url: bee.tasks.register_webhook("a", "t", url=url)
            for url in (
                *("ftp://x", "https://", "https:// ", "https://a b", "https://é.example", "x"),
                *("https://u:p@x", "https://x:y", "http://hooks.example.net/x", "https://-x"),
            )
        ),
        lambda bee: bee.tasks.register_webhook("a", "t", url="https://x", secret="x" * 15),
        lambda bee: bee.tasks.register_webhook("a", "t", url="https://x", secret="x" * 257),
    ],
)
async def test_what_the_contract_does_not_take_is_not_sent(
    call: Any, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """It is refused before any I/O."""
    with pytest.raises(b.ConfigurationError):
        await call(bee)

    assert cloud.log == []


@pytest.mark.parametrize("url", ["https://x:8443/a?b=c", "http://127.0.0.1:1/", "http://x/"])
async def test_a_receiver_listens_where_only_it_hears(
    url: str, cloud: Emulator, agent: str
) -> None:
    """Or anywhere, if the caller lets his key travel so, too."""
    async with cloud.client(allow_insecure=url == "http://x/") as bee:
        made = await bee.tasks.create(agent, "x")
        hook = await bee.tasks.register_webhook(agent, made.task_id, url=url)

    assert hook.url == url


async def test_what_is_attached_must_be_there(bee: AsyncBeeOS, agent: str) -> None:
    """The emulator knows which files it has."""
    announced = await bee.files.presign_upload(filename="x", content_type="text/plain")

    for id in (announced.file_id, "fil-nowhere"):
        with pytest.raises(b.BadRequestError, match="there is no file"):
            await bee.tasks.create(agent, "x", attachments=[b.Attachment(file_id=id)])


@pytest.mark.parametrize("wrong", [{"metadata": ["a"]}, {"attachments": 5}, {"attachments": "f"}])
@pytest.mark.parametrize(
    "call",
    [
        lambda bee, **given: bee.tasks.create("a", "m", **given),
        lambda bee, **given: bee.agents.invoke("a", "m", **given),
        lambda bee, **given: (
            bee.conversations.create("a", **given)
            if "metadata" in given
            else bee.conversations.send("a", "c", "m", **given)
        ),
    ],
)
async def test_what_is_of_another_kind_is_a_configuration_error(
    cloud: Emulator, bee: AsyncBeeOS, call: Any, wrong: dict[str, Any]
) -> None:
    """As every other thing that cannot be sent, and before anything is."""
    with pytest.raises(b.ConfigurationError, match="the body of"):
        await call(bee, **wrong)

    assert cloud.log == []


async def test_any_mapping_and_any_sequence_will_do(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """They need not be a dict and a list."""
    file = await bee.files.upload(b"two roses", filename="a.txt")
    made = await bee.tasks.create(
        agent, "Book it.", metadata=MappingProxyType({"run": "17"}), attachments=(file.attachment,)
    )

    assert (await bee.tasks.get(agent, made.task_id)).metadata == {"run": "17"}
