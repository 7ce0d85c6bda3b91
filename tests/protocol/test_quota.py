"""What answers tell of a quota, on a server's bucket that is simulated request by request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.quota import Ledger
from beeos_async._protocol.throttle import Rate, conform


class Server:
    """A quota, and a ledger of what it takes."""

    def __init__(self, rate: float, burst: int) -> None:
        self.quota = Rate(rate, burst)
        self.ledger = Ledger()
        self.now, self.due = 100.0, 0.0

    def until_refused(self, pace: float | None) -> None:
        """Send at a pace, or as fast as can be, until there is a 429; then rest for a second."""
        self.ledger.open(self.now)
        while True:
            self.due, lacking = conform(self.quota, self.due, self.now)
            if lacking:
                break
            self.ledger.accept(self.now)
            self.now += 1 / (pace or 10_000.0)
        self.ledger.empty(self.now, pace)
        self.now += 1.0


def test_the_first_refusal_tells_what_was_there_and_no_rate() -> None:
    """A burst may be as large as it likes: how fast it refills is not in it."""
    server = Server(10.0, 50)
    assert server.ledger.first_fill is None
    server.until_refused(None)

    assert server.ledger.first_fill == 50
    assert server.ledger.rate is None
    assert server.ledger.refilled(server.now) == 0.0
    assert server.ledger.got == 0


def test_what_is_refilled_between_two_refusals_is_the_rate() -> None:
    """Exactly, where the bucket cannot have run over meanwhile."""
    server = Server(30.0, 200)
    server.until_refused(None)
    server.until_refused(None)

    assert server.ledger.rate == pytest.approx(30.0, rel=0.02)
    assert server.ledger.burst == pytest.approx(200, rel=0.02)
    assert server.ledger.sharp
    assert not server.ledger.agrees
    assert server.ledger.refilled(server.now) == pytest.approx(30.0, rel=0.05)


@modest
@given(rate=st.floats(2.0, 200.0), burst=st.integers(1, 300), faster=st.floats(1.02, 2.0))
def test_a_measure_is_never_far_too_high(rate: float, burst: int, faster: float) -> None:
    """Whatever the quota, and however much faster it was overrun."""
    server = Server(rate, burst)
    server.until_refused(None)
    server.until_refused(None)
    first = server.ledger.rate
    for _ in range(3):
        server.until_refused(rate * faster)

    assert first is not None
    assert server.ledger.rate is not None
    assert first <= 1.05 * rate + 1.0
    assert server.ledger.rate <= 1.05 * rate + 1.0
    assert server.ledger.burst <= burst + 2


@modest
@given(rate=st.floats(5.0, 200.0), burst=st.integers(20, 300), faster=st.floats(1.02, 1.2))
def test_a_quota_that_is_overrun_a_little_is_measured(
    rate: float, burst: int, faster: float
) -> None:
    """Also where the bucket ran over in each pause."""
    server = Server(rate, burst)
    server.until_refused(None)
    for _ in range(5):
        server.until_refused(rate * faster)

    assert server.ledger.rate == pytest.approx(rate, rel=0.25)


def test_that_nothing_is_had_says_nothing_of_the_rate() -> None:
    """Somebody else may have it, or it refills all at once."""
    server = Server(100.0, 10)
    server.until_refused(None)
    server.until_refused(None)
    before = server.ledger.rate
    server.ledger.open(server.now + 500.0)

    assert not server.ledger.empty(server.now + 500.0, 100.0)
    assert server.ledger.rate == before
    assert before is not None


def test_what_nobody_wanted_says_nothing_of_the_rate() -> None:
    """Two 429s a minute apart, and a call now and then between them, are no slow quota."""
    server = Server(100.0, 10)
    server.ledger.open(server.now)
    for _ in range(3):
        for _ in range(12):
            server.ledger.accept(server.now)
            server.now += 5.0
        assert not server.ledger.empty(server.now, None)
        server.now += 1.0
        server.ledger.open(server.now)

    assert server.ledger.rate is None


def test_bad_luck_lowers_a_rate_by_a_little_alone() -> None:
    """Two requests that bunch on their way are no smaller quota."""
    server = Server(10.0, 1)
    server.until_refused(None)
    for _ in range(4):
        server.until_refused(10.5)
    before = server.ledger.rate
    assert before is not None
    server.ledger.open(server.now)
    server.ledger.accept(server.now)
    server.ledger.empty(server.now + 0.01, 9.0)

    assert server.ledger.rate is not None
    assert server.ledger.rate >= 0.8 * before


def test_a_search_is_measured_from_where_it_crossed_the_quota() -> None:
    """Before that the bucket was full all the time, and says nothing."""
    server = Server(100.0, 10)
    server.until_refused(None)
    server.ledger.open(server.now)
    pace = 5.0
    while True:
        server.due, lacking = conform(server.quota, server.due, server.now)
        if lacking:
            break
        server.ledger.accept(server.now)
        server.now += 1 / pace
        pace *= 1.02
    server.ledger.empty(server.now, pace, searched=True)

    assert server.ledger.rate == pytest.approx(100.0, rel=0.1)
    assert not server.ledger.in_vain


def test_going_slower_in_vain_is_noticed() -> None:
    """Who once gave far more and now refuses far less is no quota, or another one."""
    server = Server(100.0, 20)
    for pace in (None, None, 105.0, 105.0):
        server.until_refused(pace)
    assert not server.ledger.in_vain
    for _ in range(4):
        server.ledger.open(server.now)
        server.ledger.accept(server.now)
        server.now += 0.5
        server.ledger.empty(server.now, 50.0)
        server.now += 1.0

    assert server.ledger.in_vain
