"""The mobile group, against the emulator."""

from __future__ import annotations

import pytest

from beeos_async import AsyncBeeOS, BadRequestError
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def phone(cloud: Emulator) -> str:
    """Give an instance that is one and can be reached."""
    return cloud.world.add_instance(status="running", os_type="android")


async def test_a_phone_does_what_it_is_told(cloud: Emulator, bee: AsyncBeeOS, phone: str) -> None:
    """Each action arrives once, in order, with the fields that were given."""
    told = [
        await bee.mobile.tap(phone, x=1, y=2),
        await bee.mobile.double_tap(phone, x=3, y=4),
        await bee.mobile.long_press(phone, x=5, y=6, duration_ms=700),
        await bee.mobile.drag(phone, x1=1, y1=2, x2=3, y2=4, duration_ms=1200),
        await bee.mobile.swipe(phone, x1=4, y1=3, x2=2, y2=1),
        await bee.mobile.scroll(phone, direction="up"),
        await bee.mobile.type(phone, text="milk", submit=True),
        await bee.mobile.key(phone, keys=["KEYCODE_DPAD_UP"]),
        await bee.mobile.press_button(phone, button="volume_up"),
        await bee.mobile.open_app(phone, app="net.example.maps", activity=".Start"),
    ]

    assert told == [True] * 10
    assert [(one.verb, one.fields) for one in cloud.world.devices.actions(phone)] == [
        ("tap", {"x": 1, "y": 2}),
        ("double_tap", {"x": 3, "y": 4}),
        ("long_press", {"x": 5, "y": 6, "duration_ms": 700}),
        ("drag", {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "duration_ms": 1200}),
        ("swipe", {"x1": 4, "y1": 3, "x2": 2, "y2": 1}),
        ("scroll", {"direction": "up"}),
        ("type", {"text": "milk", "submit": True}),
        ("key", {"keys": ["KEYCODE_DPAD_UP"]}),
        ("press_button", {"button": "volume_up"}),
        ("open_app", {"app": "net.example.maps", "activity": ".Start"}),
    ]


async def test_the_questions_of_a_look_travel_as_the_contract_names_them(
    cloud: Emulator, bee: AsyncBeeOS, phone: str
) -> None:
    """Yes and no in words; what was not said is not sent."""
    await bee.mobile.apps(phone)
    await bee.mobile.apps(phone, include_system=True, launchable_only=False)
    await bee.mobile.ui_tree(phone)
    await bee.mobile.ui_tree(phone, query="Zoë & co", format="compact")

    assert [entry.path.rpartition("/")[2] for entry in cloud.log] == [
        "apps",
        "apps?include_system=true&launchable_only=false",
        "ui_tree",
        "ui_tree?query=Zo%C3%AB%20%26%20co&format=compact",
    ]


async def test_a_phone_shows_what_is_typed_into_what_is_open(bee: AsyncBeeOS, phone: str) -> None:
    """Open, type, look: the tree and the app in front follow."""
    mobile = bee.mobile

    await mobile.open_app(phone, app="net.example.mail")
    await mobile.type(phone, text="dear ")
    await mobile.type(phone, text="Zoë")
    tree = await mobile.ui_tree(phone)
    found = await mobile.ui_tree(phone, query="zoë")

    assert (await mobile.info(phone)).current_app == "net.example.mail"
    assert tree.content == (
        "[0] FrameLayout\n  [1] TextView 'Mail'\n  [2] EditText 'dear Zoë'\n"
        "  [3] Button 'Continue'"
    )
    assert found.content == "[0] FrameLayout\n  [1] EditText 'dear Zoë'"


async def test_an_app_that_is_not_there_is_not_opened(bee: AsyncBeeOS, phone: str) -> None:
    """Neither one without an icon."""
    assert await bee.mobile.open_app(phone, app="net.example.nowhere") is False
    assert await bee.mobile.open_app(phone, app="net.example.sync") is False


async def test_a_runtime_behind_a_portal_can_do_less(
    cloud: Emulator, bee: AsyncBeeOS, phone: str
) -> None:
    """What it refuses is told apart from a mistake by its code."""
    cloud.world.devices.script(phone, portal=True)
    mobile = bee.mobile

    for call in (
        mobile.apps(phone),
        mobile.ui_tree(phone, query="Pay"),
        mobile.open_app(phone, app="net.example.mail", locale="de-AT"),
    ):
        with pytest.raises(BadRequestError) as caught:
            await call
        assert caught.value.code == "action_unsupported"

    assert await mobile.open_app(phone, app="net.example.mail") is True
    assert len(await mobile.apps(phone, launchable_only=True)) == 2
    # Whatever was asked for, it is JSON.
    assert (await mobile.ui_tree(phone, format="raw")).content.startswith("[{")
