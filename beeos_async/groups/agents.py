"""Agents: who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, get_args

from .._checks import count, one_of, plain
from .._io.listening import WORKING, Listening, OnBadEvent, Opening
from .._io.pager import Pager
from .._io.stream import TextStream
from .._protocol import table
from .._protocol.paging import Style, next_offset
from .._protocol.words import InvokeWords
from ..errors import ConfigurationError
from ..models.agents import Agent, InvokeAgent, InvokeReply, UpdateAgent, Visibility
from ..models.events import InvokeDone, InvokeEvent
from ..models.messages import Attachment

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Agents", "InvokeStream"]

AGENTS_LIMIT: Final = 100
"""Rows a request asks for; the server's own default is 20."""

MOST_AGENTS: Final = 2**31 - 1
"""What its type holds; the contract sets no other most."""

_STYLE: Final = Style(next_offset, page=lambda page: page, name=lambda row: row.id)


class InvokeStream(TextStream[InvokeEvent]):
    """What an agent answers, as it comes.

    Example:
        ```python
        async with bee.agents.invoke_stream(agent_id, "Reconcile August.") as reply:
            async for words in reply.text():
                print(words, end="", flush=True)
        reply.raise_for_error()
        ```
    """

    @property
    def done(self) -> InvokeDone | None:
        """The event that ended it, with the whole answer; `None` while it has not ended."""
        return self._final if isinstance(self._final, InvokeDone) else None

    def raise_for_error(self) -> InvokeDone:
        """Raise where the agent failed or refused.

        Returns:
            The event that ended it, with the whole answer, where it did not.

        Raises:
            AgentError: It did.
            ConfigurationError: That is not known yet: its end was not taken.

        Example:
            ```python
            async with bee.agents.invoke_stream(agent_id, "How high is the hedge?") as reply:
                async for words in reply.text():
                    print(words, end="", flush=True)
            print(reply.raise_for_error().context_id)
            ```
        """
        done = self.done
        if done is None:
            msg = "whether the agent failed is known at the end: take every event first"
            raise ConfigurationError(msg)
        InvokeReply(
            text=done.text or done.error, context_id=done.context_id, is_error=done.is_error
        ).raise_for_error()
        return done


