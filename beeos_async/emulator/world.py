"""What the pretend cloud remembers, and what its instances can be told.

No HTTP in here; how one instance moves is `machine.py`'s.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from msgspec import structs

from .._clock import Clock
from ..errors import ConfigurationError
from ..models.instances import DeployInstance, DeviceInfo, Instance
from .agenda import Agenda
from .agents import Agents
from .channels import Channels
from .conversations import Conversations
from .devices import Devices
from .hooks import Hooks
from .machine import LONG_AGO, Machine, Track
from .operations import Operations
from .refusals import RefusedError
from .runtime import Runtimes
from .scenery import device_of, invent, mark, named
from .shelf import Shelf
from .tasks import Tasks


class World:
    """The instances of one pretend cloud.

    Attributes:
        changes: How often anything was changed: a request that changed something took effect.
        files: What was uploaded, or is to be.
        devices: The desktops and phones the instances have or are.
        channels: What is said in tasks and conversations.
        operations: What happens to runtime operations.
        agents: Who lives on which instance.
        runtimes: What the instances' runtimes are asked to do.
        conversations: The conversations with agents.
        tasks: What agents are given to do.
        hooks: Who is told how that goes.

    Example:
        ```python
        cloud.world.runtimes.refuse("skills/install", "PROJECTION_PENDING", retry_after_ms=250)
        cloud.world.tasks.work_time = 5.0  # seconds
        cloud.world.devices.hold(desk)  # somebody else works on it
        try:
            await bee.computer.click(desk, x=10, y=10)
        except ConflictError as error:
            print(error.code)  # device_busy
        cloud.world.devices.release(desk)
        ```
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
        self.changes: int = 0
        self.files: Shelf = Shelf(clock, seed)
        self.devices: Devices = Devices(clock, self.files, self.get, self.touch)
        agenda = Agenda(clock)
        self.channels: Channels = Channels(clock, agenda)
        self.operations: Operations = Operations(clock, agenda)
        self.agents: Agents = Agents(self.get, self.span)
        self.runtimes: Runtimes = Runtimes(
            clock, agenda, self.operations, self.get, self.touch, seed
        )
        self.conversations: Conversations = Conversations(
            clock, agenda, self.channels, self.agents, self.runtimes, self.touch, seed
        )
        self.tasks: Tasks = Tasks(
            clock, agenda, self.channels, self.agents, self.files, self.touch, seed, strict=strict
        )
        self.hooks: Hooks = self.tasks.hooks
        self._clock = clock
        self._boot_time = boot_time
        self._online_time = online_time
        self._seed = seed
        self._strict = strict
        self._machines: dict[str, Machine] = {}
        self._made: int = 0
        self._hidden: frozenset[str] = frozenset()
        self._epoch = clock.wall() - clock.now()
        self._past = past = clock.now() - LONG_AGO
        # One tuple for all: a hundred thousand instances begin alike.
        self._idle: tuple[Track, Track, Track] = (
            ((past, "stopped"),),
            ((past, "offline"),),
            ((past, "unknown"),),
        )

    def __len__(self) -> int:
        """Count the instances, terminated ones included."""
        return len(self._machines)

    def touch(self) -> None:
        """Count a change.

        Example:
            ```python
            before = cloud.world.changes
            await bee.instances.get(id)  # a look changes nothing
            cloud.world.touch()
            print(cloud.world.changes - before)  # 1
            ```
        """
        self.changes += 1

    def add_instance(self, status: str = "stopped", id: str = "", **fields: Any) -> str:
        """Put an instance into the world.

        One added as `pending` or `provisioning` goes on from there; one added as `running`
        is connected; any other state stays as it is.

        Args:
            status: Its state.
            id: Its id, else one is made up.
            **fields: Fields of `Instance` by name; they stay as given, whatever happens.

        Returns:
            Its id.

        Raises:
            ConfigurationError: `Instance` has no such field, or the world has that id.

        Example:
            ```python
            till = cloud.world.add_instance(status="running", name="till", os_type="android")
            print((await bee.instances.get(till)).name)  # till
            ```
        """
        _check_names(fields)
        machine = self._new(id)
        if status in {"pending", "provisioning"}:
            self._boot(machine, anew=status == "pending")
        else:
            machine.steps = ((self._past, status),)
        if status == "running":
            machine.links = ((self._past, "online"),)
            machine.messages = ((self._past, "connected"),)
        if status in {"running", "terminated"}:
            machine.desired = status
        machine.pinned = fields or None
        return machine.id

    def pin(self, id: str, **fields: Any) -> None:
        """Make fields of an instance stay as given, whatever it is told from now on.

        Args:
            id: The instance.
            **fields: Fields of `Instance` by name.

        Raises:
            ConfigurationError: `Instance` has no such field.

        Example:
            ```python
            cloud.world.pin(id, status="provisioning")  # it hangs
            report = await bee.start_many(ids, wait="online", deadline=0.5)
            print(report.timed_out[0].instance.status)  # provisioning
            ```
        """
        _check_names(fields)
        machine = self._find(id)
        machine.pinned = {**(machine.pinned or {}), **fields}

    def free(self, id: str) -> None:
        """Let an instance be as it is again, after `pin`.

        Example:
            ```python
            cloud.world.pin(id, status="provisioning")
            await bee.start(id)
            cloud.world.free(id)
            print((await bee.wait(id, "online", deadline=30)).status)  # running
            ```
        """
        self._find(id).pinned = None

    def hide(self, *ids: str) -> None:
        """Leave instances out of every list, as when pages shift; a look still finds them.

        Args:
            *ids: Which, and no others from now on.

        Example:
            ```python
            cloud.world.hide(id)
            print(len(await bee.instances.list(status="stopped").collect()))  # 19
            print((await bee.instances.get(id)).status)  # stopped
            ```
        """
        self._hidden = frozenset(self._find(id).id for id in ids)

    def remove(self, id: str) -> None:
        """Take an instance out of the world: nothing is known of it any more.

        Example:
            ```python
            cloud.world.remove(id)
            print((await bee.start_many(ids)).counts)  # {'failed': 1, 'succeeded': 19}
            ```
        """
        del self._machines[self._find(id).id]
        self.touch()

    def effects(self, id: str) -> int:
        """Tell how often a start took effect on an instance.

        Example:
            ```python
            await bee.start(id)
            await bee.start(id)  # the same wish
            print(cloud.world.effects(id))  # 1
            ```
        """
        return self._find(id).effects

    def all_effects(self) -> dict[str, int]:
        """Tell the same of every instance that was ever started.

        Example:
            ```python
            await bee.start_many(ids)
            print(set(cloud.world.all_effects().values()))  # {1}
            ```
        """
        return {id: one.effects for id, one in self._machines.items() if one.effects}

    def get(self, id: str) -> Instance:
        """Look at an instance.

        Example:
            ```python
            await bee.start(id)
            print(cloud.world.get(id).desired_status)  # running
            ```
        """
        return self._seen(self._find(id))

    def list(
        self,
        wanted: Mapping[str, str] | None = None,
        search: str = "",
        page: int = 0,
        page_size: int = 20,
    ) -> tuple[builtins.list[Instance], int]:
        """Look at one page of the instances, in the order they were made.

        Args:
            wanted: Fields of `Instance` and what they must be.
            search: What the name must contain, in any case.
            page: Which page, from 0.
            page_size: Rows of a page.

        Returns:
            The rows, and how many there are on all pages.

        Example:
            ```python
            rows, total = cloud.world.list({"status": "stopped"}, page_size=5)
            print(len(rows), total)  # 5 20
            ```
        """
        begin, end = page * page_size, (page + 1) * page_size
        if not wanted and not search and not self._hidden:
            return self.span(begin, end)
        found = [*self._matching(dict(wanted or {}), search.casefold())]
        return [self._seen(machine) for machine in found[begin:end]], len(found)

    def span(self, begin: int, end: int) -> tuple[builtins.list[Instance], int]:
        """Look at the instances from one place up to another, and count all.

        Args:
            begin: The first, from 0.
            end: The one after the last.

        Example:
            ```python
            rows, total = cloud.world.span(0, 3)
            print([row.id for row in rows] == ids[:3], total)  # True 22
            ```
        """
        rows = islice(self._machines.values(), begin, end)
        return [self._seen(machine) for machine in rows], len(self)

    def deploy(self, wanted: DeployInstance) -> Instance:
        """Make an instance and wish it running.

        Example:
            ```python
            new = cloud.world.deploy(DeployInstance(name="scribe", agent_framework="beeos-claw"))
            print((await bee.wait(new.id, "online", deadline=30)).name)  # scribe
            ```
        """
        given = {
            "agent_framework": wanted.agent_framework,
            "provider_id": wanted.provider_id,
            "provider_config": wanted.provider_config or wanted.config,
            "model_primary": wanted.model_primary,
            "models": None if wanted.models is None else tuple(wanted.models),
            "system_prompt": wanted.system_prompt,
            "mcp_servers": wanted.mcp_servers,
            "bridge_id": wanted.bridge_id,
            "cluster_id": wanted.cluster_id,
            "region": wanted.preferred_region,
        }
        machine = self._new()
        now = self._clock.now()
        machine.base = structs.replace(
            invent(machine.id, machine.number, machine.dice),
            name=wanted.name,
            created_at=datetime.fromtimestamp(self._epoch + now, UTC),
            screenshot_url="",
            screenshot_updated_at=None,
            **{name: value for name, value in given.items() if value is not None},
        )
        machine.ran, machine.steps = 0.0, ((now, "pending"),)
        self._boot(machine)
        return self._seen(machine, fresh=True)

    def start(self, id: str) -> Instance:
        """Wish an instance running; it takes its time.

        Example:
            ```python
            cloud.world.start(id)  # somebody else's wish
            report = await bee.start_many(ids)
            print([one.id == id for one in report.succeeded if one.already])  # [True]
            ```
        """
        machine = self._find(id)
        if not self._is_new(machine, "running"):
            return self._seen(machine)
        self._boot(machine)
        machine.effects += 1
        return self._seen(machine, fresh=True)

    def stop(self, id: str) -> Instance:
        """Wish an instance stopped; it takes a moment.

        Example:
            ```python
            cloud.world.stop(desk)  # somebody else's wish
            try:
                await bee.wait(desk, "online", deadline=30)
            except WaitError as error:
                print(error.reason)  # turned_away
            ```
        """
        machine = self._find(id)
        if not self._is_new(machine, "stopped"):
            return self._seen(machine)
        self._end(machine, "stopped")
        return self._seen(machine, fresh=True)

    def restart(self, id: str) -> Instance:
        """Take an instance down and up again, wherever it is.

        Example:
            ```python
            cloud.world.restart(desk)
            print((await bee.wait(desk, "online", deadline=30)).status)  # running
            ```
        """
        machine = self._find(id)
        _refuse_ended(machine)
        self._boot(machine, anew=False)
        return self._seen(machine, fresh=True)

    def destroy(self, id: str) -> None:
        """End an instance, for good; a second time changes nothing.

        Example:
            ```python
            cloud.world.destroy(id)
            print((await bee.plan_start([id])).states[id])  # terminated
            ```
        """
        machine = self._find(id)
        if machine.desired != "terminated":
            self._end(machine, "terminated")

    def device_info(self, id: str) -> DeviceInfo:
        """Tell what the device of an instance said when it registered.

        Example:
            ```python
            told = await bee.instances.device_info(phone)
            print(told == cloud.world.device_info(phone))  # True
            ```
        """
        return device_of(self.get(id))

    def _new(self, id: str = "") -> Machine:
        number = self._made
        dice = mark(self._seed, number)
        id = id or named(dice, number)
        if id in self._machines:
            msg = f"there is an instance {id!r} already"
            raise ConfigurationError(msg)
        machine = Machine(id, number, dice, "stopped", *self._idle, self._past)
        self._machines[id] = machine
        self._made += 1
        self.touch()
        return machine

    def _find(self, id: str) -> Machine:
        machine = self._machines.get(id)
        if machine is None:
            raise RefusedError(404, "agent_not_found", "there is no such instance")
        return machine

    def _is_new(self, machine: Machine, desired: str) -> bool:
        """Tell whether a wish is another than the one before."""
        _refuse_ended(machine)
        if machine.desired != desired:
            return True
        if self._strict:
            raise RefusedError(409, "conflict", f"the instance is to be {desired} already")
        return False

    def _boot(self, machine: Machine, *, anew: bool = True) -> None:
        self.touch()
        machine.boot(self._clock.now(), self._boot_time, self._online_time, anew=anew)

    def _end(self, machine: Machine, goal: str) -> None:
        self.touch()
        machine.end(self._clock.now(), goal, self._boot_time / 4)

    def _seen(self, machine: Machine, *, fresh: bool = False) -> Instance:
        return machine.seen(self._clock.now(), self._epoch, fresh=fresh)

    def _matching(self, wanted: dict[str, str], search: str) -> Iterator[Machine]:
        now = self._clock.now()
        status = wanted.pop("status", None)
        for machine in self._machines.values():
            if machine.id in self._hidden:
                continue
            # The state is asked for most, and is known without making up the rest.
            if status is not None and machine.status(now) != status:
                continue
            if wanted or search:
                seen = self._seen(machine)
                if search not in seen.name.casefold():
                    continue
                if any(getattr(seen, name) != value for name, value in wanted.items()):
                    continue
            yield machine


def _refuse_ended(machine: Machine) -> None:
    if machine.desired == "terminated":
        raise RefusedError(409, "conflict", "the instance is terminated")


def _check_names(fields: Mapping[str, object]) -> None:
    if unknown := sorted(set(fields) - set(Instance.__struct_fields__)):
        msg = f"an instance has no field {unknown[0]!r}"
        raise ConfigurationError(msg)
