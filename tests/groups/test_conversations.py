"""The conversations group, against the emulator; judged by what the server has seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from hand_clock import HandClock

from beeos_async import (
    AsyncBeeOS,
    Attachment,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionLostError,
    NotFoundError,
    UnknownPart,
)
from beeos_async._protocol.message import KEY_HEADER
from beeos_async._protocol.table import ROWS
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.models.conversations import CreateConversation
from beeos_async.models.messages import Message

pytestmark = pytest.mark.anyio

OPERATION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def hours() -> HandClock:
    """Give the clock of the cloud: nothing moves there until somebody waits or winds it."""
    return HandClock()


@pytest.fixture
async def cloud(anyio_backend: str, hours: HandClock) -> AsyncIterator[Emulator]:
    """Give a cloud with such a clock."""
    async with Emulator(instances=3, clock=hours) as cloud:
        yield cloud


@pytest.fixture
def agent(cloud: Emulator) -> str:
    """Give an agent whose instance is running, and who replies at once."""
    cloud.world.conversations.reply_time = 0.0
    cloud.world.runtimes.pace = 0.0
    return agent_of(cloud.world.add_instance(status="running"))


@pytest.fixture
async def talk(bee: AsyncBeeOS, agent: str) -> str:
    """Give a conversation with that agent."""
    return (await bee.conversations.create(agent, title="The hedge")).conversation_id


async def test_a_turn_is_a_message_and_a_reply(bee: AsyncBeeOS, agent: str, talk: str) -> None:
    """The reply names what it replies to, and is listed once, in its last state."""
    sent = await bee.conversations.send(agent, talk, "How high shall it be?")

    said, reply = await bee.conversations.messages(agent, talk).collect()

    assert (said.message_id, said.text) == (sent.message_id, "How high shall it be?")
    assert reply.in_reply_to == sent.message_id
    assert (reply.body, reply.state) == ("You said: How high shall it be?", "completed")
    assert not any(isinstance(part, UnknownPart) for part in reply.parts)


async def test_files_go_along(bee: AsyncBeeOS, agent: str, talk: str) -> None:
    """By the ids they were uploaded under."""
    await bee.conversations.send(agent, talk, "See", attachments=[Attachment(file_id="fil-1")])

    (said, _) = await bee.conversations.messages(agent, talk).collect()

    assert said.payload == {"text": "See", "attachments": [{"file_id": "fil-1"}]}


async def test_several_turns_may_be_under_way(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """`in_reply_to` tells which reply belongs to which message, on the stream, too."""
    cloud.world.conversations.reply_time = 0.2
    sent = [await bee.conversations.send(agent, talk, f"Question {n}") for n in range(3)]
    bodies: dict[str, str] = {}
    told: list[str] = []

    async with bee.conversations.events(agent, talk) as events:
        news = aiter(events)
        while len(told) < 4 * len(sent):
            event = await anext(news)
            if isinstance(event, Message) and event.type == "agent_reply":
                # Cumulative: the last one is the whole.
                bodies[event.in_reply_to] = event.body
                told.append(event.in_reply_to)

    assert bodies == {
        one.message_id: f"You said: Question {number}" for number, one in enumerate(sent)
    }
    assert told == [one.message_id for one in sent] * 4


async def test_messages_are_read_on_from_an_offset(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """Whatever the size of the pages, each message comes once."""
    for number in range(5):
        await bee.conversations.send(agent, talk, f"Word {number}")
    whole = await bee.conversations.messages(agent, talk).collect()

    one_by_one = await bee.conversations.messages(agent, talk, limit=1).collect()
    rest = await bee.conversations.messages(agent, talk, since=whole[3].offset).collect()

    assert one_by_one == whole
    assert rest == whole[4:]
    assert len(whole) == 10
    assert cloud.log[-1].path.endswith(f"messages?since={whole[3].offset}&limit=200")


async def test_pieces_are_listed_on_demand(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """A page of pieces alone is empty, and not the last."""
    channel = cloud.world.conversations.channel(agent, talk)
    for number in range(4):
        channel.post(Message(type="agent_reply_delta", payload={"text": str(number)}))
    channel.post(Message(type="agent_reply", body="0123", state="completed"))

    plain = await bee.conversations.messages(agent, talk, limit=2).collect()
    pieces = await bee.conversations.messages(agent, talk, include_deltas=True).collect()

    assert [one.body for one in plain] == ["0123"]
    assert [one.text for one in pieces] == ["0", "1", "2", "3", "0123"]
    paths = [entry.path.partition("?")[2] for entry in cloud.log[1:]]
    assert paths == ["limit=2", *paths[1:3], "limit=200&include_deltas=true"]


async def test_conversations_are_listed_by_state(
    cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """By a cursor, page by page; the server shows the open ones unless it is told otherwise."""
    ids = [(await bee.conversations.create(agent)).conversation_id for _ in range(5)]
    await bee.conversations.delete(agent, ids[1])

    async def listed(**options: Any) -> list[str]:
        pager = bee.conversations.list(agent, limit=2, **options)
        return [one.conversation_id for one in await pager.collect()]

    assert await listed() == await listed(state="open") == [ids[0], *ids[2:]]
    assert await listed(state="closed") == [ids[1]]
    assert await listed(state="all") == ids
    assert await listed(since=ids[2]) == ids[3:]
    assert cloud.log[-1].path.endswith(f"?since={ids[2]}&limit=2")


async def test_a_closed_conversation_can_be_read_and_no_more(
    bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """Whatever would change it is a conflict."""
    sent = await bee.conversations.send(agent, talk, "Farewell")
    await bee.conversations.delete(agent, talk)
    of = bee.conversations

    found = await of.get(agent, talk)
    assert (found.is_open, found.state) == (False, "closed")
    assert found.closed_at is not None
    assert len(await of.messages(agent, talk).collect()) == 2
    await of.delete(agent, talk)
    for refused in (
        of.send(agent, talk, "One more thing"),
        of.rename(agent, talk, "Too late"),
        of.cancel(agent, talk, sent.message_id),
        of.clear(agent, talk),
        of.set_model(agent, talk, "clover/mini-3"),
    ):
        with pytest.raises(ConflictError, match="closed"):
            await refused


async def test_a_model_is_set_and_unset(bee: AsyncBeeOS, agent: str, talk: str) -> None:
    """Nothing is what it is unset with, and that has to be said."""
    of = bee.conversations
    usual = (await of.get(agent, talk)).effective_model_id

    chosen = await of.set_model(agent, talk, "thyme/touch-1", operation_id=OPERATION)
    then = await of.get(agent, talk)
    await of.set_model(agent, talk, None)
    again = await of.get(agent, talk)

    assert chosen.operation_id == OPERATION
    assert (then.model_override_id, then.effective_model_id) == ("thyme/touch-1",) * 2
    assert (again.model_override_id, again.effective_model_id) == ("", usual)


async def test_what_an_operation_did_can_be_followed(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """It runs on the agent's instance, and is about the conversation."""
    home = cloud.world.agents.home(agent).id
    accepted = await bee.conversations.clear(agent, talk)

    operation = await bee.runtime.operation(home, accepted.operation_id)

    assert (operation.method, operation.status) == ("session/clear", "succeeded")
    assert getattr(operation.target, "conversation_id", "") == talk
    assert (accepted.conversation_id, accepted.generation) == (talk, 2)


