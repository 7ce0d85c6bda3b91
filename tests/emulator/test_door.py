"""What faults do to a socket, seen from the other end of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hand_clock import HandClock

from beeos_async.emulator import EFFECTS_PATH, Emulator

if TYPE_CHECKING:
    from conftest import Knock

pytestmark = pytest.mark.anyio


def start(id: str) -> str:
    return f"/api/v1/instances/{id}/start"


class Wire:
    """One connection, bytes in and out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, cloud: Emulator) -> Wire:
        return cls(*await asyncio.open_connection("127.0.0.1", cloud.port))

    def ask(self, method: str, path: str) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n"
        self.writer.write(head.encode())

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        # A reset is one of the ways to go.
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_disconnect_closes_without_a_word(cloud: Emulator, when: str) -> None:
    """The client reads the end of the stream, and only the log knows what took effect."""
    cloud.faults.disconnect("startInstance", when=when)  # type: ignore[arg-type]
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    assert await wire.rest() == b""
    await wire.close()
    (entry,) = cloud.log
    assert (entry.status, entry.applied) == (0, when == "after")
    assert cloud.effects(cloud.ids[0]) == (when == "after")


async def test_a_reset_is_a_reset(cloud: Emulator) -> None:
    """Not a goodbye: the socket breaks."""
    cloud.faults.disconnect("startInstance", reset=True)
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    with pytest.raises(ConnectionResetError):
        await wire.rest()
    await wire.close()


async def test_a_cut_answer_promises_more_than_it_gives(cloud: Emulator) -> None:
    """The head is whole, the body half, and the effect done."""
    cloud.faults.cut("startInstance")
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
    await wire.close()
    assert head.startswith(b"HTTP/1.1 200 OK")
    promised = int(head.partition(b"Content-Length: ")[2])
    assert len(body) == promised // 2 > 100
    assert cloud.effects(cloud.ids[0]) == 1
    assert cloud.log[0].status == 0


async def test_a_malformed_answer_ends_in_what_is_no_chunk(cloud: Emulator) -> None:
    """Head and first chunk are whole, and then comes no number."""
    cloud.faults.cut("startInstance", malformed=True)
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    head, _, rest = (await wire.rest()).partition(b"\r\n\r\n")
    await wire.close()
    assert b"Transfer-Encoding: chunked" in head
    size, _, rest = rest.partition(b"\r\n")
    assert rest[int(size, 16) :] == b"\r\nno number\r\n"
    assert cloud.effects(cloud.ids[0]) == 1


async def test_a_trickling_answer_comes_byte_by_byte(clock: HandClock) -> None:
    """Its pauses are the script's, and in the end it is whole."""
    async with Emulator(instances=1, boot_time=0.0, clock=clock) as cloud:
        cloud.faults.delay("startInstance", 0.5, trickle=True)
        wire = await Wire.to(cloud)
        wire.ask("POST", start(cloud.ids[0]))
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        await wire.close()

    assert b"Content-Length: %d" % len(body) in head
    assert clock.slept == [0.5] * len(body)
    assert cloud.effects(cloud.ids[0]) == 1


async def test_raw_bytes_are_sent_as_they_are(cloud: Emulator) -> None:
    """Below HTTP anything can be said."""
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nQQ\r\n"
    cloud.faults.raw("startInstance", data)
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    assert await wire.rest() == data
    await wire.close()
    assert cloud.effects(cloud.ids[0]) == 1


async def test_pushed_bytes_follow_the_answer(cloud: Emulator) -> None:
    """A whole answer, then what nobody asked for, on the same connection."""
    cloud.faults.push("startInstance", b"HTTP/1.1 408 Request Timeout\r\n\r\n", pause=0.01)
    wire = await Wire.to(cloud)

    wire.ask("POST", start(cloud.ids[0]))

    async with asyncio.timeout(5):
        seen = await wire.reader.readuntil(b"408 Request Timeout\r\n\r\n")
    assert seen.startswith(b"HTTP/1.1 200 OK")
    assert b'"success":true}HTTP/1.1 408' in seen
    await wire.close()
    assert (cloud.log[0].status, cloud.log[0].applied) == (200, True)


