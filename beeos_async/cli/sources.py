"""Where ids and the key come from: arguments, files, standard input.

Nothing is sent from here; whatever cannot be used is refused with what would be right.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import IO, TYPE_CHECKING, Final

from beeos_async import ConfigurationError

from .wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

STDIN: Final = "-"

POSIX: Final = os.name == "posix"
"""Whether a file's mode says who can read it."""

KEY_LIMIT: Final = 65_536
"""Bytes of a key file; a longer one is certainly something else."""


def ids_from(arguments: Iterable[str], files: Iterable[Path]) -> list[str]:
    """Bring together the distinct ids of a command line, in order.

    Args:
        arguments: Ids, and `-` where those of standard input go.
        files: Files of ids, `-` for standard input.

    Raises:
        ConfigurationError: A file cannot be read as text.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        if "," in argument:
            several = " ".join(clean(argument).replace(",", " ").split())
            msg = (
                f"{clean(argument)} is one id with a comma in it; several are given as {several}"
                " (--from FILE takes an id of any kind)"
            )
            raise ConfigurationError(msg)
        found |= dict.fromkeys(_lines_of(STDIN) if argument == STDIN else [argument])
    for file in files:
        found |= dict.fromkeys(_lines_of(os.fspath(file)))
    return list(found)


def ids_in(lines: Iterable[str]) -> Iterator[str]:
    """Read ids, one a line, past blank lines and comments."""
    for line in lines:
        # A mark inside a word is no comment: "a#b" is an id that will be refused, not "a".
        words = line.split()
        id = " ".join(words[: next((i for i, w in enumerate(words) if w[0] == "#"), None)])
        if id:
            yield id


def key_in(file: Path) -> str:
    """Read a key that nobody else can read.

    Args:
        file: What holds nothing but the key.

    Raises:
        ConfigurationError: It cannot be read, or by too many.
    """
    try:
        with file.open("rb") as opened:
            # Of what was opened, not of the name: the name may mean something else by now.
            mode = os.fstat(opened.fileno()).st_mode
            if POSIX and mode & (stat.S_IRWXG | stat.S_IRWXO):
                msg = f"others can read the key file {clean(str(file))}; run: chmod 600 on it"
                raise ConfigurationError(msg)
            content = opened.read(KEY_LIMIT)
    except OSError as error:
        msg = f"the key file {clean(str(file))} cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from None
    return content.decode("ascii", "replace").strip()


def text_in(name: str) -> str:
    """Read a whole file, or standard input.

    Args:
        name: Of the file, or `-`.

    Raises:
        ConfigurationError: It cannot be read as text.
    """
    return "".join(_read(name, _decoded))


def _lines_of(name: str) -> list[str]:
    return list(_read(name, lambda opened: ids_in(_decoded(opened))))


def _read(name: str, read: Callable[[IO[bytes]], Iterator[str]]) -> list[str]:
    where = "standard input" if name == STDIN else clean(name)
    try:
        if name == STDIN:
            return list(read(sys.stdin.buffer))
        with open(name, "rb") as opened:  # noqa: PTH123 -- a name may also be /dev/fd/63
            return list(read(opened))
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        msg = f"{where} is no UTF-8 text: {error.reason} at byte {error.start:,} of a line"
    raise ConfigurationError(msg)


def _decoded(opened: IO[bytes]) -> Iterator[str]:
    for line in opened:
        yield line.decode("utf-8-sig")
