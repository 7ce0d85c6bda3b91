"""Tasks: work that an agent is given, and who is told how it goes."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from msgspec import UNSET, structs

from .._checks import LAST_OFFSET, count, one_of, plain
from .._io.listening import IDLE, Listening, OnBadEvent, Opening
from .._io.lookout import look_until
from .._io.pager import Pager
from .._io.stream import ChannelStream
from .._protocol import table
from .._protocol.paging import MESSAGES, Style, by_cursor
from .._protocol.standing import as_told
from .._protocol.words import ChannelWords
from .._urls import check_receiver
from ..errors import BeeOSError, ConflictError
from ..models._base import Page
from ..models.events import ChannelEvent
from ..models.messages import Attachment, Message
from ..models.tasks import (
    CancelTask,
    ContinueTask,
    CreateTask,
    RegisterWebhook,
    Task,
    TaskCreated,
    TaskFilter,
    TaskSummary,
    TaskTimeoutError,
    TaskWebhook,
    WebhookDelivery,
)

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Tasks"]

TASKS_LIMIT: Final = 100
MESSAGES_LIMIT: Final = 500
DELIVERIES_LIMIT: Final = 200

MOMENT: Final = 0.001
"""Seconds that are always left, so that a deadline is met and not argued with."""

POLL: Final = 1.0
"""Seconds between the first two looks of a wait."""


def _tasks(answer: Any) -> Page[TaskSummary]:
    found = answer.data
    return Page(data=found.tasks, next_cursor=found.next_since or None)


def _has_stopped(task: Task) -> bool:
    return task.is_over or task.is_paused


_STYLE: Final = Style(by_cursor("since"), page=_tasks, name=lambda row: row.task_id)


class Tasks:
    """`bee.tasks`: work that an agent is given.

    A task is a channel: its id is also the `context_id` to go on with.  It is created at
    once and worked on for as long as it takes; `wait` or `events` tell how it goes.

    Example:
        ```python
        made = await bee.tasks.create(agent_id, "Trim the hedge.")
        task = await bee.tasks.wait(agent_id, made.task_id, deadline=300)
        print(task.outcome, task.result)  # completed You said: Trim the hedge.
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller
        self._call = caller.call

    async def create(
        self,
        agent_id: str,
        message: str,
        *,
        context_id: str | None = None,
        deadline_ms: int | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        deadline: float | None = None,
    ) -> TaskCreated:
        """Give an agent something to do.

        A creation whose answer is lost is made again with the same key and the same bytes,
        which is the same task.  Keep a key of your own where you may have to repeat the
        call in another process.

        Args:
            agent_id: The agent.
            message: What it is to do.
            context_id: The task it belongs to.
            deadline_ms: Milliseconds after which the server ends it as `timeout`, up to a week.
            idempotency_key: Any text, else one is made up.
            metadata: Texts of your own by name.
            attachments: Files, uploaded before; 16 at most.
            deadline: Seconds for the whole call.

        Example:
            ```python
            made = await bee.tasks.create(
                agent_id,
                "Trim the hedge.",
                deadline_ms=3_600_000,
                idempotency_key="hedge-2026-11",
            )
            print(made.task_id, made.status)  # … queued
            ```
        """
        body = CreateTask(
            message=message,
            context_id=context_id,
            deadline_ms=deadline_ms,
            metadata=plain(metadata),
            attachments=plain(attachments),
        )
        answer = await self._call(
            table.CREATE_TASK, agent_id, deadline=deadline, body=body, key=idempotency_key
        )
        return answer.data

    def list(
        self,
        *,
        agent_id: str | None = None,
        instance_id: str | None = None,
        state: TaskFilter | None = None,
        since: str | None = None,
        limit: int = TASKS_LIMIT,
        deadline: float | None = None,
    ) -> Pager[TaskSummary]:
        """List your tasks, the newest first.

        A row tells whether the channel is open, and no status: `get` does.  Whether an
        instance is busy: `await bee.tasks.list(instance_id=id, state="open").collect(limit=1)`.

        Args:
            agent_id: Only those of this agent.
            instance_id: Only those on this instance.
            state: `active`, as where nothing is said, `closed` or `all`.
            since: A cursor of an earlier page, to go on from there.
            limit: Rows a request, 1 to 100.
            deadline: Seconds for each page.

        Returns:
            An async iterator over rows, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for row in bee.tasks.list(state="active"):
                print(row.task_id, row.agent_id, "until", row.deadline_at)
            ```
        """
        params = {"agent_id": agent_id, "instance_id": instance_id}
        return self._list(table.LIST_TASKS, (), params, state, since, limit, deadline)

    def list_for_agent(
        self,
        agent_id: str,
        *,
        state: TaskFilter | None = None,
        since: str | None = None,
        limit: int = TASKS_LIMIT,
        deadline: float | None = None,
    ) -> Pager[TaskSummary]:
        """List the tasks of one agent, invocations included.

        Args:
            agent_id: The agent.
            state: `active`, as where nothing is said, `closed` or `all`.
            since: A cursor of an earlier page, to go on from there.
            limit: Rows a request, 1 to 100.
            deadline: Seconds for each page.

        Returns:
            An async iterator over rows, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            done = await bee.tasks.list_for_agent(agent_id, state="closed").collect(limit=20)
            print([row.close_reason for row in done])
            ```
        """
        row = table.LIST_AGENT_TASKS
        return self._list(row, (agent_id,), {}, state, since, limit, deadline)

    async def get(self, agent_id: str, task_id: str, *, deadline: float | None = None) -> Task:
        """Look at one task.

        Args:
            agent_id: The agent.
            task_id: The task.
            deadline: Seconds for the whole call.

        Example:
            ```python
            task = await bee.tasks.get(agent_id, task_id)
            print(task.status, task.is_paused)  # input_required True
            ```
        """
        return (await self._call(table.GET_TASK, agent_id, task_id, deadline=deadline)).data

    async def wait(
        self,
        agent_id: str,
        task_id: str,
        *,
        poll: float = POLL,
        deadline: float | None = None,
    ) -> Task:
        """Wait until a task is over, or needs you.

        It stops at a pause, too: look at `.is_paused` before `.outcome`, and let it go on by
        `continue_`.  A status that is not known here ends nothing.  The server keeps no
        connection for this: it is looked at again and again, more and more seldom; `events`
        tells at once.  Of a task with more than 1,000 messages (`truncated`) a look may tell
        an old status: then its events are followed instead, and where a look after their end
        still tells nothing new, the last message or its row in the list does.

        Args:
            agent_id: The agent.
            task_id: The task.
            poll: Seconds between the first two looks; they grow to ten times as many.
            deadline: Seconds for the whole wait.  It does not end the task.

        Returns:
            The task, over or paused.

        Raises:
            TaskTimeoutError: The deadline came first; `.last` is what was last seen.

        Example:
            ```python
            task = await bee.tasks.wait(agent_id, task_id, deadline=300)
            if task.is_paused:
                await bee.tasks.continue_(agent_id, task_id, input="two metres")
                task = await bee.tasks.wait(agent_id, task_id, deadline=300)
            print(task.outcome)  # completed
            ```
        """
        sight = await look_until(
            self._caller,
            lambda left: self._look((agent_id, task_id), left),
            _has_stopped,
            poll=poll,
            deadline=deadline,
        )
        task = sight.last
        if task is not None and sight.enough:
            return task
        seen = f"its status was {task.status!r}" if task else "it was not seen"
        msg = f"task {task_id} neither ended nor paused in {deadline:g} s; {seen}"
        raise TaskTimeoutError(msg, task, "late")

    async def _look(self, ids: tuple[str, str], limit: float | None) -> Task:
        """Look at a task, and beyond the look where that is known to be too short."""
        now = self._caller.clock.now
        until = None if limit is None else now() + limit
        task = await self.get(*ids, deadline=limit)
        if not task.truncated or _has_stopped(task):
            return task

        def left() -> float | None:
            return None if until is None else max(MOMENT, until - now())

        try:
            return await self._hear_out(ids, task, left)
        except BeeOSError as error:
            # What was seen before the time was over stays seen.
            if error.gave_up == "deadline" or (until is not None and now() >= until):
                return task
            raise

    async def _hear_out(
        self, ids: tuple[str, str], task: Task, left: Callable[[], float | None]
    ) -> Task:
        """Follow a task to its end or its pause, from its last message on.

        Args:
            ids: The agent's and the task's.
            task: As a look tells it, which may be how it was long ago.
            left: Seconds there are left, if they are numbered.
        """
        page = await self._call(
            table.LIST_TASK_MESSAGES, *ids, deadline=left(), params={"limit": 1}
        )
        # Not after the last one: it may have been the end, and tells which.
        since = max(0, page.data.latest_offset - 1)
        async with self.events(*ids, since=since, on_bad_event="skip", deadline=left()) as events:
            async for event in events:
                task = as_told(task, event) if isinstance(event, Message) else task
                if task.is_paused:
                    break
        seen = await self.get(*ids, deadline=left())
        if _has_stopped(seen):
            return seen
        if not _has_stopped(task):
            async for row in self.list_for_agent(ids[0], state="closed", deadline=left()):
                if row.task_id == ids[1] and row.close_reason:
                    return structs.replace(seen, status=row.close_reason)
        return task

    def messages(
        self,
        agent_id: str,
        task_id: str,
        *,
        since: int = 0,
        include_deltas: bool = False,
        limit: int = MESSAGES_LIMIT,
        deadline: float | None = None,
    ) -> Pager[Message]:
        """List what was said in a task, each message in its last state.

        Args:
            agent_id: The agent.
            task_id: The task.
            since: The offset after which to begin; 0 for the beginning.
            include_deltas: Whether the pieces of older agents are listed, too.
            limit: Rows a request, 1 to 500.
            deadline: Seconds for each page.

        Returns:
            An async iterator over messages, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for message in bee.tasks.messages(agent_id, task_id):
                print(message.offset, message.type, message.text)
            ```
        """
        count("since", since, least=0, most=LAST_OFFSET)
        count("limit", limit, least=1, most=MESSAGES_LIMIT)
        # Anything but a true word is taken for no, silently.
        params = {"since": since or None, "limit": limit, "include_deltas": include_deltas or None}
        return Pager(
            self._caller,
            table.LIST_TASK_MESSAGES,
            agent_id,
            task_id,
            style=MESSAGES,
            params=params,
            deadline=deadline,
        )

    def events(
        self,
        agent_id: str,
        task_id: str,
        *,
        since: int = 0,
        idle: float = IDLE,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> ChannelStream[ChannelEvent]:
        """Follow a task: what was said, what is said, and why it ends.

        It ends with the task (`end_reason` is `task_terminal`) or with its channel
        (`channel_closed`).  A task that failed says so in its messages.

        Args:
            agent_id: The agent.
            task_id: The task.
            since: The offset after which to begin, such as `last_offset` of another stream;
                0 for the beginning.
            idle: Seconds of silence after which it is opened again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`; a message that grows
            comes again and again, whole each time, and `text()` tells what was added.

        Example:
            ```python
            made = await bee.tasks.create(agent_id, "Trim the hedge.")
            async with bee.tasks.events(agent_id, made.task_id) as events:
                async for event in events:
                    if isinstance(event, Message) and event.type == "agent_reply":
                        # Whole each time: replace what you have, do not append.
                        print(event.text)
            print(events.end_reason)  # task_terminal
            ```
        """
        count("since", since, least=0, most=LAST_OFFSET)
        return ChannelStream(
            self._caller,
            table.STREAM_TASK,
            agent_id,
            task_id,
            words=ChannelWords(),
            opening=Opening(last=since),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )

    async def cancel(
        self,
        agent_id: str,
        task_id: str,
        *,
        reason: str | None = None,
        deadline: float | None = None,
    ) -> Task:
        """End a task; one that is over already stays as it is, and is returned.

        Args:
            agent_id: The agent.
            task_id: The task.
            reason: Why, for whoever reads its messages.
            deadline: Seconds for the whole call.

        Returns:
            The task as it is then.

        Raises:
            ConflictError: The server refused, and the task is not over.

        Example:
            ```python
            task = await bee.tasks.cancel(agent_id, task_id, reason="it rains")
            print(task.outcome)  # canceled
            ```
        """
        clock = self._caller.clock
        began = clock.now()
        body = None if reason is None else CancelTask(reason=reason)
        try:
            answer = await self._call(
                table.CANCEL_TASK, agent_id, task_id, deadline=deadline, body=body
            )
        except ConflictError as error:
            # Servers differ in whether it is a conflict to cancel what is over.
            left = None if deadline is None else began + deadline - clock.now()
            if left is not None and left <= 0:
                raise
            task = await self.get(agent_id, task_id, deadline=left)
            if task.is_over or "closed" in error.message.lower():
                return task
            raise
        return answer.data

    async def continue_(
        self,
        agent_id: str,
        task_id: str,
        *,
        input: Any = UNSET,
        auth_grant: bool | None = None,
        deadline: float | None = None,
    ) -> Task:
        """Let a paused task go on.

        Never sent twice once it may have arrived: a second input may meet the next
        question.

        Args:
            agent_id: The agent.
            task_id: The task.
            input: What an `input_required` waits for: any JSON; `None` is sent as null.
            auth_grant: Whether what an `auth_required` waits for is granted.
            deadline: Seconds for the whole call.

        Returns:
            The task; it may still show the pause.

        Example:
            ```python
            task = await bee.tasks.get(agent_id, task_id)
            if task.status == "input_required":
                await bee.tasks.continue_(agent_id, task_id, input={"metres": 2})
            elif task.status == "auth_required":
                await bee.tasks.continue_(agent_id, task_id, auth_grant=True)
            ```
        """
        given = ContinueTask(input=input, auth_grant=auth_grant)
        body = None if input is UNSET and auth_grant is None else given
        answer = await self._call(
            table.CONTINUE_TASK, agent_id, task_id, deadline=deadline, body=body
        )
        return answer.data

    async def register_webhook(
        self,
        agent_id: str,
        task_id: str,
        *,
        url: str,
        token: str | None = None,
        secret: str | None = None,
        deadline: float | None = None,
    ) -> TaskWebhook:
        """Have a receiver of yours told how a task goes; see `beeos_async.webhooks`.

        There is one webhook for each URL of a task: once more replaces its token, and its
        secret where one is given.

        Args:
            agent_id: The agent.
            task_id: The task.
            url: Where the receiver listens: https; plain http on loopback, or anywhere for a
                client with `allow_insecure`.
            token: What it is to find behind `Authorization: Bearer`.
            secret: What it is signed with, 16 to 256 characters; an empty one keeps the old.
            deadline: Seconds for the whole call.

        Example:
            ```python
            hook = await bee.tasks.register_webhook(
                agent_id, task_id, url="https://hooks.example.net/beeos", secret=secret
            )
            print(hook.webhook_id, hook.has_secret)  # … True
            ```
        """
        check_receiver(url, allow_insecure=self._caller.store.allow_insecure)
        body = RegisterWebhook(url=url, token=token, secret=secret)
        row = table.REGISTER_WEBHOOK
        return (await self._call(row, agent_id, task_id, deadline=deadline, body=body)).data

    async def list_webhooks(
        self, agent_id: str, task_id: str, *, deadline: float | None = None
    ) -> builtins.list[TaskWebhook]:
        """List who is told how a task goes.

        Args:
            agent_id: The agent.
            task_id: The task.
            deadline: Seconds for the whole call.

        Example:
            ```python
            for hook in await bee.tasks.list_webhooks(agent_id, task_id):
                print(hook.webhook_id, hook.url)
            ```
        """
        answer = await self._call(table.LIST_WEBHOOKS, agent_id, task_id, deadline=deadline)
        return answer.data.webhooks

    async def delete_webhook(
        self, agent_id: str, task_id: str, webhook_id: str, *, deadline: float | None = None
    ) -> None:
        """Have a receiver told no longer; one that is gone after a lost answer was deleted.

        Args:
            agent_id: The agent.
            task_id: The task.
            webhook_id: The webhook.
            deadline: Seconds for the whole call.

        Example:
            ```python
            await bee.tasks.delete_webhook(agent_id, task_id, webhook_id)
            ```
        """
        await self._call(table.DELETE_WEBHOOK, agent_id, task_id, webhook_id, deadline=deadline)

    async def webhook_deliveries(
        self,
        agent_id: str,
        task_id: str,
        webhook_id: str,
        *,
        limit: int | None = None,
        deadline: float | None = None,
    ) -> builtins.list[WebhookDelivery]:
        """List what a receiver was told, the newest first; there are no more pages.

        Args:
            agent_id: The agent.
            task_id: The task.
            webhook_id: The webhook.
            limit: How many, 1 to 200; 50 where nothing is said.
            deadline: Seconds for the whole call.

        Example:
            ```python
            for told in await bee.tasks.webhook_deliveries(agent_id, task_id, webhook_id):
                print(told.status, told.attempt_num, told.last_response_status, told.last_error)
            ```
        """
        if limit is not None:
            count("limit", limit, least=1, most=DELIVERIES_LIMIT)
        answer = await self._call(
            table.LIST_DELIVERIES,
            agent_id,
            task_id,
            webhook_id,
            deadline=deadline,
            params={"limit": limit},
        )
        return answer.data.deliveries

    async def redeliver_webhook(
        self,
        agent_id: str,
        task_id: str,
        webhook_id: str,
        delivery_id: str,
        *,
        deadline: float | None = None,
    ) -> WebhookDelivery:
        """Have a delivery that failed made once more, in its original bytes and signature.

        Never sent twice once it may have arrived: each time is another delivery.

        Args:
            agent_id: The agent.
            task_id: The task.
            webhook_id: The webhook.
            delivery_id: The delivery, `failed` or `dead_letter`.
            deadline: Seconds for the whole call.

        Returns:
            The new delivery, still `pending`.

        Example:
            ```python
            again = await bee.tasks.redeliver_webhook(agent_id, task_id, webhook_id, delivery_id)
            print(again.status, again.delivery_id != delivery_id)  # pending True
            ```
        """
        answer = await self._call(
            table.REDELIVER_WEBHOOK, agent_id, task_id, webhook_id, delivery_id, deadline=deadline
        )
        return answer.data

    def _list(
        self,
        row: Any,
        ids: tuple[str, ...],
        params: Mapping[str, object],
        state: TaskFilter | None,
        since: str | None,
        limit: int,
        deadline: float | None,
    ) -> Pager[TaskSummary]:
        count("limit", limit, least=1, most=TASKS_LIMIT)
        if state is not None:
            one_of("state", state, get_args(TaskFilter))
        asked = {**params, "state": state, "since": since, "limit": limit}
        return Pager(self._caller, row, *ids, style=_STYLE, params=asked, deadline=deadline)
