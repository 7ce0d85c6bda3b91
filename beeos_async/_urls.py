"""Where the key may go, and what a task tells: URLs, checked before any I/O."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from ._checks import must
from .errors import ConfigurationError

DEFAULT_URL: Final = "https://openapi.beeos.ai"


SHOWN: Final = 8
"""Characters of what is no URL that are repeated: it may be a key, put in the wrong place."""

HOST_LIMIT: Final = 253
"""Characters of a host name: what the DNS can carry."""


_HOST: Final = re.compile(
    r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?"
).fullmatch


_CONTROL_OR_BLANK: Final = re.compile(r"[\x00-\x20\x7f-\xa0]").search
_PATH: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*").fullmatch


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
    parts, port = _plain_parts(value, "base_url", "write a foreign host name as punycode")
    host = parts.hostname or ""
    # What stands before an @ may be a password.
    begins = "" if "@" in value else f", and begins with {value[:SHOWN]!r}"
    must(
        parts.scheme in {"https", "http"},
        f"base_url must begin with https:// (or http:// for loopback){begins}",
    )
    must("@" not in parts.netloc, "base_url holds user information; the key is given as api_key")
    must("?" not in value and "#" not in value, "base_url must have no query and no fragment")
    must(_is_host(host), "base_url has no usable host name")
    must(
        _PATH(parts.path) is not None and not {".", ".."} & set(parts.path.split("/")),
        "base_url has a path with a dot segment, a percent sign or another odd character",
    )
    must(
        parts.scheme == "https" or allow_insecure or is_loopback(host),
        f"base_url is plain http to {host}: the key would be readable on the way;"
        " use https (only in Python, allow_insecure=True lets it through)",
    )
    must(
        not parts.path.rstrip("/").endswith("/api/v1"),
        "base_url ends in /api/v1, which every path brings along: leave it out",
    )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def check_receiver(url: str, *, allow_insecure: bool = False) -> None:
    """Check where the server is to tell how a task goes; the URL itself is not repeated.

    Args:
        url: `https://host[:port]/path?query`; plain `http` for loopback names only.
        allow_insecure: Let plain `http` go to any host.

    Raises:
        ConfigurationError: Nobody can listen there, or others could listen on the way.
    """
    foreign = "write what is foreign as punycode or with percent signs"
    parts, _ = _plain_parts(url, "url", foreign)
    host = parts.hostname or ""
    must(
        parts.scheme in {"https", "http"} and _is_host(host),
        "url must be where the receiver listens: https://host/path",
    )
    must("@" not in parts.netloc, "url holds user information; a receiver is given a token")
    must(
        parts.scheme == "https" or allow_insecure or is_loopback(host),
        f"url is plain http to {host}: token and task would be readable on the way;"
        " use https, or a client with allow_insecure=True",
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _plain_parts(url: str, name: str, foreign: str) -> tuple[SplitResult, int | None]:
    must(
        url.isascii() and not _CONTROL_OR_BLANK(url) and "\\" not in url,
        f"{name} has a blank, a control character, a backslash or a character outside ASCII"
        f" ({foreign})",
    )
    return _url_parts(url, name)


def _url_parts(url: str, name: str) -> tuple[SplitResult, int | None]:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        return parts, parts.port
    # Raised down here, where nothing is chained: what `urlsplit` raises may quote the URL,
    # password and all.
    msg = f"{name} has a malformed host or port"
    raise ConfigurationError(msg)


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
    must(not _CONTROL_OR_BLANK(given), shape)
    parts, _ = _url_parts(given, "the proxy's URL")
    must(parts.scheme in {"http", "https"} and bool(parts.hostname), shape)
    return given
