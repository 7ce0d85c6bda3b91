"""How a run looks, drawn onto a console that is a text."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from beeos_async import (
    Failed,
    FleetReport,
    NotFoundError,
    Outcome,
    Skipped,
    Succeeded,
    TimedOut,
    Unknown,
)
from beeos_async.cli.dashboard import FINE, ROUGH, Dashboard, bar, summary, trouble
from beeos_async.cli.progress import Progress
from beeos_async.errors import Problem
from beeos_async.fleet.outcomes import Tally

EVIL = NotFoundError(
    Problem(
        status=404,
        code="not_found",
        message="[bold red]no[/] such \x1b[2J instance, " + "and never was " * 20,
        request_id="req_77",
    )
)


def console(width: int, height: int = 40, encoding: str = "utf-8", **options: object) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", newline="")
    return Console(file=file, width=width, height=height, force_terminal=True, **options)  # type: ignore[arg-type]


def text_of(drawn: Console) -> str:
    assert isinstance(drawn.file, io.TextIOWrapper)
    drawn.file.flush()
    drawn.file.seek(0)
    return drawn.file.read()


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


def drawn(progress: Progress, width: int, height: int = 40, encoding: str = "utf-8") -> list[str]:
    paper = console(width, height, encoding, no_color=True, highlight=False)
    paper.print(Dashboard("Starting 1,000 instances", "https://api.example", progress))
    plain = text_of(paper)
    for style in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(style, "")
    assert "\x1b" not in plain
    return plain.split("\n")


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("total", [500, 100_000])
def test_no_line_is_broken_or_cut(width: int, total: int) -> None:
    """At 80 columns as at 200 every line but the troubles' fits, with a margin."""
    lines = drawn(busy(total), width)

    body = lines[: lines.index(next(line for line in lines if "✗" in line))]
    assert max(cell_len(line) for line in lines) <= width
    assert not any("…" in line for line in body)
    assert f"{total:,}" in "".join(body)
    assert "of the time  ·  120 of 700 requests refused with 429" in "".join(body)
    for word in ("started", "already running", "unknown", "skipped", "in progress", "waiting"):
        assert word in "".join(body)


def test_a_dashboard_does_not_jump() -> None:
    """It has as many lines at the beginning as at the end, troubles aside."""
    young = Progress(500, 64, now=0.0)
    old = Progress(500, 64, now=0.0)
    some(old, Succeeded("a", None), 500)
    old.finish(5.0)

    first, last = drawn(young, 80), drawn(old, 80)

    assert len(first) == len(last)
    assert "not throttled" in "".join(first)
    assert "left" not in "".join(first)
    assert "100.0/s" not in "".join(last)
    assert "100/s" in "".join(last)
    assert "in progress" not in "".join(last)


def test_a_low_terminal_shows_fewer_troubles() -> None:
    """The newest stay; the dashboard never grows beyond the window."""
    assert sum("✗" in line for line in drawn(busy(), 80, height=40)) == 4
    few = drawn(busy(), 80, height=15)
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
    assert "timed out" not in "".join(drawn(progress, 100))

    progress.add(TimedOut("a", None))

    assert "timed out" in "".join(drawn(progress, 100))


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


def told(outcomes: list[Outcome[None]], note: str = "", width: int = 80) -> str:
    tally = Tally(counts={}, elapsed=4.9)
    for outcome in outcomes:
        tally.add(outcome)
    report = FleetReport("startInstance", {one.id: one for one in outcomes}, tally)
    paper = console(width, no_color=True)
    for part in summary(report, note, paper):
        paper.print(part, highlight=False)
    plain = text_of(paper)
    for style in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(style, "")
    return "\n".join(line.rstrip() for line in plain.split("\n"))


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
    assert "timed out  t    accepted, not ready in time" in text
    assert "skipped    b\ufffdd  invalid_id" in text
    assert "more" not in text


def test_colours_are_the_terminals_own() -> None:
    """Only the sixteen named ones, which each theme has made readable on its own ground."""
    paper = console(80, color_system="truecolor")

    paper.print(Dashboard("Starting", "there", busy()))

    text = text_of(paper)
    assert "\x1b[32m" in text
    assert "38;" not in text
    assert "48;" not in text
