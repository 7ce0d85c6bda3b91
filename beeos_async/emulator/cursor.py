"""Lists that are read by a cursor: the id of the last row that was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import dropwhile, islice
from typing import TypeVar

from .refusals import RefusedError

T = TypeVar("T")


def after(
    cursor: str, things: Mapping[str, T], wanted: Callable[[T], bool], limit: int, parameter: str
) -> tuple[list[T], str]:
    """Cut a page out of what there is, in its own order.

    Args:
        cursor: That of an earlier page, or nothing; whatever became of the row it names.
        things: What there is, by id.
        wanted: Whether a thing is listed.
        limit: Rows of a page.
        parameter: What the cursor is sent in.

    Returns:
        The rows, and the cursor of the next page or nothing.

    Raises:
        RefusedError: The cursor is none of ours.
    """
    if cursor and cursor not in things:
        raise RefusedError(400, "invalid_param", "this is no cursor", parameter)
    rest = iter(things.items())
    if cursor:
        rest = islice(dropwhile(lambda row: row[0] != cursor, rest), 1, None)
    found = list(islice((row for row in rest if wanted(row[1])), limit + 1))
    rows = [thing for _, thing in found[:limit]]
    return rows, found[limit - 1][0] if len(found) > limit else ""
