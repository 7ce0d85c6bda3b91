"""Every error this library raises, drawn whole.

```text
BeeOSError
├── ConfigurationError (ValueError)  bad key, base URL, id or option: raised before any I/O
├── ClientClosedError                the client is closed
├── ClientLoopError                  the client belongs to another loop or process
├── TransportError                   no usable answer
│   ├── NotSentError                 DNS, refused, TLS, proxy: it never left this machine
│   ├── ConnectionLostError          it may have arrived
│   ├── RequestTimeoutError (TimeoutError)
│   └── DecodeError                  it came and cannot be read, names another id, or redirects
├── APIError                         the server said no
│   ├── BadRequestError 400          AuthenticationError 401
│   ├── PermissionDeniedError 403    NotFoundError 404
│   ├── ConflictError 409            PayloadTooLargeError 413
│   ├── UnprocessableEntityError 422 RateLimitError 429
│   └── ServerError 5xx
│       ├── ServiceUnavailableError 503
│       └── GatewayTimeoutError 504
├── RuntimeMethodError               the runtime refused a method (an HTTP 200)
├── StreamEndedError                 a stream broke off; `last_offset` says where
├── WaitError                        what was waited for cannot come
│   └── WaitTimeoutError (TimeoutError)  or did not in time
│       └── TaskTimeoutError         a task did not end or pause in time  (models/tasks.py)
├── AgentError                       an agent failed or refused           (models/agents.py)
├── SkippedError                     an id of a fleet that was never sent
├── WebhookSignatureError
└── FleetError (ExceptionGroup)      what `raise_for_failures` raises     (fleet/report.py)
```

An error holds plain data, so that it pickles, copies and compares; it never holds a
key, a header or a foreign exception.  Errors that carry a model or a report live on
the floor of what they carry.  How to read a server's refusal is `_protocol/wire.py`'s.

Example:
    ```python
    try:
        await bee.start("inst-nowhere")
    except NotFoundError:
        print("there is no such instance")  # there is no such instance
    except APIError as error:
        print(error.status, error.code, error.request_id)
    except TransportError as error:
        print(error.delivered, error.reason)
    ```
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

from msgspec import Struct

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "BeeOSError",
    "ClientClosedError",
    "ClientLoopError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionLostError",
    "DecodeError",
    "Delivered",
    "GatewayTimeoutError",
    "GaveUp",
    "NotFoundError",
    "NotSentError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Problem",
    "RateLimitError",
    "RequestTimeoutError",
    "RuntimeMethodError",
    "ServerError",
    "ServiceUnavailableError",
    "SkippedError",
    "StreamEndedError",
    "TransportError",
    "Trouble",
    "UnprocessableEntityError",
    "WaitError",
    "WaitReason",
    "WaitTimeoutError",
    "WebhookSignatureError",
]

WaitReason = Literal[
    "terminated", "turned_away", "fell_back", "device_unauthorized", "refused", "late"
]
"""Why a wait ended in vain: the instance is gone for good, somebody wished it elsewhere, it
stopped again after it had begun, its device is not let in, the server does not let it be looked
at, or the time was up."""

Delivered = Literal["no", "maybe", "yes"]
"""Whether the server may have acted on the request: certainly not, perhaps, or it answered
as if it had but its answer cannot be used."""


GaveUp = Literal["deadline", "budget", "outage", "throttled", "stopped"]
"""What can come before a try that is due."""


class BeeOSError(Exception):
    """The root of every error of this library.

    Example:
        ```python
        try:
            await bee.start("inst-nowhere")
        except BeeOSError as error:
            print(error.attempts, error.delivered)  # 1 no
        ```
    """

    attempts: int = 0
    """How often the request was tried before this was raised."""

    delivered: Delivered = "no"
    """Whether the server may have acted on the request."""

    gave_up: GaveUp | None = None
    """What came before another try that was due: the deadline; in a single call also that too
    many others had been tried again already; in a fleet an outage of the host, a 429 that
    asked for too long a wait, or the end of the run."""

    idempotency_key: str | None = None
    """The key the request carried, where its endpoint takes one."""

    last_offset: int | str | None = None
    """Where the last event stood that a stream has given, where a stream raises this."""

    def __eq__(self, other: object) -> bool:
        """Two errors are equal when they are of one type and hold the same data."""
        if type(self) is not type(other):
            return NotImplemented
        # What is set on them apart: whoever looks at it brings an empty mapping into being.
        same = self.__reduce__()[:2] == other.__reduce__()[:2]
        return same and vars(self) == vars(other)

    def __hash__(self) -> int:
        """Agree with `==`; what may change later (attempts, notes) stays out of it."""
        return hash((type(self), str(self)))


class ConfigurationError(BeeOSError, ValueError):
    """A key, base URL, id or option that cannot work; raised before any I/O.

    Example:
        ```python
        try:
            await bee.start("no id/at all")
        except ConfigurationError as error:
            print(error)  # id …
        ```
    """


class ClientClosedError(BeeOSError):
    """The client was closed, before the call or while it waited for its turn.

    Example:
        ```python
        await bee.close()
        try:
            await bee.start(id)
        except ClientClosedError as error:
            print(error)
        ```
    """


class ClientLoopError(BeeOSError):
    """The client is used in another event loop, or in another process, than it connected in."""


class Trouble(Struct, frozen=True, kw_only=True):
    """What went wrong on the way, as far as it can be known from here."""

    message: str
    reason: str
    """One word: `dns`, `connect`, `tls`, `proxy`, `local`, `outage`, `lost`, `timeout`,
    `cancelled`, `unreadable`, `too_large`, `wrong_id` or `redirect`."""

    delivered: Delivered
    status: int | None = None
    """The HTTP status, where there was one."""

    request_id: str | None = None
    excerpt: str = ""
    """The first 200 characters of an unreadable body, control characters removed."""


class TransportError(BeeOSError):
    """There is no usable answer; `.delivered` says whether the request may have arrived.

    Example:
        ```python
        try:
            await bee.instances.deploy(name="scribe", agent_framework="beeos-claw")
        except TransportError as error:
            if error.delivered == "no":
                print("never sent:", error.reason)
            else:
                print("look for it by its name:", error)
        ```
    """

    # One argument, kept in `args`: so errors survive pickle and copy, and the
    # classes below need no constructor of their own.
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.delivered: Delivered = trouble.delivered

    @property
    def reason(self) -> str:
        """One word for the cause; see `Trouble.reason`."""
        return self.trouble.reason

    @property
    def status(self) -> int | None:
        """The HTTP status, where there was one."""
        return self.trouble.status

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, where it gave one."""
        return self.trouble.request_id

    def __str__(self) -> str:
        trouble = self.trouble
        marks = [str(trouble.status) if trouble.status else "", trouble.reason]
        if trouble.request_id:
            marks.append(f"request {trouble.request_id}")
        text = f"{trouble.message} [{' '.join(filter(None, marks))}]"
        return f"{text}: {trouble.excerpt!r}" if trouble.excerpt else text


