"""The words of a stream, for those who want nothing else."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ..models.events import ChannelEvent, InvokeDelta, InvokeDone, InvokeEvent
from ..models.messages import Message

E_contra = TypeVar("E_contra", contravariant=True)


class Words(Protocol[E_contra]):
    """Hears one event after the other, and says what each adds to the text."""

    def take(self, event: E_contra, /) -> str:
        """Give the words an event adds; mostly none."""
        ...


class InvokeWords:
    """The answer of one invocation: its deltas, and whatever `done` has beyond them."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def take(self, event: InvokeEvent, /) -> str:
        """Give the words an event adds."""
        if isinstance(event, InvokeDelta):
            self._said.append(event.text)
            return event.text
        said = "".join(self._said) if isinstance(event, InvokeDone) else ""
        # After a failure the text may say what failed, which is no more of the answer.
        if isinstance(event, InvokeDone) and event.text.startswith(said):
            return event.text[len(said) :]
        return ""


class ChannelWords:
    """The replies of a task or a conversation, without reasoning, questions and refusals.

    A reply that grows is told by what each frame of it adds; pieces of older agents are
    told as they come, and not again when the whole follows.
    """

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        """Replies that are being written, by message."""

        self._loose = ""
        """Pieces that belong to a reply which has not come yet."""

    def take(self, event: ChannelEvent, /) -> str:
        """Give the words an event adds."""
        if not isinstance(event, Message):
            return ""
        if event.type in {"agent_reply_delta", "agent_message_chunk"}:
            self._loose += event.text
            return event.text
        if event.type != "agent_reply":
            return ""
        said = self._said.pop(event.message_id, None)
        if said is None:
            said, self._loose = self._loose, ""
        if event.streaming:
            self._said[event.message_id] = event.text
        return _beyond(said, event.text)


def _beyond(said: str, text: str) -> str:
    """Give what a text has beyond what was said of it.

    What was said cannot be taken back: a text that was rewritten goes on from where the
    two part.
    """
    if text.startswith(said):
        return text[len(said) :]
    same = 0
    for one, other in zip(said, text, strict=False):
        if one != other:
            break
        same += 1
    return text[same:]
