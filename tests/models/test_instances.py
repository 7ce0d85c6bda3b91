"""Instances as they travel."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from samples import sample

from beeos_async._protocol.wire import read
from beeos_async.errors import ConfigurationError
from beeos_async.models._base import Page
from beeos_async.models.instances import DeployInstance, DeviceInfo, Instance

# The contract's fields of an instance, in its order and spelling.
SPELLING = """
    id ownerId agentFramework providerId externalId osType hostingType cloudProvider name
    modelPrimary models status desiredStatus endpoint bridgeId identityId totalRunSeconds
    connectivity connectivityReason haltReason providerConfig publicIp clusterId region imageId
    imageRef isTrial expiresAt errorMessage systemPrompt mcpServers startedAt stoppedAt
    statusEnteredAt connectivityUpdatedAt msConnectionStatus msConnectionUpdatedAt createdAt
    updatedAt screenshotUrl screenshotUpdatedAt capabilities
"""
FIELDS = SPELLING.split()

NOT_SET = Instance(id="inst-k41")


def read_sample(name: str) -> Any:
    one = sample(f"instances/{name}")
    return read(one.row, "inst-k41", one.response)


def test_an_instance_has_the_fields_of_the_contract() -> None:
    """All 42, in their spelling on the wire."""
    assert [field.encode_name for field in msgspec.structs.fields(Instance)] == FIELDS
    assert len(FIELDS) == 42


def test_a_full_instance_is_read_whole() -> None:
    """Every field has the value of the wire; a count beyond 2^53 is exact."""
    wire = sample("instances/full").document["data"]

    found = read_sample("full").data

    moments = {
        field.name: datetime.fromisoformat(wire[field.encode_name])
        for field in msgspec.structs.fields(Instance)
        if field.name.endswith("_at")
    }
    assert len(moments) == 9
    read = {**moments, "models": tuple(wire["models"])}
    for field in msgspec.structs.fields(Instance):
        value = getattr(found, field.name)
        assert value == read.get(field.name, wire[field.encode_name])
        assert value != getattr(NOT_SET, field.name) or field.name == "id"
    assert found.total_run_seconds == 2**53 + 1
    assert found.started_at.utcoffset() == timedelta(hours=2)
    assert found.connectivity_updated_at.utcoffset() == timedelta(hours=-3, minutes=-30)


def test_a_full_instance_is_written_as_it_was_read() -> None:
    """Nothing is lost on the way; offsets may be spelt differently."""
    wire = sample("instances/full").document["data"]

    written = json.loads(msgspec.json.encode(read_sample("full").data))

    assert list(written) == list(wire)
    for name, value in wire.items():
        if name.endswith("At"):
            assert datetime.fromisoformat(written[name]) == datetime.fromisoformat(value)
        else:
            assert written[name] == value


def test_what_the_server_does_not_say_is_not_set() -> None:
    """An empty text, list or mapping, 0, `False`, `None` for a date; the id is all it takes."""
    found = read_sample("only_id").data

    assert found == NOT_SET
    assert (found.name, found.status, found.connectivity) == ("", "", "")
    assert (found.models, found.provider_config, found.capabilities) == ((), {}, {})
    assert (found.total_run_seconds, found.is_trial) == (0, False)
    assert (found.started_at, found.expires_at) == (None, None)


def test_what_is_not_set_is_each_instances_own() -> None:
    """A mapping that somebody fills is not another instance's."""
    first, second = read_sample("only_id").data, read_sample("only_id").data

    first.capabilities["x"] = 1

    assert (second.capabilities, NOT_SET.capabilities) == ({}, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nulls", Instance(id="inst-k41", status="stopped", region="north-2")),
        (
            "empty_words",
            Instance(
                id="inst-k41",
                status="stopped",
                stopped_at=datetime(2026, 2, 28, 22, tzinfo=UTC),
            ),
        ),
        (
            "odd_types",
            Instance(
                id="inst-k41",
                desired_status="running",
                models=("heron/tiny-1",),
                capabilities={"shell": True},
                cluster_id="cluster-b",
            ),
        ),
        ("bool_for_number", NOT_SET),
        (
            "new_words",
            Instance(
                id="inst-k41",
                status="hibernating",
                desired_status="archived",
                connectivity="flaky",
                connectivity_reason="solar_storm",
                ms_connection_status="parked",
                os_type="plan9",
                region="north-2",
            ),
        ),
        (
            "without_success",
            Instance(id="inst-k41", status="pending", desired_status="running"),
        ),
        (
            "moments",
            Instance(
                id="inst-k41",
                created_at=datetime(2026, 1, 2, 3, 4, 5, 123457, tzinfo=UTC),
                updated_at=datetime(
                    2026, 1, 2, 3, 4, 5, 900000, tzinfo=timezone(timedelta(hours=5, minutes=45))
                ),
                started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                stopped_at=datetime(2026, 1, 2, 14, 34, 5, tzinfo=UTC),
            ),
        ),
    ],
)
def test_an_answer_that_breaks_its_schema_is_read_all_the_same(
    name: str, expected: Instance
) -> None:
    """What fits is there, what does not is not set, and nothing breaks."""
    assert read_sample(name).data == expected


