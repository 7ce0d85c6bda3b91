"""One stream over as many connections as it takes: opened, listened to, opened again.

It hands out frames.  When it is opened again, after what pause and with which cursor, is
decided in `_protocol/resume.py`; making the call, with its own retries, is `caller.py`'s.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any, Final

from msgspec import structs

from .._protocol.endpoint import SAFE, Look, StreamEndpoint, Whole
from .._protocol.message import Response
from .._protocol.refusal import unreadable
from .._protocol.resume import HEALTHY, pause
from .._protocol.retry import Verdict, judge
from .._protocol.sse import EVENT_CAP, Frame, Parser
from .._protocol.text import shown
from .._protocol.wire import read
from ..errors import (
    APIError,
    DecodeError,
    RequestTimeoutError,
    StreamEndedError,
    TransportError,
    Trouble,
)
from .call import Call, Pass
from .caller import Caller
from .feed import EVENT_STREAM, Feed, FeedFlight
from .listening import Listening, Opening

PATIENCE: Final = 300.0
"""Seconds it is tried to go on with a stream that broke off."""

NO_CONTENT: Final = 204

_HEADERS: Final = {"Accept": EVENT_STREAM, "Accept-Encoding": "identity"}

log: Final = logging.getLogger("beeos_async")


class Subscription:
    """A stream of frames that goes on when its connection does not.

    Attributes:
        last: Where the last event stood that was taken; whoever takes it moves it.
        head: The status and the headers of the connection there is, or was.
        key: The idempotency key, where the endpoint takes one.
        over: Why nothing more will come, where the stream itself did not say so.
    """

    def __init__(
        self,
        caller: Caller,
        row: StreamEndpoint[Any],
        ids: tuple[str, ...],
        opening: Opening,
        listening: Listening,
    ) -> None:
        """Check and build the request; nothing is sent yet.

        Args:
            caller: What makes calls.
            row: The endpoint.
            ids: What its path names.
            opening: What it is opened with.
            listening: How it is listened to.

        Raises:
            ConfigurationError: It cannot be asked for.
        """
        self.last = opening.last
        self.head = Response(0, {}, b"")
        self.key = caller.key_of(row.opening, opening.body, opening.key)
        self.over: str | None = None
        self._caller = caller
        self._row = row
        self._ids = ids
        self._opening = opening
        self._idle = listening.idle
        self._deadline = listening.deadline
        self._until: float | None = None
        self._feed: Feed | None = None
        self._whole: Frame | None = None
        """What there is instead, where the answer came whole."""

        self._parser = Parser()
        self._opened = 0.0
        self._began = opening.last
        """Where it stood when the connection was opened."""

        self._lost = 0.0
        """When it broke off."""

        self._untold = 0
        """How often it broke off since the last new event, and without a word of its end."""

        self._dropped = False
        """Whether the server said that it lets go of the stream, when it last broke off."""

        self._ended: str | None = None
        """Why there is no more to come than the next connection tells."""

        self._breaks = 0
        """How often in a row it broke off."""

        self._asked: int | None = None
        """Milliseconds the server asked to wait before a reconnect."""

        # Refuses what could never be sent, before anybody waits for it.
        self._ask(None)

    async def open(self) -> None:
        """Open it for the first time.

        Raises:
            BeeOSError: It cannot be opened, and would not be a moment later.
        """
        if self._deadline is not None:
            self._until = self._caller.clock.now() + self._deadline
        flight, whole = await self._call(self._until), self._row.whole
        if whole is not None and flight.head.body and flight.head.is_json:
            self._whole = self._read_whole(whole, flight.head)
        else:
            self._take_over(flight)

    def stay_home(self) -> None:
        """Refuse another event loop or process than the client's.

        Raises:
            ClientLoopError: It is another one.
        """
        self._caller.transport.stay_home()

    async def more(self) -> list[Frame]:
        """Wait for more frames, opening it again first where it broke off.

        Returns:
            What has come; perhaps nothing yet.

        Raises:
            BeeOSError: Nothing more will come.
        """
        if self._whole is not None:
            return [self._whole]
        if self._parser.overflowed:
            msg = f"an event is too large: it has more than {EVENT_CAP:,} bytes"
            raise self.end(msg)
        feed = self._feed or await self._go_on()
        data = await self._read(feed)
        if data:
            return self._parser.feed(data)
        if data is None:
            self._refuse_lateness()
            self.break_off(f"nothing was heard for {self._idle:g} s", failed=False)
        else:
            self.break_off("the connection ended before the stream did", meant=feed.orderly)
        return []

    def break_off(
        self, why: str, *, failed: bool = True, meant: bool = False, dropped: bool = False
    ) -> None:
        """Let go of the connection; the next step opens another one, unless all is told.

        Args:
            why: In words.
            failed: Whether that counts; silence does not, since nothing may have happened.
            meant: Whether the server is known to have told all it had.
            dropped: Whether it said that it lets go of the stream: then a look comes first.

        Raises:
            BeeOSError: There is no next step.
        """
        self.close()
        # A client that closes breaks its streams off itself.
        self._caller.gate.stay_open()
        if self._row.resume.by is None:
            msg = f"it broke off and cannot be resumed: {why}"
            raise self.end(msg)
        log.debug("%s: %s", self._row.opening.operation, why)
        fruitless = self.last == self._began
        if meant and fruitless and self._ended is not None:
            self.over = self._ended
            return
        self._dropped = dropped
        self._lost = self._caller.clock.now()
        if not failed or self._lost - self._opened >= HEALTHY:
            self._breaks = 0
        self._untold = self._untold + failed if fruitless else 1
        self._breaks += 1
        if self._parser.retry is not None:
            self._asked = self._parser.retry

    def end(self, why: str) -> StreamEndedError:
        """Close it, and make the error that says why."""
        self.close()
        error = StreamEndedError(why, self.last)
        error.idempotency_key = self.key
        # What cannot be resumed was no read: it acts.
        error.delivered = "no" if self._row.resume.by else "yes"
        return error

    def close(self) -> None:
        """Close the connection, if there is one."""
        feed, self._feed = self._feed, None
        if feed is not None:
            self._caller.gate.when_closed.remove(feed.close)
            feed.close()

    async def _read(self, feed: Feed) -> bytes | None:
        """Wait for bytes: none after the end, `None` after too much silence."""
        limit = self._idle
        if self._until is not None:
            limit = min(limit, self._until - self._caller.clock.now())
        # aiohttp may wait for ever for what comes after a broken chunk: this one does not.
        try:
            async with self._caller.clock.limit(limit):
                return await feed.read()
        except TimeoutError:
            return None

    async def _go_on(self) -> Feed:
        """Open it again, after a pause, and again."""
        clock, asked, failure = self._caller.clock, 0.0, ""
        over = self._lost + PATIENCE
        while True:
            await self._caller.gate.rest(max(asked, pause(self._breaks, self._asked)))
            self._refuse_lateness()
            until = over if self._until is None else min(over, self._until)
            if self._row.look is not None and (self._dropped or self._untold > 1):
                await self._look(self._row.look, until)
            try:
                flight = await self._call(until)
            except (APIError, TransportError) as error:
                if judge(SAFE, error, 1) is Verdict.RAISE:
                    error.last_offset = self.last
                    raise
                # A call that ran out of time before it was made has nothing to tell.
                failure = str(error) if error.attempts or not failure else failure
                asked = (isinstance(error, APIError) and error.retry_after) or 0.0
            else:
                return self._take_over(flight)
            self._refuse_lateness()
            if clock.now() + asked >= over:
                msg = f"it broke off and could not be resumed: {failure}"
                raise self.end(msg)
            self._breaks += 1

    async def _look(self, look: Look[Any], until: float) -> None:
        """Look whether there is more to come than the next connection tells.

        A server that lets go of a stream, or of every stream, without a word of its end would
        be asked for ever.  What was said before the look, the next connection tells.
        """
        # Where it cannot be told, the next connection tells why.
        with contextlib.suppress(APIError, TransportError):
            call = Call.to(look.ask, *self._ids, pass_=Pass(deadline=until))
            found = await self._caller.run(call)
            self._ended = look.over(found)

    async def _call(self, until: float | None) -> FeedFlight:
        """Make the call that opens it."""
        call, flight = self._ask(until), FeedFlight()
        call.flight = flight
        await self._caller.run(call)
        return flight

    def _ask(self, until: float | None) -> Call[Any]:
        """Build the request for what comes after the last event."""
        rule, opening = self._row.resume, self._opening
        call = Call.to(
            self._row.opening,
            *self._ids,
            pass_=Pass(deadline=until),
            params={**opening.params, **rule.params(self.last)},
            body=opening.body,
            key=self.key,
        )
        headers = {**_HEADERS, **rule.headers(self.last)}
        request = call.request
        call.request = structs.replace(request, headers=(*request.headers, *headers.items()))
        return call

    def _take_over(self, flight: FeedFlight) -> Feed:
        """Listen to what was opened, if it is a stream.

        Raises:
            StreamEndedError: The server says that there is none.
            DecodeError: It is something else.
        """
        self.head, feed = flight.head, flight.feed
        if self.head.status == NO_CONTENT:
            msg = "the server has no stream to give [204]"
            raise self.end(msg)
        if feed is None:
            kind = shown(self.head.headers.get("Content-Type", "nothing"), 64)
            raise self.marked(unreadable(self.head, f"it is no stream of events but {kind}"))
        self._feed, self._parser = feed, Parser()
        self._opened, self._began = self._caller.clock.now(), self.last
        self._caller.gate.when_closed.append(feed.close)
        return feed

    def _read_whole(self, whole: Whole[Any], answer: Response) -> Frame:
        """Read an answer that came in one piece.

        Raises:
            DecodeError: It cannot be read.
        """
        try:
            return whole.frame(read(whole.row, "", answer))
        except DecodeError as error:
            self.marked(error)
            raise

    def marked(self, error: DecodeError) -> DecodeError:
        """Note on an error where the stream stands, and what it was opened with."""
        error.last_offset, error.idempotency_key = self.last, self.key
        return error

    def _refuse_lateness(self) -> None:
        """Refuse to go on beyond the deadline.

        Raises:
            RequestTimeoutError: It has come.
        """
        if self._until is None or self._caller.clock.now() < self._until:
            return
        self.close()
        message = "the deadline came before the end of the stream"
        error = RequestTimeoutError(
            Trouble(message=message, reason="timeout", delivered="yes", status=self.head.status)
        )
        error.idempotency_key, error.last_offset = self.key, self.last
        raise error
