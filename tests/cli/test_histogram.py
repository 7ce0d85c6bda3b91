"""Latencies, drawn."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from beeos_async.cli.glyphs import FINE, ROUGH, Glyphs
from beeos_async.cli.histogram import ROWS, histogram
from beeos_async.cli.latencies import Latencies


def some(count: int, least: float, most: float) -> Latencies:
    latencies = Latencies()
    for n in range(count):
        latencies.add(least * (most / least) ** (n / count))
    return latencies


def drawn(latencies: Latencies, width: int, glyphs: Glyphs = FINE) -> list[str]:
    return [line.plain for line in histogram(latencies, "requests", width, glyphs)]


@pytest.mark.parametrize("width", [24, 36, 72, 112])
@pytest.mark.parametrize(("least", "most"), [(0.02, 0.05), (0.0001, 900.0), (1.0, 1.01)])
def test_it_fits_whatever_its_range(width: int, least: float, most: float) -> None:
    """From one column to hundreds, and from a tenth of a millisecond to a quarter of an hour."""
    lines = drawn(some(500, least, most), width)

    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= ROWS + 2
    assert "█" in "".join(lines[1:-1])


def test_the_axis_names_what_stands_above_it() -> None:
    """Marks at 1, 2 and 5 of each power of ten, under the column they belong to."""
    latencies = some(2000, 0.01, 1.0)
    latencies.add(0.01)

    *_, columns, axis = drawn(latencies, 112)

    assert [axis[at:].split("╵")[1].strip() for at in range(len(axis)) if axis[at] == "╵"] == [
        *("10 ms", "20 ms", "50 ms"),
        *("100 ms", "200 ms", "500 ms"),
    ]
    assert columns[axis.index("╵200 ms")] != " "


def test_one_among_thousands_is_still_a_mark() -> None:
    """The one that took a hundred times as long is what somebody looks for."""
    latencies = some(10_000, 0.02, 0.03)
    latencies.add(2.5)

    assert drawn(latencies, 72)[-2].endswith("▁")


def test_quantiles_stand_above_and_the_least_telling_goes_first() -> None:
    """Where there is no room for all of them."""
    latencies = some(500, 0.02, 0.05)

    assert drawn(latencies, 72)[0].startswith("requests  p50 3")
    assert drawn(latencies, 72)[0].count("·") == 3
    assert "p90" not in drawn(latencies, 42)[0]
    assert "longest" not in drawn(latencies, 32)[0]
    assert "p99" not in drawn(latencies, 24)[0]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Heights and marks have a form that every encoding has."""
    assert all(line.isascii() for line in drawn(some(500, 0.02, 5.0), 72, ROUGH))
