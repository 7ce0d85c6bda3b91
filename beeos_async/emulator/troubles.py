"""What can go wrong: with one request, and with the whole host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

When = Literal["before", "after"]
"""Whether the trouble comes before the request takes effect, or after it."""


class Fault(Struct, frozen=True, kw_only=True):
    """What goes wrong with one request."""

    kind: Literal[
        "refuse", "garble", "raw", "cut", "push", "disconnect", "silence", "delay", "shut"
    ]
    when: When = "before"
    status: int = 0
    code: str = ""
    message: str = ""
    body: bytes | None = None
    """What is sent instead of an answer of ours."""

    headers: Mapping[str, str] = {}
    seconds: float = 0.0
    reset: bool = False


_GATEWAY_PAGE: Final = b"<html><head><title>502</title></head><body>Bad Gateway</body></html>"

MIXED: Final[Mapping[str, Fault]] = {
    "429": Fault(kind="refuse", status=429, headers={"Retry-After": "1"}),
    "500": Fault(kind="refuse", status=500),
    "503": Fault(kind="refuse", status=503, code="auth_transient"),
    "disconnect": Fault(kind="disconnect"),
    "reset": Fault(kind="disconnect", reset=True),
    "500 after": Fault(kind="refuse", when="after", status=500),
    "502 after": Fault(
        kind="garble",
        when="after",
        status=502,
        body=_GATEWAY_PAGE,
        headers={"Content-Type": "text/html"},
    ),
    "disconnect after": Fault(kind="disconnect", when="after"),
    "reset after": Fault(kind="disconnect", when="after", reset=True),
    "cut after": Fault(kind="cut", when="after"),
}
"""The kinds of a mix: half of them before the request takes effect, half of them after."""

Down = Literal["503", "reset", "refused"]
"""How a host fails: a refusal from what stands before it, connections that are reset, or
nobody who listens."""


class Outage(Struct, kw_only=True):
    """A time in which the whole host fails."""

    kind: Down
    seconds: float
    after: int
    """How many more requests pass first."""

    began: float | None = None
    """When it began, on the emulator's clock; `None` until then."""

    @property
    def ended(self) -> float | None:
        """When it is over, once it has begun."""
        return None if self.began is None else self.began + self.seconds

    def meet(self, now: float) -> Fault | None:
        """Give what becomes of a request that comes now."""
        if self.began is None:
            if self.after:
                self.after -= 1
                return None
            self.began = now
        left = self.began + self.seconds - now
        if left <= 0:
            return None
        if self.kind == "503":
            return Fault(kind="refuse", status=503)
        if self.kind == "reset":
            return Fault(kind="disconnect", reset=True)
        return Fault(kind="shut", seconds=left)
