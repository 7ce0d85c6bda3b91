"""Answers about phones: the devices do it, and tell whether they did."""

from __future__ import annotations

from msgspec import Struct

from ..._protocol import table
from ...models._base import Envelope
from ...models.control import ActionResult, ControlInfo, Screenshot, Scroll, TypeText
from ...models.mobile import (
    AppList,
    Drag,
    LongPress,
    OpenApp,
    PressButton,
    PressKey,
    Swipe,
    Tap,
    UITree,
)
from ..desk import Call, desk
from ..refusals import RefusedError
from ..world import World


@desk(table.GET_MOBILE_INFO)
async def get_mobile_info(world: World, call: Call) -> Envelope[ControlInfo]:
    """Tell what it is, reachable or not."""
    (id,) = call.ids
    return Envelope(data=world.devices.info(id, "mobile"))


@desk(table.SCREENSHOT_MOBILE)
async def screenshot(world: World, call: Call) -> Envelope[Screenshot]:
    """Take a picture, whoever holds the device."""
    (id,) = call.ids
    return Envelope(data=world.devices.screenshot(id, "mobile"))


@desk(table.TAP_MOBILE)
async def tap(world: World, call: Call) -> Envelope[ActionResult]:
    """Touch a point."""
    return _done(world, call, "tap", Tap)


@desk(table.DOUBLE_TAP_MOBILE)
async def double_tap(world: World, call: Call) -> Envelope[ActionResult]:
    """Touch a point twice."""
    return _done(world, call, "double_tap", Tap)


@desk(table.LONG_PRESS_MOBILE)
async def long_press(world: World, call: Call) -> Envelope[ActionResult]:
    """Touch a point and stay."""
    return _done(world, call, "long_press", LongPress)


@desk(table.DRAG_MOBILE)
async def drag(world: World, call: Call) -> Envelope[ActionResult]:
    """Take something elsewhere."""
    return _done(world, call, "drag", Drag)


@desk(table.SWIPE_MOBILE)
async def swipe(world: World, call: Call) -> Envelope[ActionResult]:
    """Pass over the screen."""
    return _done(world, call, "swipe", Swipe)


@desk(table.SCROLL_MOBILE)
async def scroll(world: World, call: Call) -> Envelope[ActionResult]:
    """Scroll."""
    return _done(world, call, "scroll", Scroll)


@desk(table.TYPE_MOBILE)
async def type_text(world: World, call: Call) -> Envelope[ActionResult]:
    """Type."""
    return _done(world, call, "type", TypeText)


@desk(table.KEY_MOBILE)
async def press_key(world: World, call: Call) -> Envelope[ActionResult]:
    """Press one key."""
    return _done(world, call, "key", PressKey)


@desk(table.PRESS_BUTTON_MOBILE)
async def press_button(world: World, call: Call) -> Envelope[ActionResult]:
    """Press a button of the phone itself."""
    return _done(world, call, "press_button", PressButton)


@desk(table.LIST_MOBILE_APPS)
async def list_apps(world: World, call: Call) -> Envelope[AppList]:
    """List what is installed, whoever holds the device."""
    (id,) = call.ids
    system, launchable = _said(call, "include_system"), _said(call, "launchable_only")
    apps = world.devices.apps(id, system=system, launchable=launchable)
    return Envelope(data=AppList(apps=apps))


@desk(table.OPEN_MOBILE_APP)
async def open_app(world: World, call: Call) -> Envelope[ActionResult]:
    """Bring an app to the front."""
    return _done(world, call, "open_app", OpenApp)


@desk(table.GET_MOBILE_UI_TREE)
async def get_ui_tree(world: World, call: Call) -> Envelope[UITree]:
    """Describe the screen, whoever holds the device."""
    (id,) = call.ids
    form = _word(call, "format", ("compact", "raw"))
    tree = world.devices.tree(id, query=call.params.get("query", ""), raw=form == "raw")
    return Envelope(data=tree)


def _done(world: World, call: Call, verb: str, kind: type[Struct]) -> Envelope[ActionResult]:
    (id,) = call.ids
    ok = world.devices.act(id, "mobile", verb, call.body(kind))
    return Envelope(data=ActionResult(ok=ok))


def _said(call: Call, name: str) -> bool:
    return _word(call, name, ("false", "true")) == "true"


def _word(call: Call, name: str, words: tuple[str, str]) -> str:
    """Read a parameter of few words, the first of which stands where it is missing."""
    word = call.params.get(name, words[0])
    if word not in words:
        raise RefusedError(400, "invalid_param", f"{name} is {words[0]} or {words[1]}", name)
    return word
