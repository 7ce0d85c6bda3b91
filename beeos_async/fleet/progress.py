"""How far a run is, how fast it goes and what holds it: for those who watch.

All of it is put together when somebody asks, out of what is counted anyway.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from .outcomes import Kind, Tally

if TYPE_CHECKING:
    from .._io.gate import EndpointState, Gate

WINDOW: Final = 5.0
"""Seconds over which the rate is measured."""

STEP: Final = 0.2
"""Seconds between two measures that are kept: who asks at every frame costs no memory."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is.

    Example:
        ```python
        async with bee.start_stream(ids) as run:
            async for outcome in run:
                print(run.progress)  # … of 20 at …/s…
                share = run.progress.done / len(ids)
        ```
    """

    done: int
    """Ids that have their outcome."""

    total: int | None
    """Distinct ids altogether, as far as known now; `None` for a generator's."""

    in_flight: int
    """Ids whose turn has come and whose outcome has not, those that are waited for included."""

    waiting: int = 0
    """How many of them were accepted, and are not yet as wished."""

    counts: dict[Kind, int]
    """How many ids came to which kind of outcome."""

    rate: float
    """Outcomes a second, over the last few seconds."""

    seconds_left: float | None
    """How long the rest will take as things are; `None` where it cannot be said."""

    limited_by: str
    """What keeps the run from going faster, in words: `quota on startInstance, 8.9/s`,
    `the host is failing`, `a refused key`, `outcomes nobody has read`, `concurrency`,
    `12 not yet as wished`, or `nothing`."""

    def __str__(self) -> str:
        """Show one line."""
        of = "" if self.total is None else f" of {self.total:,}"
        left = "" if self.seconds_left is None else f", about {self.seconds_left:,.0f} s left"
        by = "" if self.limited_by == "nothing" else f", limited by {self.limited_by}"
        return f"{self.done:,}{of} at {self.rate:,.1f}/s{left}{by}"


class Throttle:
    """`bee.throttle`: what is known of each endpoint's quota.

    Example:
        ```python
        await bee.start_many(ids)
        for endpoint, state in bee.throttle.snapshot().items():
            print(endpoint, state.rate, state.refusals)  # startInstance None 0
        ```
    """

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        """Look at a client's gate."""
        self._gate = gate

    def snapshot(self) -> dict[str, EndpointState]:
        """Tell how things are now with each endpoint that was called, by operationId.

        Example:
            ```python
            async with AsyncBeeOS(rate_limit={"startInstance": "600/min"}) as bee:
                await bee.start(id)
                state = bee.throttle.snapshot()["startInstance"]
            print(state.paced, state.queued, state.refusals)  # True 0 0
            ```
        """
        return self._gate.snapshot()


class Meter:
    """Measures one run."""

    __slots__ = ("_bucket", "_gate", "_measures", "_workers")

    def __init__(self, gate: Gate, bucket: str, workers: int) -> None:
        """Measure nothing yet.

        Args:
            gate: What the run's requests pass.
            bucket: Whose quota they draw on.
            workers: How many ids may be in flight.
        """
        self._gate = gate
        self._bucket = bucket
        self._workers = workers
        self._measures = deque([(math.inf, 0)])

    def begin(self, now: float) -> None:
        """Count from now on."""
        self._measures = deque([(now, 0)])

    def read(
        self,
        now: float,
        tally: Tally,
        size: int | None,
        busy: int,
        waiting: int,
        held: str | None,
        *,
        over: bool,
    ) -> Progress:
        """Put together how things are.

        Args:
            now: When.
            tally: What was counted.
            size: How many ids were given, where it is known.
            busy: How many of them are in flight.
            waiting: How many of them were accepted, and are not yet as wished.
            held: What holds the run, where the run itself does.
            over: Whether it has ended.
        """
        counts = dict(tally.counts)
        done = sum(counts.values())
        total = done if over else None if size is None else size - tally.duplicates
        rate = done / tally.elapsed if over and tally.elapsed else self._rate(now, done)
        return Progress(
            done=done,
            total=total,
            in_flight=0 if over else busy + waiting,
            waiting=0 if over else waiting,
            counts=counts,
            rate=rate,
            seconds_left=None if total is None else self._left(total - done, waiting, rate),
            limited_by=held or ("nothing" if over else self._limit(busy, waiting)),
        )

    def _rate(self, now: float, done: int) -> float:
        """Measure the outcomes a second since the oldest measure of interest."""
        measures = self._measures
        while len(measures) > 1 and measures[1][0] <= now - WINDOW:
            measures.popleft()
        since, before = measures[0]
        if now - measures[-1][0] >= STEP:
            measures.append((now, done))
        return (done - before) / (now - since) if now > since else 0.0

    def _left(self, rest: int, waiting: int, rate: float) -> float | None:
        """Tell how long so many ids will take, some of which need no request any more."""
        if not rest:
            return 0.0
        if rest == waiting:
            return rest / rate if rate else None
        # A burst is soon used up: what the quota allows then is known before it is measured.
        forecast = self._gate.forecast(self._bucket, rest - waiting)
        return max(forecast or 0.0, rest / rate) if rate else forecast

    def _limit(self, busy: int, waiting: int) -> str:
        """Say what keeps the run from going faster."""
        gate = self._gate
        if gate.brake.open_since is not None:
            return "the host is failing"
        state = gate.snapshot().get(self._bucket)
        if state is not None and (quota := _quota(state)):
            return f"quota on {self._bucket}, {quota}"
        # Also where a window still widens: it does so as fast as answers come.
        waits = state is not None and state.queued > 0
        full = busy >= self._workers or gate.in_flight >= gate.slots
        if waiting and not busy:
            return f"{waiting:,} not yet as wished"
        return "concurrency" if waits or full else "nothing"


def _quota(state: EndpointState) -> str:
    """Say what a quota allows, where somebody waits for it."""
    if state.rate is not None and state.queued:
        return f"{state.rate:.1f}/s"
    return f"which rests for {math.ceil(state.shut_for)} s" if state.shut_for else ""
