"""What a runtime method does in the pretend cloud, and why it may be refused."""

from __future__ import annotations

from typing import Any, Final, get_args

from ..models.runtime import InvokeRuntimeMethod, RuntimeMethod
from .refusals import RefusedError
from .scenery import MODELS

METHODS: Final[tuple[str, ...]] = get_args(get_args(RuntimeMethod)[0])
"""What every runtime of the pretend cloud knows."""

# The contract lists the names and the range of the numbers, not which is whose.
REFUSALS: Final = (
    "METHOD_NOT_SUPPORTED",
    "USE_AGENTS_API",
    "CONTRACT_VERSION_MISMATCH",
    "INSTANCE_OFFLINE",
    "INSTANCE_EPOCH_MISMATCH",
    "IDEMPOTENCY_CONFLICT",
    "COMMAND_EXPIRED",
    "OUTCOME_UNKNOWN",
    "OPERATION_NOT_FOUND",
    "OPERATION_NOT_CANCELLABLE",
    "CONVERSATION_CLEARING",
    "PROJECTION_PENDING",
    "PROJECTION_BLOCKED",
    "UNAUTHORIZED_TARGET",
    "INVALID_INVOCATION",
    "INVALID_EXECUTION_GRANT",
    "UNAUTHORIZED_PUBLISHER",
    "OPERATION_CANCELLED",
    "HISTORY_GENERATION_MISMATCH",
    "AGENT_DEFAULT_MODEL_NOT_CONFIGURED",
    "RUNTIME_EXECUTION_FAILED",
)

_CAPABILITIES: Final = {
    "agent": "agents.lifecycle",
    "skills": "skills",
    "models": "models",
    "cron": "cron",
    "mcp": "mcp",
    "session": "conversation.control",
}
_PUT: Final = frozenset({"skills/install", "skills/update", "cron/add", "cron/update", "mcp/set"})
_TAKE: Final = frozenset({"skills/uninstall", "cron/remove", "mcp/unset"})
_READ: Final = frozenset(
    {"skills/list", "models/list", "cron/list", "cron/status", "cron/runs", "mcp/list"}
)


def is_read(method: str) -> bool:
    """Tell whether a method changes nothing, so that the platform need not know of it."""
    return method in _READ


def capability_of(method: str) -> str:
    """Tell what a runtime must be able to do for a method."""
    return _CAPABILITIES[method.partition("/")[0]]


def refused(word: str, rpc_id: object, data: object = None) -> RefusedError:
    """Make a runtime's refusal: JSON-RPC, under a status that says yes.

    Args:
        word: The runtime's name for it.
        rpc_id: The `id` of the request.
        data: What else is told.
    """
    code = -32001 - REFUSALS.index(word)
    error: dict[str, object] = {"code": code, "message": word}
    if data is not None:
        error["data"] = data
    return RefusedError(200, word, word, whole={"jsonrpc": "2.0", "id": rpc_id, "error": error})


def flaw_of(asked: InvokeRuntimeMethod) -> str:
    """Find why a runtime would not even begin, as its word for it; nothing where it would."""
    if asked.method not in METHODS:
        return "METHOD_NOT_SUPPORTED"
    if asked.method.startswith("session/"):
        # A conversation is told by its own routes.
        return "USE_AGENTS_API"
    named = isinstance(asked.params.get("name"), str)
    return "" if named or asked.method not in _PUT | _TAKE else "INVALID_INVOCATION"


class Shelves:
    """What the runtimes have: skills, jobs, tool servers, each by its name."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._things: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}

    def act(self, instance: str, asked: InvokeRuntimeMethod) -> Any:
        """Do what a method asks for.

        Args:
            instance: The instance.
            asked: The method and its parameters; something named must have a name.

        Returns:
            The method's result.
        """
        family, _, _ = asked.method.partition("/")
        things = self._things.setdefault((instance, family), {})
        if asked.method == "models/list":
            return {"models": [model.id for models in MODELS.values() for model in models]}
        if asked.method in _READ:
            return {family: list(things.values())}
        if asked.method in _PUT:
            things[asked.params["name"]] = asked.params
        if asked.method in _TAKE:
            return {"removed": things.pop(asked.params["name"], None) is not None}
        return {"done": True}
