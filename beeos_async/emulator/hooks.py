"""Who is told how tasks go in the pretend cloud, and what became of the telling.

No HTTP in here: what is due is taken by `courier.py`, who says what came of it.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from .._clock import Clock
from .._protocol.signature import HEADER, signature
from ..models.tasks import RegisterWebhook, TaskWebhook, WebhookDelivery
from .agenda import Agenda
from .refusals import RefusedError

if TYPE_CHECKING:
    from .jobs import Job

PAUSES: Final = (60.0, 300.0, 1800.0, 7200.0, 43_200.0)
"""Seconds after each attempt that failed; then it is given up."""


class Hook(Struct):
    """Somebody who is told of one task."""

    id: str
    task: str
    url: str
    token: str
    secret: str
    created: datetime

    def seen(self) -> TaskWebhook:
        """Describe it, all but its secrets."""
        return TaskWebhook(
            webhook_id=self.id,
            task_id=self.task,
            url=self.url,
            has_secret=bool(self.secret),
            created_at=self.created,
        )


class Delivery(Struct):
    """One thing to be told."""

    id: str
    hook: Hook
    body: bytes
    headers: dict[str, str]
    created: datetime
    next: datetime
    status: str = "pending"
    attempts: int = 0
    answer: int = 0
    error: str = ""
    last: datetime | None = None
    completed: datetime | None = None

    def seen(self) -> WebhookDelivery:
        """Describe it."""
        return WebhookDelivery(
            delivery_id=self.id,
            webhook_id=self.hook.id,
            task_id=self.hook.task,
            renderer="openapi",
            status=self.status,
            attempt_num=self.attempts,
            last_response_status=self.answer,
            last_error=self.error,
            next_attempt_at=self.next,
            last_attempted_at=self.last,
            created_at=self.created,
            completed_at=self.completed,
        )


class Hooks:
    """Every webhook, and every delivery.

    Attributes:
        due: What is to be sent now, in order.
    """

    def __init__(self, clock: Clock, agenda: Agenda, change: Callable[[], None]) -> None:
        """Begin without any.

        Args:
            clock: Time.
            agenda: What is to come.
            change: Told whenever something is changed.
        """
        self.due: list[Delivery] = []
        self._clock = clock
        self._agenda = agenda
        self._change = change
        self._hooks: dict[str, list[Hook]] = {}
        """By task."""

        self._deliveries: dict[str, list[Delivery]] = {}
        """By webhook."""

        self._made = 0
        self._listening: set[asyncio.Event] = set()

    def register(self, task: str, wanted: RegisterWebhook) -> TaskWebhook:
        """Tell somebody of a task from now on; once more changes what he is told with."""
        for hook in self._hooks.get(task, ()):
            if hook.url == wanted.url:
                hook.token = wanted.token or ""
                hook.secret = wanted.secret or hook.secret
                break
        else:
            self._made += 1
            hook = Hook(
                id=f"whk-{self._made}",
                task=task,
                url=wanted.url,
                token=wanted.token or "",
                secret=wanted.secret or "",
                created=self._now(),
            )
            self._hooks.setdefault(task, []).append(hook)
        self._change()
        self._ring()
        return hook.seen()

    def list(self, task: str) -> list[TaskWebhook]:
        """Look at who is told of a task."""
        return [hook.seen() for hook in self._hooks.get(task, ())]

    def delete(self, task: str, id: str) -> None:
        """Tell somebody no longer.

        Raises:
            RefusedError: Nobody of that name was told.
        """
        self._hooks[task].remove(self._find(task, id))
        self._change()

    def deliveries(self, task: str, id: str, limit: int) -> builtins.list[WebhookDelivery]:
        """Look at what somebody was told, the newest first."""
        self._find(task, id)
        told = self._deliveries.get(id, [])
        return [delivery.seen() for delivery in reversed(told[-limit:])]

    def redeliver(self, task: str, id: str, delivery_id: str) -> WebhookDelivery:
        """Tell once more what failed, in its original bytes.

        Raises:
            RefusedError: There is no such delivery, or it did not fail.
        """
        hook = self._find(task, id)
        told = self._deliveries.get(id, [])
        found = next((one for one in told if one.id == delivery_id), None)
        if found is None:
            raise RefusedError(404, "not_found", "there is no such delivery")
        if found.status not in {"failed", "dead_letter"}:
            message = f"a delivery that is {found.status} is not told again"
            raise RefusedError(409, "conflict.invalid_state", message)
        self._change()
        return self._deliver(hook, found.body, found.headers).seen()

    def tell(self, job: Job) -> None:
        """Tell everybody who wants to know that a task has gone on."""
        for hook in self._hooks.get(job.id, ()):
            body = msgspec.json.encode(
                {
                    "type": "task_status",
                    "task_id": job.id,
                    "context_id": job.id,
                    "status": job.status,
                    "final": job.is_over,
                    "timestamp": self._now(),
                }
            )
            headers = {
                "Content-Type": "application/json",
                "X-BeeOS-Webhook-Format": "openapi",
                "X-BeeOS-Event": "task.state",
                "X-BeeOS-Task-Id": job.id,
            }
            if hook.token:
                headers["Authorization"] = f"Bearer {hook.token}"
            if hook.secret:
                headers[HEADER] = signature(body, hook.secret, int(self._clock.wall()))
            self._deliver(hook, body, headers)

    def report(self, delivery: Delivery, answer: int, error: str) -> None:
        """Write down what came of an attempt, and plan the next one where it failed.

        Args:
            delivery: What was sent.
            answer: The receiver's status, or 0.
            error: What was wrong; empty where nothing was.
        """
        now = self._now()
        delivery.attempts += 1
        delivery.answer, delivery.error, delivery.last = answer, error, now
        if not error:
            delivery.status, delivery.completed = "succeeded", now
        elif delivery.attempts > len(PAUSES):
            delivery.status, delivery.completed = "dead_letter", now
        else:
            pause = PAUSES[delivery.attempts - 1]
            delivery.status, delivery.next = "failed", now + timedelta(seconds=pause)
            self._agenda.plan(pause, lambda: self._put(delivery))

    async def wait(self) -> None:
        """Wait until something is due, or something that was planned has happened."""
        news = asyncio.Event()
        self._listening.add(news)
        try:
            if not self._hooks:
                # Nobody wants to know: what is planned may wait until somebody looks.
                await news.wait()
            elif not self.due:
                await self._agenda.wait(news)
        finally:
            self._listening.discard(news)

    def _deliver(self, hook: Hook, body: bytes, headers: dict[str, str]) -> Delivery:
        self._made += 1
        now = self._now()
        delivery = Delivery(f"dlv-{self._made}", hook, body, headers, created=now, next=now)
        self._deliveries.setdefault(hook.id, []).append(delivery)
        self._put(delivery)
        return delivery

    def _put(self, delivery: Delivery) -> None:
        self.due.append(delivery)
        self._ring()

    def _ring(self) -> None:
        for news in self._listening:
            news.set()

    def _find(self, task: str, id: str) -> Hook:
        found = next((hook for hook in self._hooks.get(task, ()) if hook.id == id), None)
        if found is None:
            raise RefusedError(404, "not_found", "there is no such webhook")
        return found

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)
