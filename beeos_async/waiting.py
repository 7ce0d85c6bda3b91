"""Waiting for an instance: what can be wished for, when it has come true, when it never will.

Decisions only, about one sight of an instance; `fleet/watch.py` remembers those before, and
`_io/poller.py` looks.

Example:
    ```python
    report = await bee.start_many(ids, wait=lambda one: one.status == "running", deadline=300)
    for outcome in report.failed:
        if isinstance(outcome.error, WaitError):
            print(outcome.id, outcome.error.reason)
    ```
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final, Literal

from .errors import ConfigurationError, WaitError, WaitReason, WaitTimeoutError
from .models.instances import Instance

__all__ = [
    "DestroyWish",
    "StartWish",
    "StopWish",
    "WaitError",
    "WaitReason",
    "WaitTimeoutError",
    "Wish",
]

StartWish = Literal["running", "online", "connected"] | Callable[[Instance], bool]
"""What can be waited for after a start or a restart: that it runs, that it is online as well,
that its message connection is up as well, or whatever a function of yours says yes to."""

StopWish = Literal["stopped"]
"""What can be waited for after a stop."""

DestroyWish = Literal["terminated"]
"""What can be waited for after a destruction."""

Wish = StartWish | StopWish | DestroyWish
"""All that can be waited for."""

Action = Literal["start", "stop", "restart", "destroy", ""]
"""What was asked for before the wait, if anything."""

_GOALS: Final[dict[str, str]] = {
    "running": "running",
    "online": "running",
    "connected": "running",
    "stopped": "stopped",
    "terminated": "terminated",
}
"""Where the control plane must steer an instance for a wish to come true."""

_WISHES: Final[dict[str, tuple[str, ...]]] = {
    "start": ("running", "online", "connected"),
    "restart": ("running", "online", "connected"),
    "stop": ("stopped",),
    "destroy": ("terminated",),
    "": tuple(_GOALS),
}

UNAUTHORIZED: Final = "device_unauthorized"

SHOWN: Final = 200
"""Characters of the server's own words in a message."""


def check_wish(wish: object, action: Action) -> None:
    """Refuse what cannot be wished for.

    Args:
        wish: What was given.
        action: What it comes after.

    Raises:
        ConfigurationError: With what would be right.
    """
    words = _WISHES[action]
    takes_functions = action in {"start", "restart", ""}
    if isinstance(wish, str) and wish in words:
        return
    if takes_functions and callable(wish):
        if inspect.iscoroutinefunction(wish):
            msg = "a wish is called, not awaited: it cannot be a coroutine function"
            raise ConfigurationError(msg)
        return
    right = ", ".join(repr(word) for word in words)
    right += " or a function of an Instance" if takes_functions else ""
    msg = f"what can be waited for here is {right}, not {wish!r}"
    raise ConfigurationError(msg)


def has_come_true(wish: Wish, instance: Instance) -> bool:
    """Tell whether an instance is ready.

    Args:
        wish: What.
        instance: The instance as it was seen.
    """
    if not isinstance(wish, str):
        return bool(wish(instance))
    if instance.status != _GOALS[wish]:
        return False
    if wish in {"online", "connected"} and instance.connectivity != "online":
        return False
    return wish != "connected" or instance.ms_connection_status == "connected"


def why_never(
    wish: Wish, action: Action, instance: Instance, *, begun: bool = False
) -> WaitReason | None:
    """Tell why a wish can no longer come true, if so.

    Args:
        wish: What.
        action: What was asked for before; a function of yours has a goal only through it.
        instance: The instance as it was seen.
        begun: Whether it had been on its way, or there, before.
    """
    goal = goal_of(wish, action)
    status, desired = instance.status, instance.desired_status
    if not goal:
        return "terminated" if status == "terminated" else None
    if goal != "terminated" and "terminated" in {status, desired}:
        return "terminated"
    # A word that is not known may mean anything, and ends nothing.
    if desired != goal and desired in _GOALS:
        return "turned_away"
    if goal == "running" and status == "stopped" and begun:
        return "fell_back"
    shut_out = wish in {"online", "connected"} and instance.connectivity != "online"
    if shut_out and status == "running" and instance.connectivity_reason == UNAUTHORIZED:
        return "device_unauthorized"
    return None


def is_thin(row: Instance) -> bool:
    """Tell whether a row of a list says less than a look would."""
    return row.updated_at is None or not row.connectivity


def goal_of(wish: Wish, action: Action) -> str:
    """Tell where the control plane must steer for a wish; empty where anything may do."""
    if isinstance(wish, str):
        return _GOALS[wish]
    return "running" if action else ""


def told_why(id: str, reason: WaitReason, instance: Instance) -> str:
    """Say in a sentence why a wish can no longer come true, with the server's own words."""
    wanted = instance.desired_status
    told = {
        "terminated": f"{id} is terminated, or about to be",
        "turned_away": f"somebody else has set the desired status of {id} to {wanted}",
        "fell_back": f"{id} stopped again after it had begun to start",
    }.get(reason, f"the device of {id} is not authorized to connect")
    why = instance.halt_reason or instance.error_message
    return f"{told}: {why[:SHOWN]!r}" if why else told
