"""Read a no out of an answer, in any of the shapes it may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from ..errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    GatewayTimeoutError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    RuntimeMethodError,
    ServerError,
    ServiceUnavailableError,
    Trouble,
    UnprocessableEntityError,
)
from .body import UNREADABLE, opaque, refuse_depth
from .message import Response
from .retry import delivered, retry_after
from .text import METADATA_DEPTH, excerpt, plain, shown, word

_CLASSES: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
}


_SPOKEN_FOR: Final = frozenset(
    {"success", "error", "code", "message", "type", "request_id", "param", "metadata", "details"}
)


def runtime_refusal(response: Response) -> RuntimeMethodError | DecodeError:
    """Read the JSON-RPC error of a runtime that said no."""
    try:
        refuse_depth(response.body)
        error = opaque(response.body)["error"]
        members = cast("dict[str, object]", error if isinstance(error, dict) else {})
        code, message = members["code"], word(members["message"], 2000)
        told = plain(members.get("data"), METADATA_DEPTH)
        if isinstance(code, int) and not isinstance(code, bool):
            return RuntimeMethodError(code, message, told, response.request_id)
    except (*UNREADABLE, KeyError):
        pass
    return unreadable(response, "it says neither yes nor why not")


def words_of(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return f"it is no valid answer: {shown(str(error), 200)}"


def unreadable(response: Response, flaw: str, reason: str = "unreadable") -> DecodeError:
    """Make the error for an answer that came and is of no use."""
    return DecodeError(
        Trouble(
            message=f"the answer cannot be used: {flaw}",
            reason=reason,
            # Whether it acted before it pointed elsewhere, only a proxy would know.
            delivered="maybe" if reason == "redirect" else "yes",
            status=response.status,
            request_id=response.request_id,
            excerpt=excerpt(response.body),
        )
    )


def refusal(response: Response) -> APIError | DecodeError:
    status = response.status
    if status < 300:
        # A 101, say: it came instead of an answer, and a look may tell what became of it.
        return unreadable(response, f"{status} is no answer")
    if status < 400:
        return unreadable(response, "it is a redirect, which is never followed", "redirect")
    told = _told(response.body)
    code = word(told.get("code"), 128)
    message = word(told.get("message"), 2000)
    problem = Problem(
        status=status,
        code=code,
        message=message if message or code else excerpt(response.body),
        request_id=response.request_id or word(told.get("request_id"), 128) or None,
        param=word(told.get("param"), 128) or None,
        metadata=_metadata(told),
        retry_after=retry_after(response.headers, response.wall),
        delivered=delivered(status, code),
    )
    return _CLASSES.get(status, ServerError if status >= 500 else BadRequestError)(problem)


def _told(body: bytes) -> dict[str, object]:
    """Find what the server said, in any of the shapes it may take."""
    try:
        refuse_depth(body)
        whole: object = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    if not isinstance(whole, dict):
        return {}
    members = cast("dict[str, object]", whole)
    error = members.get("error")
    if isinstance(error, dict):
        return cast("dict[str, object]", error)
    # The runtime's own refusals come bare: what else they say is all metadata.
    rest = {name: value for name, value in members.items() if name not in _SPOKEN_FOR}
    told = {"metadata": rest, **members}
    if isinstance(error, str):
        told["message"] = error
    return told


def _metadata(told: Mapping[str, object]) -> dict[str, object]:
    for name in ("metadata", "details"):
        found = told.get(name)
        if isinstance(found, dict):
            members = cast("dict[str, object]", found)
            return cast("dict[str, object]", plain(members, METADATA_DEPTH))
    return {}
