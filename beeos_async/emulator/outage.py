"""A time in which the whole host fails, whatever it is asked."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .trouble import Fault

Down = Literal["503", "reset", "refused"]
"""How a host fails: a refusal from what stands before it, connections that are reset, or
nobody who listens."""


class Outage(Struct, kw_only=True):
    """One time in which the host fails."""

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
