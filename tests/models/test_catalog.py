"""The catalog as it travels."""

from __future__ import annotations

from typing import Any

from samples import sample

from beeos_async._protocol.wire import read
from beeos_async.models.catalog import (
    Model,
    Provider,
    ProviderCapabilities,
    ProviderMeta,
    Region,
)


def read_sample(name: str) -> Any:
    one = sample(f"catalog/{name}")
    return read(one.row, "", one.response).data


def test_a_provider_says_who_it_is_and_what_it_can() -> None:
    """What it does not say is `None`, which is not the same as no."""
    lake, hill = read_sample("providers")

    assert lake == Provider(
        meta=ProviderMeta(
            id="prov-lake", name="Lake", description="Machines by the water", version="3.1.0"
        ),
        capabilities=ProviderCapabilities(
            long_running=True,
            browser_use=True,
            code_exec=True,
            file_system=False,
            custom_image=True,
            max_duration_sec=86400,
            cost_model="hourly",
            device=False,
        ),
    )
    assert hill.capabilities == ProviderCapabilities(device=True)
    assert (hill.capabilities.file_system, hill.capabilities.max_duration_sec) == (None, None)


def test_a_provider_that_breaks_its_schema_is_read_all_the_same() -> None:
    """One that cannot be named is left out."""
    assert read_sample("providers_odd") == [
        Provider(meta=ProviderMeta(id="prov-lake")),
        Provider(meta=ProviderMeta(id="prov-hill")),
    ]


def test_a_region_is_open_or_full() -> None:
    """As the server says, and full where it says nothing."""
    assert read_sample("regions") == [
        Region(id="north-2", name="North 2", available=True),
        Region(id="south-1", name="South 1", available=False),
    ]
    assert Region(id="x").available is False


def test_a_model_thinks_or_talks() -> None:
    """All four fields."""
    assert read_sample("models") == [
        Model(id="heron/medium-3", name="Heron Medium", tier="standard", reasoning=True),
        Model(id="heron/tiny-1", name="Heron Tiny", tier="free", reasoning=False),
    ]


def test_a_catalog_without_entries_is_empty() -> None:
    """Null or not."""
    assert read_sample("models_null") == []
