"""When the host itself is failing: the arithmetic, without a loop."""

from __future__ import annotations

import math

import pytest

from beeos_async._protocol.brake import ENDURANCE, LONGEST_PROBE, MAX_OUTAGE, Brake, endured


def fail(brake: Brake, times: int, now: float = 0.0, in_flight: int = 1) -> None:
    for _ in range(times):
        brake.hear(failing=True, probe=False, went=0.0, now=now, chance=0.5, in_flight=in_flight)


def answer(brake: Brake, times: int = 1, now: float = 0.0) -> None:
    for _ in range(times):
        brake.hear(failing=False, probe=False, went=0.0, now=now, chance=0.5, in_flight=1)


@pytest.mark.parametrize(("in_flight", "run"), [(1, 20), (40, 20), (64, 32), (200, 51)])
def test_failures_in_a_row_open_it(in_flight: int, run: int) -> None:
    """Half of what is in flight, at least twenty, and at most half a hundred."""
    brake = Brake()
    fail(brake, run - 1, in_flight=in_flight)
    assert brake.wait(0.0) == 0.0
    assert not brake.go()
    fail(brake, 1, in_flight=in_flight)

    assert brake.wait(0.0) == 0.25


def test_an_answer_between_ends_the_row() -> None:
    """Single failures, however many, are not an outage."""
    brake = Brake()
    for _ in range(100):
        fail(brake, 1)
        answer(brake)

    assert brake.open_since is None


def test_more_than_half_of_the_last_hundred_open_it() -> None:
    """A host that fails most of the time is failing."""
    brake = Brake()
    for _ in range(17):
        fail(brake, 3, in_flight=64)
        answer(brake)

    assert brake.open_since is not None


def test_old_failures_are_forgotten() -> None:
    """Only the last hundred requests count."""
    brake = Brake()
    for _ in range(10):
        fail(brake, 5)
        answer(brake, 6)

    assert brake.open_since is None


def test_one_probe_goes_and_the_pauses_double_up_to_five_seconds() -> None:
    """Everybody else waits for it."""
    brake = Brake()
    fail(brake, 20)
    now, pauses = 0.0, []
    for _ in range(8):
        pauses.append(brake.wait(now))
        now += pauses[-1]
        assert brake.wait(now) == 0.0
        assert brake.go()
        assert brake.wait(now) == math.inf
        assert not brake.hear(failing=True, probe=True, went=0.0, now=now, chance=1.0, in_flight=1)

    assert pauses == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, LONGEST_PROBE])


def test_a_probe_that_is_answered_closes_it() -> None:
    """What was in the air from before tells nothing."""
    brake = Brake()
    fail(brake, 20)
    assert not brake.hear(failing=False, probe=False, went=0.0, now=0.1, chance=0.5, in_flight=1)
    assert brake.open_since is not None
    brake.go()

    assert brake.hear(failing=False, probe=True, went=0.0, now=0.3, chance=0.5, in_flight=1)
    assert brake.open_since is None
    fail(brake, 19)
    assert brake.open_since is None


def test_a_probe_that_is_lost_makes_room_for_the_next() -> None:
    """A cancelled probe does not hold everybody up."""
    brake = Brake()
    fail(brake, 20)
    brake.go()
    brake.lose_probe(1.0)

    assert brake.wait(1.0) == 0.0


def test_an_outage_is_waited_out_for_five_minutes() -> None:
    """Then a fleet gives up."""
    brake = Brake()
    assert not brake.outlasted(1e9)
    fail(brake, 20)

    assert not brake.outlasted(MAX_OUTAGE)
    assert brake.outlasted(MAX_OUTAGE + 0.1)


def test_time_in_which_nobody_looked_is_no_outage() -> None:
    """A run that failed long ago tells the next one only to look before it sends."""
    brake = Brake()
    brake.watch(0.0)
    fail(brake, 20)
    late = 0.25 + 2 * LONGEST_PROBE
    brake.watch(late)
    assert brake.open_since == 0.0
    brake.watch(late + 1000)

    assert brake.open_since == late + 1000
    assert brake.wait(late + 1000) == 0.0
    assert not brake.outlasted(late + 1000 + MAX_OUTAGE)


def test_a_probe_that_takes_its_time_is_waited_for() -> None:
    """It may be the one that is answered, and it is somebody who looks."""
    brake = Brake()
    fail(brake, 20)
    brake.go()
    brake.watch(MAX_OUTAGE + 1)

    assert brake.open_since == 0.0
    assert not brake.outlasted(MAX_OUTAGE + 1)
    brake.hear(failing=True, probe=True, went=0.3, now=MAX_OUTAGE + 1, chance=0.5, in_flight=1)
    assert brake.outlasted(MAX_OUTAGE + 1)


def test_a_single_call_that_is_answered_closes_it() -> None:
    """It went after the host was found failing, and so tells as much as a probe."""
    brake = Brake()
    fail(brake, 20, now=1.0)
    brake.go()
    assert not brake.hear(failing=True, probe=False, went=1.5, now=2.0, chance=0.5, in_flight=1)
    assert brake.hear(failing=False, probe=False, went=1.5, now=2.0, chance=0.5, in_flight=1)

    assert brake.open_since is None
    assert brake.wait(2.0) == 0.0


def test_while_nothing_succeeds_a_request_gets_a_few_more_tries() -> None:
    """As long as all that is heard is its own failures, or those of others."""
    brake = Brake()
    fail(brake, 4)
    assert not brake.endures(5, 1)
    assert brake.endures(4, ENDURANCE)
    assert not brake.endures(4, ENDURANCE + 1)
    answer(brake)

    assert not brake.endures(4, 1)


def test_those_tries_come_as_probes_do() -> None:
    """Later and later, at most five seconds apart."""
    assert [endured(extra, 1.0) for extra in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 5, 5]
    assert endured(1, 0.0) == 0.125
