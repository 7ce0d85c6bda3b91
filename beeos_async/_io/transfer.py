"""Whole files to and from the object store, whatever a single attempt comes to.

The bytes of a file may be sent and fetched as often as it takes: an upload that broke off
goes to a new address, a download goes on where it stood.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from .._checks import seconds
from .._protocol.endpoint import SAFE
from .._protocol.retry import Verdict, backoff, cool_down, judge
from .._protocol.storage import Address, address_of
from ..errors import BeeOSError, RateLimitError, RequestTimeoutError, Trouble
from .cargo import Sink, Source
from .passage import Patience, Told

if TYPE_CHECKING:
    from .caller import Caller

Progress = Callable[[int, int | None], object]
"""Called with the bytes that have gone or come, and their sum where it is known; may be
async.  Begins again where the transfer does."""

MEMORY_CAP: Final = 256 * 1024 * 1024
"""Bytes that are taken into memory, unless more are asked for."""


class Transfers:
    """Moves files for one client."""

    def __init__(self, caller: Caller) -> None:
        """Use a client's store, clock and options.

        Args:
            caller: The client's caller.
        """
        self._store = caller.store
        self._clock = caller.clock
        self._gate = caller.gate
        self._options = caller.options

    async def upload(
        self,
        locate: Callable[[], Awaitable[str]],
        source: Source,
        content_type: str,
        *,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> None:
        """Send an object.

        Args:
            locate: Gives where to, for each attempt anew.
            source: Its bytes.
            content_type: What they are.
            progress: Hears of it.
            deadline: Seconds for everything.

        Raises:
            BeeOSError: It did not get there.
        """
        told = _teller(progress)

        async def put(where: Address) -> None:
            await self._store.put(where, source, content_type, self._patience, told)

        await self._persist(locate, put, deadline, lambda: source.is_spent)

    async def download(
        self,
        locate: Callable[[], Awaitable[str]],
        sink: Sink,
        *,
        cap: int | None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> None:
        """Fetch an object.

        Args:
            locate: Gives where from, for each attempt anew.
            sink: Where it lands.
            cap: Bytes that are taken at most; `None`: all there are.
            progress: Hears of it.
            deadline: Seconds for everything.

        Raises:
            BeeOSError: It did not come whole.
        """
        told = _teller(progress)

        async def get(where: Address) -> None:
            await self._store.get(where, sink, cap, self._patience, told)

        await self._persist(locate, get, deadline)

    @property
    def _patience(self) -> Patience:
        return Patience(self._options.timeout, self._options.connect_timeout)

    async def _persist(
        self,
        locate: Callable[[], Awaitable[str]],
        attempt: Callable[[Address], Awaitable[None]],
        deadline: float | None,
        is_spent: Callable[[], bool] = lambda: False,
    ) -> None:
        """Attempt it until it is done, or there is no more use in it."""
        until: float | None = None
        if deadline is not None:
            seconds("deadline", deadline)
            until = self._clock.now() + deadline
        attempts = 0
        timer = self._clock.limit(deadline)
        try:
            async with timer:
                while True:
                    # What fails here has had all its attempts.
                    where = address_of(await locate(), allow_insecure=self._store.allow_insecure)
                    attempts += 1
                    try:
                        return await attempt(where)
                    except BeeOSError as error:
                        failure = error.with_traceback(None)
                    if is_spent() or not await self._rest(failure, attempts, until):
                        break
        except TimeoutError:
            if not timer.expired():
                raise
            failure = RequestTimeoutError(_LATE)
            failure.gave_up = "deadline"
        failure.attempts = attempts
        raise failure

    async def _rest(self, failure: BeeOSError, attempts: int, until: float | None) -> bool:
        """Wait until the next attempt is due; tell whether there is one."""
        verdict = judge(SAFE, failure, attempts)
        if verdict is Verdict.RAISE or attempts > self._options.max_retries:
            return False
        pause = backoff(attempts, self._clock.chance())
        if isinstance(failure, RateLimitError):
            pause = cool_down(failure.retry_after, attempts, self._clock.chance())
            if pause > self._options.max_throttle_wait:
                return False
        if until is not None and self._clock.now() + pause >= until:
            failure.gave_up = "deadline"
            return False
        await self._gate.rest(pause)
        return True


_LATE: Final = Trouble(
    message="the deadline came before the file was through", reason="timeout", delivered="maybe"
)


def _teller(progress: Progress | None) -> Told:
    async def told(done: int, total: int | None) -> None:
        answer = progress(done, total) if progress else None
        if inspect.isawaitable(answer):
            await answer

    return told
