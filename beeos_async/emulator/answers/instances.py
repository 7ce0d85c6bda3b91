"""Answers about instances: the world does it, and tells how things are then."""

from __future__ import annotations

from typing import Final

from ..._protocol import table
from ...models._base import Envelope, Page
from ...models.instances import DeployInstance, DeviceInfo, Instance
from ..desk import Call, desk
from ..world import World

DEFAULT_PAGE: Final = 20
"""Rows of a page where the client does not say; the contract publishes no default."""

LARGEST_PAGE: Final = 200
LAST_PAGE: Final = 2**31 - 1

_FILTERS: Final = {
    "status": "status",
    "providerId": "provider_id",
    "agentFramework": "agent_framework",
    "clusterId": "cluster_id",
}


@desk(table.LIST_INSTANCES)
async def list_instances(world: World, call: Call) -> Page[Instance]:
    """Show one page of those that pass every filter."""
    wanted = {field: call.params[name] for name, field in _FILTERS.items() if name in call.params}
    rows, total = world.list(
        wanted,
        call.params.get("search", ""),
        call.number("page", 0, LAST_PAGE),
        call.number("pageSize", DEFAULT_PAGE, LARGEST_PAGE),
    )
    return Page(data=rows, total=total)


@desk(table.GET_INSTANCE)
async def get_instance(world: World, call: Call) -> Envelope[Instance]:
    """Look."""
    (id,) = call.ids
    return Envelope(data=world.get(id))


@desk(table.DEPLOY_INSTANCE, status=201)
async def deploy_instance(world: World, call: Call) -> Envelope[Instance]:
    """Make another one, each time."""
    return Envelope(data=world.deploy(call.body(DeployInstance)))


@desk(table.START_INSTANCE)
async def start_instance(world: World, call: Call) -> Envelope[Instance]:
    """Wish it running; the world moves it there in its own time."""
    (id,) = call.ids
    return Envelope(data=world.start(id))


@desk(table.STOP_INSTANCE)
async def stop_instance(world: World, call: Call) -> Envelope[Instance]:
    """Wish it stopped; the world moves it there in its own time."""
    (id,) = call.ids
    return Envelope(data=world.stop(id))


@desk(table.RESTART_INSTANCE)
async def restart_instance(world: World, call: Call) -> Envelope[Instance]:
    """Take it down and up again, each time."""
    (id,) = call.ids
    return Envelope(data=world.restart(id))


@desk(table.DESTROY_INSTANCE)
async def destroy_instance(world: World, call: Call) -> Envelope[str]:
    """End it; the answer is a word."""
    (id,) = call.ids
    world.destroy(id)
    return Envelope(data="destroyed")


@desk(table.GET_DEVICE_INFO)
async def get_device_info(world: World, call: Call) -> Envelope[DeviceInfo]:
    """Tell what its device said, whether it is reachable or not."""
    (id,) = call.ids
    return Envelope(data=world.device_info(id))
