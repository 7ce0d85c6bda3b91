"""The samples themselves: does the witness tell the truth?

The official SDK holds each of them against the contract it was generated from.
"""

from __future__ import annotations

import beeos_sdk as official
import pytest
from samples import WIRE, sample, samples

GROUPS = (
    *("catalog", "instances", "computer", "mobile", "agents", "tasks", "conversations", "files"),
    *("runtime", "errors"),
)
NAMES = [name for group in GROUPS for name in samples(group)]
JUDGED = [name for name in NAMES if sample(name).schema != "none" and not sample(name).text]


@pytest.mark.parametrize("name", JUDGED)
def test_a_sample_keeps_to_its_schema_or_says_where_it_does_not(name: str) -> None:
    """What breaks the schema breaks it on purpose, and says so."""
    one = sample(name)
    schema = getattr(official, one.schema)

    if one.violates:
        # A union of theirs raises the parent of what the rest raises.
        with pytest.raises(ValueError, match="validation error"):
            schema.from_dict(one.document)
    else:
        assert schema.from_dict(one.document) is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_says_what_it_is_about(name: str) -> None:
    """It is named like its file, and is either JSON or text."""
    one = sample(name)

    assert one.name == name.partition("/")[2]
    assert one.about
    assert one.kind in {"response", "broken"}
    assert 200 <= one.status < 600
    assert not (bytes(one.body) and one.text)


def test_no_sample_lies_beside_the_groups() -> None:
    """Each group of samples is looked at."""
    assert {file.parent.name for file in WIRE.rglob("*.json")} == {*GROUPS}
