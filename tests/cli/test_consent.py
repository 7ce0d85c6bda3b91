"""Asking before what cannot be undone, in a process that has a terminal."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading

import pytest

from beeos_async import ConfigurationError
from beeos_async.cli import consent as room
from beeos_async.cli.consent import consent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")


class Screen(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def ask(monkeypatch: pytest.MonkeyPatch, typed: bytes) -> tuple[bool, str]:
    """Ask somebody who types that."""
    ours, theirs = os.openpty()
    try:
        with open(theirs, encoding="utf-8", closefd=False) as keyboard:
            screen = Screen()
            monkeypatch.setattr(sys, "stdin", keyboard)
            monkeypatch.setattr(sys, "stderr", screen)
            os.write(ours, typed)
            answer = asyncio.run(consent(1200, "https://api.example\x1b"))
    finally:
        os.close(ours)
        os.close(theirs)
    return answer, screen.getvalue()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(b"yes\n", True), (b" YES \n", True), (b"y\n", False), (b"\n", False), (b"\x04", False)],
    ids=["yes", "loud", "y", "enter", "end"],
)
def test_only_the_whole_word_will_do(
    monkeypatch: pytest.MonkeyPatch, typed: bytes, answer: bool
) -> None:
    """How many and whose are said before."""
    given, asked = ask(monkeypatch, typed)

    assert given is answer
    assert asked == (
        "This destroys 1,200 instances of https://api.example\ufffd, for good.\n"
        "Type yes to go on: "
    )


def test_where_nobody_is_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a pipe that might say yes nor a log that nobody reads is somebody."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

    with pytest.raises(ConfigurationError, match="say --yes"):
        asyncio.run(consent(1, "there"))


def test_a_terminal_that_is_gone_has_not_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was closed while somebody was asked."""

    def gone(file: int, size: int) -> bytes:
        raise OSError

    monkeypatch.setattr(room.os, "read", gone)

    assert asyncio.run(room._answer(0)) == b""


def test_who_no_longer_waits_is_not_told() -> None:
    """After Ctrl-C the answer may still come: to a wait that was cancelled, or to no loop."""
    reader, writer = os.pipe()

    async def leave(*, late: bool) -> None:
        asking = asyncio.create_task(room._answer(reader))
        await asyncio.sleep(0)
        asking.cancel()
        if not late:
            os.write(writer, b"yes\n")
            await asyncio.sleep(0.1)

    asyncio.run(leave(late=False))
    asyncio.run(leave(late=True))
    (asking,) = [one for one in threading.enumerate() if one.name == "beeos-async consent"]
    os.write(writer, b"yes\n")
    asking.join(timeout=5)
    assert not asking.is_alive()
    os.close(reader)
    os.close(writer)
