"""What goes out and what comes back, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from .text import shown

KEY_HEADER: Final = "Idempotency-Key"


OPERATION_HEADER: Final = "X-BeeOS-Operation-Id"


PLAIN: Final = 64
"""Letters, digits and dashes that cannot be a key of this API: a key has more of them."""


class Request(Struct, frozen=True, gc=False):
    """What goes out, all but the host and the key."""

    method: str
    target: str
    """Path and query, percent-encoded."""

    body: bytes | None = None
    answer_cap: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    """Those of this request alone."""


class Response(Struct, frozen=True, gc=False):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Lookup ignores case."""

    body: bytes
    wall: float = 0.0
    """Seconds since 1970 when it came."""

    @property
    def is_json(self) -> bool:
        """Whether it says that its body is JSON."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, fit to be printed."""
        found = self.headers.get("X-Request-Id")
        if not found:
            return None
        # Nearly every one is a hexadecimal number or a UUID, and hides nothing.
        if len(found) <= PLAIN and found.isascii() and found.replace("-", "").isalnum():
            return found
        # Older releases of aiohttp leave the blanks after a value that are not part of it.
        return shown(found.strip(" \t"), 128) or None
