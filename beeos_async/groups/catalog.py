"""What can be deployed, where, and with which models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._protocol import table

if TYPE_CHECKING:
    from .._io.caller import Caller
    from ..models.catalog import Model, Provider, Region


class Catalog:
    """`bee.catalog`: the offers, read only."""

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._call = caller.call

    async def providers(self, *, deadline: float | None = None) -> list[Provider]:
        """List the providers an instance can be deployed with.

        Args:
            deadline: Seconds for the whole call.
        """
        return (await self._call(table.LIST_PROVIDERS, deadline=deadline)).data

    async def regions(
        self, *, provider_id: str | None = None, deadline: float | None = None
    ) -> list[Region]:
        """List the regions an instance can be deployed in.

        Args:
            provider_id: Only those of this provider.
            deadline: Seconds for the whole call.
        """
        params = {"providerId": provider_id}
        return (await self._call(table.LIST_REGIONS, deadline=deadline, params=params)).data

    async def models(
        self, *, agent_framework: str | None = None, deadline: float | None = None
    ) -> list[Model]:
        """List the language models an instance can be deployed with.

        Args:
            agent_framework: Only those this framework can use.
            deadline: Seconds for the whole call.
        """
        params = {"agentFramework": agent_framework}
        return (await self._call(table.LIST_MODELS, deadline=deadline, params=params)).data