async def test_a_garbled_answer_hides_an_effect(cloud: Emulator, knock: Knock) -> None:
    """The bytes are the script's, the effect is the request's."""
    cloud.faults.garble("startInstance", b"<p>", status=502, content_type="text/html")

    heard = await knock(cloud, "POST", start(cloud.ids[0]))

    assert (heard.status, heard.body) == (502, b"<p>")
    assert heard.headers["Content-Type"] == "text/html"
    assert (cloud.log[0].status, cloud.log[0].applied) == (502, True)


@pytest.mark.parametrize(
    ("status", "code", "type"),
    [
        (400, "invalid_param", "validation_error"),
        (403, "forbidden", "permission_error"),
        (409, "conflict", "conflict_error"),
        (429, "rate_limited", "rate_limit_error"),
        (500, "internal_error", "api_error"),
        (503, "agent_service_unavailable", "api_error"),
    ],
)
async def test_a_refusal_speaks_the_contract(
    cloud: Emulator, knock: Knock, status: int, code: str, type: str
) -> None:
    """A status alone is enough of a script."""
    cloud.faults.refuse("startInstance", status)

    heard = await knock(cloud, "POST", start(cloud.ids[0]))

    assert (heard.status, heard.error["code"], heard.error["type"]) == (status, code, type)
    assert not cloud.log[0].applied


async def test_a_refusal_says_what_it_is_told(cloud: Emulator, knock: Knock) -> None:
    """Code, sentence, pause, headers and moment are the script's; and so is a whole body."""
    cloud.faults.refuse(
        "startInstance",
        429,
        code="quota_exceeded",
        message="no more machines",
        retry_after=7,
        headers={"X-Odd": "yes"},
        when="after",
    )
    cloud.faults.refuse("startInstance", 302, headers={"Location": "http://x/"}, body=b"")

    first = await knock(cloud, "POST", start(cloud.ids[0]))
    second = await knock(cloud, "POST", start(cloud.ids[1]))

    assert first.error["code"] == "quota_exceeded"
    assert first.error["message"] == "no more machines"
    assert (first.headers["Retry-After"], first.headers["X-Odd"]) == ("7", "yes")
    assert (second.status, second.body, second.headers["Location"]) == (302, b"", "http://x/")
    assert [entry.applied for entry in cloud.log] == [True, False]


async def test_trouble_after_a_refusal_keeps_the_refusal_from_being_heard(
    cloud: Emulator, knock: Knock
) -> None:
    """Where the world says no, a lost answer had no effect either."""
    cloud.faults.refuse("startInstance", 500, when="after")

    heard = await knock(cloud, "POST", start("inst-none"))

    assert heard.status == 500
    assert not cloud.log[0].applied


async def test_a_delayed_answer_comes_late_with_its_effect_done(
    clock: HandClock, knock: Knock
) -> None:
    """The pause is on the emulator's clock, after the effect."""
    async with Emulator(1, clock=clock) as cloud:
        cloud.faults.delay("startInstance", 30.0)

        heard = await knock(cloud, "POST", start(cloud.ids[0]))

        assert heard.status == 200
        assert clock.slept == [30.0]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_silence_ends_when_the_client_goes(cloud: Emulator, when: str) -> None:
    """Nothing is said, and nothing stays behind."""
    cloud.faults.silence("startInstance", when=when)  # type: ignore[arg-type]
    before = asyncio.all_tasks()
    wire = await Wire.to(cloud)
    wire.ask("POST", start(cloud.ids[0]))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await wire.reader.read(1)

    await wire.close()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0)
    assert (cloud.log[0].status, cloud.log[0].applied) == (0, when == "after")


async def test_closing_ends_silence_and_pauses_at_once() -> None:
    """An emulator closes in a moment, whoever still waits for it."""
    async with Emulator(2) as cloud:
        cloud.faults.silence("startInstance")
        cloud.faults.delay("startInstance", 3600.0)
        wires = [await Wire.to(cloud) for _ in range(3)]
        for wire, id in zip(wires, cloud.ids, strict=False):
            wire.ask("POST", start(id))
        while len(cloud.log) < 2:
            await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - began < 1.0
    for wire in wires:
        assert await wire.rest() == b""
        await wire.close()


