"""Tasks: work that an agent is given, and who is told how it goes.

Example:
    ```python
    made = await bee.tasks.create(agent_id, "Trim the hedge.")
    task = await bee.tasks.wait(agent_id, made.task_id, deadline=300)
    print(task.outcome, task.result, task.completed_at)  # completed …
    ```
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import UNSET, Meta

from .._checks import length
from .._urls import check_receiver
from ..errors import WaitTimeoutError
from ._base import Moment, Snake
from .messages import Attachment

TaskStatus = (
    Literal[
        "queued",
        "running",
        "input_required",
        "auth_required",
        "completed",
        "failed",
        "canceled",
        "timeout",
        "rejected",
    ]
    | str
)
"""How far a task is.  Open; older servers say `succeeded` and `cancelled`."""

TaskState = Literal["active", "closed"] | str
"""Whether a task's channel is open; `open` is an older word for `active`.  Open."""

TaskFilter = Literal["active", "open", "closed", "all"]
"""What a list of tasks can be narrowed to; `open` is an alias of `active`."""

Renderer = Literal["openapi", "a2a", "generic", "mcp"] | str
"""In which format a receiver is told.  Open."""

DeliveryStatus = Literal["pending", "succeeded", "failed", "dead_letter"] | str
"""What became of a delivery: `failed` is tried again, `dead_letter` no more.  Open."""

_OVER: Final = frozenset({"completed", "failed", "canceled", "timeout", "rejected"})
_PAUSED: Final = frozenset({"input_required", "auth_required"})
_OLDER: Final = {"succeeded": "completed", "cancelled": "canceled"}


class _Standing(Snake, frozen=True, kw_only=True):
    """What a status means, whatever word an older server has for it."""

    status: TaskStatus = ""

    @property
    def outcome(self) -> Literal["completed", "failed", "canceled", "timeout", "rejected"] | None:
        """How it ended, in today's word; `None` while it has not, or in a word not known."""
        word: Any = _OLDER.get(self.status, self.status)
        return word if word in _OVER else None

    @property
    def is_over(self) -> bool:
        """Whether it will not go on.  A word that is not known ends nothing."""
        return self.outcome is not None

    @property
    def is_paused(self) -> bool:
        """Whether it waits for input or for a grant: `continue_` lets it go on."""
        return self.status in _PAUSED


class Task(_Standing, frozen=True, kw_only=True):
    """One task, as the server last described it.

    Example:
        ```python
        task = await bee.tasks.get(agent_id, task_id)
        if task.is_over:
            print(task.outcome, task.result or task.error)
        elif task.is_paused:
            print("waits for you:", task.status)  # waits for you: input_required
        ```
    """

    task_id: str
    """Also its channel, and the `context_id` to go on with."""

    agent_id: str = ""
    caller_id: str = ""
    status: TaskStatus = ""
    result: Any = None
    """What it came to: any JSON, mostly a text or an object."""

    error: str = ""
    metadata: dict[str, Any] = {}
    """Texts by name, as they were given at its creation."""

    created_at: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    deadline_at: Moment | None = None
    truncated: bool = False
    """Whether only the first 1,000 messages were looked at: then the status may be old, and
    the events tell better."""


class TaskCreated(_Standing, frozen=True, kw_only=True):
    """A task that was taken."""

    task_id: str
    agent_id: str = ""
    status: TaskStatus = ""
    created_at: Moment | None = None


