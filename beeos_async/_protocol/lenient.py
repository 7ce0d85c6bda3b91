"""The second decode pass, for answers that break their schema.

A field that is missing, null, empty or oddly typed gets its "not set" value; a row of a
list that cannot be named is left out.  Only what is indispensable, an id, breaks the answer.
Runs after the strict pass has refused, so it may be slow; it must not be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar, cast

from msgspec import ValidationError, convert, inspect

T = TypeVar("T")

_UNFIT: Final = object()

_PLAIN: Final[Mapping[type[inspect.Type], type]] = {
    inspect.BoolType: bool,
    inspect.DictType: dict,
    inspect.NoneType: type(None),
    inspect.StrType: str,
}


def salvage(kind: type[T], document: object) -> T:
    """Read what can be read.

    Args:
        kind: The type of the answer.
        document: What the body holds, decoded without a type.

    Returns:
        The answer, with "not set" where the document does not fit.

    Raises:
        msgspec.ValidationError: Something indispensable is missing.
    """
    value = _fit(document, _shape(cast("Any", kind)), "$")
    if value is _UNFIT:
        msg = "expected an object"
        raise ValidationError(msg)
    return cast("T", value)


# mypy does not count a `type[T]` as hashable, hence the cast above.
@cache
def _shape(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _fit(value: object, shape: inspect.Type, path: str) -> object:
    match shape:
        case inspect.StructType():
            return _fit_struct(value, shape, path)
        case inspect.UnionType():
            fitting = (_fit(value, one, path) for one in shape.types)
            return next((one for one in fitting if one is not _UNFIT), _UNFIT)
        case inspect.ListType():
            return _fit_list(value, shape, path)
        case inspect.VarTupleType():
            found = _fit_list(value, shape, path)
            return found if found is _UNFIT else tuple(cast("list[object]", found))
        case inspect.DateTimeType():
            return _fit_moment(value)
        case _:
            return value if _is_fit(value, shape) else _UNFIT


def _fit_struct(value: object, shape: inspect.StructType, path: str) -> object:
    if not isinstance(value, dict):
        return _UNFIT
    members = cast("dict[str, object]", value)
    kept: dict[str, object] = {}
    for field in shape.fields:
        where = f"{path}.{field.encode_name}"
        found = _UNFIT
        try:
            if field.encode_name in members:
                found = _fit(members[field.encode_name], field.type, where)
            if found is _UNFIT and field.required:
                found = _fit_nothing(members, field, where)
        except ValidationError:
            # What is indispensable to a part is indispensable to the whole only where the
            # part is.
            if field.required:
                raise
        if found is not _UNFIT:
            kept[field.name] = found
    return shape.cls(**kept)


def _fit_nothing(members: dict[str, object], field: inspect.Field, path: str) -> object:
    """Make up a required value that is not there, where it can be made up honestly."""
    # An empty list is null in some languages; a list that is missing is no list.
    if isinstance(field.type, inspect.ListType) and members.get(field.encode_name, 0) is None:
        return []
    if isinstance(field.type, inspect.StructType):
        # Raises with the deeper path when something in it is indispensable.
        return _fit_struct({}, field.type, path)
    msg = f"`{path}` is missing or unusable"
    raise ValidationError(msg)


def _fit_list(value: object, shape: inspect.ListType | inspect.VarTupleType, path: str) -> object:
    if not isinstance(value, list):
        return _UNFIT
    kept: list[object] = []
    for index, item in enumerate(cast("list[object]", value)):
        try:
            found = _fit(item, shape.item_type, f"{path}[{index}]")
        except ValidationError:
            continue
        if found is not _UNFIT:
            kept.append(found)
    return kept


def _fit_moment(value: object) -> object:
    if not isinstance(value, str):
        return _UNFIT
    try:
        moment = convert(value, datetime)
    except ValidationError:
        return _UNFIT
    # Every date of the contract has an offset; one without is taken as the server's own, UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_fit(value: object, shape: inspect.Type) -> bool:
    match shape:
        case inspect.IntType():
            # To Python a boolean is an int, to the contract it never is.
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.AnyType():
            return True
        case inspect.LiteralType():
            return value in shape.values
        case _:
            return isinstance(value, _PLAIN.get(type(shape), ()))
