"""Messages: what is said in a task or a conversation, page by page or live.

Example:
    ```python
    async for message in bee.tasks.messages(agent_id, task_id):
        for part in message.parts:
            match part:
                case ThinkingPart(text=thought):
                    print("thinks:", thought)
                case ToolUsePart(name=tool, arguments=arguments):
                    print("calls", tool, arguments)
                case UnknownPart() as new:
                    print("something new:", new.type, new.json)
    ```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, cast

from msgspec import Meta, Struct, structs

from ._base import Discreet, Moment, Snake, fitting

MessageType = (
    Literal[
        "chat_message",
        "agent_reasoning",
        "agent_thought_chunk",
        "agent_message_chunk",
        "agent_reply_delta",
        "agent_reply",
        "agent_reply_error",
        "agent.refuse",
        "agent_busy",
        "agent.input_required",
        "agent.auth_required",
        "user.continue",
        "user.auth_grant",
        "chat_cancel",
    ]
    | str
)
"""What kind of message it is.  Open: the server may add words of its own."""

MessageState = Literal["streaming", "completed", "failed", "refused", "cancelled"] | str
"""How far a message is; absent means `completed`.  Open."""

StopReason = (
    Literal[
        "end_turn",
        "max_tokens",
        "tool_use",
        "user_stop",
        "timeout",
        "error",
        "refused",
        "content_filter",
        "agent_lost",
    ]
    | str
)
"""Why an agent stopped.  Open."""

PartState = Literal["streaming", "done"] | str
"""How far a part is; absent means `done`.  Open."""


class _Part(
    Discreet, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="unknown"
):
    """One piece of a message."""


# A tag of msgspec is no attribute, hence `type`.
class ThinkingPart(_Part, frozen=True, kw_only=True, tag="thinking"):
    """What the agent thinks; never a part of its answer."""

    type: ClassVar[Literal["thinking"]] = "thinking"
    text: str = ""
    state: PartState = ""


class ToolUsePart(_Part, frozen=True, kw_only=True, tag="tool_use"):
    """A tool the agent calls."""

    type: ClassVar[Literal["tool_use"]] = "tool_use"
    id: str = ""
    name: str = ""
    arguments: Any = None
    state: PartState = ""


class ToolResultPart(_Part, frozen=True, kw_only=True, tag="tool_result"):
    """What a tool answered."""

    type: ClassVar[Literal["tool_result"]] = "tool_result"
    tool_use_id: str = ""
    """The call it belongs to, `ToolUsePart.id`."""

    content: Any = None
    """A text or an object, mostly."""

    is_error: bool = False


class FilePart(_Part, frozen=True, kw_only=True, tag="file"):
    """A file."""

    type: ClassVar[Literal["file"]] = "file"
    veiled: ClassVar[frozenset[str]] = frozenset({"url"})
    url: str = ""
    """Where it is; never an address to send the key to."""

    mime_type: str = ""
    name: str = ""
    size: int | None = None
    """Bytes."""


class SourcePart(_Part, frozen=True, kw_only=True, tag="source"):
    """Where the agent has something from."""

    type: ClassVar[Literal["source"]] = "source"
    url: str = ""
    title: str = ""
    snippet: str = ""


class CustomPart(_Part, frozen=True, kw_only=True, tag="custom"):
    """Something of the agent's own."""

    type: ClassVar[Literal["custom"]] = "custom"
    kind: str = ""
    data: Any = None


class UnknownPart(Struct, frozen=True):
    """A part of a kind that this version does not know.

    Encoded again it is no part of the wire's: what came stands under `json`.
    """

    json: Any
    """The part as it came: an object, unless the server is odd."""

    @property
    def type(self) -> str:
        """Its kind, in the server's word."""
        return _word(self.json)


Part = (
    ThinkingPart | ToolUsePart | ToolResultPart | FilePart | SourcePart | CustomPart | UnknownPart
)
"""One piece of a message.  Open: what is new is an `UnknownPart`."""

if TYPE_CHECKING:
    Parts = list[Part]
else:
    # A union of tagged classes refuses a new tag: parts are made in a second step.
    Parts = list[Any]


class Message(Snake, frozen=True, kw_only=True):
    """One message, as a page lists it or as a frame of a stream brings it.

    A reply that is being written comes several times, under one `message_id` and with a
    growing `offset`; each time `body` and `parts` are all there is so far: replace what
    you have, do not append.  Only the chunks of older agents (`agent_message_chunk`,
    `agent_reply_delta`) are pieces to append.

    Example:
        ```python
        async for message in bee.tasks.messages(agent_id, task_id):
            print(message.publisher_id, message.text)  # agent:… …
        ```
    """

    message_id: str = ""
    offset: int = 0
    """Its place in the channel, rising with holes; 0 where the server does not say."""

    type: MessageType = ""
    publisher_id: str = ""
    """Who said it, such as `user:…` or `agent:…`."""

    in_reply_to: str = ""
    payload: Any = None
    created_at: Moment | None = None
    body: str = ""
    state: MessageState = ""
    stop_reason: StopReason = ""
    parts: Parts = []
    updated_at: Moment | None = None

    def __post_init__(self) -> None:
        """Make parts out of JSON."""
        if self.parts:
            structs.force_setattr(self, "parts", [part_of(one) for one in self.parts])

    @property
    def text(self) -> str:
        """Its words: the body, or what older agents put into `payload.text`."""
        if self.body or not isinstance(self.payload, dict):
            return self.body
        text = cast("dict[str, object]", self.payload).get("text")
        return text if isinstance(text, str) else ""

    @property
    def streaming(self) -> bool:
        """Whether more of it is to come."""
        return self.state == "streaming"


class Attachment(Snake, frozen=True, kw_only=True):
    """A file that goes along with a message, uploaded before.

    Example:
        ```python
        paper = Attachment(file_id=file_id, filename="receipt.txt")
        await bee.tasks.create(agent_id, "Book this.", attachments=[paper])
        ```
    """

    file_id: Annotated[str, Meta(min_length=1, max_length=128)]
    filename: str | None = None
    content_type: str | None = None


class MessagePage(Snake, frozen=True, kw_only=True):
    """One page of the messages of a task or a conversation."""

    messages: list[Message] = []
    latest_offset: int = 0
    """The last offset of the channel, on whatever page it is; where to go on from only
    when nothing more is to come."""

    next_since: str | None = None
    """What the next page is asked with."""

    has_more: bool | None = None
    """Whether there is a next page; `None` where an older server does not say."""


_KINDS: Final[Mapping[str, type[_Part]]] = {
    kind.type: kind
    for kind in (ThinkingPart, ToolUsePart, ToolResultPart, FilePart, SourcePart, CustomPart)
}


def part_of(json: object) -> Part:
    """Make a part out of its JSON; a field that does not fit is as one that is not there.

    Args:
        json: What came, or a part already.
    """
    if isinstance(json, _Part | UnknownPart):
        return cast("Part", json)
    kind = _KINDS.get(_word(json))
    if kind is None:
        return UnknownPart(json)
    members = cast("dict[str, object]", json)
    return cast("Part", fitting(kind, members))


def _word(json: object) -> str:
    if not isinstance(json, dict):
        return ""
    word = cast("dict[str, object]", json).get("type")
    return word if isinstance(word, str) else ""
