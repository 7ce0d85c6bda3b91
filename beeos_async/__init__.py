"""An asyncio SDK for BeeOS: start one instance, or a hundred thousand.

The front door: every public name, fetched when it is first asked for, so that importing
the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from ._io.caller import Attempt
    from ._io.capture import Captured
    from ._io.gate import EndpointState
    from ._io.pager import Pager
    from .client import AsyncBeeOS
    from .errors import (
        APIError,
        AuthenticationError,
        BadRequestError,
        BeeOSError,
        ClientClosedError,
        ClientLoopError,
        ConfigurationError,
        ConflictError,
        ConnectionLostError,
        DecodeError,
        GatewayTimeoutError,
        NotFoundError,
        NotSentError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        RuntimeMethodError,
        ServerError,
        ServiceUnavailableError,
        SkippedError,
        StreamEndedError,
        TransportError,
        UnprocessableEntityError,
        WebhookSignatureError,
    )
    from .fleet.engine import FleetRun
    from .fleet.offers import FleetOptions, StreamOptions
    from .fleet.outcomes import (
        Failed,
        FleetError,
        FleetReport,
        Outcome,
        Skipped,
        Succeeded,
        TimedOut,
        Unknown,
    )
    from .fleet.plan import FleetPlan, PlanState
    from .fleet.progress import Progress, Throttle
    from .models.catalog import Model, Provider, Region
    from .models.instances import DeployInstance, DeviceInfo, Instance
    from .waiting import WaitError, WaitTimeoutError

__all__ = [
    "APIError",
    "AsyncBeeOS",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "BeeOSError",
    "Captured",
    "ClientClosedError",
    "ClientLoopError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionLostError",
    "DecodeError",
    "DeployInstance",
    "DeviceInfo",
    "EndpointState",
    "Failed",
    "FleetError",
    "FleetOptions",
    "FleetPlan",
    "FleetReport",
    "FleetRun",
    "GatewayTimeoutError",
    "Instance",
    "Model",
    "NotFoundError",
    "NotSentError",
    "Outcome",
    "Pager",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PlanState",
    "Progress",
    "Provider",
    "RateLimitError",
    "Region",
    "RequestTimeoutError",
    "RuntimeMethodError",
    "ServerError",
    "ServiceUnavailableError",
    "Skipped",
    "SkippedError",
    "StreamEndedError",
    "StreamOptions",
    "Succeeded",
    "Throttle",
    "TimedOut",
    "TransportError",
    "Unknown",
    "UnprocessableEntityError",
    "WaitError",
    "WaitTimeoutError",
    "WebhookSignatureError",
    "__version__",
]

# The same names again, by the room they live in; a test holds the two and the imports together.
_ROOMS = {
    "_io.caller": ("Attempt",),
    "_io.capture": ("Captured",),
    "_io.gate": ("EndpointState",),
    "_io.pager": ("Pager",),
    "client": ("AsyncBeeOS",),
    "errors": (
        "APIError",
        "AuthenticationError",
        "BadRequestError",
        "BeeOSError",
        "ClientClosedError",
        "ClientLoopError",
        "ConfigurationError",
        "ConflictError",
        "ConnectionLostError",
        "DecodeError",
        "GatewayTimeoutError",
        "NotFoundError",
        "NotSentError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestTimeoutError",
        "RuntimeMethodError",
        "ServerError",
        "ServiceUnavailableError",
        "SkippedError",
        "StreamEndedError",
        "TransportError",
        "UnprocessableEntityError",
        "WebhookSignatureError",
    ),
    "fleet.engine": ("FleetRun",),
    "fleet.offers": ("FleetOptions", "StreamOptions"),
    "fleet.outcomes": (
        "Failed",
        "FleetError",
        "FleetReport",
        "Outcome",
        "Skipped",
        "Succeeded",
        "TimedOut",
        "Unknown",
    ),
    "fleet.plan": ("FleetPlan", "PlanState"),
    "fleet.progress": ("Progress", "Throttle"),
    "models.catalog": ("Model", "Provider", "Region"),
    "models.instances": ("DeployInstance", "DeviceInfo", "Instance"),
    "waiting": ("WaitError", "WaitTimeoutError"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    room = _HOME.get(name)
    if room is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(f".{room}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
