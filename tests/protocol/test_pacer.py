"""When the next request may go: simulated against a quota, without a loop."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from beeos_async._protocol.pacer import Pacer, Ticket
from beeos_async._protocol.throttle import Rate, conform

LATENCY = 0.05


Server = Callable[[float], float]
"""Told when a request arrives, it says how many seconds are lacking: 0 where it is accepted."""


def bucket(quota: Rate) -> Server:
    """A bucket that refills all the time."""
    due = 0.0

    def serve(now: float) -> float:
        nonlocal due
        due, lacking = conform(quota, due, now)
        return lacking

    return serve


def window(count: int, seconds: float) -> Server:
    """So many in each stretch of time, which refills all at once at its end."""
    taken: Counter[int] = Counter()

    def serve(now: float) -> float:
        number = int(now // seconds)
        taken[number] += 1
        return 0.0 if taken[number] <= count else (number + 1) * seconds - now

    return serve


def told(lacking: float) -> float:
    """Say in whole seconds for how long to wait, as most servers do."""
    return max(1, math.ceil(lacking))


def simulate(
    ids: int,
    quota: Rate | Server,
    most: int = 64,
    known: Rate | None = None,
    latency: float = LATENCY,
    bad_luck: float = 0.0,
    says: Callable[[float], float] = told,
) -> tuple[float, int]:
    """Send so many requests through a pacer to a quota; give seconds and 429s.

    With bad luck, a share of them is refused for no reason of the quota's.
    """
    pacer, now = Pacer(most, known), 1000.0
    serve = bucket(quota) if isinstance(quota, Rate) else quota
    dice = Random(0)  # noqa: S311 -- the same each time
    left, done, refused, number = ids, 0, 0, 0
    events: list[tuple[float, int, str, Ticket, float]] = []
    while done < ids:
        wait = math.inf
        while left and (wait := pacer.wait(now)) <= 0:
            ticket = Ticket()
            pacer.go(ticket, now)
            left, number = left - 1, number + 1
            # Requests overtake each other a little on their way.
            way = latency / 2 * (0.7 + 0.6 * (number * 0.618 % 1))
            heapq.heappush(events, (now + way, number, "arrives", ticket, 0.0))
        if left and now + wait < (events[0][0] if events else math.inf):
            now += wait
            continue
        now, _, what, ticket, pause = heapq.heappop(events)
        number += 1
        if what == "arrives":
            lacking = 1.0 if dice.random() < bad_luck else serve(now)
            what = "refused" if lacking else "accepted"
            pause = says(lacking) * 1.05
            heapq.heappush(events, (now + latency / 2, number, what, ticket, pause))
        elif what == "accepted":
            done += 1
            pacer.end(ticket, accepted=True)
        else:
            left, refused = left + 1, refused + 1
            pacer.refuse(ticket, now, pause)
    return now - 1000.0, refused


@pytest.mark.parametrize(
    ("ids", "quota"),
    [
        (1000, Rate(10.0, 10)),
        (4000, Rate(10.0, 10)),
        (1000, Rate(10.0, 600)),
        (1000, Rate(200.0, 200)),
        (4000, Rate(200.0, 200)),
        (10_000, Rate(100.0, 100)),
    ],
)
@pytest.mark.parametrize("told", [False, True])
def test_a_fleet_takes_as_long_as_its_quota_and_hardly_longer(
    ids: int, quota: Rate, told: bool
) -> None:
    """Learned or told, the quota is used up to 5 %, with next to no request refused."""
    seconds, refused = simulate(ids, quota, known=quota if told else None)

    assert seconds <= 1.05 * (ids - quota.burst) / quota.per_second + 1.0
    assert refused <= (10 if told else 64 + ids // 100 + 16)


@pytest.mark.parametrize(
    ("ids", "quota", "most"),
    [
        (1000, Rate(10.0, 1), 1.25),
        (4000, Rate(10.0, 1), 1.12),
        (300, Rate(2.0, 1), 1.2),
        (2000, Rate(50.0, 5), 1.25),
    ],
)
def test_a_quota_of_which_nothing_comes_together_is_found_too(
    ids: int, quota: Rate, most: float
) -> None:
    """Each 429 is then a second lost: the rate is searched for, and hardly overrun."""
    seconds, refused = simulate(ids, quota)

    assert seconds <= most * ids / quota.per_second
    assert refused <= 35


@pytest.mark.parametrize(
    ("ids", "quota", "most"),
    [
        (4000, Rate(100.0, 10), 1.25),
        (4000, Rate(300.0, 20), 1.55),
        (4000, Rate(50.0, 300), 1.03),
        (1000, Rate(1.0, 10), 1.01),
        (4000, Rate(20.0, 40), 1.01),
    ],
)
def test_any_other_quota_is_found_too(ids: int, quota: Rate, most: float) -> None:
    """Also those that refill in a pause far more than they hold."""
    seconds, refused = simulate(ids, quota)

    assert seconds <= most * (ids - quota.burst) / quota.per_second
    assert refused <= 64 + ids // 100 + 16


@pytest.mark.parametrize(
    ("quota", "most"), [(Rate(10.0, 10), 1.05), (Rate(20.0, 40), 1.03), (Rate(100.0, 100), 1.25)]
)
def test_a_quota_far_away_is_found_too(quota: Rate, most: float) -> None:
    """How long a request is on its way says nothing of the quota."""
    seconds, refused = simulate(4000, quota, latency=0.3)

    assert seconds <= most * (4000 - quota.burst) / quota.per_second
    assert refused <= 64 + 40 + 16


@pytest.mark.parametrize("share", [0.001, 0.01, 0.017])
def test_refusals_that_are_no_quota_cost_their_pauses_and_hardly_more(share: float) -> None:
    """Each asks for a second, of all; going slower would not make them fewer."""
    seconds, refused = simulate(10_000, Rate(1e6, 10**6), bad_luck=share)

    assert refused <= 1.2 * share * 10_000 + 8
    assert seconds <= 2.5 * refused + 30


@pytest.mark.parametrize("says", [told, lambda _: 1.0, lambda _: 0.3, lambda _: 0.0])
def test_a_quota_that_refills_all_at_once_is_used_too(says: Callable[[float], float]) -> None:
    """Whatever it says of how long to wait: who is refused tries again, less and less often."""
    seconds, refused = simulate(300, window(50, 5.0), says=says)

    assert seconds <= 25 * 1.35
    assert refused <= 64 + 6 * 8


@pytest.mark.parametrize(
    ("quota", "used"), [(Rate(20.0, 20), 17), (Rate(10.0, 10), 8), (Rate(10.0, 600), 590)]
)
def test_a_burst_that_is_used_up_at_first_is_found_later(quota: Rate, used: int) -> None:
    """An earlier client may have had it; a small one at first does not mean a high rate."""
    server = bucket(quota)
    for _ in range(used):
        server(1000.0)
    seconds, refused = simulate(1000, server, latency=0.02)

    assert seconds <= 1.08 * (1000 - quota.burst + used) / quota.per_second
    assert refused <= 64 + 10


def test_somebody_elses_share_of_a_quota_is_had_once_they_are_gone() -> None:
    """That nothing is to be had for a while says nothing of what is to be had after it."""
    server = bucket(Rate(20.0, 20))
    seconds, refused = simulate(200, lambda now: 0.5 if now < 1008.0 else server(now))

    assert seconds <= 8 + 5 + 200 / 20 * 1.1
    assert refused <= 64 + 20


@pytest.mark.parametrize(("pauses", "expected"), [(3, 2.0), (9, 5.0)])
def test_a_closed_door_is_knocked_at_less_and_less(pauses: int, expected: float) -> None:
    """A server that says nothing of how long to wait is not asked twice a second for ever."""
    pacer = Pacer(64)
    for _ in range(pauses + 1):
        ticket = Ticket()
        pacer.go(ticket, pacer.shut_until)
        pacer.refuse(ticket, pacer.shut_until, 0.1)

    assert pacer.shut_until - ticket.went == pytest.approx(expected)
    assert not pacer.paced


def test_a_quota_that_was_told_far_too_high_is_learned_instead() -> None:
    """After a few 429s that it does not explain; one burst more is lost before that."""
    seconds, refused = simulate(400, Rate(10.0, 10), known=Rate(100.0, 100))

    assert seconds <= 1.15 * 390 / 10
    assert refused <= 2 * 64


def test_what_comes_together_in_a_pause_is_used_after_it() -> None:
    """A bucket that fills while nothing goes is no loss; only the very first pauses are."""
    seconds, _ = simulate(20_000, Rate(200.0, 200))

    assert seconds <= 1.02 * (20_000 - 200) / 200


def test_bursts_that_are_refused_are_given_up() -> None:
    """Requests that overtake each other by more than the quota's own gap."""
    seconds, refused = simulate(1000, Rate(100.0, 1))

    assert refused <= 40
    assert seconds <= 80


