"""Tasks and webhooks as they travel."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from samples import sample, samples

from beeos_async import (
    BeeOSError,
    DecodeError,
    Task,
    TaskCreated,
    TaskStatusEvent,
    TaskSummary,
    TaskTimeoutError,
    TaskWebhook,
    WebhookDelivery,
)
from beeos_async._protocol.wire import read
from beeos_async.models.tasks import ContinueTask, CreateTask, RegisterWebhook, TaskPage

MORNING = datetime(2026, 7, 4, 6, 15, tzinfo=UTC)


def read_sample(name: str) -> Any:
    one = sample(f"tasks/{name}")
    return getattr(read(one.row, "", one.response), "data", None)


def test_a_task_has_all_its_fields() -> None:
    """Twelve; a date keeps its microseconds."""
    assert read_sample("full") == Task(
        task_id="chn-hedge",
        agent_id="agt-gardener",
        caller_id="usr-owner",
        status="completed",
        result={"trimmed": 12, "left": ["the rose"]},
        metadata={"run": "3"},
        created_at=MORNING,
        started_at=MORNING.replace(second=2, microsecond=500_000),
        completed_at=MORNING.replace(minute=20),
        deadline_at=datetime(2026, 7, 5, 0, 0, 0, 123_457, tzinfo=UTC),
        truncated=True,
    )
    assert len(Task.__struct_fields__) == 12


def test_a_task_may_say_little_and_odd_things() -> None:
    """A result is any JSON; what does not fit is not set; without an id it is none."""
    assert read_sample("least") == Task(
        task_id="chn-hedge", agent_id="agt-gardener", status="running"
    )
    assert read_sample("text_result").result == "It is two metres high."
    assert read_sample("odd") == Task(
        task_id="chn-hedge", status="dozing", result=[1, None], metadata={"run": 3}
    )
    with pytest.raises(DecodeError, match="task_id"):
        read_sample("without_id")


@pytest.mark.parametrize(
    ("status", "outcome", "paused"),
    [
        ("queued", None, False),
        ("running", None, False),
        ("input_required", None, True),
        ("auth_required", None, True),
        ("completed", "completed", False),
        ("failed", "failed", False),
        ("canceled", "canceled", False),
        ("timeout", "timeout", False),
        ("rejected", "rejected", False),
        ("succeeded", "completed", False),
        ("cancelled", "canceled", False),
        ("dozing", None, False),
        ("", None, False),
    ],
)
def test_a_status_is_judged_whatever_its_word(
    status: str, outcome: str | None, paused: bool
) -> None:
    """Older words mean what they meant, and one that is not known ends nothing."""
    standings = [
        Task(task_id="t", status=status),
        TaskCreated(task_id="t", status=status),
        TaskStatusEvent(task_id="t", status=status),
    ]
    for one in standings:
        assert (one.status, one.outcome, one.is_paused) == (status, outcome, paused)
        assert one.is_over == (outcome is not None)


def test_older_words_are_kept_as_they_came() -> None:
    """They are judged, not rewritten."""
    assert (read_sample("succeeded").status, read_sample("cancelled").status) == (
        "succeeded",
        "cancelled",
    )
    assert read_sample("paused").is_paused


def test_a_created_task_is_told_under_either_yes() -> None:
    """202 is what the contract says, 200 what a page of it says."""
    assert read_sample("created") == TaskCreated(
        task_id="chn-hedge", agent_id="agt-gardener", status="queued", created_at=MORNING
    )
    assert read_sample("created_200").task_id == "chn-hedge"


def test_a_page_tells_where_the_next_begins() -> None:
    """An empty cursor is none; rows that cannot be named are left out."""
    page = read_sample("page")

    assert page.next_since == "bmV4dA=="
    assert page.tasks[0] == TaskSummary(
        task_id="chn-hedge",
        agent_id="agt-gardener",
        caller_id="usr-owner",
        state="closed",
        close_reason="completed",
        metadata={"run": "3"},
        deadline_at=datetime(2026, 7, 5, tzinfo=UTC),
    )
    assert len(TaskSummary.__struct_fields__) == 8
    assert [row.is_open for row in page.tasks] == [False, True]
    (row,) = read_sample("page_guide").tasks
    assert (row.is_open, row.created_at) == (True, MORNING)
    assert read_sample("page_last") == read_sample("page_null") == TaskPage()
    assert read_sample("page_of_odd_rows").tasks == [
        TaskSummary(task_id="chn-rose", state="frozen")
    ]


def test_messages_come_in_pages_that_may_be_empty() -> None:
    """And still not be the last."""
    page, hidden = read_sample("messages"), read_sample("messages_hidden")

    assert [message.text for message in page.messages] == ["How high?", "Two metres."]
    assert (hidden.messages, hidden.has_more, hidden.next_since) == ([], True, "12")


def test_a_webhook_tells_no_secret() -> None:
    """Only that there is one."""
    hook = TaskWebhook(
        webhook_id="whk-gate",
        task_id="chn-hedge",
        url="https://hooks.example.net/gate",
        has_secret=True,
        created_at=MORNING,
    )
    assert read_sample("hook") == hook
    assert read_sample("hooks").webhooks[0] == hook
    assert read_sample("hooks").webhooks[1].has_secret is False
    assert read_sample("hooks_null").webhooks == []
    assert read_sample("hook_deleted") is None
    assert len(TaskWebhook.__struct_fields__) == 5


def test_a_delivery_has_all_its_fields() -> None:
    """Twelve; new words stay."""
    first, second = read_sample("deliveries").deliveries
    evening = MORNING.replace(hour=20)

    assert first == WebhookDelivery(
        delivery_id="dlv-9",
        webhook_id="whk-gate",
        task_id="chn-hedge",
        renderer="openapi",
        status="dead_letter",
        attempt_num=6,
        last_response_status=502,
        last_error="status 502",
        next_attempt_at=evening,
        last_attempted_at=evening,
        created_at=MORNING,
        completed_at=evening.replace(second=1),
    )
    assert len(WebhookDelivery.__struct_fields__) == 12
    assert (second.status, second.completed_at) == ("pending", None)
    assert read_sample("redelivered").delivery_id == "dlv-10"
    assert read_sample("delivery_odd") == WebhookDelivery(
        delivery_id="dlv-9", renderer="pigeon", status="lost"
    )


def test_every_sample_is_read() -> None:
    """None lies about."""
    read_here = {
        *("full", "least", "text_result", "paused", "succeeded", "cancelled", "odd"),
        *("without_id", "created", "created_200", "page", "page_last", "page_guide"),
        *("page_null", "page_of_odd_rows", "messages", "messages_hidden", "hook", "hooks"),
        *("hooks_null", "hook_deleted", "deliveries", "delivery_odd", "redelivered"),
    }
    assert {name.partition("/")[2] for name in samples("tasks")} == read_here


def test_what_is_not_said_does_not_travel_and_a_null_does() -> None:
    """An input of null is an input."""
    encode = msgspec.json.encode

    assert encode(CreateTask(message="Go.")) == b'{"message":"Go."}'
    assert encode(ContinueTask()) == b"{}"
    assert encode(ContinueTask(input=None, auth_grant=True)) == b'{"input":null,"auth_grant":true}'
    assert encode(RegisterWebhook(url="http://localhost/x", secret="")) == (
        b'{"url":"http://localhost/x","secret":""}'
    )
    assert msgspec.json.decode(b"{}", type=ContinueTask) == ContinueTask()
    assert msgspec.json.decode(b'{"input":null}', type=ContinueTask).input is None


def test_a_task_that_did_not_end_in_time_is_as_any_error() -> None:
    """It pickles, copies, compares, and is a timeout."""
    error = TaskTimeoutError("task t did not end", Task(task_id="t", status="running"))

    assert pickle.loads(pickle.dumps(error)) == copy.copy(error) == error
    assert isinstance(error, BeeOSError)
    assert isinstance(error, TimeoutError)
    assert str(error) == "task t did not end"
