"""Streams as the pretend cloud tells them: what is on the socket, and how it breaks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import json

from beeos_async._protocol.sse import Parser
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.models.messages import Message

pytestmark = pytest.mark.anyio

TASK = "/api/v1/agents/agt/tasks/tsk/events"


class Wire:
    """One connection: a request out, and whatever comes back, chunks unwrapped or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def ask(
        cls, cloud: Emulator, path: str, *headers: str, method: str = "GET", body: bytes = b""
    ) -> Wire:
        wire = cls(*await asyncio.open_connection("127.0.0.1", cloud.port))
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Authorization: Bearer x", *headers]
        lines.append(f"Content-Length: {len(body)}")
        wire.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        return wire

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(5):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = text.split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}

    async def chunk(self) -> bytes:
        async with asyncio.timeout(5):
            size = int(await self.reader.readline(), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


def told(data: bytes) -> list[tuple[str, str, Any]]:
    """Parse what came: name, id and JSON of each frame."""
    frames = Parser().feed(data)
    return [(one.event, one.id, json.decode(one.data)) for one in frames]


async def body(wire: Wire) -> bytes:
    """Read a body to its end."""
    pieces: list[bytes] = []
    while piece := await wire.chunk():
        pieces.append(piece)
    await wire.close()
    return b"".join(pieces)


async def test_a_channel_is_told_as_it_is_spoken(cloud: Emulator) -> None:
    """What was said, that it is all, what is said, and why it ends; each frame at once."""
    channel = cloud.world.channels.open("agt", "tsk")
    channel.post(Message(type="agent_reply", message_id="m", body="3", state="streaming"))
    wire = await Wire.ask(cloud, TASK)
    status, headers = await wire.head()
    begin = await wire.chunk() + await wire.chunk()

    channel.post(Message(type="agent_reply", message_id="m", body="311", state="completed"))
    live = await wire.chunk()
    channel.end()
    end = await body(wire)

    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert headers["x-request-id"]
    assert [(name, data.get("body"), data.get("offset")) for name, _, data in told(begin)] == [
        ("message", "3", 1),
        ("replay_complete", None, None),
    ]
    assert [(name, data["body"]) for name, _, data in told(live)] == [("message", "311")]
    assert told(end) == [("end", "", {"reason": "task_terminal"})]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/agents/agt/tasks/none/events", 404),
        ("/api/v1/agents/agt/conversations/none/events", 404),
        (TASK + "?since=-1", 400),
        (TASK + "?since=9223372036854775808", 400),
        ("/api/v1/instances/i/operations/none/events", 404),
    ],
)
async def test_a_refusal_comes_before_the_stream(cloud: Emulator, path: str, status: int) -> None:
    """It is JSON, with the envelope of every refusal."""
    cloud.world.channels.open("agt", "tsk")
    wire = await Wire.ask(cloud, path)

    found, headers = await wire.head()

    await wire.close()
    assert (found, headers["content-type"]) == (status, "application/json")


async def test_a_large_offset_is_an_offset(cloud: Emulator) -> None:
    """Offsets have 64 bits."""
    cloud.world.channels.open("agt", "tsk").end()
    wire = await Wire.ask(cloud, TASK + "?since=9223372036854775807")

    assert (await wire.head())[0] == 200
    assert told(await body(wire))[-1][0] == "end"


async def test_an_operation_is_told_from_a_cursor_on(cloud: Emulator) -> None:
    """Ids are decimal strings of any length; the last event ends it."""
    log = cloud.world.operations.open("i", "op", "session/clear", first=2**64)
    path = "/api/v1/instances/i/operations/op/events"
    log.post("runtime_operation_started")
    wire = await Wire.ask(cloud, path, f"Last-Event-ID: {2**64}")
    await wire.head()

    log.post("runtime_operation_progress")
    log.post("runtime_rpc_response", outcome="succeeded", result={"a": 1})
    events = told(await body(wire))

    assert [(id, data["event"]["type"]) for _, id, data in events] == [
        (str(2**64 + 1), "runtime_operation_progress"),
        (str(2**64 + 2), "runtime_rpc_response"),
    ]
    assert events[1][2]["event"]["outcome"] == "succeeded"
    assert len(told(await body(await opened(cloud, path)))) == 3


async def opened(cloud: Emulator, path: str, *headers: str) -> Wire:
    wire = await Wire.ask(cloud, path, *headers)
    await wire.head()
    return wire


async def test_a_cursor_ahead_is_a_bare_conflict(cloud: Emulator) -> None:
    """As the runtime says no: without an envelope, with what it has."""
    cloud.world.operations.open("i", "op").post("runtime_operation_started")
    path = "/api/v1/instances/i/operations/op/events"
    wire = await Wire.ask(cloud, path, "Last-Event-ID: 9")
    status, headers = await wire.head()
    told = await wire.reader.readexactly(int(headers["content-length"]))
    await wire.close()

    assert status == 409
    assert json.decode(told)["lastSequence"] == "1"
    assert (await refused(cloud, path, "Last-Event-ID: x")) == 400


async def refused(cloud: Emulator, path: str, *headers: str) -> int:
    wire = await Wire.ask(cloud, path, *headers)
    status, _ = await wire.head()
    await wire.close()
    return status


