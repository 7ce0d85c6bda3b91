"""What is known of a run while it goes on: counts, pace, time left, the last troubles.

Numbers only: how they look is the business of `dashboard.py`, where they go that of
`display.py`.  What happens for each outcome is a few additions; all else is worked out
when somebody looks.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from beeos_async import ServerError, Skipped, Succeeded, TransportError

from .latencies import Latencies

if TYPE_CHECKING:
    from beeos_async import Attempt, Outcome
    from beeos_async import Progress as Sight

PACE_WINDOW: Final = 3.0
"""Seconds the shown pace is averaged over: steady to the eye, and soon aware of a pause."""

FORECAST_WINDOW: Final = 20.0
"""Seconds the time left is worked out from: a quota's pauses should average out."""

BEAT: Final = 0.25
"""Seconds of one bar of the history, to begin with."""

BARS: Final = 48
"""Bars of the history; when they are used up, each two become one."""

TROUBLES: Final = 8
"""How many of the last troubles are kept for show."""

THROTTLED: Final = 429


class Sample(NamedTuple):
    """The sums at one moment."""

    at: float
    done: int
    throttled: float
    worked: float


class Progress:
    """A run's numbers, as they stand at `now`."""

    def __init__(self, total: int, workers: int, now: float) -> None:
        """Begin.

        Args:
            total: How many distinct ids there are.
            workers: How many of them can be in progress at once.
            now: The time, on any clock that only goes forward.
        """
        self.total = total
        self.workers = workers
        self.began = now
        self.now: float = now
        self.over: bool = False
        self.done: int = 0
        self.left_out: int = 0
        """How many of them the run as a whole left out: they were not done, but given up."""

        self.sight: Sight | None = None
        """How the run itself sees it: what holds it, and how long it will take."""

        self.latencies: Latencies = Latencies()
        """Of the requests that were answered."""

        self.counts: Counter[str] = Counter()
        """By kind of outcome, where `already` is a kind of its own."""

        self.requests: int = 0
        self.refusals: int = 0
        """How many answers were a 429."""

        self.failures: int = 0
        """How many requests the host or the connection has failed."""

        self.troubles: deque[Outcome[Any]] = deque(maxlen=TROUBLES)
        """The last outcomes that a person may want to read."""

        self.throttled: float = 0.0
        """Seconds ids have waited for the quota, summed over all of them."""

        self.worked: float = 0.0
        """Seconds ids have taken altogether."""

        self._first = Sample(now, 0, 0.0, 0.0)
        self._samples: deque[Sample] = deque()
        self._beat = BEAT
        self._history: list[int] = []
        self._counted = 0

    def add(self, outcome: Outcome[Any]) -> None:
        """Count an outcome."""
        self.done += 1
        self.throttled += outcome.throttled
        self.worked += outcome.elapsed
        if isinstance(outcome, Succeeded):
            self.counts["already" if outcome.already else "succeeded"] += 1
            return
        self.counts[outcome.kind] += 1
        # What the run as a whole left out is one fact, not one trouble for each id.
        if isinstance(outcome, Skipped) and outcome.reason != "invalid_id":
            self.left_out += 1
        else:
            self.troubles.append(outcome)

    def heed(self, attempt: Attempt) -> None:
        """Count a request; a client's `on_attempt`."""
        self.requests += 1
        if attempt.status is not None:
            self.latencies.add(attempt.seconds)
        if attempt.status == THROTTLED:
            self.refusals += 1
        elif isinstance(attempt.error, ServerError | TransportError):
            self.failures += 1

    def tick(self, now: float, sight: Sight | None = None) -> None:
        """Move on to another moment.

        Args:
            now: The time.
            sight: How the run itself sees it.
        """
        self.now = now
        self.sight = sight
        samples = self._samples
        samples.append(Sample(now, self.done, self.throttled, self.worked))
        while len(samples) > 1 and samples[1].at <= now - FORECAST_WINDOW:
            samples.popleft()
        bar = int((now - self.began) / self._beat)
        while bar >= BARS:
            self._history = [sum(self._history[i : i + 2]) for i in range(0, BARS, 2)]
            self._beat *= 2
            bar = int((now - self.began) / self._beat)
        self._history += [0] * (bar + 1 - len(self._history))
        self._history[bar] += self.done - self._counted
        self._counted = self.done

    def finish(self, now: float) -> None:
        """Say that nothing more will come."""
        self.tick(now)
        self.over = True

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.now - self.began

    @property
    def in_progress(self) -> int:
        """How many ids' turn has come and is not over."""
        if self.over:
            return 0
        busy = min(self.workers, self.total - self.done)
        return busy if self.sight is None else self.sight.in_flight - self.accepted

    @property
    def accepted(self) -> int:
        """How many ids were accepted, and are waited for."""
        return 0 if self.over or self.sight is None else self.sight.waiting

    @property
    def waiting(self) -> int:
        """How many ids' turn has not come."""
        # What the run has done already may not have been read yet.
        known = self.done + self.in_progress + self.accepted
        return 0 if self.over else max(0, self.total - known)

    @property
    def pace(self) -> float:
        """Ids a second: over the last moments, or over the whole run when it is over."""
        return self._pace(PACE_WINDOW)

    @property
    def left(self) -> float | None:
        """Seconds the rest will take as things are; `None` where it cannot be said."""
        if self.sight is not None:
            # It knows of the quota what no pace has shown yet.
            return self.sight.seconds_left
        pace = self._pace(FORECAST_WINDOW)
        return (self.total - self.done) / pace if pace else None

    @property
    def limited_by(self) -> str:
        """What keeps the run from going faster, in words; empty where nothing does."""
        if self.over or self.sight is None or self.sight.limited_by == "nothing":
            return ""
        return self.sight.limited_by

    @property
    def throttled_share(self) -> float:
        """Which share of their time ids spend, or spent, waiting for the quota."""
        since = self._since(PACE_WINDOW)
        worked = self.worked - since.worked
        return min(1.0, (self.throttled - since.throttled) / worked) if worked > 0 else 0.0

    def history(self, bars: int) -> list[float]:
        """Give the last bars, the highest being 1; one that is still growing is left out.

        Args:
            bars: How many at most.
        """
        whole = self._history[:-1][-bars:] or self._history[-1:]
        most = max(whole, default=0)
        return [one / most for one in whole] if most else [0.0] * len(whole)

    def _pace(self, seconds: float) -> float:
        since = self._since(seconds)
        passed = self.now - since.at
        return (self.done - since.done) / passed if passed > 0 else 0.0

    def _since(self, seconds: float) -> Sample:
        """Find where to count from: the sample of so long ago, or the beginning."""
        found = self._first
        if self.over:
            return found
        for sample in self._samples:
            if sample.at > self.now - seconds:
                break
            found = sample
        return found
