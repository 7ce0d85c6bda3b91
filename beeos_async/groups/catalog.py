"""What can be deployed, where, and with which models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._protocol import table

if TYPE_CHECKING:
    from .._io.caller import Caller
    from ..models.catalog import Model, Provider, Region

__all__ = ["Catalog"]


class Catalog:
    """`bee.catalog`: the offers, read only.

    Example:
        ```python
        for provider in await bee.catalog.providers():
            regions = await bee.catalog.regions(provider_id=provider.meta.id)
            print(provider.meta.name, [region.id for region in regions if region.available])
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._call = caller.call

    async def providers(self, *, deadline: float | None = None) -> list[Provider]:
        """List the providers an instance can be deployed with.

        Args:
            deadline: Seconds for the whole call.

        Example:
            ```python
            for provider in await bee.catalog.providers():
                if provider.capabilities.device:  # `None` where the provider does not say
                    print(provider.meta.id, "has phones")  # … has phones
            ```
        """
        return (await self._call(table.LIST_PROVIDERS, deadline=deadline)).data

    async def regions(
        self, *, provider_id: str | None = None, deadline: float | None = None
    ) -> list[Region]:
        """List the regions an instance can be deployed in.

        Args:
            provider_id: Only those of this provider.
            deadline: Seconds for the whole call.

        Example:
            ```python
            for region in await bee.catalog.regions():
                print(region.id, region.name, "is open" if region.available else "is full")
            ```
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

        Example:
            ```python
            models = await bee.catalog.models()
            print([model.id for model in models if model.reasoning])
            ```
        """
        params = {"agentFramework": agent_framework}
        return (await self._call(table.LIST_MODELS, deadline=deadline, params=params)).data