async def test_an_invocation_streams_to_whom_asks_for_it(cloud: Emulator) -> None:
    """One route, two forms, chosen by `Accept`."""
    agent = agent_of(cloud.world.add_instance(status="running"))
    path, asked = f"/api/v1/agents/{agent}/invoke", b'{"message": "one two"}'
    plain = await Wire.ask(cloud, path, method="POST", body=asked)
    _, headers = await plain.head()
    whole = json.decode(await plain.reader.readexactly(int(headers["content-length"])))
    await plain.close()

    wire = await Wire.ask(cloud, path, "Accept: text/event-stream", method="POST", body=asked)
    await wire.head()
    events = told(await body(wire))

    assert whole["data"]["text"] == "You said: one two"
    assert [name for name, _, _ in events] == [""] * len(events)
    assert (
        "".join(data["text"] for _, _, data in events if data["type"] == "delta")
        == events[-1][2]["text"]
    )
    assert events[-1][2]["text"] == "You said: one two"
    assert events[-1][2]["type"] == "done"


@pytest.mark.parametrize("first", ["", "Accept: text/event-stream"])
@pytest.mark.parametrize("second", ["", "Accept: text/event-stream"])
async def test_a_stream_is_not_told_twice(cloud: Emulator, first: str, second: str) -> None:
    """A key that was used says so; an answer in one piece is given again."""
    agent = agent_of(cloud.world.add_instance(status="running"))
    path, asked = f"/api/v1/agents/{agent}/invoke", b'{"message": "x", "idempotency_key": "k"}'
    statuses = []
    for accept in (first, second):
        wire = await Wire.ask(cloud, path, accept or "X: y", method="POST", body=asked)
        statuses.append((await wire.head())[0])
        await wire.close()

    assert statuses == [200, 409 if first or second else 200]


async def test_who_hangs_up_is_forgotten(cloud: Emulator) -> None:
    """A follower that goes leaves nothing in the world."""
    channel = cloud.world.channels.open("agt", "tsk")
    wire = await Wire.ask(cloud, TASK)
    await wire.head()
    await until(lambda: len(channel._bell.waiting) == 1)

    await wire.close()

    await until(lambda: not channel._bell.waiting)


async def until(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_closing_cloud_sends_its_followers_away() -> None:
    """Nobody waits for a stream that will never be told."""
    async with Emulator(instances=0) as cloud:
        cloud.world.channels.open("agt", "tsk")
        wire = await opened(cloud, TASK)
        await wire.chunk()

    assert await wire.rest() == b""
    await wire.close()


@pytest.mark.parametrize("at", [0, 1, 30, 200])
async def test_a_stream_breaks_after_so_many_bytes(cloud: Emulator, at: int) -> None:
    """Not one more, whatever it cuts; and the connection closes without a last chunk."""
    channel = cloud.world.channels.open("agt", "tsk")
    for _ in range(5):
        channel.post(Message(type="agent_reply", body="x" * 30))
    channel.end()
    whole = await body(await opened(cloud, TASK))
    cloud.faults.break_stream("streamTaskEvents", at)

    wire = await opened(cloud, TASK)
    pieces = []
    while len(b"".join(pieces)) < at:
        pieces.append(await wire.chunk())
    rest = await wire.rest()
    await wire.close()

    assert b"".join(pieces) == whole[:at]
    assert rest == b""
    assert await body(await opened(cloud, TASK)) == whole


async def test_a_stream_can_break_below_http(cloud: Emulator) -> None:
    """What is no chunk, a reset, and silence."""
    cloud.world.channels.open("agt", "tsk").end()
    cloud.faults.break_stream("streamTaskEvents", 0, raw=b"QQ\r\n")
    cloud.faults.break_stream("streamTaskEvents", 0, then="reset")
    cloud.faults.break_stream("streamTaskEvents", 0, then="silence")

    raw, reset, silent = [await opened(cloud, TASK) for _ in range(3)]

    assert await raw.rest() == b"QQ\r\n"
    with pytest.raises(ConnectionResetError):
        await reset.rest()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await silent.reader.read()
    for wire in (raw, reset, silent):
        await wire.close()


async def test_a_stream_that_is_shorter_ends_as_ever(cloud: Emulator) -> None:
    """A break beyond its end breaks nothing; nor does one of what is no stream."""
    cloud.world.channels.open("agt", "tsk").end()
    cloud.faults.break_stream("streamTaskEvents", 10_000, times=2)

    assert told(await body(await opened(cloud, TASK)))[-1][0] == "end"
    assert await refused(cloud, TASK.replace("tsk", "none")) == 404


async def test_a_slow_reader_holds_the_cloud_back(cloud: Emulator) -> None:
    """What nobody reads is not written: the world's log is the only place where it waits."""
    channel = cloud.world.channels.open("agt", "tsk")
    wire = await opened(cloud, TASK)
    for _ in range(200):
        channel.post(Message(type="agent_reply", body="x" * 100_000))
    channel.end()
    await asyncio.sleep(0.1)
    connection = next(iter(cloud._door._server.connections))  # type: ignore[union-attr]

    assert connection.transport.get_write_buffer_size() < 1_000_000  # type: ignore[union-attr]
    assert told(await body(wire))[-1][0] == "end"
