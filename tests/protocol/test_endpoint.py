"""What one row is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from beeos_async._protocol.endpoint import KEYED, MIB, ONCE, SAFE, Endpoint, desired
from beeos_async._protocol.table import GET_INSTANCE
from beeos_async.models._base import Envelope
from beeos_async.models.instances import Instance


def row_of(path: str) -> Endpoint[Any]:
    return Endpoint("anything", "GET", path, Envelope[Instance], SAFE, "anything")


@pytest.mark.parametrize(
    ("path", "pieces"),
    [
        ("/api/v1/instances", ("/api/v1/instances",)),
        ("/api/v1/instances/{id}", ("/api/v1/instances/", "")),
        ("/api/v1/instances/{id}/start", ("/api/v1/instances/", "/start")),
        ("/a/{agentId}/tasks/{taskId}/events", ("/a/", "/tasks/", "/events")),
    ],
)
def test_a_route_is_cut_where_ids_go(path: str, pieces: tuple[str, ...]) -> None:
    """One piece more than there are braces."""
    assert row_of(path).pieces == pieces


def test_a_row_decodes_into_its_own_type() -> None:
    """Its decoder is built once, and strict."""
    row = row_of("/")

    assert row.decode(b'{"data":{"id":"inst-1"}}') == Envelope(data=Instance(id="inst-1"))
    assert row.decode is row.decode
    with pytest.raises(msgspec.ValidationError):
        row.decode(b'{"data":{"id":1}}')


def test_a_row_is_only_itself() -> None:
    """Rows are compared and hashed as what they are: lines of one table."""
    one, other = row_of("/"), row_of("/")

    assert one != other
    assert len({one, other}) == 2
    with pytest.raises(AttributeError, match="cannot assign"):
        one.method = "POST"  # type: ignore[misc]  # it is refused at run time as well


def test_a_wish_brings_what_settles_it() -> None:
    """Where to look, what to look for, and what to answer then."""
    answer = Envelope(data="destroyed")

    repeat = desired(GET_INSTANCE, "terminated", gone_is_done=True, answer=answer)

    assert repeat.word == "desired"
    assert repeat.settle is not None
    assert (repeat.settle.ask, repeat.settle.goal) == (GET_INSTANCE, "terminated")
    assert (repeat.gone_is_done, repeat.settle.answer) == (True, answer)


@pytest.mark.parametrize(("repeat", "word"), [(SAFE, "safe"), (KEYED, "keyed"), (ONCE, "once")])
def test_the_other_words_settle_nothing(repeat: Any, word: str) -> None:
    """A look would tell nothing of them."""
    assert (repeat.word, repeat.settle) == (word, None)


def test_a_row_has_caps() -> None:
    """Eight MiB of answer, 64 KiB of request."""
    row = row_of("/")

    assert (row.answer_cap, row.body_cap, row.echoes_id) == (8 * MIB, 64 * 1024, False)
