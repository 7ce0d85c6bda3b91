"""Row → answer: who may ask, what is asked, what goes wrong with it, and what is said.

The answers themselves stand in `answers/`, one function for each row; `@desk(row)` holds
them to the row's type.  No sockets in here: what a reply does to one is `door.py`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, structs

from .._clock import Clock
from .._protocol import table
from .._protocol.endpoint import Endpoint
from .._protocol.message import OPERATION_HEADER
from .._protocol.throttle import Rate, conform
from ..models._base import Accepted
from .faults import Fault, Faults
from .keys import Keys
from .refusals import RefusedError, admit, envelope
from .routes import Routes
from .world import World

T = TypeVar("T")
B = TypeVar("B", bound=Struct)

EFFECTS_PATH: Final = "/__emulator__/effects"
"""Where another process asks what took effect; the emulator's own, not the contract's."""

_FIELD: Final = re.compile(r"(?:field `|at `\$\.)(\w+)").search
_NUMBER: Final = re.compile(r"[0-9]{1,9}").fullmatch

_PLAIN: Final = frozenset({str, bool, int, dict, datetime})
_GOLDEN: Final = 0.618_033_988_749_895
_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}

_encode: Final = msgspec.json.Encoder().encode


class Call(Struct, frozen=True):
    """One request, as an answer sees it."""

    ids: tuple[str, ...]
    params: Mapping[str, str]
    raw: bytes
    headers: Mapping[str, str] = {}
    """Lookup ignores case."""

    def body(self, kind: type[B]) -> B:
        """Read the JSON body.

        Args:
            kind: What it must be.

        Raises:
            RefusedError: It is something else.
        """
        try:
            return msgspec.json.decode(self.raw, type=kind)
        except msgspec.ValidationError as error:
            found = _FIELD(str(error))
            raise RefusedError(400, "invalid_body", str(error), found and found[1]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError(400, "invalid_json", str(error)) from None

    def number(self, name: str, default: int, most: int) -> int:
        """Read a whole number from the query.

        Args:
            name: The parameter.
            default: What stands where it is missing.
            most: The highest that is taken.

        Raises:
            RefusedError: It is no number from 0 to `most`.
        """
        text = self.params.get(name)
        if text is None:
            return default
        if _NUMBER(text) and int(text) <= most:
            return int(text)
        message = f"{name} must be a whole number from 0 to {most}"
        raise RefusedError(400, "invalid_param", message, name)


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One request in the emulator's log; the key is not in it."""

    operation: str
    """Its operationId; empty where there is no such endpoint."""

    method: str
    path: str
    """With its query, as it came."""

    ids: tuple[str, ...]
    status: int
    """What was answered; 0 where nothing was, or nothing whole."""

    request_id: str
    applied: bool
    """Whether it changed the world, whatever was answered."""

    at: float
    """Seconds on the emulator's clock."""

    body: bytes = b""


