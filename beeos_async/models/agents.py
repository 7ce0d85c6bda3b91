"""Agents: who lives on an instance, and what it is asked and answers.

Example:
    ```python
    agent = await bee.agents.get(agent_id)
    reply = await bee.agents.invoke(agent.id, "How high is the hedge?")
    print(agent.capabilities.streaming, reply.text)
    ```
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ..errors import BeeOSError, ConfigurationError, Delivered
from ._base import Camel, Moment, Page, Snake
from .messages import Attachment

AgentStatus = Literal["active"] | str
"""How an agent is.  Open."""

Visibility = Literal["private", "unlisted", "public", "marketplace"]
"""Who may see an agent."""

Transport = Literal["acp", "message-service"] | str
"""How conversations with an agent are carried.  Open."""


class AgentCapabilities(Camel, frozen=True, kw_only=True):
    """What an agent can do; `False` also where the server does not say."""

    multiple_conversations: bool = False
    load_conversation: bool = False
    create_conversation: bool = False
    canvas: bool = False
    terminal: bool = False
    web_ssh: bool = False
    file_system: bool = False
    image: bool = False
    audio: bool = False
    mcp: bool = False
    cron: bool = False
    streaming: bool = False
    push_notifications: bool = False
    a2a: bool = False
    extended_agent_card: bool = False
    models_list: bool = False
    models_set: bool = False
    skills_list: bool = False
    skills_install: bool = False
    skills_uninstall: bool = False
    skills_update: bool = False


class Agent(Camel, frozen=True, kw_only=True):
    """One agent, as the server last described it."""

    id: str
    instance_id: str = ""
    name: str = ""
    description: str = ""
    display_name: str = ""
    status: AgentStatus = ""
    slug: str = ""
    mcp_enabled: bool = False
    default_model_id: str = ""
    visibility: Visibility | str = ""
    capabilities: AgentCapabilities = AgentCapabilities()
    conversation_transport: Transport = ""
    created_at: Moment | None = None
    updated_at: Moment | None = None


class InstanceProjection(Camel, frozen=True, kw_only=True):
    """How far the list of one instance's agents follows its runtime."""

    accepted_epoch: str = ""
    """A decimal number of any length."""

    accepted_revision: str = ""
    """A decimal number of any length; compare as a number."""

    canonical_hash: str = ""
    last_synced_at: Moment | None = None
    sync_state: Literal["synced"] | str = ""
    agents_complete: bool = False
    skills_complete: bool = False


class AgentPage(Page[Agent], frozen=True, kw_only=True):
    """One page of a list of agents.

    Example:
        ```python
        async for page in bee.agents.list(instance_id=desk).pages():
            print([agent.id for agent in page.data])
            if isinstance(page, AgentPage) and page.projection:
                print(page.projection.sync_state, page.projection.last_synced_at)
        ```
    """

    projection: InstanceProjection | None = None
    """Only in a list of one instance of your own."""


class UpdateAgent(Camel, frozen=True, kw_only=True):
    """What shall change about an agent."""

    visibility: Visibility | None = None
    mcp_enabled: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: Nothing shall change.
        """
        if self.visibility is None and self.mcp_enabled is None:
            msg = "an update needs a visibility or mcp_enabled"
            raise ConfigurationError(msg)


class InvokeAgent(Snake, frozen=True, kw_only=True):
    """What an agent is asked."""

    message: str
    context_id: str | None = None
    timeout_ms: Annotated[int, Meta(ge=0, le=115_000)] | None = None
    """Milliseconds the gateway waits for the agent."""

    idempotency_key: str | None = None
    metadata: dict[str, str] | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=16)] | None = None


class InvokeReply(Snake, frozen=True, kw_only=True):
    """What an agent answered.

    Example:
        ```python
        reply = await bee.agents.invoke(agent_id, "How high is the hedge?")
        print("it failed:" if reply.is_error else "it said:", reply.text)  # it said: You said: …
        ```
    """

    text: str = ""
    """The answer; or what went wrong, where `is_error` says so."""

    context_id: str = ""
    """The task channel the invocation became."""

    is_error: bool = False
    """Whether the agent failed or refused: no error of this client, but the agent's answer."""

    def raise_for_error(self) -> InvokeReply:
        """Raise where the agent failed or refused.

        Returns:
            The reply itself, where it did not.

        Raises:
            AgentError: It did.

        Example:
            ```python
            reply = await bee.agents.invoke(agent_id, "How high is the hedge?")
            print(reply.raise_for_error().text)  # You said: How high is the hedge?
            ```
        """
        if self.is_error:
            raise AgentError(self)
        return self


class AgentError(BeeOSError):
    """An agent failed or refused, by its own account; only `raise_for_error` raises it.

    Args:
        reply: What it answered.

    Example:
        ```python
        try:
            reply = await bee.agents.invoke(agent_id, "How high is the hedge?")
            reply.raise_for_error()
        except AgentError as error:
            print(error, error.reply.context_id)
        ```
    """

    def __init__(self, reply: InvokeReply) -> None:
        super().__init__(reply)
        self.reply = reply
        self.delivered: Delivered = "yes"

    def __str__(self) -> str:
        return self.reply.text or "the agent failed without a word"
