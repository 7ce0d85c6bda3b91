"""The client a command works with, made of what was said on its line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beeos_async import AsyncBeeOS, ConfigurationError

from .sources import key_in
from .wording import clean

if TYPE_CHECKING:
    from .options import Server


def client_of(server: Server, concurrency: int = 64, rate_limit: str | None = None) -> AsyncBeeOS:
    """Make the client.

    Args:
        server: Where, and how hard to try.
        concurrency: How many requests may be in flight.
        rate_limit: The quota, if it is known.

    Raises:
        ConfigurationError: There is no key, or something cannot work.
    """
    return AsyncBeeOS(
        key_of(server),
        base_url=server.base_url,
        timeout=server.timeout,
        max_retries=server.retries,
        max_concurrency=concurrency,
        rate_limit=None if rate_limit is None else quota_in(rate_limit),
    )


def key_of(server: Server) -> str:
    """Find the key; it comes from nowhere else.

    Raises:
        ConfigurationError: There is none, or its file cannot be used.
    """
    if server.key_file is not None:
        return key_in(server.key_file)
    if "BEEOS_API_KEY" not in os.environ:
        msg = "there is no API key: set BEEOS_API_KEY, or give --api-key-file FILE"
        raise ConfigurationError(msg)
    return os.environ["BEEOS_API_KEY"]


def quota_in(text: str) -> str | float:
    """Read a quota as the client takes it: `600/min`, `10/s`, or a number a second."""
    try:
        return float(text)
    except ValueError:
        return text


def told_quota(text: str) -> str:
    """Say a quota with its unit, also one that was given as a bare number."""
    quota = quota_in(text)
    return quota if isinstance(quota, str) else f"{quota:g}/s"


def budget_in(text: str | None) -> float | None:
    """Read how many may fail: `10`, or a share, `5%` or `0.05`.

    Raises:
        ConfigurationError: It is neither.
    """
    if text is None:
        return None
    try:
        return int(text) if text.isdecimal() else _share(text)
    except ValueError:
        msg = "--max-failures is a number such as 10, or a share such as 5%"
        raise ConfigurationError(msg) from None


def share_in(option: str, text: str) -> float:
    """Read a share: `5%`, or `0.05`.

    Args:
        option: Where it was said.
        text: What was said.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        share = _share(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        msg = f"{option} is a share such as 5% or 0.05, not {clean(text)}"
        raise ConfigurationError(msg)
    return share


def _share(text: str) -> float:
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)
