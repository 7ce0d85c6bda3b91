"""A pretend BeeOS on this machine: a real HTTP server that speaks the contract.

It lives in the process that opens it, listens on 127.0.0.1 alone, and is never used
silently.  What it remembers is in `world.py`, what it answers in `answers/`, what goes
wrong with it in `faults.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._checks import count, seconds
from .._clock import Clock, RealClock
from .._protocol.throttle import RateLimit, rates
from ..client import AsyncBeeOS
from . import answers  # noqa: F401  # pyright: ignore[reportUnusedImport] -- fills the desk
from .courier import Courier
from .depot import Depot
from .desk import EFFECTS_PATH, Desk
from .door import HOST, Door
from .faults import Faults
from .log import Entry
from .scenery import instance_ids
from .trouble import MIXED
from .world import World

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["EFFECTS_PATH", "MIXED", "Emulator", "Entry", "Faults", "World", "instance_ids"]


class Emulator:
    """A pretend cloud.

    It takes any key but one that looks real.  What it remembers outlives its closing: it
    can be opened again.

    Attributes:
        ids: The instances it began with, all stopped, in order.
        world: What it remembers; more instances are put in here.
        faults: The trouble it is scripted to make.
        store: The object store behind it, on a port of its own, with a log of its own.

    Example:
        ```python
        from beeos_async.emulator import Emulator

        async with Emulator(instances=100, quota="2000/s", boot_time=0.1, seed=7) as cloud:
            cloud.faults.disconnect("startInstance", when="after", times=3)  # done, and not said
            async with cloud.client() as bee:
                report = await bee.start_many(cloud.ids, wait="online")
        print(report)  # 100 of 100 started in … s
        print(all(cloud.effects(id) == 1 for id in cloud.ids))  # True
        ```
    """

    def __init__(
        self,
        instances: int = 100,
        *,
        quota: RateLimit | None = None,
        boot_time: float = 0.2,
        online_time: float = 0.1,
        latency: float = 0.0,
        seed: int = 0,
        port: int = 0,
        strict: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Make the world; nothing listens yet.

        Args:
            instances: How many instances it begins with.
            quota: Requests it takes, for each endpoint or by operationId: `"600/min"`,
                `"10/s"` or a number a second.  Those of `control-action` and `control-info`
                are as the contract tells them, unless others are given.
            boot_time: Seconds from a start to `running`; each instance takes between half
                and one and a half of it, always the same.
            online_time: Seconds from `running` to `online`, spread alike.
            latency: Seconds an answer is late, spread alike; the effect is at once.
            seed: What ids and spread are drawn from.
            port: Where it listens, or 0 for a free port.
            strict: Whether to start what is started, or to stop what is stopped, is a
                conflict (409) instead of the same wish once more.
            clock: Time; a test's own, or the machine's.

        Raises:
            ConfigurationError: An option cannot work.
        """
        count("instances", instances, least=0, most=10_000_000)
        count("port", port, least=0, most=65_535)
        count("seed", seed, least=-(2**63), most=2**63)
        seconds("boot_time", boot_time, zero=True)
        seconds("online_time", online_time, zero=True)
        seconds("latency", latency, zero=True)
        clock = clock or RealClock()
        self.world: World = World(
            clock, boot_time=boot_time, online_time=online_time, seed=seed, strict=strict
        )
        self.faults: Faults = Faults()
        self.ids: list[str] = [self.world.add_instance() for _ in range(instances)]
        self._desk = Desk(self.world, self.faults, clock, rates(quota, "quota"), latency=latency)
        self._door = Door(self._desk, clock)
        self.store: Depot = Depot(self.world.files, self.faults, clock)
        self._back_door = Door(self.store, clock)
        self._courier = Courier(self.world.hooks)
        self._wanted = port
        self._port: int | None = None

    def __repr__(self) -> str:
        """Show what there is, and where."""
        where = f"at {self.url}" if self._port is not None else "not open"
        return f"<Emulator of {len(self.world):,} instances, {where}>"

    @property
    def log(self) -> list[Entry]:
        """The requests that came, in order."""
        return self._desk.log

    @property
    def port(self) -> int:
        """Where it listens.

        Raises:
            RuntimeError: It does not.
        """
        if self._port is None:
            msg = "the emulator is not open; use it with `async with`"
            raise RuntimeError(msg)
        return self._port

    @property
    def url(self) -> str:
        """What a client takes as `base_url`."""
        return f"http://{HOST}:{self.port}"

    def effects(self, id: str) -> int:
        """Tell how often a start took effect on an instance, whatever was answered.

        A start of what is to be running already has none: it is the same wish.

        Args:
            id: The instance.

        Example:
            ```python
            cloud.faults.disconnect("startInstance", when="after")
            await bee.start(id)
            print(cloud.effects(id))  # 1
            ```
        """
        return self.world.effects(id)

    def client(self, **options: Any) -> AsyncBeeOS:
        """Make a client of this cloud; close it as any other.

        Args:
            **options: Of `AsyncBeeOS`.

        Example:
            ```python
            async with cloud.client(max_retries=0, timeout=2) as bee:
                await bee.start(id)
            ```
        """
        chosen: dict[str, Any] = {"api_key": "emulator", "base_url": self.url, **options}
        return AsyncBeeOS(**chosen)

    async def __aenter__(self) -> Self:
        """Listen."""
        if self._port is not None:
            msg = "the emulator is open already"
            raise RuntimeError(msg)
        self._port = await self._door.open(self._wanted)
        self.world.files.base = f"http://{HOST}:{await self._back_door.open(0)}"
        self._courier.set_out()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, and drop every connection."""
        self._port = None
        await self._courier.come_home()
        await self._door.close()
        await self._back_door.close()
