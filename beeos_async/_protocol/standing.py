"""What a message says of the task it stands in, where the task itself does not say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from ..models.messages import Message
from ..models.tasks import Task

_REPLIES: Final[Mapping[str, str]] = {
    "": "completed",
    "completed": "completed",
    "failed": "failed",
    "refused": "rejected",
    "cancelled": "canceled",
}
"""What a reply makes of its task, by its state."""

_OTHERS: Final[Mapping[str, str]] = {
    "agent_reply_error": "failed",
    "agent.refuse": "rejected",
    "agent_busy": "rejected",
    "agent.input_required": "input_required",
    "agent.auth_required": "auth_required",
    "chat_cancel": "canceled",
}


def as_told(task: Task, message: Message) -> Task:
    """Give a task as a message of it leaves it.

    Args:
        task: As it was seen before.
        message: What was said; of most messages nothing follows.
    """
    replies = message.type == "agent_reply"
    status = _REPLIES.get(message.state) if replies else _OTHERS.get(message.type)
    if status is None:
        return task
    if status == "completed":
        return structs.replace(task, status=status, result=message.text)
    error = message.text if status in {"failed", "rejected"} else ""
    return structs.replace(task, status=status, error=error)
