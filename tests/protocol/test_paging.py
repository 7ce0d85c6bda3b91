"""The ways to ask for the next page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.paging import PAGE_SIZE, Params, next_numbered
from beeos_async.models._base import Page


def page_of(*items: int, total: int | None = None) -> Page[int]:
    return Page(data=list(items), total=total)


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
