"""How many retries single calls may add."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.budget import MEMORY, PER_SECOND, SHARE, RetryBudget
from beeos_async._protocol.retry import costs_budget
from beeos_async.errors import (
    BeeOSError,
    ConflictError,
    ConnectionLostError,
    NotSentError,
    Problem,
    ServerError,
    Trouble,
)


def spend(budget: RetryBudget, now: float) -> int:
    """Try again as often as it is allowed."""
    count = 0
    while budget.retry(now):
        count += 1
    return count


def test_a_client_that_has_done_nothing_may_try_again_a_hundred_times() -> None:
    """Ten for each of the ten seconds that are remembered; then no more."""
    budget = RetryBudget()

    assert spend(budget, 1000.0) == PER_SECOND * MEMORY
    assert not budget.retry(1000.9)


def test_every_fifth_call_adds_a_retry() -> None:
    """A busy client may add a fifth to what it asks."""
    budget = RetryBudget()
    for _ in range(50):
        budget.call(5.0)

    assert spend(budget, 5.0) == PER_SECOND * MEMORY + 50 * SHARE


def test_retries_and_calls_are_forgotten_after_ten_seconds() -> None:
    """What was spent comes back, and what was earned goes."""
    budget = RetryBudget()
    spend(budget, 20.0)
    for _ in range(50):
        budget.call(25.0)

    assert spend(budget, 29.9) == 10
    assert spend(budget, 30.0) == 100
    assert spend(budget, 36.0) == 0
    assert spend(budget, 1000.0) == 100


@modest
@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=400))
def test_in_no_ten_seconds_are_there_more_retries_than_a_share_and_the_reserve(
    steps: list[tuple[float, bool]],
) -> None:
    """Whatever the order of calls and retries."""
    budget = RetryBudget()
    granted: list[int] = []
    called: list[int] = []
    for now, is_call in sorted(steps):
        if is_call:
            budget.call(now)
            called.append(int(now))
        else:
            granted += [int(now)] * spend(budget, now)
    for last in range(31):
        window = range(last - MEMORY + 1, last + 1)
        retries = sum(second in window for second in granted)
        calls = sum(second in range(last - 2 * MEMORY, last + 1) for second in called)
        assert retries <= PER_SECOND * MEMORY + SHARE * calls + 1


@pytest.mark.parametrize(
    ("error", "costs"),
    [
        (NotSentError(Trouble(message="", reason="connect", delivered="no")), False),
        (ConflictError(Problem(status=409, code="", message="")), False),
        (ConnectionLostError(Trouble(message="", reason="lost", delivered="maybe")), True),
        (ServerError(Problem(status=500, code="", message="")), True),
    ],
)
def test_what_costs_the_host_nothing_costs_no_budget(error: BeeOSError, costs: bool) -> None:
    """What never left, and what is about one instance."""
    assert costs_budget(error) is costs
