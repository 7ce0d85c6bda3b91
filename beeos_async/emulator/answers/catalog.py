"""Answers about the catalog: the same offers for everybody."""

from __future__ import annotations

from ..._protocol import table
from ...models._base import Envelope
from ...models.catalog import Model, Provider, Region
from ..desk import Call, desk
from ..scenery import MODELS, PROVIDERS, REGIONS
from ..world import World


@desk(table.LIST_PROVIDERS)
async def list_providers(_world: World, _call: Call) -> Envelope[list[Provider]]:
    """Show who can run an instance."""
    return Envelope(data=PROVIDERS)


@desk(table.LIST_REGIONS)
async def list_regions(_world: World, call: Call) -> Envelope[list[Region]]:
    """Show where, of one provider or of all; an unknown provider has no regions."""
    provider = call.params.get("providerId")
    chosen = REGIONS.values() if not provider else [REGIONS.get(provider, [])]
    return Envelope(data=[region for regions in chosen for region in regions])


@desk(table.LIST_MODELS)
async def list_models(_world: World, call: Call) -> Envelope[list[Model]]:
    """Show the models of one framework or of all; an unknown framework has none."""
    framework = call.params.get("agentFramework")
    chosen = MODELS.values() if not framework else [MODELS.get(framework, [])]
    return Envelope(data=[model for models in chosen for model in models])
