"""The client a command works with."""

from __future__ import annotations

import pytest

from beeos_async import ConfigurationError
from beeos_async.cli.clients import budget_in, quota_in


@pytest.mark.parametrize(
    ("text", "budget"),
    [(None, None), ("0", 0), ("10", 10), ("5%", 0.05), ("0.05", 0.05), ("12.5%", 0.125)],
)
def test_a_budget_is_a_number_or_a_share(text: str | None, budget: float | None) -> None:
    """As people write one."""
    read = budget_in(text)

    assert read == budget
    assert type(read) is type(budget)


@pytest.mark.parametrize("text", ["", "many", "5%%", "%"])
def test_another_budget_is_refused(text: str) -> None:
    """With both that would be right."""
    with pytest.raises(ConfigurationError, match="a number such as 10, or a share such as 5%"):
        budget_in(text)


def test_a_quota_is_a_number_or_left_to_the_client() -> None:
    """Who knows its grammar."""
    assert (quota_in("8.5"), quota_in("600/min")) == (8.5, "600/min")
