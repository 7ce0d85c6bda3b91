"""`doctor`: what it finds between here and the server, and what it says to do."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from anyio.from_thread import start_blocking_portal
from command_line import KEY, Clouds, Command, plain
from fault_server import FaultServer, Peer

from beeos_async.cli import doctor as room
from beeos_async.cli.wording import now

YEARS = timedelta(days=800)

WORD_OF_THE_PROXY = "open-barley"


@contextmanager
def serving(
    answer: bytes, certificate: trustme.LeafCert | None = None, *, at_once: bool = False
) -> Iterator[FaultServer]:
    """Give a server on a loop of its own which answers everything alike."""

    async def script(peer: Peer) -> None:
        while True:
            if not at_once:
                await peer.read()
            await peer.send(answer)
            if at_once:
                await peer.hang()

    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(tls)
    with start_blocking_portal("asyncio") as portal:
        opened = portal.wrap_async_context_manager(FaultServer(script, tls=tls))
        with opened as server:
            yield server


def findings_of(text: str) -> dict[str, dict[str, str]]:
    return {one["what"]: one for one in map(json.loads, text.splitlines())}


def examine(command: Command, url: str, *more: object) -> tuple[int, dict[str, dict[str, str]]]:
    ran = command("doctor", "--json", "--base-url", url, *more)
    assert ran.err == ""
    assert KEY not in ran.out
    return ran.code, findings_of(ran.out)


def test_all_is_well(command: Command, open_cloud: Clouds) -> None:
    """Each step has a line, and the one request is a list of one row."""
    cloud = open_cloud(instances=3)

    code, found = examine(command, cloud.url)

    assert code == 0
    assert list(found) == ["here", "url", "key", "proxy", "dns", "tcp", "clock", "call"]
    assert {one["verdict"] for one in found.values()} == {"ok"}
    assert [entry.path for entry in cloud.log] == ["/api/v1/instances?page=0&pageSize=1"]


def test_a_person_gets_marks_and_advice(command: Command, open_cloud: Clouds) -> None:
    """On a terminal, what to do stands below what was found."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("listInstances", 403, times=None)

    text = plain(command("doctor", "--base-url", cloud.url, terminal=80).out)

    assert "  ✓ dns    127.0.0.1 is an address" in text
    assert "  ✗ call   PermissionDeniedError: " in text
    assert "→ the key is known, but may not list instances: ask for another one" in text


@pytest.mark.parametrize(
    ("status", "code", "verdict", "advice"),
    [
        (401, 3, "fail", "the server refuses the key: check BEEOS_API_KEY"),
        (403, 1, "fail", "may not list instances"),
        (404, 1, "fail", "check that the URL is that of the API"),
        (429, 0, "warn", "the key is good, and its quota used up for now"),
        (500, 1, "fail", "the server has trouble of its own"),
        (503, 1, "fail", "the server has trouble of its own"),
    ],
)
def test_a_refusal_has_its_own_advice(
    command: Command, open_cloud: Clouds, status: int, code: int, verdict: str, advice: str
) -> None:
    """And its own exit code; the clock is compared all the same, for the answer has a date."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("listInstances", status, times=None)

    left, found = examine(command, cloud.url)

    assert left == code
    assert found["call"]["verdict"] == verdict
    assert advice in found["call"]["advice"]
    assert found["clock"]["verdict"] == "ok"


def test_silence_is_told_as_such(
    command: Command, open_cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that takes the request and never answers."""
    monkeypatch.setattr(room, "PATIENCE", 0.5)
    cloud = open_cloud(instances=1)
    cloud.faults.silence("listInstances", times=None)

    code, found = examine(command, cloud.url)

    assert code == 1
    assert found["call"]["advice"].startswith("the host does not answer")
    assert "clock" not in found


@pytest.mark.parametrize(
    ("ahead", "verdict", "words"),
    [
        (1.5, "ok", "agrees with the server's"),
        (40, "warn", "ahead of the server's"),
        (-3600, "fail", "behind the server's"),
    ],
)
def test_a_clock_that_is_off_is_found(
    command: Command,
    open_cloud: Clouds,
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
    verdict: str,
    words: str,
) -> None:
    """By the date of the server's answer; much of it fails, for tokens then do."""
    monkeypatch.setattr(room, "now", lambda: now() + timedelta(seconds=ahead))

    code, found = examine(command, open_cloud(instances=1).url)

    assert found["clock"]["verdict"] == verdict
    assert words in found["clock"]["fact"]
    assert code == (verdict == "fail")


@pytest.mark.parametrize(
    ("headers", "verdict"), [("Date: yesterday\r\n", "warn"), ("", None)], ids=["odd", "none"]
)
def test_a_date_that_tells_nothing_is_no_failure(
    command: Command, headers: str, verdict: str | None
) -> None:
    """It is the server's, and nothing here can mend it."""
    body = b'{"success":true,"data":[],"total":0}'
    head = f"HTTP/1.1 200 OK\r\n{headers}Content-Type: application/json\r\n"
    answer = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with serving(answer) as server:
        code, found = examine(command, server.url)

    assert code == 0
    assert (found.get("clock") or {}).get("verdict") == verdict


