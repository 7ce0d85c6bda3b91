"""Idempotency keys: a request that comes again gets the answer it got."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

import msgspec

from .._protocol.endpoint import Endpoint
from .._protocol.message import KEY_HEADER
from .refusals import RefusedError

T = TypeVar("T")

KEY_LIMIT: Final = 128
"""Characters of a key."""

Place = tuple[tuple[str, tuple[str, ...], str], bytes] | None
"""Where an answer belongs: what was asked, and a mark of the body; nowhere without a key."""


class _Keyed(msgspec.Struct):
    """The one field of a body that is looked at."""

    idempotency_key: str | None = None


_read: Final = msgspec.json.Decoder(_Keyed).decode


class Keys(Generic[T]):
    """The answers that were given, by what was asked with which key."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._given: dict[tuple[str, tuple[str, ...], str], tuple[bytes, T]] = {}

    def find(
        self, row: Endpoint[Any], ids: tuple[str, ...], headers: Mapping[str, str], raw: bytes
    ) -> tuple[Place, T | None]:
        """Look whether a request was answered already.

        Args:
            row: The endpoint.
            ids: What its path names.
            headers: The request's.
            raw: Its body.

        Returns:
            Where its answer belongs, and the answer it got before, if it did.

        Raises:
            RefusedError: The key is none, or was used for another request.
        """
        key = _key(row, headers, raw)
        if key is None:
            return None, None
        place = (row.operation, ids, key)
        mark = blake2b(raw).digest()
        known, answer = self._given.get(place, (mark, None))
        if known != mark:
            raise RefusedError(409, "conflict", "duplicate idempotency key: another payload")
        return (place, mark), answer

    def keep(self, place: Place, answer: T) -> None:
        """Remember an answer; one without a place is forgotten."""
        if place is not None:
            self._given[place[0]] = (place[1], answer)


def _key(row: Endpoint[Any], headers: Mapping[str, str], raw: bytes) -> str | None:
    if row.key == "body":
        try:
            return _read(raw).idempotency_key or None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Whoever reads the whole body says what is wrong with it.
            return None
    key = headers.get(KEY_HEADER) if row.key == "header" else None
    if key is not None and not 0 < len(key) <= KEY_LIMIT:
        message = f"an idempotency key has 1 to {KEY_LIMIT} characters"
        raise RefusedError(400, "invalid_param", message, KEY_HEADER)
    return key


def require_key(headers: Mapping[str, str]) -> None:
    """Refuse a request without a key, where the contract asks for one.

    Args:
        headers: The request's.

    Raises:
        RefusedError: There is none.
    """
    if KEY_HEADER not in headers:
        raise RefusedError(400, "missing_param", f"{KEY_HEADER} is missing", KEY_HEADER)
