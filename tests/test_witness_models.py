"""Do our models and somebody else's mean the same by the same words?

The models of the official SDK are the witness: full of made-up values they are written to
JSON and read by ours, and the other way round, and every field is compared by the name it
has on the wire.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, cast

import beeos_sdk as official
import msgspec
import pytest
from beeos_sdk.models.device_info_dto import DeviceInfoDTO
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from properties import modest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from beeos_async import errors
from beeos_async._protocol.message import Response
from beeos_async._protocol.table import GET_INSTANCE, ROWS
from beeos_async._protocol.wire import read
from beeos_async.models.agents import (
    Agent,
    AgentCapabilities,
    InstanceProjection,
    InvokeAgent,
    InvokeReply,
)
from beeos_async.models.catalog import (
    Model,
    Provider,
    ProviderCapabilities,
    ProviderMeta,
    Region,
)
from beeos_async.models.computer import Click, Move
from beeos_async.models.control import (
    ActionResult,
    ControlInfo,
    PressKeys,
    Screenshot,
    Scroll,
    TypeText,
)
from beeos_async.models.files import FileMeta, PresignedUpload, PresignUpload
from beeos_async.models.instances import DeployInstance, DeviceInfo, Instance
from beeos_async.models.messages import Attachment
from beeos_async.models.mobile import (
    AppInfo,
    AppList,
    Drag,
    LongPress,
    OpenApp,
    PressButton,
    PressKey,
    Swipe,
    Tap,
    UITree,
)
from beeos_async.models.tasks import (
    CancelTask,
    ContinueTask,
    CreateTask,
    RegisterWebhook,
    Task,
    TaskCreated,
    TaskPage,
    TaskSummary,
    TaskWebhook,
    WebhookDelivery,
    WebhookDeliveryList,
)

Kind = type[msgspec.Struct]
Theirs = type[BaseModel]

PAIRS: dict[Kind, Theirs] = {
    Instance: official.InstanceDataDTO,
    Provider: official.ProviderCatalogItem,
    ProviderMeta: official.ProviderMeta,
    ProviderCapabilities: official.ProviderCapabilities,
    Region: official.DeployRegionItem,
    Model: official.DeployModelItem,
    DeviceInfo: DeviceInfoDTO,
    DeployInstance: official.DeployInstanceRequest,
    ControlInfo: official.ControlInfo,
    Screenshot: official.ScreenshotResult,
    ActionResult: official.ActionResult,
    AppInfo: official.AppInfo,
    AppList: official.AppListResult,
    UITree: official.UITreeResult,
    Click: official.ClickRequest,
    Move: official.MoveRequest,
    Scroll: official.ScrollRequest,
    TypeText: official.TypeRequest,
    PressKeys: official.KeyRequest,
    PressKey: official.KeyRequest,
    Tap: official.TapRequest,
    LongPress: official.LongPressRequest,
    Swipe: official.SwipeRequest,
    Drag: official.DragRequest,
    PressButton: official.PressButtonRequest,
    OpenApp: official.OpenAppRequest,
    Agent: official.AgentDTO,
    AgentCapabilities: official.AgentCapabilitiesDTO,
    InstanceProjection: official.InstanceProjectionMetadata,
    InvokeAgent: official.InvokeAgentRequest,
    InvokeReply: official.InvokeAgentResponseAllOfData,
    Attachment: official.AttachmentRef,
    CreateTask: official.CreateTaskRequest,
    CancelTask: official.CancelTaskRequest,
    ContinueTask: official.ContinueTaskRequest,
    TaskCreated: official.TaskCreatedResponseAllOfData,
    Task: official.TaskResponseAllOfData,
    TaskSummary: official.TaskSummary,
    TaskPage: official.ListTasksResponseAllOfData,
    RegisterWebhook: official.RegisterTaskWebhookRequest,
    TaskWebhook: official.TaskWebhookResponseAllOfData,
    WebhookDelivery: official.WebhookDeliveryResponse,
    WebhookDeliveryList: official.ListWebhookDeliveriesResponseAllOfData,
    PresignUpload: official.PresignUploadRequest,
    PresignedUpload: official.PresignUploadResponse,
    FileMeta: official.FileMetaResponse,
}
SIZES = {
    Instance: 42,
    ProviderCapabilities: 8,
    DeviceInfo: 9,
    DeployInstance: 13,
    ControlInfo: 7,
    Screenshot: 5,
    Swipe: 5,
    OpenApp: 3,
    Agent: 14,
    AgentCapabilities: 21,
    InstanceProjection: 7,
    CreateTask: 6,
    Task: 12,
    TaskSummary: 7,
    WebhookDelivery: 12,
    FileMeta: 5,
}
"""How many fields the contract gives them, so that no two empty sets are found equal."""

GUIDE: dict[Kind, set[str]] = {TaskSummary: {"created_at"}}
"""Fields that the guide shows and the contract's description does not have."""