def test_a_wish_moves_before_the_machine_does() -> None:
    """A start is accepted while the instance is still stopped, and the other way round."""
    started, stopped = read_sample("start_accepted").data, read_sample("stop_accepted").data

    assert (started.status, started.desired_status) == ("stopped", "running")
    assert (stopped.status, stopped.desired_status) == ("running", "stopped")
    assert (started.connectivity, started.connectivity_reason) == (
        "offline",
        "instance_disconnected",
    )
    assert (stopped.connectivity, stopped.connectivity_reason) == ("online", "")


def test_a_date_is_rounded_to_microseconds() -> None:
    """Nanoseconds are more than a `datetime` holds; the offset of the wire is kept."""
    found = read_sample("moments").data

    assert found.created_at.microsecond == 123457
    assert found.stopped_at.microsecond == 0
    assert found.stopped_at.utcoffset() == timedelta(hours=-11, minutes=-30)


@pytest.mark.parametrize(
    ("name", "ids", "total"),
    [
        ("page", ["inst-k41", "inst-k42"], 407),
        ("page_without_total", ["inst-k43"], None),
        ("page_empty", [], 0),
        ("page_null", [], 0),
        ("page_of_odd_rows", ["inst-k41", "inst-k44"], None),
    ],
)
def test_a_page_holds_the_rows_that_have_a_name(
    name: str, ids: list[str], total: int | None
) -> None:
    """One odd row does not cost the page."""
    page: Page[Instance] = read_sample(name)

    assert [one.id for one in page.data] == ids
    assert page.total == total


def test_a_row_of_a_list_may_be_sparse() -> None:
    """The guide shows six fields."""
    row = read_sample("page").data[1]

    assert (row.name, row.status, row.desired_status) == ("spare", "stopped", "")
    assert row.created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_instance_is_frozen_and_travels() -> None:
    """It is what the server said at one moment."""
    found = read_sample("full").data

    with pytest.raises(AttributeError, match="immutable"):
        found.status = "stopped"
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.copy(found) == copy.deepcopy(found) == found


def test_a_device_tells_what_it_is() -> None:
    """All nine fields; without data, none."""
    assert read_sample("device_info").data == DeviceInfo(
        type="android",
        model="Lark 8",
        os="Android",
        os_version="16",
        width=1080,
        height=2400,
        density=420,
        capabilities=["tap", "swipe"],
        metadata={"battery": 0.83},
    )
    assert read_sample("device_info_without_data").data == DeviceInfo()


# Deploying ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "offence"),
    [
        ({"name": "", "variant_id": "v"}, "needs a name"),
        ({"name": "x"}, "needs a variant_id or an agent_framework"),
        ({"name": "x", "config": {}}, "needs a variant_id or an agent_framework"),
    ],
)
def test_what_cannot_be_deployed_is_refused(members: dict[str, Any], offence: str) -> None:
    """Before any I/O."""
    with pytest.raises(ConfigurationError, match=offence):
        DeployInstance(**members)


