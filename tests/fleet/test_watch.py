"""What is seen of an instance that is waited for, and what that means: without a loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from beeos_async._protocol.polling import Sight
from beeos_async.errors import ConfigurationError
from beeos_async.fleet.watch import Watch
from beeos_async.models.instances import Instance
from beeos_async.waiting import Action, WaitError, WaitTimeoutError, Wish

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OUT = "device_unauthorized"
MINE = "mine"


def moment(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(status: str, link: str = "offline", **fields: Any) -> Instance:
    """Make an instance as a look shows it."""
    return Instance(
        **{
            "id": "inst-1",
            "status": status,
            "desired_status": "running",
            "connectivity": link,
            "ms_connection_status": "unknown",
            "updated_at": NOON,
            **fields,
        }
    )


def thin(status: str, **fields: Any) -> Instance:
    """Make a row that says next to nothing."""
    return Instance(id="inst-1", status=status, **fields)


def watch(
    wish: Wish = "online",
    action: Action = "start",
    answer: Instance | None = None,
    *,
    until: float | None = None,
) -> Watch:
    return Watch("inst-1", wish, action, now=100.0, until=until, answer=answer)


def trail(one: Watch, *instances: Instance, whole: bool = True) -> list[Sight]:
    return [one.see(instance, 101.0 + n, whole=whole) for n, instance in enumerate(instances)]


def reason_of(one: Watch) -> str | None:
    assert isinstance(one.error, WaitError)
    return one.error.reason


def test_what_moves_is_told_from_what_stays() -> None:
    """Until it is ready, and the last sight is kept."""
    one = watch(answer=seen("pending"))

    assert trail(
        one,
        seen("pending"),
        seen("provisioning"),
        seen("running"),
        seen("running", total_run_seconds=9),
        seen("running", ms_connection_status="connecting"),
    ) == [Sight.SAME, Sight.MOVED, Sight.MOVED, Sight.SAME, Sight.MOVED]
    assert not one.over
    assert one.see(seen("running", "online"), 110.0, whole=True) is Sight.OVER
    assert one.met
    assert one.last == seen("running", "online")


@pytest.mark.parametrize("whole", [True, False])
def test_a_word_comes_true_in_a_row_as_in_a_look(*, whole: bool) -> None:
    """A row that says all of it is enough."""
    one = watch()

    assert one.see(seen("running", "online"), 101.0, whole=whole) is Sight.OVER
    assert one.met


def test_who_waits_is_told_once_it_is_over() -> None:
    """And only then."""
    told: list[Watch] = []
    one = Watch("inst-1", "running", "start", now=0.0, tell=told.append)

    one.see(seen("pending"), 1.0, whole=True)
    assert told == []
    one.see(seen("running"), 2.0, whole=True)
    assert told == [one]


def test_an_answer_that_is_as_wished_needs_no_look() -> None:
    """The server's own answer is whole."""
    assert watch("running", answer=seen("running")).met
    assert watch("stopped", "stop", seen("stopped", desired_status="stopped")).met
    assert not watch("online", answer=seen("running")).over


def test_an_answer_never_ends_a_wait_in_vain() -> None:
    """It may be from the moment before the wish was taken in."""
    assert not watch(answer=seen("stopped", desired_status="stopped")).over
    assert not watch(answer=seen("running", connectivity_reason=OUT)).over


def test_a_function_is_asked_of_looks_and_rows_and_believed_on_a_look() -> None:
    """Its yes on a row, or on the answer, is a reason to look."""
    one = watch(lambda instance: instance.status == "running", answer=seen("running"))
    assert not one.over

    assert one.see(seen("pending"), 101.0, whole=False) is Sight.MOVED
    assert one.see(seen("running"), 102.0, whole=False) is Sight.UNSURE
    assert not one.over
    assert one.see(seen("running"), 103.0, whole=True) is Sight.OVER
    assert one.met


def test_a_function_is_not_asked_of_a_row_that_says_too_little() -> None:
    """It would be asked of fields that are not there."""
    one = watch(lambda instance: instance.updated_at is not None and bool(1 / 0))

    assert one.see(thin("running"), 101.0, whole=False) is Sight.UNSURE
    assert not one.over


def test_a_function_that_raises_on_a_row_is_asked_again_on_a_look() -> None:
    """There its error ends the wait, as it is."""
    mine = LookupError(MINE)

    def broken(_: Instance) -> bool:
        raise mine

    one = watch(broken)
    assert one.see(seen("running"), 101.0, whole=False) is Sight.UNSURE
    assert one.see(seen("running"), 102.0, whole=True) is Sight.OVER
    assert one.error is mine


def test_a_function_may_wait_for_what_would_end_other_waits() -> None:
    """It is asked first."""
    one = watch(lambda instance: instance.status == "terminated", "")

    assert one.see(seen("running", desired_status="terminated"), 101.0, whole=True) is Sight.MOVED
    assert one.see(seen("terminated"), 102.0, whole=True) is Sight.OVER
    assert one.met


