"""The arithmetic of quotas: what a rate is, and when the next request conforms to it.

State in, state out; what time it is and who waits is the gate's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from ..errors import ConfigurationError
from .table import CONTROL_ACTION, CONTROL_INFO, ROWS

LEAST: Final = 1e-6
MOST: Final = 1e9
"""Requests a second that can be meant; beyond them the arithmetic of floats would not hold."""

_RATE: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|sec|min|m|h)\s*").fullmatch
_UNITS: Final = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


class Rate(Struct, frozen=True):
    """A quota that refills continuously."""

    per_second: float
    burst: int
    """Requests that may go at once after a rest."""


RateLimit = str | float | Mapping[str, str | float]
"""How a quota is written: `"600/min"` (10 a second, 600 at once), `"10/s"`, a number (that many
a second, one at once), or a mapping of operationId or bucket to one of these."""

PUBLISHED: Final[Mapping[str, Rate]] = {
    CONTROL_INFO: Rate(5.0, 300),
    CONTROL_ACTION: Rate(1.0, 60),
}
"""The quotas the contract tells: they are known without anybody saying so."""


def parse_rate(text: object) -> Rate:
    """Read one quota.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        if LEAST <= text <= MOST:
            return Rate(float(text), 1)
    elif isinstance(text, str) and (found := _RATE(text)):
        amount = float(found[1])
        per_second = amount / _UNITS[found[2]]
        if LEAST <= per_second <= MOST:
            return Rate(per_second, max(1, int(amount)))
    msg = f'a quota is "600/min", "10/s" or a positive number a second, not {text!r}'
    raise ConfigurationError(msg)


def rates(given: RateLimit | None, option: str) -> Callable[[str], Rate | None]:
    """Read quotas, one for every endpoint or one by operationId or bucket.

    What is published stands where nothing else is said.  An operationId speaks for the whole
    bucket its endpoint draws on.

    Args:
        given: The quotas.
        option: How to call them in a refusal.

    Returns:
        What finds the quota of a bucket; `None` where none is known.

    Raises:
        ConfigurationError: One is no quota, or no endpoint's, or two of one bucket differ.
    """
    if given is None:
        return PUBLISHED.get
    if not isinstance(given, Mapping):
        everywhere = parse_rate(given)
        # What is published for a few endpoints is not lifted by what is said of all.
        slower = {
            bucket: min(rate, everywhere, key=lambda one: one.per_second)
            for bucket, rate in PUBLISHED.items()
        }
        return lambda bucket: slower.get(bucket, everywhere)
    known = dict(PUBLISHED)
    said: dict[str, str] = {}
    for name, text in given.items():
        bucket, rate = _bucket_of(name, option), parse_rate(text)
        if bucket in said and known[bucket] != rate:
            msg = f"{option} gives {said[bucket]} and {name} two quotas, but they share {bucket}"
            raise ConfigurationError(msg)
        said[bucket], known[bucket] = name, rate
    return known.get


def _bucket_of(name: str, option: str) -> str:
    """Find whose quota is meant by an operationId, or by its own name."""
    if name in ROWS:
        return ROWS[name].bucket
    if name not in PUBLISHED:
        msg = (
            f"{option} names {name!r}, which is no operationId, such as startInstance,"
            f" and no quota of several endpoints, such as {CONTROL_ACTION}"
        )
        raise ConfigurationError(msg)
    return name


def conform(rate: Rate, due: float, now: float) -> tuple[float, float]:
    """Apply the generic cell rate algorithm to one request.

    Args:
        rate: The quota.
        due: When the bucket will be full again; from the last call, or 0.
        now: Seconds on the same clock.

    Returns:
        The new `due`, and the seconds until the request conforms: 0 when it may go now,
        in which case it has been counted.
    """
    gap = 1.0 / rate.per_second
    start = max(due, now)
    wait = start + gap - now - rate.burst * gap
    # A millionth of a gap is the noise of adding floats, not a request too many; nor can a
    # clock that has run for long tell apart what is less than its last digit.
    if wait > gap * 1e-6 and now + wait > now:
        return due, wait
    return start + gap, 0.0
