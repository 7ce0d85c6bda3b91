"""Webhooks at the receiver: is it from BeeOS, and what does it say.  No network in here.

Example:
    ```python
    from beeos_async.webhooks import TaskStatusEvent, WebhookSignatureError, unwrap

    try:  # the raw bytes of the request, and its headers
        event = unwrap(body, headers, secret)
    except WebhookSignatureError as error:
        print("answer with 401:", error)
    else:
        match event:
            case TaskStatusEvent(task_id=id, status="completed"):
                print(id, "is done")  # task-1 is done
    ```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from ._checks import count, must
from ._clock import RealClock
from ._protocol.body import UNREADABLE, refuse_depth
from ._protocol.lenient import salvage
from ._protocol.signature import HEADER, checked_secret, signature, verify
from .errors import ConfigurationError, WebhookSignatureError
from .models.events import UnknownEvent
from .models.tasks import TaskStatusEvent

__all__ = [
    "HEADER",
    "TaskStatusEvent",
    "UnknownEvent",
    "WebhookEvent",
    "WebhookSignatureError",
    "sign",
    "unwrap",
]

WebhookEvent = TaskStatusEvent | UnknownEvent
"""What a webhook may say.  Open: what is new is an `UnknownEvent`, to be passed over."""

Headers = (
    Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str, str] | tuple[bytes, bytes]]
)
"""The headers of a request, as frameworks give them: a mapping, or pairs."""

TOLERANCE = 300.0
"""Seconds by which the sender's clock and ours may differ."""


def unwrap(
    body: bytes,
    headers: Headers,
    secret: str | Sequence[str],
    tolerance: float | None = TOLERANCE,
    *,
    _now: Callable[[], float] = RealClock.wall,
) -> WebhookEvent:
    """Find out whether a webhook is from BeeOS, and read it.

    Deliveries come at least once, and a redelivered one carries the bytes and the signature
    of the original, however old: for those say `tolerance=None`, and tell repeats by task,
    status and timestamp.

    Args:
        body: The bytes as they came, before any parsing.
        headers: The request's, also as ASGI gives them, in bytes; lookup ignores case.
        secret: What the webhook was registered with; several while one is being replaced.
        tolerance: Seconds by which the two clocks may differ; `None` or infinity: any age will
            do.

    Returns:
        What it says; an `UnknownEvent` where that is new to this version.

    Raises:
        WebhookSignatureError: The signature is missing, malformed, wrong or too old, or what
            it covers is no JSON object; the message says which.  Nothing of the body may be
            believed.
        ConfigurationError: The body is no bytes, the headers are none, there is no secret, or
            the tolerance is no number of seconds.

    Example:
        ```python
        from beeos_async.webhooks import unwrap

        event = unwrap(body, headers, [secret, "the one before, for a day"])
        if isinstance(event, TaskStatusEvent):  # what is new to this version is passed over
            print(event.task_id, event.outcome)  # task-1 completed
        ```
    """
    must(
        isinstance(cast("object", body), bytes | bytearray | memoryview),
        "body must be the bytes as they came, before any parsing",
    )
    if tolerance is not None:
        must(
            isinstance(cast("object", tolerance), int | float) and tolerance >= 0,
            f"tolerance must be a number of seconds, or None for any age, not {tolerance!r}",
        )
    secrets = [checked_secret(one) for one in ([secret] if isinstance(secret, str) else secret)]
    must(bool(secrets), "secret must be the webhook's secret, or several; there is none")
    told = _signatures(headers)
    if not told:
        msg = f"the webhook is not signed: it has no {HEADER} header"
        raise WebhookSignatureError(msg)
    raw = bytes(body)
    verify(raw, ",".join(told), secrets, _now(), tolerance)
    return _read(raw)


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """Sign a webhook the way BeeOS does, for a test of a receiver.

    Args:
        body: The bytes as they shall travel.
        secret: What the receiver knows.
        timestamp: Seconds since 1970.

    Returns:
        The value of the `X-BeeOS-Signature` header.

    Raises:
        ConfigurationError: There is no secret, or the timestamp is no count of seconds.

    Example:
        ```python
        import time

        from beeos_async.webhooks import HEADER, sign, unwrap

        body = b'{"type": "task_status", "task_id": "task-7", "status": "failed"}'
        headers = {HEADER: sign(body, secret, int(time.time()))}
        event = unwrap(body, headers, secret)
        print(isinstance(event, TaskStatusEvent) and event.status)  # failed
        ```
    """
    count("timestamp", timestamp, least=0, most=10**12 - 1)
    return signature(body, checked_secret(secret), timestamp)


def _signatures(headers: Headers) -> list[str]:
    """Find the signatures among the headers, whatever the framework makes of those."""
    found: Any = headers
    try:
        pairs = found.items() if hasattr(found, "items") else found
        texts = [(_text(name), value) for name, value in pairs]
        return [_text(value) for name, value in texts if name.lower() == HEADER.lower()]
    except (TypeError, ValueError):
        pass
    # Raised down here, where nothing is chained: headers hold secrets.
    msg = "headers must be those of the request: names and their values, in text or in bytes"
    raise ConfigurationError(msg)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    raise TypeError


def _read(body: bytes) -> WebhookEvent:
    try:
        refuse_depth(body)
        document: Any = msgspec.json.decode(body)
    except UNREADABLE:
        document = None
    if not isinstance(document, dict):
        msg = "the webhook is signed rightly, and its body is no JSON object"
        raise WebhookSignatureError(msg)
    members = cast("dict[str, object]", document)
    kind = members.get("type")
    try:
        if kind == "task_status":
            return salvage(TaskStatusEvent, members)
    except msgspec.ValidationError:
        # Without a task it is news of nothing that is known here.
        pass
    return UnknownEvent(name=kind if isinstance(kind, str) else "", data=members)
