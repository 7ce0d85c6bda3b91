"""Build a request out of a row, read a response into its answer or into an error."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from .._checks import quoted_id
from ..errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DecodeError,
    GatewayTimeoutError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    Trouble,
    UnprocessableEntityError,
)
from .endpoint import Endpoint
from .lenient import salvage
from .retry import delivered, retry_after

T = TypeVar("T")

DEPTH_LIMIT: Final = 256
"""Nesting of a JSON document that is taken for honest, where nobody else refuses it."""

METADATA_DEPTH: Final = 8
"""Nesting of an error's metadata that is kept."""

USUAL_RECURSION_LIMIT: Final = 2000
"""Up to here Python's own limit keeps a decoder within the C stack."""

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

# msgspec lets the last two through as they are.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# Controls, line separators, what turns the reading direction around, surrogates.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
# A server or a proxy may quote the request's headers in its refusal.
_SECRETS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:oag|bak)_\w{5,}|\beyJ[\w-]{8,}[\w.-]*|(?<=\bbearer )[!-~]+", re.IGNORECASE
)
# No key of this API is as short, and none has a dash.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}").fullmatch
_MARKUP: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>?", re.DOTALL | re.IGNORECASE)
# Possessive, and an unterminated string reaches to the end: linear, whatever comes.
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OPENING: Final = b"[{"
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


class Request(Struct, frozen=True):
    """What goes out, all but the host and the key."""

    method: str
    target: str
    """Path and query, percent-encoded."""

    body: bytes | None = None
    answer_cap: int = 0


class Response(Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Lookup ignores case."""

    body: bytes
    wall: float = 0.0
    """Seconds since 1970 when it came."""

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, fit to be printed."""
        found = self.headers.get("X-Request-Id")
        if not found or _PLAIN_NAME(found):
            return found or None
        return _shown(found, 128) or None


def build(
    row: Endpoint[Any],
    *ids: str,
    params: Mapping[str, object] | None = None,
    body: Struct | None = None,
) -> Request:
    """Make the request of one call.

    Args:
        row: The endpoint.
        *ids: What goes into the braces of its path, in order.
        params: The query; `None` values are left out.
        body: What travels as JSON.

    Raises:
        ConfigurationError: An id or the body cannot be sent.
    """
    pieces = row.pieces
    target = pieces[0]
    for id, piece in zip(ids, pieces[1:], strict=True):
        target += quoted_id(id) + piece
    if params and (query := _query(params)):
        target += "?" + query
    return Request(
        row.method, target, None if body is None else _encode(row, body), row.answer_cap
    )


def _query(params: Mapping[str, object]) -> str:
    given = {name: _text(value) for name, value in params.items() if value is not None}
    try:
        return urlencode(given, quote_via=quote)
    except UnicodeEncodeError:
        msg = "a parameter holds half of a surrogate pair, which cannot be sent"
        raise ConfigurationError(msg) from None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(row: Endpoint[Any], body: Struct) -> bytes:
    try:
        sent = msgspec.json.encode(body)
        # A Struct checks its fields only when it is decoded.
        msgspec.json.decode(sent, type=type(body))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        msg = f"the body of {row.operation} cannot be sent: {error}"
        raise ConfigurationError(msg) from None
    if len(sent) > row.body_cap:
        msg = f"the body of {row.operation} has {len(sent):,} bytes; the cap is {row.body_cap:,}"
        raise ConfigurationError(msg)
    return sent


def read(row: Endpoint[T], id: str, response: Response) -> T:
    """Read what came back.

    Args:
        row: The endpoint.
        id: The resource the path names, to be found again in the answer.
        response: What came back.

    Returns:
        The answer.

    Raises:
        APIError: The server said no.
        DecodeError: The answer cannot be read, names another resource, or is a redirect.
    """
    if not 200 <= response.status < 300:
        raise _refusal(response)
    reason = "unreadable"
    try:
        value = _decoded(row, response.body)
    except _UNREADABLE as error:
        flaw = _words_of(error) if response.body else "the body is empty"
    else:
        answer: Any = value
        if not answer.success:
            flaw = "it says success: false under a 2xx status"
        elif row.echoes_id and answer.data.id != id:
            flaw, reason = (
                f"it names another resource, {_shown(answer.data.id, 128)!r}",
                "wrong_id",
            )
        else:
            return value
    # Raised down here, where no foreign exception is being handled: none is chained.
    raise unreadable(response, flaw, reason)


def _decoded(row: Endpoint[T], body: bytes) -> T:
    _refuse_depth(body)
    try:
        return row.decode(body)
    except msgspec.ValidationError as error:
        try:
            document: object = msgspec.json.decode(body)
        except msgspec.ValidationError:
            # A number beyond all bounds; the strict pass has named its place.
            raise error from None
        return salvage(row.answer, document)


def _refuse_depth(body: bytes) -> None:
    """Keep from the decoder what would overflow the C stack (msgspec issue 1033).

    Within Python's usual limit the decoder itself refuses, and Python 3.14 guards the stack
    by itself.
    """
    if sys.getrecursionlimit() <= USUAL_RECURSION_LIMIT:
        return
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in _OPENING else -1
        if depth > DEPTH_LIMIT:
            raise RecursionError


def _words_of(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return f"it is no valid answer: {_shown(str(error), 200)}"


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
            excerpt=_excerpt(response.body),
        )
    )


def _refusal(response: Response) -> APIError | DecodeError:
    status = response.status
    if status < 400:
        return unreadable(response, "it is a redirect, which is never followed", "redirect")
    told = _told(response.body)
    code = _word(told.get("code"), 128)
    message = _word(told.get("message"), 2000)
    problem = Problem(
        status=status,
        code=code,
        message=message if message or code else _excerpt(response.body),
        request_id=response.request_id or _word(told.get("request_id"), 128) or None,
        param=_word(told.get("param"), 128) or None,
        metadata=_metadata(told),
        retry_after=retry_after(response.headers, response.wall),
        delivered=delivered(status, code),
    )
    return _CLASSES.get(status, ServerError if status >= 500 else BadRequestError)(problem)


def _told(body: bytes) -> dict[str, object]:
    """Find what the server said, in any of the shapes it may take."""
    try:
        _refuse_depth(body)
        whole: object = msgspec.json.decode(body)
    except _UNREADABLE:
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
            return cast("dict[str, object]", _plain(members, METADATA_DEPTH))
    return {}


def _plain(value: object, depth: int) -> object:
    """Make foreign data fit to be printed and pickled, however deep it is."""
    if isinstance(value, str):
        return _shown(value, 2000)
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {_shown(name, 128): _plain(one, depth - 1) for name, one in members.items()}
    if isinstance(value, list):
        return [_plain(one, depth - 1) for one in cast("list[object]", value)]
    return value


def _word(value: object, limit: int) -> str:
    """Take a word or a number; anything else is not what was asked for."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _shown(str(value), limit)


def _shown(text: str, limit: int) -> str:
    """Make foreign text fit for a terminal, a log and a ticket."""
    text = _CONTROLS.sub(" ", text[: 4 * limit])
    return _SECRETS.sub("<key …>", text).strip()[:limit]


def _excerpt(body: bytes) -> str:
    """Show the words of a body: no markup, no control characters, 200 characters."""
    text = _MARKUP.sub(" ", body[:4096].decode("utf-8", "replace"))
    return " ".join(_shown(text, 4096).split())[:200]
