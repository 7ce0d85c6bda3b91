"""What a test of the command gets, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen
from typing import NamedTuple

from beeos_async.emulator import Emulator

KEY = "sesame-open-for-me"
"""What may stand in no output."""


class Ran(NamedTuple):
    """What became of a command."""

    code: int
    out: str
    err: str


Clouds = Callable[..., Emulator]
Command = Callable[..., Ran]
Alone = Callable[..., Popen[str]]
