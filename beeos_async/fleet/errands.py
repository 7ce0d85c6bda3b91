"""One instance: told something, and waited for until it is ready."""

from __future__ import annotations

from typing import Any, cast, overload

import anyio

from .._checks import seconds
from .._io.caller import Caller
from .._io.poller import Poller
from .._protocol import table
from .._protocol.endpoint import Endpoint
from ..models.instances import Instance
from ..waiting import Action, DestroyWish, StartWish, StopWish, Wish, check_wish
from .watch import Watch


class Errands:
    """What a client does with one instance."""

    _caller: Caller
    _poller: Poller

    async def start(
        self, id: str, *, wait: StartWish | None = None, deadline: float | None = None
    ) -> Instance:
        """Wish an instance running, and wait, if told to, until it is of use.

        Without `wait` it is `instances.start`.  All waits of a client share one poller, which
        asks for a list where that costs fewer requests than looking at each.

        Args:
            id: The instance.
            wait: `"running"`; `"online"`: running, and its control channel is up;
                `"connected"`: its message connection is up as well; or a function that says
                yes to the instance as a look shows it.
            deadline: Seconds for all of it, waiting included.

        Returns:
            The instance as it is after the call, or once it is ready.

        Raises:
            WaitError: It was accepted, and can no longer come true; `.reason` says why.
            WaitTimeoutError: It was accepted, and is not ready in time.

        Example:
            ```python
            instance = await bee.start(id, wait="online", deadline=90)
            print(instance.status, instance.connectivity)  # running online
            ```
        """
        return await self._told(table.START_INSTANCE, "start", id, wait, deadline)

    async def stop(
        self, id: str, *, wait: StopWish | None = None, deadline: float | None = None
    ) -> Instance:
        """Wish an instance stopped, and wait, if told to, until it is; see `start`.

        Args:
            id: The instance.
            wait: `"stopped"`.
            deadline: As for `start`.

        Example:
            ```python
            instance = await bee.stop(desk, wait="stopped", deadline=60)
            print(instance.status)  # stopped
            ```
        """
        return await self._told(table.STOP_INSTANCE, "stop", id, wait, deadline)

    async def restart(
        self, id: str, *, wait: StartWish | None = None, deadline: float | None = None
    ) -> Instance:
        """Restart an instance, and wait, if told to, until it is up again; see `start`.

        A wish counts only once the instance has left `running`, or shows that it has started
        since.

        Args:
            id: The instance.
            wait: As for `start`.
            deadline: As for `start`.

        Example:
            ```python
            instance = await bee.restart(desk, wait="online", deadline=90)
            print(instance.status, "since", instance.started_at)
            ```
        """
        return await self._told(table.RESTART_INSTANCE, "restart", id, wait, deadline)

    async def destroy(
        self, id: str, *, wait: DestroyWish | None = None, deadline: float | None = None
    ) -> None:
        """Destroy an instance, for good, and wait, if told to, until it is gone.

        Args:
            id: The instance.
            wait: `"terminated"`; an instance that is not there any more is.
            deadline: As for `start`.

        Example:
            ```python
            await bee.destroy(id, wait="terminated", deadline=60)
            ```
        """
        await self._told(table.DESTROY_INSTANCE, "destroy", id, wait, deadline)

    @overload
    async def wait(
        self, id: str, wish: StartWish | StopWish, *, deadline: float | None = None
    ) -> Instance: ...
    @overload
    async def wait(
        self, id: str, wish: DestroyWish, *, deadline: float | None = None
    ) -> Instance | None: ...
    async def wait(self, id: str, wish: Wish, *, deadline: float | None = None) -> Instance | None:
        """Wait until an instance is ready; nothing is asked of it.

        Args:
            id: The instance.
            wish: `"running"`, `"online"` or `"connected"`, as for `start`; `"stopped"`;
                `"terminated"`; or a function that says yes to the instance as a look shows it.
            deadline: Seconds; where there are none, for as long as it takes.

        Returns:
            The instance as it is then; `None` where one that was to be terminated is not even
            there any more.

        Raises:
            WaitError: It can no longer come true: the instance is terminated, is wished
                elsewhere, stopped after it had begun, or its device is not let in.
            WaitTimeoutError: It did not come true in time.

        Example:
            ```python
            try:
                instance = await bee.wait(desk, "connected", deadline=60)
            except WaitTimeoutError as error:
                print("not in time; last seen:", error.last)
            else:
                print(instance.ms_connection_status)  # connected
            ```
        """
        check_wish(wish, "")
        if deadline is not None:
            seconds("deadline", deadline)
        now = self._caller.clock.now()
        return await self._until(Watch(id, wish, now=now, until=deadline and now + deadline))

    async def _told(
        self,
        row: Endpoint[Any],
        action: Action,
        id: str,
        wish: Wish | None,
        deadline: float | None,
    ) -> Instance:
        if wish is not None:
            check_wish(wish, action)
        began = self._caller.clock.now()
        answer = (await self._caller.call(row, id, deadline=deadline)).data
        if wish is None:
            return cast("Instance", answer)
        watch = Watch(
            id,
            wish,
            action,
            now=self._caller.clock.now(),
            until=deadline and began + deadline,
            answer=answer if isinstance(answer, Instance) else None,
        )
        return cast("Instance", await self._until(watch))

    async def _until(self, watch: Watch) -> Instance | None:
        if not watch.over:
            over = anyio.Event()

            def tell(_: Watch) -> None:
                over.set()

            watch.tell = tell
            await self._poller.attend(watch, over)
        if watch.error is not None:
            raise watch.error
        return watch.last
