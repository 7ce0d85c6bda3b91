"""Whom the clients of this process may reach while a test says so."""

from __future__ import annotations

import pytest

from beeos_async import AsyncBeeOS, ConfigurationError, NotSentError, only_loopback
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

AWAY = "https://beeos.example.com"
NOBODY = "http://127.0.0.1:9"
"""A proxy where nobody listens: whatever goes to another machine ends here."""


async def reach(url: str = AWAY) -> None:
    async with AsyncBeeOS("k", base_url=url, proxy=NOBODY, max_retries=0) as bee:
        await bee.start("inst-1")


async def test_another_machine_is_refused_and_noted() -> None:
    """Before any I/O, also through a proxy, and under the name it was given."""
    with only_loopback() as refused:
        with pytest.raises(
            ConfigurationError, match=r"only loopback .* not https://beeos\.example"
        ):
            await reach()

    assert refused == [AWAY]


async def test_a_fleet_is_refused_id_by_id() -> None:
    """Whatever it is asked for."""
    with only_loopback() as refused:
        async with AsyncBeeOS("k", base_url=AWAY, proxy=NOBODY) as bee:
            report = await bee.start_many(["a", "b"])

    assert report.counts == {"failed": 2}
    assert refused == [AWAY] * 2


async def test_a_store_elsewhere_is_refused(cloud: Emulator) -> None:
    """Each of its addresses, though the API may be reached; what signs it is not told."""
    with only_loopback() as refused:
        async with cloud.client(proxy=NOBODY, max_retries=0) as bee:
            with pytest.raises(ConfigurationError, match=r"only loopback .* not https://files\."):
                await bee.files.fetch("https://files.example.com:444/a/b?sig=s")

    assert refused == ["https://files.example.com:444"]


async def test_this_machine_is_reached(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """By whichever name."""
    with only_loopback() as refused:
        await bee.start(cloud.ids[0])
        async with cloud.client(base_url=f"http://localhost:{cloud.port}") as other:
            await other.start(cloud.ids[1])

    assert refused == []


@pytest.mark.beeos(beeos_allow_network=True)
async def test_it_is_over_with_the_block() -> None:
    """Also where the block is left by an error."""
    with pytest.raises(ConfigurationError):
        with only_loopback():
            await reach()

    with pytest.raises(NotSentError):
        await reach()


async def test_the_innermost_block_is_told() -> None:
    """Whoever expects a refusal keeps it from whoever does not."""
    with only_loopback() as outer:
        with only_loopback() as inner:
            with pytest.raises(ConfigurationError):
                await reach()
        with pytest.raises(ConfigurationError):
            await reach("https://other.example.com")

    assert (outer, inner) == (["https://other.example.com"], [AWAY])
