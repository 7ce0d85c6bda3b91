"""A channel tells everything once and in order, to whoever comes whenever."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hand_clock import HandClock

from beeos_async.emulator.channels import Channel
from beeos_async.models.events import BackfillTruncated, ChannelEvent, ReplayComplete, StreamEnd
from beeos_async.models.messages import Message

pytestmark = pytest.mark.anyio


def reply(text: str, id: str = "m", state: str = "streaming") -> Message:
    return Message(message_id=id, type="agent_reply", body=text, state=state)


def told(events: list[ChannelEvent]) -> list[object]:
    """Show events by what tells them apart."""
    return [event.text if isinstance(event, Message) else type(event).__name__ for event in events]


async def heard(channel: Channel, since: int = 0) -> list[ChannelEvent]:
    return [event async for event in channel.follow(since)]


@pytest.fixture
def channel(clock: HandClock) -> Channel:
    return Channel(clock, "t1")


async def test_offsets_rise_with_holes(channel: Channel) -> None:
    """No two are alike, none is lower than the one before, and some are missing."""
    offsets = [channel.post(reply(str(n), id="")).offset for n in range(20)]

    assert offsets == sorted(set(offsets))
    assert offsets[0] == 1
    assert channel.latest == offsets[-1] > 20


async def test_a_message_that_grows_keeps_its_birth(channel: Channel, clock: HandClock) -> None:
    """Its id and first date stay; its offset and its last date move."""
    first = channel.post(reply("3"))
    clock.time += 5
    second = channel.post(reply("311"))

    assert (first.message_id, first.updated_at) == (second.message_id, None)
    assert first.created_at == second.created_at
    assert second.updated_at is not None
    assert first.created_at is not None
    assert (second.updated_at - first.created_at).total_seconds() == 5
    assert channel.post(Message(type="chat_message")).message_id == f"msg-t1-{channel.latest}"


async def test_who_comes_late_hears_all(channel: Channel) -> None:
    """Replay, a word that it is over, and the end."""
    channel.post(reply("a"))
    channel.post(reply("ab", state="completed"))
    channel.end()
    channel.end("channel_closed")

    events = await heard(channel)

    assert told(events) == ["a", "ab", "ReplayComplete", "StreamEnd"]
    assert events[-2:] == [
        ReplayComplete(latest_offset=channel.latest),
        StreamEnd(reason="task_terminal"),
    ]


async def test_since_is_exclusive(channel: Channel) -> None:
    """What stands at the offset is not told again."""
    marks = [channel.post(reply(str(n), id="")).offset for n in range(5)]
    channel.end()

    assert told(await heard(channel, marks[2]))[:-2] == ["3", "4"]
    assert told(await heard(channel, marks[2] - 1))[:-2] == ["2", "3", "4"]


async def test_who_follows_hears_it_live(channel: Channel) -> None:
    """Several may follow; each hears everything once."""
    channel.post(reply("a"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        followers = [group.create_task(heard(channel)) for _ in range(3)]
        for text in ("b", "c"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            channel.post(reply(text))
        channel.end("channel_closed")

    for one in followers:
        assert told(one.result()) == ["a", "ReplayComplete", "b", "c", "StreamEnd"]


async def test_what_is_said_during_the_replay_is_told(channel: Channel) -> None:
    """A slow reader misses nothing."""
    channel.post(reply("a"))
    follower = channel.follow()

    first = await anext(follower)
    channel.post(reply("b"))
    channel.end()

    assert told([first, *[event async for event in follower]]) == [
        "a",
        "ReplayComplete",
        "b",
        "StreamEnd",
    ]


async def test_a_drop_sends_away_who_follows(channel: Channel) -> None:
    """The stream is closed, the channel is not: the next one hears the rest."""
    first = channel.post(reply("a"))
    follower = channel.follow()
    assert told([await anext(follower), await anext(follower)]) == ["a", "ReplayComplete"]

    channel.drop()
    assert [event async for event in follower] == [StreamEnd(reason="stream_closed")]

    channel.post(reply("ab"))
    channel.end()
    assert told(await heard(channel, first.offset))[0] == "ab"


async def test_who_goes_is_forgotten(channel: Channel) -> None:
    """A follower that is cancelled leaves nothing behind."""
    task = asyncio.create_task(heard(channel))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(channel._bell.waiting) == 1

    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert not channel._bell.waiting


async def test_what_is_no_longer_kept_is_missed_aloud(channel: Channel) -> None:
    """Pieces go, last states stay, and the reader is told from where on it has everything."""
    channel.post(reply("a"))
    middle = channel.post(reply("ab"))
    last = channel.post(reply("abc", state="completed"))
    channel.end()

    channel.forget(last.offset)

    assert told(await heard(channel)) == [
        "BackfillTruncated",
        "abc",
        "ReplayComplete",
        "StreamEnd",
    ]
    assert (await heard(channel, middle.offset))[0] == BackfillTruncated(
        since=middle.offset, oldest_redis_offset=last.offset + 1, hint="older chunks are gone"
    )
    assert told(await heard(channel, last.offset)) == ["ReplayComplete", "StreamEnd"]


async def test_a_list_shows_each_message_once(channel: Channel) -> None:
    """In its last state, chunks only where asked for."""
    channel.post(Message(type="chat_message", payload={"text": "?"}))
    channel.post(reply("a"))
    channel.post(Message(type="agent_reply_delta", payload={"text": "-"}))
    channel.post(reply("ab", state="completed"))

    page, whole = channel.page(), channel.page(deltas=True)

    assert [one.text for one in page.messages] == ["?", "ab"]
    assert [one.text for one in whole.messages] == ["?", "-", "ab"]
    assert (page.latest_offset, page.next_since, page.has_more) == (channel.latest, None, False)


async def test_a_page_of_hidden_chunks_is_empty_and_not_the_last(channel: Channel) -> None:
    """What is hidden counts, as it does in the real thing."""
    for _ in range(3):
        channel.post(Message(type="agent_reply_delta"))
    last = channel.post(reply("a", state="completed"))

    first = channel.page(limit=3)
    assert first.next_since is not None
    second = channel.page(int(first.next_since), limit=3)

    assert (first.messages, first.has_more) == ([], True)
    assert (second.messages, second.has_more) == ([last], False)
