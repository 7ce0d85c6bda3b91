"""The arithmetic of quotas."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import modest

from beeos_async._protocol.throttle import Rate, conform, parse_rate, rates
from beeos_async.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/min", Rate(10.0, 600)),
        ("600/m", Rate(10.0, 600)),
        ("10/s", Rate(10.0, 10)),
        ("10/sec", Rate(10.0, 10)),
        ("3600/h", Rate(1.0, 3600)),
        (" 10 / s ", Rate(10.0, 10)),
        ("2.5/s", Rate(2.5, 2)),
        ("0.5/s", Rate(0.5, 1)),
        ("1/h", Rate(1 / 3600, 1)),
        (5, Rate(5.0, 1)),
        (0.2, Rate(0.2, 1)),
        (1e-6, Rate(1e-6, 1)),
        (1e9, Rate(1e9, 1)),
        ("1000000000/s", Rate(1e9, 10**9)),
        ("0.000001/s", Rate(1e-6, 1)),
    ],
)
def test_a_quota_is_read(text: object, rate: Rate) -> None:
    """A text has its amount as burst, a number has a burst of one."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "/s",
        "10/",
        "10/day",
        "10/S",
        "10 per s",
        "-1/s",
        "+1/s",
        "0/s",
        "0.0/min",
        "1e3/s",
        ".5/s",
        "nan/s",
        "\u0663/s",
        "10/s, 600/min",
        "9" * 400 + "/s",
        "0." + "0" * 400 + "1/s",
        0,
        -1,
        0.0,
        1e-300,
        1e300,
        0.9e-6,
        1e9 + 1,
        "1000000001/s",
        "0.0000009/s",
        10**400,
        float("nan"),
        float("inf"),
        True,
        None,
        b"10/s",
        ["10/s"],
        {"startInstance": "10/s"},
    ],
)
def test_what_is_no_quota_is_refused(text: Any) -> None:
    """The refusal shows the grammar."""
    with pytest.raises(ConfigurationError, match='a quota is "600/min", "10/s"'):
        parse_rate(text)


def test_a_rested_bucket_lets_a_burst_go_and_then_paces() -> None:
    """Three at once, then one for each gap."""
    rate, due, waits = Rate(2.0, 3), 0.0, []

    for now in (100.0, 100.0, 100.0, 100.0, 100.25, 100.5, 100.5):
        due, wait = conform(rate, due, now)
        waits.append(wait)

    assert waits == pytest.approx([0, 0, 0, 0.5, 0.25, 0, 0.5])


def test_a_refused_request_is_not_counted() -> None:
    """Asking too early costs nothing."""
    rate = Rate(1.0, 1)
    due, _ = conform(rate, 0.0, 100.0)

    assert conform(rate, due, 100.0) == (due, 1.0)
    assert conform(rate, due, 100.5) == (due, 0.5)
    assert conform(rate, due, 101.0) == (due + 1.0, 0.0)


def test_a_wait_less_than_the_clock_can_show_is_no_wait() -> None:
    """Otherwise who sleeps for it would wake at the same time, for ever."""
    # A gap of 0.7 of the clock's last digit: adding it rounds up, and leaves 0.3 to wait.
    rate, now = Rate(1 / (0.7 * 2.0**-12), 1), 2.0**40

    assert conform(rate, 0.0, now)[1] == 0.0


@modest
@given(
    st.builds(Rate, st.floats(0.01, 1000), st.integers(1, 6)),
    st.floats(0, 1e6),
    st.lists(st.floats(0, 2), min_size=10, max_size=80),
)
def test_no_more_than_the_quota_goes_through(rate: Rate, began: float, gaps: list[float]) -> None:
    """In any stretch of time t, at most burst + rate * t requests conform."""
    now, due, gone = began, 0.0, []
    for gap in gaps:
        now += gap / rate.per_second
        due, wait = conform(rate, due, now)
        if not wait:
            gone.append(now)

    for first in range(len(gone)):
        for last in range(first, len(gone)):
            stretch = gone[last] - gone[first]
            assert last - first + 1 <= rate.burst + rate.per_second * stretch + 1e-3


@modest
@given(st.builds(Rate, st.floats(0.01, 1000), st.integers(1, 50)), st.floats(0, 1e6))
def test_who_waits_as_told_conforms(rate: Rate, now: float) -> None:
    """The wait is enough, and no longer than one gap for the next in line."""
    due = 0.0

    for _ in range(3 * rate.burst):
        due, wait = conform(rate, due, now)
        if wait:
            assert wait <= 1 / rate.per_second * (1 + 1e-6)
            now = math.nextafter(now + wait, math.inf)
            due, wait = conform(rate, due, now)
        assert wait == 0.0


CONTROL = {"control-info": Rate(5.0, 300), "control-action": Rate(1.0, 60)}


def test_a_client_may_know_no_quota_but_those_that_are_published() -> None:
    """Every other endpoint learns its own."""
    rate_of = rates(None, "rate_limit")

    assert rate_of("startInstance") is None
    assert {bucket: rate_of(bucket) for bucket in CONTROL} == CONTROL


def test_a_quota_may_be_every_endpoints() -> None:
    """Of each, not of all together; what is published for devices is not lifted by it."""
    rate_of = rates("600/min", "rate_limit")

    assert rate_of("startInstance") == rate_of("getInstance") == Rate(10.0, 600)
    assert rate_of("control-action") == CONTROL["control-action"]
    assert rates("6/min", "rate_limit")("control-action") == Rate(0.1, 6)


def test_a_quota_may_be_one_endpoints() -> None:
    """The others have none, or the published one."""
    rate_of = rates({"startInstance": "10/s", "getInstance": 2}, "rate_limit")

    assert rate_of("startInstance") == Rate(10.0, 10)
    assert rate_of("getInstance") == Rate(2.0, 1)
    assert rate_of("stopInstance") is None
    assert {bucket: rate_of(bucket) for bucket in CONTROL} == CONTROL


@pytest.mark.parametrize("name", ["control-action", "computerClick", "mobileGetUiTree"])
def test_an_operation_speaks_for_its_bucket(name: str) -> None:
    """What shares a quota is told it by the name of any, or by its own."""
    rate_of = rates({name: "120/min"}, "rate_limit")

    assert rate_of("control-action") == Rate(2.0, 120)
    assert rate_of("control-info") == CONTROL["control-info"]


def test_one_bucket_may_be_told_the_same_twice() -> None:
    """Only where they differ is it unclear what is meant."""
    given = {"getComputerInfo": "10/s", "getMobileInfo": "600/min", "mobileTap": 2}

    with pytest.raises(
        ConfigurationError,
        match="gives getComputerInfo and getMobileInfo two quotas, but they share control-info",
    ):
        rates(given, "rate_limit")
    rate_of = rates({**given, "getMobileInfo": "10/s", "mobileKey": 2.0}, "rate_limit")
    assert rate_of("control-info") == Rate(10.0, 10)
    assert rate_of("control-action") == Rate(2.0, 1)


@pytest.mark.parametrize(
    ("given", "offence"),
    [
        ("soon", "a quota is"),
        ({"startInstance": "soon"}, "a quota is"),
        ({"startInstances": "10/s"}, "rate_limit names 'startInstances', which is no operationId"),
        ({"getInstance": 1, 7: 1, "x": 1}, "rate_limit names 7"),
    ],
)
def test_quotas_that_mean_nothing_are_refused(given: Any, offence: str) -> None:
    """By the name of the option."""
    with pytest.raises(ConfigurationError, match=offence):
        rates(given, "rate_limit")
