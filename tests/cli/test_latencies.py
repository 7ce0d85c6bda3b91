"""How long things took, in classes."""

from __future__ import annotations

import pytest

from beeos_async.cli.latencies import Latencies, lower_edge


def test_quantiles_are_right_to_a_tenth() -> None:
    """Whatever the scale, and without keeping a single one."""
    latencies = Latencies()
    for n in range(1, 100_001):
        latencies.add(n / 1000)

    for share in (0.01, 0.5, 0.9, 0.99):
        assert latencies.quantile(share) == pytest.approx(100 * share, rel=0.1)
    assert latencies.quantile(1.0) <= latencies.longest == 100.0
    assert len(latencies) == 100_000
    assert len(latencies.classes) < 150


def test_one_is_all_of_its_quantiles() -> None:
    """And none is longer than the longest."""
    latencies = Latencies()
    latencies.add(0.5)

    assert latencies.quantile(0.5) == latencies.quantile(1.0) == pytest.approx(0.5, rel=0.1)
    assert latencies.quantile(1.0) <= latencies.longest == 0.5
    assert Latencies().quantile(0.5) == 0.0


def test_what_took_no_time_has_a_class_too() -> None:
    """The clock of a machine may not move between two looks at it."""
    latencies = Latencies()
    latencies.add(0.0)

    assert len(latencies) == 1
    assert latencies.longest == 0.0


def test_more_than_a_share_can_round_away() -> None:
    """A share beyond all of them is the longest."""
    latencies = Latencies()
    latencies.add(2.0)

    assert latencies.quantile(1.5) == 2.0


def test_a_class_begins_where_the_one_before_ends() -> None:
    """Twenty-four of them to a power of ten."""
    assert lower_edge(0) == 1.0
    assert lower_edge(24) == pytest.approx(10.0)
