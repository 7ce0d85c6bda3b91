"""One pretend device: what it remembers, what it does when it is told, what it shows.

Whether it can be reached, and who may tell it anything, is `devices.py`'s matter.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, structs

from ..models.control import TypeText
from ..models.mobile import AppInfo, OpenApp, PressButton, UITree
from .refusals import RefusedError
from .screens import LAUNCHER, App, accessibility, hierarchy, nodes, outline

Kind = Literal["computer", "mobile"]

VERBS: Final[dict[Kind, tuple[str, ...]]] = {
    "computer": ("screenshot", "click", "move", "scroll", "type", "key"),
    "mobile": (
        *("screenshot", "tap", "double_tap", "long_press", "drag", "swipe", "scroll", "type"),
        *("key", "press_button", "apps", "open_app", "ui_tree"),
    ),
}
"""What a device can be asked or told, as `supported_actions` names it."""

LONGEST: Final = 10_000
"""Milliseconds that a touch can last."""

_POINTS: Final = (("x", "y"), ("x1", "y1"), ("x2", "y2"))


class Action(Struct, frozen=True):
    """One thing a device was told, and did."""

    verb: str
    """As in the route: `click`, `open_app`."""

    fields: dict[str, object]
    """What it was told, as the device understood it: a duration is within its bounds."""

    at: float
    """Seconds on the emulator's clock."""


class Device(Struct):
    """One device as the world keeps it."""

    kind: Kind
    upright: tuple[int, int]
    """Width and height of the screen, in pixels, before it is turned."""

    front: str
    """What is in front."""

    apps: list[App] = []
    turned: bool = False
    held: bool = False
    """Whether another writer has it."""

    silent: bool = False
    """Whether its runtime does not tell what it can do."""

    portal: bool = False
    """Whether its runtime goes through an accessibility service."""

    blank: bool = False
    """Whether what is in front cannot be described."""

    unsupported: frozenset[str] = frozenset()
    typed: str = ""
    """What was typed into what is in front."""

    actions: list[Action] = []

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the screen, in pixels, as it is turned."""
        width, height = self.upright
        return (height, width) if self.turned else (width, height)

    @property
    def supported(self) -> list[str]:
        """What its runtime says that it can do."""
        return [verb for verb in VERBS[self.kind] if not (self.silent or verb in self.unsupported)]

    def do(self, verb: str, request: Struct, now: float) -> bool:
        """Do what it was told, and write it down.

        Args:
            verb: What.
            request: How.
            now: The time.

        Returns:
            Whether it did: not beyond its screen, and not with an app it does not have.
        """
        fields = {
            name: value for name, value in structs.asdict(request).items() if value is not None
        }
        width, height = self.size
        for across, down in _POINTS:
            if not (0 <= fields.get(across, 0) < width and 0 <= fields.get(down, 0) < height):
                return False
        match request:
            case OpenApp(app=app, locale=locale):
                self._refuse(locale, "opens no app with a locale")
                if app not in {one.info.package_id for one in self.apps if one.launchable}:
                    return False
                self.front, self.typed = app, ""
            case PressButton(button="home"):
                self.front, self.typed = LAUNCHER, ""
            case TypeText(text=text, submit=submit):
                self.typed = "" if submit else self.typed + text
            case _:
                if "duration_ms" in fields:
                    fields["duration_ms"] = min(LONGEST, max(1, fields["duration_ms"]))
        self.actions.append(Action(verb, fields, now))
        return True

    def listed(self, *, system: bool, launchable: bool) -> list[AppInfo]:
        """List its apps.

        Args:
            system: Whether those that came with it are told too.
            launchable: Whether those without an icon are left out.
        """
        self._refuse(not launchable, "lists no other apps than with launchable_only=true")
        return [
            one.info
            for one in self.apps
            if (system or not one.system) and (one.launchable or not launchable)
        ]

    def tree(self, *, query: str, raw: bool) -> UITree:
        """Describe what is on its screen.

        Args:
            query: What a text must contain, in any case.
            raw: Whether all is told.
        """
        self._refuse(query, "describes the screen whole, without a query")
        if self.blank:
            return UITree(supported=False)
        width, height = self.size
        labels = {one.info.package_id: one.info.label for one in self.apps}
        shown = [
            one
            for one in nodes(labels.get(self.front) or self.front, self.typed, height)
            if query.casefold() in one.text.casefold()
        ]
        if self.portal:
            content = accessibility(shown, width)
        elif raw:
            content = hierarchy(shown, width, turned=self.turned)
        else:
            content = outline(shown)
        return UITree(supported=True, content=content)

    def _refuse(self, wanted: object, habit: str) -> None:
        """Refuse what only other runtimes do."""
        if self.portal and wanted:
            raise RefusedError(400, "action_unsupported", f"this runtime {habit}")
