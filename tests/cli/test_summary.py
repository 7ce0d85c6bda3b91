"""How a run is summed up, drawn onto a console that is a text."""

from __future__ import annotations

import pytest
from command_line import plain
from paper import EVIL, console, text_of
from rich.cells import cell_len

from beeos_async import Failed, FleetReport, Outcome, Skipped, Succeeded, TimedOut, Unknown
from beeos_async.cli.latencies import Latencies
from beeos_async.cli.summary import summary
from beeos_async.fleet.outcomes import Tally


def told(
    outcomes: list[Outcome[None]],
    note: str = "",
    width: int = 80,
    requests: Latencies | None = None,
) -> str:
    tally = Tally(counts={}, elapsed=4.9)
    for outcome in outcomes:
        tally.add(outcome)
    report = FleetReport("startInstance", {one.id: one for one in outcomes}, tally)
    paper = console(width, no_color=True)
    for part in summary(report, requests or Latencies(), note, paper):
        paper.print(part, highlight=False)
    return "\n".join(line.rstrip() for line in plain(text_of(paper)).split("\n"))


def test_a_run_without_trouble_is_summed_up_in_a_line() -> None:
    """All is well, and a note where there is one."""
    assert told([Succeeded("a", None)], "the proof") == (
        "\n  ✓ 1 of 1 started in 4.9 s\n    the proof\n\n"
    )


def test_the_first_ids_that_did_not_succeed_are_named() -> None:
    """Ten with reason and request id, then how many more; the sum stands last."""
    lost: list[Outcome[None]] = [Failed(f"inst_{n:02}", EVIL) for n in range(12)]
    rest: list[Outcome[None]] = [Skipped("late", "deadline"), Skipped("b\x07d", "invalid_id")]

    text = told([Succeeded("a", None), *lost, *rest])

    assert "failed  inst_09  NotFoundError: [bold red]no[/] such \ufffd[2J" in text
    assert text.count("[404 not_found request req_77]") == 10
    assert "inst_10" not in text
    assert "and 3 more; --json names them all" in text
    assert text.rstrip().split("\n\n")[-1].startswith("  ✗ 1 of 15 started in 4.9 s; 12 failed")
    assert "late" not in text


def test_few_troubles_have_no_more() -> None:
    """Each kind is named as such."""
    text = told(
        [Unknown("u", EVIL), TimedOut("t", None), Skipped("b\x07d", "invalid_id")], "", 160
    )

    assert "unknown    u    NotFoundError: " in text
    assert "not ready  t    not gone at the end" in text
    assert "skipped    b\ufffdd  invalid_id" in text
    assert "more" not in text


def slow(count: int) -> list[Outcome[None]]:
    """So many that succeeded, each a little slower than the one before."""
    return [
        Succeeded(
            f"inst_{n:04}",
            None,
            attempts=1 + n % 3,
            elapsed=n / 10,
            throttled=n / 20,
            request=n / 40,
        )
        for n in range(count)
    ]


def requests_of(count: int) -> Latencies:
    latencies = Latencies()
    for n in range(count):
        latencies.add(0.02 + n / 1000)
    return latencies


def test_the_slowest_are_named_with_what_they_waited_for() -> None:
    """Three of them, the most of their time first, and how often they were sent."""
    lines = told(slow(30), "", 120, requests_of(30)).split("\n")

    named = [line for line in lines if "inst_" in line]
    assert named[0].startswith("    slowest  inst_0029   2.9 s  3 attempts · throttled 1.4 s · ")
    assert named[0].endswith("request 725 ms")
    assert [line.split()[0] for line in named[1:]] == ["inst_0028", "inst_0027"]
    assert any(line.strip().startswith("requests  p50 ") for line in lines)


def test_all_of_an_ids_time_is_told_where_there_is_room() -> None:
    """Each part of it that is worth a word."""
    parts = dict.fromkeys(("queued", "throttled", "request", "provisioning", "connectivity"), 1.0)
    one: Outcome[None] = Succeeded("inst_1", None, attempts=1, elapsed=5.0, **parts)

    text = told([one], "", 120, requests_of(30))

    assert all(f"{name} 1 s" in text for name in parts)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_summary_fits(width: int) -> None:
    """No line is wider than the terminal, and none of the slowest has two."""
    lines = told(slow(30), "", width, requests_of(30)).split("\n")

    assert max(cell_len(line) for line in lines) <= width
    assert sum(" s " in line and "attempts" not in line for line in lines) < 8


def test_a_few_requests_have_no_shape() -> None:
    """A handful is told by its sum alone."""
    assert "slowest" not in told(slow(3), "", 80, requests_of(3))


def test_what_was_waited_for_is_drawn_too() -> None:
    """How long it took until each was ready, where that was seen."""
    booted: list[Outcome[None]] = [
        Succeeded(str(n), None, provisioning=1.0, connectivity=n / 10, elapsed=1 + n / 10)
        for n in range(30)
    ]

    assert "until ready  p50 2." in told(booted)


def test_what_was_never_sent_is_not_slow() -> None:
    """An id that is no id took no time worth a word."""
    text = told([Skipped(f"b {n}", "invalid_id") for n in range(30)], "", 80, requests_of(30))

    assert "slowest" not in text
