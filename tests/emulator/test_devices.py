"""The pretend desktops and phones, and where their pictures are."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from hand_clock import HandClock
from yarl import URL

from beeos_async import ConfigurationError
from beeos_async.emulator import Emulator, World
from beeos_async.emulator.devices import PICTURE_TIME
from beeos_async.emulator.refusals import RefusedError
from beeos_async.models.control import TypeText
from beeos_async.models.mobile import LongPress, OpenApp, PressButton, Swipe, Tap

if TYPE_CHECKING:
    from conftest import Knock

pytestmark = pytest.mark.anyio

ROUTE = "/api/v1/instances"


@pytest.fixture
def world(clock: HandClock) -> World:
    return World(clock)


@pytest.fixture
def phone(world: World) -> str:
    return world.add_instance(status="running", os_type="android")


@pytest.fixture
def desk(world: World) -> str:
    return world.add_instance(status="running", os_type="windows")


def act(world: World, id: str, verb: str, request: Any) -> bool:
    return world.devices.act(id, "mobile", verb, request)


def xml(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 -- it is our own


def test_what_a_device_did_changes_the_world(clock: HandClock, world: World, phone: str) -> None:
    """And stands in its book with the time; what it did not do does neither."""
    before = world.changes

    clock.time += 5
    assert act(world, phone, "tap", Tap(x=1079, y=2399))
    assert not act(world, phone, "tap", Tap(x=1080, y=0))
    assert not act(world, phone, "tap", Tap(x=0, y=2400))
    assert not act(world, phone, "tap", Tap(x=-1, y=0))
    assert not act(world, phone, "swipe", Swipe(x1=0, y1=0, x2=0, y2=2400))

    (action,) = world.devices.actions(phone)
    assert (action.verb, action.at) == ("tap", clock.now())
    assert world.changes == before + 1


def test_the_book_of_a_device_is_a_copy(world: World, phone: str) -> None:
    """Whoever reads it cannot write in it."""
    world.devices.actions(phone).append("scribble")  # type: ignore[arg-type]

    assert world.devices.actions(phone) == []


@pytest.mark.parametrize(
    ("asked", "kept"), [(-5, 1), (0, 1), (1, 1), (10_000, 10_000), (10**6, 10_000)]
)
def test_a_touch_lasts_within_bounds(world: World, phone: str, asked: int, kept: int) -> None:
    """The device clamps; it does not refuse."""
    assert act(world, phone, "long_press", LongPress(x=1, y=1, duration_ms=asked))

    assert world.devices.actions(phone)[0].fields["duration_ms"] == kept


def test_a_device_is_turned_and_turned_back(world: World, phone: str) -> None:
    """The screen that counts is the one it has now."""
    point = Tap(x=2000, y=500)

    assert not act(world, phone, "tap", point)
    world.devices.rotate(phone)
    assert act(world, phone, "tap", point)
    assert world.devices.info(phone, "mobile").screen_width == 2400
    tree = world.devices.tree(phone, query="", raw=True)
    assert xml(tree.content).attrib == {"rotation": "1"}
    world.devices.rotate(phone)
    assert world.devices.info(phone, "mobile").screen_width == 1080


def test_the_device_of_an_instance_follows_it(clock: HandClock, world: World, phone: str) -> None:
    """It is out of reach with its instance, and the same again afterwards."""
    assert act(world, phone, "tap", Tap(x=1, y=1))
    world.stop(phone)
    clock.time += 10

    with pytest.raises(RefusedError) as caught:
        act(world, phone, "tap", Tap(x=1, y=1))

    assert (caught.value.status, caught.value.code) == (503, "device_offline")
    assert not world.devices.info(phone, "mobile").online
    world.start(phone)
    clock.time += 10
    assert act(world, phone, "tap", Tap(x=2, y=2))
    assert len(world.devices.actions(phone)) == 2


def test_home_leads_back(world: World, phone: str) -> None:
    """What was typed is not on the next screen."""
    assert act(world, phone, "open_app", OpenApp(app="net.example.maps"))
    assert act(world, phone, "type", TypeText(text="harbour"))
    assert "harbour" in world.devices.tree(phone, query="", raw=False).content

    assert act(world, phone, "press_button", PressButton(button="back"))
    assert world.devices.info(phone, "mobile").current_app == "net.example.maps"
    assert act(world, phone, "press_button", PressButton(button="home"))

    assert world.devices.info(phone, "mobile").current_app == "net.example.launcher"
    assert "harbour" not in world.devices.tree(phone, query="", raw=False).content


def test_a_text_that_is_submitted_leaves_its_field(world: World, phone: str) -> None:
    """As a search field does."""
    assert act(world, phone, "type", TypeText(text="harbour"))
    assert act(world, phone, "type", TypeText(text="!", submit=True))

    assert "''" in world.devices.tree(phone, query="", raw=False).content


def test_an_app_can_be_installed(world: World, phone: str) -> None:
    """Then it is listed and opened like any other."""
    before = world.devices.apps(phone, system=True, launchable=False)
    world.devices.install(phone, "org.example.tides", 'Tides "&" <Moons>')
    world.devices.install(phone, "org.example.daemon", launchable=False)
    world.devices.install(phone, "org.example.dialer", system=True)

    def listed(**which: bool) -> set[str]:
        apps = world.devices.apps(phone, **which)
        return {app.package_id for app in apps if app not in before}

    tides, daemon, dialer = (f"org.example.{name}" for name in ("tides", "daemon", "dialer"))
    assert listed(system=False, launchable=False) == {tides, daemon}
    assert listed(system=False, launchable=True) == {tides}
    assert listed(system=True, launchable=True) == {tides, dialer}
    assert act(world, phone, "open_app", OpenApp(app=tides))
    (title, *_) = xml(world.devices.tree(phone, query="", raw=True).content)
    assert title.get("text") == 'Tides "&" <Moons>'
    # One without a name is called by its package.
    assert act(world, phone, "open_app", OpenApp(app=dialer))
    assert dialer in world.devices.tree(phone, query="", raw=False).content


def test_a_screen_is_described_in_the_runtimes_own_way(world: World, phone: str) -> None:
    """An outline, the debug bridge's XML, or a service's JSON; a query narrows the first two."""
    devices = world.devices

    compact = devices.tree(phone, query="CONT", raw=False)
    raw = xml(devices.tree(phone, query="", raw=True).content)
    devices.script(phone, portal=True)
    portal = json.loads(devices.tree(phone, query="", raw=False).content)
    devices.script(phone, blank=True)
    blank = devices.tree(phone, query="", raw=False)

    assert compact.content == "[0] FrameLayout\n  [1] Button 'Continue'"
    assert [node.get("class") for node in raw] == [
        "android.widget.TextView",
        "android.widget.EditText",
        "android.widget.Button",
    ]
    assert raw[2].get("bounds") == "[0,2200][1080,2400]"
    assert portal[2] == {
        "className": "Button",
        "text": "Continue",
        "bounds": [0, 2200, 1080, 2400],
    }
    assert (blank.supported, blank.content) == (False, "")


def test_a_script_says_everything(world: World, phone: str, desk: str) -> None:
    """What it does not say is as usual again; verbs are those of the device."""
    devices = world.devices
    devices.script(phone, unsupported=["tap", "screenshot"], portal=True)

    for ask in (
        lambda: act(world, phone, "tap", Tap(x=1, y=1)),
        lambda: devices.screenshot(phone, "mobile"),
        lambda: devices.tree(phone, query="a", raw=False),
    ):
        with pytest.raises(RefusedError) as caught:
            ask()
        assert (caught.value.status, caught.value.code) == (400, "action_unsupported")
    devices.script(phone)
    assert act(world, phone, "tap", Tap(x=1, y=1))
    assert devices.screenshot(phone, "mobile").file_id
    with pytest.raises(ConfigurationError, match="has no verb 'tap'; there are screenshot, click"):
        devices.script(desk, unsupported=["tap"])
    with pytest.raises(RefusedError):
        devices.hold("inst-nowhere")


# Over the wire --------------------------------------------------------------------------------


def device(cloud: Emulator, system: str = "android") -> str:
    return cloud.world.add_instance(status="running", os_type=system)


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "param"),
    [
        ("POST", "mobile/tap", b'{"x":1}', "invalid_body", "y"),
        ("POST", "mobile/tap", b'{"x":1,"y":"2"}', "invalid_body", "y"),
        ("POST", "mobile/tap", b'{"x":1,"y":2147483648}', "invalid_body", "y"),
        ("POST", "mobile/tap", b"tap", "invalid_json", None),
        ("POST", "mobile/key", b'{"keys":["a","b"]}', "invalid_body", None),
        ("POST", "mobile/press_button", b'{"button":"left"}', "invalid_body", "button"),
        ("GET", "mobile/ui_tree?format=xml", None, "invalid_param", "format"),
        ("GET", "mobile/apps?include_system=1", None, "invalid_param", "include_system"),
        ("GET", "mobile/apps?launchable_only=", None, None, None),
    ],
)
async def test_a_device_is_asked_properly(
    cloud: Emulator,
    knock: Knock,
    method: str,
    path: str,
    body: bytes | None,
    code: str | None,
    param: str | None,
) -> None:
    """What is missing or misspelt is a 400 that says where; an empty value is none."""
    heard = await knock(cloud, method, f"{ROUTE}/{device(cloud)}/{path}", body)

    if code is None:
        assert heard.status == 200
    else:
        assert (heard.status, heard.error["code"]) == (400, code)
        assert heard.error.get("param") == param


async def test_an_unknown_instance_has_no_device(cloud: Emulator, knock: Knock) -> None:
    """Under no route of either group."""
    heard = await knock(cloud, "GET", f"{ROUTE}/inst-nowhere/mobile")

    assert (heard.status, heard.error["code"]) == (404, "agent_not_found")


async def test_the_log_tells_what_was_applied(cloud: Emulator, knock: Knock) -> None:
    """An action that was done; not a look, nor what somebody else's lease kept out."""
    id = device(cloud)
    tap = b'{"x":1,"y":2}'

    await knock(cloud, "POST", f"{ROUTE}/{id}/mobile/tap", tap)
    await knock(cloud, "POST", f"{ROUTE}/{id}/mobile/screenshot")
    await knock(cloud, "GET", f"{ROUTE}/{id}/mobile/ui_tree")
    cloud.world.devices.hold(id)
    await knock(cloud, "POST", f"{ROUTE}/{id}/mobile/tap", tap)

    assert [(entry.status, entry.applied) for entry in cloud.log] == [
        (200, True),
        (200, False),
        (200, False),
        (409, False),
    ]


