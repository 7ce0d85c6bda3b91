"""Runtimes and their operations as they travel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from samples import sample

from beeos_async import (
    Accepted,
    AgentTarget,
    ConfigurationError,
    ConversationTarget,
    DecodeError,
    InstanceTarget,
    OperationCancelAccepted,
    OperationCancelRequest,
    OperationProgress,
    OperationProjection,
    RuntimeErrorContext,
    RuntimeMethodError,
    RuntimeOperation,
    RuntimeOperationError,
    UnknownTarget,
)
from beeos_async._protocol import table
from beeos_async._protocol.wire import build, read
from beeos_async.models.runtime import (
    CreateCanvasSession,
    CreateTerminalSession,
    InvokeRuntimeMethod,
    OperationPage,
    target_of,
)

ONE = "1d7f2c9a-4b7e-4a51-9f0e-2c6b8f3a1e10"
OTHER = "9b1c6a40-75d2-4f6a-8a36-0e5d7c2f4b21"
AGENT = "3e8a5f14-0c2b-4d9e-b7a1-6f4d2c8e9a03"
CONVERSATION = "b2d4f6a8-1c3e-4f50-8192-a3b4c5d6e7f8"
BEGUN = datetime(2026, 7, 4, 8, 20, tzinfo=UTC)


def read_sample(name: str) -> Any:
    one = sample(f"runtime/{name}")
    return read(one.row, "", one.response)


# Operations -----------------------------------------------------------------------------------


def test_an_operation_under_way_has_all_its_fields() -> None:
    """Numbers of any length come as texts, and are had as numbers."""
    found = read_sample("pending")

    assert found == RuntimeOperation(
        id=ONE,
        instance_id="inst-k41",
        target=ConversationTarget(platform_agent_id=AGENT, conversation_id=CONVERSATION),
        method="session/set_model",
        capability="conversation.control",
        transport="service",
        sequence="5",
        cursor="5",
        created_at=BEGUN,
        updated_at=BEGUN.replace(second=1, microsecond=750_000),
        status="projection_pending",
        effect_state="committed",
        terminal=False,
        progress=OperationProgress(sequence="2", phase="apply", current=1.0, total=2.5),
        projection=OperationProjection(
            revision="18446744073709551617", state="pending", platform_agent_id=AGENT
        ),
    )
    assert (found.position, found.projection.revision_number) == (5, 2**64 + 1)
    assert len(RuntimeOperation.__struct_fields__) == 18


def test_an_operation_that_is_over_tells_why() -> None:
    """Its error is data: what may be done, and when."""
    found = read_sample("unknown_outcome")

    assert found.terminal
    assert found.target == AgentTarget(platform_agent_id=AGENT)
    assert found.cancel_request == OperationCancelRequest(
        requested_by="usr-3", reason="too slow", requested_at=BEGUN.replace(second=5)
    )
    assert found.error == RuntimeOperationError(
        code="OUTCOME_UNKNOWN",
        message="the runtime went away",
        operation_id=OTHER,
        request_id="req-7",
        effect_state="outcome_unknown",
        retry_mode="none",
        context=RuntimeErrorContext(
            active_runtime_epoch="10",
            projection_revision="17",
            retry_after_ms=2500,
            expected_contract_revision="r4",
            resource_id="agt-gardener",
        ),
    )
    assert found.error.retry_after == 2.5


def test_an_operation_that_succeeded_has_a_result() -> None:
    """Any JSON."""
    found = read_sample("succeeded")

    assert (found.status, found.result, found.error) == ("succeeded", {"skills": ["ocr"]}, None)
    assert found.target == InstanceTarget()


def test_what_is_new_is_kept_as_it_came() -> None:
    """Words, and a target of a scope nobody knows yet."""
    found = read_sample("new_words")

    assert found.target == UnknownTarget({"scope": "fleet", "fleetId": "f-1"})
    assert found.target.scope == "fleet"
    assert (found.method, found.status, found.effect_state) == (
        "moon/land",
        "dreaming",
        "imagined",
    )
    assert found.terminal


def test_an_operation_that_breaks_its_schema_is_read_all_the_same() -> None:
    """What does not fit is not set, in a target and in an error, too."""
    found = read_sample("odd")

    assert found == RuntimeOperation(
        id=ONE,
        target=AgentTarget(),
        progress=OperationProgress(sequence="2"),
        error=RuntimeOperationError(code="X", context=RuntimeErrorContext()),
    )
    assert (found.position, found.error.retry_after) == (0, None)


def test_an_operation_nobody_can_name_is_none() -> None:
    """The id alone is indispensable."""
    with pytest.raises(DecodeError, match="id"):
        read_sample("without_id")


def test_a_page_tells_where_the_next_begins() -> None:
    """It comes bare; a row nobody can name is left out."""
    page = read_sample("page")

    assert ([one.id for one in page.operations], page.next_cursor) == ([ONE], "after-1")
    assert read_sample("page_last") == OperationPage()
    assert [one.id for one in read_sample("page_odd").operations] == [OTHER]


@pytest.mark.parametrize(
    "target",
    [
        InstanceTarget(),
        AgentTarget(platform_agent_id=AGENT),
        ConversationTarget(platform_agent_id=AGENT, conversation_id=CONVERSATION),
    ],
)
def test_a_target_that_is_written_can_be_read_again(target: Any) -> None:
    """Its scope stands in it."""
    operation = RuntimeOperation(id=ONE, target=target)

    written = msgspec.json.encode(operation)

    assert msgspec.json.decode(written)["target"]["scope"] == target.scope
    assert msgspec.json.decode(written, type=RuntimeOperation) == operation


@pytest.mark.parametrize("json", [None, "instance", ["instance"], {}, {"scope": ["agent"]}])
def test_a_target_that_is_none_is_kept_as_it_came(json: object) -> None:
    """Whatever it is, it has a scope to ask for."""
    found = target_of(json)

    assert found == UnknownTarget(json)
    assert found.scope == ""
    assert target_of(found) is found


def test_an_error_without_a_wait_asks_for_none() -> None:
    """And one below nothing is nonsense."""
    context = RuntimeErrorContext(retry_after_ms=-1)

    assert RuntimeOperationError().retry_after is None
    assert RuntimeOperationError(context=context).retry_after is None


# Answers --------------------------------------------------------------------------------------


def test_a_method_is_accepted_under_an_id() -> None:
    """It stands in a header; the body is open, and need not be there."""
    assert read_sample("accepted") == Accepted(
        operation_id=ONE,
        body={"jsonrpc": "2.0", "id": "mine", "result": {"state": "queued"}},
    )
    assert read_sample("accepted_without_body") == Accepted(operation_id=ONE)


@pytest.mark.parametrize(
    ("name", "code", "word", "wait"),
    [
        ("refused", -32012, "PROJECTION_PENDING", 1.5),
        ("refused_flat", -32011, "CONVERSATION_CLEARING", 0.04),
    ],
)
def test_a_yes_may_be_a_no(name: str, code: int, word: str, wait: float) -> None:
    """A 200 is the runtime's refusal, with its own word and its own wait."""
    with pytest.raises(RuntimeMethodError) as caught:
        read_sample(name)

    error = caught.value
    assert (error.code, error.message, error.retry_after) == (code, word, wait)
    assert (error.delivered, error.request_id) == ("no", f"req-{name}")
    assert str(error) == f"{word} [{code} request req-{name}]"


