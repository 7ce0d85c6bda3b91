"""Row → answer: who may ask, what is asked, what goes wrong with it, and what is said.

The answers themselves stand in `answers/`, one function for each row; `@desk(row)` holds
them to the row's type.  No sockets in here: what a reply does to one is `door.py`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, structs

from .._clock import Clock
from .._protocol import table
from .._protocol.endpoint import Endpoint, StreamEndpoint
from .._protocol.throttle import Rate, conform
from .faults import Faults
from .frames import Written
from .keys import Keys
from .log import Entry, answers_in, recovery
from .refusals import RefusedError, admit
from .replies import JSON, Reply, accepted, encode, refusal, streamed, trouble
from .routes import Routes
from .world import World

T = TypeVar("T")
E = TypeVar("E", bound=Written)
B = TypeVar("B", bound=Struct)

EFFECTS_PATH: Final = "/__emulator__/effects"
"""Where another process asks what took effect; the emulator's own, not the contract's."""

_FIELD: Final = re.compile(r"(?:field `|at `\$\.)(\w+)").search
_NUMBER: Final = re.compile(r"[0-9]{1,19}").fullmatch

_GOLDEN: Final = 0.618_033_988_749_895


class Call(Struct, frozen=True):
    """One request, as an answer sees it."""

    ids: tuple[str, ...]
    params: Mapping[str, str]
    raw: bytes
    headers: Mapping[str, str] = {}
    """Lookup ignores case."""

    told: dict[str, str] = {}
    """Headers of the answer, where it has some of its own."""

    def body(self, kind: type[B], *, closed: bool = False) -> B:
        """Read the JSON body.

        Args:
            kind: What it must be.
            closed: Whether a field that is not known is refused.

        Raises:
            RefusedError: It is something else.
        """
        try:
            wanted = msgspec.json.decode(self.raw, type=kind)
            if closed:
                _refuse_unknown(kind, self.raw)
        except msgspec.ValidationError as error:
            found = _FIELD(str(error))
            raise RefusedError(400, "invalid_body", str(error), found and found[1]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError(400, "invalid_json", str(error)) from None
        return wanted

    def number(self, name: str, default: int, most: int, least: int = 0) -> int:
        """Read a whole number from the query.

        Args:
            name: The parameter.
            default: What stands where it is missing.
            most: The highest that is taken.
            least: The lowest.

        Raises:
            RefusedError: It is no number from `least` to `most`.
        """
        text = self.params.get(name)
        if text is None:
            return default
        if _NUMBER(text) and least <= int(text) <= most:
            return int(text)
        message = f"{name} must be a whole number from {least} to {most}"
        raise RefusedError(400, "invalid_param", message, name)


class Answer(Struct, frozen=True):
    """The function that answers a row, and the status it answers with."""

    give: Callable[[World, Call], Awaitable[Any]]
    status: int


ANSWERS: Final[dict[str, Answer]] = {}
"""Every answer, by operationId; filled by `@desk`."""

StreamAnswer = Callable[[World, Call], Awaitable[AsyncGenerator[E | bytes, None]]]
"""The function that answers a row with a stream of events, or of bytes as they are."""

STREAMS: Final[dict[str, StreamAnswer[Any]]] = {}
"""Every stream, by operationId; filled by `@stream_desk`."""


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


def stream_desk(row: StreamEndpoint[E]) -> Callable[[StreamAnswer[E]], StreamAnswer[E]]:
    """Let a function answer a row with a stream.

    It refuses before the stream begins, by raising; what it returns is told as it comes.
    An endpoint that has an answer of `desk`, too, streams to whom asks for events.

    Args:
        row: The endpoint.
    """

    def take(give: StreamAnswer[E]) -> StreamAnswer[E]:
        STREAMS[row.opening.operation] = give
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
        streams: Mapping[str, StreamAnswer[Any]] = STREAMS,
    ) -> None:
        """Lay out the table.

        Args:
            world: What is remembered.
            faults: What goes wrong.
            clock: Time.
            rates: The quota of a bucket.
            latency: Seconds an answer is late; each between half and one and a half of it.
            answers: Who answers what.
            streams: Who answers what with a stream.

        Raises:
            RuntimeError: A row of the table has no answer.
        """
        missing = [name for name in table.ROWS if name not in answers and name not in streams]
        missing += [f"{name}'s stream" for name in table.STREAMS if name not in streams]
        if missing:
            msg = f"the emulator has no answer to {', '.join(missing)}"
            raise RuntimeError(msg)
        self.log: list[Entry] = []
        self._world = world
        self._faults = faults
        self._clock = clock
        self._rates = rates
        self._latency = latency
        self._answers = answers
        self._streams = streams
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
            return Reply(200, encode(self._told()), JSON)
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
            reply = refusal(error, request_id)
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

    def _told(self) -> dict[str, object]:
        """Tell another process what came, what was answered, and what took effect."""
        return {
            "requests": self._requests,
            "answers": answers_in(self.log),
            "effects": self._world.all_effects(),
            "outages": [
                {"kind": one.kind, "began": one.began, "well_after": recovery(self.log, one.ended)}
                for one in self._faults.outages
            ],
        }

    async def _answer(self, row: Endpoint[Any], call: Call, request_id: str) -> Reply:
        fault = self._faults.down(self._clock.now()) or self._faults.pick(
            row.operation, call.ids[0] if call.ids else ""
        )
        if fault is not None and fault.when == "before":
            return trouble(fault, request_id)
        try:
            self._draw(row)
            reply = await self._answer_once(row, call)
        except RefusedError as error:
            reply = refusal(error, request_id)
        return reply if fault is None else trouble(fault, request_id, reply)

    async def _answer_once(self, row: Endpoint[Any], call: Call) -> Reply:
        """Answer, unless the same was asked with the same key before."""
        place, reply = self._keys.find(row, call.ids, call.headers, call.raw)
        streams = self._streams_to(row, call)
        if reply is not None and (streams or reply.frames is not None):
            # Nobody tells a stream a second time.
            raise RefusedError(409, "conflict", "duplicate idempotency key")
        if reply is None and streams:
            events = await self._streams[row.operation](self._world, call)
            reply = streamed(events)
        elif reply is None:
            answer = self._answers[row.operation]
            value = await answer.give(self._world, call)
            reply = accepted(answer.status, value, call.told)
        self._keys.keep(place, reply)
        return reply

    def _streams_to(self, row: Endpoint[Any], call: Call) -> bool:
        """Tell whether a stream is wanted: the endpoint is one, or can be and is asked to."""
        if row.operation not in self._streams:
            return False
        asked = "text/event-stream" in call.headers.get("Accept", "")
        return asked or row.operation not in self._answers

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


def _refuse_unknown(kind: type[Struct], raw: bytes) -> None:
    known = {field.encode_name for field in structs.fields(kind)}
    for name in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]):
        if name not in known:
            message = f"Object contains unknown field `{name}`"
            raise RefusedError(400, "invalid_body", message, name)
