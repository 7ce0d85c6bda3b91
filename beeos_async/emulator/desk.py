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
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct, structs

from .._clock import Clock
from .._protocol import table
from .._protocol.endpoint import Endpoint
from .._protocol.throttle import Rate, conform
from .faults import Fault, Faults
from .world import RefusedError, World

T = TypeVar("T")
B = TypeVar("B", bound=Struct)

EFFECTS_PATH: Final = "/__emulator__/effects"
"""Where another process asks what took effect; the emulator's own, not the contract's."""

_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "validation_error",
    429: "rate_limit_error",
}
_CODES: Final[Mapping[int, str]] = {
    400: "invalid_param",
    401: "invalid_token",
    403: "forbidden",
    404: "agent_not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    422: "invalid_param",
    429: "rate_limited",
    503: "agent_service_unavailable",
    504: "service_timeout",
}

_REAL_KEY: Final = re.compile(r"oag_[0-9a-fA-F]{64}").fullmatch
_FIELD: Final = re.compile(r"(?:field |at `\$\.|`)(\w+)`").search
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
    """What is done to the socket instead; the body is what it is done with."""


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


class _Place(Struct):
    """A point of the route tree."""

    ways: dict[str, _Place] = {}
    any: _Place | None = None
    """Where an id leads."""

    rows: dict[str, Endpoint[Any]] = {}
    """What is answered here, by HTTP method."""


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
        self._requests = 0
        self._root = _Place()
        for row in table.ROWS.values():
            self._lay(row)

    async def serve(
        self,
        method: str,
        target: str,
        authorization: str,
        read: Callable[[int], Awaitable[bytes | None]],
    ) -> Reply:
        """Serve one request.

        Args:
            method: The HTTP method.
            target: Path and query as they were sent.
            authorization: The header, or nothing.
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
            row, ids = self._find(method, path)
            _admit(authorization)
            raw = _allowed(row, await read(row.body_cap))
            changes = self._world.changes
            call = Call(ids, dict(parse_qsl(query)) if query else {}, raw)
            reply = await self._answer(row, call, request_id)
        except RefusedError as error:
            reply = _refusal(error, request_id)
        entry = Entry(
            operation=row.operation if row else "",
            method=method,
            path=path,
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
            value = await answer.give(self._world, call)
            reply = Reply(answer.status, _encode(_whole(value)), _JSON)
        except RefusedError as error:
            reply = _refusal(error, request_id)
        return reply if fault is None else _trouble(fault, request_id, reply)

    def _lay(self, row: Endpoint[Any]) -> None:
        place = self._root
        for word in row.path.split("/"):
            if word.startswith("{"):
                place.any = place.any or _Place()
                place = place.any
            else:
                place = place.ways.setdefault(word, _Place())
        place.rows[row.method] = row

    def _find(self, method: str, path: str) -> tuple[Endpoint[Any], tuple[str, ...]]:
        place = self._root
        ids: tuple[str, ...] = ()
        for word in path.split("/"):
            way = place.ways.get(word)
            if way is None:
                way = place.any if word else None
                ids = (*ids, unquote(word))
            if way is None:
                raise RefusedError(404, "not_found", "there is no such route")
            place = way
        row = place.rows.get(method)
        if row is None:
            if not place.rows:
                raise RefusedError(404, "not_found", "there is no such route")
            allowed = {"Allow": ", ".join(place.rows)}
            message = f"this route takes {allowed['Allow']}"
            raise RefusedError(405, "method_not_allowed", message, headers=allowed)
        return row, ids

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


def _admit(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise RefusedError(401, "missing_token", "there is no bearer key")
    if _REAL_KEY(key):
        message = (
            "this is the emulator, and the key looks real: keep it to yourself, and give"
            " any other word here"
        )
        raise RefusedError(401, "invalid_token", message)


def _allowed(row: Endpoint[Any], raw: bytes | None) -> bytes:
    if raw is None:
        message = f"at most {row.body_cap} bytes are taken"
        raise RefusedError(413, "payload_too_large", message)
    return raw


def _trouble(fault: Fault, request_id: str, reply: Reply | None = None) -> Reply:
    """Give what the door shall do instead of sending a reply."""
    match fault.kind:
        case "delay":
            assert reply is not None  # noqa: S101 -- comes after the effect
            return structs.replace(reply, delay=fault.seconds)
        case "refuse" | "garble":
            code = fault.code or _CODES.get(fault.status, "internal_error")
            message = fault.message or "scripted trouble"
            error = RefusedError(fault.status, code, message, headers=fault.headers)
            refusal = _refusal(error, request_id)
            return refusal if fault.body is None else structs.replace(refusal, body=fault.body)
        case _:
            body = reply.body if reply is not None else b""
            return Reply(0, fault.body or body, _JSON, fault=fault)


def _refusal(error: RefusedError, request_id: str) -> Reply:
    told = {
        "type": _TYPES.get(error.status, "api_error"),
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
    }
    if error.code == "invalid_param":
        told["type"] = "validation_error"
    if error.param:
        told["param"] = error.param
    body = _encode({"success": False, "error": told})
    return Reply(error.status, body, {**_JSON, **error.headers})


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
