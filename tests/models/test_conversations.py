"""Conversations as they travel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from samples import sample

from beeos_async import (
    Accepted,
    Attachment,
    CancelAccepted,
    ClearAccepted,
    ConfigurationError,
    Conversation,
    DecodeError,
    SentMessage,
)
from beeos_async._protocol import table
from beeos_async._protocol.endpoint import Endpoint
from beeos_async._protocol.wire import build, read
from beeos_async.models.conversations import (
    CancelConversation,
    ConversationPage,
    CreateConversation,
    RenameConversation,
    SendMessage,
    SetConversationModel,
)

OPERATION = "1d7f2c9a-4b7e-4a51-9f0e-2c6b8f3a1e10"


def read_sample(name: str) -> Any:
    one = sample(f"conversations/{name}")
    answer = read(one.row, "", one.response)
    return getattr(answer, "data", answer)


def sent(row: Endpoint[Any], body: object) -> Any:
    ids = ["agt-1", "cnv-1"][: row.path.count("{")]
    return msgspec.json.decode(build(row, *ids, body=body).body or b"")


def test_a_conversation_has_all_its_fields() -> None:
    """Ten, two of them spelt otherwise than the rest."""
    found = read_sample("full")

    assert found == Conversation(
        conversation_id="cnv-hedge",
        agent_id="agt-gardener",
        title="The hedge",
        state="active",
        metadata={"ticket": "H-12"},
        created_at=datetime(2026, 7, 4, 6, 15, tzinfo=UTC),
        last_activity_at=datetime(2026, 7, 4, 6, 15, 0, 500_000, tzinfo=UTC),
        model_override_id="heron/tiny-1",
        effective_model_id="heron/tiny-1",
    )
    assert found.is_open
    assert len(Conversation.__struct_fields__) == 10


@pytest.mark.parametrize(
    ("name", "state", "is_open"),
    [("created", "active", True), ("open_state", "open", True), ("closed", "closed", False)],
)
def test_a_conversation_is_open_under_either_word(name: str, state: str, is_open: bool) -> None:
    """`open` is what the guides say for `active`."""
    found = read_sample(name)

    assert (found.state, found.is_open) == (state, is_open)
    assert (found.closed_at is None) == is_open


def test_a_conversation_that_breaks_its_schema_is_read_all_the_same() -> None:
    """What does not fit is not set; a date without an offset is the server's own."""
    assert read_sample("odd") == Conversation(
        conversation_id="cnv-hedge",
        last_activity_at=datetime(2026, 7, 4, 8, 15, tzinfo=UTC),
        effective_model_id="heron/tiny-1",
    )


def test_a_conversation_nobody_can_name_is_none() -> None:
    """The id alone is indispensable."""
    with pytest.raises(DecodeError, match="conversation_id"):
        read_sample("without_id")


def test_a_page_tells_where_the_next_begins() -> None:
    """An empty cursor is none, a null list is an empty one, odd rows are left out."""
    assert read_sample("page") == ConversationPage(
        conversations=[
            Conversation(conversation_id="cnv-a", agent_id="agt-gardener", state="active"),
            Conversation(conversation_id="cnv-b", agent_id="agt-gardener", state="closed"),
        ],
        next_since="after-b",
    )
    assert read_sample("page_last") == read_sample("page_null") == ConversationPage()
    assert read_sample("page_of_odd_rows").conversations == [
        Conversation(conversation_id="cnv-b", state="dormant", metadata={"n": 1})
    ]


def test_what_is_sent_is_taken_under_an_id() -> None:
    """With a date, where the server gives one."""
    assert read_sample("sent") == SentMessage(
        message_id="msg-81", created_at=datetime(2026, 7, 4, 8, 15, 1, tzinfo=UTC)
    )
    assert read_sample("sent_without_date") == SentMessage(message_id="msg-81")


def test_messages_come_in_pages_that_may_be_empty() -> None:
    """And still not be the last."""
    page, hidden = read_sample("messages"), read_sample("messages_hidden")

    assert [message.text for message in page.messages] == ["How high?", "Two metres."]
    assert page.messages[1].parts[0].title == "Hedges"
    assert (hidden.messages, hidden.has_more, hidden.next_since) == ([], True, "12")


def test_three_answers_name_an_operation_each_in_its_own_way() -> None:
    """In an envelope, bare, and in a header without any body."""
    cleared = read_sample("clear_accepted")

    assert read_sample("cancel_accepted") == CancelAccepted(
        operation_id=OPERATION, status="accepted"
    )
    assert cleared == ClearAccepted(
        operation_id=OPERATION,
        conversation_id="cnv-hedge",
        status="accepted",
        current_generation="36893488147419103233",
    )
    assert cleared.generation == 2**65 + 1
    assert read_sample("clear_odd") == ClearAccepted(operation_id=OPERATION, status="queued")
    assert read_sample("clear_odd").generation == 0
    assert read_sample("model_accepted") == Accepted(operation_id=OPERATION)
    assert read_sample("deleted") is None


def test_what_is_not_said_does_not_travel() -> None:
    """But a null that means something does."""
    assert sent(table.CREATE_CONVERSATION, CreateConversation()) == {}
    assert sent(table.CREATE_CONVERSATION, CreateConversation(title="", metadata={"a": "b"})) == {
        "title": "",
        "metadata": {"a": "b"},
    }
    assert sent(table.SEND_MESSAGE, SendMessage(message="")) == {"message": ""}
    assert sent(
        table.SEND_MESSAGE,
        SendMessage(message="Look", attachments=[Attachment(file_id="fil-1")]),
    ) == {"message": "Look", "attachments": [{"file_id": "fil-1"}]}
    assert sent(table.CANCEL_CONVERSATION, CancelConversation(target_message_id="msg-1")) == {
        "target_message_id": "msg-1"
    }
    row, clearing = table.SET_CONVERSATION_MODEL, SetConversationModel(model_override_id=None)
    assert sent(row, clearing) == {"modelOverrideId": None}
    assert sent(row, SetConversationModel(model_override_id="heron/tiny-1")) == {
        "modelOverrideId": "heron/tiny-1"
    }


@pytest.mark.parametrize(
    ("row", "body", "said"),
    [
        (table.RENAME_CONVERSATION, RenameConversation(title=""), r"length >= 1 .*title"),
        (table.RENAME_CONVERSATION, RenameConversation(title="x" * 257), r"<= 256 .*title"),
        (
            table.CANCEL_CONVERSATION,
            CancelConversation(target_message_id=""),
            "target_message_id",
        ),
        (
            table.CANCEL_CONVERSATION,
            CancelConversation(target_message_id="x" * 129),
            "<= 128 .*target_message_id",
        ),
        (
            table.SET_CONVERSATION_MODEL,
            SetConversationModel(model_override_id=""),
            "modelOverrideId",
        ),
        (
            table.SET_CONVERSATION_MODEL,
            SetConversationModel(model_override_id="x" * 129),
            "modelOverrideId",
        ),
        (
            table.SEND_MESSAGE,
            SendMessage(message="x", attachments=[Attachment(file_id="f")] * 17),
            "<= 16 .*attachments",
        ),
        (table.SEND_MESSAGE, SendMessage(message=7), "message"),  # type: ignore[arg-type]  # that is the test
    ],
)
def test_what_the_server_could_only_refuse_is_not_sent(
    row: Endpoint[Any], body: object, said: str
) -> None:
    """It names the field, and the limit where there is one."""
    with pytest.raises(ConfigurationError, match=said):
        build(row, "agt-1", "cnv-1", body=body)
