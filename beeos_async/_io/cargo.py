"""What is carried to the object store, and where it lands that comes from there.

The disk is touched in threads alone, and never by halves: a file that is fetched appears
under its name when it is whole.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final, Protocol, cast

from anyio.to_thread import run_sync

from .._checks import count, must
from .._clock import Clock
from ..errors import ConfigurationError

PIECE: Final = 256 * 1024
"""Bytes that go at once."""

IN_MEMORY: Final = 1024 * 1024
"""Bytes of unknown number that are kept in memory before a file is made for them."""

MOST: Final = 2**63 - 1
"""Bytes nobody has."""

Given = str | os.PathLike[str] | bytes | bytearray | memoryview | AsyncIterable[bytes]
"""What a caller may send: a path, bytes, or an async iterator over bytes."""

Pieces = AsyncGenerator[bytes | memoryview, None]


class Source(Protocol):
    """Bytes to send, and how many there are."""

    size: int

    @property
    def is_spent(self) -> bool:
        """Whether they can be had no more."""
        ...

    def pieces(self) -> Pieces:
        """Give them from the beginning."""
        ...


class MemorySource:
    """Bytes that are there."""

    is_spent = False

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Keep them.

        Args:
            data: The bytes.
        """
        self._data = memoryview(data).cast("B")
        self.size = self._data.nbytes

    async def pieces(self) -> Pieces:
        """Give them from the beginning."""
        for start in range(0, self.size, PIECE):
            yield self._data[start : start + PIECE]


class FileSource:
    """Bytes of an open file."""

    is_spent = False

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Read from an open file.

        Args:
            file: It; whoever opened it closes it.
            size: How many bytes it has.
        """
        self._file = file
        self._lock = threading.Lock()
        self.size = size

    async def pieces(self) -> Pieces:
        """Give them from the beginning."""
        position = 0
        while piece := await run_sync(self._read, position):
            position += len(piece)
            yield piece

    def _read(self, position: int) -> bytes:
        # An attempt that was given up may still be reading in its thread.
        with self._lock:
            self._file.seek(position)
            return self._file.read(PIECE)


class StreamSource:
    """Bytes that come once, and whose number was told."""

    def __init__(self, stream: AsyncIterable[bytes], size: int) -> None:
        """Take bytes as they come.

        Args:
            stream: What gives them.
            size: How many it will give.
        """
        self._stream = stream
        self.size = size
        self.is_spent = False

    async def pieces(self) -> Pieces:
        """Give them, once."""
        self.is_spent = True
        async for piece in self._stream:
            if len(held := checked(piece)):
                yield held


def checked(piece: object) -> bytes:
    """Take what an iterator gave, if it is bytes.

    Args:
        piece: What it gave.

    Raises:
        ConfigurationError: It is something else.
    """
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        # What is kept for later must not change meanwhile.
        return bytes(cast("bytearray", piece))
    msg = f"the source gave {type(piece).__name__}; it must give bytes"
    raise ConfigurationError(msg)


@asynccontextmanager
async def _file(path: str | os.PathLike[str]) -> AsyncGenerator[FileSource, None]:
    """Open a file to be sent.

    Args:
        path: Where it is.

    Raises:
        OSError: It cannot be read.
    """
    opened = await run_sync(Path(path).open, "rb")
    with opened as file:
        yield FileSource(file, await run_sync(lambda: os.fstat(file.fileno()).st_size))


@asynccontextmanager
async def _spooled(stream: AsyncIterable[bytes]) -> AsyncGenerator[FileSource, None]:
    """Collect bytes of unknown number, because a store wants the number first.

    Args:
        stream: What gives them.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        waiting: list[bytes] = []
        held = size = 0
        async for piece in stream:
            waiting.append(checked(piece))
            held += len(piece)
            if held >= PIECE:
                # A thread for each small piece would cost more than writing it.
                await run_sync(file.writelines, waiting)
                waiting, size, held = [], size + held, 0
        await run_sync(file.writelines, waiting)
        yield FileSource(file, size + held)


@asynccontextmanager
async def opened(given: Given, size: int | None) -> AsyncGenerator[Source, None]:
    """Make what is sent of what was given.

    Args:
        given: A path, bytes, or an async iterator over bytes.
        size: How many bytes an iterator gives.

    Raises:
        ConfigurationError: It is something else, or a size was told of what has its own.
        OSError: It cannot be read.
    """
    if size is not None:
        must(
            isinstance(given, AsyncIterable),
            "size is told only of an async iterator; of everything else it is known",
        )
        count("size", size, least=0, most=MOST)
    if isinstance(given, AsyncIterable):
        if size is not None:
            yield StreamSource(given, size)
        else:
            async with _spooled(given) as source:
                yield source
    elif isinstance(given, str | os.PathLike):
        async with _file(given) as source:
            yield source
    else:
        try:
            held = MemorySource(given)
        except TypeError:
            what = type(given).__name__
            msg = f"source must be a path, bytes or an async iterator over bytes, not {what}"
            raise ConfigurationError(msg) from None
        yield held


class Sink(Protocol):
    """Where bytes land."""

    position: int
    """How many there are."""

    mark: str
    """What tells which state of the object they are of; empty where nothing does."""

    async def write(self, data: bytes, /) -> None:
        """Add some."""
        ...

    async def restart(self) -> None:
        """Begin anew."""
        ...


class MemorySink:
    """Bytes in memory."""

    def __init__(self) -> None:
        """Begin with none."""
        self.position, self.mark = 0, ""
        self._pieces: list[bytes] = []

    async def write(self, data: bytes, /) -> None:
        """Add some."""
        self._pieces.append(data)
        self.position += len(data)

    async def restart(self) -> None:
        """Begin anew."""
        self.position, self.mark = 0, ""
        self._pieces.clear()

    def whole(self) -> bytes:
        """Give all of them."""
        return b"".join(self._pieces)


class FileSink:
    """Bytes in an open file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Write to an open file.

        Args:
            file: It, empty; whoever opened it closes it.
        """
        self.position, self.mark = 0, ""
        self._file = file

    async def write(self, data: bytes, /) -> None:
        """Add some."""
        await run_sync(self._file.write, data)
        self.position += len(data)

    async def restart(self) -> None:
        """Begin anew."""
        self.position, self.mark = 0, ""
        await run_sync(self._empty)

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()


@asynccontextmanager
async def file_sink(path: Path, clock: Clock) -> AsyncGenerator[FileSink, None]:
    """Open a file beside the one that is meant, and give it that name when it is whole.

    Args:
        path: The file that is meant; what is there before is replaced.
        clock: What makes names that nobody has.

    Raises:
        ConfigurationError: It is a folder.
        OSError: It cannot be written.
    """
    must(not await run_sync(path.is_dir), f"{path} is a folder; to names a file")
    beside = path.with_name(f".{path.name[:100]}.{clock.token()}.part")
    file = await run_sync(beside.open, "xb")
    try:
        yield FileSink(file)
        await run_sync(file.close)
        await run_sync(beside.replace, path)
    except BaseException:
        # Not in a thread: a task that is cancelled could not wait for it.
        file.close()
        beside.unlink(missing_ok=True)
        raise
