"""The numbers of a run while it goes on."""

from __future__ import annotations

import pytest
from command_line import sight

from beeos_async import Attempt, Failed, NotSentError, Skipped, Succeeded
from beeos_async.cli.progress import BARS, BEAT, TROUBLES, Progress
from beeos_async.errors import Trouble

ERROR = NotSentError(Trouble(message="no route", reason="connect", delivered="no"))


def started(progress: Progress, count: int, *, throttled: float = 0.0) -> None:
    for _ in range(count):
        progress.add(Succeeded("a", None, throttled=throttled, elapsed=1.0))


def test_outcomes_are_counted_by_kind() -> None:
    """What was running already is told apart from what was started."""
    progress = Progress(total=10, workers=4, now=0.0)

    started(progress, 3)
    progress.add(Succeeded("b", None, already=True))
    progress.add(Failed("c", ERROR))
    progress.add(Skipped("d", "invalid_id"))
    progress.add(Skipped("e", "deadline"))

    assert progress.counts == {"succeeded": 3, "already": 1, "failed": 1, "skipped": 2}
    assert [trouble.id for trouble in progress.troubles] == ["c", "d"]
    assert (progress.in_progress, progress.waiting) == (3, 0)


def test_only_the_last_troubles_are_kept() -> None:
    """A run in which everything fails does not grow for it."""
    progress = Progress(total=100, workers=4, now=0.0)

    for number in range(50):
        progress.add(Failed(str(number), ERROR))

    assert [trouble.id for trouble in progress.troubles] == [
        str(number) for number in range(50 - TROUBLES, 50)
    ]


def test_the_pace_forgets_what_was_long_ago() -> None:
    """The pace is that of the last moments, until the run is over."""
    progress = Progress(total=200, workers=4, now=100.0)
    assert progress.pace == 0.0
    assert progress.left is None

    started(progress, 90)
    progress.tick(101.0)
    assert progress.pace == 90.0
    for second in range(2, 11):
        started(progress, 1)
        progress.tick(100.0 + second)

    assert progress.pace == 1.0
    assert progress.left == pytest.approx((200 - 99) / 9.9)
    progress.finish(111.0)
    assert progress.pace == 9.0
    assert (progress.in_progress, progress.waiting, progress.elapsed) == (0, 0, 11.0)


def test_the_time_left_forgets_too() -> None:
    """A slow beginning does not spoil the forecast for ever."""
    progress = Progress(total=1000, workers=4, now=0.0)

    for second in range(1, 101):
        started(progress, 5 if second > 50 else 0)
        progress.tick(float(second))

    assert progress.left == pytest.approx((1000 - 250) / 5)
    assert len(progress._samples) < 30


def test_the_share_of_waiting_for_the_quota_is_told() -> None:
    """It is a share of the ids' time: lately while the run lasts, of all when it is over."""
    progress = Progress(total=100, workers=4, now=0.0)
    assert progress.throttled_share == 0.0

    started(progress, 5)
    progress.tick(1.0)
    started(progress, 5, throttled=0.5)
    progress.tick(5.0)

    assert progress.throttled_share == 0.5
    progress.finish(6.0)
    assert progress.throttled_share == 0.25


def test_requests_and_refusals_are_counted() -> None:
    """Every request counts, and a 429 twice over."""
    progress = Progress(total=1, workers=1, now=0.0)

    for status in (429, 429, None, 200):
        progress.heed(Attempt(endpoint="startInstance", attempt=1, seconds=0.1, status=status))

    assert (progress.requests, progress.refusals) == (4, 2)


def test_the_history_shows_what_was_done_when() -> None:
    """Each bar is a stretch of time; the one that is still growing is left out."""
    progress = Progress(total=100, workers=4, now=0.0)
    assert progress.history(5) == []

    for bar, count in enumerate((2, 0, 4, 1)):
        started(progress, count)
        progress.tick(bar * BEAT + 0.1)

    assert progress.history(10) == [0.5, 0.0, 1.0]
    assert progress.history(2) == [0.0, 1.0]


def test_a_history_without_anything_is_flat() -> None:
    """Nothing done is no division by zero."""
    progress = Progress(total=100, workers=4, now=0.0)

    progress.tick(3 * BEAT)

    assert progress.history(10) == [0.0, 0.0, 0.0]


def test_a_long_run_has_no_more_bars_than_a_short_one() -> None:
    """When the bars are used up, each two become one, and nothing is lost."""
    progress = Progress(total=10_000, workers=4, now=0.0)

    for tick in range(1, 4000):
        started(progress, 1)
        progress.tick(tick * BEAT)

    assert len(progress._history) <= BARS
    assert sum(progress._history) == 3999
    progress.tick(10_000_000.0)
    assert len(progress._history) <= BARS


def test_what_the_run_sees_itself_is_preferred() -> None:
    """It knows of the quota, and of those that were accepted and are not yet ready."""
    progress = Progress(total=100, workers=4, now=0.0)
    started(progress, 10)

    progress.tick(1.0, sight(in_flight=3, waiting=20, limited_by="concurrency"))

    assert (progress.in_progress, progress.accepted, progress.waiting) == (3, 20, 67)
    assert (progress.left, progress.limited_by) == (4.0, "concurrency")
    progress.tick(2.0, sight(in_flight=4, waiting=96))
    assert (progress.waiting, progress.limited_by) == (0, "")
    progress.finish(3.0)
    assert (progress.in_progress, progress.accepted, progress.waiting) == (0, 0, 0)
    assert progress.limited_by == ""


def test_what_a_run_left_out_is_not_done() -> None:
    """But what cannot be an id has come to its end."""
    progress = Progress(total=9, workers=4, now=0.0)

    progress.add(Skipped("b d", "invalid_id"))
    progress.add(Skipped("a", "cancelled"))

    assert (progress.done, progress.left_out) == (2, 1)


def test_only_what_was_answered_has_a_latency() -> None:
    """How long nobody answered says nothing of those who do."""
    progress = Progress(total=1, workers=1, now=0.0)

    progress.heed(Attempt(endpoint="startInstance", attempt=1, seconds=30.0))
    progress.heed(Attempt(endpoint="startInstance", attempt=2, seconds=0.1, status=200))

    assert len(progress.latencies) == 1
    assert progress.latencies.longest == 0.1