@pytest.mark.parametrize(
    ("members", "wire"),
    [
        ({"variant_id": "v"}, b'{"name":"x","variantId":"v"}'),
        ({"agent_framework": "weaver"}, b'{"name":"x","agentFramework":"weaver"}'),
    ],
)
def test_a_name_and_one_thing_to_deploy_are_enough(members: dict[str, Any], wire: bytes) -> None:
    """An offer of the catalog, or a framework; what was not given is not sent."""
    assert msgspec.json.encode(DeployInstance(name="x", **members)) == wire


def test_all_that_can_be_said_of_a_deployment_travels() -> None:
    """All 13 fields of the contract, in its spelling."""
    request = DeployInstance(
        name="x",
        variant_id="v",
        agent_framework="weaver",
        provider_id="prov-lake",
        provider_config={"cores": 2},
        model_primary="heron/medium-3",
        models=["heron/tiny-1"],
        system_prompt="Answer in verse.",
        mcp_servers={"calendar": {"url": "https://mcp.example"}},
        bridge_id="bridge-2",
        config={},
        cluster_id="cluster-b",
        preferred_region="north-2",
    )

    assert json.loads(msgspec.json.encode(request)) == {
        "name": "x",
        "variantId": "v",
        "agentFramework": "weaver",
        "providerId": "prov-lake",
        "providerConfig": {"cores": 2},
        "modelPrimary": "heron/medium-3",
        "models": ["heron/tiny-1"],
        "systemPrompt": "Answer in verse.",
        "mcpServers": {"calendar": {"url": "https://mcp.example"}},
        "bridgeId": "bridge-2",
        "config": {},
        "clusterId": "cluster-b",
        "preferredRegion": "north-2",
    }


FOR_FEW_EYES: dict[str, Any] = {
    "screenshot_url": "https://pictures.example/1?sign=x",
    "system_prompt": "Answer in verse.",
    "mcp_servers": {"mail": {"token": "t"}},
}


def test_a_notebook_shows_a_table_of_what_is_set() -> None:
    """Whatever the server puts there is text; what is for few eyes is left out."""
    shown = Instance(
        id="inst-1",
        name="<b>night</b>",
        status="running",
        **FOR_FEW_EYES,
    )._repr_html_()

    assert "<caption>&lt;b&gt;night&lt;/b&gt;</caption>" in shown
    assert "<tr><th>status</th><td>running</td></tr>" in shown
    assert "region" not in shown
    assert "sign=x" not in shown
    assert "verse" not in shown


def test_an_instance_shows_in_a_log_what_tells_it_from_others() -> None:
    """Neither prompts, nor settings with tokens in them, nor a signed address; `rich` likewise."""
    one = Instance(
        id="inst-1",
        name="night",
        status="running",
        connectivity="online",
        os_type="linux",
        **FOR_FEW_EYES,
    )

    assert repr(one) == (
        "Instance(id='inst-1', name='night', status='running', connectivity='online',"
        " os_type='linux')"
    )
    assert [name for name, _ in one.__rich_repr__()] == [
        *("id", "name", "status", "connectivity", "os_type")
    ]
    assert repr(Instance(id="inst-1")) == "Instance(id='inst-1')"


def test_what_is_to_be_deployed_shows_no_prompt_and_no_settings() -> None:
    """All else is there, and an empty prompt is told to be none."""
    shown = repr(
        DeployInstance(
            name="night",
            agent_framework="clover",
            system_prompt="Answer in verse.",
            mcp_servers={"mail": {"token": "t-1"}},
            provider_config={"password": "p-1"},
            config={"password": "p-2"},
        )
    )

    assert shown.startswith("DeployInstance(name='night', variant_id=None, agent_framework='cl")
    assert shown.count("='…'") == 4
    assert not any(secret in shown for secret in ("verse", "t-1", "p-1", "p-2"))
    assert "system_prompt=None" in repr(DeployInstance(name="a", variant_id="b"))


def test_a_notebook_names_an_instance_without_a_name_by_its_id() -> None:
    """Rows of a list may carry little."""
    assert "<caption>inst-1</caption>" in Instance(id="inst-1")._repr_html_()
