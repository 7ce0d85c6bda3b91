"""The file of a journal: what is in it, who may have it, and what is wrong with it."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from beeos_async._checks import Key
from beeos_async.errors import (
    ConfigurationError,
    ConnectionLostError,
    NotFoundError,
    Problem,
    Trouble,
)
from beeos_async.fleet.journal import Journal
from beeos_async.fleet.outcomes import Failed, Outcome, Skipped, Succeeded, TimedOut, Unknown
from beeos_async.fleet.steps import FORMAT, Accepted, Sent
from beeos_async.models.instances import Instance

URL = "http://127.0.0.1:1"
KEY = Key("a-key-of-mine")
WALL = 1_790_000_000.0

GOOD = Succeeded("good", Instance(id="good", name="whole"), attempts=1)
GONE = Failed("gone", NotFoundError(Problem(status=404, code="", message="")), attempts=1)
LOST = ConnectionLostError(Trouble(message="broke", reason="lost", delivered="maybe"))
LATE = TimedOut("late", Instance(id="late"), attempts=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def journal(
    path: object,
    action: str = "startInstance",
    wish: object = None,
    url: str = URL,
    key: Any = KEY,
) -> Journal:
    return Journal(path, action, wish, url, key)


def opened(path: object, **about: Any) -> Journal:
    made = journal(path, **about)
    made.open()
    return made


def write(path: Path, *steps: str | Outcome[Any] | Accepted, end: bool = False) -> None:
    """Write what one run would: an id is sent, an outcome is what it is."""
    made = opened(path)
    made.begin(WALL)
    for step in steps:
        if isinstance(step, str):
            made.sent(step)
        elif isinstance(step, Accepted):
            made.accepted(step.outcome)
        else:
            made.outcome(step)
    if end:
        made.end()
    made.close()


def lines(path: Path) -> list[Any]:
    return [json.decode(line) for line in path.read_bytes().splitlines()]


def past(path: Path, *ids: str) -> list[Any]:
    made = opened(path)
    try:
        return [made.past(id) for id in ids]
    finally:
        made.close()


# What is in it --------------------------------------------------------------------------------


def test_each_step_is_one_line(path: Path) -> None:
    """A header, what is sent, what came of it, and the end."""
    write(path, "good", GOOD, end=True)

    header, sent, outcome, end = lines(path)
    assert header == {
        "kind": "header",
        "format": FORMAT,
        "action": "startInstance",
        "wait": None,
        "base_url": URL,
        "key": KEY.fingerprint,
        "at": "2026-09-21T14:13:20Z",
    }
    assert sent == {"kind": "sent", "id": "good"}
    assert (outcome["kind"], outcome["instance"]) == ("succeeded", {"id": "good", "name": "whole"})
    assert end == {"kind": "end"}


def test_the_key_is_told_apart_and_not_told(path: Path) -> None:
    """Its fingerprint is short, differs from another's, and a callable has none."""
    write(path)

    assert "a-key-of-mine" not in path.read_text("utf-8")
    assert len(KEY.fingerprint) == 16
    assert Key("another").fingerprint != KEY.fingerprint == Key("a-key-of-mine").fingerprint
    path.unlink()
    made = opened(path, key=lambda: "x")
    made.begin(WALL)
    made.close()
    assert lines(path)[0]["key"] is None


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_only_its_owner_may_read_it(path: Path) -> None:
    """It names instances, and may hold prompts."""
    write(path)

    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_never_sent_leaves_no_line(path: Path) -> None:
    """A long rest that is skipped costs nothing; a doubt that is cleared is written."""
    write(path, Skipped("rest", "deadline"), "sent", Skipped("sent", "deadline", attempts=0))

    assert [(line["kind"], line.get("id")) for line in lines(path)[1:]] == [
        ("sent", "sent"),
        ("skipped", "sent"),
    ]


# What the next run knows ----------------------------------------------------------------------


