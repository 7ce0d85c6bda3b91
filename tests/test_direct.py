"""A request for what has no method yet."""

from __future__ import annotations

from types import NoneType
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, requests
from hand_clock import HandClock

from beeos_async import AsyncBeeOS, ConfigurationError, Instance, NotFoundError
from beeos_async.emulator import Emulator
from beeos_async.models._base import Envelope

pytestmark = pytest.mark.anyio


async def test_a_request_by_hand_gives_the_whole_body(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """As a mapping, or as any type it is decoded to."""
    id = cloud.ids[0]

    page = await bee.request("GET", "/api/v1/instances", params={"pageSize": 2, "status": None})
    one = await bee.request("GET", f"/api/v1/instances/{id}", into=Envelope[Instance])
    nothing = await bee.request("GET", "/api/v1/providers", into=NoneType)

    assert [row["id"] for row in page["data"]] == cloud.ids[:2]
    assert one.data.id == id
    assert nothing is None


async def test_a_request_by_hand_is_repeated_like_any_other(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A read freely; what acts each time only where it certainly was not done."""
    body = {"name": "scribe", "agentFramework": "nectar-claw"}
    cloud.faults.refuse("listProviders", 500, times=1)
    cloud.faults.refuse("deployInstance", 500, when="after", times=1)

    await bee.request("GET", "/api/v1/providers")
    with pytest.raises(Exception, match="500"):
        await bee.request("POST", "/api/v1/instances", json=body)

    assert [entry.operation for entry in cloud.log] == ["listProviders"] * 2 + ["deployInstance"]


async def test_an_idempotency_key_makes_repeating_safe(clock: HandClock) -> None:
    """It travels in the header, the same each time."""

    async def answer(peer: Peer, _: Seen) -> None:
        if len(peer.server.seen) == 1:
            raise ConnectionError
        await peer.answer(b"{}")

    async with FaultServer(requests(answer)) as server:
        async with AsyncBeeOS("word", base_url=server.url, _clock=clock) as bee:
            told = await bee.request("POST", "/api/v1/new", json=[1], idempotency_key="mine")

    assert told == {}
    assert [seen.headers["idempotency-key"] for seen in server.seen] == ["mine", "mine"]
    assert [seen.body for seen in server.seen] == [b"[1]", b"[1]"]


async def test_a_refusal_has_its_class(bee: AsyncBeeOS) -> None:
    """Errors are those of every call."""
    with pytest.raises(NotFoundError):
        await bee.request("GET", "/api/v1/nowhere")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "api/v1/instances"),
        ("GET", "//evil.example/api"),
        ("GET", "/api/../v1"),
        ("GET", "/api/%2e%2E/v1"),
        ("GET", "/api/v1?x=1"),
        ("GET", "/api/v1#x"),
        ("GET", "/api/v1\r\nX: y"),
        ("GET", "/api/v 1"),
        ("GET", "/api/%zz"),
        ("GET", "https://evil.example/"),
        ("GET", ""),
        ("GET", 7),
        ("TRACE", "/api/v1"),
        ("get", "/api/v1"),
    ],
)
async def test_what_is_no_path_is_refused_before_anything_is_sent(
    method: Any, path: Any, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The key goes nowhere else than below the base URL."""
    with pytest.raises(ConfigurationError):
        await bee.request(method, path)

    assert cloud.log == []
