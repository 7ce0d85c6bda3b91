"""What it means that a wait ends."""

from __future__ import annotations

import pickle

import pytest

from beeos_async.errors import BeeOSError
from beeos_async.models.instances import Instance
from beeos_async.waiting import WaitError, WaitTimeoutError

LAST = Instance(id="inst-1", status="terminated")


@pytest.mark.parametrize("kind", [WaitError, WaitTimeoutError])
@pytest.mark.parametrize("last", [None, LAST])
def test_a_wait_that_ends_in_vain_says_why_and_where(
    kind: type[WaitError], last: Instance | None
) -> None:
    """The instance as it was last seen comes along, also through a pickle."""
    error = kind("inst-1 is terminated", last)

    assert str(error) == error.message == "inst-1 is terminated"
    assert error.last == last
    assert isinstance(error, BeeOSError)
    assert pickle.loads(pickle.dumps(error)).last == last


def test_only_one_of_the_two_is_a_timeout() -> None:
    """What can no longer come true is not a matter of time."""
    assert isinstance(WaitTimeoutError("late"), TimeoutError)
    assert not isinstance(WaitError("never"), TimeoutError)
    assert isinstance(WaitTimeoutError("late"), WaitError)


def test_two_waits_that_ended_alike_are_equal() -> None:
    """The last sight of the instance counts."""
    assert WaitError("no", LAST) == WaitError("no", Instance(id="inst-1", status="terminated"))
    assert WaitError("no", LAST) != WaitError("no", Instance(id="inst-1", status="stopped"))
    assert WaitError("no", LAST) != WaitTimeoutError("no", LAST)