def test_a_quota_that_was_told_too_high_is_kept_to_without_its_burst() -> None:
    """The user's word for the rate stands; a burst that is refused again is halved each time."""
    seconds, refused = simulate(400, Rate(20.0, 10), known=Rate(20.0, 100))

    assert refused <= 150
    assert seconds <= 1.2 * 400 / 20


def test_what_is_refused_in_spite_of_all_costs_no_time() -> None:
    """Two requests that bunch, and a pause: what comes together in it goes at once after it."""
    pacer = Pacer(64, Rate(10.0, 10))
    now = 100.0
    tickets = [Ticket() for _ in range(10)]
    for ticket in tickets:
        pacer.go(ticket, now)
    assert pacer.wait(now) > 0
    for ticket in tickets:
        pacer.end(ticket, accepted=True)
    late = Ticket()
    pacer.go(late, now + 0.2)
    pacer.refuse(late, now + 0.2, 1.0)
    now += 1.2
    probe = Ticket()
    pacer.go(probe, now)
    pacer.end(probe, accepted=True)

    going = 0
    while pacer.wait(now) == 0:
        pacer.go(Ticket(), now)
        going += 1
    assert 6 <= going <= 9


def test_without_a_quota_only_the_window_bounds() -> None:
    """From eight in flight it doubles each round trip, up to all the slots."""
    seconds, refused = simulate(20_000, Rate(1e6, 10**6))

    assert refused == 0
    assert seconds <= 1.02 * 20_000 / 64 * LATENCY


