"""What may pass the border: ids, keys, base URLs, option values.

Everything here is decided before any I/O.  A refusal names what was wrong and what would
be right, and never repeats a secret.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

from msgspec import Struct

from .errors import ConfigurationError

T = TypeVar("T")

ID_LIMIT: Final = 128
"""Characters of an id: the contract's `maxLength`."""

FOREVER: Final = 1e9
"""Seconds nobody waits for."""

LAST_OFFSET: Final = 2**63 - 1
"""An offset has 64 bits."""

SHOWN_OF_KEY: Final = 8
"""How much of a key a `repr` may show; the public display prefix is 12 characters."""

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}").fullmatch
# C0, DEL and C1 controls, every kind of blank, surrogates, and what could change a path.
_ODD_IN_ID: Final = re.compile(r"[\x00-\x20\x7f-\xa0/\\?#%\ud800-\udfff\s]").search
_KEY: Final = re.compile(r"[\x21-\x7e]+").fullmatch
_DECIMAL: Final = re.compile(r"[0-9]{1,128}").fullmatch
_UUID: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
).fullmatch
_ROUTE: Final = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*").fullmatch


def quoted_id(value: object, what: str = "id") -> str:
    """Check an id and encode it for a path.

    Args:
        value: The id as the caller gave it.
        what: How to call it in the refusal.

    Returns:
        The id, percent-encoded.

    Raises:
        ConfigurationError: It is no string, empty, too long, a dot segment, or holds a
            character that could change the path.
    """
    # The hot path: nearly every id is made of characters that mean themselves in a URL.
    if type(value) is str and _PLAIN_ID(value):
        return value
    if not isinstance(value, str):
        # An instance, an agent: what is often given in place of its id.
        own = getattr(value, "id", None)
        hint = f"; give its .id, {own!r}" if isinstance(own, str) else ""
        msg = f"{what} must be a string, not {type(value).__name__}{hint}"
        raise ConfigurationError(msg)
    if not value:
        msg = f"{what} is empty; it must name one resource"
        raise ConfigurationError(msg)
    if len(value) > ID_LIMIT:
        msg = f"{what} has {len(value)} characters; at most {ID_LIMIT} are allowed"
        raise ConfigurationError(msg)
    if value in {".", ".."}:
        msg = f"{what} {value!r} is a dot segment, which would change the path"
        raise ConfigurationError(msg)
    if odd := _ODD_IN_ID(value):
        msg = (
            f"{what} {value!r} has {odd[0]!r} at position {odd.start()}; an id has no"
            r" / \ ? # %, blanks or control characters"
        )
        raise ConfigurationError(msg)
    return quote(value, safe="")


class Key:
    """A bearer key that does not show itself in a `repr`, a traceback or a log."""

    __slots__ = ("header",)

    header: str
    """The value of the `Authorization` header."""

    def __init__(self, value: object) -> None:
        """Take the key, or say what is wrong with it without repeating it.

        Args:
            value: A user JWT or an `oag_` key.

        Raises:
            ConfigurationError: It cannot be a key of this API.
        """
        # Half-made, it must still have a `repr`.
        self.header = ""
        if flaw := _flaw_of_key(value):
            # Crash reporters keep the locals of the frames an error went through.
            del value
            raise ConfigurationError(flaw)
        self.header = f"Bearer {value}"

    @property
    def fingerprint(self) -> str:
        """Sixteen digits that tell one key from another, and give none away."""
        return blake2b(self.header.encode(), digest_size=8, person=b"beeos-async").hexdigest()

    def __repr__(self) -> str:
        """Show the start of an `oag_` key, and nothing of a JWT."""
        value = self.header.removeprefix("Bearer ")
        # A short key would be shown nearly whole.
        if value.startswith("oag_") and len(value) >= 4 * SHOWN_OF_KEY:
            return f"<key {value[:SHOWN_OF_KEY]}…>"
        return "<key …>"

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse to be pickled: a key must not travel in a byte string."""
        msg = "a key does not pickle"
        raise TypeError(msg)


def _flaw_of_key(value: object) -> str | None:
    if not isinstance(value, str):
        return f"the API key must be a string, not {type(value).__name__}"
    if not value:
        return "the API key is empty; expected a user JWT or a key that begins with oag_"
    if "://" in value:
        return "the API key looks like a URL; pass the URL as base_url (BEEOS_API_URL)"
    if not _KEY(value):
        return (
            "the API key has a blank, a line break or a character outside ASCII;"
            " expected one unbroken word"
        )
    if value.startswith("bak_"):
        return (
            "the API key begins with bak_, which this API refuses; expected an oag_ key or a JWT"
        )
    return None


class Options(Struct, frozen=True, kw_only=True):
    """What `with_options` can change: how one call behaves."""

    timeout: float = 30.0
    connect_timeout: float = 10.0
    max_retries: int = 3
    max_throttle_wait: float = 60.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigurationError: A time is not a positive number, or a count not a count.
        """
        seconds("timeout", self.timeout)
        seconds("connect_timeout", self.connect_timeout)
        seconds("max_throttle_wait", self.max_throttle_wait, zero=True)
        count("max_retries", self.max_retries, least=0, most=100)


def seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Refuse what is no number of seconds that can be waited for.

    Raises:
        ConfigurationError: With the name of the option.
    """
    must(
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (0 < value <= FOREVER or (zero and value == 0)),
        f"{name} must be a {'' if zero else 'positive '}number of seconds, not {value!r}",
    )


def count(name: str, value: object, *, least: int, most: int) -> None:
    """Refuse what is no whole number within bounds.

    Raises:
        ConfigurationError: With the name of the option.
    """
    must(
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}",
    )


def length(name: str, value: str, *, most: int, least: int = 1) -> None:
    """Refuse a text that is too short or too long.

    Raises:
        ConfigurationError: With the name of the field.
    """
    must(least <= len(value) <= most, f"{name} must have {least} to {most:,} characters")


def plain(value: object) -> Any:
    """Make of a mapping a dict and of a sequence a list, which alone travel as JSON.

    What is neither stays as it is, and is refused with the body it is a part of.
    """
    # Narrowed, it would be something half known to the checkers.
    if isinstance(value, Mapping):
        return dict(cast("Any", value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return list(cast("Any", value))
    return value


def budget(name: str, value: object, *, sized: bool) -> None:
    """Refuse what is neither a count nor a share of a known number.

    Raises:
        ConfigurationError: With the name of the option.
    """
    if isinstance(value, float):
        must(0 < value < 1, f"{name} must be a whole number, or a share between 0 and 1")
        must(sized, f"{name} can be a share only of a sized collection of ids")
    else:
        count(name, value, least=0, most=10**9)


def tls_context(value: object) -> None:
    """Refuse anything but a TLS context: there is no way to switch verification off.

    Raises:
        ConfigurationError: With what was given.
    """
    must(
        value is None or isinstance(value, ssl.SSLContext),
        f"ssl must be an ssl.SSLContext, not {value!r}; no flag switches verification off",
    )


def one_of(name: str, value: T, allowed: Collection[T]) -> T:
    """Refuse what is none of a few words.

    Raises:
        ConfigurationError: With the words.
    """
    must(value in allowed, f"{name} must be one of {', '.join(map(str, allowed))}, not {value!r}")
    return value


def header_text(name: str, value: object) -> str:
    """Refuse what cannot stand in a header.

    Raises:
        ConfigurationError: With the name of the option.
    """
    must(
        isinstance(value, str) and value.isascii() and value.isprintable(),
        f"{name} must be printable ASCII",
    )
    return str(value)


def file_of(name: str, value: object) -> str:
    """Refuse what cannot be the path of a file.

    Raises:
        ConfigurationError: With the name of the option.
    """
    given: object = value
    if isinstance(value, os.PathLike):
        given = os.fspath(cast("os.PathLike[str]", value))
    must(
        isinstance(given, str) and given != "" and "\0" not in given,
        f"{name} must be the path of a file, not {value!r}",
    )
    return str(given)


def idempotency_key(value: object, *, header: bool) -> str:
    """Refuse what the endpoint does not take as an idempotency key.

    Args:
        value: The key.
        header: Whether it travels in a header, which holds less than a body does.

    Raises:
        ConfigurationError: It is no text or empty; or, in a header, it has not 1 to 128
            printable ASCII characters, blanks aside.
    """
    must(isinstance(value, str) and value != "", "idempotency_key must be a text, and not empty")
    key = str(value)
    must(
        not header
        or (len(key) <= ID_LIMIT and key.isascii() and key.isprintable() and " " not in key),
        f"idempotency_key must have 1 to {ID_LIMIT} printable ASCII characters and no blanks",
    )
    return key


def uuid(name: str, value: object) -> str:
    """Refuse what is no UUID.

    Raises:
        ConfigurationError: With the name of the option.
    """
    must(
        isinstance(value, str) and _UUID(value) is not None,
        f"{name} must be a UUID such as 123e4567-e89b-42d3-a456-426614174000, not {value!r}",
    )
    return str(value)


def decimal(name: str, value: object) -> str:
    """Check a number that travels as text, because it may exceed 64 bits.

    Args:
        name: What it is called.
        value: The number, or its digits.

    Raises:
        ConfigurationError: It is none, is negative, or has more than 128 digits.
    """
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    text = str(value) if plain else ""
    must(bool(_DECIMAL(text)), f"{name} must be a whole number from 0 on, not {value!r}")
    return text


def path_of(value: object) -> str:
    """Refuse what is no path of the API, as it shall be sent.

    Raises:
        ConfigurationError: It does not begin with a slash, or holds a query, a dot segment or
            a character that a path cannot carry.
    """
    text = value if isinstance(value, str) else ""
    segments = text.lower().replace("%2e", ".").split("/")
    must(
        _ROUTE(text) is not None and "." not in segments and ".." not in segments,
        f"a path looks like '/api/v1/things', percent-encoded, its query in params; not {value!r}",
    )
    return text


def must(holds: bool, message: str) -> None:  # noqa: FBT001 -- the condition is its one subject
    if not holds:
        raise ConfigurationError(message)
