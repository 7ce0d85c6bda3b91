from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from hand_clock import HandClock

from beeos_async import ConfigurationError
from beeos_async.emulator import Emulator, instance_ids

if TYPE_CHECKING:
    from conftest import Knock

pytestmark = pytest.mark.anyio


async def test_an_emulator_opens_with_stopped_instances() -> None:
    """As many as asked for, in order, with the ids anybody can compute."""
    async with Emulator(instances=30, seed=7) as cloud:
        assert cloud.ids == instance_ids(30, seed=7)
        assert {cloud.world.get(id).status for id in cloud.ids} == {"stopped"}
        assert cloud.log == []


async def test_an_emulator_is_this_machine_alone(cloud: Emulator) -> None:
    """It listens on loopback, at the port it tells."""
    assert cloud.url == f"http://127.0.0.1:{cloud.port}"


async def test_its_client_reaches_it(cloud: Emulator) -> None:
    """The client needs nothing more, and takes every option of its own."""
    async with cloud.client() as bee:
        assert (await bee.instances.get(cloud.ids[0])).id == cloud.ids[0]
    async with cloud.client(api_key="another", max_retries=0, timeout=5.0) as bee:
        started = await bee.start(cloud.ids[1])
        assert started.desired_status == "running"
    assert cloud.effects(cloud.ids[1]) == 1


async def test_a_closed_emulator_has_no_address() -> None:
    """Before and after, there is nothing to connect to, and it says so."""
    cloud = Emulator(1)
    with pytest.raises(RuntimeError, match="not open"):
        _ = cloud.url
    async with cloud:
        port = cloud.port
    with pytest.raises(RuntimeError, match="not open"):
        _ = cloud.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_an_emulator_shows_what_it_is() -> None:
    """How many instances there are, and where."""
    cloud = Emulator(3)
    assert repr(cloud) == "<Emulator of 3 instances, not open>"
    async with cloud:
        cloud.world.add_instance()
        assert repr(cloud) == f"<Emulator of 4 instances, at {cloud.url}>"


async def test_an_emulator_is_opened_once_at_a_time() -> None:
    """Opening it twice is a mistake in the test that does it."""
    async with Emulator(1) as cloud:
        with pytest.raises(RuntimeError, match="open already"):
            await cloud.__aenter__()


async def test_an_emulator_closes_as_often_as_it_is_told() -> None:
    """A test that closes it by hand may still leave its block."""
    async with Emulator(1) as cloud:
        await cloud.__aexit__(None, None, None)
        with pytest.raises(RuntimeError, match="not open"):
            _ = cloud.url


async def test_an_emulator_comes_back_with_its_memory(knock: Knock) -> None:
    """After an outage everything is where it was, at the same port if it was given."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    cloud = Emulator(2, port=port)
    async with cloud:
        await knock(cloud, "POST", f"/api/v1/instances/{cloud.ids[0]}/start")
    async with cloud:
        assert cloud.port == port
        heard = await knock(cloud, "GET", f"/api/v1/instances/{cloud.ids[0]}")

    assert heard.document["data"]["desiredStatus"] == "running"
    assert len(cloud.log) == 2


async def test_a_taken_port_is_said_to_be_taken(cloud: Emulator) -> None:
    """The message names the port and what to do."""
    with pytest.raises(ConfigurationError, match=f"port {cloud.port} .* taken.* 0 for a free"):
        await Emulator(1, port=cloud.port).__aenter__()


async def test_a_port_that_cannot_be_used_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reason than that it is taken is told as the machine tells it."""
    monkeypatch.setattr("beeos_async.emulator.door.HOST", "198.51.100.1")

    with pytest.raises(ConfigurationError, match="cannot be used"):
        await Emulator(1).__aenter__()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"instances": -1}, "instances"),
        ({"instances": "many"}, "instances"),
        ({"boot_time": -0.1}, "boot_time"),
        ({"online_time": float("inf")}, "online_time"),
        ({"latency": "slow"}, "latency"),
        ({"port": 70_000}, "port"),
        ({"seed": 0.5}, "seed"),
        ({"quota": "fast"}, "quota"),
        ({"quota": {"startInstanse": "1/s"}}, "startInstanse"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], named: str) -> None:
    """Before anything is opened, and by name."""
    with pytest.raises(ConfigurationError, match=named):
        Emulator(**options)


async def test_strictness_reaches_the_world(clock: HandClock, knock: Knock) -> None:
    """A start of what is started is a conflict where it is asked for."""
    async with Emulator(1, strict=True, clock=clock) as cloud:
        path = f"/api/v1/instances/{cloud.ids[0]}/start"
        heard = [await knock(cloud, "POST", path) for _ in range(2)]

    assert [one.status for one in heard] == [200, 409]
    assert cloud.effects(cloud.ids[0]) == 1
