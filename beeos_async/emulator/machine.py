"""How one instance moves: where it is by now follows from what it was told, and when.

No timers: its way is laid out when it is told something, and looked up when it is seen.
What it may be told is the world's business.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, structs

from ..models.instances import Instance
from .scenery import invent

Track = tuple[tuple[float, str], ...]
"""When something enters which state, in order of time."""

LONG_AGO: Final = 86_400.0
"""Seconds that an instance has been in the state it is put into the world with."""


class Machine(Struct):
    """One instance as the world keeps it: who it is, what it was told, and when."""

    id: str
    number: int
    dice: bytes
    desired: str
    steps: Track
    """Its `status`."""

    links: Track
    """Its `connectivity`."""

    messages: Track
    """Its `ms_connection_status`."""

    changed: float
    started: float | None = None
    stopped: float | None = None
    ran: float = 3600.0
    """Seconds of all runs that are over."""

    effects: int = 0
    """How often a start took effect."""

    base: Instance | None = None
    """What does not change with time; made up when it is first asked for."""

    pinned: dict[str, Any] | None = None
    """What stays as it was given, whatever happens."""

    @property
    def spread(self) -> float:
        """How slow it is: from half to one and a half of what is usual."""
        return 0.5 + int.from_bytes(self.dice[4:6]) / 65_536

    def boot(self, now: float, boot_time: float, online_time: float, *, anew: bool = True) -> None:
        """Lay the way up: through all states to `running`, and from there to `connected`.

        Args:
            now: The time.
            boot_time: Seconds to `running`, as is usual.
            online_time: Seconds from there to `online`, as is usual.
            anew: Whether it must find a place first.
        """
        self._close_book(now, breaks_off=True)
        placed = now + boot_time * self.spread / 8
        ready = now + boot_time * self.spread
        online = ready + online_time * self.spread
        connected = online + online_time * self.spread / 2
        self.desired = "running"
        self.steps = ((now, "pending"), (placed, "provisioning"), (ready, "running"))
        if not anew:
            self.steps = ((now, "provisioning"), (ready, "running"))
        self.links = ((now, "offline"), (online, "online"))
        self.messages = ((now, "unknown"), (ready, "connecting"), (connected, "connected"))

    def end(self, now: float, goal: str, stop_time: float) -> None:
        """Lay the way down: on as it is for a moment, then to the goal.

        Args:
            now: The time.
            goal: `stopped` or `terminated`.
            stop_time: Seconds until there, as is usual.
        """
        self._close_book(now, breaks_off=False)
        over = now + stop_time * self.spread
        self.desired = goal
        self.steps = (at(self.steps, now), (over, goal))
        self.links = (at(self.links, now), (over, "offline"))
        self.messages = (at(self.messages, now), (over, "unknown"))

    def status(self, now: float) -> object:
        """Tell the state alone, without making up the rest."""
        if self.pinned and "status" in self.pinned:
            return self.pinned["status"]
        return at(self.steps, now)[1]

    def seen(self, now: float, epoch: float, *, fresh: bool = False) -> Instance:
        """Describe it as it is.

        Args:
            now: The time.
            epoch: Seconds since 1970 at which this clock stood at 0.
            fresh: Whether it was told something in this moment: then it has not moved yet,
                however fast its world is.
        """
        if self.base is None:
            self.base = invent(self.id, self.number, self.dice)
        steps, links, messages = self.steps, self.links, self.messages
        if fresh:
            steps, links, messages = steps[:1], links[:1], messages[:1]
        entered, status = at(steps, now)
        linked, link = at(links, now)
        spoken, speech = at(messages, now)
        started, stopped, ran, since = self._past(steps, now)

        def date(moment: float | None) -> datetime | None:
            return None if moment is None else datetime.fromtimestamp(epoch + moment, UTC)

        moving: dict[str, Any] = {
            "status": status,
            "desired_status": self.desired,
            "total_run_seconds": int(ran if since is None else ran + now - since),
            "connectivity": link,
            "connectivity_reason": "" if link == "online" else "instance_disconnected",
            "started_at": date(started),
            "stopped_at": date(stopped),
            "status_entered_at": date(entered),
            "connectivity_updated_at": date(linked),
            "ms_connection_status": speech,
            "ms_connection_updated_at": date(spoken),
            "updated_at": date(max(self.changed, entered, linked, spoken)),
        }
        if self.pinned:
            moving |= self.pinned
        return structs.replace(self.base, **moving)

    def _close_book(self, now: float, *, breaks_off: bool) -> None:
        """Write down how far it came, because its way is laid anew.

        Args:
            now: The time.
            breaks_off: Whether the state it is in ends here.
        """
        self.started, self.stopped, self.ran, since = self._past(self.steps, now)
        if breaks_off and since is not None:
            self.ran += now - since
        self.changed = now

    def _past(
        self, steps: Track, now: float
    ) -> tuple[float | None, float | None, float, float | None]:
        """Tell when it last started and stopped, how long it ran, and since when it runs now."""
        started, stopped, ran = self.started, self.stopped, self.ran
        since: float | None = None
        for entered, status in steps:
            if entered > now:
                break
            if since is not None:
                ran, since = ran + entered - since, None
            if status == "running":
                since = started = entered
            elif status in {"stopped", "terminated"}:
                stopped = entered
        return started, stopped, ran, since


def at(track: Track, now: float) -> tuple[float, str]:
    """Find where a track is at a time."""
    found = track[0]
    for step in track:
        if step[0] > now:
            break
        found = step
    return found
