"""The object store behind the API: where it may be, what it says when it says no.

Its addresses come in answers and are data: they are gone to without the key, and without
any promise about where they lead but that nobody can listen on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct, structs

from .._urls import is_loopback
from ..errors import APIError, DecodeError, Trouble
from .message import Response
from .refusal import refusal
from .text import shown

_ODD: Final = re.compile(r"[^\x21-\x7e]|[\\<>\"^`{|}]").search
_ODD_MARK: Final = re.compile(r"[^\x21-\x7e]").search
_WORDS: Final = re.compile(r"<(Code|Message|RequestId)>([^<]{1,4096})</\1>").findall
_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15}|\*)").fullmatch


class Address(Struct, frozen=True):
    """One object's address, which may be asked for without more ado."""

    url: str
    """To be sent as it is: its query is signed."""

    host: str
    """All of it that may be shown."""


def address_of(url: str, *, allow_insecure: bool = False) -> Address:
    """Check an address that came in an answer.

    Args:
        url: What came.
        allow_insecure: Whether plain http may go to a host that is not loopback.

    Raises:
        DecodeError: It is none that is gone to.
    """
    parts = _parts_of(url)
    host = parts.hostname if parts else None
    flaw = ""
    if parts is None or not host:
        flaw = "is no address"
    elif "@" in parts.netloc:
        flaw = "holds user information"
    elif parts.scheme not in {"http", "https"}:
        flaw = "is neither https nor http"
    elif parts.scheme == "http" and not (allow_insecure or is_loopback(host)):
        flaw = f"is plain http to {shown(host, 253)}"
    else:
        return Address(url.partition("#")[0], shown(parts.netloc, 260))
    message = f"the answer names a file's address that {flaw}"
    raise DecodeError(Trouble(message=message, reason="unreadable", delivered="yes"))


def _parts_of(url: str) -> SplitResult | None:
    if _ODD(url):
        return None
    try:
        parts = urlsplit(url)
        # Malformed ports show themselves only here.
        _ = parts.port
    except ValueError:
        return None
    return parts


def store_refusal(response: Response) -> APIError | DecodeError:
    """Read what an object store said no with; most speak XML.

    Args:
        response: What came back, its body as far as it is known.
    """
    error = refusal(response)
    if not isinstance(error, APIError) or error.code:
        return error
    text = response.body[:16_384].decode("utf-8", "replace")
    words: dict[str, str] = {name: unescape(said) for name, said in _WORDS(text)}
    if "Code" not in words:
        return error
    problem = structs.replace(
        error.problem,
        code=shown(words["Code"], 128),
        message=shown(words.get("Message", error.message), 2000),
        request_id=error.request_id or shown(words.get("RequestId", ""), 128) or None,
    )
    return type(error)(problem)


def part_of(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """Tell where a partial answer begins, and how long the whole is; `None`: it does not say.

    Args:
        headers: The answer's; lookup ignores case.
    """
    found = _RANGE(headers.get("Content-Range", ""))
    if found is None:
        return None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def strong_mark(headers: Mapping[str, str]) -> str:
    """Give what tells one state of an object from another to the byte; empty without.

    Args:
        headers: The answer's; lookup ignores case.
    """
    mark = headers.get("ETag", "")
    return mark if mark.startswith('"') and not _ODD_MARK(mark) else ""