class NotSentError(TransportError):
    """The request certainly never left this machine."""


class ConnectionLostError(TransportError):
    """The connection broke after the request went out; it may have arrived."""


class RequestTimeoutError(TransportError, TimeoutError):
    """No answer within the time allowed."""


class DecodeError(TransportError):
    """An answer came that cannot be read, names another instance, or is a redirect."""


class Problem(Struct, frozen=True, kw_only=True):
    """What the server said was wrong."""

    status: int
    code: str
    message: str
    request_id: str | None = None
    param: str | None = None
    """The field that was wrong, where the server names it."""

    metadata: dict[str, object] = {}
    retry_after: float | None = None
    """Seconds the server asked to wait."""

    delivered: Delivered = "no"


class APIError(BeeOSError):
    """The server answered, and the answer was no.

    Example:
        ```python
        try:
            await bee.start("inst-nowhere")
        except APIError as error:
            print(error.status, error.code, error.message)  # 404 agent_not_found …
            print("for the support ticket:", error.request_id)
        ```
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
        self.delivered: Delivered = problem.delivered

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The server's word for it, such as `agent_not_found`; empty where it gave none."""
        return self.problem.code

    @property
    def message(self) -> str:
        """The server's sentence, control characters removed, at most 2,000 characters."""
        return self.problem.message

    @property
    def request_id(self) -> str | None:
        """The server's name for the request: what a support ticket needs."""
        return self.problem.request_id

    @property
    def param(self) -> str | None:
        """The field that was wrong, where the server names it."""
        return self.problem.param

    @property
    def metadata(self) -> dict[str, object]:
        """What else the server told."""
        return self.problem.metadata

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asked to wait, where it did."""
        return self.problem.retry_after

    def __str__(self) -> str:
        problem = self.problem
        marks = [str(problem.status), problem.code]
        if problem.request_id:
            marks.append(f"request {problem.request_id}")
        return f"{problem.message or 'refused'} [{' '.join(filter(None, marks))}]"


class BadRequestError(APIError):
    """The request was malformed (400, or a 4xx without a class of its own)."""


class AuthenticationError(APIError):
    """The key is missing, expired or revoked (401)."""


class PermissionDeniedError(APIError):
    """The resource belongs to somebody else (403)."""


class NotFoundError(APIError):
    """There is no such resource for this key (404).

    Example:
        ```python
        try:
            instance = await bee.instances.get("inst-nowhere")
        except NotFoundError:
            instance = None
        ```
    """


class ConflictError(APIError):
    """The resource is in the wrong state, or busy (409).

    Example:
        ```python
        try:
            await bee.computer.click(desk, x=640, y=400)
        except ConflictError as error:
            if error.code == "device_busy":
                print("somebody else is at it")
        ```
    """


class PayloadTooLargeError(APIError):
    """The request body is over the endpoint's cap (413)."""


