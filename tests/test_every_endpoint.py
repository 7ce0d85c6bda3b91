"""Every row of the table, driven through the real client over a real socket.

A row without a line here fails; so does a line without a row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from beeos_async import AsyncBeeOS
from beeos_async._protocol import table
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

Drive = Callable[[AsyncBeeOS, str], Awaitable[Any]]

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
    # computer
    "getComputerInfo": (
        lambda bee, one: bee.computer.info(one),
        lambda found, _: (found.online, found.os) == (True, "linux"),
    ),
    "computerScreenshot": (
        lambda bee, one: bee.computer.screenshot(one),
        lambda found, _: found.file_id and found.url and found.width == 1920,
    ),
    "computerClick": (
        lambda bee, one: bee.computer.click(one, x=10, y=20, button="right", count=2),
        lambda ok, _: ok is True,
    ),
    "computerMove": (
        lambda bee, one: bee.computer.move(one, x=0, y=0),
        lambda ok, _: ok is True,
    ),
    "computerScroll": (
        lambda bee, one: bee.computer.scroll(one, direction="down", amount=2),
        lambda ok, _: ok is True,
    ),
    "computerType": (
        lambda bee, one: bee.computer.type(one, text="Grüße", submit=True),
        lambda ok, _: ok is True,
    ),
    "computerKey": (
        lambda bee, one: bee.computer.key(one, keys=["ctrl", "c"]),
        lambda ok, _: ok is True,
    ),
    # mobile
    "getMobileInfo": (
        lambda bee, one: bee.mobile.info(one),
        lambda found, _: (found.online, found.os) == (True, "android"),
    ),
    "mobileScreenshot": (
        lambda bee, one: bee.mobile.screenshot(one),
        lambda found, _: found.file_id and found.url and found.width == 1080,
    ),
    "mobileTap": (
        lambda bee, one: bee.mobile.tap(one, x=10, y=20),
        lambda ok, _: ok is True,
    ),
    "mobileDoubleTap": (
        lambda bee, one: bee.mobile.double_tap(one, x=10, y=20),
        lambda ok, _: ok is True,
    ),
    "mobileLongPress": (
        lambda bee, one: bee.mobile.long_press(one, x=10, y=20, duration_ms=800),
        lambda ok, _: ok is True,
    ),
    "mobileDrag": (
        lambda bee, one: bee.mobile.drag(one, x1=10, y1=20, x2=30, y2=40),
        lambda ok, _: ok is True,
    ),
    "mobileSwipe": (
        lambda bee, one: bee.mobile.swipe(one, x1=10, y1=20, x2=30, y2=40, duration_ms=300),
        lambda ok, _: ok is True,
    ),
    "mobileScroll": (
        lambda bee, one: bee.mobile.scroll(one, direction="up"),
        lambda ok, _: ok is True,
    ),
    "mobileType": (
        lambda bee, one: bee.mobile.type(one, text="milk"),
        lambda ok, _: ok is True,
    ),
    "mobileKey": (
        lambda bee, one: bee.mobile.key(one, keys=["KEYCODE_ENTER"]),
        lambda ok, _: ok is True,
    ),
    "mobilePressButton": (
        lambda bee, one: bee.mobile.press_button(one, button="home"),
        lambda ok, _: ok is True,
    ),
    "mobileListApps": (
        lambda bee, one: bee.mobile.apps(one, launchable_only=True),
        lambda found, _: [app.label for app in found] == ["Mail", "Maps"],
    ),
    "mobileOpenApp": (
        lambda bee, one: bee.mobile.open_app(one, app="net.example.mail", locale="de-AT"),
        lambda ok, _: ok is True,
    ),
    "mobileGetUiTree": (
        lambda bee, one: bee.mobile.ui_tree(one, format="raw"),
        lambda found, _: found.supported and found.content.startswith("<hierarchy"),
    ),
}


def resource(cloud: Emulator, path: str) -> str:
    """Give what a route is about: a stopped instance, or a device that can be reached."""
    place = path.removeprefix("/api/v1/instances/{id}/").partition("/")[0]
    system = {"computer": "linux", "mobile": "android"}.get(place)
    if system is None:
        return cloud.ids[0]
    return cloud.world.add_instance(status="running", os_type=system)


@pytest.mark.parametrize("operation", table.ROWS)
async def test_the_client_and_the_emulator_agree(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """One method, one request to the row's route, one answer of the row's type."""
    drive, holds = CALLS[operation]
    id = resource(cloud, table.ROWS[operation].path)

    answer = await drive(bee, id)

    assert holds(answer, id)
    (entry,) = cloud.log
    assert entry.operation == operation
    assert entry.method == table.ROWS[operation].method
    assert 200 <= entry.status < 300


def test_no_line_is_left_over() -> None:
    """What is no longer in the table is no longer driven."""
    assert list(CALLS) == list(table.ROWS)