def test_a_yes_under_the_wrong_status_is_not_taken_for_one() -> None:
    """Nobody knows what it means, but it came."""
    with pytest.raises(DecodeError) as caught:
        read_sample("yes_under_200")

    assert caught.value.delivered == "yes"


def test_what_is_opaque_comes_as_it_is() -> None:
    """Capabilities and tickets are JSON objects."""
    assert read_sample("capabilities")["anything"] == [1, None]
    assert read_sample("terminal_ticket") == {"ticket": "t-1", "for": ["once"]}
    assert read_sample("canvas_ticket") == {"ticket": "c-1"}


def test_a_wish_to_cancel_names_what_it_is_about() -> None:
    """Not itself."""
    assert read_sample("cancel_accepted") == OperationCancelAccepted(
        operation_id=ONE, status="cancel_requested"
    )


# Requests -------------------------------------------------------------------------------------


def test_a_method_travels_whole() -> None:
    """All four members, whatever they are."""
    body = InvokeRuntimeMethod(jsonrpc="2.0", id=None, method="skills/list", params={})

    sent = build(table.INVOKE_RUNTIME_METHOD, "inst-1", body=body).body

    assert msgspec.json.decode(sent or b"") == {
        "jsonrpc": "2.0",
        "id": None,
        "method": "skills/list",
        "params": {},
    }


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [("", {}, "method"), ("skills/list", ["a"], "params"), (7, {}, "method")],
)
def test_a_method_that_is_none_is_not_sent(method: Any, params: Any, said: str) -> None:
    """The field is named."""
    body = InvokeRuntimeMethod(jsonrpc="2.0", id=1, method=method, params=params)

    with pytest.raises(ConfigurationError, match=said):
        build(table.INVOKE_RUNTIME_METHOD, "inst-1", body=body)


@pytest.mark.parametrize("field", ["platform_agent_id", "conversation_id", "resume_terminal_id"])
@pytest.mark.parametrize("id", ["", "agt-1", "3e8a5f140c2b4d9eb7a16f4d2c8e9a03", 7])
def test_a_terminal_is_asked_for_by_uuids(field: str, id: Any) -> None:
    """Each of its three ids."""
    with pytest.raises(ConfigurationError, match=f"{field} must be a UUID"):
        CreateTerminalSession(**{"platform_agent_id": AGENT, field: id})


@pytest.mark.parametrize("field", ["platform_agent_id", "conversation_id"])
def test_a_canvas_is_asked_for_by_uuids(field: str) -> None:
    """Both are needed."""
    ids = {"platform_agent_id": AGENT, "conversation_id": CONVERSATION}

    with pytest.raises(ConfigurationError, match=f"{field} must be a UUID"):
        CreateCanvasSession(**{**ids, field: "agt-1"})


@pytest.mark.parametrize("canvas", ["", ".board", "two words", "x" * 129, "ä"])
def test_a_canvas_has_a_token(canvas: str) -> None:
    """Which is no UUID, and not any text either."""
    with pytest.raises(ConfigurationError, match="canvas_id must have 1 to 128"):
        CreateCanvasSession(
            platform_agent_id=AGENT, conversation_id=CONVERSATION, canvas_id=canvas
        )


def test_sessions_are_asked_for_in_camel_case() -> None:
    """And what is not said does not travel."""
    terminal = CreateTerminalSession(platform_agent_id=AGENT, resume_terminal_id=ONE)
    canvas = CreateCanvasSession(
        platform_agent_id=AGENT, conversation_id=CONVERSATION, canvas_id="board:main.1"
    )

    assert msgspec.to_builtins(terminal) == {"platformAgentId": AGENT, "resumeTerminalId": ONE}
    assert msgspec.to_builtins(canvas) == {
        "platformAgentId": AGENT,
        "conversationId": CONVERSATION,
        "canvasId": "board:main.1",
    }
