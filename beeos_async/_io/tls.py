"""TLS between a connection and who speaks over it, with as little in between as it takes.

The loop's own TLS costs several times what the ciphers do, and a buffer of 256 KiB for each
connection.  Here a record that comes is deciphered straight into the buffer of who reads, and
what is written leaves as one piece.  Names, certificates and ciphers are OpenSSL's affair,
by the context that aiohttp itself would have used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

from .line import LARGEST, stand


class Tls(asyncio.Transport, asyncio.BufferedProtocol):
    """A protocol to the wire beneath, a transport to the protocol above."""

    def __init__(
        self,
        wire: asyncio.Transport,
        context: ssl.SSLContext,
        host: str,
        *,
        room: memoryview,
        above: asyncio.BaseProtocol,
    ) -> None:
        """Get ready to shake hands.

        Args:
            wire: The bare connection.
            context: Whom to trust.
            host: Whom to expect.
            room: Where to read to; whoever else reads there copies out what it found.
            above: Who is told of its end; who reads, until somebody else does.

        Raises:
            ValueError: Nobody can be expected under that name.
        """
        super().__init__()
        self._wire = wire
        self._room = room
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # Typed by nobody: the stubs do not know that `read` counts what it puts into a buffer.
        self._tls: Any = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.set_protocol(above)
        self._shaken: asyncio.Future[None] | None = None
        self._flaw: ssl.SSLError | None = None

    async def shake_hands(self) -> None:
        """Agree on ciphers, and see whom the certificate names.

        Raises:
            ssl.SSLError: They do not agree, or it is somebody else.
            OSError: The connection ended, or somebody spoke who was not asked.
        """
        self._shaken = asyncio.get_running_loop().create_future()
        stand(self._wire, self)
        self.buffer_updated(0)
        try:
            await self._shaken
        finally:
            # What went wrong has this frame in its traceback, and the frame has all of this.
            self._shaken = self._flaw = None
        if self._wire.is_closing():
            msg = "it hung up right after the handshake"
            raise ConnectionResetError(msg)
        with contextlib.suppress(ssl.SSLWantReadError):
            # It would be taken for the answer to the first request.
            self._tls.read(1)
            msg = "it spoke, or took leave, before there was a request"
            raise ConnectionResetError(msg)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encipher and send."""
        while data:
            data = data[self._tls.write(data) :]
        self._wire.write(self._outgoing.read())

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change who reads."""
        self._above: Any = protocol
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)

    def pause_reading(self) -> None:
        """Let the peer wait."""
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Let it go on."""
        self._wire.resume_reading()

    def is_closing(self) -> bool:
        """Tell whether this is over."""
        return self._wire.is_closing()

    def get_write_buffer_size(self) -> int:
        """Count the bytes that have not left."""
        return self._wire.get_write_buffer_size()

    def close(self) -> None:
        """Take leave and close, without waiting for the peer to do the same."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self._wire.close()

    def abort(self) -> None:
        """Close at once, whatever was still to be sent."""
        self._wire.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- there is one size
        """Say where to read to."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Decipher what has come, and hand it on."""
        self._incoming.write(self._room[:nbytes])
        try:
            if self._shaken is None:
                self._read()
            else:
                self._tls.do_handshake()
                if not self._shaken.done():
                    self._shaken.set_result(None)
        except ssl.SSLWantReadError:
            # The rest of a record is on its way, or this one was for OpenSSL alone.
            pass
        except ssl.SSLError as error:
            self._flaw = error.with_traceback(None)
            self._flush()
            self._wire.abort()
            return
        if self._outgoing.pending:
            self._flush()

    def eof_received(self) -> None:
        """Let the wire close."""
        self._above.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits or reads."""
        error, self._flaw = self._flaw or exc, None
        if self._shaken is not None and not self._shaken.done():
            self._shaken.set_exception(error or ConnectionResetError("it hung up"))
        self._above.connection_lost(error)
        self._above = None

    def pause_writing(self) -> None:
        """Tell who writes."""
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """Tell who writes."""
        self._above.resume_writing()

    def _read(self) -> None:
        room = self._room
        while True:
            # There is room for a whole record: what OpenSSL has opened is taken out at once.
            count = self._tls.read(LARGEST, room)
            if not count:
                self._above.eof_received()
                self.close()
            elif self._buffered:
                self._above.buffer_updated(count)
            else:
                self._above.data_received(bytes(room[:count]))
            if not self._incoming.pending or self._wire.is_closing():
                return

    def _flush(self) -> None:
        self._wire.write(self._outgoing.read())
