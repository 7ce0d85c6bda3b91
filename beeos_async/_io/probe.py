"""Whether the installed aiohttp is, below its front door, as the lease takes it to be."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

T = TypeVar("T")


@cache
def flaw_of_aiohttp() -> str | None:
    """Try out, once in a process, what is used of aiohttp below its front door.

    Returns:
        What is missing or behaves differently; `None` if nothing does.
    """
    try:
        return _tried()
    except Exception as error:  # noqa: BLE001 -- whatever another release of it may do
        return f"aiohttp {aiohttp.__version__}: {type(error).__name__}: {error}"


def _tried() -> str | None:
    if list(inspect.signature(aiohttp.BaseConnector.connect).parameters)[1:] != [
        "req",
        "traces",
        "timeout",
    ]:
        return f"aiohttp {aiohttp.__version__} connects differently"
    for name in ("transport", "protocol", "release", "close"):
        inspect.getattr_static(Connection, name)
    for name in ("_get_ssl_context", "_resolve_host"):
        inspect.getattr_static(aiohttp.TCPConnector, name)
    handler = ResponseHandler(asyncio.get_running_loop())
    handler.connection_made(asyncio.Transport())
    handler.set_response_params(read_until_eof=True)
    handler.data_received(b"HTTP/1.1 201 Yes\r\nX-Probe: a\r\nContent-Length: 2\r\n\r\n{}")
    message, content = _now(handler.read())
    answer = message.code, message.headers.get("x-probe"), _now(content.read())
    if answer != (201, "a", b"{}") or handler.should_close:
        return f"aiohttp {aiohttp.__version__} reads an answer differently"
    handler.data_received(b"HTTP/1.1 200 Pushed\r\nContent-Length: 0\r\n\r\n")
    if not handler.should_close:
        return f"aiohttp {aiohttp.__version__} does not see what was pushed"
    return None


def _now(step: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for."""
    try:
        step.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    step.close()
    msg = "it waits for what is there"
    raise RuntimeError(msg)
