"""What desktops and phones have in common: what they are, what they show, scroll, type, keys.

Points are in absolute device pixels, their origin top left.

Example:
    ```python
    screen = await bee.mobile.info(phone)
    shot = await bee.mobile.screenshot(phone)
    print((shot.width, shot.height) == (screen.screen_width, screen.screen_height))  # True
    ```
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from .._checks import one_of
from ..errors import ConfigurationError
from ._base import Snake

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""A number the contract calls `int32`."""

Times = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""How often, or how far."""

Direction = Literal["up", "down", "left", "right"]

DIRECTIONS: Final[tuple[Direction, ...]] = ("up", "down", "left", "right")


class ControlInfo(Snake, frozen=True, kw_only=True):
    """What a device is in this moment: its screen, and what it can be told.

    Example:
        ```python
        screen = await bee.computer.info(desk)
        if screen.online and "click" in (screen.supported_actions or ["click"]):
            await bee.computer.click(desk, x=screen.screen_width - 1, y=0)
        ```
    """

    online: bool = False
    os: Literal["android", "linux", "windows", "macos"] | str = ""
    screen_width: int = 0
    """Pixels, as the device is turned; 0 where it is not online."""

    screen_height: int = 0
    """Pixels, as the device is turned; 0 where it is not online."""

    coordinate_system: Literal["absolute_pixels"] | str = ""
    supported_actions: list[str] = []
    """What the runtime itself says it can do.  Empty means that it did not say, not that
    it can do nothing: it is empty where the device is offline, and of older runtimes."""

    current_app: str = ""


class Screenshot(Snake, frozen=True, kw_only=True):
    """A picture of a screen, by reference: the bytes are fetched from `url`.

    Example:
        ```python
        shot = await bee.computer.screenshot(desk)
        print(shot.format, shot.width, shot.height)  # png 1920 1080
        await bee.files.fetch(shot.url, f"desk.{shot.format}")
        ```
    """

    veiled: ClassVar[frozenset[str]] = frozenset({"url"})

    file_id: str = ""
    url: str = ""
    """Where the bytes are for a short while; never an address to send the key to."""

    format: Literal["png", "jpeg"] | str = ""
    width: int = 0
    """Pixels; 0 where the server does not say."""

    height: int = 0
    """Pixels; 0 where the server does not say."""


class ActionResult(Snake, frozen=True, kw_only=True):
    """Whether a device took what it was told."""

    ok: bool = False


class Scroll(Snake, frozen=True, kw_only=True):
    """A turn of the wheel, or a swipe of the finger."""

    x: Int32 | None = None
    y: Int32 | None = None
    direction: Direction
    amount: Times | None = None
    """Steps of about 300 pixels."""

    def __post_init__(self) -> None:
        """Refuse what is no direction.

        Raises:
            ConfigurationError: With those there are.
        """
        one_of("direction", self.direction, DIRECTIONS)


class TypeText(Snake, frozen=True, kw_only=True):
    """Text for whatever has the focus."""

    text: str
    submit: bool | None = None
    """Whether the enter key follows."""


class PressKeys(Snake, frozen=True, kw_only=True):
    """Keys pressed together: one is a key press, several are a hotkey."""

    keys: list[str]

    def __post_init__(self) -> None:
        """Refuse what presses nothing.

        Raises:
            ConfigurationError: There is no key, or one without a name.
        """
        some_keys(self.keys)


def some_keys(value: object) -> None:
    """Refuse what presses nothing; a bare string would be a key for each of its letters.

    Raises:
        ConfigurationError: There is no key, or one without a name.
    """
    if not isinstance(value, list | tuple) or not value or "" in value:
        msg = 'keys must name at least one key, such as ["enter"] or ["ctrl", "c"]'
        raise ConfigurationError(msg)