def test_a_thin_row_is_looked_at_once_it_matters() -> None:
    """While it boots the row is enough; the instance handed out is a whole one."""
    one = watch(answer=seen("pending"))

    assert trail(one, thin("pending"), thin("pending"), whole=False) == [Sight.MOVED, Sight.SAME]
    assert one.last == seen("pending")
    assert one.see(thin("running"), 103.0, whole=False) is Sight.UNSURE

    other = watch("stopped", "stop")
    assert other.see(thin("stopped"), 101.0, whole=False) is Sight.UNSURE
    assert other.see(thin("stopped"), 102.0, whole=True) is Sight.OVER


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (seen("terminated"), "terminated"),
        (seen("running", "online", desired_status="stopped"), "turned_away"),
        (seen("stopped"), "fell_back"),
        (seen("running", connectivity_reason=OUT), "device_unauthorized"),
    ],
)
def test_what_never_comes_true_ends_the_wait_on_a_look(instance: Instance, reason: str) -> None:
    """A row alone may be from before: it is a reason to look."""
    one = watch(answer=seen("stopped"))
    one.see(seen("provisioning"), 101.0, whole=False)

    assert one.see(instance, 102.0, whole=False) is Sight.UNSURE
    assert not one.over
    assert one.see(instance, 103.0, whole=True) is Sight.OVER
    assert not one.met
    assert reason_of(one) == reason
    assert isinstance(one.error, WaitError)
    assert one.error.last == instance


def test_what_has_not_begun_yet_has_not_fallen_back() -> None:
    """The wish is there before the machine moves."""
    one = watch(answer=seen("stopped"))

    assert one.see(seen("stopped"), 101.0, whole=True) is Sight.SAME
    assert trail(one, seen("running"), seen("stopped")) == [Sight.MOVED, Sight.OVER]
    assert reason_of(one) == "fell_back"


def test_a_device_that_was_shut_out_before_is_given_its_chance() -> None:
    """The reason is cleared only once it is online; what counts is when it was said."""
    old = {"connectivity_reason": OUT, "connectivity_updated_at": moment(-60)}
    new = {"connectivity_reason": OUT, "connectivity_updated_at": moment(5)}
    one = watch(answer=seen("pending", **old))

    assert trail(one, seen("running", **old)) == [Sight.MOVED]
    assert trail(one, seen("running", **new)) == [Sight.OVER]
    assert reason_of(one) == "device_unauthorized"


def test_nothing_there_is_terminated() -> None:
    """Which is what a destruction waits for, and nothing else does."""
    gone = watch("terminated", "destroy")
    assert gone.see(None, 101.0, whole=True) is Sight.OVER
    assert (gone.met, gone.last) == (True, None)

    lost = watch(answer=seen("pending"))
    assert lost.see(None, 101.0, whole=True) is Sight.OVER
    assert reason_of(lost) == "terminated"
    assert str(lost.error) == "inst-1 is gone"

    never = watch("running", "")
    never.see(None, 101.0, whole=True)
    assert str(never.error) == "there is no instance inst-1"


def test_what_is_to_be_known_is_known() -> None:
    """Who knows nothing is looked at at once; who was just told something, a little later."""
    assert watch("online", "").unseen
    assert not watch(answer=seen("pending")).unseen
    assert not watch("terminated", "destroy").unseen


def test_a_wait_may_be_ended_from_outside() -> None:
    """By time, with the last sight, or by somebody's error."""
    late = watch(answer=seen("pending"))
    late.end(None)
    assert isinstance(late.error, WaitTimeoutError)
    assert (str(late.error), late.error.last) == ("inst-1 was not online in time", seen("pending"))
    assert late.error.reason == "late"

    own = watch(bool)
    own.end(None)
    assert str(own.error) == "inst-1 was not ready in time"

    mine = LookupError(MINE)
    broken = watch()
    broken.end(mine)
    assert broken.error is mine
    assert broken.over


def test_what_cannot_be_an_id_is_refused() -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigurationError):
        Watch("a/b", "online", now=0.0)


# After a restart ------------------------------------------------------------------------------


def ran(started: float | None, entered: float | None = None) -> dict[str, Any]:
    return {
        "started_at": None if started is None else moment(started),
        "status_entered_at": None if entered is None else moment(entered),
    }


def test_a_restart_has_to_leave_running_first() -> None:
    """What runs on from before it is not what wready for."""
    before, after = seen("running", "online", **ran(-60)), seen("running", "online", **ran(5))
    one = watch("online", "restart", before)

    assert trail(one, before, seen("provisioning"), after) == [
        Sight.SAME,
        Sight.MOVED,
        Sight.OVER,
    ]
    assert one.met


