"""The words of a stream, for those who want nothing else."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from ..models.events import ChannelEvent, InvokeDelta, InvokeDone, InvokeEvent
from ..models.messages import Message

FINISHED: Final = 64
"""Replies that are remembered; a conversation may go on for ever."""

_NO_ANSWER: Final = frozenset({"failed", "refused"})
"""States of a reply whose body says why there is none."""

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
        # After a failure the text says what failed, which is no more of the answer.
        if isinstance(event, InvokeDone) and not event.is_error:
            said = "".join(self._said)
            if event.text.startswith(said):
                return event.text[len(said) :]
        return ""


class ChannelWords:
    """The replies of a task or a conversation, without reasoning, questions and failures.

    A reply that grows is told by what each frame of it adds; pieces of older agents are
    told as they come, and not again when the whole follows.
    """

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        """Replies that are being written, by message."""

        self._whole: dict[str, str] = {}
        """The last ones that were finished: they may come again, or be mended."""

        self._loose: dict[str, str] = {}
        """Pieces that belong to a reply which has not come yet, by what it is a reply to."""

    def take(self, event: ChannelEvent, /) -> str:
        """Give the words an event adds."""
        if not isinstance(event, Message):
            return ""
        if event.type in {"agent_reply_delta", "agent_message_chunk"}:
            turn = event.in_reply_to
            self._loose[turn] = self._loose.pop(turn, "") + event.text
            _bound(self._loose)
            return event.text
        if event.type != "agent_reply":
            return ""
        id = event.message_id
        said = self._said.pop(id, None)
        if said is None:
            said = self._whole.pop(id, None)
        if said is None:
            said = self._gathered(event.in_reply_to)
        if event.state in _NO_ANSWER:
            return ""
        if event.streaming:
            self._said[id] = event.text
        elif id:
            self._whole[id] = event.text
            _bound(self._whole)
        return _beyond(said, event.text)

    def _gathered(self, turn: str) -> str:
        """Take the pieces of a turn; where not both say which it is, those there are."""
        if turn not in self._loose:
            turn = "" if turn else next(iter(self._loose), "")
        return self._loose.pop(turn, "")


def _bound(texts: dict[str, str]) -> None:
    """Forget the oldest of too many."""
    if len(texts) > FINISHED:
        del texts[next(iter(texts))]


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
