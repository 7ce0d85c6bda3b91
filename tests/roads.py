"""Which way requests travel in a test; `either_road` in `conftest.py` runs it both ways."""

from __future__ import annotations

import ssl
from typing import Final, Literal, NotRequired, TypedDict


class Road(TypedDict):
    """The client's options for it."""

    transport: Literal["auto", "leased", "plain"]
    ssl: NotRequired[ssl.SSLContext]


ROAD: Final[Road] = {"transport": "auto"}
"""Options of every client that a test makes itself."""


class Served(TypedDict, total=False):
    """How servers are reached on it."""

    tls: ssl.SSLContext


SERVED: Final[Served] = {}
"""What every fault server serves that a test makes itself, beside what the test says."""
