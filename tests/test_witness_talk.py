"""Do the models of conversations and runtimes mean what the official SDK's mean?

Payloads are made up by the contract's rules: every one is read by both, and every field is
found again under its name on the wire.  Then one thing in them is spoilt: ours reads the
rest as before, theirs reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import beeos_sdk as official
import msgspec
import pytest
from beeos_sdk.models.cancel_conversation202_response_data import (
    CancelConversation202ResponseData,
)
from beeos_sdk.models.conversation_response_all_of_data import ConversationResponseAllOfData
from beeos_sdk.models.list_conversations_response_all_of_data import (
    ListConversationsResponseAllOfData,
)
from beeos_sdk.models.send_message_response_all_of_data import SendMessageResponseAllOfData
from hypothesis import given
from hypothesis import strategies as st
from properties import modest
from pydantic import BaseModel

from beeos_async._protocol.lenient import salvage
from beeos_async.models.conversations import (
    CancelAccepted,
    CancelConversation,
    ClearAccepted,
    Conversation,
    ConversationPage,
    CreateConversation,
    RenameConversation,
    SendMessage,
    SentMessage,
    SetConversationModel,
)
from beeos_async.models.runtime import (
    CreateCanvasSession,
    CreateTerminalSession,
    InvokeRuntimeMethod,
    OperationCancelAccepted,
    OperationPage,
    RuntimeOperation,
)

Json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
TEXT = st.text(min_size=1, max_size=12)
UUID = st.uuids().map(str)
DIGITS = st.integers(0, 2**80).map(str)
AMOUNT = st.integers(0, 2**40) | st.floats(0, 1e9).map(lambda number: number + 0.5)
MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 -- the zone is written behind it
    lambda moment: f"{moment.isoformat()}Z"
)
BOOL = st.booleans()


def words(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(text.split())


def thing(needed: Mapping[str, Any], **may: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(needed), optional=may)


CODES = words(
    "METHOD_NOT_SUPPORTED USE_AGENTS_API INSTANCE_OFFLINE OUTCOME_UNKNOWN PROJECTION_PENDING"
)
CONVERSATION = thing(
    {"conversation_id": TEXT, "agent_id": TEXT, "state": words("active closed")},
    title=TEXT,
    metadata=st.dictionaries(TEXT, TEXT, max_size=2),
    created_at=MOMENT,
    last_activity_at=MOMENT,
    closed_at=MOMENT,
    modelOverrideId=TEXT,
    effectiveModelId=TEXT,
)
TARGET = (
    thing({"scope": st.just("instance")})
    | thing({"scope": st.just("agent"), "platformAgentId": UUID})
    | thing({"scope": st.just("conversation"), "platformAgentId": UUID, "conversationId": UUID})
)
ERROR = thing(
    {
        "code": CODES,
        "message": TEXT,
        "operationId": UUID,
        "effectState": words("failed cancelled expired outcome_unknown committed"),
        "retryMode": words("none resume resubmit"),
    },
    requestId=TEXT,
    context=thing(
        {},
        activeRuntimeEpoch=DIGITS,
        projectionRevision=DIGITS,
        retryAfterMs=st.integers(0, 2**40),
        expectedContractRevision=TEXT,
        resourceId=TEXT,
    ),
)
OPERATION = thing(
    {
        "id": UUID,
        "instanceId": TEXT,
        "target": TARGET,
        "method": words("skills/list agent/create mcp/set session/clear"),
        "capability": words("agents.lifecycle skills models cron mcp conversation.control"),
        "transport": st.just("service"),
        "sequence": DIGITS,
        "createdAt": MOMENT,
        "updatedAt": MOMENT,
        "status": words("queued running runtime_committed projection_pending succeeded failed"),
        "effectState": words("queued running committed failed cancelled expired outcome_unknown"),
        "terminal": BOOL,
    },
    cursor=DIGITS,
    progress=thing({"sequence": DIGITS, "phase": TEXT}, current=AMOUNT, total=AMOUNT),
    cancelRequest=thing({"requestedBy": TEXT, "requestedAt": MOMENT}, reason=TEXT),
    projection=thing(
        {"revision": DIGITS, "state": words("not_applicable pending synced blocked")},
        platformAgentId=UUID,
    ),
    result=Json,
    error=ERROR,
)
ACCEPTED = st.just("accepted")
NAMED = st.text(min_size=1, max_size=128)

Case = tuple[type[msgspec.Struct], type[BaseModel], st.SearchStrategy[dict[str, Any]]]
ANSWERS: list[Case] = [
    (Conversation, ConversationResponseAllOfData, CONVERSATION),
    (
        ConversationPage,
        ListConversationsResponseAllOfData,
        thing({"conversations": st.lists(CONVERSATION, max_size=2)}, next_since=TEXT),
    ),
    (
        SentMessage,
        SendMessageResponseAllOfData,
        thing({"message_id": TEXT}, created_at=MOMENT),
    ),
    (
        CancelAccepted,
        CancelConversation202ResponseData,
        thing({"operation_id": UUID, "status": ACCEPTED}),
    ),
    (
        ClearAccepted,
        official.ClearConversation202Response,
        thing(
            {
                "status": ACCEPTED,
                "operationId": UUID,
                "conversationId": TEXT,
                "currentGeneration": DIGITS,
            }
        ),
    ),
    (RuntimeOperation, official.RuntimeOperationSnapshot, OPERATION),
    (
        OperationPage,
        official.ServiceOperationsListResponse,
        thing({"operations": st.lists(OPERATION, max_size=2)}, nextCursor=TEXT),
    ),
    (
        OperationCancelAccepted,
        official.ServiceOperationCancelAccepted,
        thing({"status": st.just("cancel_requested"), "operationId": UUID}),
    ),
]
REQUESTS: list[Case] = [
    (
        CreateConversation,
        official.CreateConversationRequest,
        thing({}, title=TEXT, metadata=st.dictionaries(TEXT, TEXT, max_size=2)),
    ),
    (
        RenameConversation,
        official.RenameConversationRequest,
        thing({"title": st.text(min_size=1, max_size=256)}),
    ),
    (SendMessage, official.SendMessageRequest, thing({"message": TEXT}, idempotency_key=TEXT)),
    (
        CancelConversation,
        official.CancelConversationRequest,
        thing({"target_message_id": NAMED}, reason=TEXT),
    ),
    (
        SetConversationModel,
        official.SetConversationModelRequest,
        thing({"modelOverrideId": NAMED}),
    ),
    (
        InvokeRuntimeMethod,
        official.InvokeRuntimeMethodRequest,
        thing(
            {
                "jsonrpc": st.just("2.0"),
                "id": Json,
                "method": TEXT,
                "params": st.dictionaries(TEXT, Json, max_size=2),
            }
        ),
    ),
    (
        CreateTerminalSession,
        official.CreateTerminalSessionRequest,
        thing({"platformAgentId": UUID}, conversationId=UUID, resumeTerminalId=UUID),
    ),
    (
        CreateCanvasSession,
        official.CreateCanvasSessionRequest,
        thing(
            {"platformAgentId": UUID, "conversationId": UUID},
            canvasId=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", fullmatch=True),
        ),
    ),
]


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize(
        ("ours", "theirs", "payloads"), cases, ids=[case[0].__name__ for case in cases]
    )


def our_names(ours: type[msgspec.Struct]) -> dict[str, str]:
    names = {field.encode_name: field.name for field in msgspec.structs.fields(ours)}
    tag = ours.__struct_config__.tag_field
    return names if tag is None else {**names, tag: tag}


def their_names(theirs: type[BaseModel]) -> dict[str, str]:
    fields = theirs.model_fields.items()
    return {field.alias or name: name for name, field in fields if name != "additional_properties"}


def agree(ours: Any, theirs: Any) -> bool:
    """Compare field by field, whatever classes they are in; what nobody said is empty in ours."""
    theirs = getattr(theirs, "actual_instance", theirs)
    if isinstance(ours, msgspec.Struct) and isinstance(theirs, BaseModel):
        mine, yours = our_names(type(ours)), their_names(type(theirs))
        assert mine.keys() - {"attachments"} == yours.keys()
        return all(
            agree(getattr(ours, mine[name]), getattr(theirs, yours[name])) for name in yours
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    return not ours if theirs is None else ours == theirs


@named(ANSWERS + REQUESTS)
@modest
@given(data=st.data())
def test_both_read_the_same(ours: Any, theirs: Any, payloads: Any, data: Any) -> None:
    """Whatever the contract allows."""
    payload = data.draw(payloads)
    read = msgspec.json.decode(msgspec.json.encode(payload), type=ours)

    assert agree(read, theirs.from_dict(payload))


@named(REQUESTS)
@modest
@given(data=st.data())
def test_theirs_reads_what_ours_writes(ours: Any, theirs: Any, payloads: Any, data: Any) -> None:
    """Nothing that a request needs is left unsaid because it is at a default."""
    asked = msgspec.convert(data.draw(payloads), ours)

    assert agree(asked, theirs.from_dict(msgspec.to_builtins(asked)))


ODD = [None, "", "odd", 7, -1.5, True, [], ["odd"], {}, {"odd": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Name every member of a payload but its ids."""
    if isinstance(value, list):
        return [
            place for number, one in enumerate(value) for place in places(one, (*path, number))
        ]
    if not isinstance(value, dict):
        return []
    found: list[tuple[Any, ...]] = []
    for name, one in value.items():
        found += places(one, (*path, name))
        if name not in {"id", "conversation_id", "message_id", "operation_id", "operationId"}:
            found.append((*path, name))
    return found


