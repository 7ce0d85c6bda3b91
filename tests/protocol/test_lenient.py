"""The second decode pass: what can be read is read, and only the indispensable is missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect
from properties import modest
from samples import sample, samples

from beeos_async._protocol import lenient
from beeos_async._protocol.endpoint import Endpoint
from beeos_async._protocol.lenient import salvage
from beeos_async._protocol.table import GET_INSTANCE, LIST_INSTANCES, LIST_PROVIDERS, ROWS
from beeos_async.models._base import Envelope, Page, Snake
from beeos_async.models.catalog import Provider
from beeos_async.models.instances import DeviceInfo, Instance


def instance(**members: Any) -> Instance:
    """Read one instance whose answer breaks its schema or does not."""
    return salvage(Envelope[Instance], {"data": {"id": "inst-1", **members}}).data


@pytest.mark.parametrize("odd", [None, True, 7, 1.5, [], {}, ["x"], {"x": 1}])
def test_a_text_that_is_none_is_not_set(odd: object) -> None:
    """Empty, as if it had not been there; what stands beside it is read."""
    found = instance(name=odd, region="north-2")

    assert (found.name, found.region) == ("", "north-2")


@pytest.mark.parametrize("odd", [None, True, False, "7", 7.0, 7.5, [], {}])
def test_a_number_that_is_none_is_not_set(odd: object) -> None:
    """A boolean is never a number, nor is a text of digits."""
    assert instance(totalRunSeconds=odd).total_run_seconds == 0


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**64, 10**30])
def test_a_number_of_any_size_is_read(number: int) -> None:
    """Whole numbers stay whole."""
    assert instance(totalRunSeconds=number, name=None).total_run_seconds == number


@pytest.mark.parametrize("odd", [None, 0, 1, "true", "yes", [], {}])
def test_a_boolean_that_is_none_is_not_set(odd: object) -> None:
    """One is not true."""
    assert instance(isTrial=odd).is_trial is False
    assert instance(isTrial=True, name=odd).is_trial is True


@pytest.mark.parametrize("odd", [None, True, 7, "x", {}])
def test_a_list_that_is_none_is_empty(odd: object) -> None:
    """Not set, as if it had not been there."""
    assert instance(models=odd).models == ()


def test_a_list_keeps_what_fits() -> None:
    """Order included."""
    assert instance(models=["b", None, 3, "a", ["c"], "b"]).models == ("b", "a", "b")


@pytest.mark.parametrize("odd", [None, True, 7, "x", []])
def test_a_mapping_that_is_none_is_empty(odd: object) -> None:
    """And one that is a mapping is kept with all it holds."""
    assert (
        instance(providerConfig=odd, capabilities={"a": [None, {"b": 1.5}]}).provider_config == {}
    )
    assert instance(name=odd, capabilities={"a": [None, {"b": 1.5}]}).capabilities == {
        "a": [None, {"b": 1.5}]
    }


@pytest.mark.parametrize("word", ["running", "hibernating", "", "RUNNING"])
def test_a_word_nobody_knows_is_kept(word: str) -> None:
    """Word lists are open."""
    found = instance(status=word, msConnectionStatus=word, name=None)

    assert (found.status, found.ms_connection_status) == (word, word)


@pytest.mark.parametrize("odd", [None, 7, True, ["running"], {"running": True}])
def test_a_word_that_is_no_text_is_not_set(odd: object) -> None:
    """No word at all."""
    assert instance(status=odd).status == ""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.5Z", datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+05:30", datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05-11:30", datetime(2026, 1, 2, 14, 34, 5, tzinfo=UTC)),
    ],
)
def test_a_date_is_a_point_in_time(text: str, moment: datetime) -> None:
    """Whatever its offset; one without is the server's own, UTC."""
    found = instance(startedAt=text, name=None).started_at

    assert found == moment
    assert found is not None
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        "yesterday",
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "2026-01-02",
        "2026-01-02T03:04:05+99:00",
        "\uff12026-01-02T03:04:05Z",
        1767322800,
        1767322800.5,
        True,
        [],
        {},
    ],
)
def test_a_date_that_is_none_is_not_set(odd: object) -> None:
    """No date rather than a wrong one."""
    assert instance(startedAt=odd).started_at is None


@pytest.mark.parametrize("id", [None, 7, True, 1.5, [], {}])
def test_an_id_is_indispensable(id: object) -> None:
    """Nothing can be made up in its place; the error names the path."""
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.data\.id` is missing or unusable"):
        salvage(Envelope[Instance], {"data": {"id": id}})


@pytest.mark.parametrize(
    "document", [{}, {"data": None}, {"data": []}, {"data": "x"}, {"data": {}}]
)
def test_without_data_there_is_no_instance(document: object) -> None:
    """The error names what is missed in it."""
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.data\.id` is missing"):
        salvage(Envelope[Instance], document)


@pytest.mark.parametrize("document", [None, True, 7, "x", [], [{"data": {"id": "inst-1"}}]])
def test_an_answer_is_an_object(document: object) -> None:
    """Anything else is none."""
    with pytest.raises(msgspec.ValidationError, match="expected an object"):
        salvage(Envelope[Instance], document)


def test_data_without_anything_indispensable_can_be_made_up() -> None:
    """A 200 without `data` is legal on paper where no id is needed."""
    assert salvage(Envelope[DeviceInfo], {"success": True}) == Envelope(data=DeviceInfo())


