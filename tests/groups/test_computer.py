"""The computer group, against the emulator."""

from __future__ import annotations

import pytest

from beeos_async import AsyncBeeOS, ControlInfo
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(cloud: Emulator) -> str:
    """Give an instance that is one and can be reached."""
    return cloud.world.add_instance(status="running", os_type="linux")


async def test_a_desktop_does_what_it_is_told(cloud: Emulator, bee: AsyncBeeOS, desk: str) -> None:
    """Each action arrives once, in order, with the fields that were given."""
    told = [
        await bee.computer.click(desk, x=640, y=377, button="right", count=2),
        await bee.computer.move(desk, x=0, y=0),
        await bee.computer.scroll(desk, x=5, y=6, direction="left", amount=3),
        await bee.computer.type(desk, text="Grüße\n", submit=False),
        await bee.computer.key(desk, keys=["ctrl", "shift", "t"]),
    ]

    assert told == [True] * 5
    assert [(one.verb, one.fields) for one in cloud.world.devices.actions(desk)] == [
        ("click", {"x": 640, "y": 377, "button": "right", "count": 2}),
        ("move", {"x": 0, "y": 0}),
        ("scroll", {"x": 5, "y": 6, "direction": "left", "amount": 3}),
        ("type", {"text": "Grüße\n", "submit": False}),
        ("key", {"keys": ["ctrl", "shift", "t"]}),
    ]


async def test_a_point_beyond_the_screen_is_not_taken(
    cloud: Emulator, bee: AsyncBeeOS, desk: str
) -> None:
    """The answer is no error and no yes."""
    info = await bee.computer.info(desk)

    assert await bee.computer.click(desk, x=info.screen_width, y=0) is False
    assert await bee.computer.click(desk, x=info.screen_width - 1, y=0) is True
    assert len(cloud.world.devices.actions(desk)) == 1


async def test_a_desktop_tells_what_it_is(cloud: Emulator, bee: AsyncBeeOS, desk: str) -> None:
    """Its size is the one it has in this moment."""
    before = await bee.computer.info(desk)
    cloud.world.devices.rotate(desk)
    after = await bee.computer.info(desk)

    assert before == ControlInfo(
        online=True,
        os="linux",
        screen_width=1920,
        screen_height=1080,
        coordinate_system="absolute_pixels",
        supported_actions=["screenshot", "click", "move", "scroll", "type", "key"],
        current_app="Terminal",
    )
    assert (after.screen_width, after.screen_height) == (1080, 1920)
