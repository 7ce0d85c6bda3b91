"""Every endpoint of the API, one row each.

Read by the groups, the emulator, the command and the tests; a route stands nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar, Unpack

from ..models._base import Envelope, Page
from ..models.catalog import Model, Provider, Region
from ..models.control import ActionResult, ControlInfo, Screenshot
from ..models.instances import DeviceInfo, Instance
from ..models.mobile import AppList, UITree
from .endpoint import IDEMPOTENT, MIB, ONCE, SAFE, Endpoint, Repeat, desired

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

CONTROL_INFO: Final = "control-info"
"""The bucket of every question what a device is."""

CONTROL_ACTION: Final = "control-action"
"""The bucket of all that a device is told, and of its pictures, apps and trees."""


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

# computer
# All that is told a device, its pictures and lists included, draws on one quota of the owner;
# what it is may be asked more often.
GET_COMPUTER_INFO: Final = _row(
    "getComputerInfo",
    "GET",
    "/api/v1/instances/{id}/computer",
    Envelope[ControlInfo],
    SAFE,
    CONTROL_INFO,
)
# A second picture harms nobody.
SCREENSHOT_COMPUTER: Final = _row(
    "computerScreenshot",
    "POST",
    "/api/v1/instances/{id}/computer/screenshot",
    Envelope[Screenshot],
    IDEMPOTENT,
    CONTROL_ACTION,
)

# Two clicks are not one click.
CLICK_COMPUTER: Final = _row(
    "computerClick",
    "POST",
    "/api/v1/instances/{id}/computer/click",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
MOVE_COMPUTER: Final = _row(
    "computerMove",
    "POST",
    "/api/v1/instances/{id}/computer/move",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SCROLL_COMPUTER: Final = _row(
    "computerScroll",
    "POST",
    "/api/v1/instances/{id}/computer/scroll",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
TYPE_COMPUTER: Final = _row(
    "computerType",
    "POST",
    "/api/v1/instances/{id}/computer/type",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
KEY_COMPUTER: Final = _row(
    "computerKey",
    "POST",
    "/api/v1/instances/{id}/computer/key",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)

# mobile
GET_MOBILE_INFO: Final = _row(
    "getMobileInfo",
    "GET",
    "/api/v1/instances/{id}/mobile",
    Envelope[ControlInfo],
    SAFE,
    CONTROL_INFO,
)
SCREENSHOT_MOBILE: Final = _row(
    "mobileScreenshot",
    "POST",
    "/api/v1/instances/{id}/mobile/screenshot",
    Envelope[Screenshot],
    IDEMPOTENT,
    CONTROL_ACTION,
)

# What fingers do they do each time; two swipes scroll twice as far.
TAP_MOBILE: Final = _row(
    "mobileTap",
    "POST",
    "/api/v1/instances/{id}/mobile/tap",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
DOUBLE_TAP_MOBILE: Final = _row(
    "mobileDoubleTap",
    "POST",
    "/api/v1/instances/{id}/mobile/double_tap",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
LONG_PRESS_MOBILE: Final = _row(
    "mobileLongPress",
    "POST",
    "/api/v1/instances/{id}/mobile/long_press",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
DRAG_MOBILE: Final = _row(
    "mobileDrag",
    "POST",
    "/api/v1/instances/{id}/mobile/drag",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SWIPE_MOBILE: Final = _row(
    "mobileSwipe",
    "POST",
    "/api/v1/instances/{id}/mobile/swipe",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
SCROLL_MOBILE: Final = _row(
    "mobileScroll",
    "POST",
    "/api/v1/instances/{id}/mobile/scroll",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
TYPE_MOBILE: Final = _row(
    "mobileType",
    "POST",
    "/api/v1/instances/{id}/mobile/type",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
KEY_MOBILE: Final = _row(
    "mobileKey",
    "POST",
    "/api/v1/instances/{id}/mobile/key",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
PRESS_BUTTON_MOBILE: Final = _row(
    "mobilePressButton",
    "POST",
    "/api/v1/instances/{id}/mobile/press_button",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
LIST_MOBILE_APPS: Final = _row(
    "mobileListApps",
    "GET",
    "/api/v1/instances/{id}/mobile/apps",
    Envelope[AppList],
    SAFE,
    CONTROL_ACTION,
)
OPEN_MOBILE_APP: Final = _row(
    "mobileOpenApp",
    "POST",
    "/api/v1/instances/{id}/mobile/open_app",
    Envelope[ActionResult],
    ONCE,
    CONTROL_ACTION,
)
GET_MOBILE_UI_TREE: Final = _row(
    "mobileGetUiTree",
    "GET",
    "/api/v1/instances/{id}/mobile/ui_tree",
    Envelope[UITree],
    SAFE,
    CONTROL_ACTION,
)