def test_a_word_as_data_is_indispensable() -> None:
    """`destroyed` cannot be made up."""
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.data` is missing"):
        salvage(Envelope[str], {"data": None})


def test_a_row_that_cannot_be_named_is_left_out() -> None:
    """One bad row does not cost the page."""
    page = salvage(
        Page[Instance],
        {"data": [{"id": "a"}, {"name": "b"}, None, "c", {"id": 4}, {"id": "e", "name": 0}]},
    )

    assert [one.id for one in page.data] == ["a", "e"]


def test_a_list_that_is_null_is_an_empty_list() -> None:
    """So some languages write it; a list that is missing is no list."""
    assert salvage(Page[Instance], {"data": None, "total": 0}) == Page(data=[], total=0)
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.data` is missing"):
        salvage(Page[Instance], {"total": 0})
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.data` is missing"):
        salvage(Page[Instance], {"data": {}})


def test_a_part_with_an_id_is_indispensable_where_the_whole_needs_it() -> None:
    """A provider is its `meta`; without one it is left out."""
    found = salvage(
        Envelope[list[Provider]],
        {"data": [{"capabilities": {}}, {"meta": {"id": "a"}, "capabilities": 1}, {"meta": {}}]},
    )

    assert [one.meta.id for one in found.data] == ["a"]


class Part(Snake, frozen=True, kw_only=True):
    id: str


class Whole(Snake, frozen=True, kw_only=True):
    id: str
    part: Part | None = None
    anything: Any = None
    parts: dict[str, int] = {}  # noqa: RUF012 -- msgspec copies it


def test_a_part_that_is_not_needed_is_not_set() -> None:
    """What is indispensable to a part that may be missing costs the part, not the whole."""
    assert salvage(Whole, {"id": "a", "part": {"name": "no id"}}) == Whole(id="a")
    assert salvage(Whole, {"id": "a", "part": {"id": "b"}}).part == Part(id="b")


@pytest.mark.parametrize("value", [None, True, 7, 1.5, "x", [None], {"x": []}])
def test_what_may_be_anything_is_kept(value: object) -> None:
    """As it came, beside what does not fit."""
    assert salvage(Whole, {"id": "a", "anything": value, "part": 7}).anything == value


def test_a_success_that_is_no_boolean_is_not_set() -> None:
    """A 2xx is a success unless it says clearly that it is none."""
    assert salvage(Envelope[str], {"data": "x", "success": None}).success is True
    assert salvage(Envelope[str], {"data": "x", "success": False}).success is False


WELL_FORMED = [
    name
    for name in (*samples("instances"), *samples("catalog"))
    if sample(name).kind == "response"
    and not sample(name).violates
    # Our envelope asks for what the contract leaves out.
    and not name.endswith("without_data")
]


@pytest.mark.parametrize("name", WELL_FORMED)
def test_both_passes_read_a_well_formed_answer_alike(name: str) -> None:
    """What the strict pass accepts, the second pass would have read the same."""
    one = sample(name)

    strict = one.row.decode(one.response.body)

    assert salvage(one.row.answer, one.document) == strict


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["", "inst-1", "running", "2026-01-02T03:04:05Z"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
MEMBERS = {field.encode_name: field for field in inspect.type_info(Instance).fields}  # type: ignore[attr-defined]  # a Struct's type
LOOSE = st.dictionaries(st.sampled_from(list(MEMBERS)), JSON, max_size=8)


@modest
@given(
    st.sampled_from(list(ROWS.values())),
    JSON
    | st.fixed_dictionaries({"data": JSON | LOOSE | st.lists(LOOSE, max_size=4), "success": JSON}),
)
def test_no_document_is_worse_than_a_validation_error(row: Endpoint[Any], document: Any) -> None:
    """Any JSON either becomes the row's answer or the one error that is caught."""
    try:
        found = salvage(row.answer, document)
    except msgspec.ValidationError:
        return

    # What is read is sound: it can be written, and read again in the strict pass.
    assert row.decode(msgspec.json.encode(found)) == found


@modest
@given(st.lists(LOOSE, max_size=4))
def test_no_nameable_row_is_lost(rows: list[dict[str, Any]]) -> None:
    """Every row with a text for an id is there, in order, whatever else it holds."""
    page = salvage(Page[Instance], {"data": rows})

    assert [one.id for one in page.data] == [
        row["id"] for row in rows if isinstance(row.get("id"), str)
    ]


FITTING: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.BoolType: st.booleans(),
    inspect.DateTimeType: st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    inspect.DictType: st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    inspect.IntType: st.integers(-(2**63), 2**64),
    inspect.NoneType: st.none(),
    inspect.StrType: st.text(max_size=10),
}


def fitting(shape: inspect.Type) -> st.SearchStrategy[Any]:
    """Give values the strict pass accepts."""
    match shape:
        case inspect.UnionType():
            return st.one_of(*map(fitting, shape.types))
        case inspect.LiteralType():
            return st.sampled_from(shape.values)
        case inspect.ListType() | inspect.VarTupleType():
            return st.lists(fitting(shape.item_type), max_size=3)
        case _:
            return FITTING[type(shape)]


@modest
@given(
    st.fixed_dictionaries(
        {"id": st.text(min_size=1, max_size=10)},
        optional={name: fitting(field.type) for name, field in MEMBERS.items() if name != "id"},
    )
)
def test_both_passes_read_any_valid_instance_alike(members: dict[str, Any]) -> None:
    """On valid payloads the two decoders are one."""
    body = json.dumps({"success": True, "data": members}).encode()

    strict = GET_INSTANCE.decode(body)

    assert salvage(GET_INSTANCE.answer, msgspec.json.decode(body)) == strict
    assert LIST_INSTANCES.decode(b'{"data":[%s]}' % json.dumps(members).encode()).data == [
        strict.data
    ]


def test_a_shape_is_worked_out_once() -> None:
    """A page of odd rows costs no reflection for each of them."""
    salvage(LIST_PROVIDERS.answer, {"data": None})

    assert lenient._shape(LIST_PROVIDERS.answer) is lenient._shape(LIST_PROVIDERS.answer)