def spoilt(payload: Any, path: tuple[Any, ...], odd: object, *, gone: bool) -> Any:
    copy = msgspec.json.decode(msgspec.json.encode(payload))
    where = copy
    for step in path[:-1]:
        where = where[step]
    if gone:
        del where[path[-1]]
    else:
        where[path[-1]] = odd
    return copy


@named(ANSWERS)
@modest
@given(data=st.data())
def test_ours_survives_what_is_spoilt(ours: Any, theirs: Any, payloads: Any, data: Any) -> None:
    """One member that is odd or gone costs nothing else; an unknown one costs nothing at all."""
    payload = data.draw(payloads)
    whole = msgspec.convert(payload, ours)
    assert msgspec.convert({**payload, "unheard_of": 1}, ours) == whole
    path = data.draw(st.sampled_from(places(payload) or [("unheard_of",)]))
    odd = data.draw(st.sampled_from(ODD))
    broken = spoilt(payload, path, odd, gone=path[0] in payload and data.draw(BOOL))

    try:
        found = msgspec.json.decode(msgspec.json.encode(broken), type=ours)
    except msgspec.ValidationError:
        found = salvage(ours, broken)

    for wire, name in our_names(ours).items():
        if wire != path[0]:
            assert getattr(found, name) == getattr(whole, name)


@pytest.mark.parametrize(
    ("ours", "theirs", "broken"),
    [
        (
            Conversation,
            ConversationResponseAllOfData,
            {"conversation_id": "c", "agent_id": "a", "state": "open"},
        ),
        (ClearAccepted, official.ClearConversation202Response, {"operationId": "op"}),
        (
            RuntimeOperation,
            official.RuntimeOperationSnapshot,
            {"id": "op", "target": {"scope": "fleet"}},
        ),
    ],
    ids=["a new word", "a missing field", "a new target"],
)
def test_only_ours_does(ours: Any, theirs: Any, broken: dict[str, Any]) -> None:
    """Which is why it exists."""
    assert msgspec.convert(broken, ours)
    with pytest.raises(ValueError, match="validation error"):
        theirs.from_dict(broken)


def test_what_has_no_model_is_open_in_theirs_too() -> None:
    """Capabilities, acceptances and tickets are any object."""
    api = official.DefaultApi
    for name in ("get_runtime_capabilities", "create_terminal_session", "create_canvas_session"):
        assert str(getattr(api, name).__annotations__["return"]) == "typing.Dict[str, object]"