def test_a_function_is_not_asked_before_a_restart_shows() -> None:
    """It would say yes to the machine as it was."""
    before = seen("running", "online", **ran(-60))
    one = watch(lambda _: True, "restart", before)

    assert one.see(before, 101.0, whole=True) is Sight.SAME
    assert one.see(seen("provisioning"), 102.0, whole=True) is Sight.OVER


@pytest.mark.parametrize(
    ("before", "after"),
    [(ran(-60), ran(5)), (ran(-60, -50), ran(-60, 5)), (ran(None, -50), ran(None, 5))],
)
def test_a_restart_that_was_too_quick_to_be_seen_shows_in_its_dates(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """A newer start, or a newer entry into the state."""
    one = watch("running", "restart", seen("running", **before))

    assert one.see(seen("running", **before), 101.0, whole=True) is Sight.SAME
    assert one.see(seen("running", **after), 102.0, whole=True) is Sight.OVER


def test_a_restart_without_dates_is_known_by_the_first_that_come() -> None:
    """They may be from before; what is newer than they are is not."""
    one = watch("running", "restart", seen("running"))

    assert trail(one, seen("running", **ran(-60)), seen("running", **ran(-60))) == [
        Sight.SAME,
        Sight.SAME,
    ]
    assert one.see(seen("running", **ran(5)), 104.0, whole=True) is Sight.OVER


def test_a_restart_may_pass_through_stopped() -> None:
    """On its way down it has not fallen back; once it has begun to come up, it has."""
    one = watch("running", "restart", seen("running", **ran(-60)))

    assert trail(one, seen("stopped"), seen("stopped")) == [Sight.MOVED, Sight.SAME]
    assert trail(one, seen("provisioning"), seen("stopped")) == [Sight.MOVED, Sight.OVER]
    assert reason_of(one) == "fell_back"


def test_a_device_shut_out_before_a_restart_is_no_reason_yet() -> None:
    """Only what is said after it."""
    one = watch("online", "restart", seen("running", **ran(-60)))

    assert trail(one, seen("running", connectivity_reason=OUT, **ran(-60))) == [Sight.SAME]
    assert trail(one, seen("running", connectivity_reason=OUT, **ran(5))) == [Sight.OVER]
    assert reason_of(one) == "device_unauthorized"


# How the time splits --------------------------------------------------------------------------


def test_time_is_split_where_it_ran_first_and_was_online_later() -> None:
    """By the server's dates, which are finer than looks."""
    one = watch(answer=seen("pending"))
    one.see(seen("running", status_entered_at=moment(8)), 110.0, whole=True)
    dates = {"status_entered_at": moment(8), "connectivity_updated_at": moment(11)}
    one.see(seen("running", "online", **dates), 115.0, whole=True)

    assert one.split(115.0) == (12.0, 3.0)


def test_time_is_split_by_the_message_connection_where_that_is_wished() -> None:
    """It comes after the control channel."""
    one = watch("connected", answer=seen("pending"))
    dates = {
        "status_entered_at": moment(8),
        "connectivity_updated_at": moment(9),
        "ms_connection_updated_at": moment(13),
    }
    one.see(seen("running", "online", ms_connection_status="connected", **dates), 115, whole=True)

    assert one.split(115.0) == (10.0, 5.0)


def test_time_is_split_by_looks_where_there_are_no_dates() -> None:
    """As finely as was looked."""
    one = watch(answer=seen("pending"))
    one.see(seen("running"), 110.0, whole=True)
    one.see(seen("running", "online"), 115.0, whole=True)

    assert one.split(115.0) == (10.0, 5.0)


@pytest.mark.parametrize(("entered", "linked"), [(-3600, -10), (-10, -3600)])
def test_what_was_so_before_takes_no_time(entered: float, linked: float) -> None:
    """Neither share is more than there was, or less than nothing."""
    dates = {"status_entered_at": moment(entered), "connectivity_updated_at": moment(linked)}
    one = watch(answer=seen("running", "online", **dates))

    assert one.split(100.0) == (0.0, 0.0)


def test_what_only_has_to_run_is_provisioned() -> None:
    """There is nothing to come after it."""
    one = watch("running", answer=seen("pending"))
    one.see(seen("running"), 107.0, whole=True)

    assert one.split(107.0) == (7.0, None)


def test_what_never_ran_spent_its_time_on_the_way() -> None:
    """And what ran and never came online, partly."""
    one = watch(answer=seen("pending"))
    one.end(None)
    assert one.split(190.0) == (90.0, None)

    other = watch(answer=seen("pending"))
    other.see(seen("running"), 110.0, whole=True)
    other.end(None)
    assert other.split(190.0) == (10.0, 80.0)


def test_a_way_down_is_not_split() -> None:
    """Its whole time is told."""
    one = watch("stopped", "stop", seen("running", desired_status="stopped"))
    one.see(seen("stopped", desired_status="stopped"), 105.0, whole=True)

    assert one.split(105.0) == (None, None)
    assert watch("terminated", "destroy").split(105.0) == (None, None)
