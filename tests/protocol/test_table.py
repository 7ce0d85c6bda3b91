"""The table against what the contract says, written down a second time by hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import inspect

from beeos_async._protocol import table
from beeos_async._protocol.endpoint import MIB, Endpoint
from beeos_async.models._base import Envelope, Page
from beeos_async.models.catalog import Model, Provider, Region
from beeos_async.models.instances import DeviceInfo, Instance

# operationId, method, route, answer, what a repeat does, whether the answer names its resource
CONTRACT: list[tuple[str, str, str, Any, str, bool]] = [
    ("listProviders", "GET", "/api/v1/providers", Envelope[list[Provider]], "safe", False),
    ("listDeployRegions", "GET", "/api/v1/deploy/regions", Envelope[list[Region]], "safe", False),
    ("listDeployModels", "GET", "/api/v1/deploy/models", Envelope[list[Model]], "safe", False),
    ("listInstances", "GET", "/api/v1/instances", Page[Instance], "safe", False),
    ("getInstance", "GET", "/api/v1/instances/{id}", Envelope[Instance], "safe", True),
    ("deployInstance", "POST", "/api/v1/instances", Envelope[Instance], "once", False),
    ("startInstance", "POST", "/api/v1/instances/{id}/start", Envelope[Instance], "desired", True),
    ("stopInstance", "POST", "/api/v1/instances/{id}/stop", Envelope[Instance], "desired", True),
    (
        "restartInstance",
        "POST",
        "/api/v1/instances/{id}/restart",
        Envelope[Instance],
        "once",
        True,
    ),
    ("destroyInstance", "DELETE", "/api/v1/instances/{id}", Envelope[str], "desired", False),
    (
        "getDeviceInfo",
        "GET",
        "/api/v1/instances/{id}/device/info",
        Envelope[DeviceInfo],
        "safe",
        False,
    ),
]


@pytest.mark.parametrize("line", CONTRACT, ids=lambda line: line[0])
def test_a_row_is_what_the_contract_says(line: tuple[str, str, str, Any, str, bool]) -> None:
    """Route, method, answer and the meaning of a repeat."""
    row = table.ROWS[line[0]]

    found = (row.operation, row.method, row.path, row.answer, row.repeat.word, row.echoes_id)
    assert found == line


@pytest.mark.parametrize(
    ("operation", "goal", "gone_is_done"),
    [
        ("startInstance", "running", False),
        ("stopInstance", "stopped", False),
        ("destroyInstance", "terminated", True),
    ],
)
def test_a_wish_is_settled_by_reading_the_instance(
    operation: str, goal: str, gone_is_done: bool
) -> None:
    """One GET tells whether it took; what is gone was destroyed."""
    repeat = table.ROWS[operation].repeat
    settle = repeat.settle

    assert settle is not None
    assert (settle.ask, settle.goal) == (table.GET_INSTANCE, goal)
    assert repeat.gone_is_done is gone_is_done
    assert settle.answer == (Envelope(data="destroyed") if gone_is_done else None)


def test_every_row_has_a_name_in_the_file() -> None:
    """The table is what the constants say, each once, in the order of the file."""
    named = [value for value in vars(table).values() if isinstance(value, Endpoint)]

    assert named == list(table.ROWS.values())
    assert all(name == row.operation for name, row in table.ROWS.items())


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_a_row_keeps_within_its_kind(row: Endpoint[Any]) -> None:
    """Routes begin with the version; only pages may be long; who echoes has an id to echo."""
    assert row.path.startswith("/api/v1/")
    assert row.path.count("{") == row.path.count("}") == len(row.pieces) - 1
    assert row.answer_cap == (32 if row.answer.__name__ == "Page" else 8) * MIB
    assert len(row.pieces) > 1 or not row.echoes_id


READABLE = (
    inspect.AnyType,
    inspect.BoolType,
    inspect.DateTimeType,
    inspect.DictType,
    inspect.IntType,
    inspect.ListType,
    inspect.LiteralType,
    inspect.NoneType,
    inspect.StrType,
    inspect.StructType,
    inspect.UnionType,
)


def kinds_of(shape: inspect.Type) -> set[type[inspect.Type]]:
    match shape:
        case inspect.StructType():
            below = [field.type for field in shape.fields]
        case inspect.ListType():
            below = [shape.item_type]
        case inspect.UnionType():
            below = list(shape.types)
        case _:
            below = []
    return {type(shape), *(kind for one in below for kind in kinds_of(one))}


@pytest.mark.parametrize("row", table.ROWS.values(), ids=list(table.ROWS))
def test_the_second_pass_knows_every_kind_of_value_of_a_row(row: Endpoint[Any]) -> None:
    """A kind it does not know would be lost without a word in a broken answer."""
    assert kinds_of(inspect.type_info(row.answer)) <= set(READABLE)
