"""Scripted trouble: what goes wrong, with which request, how often.

What a fault is stands in `trouble.py`; how it is done to a socket, in `door.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Unpack, get_args

from .._checks import count
from .._checks import seconds as check_seconds
from ..errors import ConfigurationError
from .outage import Down, Outage
from .trouble import MANY, MIXED, Fault, Mix, Rule, Then, When, Whom

__all__ = ["MIXED", "Faults"]


class Faults:
    """The trouble of one emulator, `cloud.faults`.

    Each method registers one kind of it for an endpoint, named by its operationId.  A
    request meets the first that is meant for it.  What all of them take at the end says
    which requests those are; see `Whom`: `times=2`, `after=100`, `ids=[…]`.

    Example:
        ```python
        cloud.faults.refuse("startInstance", 503, times=2)
        cloud.faults.disconnect("startInstance", when="after", ids=[ids[1]])
        report = await bee.start_many(ids)
        print(report.counts, len(cloud.log))  # {'succeeded': 20} …
        ```
    """

    def __init__(self) -> None:
        self._rules: list[Rule | Mix] = []
        self.outages: list[Outage] = []
        """What has been scripted by `outage`, also what is over."""

    def down(self, now: float) -> Fault | None:
        """Tell what the state of the whole host does to a request that comes now.

        Example:
            ```python
            cloud.faults.outage(5.0, "reset")
            fault = cloud.faults.down(now=100.0)  # the first request, with which it begins
            print(fault and fault.reset, cloud.faults.down(now=105.1))  # True None
            ```
        """
        for outage in self.outages:
            fault = outage.meet(now)
            if fault is not None:
                return fault
        return None

    def pick(self, operation: str, id: str) -> Fault | None:
        """Choose what goes wrong with a request, mostly nothing.

        Example:
            ```python
            cloud.faults.refuse("startInstance", 503)
            fault = cloud.faults.pick("startInstance", id)  # this was the one time
            print(fault and fault.status, cloud.faults.pick("startInstance", id))  # 503 None
            ```
        """
        for rule in self._rules:
            fault = rule.pick(operation, id)
            if fault is not None:
                return fault
        return None

    def clear(self) -> None:
        """Forget all trouble that is still to come.

        Example:
            ```python
            cloud.faults.silence("startInstance", times=None)
            cloud.faults.clear()
            await bee.start(id)
            ```
        """
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

        Example:
            ```python
            cloud.faults.refuse("startInstance", 429, retry_after=1)
            await bee.start(id)
            print([entry.status for entry in cloud.log])  # [429, 200]
            ```
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
        self._rules.append(Rule(operation, fault, whom))

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

        Example:
            ```python
            cloud.faults.garble("getInstance", b"{]", content_type="application/json", times=None)
            try:
                await bee.instances.get(id)
            except DecodeError as error:
                print(error.reason, error.delivered)  # unreadable yes
            ```
        """
        count("status", status, least=200, most=999)
        sent = {"Content-Type": content_type}
        fault = Fault(kind="garble", when=when, status=status, body=body, headers=sent)
        self._rules.append(Rule(operation, fault, whom))

    def raw(
        self, operation: str, data: bytes, *, when: When = "after", **whom: Unpack[Whom]
    ) -> None:
        """Let it take effect, send bytes that need not be HTTP, and close the connection.

        Args:
            operation: Which endpoint.
            data: The bytes, from the status line on.
            when: `before`: it does not take effect.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.raw("startInstance", b"HTTP/1.1 200 O")
            await bee.start(id)  # an answer that breaks off: a look tells that it took
            print(cloud.effects(id))  # 1
            ```
        """
        self._rules.append(Rule(operation, Fault(kind="raw", when=when, body=data), whom))

    def cut(self, operation: str, *, malformed: bool = False, **whom: Unpack[Whom]) -> None:
        """Let it take effect, promise the whole answer, send half of it, and close.

        Args:
            operation: Which endpoint.
            malformed: Whether the half comes as a chunk, and after it what is no chunk: there
                are clients that then wait for ever.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.cut("startInstance")
            await bee.start(id)
            print([entry.operation for entry in cloud.log])  # ['startInstance', 'getInstance']
            ```
        """
        fault = Fault(kind="malformed" if malformed else "cut", when="after")
        self._rules.append(Rule(operation, fault, whom))

    def push(
        self, operation: str, data: bytes, *, pause: float = 0.0, **whom: Unpack[Whom]
    ) -> None:
        r"""Answer as ever, and then send bytes nobody asked for on the same connection.

        Args:
            operation: Which endpoint.
            data: The bytes, such as a whole answer to something else.
            pause: Seconds between the answer and them.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.push("getInstance", b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
            await bee.instances.get(id)
            await bee.instances.get(ids[1])  # is not told what was pushed
            ```
        """
        check_seconds("pause", pause, zero=True)
        fault = Fault(kind="push", when="after", body=data, seconds=pause)
        self._rules.append(Rule(operation, fault, whom))

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

        Example:
            ```python
            cloud.faults.disconnect("startInstance", when="after", reset=True)
            await bee.start(id)  # done, and not said; a look tells
            print(cloud.effects(id))  # 1
            ```
        """
        fault = Fault(kind="disconnect", when=when, reset=reset)
        self._rules.append(Rule(operation, fault, whom))

    def silence(self, operation: str, *, when: When = "before", **whom: Unpack[Whom]) -> None:
        """Say nothing until the client goes, or the emulator closes.

        Args:
            operation: Which endpoint.
            when: Before or after it takes effect.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.silence("getInstance", times=None)
            try:
                await bee.with_options(timeout=0.5, max_retries=0).instances.get(id)
            except RequestTimeoutError as error:
                print(error.delivered)  # maybe
            ```
        """
        self._rules.append(Rule(operation, Fault(kind="silence", when=when), whom))

    def delay(
        self, operation: str, pause: float, *, trickle: bool = False, **whom: Unpack[Whom]
    ) -> None:
        """Let it take effect at once, and answer late.

        Args:
            operation: Which endpoint.
            pause: Seconds.
            trickle: Whether so many seconds pass before each byte of the body, and none before
                the headers.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.delay("startInstance", 0.3, ids=[id])
            report = await bee.start_many(ids)
            print(max(report, key=lambda one: one.elapsed).id == id)  # True
            ```
        """
        check_seconds("pause", pause, zero=True)
        fault = Fault(kind="trickle" if trickle else "delay", when="after", seconds=pause)
        self._rules.append(Rule(operation, fault, whom))

    def break_stream(
        self,
        operation: str,
        at: int,
        *,
        raw: bytes = b"",
        then: Then = "close",
        **whom: Unpack[Whom],
    ) -> None:
        """Open a stream of events, and break it.

        Args:
            operation: Which endpoint.
            at: Bytes of its body that are sent before, wherever that is: in a frame, in a
                character, before the first.
            raw: What is put onto the connection then, past the chunked coding: such as what
                is no chunk.
            then: What happens to the connection.
            **whom: Which requests.

        Example:
            ```python
            cloud.faults.break_stream("streamTaskEvents", at=120, then="reset")
            made = await bee.tasks.create(agent_id, "Trim the hedge.")
            async with bee.tasks.events(agent_id, made.task_id) as events:
                print(len([event async for event in events]), "events, none twice")
            ```
        """
        count("at", at, least=0, most=MANY)
        fault = Fault(kind="break", when="after", at=at, body=raw, then=then)
        self._rules.append(Rule(operation, fault, whom))

    def outage(self, seconds: float, kind: Down = "503", *, after: int = 0) -> None:
        """Let the whole host fail for a while, whatever it is asked.

        Args:
            seconds: How long, from the request on that meets it first.
            kind: `"503"`; `"reset"`: connections are reset; `"refused"`: nobody listens, and
                who is connected is thrown out.
            after: How many requests pass first.

        Example:
            ```python
            cloud.faults.outage(0.2, "503", after=5)
            report = await bee.start_many(ids)
            print(report.counts)  # {'succeeded': 20}
            ```
        """
        check_seconds("seconds", seconds)
        count("after", after, least=0, most=MANY)
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

        Example:
            ```python
            cloud.faults.mix(0.1, seed=7, kinds=["500 after", "disconnect", "reset after"])
            report = await bee.start_many(ids)
            print(report.counts, max(cloud.effects(id) for id in ids))  # {'succeeded': 20} 1
            ```
        """
        self._rules.append(Mix(share, seed, operations, kinds))