class Reply(Struct, frozen=True):
    """What the door shall do."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    request_id: str = ""
    delay: float = 0.0
    fault: Fault | None = None
    """What is done to the socket besides, or, under a status of 0, instead."""


class Answer(Struct, frozen=True):
    """The function that answers a row, and the status it answers with."""

    give: Callable[[World, Call], Awaitable[Any]]
    status: int


ANSWERS: Final[dict[str, Answer]] = {}
"""Every answer, by operationId; filled by `@desk`."""


def desk(
    row: Endpoint[T], *, status: int = 200
) -> Callable[[Callable[[World, Call], Awaitable[T]]], Callable[[World, Call], Awaitable[T]]]:
    """Let a function answer a row; it must return the row's answer type.

    Args:
        row: The endpoint.
        status: What a success is answered with.
    """

    def take(
        give: Callable[[World, Call], Awaitable[T]],
    ) -> Callable[[World, Call], Awaitable[T]]:
        ANSWERS[row.operation] = Answer(give, status)
        return give

    return take


class Desk:
    """Serves requests in the order they come, and writes them down.

    Attributes:
        log: What came, in order.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        clock: Clock,
        rates: Callable[[str], Rate | None],
        *,
        latency: float = 0.0,
        answers: Mapping[str, Answer] = ANSWERS,
    ) -> None:
        """Lay out the table.

        Args:
            world: What is remembered.
            faults: What goes wrong.
            clock: Time.
            rates: The quota of a bucket.
            latency: Seconds an answer is late; each between half and one and a half of it.
            answers: Who answers what.

        Raises:
            RuntimeError: A row of the table has no answer.
        """
        if missing := [name for name in table.ROWS if name not in answers]:
            msg = f"the emulator has no answer to {', '.join(missing)}"
            raise RuntimeError(msg)
        self.log: list[Entry] = []
        self._world = world
        self._faults = faults
        self._clock = clock
        self._rates = rates
        self._latency = latency
        self._answers = answers
        self._due: dict[str, float] = {}
        self._keys: Keys[Reply] = Keys()
        self._requests = 0
        self._routes = Routes(table.ROWS.values())

    async def serve(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        read: Callable[[int], Awaitable[bytes | None]],
    ) -> Reply:
        """Serve one request.

        Args:
            method: The HTTP method.
            target: Path and query as they were sent.
            headers: Lookup ignores case.
            read: Reads the body, or gives `None` when it has more bytes than it is told.
        """
        path, _, query = target.partition("?")
        if path == EFFECTS_PATH:
            told = {"requests": self._requests, "effects": self._world.all_effects()}
            return Reply(200, _encode(told), _JSON)
        self._requests += 1
        number = self._requests
        request_id = f"req-{number:08x}"
        row: Endpoint[Any] | None = None
        ids: tuple[str, ...] = ()
        raw = b""
        changes = self._world.changes
        try:
            row, ids = self._routes.find(method, path)
            admit(headers.get("Authorization", ""))
            raw = _allowed(row, await read(row.body_cap))
            changes = self._world.changes
            call = Call(ids, dict(parse_qsl(query)) if query else {}, raw, headers)
            reply = await self._answer(row, call, request_id)
        except RefusedError as error:
            reply = _refusal(error, request_id)
        entry = Entry(
            operation=row.operation if row else "",
            method=method,
            path=target,
            ids=ids,
            status=reply.status,
            request_id=request_id,
            applied=self._world.changes != changes,
            at=self._clock.now(),
            body=raw,
        )
        self.log.append(entry)
        delay = reply.delay
        if self._latency:
            # The golden ratio spreads evenly whatever the number, and asks for no dice.
            delay += self._latency * (0.5 + number * _GOLDEN % 1)
        return structs.replace(reply, request_id=request_id, delay=delay)

    async def _answer(self, row: Endpoint[Any], call: Call, request_id: str) -> Reply:
        fault = self._faults.pick(row.operation, call.ids[0] if call.ids else "")
        if fault is not None and fault.when == "before":
            return _trouble(fault, request_id)
        try:
            self._draw(row)
            answer = self._answers[row.operation]
            place, told = self._keys.find(row, call.ids, call.headers, call.raw)
            if told is None:
                told = _accepted(answer.status, await answer.give(self._world, call))
                self._keys.keep(place, told)
            reply = told
        except RefusedError as error:
            reply = _refusal(error, request_id)
        return reply if fault is None else _trouble(fault, request_id, reply)

    def _draw(self, row: Endpoint[Any]) -> None:
        """Draw on the quota of an endpoint."""
        rate = self._rates(row.bucket)
        if rate is None:
            return
        due = self._due.get(row.bucket, 0.0)
        self._due[row.bucket], wait = conform(rate, due, self._clock.now())
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))}
            raise RefusedError(429, "rate_limited", "slow down", headers=headers)


def _allowed(row: Endpoint[Any], raw: bytes | None) -> bytes:
    if raw is None:
        message = f"at most {row.body_cap} bytes are taken"
        raise RefusedError(413, "payload_too_large", message)
    return raw


def _trouble(fault: Fault, request_id: str, reply: Reply | None = None) -> Reply:
    """Give what the door shall do, instead of sending what would have been answered."""
    if reply is not None and fault.kind == "delay":
        return structs.replace(reply, delay=fault.seconds)
    if reply is not None and fault.kind == "push":
        return structs.replace(reply, fault=fault)
    if fault.kind in {"refuse", "garble"}:
        message = fault.message or "scripted trouble"
        error = RefusedError(fault.status, fault.code, message, headers=fault.headers)
        refusal = _refusal(error, request_id)
        return refusal if fault.body is None else structs.replace(refusal, body=fault.body)
    return Reply(0, reply.body if reply is not None else b"", _JSON, fault=fault)


def _accepted(status: int, value: object) -> Reply:
    """Give the reply that says yes: an answer, none at all, or one whose id is a header."""
    if isinstance(value, Accepted):
        body = _encode(value.body) if value.body else b""
        return Reply(status, body, {**_JSON, OPERATION_HEADER: value.operation_id})
    if value is None:
        return Reply(status, b"", {})
    return Reply(status, _encode(_whole(value)), _JSON)


def _refusal(error: RefusedError, request_id: str) -> Reply:
    return Reply(error.status, _encode(envelope(error, request_id)), {**_JSON, **error.headers})


def _whole(value: object) -> object:
    """Write every field that is set, those at their default too, as a server does."""
    if isinstance(value, Struct):
        names, values = value.__struct_encode_fields__, structs.astuple(value)
        return {
            # Most are plain, and a call for each would be most of the work.
            name: one if type(one) in _PLAIN else _whole(one)
            for name, one in zip(names, values, strict=True)
            if one is not None
        }
    if isinstance(value, list):
        return [_whole(one) for one in cast("list[object]", value)]
    return value