async def test_the_two_groups_have_two_quotas(clock: HandClock, knock: Knock) -> None:
    """They are the owner's, not the device's nor the route's, and hold without being asked for."""
    async with Emulator(instances=0, clock=clock) as cloud:
        desk, phone = device(cloud, "linux"), device(cloud)
        move = b'{"x":1,"y":2}'

        for _ in range(30):
            assert (
                await knock(cloud, "POST", f"{ROUTE}/{desk}/computer/move", move)
            ).status == 200
            assert (await knock(cloud, "POST", f"{ROUTE}/{phone}/mobile/screenshot")).status == 200
        over = await knock(cloud, "GET", f"{ROUTE}/{phone}/mobile/apps")
        for _ in range(150):
            assert (await knock(cloud, "GET", f"{ROUTE}/{desk}/computer")).status == 200
            assert (await knock(cloud, "GET", f"{ROUTE}/{phone}/mobile")).status == 200
        much = await knock(cloud, "GET", f"{ROUTE}/{phone}/mobile")
        clock.time += 1
        again = await knock(cloud, "GET", f"{ROUTE}/{phone}/mobile/apps")

    assert (over.status, over.error["code"]) == (429, "rate_limited")
    assert over.headers["Retry-After"] == "1"
    assert (much.status, much.headers["Retry-After"]) == (429, "1")
    assert again.status == 200


