"""Foreign text, made fit for a terminal, a log, a ticket and a pickle."""

from __future__ import annotations

import re
from typing import Final, cast

METADATA_DEPTH: Final = 8
"""Nesting of an error's metadata that is kept."""


# Controls, line separators, what turns the reading direction around, surrogates.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


# A server or a proxy may quote the request's headers in its refusal.
_SECRETS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:oag|bak)_\w{5,}|\beyJ[\w-]{8,}[\w.-]*|(?<=\bbearer )[!-~]+", re.IGNORECASE
)


_MARKUP: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>?", re.DOTALL | re.IGNORECASE)


def plain(value: object, depth: int) -> object:
    """Make foreign data fit to be printed and pickled, however deep it is."""
    if isinstance(value, str):
        return shown(value, 2000)
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {shown(name, 128): plain(one, depth - 1) for name, one in members.items()}
    if isinstance(value, list):
        return [plain(one, depth - 1) for one in cast("list[object]", value)]
    return value


def word(value: object, limit: int) -> str:
    """Take a word or a number; anything else is not what was asked for."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return shown(str(value), limit)


def shown(text: str, limit: int) -> str:
    """Make foreign text fit for a terminal, a log and a ticket."""
    text = _CONTROLS.sub(" ", text[: 4 * limit])
    return _SECRETS.sub("<key …>", text).strip()[:limit]


def excerpt(body: bytes) -> str:
    """Show the words of a body: no markup, no control characters, 200 characters."""
    text = _MARKUP.sub(" ", body[:4096].decode("utf-8", "replace"))
    return " ".join(shown(text, 4096).split())[:200]
