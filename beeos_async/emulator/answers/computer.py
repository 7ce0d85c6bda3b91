"""Answers about desktops: the devices do it, and tell whether they did."""

from __future__ import annotations

from msgspec import Struct

from ..._protocol import table
from ...models._base import Envelope
from ...models.computer import Click, Move
from ...models.control import (
    ActionResult,
    ControlInfo,
    PressKeys,
    Screenshot,
    Scroll,
    TypeText,
)
from ..desk import Call, desk
from ..world import World


@desk(table.GET_COMPUTER_INFO)
async def get_computer_info(world: World, call: Call) -> Envelope[ControlInfo]:
    """Tell what it is, reachable or not."""
    (id,) = call.ids
    return Envelope(data=world.devices.info(id, "computer"))


@desk(table.SCREENSHOT_COMPUTER)
async def screenshot(world: World, call: Call) -> Envelope[Screenshot]:
    """Take a picture, whoever holds the device."""
    (id,) = call.ids
    return Envelope(data=world.devices.screenshot(id, "computer"))


@desk(table.CLICK_COMPUTER)
async def click(world: World, call: Call) -> Envelope[ActionResult]:
    """Press a mouse button."""
    return _done(world, call, "click", Click)


@desk(table.MOVE_COMPUTER)
async def move(world: World, call: Call) -> Envelope[ActionResult]:
    """Move the pointer."""
    return _done(world, call, "move", Move)


@desk(table.SCROLL_COMPUTER)
async def scroll(world: World, call: Call) -> Envelope[ActionResult]:
    """Turn the wheel."""
    return _done(world, call, "scroll", Scroll)


@desk(table.TYPE_COMPUTER)
async def type_text(world: World, call: Call) -> Envelope[ActionResult]:
    """Type."""
    return _done(world, call, "type", TypeText)


@desk(table.KEY_COMPUTER)
async def press_keys(world: World, call: Call) -> Envelope[ActionResult]:
    """Press keys together."""
    return _done(world, call, "key", PressKeys)


def _done(world: World, call: Call, verb: str, kind: type[Struct]) -> Envelope[ActionResult]:
    (id,) = call.ids
    ok = world.devices.act(id, "computer", verb, call.body(kind))
    return Envelope(data=ActionResult(ok=ok))