every_pair = pytest.mark.parametrize(
    ("ours", "theirs"), PAIRS.items(), ids=[kind.__name__ for kind in PAIRS]
)

WORDS = {
    "ms_connection_status": "reconnecting",
    "direction": "left",
    "ClickRequest.button": "middle",
    "PressButtonRequest.button": "volume_up",
    "visibility": "unlisted",
    "conversation_transport": "acp",
    "default_model_id": "heron/large-1:latest",
    "accepted_epoch": "4",
    "accepted_revision": "18446744073709551617",
    "canonical_hash": "5e" * 32,
    "sync_state": "synced",
    "renderer": "mcp",
    "secret": "a-secret-of-a-gardener",
    "RegisterTaskWebhookRequest.url": "https://hooks.example.net/gate",
    "TaskSummary.state": "closed",
    "WebhookDeliveryResponse.status": "dead_letter",
}
"""What a field says that takes few words only, theirs or ours."""

NUMBERS = {"timeout_ms": 45_000, "deadline_ms": 60_000}
"""What a field counts that may not count so far."""

FIRST = datetime(2026, 8, 20, 6, 30, 15, 250_000, UTC)


def wire_names(theirs: Theirs) -> dict[str, str]:
    """Give the Python name of each field of theirs, by its name on the wire."""
    return {field.alias or name: name for name, field in theirs.model_fields.items()}


def our_names(ours: Kind) -> dict[str, str]:
    """Give the same of ours, but for what only the guide shows."""
    return {
        field.encode_name: field.name
        for field in msgspec.structs.fields(ours)
        if field.name not in GUIDE.get(ours, ())
    }


def made_up(theirs: Theirs, *, required_alone: bool = False) -> BaseModel:
    """Fill a model of theirs with values that are all different and none empty."""
    return theirs.model_validate(
        {
            field.alias or name: value(theirs, field, name, number)
            for number, (name, field) in enumerate(theirs.model_fields.items())
            if field.is_required() or not required_alone
        }
    )