def test_a_run_that_was_cut_short_is_known_to_the_next(path: Path) -> None:
    """What is good, what is in doubt; the rest is as if nothing had been."""
    unknown = Unknown("unknown", LOST, attempts=2)
    accepted = Accepted(Succeeded("late", Instance(id="late", name="booting"), attempts=1))
    steps: list[Any] = ["good", GOOD, "gone", GONE, "sent", "unknown", unknown]
    write(path, *steps, "late", accepted, LATE, Skipped("rest", "deadline"))

    assert past(path, "good", "gone", "sent", "unknown", "late", "rest", "new") == [
        GOOD,
        None,
        Sent("sent"),
        unknown,
        accepted,
        None,
        None,
    ]


def test_the_last_line_of_an_id_counts(path: Path) -> None:
    """Through any number of runs that were cut short."""
    write(path, "a", "b", "c", Unknown("c", LOST))
    write(path, "a", Succeeded("a", None, attempts=1), "b", Skipped("b", "deadline"))
    write(path, "c", GOOD, "good")

    assert past(path, "a", "b", "c", "good") == [
        Succeeded("a", None, attempts=1),
        None,
        Sent("c"),
        Sent("good"),
    ]


def test_after_its_end_a_run_is_begun_anew(path: Path) -> None:
    """A nightly job starts its fleet every night; only what came after the last end counts."""
    write(path, "good", GOOD, end=True)
    assert past(path, "good") == [None]

    write(path, "a", end=True)
    write(path, "b")
    assert past(path, "good", "a", "b") == [None, None, Sent("b")]
    assert [line["kind"] for line in lines(path)].count("header") == 3


def test_an_end_is_understood_however_it_is_spelt(path: Path) -> None:
    """Another program may have laid the lines out in its own way."""
    write(path, "a")
    with path.open("ab") as file:
        file.write(b'{ "kind" : "end" }\n')
    write(path, "b")

    assert past(path, "a", "b") == [None, Sent("b")]


@pytest.mark.parametrize(
    "cut",
    [
        LATE,
        Skipped("a", "deadline"),
        Skipped("a", "max_failures"),
        Skipped("a", "cancelled"),
        Unknown("a", LOST),
        Failed("a", NotFoundError(Problem(status=429, code="", message=""))),
    ],
)
def test_a_run_that_cut_an_id_short_has_no_end(path: Path, cut: Outcome[Any]) -> None:
    """It is gone on with; what an id came to by itself is an end of it."""
    if isinstance(cut, Unknown | Failed):
        write(path, cut, end=True)
        assert lines(path)[-1]["kind"] == "end"
        path.unlink()
        cut.error.gave_up = "deadline"
    write(path, cut, Skipped("b", "invalid_id"), GONE, end=True)
    LOST.gave_up = None

    assert "end" not in [line["kind"] for line in lines(path)]


def test_an_id_that_no_json_has_is_written_all_the_same(path: Path) -> None:
    """Half a surrogate pair is what a user may give for an id."""
    write(path, "\ud800")

    assert past(path, "\ud800") == [Sent("\ud800")]


# Torn lines -----------------------------------------------------------------------------------


def test_a_torn_last_line_is_ignored_and_harms_no_other(path: Path) -> None:
    """Wherever it was torn: what was whole stays, and what comes next is whole."""
    write(path, "a", "good", GOOD)
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1

    for length in range(head, len(whole), 5):
        path.write_bytes(whole[:length])
        write(path, "next")
        kept = whole[: whole[:length].rfind(b"\n") + 1]
        assert path.read_bytes().startswith(kept + b'{"kind":"header"')
        assert path.read_bytes().count(b"\n") == kept.count(b"\n") + 2
        assert past(path, "a", "good", "next") == [
            Sent("a") if kept.count(b"\n") > 1 else None,
            Sent("good") if kept.count(b"\n") > 2 else None,
            Sent("next"),
        ]


