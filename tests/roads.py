"""Which way requests travel in a test; `either_road` in `conftest.py` runs it both ways."""

from __future__ import annotations

from typing import Final, Literal, TypedDict


class Road(TypedDict):
    """The client's option for it."""

    transport: Literal["auto", "leased", "plain"]


ROAD: Final[Road] = {"transport": "auto"}
"""Options of every client that a test makes itself."""
