"""The life of instances: list, look, deploy, start, stop, restart, destroy."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, Final

from .._checks import count
from .._io.pager import Pager
from .._protocol import table
from .._protocol.paging import PAGE_SIZE, Style, next_numbered
from ..errors import ConfigurationError
from ..models.instances import DeployInstance, DeviceInfo, Instance

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Instances"]

_STYLE: Final = Style(next_numbered, page=lambda page: page, name=lambda row: row.id)


class Instances:
    """`bee.instances`: the machines that agents live on.

    Example:
        ```python
        new = await bee.instances.deploy(name="scribe", agent_framework="beeos-claw")
        await bee.wait(new.id, "online", deadline=300)
        await bee.instances.stop(new.id)
        await bee.instances.destroy(new.id)
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller
        self._call = caller.call

    def list(
        self,
        *,
        status: str | None = None,
        provider_id: str | None = None,
        agent_framework: str | None = None,
        cluster_id: str | None = None,
        search: str | None = None,
        page_size: int = PAGE_SIZE,
        deadline: float | None = None,
    ) -> Pager[Instance]:
        """List your instances; the filters combine with "and".

        Rows may carry fewer fields than `get` returns.

        Args:
            status: Only those in this state, such as `stopped`.
            provider_id: Only those of this provider.
            agent_framework: Only those with this framework.
            cluster_id: Only those in this cluster.
            search: Only those the server finds by this text.
            page_size: Rows a request, 1 to 200.
            deadline: Seconds for each page.

        Returns:
            An async iterator over instances, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for instance in bee.instances.list(status="running"):
                print(instance.name, instance.status, instance.connectivity)  # … running online
            ```
        """
        count("page_size", page_size, least=1, most=PAGE_SIZE)
        params = {
            "page": 0,
            "pageSize": page_size,
            "status": status,
            "providerId": provider_id,
            "agentFramework": agent_framework,
            "clusterId": cluster_id,
            "search": search,
        }
        return Pager(
            self._caller, table.LIST_INSTANCES, style=_STYLE, params=params, deadline=deadline
        )

    async def get(self, id: str, *, deadline: float | None = None) -> Instance:
        """Look at one instance.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Example:
            ```python
            instance = await bee.instances.get(id)
            print(instance.status, "to be", instance.desired_status)  # stopped to be stopped
            ```
        """
        return (await self._call(table.GET_INSTANCE, id, deadline=deadline)).data

    async def deploy(
        self,
        wanted: DeployInstance | None = None,
        *,
        name: str = "",
        variant_id: str | None = None,
        agent_framework: str | None = None,
        provider_id: str | None = None,
        provider_config: dict[str, Any] | None = None,
        model_primary: str | None = None,
        models: builtins.list[str] | None = None,
        system_prompt: str | None = None,
        mcp_servers: dict[str, Any] | None = None,
        bridge_id: str | None = None,
        config: dict[str, Any] | None = None,
        cluster_id: str | None = None,
        preferred_region: str | None = None,
        deadline: float | None = None,
    ) -> Instance:
        """Create an instance.

        Never sent twice once it may have arrived, because a second deploy is a second
        machine: when the answer is lost, look for the name before trying again.

        Args:
            wanted: What it shall be; or the same fields, which `DeployInstance` explains.
            name: Needed, 1 to 128 characters.
            variant_id: An offer of the catalog; this or `agent_framework` is needed.
            agent_framework: A framework, for an instance put together by hand.
            provider_id: Who runs it.
            provider_config: Settings for the provider.
            model_primary: The language model.
            models: All language models it may use.
            system_prompt: At most 8,192 characters.
            mcp_servers: Tool servers by name.
            bridge_id: The bridge a device is reached through.
            config: Another name for `provider_config`.
            cluster_id: Where it runs.
            preferred_region: Where it had better run.
            deadline: Seconds for the whole call.

        Returns:
            The instance, usually still `pending`.

        Example:
            ```python
            new = await bee.instances.deploy(
                name="scribe",
                agent_framework="beeos-claw",
                system_prompt="Answer in one sentence.",
            )
            print(new.id, new.status)  # inst-… pending
            ```
        """
        fields = (
            name or None,
            variant_id,
            agent_framework,
            provider_id,
            provider_config,
            model_primary,
            models,
            system_prompt,
            mcp_servers,
            bridge_id,
            config,
            cluster_id,
            preferred_region,
        )
        if wanted is not None and any(field is not None for field in fields):
            msg = "deploy takes a DeployInstance or its fields, not both"
            raise ConfigurationError(msg)
        body = wanted or DeployInstance(
            name=name,
            variant_id=variant_id,
            agent_framework=agent_framework,
            provider_id=provider_id,
            provider_config=provider_config,
            model_primary=model_primary,
            models=models,
            system_prompt=system_prompt,
            mcp_servers=mcp_servers,
            bridge_id=bridge_id,
            config=config,
            cluster_id=cluster_id,
            preferred_region=preferred_region,
        )
        return (await self._call(table.DEPLOY_INSTANCE, deadline=deadline, body=body)).data

    async def start(self, id: str, *, deadline: float | None = None) -> Instance:
        """Wish an instance running.

        An answer that is lost is no start that is lost: one look tells whether it took.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            The instance as it is after the call; usually not yet `running`.

        Example:
            ```python
            started = await bee.instances.start(id, deadline=10)
            print(started.desired_status)  # running
            ```
        """
        return (await self._call(table.START_INSTANCE, id, deadline=deadline)).data

    async def stop(self, id: str, *, deadline: float | None = None) -> Instance:
        """Wish an instance stopped; settled like a start.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            The instance as it is after the call; usually not yet `stopped`.

        Example:
            ```python
            stopping = await bee.instances.stop(desk)
            print(stopping.desired_status)  # stopped
            ```
        """
        return (await self._call(table.STOP_INSTANCE, id, deadline=deadline)).data

    async def restart(self, id: str, *, deadline: float | None = None) -> Instance:
        """Restart an instance.

        Never sent twice once it may have arrived: no state tells one restart from two.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            The instance as it is after the call.

        Example:
            ```python
            try:
                await bee.instances.restart(desk)
            except TransportError as error:
                # "maybe": let `started_at` tell, before you try again.
                print(error.delivered, error)
            ```
        """
        return (await self._call(table.RESTART_INSTANCE, id, deadline=deadline)).data

    async def destroy(self, id: str, *, deadline: float | None = None) -> None:
        """Destroy an instance, for good.

        Settled like a start; an instance that is gone after a lost answer was destroyed.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Example:
            ```python
            await bee.instances.destroy(id)
            print((await bee.instances.get(id)).desired_status)  # terminated
            ```
        """
        await self._call(table.DESTROY_INSTANCE, id, deadline=deadline)

    async def device_info(self, id: str, *, deadline: float | None = None) -> DeviceInfo:
        """Tell what the instance's device said of itself when it registered.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Example:
            ```python
            device = await bee.instances.device_info(phone)
            print(device.os, device.width, device.height, device.density)  # Android 1080 2400 …
            ```
        """
        return (await self._call(table.GET_DEVICE_INFO, id, deadline=deadline)).data