async def test_a_cleared_conversation_has_nothing_in_it(
    bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """And goes on."""
    await bee.conversations.send(agent, talk, "Forget this")
    await bee.conversations.clear(agent, talk)

    before = await bee.conversations.messages(agent, talk).collect()
    await bee.conversations.send(agent, talk, "Keep this")
    after = await bee.conversations.messages(agent, talk).collect()

    assert before == []
    assert [one.body for one in after] == ["Keep this", "You said: Keep this"]


async def test_one_turn_is_broken_off_and_the_other_goes_on(
    cloud: Emulator, hours: HandClock, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """What it would have said is not said any more."""
    cloud.world.conversations.reply_time = 1.0
    one = await bee.conversations.send(agent, talk, "Count to a million")
    other = await bee.conversations.send(agent, talk, "Say hello")

    accepted = await bee.conversations.cancel(agent, talk, one.message_id, reason="too long")
    hours.time += 2.0
    found = await bee.conversations.messages(agent, talk).collect()

    assert accepted.status == "accepted"
    replies = {m.in_reply_to: (m.state, m.stop_reason) for m in found if m.in_reply_to}
    assert replies == {
        one.message_id: ("cancelled", "user_stop"),
        other.message_id: ("completed", "end_turn"),
    }
    with pytest.raises(ConflictError, match="over"):
        await bee.conversations.cancel(agent, talk, other.message_id)


async def test_what_is_not_there_is_not_found(bee: AsyncBeeOS, agent: str, talk: str) -> None:
    """An agent, a conversation of another agent, a turn."""
    of = bee.conversations
    for refused in (
        of.create("agt-nobody"),
        of.get("agt-nobody", talk),
        of.get(agent, "cnv-nowhere"),
        of.send(agent, "cnv-nowhere", "Hello?"),
        of.delete(agent, "cnv-nowhere"),
        of.cancel(agent, talk, "msg-nothing"),
        of.list("agt-nobody").collect(),
    ):
        with pytest.raises(NotFoundError):
            await refused


async def test_a_task_is_no_conversation(cloud: Emulator, bee: AsyncBeeOS, agent: str) -> None:
    """Both are channels; the server knows which is which."""
    cloud.world.channels.open(agent, "tsk-1")

    with pytest.raises(BadRequestError, match="task"):
        await bee.conversations.get(agent, "tsk-1")


# Keys -----------------------------------------------------------------------------------------

KEYED: list[tuple[str, Callable[[AsyncBeeOS, str, str], Any]]] = [
    ("createConversation", lambda bee, agent, _: bee.conversations.create(agent)),
    ("renameConversation", lambda bee, *ids: bee.conversations.rename(*ids, "New")),
    ("sendConversationMessage", lambda bee, *ids: bee.conversations.send(*ids, "Once")),
    ("clearConversation", lambda bee, *ids: bee.conversations.clear(*ids)),
    ("setConversationModel", lambda bee, *ids: bee.conversations.set_model(*ids, None)),
]


@pytest.mark.parametrize(("operation", "drive"), KEYED, ids=[name for name, _ in KEYED])
async def test_what_is_lost_on_its_way_back_is_done_once(
    cloud: Emulator,
    bee: AsyncBeeOS,
    agent: str,
    talk: str,
    operation: str,
    drive: Callable[..., Any],
) -> None:
    """The same key and the same bytes: the server gives the first answer again."""
    cloud.faults.disconnect(operation, when="after", times=2)
    before = len(cloud.log)

    await drive(bee, agent, talk)

    asked = cloud.log[before:]
    assert [entry.applied for entry in asked] == [True, False, False]
    assert len({entry.body for entry in asked}) == 1


async def test_a_turn_that_was_lost_is_broken_off_once(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """A second cancellation would be a conflict with the first."""
    cloud.world.conversations.reply_time = 60.0
    sent = await bee.conversations.send(agent, talk, "Count to a million")
    cloud.faults.disconnect("cancelConversation", when="after", times=1)

    accepted = await bee.conversations.cancel(agent, talk, sent.message_id)

    assert accepted.operation_id
    assert [entry.applied for entry in cloud.log[-2:]] == [True, False]


async def test_a_deletion_that_was_lost_is_done(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, talk: str
) -> None:
    """A 404 after a lost answer says so."""
    cloud.faults.disconnect("deleteConversation", when="after", times=1)
    cloud.faults.refuse("deleteConversation", 404, times=1)

    await bee.conversations.delete(agent, talk)

    assert [entry.status for entry in cloud.log[-2:]] == [0, 404]


async def test_the_callers_keys_and_ids_arrive(
    cloud: Emulator, agent: str, talk: str, bee: AsyncBeeOS
) -> None:
    """In a header or in the body; the same key in the same conversation is the same message."""
    of = bee.conversations
    first = await of.send(agent, talk, "Once", idempotency_key="turn-1")
    again = await of.send(agent, talk, "Once", idempotency_key="turn-1")
    other = await of.send(agent, talk, "Once", idempotency_key="turn-2")
    with pytest.raises(ConflictError, match="another payload") as caught:
        await of.send(agent, talk, "Twice", idempotency_key="turn-1")

    assert first == again != other
    assert caught.value.idempotency_key == "turn-1"
    assert msgspec.json.decode(cloud.log[-1].body)["idempotency_key"] == "turn-1"


@pytest.mark.parametrize(
    "operation", ["renameConversation", "clearConversation", "setConversationModel"]
)
async def test_a_key_that_is_needed_is_missed(
    cloud: Emulator, agent: str, talk: str, operation: str
) -> None:
    """By the server; this client always mints one."""
    row = ROWS[operation]
    path = row.path.format(agentId=agent, convId=talk, conversationId=talk)
    async with cloud.client() as bee:
        with pytest.raises(BadRequestError) as caught:
            await bee.request(row.method, path, json={"title": "x", "modelOverrideId": None})

    assert (caught.value.code, caught.value.param) == ("missing_param", KEY_HEADER)


async def test_the_server_knows_four_states(bee: AsyncBeeOS, agent: str) -> None:
    """None of which this client would get wrong."""
    path, params = f"/api/v1/agents/{agent}/conversations", {"state": "dormant"}

    with pytest.raises(BadRequestError, match="state is one of active, open, closed, all"):
        await bee.request("GET", path, params=params)


# Before any I/O -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drive", "said"),
    [
        (lambda of: of.list("agt-1", limit=101), "limit must be a whole number from 1 to 100"),
        (lambda of: of.list("agt-1", state="dormant"), "state must be one of active"),
        (lambda of: of.messages("agt-1", "c", limit=201), "limit must be a whole number"),
        (lambda of: of.messages("agt-1", "c", since=-1), "since must be a whole number"),
    ],
)
def test_a_list_that_cannot_be_asked_for_is_not(drive: Callable[[Any], Any], said: str) -> None:
    """The option is named, and what would be right."""
    with pytest.raises(ConfigurationError, match=said):
        drive(AsyncBeeOS("emulator", base_url="http://localhost").conversations)


async def test_what_cannot_be_sent_is_not(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Titles, keys, operation ids, ids."""
    of = bee.conversations
    for refused, said in (
        (of.rename("agt-1", "c", ""), "title"),
        (of.send("agt-1", "c", "x", idempotency_key=""), "idempotency_key"),
        (of.clear("agt-1", "c", operation_id="op-1"), "operation_id must be a UUID"),
        (of.get("agt-1", ""), "empty"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            await refused

    assert cloud.log == []


async def test_a_message_of_a_server_that_is_gone_says_so(cloud: Emulator, agent: str) -> None:
    """When no attempt got an answer, it may have arrived, and the key is there to ask again."""
    id = cloud.world.conversations.create(agent, CreateConversation()).conversation_id
    cloud.faults.disconnect("sendConversationMessage", when="after", times=None)

    async with cloud.client(max_retries=0) as bee:
        with pytest.raises(ConnectionLostError) as caught:
            await bee.conversations.send(agent, id, "Anybody?", idempotency_key="turn-1")

    assert (caught.value.delivered, caught.value.idempotency_key) == ("maybe", "turn-1")
