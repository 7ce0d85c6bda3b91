"""Do our models and somebody else's mean the same by the same words?

The models of the official SDK are the witness: full of made-up values they are written to
JSON and read by ours, and the other way round, and every field is compared by the name it
has on the wire.
"""

from __future__ import annotations

import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import beeos_sdk as official
import msgspec
import pytest
from beeos_sdk.models.device_info_dto import DeviceInfoDTO
from multidict import CIMultiDict
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from beeos_async import errors
from beeos_async._protocol.message import Response
from beeos_async._protocol.table import GET_INSTANCE
from beeos_async._protocol.wire import read
from beeos_async.models.catalog import (
    Model,
    Provider,
    ProviderCapabilities,
    ProviderMeta,
    Region,
)
from beeos_async.models.instances import DeployInstance, DeviceInfo, Instance

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
}
SIZES = {Instance: 42, ProviderCapabilities: 8, DeviceInfo: 9, DeployInstance: 13}
"""How many fields the contract gives them, so that no two empty sets are found equal."""

every_pair = pytest.mark.parametrize(
    ("ours", "theirs"), PAIRS.items(), ids=[kind.__name__ for kind in PAIRS]
)

FIRST = datetime(2026, 8, 20, 6, 30, 15, 250_000, UTC)


def wire_names(theirs: Theirs) -> dict[str, str]:
    """Give the Python name of each field of theirs, by its name on the wire."""
    return {field.alias or name: name for name, field in theirs.model_fields.items()}


def our_names(ours: Kind) -> dict[str, str]:
    """Give the same of ours."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(ours)}


def made_up(theirs: Theirs, *, required_alone: bool = False) -> BaseModel:
    """Fill a model of theirs with values that are all different and none empty."""
    return theirs.model_validate(
        {
            field.alias or name: value(field, name, number)
            for number, (name, field) in enumerate(theirs.model_fields.items())
            if field.is_required() or not required_alone
        }
    )


def value(field: FieldInfo, name: str, number: int) -> object:
    text = f"{name} {number} bü🐝"
    kind = bare(field.annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return made_up(kind)
    values: dict[object, object] = {
        str: "reconnecting" if name == "ms_connection_status" else text,
        bool: True,
        int: 2**40 + number,
        list: [text, name],
        dict: {"name": text, "nested": {"list": [number, 0.5, None, True]}, "empty": {}},
        datetime: FIRST + timedelta(hours=number),
    }
    return values[kind]


def bare(kind: Any) -> Any:
    """Strip a type of what may be missing in it and of what bounds it."""
    while (origin := typing.get_origin(kind)) is not None:
        if origin not in {typing.Union, typing.Annotated}:
            return origin
        kind = typing.get_args(kind)[0]
    return kind


def the_same(one: object, other: object) -> bool:
    """Compare a value of theirs with one of ours, whatever classes they are in."""
    if isinstance(one, BaseModel) and isinstance(other, msgspec.Struct):
        ours, theirs = our_names(type(other)), wire_names(type(one))
        assert ours.keys() == theirs.keys()
        return all(
            the_same(getattr(one, theirs[name]), getattr(other, ours[name])) for name in theirs
        )
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
        assert the_same(told, found) or (told is None and not found), wire


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
