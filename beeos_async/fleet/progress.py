"""How far a run is, how fast it goes and what holds it: for those who watch.

All of it is put together when somebody asks, out of what is counted anyway.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from .outcomes import Kind, Tally

if TYPE_CHECKING:
    from .._io.gate import EndpointState, Gate
    from .waits import Waits

WINDOW: Final = 5.0
"""Seconds over which the rate is measured."""

STEP: Final = 0.2
"""Seconds between two measures that are kept: who asks at every frame costs no memory."""

PATIENCE: Final = 1.0
"""Seconds without an answer, after which a pace that was measured before says nothing more."""

TENTHS: Final = 10
"""Seconds below which tenths of one are told."""

MINUTES: Final = 600
"""Seconds from which on minutes are told."""


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
    """Ids whose turn has come and whose outcome has not, those that are waited for included.
    Those whose turn has not come are `total - done - in_flight`."""

    waiting: int = 0
    """How many of those in flight were accepted and are waited for, while they boot, say; not
    those whose turn has not come."""

    counts: dict[Kind, int]
    """How many ids came to which kind of outcome."""

    rate: float
    """Ids a second that came to an outcome, over the last few seconds, or over the whole run
    once it has ended; without those that were skipped or were done by an earlier run."""

    seconds_left: float | None
    """How long the rest will take as things are; `None` where it cannot be said: for a
    generator, while too little was measured, during an outage, or when what is left takes
    longer than everything before it gave reason to expect."""

    limited_by: str
    """What keeps the run from going faster, in words: `quota on startInstance, 8.9/s`,
    `an outage of the host`, `a refused key`, `outcomes nobody has read`, `concurrency`,
    `12 instances that are still booting`, or `nothing`."""

    def __str__(self) -> str:
        """Show one line."""
        of = "" if self.total is None else f" of {self.total:,}"
        left = "" if self.seconds_left is None else f", about {_time(self.seconds_left)} left"
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

    __slots__ = ("_bucket", "_gate", "_measures", "_moved", "_seen", "_workers")

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
        self.begin(math.inf)

    def begin(self, now: float) -> None:
        """Count from now on."""
        self._measures = deque([(now, 0, 0)])
        self._seen = (0, 0)
        self._moved = now

    def read(
        self,
        now: float,
        tally: Tally,
        *,
        size: int | None,
        past: int = 0,
        busy: int = 0,
        waits: Waits[Any] | None = None,
        until: float | None = None,
        probing: bool = False,
        unread: bool = False,
        halted: bool = False,
        over: bool = False,
    ) -> Progress:
        """Put together how things are.

        Args:
            now: When.
            tally: What was counted.
            size: How many ids were given, where it is known.
            past: How many of them were done by an earlier run.
            busy: How many of them are in flight.
            waits: Those of them that were accepted, and are not yet ready.
            until: When the run ends in any case.
            probing: Whether it waits for a refused key.
            unread: Whether it waits for its reader.
            halted: Whether it launches nothing more.
            over: Whether it has ended.
        """
        counts = dict(tally.counts)
        done = sum(counts.values())
        total = done if over else None if size is None else size - tally.duplicates
        waiting = 0 if over or waits is None else len(waits)
        busy = 0 if over else busy
        own = max(0, done - counts.get("skipped", 0) - past)
        rate, pace = self._measure(now, own, own + waiting)
        left = None
        if total is not None and not probing:
            fresh = 0 if halted else max(0, total - done - waiting - busy)
            left = self._sending(now, fresh, busy, pace)
            if left is not None and waits is not None and not over:
                left = waits.left(now, left)
            if left is not None and until is not None:
                left = min(left, max(0.0, until - now))
        if over or halted:
            by = "nothing"
        elif probing:
            by = "a refused key"
        else:
            by = "outcomes nobody has read" if unread else self._limit(busy, waits)
        return Progress(
            done=done,
            total=total,
            in_flight=busy + waiting,
            waiting=waiting,
            counts=counts,
            rate=own / tally.elapsed if over and tally.elapsed else rate,
            seconds_left=left,
            limited_by=by,
        )

    def _measure(self, now: float, own: int, answered: int) -> tuple[float, float]:
        """Measure how many a second are done, and how many answered, over the last seconds."""
        measures = self._measures
        while len(measures) > 1 and measures[1][0] <= now - WINDOW:
            measures.popleft()
        since, own_before, answered_before = measures[0]
        if now - measures[-1][0] >= STEP:
            measures.append((now, own, answered))
        if self._seen != (own, answered):
            self._seen, self._moved = (own, answered), now
        if now <= since:
            return 0.0, 0.0
        return (own - own_before) / (now - since), (answered - answered_before) / (now - since)

    def _sending(self, now: float, fresh: int, busy: int, pace: float) -> float | None:
        """Estimate when every id will have its answer.

        Args:
            now: When.
            fresh: How many ids' turn has not come.
            busy: How many are in flight.
            pace: How many were answered a second.
        """
        unanswered = fresh + busy
        if not unanswered:
            return 0.0
        gate = self._gate
        if gate.brake.open_since is not None:
            return None
        state = gate.snapshot().get(self._bucket)
        forecast = gate.forecast(self._bucket, fresh)
        if state is not None and _limits(state):
            # The quota decides: what it allows is known, or is being learned.
            return forecast
        # Before as many have come back as are under way, a pace is that of a beginning.
        if not pace or self._seen[1] < busy:
            # A burst that is not used up says nothing but that the quota does not matter.
            return forecast or None
        by_pace = unanswered / pace
        if now - self._moved > max(PATIENCE, by_pace):
            return None
        return max(forecast or 0.0, by_pace)

    def _limit(self, busy: int, waits: Waits[Any] | None) -> str:
        """Say what keeps the run from going faster."""
        gate = self._gate
        if gate.brake.open_since is not None:
            return "an outage of the host"
        if waits and not busy:
            # Nothing of this run is left to send, whatever rests.
            return waits.who
        state = gate.snapshot().get(self._bucket)
        if state is not None and _limits(state):
            return f"quota on {self._bucket}, {_quota(state)}"
        # Also where a window still widens: it does so as fast as answers come.
        queued = state is not None and state.queued > 0
        full = busy >= self._workers or gate.in_flight >= gate.slots
        return "concurrency" if queued or full else "nothing"


def _limits(state: EndpointState) -> bool:
    """Tell whether a quota is what somebody waits for."""
    met = state.paced or state.refusals > 0
    return state.shut_for > 0 or (met and state.queued > 0)


def _quota(state: EndpointState) -> str:
    """Say what a quota allows."""
    if state.rate is not None and state.queued:
        return f"{state.rate:.1f}/s"
    return f"at rest for {math.ceil(state.shut_for)} s" if state.shut_for else "not yet measured"


def _time(seconds: float) -> str:
    """Write how long something takes, as exactly as it can be known."""
    if seconds < TENTHS:
        return f"{seconds:.1f} s"
    return f"{seconds:,.0f} s" if seconds < MINUTES else f"{seconds / 60:,.0f} min"
