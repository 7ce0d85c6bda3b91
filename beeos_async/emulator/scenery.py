"""What the pretend cloud looks like: ids, names, the catalog, all made up.

A function of the seed and a number, so that two emulators agree; what changes with time
is the world's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from ..models.catalog import Model, Provider, ProviderCapabilities, ProviderMeta, Region
from ..models.instances import DeviceInfo, Instance

PROVIDERS: Final = [
    Provider(
        meta=ProviderMeta(
            id="comb-k8s",
            name="Comb",
            description="Containers in the pretend cloud",
            version="3.1.0",
        ),
        capabilities=ProviderCapabilities(
            long_running=True,
            browser_use=True,
            code_exec=True,
            file_system=True,
            custom_image=True,
            max_duration_sec=604_800,
            cost_model="per_second",
            device=False,
        ),
    ),
    Provider(
        meta=ProviderMeta(
            id="meadow-phones",
            name="Meadow",
            description="Android phones on a pretend shelf",
            version="1.4.2",
        ),
        capabilities=ProviderCapabilities(long_running=True, cost_model="per_hour", device=True),
    ),
]

REGIONS: Final = {
    "comb-k8s": [
        Region(id="eu-fjord-1", name="Bergen", available=True),
        Region(id="us-prairie-2", name="Omaha", available=True),
        Region(id="ap-lagoon-1", name="Suva", available=False),
    ],
    "meadow-phones": [Region(id="eu-shelf-1", name="Tartu", available=True)],
}
"""Where each provider has room."""

MODELS: Final = {
    "nectar-claw": [
        Model(id="clover/large-3", name="Clover Large 3", tier="premium", reasoning=True),
        Model(id="clover/mini-3", name="Clover Mini 3", tier="standard", reasoning=False),
    ],
    "nectar-phone": [
        Model(id="thyme/touch-1", name="Thyme Touch 1", tier="standard", reasoning=False)
    ],
}
"""What each framework can think with."""

BORN: Final = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
"""When the first instance of every pretend cloud was made."""

_KINDS: Final = (
    ("nectar-claw", "comb-k8s", "linux", "eu-fjord-1"),
    ("nectar-claw", "comb-k8s", "linux", "us-prairie-2"),
    ("nectar-phone", "meadow-phones", "android", "eu-shelf-1"),
)
_MANNERS: Final = ("brisk", "calm", "dapper", "eager", "frugal", "gentle", "humble", "tidy")
_TRADES: Final = ("archivist", "beekeeper", "clerk", "gardener", "herald", "miller", "scribe")

# Shared by all instances: a hundred thousand of them must fit into memory.
_CAPABILITIES: Final[dict[str, Any]] = {
    "longRunning": True,
    "browserUse": True,
    "vision": {"maxPixels": 2_073_600},
}
_SETTINGS: Final[dict[str, Any]] = {
    "cpu": 2,
    "memoryGiB": 4,
    "labels": {"team": "orchard"},
}
_TOOLS: Final[dict[str, Any]] = {
    "files": {"url": "https://tools.example.net/files", "transport": "http"}
}


def instance_ids(count: int, seed: int = 0) -> list[str]:
    """Tell the ids an `Emulator(count, seed=seed)` opens with, without opening one.

    Args:
        count: How many instances.
        seed: The emulator's seed.

    Example:
        ```python
        from beeos_async.emulator import Emulator, instance_ids

        print(instance_ids(3, seed=7) == Emulator(3, seed=7).ids)  # True
        ```
    """
    return [named(mark(seed, number), number) for number in range(count)]


def mark(seed: int, number: int) -> bytes:
    """Roll the dice of one instance: always the same for a seed and a number."""
    return blake2b(b"%d/%d" % (seed, number), digest_size=8).digest()


def uuid_for(seed: int, kind: str, number: int) -> str:
    """Make a UUID: always the same for a seed, a kind of thing and a number."""
    digest = blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def named(dice: bytes, number: int) -> str:
    """Make the id of an instance: distinct, because the number is its tail."""
    return f"inst-{dice[:4].hex()}{number:x}"


def invent(id: str, number: int, dice: bytes) -> Instance:
    """Make up what an instance is, all but what changes with time."""
    framework, provider, system, region = _KINDS[dice[0] % len(_KINDS)]
    models = tuple(model.id for model in MODELS[framework])
    token = id.removeprefix("inst-")
    born = BORN + timedelta(minutes=number * 7 % 200_000)
    return Instance(
        id=id,
        owner_id="usr-pretend-1",
        agent_framework=framework,
        provider_id=provider,
        external_id=f"pod-{token}-0",
        os_type=system,
        hosting_type="managed",
        cloud_provider="pretend",
        name=f"{_MANNERS[dice[2] % 8]}-{_TRADES[dice[3] % 7]}-{number}",
        model_primary=models[0],
        models=models,
        endpoint=f"https://{token}.run.example.net",
        bridge_id=f"brg-{dice[:3].hex()}",
        identity_id=f"idn-{dice[3:6].hex()}",
        provider_config=_SETTINGS,
        public_ip=f"198.51.100.{dice[6]}",
        cluster_id=f"cl-{region}",
        region=region,
        image_id=f"img-{framework}-5",
        image_ref=f"registry.example.net/{framework}:5.2.1",
        system_prompt="Keep the garden, keep the books, and say so when you are done.",
        mcp_servers=_TOOLS,
        expires_at=born + timedelta(days=400),
        created_at=born,
        screenshot_url=f"https://objects.example.net/shots/{token}.png?sig={dice[1:].hex()}",
        screenshot_updated_at=born + timedelta(days=1),
        capabilities=_CAPABILITIES,
    )


def device_of(instance: Instance) -> DeviceInfo:
    """Make up what an instance's device said when it registered."""
    if instance.os_type == "android":
        return DeviceInfo(
            type="android",
            model="Sedge 4",
            os="Android",
            os_version="16",
            width=1080,
            height=2400,
            density=420,
            capabilities=["screenshot", "tap", "swipe", "type", "ui_tree"],
            metadata={"shelf": 3, "slot": instance.external_id},
        )
    return DeviceInfo(
        type=instance.os_type,
        model="Desk 2",
        os="Linux",
        os_version="6.12",
        width=1920,
        height=1080,
        density=96,
        capabilities=["screenshot", "click", "scroll", "type", "key"],
        metadata={"display": ":1", "pod": instance.external_id},
    )
