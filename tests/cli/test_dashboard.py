"""How a run looks, drawn onto a console that is a text."""

from __future__ import annotations

import pytest
from command_line import plain, sight
from paper import EVIL, console, text_of
from rich.cells import cell_len

from beeos_async import (
    Failed,
    Outcome,
    Skipped,
    Succeeded,
    TimedOut,
    Unknown,
)
from beeos_async.cli.dashboard import Dashboard, Heading, bar, trouble
from beeos_async.cli.glyphs import FINE, ROUGH
from beeos_async.cli.progress import Progress

HEADING = Heading("Starting 1,000 instances", "https://api.example")


def some(progress: Progress, outcome: Outcome[None], count: int = 1) -> None:
    for _ in range(count):
        progress.add(outcome)


def busy(total: int = 1000) -> Progress:
    progress = Progress(total, 64, now=0.0)
    some(progress, Succeeded("a", None, throttled=0.9, elapsed=1.0), total // 4)
    some(progress, Succeeded("a", None, already=True), total // 100)
    some(progress, Failed("inst_1", EVIL), 3)
    some(progress, Skipped("bad\x1b[2Jid", "invalid_id"))
    progress.requests, progress.refusals = 700, 120
    for quarter in range(1, 12):
        progress.tick(quarter / 4)
    return progress


def drawn(
    progress: Progress,
    width: int,
    height: int = 40,
    encoding: str = "utf-8",
    heading: Heading = HEADING,
) -> list[str]:
    paper = console(width, height, encoding, no_color=True, highlight=False)
    paper.print(Dashboard(heading, progress))
    text = plain(text_of(paper))
    assert "\x1b" not in text
    return text.split("\n")


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("total", [500, 100_000])
def test_no_line_is_broken_or_cut(width: int, total: int) -> None:
    """At 80 columns as at 200 every line but the troubles' fits, with a margin."""
    lines = drawn(busy(total), width)

    body = lines[: lines.index(next(line for line in lines if "✗" in line))]
    assert max(cell_len(line) for line in lines) <= width
    assert not any("…" in line for line in body)
    assert f"{total:,}" in "".join(body)
    assert "throttled" in "".join(body)
    assert "requests: 120 refused (429)" in "".join(body)
    for word in ("started", "already running", "unknown", "skipped", "in progress", "not begun"):
        assert word in "".join(body)


def test_a_dashboard_does_not_jump() -> None:
    """It has as many lines at the beginning as at the end, troubles aside."""
    young = Progress(500, 64, now=0.0)
    old = Progress(500, 64, now=0.0)
    some(old, Succeeded("a", None), 500)
    old.finish(5.0)

    first, last = drawn(young, 80), drawn(old, 80)

    assert len(first) == len(last)
    assert "not held back" in "".join(first)
    assert "not throttled" in "".join(last)
    assert "left" not in "".join(first)
    assert "100.0/s" not in "".join(last)
    assert "100/s" in "".join(last)
    assert "in progress" not in "".join(last)


def test_a_low_terminal_shows_fewer_troubles() -> None:
    """The newest stay; the dashboard never grows beyond the window."""
    assert sum("✗" in line for line in drawn(busy(), 80, height=40)) == 4
    few = drawn(busy(), 80, height=17)
    assert [line for line in few if "✗" in line][-1].startswith("  ✗ bad\ufffd[2Jid")
    assert sum("✗" in line for line in few) == 2
    assert not any("✗" in line for line in drawn(busy(), 80, height=10))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Bars, marks and heights have a form that every encoding has."""
    lines = drawn(busy(), 80, encoding="ascii")

    assert all(line.isascii() for line in lines)
    assert "####" in "".join(lines)


def test_a_timed_out_column_appears_with_the_first() -> None:
    """A column that is always empty takes no room; one that is not is never hidden."""
    progress = busy()
    assert "not ready" not in "".join(drawn(progress, 100))

    progress.add(TimedOut("a", None))

    assert "not ready" in "".join(drawn(progress, 100))


@pytest.mark.parametrize("width", [34, 46, 58])
def test_a_narrow_terminal_has_more_lines(width: int) -> None:
    """What does not fit beside each other stands below each other; nothing is cut."""
    progress = busy()
    progress.tick(3.0, sight(in_flight=64, waiting=5, limited_by="concurrency"))

    lines = drawn(progress, width, heading=HEADING._replace(waits=True))

    body = "\n".join(lines[: lines.index(next(line for line in lines if "✗" in line))])
    assert all(cell_len(line) <= width for line in lines)
    words = ("started", "already", "unknown", "skipped", "in progress", "accepted")
    assert all(word in body for word in (*words, "not begun", "limited by concurrency"))
    assert "3.0 s elapsed  ·  4.0 s left" in body


def test_a_run_that_only_waits_says_so() -> None:
    """Those that were accepted have a column, and the wish is what they become."""
    progress = Progress(12, 64, now=0.0)
    progress.tick(
        1.0, sight(waiting=12, limited_by="12 instances that are still booting", seconds_left=None)
    )
    paper = console(90, no_color=True)

    paper.print(Dashboard(Heading("Starting", "there", "online", waits=True), progress))

    text = plain(text_of(paper))
    assert "waiting for 12 instances that are still booting" in text
    assert "online" in text
    assert "accepted" in text
    assert "left" not in text


def test_a_bar_that_was_broken_off_is_not_full() -> None:
    """What the run left out was not done; an id that cannot be one was."""
    progress = Progress(100, 64, now=0.0)
    some(progress, Succeeded("a", None), 49)
    some(progress, Skipped("b d", "invalid_id"))
    some(progress, Skipped("a", "cancelled"), 50)

    line = bar(progress, 70, FINE)

    assert line.plain.endswith("─   50 of 100   50%")
    assert [span.style for span in line.spans] == ["green", "blue", "dim"]
    assert line.plain.count("━") == line.plain.count("─")


def test_all_but_one_is_not_all() -> None:
    """A share is 100% only when all is done."""
    progress = Progress(1000, 64, now=0.0)
    some(progress, Succeeded("a", None), 999)

    assert bar(progress, 70, FINE).plain.endswith(" 99%")


def test_a_bar_is_full_when_all_is_done() -> None:
    """Whatever came of them, and however the shares round."""
    progress = Progress(300, 64, now=0.0)
    some(progress, Succeeded("a", None), 199)
    some(progress, Failed("a", EVIL), 100)
    some(progress, Unknown("a", EVIL))

    line = bar(progress, 70, FINE)

    assert "─" not in line.plain
    assert len(line.plain) == 70
    assert line.plain.endswith("  300 of 300  100%")
    assert [span.style for span in line.spans] == ["green", "red", "yellow"]


def test_one_failure_among_thousands_is_seen() -> None:
    """A share too small for a cell has one all the same."""
    progress = Progress(100_000, 64, now=0.0)
    some(progress, Failed("a", EVIL))

    line = bar(progress, 70, FINE)

    assert line.plain.startswith("━─")
    assert line.spans[0].style == "red"


def test_half_a_cell_is_drawn_as_half() -> None:
    """The bar moves twice as finely as the cells."""
    progress = Progress(10, 64, now=0.0)
    some(progress, Succeeded("a", None), 3)

    assert bar(progress, 31, FINE).plain.startswith("━━━━╸─")
    assert bar(progress, 31, ROUGH).plain.startswith("#####-")


def test_a_run_of_nothing_has_a_bar() -> None:
    """No ids is no division by zero."""
    assert "0 of 0" in bar(Progress(0, 64, now=0.0), 60, FINE).plain


def test_a_trouble_keeps_its_request_id() -> None:
    """What a support ticket needs survives the cut to one line."""
    line = trouble(Failed("inst_1", EVIL), 100, FINE).plain

    assert line.startswith("✗ inst_1  NotFoundError: [bold red]no[/] such \ufffd[2J instance")
    assert line.endswith("…[404 not_found request req_77]")
    assert cell_len(line) <= 100


def test_colours_are_the_terminals_own() -> None:
    """Only the sixteen named ones, which each theme has made readable on its own ground."""
    paper = console(80, color_system="truecolor")

    paper.print(Dashboard(HEADING, busy()))

    text = text_of(paper)
    assert "\x1b[32m" in text
    assert "38;" not in text
    assert "48;" not in text
