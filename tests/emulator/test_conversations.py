"""The pretend cloud's conversations, without any HTTP."""

from __future__ import annotations

import itertools

import pytest
from hand_clock import HandClock

from beeos_async.emulator import World
from beeos_async.emulator.agents import agent_of, platform_id_of, reply_to
from beeos_async.emulator.refusals import RefusedError
from beeos_async.models.conversations import CreateConversation, SendMessage
from beeos_async.models.messages import Message

MINUTE = 60.0
DAY = 24 * 60 * MINUTE


@pytest.fixture
def world(clock: HandClock) -> World:
    return World(clock, seed=3)


@pytest.fixture
def agent(world: World) -> str:
    return agent_of(world.add_instance(status="running"))


@pytest.fixture
def talk(world: World, agent: str) -> str:
    return world.conversations.create(agent, CreateConversation()).conversation_id


def said(world: World, agent: str, talk: str) -> list[Message]:
    return world.conversations.page(agent, talk, 0, 100, deltas=False).messages


@pytest.mark.parametrize("id", ["", "inst-mine", "mine"])
def test_every_instance_has_one_agent(world: World, id: str) -> None:
    """Whatever the instance is called, and nobody else's."""
    instance = world.add_instance(id=id)

    assert world.agents.home(agent_of(instance)).id == instance
    with pytest.raises(RefusedError, match="no such agent"):
        world.agents.home(instance)


def test_an_agent_has_a_uuid_for_its_runtime() -> None:
    """Always the same, another for each."""
    assert platform_id_of("agt-1") == platform_id_of("agt-1") != platform_id_of("agt-2")


@pytest.mark.parametrize("words", [0, 1, 2, 3, 4, 5, 50])
def test_a_reply_grows_piece_by_piece(words: int) -> None:
    """Each piece holds the one before; the last is the whole, and there are few of them."""
    message = " ".join(f"w{number}" for number in range(words))
    pieces = reply_to(message)

    assert pieces[-1] == f"You said: {message}"
    assert len(set(pieces)) == len(pieces) <= 6
    assert all(later.startswith(f"{piece} ") for piece, later in itertools.pairwise(pieces))


def test_a_reply_comes_in_its_own_time(
    world: World, clock: HandClock, agent: str, talk: str
) -> None:
    """Under one id, growing at rising offsets; complete when its time has come."""
    world.conversations.reply_time = 4.0
    world.conversations.send(agent, talk, SendMessage(message="one two"))
    seen: list[Message] = []
    for _ in range(4):
        clock.time += 1.0
        seen.append(said(world, agent, talk)[-1])

    assert [one.body for one in seen] == [
        "You",
        "You said:",
        "You said: one",
        "You said: one two",
    ]
    assert [one.state for one in seen] == [*["streaming"] * 3, "completed"]
    assert len({one.message_id for one in seen}) == 1
    assert [one.offset for one in seen] == sorted({one.offset for one in seen})


def test_a_deleted_conversation_is_forgotten_after_a_while(
    world: World, clock: HandClock, agent: str, talk: str
) -> None:
    """For five minutes it can be read; what was about to be said is not said any more."""
    of = world.conversations
    of.send(agent, talk, SendMessage(message="Farewell"))
    of.delete(agent, talk)
    changes = world.changes
    of.delete(agent, talk)

    clock.time += 4.9 * MINUTE
    assert [one.type for one in said(world, agent, talk)] == ["chat_message"]
    assert [one.conversation_id for one in of.list(agent, "closed", "", 9).conversations] == [talk]
    clock.time += 0.2 * MINUTE

    assert world.changes == changes
    assert of.list(agent, "all", "", 9).conversations == []
    with pytest.raises(RefusedError, match="no such conversation"):
        of.get(agent, talk)


def test_a_conversation_in_which_nothing_is_said_is_forgotten(
    world: World, clock: HandClock, agent: str, talk: str
) -> None:
    """A day after it was last touched."""
    clock.time += 0.9 * DAY
    world.conversations.rename(agent, talk, "Still here")
    clock.time += 0.9 * DAY
    assert world.conversations.get(agent, talk).title == "Still here"
    clock.time += 0.2 * DAY

    with pytest.raises(RefusedError, match="no such conversation"):
        world.conversations.get(agent, talk)


def test_a_conversation_belongs_to_its_agent(world: World, talk: str) -> None:
    """Nobody else's sees it, also not in a list."""
    other = agent_of(world.add_instance())

    with pytest.raises(RefusedError, match="no such conversation"):
        world.conversations.get(other, talk)
    assert world.conversations.list(other, "all", "", 9).conversations == []
    with pytest.raises(RefusedError, match="no cursor"):
        world.conversations.list(other, "all", "cnv-nowhere", 9)


def test_a_clearing_breaks_off_every_turn(
    world: World, clock: HandClock, agent: str, talk: str
) -> None:
    """What was said before it is not replied to after it."""
    of = world.conversations
    of.send(agent, talk, SendMessage(message="Forget this"))
    _, generation = of.clear(agent, talk, "")
    clock.time += MINUTE

    assert said(world, agent, talk) == []
    assert generation == 2
    assert of.clear(agent, talk, "")[1] == 3


def test_two_worlds_of_one_seed_agree(clock: HandClock) -> None:
    """Ids are the same, in the same order; of another seed they are others."""

    def ids(seed: int) -> list[str]:
        world = World(clock, seed=seed)
        agent = agent_of(world.add_instance(status="running"))
        of = world.conversations
        talk = of.create(agent, CreateConversation()).conversation_id
        return [talk, of.clear(agent, talk, "")[0].id]

    assert ids(1) == ids(1)
    assert set(ids(1)).isdisjoint(ids(2))
