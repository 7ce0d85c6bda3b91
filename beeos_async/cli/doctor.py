"""`doctor`: whether all is well between here and the server, and what to do if not.

Each step is one finding.  What is asked of the server is harmless: a list of one row.  The
key is looked at, and never shown.
"""

from __future__ import annotations

import asyncio
import platform
import ssl
import time
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from beeos_async import (
    APIError,
    AsyncBeeOS,
    AuthenticationError,
    BeeOSError,
    ConfigurationError,
    PermissionDeniedError,
    RateLimitError,
    TransportError,
    __version__,
)

from .clients import key_of
from .findings import DAY, Finding, Findings, key_finding, lasts
from .runs import AUTHENTICATION, KEY_ADVICE, OK, SOME_FAILED, USAGE
from .wording import brief, clean, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beeos_async import Captured

    from .options import Server

PATIENCE: Final = 10.0
"""Seconds for each step."""

NEAR_ITS_END: Final = 14
"""Days of a certificate below which it is worth a word."""

SKEW: Final = 5.0
"""Seconds by which two clocks may differ: a header tells whole seconds, and takes its time."""

TOO_MUCH_SKEW: Final = 120.0
"""Seconds from which on tokens and signatures are refused that would be good."""

PORTS: Final = {"https": 443, "http": 80}

STATUS_5XX: Final = 500

ADVICE: Final = {
    "dns": "check how the name is spelt, and whether this network's DNS knows it",
    "connect": "check host and port, and whether a firewall is in between",
    "tls": "a proxy may sign with a certificate of its own: name its CA in SSL_CERT_FILE",
    "proxy": "check HTTPS_PROXY, or leave this host to NO_PROXY",
    "timeout": "the host does not answer: try again, or ask whoever runs it",
}
"""What to do, by why a request had no answer."""


async def examine(server: Server, *, as_objects: bool) -> int:
    """Examine everything from the key to an answer.

    Args:
        server: Where, and with which key.
        as_objects: Whether a program reads it.

    Returns:
        0 if all is well or nearly, 2 for what was wrongly given, 3 for a key that the server
        refuses, else 1.
    """
    findings = Findings(as_objects=as_objects)
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec", "anyio"))
    here = f"beeos-async {__version__}, Python {platform.python_version()}, {packages}"
    findings.add(Finding("ok", "here", here))
    try:
        # Its key is never sent: the URL is what is examined.
        async with AsyncBeeOS("doctor", base_url=server.base_url) as probe:
            url, proxy = probe.base_url, probe.proxy
    except ConfigurationError as error:
        findings.add(Finding("fail", "url", str(error), "set BEEOS_API_URL, or give --base-url"))
        return USAGE
    findings.add(Finding("ok", "url", url))
    key = _key(server, findings, url)
    through = f"through {proxy}" if proxy else "none: straight to the host"
    findings.add(Finding("ok", "proxy", through))
    # Where there is a proxy, the host itself is its business: what is found is about the proxy.
    reached = await _reach(proxy or url, findings, through_proxy=proxy is not None)
    if reached and proxy is None and url.startswith("https"):
        reached = await _shake_hands(url, findings)
    code = SOME_FAILED if findings.failed else OK
    if reached and key is not None:
        return await _call(key, server, findings)
    return USAGE if key is None else code


def _key(server: Server, findings: Findings, url: str) -> str | None:
    """Look at the key; give it if it can be one."""
    try:
        key = key_of(server)
        AsyncBeeOS(key, base_url=url)
    except ConfigurationError as error:
        findings.add(Finding("fail", "key", str(error), "make one at beeos.ai, then set it"))
        return None
    whence = "BEEOS_API_KEY" if server.key_file is None else clean(str(server.key_file))
    findings.add(key_finding(key, whence, url, now()))
    return key


async def _reach(url: str, findings: Findings, *, through_proxy: bool) -> bool:
    """Find the host, or the proxy, by its name, and connect."""
    host, port = _address(url)
    named = f"the proxy {host}" if through_proxy else host
    door = f"the proxy's port {port}" if through_proxy else f"port {port}"
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    except OSError as error:
        findings.add(Finding("fail", "dns", f"{named}: {_said(error)}", ADVICE["dns"]))
        return False
    addresses = ", ".join(sorted({str(one[4][0]) for one in found}))
    took = brief(time.monotonic() - began)
    where = "an address" if addresses == host else f"{addresses}, {took}"
    findings.add(Finding("ok", "dns", f"{named} is {where}"))
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        findings.add(Finding("fail", "tcp", f"{door}: {_said(error)}", ADVICE["connect"]))
        return False
    writer.close()
    took = brief(time.monotonic() - began)
    findings.add(Finding("ok", "tcp", f"{door} answers, {took}"))
    return True


