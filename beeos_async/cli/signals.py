"""Ctrl-C and SIGTERM: the first ends a run in good order, the second at once.

What order means is the run's business; here a signal only becomes a cancellation.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType, TracebackType
    from typing import Self

ECHO: Final = 0.1
"""Seconds in which a second signal is the first one's echo: `timeout` and process managers
signal a process and then its group."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """For as long as its block lasts, cancels the task that entered it when a signal comes."""

    def __init__(self) -> None:
        """Prepare; nothing is caught yet."""
        self.received: int | None = None
        self.at_once: Callable[[], object] = _nothing
        """What is still to be done when a second signal asks to leave at once."""

        self._when = 0.0
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def exit_code(self) -> int:
        """What a shell is told of a process that a signal ended."""
        return 128 + (self.received or signal.SIGINT)

    def __enter__(self) -> Self:
        """Catch signals, but none that whoever started the process wants ignored."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine enters
        self._task, self._loop = task, task.get_loop()
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before not in {None, signal.SIG_IGN}:
                # Not the loop's own handler: that one waits for the loop, which may itself
                # be waiting for somebody to read our output.
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let signals mean again what they meant."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _receive(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, self._when = number, now
            self._loop.call_soon_threadsafe(self._task.cancel)
        elif now - self._when > ECHO:
            self.at_once()
            os._exit(128 + number)


def run_until_signalled(main: Callable[[Signals], Coroutine[object, object, int]]) -> int:
    """Run a coroutine to its exit code, or to that of the signal which cancelled it.

    Args:
        main: What to run; it may catch the cancellation to put things in order.
    """

    async def guarded() -> int:
        with Signals() as signals:
            try:
                return await main(signals)
            except asyncio.CancelledError:
                return signals.exit_code

    return asyncio.run(guarded())


def _nothing() -> None:
    """Do nothing."""