# Pictures -------------------------------------------------------------------------------------


async def picture(cloud: Emulator, knock: Knock, id: str) -> dict[str, Any]:
    heard = await knock(cloud, "POST", f"{ROUTE}/{id}/mobile/screenshot")
    told: dict[str, Any] = heard.document["data"]
    return told


async def fetch(url: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(URL(url, encoded=True)) as response:
        return response.status, response.content_type, await response.read()


def unfold(png: bytes) -> tuple[tuple[int, int], bytes, int]:
    """Read a PNG back, checksums and all: its size, its palette, how many pixels it has."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    parts: dict[bytes, bytes] = {}
    rest = png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length])[0] == zlib.crc32(kind + data)
        parts[kind], rest = data, rest[12 + length :]
    assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, colour, *others = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, colour, others) == (1, 3, [0, 0, 0])
    lines = zlib.decompress(parts[b"IDAT"])
    assert len(lines) == height * (1 + (width + 7) // 8)
    return (width, height), parts[b"PLTE"], len(lines)


async def test_a_picture_is_a_png_of_the_screen(cloud: Emulator, knock: Knock) -> None:
    """As large as it is turned; the same until something is done, and another afterwards."""
    id = device(cloud)

    first, second = await picture(cloud, knock, id), await picture(cloud, knock, id)
    await knock(cloud, "POST", f"{ROUTE}/{id}/mobile/tap", b'{"x":1,"y":2}')
    cloud.world.devices.rotate(id)
    third = await picture(cloud, knock, id)

    heard = [await fetch(one["url"]) for one in (first, second, third)]
    assert [one[:2] for one in heard] == [(200, "image/png")] * 3
    sizes, colours, _ = zip(*(unfold(data) for *_, data in heard), strict=True)
    assert sizes == ((1080, 2400), (1080, 2400), (2400, 1080))
    assert [(one["width"], one["height"]) for one in (first, second, third)] == [*sizes]
    assert colours[0] == colours[1] != colours[2]
    assert len({one["file_id"] for one in (first, second, third)}) == 3
    assert {one["format"] for one in (first, second, third)} == {"png"}


async def test_a_picture_is_there_for_a_while(clock: HandClock, knock: Knock) -> None:
    """Afterwards its address is none; asked for by its id it has another."""
    async with Emulator(instances=0, clock=clock) as cloud:
        told = await picture(cloud, knock, device(cloud))
        clock.time += PICTURE_TIME
        within = await fetch(told["url"])
        clock.time += 1
        after = await fetch(told["url"])
        file = await knock(cloud, "GET", f"/api/v1/files/{told['file_id']}")
        again = await fetch(file.document["data"]["download_url"])

    assert [one[0] for one in (within, after, again)] == [200, 403, 200]
    assert again[2] == within[2]


async def test_a_picture_is_no_request_of_the_api(cloud: Emulator, knock: Knock) -> None:
    """It is fetched from another host, and stands in that one's book."""
    told = await picture(cloud, knock, device(cloud))
    await fetch(told["url"])

    assert not told["url"].startswith(cloud.url)
    assert [entry.operation for entry in cloud.log] == ["mobileScreenshot"]
    assert [entry.operation for entry in cloud.store.log] == ["getObject"]
