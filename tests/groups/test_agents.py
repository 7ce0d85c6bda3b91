"""The agents group, against the emulator."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AgentPage, AsyncBeeOS, InvokeReply
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def agent(cloud: Emulator) -> str:
    """Give an agent that is there to be asked."""
    return agent_of(cloud.world.add_instance(status="running"))


async def test_agents_are_listed_page_by_page(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Rows are counted, and the last page is known by the sum."""
    found = await bee.agents.list(limit=6).collect()

    assert [one.instance_id for one in found] == cloud.ids
    assert [entry.path for entry in cloud.log] == [
        f"/api/v1/agents?limit=6&offset={offset}" for offset in (0, 6, 12, 18)
    ]


async def test_as_many_agents_are_asked_for_as_one_likes(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """The contract sets no most; the server may give fewer."""
    assert len(await bee.agents.list(limit=5000).collect()) == len(cloud.ids)


async def test_a_list_of_one_instance_tells_how_far_it_follows(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """In numbers that are longer than a float holds, which is why they are texts."""
    pages = [page async for page in bee.agents.list(instance_id=cloud.ids[3]).pages()]

    (page,) = pages
    assert isinstance(page, AgentPage)
    assert [one.instance_id for one in page.data] == [cloud.ids[3]]
    assert page.projection is not None
    assert page.projection.accepted_revision == "9007199254740993"
    assert await bee.agents.list(status="asleep").collect() == []


async def test_what_changes_about_an_agent_stays(bee: AsyncBeeOS, agent: str) -> None:
    """Only what is said changes."""
    before = await bee.agents.get(agent)
    first = await bee.agents.update(agent, visibility="public")
    second = await bee.agents.update(agent, mcp_enabled=True)

    assert (before.visibility, before.mcp_enabled) == ("private", False)
    assert (first.visibility, first.mcp_enabled) == ("public", False)
    assert (second.visibility, second.mcp_enabled) == ("public", True)
    assert await bee.agents.get(agent) == second
    assert second.capabilities.streaming is True


async def test_an_update_of_nothing_is_refused_here(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """And so is a word that the server does not know."""
    with pytest.raises(b.ConfigurationError, match="needs a visibility or mcp_enabled"):
        await bee.agents.update("agt-1")
    wrong: Any = "secret"
    with pytest.raises(b.ConfigurationError, match="visibility must be one of"):
        await bee.agents.update("agt-1", visibility=wrong)
    with pytest.raises(b.ConfigurationError, match="limit"):
        bee.agents.list(limit=0)
    with pytest.raises(b.ConfigurationError, match="limit"):
        bee.agents.list(limit=2**31)

    assert cloud.log == []


async def test_an_agent_cannot_be_deleted(bee: AsyncBeeOS, agent: str) -> None:
    """The server says so, and that is final; of one that is not there it says that."""
    with pytest.raises(b.ConflictError) as caught:
        await bee.agents.delete(agent)
    with pytest.raises(b.NotFoundError):
        await bee.agents.delete("agt-nowhere")

    assert caught.value.attempts == 1


async def test_an_agent_answers(cloud: Emulator, bee: AsyncBeeOS, agent: str) -> None:
    """What it is asked travels whole, with a key that is made up for it."""
    file = await bee.files.upload(b"x", filename="a.txt")

    reply = await bee.agents.invoke(
        agent,
        "Grüße 🐝",
        timeout_ms=45_000,
        metadata={"trace": "t-1"},
        attachments=[file.attachment],
    )
    again = await bee.agents.invoke(agent, "And?", context_id=reply.context_id)

    assert reply.raise_for_error() is reply
    assert (reply.text, again.context_id) == ("You said: Grüße 🐝", reply.context_id)
    asked = [entry.body for entry in cloud.log if entry.operation == "invokeAgent"]
    assert b"00000000-0000-4000-8000-000000000001" in asked[0]
    assert b'"metadata":{"trace":"t-1"}' in asked[0]
    assert file.file_id.encode() in asked[0]


@pytest.mark.parametrize("word", ["fail", "refuse"])
async def test_a_refusal_inside_a_yes_is_an_answer(
    word: str, cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """It is data; who wants an error asks for one."""
    reply = await bee.agents.invoke(agent, f"{word}: it")

    assert reply.is_error
    with pytest.raises(b.AgentError) as caught:
        reply.raise_for_error()
    assert str(caught.value) == reply.text
    assert cloud.log[0].status == 200
    assert [entry.operation for entry in cloud.log] == ["invokeAgent"]


def test_an_agents_error_is_as_any_other() -> None:
    """It pickles, copies, compares, and says that it arrived."""
    error = b.AgentError(InvokeReply(text="No.", context_id="c", is_error=True))

    assert pickle.loads(pickle.dumps(error)) == copy.copy(error) == error
    assert error.delivered == "yes"
    assert str(b.AgentError(InvokeReply(is_error=True))) == "the agent failed without a word"


async def test_a_504_is_never_followed_by_another_attempt(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """The agent may still be at it: one request, and its answer is in the task it became."""
    cloud.world.tasks.work_time = 0.0

    with pytest.raises(b.GatewayTimeoutError) as caught:
        await bee.agents.invoke(agent, "linger: over it")

    assert caught.value.delivered == "maybe"
    assert [entry.operation for entry in cloud.log] == ["invokeAgent"]
    (row,) = await bee.tasks.list_for_agent(agent, state="all").collect()
    assert (await bee.tasks.get(agent, row.task_id)).result == "You said: over it"


async def test_a_lost_answer_is_asked_for_with_the_same_bytes(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """One invocation, whatever became of its answer, and one task of it."""
    cloud.faults.disconnect("invokeAgent", when="after")
    cloud.faults.refuse("invokeAgent", 503, code="agent_offline")

    reply = await bee.agents.invoke(agent, "Once.", idempotency_key="8f5f2c0e-mine")

    assert reply.text == "You said: Once."
    bodies = [entry.body for entry in cloud.log]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert len(await bee.tasks.list(state="all").collect()) == 1


async def test_an_echo_of_ones_own_key_says_that_it_arrived(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """Servers that answer a repeat with a conflict are understood, too."""
    cloud.faults.disconnect("invokeAgent", when="after")
    cloud.faults.refuse("invokeAgent", 409, message="duplicate idempotency key")

    with pytest.raises(b.ConflictError) as caught:
        await bee.agents.invoke(agent, "Once.", idempotency_key="mine")

    assert (caught.value.delivered, caught.value.idempotency_key) == ("yes", "mine")


async def test_an_invocation_is_waited_for_longer_than_other_calls(
    cloud: Emulator, agent: str, clock: HandClock
) -> None:
    """The gateway waits 115 seconds for an agent; a client that gave up sooner would lose."""
    cloud.faults.delay("invokeAgent", 0.1)
    cloud.faults.delay("getAgent", 0.1)
    async with cloud.client(_clock=clock, timeout=0.05, max_retries=0) as bee:
        assert (await bee.agents.invoke(agent, "Slowly.")).text
        with pytest.raises(b.RequestTimeoutError):
            await bee.agents.get(agent)


async def test_an_agent_whose_instance_is_not_online_is_offline(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """It is known, and cannot be asked."""
    asleep = agent_of(cloud.ids[0])

    assert (await bee.agents.get(asleep)).id == asleep
    with pytest.raises(b.ServiceUnavailableError) as caught:
        await bee.agents.invoke(asleep, "Hello?")
    assert caught.value.code == "agent_offline"


@pytest.mark.parametrize(
    ("options", "flaw"),
    [
        ({"timeout_ms": 115_001}, "timeout_ms"),
        ({"timeout_ms": -1}, "timeout_ms"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"attachments": [b.Attachment(file_id="f")] * 17}, "attachments"),
    ],
)
async def test_what_the_contract_does_not_take_is_not_sent(
    options: dict[str, Any], flaw: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The refusal names the field."""
    with pytest.raises(b.ConfigurationError, match=flaw):
        await bee.agents.invoke("agt-1", "x", **options)

    assert cloud.log == []
