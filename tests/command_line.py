"""What a test of the command gets, and how it is called."""

from __future__ import annotations

import importlib.util
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from beeos_async import Progress
from beeos_async.emulator import Emulator

KEY = "sesame-open-for-me"
"""What may stand in no output."""


class Ran(NamedTuple):
    """What became of a command."""

    code: int
    out: str
    err: str


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def plain(text: str) -> str:
    """Take away what only a terminal reads."""
    return ESCAPES.sub("", text).replace("\r", "")


Clouds = Callable[..., Emulator]
Command = Callable[..., Ran]
Alone = Callable[..., Popen[str]]


def sight(
    *,
    in_flight: int = 0,
    waiting: int = 0,
    limited_by: str = "nothing",
    seconds_left: float | None = 4.0,
) -> Progress:
    """Give how a run sees itself."""
    return Progress(
        done=0,
        total=None,
        in_flight=in_flight + waiting,
        waiting=waiting,
        counts={},
        rate=0.0,
        seconds_left=seconds_left,
        limited_by=limited_by,
    )


@contextmanager
def signalled(
    number: int, *, when: Callable[[], bool], process: int | None = None
) -> Iterator[None]:
    """Signal a process, this one if no other, as soon as something has come about."""

    came = False

    def watch() -> None:
        nonlocal came
        until = time.monotonic() + 30
        while not (came := when()) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process or os.getpid(), number)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        watching.join()
    assert came, "what the signal waited for never came about"


def run_as_program(module: str) -> None:
    """Run a `__main__` of the package as `python -m` would.

    Not by `runpy`: pytest reads the modules of an installed plugin by a loader of its own,
    which `runpy` cannot use.
    """
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    code = compile(Path(spec.origin).read_text(encoding="utf-8"), spec.origin, "exec")
    package = module.rpartition(".")[0]
    exec(code, {"__name__": "__main__", "__package__": package})  # noqa: S102 -- our own
