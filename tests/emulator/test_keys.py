"""Idempotency keys of the pretend cloud."""

from __future__ import annotations

from typing import Any

import pytest

from beeos_async._protocol.endpoint import KEYED, Endpoint
from beeos_async.emulator.keys import Keys
from beeos_async.emulator.refusals import RefusedError

HEADER: Endpoint[Any] = Endpoint("a", "POST", "/a/{id}", dict, KEYED, "a", key="header")
BODY: Endpoint[Any] = Endpoint("b", "POST", "/b/{id}", dict, KEYED, "b", key="body")
NONE: Endpoint[Any] = Endpoint("c", "POST", "/c/{id}", dict, KEYED, "c")


def asked(row: Endpoint[Any], key: str | None, raw: bytes = b"{}", id: str = "1") -> Any:
    return row, (id,), {} if key is None else {"Idempotency-Key": key}, raw


def test_a_request_that_comes_again_gets_the_answer_it_got() -> None:
    """By its key, in the header or in the body."""
    keys: Keys[str] = Keys()
    for row, key, raw in [(HEADER, "k", b"{}"), (BODY, None, b'{"idempotency_key":"k"}')]:
        place, told = keys.find(*asked(row, key, raw))
        assert told is None
        keys.keep(place, row.operation)

        assert keys.find(*asked(row, key, raw))[1] == row.operation
        assert keys.find(*asked(row, key, raw, id="2"))[1] is None


def test_a_key_belongs_to_one_payload() -> None:
    """Another one with it is a conflict."""
    keys: Keys[str] = Keys()
    keys.keep(keys.find(*asked(HEADER, "k"))[0], "told")

    with pytest.raises(RefusedError) as caught:
        keys.find(*asked(HEADER, "k", b"[]"))

    assert (caught.value.status, caught.value.code) == (409, "conflict")


@pytest.mark.parametrize(
    ("row", "key", "raw"),
    [
        (HEADER, None, b'{"idempotency_key":"k"}'),
        (BODY, "k", b"{}"),
        (BODY, "k", b"no json"),
        (BODY, None, b'{"idempotency_key":""}'),
        (NONE, "k", b'{"idempotency_key":"k"}'),
    ],
)
def test_without_a_key_nothing_is_remembered(
    row: Endpoint[Any], key: str | None, raw: bytes
) -> None:
    """A key in the wrong place is none."""
    keys: Keys[str] = Keys()
    place, _ = keys.find(*asked(row, key, raw))
    keys.keep(place, "told")

    assert keys.find(*asked(row, key, raw)) == (None, None)


@pytest.mark.parametrize("key", ["", "x" * 129])
def test_what_is_no_key_is_refused(key: str) -> None:
    """It has 1 to 128 characters."""
    with pytest.raises(RefusedError) as caught:
        Keys[str]().find(*asked(HEADER, key))

    assert caught.value.param == "Idempotency-Key"