class TaskSummary(Snake, frozen=True, kw_only=True):
    """A row of a list of tasks: it tells the state of the channel, and no status.

    Example:
        ```python
        for row in await bee.tasks.list(agent_id=agent_id, state="all").collect():
            print(row.task_id, "is open" if row.is_open else row.close_reason)
        ```
    """

    task_id: str
    agent_id: str = ""
    caller_id: str = ""
    state: TaskState = ""
    close_reason: str = ""
    """`completed`, `canceled`, `timeout`, or a newer word; empty while it is open."""

    metadata: dict[str, Any] = {}
    created_at: Moment | None = None
    deadline_at: Moment | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still going on, as far as the server told."""
        return self.state in {"active", "open"}


class TaskPage(Snake, frozen=True, kw_only=True):
    """One page of a list of tasks."""

    tasks: list[TaskSummary] = []
    next_since: str = ""
    """The cursor of the next page; empty on the last."""


class CreateTask(Snake, frozen=True, kw_only=True):
    """What an agent is to do."""

    message: str
    context_id: str | None = None
    deadline_ms: Annotated[int, Meta(ge=0, le=604_800_000)] | None = None
    """Milliseconds from its creation until the server ends it, a week at most."""

    idempotency_key: str | None = None
    metadata: dict[str, str] | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=16)] | None = None


class CancelTask(Snake, frozen=True, kw_only=True):
    """Why a task shall end."""

    reason: str | None = None


class ContinueTask(Snake, frozen=True, kw_only=True):
    """What a paused task waits for."""

    input: Any = UNSET
    """Any JSON; null is an input, too."""

    auth_grant: bool | None = None


class RegisterWebhook(Snake, frozen=True, kw_only=True):
    """Who shall be told how a task goes."""

    veiled: ClassVar[frozenset[str]] = frozenset({"token", "secret"})

    url: str
    token: str | None = None
    secret: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: The URL is none, or the secret has not 16 to 256 characters.
        """
        # Whether plain http will do is the client's to say.
        check_receiver(self.url, allow_insecure=True)
        # An empty one keeps what is there.
        if self.secret:
            length("secret", self.secret, least=16, most=256)


class TaskWebhook(Snake, frozen=True, kw_only=True):
    """Somebody who is told how a task goes."""

    webhook_id: str
    task_id: str = ""
    url: str = ""
    has_secret: bool = False
    """Whether what is told is signed; the secret itself is never told."""

    created_at: Moment | None = None


class TaskWebhookList(Snake, frozen=True, kw_only=True):
    """The webhooks of a task."""

    webhooks: list[TaskWebhook] = []


class WebhookDelivery(Snake, frozen=True, kw_only=True):
    """One thing that a receiver is to be told, and how often that was tried."""

    delivery_id: str
    webhook_id: str = ""
    task_id: str = ""
    renderer: Renderer = ""
    status: DeliveryStatus = ""
    attempt_num: int = 0
    """How often it was tried so far."""

    last_response_status: int = 0
    """The receiver's HTTP status; 0 where there was none."""

    last_error: str = ""
    next_attempt_at: Moment | None = None
    last_attempted_at: Moment | None = None
    created_at: Moment | None = None
    completed_at: Moment | None = None


class WebhookDeliveryList(Snake, frozen=True, kw_only=True):
    """The deliveries of a webhook, the newest first."""

    deliveries: list[WebhookDelivery] = []


class TaskStatusEvent(_Standing, frozen=True, kw_only=True):
    """What a receiver is told: a task has gone on.

    It may come more than once, and late: tell one from another by task, status and
    timestamp.

    Example:
        ```python
        from beeos_async.webhooks import unwrap

        match unwrap(body, headers, secret):
            case TaskStatusEvent() as event if event.is_over:
                print(event.task_id, event.outcome)  # task-1 completed
        ```
    """

    task_id: str
    context_id: str = ""
    status: TaskStatus = ""
    final: bool = False
    """Whether the task is over, in the server's own judgement."""

    timestamp: Moment | None = None


class TaskTimeoutError(WaitTimeoutError):
    """A task that was waited for neither ended nor paused in time; it may yet.

    Args:
        message: What was waited for.
        last: The task as it was last seen, if it was.

    Example:
        ```python
        made = await bee.tasks.create(agent_id, "linger: over the roses")
        try:
            await bee.tasks.wait(agent_id, made.task_id, deadline=0.5)
        except TaskTimeoutError as error:
            print(error.last.status if error.last else "not seen")
        ```
    """

    last: Task | None
