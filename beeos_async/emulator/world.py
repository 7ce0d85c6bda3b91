"""What the pretend cloud remembers, and how its instances move.

No HTTP and no timers in here: an instance is asked where it is by now, and the answer is
computed from what it was told and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, structs

from .._clock import Clock
from ..errors import ConfigurationError
from ..models.instances import DeployInstance, DeviceInfo, Instance
from .scenery import device_of, invent, mark, named

Track = tuple[tuple[float, str], ...]
"""When something enters which state, in order of time."""

PAST: Final = 86_400.0
"""Seconds before the opening at which the instances entered the state they open with."""


class RefusedError(Exception):
    """The world will not: what the desk turns into one of the contract's refusals."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers or {}


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
    """Seconds it ran before it last started."""

    effects: int = 0
    base: Instance | None = None
    """What does not change with time; made up when it is first asked for."""

    pinned: dict[str, Any] | None = None
    """What stays as it was given, whatever happens."""


class World:
    """The instances of one pretend cloud.

    Attributes:
        changes: How often anything was changed; a request that changed something took effect.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        boot_time: float = 0.2,
        online_time: float = 0.1,
        seed: int = 0,
        strict: bool = False,
    ) -> None:
        """Make an empty world.

        Args:
            clock: Time.
            boot_time: Seconds from a start to `running`; each instance takes between half
                and one and a half of it.
            online_time: Seconds from `running` to `online`, spread alike; the message
                connection takes half as long again.
            seed: What the spread and the ids are drawn from.
            strict: Whether to wish for what is wished already is a conflict.
        """
        self.changes = 0
        self._clock = clock
        self._boot_time = boot_time
        self._online_time = online_time
        self._seed = seed
        self._strict = strict
        self._machines: dict[str, Machine] = {}
        self._epoch = clock.wall() - clock.now()
        past = clock.now() - PAST
        self._past = past
        self._idle: tuple[Track, Track, Track] = (
            ((past, "stopped"),),
            ((past, "offline"),),
            ((past, "unknown"),),
        )

    def __len__(self) -> int:
        """Count the instances, terminated ones included."""
        return len(self._machines)

    def add_instance(self, status: str = "stopped", **fields: Any) -> str:
        """Put an instance into the world.

        One added as `pending` or `provisioning` goes on from there; one added as `running`
        is online; any other state stays as it is.

        Args:
            status: Its state.
            **fields: Fields of `Instance` by name; they stay as given, whatever happens.

        Returns:
            Its id.

        Raises:
            ConfigurationError: `Instance` has no such field.
        """
        machine = self._machine()
        now = self._clock.now()
        if status in {"pending", "provisioning"}:
            steps = self._boot(machine, now)
            machine.steps = steps if status == "pending" else ((now, status), *steps[2:])
        else:
            machine.steps = ((self._past, status),)
        if status == "running":
            machine.links = ((self._past, "online"),)
            machine.messages = ((self._past, "connected"),)
        if status in {"running", "terminated"}:
            machine.desired = status
        self._admit(machine)
        if fields:
            self.pin(machine.id, **fields)
        return machine.id

    def pin(self, id: str, **fields: Any) -> None:
        """Make fields of an instance stay as given, whatever it is told.

        Args:
            id: The instance.
            **fields: Fields of `Instance` by name.

        Raises:
            ConfigurationError: `Instance` has no such field.
        """
        if unknown := sorted(set(fields) - set(Instance.__struct_fields__)):
            msg = f"an instance has no field {unknown[0]!r}"
            raise ConfigurationError(msg)
        machine = self._find(id)
        machine.pinned = {**(machine.pinned or {}), **fields}

    def effects(self, id: str) -> int:
        """Tell how often a start took effect on an instance."""
        return self._find(id).effects

    def all_effects(self) -> dict[str, int]:
        """Tell the same of every instance that was ever started."""
        return {id: one.effects for id, one in self._machines.items() if one.effects}

    def get(self, id: str) -> Instance:
        """Look at an instance."""
        return self._seen(self._find(id))

    def list(
        self, wanted: dict[str, str], search: str = "", page: int = 0, page_size: int = 20
    ) -> tuple[list[Instance], int]:
        """Look at one page of the instances, in the order they were made.

        Args:
            wanted: Fields of `Instance` and what they must be.
            search: What the name must contain, in any case.
            page: Which page, from 0.
            page_size: Rows of a page.

        Returns:
            The rows, and how many there are on all pages.
        """
        begin = page * page_size
        if not wanted and not search:
            machines = list(self._machines.values())[begin : begin + page_size]
            return [self._seen(machine) for machine in machines], len(self._machines)
        found = [*self._matching(wanted, search.casefold())]
        rows = [self._seen(machine) for machine in found[begin : begin + page_size]]
        return rows, len(found)

    def deploy(self, wanted: DeployInstance) -> Instance:
        """Make an instance and wish it running."""
        machine = self._machine()
        given = {
            "agent_framework": wanted.agent_framework,
            "provider_id": wanted.provider_id,
            "provider_config": wanted.provider_config or wanted.config,
            "model_primary": wanted.model_primary,
            "models": wanted.models,
            "system_prompt": wanted.system_prompt,
            "mcp_servers": wanted.mcp_servers,
            "bridge_id": wanted.bridge_id,
            "cluster_id": wanted.cluster_id,
            "region": wanted.preferred_region,
        }
        now = self._clock.now()
        machine.base = structs.replace(
            invent(machine.id, machine.number, machine.dice),
            name=wanted.name,
            created_at=self._date(now),
            screenshot_url="",
            screenshot_updated_at=None,
            **{name: value for name, value in given.items() if value is not None},
        )
        machine.ran = 0.0
        self._boot(machine, now)
        self._admit(machine)
        return self._seen(machine, fresh=True)

    def start(self, id: str) -> Instance:
        """Wish an instance running; it takes its time."""
        machine = self._find(id)
        if not self._is_new(machine, "running"):
            return self._seen(machine)
        self._boot(machine, self._change(machine))
        machine.effects += 1
        return self._seen(machine, fresh=True)

    def stop(self, id: str) -> Instance:
        """Wish an instance stopped; it takes a moment."""
        machine = self._find(id)
        if not self._is_new(machine, "stopped"):
            return self._seen(machine)
        self._end(machine, "stopped")
        return self._seen(machine, fresh=True)

    def restart(self, id: str) -> Instance:
        """Take an instance down and up again, wherever it is."""
        machine = self._find(id)
        self._refuse_ended(machine)
        now = self._change(machine)
        machine.steps = ((now, "provisioning"), *self._boot(machine, now)[2:])
        return self._seen(machine, fresh=True)

    def destroy(self, id: str) -> None:
        """End an instance, for good; a second time changes nothing."""
        machine = self._find(id)
        if machine.desired != "terminated":
            self._end(machine, "terminated")

    def device_info(self, id: str) -> DeviceInfo:
        """Tell what the device of an instance said when it registered."""
        return device_of(self.get(id))

    def _machine(self) -> Machine:
        number = len(self._machines)
        dice = mark(self._seed, number)
        return Machine(named(dice, number), number, dice, "stopped", *self._idle, self._past)

    def _admit(self, machine: Machine) -> None:
        self._machines[machine.id] = machine
        self.changes += 1

    def _find(self, id: str) -> Machine:
        machine = self._machines.get(id)
        if machine is None:
            raise RefusedError(404, "agent_not_found", "there is no such instance")
        return machine

    def _is_new(self, machine: Machine, desired: str) -> bool:
        """Tell whether a wish is another than the one before."""
        self._refuse_ended(machine)
        if machine.desired == desired and self._strict:
            raise RefusedError(409, "conflict", f"the instance is to be {desired} already")
        return machine.desired != desired

    @staticmethod
    def _refuse_ended(machine: Machine) -> None:
        if machine.desired == "terminated":
            raise RefusedError(409, "conflict", "the instance is terminated")

    def _change(self, machine: Machine, *, broken_off: bool = True) -> float:
        """Write down how far an instance came, because its tracks will be laid anew.

        Args:
            machine: The instance.
            broken_off: Whether what it is in now ends here.

        Returns:
            The time.
        """
        now = self._clock.now()
        machine.started, machine.stopped, machine.ran, since = _history(machine, machine.steps, now)
        if broken_off and since is not None:
            machine.ran += now - since
        machine.changed = now
        self.changes += 1
        return now

    def _boot(self, machine: Machine, now: float) -> Track:
        spread = self._spread(machine)
        ready = now + self._boot_time * spread
        online = ready + self._online_time * spread
        connected = online + self._online_time * spread / 2
        machine.desired = "running"
        machine.steps = (
            (now, "pending"),
            (now + (ready - now) / 8, "provisioning"),
            (ready, "running"),
        )
        machine.links = ((now, "offline"), (online, "online"))
        machine.messages = ((now, "unknown"), (ready, "connecting"), (connected, "connected"))
        return machine.steps

    def _end(self, machine: Machine, goal: str) -> None:
        now = self._change(machine, broken_off=False)
        over = now + self._boot_time * self._spread(machine) / 4
        machine.desired = goal
        machine.steps = (_at(machine.steps, now), (over, goal))
        machine.links = (_at(machine.links, now), (over, "offline"))
        machine.messages = (_at(machine.messages, now), (over, "unknown"))

    @staticmethod
    def _spread(machine: Machine) -> float:
        return 0.5 + int.from_bytes(machine.dice[4:6]) / 65_536

    def _matching(self, wanted: dict[str, str], search: str) -> Iterator[Machine]:
        rest = dict(wanted)
        status = rest.pop("status", None)
        now = self._clock.now()
        for machine in self._machines.values():
            pinned = machine.pinned or {}
            # The state is what is asked for most, and it is known without making up the rest.
            if status and pinned.get("status", _at(machine.steps, now)[1]) != status:
                continue
            if rest or search:
                seen = self._seen(machine)
                if search not in seen.name.casefold():
                    continue
                if any(getattr(seen, name) != value for name, value in rest.items()):
                    continue
            yield machine

    def _seen(self, machine: Machine, *, fresh: bool = False) -> Instance:
        """Describe an instance as it is.

        Args:
            machine: The instance.
            fresh: Whether it was told something in this moment: then it has not moved yet,
                however fast this world is.
        """
        base = machine.base
        if base is None:
            base = machine.base = invent(machine.id, machine.number, machine.dice)
        now = self._clock.now()
        steps, links, messages = machine.steps, machine.links, machine.messages
        if fresh:
            steps, links, messages = steps[:1], links[:1], messages[:1]
        entered, status = _at(steps, now)
        linked, link = _at(links, now)
        spoken, speech = _at(messages, now)
        started, stopped, ran, since = _history(machine, steps, now)
        date = self._date
        moving: dict[str, Any] = {
            "status": status,
            "desired_status": machine.desired,
            "total_run_seconds": int(ran + (0.0 if since is None else now - since)),
            "connectivity": link,
            "connectivity_reason": "" if link == "online" else "instance_disconnected",
            "started_at": None if started is None else date(started),
            "stopped_at": None if stopped is None else date(stopped),
            "status_entered_at": date(entered),
            "connectivity_updated_at": date(linked),
            "ms_connection_status": speech,
            "ms_connection_updated_at": date(spoken),
            "updated_at": date(max(machine.changed, entered, linked, spoken)),
        }
        if machine.pinned:
            moving |= machine.pinned
        return structs.replace(base, **moving)

    def _date(self, moment: float) -> datetime:
        return datetime.fromtimestamp(self._epoch + moment, UTC)


def _at(track: Track, now: float) -> tuple[float, str]:
    """Find where a track is at a time."""
    found = track[0]
    for step in track:
        if step[0] > now:
            break
        found = step
    return found


def _history(
    machine: Machine, steps: Track, now: float
) -> tuple[float | None, float | None, float, float | None]:
    """Tell when an instance last started and stopped, how long it ran, and since when it runs."""
    started, stopped, ran = machine.started, machine.stopped, machine.ran
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
