"""What a doctor finds, and how it is told: a line each, with what to do."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from rich.table import Table
from rich.text import Text

from .display import terminal
from .glyphs import glyphs_of
from .wording import as_json, clean, duration

if TYPE_CHECKING:
    from rich.console import Console

Verdict = Literal["ok", "warn", "fail"]

STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "red"}

WIDE: Final = 5
"""Columns of the name of what was examined."""

DAY: Final = 86_400

SOON: Final = 300
"""Seconds before its end in which a token is worth a word."""

HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})

# The contract's form of a key; of another form it may all the same be good.
_OAG: Final = re.compile(r"oag_[0-9a-f]{64}").fullmatch


class Finding(NamedTuple):
    """One thing that was examined."""

    verdict: Verdict
    what: str
    fact: str
    advice: str = ""


class Findings:
    """All of them, each told as it comes."""

    def __init__(self, *, as_objects: bool) -> None:
        """Tell them on standard output.

        Args:
            as_objects: Whether a program reads it.
        """
        self.failed: bool = False
        self._as_objects = as_objects
        self._console = None if as_objects else terminal()

    def add(self, finding: Finding) -> None:
        """Tell one more."""
        self.failed = self.failed or finding.verdict == "fail"
        if self._console is not None:
            self._console.print(_drawn(finding, self._console), highlight=False)
            return
        if self._as_objects:
            text = as_json(finding._asdict())
        else:
            advice = f"; {finding.advice}" if finding.advice else ""
            text = f"{finding.verdict} {finding.what}: {clean(finding.fact + advice)}"
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def key_finding(key: str, whence: str, url: str, at: datetime) -> Finding:
    """Say of what kind a key is, and whether it may have been spoilt; never the key.

    Args:
        key: What could be one.
        whence: Where it came from.
        url: Where it would go.
        at: The time.
    """
    here = urlsplit(url).hostname in HERE
    if _OAG(key):
        if here:
            return Finding(
                "warn",
                "key",
                f"an oag_ key, from {whence}, and the URL is this machine's",
                "a pretend cloud refuses a real key; and whatever else listens there sees it",
            )
        return Finding("ok", "key", f"an oag_ key, from {whence}")
    if here:
        return Finding("ok", "key", f"a word for a pretend cloud, from {whence}")
    if key.startswith("oag_"):
        return Finding(
            "warn",
            "key",
            f"begins with oag_ and has {len(key)} characters instead of 68, from {whence}",
            "copy it again: it may have been cut off",
        )
    ends = _end_of_token(key)
    if ends is not None:
        return _token_finding(ends, whence, at)
    return Finding(
        "warn",
        "key",
        f"neither an oag_ key nor a user token, from {whence}",
        "copy it again, if the call below is refused",
    )


def lasts(seconds: float) -> str:
    """Write a time of any length: `4.2 s`, `3:07`, `12 days`."""
    return duration(seconds) if seconds < 2 * DAY else f"{seconds / DAY:,.0f} days"


def _token_finding(ends: datetime, whence: str, at: datetime) -> Finding:
    left = (ends - at).total_seconds()
    if left <= 0:
        fact = f"a user token that ended {lasts(-left)} ago, from {whence}"
        return Finding("fail", "key", fact, "log in again, or use an oag_ key, which lasts")
    fact = f"a user token, good for {lasts(left)}, from {whence}"
    if left < SOON:
        return Finding("warn", "key", fact, "it ends soon: use an oag_ key for longer runs")
    return Finding("ok", "key", fact)


def _end_of_token(key: str) -> datetime | None:
    """Read when a JWT ends, which it says of itself; nothing else of it is looked at."""
    parts = key.split(".")
    if len(parts) != 3:  # noqa: PLR2004 -- head, claims, signature
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, TypeError, LookupError, OverflowError, binascii.Error):
        return None


def _drawn(finding: Finding, console: Console) -> Table:
    glyphs = glyphs_of(console)
    mark = {"ok": glyphs.good, "warn": glyphs.warn, "fail": glyphs.bad}[finding.verdict]
    table = Table.grid(padding=(0, 2))
    style = STYLES[finding.verdict]
    table.add_row(
        Text(f"  {mark} {finding.what:<{WIDE}}", f"bold {style}", no_wrap=True),
        Text(clean(finding.fact), overflow="fold"),
    )
    if finding.advice:
        table.add_row("", Text(f"{glyphs.arrow} {clean(finding.advice)}", style))
    return table
