"""One task as the world keeps it: what was asked, what the agent says to it, how it ends.

An agent says again what it was told, in pieces.  The word before a colon may make it do
otherwise: `ask: …` and `login: …` pause until they are continued, `fail: …` and `refuse: …`
end badly, `linger: …` goes on until it is canceled or late.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, structs

from ..models.messages import Message, MessageType, ThinkingPart
from ..models.tasks import ContinueTask, Task, TaskSummary
from .agenda import Agenda, Errand
from .agents import reply_to
from .channels import Channel
from .course import OWNER
from .refusals import RefusedError

Script = Literal["ask", "login", "fail", "refuse", "linger", ""]

_SCRIPTS: Final[dict[str, Script]] = {
    "ask": "ask",
    "login": "login",
    "fail": "fail",
    "refuse": "refuse",
    "linger": "linger",
}


SCANNED: Final = 1000
"""Messages that are looked through for how a task stands; what later ones say is not seen."""


def script_of(message: str) -> Script:
    """Tell what a message makes an agent do."""
    word, colon, _ = message.partition(":")
    return _SCRIPTS.get(word.strip().lower(), "") if colon else ""


class Job(Struct):
    """One task."""

    id: str
    number: int
    agent: str
    message: str
    metadata: dict[str, str]
    channel: Channel
    agenda: Agenda
    tell: Callable[[Job], None]
    """Told whenever its status changes."""

    now: Callable[[], datetime]
    created: datetime
    deadline: datetime | None = None
    status: str = "queued"
    scanned: str = "queued"
    """Its status as the first messages tell it."""

    started: datetime | None = None
    completed: datetime | None = None
    result: Any = None
    error: str = ""
    ahead: list[Errand] = []

    @property
    def is_over(self) -> bool:
        """Whether it will not go on."""
        return self.completed is not None

    def seen(self) -> Task:
        """Describe it, as far as its messages are looked through."""
        task = Task(
            task_id=self.id,
            agent_id=self.agent,
            caller_id=OWNER,
            status=self.status,
            result=self.result,
            error=self.error,
            metadata=dict(self.metadata),
            created_at=self.created,
            started_at=self.started,
            completed_at=self.completed,
            deadline_at=self.deadline,
        )
        if self.channel.said <= SCANNED:
            return task
        status = self.scanned
        if status == self.status:
            return structs.replace(task, truncated=True)
        return structs.replace(
            task, truncated=True, status=status, result=None, error="", completed_at=None
        )

    def row(self) -> TaskSummary:
        """Describe it as a row of a list."""
        return TaskSummary(
            task_id=self.id,
            agent_id=self.agent,
            caller_id=OWNER,
            state="closed" if self.is_over else "active",
            close_reason=self._close_reason(),
            metadata=dict(self.metadata),
            deadline_at=self.deadline,
        )

    def hear(self, id: str = "") -> None:
        """Write down what was asked.

        Args:
            id: The message's, else one is made up.
        """
        self._say("chat_message", self.message, message_id=id, publisher_id=f"user:{OWNER}")

    def work(self, seconds: float) -> None:
        """Begin soon, and go on to where the message leads.

        Args:
            seconds: Until the end.
        """
        self._plan(seconds / 5, self.begin)
        self._lead(self.message, script_of(self.message), seconds)

    def begin(self) -> None:
        """Be at it."""
        self.started = self.started or self.now()
        self._become("running")

    def go_on(self, given: ContinueTask, seconds: float) -> None:
        """Go on after a pause.

        Args:
            given: What it waited for.
            seconds: Until the end.

        Raises:
            RefusedError: It does not wait, or for something else.
        """
        self.refuse_over()
        if self.status == "input_required":
            if given.input is UNSET:
                raise RefusedError(400, "missing_param", "the task waits for input", "input")
            self._say("user.continue", payload={"input": given.input}, publisher_id=_USER)
        elif self.status == "auth_required":
            if not given.auth_grant:
                raise RefusedError(
                    400, "missing_param", "the task waits for a grant", "auth_grant"
                )
            self._say("user.auth_grant", publisher_id=_USER)
        else:
            raise RefusedError(409, "conflict", "the task does not wait for anything")
        self._become("running")
        words = self.message.partition(":")[2].strip()
        if given.input is not UNSET:
            words += " " + msgspec.json.encode(given.input).decode()
        self._lead(words, "", seconds)

    def cancel(self, reason: str | None) -> None:
        """End it at once, on the caller's wish."""
        self._say("chat_cancel", reason or "", publisher_id=_USER)
        self.end("canceled")

    def answer(self, text: str, state: str = "completed") -> None:
        """Give the whole reply, and end."""
        thought = ThinkingPart(text="It was said, so it is said again.", state="done")
        self._reply(text, state, parts=[thought], stop_reason="end_turn")
        self.result = text
        self.end("completed")

    def fail(self) -> None:
        """Fail, and end."""
        self.error = "the agent failed, as it was told to"
        self._say("agent_reply_error", self.error, state="failed")
        self.end("failed")

    def refuse(self) -> None:
        """Refuse, and end."""
        self.error = "the agent refused, as it was told to"
        self._say("agent.refuse", self.error, state="refused")
        self.end("rejected")

    def pause(self, kind: Literal["input", "auth"], words: str) -> None:
        """Wait for the caller."""
        self._say(f"agent.{kind}_required", words)
        self._become(f"{kind}_required")

    def expire(self) -> None:
        """End because it is late."""
        self.end("timeout")

    def end(self, status: str) -> None:
        """End, one way or another; nothing that was planned comes any more."""
        for errand in self.ahead:
            errand.drop()
        self.completed = self.now()
        self.channel.end()
        self._become(status)

    def refuse_over(self) -> None:
        """Refuse what comes too late.

        Raises:
            RefusedError: It is over.
        """
        if self.is_over:
            raise RefusedError(409, "conflict", "task is already closed")

    def _lead(self, words: str, script: Script, seconds: float) -> None:
        match script:
            case "ask":
                self._plan(seconds, lambda: self.pause("input", "What else should I know?"))
            case "login":
                self._plan(seconds, lambda: self.pause("auth", "May I?"))
            case "fail":
                self._plan(seconds, self.fail)
            case "refuse":
                self._plan(seconds, self.refuse)
            case "linger":
                pass
            case _:
                *pieces, whole = reply_to(words)
                for number, text in enumerate(pieces, 1):
                    self._plan(seconds * number / (len(pieces) + 1), self._piece(text))
                self._plan(seconds, lambda: self.answer(whole))

    def _piece(self, text: str) -> Callable[[], None]:
        return lambda: self._reply(text, "streaming")

    def _plan(self, seconds: float, act: Callable[[], None]) -> None:
        self.ahead.append(self.agenda.plan(seconds, act))

    def _become(self, status: str) -> None:
        self.status = status
        if self.channel.said <= SCANNED:
            self.scanned = status
        self.tell(self)

    def _reply(self, text: str, state: str, **fields: Any) -> None:
        id = f"msg-{self.id}-reply"
        self._say("agent_reply", text, message_id=id, state=state, **fields)

    def _say(self, type: MessageType, body: str = "", **fields: Any) -> None:
        message = Message(
            type=type, body=body, publisher_id=f"agent:{self.agent}", state="completed"
        )
        self.channel.post(structs.replace(message, **fields))

    def _close_reason(self) -> str:
        return self.status if self.is_over else ""


_USER: Final = f"user:{OWNER}"
