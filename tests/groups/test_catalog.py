"""The catalog group, against the emulator."""

from __future__ import annotations

import pytest

from beeos_async import AsyncBeeOS, Model, Provider, Region
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_the_catalog_is_read_whole(bee: AsyncBeeOS) -> None:
    """Providers, regions and models come as typed lists."""
    providers = await bee.catalog.providers()
    regions = await bee.catalog.regions()
    models = await bee.catalog.models()

    assert all(isinstance(one, Provider) for one in providers)
    assert all(isinstance(one, Region) for one in regions)
    assert all(isinstance(one, Model) for one in models)
    assert providers
    assert regions
    assert models


async def test_filters_travel_as_the_contract_names_them(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """A filter is sent only where it is given."""
    await bee.catalog.regions(provider_id="hive")
    await bee.catalog.models(agent_framework="claw")
    await bee.catalog.models()

    assert [entry.path for entry in cloud.log] == [
        "/api/v1/deploy/regions?providerId=hive",
        "/api/v1/deploy/models?agentFramework=claw",
        "/api/v1/deploy/models",
    ]
