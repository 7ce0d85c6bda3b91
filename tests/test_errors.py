"""The error tree: one shape, plain data, and never a key."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from beeos_async import errors, waiting
from beeos_async.errors import (
    APIError,
    BeeOSError,
    ConnectionLostError,
    NotFoundError,
    Problem,
    RateLimitError,
    RequestTimeoutError,
    RuntimeMethodError,
    ServerError,
    SkippedError,
    StreamEndedError,
    TransportError,
    Trouble,
    WaitError,
)
from beeos_async.fleet.outcomes import Failed, Tally
from beeos_async.fleet.report import FleetError, FleetReport
from beeos_async.models.agents import AgentError, InvokeReply
from beeos_async.models.instances import Instance
from beeos_async.models.tasks import Task, TaskTimeoutError

PROBLEM = Problem(
    status=409,
    code="conflict",
    message="already terminated",
    request_id="req-1",
    param="id",
    metadata={"kind": "instance", "rows": [1, None]},
    retry_after=1.5,
    delivered="maybe",
)
TROUBLE = Trouble(
    message="the connection broke",
    reason="lost",
    delivered="maybe",
    status=200,
    request_id="req-2",
    excerpt="half an ans",
)

PARENTS = {
    "BeeOSError": (Exception,),
    "ConfigurationError": (BeeOSError, ValueError),
    "ClientClosedError": (BeeOSError,),
    "ClientLoopError": (BeeOSError,),
    "TransportError": (BeeOSError,),
    "NotSentError": (TransportError,),
    "ConnectionLostError": (TransportError,),
    "RequestTimeoutError": (TransportError, TimeoutError),
    "DecodeError": (TransportError,),
    "APIError": (BeeOSError,),
    "BadRequestError": (APIError,),
    "AuthenticationError": (APIError,),
    "PermissionDeniedError": (APIError,),
    "NotFoundError": (APIError,),
    "ConflictError": (APIError,),
    "PayloadTooLargeError": (APIError,),
    "UnprocessableEntityError": (APIError,),
    "RateLimitError": (APIError,),
    "ServerError": (APIError,),
    "ServiceUnavailableError": (ServerError,),
    "GatewayTimeoutError": (ServerError,),
    "RuntimeMethodError": (BeeOSError,),
    "StreamEndedError": (BeeOSError,),
    "WaitError": (BeeOSError,),
    "WaitTimeoutError": (WaitError, TimeoutError),
    "SkippedError": (BeeOSError,),
    "WebhookSignatureError": (BeeOSError,),
}


def all_classes(root: type[BeeOSError] = BeeOSError) -> list[type[BeeOSError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_classes(child))]


def made(kind: type[BeeOSError]) -> BeeOSError:
    """Make one error of a class, with everything it can hold."""
    arguments: tuple[Any, ...] = ("what went wrong",)
    if issubclass(kind, TransportError):
        arguments = (TROUBLE,)
    elif issubclass(kind, APIError):
        arguments = (PROBLEM,)
    elif issubclass(kind, RuntimeMethodError):
        arguments = (-32001, "INSTANCE_OFFLINE", {"retryMode": "resume"}, "req-9")
    elif issubclass(kind, StreamEndedError):
        arguments = ("the stream broke off", 41)
    elif issubclass(kind, SkippedError):
        arguments = ("inst-1", "deadline")
    elif issubclass(kind, TaskTimeoutError):
        arguments = ("it is running", Task(task_id="chn-1", status="running"), "late")
    elif issubclass(kind, WaitError):
        arguments = ("it is terminated", Instance(id="inst-1", status="terminated"), "terminated")
    elif issubclass(kind, AgentError):
        arguments = (InvokeReply(text="Not in the nesting season.", is_error=True),)
    elif issubclass(kind, FleetError):
        error = made(NotFoundError)
        outcomes = {"inst-1": Failed("inst-1", error, attempts=2)}
        report = FleetReport("startInstance", outcomes, Tally(counts={"failed": 1}, fatal=error))
        arguments = ("0 of 1 started", [error], report)
    return kind(*arguments)


CLASSES = sorted(
    {kind for kind in all_classes() if kind.__module__.startswith("beeos_async")},
    key=lambda kind: kind.__name__,
)
every_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


@pytest.mark.parametrize("name", PARENTS)
def test_a_class_stands_where_the_tree_draws_it(name: str) -> None:
    """The tree of the documentation is the tree of the code."""
    assert getattr(errors, name).__bases__ == PARENTS[name]


def test_the_tree_is_whole() -> None:
    """No class of the file is missing from the tree, from `__all__` or from the docstring."""
    here = {kind.__name__ for kind in all_classes() if kind.__module__ == errors.__name__}

    assert here == set(PARENTS)
    assert set(errors.__all__) == here | {
        "Delivered",
        "GaveUp",
        "Problem",
        "Trouble",
        "WaitReason",
    }
    assert [
        name for name in {kind.__name__ for kind in CLASSES} if name not in errors.__doc__
    ] == []


@pytest.mark.fault("C25")
@every_class
@pytest.mark.parametrize(
    "copied",
    [
        *(
            pytest.param(lambda error, p=p: pickle.loads(pickle.dumps(error, p)), id=f"pickle-{p}")
            for p in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
        copy.copy,
        copy.deepcopy,
    ],
)
def test_an_error_survives_pickle_and_copy(kind: type[BeeOSError], copied: Any) -> None:
    """What comes back has the same type, the same data and the same words."""
    error = made(kind)
    error.attempts = 3
    error.delivered = "yes"
    error.gave_up = "deadline"
    error.idempotency_key = "idem-1"
    error.add_note("a note")

    other = copied(error)

    assert type(other) is kind
    assert other is not error
    assert other == error
    assert hash(other) == hash(error)
    assert str(other) == str(error)
    assert (other.attempts, other.delivered, other.gave_up) == (3, "yes", "deadline")
    assert other.idempotency_key == "idem-1"
    assert other.__notes__ == ["a note"]


@every_class
def test_an_error_equals_only_its_like(kind: type[BeeOSError]) -> None:
    """Equal means same type and same data."""
    error, other = made(kind), made(kind)

    assert error == other
    assert vars(error) is not None, "looking at it changes nothing"
    assert error == other
    assert error != made(errors.WebhookSignatureError if kind is BeeOSError else BeeOSError)
    assert error != "what went wrong"
    other.attempts = 9
    assert error != other
    assert hash(error) == hash(other)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in CLASSES if issubclass(kind, APIError)],
    ids=lambda kind: kind.__name__,
)
def test_a_refusal_offers_what_the_server_said(kind: type[APIError]) -> None:
    """Everything of the `Problem` is an attribute of the error."""
    error = kind(PROBLEM)

    assert (error.status, error.code, error.message) == (409, "conflict", "already terminated")
    assert (error.request_id, error.param, error.retry_after) == ("req-1", "id", 1.5)
    assert error.metadata == {"kind": "instance", "rows": [1, None]}
    assert error.delivered == "maybe"
    assert error.attempts == 0
    assert (error.gave_up, error.idempotency_key) == (None, None)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in CLASSES if issubclass(kind, TransportError)],
    ids=lambda kind: kind.__name__,
)
def test_a_transport_error_offers_what_is_known(kind: type[TransportError]) -> None:
    """Everything of the `Trouble` that a caller acts on is an attribute of the error."""
    error = kind(TROUBLE)

    assert (error.reason, error.status, error.request_id) == ("lost", 200, "req-2")
    assert error.delivered == "maybe"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (APIError(PROBLEM), "already terminated [409 conflict request req-1]"),
        (ServerError(Problem(status=502, code="", message="")), "refused [502]"),
        (
            TransportError(TROUBLE),
            "the connection broke [200 lost request req-2]: 'half an ans'",
        ),
        (
            ConnectionLostError(Trouble(message="gone", reason="lost", delivered="maybe")),
            "gone [lost]",
        ),
        (RuntimeMethodError(-32001, "INSTANCE_OFFLINE"), "INSTANCE_OFFLINE [-32001]"),
        (RuntimeMethodError(-32004, "X", None, "req-1"), "X [-32004 request req-1]"),
        (StreamEndedError("broke off", "77"), "broke off (last offset 77)"),
        (StreamEndedError("broke off"), "broke off"),
        (SkippedError("inst-1", "deadline"), "inst-1 was skipped: deadline"),
    ],
)
def test_the_words_are_what_a_support_ticket_needs(error: BeeOSError, words: str) -> None:
    """Status, code and request id stand in the text, and nothing stands there empty."""
    assert str(error) == words


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        ({"context": {"retryAfterMs": 1500}}, 1.5),
        ({"retryAfterMs": 20}, 0.02),
        ({"retryAfterMs": 0, "context": {"retryAfterMs": 9}}, 0.0),
        ({"context": {"retryAfterMs": 2.5}}, 0.0025),
        (None, None),
        ("soon", None),
        ({}, None),
        ({"context": "soon"}, None),
        ({"retryAfterMs": "20"}, None),
        ({"retryAfterMs": True}, None),
        ({"retryAfterMs": -1}, None),
        ({"retryAfterMs": math.inf}, None),
        ({"retryAfterMs": math.nan}, None),
    ],
)
def test_a_runtime_may_ask_to_wait(data: object, seconds: float | None) -> None:
    """In milliseconds, at one of two places; what is no time is no wish."""
    assert RuntimeMethodError(-32001, "X", data).retry_after == seconds


def test_a_timeout_is_a_timeout_to_everybody() -> None:
    """`except TimeoutError` catches ours; it is still told apart by its own attributes."""
    error = RequestTimeoutError(TROUBLE)

    assert isinstance(error, TimeoutError)
    assert "the connection broke" in str(error)
    assert isinstance(waiting.WaitTimeoutError("not online in time"), TimeoutError)


def test_a_rate_limit_says_when_to_come_back() -> None:
    """`retry_after` is part of what is compared, and of what is pickled."""
    soon, late = (
        RateLimitError(Problem(status=429, code="rate_limited", message="", retry_after=seconds))
        for seconds in (1.0, 86400.0)
    )

    assert soon != late
    assert pickle.loads(pickle.dumps(late)).retry_after == 86400.0