@pytest.mark.parametrize(
    ("url", "what", "advice"),
    [
        ("http://127.0.0.1:1", "tcp", "check host and port"),
        ("https://no-such-host.invalid", "dns", "check how the name is spelt"),
    ],
)
def test_where_nothing_is_nothing_is_called(
    command: Command, url: str, what: str, advice: str
) -> None:
    """The first step that fails is the last."""
    code, found = examine(command, url)

    assert code == 1
    assert list(found)[-1] == what
    assert found[what]["verdict"] == "fail"
    assert advice in found[what]["advice"]


def test_a_host_that_takes_no_connection_in_time_is_left(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server or a host that is silent does not hold anybody up for ever."""
    monkeypatch.setattr(room, "PATIENCE", 0.0)

    code, found = examine(command, "http://127.0.0.1:1")

    assert (code, list(found)[-1]) == (1, "dns")
    assert found["dns"]["fact"] == "127.0.0.1: no answer within 0 s"


def test_a_url_that_cannot_be_one_is_wrong_usage(command: Command) -> None:
    """Nothing is tried; the key is not even looked for."""
    code, found = examine(command, "ftp://x")

    assert code == 2
    assert list(found) == ["here", "url"]
    assert found["url"]["advice"] == "set BEEOS_API_URL, or give --base-url"


@pytest.mark.parametrize("key", [None, "bak_nonsense", "two words"])
def test_without_a_key_the_way_is_examined_all_the_same(
    command: Command, open_cloud: Clouds, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """But nothing is called."""
    cloud = open_cloud(instances=1)
    if key is None:
        monkeypatch.delenv("BEEOS_API_KEY")
    else:
        monkeypatch.setenv("BEEOS_API_KEY", key)

    code, found = examine(command, cloud.url)

    assert code == 2
    assert found["key"]["verdict"] == "fail"
    assert found["tcp"]["verdict"] == "ok"
    assert cloud.log == []
    assert "nonsense" not in str(found)


def test_a_key_file_is_named(command: Command, open_cloud: Clouds, tmp_path: Path) -> None:
    """So that it is clear whose key was tried."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)

    _, found = examine(command, open_cloud(instances=1).url, "--api-key-file", file)

    assert found["key"]["fact"].endswith(f", from {file}")


@pytest.mark.parametrize(
    ("days", "verdict"), [(400, "ok"), (5, "warn"), (-5, "fail")], ids=["good", "ending", "ended"]
)
def test_a_certificate_is_looked_at(
    command: Command,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    days: int,
    verdict: str,
) -> None:
    """For how long it is good is told; a short time is a warning, and one that has ended fails."""
    authority.cert_pem.write_to_path(tmp_path / "ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca"))
    ends = now() + timedelta(days=days, hours=1)
    certificate = authority.issue_cert("localhost", not_after=ends, not_before=ends - YEARS)
    with serving(b"", certificate) as server:
        _, found = examine(command, server.url.replace("127.0.0.1", "localhost"))

    assert found["tls"]["verdict"] == verdict
    if days > 0:
        assert found["tls"]["fact"] == f"TLSv1.3, the certificate is good for {days} days"
    else:
        assert found["tls"]["fact"] == "certificate has expired"


def test_a_certificate_nobody_trusts_has_its_own_advice(
    command: Command, authority: trustme.CA
) -> None:
    """Behind a company's proxy this is the usual trouble; nothing is called then."""
    with serving(b"", authority.issue_cert("localhost")) as server:
        code, found = examine(command, server.url.replace("127.0.0.1", "localhost"))

    assert code == 1
    assert list(found)[-1] == "tls"
    assert "SSL_CERT_FILE" in found["tls"]["advice"]


def test_a_host_that_speaks_no_tls_is_told(command: Command) -> None:
    """Its answer is no handshake."""
    with serving(b"HTTP/1.1 400 Bad Request\r\n\r\n", at_once=True) as server:
        code, found = examine(command, server.url.replace("http:", "https:"))

    assert (code, found["tls"]["verdict"]) == (1, "fail")
    assert found["tls"]["advice"] == "this port speaks no TLS: is its URL http://…?"


# The host is another machine's, but nobody gets further than the proxy on this one.
@pytest.mark.beeos(beeos_allow_network=True)
def test_through_a_proxy_it_is_the_proxy_that_is_reached(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name and port are tried, its password is not shown, and the call goes through it."""
    with serving(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as server:
        port = server.url.rpartition(":")[2]
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:{WORD_OF_THE_PROXY}@127.0.0.1:{port}")
        code, found = examine(command, "https://api.example")

    assert code == 1
    assert found["proxy"]["fact"] == f"through http://127.0.0.1:{port}"
    assert found["dns"]["fact"].startswith("the proxy 127.0.0.1 is")
    assert found["tcp"]["fact"].startswith(f"the proxy's port {port} answers")
    assert "tls" not in found
    assert "HTTPS_PROXY" in found["call"]["advice"]
    assert WORD_OF_THE_PROXY not in str(found)
