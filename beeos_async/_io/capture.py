"""Raw answers for those who want to see them: a context variable that calls write to."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from msgspec import Struct

from ..errors import BeeOSError


class Captured(Struct, frozen=True, kw_only=True):
    """One attempt, as it came off the wire; the request's headers and the key are not in it.

    Example:
        ```python
        with bee.capture() as seen:
            await bee.instances.get(id)
        for attempt in seen:
            print(attempt.status, attempt.headers["Content-Type"], len(attempt.body))
        ```
    """

    endpoint: str
    """The operationId."""

    status: int | None = None
    """`None` where no whole answer came; `error` then says why."""

    headers: Mapping[str, str] = {}
    request_id: str | None = None
    body: bytes = b""
    """As it was read, decompressed."""

    error: BeeOSError | None = None
    """Why the attempt failed, if it did: also where an answer came that says no."""


capturing: Final[ContextVar[list[Captured] | None]] = ContextVar(
    "beeos_async_capture", default=None
)


@contextmanager
def capture() -> Generator[list[Captured]]:
    """Collect the attempts of the calls made inside a block.

    Yields:
        A list that fills while the block runs; a block inside another takes its calls.
    """
    seen: list[Captured] = []
    token = capturing.set(seen)
    try:
        yield seen
    finally:
        capturing.reset(token)