async def test_a_client_gone_before_its_body_leaves_no_trace(cloud: Emulator) -> None:
    """A request that never came whole is not in the log."""
    wire = await Wire.to(cloud)
    head = b"POST /api/v1/instances HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
    wire.writer.write(head + b"Content-Length: 50\r\n\r\n{")
    await wire.writer.drain()
    await asyncio.sleep(0.01)
    await wire.close()
    await asyncio.sleep(0.01)

    assert cloud.log == []
    assert len(cloud.world) == 20


async def test_many_connections_are_served_at_once(cloud: Emulator) -> None:
    """Two hundred at a time, and each gets its own answer."""
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:

        async def look(number: int) -> bool:
            id = cloud.ids[number % 20]
            async with session.get(f"{cloud.url}/api/v1/instances/{id}") as response:
                return bool((await response.json())["data"]["id"] == id)

        assert all(await asyncio.gather(*(look(number) for number in range(200))))


async def test_while_it_is_down_nobody_listens_and_then_it_does_again() -> None:
    """Whoever is connected is thrown out; afterwards it is the same cloud at the same port."""
    async with Emulator(3) as cloud:
        cloud.faults.outage(0.2, "refused", after=1)
        wires = [await Wire.to(cloud) for _ in range(3)]
        wires[0].ask("POST", start(cloud.ids[0]))
        assert (await wires[0].reader.readline()).startswith(b"HTTP/1.1 200")
        for wire in wires[1:]:
            wire.ask("POST", start(cloud.ids[1]))

        for wire in wires:
            await asyncio.gather(wire.rest(), return_exceptions=True)
            await wire.close()
        with pytest.raises(ConnectionRefusedError):
            await Wire.to(cloud)
        while True:
            try:
                last = await Wire.to(cloud)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        last.ask("POST", start(cloud.ids[1]))
        assert (await last.reader.readline()).startswith(b"HTTP/1.1 200")
        await last.close()

    assert [cloud.effects(id) for id in cloud.ids] == [1, 1, 0]
    assert {entry.status for entry in cloud.log[1:-1]} == {0}


async def test_a_cloud_that_is_down_can_be_closed_and_opened_again() -> None:
    """The outage ends with it."""
    cloud = Emulator(3)
    async with cloud:
        cloud.faults.outage(3600, "refused")
        wire = await Wire.to(cloud)
        wire.ask("POST", start(cloud.ids[0]))
        await asyncio.gather(wire.rest(), return_exceptions=True)
        await wire.close()
    cloud.faults.clear()

    async with cloud:
        wire = await Wire.to(cloud)
        wire.ask("POST", start(cloud.ids[0]))
        assert (await wire.reader.readline()).startswith(b"HTTP/1.1 200")
        await wire.close()


@pytest.mark.parametrize("kind", ["503", "reset"])
async def test_an_outage_fails_whatever_is_asked_for(kind: Any, knock: Knock) -> None:
    """Looks and starts alike; another process can ask how long it took to be well again."""
    clock = HandClock()
    async with Emulator(3, clock=clock) as cloud:
        cloud.faults.outage(10, kind)
        told = (await knock(cloud, "GET", EFFECTS_PATH, key=None)).document["outages"]
        assert told == [{"kind": kind, "began": None, "well_after": None}]
        for method, path in (("POST", start(cloud.ids[0])), ("GET", "/api/v1/instances")):
            if kind == "503":
                assert (await knock(cloud, method, path)).status == 503
            else:
                with pytest.raises(aiohttp.ClientError):
                    await knock(cloud, method, path)
        told = (await knock(cloud, "GET", EFFECTS_PATH, key=None)).document["outages"]
        assert told == [{"kind": kind, "began": 1000.0, "well_after": None}]
        clock.time += 12.5
        assert (await knock(cloud, "GET", "/api/v1/instances")).status == 200
        told = (await knock(cloud, "GET", EFFECTS_PATH, key=None)).document["outages"]
        assert told == [{"kind": kind, "began": 1000.0, "well_after": 2.5}]
    assert cloud.effects(cloud.ids[0]) == 0
