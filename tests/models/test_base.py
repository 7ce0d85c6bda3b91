"""What every model shares."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from beeos_async.models import _base, catalog, conversations, instances, runtime
from beeos_async.models._base import Camel, Envelope, Page, Snake, fitting, whole
from beeos_async.models.runtime import AgentTarget, OperationProgress

MODELS = [
    value
    for module in (_base, catalog, conversations, instances, runtime)
    for value in vars(module).values()
    if inspect.isclass(value)
    and issubclass(value, Camel | Snake)
    and value.__module__ == module.__name__
]
REQUESTS = {
    "RenameConversation": {"title"},
    "SendMessage": {"message"},
    "InvokeRuntimeMethod": {"jsonrpc", "method", "params"},
}
"""What a request cannot do without, beside ids."""

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@every_model
def test_a_model_is_frozen_and_takes_keywords_only(model: type[msgspec.Struct]) -> None:
    """Both are said on each class, since msgspec inherits only one of them."""
    config = model.__struct_config__

    assert config.frozen
    assert config.eq
    assert model.__match_args__ == ()


@every_model
def test_a_model_is_open(model: type[msgspec.Struct]) -> None:
    """Fields of a later version are no error, and what is not set is not written."""
    config = model.__struct_config__

    assert not config.forbid_unknown_fields
    assert config.omit_defaults
    # What is told apart by a tag is decoded in two steps, so that a new one is no error.
    assert config.tag_field == ("scope" if "Target" in model.__name__ else None)


@every_model
def test_only_what_is_indispensable_has_no_default(model: type[msgspec.Struct]) -> None:
    """An id, what carries one, and what a request cannot do without."""
    required = {field.name for field in msgspec.structs.fields(model) if field.required}

    needed = {"id", "data", "meta", "name"} | REQUESTS.get(model.__name__, set())
    assert {name for name in required if not name.endswith("_id")} <= needed
    assert "name" not in required or model is instances.DeployInstance


@every_model
def test_a_model_speaks_for_itself(model: type[msgspec.Struct]) -> None:
    """Each has a docstring of its own."""
    assert model.__dict__.get("__doc__")


@pytest.mark.parametrize(
    ("base", "wire"), [(Camel, b'{"someField":1}'), (Snake, b'{"some_field":1}')]
)
def test_the_spelling_is_inherited(base: Any, wire: bytes) -> None:
    """A group chooses its spelling once, with its base."""

    class Thing(base, frozen=True, kw_only=True):
        some_field: int = 0
        other_field: int = 0

    assert msgspec.json.encode(Thing(some_field=1)) == wire
    assert msgspec.json.decode(wire, type=Thing) == Thing(some_field=1)


def test_an_envelope_is_a_success_unless_it_says_otherwise() -> None:
    """The member is required on paper and missing in practice."""
    decode = msgspec.json.Decoder(Envelope[str]).decode

    assert decode(b'{"data":"destroyed"}') == Envelope(data="destroyed", success=True)
    assert decode(b'{"data":"x","success":false}').success is False


def test_a_page_may_not_know_how_many_there_are() -> None:
    """A total is optional; none is not zero."""
    decode = msgspec.json.Decoder(Page[str]).decode

    assert decode(b'{"data":["a"]}').total is None
    assert decode(b'{"data":[],"total":0}').total == 0
    assert decode(b'{"data":["a"],"total":null}').total is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("18446744073709551616", 2**64),
        ("9" * 128, 10**128 - 1),
        ("9" * 129, 0),
        ("", 0),
        ("-1", 0),
        ("1.0", 0),
        ("٣", 0),
        ("²", 0),
    ],
)
def test_a_number_in_digits_may_be_of_any_length(text: str, number: int) -> None:
    """What is no number is 0, and no error."""
    assert whole(text) == number


def test_what_fits_is_kept() -> None:
    """One field that does not fit spoils no other."""
    whole_one = {"sequence": "2", "phase": "apply", "current": 1, "new": True}

    assert fitting(OperationProgress, whole_one) == OperationProgress(
        sequence="2", phase="apply", current=1.0
    )
    assert fitting(OperationProgress, {**whole_one, "sequence": 2}) == OperationProgress(
        phase="apply", current=1.0
    )
    assert fitting(AgentTarget, {"platformAgentId": None}) == AgentTarget()
