"""What every model shares: spelling, openness, envelopes.

The well-formed answer is decoded in one strict pass.  Where an answer breaks its schema,
`_protocol/lenient.py` fills what can be read and leaves the rest at its "not set" value,
so every field but an id has a default here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar, cast

from msgspec import Meta, Struct, ValidationError, convert, structs

T = TypeVar("T")

Moment = Annotated[datetime, Meta(tz=True)]
"""A point in time, always with its offset; rounded to microseconds."""

DIGITS: Final = 128
"""How long a number may be that travels as decimal digits."""

VEIL: Final = "…"
"""What stands for a value that is for a few eyes only."""


class Discreet(Struct, frozen=True, kw_only=True):
    """A model that may end up in a log, and shows nothing there that opens a door."""

    veiled: ClassVar[frozenset[str]] = frozenset()
    """Fields that are not shown: secrets, and addresses that are as good as one."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give the fields to show."""
        told = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, VEIL if one and name in self.veiled else one) for name, one in told]

    def __repr__(self) -> str:
        """Show the fields."""
        told = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({told})"


# `rename` and `omit_defaults` are inherited; `frozen` and `kw_only` must be said again
# on each class, for the type checkers and for msgspec in that order.
class Camel(Discreet, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A model whose fields are in camelCase on the wire."""


class Snake(Discreet, frozen=True, kw_only=True, omit_defaults=True):
    """A model whose fields are in snake_case on the wire."""


class Envelope(Snake, Generic[T], frozen=True, kw_only=True):
    """`{"success": true, "data": …}`: what nearly every answer comes in."""

    data: T
    success: bool = True


class Page(Snake, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    data: list[T]
    total: int | None = None
    """How many items all pages have together, where the server tells."""

    success: bool = True
    next_cursor: str | None = None
    """Where the next page begins, of a list that is read by a cursor."""

    has_more: bool | None = None
    """Whether there is more, of a log."""

    latest_offset: int | None = None
    """The last offset of a log, on whatever page it is."""

    left_out: int | None = None
    """How many rows came that have no name, and so are none of `data`, where some did."""


class Accepted(Snake, frozen=True, kw_only=True):
    """What is known of a durable operation that was accepted (202).

    Example:
        ```python
        accepted = await bee.runtime.invoke(desk, "skills/list")
        operation = await bee.runtime.operation(desk, accepted.operation_id)
        ```
    """

    operation_id: str = ""
    """Its id, from the answer's header; empty where the server did not say."""

    body: dict[str, Any] = {}
    """What else the answer held; the contract leaves it open."""


def whole(text: str) -> int:
    """Read a number that travels as decimal digits, because it may be of any length.

    Args:
        text: The digits.

    Returns:
        The number; 0 where the text is none.
    """
    # Longer ones are no number of this contract, and Python refuses to read the longest.
    return int(text) if len(text) <= DIGITS and text.isascii() and text.isdecimal() else 0


def fitting(kind: type[T], members: Mapping[str, object]) -> T:
    """Make a Struct whose fields all have defaults out of what fits of its JSON.

    Args:
        kind: The Struct.
        members: Its JSON, decoded without a type.
    """
    try:
        return convert(members, kind)
    except ValidationError:
        kept: dict[str, Any] = {}
    for one in structs.fields(cast("Any", kind)):
        try:
            kept[one.name] = convert(members[one.encode_name], one.type)
        except (KeyError, ValidationError):
            continue
    return kind(**kept)
