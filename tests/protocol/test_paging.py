"""The ways to ask for the next page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.paging import (
    PAGE_SIZE,
    Params,
    by_cursor,
    by_log,
    next_numbered,
    next_offset,
)
from beeos_async.models._base import Page


def page_of(*items: int, total: int | None = None, left_out: int = 0) -> Page[int]:
    return Page(data=list(items), total=total, left_out=left_out)


@pytest.mark.parametrize(
    ("number", "page", "before", "goes_on"),
    [
        (0, page_of(1, 2, total=5), None, True),
        (1, page_of(3, 4, total=5), page_of(1, 2, total=5), True),
        (2, page_of(5, total=5), page_of(3, 4, total=5), False),
        (0, page_of(1, 2, total=2), None, False),
        (0, page_of(total=0), None, False),
        (0, page_of(total=5), None, False),
        (0, page_of(1, total=5), None, True),
        (0, page_of(1, 2), None, True),
        (0, page_of(1), None, True),
        (1, page_of(), page_of(1, 2), False),
        (1, page_of(1, 2), page_of(1, 2), False),
        (1, page_of(2, 1), page_of(1, 2), True),
        (0, page_of(left_out=2), None, True),
        (1, page_of(left_out=2), page_of(left_out=2), False),
        (1, page_of(left_out=2, total=6), page_of(left_out=2, total=6), True),
        (2, page_of(left_out=2, total=6), page_of(left_out=2, total=6), False),
        (0, page_of(1, left_out=1, total=2), None, False),
    ],
)
def test_the_next_page_is_asked_for_until_there_is_none(
    number: int, page: Page[int], before: Page[int] | None, goes_on: bool
) -> None:
    """A total ends the list, else an empty page or one that repeats the one before it."""
    params = {"page": number, "pageSize": 2, "status": "stopped"}

    found = next_numbered(params, page, before)

    assert found == ({**params, "page": number + 1} if goes_on else None)


def test_the_page_size_is_the_most_the_server_takes() -> None:
    """Its default is unpublished, so it is always sent."""
    assert PAGE_SIZE == 200


def walked(serve: Callable[[int], Page[int]], size: int) -> list[int]:
    """Ask for page after page, a hundred at most."""
    params: Params | None = {"page": 0, "pageSize": size}
    before: Page[int] | None = None
    found: list[int] = []
    asked = 0
    while params is not None:
        asked += 1
        assert asked < 100, "the list never ends"
        page = serve(int(str(params["page"])))
        if not before or before.data != page.data:
            found += page.data
        params, before = next_numbered(params, page, before), page
    return found


@modest
@given(st.integers(0, 40), st.integers(1, 10), st.booleans())
def test_every_item_is_found_once(count: int, size: int, counted: bool) -> None:
    """With a total and without, whatever the last page holds."""

    def serve(number: int) -> Page[int]:
        rows = range(count)[number * size : (number + 1) * size]
        return page_of(*rows, total=count if counted else None)

    assert walked(serve, size) == list(range(count))


@modest
@given(st.integers(0, 5), st.none() | st.integers(0, 50))
def test_a_server_that_ignores_the_page_number_ends_too(rows: int, total: int | None) -> None:
    """The same page for ever is one page."""
    assert walked(lambda _: page_of(*range(rows), total=total), 2) == list(range(rows))


@pytest.mark.parametrize(
    ("offset", "page", "before", "reached"),
    [
        (None, page_of(1, 2, total=5), None, 2),
        (2, page_of(3, 4, total=5), page_of(1, 2, total=5), 4),
        (4, page_of(5, total=5), page_of(3, 4, total=5), None),
        (2, page_of(3), page_of(1, 2), 3),
        (3, page_of(), page_of(3), None),
        (2, page_of(1, 2), page_of(1, 2), None),
        (4, page_of(total=5), page_of(3, 4, total=5), None),
        (None, page_of(1, 2, total=1), None, 2),
        (2, page_of(3, left_out=1, total=5), None, 4),
        (2, page_of(left_out=2, total=9), page_of(left_out=2, total=9), 4),
    ],
)
def test_rows_are_counted_by_what_came(
    offset: int | None, page: Page[int], before: Page[int] | None, reached: int | None
) -> None:
    """A short page moves by as much as it had; the total ends the list, or an empty page."""
    params = {"limit": 2, "offset": offset}

    found = next_offset(params, page, before)

    assert found == (None if reached is None else {"limit": 2, "offset": reached})


@pytest.mark.parametrize(
    ("sent", "told", "rows", "asked"),
    [
        (None, "a", [1], "a"),
        ("a", "b", [], "b"),
        ("a", "a", [1], None),
        ("a", "", [1], None),
        ("a", None, [1], None),
    ],
)
def test_a_cursor_is_followed_while_it_moves(
    sent: str | None, told: str | None, rows: list[int], asked: str | None
) -> None:
    """An empty page may come before a full one; a cursor that stands still goes nowhere."""
    page = Page(data=rows, next_cursor=told)

    found = by_cursor("since")({"since": sent, "limit": 2}, page, None)

    assert found == (None if asked is None else {"since": asked, "limit": 2})


@pytest.mark.parametrize(
    ("since", "rows", "told", "has_more", "latest", "asked"),
    [
        (0, [3, 7], "7", True, 99, 7),
        (0, [3, 7], None, True, 99, 7),
        (0, [3, 7], "odd", True, 99, 7),
        (0, [3, 7], "٣", True, 99, 7),
        (0, [], "40", True, 99, 40),
        (40, [], "40", True, 99, None),
        (40, [], None, True, 99, None),
        (0, [3, 7], "7", False, 99, None),
        (0, [3, 7], None, None, 9, 7),
        (0, [3, 9], None, None, 9, None),
        (0, [], "40", None, 99, None),
        (0, [3], None, None, None, 3),
        (0, [3], None, None, 0, 3),
        (3, [], None, None, None, None),
        (0, [3, 7], "0", True, 99, 7),
        (3, [5, 7], "3", True, 99, 7),
        (3, [5, 7], "2", True, 99, 7),
    ],
)
def test_a_log_is_read_by_its_offsets(
    since: int,
    rows: list[int],
    told: str | None,
    has_more: bool | None,
    latest: int | None,
    asked: int | None,
) -> None:
    """On to what was read, never to the latest offset: what lies between would be lost."""
    page = Page(data=rows, next_cursor=told, has_more=has_more, latest_offset=latest)

    found = by_log(lambda row: row)({"since": since}, page, None)

    assert found == (None if asked is None else {"since": asked})
