"""The journal of a fleet: what was sent and what came of it, so that a run can go on.

Lines of JSON in a file that only grows, each written by one call of the system before
anybody acts on it: before an id is sent, and before its outcome is told.  So a process may
be killed at any moment, and the next run knows what to leave alone, what to look after and
what to send.  A machine that loses its power may lose the last lines; then more is looked
after than would be needed.

A section of the file begins with a header and ends with `end`; a run that was cut short
has none, and the next run goes on with its section.  This module keeps the file; what
follows from it for an id is the engine's business.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import stat
import sys
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, cast

from msgspec import structs

from .._checks import Key, file_of
from ..errors import ConfigurationError
from .outcomes import Failed, Outcome, Skipped, Succeeded, TimedOut, is_cut
from .records import UnreadableError
from .steps import (
    FORMAT,
    LINES,
    Accepted,
    End,
    Header,
    JournalState,
    Line,
    Past,
    Sent,
    known_of,
)

if sys.platform == "win32":  # pragma: no cover -- one of the two is here
    import msvcrt

    def _lock(file: int) -> None:
        # A byte nobody reads: on Windows what is locked cannot be read by others.
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


_FAR: Final = 2**40
_BINARY: Final[int] = getattr(os, "O_BINARY", 0)
"""Lines end in one way everywhere."""

_READING: Final = os.O_RDONLY | _BINARY
_WRITING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY
_HEAD: Final = b'{"kind":"header",'
_END: Final = b'\n{"kind":"end"}\n'


class Journal:
    """One journal: read and locked by `open`, told of each step, and closed."""

    # Here, for `__del__` also sees what was refused as it was made.
    _file: int | None = None

    def __init__(
        self, path: object, action: str, wish: object, base_url: str, key: object
    ) -> None:
        """Remember what it is to be about; nothing is opened yet.

        Args:
            path: Where it is, or shall be.
            action: The operationId, or `wait`.
            wish: What is waited for, if anything.
            base_url: The server.
            key: The key; a callable that gives it has no fingerprint.

        Raises:
            ConfigurationError: `path` is none.
        """
        self.path: str = file_of("journal", path)
        self._header = Header(
            format=FORMAT,
            action=action,
            wait=wish if wish is None or isinstance(wish, str) else "a function",
            base_url=base_url,
            key=key.fingerprint if isinstance(key, Key) else None,
        )
        self._places: dict[str, tuple[int, int]] = {}
        self._open: set[str] = set()
        self._broken: OSError | None = None
        self._cut = False

    def open(self) -> None:
        """Lock the file and read it, making it where there is none; this may take a while.

        Raises:
            ConfigurationError: It cannot be opened, is in use by another run, is no journal,
                or is about something else.
        """
        try:
            file = self._file = os.open(self.path, _WRITING, 0o600)
        except OSError as error:
            self._refuse(f"cannot be opened: {error.strerror}")
        if stat.S_ISFIFO(os.fstat(file).st_mode):
            self.close()
            # A pipe that nobody empties would hold up the loop, too.
            self._refuse("is a pipe, from which no later run could read")
        try:
            _lock(file)
        except OSError as error:
            self.close()
            held = error.errno in {errno.EAGAIN, errno.EACCES}
            self._refuse("is in use by another run" + ("" if held else f" ({error.strerror})"))
        try:
            with open(file, "rb", closefd=False) as reader:
                self._read(file, reader, mend=True)
        except ConfigurationError:
            self.close()
            raise

    def look(self) -> dict[str, JournalState]:
        """Tell how far each id had come in a run that was cut short, and change nothing.

        Nothing is locked, made or mended: another run may be writing there.

        Raises:
            ConfigurationError: It cannot be opened, is no journal, or is about something else.
        """
        try:
            file = self._file = os.open(self.path, _READING)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._refuse(f"cannot be opened: {error.strerror}")
        try:
            with open(file, "rb", closefd=False) as reader:
                self._read(file, reader, mend=False)
            return {id: known_of(self._at(file, place)) for id, place in self._places.items()}
        finally:
            self._places.clear()
            self.close()

    @property
    def ids(self) -> list[str]:
        """The ids that an earlier run of this section had begun."""
        return list(self._places)

    def begin(self, wall: float) -> None:
        """Write the header.

        Args:
            wall: Seconds since 1970.

        Raises:
            OSError: It cannot be written.
        """
        self._write(structs.replace(self._header, at=datetime.fromtimestamp(wall, UTC)))

    def past(self, id: str) -> Past | None:
        """Tell what an earlier run of this section knew of an id.

        Args:
            id: The id.

        Returns:
            Its good outcome; or that it was accepted, and is to be waited for; or what leaves
            it open whether it took; or `None` where it is to be tried, for it was never sent
            or certainly came to nothing.
        """
        place = self._places.get(id)
        if place is None or self._file is None:
            return None
        line = self._at(self._file, place)
        return None if isinstance(line, Failed | Skipped | TimedOut) else cast("Past", line)

    def sent(self, id: str) -> None:
        """Note that an id is about to be sent.

        Raises:
            OSError: It cannot be written; then it must not be sent.
        """
        self._write(Sent(id))
        self._open.add(id)

    def accepted(self, outcome: Succeeded[Any]) -> None:
        """Note that an id was accepted, and is now waited for.

        Raises:
            OSError: It cannot be written.
        """
        self._write(Accepted(outcome))
        self._open.discard(outcome.id)

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Note what became of an id, before anybody is told of it.

        Raises:
            OSError: It cannot be written.
        """
        self._cut = self._cut or is_cut(outcome)
        # What was never sent leaves no trace: it is tried by the next run in any case.
        if outcome.id in self._open or not isinstance(outcome, Skipped):
            self._write(outcome)
        self._open.discard(outcome.id)

    def end(self) -> None:
        """Note that the run has come to its end, unless it has cut some ids short.

        Raises:
            OSError: It cannot be written.
        """
        if not self._cut:
            self._write(End())

    def unlock(self) -> None:
        """Let others have the file, and write no more; the past can still be read."""
        if self._file is not None:
            _unlock(self._file)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    __del__ = close

    def _write(self, line: Line) -> None:
        if self._broken is not None:
            raise self._broken.with_traceback(None)
        file = self._file
        assert file is not None  # noqa: S101 -- opened before anything is sent
        rest = LINES.write(line)
        try:
            # More than one turn only where it does not fit: the next one says why.
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError as error:
            self._broken = OSError(error.errno, error.strerror, str(self.path))
            raise self._broken from None

    @staticmethod
    def _at(file: int, place: tuple[int, int]) -> Line:
        # What is written goes to the end, wherever was read before.
        os.lseek(file, place[0], os.SEEK_SET)
        # It was understood when the file was opened, and nobody else writes here.
        return LINES.read(os.read(file, place[1]))

    def _read(self, file: int, reader: io.BufferedReader, *, mend: bool) -> None:
        """Read the last section, if it was cut short, into `_places`.

        Args:
            file: The file.
            reader: What reads it from its beginning.
            mend: Whether a torn line is taken out of it.

        Raises:
            ConfigurationError: It is no journal, or one of something else.
        """
        size = os.fstat(file).st_size
        if not size:
            return
        head = reader.readline()
        if not head.startswith(_HEAD[: len(head)]):
            self._refuse("is no journal, but something else")
        if not head.endswith(b"\n"):
            # Even the first line may be torn.
            if mend:
                os.ftruncate(file, 0)
            return
        place = 0
        self._take(head, place)
        # What has ended long ago is not read again every night.
        with mmap.mmap(file, size, access=mmap.ACCESS_READ) as whole:
            if (last := whole.rfind(_END)) >= 0:
                place = last + len(_END)
        reader.seek(place)
        for line in iter(reader.readline, b""):
            if not line.endswith(b"\n"):
                # Torn, as whoever wrote it was killed or had no room: as if never written.
                if mend:
                    os.ftruncate(file, place)
                break
            self._take(line, place)
            place += len(line)

    def _take(self, raw: bytes, place: int) -> None:
        """Heed one line."""
        try:
            line = LINES.read(raw)
        except UnreadableError as error:
            self._refuse(f"is damaged at byte {place:,}: {error}")
        match line:
            case Header():
                self._compare(line)
            case End():
                self._places.clear()
            case Accepted(outcome):
                self._places[outcome.id] = place, len(raw)
            case TimedOut(id):
                # It stays accepted, and what was seen right after that tells most.
                self._places.setdefault(id, (place, len(raw)))
            case _:
                self._places[line.id] = place, len(raw)

    def _compare(self, other: Header) -> None:
        """Refuse what a run about something else has written."""
        own = self._header
        if other.format > FORMAT:
            self._refuse("was written by a later version of beeos-async")
        if other.action != own.action:
            self._refuse(f"is about {other.action}, and this run about {own.action}")
        if other.wait != own.wait:
            awaited = [f"waits for {one.wait or 'nothing'}" for one in (other, own)]
            self._refuse(f"{awaited[0]}, and this run {awaited[1]}")
        if other.base_url != own.base_url:
            self._refuse(f"is about {other.base_url}, and this run about {own.base_url}")
        if other.key != own.key and other.key and own.key:
            self._refuse("was written with another key; take another file for this one")

    def _refuse(self, why: str) -> NoReturn:
        msg = f"journal {self.path} {why}"
        raise ConfigurationError(msg) from None