def test_a_torn_header_is_ignored_too(path: Path) -> None:
    """A process may be killed in its first write."""
    write(path)
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        write(path, "a")
        assert [line["kind"] for line in lines(path)] == ["header", "sent"]


def test_a_tail_of_nothing_is_a_torn_line(path: Path) -> None:
    """What a file may end in after the power was lost."""
    write(path, "a")
    with path.open("ab") as file:
        file.write(b"\0" * 5000)

    write(path, "b")

    assert past(path, "a", "b") == [Sent("a"), Sent("b")]


# What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["", 7, b"run", ["run"], "a\0b", Path("a\0b"), True])
def test_what_is_no_path_is_refused(wrong: object) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match="journal must be the path of a file"):
        journal(wrong)
    gc.collect()


@pytest.mark.fault("C27")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Nothing could be read from it again, and nobody empties it."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConfigurationError, match="pipe is a pipe"):
        opened(tmp_path / "pipe")


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """It says why: there is no such folder, it is a folder."""
    with pytest.raises(ConfigurationError, match="cannot be opened: No such file"):
        opened(tmp_path / "nowhere" / "run.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be opened: Is a directory"):
        opened(tmp_path)


@pytest.mark.parametrize("text", ["inst-1\ninst-2\n", "inst-1", "{}\n", '{"kind":"sent"}\n', "\n"])
def test_a_file_of_something_else_is_refused_and_left_alone(path: Path, text: str) -> None:
    """A list of ids, given by mistake, must not be harmed."""
    path.write_text(text)

    with pytest.raises(ConfigurationError, match="is no journal, but something else"):
        opened(path)

    assert path.read_text() == text


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"action": "stopInstance"}, "is about startInstance, and this run about stopInstance"),
        ({"wish": "online"}, "waits for nothing, and this run waits for online"),
        ({"wish": bool}, "waits for nothing, and this run waits for a function"),
        ({"url": "http://127.0.0.1:2"}, "is about http://127.0.0.1:1, and this run about"),
        ({"key": Key("another")}, "was written with another key"),
    ],
)
@pytest.mark.parametrize("end", [True, False])
def test_a_journal_of_something_else_is_refused(
    path: Path, about: dict[str, Any], words: str, *, end: bool
) -> None:
    """Another action, server or key; it says which differs and never the key."""
    write(path, "a", end=end)
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match=words) as caught:
        opened(path, **about)

    assert str(path) in str(caught.value)
    assert "another'" not in str(caught.value)
    assert KEY.fingerprint not in str(caught.value)
    assert path.read_bytes() == before
    opened(path).close()


@pytest.mark.parametrize(("first", "second"), [(KEY, lambda: "x"), (lambda: "x", KEY)])
def test_a_callable_that_gives_keys_fits_any_journal(path: Path, first: Any, second: Any) -> None:
    """Its keys come and go, and cannot be told apart."""
    made = opened(path, key=first)
    made.begin(WALL)
    made.close()

    opened(path, key=second).close()


def test_what_a_later_version_has_written_is_refused(path: Path) -> None:
    """Its lines may mean something else."""
    write(path)
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2'))

    with pytest.raises(ConfigurationError, match="later version"):
        opened(path)


def test_a_damaged_line_is_refused_and_told_where(path: Path) -> None:
    """Only the last line may be torn: in the middle something has gone wrong."""
    write(path, "a")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b'{"kind":"sent","i\n')
    write_after = path.read_bytes()

    with pytest.raises(ConfigurationError, match=f"is damaged at byte {size:,}"):
        opened(path)

    assert path.read_bytes() == write_after


# Looking ----------------------------------------------------------------------------------------


