"""May this be sent again, and after how long.

The rules are tables 3.1 to 3.5 of the project's fault specification: the row's `Repeat`
and the kind of failure decide, never the HTTP verb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

from ..errors import (
    APIError,
    BeeOSError,
    ConflictError,
    DecodeError,
    Delivered,
    NotSentError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from .endpoint import Repeat

TRANSIENT_BASE: Final = 0.1
TRANSIENT_CAP: Final = 20.0
THROTTLE_BASE: Final = 1.0
THROTTLE_CAP: Final = 30.0
THROTTLE_SPREAD: Final = 0.1
"""How much longer than told a throttled caller waits at most, so that not all return at once."""

LEEWAY: Final = 2.0
"""Seconds that the dates of a server may lie apart: the one of an answer is in whole ones."""

_UNTOUCHED: Final = frozenset(
    {
        "auth_unavailable",
        "auth_transient",
        "refresh_transient",
        "session_unavailable",
        "control_rate_limit_unavailable",
    }
)
"""Codes of a 503 that was answered before the request was looked at."""

_NAMES: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_NOT_THE_HOST: Final = frozenset({"agent_offline", "device_offline", "service_timeout"})
"""Codes of a 5xx that is about one instance."""

_REPEATABLE: Final = frozenset({"safe", "idempotent", "keyed"})

_SECONDS: Final = re.compile(r"[0-9]{1,10}").fullmatch
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES.split(), 1)}
# The three forms of RFC 9110 5.6.7, the last two obsolete and still to be understood.
_DATES: Final = tuple(
    re.compile(form).fullmatch
    for form in (
        r"[A-Z][a-z]{2}, (?P<d>\d\d) (?P<b>[A-Z][a-z]{2}) (?P<Y>\d{4}) (?P<t>\d\d:\d\d:\d\d) GMT",
        r"[A-Z][a-z]+day, (?P<d>\d\d)-(?P<b>[A-Z][a-z]{2})-(?P<Y>\d\d) (?P<t>\d\d:\d\d:\d\d) GMT",
        r"[A-Z][a-z]{2} (?P<b>[A-Z][a-z]{2}) (?P<d>[ \d]\d) (?P<t>\d\d:\d\d:\d\d) (?P<Y>\d{4})",
    )
)


class Verdict(Enum):
    """What to do about a failure."""

    RAISE = auto()
    AGAIN = auto()
    """Send again after a pause; this uses up a retry."""

    SETTLE = auto()
    """Look first whether it took, then decide."""

    THROTTLED = auto()
    """Cool down and send again; this uses up nothing but time."""


def judge(repeat: Repeat, error: BeeOSError, attempts: int) -> Verdict:
    """Decide what a failed attempt asks for.

    Args:
        repeat: What the row says of sending it twice.
        error: Why the attempt failed.
        attempts: How many there were that count, this one included.

    Returns:
        The verdict; whether retries are left is not looked at.
    """
    if isinstance(error, RateLimitError):
        # Any other code than this one is a quota of machines, not of requests; it stays.
        return Verdict.THROTTLED if error.code in {"rate_limited", ""} else Verdict.RAISE
    status = error.status if isinstance(error, APIError) else None
    if status in repeat.last_words or _is_final(error, attempts):
        return Verdict.RAISE
    if isinstance(error, ConflictError):
        return Verdict.SETTLE if repeat.settle else Verdict.RAISE
    if error.delivered == "no" or repeat.word in _REPEATABLE:
        return Verdict.AGAIN
    return Verdict.SETTLE if repeat.settle else Verdict.RAISE


def _is_final(error: BeeOSError, attempts: int) -> bool:
    """Tell failures that would come again."""
    if isinstance(error, TransportError):
        # A redirect, a bad certificate and a proxy that wants a password stay as they are;
        # a name that is unknown twice is unknown.
        return (
            error.reason in {"redirect", "tls"}
            or (error.reason == "proxy" and error.status == 407)
            or (error.reason == "dns" and attempts > 1)
        )
    if isinstance(error, APIError):
        return not isinstance(error, ServerError | ConflictError) and error.status != 408
    return True


def is_own_echo(repeat: Repeat, error: BeeOSError, *, doubted: bool) -> bool:
    """Tell a conflict that says: the first attempt of this very call has arrived.

    The contract has no code for it, only the message.

    Args:
        repeat: What the row says of sending it twice.
        error: Why the attempt failed.
        doubted: Whether an attempt before it may have arrived.
    """
    return (
        doubted
        and repeat.word == "keyed"
        and isinstance(error, ConflictError)
        and "idempotency" in error.message.lower()
    )


def is_host_failure(error: BeeOSError) -> bool:
    """Tell failures of the host itself from those of one instance or of this machine."""
    if isinstance(error, TransportError):
        return not isinstance(error, DecodeError) and error.reason != "local"
    return isinstance(error, ServerError) and error.code not in _NOT_THE_HOST


def costs_budget(error: BeeOSError | None) -> bool:
    """Tell failures that a host which is down gives to every call.

    What never left costs the host nothing, and a conflict is about one instance.
    """
    return not isinstance(error, NotSentError | ConflictError)


def took(goal: str, desired: str, status: str) -> bool:
    """Tell from a look at an instance whether a wish for a state has been taken.

    Args:
        goal: The state wished for.
        desired: Where the control plane steers it; empty where the server does not say.
        status: Where it is.
    """
    if has_ended(desired, status):
        return goal == "terminated"
    return (desired or status) == goal


def came_before(since: datetime | None, date: str, least: float, most: float) -> bool | None:
    """Tell from an answer whether an instance was as it is before a request was sent.

    Args:
        since: When it came to be so, by the server's clock.
        date: The `Date` of the answer, by the same clock.
        least: Seconds on one's own clock from the request to the question, at least.
        most: Seconds from the request to the answer.

    Returns:
        `None` where the dates do not tell.
    """
    said = _http_date(date.strip(" \t"))
    if since is None or said is None:
        return None
    age = said - since.timestamp()
    if age > most + LEEWAY:
        return True
    return False if age + LEEWAY < least else None


def has_ended(desired: str, status: str) -> bool:
    """Tell whether an instance is gone for good, or on its way there."""
    return "terminated" in {desired, status}


def is_slow(error: BeeOSError) -> bool:
    """Tell failures after which the server may still be at it, because nobody waited."""
    status = error.status if isinstance(error, APIError) else None
    return isinstance(error, RequestTimeoutError) or status in {408, 504}


def delivered(status: int, code: str) -> Delivered:
    """Tell whether the server may have acted although it refused."""
    if status == 408 or (status >= 500 and code not in _UNTOUCHED):
        return "maybe"
    return "no"


def backoff(attempts: int, chance: float) -> float:
    """Seconds to wait before a transient failure is tried again: full jitter.

    Args:
        attempts: How many failed so far, at least 1.
        chance: A number from 0 up to 1.
    """
    return chance * min(TRANSIENT_CAP, TRANSIENT_BASE * 2.0 ** (attempts - 1))


def cool_down(asked: float | None, refusals: int, chance: float) -> float:
    """Seconds an endpoint rests after a 429: never less than told, a tenth more at most.

    Args:
        asked: What `Retry-After` said.
        refusals: How many 429s this call has met, at least 1.
        chance: A number from 0 up to 1.
    """
    if asked:
        return asked * (1 + THROTTLE_SPREAD * chance)
    grown = min(THROTTLE_CAP, THROTTLE_BASE * 2.0 ** min(refusals - 1, 10))
    return max(TRANSIENT_BASE, grown * (0.5 + 0.5 * chance))


def conflict_pause(attempts: int) -> float:
    """Seconds to wait before a conflict is tried again: 1, 2, 4, and so on up to the cap."""
    return min(TRANSIENT_CAP, 2.0 ** (attempts - 1))


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Read `Retry-After`.

    A date is measured against the answer's own `Date`, so that a client whose clock is
    wrong does not wait wrongly.

    Args:
        headers: The answer's headers; lookup ignores case.
        wall: Seconds since 1970, for an answer without a `Date`.

    Returns:
        Seconds, 0 for now or the past; `None` where there is nothing usable.
    """
    text = headers.get("Retry-After", "").strip(" \t")
    if _SECONDS(text):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    sent = _http_date(headers.get("Date", "").strip(" \t"))
    return max(0.0, until - (wall if sent is None else sent))


def _http_date(text: str) -> float | None:
    found = next(filter(None, (form(text) for form in _DATES)), None)
    if found is None or not text.isascii():
        return None
    year = int(found["Y"])
    if len(found["Y"]) == 2:
        year += 1900 if year >= 70 else 2000
    try:
        hour, minute, second = map(int, found["t"].split(":"))
        month = _MONTHS.get(found["b"], 0)
        # A leap second has no place in `datetime`.
        second = 59 if second == 60 else second
        moment = datetime(year, month, int(found["d"]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp()
