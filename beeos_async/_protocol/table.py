"""Every endpoint of the API, one row each.

Read by the groups, the emulator, the command and the tests; a route stands nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar, Unpack

from ..models._base import Envelope, Page
from ..models.catalog import Model, Provider, Region
from ..models.instances import DeviceInfo, Instance
from .endpoint import MIB, ONCE, SAFE, Endpoint, Repeat, desired

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class _Special(TypedDict, total=False):
    """What few rows need to say; see `Endpoint`."""

    echoes_id: bool
    answer_cap: int
    body_cap: int
    key: Literal["body", "header"]
    takes_operation_id: bool
    least_timeout: float
    refuses_in_200: bool


_rows: dict[str, Endpoint[Any]] = {}
ROWS: Final[Mapping[str, Endpoint[Any]]] = _rows
"""The whole table, by operationId, in the order of this file."""


def _row(
    operation: str,
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    path: str,
    answer: type[T],
    repeat: Repeat,
    bucket: str = "",
    **special: Unpack[_Special],
) -> Endpoint[T]:
    row = Endpoint(operation, method, path, answer, repeat, bucket or operation, **special)
    _rows[operation] = row
    return row


# catalog
LIST_PROVIDERS: Final = _row(
    "listProviders", "GET", "/api/v1/providers", Envelope[list[Provider]], SAFE
)
LIST_REGIONS: Final = _row(
    "listDeployRegions", "GET", "/api/v1/deploy/regions", Envelope[list[Region]], SAFE
)
LIST_MODELS: Final = _row(
    "listDeployModels", "GET", "/api/v1/deploy/models", Envelope[list[Model]], SAFE
)

# instances
LIST_INSTANCES: Final = _row(
    "listInstances", "GET", "/api/v1/instances", Page[Instance], SAFE, answer_cap=32 * MIB
)
GET_INSTANCE: Final = _row(
    "getInstance", "GET", "/api/v1/instances/{id}", Envelope[Instance], SAFE, echoes_id=True
)

# A second deploy is a second machine, and a second bill.
DEPLOY_INSTANCE: Final = _row(
    "deployInstance", "POST", "/api/v1/instances", Envelope[Instance], ONCE
)

# A start moves the wish, not the machine: asked twice, it is the same wish.
START_INSTANCE: Final = _row(
    "startInstance",
    "POST",
    "/api/v1/instances/{id}/start",
    Envelope[Instance],
    desired(GET_INSTANCE, "running"),
    echoes_id=True,
)
STOP_INSTANCE: Final = _row(
    "stopInstance",
    "POST",
    "/api/v1/instances/{id}/stop",
    Envelope[Instance],
    desired(GET_INSTANCE, "stopped"),
    echoes_id=True,
)

# No state tells one restart from two.
RESTART_INSTANCE: Final = _row(
    "restartInstance",
    "POST",
    "/api/v1/instances/{id}/restart",
    Envelope[Instance],
    ONCE,
    echoes_id=True,
)

# The answer is a word, not an instance; and what is gone was destroyed.
DESTROY_INSTANCE: Final = _row(
    "destroyInstance",
    "DELETE",
    "/api/v1/instances/{id}",
    Envelope[str],
    desired(GET_INSTANCE, "terminated", gone_is_done=True, answer=Envelope(data="destroyed")),
)
GET_DEVICE_INFO: Final = _row(
    "getDeviceInfo",
    "GET",
    "/api/v1/instances/{id}/device/info",
    Envelope[DeviceInfo],
    SAFE,
)
