"""Scripted trouble: what goes wrong, with which request, how often.

Whose turn it is stands here; what there is, in `troubles.py`, and how it is done to a
socket, in `door.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final, TypedDict, Unpack, get_args

from .._checks import count
from .._checks import seconds as _check_seconds
from .._protocol import table
from ..errors import ConfigurationError
from .troubles import MIXED, Down, Fault, Outage, When

_MANY: Final = 1_000_000_000


class Whom(TypedDict, total=False):
    """For which requests a fault is meant."""

    times: int | None
    """How many; 1 where it is not said, `None` for all that come."""

    after: int
    """How many pass first."""

    ids: Collection[str]
    """Which ids; all where it is not said."""


class _Rule:
    """A fault, and the requests it is meant for."""

    def __init__(self, operation: str, fault: Fault, whom: Whom) -> None:
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
            count("times", self._left, least=1, most=_MANY)
        count("after", self._after, least=0, most=_MANY)

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


class _Mix:
    """Faults for a share of all requests, drawn for each id and attempt."""

    def __init__(
        self, share: float, seed: int, operations: Collection[str], kinds: Collection[str]
    ) -> None:
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


class Faults:
    """The trouble of one emulator, `cloud.faults`.

    Each method registers one kind of it for an endpoint, named by its operationId.  A
    request meets the first that is meant for it.  What all of them take at the end says
    which requests those are; see `Whom`: `times=2`, `after=100`, `ids=[…]`.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule | _Mix] = []
        self.outages: list[Outage] = []
        """What has been scripted by `outage`, also what is over."""

    def down(self, now: float) -> Fault | None:
        """Tell what the state of the whole host does to a request that comes now."""
        for outage in self.outages:
            fault = outage.meet(now)
            if fault is not None:
                return fault
        return None

    def pick(self, operation: str, id: str) -> Fault | None:
        """Choose what goes wrong with a request, mostly nothing."""
        for rule in self._rules:
            fault = rule.pick(operation, id)
            if fault is not None:
                return fault
        return None

    def clear(self) -> None:
        """Forget all trouble that is still to come."""
        self._rules.clear()
        self.outages.clear()

    def refuse(
        self,
        operation: str,
        status: int,
        *,
        code: str = "",
        message: str = "",
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        when: When = "before",
        **whom: Unpack[Whom],
    ) -> None:
        """Answer with a refusal.

        Args:
            operation: Which endpoint.
            status: The HTTP status.
            code: The error's code, else the contract's usual one for that status.
            message: Its sentence.
            retry_after: The `Retry-After` header.
            headers: More headers.
            body: The whole body, instead of an error envelope.
            when: `after`: refuse although it took effect.
            **whom: Which requests.
        """
        count("status", status, least=200, most=999)
        sent = dict(headers or {})
        if retry_after is not None:
            sent["Retry-After"] = str(retry_after)
        fault = Fault(
            kind="refuse",
            when=when,
            status=status,
            code=code,
            message=message,
            body=body,
            headers=sent,
        )
        self._rules.append(_Rule(operation, fault, whom))

    def garble(
        self,
        operation: str,
        body: bytes = b"<html><body>hello</body></html>",
        *,
        status: int = 200,
        content_type: str = "text/html",
        when: When = "after",
        **whom: Unpack[Whom],
    ) -> None:
        """Let it take effect, and answer with other bytes.

        Args:
            operation: Which endpoint.
            body: The bytes.
            status: The HTTP status.
            content_type: What they are said to be.
            when: `before`: it does not take effect.
            **whom: Which requests.
        """
        count("status", status, least=200, most=999)
        sent = {"Content-Type": content_type}
        fault = Fault(kind="garble", when=when, status=status, body=body, headers=sent)
        self._rules.append(_Rule(operation, fault, whom))

    def raw(
        self, operation: str, data: bytes, *, when: When = "after", **whom: Unpack[Whom]
    ) -> None:
        """Let it take effect, send bytes that need not be HTTP, and close the connection.

        Args:
            operation: Which endpoint.
            data: The bytes, from the status line on.
            when: `before`: it does not take effect.
            **whom: Which requests.
        """
        self._rules.append(_Rule(operation, Fault(kind="raw", when=when, body=data), whom))

    def cut(self, operation: str, **whom: Unpack[Whom]) -> None:
        """Let it take effect, promise the whole answer, send half of it, and close.

        Args:
            operation: Which endpoint.
            **whom: Which requests.
        """
        self._rules.append(_Rule(operation, Fault(kind="cut", when="after"), whom))

    def push(
        self, operation: str, data: bytes, *, pause: float = 0.0, **whom: Unpack[Whom]
    ) -> None:
        """Answer as ever, and then send bytes nobody asked for on the same connection.

        Args:
            operation: Which endpoint.
            data: The bytes, such as a whole answer to something else.
            pause: Seconds between the answer and them.
            **whom: Which requests.
        """
        _check_seconds("pause", pause, zero=True)
        fault = Fault(kind="push", when="after", body=data, seconds=pause)
        self._rules.append(_Rule(operation, fault, whom))

    def disconnect(
        self,
        operation: str,
        *,
        when: When = "before",
        reset: bool = False,
        **whom: Unpack[Whom],
    ) -> None:
        """Close the connection without a word.

        Args:
            operation: Which endpoint.
            when: Before or after it takes effect.
            reset: Whether by a reset (RST) instead of a goodbye (FIN).
            **whom: Which requests.
        """
        fault = Fault(kind="disconnect", when=when, reset=reset)
        self._rules.append(_Rule(operation, fault, whom))

    def silence(self, operation: str, *, when: When = "before", **whom: Unpack[Whom]) -> None:
        """Say nothing until the client goes, or the emulator closes.

        Args:
            operation: Which endpoint.
            when: Before or after it takes effect.
            **whom: Which requests.
        """
        self._rules.append(_Rule(operation, Fault(kind="silence", when=when), whom))

    def delay(self, operation: str, pause: float, **whom: Unpack[Whom]) -> None:
        """Let it take effect at once, and answer late.

        Args:
            operation: Which endpoint.
            pause: Seconds.
            **whom: Which requests.
        """
        _check_seconds("pause", pause, zero=True)
        fault = Fault(kind="delay", when="after", seconds=pause)
        self._rules.append(_Rule(operation, fault, whom))

    def outage(self, seconds: float, kind: Down = "503", *, after: int = 0) -> None:
        """Let the whole host fail for a while, whatever it is asked.

        Args:
            seconds: How long, from the request on that meets it first.
            kind: `"503"`; `"reset"`: connections are reset; `"refused"`: nobody listens, and
                who is connected is thrown out.
            after: How many requests pass first.
        """
        _check_seconds("seconds", seconds)
        count("after", after, least=0, most=_MANY)
        if kind not in get_args(Down):
            msg = f"an outage is one of {', '.join(get_args(Down))}, not {kind!r}"
            raise ConfigurationError(msg)
        self.outages.append(Outage(kind=kind, seconds=seconds, after=after))

    def mix(
        self,
        share: float = 0.05,
        *,
        seed: int = 0,
        operations: Collection[str] = ("startInstance",),
        kinds: Collection[str] = tuple(MIXED),
    ) -> None:
        """Give a share of all requests trouble of every kind.

        Which request gets which is drawn from the seed, the operation, the id and how
        often it came, and not from their order: so a failing id fails alone, too.

        Args:
            share: How many of all, from 0 to 1.
            seed: What it is drawn from.
            operations: Which endpoints.
            kinds: Which kinds of `MIXED`.
        """
        self._rules.append(_Mix(share, seed, operations, kinds))


def _check_operations(operations: Collection[str]) -> None:
    if unknown := sorted(set(operations) - set(table.ROWS)):
        msg = f"{unknown[0]!r} is no operationId, such as startInstance"
        raise ConfigurationError(msg)
