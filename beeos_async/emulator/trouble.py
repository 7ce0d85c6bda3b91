"""What a fault is, and whose turn it is: rules and mixes.

How they are written down is `faults.py`'s, how they are done to a socket `door.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final, Literal, TypedDict

from msgspec import Struct

from .._checks import count
from .._protocol import table
from ..errors import ConfigurationError

STORE: Final = frozenset({"putObject", "getObject"})
"""What the object store does: no operations of the API, and no less fallible."""

When = Literal["before", "after"]
"""Whether the trouble comes before the request takes effect, or after it."""


Then = Literal["close", "reset", "silence"]
"""How a stream breaks: without its last chunk, by a reset, or so that nothing is heard of it
any more."""


class Fault(Struct, frozen=True, kw_only=True):
    """What goes wrong with one request."""

    kind: Literal[
        "refuse", "garble", "raw", "cut", "malformed", "push", "disconnect", "silence", "delay",
        "trickle", "break", "shut",
    ]  # fmt: skip
    when: When = "before"
    status: int = 0
    code: str = ""
    message: str = ""
    body: bytes | None = None
    """What is sent instead of an answer of ours."""

    headers: Mapping[str, str] = {}
    seconds: float = 0.0
    reset: bool = False
    at: int = 0
    """Bytes of a stream that are sent before."""

    then: Then = "close"
    """What happens to a stream's connection."""


MANY: Final = 1_000_000_000
"""More than anybody counts to."""

_GATEWAY_PAGE: Final = b"<html><head><title>502</title></head><body>Bad Gateway</body></html>"

MIXED: Final[Mapping[str, Fault]] = {
    "429": Fault(kind="refuse", status=429, headers={"Retry-After": "1"}),
    "500": Fault(kind="refuse", status=500),
    "503": Fault(kind="refuse", status=503, code="auth_transient"),
    "disconnect": Fault(kind="disconnect"),
    "reset": Fault(kind="disconnect", reset=True),
    "500 after": Fault(kind="refuse", when="after", status=500),
    "502 after": Fault(
        kind="garble",
        when="after",
        status=502,
        body=_GATEWAY_PAGE,
        headers={"Content-Type": "text/html"},
    ),
    "disconnect after": Fault(kind="disconnect", when="after"),
    "reset after": Fault(kind="disconnect", when="after", reset=True),
    "cut after": Fault(kind="cut", when="after"),
}
"""The kinds of a mix: half of them before the request takes effect, half of them after."""


class Whom(TypedDict, total=False):
    """For which requests a fault is meant."""

    times: int | None
    """How many; 1 where it is not said, `None` for all that come."""

    after: int
    """How many pass first."""

    ids: Collection[str]
    """Which ids; all where it is not said."""


class Rule:
    """A fault, and the requests it is meant for."""

    def __init__(self, operation: str, fault: Fault, whom: Whom) -> None:
        """Check what is written down.

        Raises:
            ConfigurationError: It could never come true.
        """
        _check_operations([operation])
        if unknown := sorted(set(whom) - set(Whom.__annotations__)):
            msg = f"a fault has no option {unknown[0]!r}"
            raise ConfigurationError(msg)
        self._operation = operation
        self._fault = fault
        self._left = whom.get("times", 1)
        self._after = whom.get("after", 0)
        self._ids = frozenset(whom["ids"]) if "ids" in whom else None
        if self._left is not None:
            count("times", self._left, least=1, most=MANY)
        count("after", self._after, least=0, most=MANY)

    def pick(self, operation: str, id: str) -> Fault | None:
        """Give the fault, where the request is meant and it is its turn."""
        if operation != self._operation or not (self._ids is None or id in self._ids):
            return None
        if self._after:
            self._after -= 1
            return None
        if self._left is not None:
            if not self._left:
                return None
            self._left -= 1
        return self._fault


class Mix:
    """Faults for a share of all requests, drawn for each id and attempt."""

    def __init__(
        self, share: float, seed: int, operations: Collection[str], kinds: Collection[str]
    ) -> None:
        """Check what is written down.

        Raises:
            ConfigurationError: It could never come true.
        """
        _check_operations(operations)
        if not 0 <= share <= 1:
            msg = f"share must be a number from 0 to 1, not {share!r}"
            raise ConfigurationError(msg)
        if unknown := sorted(set(kinds) - set(MIXED)):
            msg = f"{unknown[0]!r} is no kind of a mix; there are {', '.join(MIXED)}"
            raise ConfigurationError(msg)
        self._share = share
        self._seed = seed
        self._operations = frozenset(operations)
        self._faults = [MIXED[kind] for kind in kinds]
        self._attempts: dict[tuple[str, str], int] = {}

    def pick(self, operation: str, id: str) -> Fault | None:
        """Roll the dice of one attempt."""
        if operation not in self._operations:
            return None
        attempt = self._attempts.get((operation, id), 0) + 1
        self._attempts[operation, id] = attempt
        text = f"{self._seed}/{operation}/{id}/{attempt}"
        roll = blake2b(text.encode(), digest_size=8).digest()
        if int.from_bytes(roll[:6]) >= self._share * 2**48:
            return None
        return self._faults[int.from_bytes(roll[6:]) % len(self._faults)]


def _check_operations(operations: Collection[str]) -> None:
    if unknown := sorted(set(operations) - set(table.ROWS) - STORE):
        msg = f"{unknown[0]!r} is no operationId, such as startInstance"
        raise ConfigurationError(msg)
