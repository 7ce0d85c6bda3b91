"""What can be wished for, when it has come true, when it never will, and what an end means."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import pytest

from beeos_async.errors import BeeOSError, ConfigurationError
from beeos_async.models.instances import Instance
from beeos_async.waiting import (
    SHOWN,
    Action,
    WaitError,
    WaitReason,
    WaitTimeoutError,
    Wish,
    check_wish,
    goal_of,
    has_come_true,
    is_thin,
    told_why,
    why_never,
)

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


def test_an_end_has_a_reason_in_one_word() -> None:
    """Which survives a pickle, and a copy."""
    error = WaitError("inst-1 is terminated", LAST, "terminated")

    assert error.reason == "terminated"
    assert pickle.loads(pickle.dumps(error)).reason == copy.copy(error).reason == "terminated"


# What can be wished for -----------------------------------------------------------------------


def seen(status: str = "", link: str = "", speech: str = "", **fields: Any) -> Instance:
    return Instance(
        id="inst-1", status=status, connectivity=link, ms_connection_status=speech, **fields
    )


def quick(instance: Instance) -> bool:
    return instance.public_ip != ""


class Unhashable:
    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def __call__(self, instance: Instance) -> bool:
        return instance.name == "it"


async def slow(_: Instance) -> bool:
    raise NotImplementedError  # pragma: no cover -- it is refused, never called


@pytest.mark.parametrize(
    ("wish", "actions"),
    [
        ("running", ("start", "restart", "")),
        ("online", ("start", "restart", "")),
        ("connected", ("start", "restart", "")),
        ("stopped", ("stop", "")),
        ("terminated", ("destroy", "")),
        (quick, ("start", "restart", "")),
        (partial(quick), ("start", "restart", "")),
        (Unhashable(), ("start", "restart", "")),
        ("runing", ()),
        ("", ()),
        (None, ()),
        (True, ()),
        (slow, ()),
    ],
)
def test_a_wish_fits_what_it_comes_after(wish: Any, actions: tuple[Action, ...]) -> None:
    """Anything else is refused, and the refusal says what would be right."""
    for action in get_args(Action):
        if action in actions:
            check_wish(wish, action)
        else:
            with pytest.raises(ConfigurationError, match=r"can be waited for|not awaited"):
                check_wish(wish, action)


def test_a_refusal_names_what_would_be_right() -> None:
    """For a stop there is one word, for a start there are three and functions."""
    with pytest.raises(ConfigurationError) as caught:
        check_wish("online", "stop")
    assert str(caught.value) == "what can be waited for here is 'stopped', not 'online'"
    with pytest.raises(ConfigurationError) as caught:
        check_wish("stopped", "start")
    assert "'running', 'online', 'connected' or a function of an Instance" in str(caught.value)


@pytest.mark.parametrize(
    ("wish", "instance", "true"),
    [
        ("running", seen("running"), True),
        ("running", seen("provisioning", "online"), False),
        ("online", seen("running", "online"), True),
        ("online", seen("running", "offline"), False),
        ("online", seen("stopped", "online"), False),
        ("connected", seen("running", "online", "connected"), True),
        ("connected", seen("running", "online", "connecting"), False),
        ("connected", seen("running", "offline", "connected"), False),
        ("stopped", seen("stopped"), True),
        ("stopped", seen("running"), False),
        ("terminated", seen("terminated"), True),
        ("terminated", seen("stopped"), False),
        (quick, seen(public_ip="10.0.0.1"), True),
        (quick, seen("running"), False),
        (lambda _: 7, seen(), True),
        (Unhashable(), seen(name="it"), True),
    ],
)
def test_a_wish_has_come_true_or_not(wish: Wish, instance: Instance, *, true: bool) -> None:
    """Running, then online as well, then connected as well; a function says it itself."""
    assert has_come_true(wish, instance) is true


OUT = {"connectivity_reason": "device_unauthorized"}


@pytest.mark.parametrize(
    ("wish", "action", "instance", "begun", "why"),
    [
        # On its way, or not even that: nothing is decided.
        ("online", "start", seen("stopped", desired_status="running"), False, None),
        ("online", "start", seen("provisioning", desired_status="running"), True, None),
        ("online", "start", seen("stopped"), False, None),
        ("running", "start", seen("hibernating", desired_status="dreaming"), True, None),
        ("stopped", "stop", seen("running", desired_status="stopped"), True, None),
        ("terminated", "destroy", seen("running", desired_status="terminated"), True, None),
        # Gone for good.
        ("online", "start", seen("terminated"), False, "terminated"),
        ("online", "", seen("running", desired_status="terminated"), True, "terminated"),
        ("stopped", "stop", seen("terminated"), False, "terminated"),
        (quick, "", seen("terminated"), False, "terminated"),
        (quick, "start", seen("terminated"), False, "terminated"),
        # Somebody wished it elsewhere.
        ("online", "start", seen("running", desired_status="stopped"), True, "turned_away"),
        ("stopped", "stop", seen("stopped", desired_status="running"), True, "turned_away"),
        ("terminated", "destroy", seen(desired_status="running"), True, "turned_away"),
        (quick, "start", seen("running", desired_status="stopped"), True, "turned_away"),
        (quick, "", seen("running", desired_status="stopped"), True, None),
        # It had begun, and is down again.
        ("running", "start", seen("stopped", desired_status="running"), True, "fell_back"),
        (quick, "restart", seen("stopped", desired_status="running"), True, "fell_back"),
        ("stopped", "stop", seen("stopped", desired_status="stopped"), True, None),
        # Its device is not let in.
        ("online", "start", seen("running", "offline", **OUT), True, "device_unauthorized"),
        ("connected", "", seen("running", "offline", **OUT), True, "device_unauthorized"),
        ("running", "start", seen("provisioning", "offline", **OUT), True, None),
        ("online", "start", seen("provisioning", "offline", **OUT), True, None),
        ("connected", "start", seen("running", "online", **OUT), True, None),
        (quick, "start", seen("running", "offline", **OUT), True, None),
    ],
)
def test_a_wish_that_never_comes_true_has_its_own_reason(
    wish: Wish, action: Action, instance: Instance, *, begun: bool, why: WaitReason | None
) -> None:
    """Gone, wished elsewhere, fallen back, shut out; or nothing is decided."""
    assert why_never(wish, action, instance, begun=begun) == why


def test_a_function_has_a_goal_through_what_was_asked_for() -> None:
    """Alone it may wait for anything."""
    assert goal_of(quick, "start") == goal_of("online", "") == "running"
    assert goal_of(quick, "") == ""


def test_a_row_that_says_less_than_a_look_is_thin() -> None:
    """Some servers list six fields of forty-two."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert is_thin(seen("running"))
    assert is_thin(seen("running", "online"))
    assert is_thin(seen("running", updated_at=now))
    assert not is_thin(seen("running", "online", updated_at=now))


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("terminated", "inst-1 is terminated, or about to be"),
        ("turned_away", "somebody else has set the desired status of inst-1 to stopped"),
        ("fell_back", "inst-1 stopped again after it had begun to start"),
        ("device_unauthorized", "the device of inst-1 is not authorized to connect"),
    ],
)
def test_a_reason_is_told_in_a_sentence(reason: WaitReason, sentence: str) -> None:
    """With the server's own words behind it, where it has any, and nothing a terminal obeys."""
    bare = seen("stopped", desired_status="stopped")
    assert told_why("inst-1", reason, bare) == sentence

    halted = seen(desired_status="stopped", halt_reason="no \x1b[31mcredit", error_message="x")
    assert told_why("inst-1", reason, halted) == f"{sentence}: 'no \\x1b[31mcredit'"

    long = seen(desired_status="stopped", error_message="x" * 1000)
    assert told_why("inst-1", reason, long) == f"{sentence}: '{'x' * SHOWN}'"
