"""`call`: any operation of the table, its answer printed as JSON."""

from __future__ import annotations

import json
import re
import sys
import uuid
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from beeos_async import ConfigurationError
from beeos_async._protocol import table

from .clients import client_of
from .consent import agreed
from .display import terminal
from .guesses import refuse_word
from .runs import OK, SOME_FAILED, complain
from .sources import STDIN, text_in
from .wording import NO_ID, as_json, clean, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .options import Server

STREAMS: Final = {
    "streamTaskEvents": "bee.tasks.events",
    "streamConversationEvents": "bee.conversations.events",
    "streamRuntimeOperationEvents": "bee.runtime.operation_events",
}
"""What is answered by a stream of events, and who follows it."""

CLEARING: Final = frozenset({"clearConversation"})
"""What cannot be undone, although it is no DELETE."""

# What could change a path, or be read as something else than an id.
_ODD_IN_ID: Final = re.compile(r"[\s/\\?#%\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\.\.?$|^$").search


class Said(NamedTuple):
    """What shall be called, and with what."""

    operation: str
    ids: Sequence[str]
    params: Sequence[str]
    body: str | None
    key: str | None
    deadline: float | None
    yes: bool


async def make(said: Said, server: Server) -> int:
    """Call an operation.

    Args:
        said: Which, and with what.
        server: Where.

    Raises:
        ConfigurationError: There is no such operation, or it cannot be called so.
    """
    row = table.ROWS.get(said.operation)
    if row is None:
        refuse_word("operation", said.operation, list(table.ROWS), "`endpoints` lists them")
    if row.operation in STREAMS:
        follower = STREAMS[row.operation]
        msg = f"{row.operation} answers with a stream of events; in Python, {follower} follows it"
        raise ConfigurationError(msg)
    path = _path(row.pieces, said.ids, row.path)
    params = _params(said.params)
    body = None if said.body is None else _body(said.body)
    key = said.key
    if key is None and row.key == "header":
        # With a key of its own it may be sent again when its answer was lost.
        key = str(uuid.uuid4())
    async with client_of(server) as bee:
        if _is_for_good(row.method, row.operation) and not said.yes:
            names = " ".join([row.operation, *said.ids])
            if not await agreed(f"{names} at {bee.base_url} cannot be undone."):
                complain("nothing was sent")
                return SOME_FAILED
        patient = bee.with_options(timeout=max(server.timeout, row.least_timeout))
        answer = await patient.request(
            row.method,
            path,
            params=params,
            json=body,
            into=NoneType if row.shape == "empty" else object,
            idempotency_key=key,
            deadline=said.deadline,
        )
    if answer is not None:
        indent = None if terminal() is None else 2
        sys.stdout.write(as_json(answer, indent=indent) + "\n")
        sys.stdout.flush()
    return OK


def _is_for_good(method: str, operation: str) -> bool:
    """Tell whether an operation takes away what nothing brings back."""
    return method == "DELETE" or operation in CLEARING


def _path(pieces: Sequence[str], ids: Sequence[str], route: str) -> str:
    """Put ids into a route."""
    if len(ids) != len(pieces) - 1:
        wanted = number(len(pieces) - 1, "id")
        msg = f"{route} takes {wanted}, and {len(ids)} were given"
        raise ConfigurationError(msg)
    for id in ids:
        if _ODD_IN_ID(id):
            msg = f"{clean(id)!r} is not an id: {NO_ID}"
            raise ConfigurationError(msg)
    head, *rest = pieces
    return head + "".join(quote(id, safe="") + piece for id, piece in zip(ids, rest, strict=True))


def _params(pairs: Iterable[str]) -> dict[str, object]:
    params: dict[str, object] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not name or not sign:
            msg = f"--param is given as name=value, not {clean(pair)}"
            raise ConfigurationError(msg)
        params[name] = value
    return params


def _body(said: str) -> Any:
    """Read a body: JSON itself, the name of a file that holds it, or - for standard input."""
    text = said
    if said == STDIN or not said.lstrip().startswith(("{", "[", '"')):
        text = text_in(said)
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"--json-body is no JSON: {clean(str(error))}"
        raise ConfigurationError(msg) from None
