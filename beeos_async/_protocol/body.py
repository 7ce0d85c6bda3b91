"""From the bytes of a body to a document, whatever the bytes are."""

from __future__ import annotations

import re
import sys
from typing import Any, Final

import msgspec

DEPTH_LIMIT: Final = 256
"""Nesting of a JSON document that is taken for honest, where nobody else refuses it."""


USUAL_RECURSION_LIMIT: Final = 2000
"""Up to here Python's own limit keeps a decoder within the C stack."""


# msgspec lets the last two through as they are.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


# Possessive, and an unterminated string reaches to the end: linear, whatever comes.
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


_OPENING: Final = b"[{"


_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def opaque(body: bytes) -> dict[str, Any]:
    return msgspec.json.decode(body, type=dict[str, Any])


def refuse_depth(body: bytes) -> None:
    """Keep from the decoder what would overflow the C stack (msgspec issue 1033).

    Within Python's usual limit the decoder itself refuses, and Python 3.14 guards the stack
    by itself.
    """
    if sys.getrecursionlimit() <= USUAL_RECURSION_LIMIT:
        return
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in _OPENING else -1
        if depth > DEPTH_LIMIT:
            raise RecursionError