class Agents:
    """`bee.agents`: who answers.

    Example:
        ```python
        (agent,) = await bee.agents.list(instance_id=desk).collect()
        reply = await bee.agents.invoke(agent.id, "How high is the hedge?")
        print(reply.text)
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._caller = caller
        self._call = caller.call

    def list(
        self,
        *,
        instance_id: str | None = None,
        status: str | None = None,
        limit: int = AGENTS_LIMIT,
        deadline: float | None = None,
    ) -> Pager[Agent]:
        """List your agents.

        The pages of a list of one instance tell in `.projection` how far they follow its
        runtime.

        Args:
            instance_id: Only those of this instance.
            status: Only those in this state, such as `active`.
            limit: Rows a request; the server may give fewer.
            deadline: Seconds for each page.

        Returns:
            An async iterator over agents, with `.pages()` and `await ….collect()`.

        Example:
            ```python
            async for agent in bee.agents.list(status="active"):
                print(agent.id, agent.instance_id, agent.name)
            ```
        """
        count("limit", limit, least=1, most=MOST_AGENTS)
        params = {"instance_id": instance_id, "status": status, "limit": limit, "offset": 0}
        return Pager(
            self._caller, table.LIST_AGENTS, style=_STYLE, params=params, deadline=deadline
        )

    async def get(self, id: str, *, deadline: float | None = None) -> Agent:
        """Look at one agent.

        Args:
            id: The agent.
            deadline: Seconds for the whole call.

        Example:
            ```python
            agent = await bee.agents.get(agent_id)
            print(agent.status, agent.capabilities.streaming)  # active True
            ```
        """
        return (await self._call(table.GET_AGENT, id, deadline=deadline)).data

    async def update(
        self,
        id: str,
        *,
        visibility: Visibility | None = None,
        mcp_enabled: bool | None = None,
        deadline: float | None = None,
    ) -> Agent:
        """Change who may see an agent, or whether it offers its tools.

        Args:
            id: The agent.
            visibility: `private`, `unlisted`, `public` or `marketplace`.
            mcp_enabled: Whether it can be used over MCP.
            deadline: Seconds for the whole call.

        Returns:
            The agent as it is then.

        Example:
            ```python
            agent = await bee.agents.update(agent_id, visibility="unlisted", mcp_enabled=True)
            print(agent.visibility)  # unlisted
            ```
        """
        if visibility is not None:
            one_of("visibility", visibility, get_args(Visibility))
        body = UpdateAgent(visibility=visibility, mcp_enabled=mcp_enabled)
        return (await self._call(table.UPDATE_AGENT, id, deadline=deadline, body=body)).data

    async def delete(self, id: str, *, deadline: float | None = None) -> None:
        """Delete an agent, should the server ever allow it.

        Today it never does: an agent goes with its instance.

        Args:
            id: The agent.
            deadline: Seconds for the whole call.

        Raises:
            ConflictError: The server does not allow it.

        Example:
            ```python
            try:
                await bee.agents.delete(agent_id)
            except ConflictError:
                await bee.instances.destroy(desk)  # the agent goes with it
            ```
        """
        await self._call(table.DELETE_AGENT, id, deadline=deadline)

    async def invoke(
        self,
        id: str,
        message: str,
        *,
        context_id: str | None = None,
        timeout_ms: int | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        deadline: float | None = None,
    ) -> InvokeReply:
        """Ask an agent, and wait for the whole answer.

        An agent that fails or refuses answers all the same: look at `.is_error`, or call
        `.raise_for_error()`.  An attempt is given 130 seconds at least, because the gateway
        waits for 115.  One whose answer is lost is made again with the same key; after a
        `GatewayTimeoutError` the agent may still be at it, so that is never repeated.  A
        `ConflictError` that is `delivered="yes"` means that an attempt before it arrived:
        its answer is in the task it became.

        Args:
            id: The agent.
            message: What it is asked.
            context_id: The task it belongs to.
            timeout_ms: Milliseconds the gateway waits for the agent, up to 115,000.
            idempotency_key: The message's id, a UUID; else one is made up.
            metadata: What travels along.
            attachments: Files, uploaded before; 16 at most.
            deadline: Seconds for the whole call.

        Example:
            ```python
            reply = await bee.agents.invoke(agent_id, "How high is the hedge?", timeout_ms=60_000)
            print(reply.raise_for_error().text)  # You said: How high is the hedge?
            ```
        """
        body = _asked(message, context_id, timeout_ms, metadata, attachments)
        answer = await self._call(
            table.INVOKE_AGENT, id, deadline=deadline, body=body, key=idempotency_key
        )
        return answer.data

    def invoke_stream(
        self,
        id: str,
        message: str,
        *,
        context_id: str | None = None,
        timeout_ms: int | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        idle: float = WORKING,
        on_bad_event: OnBadEvent = "raise",
        deadline: float | None = None,
    ) -> InvokeStream:
        """Ask an agent, and hear the answer while it is made.

        An invocation is not made twice: one that breaks off before its end raises
        `StreamEndedError`, and only what certainly never arrived is sent again.  The agent
        is not stopped by that; what it answered is in the task it became.

        Args:
            id: The agent.
            message: What it is asked.
            context_id: The task it belongs to.
            timeout_ms: Milliseconds the gateway waits for the agent, up to 115,000.
            idempotency_key: The message's id, a UUID; else one is made up.
            metadata: What travels along.
            attachments: Files, uploaded before; 16 at most.
            idle: Seconds of silence after which it is given up: five minutes, since the gateway
                alone waits nearly two for the agent, and what is given up is not had again.
            on_bad_event: Whether an event that cannot be read is raised, as a `DecodeError`,
                or passed over (`"skip"`).
            deadline: Seconds for the whole stream.

        Returns:
            What is opened by `async with`, and told by `async for`.

        Example:
            ```python
            async with bee.agents.invoke_stream(agent_id, "How high?", deadline=60) as reply:
                async for event in reply:
                    if isinstance(event, InvokeReasoning):
                        print("thinks:", event.text)
            print(reply.done.text if reply.done else "not yet")  # You said: How high?
            ```
        """
        body = _asked(message, context_id, timeout_ms, metadata, attachments)
        return InvokeStream(
            self._caller,
            table.STREAM_INVOCATION,
            id,
            words=InvokeWords(),
            opening=Opening(body=body, key=idempotency_key),
            listening=Listening(idle=idle, on_bad_event=on_bad_event, deadline=deadline),
        )


def _asked(
    message: str,
    context_id: str | None,
    timeout_ms: int | None,
    metadata: Mapping[str, str] | None,
    attachments: Sequence[Attachment] | None,
) -> InvokeAgent:
    return InvokeAgent(
        message=message,
        context_id=context_id,
        timeout_ms=timeout_ms,
        metadata=plain(metadata),
        attachments=plain(attachments),
    )
