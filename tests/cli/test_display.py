"""The three displays: a terminal, a log, a program."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from command_line import sight
from rich.console import Console

from beeos_async import Failed, FleetReport, NotFoundError, Outcome, Skipped, Succeeded
from beeos_async.cli import display as room
from beeos_async.cli.dashboard import Heading
from beeos_async.cli.display import (
    Display,
    JsonDisplay,
    LiveDisplay,
    PlainDisplay,
    display_for,
)
from beeos_async.cli.progress import Progress
from beeos_async.cli.wording import NO_ID
from beeos_async.errors import Problem
from beeos_async.fleet.outcomes import Tally

REFUSED = NotFoundError(Problem(status=404, code="not_found", message="no such \x1b[2J instance"))
OUTCOMES: list[Outcome[None]] = [
    Succeeded("a", None),
    Failed("b", REFUSED),
    Skipped("c\x1b[2J", "invalid_id"),
]


def show(display: Display, note: str = "") -> Progress:
    """Show a whole run."""
    progress = Progress(3, 2, now=0.0)
    with display.looking():
        pass
    display.begin(Heading("Starting 3 instances", "nowhere"), progress)
    tally = Tally(counts={}, elapsed=2.0)
    for second, outcome in enumerate(OUTCOMES, start=1):
        progress.add(outcome)
        tally.add(outcome)
        display.outcome(outcome)
        progress.tick(second / 2)
        display.tick()
    display.end(FleetReport("startInstance", {one.id: one for one in OUTCOMES}, tally), note)
    return progress


def test_a_log_has_a_line_for_what_did_not_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    """And at last the sum; how the run stands is said beside it."""
    show(PlainDisplay(), "the note")

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "failed b NotFoundError: no such \ufffd[2J instance [404 not_found]",
        f"skipped c\ufffd[2J invalid_id: {NO_ID}",
        "1 of 3 started in 2.0 s; 1 failed (NotFoundError: 1); 1 skipped (invalid_id: 1)",
    ]
    assert err.splitlines() == [
        "Starting 3 instances, nowhere",
        "2 of 3 after 1.0 s, 2.0/s, 1 failed, 0.5 s left",
        "the note",
    ]


def test_a_long_log_has_ever_fewer_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One a second at first, some dozens in an hour."""
    display = PlainDisplay()
    progress = Progress(10_000, 2, now=0.0)
    display.tick()
    display.begin(Heading("Starting", "nowhere"), progress)
    lines = []

    for tick in range(1, 3600 * 8):
        progress.tick(tick / 8)
        display.tick()
        lines.append(capsys.readouterr().err if tick % 800 == 0 else "")
    lines.append(capsys.readouterr().err)

    said = "".join(lines).splitlines()
    assert said[1:3] == ["0 of 10,000 after 1.0 s, 0.0/s", "0 of 10,000 after 2.0 s, 0.0/s"]
    assert 50 < len(said) < 100


def test_a_log_tells_of_throttling(capsys: pytest.CaptureFixture[str]) -> None:
    """Why it is slow stands in the line that says how slow it is."""
    display = PlainDisplay()
    progress = Progress(10, 2, now=0.0)
    display.begin(Heading("Starting", "nowhere"), progress)

    progress.add(Succeeded("a", None))
    progress.tick(1.0, sight(waiting=3, limited_by="quota on startInstance, 8.9/s"))
    display.tick()

    assert capsys.readouterr().err.splitlines()[-1] == (
        "1 of 10 after 1.0 s, 1.0/s, 3 accepted,"
        " limited by quota on startInstance, 8.9/s, 4.0 s left"
    )


def test_a_program_gets_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each outcome, the good ones too, and the report; in ASCII, with nothing a terminal obeys."""
    show(JsonDisplay(), "the note")

    out, err = capsys.readouterr()
    assert out.isascii()
    assert "\x1b" not in out
    objects = [json.loads(line) for line in out.splitlines()]
    assert [one["kind"] for one in objects] == ["succeeded", "failed", "skipped", "report"]
    assert objects[2]["id"] == "c\x1b[2J"
    assert objects[1]["error"]["status"] == 404
    assert objects[3] == {
        "kind": "report",
        "ok": False,
        "total": 3,
        "succeeded": 1,
        "failed": 1,
        "timed_out": 0,
        "unknown": 0,
        "skipped": 1,
        "duplicates": 0,
        "first_try_rate": pytest.approx(1 / 3, abs=1e-5),
        "elapsed": 2.0,
    }
    assert err.endswith("the note\n")
    show(JsonDisplay())
    assert "note" not in capsys.readouterr().err


def terminal(**options: object) -> Console:
    return Console(  # type: ignore[call-overload, no-any-return]
        file=io.StringIO(), width=80, height=30, force_terminal=True, **options
    )


def test_a_terminal_is_drawn_on_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden cursor, drawings over each other, a summary, and the cursor back."""
    monkeypatch.setenv("TERM", "xterm")
    console = terminal()

    show(LiveDisplay(console), "the note")

    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.index("\x1b[?25l") < text.index("\x1b[1A") < text.rindex("\x1b[?25h")
    assert text.count("Starting 3 instances") == 5
    assert "\x1b[2J" not in text
    assert text.rstrip().endswith("the note")


def test_a_display_that_has_not_begun_can_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick before the beginning draws nothing."""
    monkeypatch.setenv("TERM", "xterm")
    console = terminal()
    display = LiveDisplay(console)

    display.tick()
    display.end(FleetReport("startInstance", {}, Tally(counts={})), "")

    assert isinstance(console.file, io.StringIO)
    assert "0 of 0 started" in console.file.getvalue()


def test_abandoning_shows_the_cursor_again(tmp_path: Path) -> None:
    """What a second Ctrl-C leaves behind can be typed in."""
    with (tmp_path / "tty").open("w+") as file:
        LiveDisplay(Console(file=file, force_terminal=True)).abandon()
        PlainDisplay().abandon()

        file.seek(0)
        assert file.read().startswith("\x1b[?25h")


@pytest.mark.parametrize(
    ("as_json", "options", "kind"),
    [
        (False, {"force_terminal": True}, LiveDisplay),
        (True, {"force_terminal": True}, JsonDisplay),
        (False, {"force_terminal": False}, PlainDisplay),
        (False, {"force_terminal": True, "_environ": {"TERM": "dumb"}}, PlainDisplay),
    ],
)
def test_a_display_is_chosen_by_what_is_there(
    monkeypatch: pytest.MonkeyPatch, as_json: bool, options: dict[str, object], kind: type
) -> None:
    """JSON where it is asked for, drawings where they can be drawn, lines elsewhere."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(room, "Console", lambda: Console(file=sys.stdout, **options))  # type: ignore[arg-type]

    assert type(display_for(as_json=as_json)) is kind
