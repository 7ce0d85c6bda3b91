"""Agents as they travel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from samples import sample, samples

from beeos_async import (
    Agent,
    AgentCapabilities,
    AgentPage,
    ConfigurationError,
    ConflictError,
    DecodeError,
    InstanceProjection,
    InvokeReply,
)
from beeos_async._protocol.wire import read
from beeos_async.models.agents import InvokeAgent, UpdateAgent

LEAST = {
    "id": "agt-gardener",
    "instance_id": "inst-shed",
    "name": "gardener",
    "status": "active",
    "mcp_enabled": True,
    "visibility": "unlisted",
    "conversation_transport": "message-service",
}


def read_sample(name: str) -> Any:
    one = sample(f"agents/{name}")
    return read(one.row, "agt-gardener", one.response)


def test_an_agent_has_all_its_fields() -> None:
    """Fourteen, and twenty-one things it can or cannot do."""
    found = read_sample("full").data
    can = msgspec.structs.asdict(found.capabilities)

    assert found == Agent(
        **LEAST,
        description="Trims what grows",
        display_name="The Gardener",
        slug="the-gardener",
        default_model_id="heron/large-1",
        capabilities=found.capabilities,
        created_at=datetime(2026, 5, 1, 7, tzinfo=UTC),
        updated_at=datetime(2026, 7, 4, 6, 15, 0, 250_000, tzinfo=UTC),
    )
    assert list(can.values()) == [number % 2 == 0 for number in range(21)]
    assert len(Agent.__struct_fields__) == 14


def test_an_agent_may_say_little() -> None:
    """What is missing is not set."""
    found = read_sample("least").data

    assert found == Agent(**LEAST, capabilities=found.capabilities)
    assert (found.description, found.updated_at) == ("", None)


def test_an_agent_that_breaks_its_schema_is_read_all_the_same() -> None:
    """New words stay, odd values are not set; without an id it is none."""
    assert read_sample("odd").data == Agent(
        id="agt-gardener",
        status="pruning",
        visibility="neighbours",
        capabilities=AgentCapabilities(terminal=True),
    )
    with pytest.raises(DecodeError, match="id"):
        read_sample("without_id")


def test_a_page_tells_how_far_it_follows() -> None:
    """With a revision that no float holds; rows that are none are left out."""
    page, odd = read_sample("page"), read_sample("page_of_odd_rows")

    assert isinstance(page, AgentPage)
    assert [row.id for row in page.data] == ["agt-gardener", "agt-archivist"]
    assert page.total == 7
    assert page.projection == InstanceProjection(
        accepted_epoch="4",
        accepted_revision="18446744073709551617",
        canonical_hash="5e" * 32,
        last_synced_at=datetime(2026, 7, 4, 6, 15, 1, tzinfo=UTC),
        sync_state="synced",
        agents_complete=True,
    )
    assert len(InstanceProjection.__struct_fields__) == 7
    assert odd.data == [Agent(id="agt-archivist")]
    assert (odd.total, odd.projection) == (None, InstanceProjection(sync_state="drifting"))
    assert (read_sample("page_null").data, read_sample("page_null").total) == ([], 0)


def test_a_reply_may_be_a_no() -> None:
    """It is the agent's, and no error of this client."""
    assert read_sample("reply").data == InvokeReply(text="Two metres. 🌿", context_id="chn-hedge")
    assert read_sample("reply_refused").data.is_error is True
    assert read_sample("reply_odd").data == InvokeReply(text="Two metres.")
    with pytest.raises(ConflictError):
        read_sample("delete_refused")


def test_every_sample_is_read() -> None:
    """None lies about."""
    read_here = {
        *("full", "least", "odd", "without_id", "page", "page_of_odd_rows", "page_null"),
        *("reply", "reply_refused", "reply_odd", "delete_refused"),
    }
    assert {name.partition("/")[2] for name in samples("agents")} == read_here


def test_what_is_not_said_does_not_travel() -> None:
    """In the spelling of each request."""
    assert msgspec.json.encode(UpdateAgent(mcp_enabled=False)) == b'{"mcpEnabled":false}'
    assert msgspec.json.encode(InvokeAgent(message="")) == b'{"message":""}'
    with pytest.raises(ConfigurationError):
        UpdateAgent()
