"""Where a client lives: the event loop and the process of its first request."""

from __future__ import annotations

import asyncio
import os

from ..errors import ClientLoopError


class Home:
    """The one loop and the one process whose sockets a client may use."""

    __slots__ = ("_loop", "_process")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = _process

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is another process than the client was made in."""
        return self._process != _process

    def stay(self) -> None:
        """Refuse another event loop or process than the first request was made in.

        Raises:
            ClientLoopError: It is another one.
        """
        if self._process != _process and self._loop is not None:
            # The child would read the parent's answers off the shared sockets.
            msg = "this client connected before the process forked; make a new one in the child"
            raise ClientLoopError(msg)
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._loop is None:
            self._loop, self._process = loop, _process
            return
        msg = (
            f"this client belongs to event loop {id(self._loop):#x}"
            f"{' (closed)' if self._loop.is_closed() else ''}, the call runs in {id(loop):#x};"
            " make one client for each loop"
        )
        raise ClientLoopError(msg)


_process = 0


def _forked() -> None:
    global _process  # noqa: PLW0603 -- a process is a global thing
    _process += 1


# Cheaper by a system call for each request than asking for the process id.
if hasattr(os, "register_at_fork"):  # pragma: no branch -- Windows cannot fork
    os.register_at_fork(after_in_child=_forked)
