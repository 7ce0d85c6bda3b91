"""The agents of the pretend cloud: one on each instance, and what it says to what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

from msgspec import structs

from ..models.agents import Agent, AgentCapabilities, AgentPage, InstanceProjection
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
    """Who lives where, and who may see them."""

    def __init__(
        self,
        look: Callable[[str], Instance],
        span: Callable[[int, int], tuple[list[Instance], int]],
    ) -> None:
        """Live on the instances there are.

        Args:
            look: Finds an instance, or refuses to.
            span: Gives the instances from one place up to another, and how many there are.
        """
        self._look = look
        self._span = span
        self._changed: dict[str, dict[str, Any]] = {}
        """What was changed about agents, by field."""

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

    def awake(self, agent: str) -> None:
        """See that an agent is there to be asked.

        Raises:
            RefusedError: There is no such agent, or its instance is not online.
        """
        home = self.home(agent)
        if home.status != "running" or home.connectivity != "online":
            raise RefusedError(503, "agent_offline", "the agent has no live session")

    def get(self, agent: str) -> Agent:
        """Look at an agent."""
        return self._seen(self.home(agent))

    def list(self, instance: str, status: str, offset: int, limit: int) -> AgentPage:
        """Look at some of the agents, in the order of their instances.

        Args:
            instance: Only those of this one, if it is named.
            status: Only those in this state, if it is named.
            offset: How many to pass over.
            limit: How many at most.

        Raises:
            RefusedError: There is no such instance.
        """
        if instance:
            home = self._look(instance)
            homes, total = [home][offset : offset + limit], 1
            return AgentPage(
                data=[self._seen(one) for one in homes],
                total=total,
                projection=InstanceProjection(
                    accepted_epoch="1",
                    accepted_revision="9007199254740993",
                    canonical_hash=blake2b(home.id.encode(), digest_size=32).hexdigest(),
                    last_synced_at=home.updated_at,
                    sync_state="synced",
                    agents_complete=True,
                    skills_complete=True,
                ),
            )
        homes, total = self._span(offset, offset + limit) if status in {"", "active"} else ([], 0)
        return AgentPage(data=[self._seen(home) for home in homes], total=total)

    def update(self, agent: str, changes: Mapping[str, Any]) -> Agent:
        """Change something about an agent.

        Args:
            agent: It.
            changes: Fields of `Agent` by name.

        Returns:
            The agent as it is then.
        """
        home = self.home(agent)
        self._changed.setdefault(agent, {}).update(changes)
        return self._seen(home)

    def _seen(self, home: Instance) -> Agent:
        id = agent_of(home.id)
        agent = Agent(
            id=id,
            instance_id=home.id,
            name=home.name,
            description=f"Lives on {home.name}",
            display_name=home.name.title(),
            status="active",
            slug=home.name,
            mcp_enabled=False,
            default_model_id=home.model_primary,
            visibility="private",
            capabilities=_CAPABILITIES,
            conversation_transport="message-service",
            created_at=home.created_at,
            updated_at=home.updated_at,
        )
        return structs.replace(agent, **self._changed.get(id, {}))


_CAPABILITIES: Final = AgentCapabilities(
    multiple_conversations=True,
    load_conversation=True,
    create_conversation=True,
    canvas=True,
    terminal=True,
    file_system=True,
    mcp=True,
    streaming=True,
    push_notifications=True,
    models_list=True,
    models_set=True,
)
