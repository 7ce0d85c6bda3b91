"""Build a request out of a row, read a response into its answer or into an error."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sized
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, structs

from .._checks import idempotency_key, quoted_id, uuid
from ..errors import ConfigurationError
from ..models._base import Accepted, Page
from .body import UNREADABLE, opaque, refuse_depth
from .endpoint import Endpoint
from .lenient import salvage
from .message import KEY_HEADER, OPERATION_HEADER, Request, Response
from .refusal import refusal, runtime_refusal, unreadable, words_of
from .text import shown, word

T = TypeVar("T")

ACCEPTED: Final = 202
"""What alone is a yes, whatever the body."""


def build(
    row: Endpoint[Any],
    *ids: str,
    params: Mapping[str, object] | None = None,
    body: object = None,
    key: str | None = None,
    operation: str | None = None,
) -> Request:
    """Make the request of one call.

    Args:
        row: The endpoint.
        *ids: What goes into the braces of its path, in order.
        params: The query; `None` values are left out.
        body: What travels as JSON.
        key: The idempotency key, where the endpoint takes one.
        operation: The id the operation it begins shall have.

    Raises:
        ConfigurationError: An id, the key or the body cannot be sent.
    """
    pieces = row.pieces
    target = pieces[0]
    if len(ids) + 1 != len(pieces):
        msg = f"{row.operation} takes {len(pieces) - 1} arguments for its path, not {len(ids)}"
        raise ValueError(msg)
    for number, id in enumerate(ids, 1):
        target += quoted_id(id) + pieces[number]
    if params and (query := _query(params)):
        target += "?" + query
    headers: tuple[tuple[str, str], ...] = ()
    if key is not None:
        idempotency_key(key, header=row.key == "header")
        if row.key == "header":
            headers = ((KEY_HEADER, key),)
        else:
            body = structs.replace(cast("Any", body), idempotency_key=key)
    if operation is not None:
        headers = (*headers, (OPERATION_HEADER, uuid("operation_id", operation)))
    return Request(
        row.method, target, None if body is None else _encode(row, body), row.answer_cap, headers
    )


def bare(row: Endpoint[Any], id: str) -> Request:
    """Make the request of a call that names one resource and says nothing else, as a start does.

    It is what `build` would make, in a third of the time.

    Args:
        row: The endpoint; its path has one place for an id.
        id: What goes there.

    Raises:
        ConfigurationError: The id cannot be sent.
    """
    before, after = row.pieces
    return Request(row.method, before + quoted_id(id) + after, None, row.answer_cap)


def _query(params: Mapping[str, object]) -> str:
    given = {name: _text(value) for name, value in params.items() if value is not None}
    with contextlib.suppress(UnicodeEncodeError):
        return urlencode(given, quote_via=quote)
    msg = "a parameter holds half of a surrogate pair, which cannot be sent"
    raise ConfigurationError(msg)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(row: Endpoint[Any], body: object) -> bytes:
    try:
        sent = msgspec.json.encode(body)
        if isinstance(body, Struct):
            # It checks its fields only when it is decoded.
            msgspec.json.decode(sent, type=type(body))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        flaw = f"cannot be sent: {error}"
    else:
        if len(sent) <= row.body_cap:
            return sent
        flaw = f"has {len(sent):,} bytes; the cap is {row.body_cap:,}"
    # Raised down here, where no foreign exception is being handled: none is chained.
    msg = f"the body of {row.operation} {flaw}"
    raise ConfigurationError(msg)


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
        raise refusal(response)
    if row.refuses_in_200 and response.status == 200:
        raise runtime_refusal(response)
    reason = "unreadable"
    try:
        value = _decoded(row, response)
    except UNREADABLE as error:
        flaw = words_of(error) if response.body else "the body is empty"
    else:
        if row.shape != "enveloped":
            return value
        answer: Any = value
        if not answer.success:
            flaw = "it says success: false under a 2xx status"
        elif row.echoes_id and answer.data.id != id:
            flaw, reason = (
                f"it names another resource, {shown(answer.data.id, 128)!r}",
                "wrong_id",
            )
        else:
            return value
    # Raised down here, where no foreign exception is being handled: none is chained.
    raise unreadable(response, flaw, reason)


def _decoded(row: Endpoint[T], response: Response) -> T:
    body = response.body
    if row.shape == "empty":
        return cast("T", None)
    if row.shape == "accepted":
        return cast("T", _accepted(response))
    refuse_depth(body)
    try:
        return row.decode(body)
    except msgspec.ValidationError as error:
        try:
            document: object = msgspec.json.decode(body)
        except msgspec.ValidationError:
            # A number beyond all bounds; the strict pass has named its place.
            raise error from None
        return _counted(salvage(row.answer, document), document)


def _counted(value: T, document: object) -> T:
    """Note on a page how many rows were left out: who counts rows counts them, too."""
    if not isinstance(value, Page):
        return value
    rows = cast("dict[str, Sized | None]", document).get("data") or ()
    page = cast("Page[object]", value)
    return cast("T", structs.replace(page, left_out=len(rows) - len(page.data) or None))


def _accepted(response: Response) -> Accepted:
    """Read what began an operation: the header names it, whatever the body is."""
    named = word(response.headers.get(OPERATION_HEADER), 128)
    try:
        refuse_depth(response.body)
        held = opaque(response.body) if response.body else {}
    except UNREADABLE:
        # It was accepted all the same, and to send it again would not mend the body.
        if response.status != ACCEPTED and not named:
            raise
        held = {}
    return Accepted(operation_id=named, body=held)
