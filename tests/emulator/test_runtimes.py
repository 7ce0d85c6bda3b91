"""The pretend cloud's runtimes, without any HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from hand_clock import HandClock

from beeos_async import ConfigurationError
from beeos_async.emulator import World
from beeos_async.emulator.effects import METHODS, capability_of
from beeos_async.emulator.refusals import RefusedError
from beeos_async.models.runtime import InvokeRuntimeMethod


@pytest.fixture
def world(clock: HandClock) -> World:
    return World(clock, seed=3)


@pytest.fixture
def one(world: World) -> str:
    return world.add_instance(status="running")


def asked(method: str, **params: Any) -> InvokeRuntimeMethod:
    return InvokeRuntimeMethod(jsonrpc="2.0", id=1, method=method, params=params)


@pytest.mark.parametrize("method", [one for one in METHODS if not one.startswith("session/")])
def test_every_method_comes_to_an_end(
    world: World, clock: HandClock, one: str, method: str
) -> None:
    """With a result, and with its own capability."""
    id = world.runtimes.invoke(one, asked(method, name="it"), "")
    clock.time += 1.0

    found = world.runtimes.get(one, id)

    assert (found.status, found.terminal) == ("succeeded", True)
    assert found.result is not None
    assert found.capability == capability_of(method)


def test_what_is_scripted_concerns_its_method_alone(
    world: World, clock: HandClock, one: str
) -> None:
    """In the order it was scripted in, once each."""
    of = world.runtimes
    of.refuse("cron/run", "CONVERSATION_CLEARING")
    of.refuse("cron/list", "PROJECTION_PENDING")
    of.turn_out("cron/status", "failed")
    of.turn_out("cron/list", "outcome_unknown")

    with pytest.raises(RefusedError, match="PROJECTION_PENDING") as caught:
        of.invoke(one, asked("cron/list"), "")
    ids = [of.invoke(one, asked("cron/list"), "") for _ in range(2)]
    clock.time += 1.0

    assert caught.value.whole == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -32012, "message": "PROJECTION_PENDING"},
    }
    assert [of.get(one, id).status for id in ids] == ["outcome_unknown", "succeeded"]


@pytest.mark.parametrize("id", ["op-1", "7c9e667974254 0de944be07fc1f90ae7"])
def test_an_operation_is_named_by_a_uuid(world: World, one: str, id: str) -> None:
    """Whoever chooses the name."""
    begun = world.runtimes.invoke(one, asked("models/list"), "")
    changes = world.changes

    for refused in (
        lambda: world.runtimes.invoke(one, asked("models/list"), id),
        lambda: world.runtimes.cancel(one, begun, id),
    ):
        with pytest.raises(RefusedError, match="UUID") as caught:
            refused()
        assert (caught.value.status, caught.value.param) == (400, "X-BeeOS-Operation-Id")
    assert world.changes == changes


def test_a_second_wish_to_cancel_comes_too_late(world: World, one: str) -> None:
    """Though the first has not come true yet."""
    id = world.runtimes.invoke(one, asked("models/list"), "")
    wish = world.runtimes.cancel(one, id, "")

    with pytest.raises(RefusedError, match="too late"):
        world.runtimes.cancel(one, id, "")
    assert wish != id


def test_what_cannot_happen_cannot_be_scripted(world: World) -> None:
    """A word that is misspelt is noticed where it is said."""
    with pytest.raises(ConfigurationError, match="word must be one of METHOD_NOT_SUPPORTED"):
        world.runtimes.refuse("cron/run", "PROJECTION_PENDNG")
    with pytest.raises(ConfigurationError, match="outcome must be one of failed, cancelled"):
        world.runtimes.turn_out("cron/run", "succeded")
