"""What a phone alone shows and can be told: fingers, hardware buttons, apps.

Points are in absolute device pixels, their origin top left.

Example:
    ```python
    apps = {app.label: app.package_id for app in await bee.mobile.apps(phone)}
    await bee.mobile.open_app(phone, app=apps["Mail"])
    ```
"""

from __future__ import annotations

from typing import Final, Literal

from .._checks import one_of
from ..errors import ConfigurationError
from ._base import Snake
from .control import Int32, some_keys

PhoneButton = Literal["back", "home", "recent", "power", "volume_up", "volume_down", "enter"]

PHONE_BUTTONS: Final[tuple[PhoneButton, ...]] = (
    "back",
    "home",
    "recent",
    "power",
    "volume_up",
    "volume_down",
    "enter",
)


class Tap(Snake, frozen=True, kw_only=True):
    """A touch of a point, once or twice."""

    x: Int32
    y: Int32


class LongPress(Snake, frozen=True, kw_only=True):
    """A touch that stays."""

    x: Int32
    y: Int32
    duration_ms: Int32 | None = None
    """Milliseconds; the device keeps it within 1 and 10,000."""


class Swipe(Snake, frozen=True, kw_only=True):
    """A finger that passes over the screen."""

    x1: Int32
    y1: Int32
    x2: Int32
    y2: Int32
    duration_ms: Int32 | None = None
    """Milliseconds; the device keeps it within 1 and 10,000."""


class Drag(Swipe, frozen=True, kw_only=True):
    """A finger that takes with it what it touched."""


class PressKey(Snake, frozen=True, kw_only=True):
    """One key of the phone's keyboard, by its Android name."""

    keys: list[str]

    def __post_init__(self) -> None:
        """Refuse what is not one key.

        Raises:
            ConfigurationError: A phone takes one key at a time.
        """
        some_keys(self.keys)
        if len(self.keys) != 1:
            msg = f"a phone takes one key at a time, not {len(self.keys)}"
            raise ConfigurationError(msg)


class PressButton(Snake, frozen=True, kw_only=True):
    """A button of the phone's body or of its navigation bar."""

    button: PhoneButton

    def __post_init__(self) -> None:
        """Refuse what is no button.

        Raises:
            ConfigurationError: With those there are.
        """
        one_of("button", self.button, PHONE_BUTTONS)


class OpenApp(Snake, frozen=True, kw_only=True):
    """An app to be brought to the front."""

    app: str
    """Its package, as `AppInfo.package_id` has it."""

    activity: str | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        """Refuse what names no app.

        Raises:
            ConfigurationError: The name is empty.
        """
        if not self.app:
            msg = "app is empty; it must name one app, such as com.android.settings"
            raise ConfigurationError(msg)


class AppInfo(Snake, frozen=True, kw_only=True):
    """One installed app."""

    package_id: str
    label: str = ""


class AppList(Snake, frozen=True, kw_only=True):
    """What is installed."""

    apps: list[AppInfo] = []


class UITree(Snake, frozen=True, kw_only=True):
    """What is on the screen, as the phone's accessibility service describes it.

    Example:
        ```python
        tree = await bee.mobile.ui_tree(phone)
        print(tree.content if tree.supported else "it does not tell")
        ```
    """

    supported: bool = False
    content: str = ""
    """Text; whether an outline, XML or JSON depends on the runtime, whatever was asked for."""
