"""What the screens of pretend devices show: pictures, apps, and what is on them.

Functions of values; what a device remembers is in `devices.py`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from ..models.mobile import AppInfo

LAUNCHER: Final = "net.example.launcher"
DESKTOP: Final = "Terminal"
"""What a desktop has in front."""


class App(Struct, frozen=True):
    """An app on a pretend phone."""

    info: AppInfo
    system: bool = False
    """Whether it came with the phone."""

    launchable: bool = True
    """Whether it has an icon."""


APPS: Final = (
    App(AppInfo(package_id=LAUNCHER, label="Launcher"), system=True, launchable=False),
    App(AppInfo(package_id="net.example.settings", label="Settings"), system=True),
    App(AppInfo(package_id="net.example.mail", label="Mail")),
    App(AppInfo(package_id="net.example.maps", label="Maps")),
    App(AppInfo(package_id="net.example.sync"), launchable=False),
)
"""What a pretend phone has when it comes from its shelf."""


class Node(Struct, frozen=True):
    """One thing on a screen."""

    kind: str
    text: str
    top: int
    bottom: int
    """Pixels from the top edge; it reaches from the left edge to the right one."""


def nodes(app: str, typed: str, height: int) -> list[Node]:
    """Lay out the screen of an app: a title, a field with what was typed, a button.

    Args:
        app: What the title says.
        typed: What is in the field.
        height: Pixels of the screen.
    """
    row = height // 12
    return [
        Node("TextView", app, 0, row),
        Node("EditText", typed, row, 2 * row),
        Node("Button", "Continue", height - row, height),
    ]


def outline(shown: Iterable[Node]) -> str:
    """Describe a screen in few words, one line for each thing."""
    lines = [f"  [{number}] {one.kind} {one.text!r}" for number, one in enumerate(shown, 1)]
    return "\n".join(["[0] FrameLayout", *lines])


def hierarchy(shown: Iterable[Node], width: int, *, turned: bool) -> str:
    """Describe a screen in XML, as a phone's debug bridge does."""

    def lines() -> Iterator[str]:
        yield f'<hierarchy rotation="{int(turned)}">'
        for index, one in enumerate(shown):
            text, kind = quoteattr(one.text), quoteattr(f"android.widget.{one.kind}")
            place = f'bounds="[0,{one.top}][{width},{one.bottom}]"'
            yield f'<node index="{index}" text={text} class={kind} {place}/>'
        yield "</hierarchy>"

    return "".join(lines())


def accessibility(shown: Iterable[Node], width: int) -> str:
    """Describe a screen in JSON, as an accessibility service does."""
    return json.dumps(
        [
            {"className": one.kind, "text": one.text, "bounds": [0, one.top, width, one.bottom]}
            for one in shown
        ]
    )


def png(width: int, height: int, colour: bytes) -> bytes:
    """Draw a screen all in one colour.

    Args:
        width: Pixels.
        height: Pixels.
        colour: Three bytes: red, green, blue.
    """
    # A palette of one colour needs a bit for each pixel; each line begins with its filter, none.
    lines = (b"\0" * (1 + (width + 7) // 8)) * height
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", colour),
            _chunk(b"IDAT", zlib.compress(lines, 1)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
