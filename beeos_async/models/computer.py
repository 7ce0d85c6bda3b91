"""What a desktop alone can be told: a mouse.

Points are in absolute device pixels, their origin top left.
"""

from __future__ import annotations

from typing import Final, Literal

from .._checks import one_of
from ._base import Snake
from .control import Int32, Times

MouseButton = Literal["left", "right", "middle"]

MOUSE_BUTTONS: Final[tuple[MouseButton, ...]] = ("left", "right", "middle")


class Click(Snake, frozen=True, kw_only=True):
    """A press of a mouse button."""

    x: Int32
    y: Int32
    button: MouseButton | None = None
    count: Times | None = None
    """2 for a double click."""

    def __post_init__(self) -> None:
        """Refuse what is no button.

        Raises:
            ConfigurationError: With those there are.
        """
        if self.button is not None:
            one_of("button", self.button, MOUSE_BUTTONS)


class Move(Snake, frozen=True, kw_only=True):
    """A way of the pointer, to its end."""

    x: Int32
    y: Int32