async def _shake_hands(url: str, findings: Findings) -> bool:
    """See whether the host proves who it is."""
    host, port = _address(url)
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(
                host, port, ssl=ssl.create_default_context(), server_hostname=host
            )
    except ssl.SSLCertVerificationError as error:
        findings.add(Finding("fail", "tls", clean(error.verify_message), ADVICE["tls"]))
        return False
    except OSError as error:
        spoke = getattr(error, "reason", "") != "WRONG_VERSION_NUMBER"
        advice = ADVICE["tls"] if spoke else "this port speaks no TLS: is its URL http://…?"
        findings.add(Finding("fail", "tls", _said(error), advice))
        return False
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    ends = ssl.cert_time_to_seconds(str((tls.getpeercert() or {})["notAfter"]))
    writer.close()
    days = (ends - now().timestamp()) / DAY
    fact = f"{tls.version()}, the certificate is good for {days:,.0f} days"
    if days < NEAR_ITS_END:
        advice = "tell whoever runs the host: it will be refused then"
        findings.add(Finding("warn", "tls", fact, advice))
    else:
        findings.add(Finding("ok", "tls", fact))
    return True


async def _call(key: str, server: Server, findings: Findings) -> int:
    """Ask for a list of one row, and see what becomes of it."""
    began = time.monotonic()
    code = OK
    async with AsyncBeeOS(
        key, base_url=server.base_url, timeout=PATIENCE, max_retries=0, max_throttle_wait=0
    ) as bee:
        with bee.capture() as seen:
            try:
                await bee.instances.list(page_size=1).collect(limit=1)
            except BeeOSError as error:
                finding, code = _refused(error)
            else:
                took = brief(time.monotonic() - began)
                finding = Finding("ok", "call", f"a list of instances, {took}")
    if clock := _clock(seen):
        findings.add(clock)
    findings.add(finding)
    return code or (SOME_FAILED if findings.failed else OK)


def _refused(error: BeeOSError) -> tuple[Finding, int]:
    """Say what an error means, and what to do."""
    fact = f"{type(error).__name__}: {clean(str(error))}"
    match error:
        case AuthenticationError():
            return Finding("fail", "call", fact, KEY_ADVICE), AUTHENTICATION
        case PermissionDeniedError():
            advice = "the key is known, but may not list instances: ask for another one"
            return Finding("fail", "call", fact, advice), SOME_FAILED
        case RateLimitError():
            advice = "the key is good, and its quota used up for now"
            return Finding("warn", "call", fact, advice), OK
        case APIError(status=status) if status >= STATUS_5XX:
            advice = "the server has trouble of its own: try again, or show this to its support"
            return Finding("fail", "call", fact, advice), SOME_FAILED
        case TransportError(reason=reason) if reason in ADVICE:
            return Finding("fail", "call", fact, ADVICE[reason]), SOME_FAILED
        case _:
            advice = "check that the URL is that of the API, and not of a page or a proxy"
            return Finding("fail", "call", fact, advice), SOME_FAILED


def _clock(seen: Sequence[Captured]) -> Finding | None:
    """Compare this machine's clock with the server's, by the header of an answer."""
    told = next((one.headers["Date"] for one in seen if "Date" in one.headers), None)
    if told is None:
        return None
    try:
        skew = (now() - parsedate_to_datetime(told)).total_seconds()
    except (ValueError, TypeError):
        return Finding("warn", "clock", f"the server's date cannot be read: {clean(told)}")
    if abs(skew) < SKEW:
        return Finding("ok", "clock", "agrees with the server's")
    fact = f"{lasts(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the server's"
    advice = "set it by the network (NTP): tokens and signatures depend on the time"
    return Finding("fail" if abs(skew) > TOO_MUCH_SKEW else "warn", "clock", fact, advice)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _said(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:.0f} s"
    return clean(error.strerror or str(error))
