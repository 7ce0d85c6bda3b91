"""Whom the clients of this process may reach: everybody, unless a test says otherwise.

It imports next to nothing: the pytest plugin looks in here in every run of every user.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_watches: Final[dict[int, list[str]]] = {}
"""What each open `only_loopback` has seen refused, the innermost last."""


@contextmanager
def only_loopback() -> Generator[list[str]]:
    """Let no client of this process connect to another machine, for as long as a block lasts.

    A client that would connect elsewhere raises `ConfigurationError` instead, before any
    I/O, also not through a proxy; so does a file that would be sent to, or fetched from, a
    store elsewhere.  A client that has connected to its API before goes on.  It holds for all
    threads, and not for processes that are started inside.  The pytest plugin has it around
    each test.

    Yields:
        The base URLs that were refused, and of a store its origin, as they are refused; so it
        shows, too, where the code under test has caught the error.  Of blocks inside each
        other the innermost is told.

    Example:
        ```python
        with only_loopback() as refused:
            try:
                await AsyncBeeOS(base_url="https://beeos.example.net").start(id)
            except ConfigurationError as error:
                print(error)
        print(refused)  # ['https://beeos.example.net']
        ```
    """
    refused: list[str] = []
    _watches[id(refused)] = refused
    try:
        yield refused
    finally:
        del _watches[id(refused)]


def refuse(url: str) -> bool:
    """Tell whether a URL that is not loopback is to be refused, and note it where it is."""
    for refused in reversed(_watches.values()):
        refused.append(url)
        return True
    return False
