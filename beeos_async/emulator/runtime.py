"""The durable operations of the pretend cloud's runtimes: begun, listed, cancelled.

How one of them goes is `course.py`'s, what a method does `effects.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .._checks import one_of, uuid
from .._clock import Clock
from ..errors import ConfigurationError
from ..models.events import OperationOutcome
from ..models.instances import Instance
from ..models.runtime import (
    InstanceTarget,
    InvokeRuntimeMethod,
    OperationPage,
    RuntimeOperation,
)
from .agenda import Agenda
from .course import EPOCH, FAILURES, Operation, Target, seen
from .cursor import after
from .effects import METHODS, REFUSALS, Shelves, capability_of, flaw_of, refused
from .operations import Operations
from .refusals import RefusedError
from .scenery import uuid_for

TICKET_LIFE: Final = timedelta(minutes=5)


class Runtimes:
    """All operations of one pretend cloud.

    Attributes:
        pace: Seconds from one event of an operation to the next.
    """

    def __init__(
        self,
        clock: Clock,
        agenda: Agenda,
        logs: Operations,
        look: Callable[[str], Instance],
        change: Callable[[], None],
        seed: int = 0,
    ) -> None:
        """Begin without any.

        Args:
            clock: Time.
            agenda: What is to come.
            logs: Where events are written down.
            look: Finds an instance, or refuses to.
            change: Told whenever something is changed.
            seed: What ids are drawn from.
        """
        self.pace: float = 0.02
        self._clock = clock
        self._agenda = agenda
        self._logs = logs
        self._look = look
        self._change = change
        self._seed = seed
        self._operations: dict[str, Operation] = {}
        self._shelves = Shelves()
        self._tickets = 0
        self._refusals: list[tuple[str, str, int | None]] = []
        self._outcomes: list[tuple[str, OperationOutcome]] = []

    def refuse(self, method: str, word: str, *, retry_after_ms: int | None = None) -> None:
        """Script the refusal of the next call of a method.

        Args:
            method: The method.
            word: The runtime's name for the refusal, such as `PROJECTION_PENDING`.
            retry_after_ms: Milliseconds it asks to wait.

        Raises:
            ConfigurationError: There is no such refusal.
        """
        one_of("word", word, REFUSALS)
        self._refusals.append((method, word, retry_after_ms))

    def turn_out(self, method: str, outcome: OperationOutcome) -> None:
        """Script how the next operation of a method ends.

        Args:
            method: The method.
            outcome: `failed`, `cancelled`, `expired`, `outcome_unknown` or `projection_blocked`.

        Raises:
            ConfigurationError: There is no such outcome.
        """
        one_of("outcome", outcome, FAILURES)
        self._outcomes.append((method, outcome))

    def manifest(self, instance: str) -> dict[str, Any]:
        """Tell what a runtime can do."""
        self._look(instance)
        return {
            "epoch": EPOCH,
            "methods": list(METHODS),
            "capabilities": sorted({capability_of(method) for method in METHODS}),
            "limits": {"inFlight": 32},
        }

    def invoke(self, instance: str, asked: InvokeRuntimeMethod, chosen: str) -> str:
        """Accept a method, or refuse it as a runtime does.

        Args:
            instance: The instance.
            asked: The method and its parameters.
            chosen: The id the operation shall have, or nothing.

        Returns:
            The operation's id.

        Raises:
            RefusedError: There is no such instance, or the runtime says no.
        """
        online = self._look(instance).connectivity == "online"
        word, wait = self._flaw(asked, online=online)
        if word:
            data = None if wait is None else {"context": {"retryAfterMs": wait}}
            raise refused(word, asked.id, data)

        def act() -> Any:
            return self._shelves.act(instance, asked)

        return self.begin(instance, asked.method, InstanceTarget(), chosen, act).id

    def begin(
        self,
        instance: str,
        method: str,
        target: Target,
        chosen: str,
        act: Callable[[], Any],
    ) -> Operation:
        """Begin an operation, and plan how it goes.

        Args:
            instance: The instance it runs on.
            method: What it does.
            target: What it is about.
            chosen: The id it shall have, or nothing.
            act: What is done once it is committed; gives the result.

        Raises:
            RefusedError: The id is no UUID, or another operation has it.
        """
        number = len(self._operations) + 1
        id = chosen or uuid_for(self._seed, "operation", number)
        _refuse_id(id)
        if id in self._operations:
            raise RefusedError(409, "conflict", "there is an operation with this id")
        operation = Operation(
            id=id,
            instance=instance,
            method=method,
            target=target,
            log=self._logs.open(instance, id, method),
            now=self._now,
            created=self._now(),
            act=act,
            number=number,
        )
        self._operations[id] = operation
        for place, step in enumerate(operation.way(self._scripted(method)), 1):
            operation.ahead.append(self._agenda.plan(self.pace * place, step))
        self._change()
        return operation

    def find(self, instance: str, id: str) -> Operation:
        """Find an operation, as far as it has come.

        Raises:
            RefusedError: There is none.
        """
        self._agenda.catch_up()
        operation = self._operations.get(id)
        if operation is None or operation.instance != instance:
            raise RefusedError(404, "not_found", "there is no such operation")
        return operation

    def get(self, instance: str, id: str) -> RuntimeOperation:
        """Look at an operation."""
        return seen(self.find(instance, id))

    def list(self, instance: str, cursor: str, limit: int) -> OperationPage:
        """Look at one page of the operations that are not over, in the order they began.

        Args:
            instance: The instance.
            cursor: That of an earlier page, or nothing.
            limit: Rows of a page.

        Raises:
            RefusedError: There is no such instance, or the cursor is none of ours.
        """
        self._look(instance)
        self._agenda.catch_up()

        def wanted(one: Operation) -> bool:
            return one.instance == instance and not one.log.over

        rows, following = after(cursor, self._operations, wanted, limit, "cursor")
        return OperationPage(operations=[seen(one) for one in rows], next_cursor=following)

    def catch_up(self) -> None:
        """Let happen what is due."""
        self._agenda.catch_up()

    def cancel(self, instance: str, id: str, chosen: str) -> str:
        """Wish an operation cancelled; it is, unless it has taken effect.

        Args:
            instance: The instance it runs on.
            id: The operation.
            chosen: The id the wish shall have, or nothing.

        Returns:
            The id of the wish.

        Raises:
            RefusedError: There is none, it is too late, or the id is none.
        """
        if chosen:
            _refuse_id(chosen)
        operation = self.find(instance, id)
        if not operation.may_be_cancelled:
            code = "OPERATION_NOT_CANCELLABLE"
            told = {"code": code, "operationId": id, "httpStatus": 409}
            raise RefusedError(409, code, "it is too late", whole=told)
        operation.stop()
        last = self._agenda.plan(self.pace, lambda: operation.respond("cancelled"))
        operation.ahead = [last]
        self._change()
        return chosen or uuid_for(self._seed, "cancellation", operation.number)

    def ticket(self, instance: str, kind: str) -> dict[str, Any]:
        """Make a ticket for a session: another one each time.

        Args:
            instance: The instance.
            kind: Of what.

        Raises:
            RefusedError: There is no such instance, or it is not online.
        """
        if self._look(instance).connectivity != "online":
            raise RefusedError(503, "agent_offline", "the instance is not online")
        self._tickets += 1
        self._change()
        return {
            "ticket": f"{kind}.{uuid_for(self._seed, kind, self._tickets)}",
            "expiresAt": (self._now() + TICKET_LIFE).isoformat(),
        }

    def _flaw(self, asked: InvokeRuntimeMethod, *, online: bool) -> tuple[str, int | None]:
        """Find why a runtime refuses, and how long it asks to wait; nothing where it does not."""
        for scripted in self._refusals:
            method, word, wait = scripted
            if method == asked.method:
                self._refusals.remove(scripted)
                return word, wait
        flaw = flaw_of(asked)
        return (flaw, None) if flaw or online else ("INSTANCE_OFFLINE", 1000)

    def _scripted(self, method: str) -> OperationOutcome:
        for scripted in self._outcomes:
            if scripted[0] == method:
                self._outcomes.remove(scripted)
                return scripted[1]
        return "succeeded"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)


def _refuse_id(id: str) -> None:
    try:
        uuid("the id", id)
    except ConfigurationError as error:
        raise RefusedError(400, "invalid_param", str(error), "X-BeeOS-Operation-Id") from None
