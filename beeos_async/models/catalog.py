"""The catalog: what can be deployed, where, and with which models.

Example:
    ```python
    (provider, *_) = await bee.catalog.providers()
    print(provider.meta.name, provider.capabilities.max_duration_sec, "s at most")
    ```
"""

from __future__ import annotations

from ._base import Camel


class ProviderMeta(Camel, frozen=True, kw_only=True):
    """Who a provider is."""

    id: str
    name: str = ""
    description: str = ""
    version: str = ""


class ProviderCapabilities(Camel, frozen=True, kw_only=True):
    """What instances of a provider can do; `None` where the provider does not say."""

    long_running: bool | None = None
    browser_use: bool | None = None
    code_exec: bool | None = None
    file_system: bool | None = None
    custom_image: bool | None = None
    max_duration_sec: int | None = None
    """Seconds an instance may run."""

    cost_model: str = ""
    device: bool | None = None


class Provider(Camel, frozen=True, kw_only=True):
    """One provider of the catalog."""

    meta: ProviderMeta
    capabilities: ProviderCapabilities = ProviderCapabilities()


class Region(Camel, frozen=True, kw_only=True):
    """A place where instances can run."""

    id: str
    name: str = ""
    available: bool = False


class Model(Camel, frozen=True, kw_only=True):
    """A language model an instance can be deployed with."""

    id: str
    name: str = ""
    tier: str = ""
    reasoning: bool = False