class UnprocessableEntityError(APIError):
    """The request was understood and cannot be done (422)."""


class RateLimitError(APIError):
    """Too many calls to one endpoint (429), and what it asks to wait is more than is allowed.

    In a single call that is `max_throttle_wait` or the deadline, in a fleet five minutes or
    the deadline.

    Example:
        ```python
        try:
            await bee.with_options(max_throttle_wait=2).start(id)
        except RateLimitError as error:
            print("come back in", error.retry_after, "s")
        ```
    """


class ServerError(APIError):
    """The server failed (5xx); whether it acted first, `.delivered` says."""


class ServiceUnavailableError(ServerError):
    """Something behind the server is down (503)."""


class GatewayTimeoutError(ServerError):
    """The server stopped waiting for what is behind it (504)."""


class RuntimeMethodError(BeeOSError):
    """The runtime refused a method: an HTTP 200 that means no.

    Args:
        code: The JSON-RPC error number.
        message: The runtime's name for the refusal, such as `INSTANCE_OFFLINE`.
        data: What else it told.
        request_id: The server's name for the request.

    Example:
        ```python
        try:
            await bee.runtime.invoke(id, "skills/list")  # of an instance that is stopped
        except RuntimeMethodError as error:
            print(error.message, error.retry_after)  # INSTANCE_OFFLINE …
        ```
    """

    def __init__(
        self, code: int, message: str, data: object = None, request_id: str | None = None
    ) -> None:
        super().__init__(code, message, data, request_id)
        self.code = code
        self.message = message
        self.data = data
        self.request_id = request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds the runtime asked to wait (its `retryAfterMs`), where it did."""
        told = _member(self.data, "retryAfterMs")
        if told is None:
            told = _member(_member(self.data, "context"), "retryAfterMs")
        if not isinstance(told, int | float) or isinstance(told, bool):
            return None
        return told / 1000 if 0 <= told < math.inf else None

    def __str__(self) -> str:
        request = f" request {self.request_id}" if self.request_id else ""
        return f"{self.message} [{self.code}{request}]"


def _member(value: object, name: str) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None


class StreamEndedError(BeeOSError):
    """A stream broke off and could not be resumed.

    Args:
        message: Why.
        last_offset: The last position that was delivered; resume after it.

    Example:
        ```python
        events = bee.tasks.events(agent_id, task_id, deadline=0.5)
        try:
            async with events:
                async for event in events:
                    print(event)
        except (StreamEndedError, RequestTimeoutError) as error:
            print(error, "- another time from here on:", events.last_offset)
        ```
    """

    def __init__(self, message: str, last_offset: int | str | None = None) -> None:
        super().__init__(message, last_offset)
        self.message = message
        self.last_offset = last_offset

    def __str__(self) -> str:
        if self.last_offset is None:
            return self.message
        return f"{self.message} (last offset {self.last_offset})"


class WaitError(BeeOSError):
    """What was waited for can no longer come true.

    Args:
        message: Why.
        last: What was waited for as it was last seen: an `Instance`, or the `Task` of a
            `TaskTimeoutError`.
        reason: Why, in one word.

    Example:
        ```python
        try:
            await bee.wait(id, "online", deadline=30)
        except WaitError as error:
            print(error.reason, error)  # turned_away …
        ```
    """

    def __init__(self, message: str, last: Any = None, reason: WaitReason | None = None) -> None:
        super().__init__(message, last, reason)
        self.message = message
        self.last: Any = last
        self.reason: WaitReason | None = reason

    def __str__(self) -> str:
        return self.message


class WaitTimeoutError(WaitError, TimeoutError):
    """What was waited for did not come true in time.

    Example:
        ```python
        try:
            await bee.wait(desk, lambda one: one.region == "eu-fjord-9", deadline=0.5)
        except WaitTimeoutError as error:
            print(error.last.region if error.last else "not seen")
        ```
    """


class SkippedError(BeeOSError):
    """An id of a fleet that was never sent; found only inside a `FleetError`.

    Args:
        id: The id.
        reason: Why, one of the reasons of `Skipped`.

    Example:
        ```python
        report = await bee.start_many([*ids, "no id/at all"])
        try:
            report.raise_for_failures()
        except* SkippedError as skipped:
            print(skipped.exceptions[0])  # no id/at all was skipped: invalid_id
        ```
    """

    def __init__(self, id: str, reason: str) -> None:
        super().__init__(id, reason)
        self.id = id
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.id} was skipped: {self.reason}"


class WebhookSignatureError(BeeOSError):
    """A webhook whose signature is missing, malformed, too old or wrong.

    Example:
        ```python
        from beeos_async.webhooks import unwrap

        try:
            unwrap(body + b" ", headers, secret)
        except WebhookSignatureError as error:
            print(error)
        ```
    """
