"""What may pass the border: ids, keys, base URLs, option values.

Everything here is decided before any I/O.  A refusal names what was wrong and what would
be right, and never repeats a secret.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from msgspec import Struct

from .errors import ConfigurationError

DEFAULT_URL: Final = "https://openapi.beeos.ai"

ID_LIMIT: Final = 128
"""Characters of an id: the contract's `maxLength`."""

HOST_LIMIT: Final = 253
"""Characters of a host name: what the DNS can carry."""

FOREVER: Final = 1e9
"""Seconds nobody waits for."""

SHOWN_OF_KEY: Final = 8
"""How much of a key a `repr` may show; the public display prefix is 12 characters."""

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}").fullmatch
# C0, DEL and C1 controls, every kind of blank, surrogates, and what could change a path.
_ODD_IN_ID: Final = re.compile(r"[\x00-\x20\x7f-\xa0/\\?#%\ud800-\udfff\s]").search
_KEY: Final = re.compile(r"[\x21-\x7e]+").fullmatch
_HOST: Final = re.compile(
    r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?"
).fullmatch
_PATH: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*").fullmatch
_CONTROL_OR_BLANK: Final = re.compile(r"[\x00-\x20\x7f-\xa0]").search


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
        msg = f"{what} must be a string, not {type(value).__name__}"
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

    __slots__ = ("_header",)

    def __init__(self, value: object) -> None:
        """Take the key, or say what is wrong with it without repeating it.

        Args:
            value: A user JWT or an `oag_` key.

        Raises:
            ConfigurationError: It cannot be a key of this API.
        """
        # Half-made, it must still have a `repr`.
        self._header = ""
        if flaw := _flaw_of_key(value):
            # Crash reporters keep the locals of the frames an error went through.
            del value
            raise ConfigurationError(flaw)
        self._header = f"Bearer {value}"

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return self._header

    def __repr__(self) -> str:
        """Show the start of an `oag_` key, and nothing of a JWT."""
        value = self._header.removeprefix("Bearer ")
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


def base_url_of(value: object, *, allow_insecure: bool = False) -> str:
    """Check a base URL and cut its trailing slashes.

    Args:
        value: `https://host[:port][/prefix]`; plain `http` for loopback names only.
        allow_insecure: Let plain `http` go to any host.

    Returns:
        The URL in its plainest form.

    Raises:
        ConfigurationError: It could lead the key to somewhere else.
    """
    if not isinstance(value, str) or not value:
        msg = f"base_url must be a string such as {DEFAULT_URL}"
        raise ConfigurationError(msg)
    _must(
        value.isascii() and not _CONTROL_OR_BLANK(value) and "\\" not in value,
        "base_url has a blank, a control character, a backslash or a character outside ASCII"
        " (write a foreign host name as punycode)",
    )
    parts, port = _url_parts(value, "base_url")
    host = parts.hostname or ""
    _must(
        parts.scheme in {"https", "http"},
        "base_url must begin with https:// (or http:// for loopback)",
    )
    _must("@" not in parts.netloc, "base_url holds user information; the key is given as api_key")
    _must("?" not in value and "#" not in value, "base_url must have no query and no fragment")
    _must(_is_host(host), "base_url has no usable host name")
    _must(
        _PATH(parts.path) is not None and not {".", ".."} & set(parts.path.split("/")),
        "base_url has a path with a dot segment, a percent sign or another odd character",
    )
    _must(
        parts.scheme == "https" or allow_insecure or is_loopback(host),
        f"base_url is plain http to {host}: the key would be readable on the way;"
        " use https, or say allow_insecure=True",
    )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _url_parts(url: str, name: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        msg = f"{name} has a malformed host or port"
        # Not chained: what `urlsplit` raises may quote the URL, password and all.
        raise ConfigurationError(msg) from None
    return parts, port


def _is_host(host: str) -> bool:
    if ":" in host:
        # A zone, after a percent sign, is a matter of one machine's interfaces.
        return "%" not in host and _address(host) is not None
    return len(host) <= HOST_LIMIT and _HOST(host) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
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
    _must(
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
    _must(
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}",
    )


def one_of(name: str, value: object, words: tuple[str, ...]) -> None:
    """Refuse what is none of the words that have a meaning here.

    Raises:
        ConfigurationError: With the name of the option.
    """
    _must(value in words, f"{name} must be one of {', '.join(words)}, not {value!r}")


def budget(name: str, value: object, *, sized: bool) -> None:
    """Refuse what is neither a count nor a share of a known number.

    Raises:
        ConfigurationError: With the name of the option.
    """
    if isinstance(value, float):
        _must(0 < value < 1, f"{name} must be a whole number, or a share between 0 and 1")
        _must(sized, f"{name} can be a share only of a sized collection of ids")
    else:
        count(name, value, least=0, most=10**9)


def tls_context(value: object) -> None:
    """Refuse anything but a TLS context: there is no way to switch verification off.

    Raises:
        ConfigurationError: With what was given.
    """
    _must(
        value is None or isinstance(value, ssl.SSLContext),
        f"ssl must be an ssl.SSLContext, not {value!r}; no flag switches verification off",
    )


def header_text(name: str, value: object) -> str:
    """Refuse what cannot stand in a header.

    Raises:
        ConfigurationError: With the name of the option.
    """
    _must(
        isinstance(value, str) and value.isascii() and value.isprintable(),
        f"{name} must be printable ASCII",
    )
    return str(value)


def proxy_of(url: str, given: str | None) -> str | None:
    """Choose the proxy: the one given, else what the environment says for https.

    Raises:
        ConfigurationError: It is no proxy's URL.
    """
    if given is None:
        target = urlsplit(url)
        # To a proxy, plain http would show the key; and loopback is this machine.
        if target.scheme != "https" or is_loopback(target.hostname or ""):
            return None
        given = getproxies_environment().get("https")
        if not given or proxy_bypass(target.netloc):
            return None
    shape = "a proxy (proxy, or HTTPS_PROXY) is given as http://host:port"
    _must(not _CONTROL_OR_BLANK(given), shape)
    parts, _ = _url_parts(given, "the proxy's URL")
    _must(parts.scheme in {"http", "https"} and bool(parts.hostname), shape)
    return given


def _must(holds: bool, message: str) -> None:  # noqa: FBT001 -- the condition is its one subject
    if not holds:
        raise ConfigurationError(message)