def value(owner: Theirs, field: FieldInfo, name: str, number: int) -> object:
    kind, members = bare(field.annotation)
    text = f"{name} {number} bü🐝"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return made_up(kind)
    if kind is list and members and issubclass(members, BaseModel):
        return [made_up(members)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    request = owner.__name__.endswith("Request")
    nested = {"name": text, "nested": {"list": [number, 0.5, None, True]}, "empty": {}}
    values: dict[object, object] = {
        str: word_of(owner, name) or text,
        Any: nested,
        bool: True,
        # What a request counts is an `int32`, though only the description says so.
        int: NUMBERS.get(name) or (2**30 if request else 2**40) + number,
        # A phone takes one key at a time.
        list: [text] if name == "keys" else [text, name],
        dict: {"name": text, "empty": ""} if members is str else nested,
        datetime: FIRST + timedelta(hours=number),
    }
    return values[kind]


def word_of(owner: Theirs, name: str) -> str | None:
    return WORDS.get(name) or WORDS.get(f"{owner.__name__}.{name}")


def bare(kind: Any) -> tuple[Any, Any]:
    """Strip a type of what may be missing in it and of what bounds it; give its members' too."""
    while (origin := typing.get_origin(kind)) is not None:
        inner = typing.get_args(kind)[0]
        if origin is dict:
            return origin, bare(typing.get_args(kind)[1])[0]
        if origin not in {typing.Union, typing.Annotated}:
            return origin, bare(inner)[0]
        kind = inner
    return kind, None


def the_same(one: object, other: object) -> bool:
    """Compare a value of theirs with one of ours, whatever classes they are in.

    What is not said is `None` there, and "not set" here.
    """
    if isinstance(one, Enum):
        one = one.value
    if one is None:
        return not other
    if isinstance(one, BaseModel) and isinstance(other, msgspec.Struct):
        ours, theirs = our_names(type(other)), wire_names(type(one))
        assert ours.keys() == theirs.keys()
        return all(
            the_same(getattr(one, theirs[name]), getattr(other, ours[name])) for name in theirs
        )
    if isinstance(one, list) and isinstance(other, list | tuple):
        mine, yours = cast("list[object]", one), cast("Sequence[object]", other)
        return len(mine) == len(yours) and all(map(the_same, mine, yours))
    return type(one) is type(other) and one == other


@every_pair
def test_both_know_the_same_words(ours: Kind, theirs: Theirs) -> None:
    """No field on the wire is known to one and not to the other, nor called otherwise."""
    assert our_names(ours) == wire_names(theirs)
    assert len(our_names(ours)) == SIZES.get(ours, len(theirs.model_fields))


@every_pair
def test_ours_reads_what_theirs_writes(ours: Kind, theirs: Theirs) -> None:
    """Field by field, what their model says is what ours understands."""
    said = made_up(theirs)

    understood = msgspec.json.decode(said.model_dump_json(by_alias=True), type=ours)

    for wire, name in wire_names(theirs).items():
        assert the_same(getattr(said, name), getattr(understood, our_names(ours)[wire])), wire


@every_pair
def test_theirs_reads_what_ours_writes(ours: Kind, theirs: Theirs) -> None:
    """Field by field, what our model says is what theirs accepts and understands."""
    said = msgspec.json.decode(made_up(theirs).model_dump_json(by_alias=True), type=ours)

    understood = theirs.model_validate_json(msgspec.json.encode(said))

    for wire, name in wire_names(theirs).items():
        assert the_same(getattr(understood, name), getattr(said, our_names(ours)[wire])), wire


@every_pair
def test_ours_reads_the_least_that_theirs_may_write(ours: Kind, theirs: Theirs) -> None:
    """What they need not say is missing here too, and nothing is made up for it."""
    options = {"agent_framework": "any"} if ours is DeployInstance else {}
    said = made_up(theirs, required_alone=True).model_copy(update=options)

    understood = msgspec.json.decode(
        said.model_dump_json(by_alias=True, exclude_none=True), type=ours
    )

    for wire, name in wire_names(theirs).items():
        told, found = getattr(said, name), getattr(understood, our_names(ours)[wire])
        assert the_same(told, found), wire


@pytest.mark.parametrize("length", [0, 1, 64, 65, 128, 129, 8192, 8193])
@pytest.mark.parametrize(
    "field",
    [
        "variantId",
        "agentFramework",
        "providerId",
        "name",
        "modelPrimary",
        "models",
        "systemPrompt",
        "bridgeId",
        "clusterId",
        "preferredRegion",
    ],
)
def test_both_refuse_a_text_at_the_same_length(field: str, length: int) -> None:
    """What we would send, the contract takes; what it refuses, we never send."""
    text = "x" * length
    fields = {"name": "n", "variantId": "v", field: [text] if field == "models" else text}

    # An empty name is the one thing we refuse that its model takes.
    assert accepted(DeployInstance, fields) is (
        accepted(official.DeployInstanceRequest, fields) and not (field == "name" and not text)
    )


def accepted(kind: Kind | Theirs, fields: dict[str, Any]) -> bool:
    try:
        if issubclass(kind, BaseModel):
            kind.model_validate(fields)
        else:
            msgspec.convert(fields, kind)
    except (ValidationError, msgspec.ValidationError):
        return False
    return True


# Made up by the hundred ------------------------------------------------------------------------

RESPONSES: dict[str, Theirs] = {
    "getComputerInfo": official.GetComputerInfo200Response,
    "computerScreenshot": official.ComputerScreenshot200Response,
    "computerClick": official.InlineObject,
    "mobileListApps": official.MobileListApps200Response,
    "mobileGetUiTree": official.MobileGetUiTree200Response,
    "getAgent": official.AgentResponse,
    "invokeAgent": official.InvokeAgentResponse,
    "createTask": official.TaskCreatedResponse,
    "getTask": official.TaskResponse,
    "listUserTasks": official.ListTasksResponse,
    "registerTaskWebhook": official.TaskWebhookResponse,
    "listWebhookDeliveries": official.ListWebhookDeliveriesResponse,
    "redeliverWebhook": official.RedeliverWebhook202Response,
    "presignFileUpload": official.PresignFileUpload200Response,
    "getFile": official.GetFile200Response,
}
"""What they call an answer, by one operation that gives it."""

every_response = pytest.mark.parametrize("operation", RESPONSES)

ODD: dict[object, list[object]] = {
    str: [7, True, ["a"], {"a": "b"}, None],
    int: ["7", 1.5, True, [7], None],
    bool: ["true", 2.5, [True], {}, None],
    list: ["a", {"0": "a"}, 7, None],
    dict: ["a", ["a"], 7, None],
    datetime: ["yesterday", ["a"], {"a": "b"}, None],
}
"""What a value of some kind is not."""


def whole(data: object) -> bytes:
    return msgspec.json.encode({"success": True, "data": data})


def read_as_ours(operation: str, body: bytes) -> Any:
    return read(ROWS[operation], "inst-1", Response(200, CIMultiDict(), body)).data


def odd_for(kind: Any) -> list[object]:
    """Give what a value of a kind is not."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return ODD[dict]
    # A new word is kept, and a word of another type is none.
    return ODD[str if isinstance(kind, type) and issubclass(kind, Enum) else kind]


def data_of(operation: str) -> Theirs:
    kind: Theirs = bare(RESPONSES[operation].model_fields["data"].annotation)[0]
    return kind


def payloads(theirs: Theirs) -> st.SearchStrategy[dict[str, object]]:
    """Make up objects of a schema of theirs, with and without what is optional."""
    required: dict[str, st.SearchStrategy[object]] = {}
    optional: dict[str, st.SearchStrategy[object]] = {}
    for name, field in theirs.model_fields.items():
        kind, members = bare(field.annotation)
        values: st.SearchStrategy[Any] = plain(kind)
        if word := word_of(theirs, name):
            values = st.just(word)
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            values = payloads(kind)
        elif kind is list:
            values = st.lists(
                payloads(members) if issubclass(members, BaseModel) else plain(members),
                max_size=4,
            )
        (required if field.is_required() else optional)[field.alias or name] = values
    return st.fixed_dictionaries(required, optional=optional)


def plain(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from([one.value for one in kind])
    text, whole = st.text(max_size=40), st.integers(0, 2**63 - 1)
    moments = st.datetimes(FIRST.replace(tzinfo=None), timezones=st.just(UTC))
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        str: text,
        bool: st.booleans(),
        int: whole,
        dict: st.dictionaries(text, text, max_size=3),
        datetime: moments.map(lambda moment: moment.isoformat()),
        Any: st.none() | st.booleans() | whole | text | st.lists(text, max_size=2),
    }
    return kinds.get(kind, st.nothing())


@every_response
@modest
@given(data=st.data())
def test_both_read_the_same_in_whatever_is_valid(operation: str, data: st.DataObject) -> None:
    """Field by field; what is not said is "not set" here, and missing there."""
    said = data.draw(payloads(data_of(operation)))

    ours = read_as_ours(operation, whole(said))
    theirs: Any = RESPONSES[operation].model_validate_json(whole(said))

    assert the_same(theirs.data, ours)


@every_response
@modest
@given(data=st.data())
def test_ours_alone_survives_what_is_not_valid(operation: str, data: st.DataObject) -> None:
    """One field is missing or is something else: they lose the answer, we lose the field."""
    kind = data_of(operation)
    said = data.draw(payloads(kind))
    # Any JSON is what any JSON can be.
    fields = {
        field.alias or name: field
        for name, field in kind.model_fields.items()
        if bare(field.annotation)[0] is not Any
    }
    name = data.draw(st.sampled_from(sorted(fields)))
    field = fields[name]
    odd = odd_for(bare(field.annotation)[0])
    # To leave out what is optional, or to say null for it, is no mistake.
    odd = [one for one in odd if one is not None or field.is_required()]
    spoilt = {**said, name: data.draw(st.sampled_from(odd))}
    if field.is_required() and data.draw(st.booleans()):
        del spoilt[name]

    with pytest.raises(ValidationError):
        RESPONSES[operation].model_validate_json(whole(spoilt))
    healthy = read_as_ours(operation, whole(said))
    ours = {one.encode_name: one for one in msgspec.structs.fields(healthy)}
    if ours[name].required:
        # What names a thing is indispensable.
        with pytest.raises(errors.DecodeError, match=name):
            read_as_ours(operation, whole(spoilt))
        return
    read_all_the_same = read_as_ours(operation, whole(spoilt))

    for wire, one in ours.items():
        expected = not_set(one) if wire == name else getattr(healthy, one.name)
        assert getattr(read_all_the_same, one.name) == expected


def not_set(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return cast("Any", field.default_factory)()
    return field.default


def test_our_error_reads_what_their_error_writes() -> None:
    """Each word of a refusal is found again in the exception."""
    told = official.Error(
        type="conflict_error",
        code="device_busy",
        message="somebody else holds it",
        request_id="req-7",
        param="id",
        metadata={"holder": "task-9"},
    )
    body = official.ErrorResponse(success=False, error=told).model_dump_json(by_alias=True)

    with pytest.raises(errors.ConflictError) as caught:
        read(GET_INSTANCE, "any", Response(409, CIMultiDict(), body.encode()))

    problem = caught.value.problem
    for name in ("code", "message", "request_id", "param", "metadata"):
        assert getattr(problem, name) == getattr(told, name)
