"""When to look again: at first soon, then ever later, sooner while something moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from beeos_async._protocol.polling import (
    BUSY,
    FIRST,
    LAST_LOOK,
    LONGEST,
    RATE,
    pages_of,
    pause_after,
    round_at,
)


def ticks(count: int, requests: int = 1, *, moved: bool) -> list[float]:
    found = [FIRST]
    while len(found) < count:
        found.append(pause_after(found[-1], requests, moved=moved))
    return found


def test_where_nothing_moves_pauses_double_up_to_the_longest() -> None:
    """A machine that takes a minute is not asked for every second."""
    assert ticks(7, moved=False) == [0.25, 0.5, 1, 2, 4, 5, 5]


def test_where_something_moves_and_looking_is_cheap_it_is_soon_looked_again() -> None:
    """Also after a long rest."""
    assert ticks(5, moved=True) == [0.25, 0.5, 1, 1, 1]
    assert pause_after(LONGEST, 1, moved=True) == BUSY


@pytest.mark.parametrize(("requests", "pause"), [(4, 1.0), (6, 1.5), (12, 3.0), (500, 5.0)])
def test_what_costs_many_requests_is_done_less_often(requests: int, pause: float) -> None:
    """Looking costs a few requests a second at most, however much moves."""
    assert pause_after(LONGEST, requests, moved=True) == pause


@given(pause=some.floats(FIRST, LONGEST), requests=some.integers(0, 10**6), moved=some.booleans())
def test_a_pause_is_within_bounds(pause: float, requests: int, *, moved: bool) -> None:
    """Neither nothing nor for ever, and never longer because something moved."""
    after = pause_after(pause, requests, moved=moved)

    assert min(FIRST * 2, BUSY) <= after <= LONGEST
    assert after <= pause_after(pause, requests, moved=False)
    assert not moved or after <= max(BUSY, requests / RATE)


@pytest.mark.parametrize(
    ("due", "deadline", "now", "when"),
    [
        (5.0, math.inf, 0.0, 5.0),
        (5.0, 6.0, 0.0, 5.0),
        (5.0, 4.0, 0.0, 4.0 - LAST_LOOK),
        (5.0, 4.0, 3.9, 4.0),
        (5.0, 4.0, 4.5, 4.0),
    ],
)
def test_nobody_is_given_up_without_a_last_look(
    due: float, deadline: float, now: float, when: float
) -> None:
    """What became true since the last round is seen shortly before the time is up."""
    assert round_at(due, deadline, now) == when


@pytest.mark.parametrize(
    ("total", "asked", "known", "more", "pages"),
    [
        (1200, 1, 1, True, 6),
        (1201, 1, 1, True, 7),
        (1200, 6, 6, False, 6),
        (100, 1, 6, False, 1),
        (None, 2, 1, True, 3),
        (None, 2, 9, True, 9),
        (150, 1, 1, True, 2),
    ],
)
def test_pages_are_counted_by_what_the_server_says_and_by_what_came(
    total: int | None, asked: int, known: int, *, more: bool, pages: int
) -> None:
    """A list that goes on has at least one page more than were fetched."""
    assert pages_of(total, asked, known, more=more) == pages
