"""Asking before what cannot be undone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Final

from beeos_async import ConfigurationError

from .wording import clean, number

YES: Final = "yes"

READ: Final = 1024
"""Bytes of an answer."""


async def consent(count: int, where: str) -> bool:
    """Ask whether so many instances shall be destroyed.

    Args:
        count: How many.
        where: To whom they belong.

    Raises:
        ConfigurationError: There is nobody to ask.
    """
    return await agreed(f"This destroys {number(count, 'instance')} of {where}, for good.")


async def agreed(what: str) -> bool:
    """Ask whether something shall be done that cannot be undone.

    Args:
        what: It, in a sentence.

    Raises:
        ConfigurationError: There is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        msg = "this cannot be undone, and nobody is here to be asked: say --yes"
        raise ConfigurationError(msg)
    sys.stderr.write(f"{clean(what)}\nType {YES} to go on: ")
    sys.stderr.flush()
    answer = await _answer(sys.stdin.fileno())
    return answer.decode("utf-8", "replace").strip().lower() == YES


async def _answer(file: int) -> bytes:
    """Read a line without holding up the loop, which also waits for signals."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def tell(line: bytes) -> None:
        if not answer.done():
            answer.set_result(line)

    def read() -> None:
        # Past the buffer, whose lock a thread that is left behind would hold for ever.
        try:
            line = os.read(file, READ)
        except OSError:
            line = b""
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, line)

    threading.Thread(target=read, daemon=True, name="beeos-async consent").start()
    return await answer
