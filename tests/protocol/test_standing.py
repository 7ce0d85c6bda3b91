"""How a message leaves its task."""

from __future__ import annotations

import pytest

from beeos_async._protocol.standing import as_told
from beeos_async.models.messages import Message
from beeos_async.models.tasks import Task

BEFORE = Task(task_id="t", status="running", truncated=True)


@pytest.mark.parametrize(
    ("type", "state", "status", "result", "error"),
    [
        ("agent_reply", "", "completed", "words", ""),
        ("agent_reply", "completed", "completed", "words", ""),
        ("agent_reply", "failed", "failed", None, "words"),
        ("agent_reply", "refused", "rejected", None, "words"),
        ("agent_reply", "cancelled", "canceled", None, ""),
        ("agent_reply_error", "failed", "failed", None, "words"),
        ("agent.refuse", "", "rejected", None, "words"),
        ("agent_busy", "", "rejected", None, "words"),
        ("agent.input_required", "completed", "input_required", None, ""),
        ("agent.auth_required", "completed", "auth_required", None, ""),
        ("chat_cancel", "completed", "canceled", None, ""),
    ],
)
def test_a_message_ends_or_pauses_its_task(
    type: str, state: str, status: str, result: object, error: str
) -> None:
    """By its type and its state together."""
    task = as_told(BEFORE, Message(type=type, state=state, body="words"))

    assert (task.status, task.result, task.error) == (status, result, error)
    assert task.truncated


@pytest.mark.parametrize(
    ("type", "state"),
    [
        ("chat_message", "completed"),
        ("agent_reasoning", "completed"),
        ("agent_reply", "streaming"),
        ("agent_reply", "news"),
        ("agent_reply_delta", ""),
        ("news", "completed"),
    ],
)
def test_most_messages_leave_it_as_it_was(type: str, state: str) -> None:
    """A finished thought is `completed`, too, and ends nothing."""
    assert as_told(BEFORE, Message(type=type, state=state, body="words")) is BEFORE
