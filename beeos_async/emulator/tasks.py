"""The tasks of the pretend cloud: given, listed, looked at, continued, canceled.

How one of them goes is `jobs.py`'s.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from .._clock import Clock
from ..models.agents import InvokeAgent, InvokeReply
from ..models.messages import Attachment, MessagePage
from ..models.tasks import ContinueTask, CreateTask, Task, TaskCreated, TaskPage
from .agenda import Agenda
from .agents import Agents
from .channels import Channels
from .hooks import Hooks
from .jobs import Job, script_of
from .refusals import RefusedError
from .scenery import uuid_for
from .shelf import Shelf


class Tasks:
    """All tasks of one pretend cloud.

    Attributes:
        hooks: Who is told how they go.
        work_time: Seconds from a task's creation to its end or pause, and from there on.
    """

    def __init__(
        self,
        clock: Clock,
        agenda: Agenda,
        channels: Channels,
        agents: Agents,
        files: Shelf,
        change: Callable[[], None],
        seed: int,
        *,
        strict: bool,
    ) -> None:
        """Begin without any.

        Args:
            clock: Time.
            agenda: What is to come.
            channels: Where it is written down what is said.
            agents: Who lives where.
            files: What may be attached.
            change: Told whenever something is changed.
            seed: What ids are drawn from.
            strict: Whether to cancel what is over is a conflict.
        """
        self.work_time: float = 0.1
        self.hooks: Hooks = Hooks(clock, agenda, change)
        self._clock = clock
        self._agenda = agenda
        self._channels = channels
        self._agents = agents
        self._files = files
        self._change = change
        self._seed = seed
        self._strict = strict
        self._jobs: dict[str, Job] = {}

    def create(self, agent: str, wanted: CreateTask) -> TaskCreated:
        """Give an agent something to do.

        Raises:
            RefusedError: There is no such agent, or it is not there.
        """
        self._agents.awake(agent)
        if wanted.context_id:
            self._find(agent, wanted.context_id)
        self._check(wanted.attachments)
        job = self._new(agent, wanted.message, wanted.metadata)
        if wanted.deadline_ms:
            job.deadline = job.created + timedelta(milliseconds=wanted.deadline_ms)
            job.ahead.append(self._agenda.plan(wanted.deadline_ms / 1000, job.expire))
        job.hear(wanted.idempotency_key or "")
        job.work(self.work_time)
        return TaskCreated(task_id=job.id, agent_id=agent, status="queued", created_at=job.created)

    def invoke(self, agent: str, asked: InvokeAgent) -> InvokeReply:
        """Ask an agent, and have its answer at once; the task is over then, too.

        Raises:
            RefusedError: There is no such agent, it is not there, or it takes too long: then
                it is still at it.
        """
        self._agents.awake(agent)
        if asked.context_id:
            self._find(agent, asked.context_id)
        self._check(asked.attachments)
        job = self._new(agent, asked.message, asked.metadata)
        job.hear(asked.idempotency_key or "")
        job.begin()
        match script_of(asked.message):
            case "fail":
                job.fail()
            case "refuse":
                job.refuse()
            case "linger":
                words = asked.message.partition(":")[2].strip()
                job.ahead.append(
                    self._agenda.plan(self.work_time, lambda: job.answer(f"You said: {words}"))
                )
                raise RefusedError(504, "service_timeout", "the agent is still at it")
            case _:
                job.answer(f"You said: {asked.message}")
        return InvokeReply(
            text=job.error or job.result,
            context_id=asked.context_id or job.id,
            is_error=bool(job.error),
        )

    def list(self, agent: str, instance: str, state: str, after: str, limit: int) -> TaskPage:
        """Look at one page of tasks, the newest first.

        Args:
            agent: Only those of this agent, if it is named.
            instance: Only those on this instance, if it is named.
            state: `active`, `closed` or `all`.
            after: The cursor of an earlier page, or nothing.
            limit: Rows of a page.

        Raises:
            RefusedError: There is no such agent, or the cursor is none of ours.
        """
        self._agenda.catch_up()
        if agent:
            self._agents.home(agent)
        before = _number_of(after) if after else len(self._jobs)
        rows = (
            job
            for job in reversed(self._jobs.values())
            if job.number < before
            and (not agent or job.agent == agent)
            and (not instance or self._agents.home(job.agent).id == instance)
            and state in {"all", "closed" if job.is_over else "active"}
        )
        found = list(islice(rows, limit + 1))
        more = len(found) > limit
        return TaskPage(
            tasks=[job.row() for job in found[:limit]],
            next_since=_cursor_of(found[limit - 1].number) if more else "",
        )

    def get(self, agent: str, id: str) -> Task:
        """Look at a task."""
        return self._find(agent, id).seen()

    def job(self, agent: str, id: str) -> Job:
        """Find a task, as the world keeps it."""
        return self._find(agent, id)

    def page(self, agent: str, id: str, since: int, limit: int, *, deltas: bool) -> MessagePage:
        """List what was said."""
        return self._find(agent, id).channel.page(since, limit, deltas=deltas)

    def cancel(self, agent: str, id: str, reason: str | None) -> Task:
        """End a task; one that is over stays as it is.

        Raises:
            RefusedError: It is over, in a world that is strict about that.
        """
        job = self._find(agent, id)
        if self._strict:
            job.refuse_over()
        if not job.is_over:
            job.cancel(reason)
            self._change()
        return job.seen()

    def go_on(self, agent: str, id: str, given: ContinueTask) -> Task:
        """Let a task go on after a pause.

        Raises:
            RefusedError: It does not wait, or for something else.
        """
        job = self._find(agent, id)
        job.go_on(given, self.work_time)
        self._change()
        return job.seen()

    def _new(self, agent: str, message: str, metadata: dict[str, str] | None) -> Job:
        number = len(self._jobs)
        id = uuid_for(self._seed, "task", number)
        job = self._jobs[id] = Job(
            id=id,
            number=number,
            agent=agent,
            message=message,
            metadata=metadata or {},
            channel=self._channels.open(agent, id),
            agenda=self._agenda,
            tell=self.hooks.tell,
            now=self._now,
            created=self._now(),
        )
        self._change()
        return job

    def _find(self, agent: str, id: str) -> Job:
        self._agenda.catch_up()
        self._agents.home(agent)
        job = self._jobs.get(id)
        if job is None or job.agent != agent:
            raise RefusedError(404, "agent_not_found", "there is no such task")
        return job

    def _check(self, attachments: Sequence[Attachment] | None) -> None:
        for one in attachments or ():
            try:
                here = self._files.find(one.file_id).data is not None
            except RefusedError:
                here = False
            if not here:
                message = f"there is no file {one.file_id}"
                raise RefusedError(400, "invalid_param", message, "attachments")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)


def _cursor_of(number: int) -> str:
    return urlsafe_b64encode(b"task/%d" % number).decode()


def _number_of(cursor: str) -> int:
    try:
        word, _, number = urlsafe_b64decode(cursor).partition(b"/")
        if word == b"task":
            return int(number)
    except (Error, ValueError):
        pass
    raise RefusedError(400, "invalid_param", "this is no cursor", "since")
