"""The instances group, against the emulator."""

from __future__ import annotations

import pytest
from fault_server import FaultServer, Peer, Seen, http, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS, DeployInstance
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_a_list_is_one_iterator_over_all_pages(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Items, pages and a collected list tell the same."""
    listed = bee.instances.list(page_size=7)

    items = [instance.id async for instance in listed]
    pages = [len(page.data) async for page in listed.pages()]
    some = await listed.collect(limit=9)

    assert items == cloud.ids
    assert pages == [7, 7, 6]
    assert [one.id for one in some] == cloud.ids[:9]
    # Nine rows are two pages: the third is not asked for.
    assert [entry.path for entry in cloud.log[6:]] == [
        "/api/v1/instances?page=0&pageSize=7",
        "/api/v1/instances?page=1&pageSize=7",
    ]


async def test_filters_travel_as_the_contract_names_them(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Each filter narrows the list; those not given are not sent."""
    id = cloud.world.add_instance(
        status="running", name="needle & co", provider_id="p", agent_framework="f", cluster_id="c"
    )

    for filters in (
        {"status": "running"},
        {"search": "needle & co"},
        {"provider_id": "p"},
        {"agent_framework": "f"},
        {"cluster_id": "c"},
    ):
        found = await bee.instances.list(**filters).collect()
        assert [one.id for one in found] == [id]

    assert "search=needle%20%26%20co" in cloud.log[1].path
    assert "status" not in cloud.log[1].path


@pytest.mark.parametrize("page_size", [0, 201, 7.5, True])
async def test_a_page_size_beyond_the_contract_is_refused(bee: AsyncBeeOS, page_size: int) -> None:
    """Before any request, as everywhere."""
    with pytest.raises(b.ConfigurationError, match="page_size"):
        bee.instances.list(page_size=page_size)


async def test_a_limit_of_nothing_is_refused(bee: AsyncBeeOS) -> None:
    """A `collect` without rows is a mistake."""
    with pytest.raises(b.ConfigurationError, match="limit"):
        await bee.instances.list().collect(limit=0)
    with pytest.raises(TypeError, match=r"use `async for`, or `await pager\.collect\(\)`"):
        await bee.instances.list()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def test_a_list_without_a_total_ends_where_it_repeats_itself(clock: HandClock) -> None:
    """A server that ignores the page number does not make an endless list."""

    async def same(peer: Peer, _: Seen) -> None:
        await peer.send(http(b'{"success":true,"data":[{"id":"inst-1"}]}'))

    async with (
        FaultServer(requests(same)) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        assert [one.id for one in await bee.instances.list().collect()] == ["inst-1"]

    assert len(server.seen) == 2


@pytest.mark.parametrize("total", [b"", b',"total":6'])
async def test_a_page_without_any_name_is_not_the_end(total: bytes, clock: HandClock) -> None:
    """Rows that cannot be named are rows: what follows them is not lost."""
    pages = [
        b'[{"name":"a"},{"name":"b"}]',
        b'[{"id":"inst-3"},{"id":null}]',
        b'[{"id":"inst-5"}]',
    ]

    async def paged(peer: Peer, seen: Seen) -> None:
        number = int(seen.target.partition("page=")[2].partition("&")[0])
        rows = pages[number] if number < len(pages) else b"[]"
        await peer.send(http(b'{"success":true,"data":%s%s}' % (rows, total)))

    async with (
        FaultServer(requests(paged)) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        found = [page async for page in bee.instances.list(page_size=2).pages()]

    assert [one.id for page in found for one in page.data] == ["inst-3", "inst-5"]
    assert [page.left_out or 0 for page in found][:3] == [2, 1, 0]


@pytest.mark.fault("H29")
async def test_a_list_that_is_not_paged_ends_although_its_items_change(clock: HandClock) -> None:
    """The same two machines, each time with another name: that is no next page."""

    async def same(peer: Peer, _: Seen) -> None:
        rows = b'[{"id":"inst-1","name":"%d"},{"id":"inst-2"}]' % len(peer.server.seen)
        await peer.send(http(b'{"success":true,"data":%s}' % rows))

    async with (
        FaultServer(requests(same)) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        assert [one.id async for one in bee.instances.list()] == ["inst-1", "inst-2"]

    assert len(server.seen) == 2


async def test_a_wish_moves_an_instance(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Start, restart, stop and destroy are each answered by the instance they move."""
    id = cloud.ids[0]

    assert (await bee.start(id)).desired_status == "running"
    assert cloud.effects(id) == 1
    assert (await bee.instances.get(id)).status == "running"
    assert (await bee.restart(id)).id == id
    assert (await bee.stop(id)).desired_status == "stopped"
    assert await bee.destroy(id) is None  # type: ignore[func-returns-value]
    with pytest.raises(b.ConflictError):
        await bee.start(id)


async def test_an_instance_is_deployed_from_fields_or_from_a_struct(bee: AsyncBeeOS) -> None:
    """Both ways mean the same."""
    one = await bee.instances.deploy(name="night-shift", agent_framework="beeos-claw")
    other = await bee.instances.deploy(DeployInstance(name="day-shift", variant_id="var-1"))

    assert (one.name, one.agent_framework) == ("night-shift", "beeos-claw")
    assert other.name == "day-shift"


async def test_what_cannot_be_deployed_is_refused_before_any_request(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The contract's field limits hold on this side of the wire."""
    for fields in (
        {},
        {"name": "a"},
        {"name": "a", "variant_id": "v" * 129},
        {"name": "a", "agent_framework": "f" * 65},
        {"name": "a", "variant_id": "v", "system_prompt": "p" * 8193},
        {"name": "a", "variant_id": 7},
        {"name": "a", "variant_id": "v", "provider_config": {"x": object()}},
        {"name": "a", "variant_id": "v", "config": {"x": "y" * 70_000}},
    ):
        with pytest.raises(b.ConfigurationError):
            await bee.instances.deploy(**fields)  # type: ignore[arg-type]

    assert cloud.log == []


async def test_a_device_tells_what_it_is(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Its registration data, typed."""
    device = await bee.instances.device_info(cloud.ids[0])

    assert isinstance(device, b.DeviceInfo)
    assert device.width > 0
