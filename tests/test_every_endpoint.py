"""Every row of the table, driven through the real client over a real socket.

A row without a line here fails; so does a line without a row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from beeos_async import AsyncBeeOS, EventStream
from beeos_async._protocol import table
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

Drive = Callable[[AsyncBeeOS, str], Awaitable[Any]]

CHANNEL: Final = "chn-1"
"""A channel that is over, and an operation that is, of the same name."""


async def events_of(stream: EventStream[Any]) -> list[Any]:
    async with stream as events:
        return [event async for event in events]


CALLS: Final[dict[str, tuple[Drive, Callable[[Any, str], bool]]]] = {
    # catalog
    "listProviders": (
        lambda bee, _: bee.catalog.providers(),
        lambda found, _: found[0].meta.id != "",
    ),
    "listDeployRegions": (
        lambda bee, _: bee.catalog.regions(provider_id="comb-k8s"),
        lambda found, _: len(found) == 3,
    ),
    "listDeployModels": (
        lambda bee, _: bee.catalog.models(agent_framework="nectar-claw"),
        lambda found, _: found[0].reasoning is True,
    ),
    # instances
    "listInstances": (
        lambda bee, _: bee.instances.list(status="stopped").collect(),
        lambda found, one: one in [row.id for row in found],
    ),
    "getInstance": (
        lambda bee, one: bee.instances.get(one),
        lambda found, one: found.id == one,
    ),
    "deployInstance": (
        lambda bee, _: bee.instances.deploy(name="scribe", agent_framework="nectar-claw"),
        lambda made, one: made.name == "scribe" and made.id != one,
    ),
    "startInstance": (
        lambda bee, one: bee.instances.start(one),
        lambda told, one: told.id == one and told.desired_status == "running",
    ),
    "stopInstance": (
        lambda bee, one: bee.instances.stop(one),
        lambda told, one: told.id == one and told.desired_status == "stopped",
    ),
    "restartInstance": (
        lambda bee, one: bee.instances.restart(one),
        lambda told, one: told.id == one and told.desired_status == "running",
    ),
    "destroyInstance": (
        lambda bee, one: bee.instances.destroy(one),
        lambda told, _: told is None,
    ),
    "getDeviceInfo": (
        lambda bee, one: bee.instances.device_info(one),
        lambda found, _: found.width > 0,
    ),
    # agents
    "invokeAgent": (
        lambda bee, one: events_of(bee.agents.invoke_stream(one, "hello")),
        lambda told, _: told[-1].text == "You said: hello",
    ),
    # tasks
    "streamTaskEvents": (
        lambda bee, one: events_of(bee.tasks.events(one, CHANNEL)),
        lambda told, _: told[-1].reason == "task_terminal",
    ),
    # conversations
    "streamConversationEvents": (
        lambda bee, one: events_of(bee.conversations.events(one, CHANNEL)),
        lambda told, _: told[-1].reason == "task_terminal",
    ),
    # runtime
    "streamRuntimeOperationEvents": (
        lambda bee, one: events_of(bee.runtime.operation_events(one, CHANNEL)),
        lambda told, _: told[-1].event.outcome == "succeeded",
    ),
}


@pytest.mark.parametrize("operation", table.ROWS)
async def test_the_client_and_the_emulator_agree(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """One method, one request to the row's route, one answer of the row's type."""
    drive, holds = CALLS[operation]
    id = cloud.ids[0]
    cloud.world.channels.open(id, CHANNEL).end()
    cloud.world.operations.open(id, CHANNEL).post("runtime_rpc_response", outcome="succeeded")

    answer = await drive(bee, id)

    assert holds(answer, id)
    (entry,) = cloud.log
    assert entry.operation == operation
    assert entry.method == table.ROWS[operation].method
    assert 200 <= entry.status < 300


def test_no_line_is_left_over() -> None:
    """What is no longer in the table is no longer driven."""
    assert list(CALLS) == list(table.ROWS)
