"""The agents of the pretend cloud: one on each instance, and what it says to what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..models.instances import Instance
from .refusals import RefusedError
from .scenery import uuid_for

PIECES: Final = 6
"""In how many pieces a reply comes at most."""


def agent_of(instance: str) -> str:
    """Name the agent that lives on an instance."""
    return "agt-" + instance.removeprefix("inst-")


def platform_id_of(agent: str) -> str:
    """Name an agent the way a runtime does, by a UUID."""
    return uuid_for(0, agent, 0)


def reply_to(message: str) -> list[str]:
    """Make up a reply, as it stands after each of its pieces."""
    words = f"You said: {message}".split(" ")
    pieces = min(PIECES, len(words))
    return [" ".join(words[: len(words) * (piece + 1) // pieces]) for piece in range(pieces)]


class Agents:
    """Who lives where."""

    def __init__(self, look: Callable[[str], Instance]) -> None:
        """Live on the instances there are.

        Args:
            look: Finds an instance, or refuses to.
        """
        self._look = look

    def home(self, agent: str) -> Instance:
        """Find the instance an agent lives on.

        Raises:
            RefusedError: There is no such agent.
        """
        token = agent.removeprefix("agt-")
        for id in (f"inst-{token}", token):
            try:
                home = self._look(id)
            except RefusedError:
                continue
            if agent_of(id) == agent:
                return home
        raise RefusedError(404, "agent_not_found", "there is no such agent")
