"""What goes wrong with which request; what it does to a socket is `test_door.py`'s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from beeos_async.emulator import MIXED, Faults
from beeos_async.errors import ConfigurationError


def kinds(faults: Faults, *ids: str, operation: str = "startInstance") -> list[str | None]:
    found = [faults.pick(operation, id) for id in ids]
    return [fault and fault.kind for fault in found]


def test_a_fault_is_done_as_often_as_it_is_scripted() -> None:
    """Once where nothing is said, `times` times, or always."""
    faults = Faults()
    assert kinds(faults, "a") == [None]
    faults.refuse("startInstance", 500)
    faults.silence("startInstance", times=2)
    faults.cut("startInstance", times=None)

    found = kinds(faults, *"abcdef")

    assert found == ["refuse", "silence", "silence", "cut", "cut", "cut"]


def test_a_fault_lets_the_first_pass() -> None:
    """`after` counts the requests that are meant, and only those."""
    faults = Faults()
    faults.disconnect("startInstance", after=2, ids={"a"})

    assert kinds(faults, *"aba") == [None, None, None]
    assert kinds(faults, *"baa") == [None, "disconnect", None]


def test_a_fault_is_meant_for_one_endpoint() -> None:
    """A start's trouble is not a look's."""
    faults = Faults()
    faults.delay("startInstance", 1.0)

    assert kinds(faults, "a", operation="getInstance") == [None]
    assert kinds(faults, "a") == ["delay"]


def test_trouble_can_be_forgotten() -> None:
    """After `clear` everything goes well."""
    faults = Faults()
    faults.raw("startInstance", b"", times=None)
    faults.mix(1.0)
    faults.clear()

    assert kinds(faults, "a") == [None]


def test_an_outage_is_a_time_for_all_that_is_asked() -> None:
    """It begins with a request, after some have passed, and ends by itself."""
    faults = Faults()
    faults.outage(10, "reset", after=2)
    assert [faults.down(now) for now in (0.0, 5.0)] == [None, None]

    met = [faults.down(now) for now in (7.0, 16.9, 17.0, 99.0)]

    assert [fault and fault.kind for fault in met] == ["disconnect", "disconnect", None, None]
    (outage,) = faults.outages
    assert (outage.began, outage.ended) == (7.0, 17.0)


def test_outages_are_of_three_kinds() -> None:
    """One after the other, where several are scripted."""
    faults = Faults()
    faults.outage(1)
    faults.outage(1, "refused")
    first, second = faults.down(0.0), faults.down(1.5)

    assert first is not None
    assert second is not None
    assert (first.kind, first.status) == ("refuse", 503)
    assert (second.kind, second.seconds) == ("shut", 1.0)
    faults.clear()
    assert faults.down(1.6) is None


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0}, {"seconds": 1, "kind": "fire"}, {"seconds": 1, "after": -1}]
)
def test_an_outage_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """Seconds, kind and count are checked as it is scripted."""
    with pytest.raises(ConfigurationError):
        Faults().outage(**wrong)


def test_a_mix_depends_on_seed_id_and_attempt_alone() -> None:
    """The same request meets the same trouble, in whatever order they come."""
    ids = [f"inst-{number}" for number in range(500)]

    def drawn(seed: int, order: list[str]) -> dict[str, list[str | None]]:
        faults = Faults()
        faults.mix(0.3, seed=seed)
        return {id: kinds(faults, id, id, id) for id in order}

    forward, backward = drawn(4, ids), drawn(4, ids[::-1])

    assert forward == backward
    assert forward != drawn(5, ids)


def test_a_mix_has_the_share_and_every_kind() -> None:
    """Of 20,000 attempts a tenth meets trouble, all kinds of it alike often."""
    faults = Faults()
    faults.mix(0.1, operations=["getInstance"])

    picked = [faults.pick("getInstance", f"inst-{number}") for number in range(20_000)]

    names = {id(fault): name for name, fault in MIXED.items()}
    found = Counter(names[id(fault)] for fault in picked if fault is not None)
    assert found.total() == pytest.approx(2_000, rel=0.1)
    assert set(found) == set(MIXED)
    assert min(found.values()) > 140
    assert faults.pick("startInstance", "inst-1") is None


def test_half_of_a_mix_comes_after_the_effect() -> None:
    """What was applied and not told is as likely as what was neither."""
    assert Counter(fault.when for fault in MIXED.values()) == {"before": 5, "after": 5}


def test_a_mix_can_be_of_some_kinds() -> None:
    """Only what is named goes wrong."""
    faults = Faults()
    faults.mix(1.0, kinds=["cut after"])

    assert kinds(faults, *"abc") == ["cut"] * 3


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (lambda faults: faults.cut("startInstanse"), "operationId"),
        (lambda faults: faults.mix(operations=["start"]), "operationId"),
        (lambda faults: faults.mix(1.5), "share"),
        (lambda faults: faults.mix(kinds=["plague"]), "plague"),
        (lambda faults: faults.cut("startInstance", times=0), "times"),
        (lambda faults: faults.cut("startInstance", after=-1), "after"),
        (lambda faults: faults.cut("startInstance", only=["a"]), "only"),
        (lambda faults: faults.refuse("startInstance", 42), "status"),
        (lambda faults: faults.garble("startInstance", status=0), "status"),
        (lambda faults: faults.delay("startInstance", -1.0), "pause"),
        (lambda faults: faults.push("startInstance", b"", pause=-1.0), "pause"),
    ],
)
def test_trouble_that_cannot_be_is_refused(script: Callable[[Faults], None], told: str) -> None:
    """A misspelt script is an error, not a test that proves nothing."""
    with pytest.raises(ConfigurationError, match=told):
        script(Faults())
