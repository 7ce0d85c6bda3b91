"""Desktops and phones as they travel."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs
from samples import sample, samples

import beeos_async as b
from beeos_async import AppInfo, ControlInfo, Screenshot, UITree
from beeos_async._protocol import table
from beeos_async._protocol.wire import build, read
from beeos_async.models.computer import MOUSE_BUTTONS, Click, Move
from beeos_async.models.control import (
    DIRECTIONS,
    ActionResult,
    PressKeys,
    Scroll,
    TypeText,
)
from beeos_async.models.mobile import (
    PHONE_BUTTONS,
    AppList,
    Drag,
    LongPress,
    OpenApp,
    PressButton,
    PressKey,
    Swipe,
    Tap,
)

SIZES = {
    ControlInfo: 7,
    Screenshot: 5,
    ActionResult: 1,
    AppInfo: 2,
    AppList: 1,
    UITree: 2,
    Click: 4,
    Move: 2,
    Scroll: 4,
    TypeText: 2,
    PressKeys: 1,
    Tap: 2,
    LongPress: 3,
    Swipe: 5,
    Drag: 5,
    PressKey: 1,
    PressButton: 1,
    OpenApp: 3,
}

READ: dict[str, object] = {
    "computer/info": ControlInfo(
        online=True,
        os="windows",
        screen_width=2560,
        screen_height=1440,
        coordinate_system="absolute_pixels",
        supported_actions=["screenshot", "click", "type"],
        current_app="Ledger",
    ),
    "computer/info_without_data": ControlInfo(),
    "computer/info_null": ControlInfo(),
    "computer/info_odd": ControlInfo(os="macos", supported_actions=["click", "key"]),
    "computer/screenshot": Screenshot(
        file_id="file-heath-3",
        url="https://shelf.example.net/heath-3?key=ab%2Fcd&until=1790000300",
        format="png",
        width=2560,
        height=1440,
    ),
    "computer/screenshot_without_data": Screenshot(),
    "computer/taken": ActionResult(ok=True),
    "computer/not_taken": ActionResult(ok=False),
    # What is not said is not taken for a yes.
    "computer/taken_without_data": ActionResult(ok=False),
    "computer/taken_in_words": ActionResult(ok=False),
    "mobile/info_offline": ControlInfo(os="android", coordinate_system="absolute_pixels"),
    "mobile/info_new_words": ControlInfo(
        online=True,
        os="meadowos",
        screen_width=720,
        screen_height=1600,
        coordinate_system="per_mille",
        supported_actions=["tap", "shake"],
    ),
    "mobile/info_no_verbs": ControlInfo(
        online=True,
        os="android",
        screen_width=1080,
        screen_height=1920,
        coordinate_system="absolute_pixels",
    ),
    "mobile/screenshot_bare": Screenshot(
        file_id="file-fern-9", url="https://shelf.example.net/fern-9"
    ),
    "mobile/screenshot_odd": Screenshot(url="https://shelf.example.net/fern-10", format="webp"),
    "mobile/apps": AppList(
        apps=[
            AppInfo(package_id="org.example.tides", label="Tides"),
            AppInfo(package_id="org.example.sync", label=""),
        ]
    ),
    "mobile/apps_odd": AppList(
        apps=[AppInfo(package_id="org.example.tides"), AppInfo(package_id="org.example.moths")]
    ),
    "mobile/apps_null": AppList(apps=[]),
    "mobile/apps_without_data": AppList(apps=[]),
    "mobile/ui_tree": UITree(
        supported=True, content="[0] LinearLayout\n  [1] Button 'Weiß & blau' <3"
    ),
    "mobile/ui_tree_unsupported": UITree(),
    "mobile/ui_tree_without_data": UITree(),
    "mobile/ui_tree_of_parts": UITree(supported=True),
    "mobile/taken": ActionResult(ok=True),
}


@pytest.mark.parametrize("name", READ)
def test_an_answer_is_read_whatever_it_lacks(name: str) -> None:
    """A 200 without data is full of "not set", and never an error."""
    one = sample(name)

    assert read(one.row, "inst-1", one.response).data == READ[name]


def test_every_sample_is_read() -> None:
    """None lies about untested."""
    assert set(READ) == {*samples("computer"), *samples("mobile")}


@pytest.mark.parametrize("kind", SIZES, ids=lambda kind: kind.__name__)
def test_a_model_has_every_field_of_the_contract(kind: type[msgspec.Struct]) -> None:
    """Counted by hand."""
    assert len(structs.fields(kind)) == SIZES[kind]


SENT: list[tuple[Any, Any, dict[str, object]]] = [
    (table.CLICK_COMPUTER, Click(x=3, y=4), {"x": 3, "y": 4}),
    (
        table.CLICK_COMPUTER,
        Click(x=0, y=0, button="middle", count=2),
        {"x": 0, "y": 0, "button": "middle", "count": 2},
    ),
    (table.MOVE_COMPUTER, Move(x=-1, y=2**31 - 1), {"x": -1, "y": 2**31 - 1}),
    (table.SCROLL_COMPUTER, Scroll(direction="left"), {"direction": "left"}),
    (
        table.SCROLL_MOBILE,
        Scroll(x=0, y=9, direction="up", amount=3),
        {"x": 0, "y": 9, "direction": "up", "amount": 3},
    ),
    (table.TYPE_MOBILE, TypeText(text=""), {"text": ""}),
    (
        table.TYPE_COMPUTER,
        TypeText(text="Grüße\n", submit=False),
        {"text": "Grüße\n", "submit": False},
    ),
    (table.KEY_COMPUTER, PressKeys(keys=["ctrl", "c"]), {"keys": ["ctrl", "c"]}),
    (table.KEY_MOBILE, PressKey(keys=["KEYCODE_ENTER"]), {"keys": ["KEYCODE_ENTER"]}),
    (table.TAP_MOBILE, Tap(x=1, y=2), {"x": 1, "y": 2}),
    (
        table.LONG_PRESS_MOBILE,
        LongPress(x=1, y=2, duration_ms=0),
        {"x": 1, "y": 2, "duration_ms": 0},
    ),
    (
        table.SWIPE_MOBILE,
        Swipe(x1=1, y1=2, x2=3, y2=4, duration_ms=5),
        {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "duration_ms": 5},
    ),
    (table.DRAG_MOBILE, Drag(x1=1, y1=2, x2=3, y2=4), {"x1": 1, "y1": 2, "x2": 3, "y2": 4}),
    (table.PRESS_BUTTON_MOBILE, PressButton(button="recent"), {"button": "recent"}),
    (
        table.OPEN_MOBILE_APP,
        OpenApp(app="a", activity=".B", locale="de-AT"),
        {"app": "a", "activity": ".B", "locale": "de-AT"},
    ),
]


@pytest.mark.parametrize(("row", "body", "sent"), SENT, ids=[row.operation for row, *_ in SENT])
def test_a_request_says_what_was_given_and_no_more(
    row: Any, body: msgspec.Struct, sent: dict[str, object]
) -> None:
    """Zero, empty and no are said; what was left out is not."""
    data = build(row, "inst-1", body=body).body

    assert data is not None
    assert msgspec.json.decode(data) == sent


REFUSED: list[tuple[Any, Any, dict[str, object], str]] = [
    (table.CLICK_COMPUTER, Click, {"x": 1.5, "y": 2}, r"Expected `int`, got `float` - at `\$.x`"),
    (table.CLICK_COMPUTER, Click, {"x": True, "y": 2}, r"got `bool` - at `\$.x`"),
    (table.CLICK_COMPUTER, Click, {"x": 1, "y": 2**31}, r"`int` <= 2147483647 - at `\$.y`"),
    (table.CLICK_COMPUTER, Click, {"x": 1, "y": 2, "count": 0}, r"`int` >= 1 - at `\$.count`"),
    (
        table.CLICK_COMPUTER,
        Click,
        {"x": 1, "y": 2, "button": "back"},
        "button must be one of left, right, middle, not 'back'",
    ),
    (table.MOVE_COMPUTER, Move, {"x": -(2**31) - 1, "y": 2}, r"`int` >= -2147483648"),
    (
        table.SCROLL_COMPUTER,
        Scroll,
        {"direction": "north"},
        "direction must be one of up, down, left, right, not 'north'",
    ),
    (table.SCROLL_MOBILE, Scroll, {"direction": "up", "amount": -1}, r"at `\$.amount`"),
    (table.TYPE_MOBILE, TypeText, {"text": None}, r"Expected `str`, got `null` - at `\$.text`"),
    (table.TYPE_MOBILE, TypeText, {"text": "x" * 65_536}, "the cap is 65,536"),
    (table.TYPE_MOBILE, TypeText, {"text": "a", "submit": 1}, r"at `\$.submit`"),
    (table.KEY_COMPUTER, PressKeys, {"keys": []}, "keys must name at least one key"),
    (table.KEY_COMPUTER, PressKeys, {"keys": ["ctrl", ""]}, "keys must name at least one key"),
    (table.KEY_COMPUTER, PressKeys, {"keys": "enter"}, r'such as \["enter"\]'),
    (table.KEY_COMPUTER, PressKeys, {"keys": [7]}, r"at `\$.keys\[0\]`"),
    (table.KEY_MOBILE, PressKey, {"keys": []}, "keys must name at least one key"),
    (table.KEY_MOBILE, PressKey, {"keys": ["a", "b"]}, "one key at a time, not 2"),
    (table.TAP_MOBILE, Tap, {"x": "1", "y": 2}, r"Expected `int`, got `str` - at `\$.x`"),
    (table.LONG_PRESS_MOBILE, LongPress, {"x": 1, "y": 2, "duration_ms": 0.5}, "duration_ms"),
    (table.SWIPE_MOBILE, Swipe, {"x1": 1, "y1": 2, "x2": 3, "y2": None}, r"at `\$.y2`"),
    (
        table.PRESS_BUTTON_MOBILE,
        PressButton,
        {"button": "left"},
        "button must be one of back, home, recent, power, volume_up, volume_down, enter",
    ),
    (table.OPEN_MOBILE_APP, OpenApp, {"app": ""}, "app is empty"),
    (table.OPEN_MOBILE_APP, OpenApp, {"app": 7}, r"Expected `str`, got `int` - at `\$.app`"),
]


@pytest.mark.parametrize(
    ("row", "kind", "fields", "offence"), REFUSED, ids=[repr(one[2])[:60] for one in REFUSED]
)
def test_what_no_device_understands_is_not_sent(
    row: Any, kind: Any, fields: dict[str, object], offence: str
) -> None:
    """The refusal names the field, and what would be right."""
    with pytest.raises(b.ConfigurationError, match=offence):
        build(row, "inst-1", body=kind(**fields))


def test_every_word_of_the_contract_is_taken() -> None:
    """None is refused by mistake."""
    for direction in DIRECTIONS:
        assert build(table.SCROLL_MOBILE, "i", body=Scroll(direction=direction)).body
    for button in MOUSE_BUTTONS:
        assert build(table.CLICK_COMPUTER, "i", body=Click(x=1, y=1, button=button)).body
    for button in PHONE_BUTTONS:
        assert build(table.PRESS_BUTTON_MOBILE, "i", body=PressButton(button=button)).body
    assert (len(DIRECTIONS), len(MOUSE_BUTTONS), len(PHONE_BUTTONS)) == (4, 3, 7)