def test_a_quota_that_shrinks_is_learned_again() -> None:
    """A measure that no longer holds is given up."""
    wide, narrow = bucket(Rate(100.0, 100)), bucket(Rate(10.0, 10))
    seconds, refused = simulate(900, lambda now: wide(now) if now < 1005.0 else narrow(now))

    assert seconds <= 5 + 1.3 * (900 - 600) / 10
    assert refused <= 64 + 80


def test_after_a_pause_one_request_goes_to_see() -> None:
    """The others wait for what becomes of it."""
    pacer = Pacer(64)
    tickets = [Ticket() for _ in range(4)]
    pacer.go(tickets[0], 0.0)
    pacer.refuse(tickets[0], 1.0, 2.0)
    assert pacer.wait(1.0) == 2.0
    assert pacer.wait(3.0) == 0.0
    pacer.go(tickets[1], 3.0)
    assert pacer.wait(3.0) == math.inf
    pacer.end(tickets[1], accepted=True)

    assert pacer.wait(3.1) == 0.0
    assert (pacer.refusals, pacer.paused) == (1, 2.0)


def test_those_in_the_air_with_the_first_refused_tell_nothing_new() -> None:
    """Ten 429s of one wave are one lesson."""
    pacer = Pacer(64)
    tickets = [Ticket() for _ in range(8)]
    for ticket in tickets:
        pacer.go(ticket, 0.0)
    for ticket in tickets:
        pacer.refuse(ticket, 0.1, 1.0)

    assert pacer.refusals == 8
    assert not pacer.paced
    assert pacer.in_flight == 0


def test_a_longer_pause_wins_and_is_counted_once() -> None:
    """Pauses overlap; they do not add up."""
    pacer = Pacer(64)
    pacer.shut(0.0, 2.0)
    pacer.shut(1.0, 3.0)
    pacer.shut(1.0, 1.0)

    assert pacer.shut_until == 4.0
    assert pacer.paused == 4.0


def test_a_restart_narrows_the_window() -> None:
    """After an outage requests come back as slowly as they once began."""
    pacer = Pacer(64)
    for _ in range(30):
        ticket = Ticket()
        pacer.go(ticket, 0.0)
        pacer.end(ticket, accepted=True)
    pacer.restart()
    for _ in range(8):
        pacer.go(Ticket(), 0.0)

    assert pacer.wait(0.0) == math.inf
