"""One call from row to result: build, gate, send, read, settle, maybe again.

The only retry loop of the API: a single start is exactly as robust as a bulk one.
What to do about a failure is decided in `_protocol/retry.py`; here it is done.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from msgspec import Struct

from .._checks import Key, Options, seconds
from .._clock import Clock
from .._protocol.brake import endured
from .._protocol.endpoint import SAFE, Endpoint
from .._protocol.message import Request, Response
from .._protocol.retry import (
    THROTTLE_SPREAD,
    Verdict,
    backoff,
    came_before,
    conflict_pause,
    cool_down,
    costs_budget,
    has_ended,
    is_host_failure,
    is_own_echo,
    judge,
    took,
)
from .._protocol.wire import build, read
from ..errors import (
    APIError,
    AuthenticationError,
    BeeOSError,
    ConflictError,
    DecodeError,
    NotFoundError,
    NotSentError,
    Problem,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
    Trouble,
)
from .call import Call, Lingering, Pass, excuse, is_gone, was_missed
from .capture import Captured, capturing
from .flight import Transport
from .gate import Gate
from .queues import CoolingError, DismissedError, Lane, OutageError, Turn
from .store import Store

T = TypeVar("T")
U = TypeVar("U")

FLEET_THROTTLE_WAIT: Final = 300.0
"""Seconds a `Retry-After` may ask of a fleet."""

LAST_LOOK: Final = 1.0
"""Seconds after which a request whose answer was lost has taken, or never will."""


# What each call needs of its enums: to look a member up runs Python code on 3.11.
_SINGLE: Final = Lane.SINGLE

log: Final = logging.getLogger("beeos_async")


class Attempt(Struct, frozen=True, kw_only=True):
    """One try on the wire, as told to `on_attempt`: no header, no body, no key.

    Example:
        ```python
        def told(attempt: Attempt) -> None:
            print(attempt.endpoint, attempt.attempt, attempt.status, f"{attempt.seconds:.3f} s")


        await bee.with_options(on_attempt=told).instances.get(id)
        ```
    """

    endpoint: str
    """The operationId."""

    attempt: int
    """Which try of its call, from 1; a look that settles counts as one of its own."""

    seconds: float
    status: int | None = None
    error: BeeOSError | None = None
    request_id: str | None = None


class Caller:
    """Makes calls, each with all its attempts."""

    def __init__(
        self,
        transport: Transport,
        gate: Gate,
        clock: Clock,
        key: Key | Callable[[], Awaitable[str] | str],
        options: Options,
        on_attempt: Callable[[Attempt], object] | None = None,
        *,
        store: Store,
        base_url: str = "",
    ) -> None:
        """Bring together what a call needs.

        Args:
            transport: What sends.
            gate: Who may go.
            clock: Time and chance.
            key: The bearer key, or what is awaited for it before each attempt.
            options: Timeouts and bounds.
            on_attempt: Told of each attempt.
            store: What moves files; no call goes there.
            base_url: Where the transport goes, for those who write it down.
        """
        self.transport = transport
        self.gate = gate
        self.clock = clock
        self.now: Callable[[], float] = clock.now
        self.key = key
        self.options = options
        self.on_attempt = on_attempt
        self.tells: bool = on_attempt is not None
        """Whether anybody hears of each attempt."""

        self.store = store
        self.base_url = base_url

    async def call(
        self,
        row: Endpoint[T],
        *ids: str,
        deadline: float | None = None,
        params: Mapping[str, object] | None = None,
        body: object = None,
        key: str | None = None,
        operation: str | None = None,
    ) -> T:
        """Make one call and return its answer.

        Args:
            row: The endpoint.
            *ids: What its path names.
            deadline: Seconds for the whole call: queueing, attempts, pauses.
            params: The query.
            body: What travels as JSON.
            key: The idempotency key of an endpoint that takes one, else one is minted.
            operation: The id the operation it begins shall have.

        Raises:
            BeeOSError: In all its kinds; see `beeos_async.errors`.
        """
        if deadline is not None:
            seconds("deadline", deadline)
            deadline += self.now()
        key = self.key_of(row, body, key)
        pass_ = Pass(deadline=deadline)
        return await self.run(
            Call.to(row, *ids, pass_=pass_, params=params, body=body, key=key, operation=operation)
        )

    def accompany(
        self,
        work: Coroutine[Any, Any, None],
        operation: str,  # noqa: ARG002 -- for those who tell of it
        size: int | None,  # noqa: ARG002 -- likewise
        counts: Mapping[Any, int],  # noqa: ARG002 -- likewise
    ) -> Coroutine[Any, Any, None]:
        """Take the work of a run: whoever tells of runs puts something around it.

        Args:
            work: What is to be done.
            operation: What is called for each id.
            size: How many ids were given, where it is known.
            counts: How many came to which kind of outcome; grows with the run.
        """
        return work

    def key_of(self, row: Endpoint[Any], body: object, key: str | None) -> str | None:
        """Give the idempotency key of a call, minted where its endpoint takes one.

        Args:
            row: The endpoint.
            body: What travels as JSON.
            key: The one that is given.
        """
        if row.key and key is None:
            # What the caller has put into the body is the caller's.
            return getattr(body, "idempotency_key", None) or self.clock.token()
        return key

    async def run(self, call: Call[T]) -> T:
        """Take a call to its end: send, and again, until there is an answer or none to be had.

        Raises:
            BeeOSError: The call failed; `.delivered` says what the server may have done.
        """
        self.transport.stay_home()
        try:
            while (turn := self._pass(call) or await self._enter(call)) is not None:
                try:
                    return await self._try(call, turn)
                except BeeOSError as error:
                    # Kept for as long as it may still be raised; its frames are not.
                    call.failure = error.with_traceback(None)
                    if call.verdict is Verdict.THROTTLED and not self._cool(call, turn):
                        break
                finally:
                    self.gate.leave(turn)
                if not (await self._rest(call, turn) or await self._comes_back(call)):
                    break
        except BeeOSError as error:
            error.attempts, error.idempotency_key = call.attempts, call.key
            if not call.in_doubt:
                raise
            # Whatever keeps it from being looked after, the request may have taken.
        # No name for it here: a frame that holds the error whose traceback holds the frame
        # could be freed by the garbage collector alone.
        raise call.end()

    def _pass(self, call: Call[Any]) -> Turn | None:
        """Take a turn, where it is to be had at once: the usual thing."""
        deadline = call.pass_.deadline
        if call.unsettled is not None or (deadline is not None and self.now() >= deadline):
            return None
        return self.gate.admit(call.row.bucket)

    async def _enter(self, call: Call[Any]) -> Turn | None:
        """Wait for a turn; `None` where none comes in time."""
        settle = call.row.repeat.settle
        row: Endpoint[Any] = settle.ask if settle and call.unsettled else call.row
        came = self.now()
        until, pass_ = call.until, call.pass_
        bound = FLEET_THROTTLE_WAIT
        if pass_.lane is Lane.SINGLE:
            bound = self.options.max_throttle_wait
            if until is not None:
                # What a refusal may ask for, and what is put on top of it.
                bound *= 1 + THROTTLE_SPREAD
        if until is not None and came >= until:
            call.gave_up = "deadline"
            return None
        try:
            turn = await self.gate.enter(
                row.bucket, pass_.lane, until, bound, pass_, sent=call.attempts > 0
            )
        except TimeoutError:
            call.gave_up = "deadline"
        except OutageError:
            call.gave_up = "outage"
        except DismissedError:
            call.gave_up = "stopped"
        except CoolingError as rest:
            call.failure = call.failure or _cooling(rest.seconds)
            call.gave_up = None if pass_.lane is Lane.SINGLE else "throttled"
        else:
            call.queued += self.now() - came - turn.throttled
            call.throttled += turn.throttled
            return turn
        return None

    def _begin(self, call: Call[Any]) -> None:
        """Tell who counts calls, and who writes them down, that one is sent for the first time."""
        if call.pass_.lane is _SINGLE:
            self.gate.budget.call(self.now())
        if call.pass_.before is not None:
            call.pass_.before(call.id)

    async def _try(self, call: Call[T], turn: Turn) -> T:
        """Send once, and find out what became of it, within one slot of the gate."""
        repeat = call.row.repeat
        if call.unsettled is None:
            if not call.attempts:
                self._begin(call)
            call.attempts += 1
            try:
                answer = await self._send(call, call.row, call.request, turn)
            except BeeOSError as error:
                if is_gone(call, error):
                    return self._answer(call, None)
                call.verdict = judge(repeat, error, call.spent)
                if is_own_echo(repeat, error, doubted=call.doubted):
                    error.delivered = "yes"
                    error.add_note("the first attempt arrived: look for what it made")
                call.doubted = call.doubted or error.delivered != "no"
                if call.verdict is not Verdict.SETTLE:
                    # What is raised now says itself what was delivered.
                    call.flight.sent = False
                    raise
                call.unsettled, call.looked = error.with_traceback(None), 0
                # The look keeps this slot, unless it would have to wait in it.
                if repeat.settle and not self.gate.turn_to(turn, repeat.settle.ask.bucket):
                    raise
            else:
                turn.accepted = True
                return answer
        return await self._settle(call, turn)

    async def _settle(self, call: Call[T], turn: Turn) -> T:
        """Look whether the request took: our substitute for an idempotency key."""
        settle, question = call.row.repeat.settle, call.unsettled
        assert settle is not None  # noqa: S101 -- a verdict to settle comes of a row that can
        assert question is not None  # noqa: S101
        call.looked += 1
        asked = self.now()
        try:
            found = await self._send(call, settle.ask, build(settle.ask, call.id), turn)
        except NotFoundError as error:
            call.unsettled, call.verdict, call.flight.sent = None, Verdict.RAISE, False
            if call.row.repeat.gone_is_done:
                call.already = isinstance(question, ConflictError) and call.attempts == 1
                return self._answer(call, None)
            raise error.with_traceback(None) from None
        except BeeOSError as error:
            call.verdict = judge(SAFE, error, call.looked)
            raise
        call.unsettled, call.flight.sent = None, False
        turn.accepted = True
        if took(settle.goal, found.data.desired_status, found.data.status):
            call.already = not call.doubted
            if call.doubted and found.data.status == settle.goal:
                since = found.data.status_entered_at
                if since is None and settle.goal == "running":
                    since = found.data.started_at
                self._tell_whose(call, since, asked)
            return self._answer(call, found)
        ended = has_ended(found.data.desired_status, found.data.status)
        was_missed(call, question, ended=ended)
        raise question

    def _tell_whose(self, call: Call[Any], since: datetime | None, asked: float) -> None:
        """Tell whether what is as wished was so before the call was sent for the first time."""
        least, most = asked - call.first_sent, self.now() - call.first_sent
        date = call.told.get("Date", "") if call.told and call.first_sent else ""
        before = came_before(since, date, least, most)
        call.already = before is True
        if before is None and call.pass_.unsure is not None:
            call.pass_.unsure.add(call.id)

    async def _send(self, call: Call[Any], row: Endpoint[U], request: Request, turn: Turn) -> U:
        """Send one request, once, and read its answer."""
        key = self.key if isinstance(self.key, Key) else await self._ask_key(call)
        call.flight.key = key
        call.tries += 1
        began = self.now()
        limit = self.options.timeout
        if row.least_timeout:
            limit = max(limit, row.least_timeout)
        if call.pass_.deadline is not None and (until := call.until) is not None:
            limit = max(0.0, min(limit, until - began))
        status: int | None = None
        failure: BeeOSError | None = None
        response: Response | None = None
        try:
            response = await self.transport.send(
                request, call.flight, limit, self.options.connect_timeout
            )
            status, call.request_id = response.status, response.request_id
            answer = read(row, call.id, response)
        except BeeOSError as error:
            failure = error
            self._hear(call, turn, error, limit, began)
            raise
        else:
            if call.doubted:
                call.told = response.headers
            if not self.gate.brake.is_calm:
                self.gate.hear(turn, None)
            return answer
        finally:
            passed = self.now() - began
            call.sending += passed
            if self.tells or log.isEnabledFor(logging.DEBUG):
                self.tell(call, row, status, failure, passed)
            if (seen := capturing.get()) is not None:
                seen.append(_captured(row, response, failure))
            del failure

    async def _rest(self, call: Call[Any], turn: Turn) -> bool:
        """Wait until the next try is due; tell whether there is one."""
        failure, until = call.failure, call.until
        if until is not None and self.now() >= until:
            call.gave_up = "deadline"
            return False
        if call.verdict in {Verdict.SETTLE, Verdict.THROTTLED}:
            # The gate knows how long.
            return True
        if await self._is_mended(call, turn):
            return True
        extra = call.spent - self.options.max_retries
        if call.verdict is Verdict.RAISE or (extra > 0 and not self._endures(call, extra)):
            return False
        if extra > 0:
            pause = endured(extra, self.clock.chance())
        elif isinstance(failure, ConflictError):
            pause = conflict_pause(call.spent)
        else:
            pause = backoff(call.spent, self.clock.chance())
        now = self.now()
        if until is not None and now + pause >= until:
            call.gave_up = "deadline"
        elif (
            call.pass_.lane is Lane.SINGLE
            and costs_budget(failure)
            and not self.gate.budget.retry(now)
        ):
            call.gave_up = "budget"
        if call.gave_up is not None:
            return False
        await self.gate.rest(pause)
        return True

    async def _comes_back(self, call: Call[Any]) -> bool:
        """Pause before a last look at what would fail, where the one before was hasty."""
        if call.lingering is not Lingering.BRIEFLY or call.unsettled or call.gave_up:
            return False
        call.unsettled, call.looked, call.lingering = call.failure, 0, Lingering.TOLD
        until = call.until
        if until is not None and self.now() + LAST_LOOK >= until:
            call.gave_up = "deadline"
            return False
        await self.gate.rest(LAST_LOOK)
        return True

    def _endures(self, call: Call[Any], extra: int) -> bool:
        """Tell whether an id of a fleet is tried once more, because nothing at all succeeds."""
        return (
            call.pass_.lane is Lane.FLEET
            and not call.pass_.dismissed
            and self.options.max_retries > 0
            # Four of them take longer than a short outage already.
            and not isinstance(call.failure, RequestTimeoutError)
            and self.gate.brake.endures(call.tries, extra)
        )

    def _hear(
        self, call: Call[Any], turn: Turn, error: BeeOSError, limit: float, began: float
    ) -> None:
        """Tell the brake; a try that the host's failing cost is not the call's."""
        if not call.doubted:
            call.first_sent = began
        if isinstance(error, DecodeError) and error.reason == "wrong_id":
            call.flight.ground()
        turn.bare = isinstance(error, NotSentError) and error.reason == "local"
        if turn.bare or self._was_cut_short(call, error, limit, began):
            # That tells nothing of the host; a probe is to be had from somebody else.
            return
        failing = is_host_failure(error)
        self.gate.hear(turn, error if failing else None)
        if failing and call.pass_.lane is not Lane.SINGLE and self.gate.brake.open_since:
            excuse(call)

    def _was_cut_short(
        self, call: Call[Any], error: BeeOSError, limit: float, began: float
    ) -> bool:
        """Tell whether an attempt ended with its deadline, before the host's time was up."""
        until = call.until
        if until is None or limit < until - began:
            return False
        # To connect is an attempt's beginning, and has an error of its own.
        return isinstance(error, RequestTimeoutError) or self.now() >= until

    def _cool(self, call: Call[Any], turn: Turn) -> bool:
        """Let the endpoint rest, for everybody; tell whether this call may wait so long."""
        settle = call.row.repeat.settle
        asked = call.failure.retry_after if isinstance(call.failure, RateLimitError) else None
        if call.unsettled and settle:
            bucket = settle.ask.bucket
            call.looked -= 1
        else:
            bucket = call.row.bucket
            call.refusals += 1
        wait = cool_down(asked, max(1, call.refusals), self.clock.chance())
        self.gate.cool(turn, bucket, wait)
        until = call.until
        if until is not None and self.now() + wait > until:
            call.gave_up = "deadline"
            return False
        if call.pass_.lane is not Lane.SINGLE:
            if (asked or 0.0) > FLEET_THROTTLE_WAIT:
                call.gave_up = "throttled"
            return call.gave_up is None
        # Somebody awaits a single call: it does not stand at the door for ever.
        bound = self.options.max_throttle_wait
        return (asked or 0.0) <= bound and (until is not None or call.throttled + wait <= bound)

    async def _is_mended(self, call: Call[Any], turn: Turn) -> bool:
        """Mend what failed, where it can be: a key that has changed, a socket that comes free."""
        if isinstance(call.failure, AuthenticationError):
            return await self._has_new_key(call)
        return turn.bare and await self._has_room(call, turn)

    async def _has_new_key(self, call: Call[Any]) -> bool:
        """Ask for the key once more: a rotated one earns one more try."""
        if isinstance(self.key, Key) or call.rekeyed:
            return False
        call.rekeyed = (await self._ask_key(call)).header != call.flight.key.header
        return call.rekeyed

    async def _has_room(self, call: Call[Any], turn: Turn) -> bool:
        """Wait for a socket where this machine has run out of them: that is no failed try."""
        try:
            found = await self.gate.room(turn, call.pass_.lane, call.until)
        except TimeoutError:
            # Looked at once more by whoever asks for a turn.
            found = True
        if found:
            excuse(call)
        return found

    async def _ask_key(self, call: Call[Any]) -> Key:
        """Ask the user's callable for the key, for no longer than an attempt may take."""
        assert not isinstance(self.key, Key)  # noqa: S101 -- the callers have looked
        limit, until = self.options.timeout, call.until
        if until is not None:
            limit = min(limit, until - self.now())
        timer = self.clock.limit(limit)
        try:
            async with timer:
                value = self.key()
                return Key(await value if inspect.isawaitable(value) else value)
        except TimeoutError:
            if not timer.expired():
                raise
        raise NotSentError(Trouble(message="no key in time", reason="local", delivered="no"))

    def tell(
        self,
        call: Call[Any],
        row: Endpoint[Any],
        status: int | None,
        failure: BeeOSError | None,
        took_seconds: float,
    ) -> None:
        """Tell of one attempt.

        Args:
            call: Whose.
            row: What was asked; a look that settles asks something else.
            status: Of the answer, where there was one that could be used.
            failure: Why there was none; neither of the two after a cancellation.
            took_seconds: How long it took.
        """
        if isinstance(failure, APIError | TransportError):
            status, call.request_id = failure.status, failure.request_id
        log.debug(
            "%s %s: %s, attempt %d, %.0f ms, request %s",
            row.method,
            row.path,
            status or (failure and type(failure).__name__) or "cancelled",
            call.attempts,
            took_seconds * 1000,
            call.request_id,
        )
        if self.on_attempt is None:
            return
        attempt = Attempt(
            endpoint=row.operation,
            attempt=call.tries,
            seconds=took_seconds,
            status=status,
            error=failure,
            request_id=call.request_id,
        )
        try:
            self.on_attempt(attempt)
        except Exception:
            # Somebody's counter must not cost a start its outcome.
            log.exception("on_attempt raised")

    @staticmethod
    def _answer(call: Call[T], found: object) -> T:
        """Give the answer of a call that took without saying so itself."""
        settle = call.row.repeat.settle
        own = settle.answer if settle else None
        return cast("T", found if own is None else own)


def _captured(
    row: Endpoint[Any], response: Response | None, failure: BeeOSError | None
) -> Captured:
    if response is None:
        return Captured(endpoint=row.operation, error=failure)
    return Captured(
        endpoint=row.operation,
        status=response.status,
        headers=dict(response.headers),
        request_id=response.request_id,
        body=response.body,
        error=failure,
    )


def _cooling(seconds: float) -> RateLimitError:
    return RateLimitError(
        Problem(
            status=429,
            code="rate_limited",
            message=f"not sent: the endpoint rests for another {seconds:.0f} s",
            retry_after=seconds,
        )
    )
