"""What a fleet can be told, in words and as a run of the client's.

One row an action; who shows a run and who runs it read the same row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from .wording import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from beeos_async import AsyncBeeOS, FleetRun


class Action(NamedTuple):
    """One thing a fleet can be told."""

    name: str
    """As it is called on the command line."""

    doing: str
    done: str
    """What a success is called."""

    already: str
    """What it is called where it was so before."""

    broken_off: str
    """What to do after a run that was broken off, where there is no journal."""

    stream: Callable[..., FleetRun[Any]]
    """Makes the run, of a client, ids, a wish if there is one, and options."""

    def title(self, count: int, wish: str | None) -> str:
        """Say what is being done to so many."""
        until = f", until {'it is' if count == 1 else 'all are'} {wish}" if wish else ""
        return f"{self.doing} {number(count, 'instance')}{until}"

    def noun(self, wish: str | None) -> str:
        """Say what an id has become that succeeded."""
        return wish or self.done


def _start(bee: AsyncBeeOS, ids: list[str], wish: Any, **options: Any) -> FleetRun[Any]:
    return bee.start_stream(ids, wait=wish, **options)


def _stop(bee: AsyncBeeOS, ids: list[str], wish: Any, **options: Any) -> FleetRun[Any]:
    return bee.stop_stream(ids, wait=wish, **options)


def _restart(bee: AsyncBeeOS, ids: list[str], wish: Any, **options: Any) -> FleetRun[Any]:
    return bee.restart_stream(ids, wait=wish, **options)


def _destroy(bee: AsyncBeeOS, ids: list[str], wish: Any, **options: Any) -> FleetRun[Any]:
    # Whoever ran the command has been asked, or has said --yes.
    return cast("FleetRun[Any]", bee.destroy_stream(ids, confirm=True, wait=wish, **options))


def _wait(bee: AsyncBeeOS, ids: list[str], wish: Any, **options: Any) -> FleetRun[Any]:
    return bee.wait_stream(ids, wish, **options)


START: Final = Action(
    "start",
    "Starting",
    "started",
    "already running",
    "start it again for the rest: what runs is not started twice",
    _start,
)
STOP: Final = Action(
    "stop",
    "Stopping",
    "stopped",
    "already stopped",
    "stop it again for the rest: what is stopped stays so",
    _stop,
)
RESTART: Final = Action(
    "restart",
    "Restarting",
    "restarted",
    "already restarted",
    "take care with the rest: what was restarted would be restarted again",
    _restart,
)
DESTROY: Final = Action(
    "destroy",
    "Destroying",
    "destroyed",
    "already gone",
    "destroy it again for the rest: what is gone stays so",
    _destroy,
)
WAIT: Final = Action(
    "wait", "Waiting for", "ready", "already ready", "wait again for the rest", _wait
)