def test_a_look_tells_how_far_each_had_come(path: Path) -> None:
    """The last that is known of each id, whatever it is; also while another run writes."""
    assert journal(path).look() == {}
    assert not path.exists()
    write(path, "good", GOOD, "sent", "gone", GONE, "skip", Skipped("skip", "stopped"))
    with path.open("ab") as file:
        file.write(b'{"kind":"sent","id":"to')
    size = path.stat().st_size
    looking = journal(path)

    known = looking.look()

    assert known == {
        "good": "succeeded",
        "sent": "unknown",
        "gone": "failed",
        "skip": "skipped",
    }
    assert (looking.ids, path.stat().st_size) == ([], size)
    writing = opened(path)
    assert writing.ids == list(known)
    assert [writing.past(id) for id in ("gone", "skip")] == [None, None]
    writing.accepted(Succeeded("sent", None))
    writing.outcome(LATE)
    assert journal(path).look() == known | {"sent": "accepted", "late": "timed_out"}
    writing.end()
    writing.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b'{"kind":"hea', None), (b"{}\n", "is no journal"), (None, "cannot be opened")],
    ids=["torn", "foreign", "a directory"],
)
def test_a_look_changes_nothing_whatever_it_meets(
    path: Path, content: bytes | None, words: str | None
) -> None:
    """What is torn stays so, and what is no journal is refused as by a run."""
    if content is None:
        # No name of a file: what it lies in is one.
        (path.parent / "file").write_bytes(b"")
        path = path.parent / "file" / "run"
    else:
        path.write_bytes(content)

    if words is None:
        assert journal(path).look() == {}
        assert path.read_bytes() == content
    else:
        with pytest.raises(ConfigurationError, match=words):
            journal(path).look()


# Who may have it ------------------------------------------------------------------------------


def test_one_run_at_a_time(path: Path) -> None:
    """The second is refused, in one process too, until the first lets go."""
    first = opened(path)
    with pytest.raises(ConfigurationError, match=r"is in use by another run$"):
        opened(path)

    first.unlock()
    opened(path).close()
    first.close()
    first.close()
    first.unlock()

    assert first.past("a") is None


def test_a_journal_that_is_forgotten_lets_go(path: Path) -> None:
    """Its run was cancelled while the file was being opened, and nobody has it any more."""
    opened(path)
    gc.collect()

    opened(path).close()


def test_another_process_is_refused_while_the_lock_is_held(path: Path) -> None:
    """And let in as soon as the first one dies, however it dies."""
    script = f"""
        import sys, time
        from beeos_async._checks import Key
        from beeos_async.fleet.journal import Journal
        journal = Journal({str(path)!r}, "startInstance", None, {URL!r}, Key("a-key-of-mine"))
        journal.open()
        journal.begin({WALL})
        journal.sent("a")
        print("open", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConfigurationError, match="is in use by another run"):
            opened(path)
        other.kill()

    assert past(path, "a") == [Sent("a")]


# Where it cannot be written -------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told_by_name_and_every_time() -> None:
    """Nothing is written after it, so nothing may be sent."""
    made = opened("/dev/full")

    for write in (lambda: made.begin(WALL), lambda: made.sent("a"), lambda: made.outcome(GOOD)):
        with pytest.raises(OSError, match="/dev/full") as caught:
            write()
        assert caught.value.errno == errno.ENOSPC
    made.close()


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX's")
def test_a_line_that_fits_by_half_is_a_torn_one(path: Path) -> None:
    """A real limit, in a process of its own: the error is its own, the next run is whole."""
    script = f"""
        import resource
        from beeos_async._checks import Key
        from beeos_async.fleet.journal import Journal
        journal = Journal({str(path)!r}, "startInstance", None, {URL!r}, Key("a-key-of-mine"))
        journal.open()
        journal.begin({WALL})
        journal.sent("a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (250, 250))
        try:
            for number in range(9):
                journal.sent(f"inst-{{number}}")
        except OSError as error:
            print(error.errno, error.filename)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{errno.EFBIG} {path}\n"
    assert path.stat().st_size == 250
    assert not path.read_bytes().endswith(b"\n")
    write(path, "next")
    assert past(path, "a", "next") == [Sent("a"), Sent("next")]
