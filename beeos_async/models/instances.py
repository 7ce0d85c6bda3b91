"""Instances: the machines that agents live on.

Example:
    ```python
    async for instance in bee.instances.list():
        if instance.status != instance.desired_status:
            print(instance.id, instance.status, "on its way to", instance.desired_status)
    ```
"""

from __future__ import annotations

from html import escape
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta

from ..errors import ConfigurationError
from ._base import Camel, Moment

InstanceStatus = Literal["pending", "provisioning", "running", "stopped", "terminated"] | str
"""Where an instance is in its life.  Open: the server may add words of its own."""

DesiredStatus = Literal["running", "stopped", "terminated"] | str
"""Where the control plane steers an instance.  Open."""

Connectivity = Literal["unknown", "online", "offline"] | str
"""Whether the control channel to the instance is up.  Open."""

ConnectivityReason = (
    Literal[
        "device_disconnected", "device_unauthorized", "instance_disconnected", "agent_disconnected"
    ]
    | str
)
"""Why an instance is not online; empty when it is.  Open."""

MessageConnection = (
    Literal["unknown", "connecting", "connected", "reconnecting", "disconnected", "failed"] | str
)
"""The state of the runtime's message connection.  Open, although the contract closes it."""


# It is plain data, in which no circle can be: the garbage collector need not look at each of
# a hundred thousand.  Nor at its models, which are a tuple: as a list each would be one more
# thing to look at.
class Instance(Camel, frozen=True, kw_only=True, gc=False):
    """One machine you own, as the server last described it.

    All 42 fields of the contract.  Only `id` is indispensable: rows of a list may carry a
    handful, and what is missing has its "not set" value (an empty text, list or mapping,
    0, `False`, `None` for a date).

    Example:
        ```python
        instance = await bee.instances.get(desk)
        print(instance.status, instance.connectivity)  # running online
        print(instance.public_ip or "has no address", instance.created_at)
        ```
    """

    id: str
    owner_id: str = ""
    agent_framework: str = ""
    provider_id: str = ""
    external_id: str = ""
    os_type: str = ""
    """`android`, `linux`, `windows`, `macos`, or a newer word."""

    hosting_type: str = ""
    cloud_provider: str = ""
    name: str = ""
    model_primary: str = ""
    models: tuple[str, ...] = ()
    status: InstanceStatus = ""
    desired_status: DesiredStatus = ""
    """Where the control plane is steering it; differs from `status` while it moves."""

    endpoint: str = ""
    bridge_id: str = ""
    identity_id: str = ""
    total_run_seconds: int = 0
    """Seconds it has run, altogether."""

    connectivity: Connectivity = ""
    connectivity_reason: ConnectivityReason = ""
    halt_reason: str = ""
    provider_config: dict[str, Any] = {}
    public_ip: str = ""
    cluster_id: str = ""
    region: str = ""
    image_id: str = ""
    image_ref: str = ""
    is_trial: bool = False
    expires_at: Moment | None = None
    error_message: str = ""
    system_prompt: str = ""
    mcp_servers: dict[str, Any] = {}
    started_at: Moment | None = None
    stopped_at: Moment | None = None
    status_entered_at: Moment | None = None
    connectivity_updated_at: Moment | None = None
    ms_connection_status: MessageConnection = ""
    ms_connection_updated_at: Moment | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    screenshot_url: str = ""
    """Where its last picture is, for a short while; never an address to send the key to."""

    screenshot_updated_at: Moment | None = None
    capabilities: dict[str, Any] = {}

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give what tells one from another; prompts and settings are for a few eyes only."""
        return [(name, value) for name in _BRIEF if (value := getattr(self, name))]

    def _repr_html_(self) -> str:
        """Show a table in a notebook, of what is set and neither long nor for a few eyes only."""
        rows = "".join(
            f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>"
            for name in _SHOWN
            if (value := getattr(self, name))
        )
        return f"<table><caption>{escape(self.name or self.id)}</caption>{rows}</table>"


_BRIEF: Final = ("id", "name", "status", "desired_status", "connectivity", "os_type")

_SHOWN: Final = (
    *("id", "status", "desired_status", "connectivity", "connectivity_reason", "halt_reason"),
    *("ms_connection_status", "error_message", "os_type", "agent_framework", "model_primary"),
    *("provider_id", "region", "is_trial", "started_at", "stopped_at", "expires_at"),
)

Short = Annotated[str, Meta(max_length=128)]
Word = Annotated[str, Meta(max_length=64)]


class DeployInstance(Camel, frozen=True, kw_only=True):
    """What a new instance shall be.

    `name` and one of `variant_id` (an offer of the catalog) and `agent_framework` are
    needed; `config` is another name for `provider_config`, and the catalog wins where
    both speak.  Field limits are those of the contract's `DeployInstanceRequest`.

    Example:
        ```python
        wanted = DeployInstance(
            name="scribe",
            agent_framework="beeos-claw",
            system_prompt="Answer in one sentence.",
        )
        new = await bee.instances.deploy(wanted)
        ```
    """

    veiled: ClassVar[frozenset[str]] = frozenset(
        {"system_prompt", "mcp_servers", "provider_config", "config"}
    )

    name: Short
    variant_id: Short | None = None
    agent_framework: Word | None = None
    provider_id: Word | None = None
    provider_config: dict[str, Any] | None = None
    model_primary: Short | None = None
    models: list[Short] | None = None
    system_prompt: Annotated[str, Meta(max_length=8192)] | None = None
    mcp_servers: dict[str, Any] | None = None
    bridge_id: Short | None = None
    config: dict[str, Any] | None = None
    cluster_id: Short | None = None
    preferred_region: Word | None = None

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: There is no name, or nothing to deploy.
        """
        if not self.name:
            msg = "an instance to deploy needs a name"
            raise ConfigurationError(msg)
        if self.variant_id is None and self.agent_framework is None:
            msg = "an instance to deploy needs a variant_id or an agent_framework"
            raise ConfigurationError(msg)


class DeviceInfo(Camel, frozen=True, kw_only=True):
    """What a device said of itself when it registered.

    Example:
        ```python
        device = await bee.instances.device_info(phone)
        print(device.type, device.width, device.height, device.density)  # android 1080 2400 …
        ```
    """

    type: str = ""
    """`android`, `windows`, `linux`, `macos`, or a newer word."""

    model: str = ""
    os: str = ""
    os_version: str = ""
    width: int = 0
    """Pixels."""

    height: int = 0
    """Pixels."""

    density: int = 0
    """Dots per inch."""

    capabilities: list[str] = []
    metadata: dict[str, Any] = {}
