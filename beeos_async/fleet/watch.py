"""One instance that is waited for: what was seen of it so far, and what that means.

No loop and no clock: sights are shown to it, and it is told when.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .._checks import quoted_id
from .._protocol.polling import Sight
from ..models.instances import Instance
from ..waiting import (
    UNAUTHORIZED,
    Action,
    WaitError,
    WaitTimeoutError,
    Wish,
    goal_of,
    has_come_true,
    is_thin,
    told_why,
    why_never,
)


class Watch:
    """One instance that is waited for: what was seen of it, and what that means.

    Attributes:
        id: The instance.
        since: When the waiting began, on the clock's `now`.
        until: When waiting is of no more use.
        last: How it was last seen whole; `None` once there is nothing to see.
        met: Whether the wish has come true.
        error: Why it has not, once the wait is over.
        tell: Called once, when the wait is over.
    """

    __slots__ = (
        "_action",
        "_begun",
        "_entered",
        "_fresh",
        "_ran_at",
        "_shut_out",
        "_started",
        "_wish",
        "_words",
        "error",
        "id",
        "last",
        "met",
        "since",
        "tell",
        "until",
    )

    def __init__(
        self,
        id: str,
        wish: Wish,
        action: Action = "",
        *,
        now: float,
        until: float | None = None,
        answer: Instance | None = None,
        tell: Callable[[Watch], object] | None = None,
    ) -> None:
        """Begin to wait.

        Args:
            id: For which instance.
            wish: What for; it was checked.
            action: What was asked for before.
            now: When that was accepted.
            until: When waiting is of no more use.
            answer: How the instance was right after it, in the server's own answer.
            tell: Called when the wait is over; not for what an answer has decided.

        Raises:
            ConfigurationError: The id cannot be one.
        """
        quoted_id(id)
        self.id: str = id
        self.until: float | None = until
        self.last = answer
        self.met: bool = False
        self.error: Exception | None = None
        self.tell: Callable[[Watch], object] | None = tell
        self._wish: Wish = wish
        self._action: Action = action
        self.since: float = now
        self._begun = False
        # After a restart nothing counts that may still be from before it.
        self._fresh = action != "restart"
        self._started: datetime | None = None
        self._entered: datetime | None = None
        self._shut_out: datetime | None = None
        self._ran_at: float | None = None
        self._words = ("", "", "")
        if answer is not None:
            self._begin(answer, now)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.met or self.error is not None

    @property
    def unseen(self) -> bool:
        """Whether nothing is known of the instance yet."""
        return self.last is None and self._action != "destroy"

    def see(self, instance: Instance | None, now: float, *, whole: bool) -> Sight:
        """Take a sight in.

        Args:
            instance: How it was seen; `None` where a look found nothing there.
            now: When.
            whole: Whether a look showed it; else it is a row of a list.

        Returns:
            What it means.
        """
        if instance is None:
            return self._gone()
        if whole or not is_thin(instance):
            self.last = instance
        before, self._words = self._words, _words(instance)
        self._remember(instance, now)
        if self._decide(instance, whole=whole):
            return self._finish() if self.over else Sight.UNSURE
        return Sight.MOVED if self._words != before else Sight.SAME

    def end(self, error: Exception | None) -> None:
        """End the wait from outside.

        Args:
            error: Why; `None`: its time is up.
        """
        self.error = error or WaitTimeoutError(
            f"{self.id} was not {self._wished} in time", self.last, "late"
        )
        self._finish()

    def split(self, now: float) -> tuple[float | None, float | None]:
        """Split the time waited, by the server's own dates where it gives them.

        Args:
            now: When the wait was over.

        Returns:
            Seconds until it ran, and seconds from there on; `None` where it is not known.
        """
        total, last = now - self.since, self.last
        if goal_of(self._wish, self._action) not in {"running", ""}:
            return None, None
        if self._ran_at is None or self._wish == "running":
            return total, None
        linked = None if last is None else last.connectivity_updated_at
        if last is not None and self._wish == "connected":
            linked = last.ms_connection_updated_at
        if self.met and last is not None and linked and last.status_entered_at:
            lasted = (linked - last.status_entered_at).total_seconds()
            after = min(total, max(0.0, lasted))
        else:
            after = now - self._ran_at
        return total - after, after

    @property
    def _wished(self) -> str:
        return self._wish if isinstance(self._wish, str) else "ready"

    def _begin(self, answer: Instance, now: float) -> None:
        """Take in the server's own answer, which is whole, and never a reason to give up."""
        if answer.connectivity_reason == UNAUTHORIZED:
            # Left over from before, as long as it is not said anew.
            self._shut_out = answer.connectivity_updated_at
        self._words = _words(answer)
        self._remember(answer, now)
        # A function's yes counts only on what a look shows.
        self.met = self._fresh and not callable(self._wish) and has_come_true(self._wish, answer)

    def _remember(self, instance: Instance, now: float) -> None:
        status = instance.status
        if not self._fresh:
            self._fresh = status not in {"running", ""} or self._is_newer(instance)
        if status in {"pending", "provisioning"} or (status == "running" and self._fresh):
            self._begun = True
        if status == "running" and self._fresh and self._ran_at is None:
            self._ran_at = now

    def _is_newer(self, instance: Instance) -> bool:
        """Tell whether a running instance was restarted since it was first seen."""
        started, entered = instance.started_at, instance.status_entered_at
        newer = (
            self._started is not None and started is not None and started > self._started
        ) or (self._entered is not None and entered is not None and entered > self._entered)
        self._started = self._started or started
        self._entered = self._entered or entered
        return newer

    def _decide(self, instance: Instance, *, whole: bool) -> bool:
        """Decide by a sight, or that a row is not enough; tell whether either was done."""
        own = callable(self._wish)
        if not whole and is_thin(instance) and (own or instance.status == "running"):
            return True
        try:
            true = self._fresh and has_come_true(self._wish, instance)
        except Exception as error:  # noqa: BLE001 -- the user's own; whoever waits gets it
            self.error = error if whole else None
            return True
        never = why_never(self._wish, self._action, instance, begun=self._begun)
        if never == "device_unauthorized" and self._is_left_over(instance):
            never = None
        # What is on its way to be stopped is no machine to hand out, whatever runs of it.
        if true and (own or never is None):
            self.met = whole or not (own or is_thin(instance))
            return True
        if never is None:
            return False
        if whole:
            self.error = WaitError(told_why(self.id, never, instance), instance, never)
        return True

    def _is_left_over(self, instance: Instance) -> bool:
        said = instance.connectivity_updated_at
        return not self._fresh or (said is not None and said == self._shut_out)

    def _gone(self) -> Sight:
        if self._wish == "terminated":
            self.met, self.last = True, None
        else:
            known = self.last is not None
            words = f"{self.id} is gone" if known else f"there is no instance {self.id}"
            self.error = WaitError(words, self.last, "terminated")
        return self._finish()

    def _finish(self) -> Sight:
        if self.tell is not None:
            self.tell(self)
        return Sight.OVER


def _words(instance: Instance) -> tuple[str, str, str]:
    """Give what changes when an instance moves."""
    return instance.status, instance.connectivity, instance.ms_connection_status
