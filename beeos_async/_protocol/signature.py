"""The signatures of webhooks: made and checked, over the bytes as they travel.

`t=<unix seconds>,v1=<hex>`, where the hex is the HMAC-SHA256 of `<t>.` and the body.  A
header may carry several: each that is right will do.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from ..errors import ConfigurationError, WebhookSignatureError

HEADER: Final = "X-BeeOS-Signature"
"""The header in which a webhook carries its signature."""

_MOST_PARTS: Final = 64
_SECONDS: Final = re.compile(r"[0-9]{1,12}").fullmatch
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}").fullmatch


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Make the header that proves a body to be from whoever knows a secret.

    Args:
        body: The bytes as they travel.
        secret: What both sides know.
        timestamp: Seconds since 1970.
    """
    return f"t={timestamp},v1={_mark(body, secret, str(timestamp))}"


def verify(
    body: bytes, header: str, secrets: Iterable[str], now: float, tolerance: float | None
) -> None:
    """Find out whether a body is from whoever knows one of some secrets.

    Args:
        body: The bytes as they came.
        header: The signature's header.
        secrets: What may have been signed with.
        now: Seconds since 1970.
        tolerance: Seconds by which the two clocks may differ; `None`: any age will do.

    Raises:
        WebhookSignatureError: It is not, or not any more.
    """
    if flaw := _flaw_of(body, header, secrets, now, tolerance):
        msg = f"the webhook's signature {flaw}"
        raise WebhookSignatureError(msg)


def _flaw_of(
    body: bytes, header: str, secrets: Iterable[str], now: float, tolerance: float | None
) -> str | None:
    parts = [part.strip().partition("=") for part in header.split(",", _MOST_PARTS)]
    moments = [value for name, _, value in parts if name == "t"]
    marks = [value.lower() for name, _, value in parts if name == "v1" and _HEX(value)]
    if not marks and any(name == "sha256" for name, _, _ in parts):
        return "is of the old form sha256=…, which proves no time and is not accepted"
    if len(moments) != 1 or not _SECONDS(moments[0]):
        flaw = "more than one" if len(moments) > 1 else "no"
        return f"has {flaw} timestamp; it looks like t=<unix seconds>,v1=<64 hex digits>"
    if not marks:
        return "has no v1; it looks like t=<unix seconds>,v1=<64 hex digits>"
    # All are compared, and each to its end: how long it takes tells nothing.
    right = [
        hmac.compare_digest(_mark(body, secret, moments[0]), mark)
        for secret in secrets
        for mark in marks
    ]
    if not any(right):
        return (
            "does not fit: the body is not what was signed (are these the raw bytes, before any"
            " parsing?), or it was signed with another secret"
        )
    # Only who knows the secret is told about clocks.
    ahead = int(moments[0]) - now
    if tolerance is None or abs(ahead) <= tolerance:
        return None
    when = f"{abs(ahead):.0f} s {'ahead of this clock' if ahead > 0 else 'old'}"
    return (
        f"is {when}, and at most {tolerance:g} s are accepted; tolerance=None accepts any age,"
        " as a redelivered original may have"
    )


def checked_secret(value: object) -> str:
    """Refuse what cannot be a secret.

    Args:
        value: What was given; it is not repeated.

    Raises:
        ConfigurationError: It is no text, or empty: an empty one would let anybody in.
    """
    if not isinstance(value, str) or not value:
        msg = "secret must be the webhook's secret, or several, none of them empty"
        raise ConfigurationError(msg)
    return value


def _mark(body: bytes, secret: str, timestamp: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
