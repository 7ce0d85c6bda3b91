"""What came to the pretend cloud, in order, and what can be read from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One request in the emulator's log; the key is not in it.

    Example:
        ```python
        await bee.start(id)
        entry = cloud.log[-1]
        print(entry.operation, entry.ids == (id,), entry.status, entry.applied)
        # startInstance True 200 True
        ```
    """

    operation: str
    """Its operationId; empty where there is no such endpoint."""

    method: str
    path: str
    """With its query, as it came."""

    ids: tuple[str, ...]
    status: int
    """What was answered; 0 where nothing was, or nothing whole."""

    request_id: str
    applied: bool
    """Whether it changed the world, whatever was answered."""

    at: float
    """Seconds on the emulator's clock."""

    body: bytes = b""


def answers_in(log: Iterable[Entry]) -> dict[str, dict[str, int]]:
    """Count the answers by operationId and status."""
    answers: dict[str, dict[str, int]] = {}
    for entry in log:
        counts = answers.setdefault(entry.operation, {})
        counts[str(entry.status)] = counts.get(str(entry.status), 0) + 1
    return answers


def recovery(log: Iterable[Entry], ended: float | None) -> float | None:
    """Tell how many seconds after an outage the first request was answered well.

    Args:
        log: What came.
        ended: When the outage was over, on the emulator's clock; `None` before it began.
    """
    if ended is None:
        return None
    well = (entry.at for entry in log if entry.status == _OK and entry.at >= ended)
    return next((at - ended for at in well), None)


_OK: Final = 200
