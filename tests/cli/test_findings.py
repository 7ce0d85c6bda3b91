"""What a doctor finds out about a key, and how findings are told."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from beeos_async.cli.findings import Finding, Findings, key_finding, lasts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://openapi.beeos.ai"


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def ends_in(seconds: float) -> str:
    return token({"sub": "somebody", "exp": NOW.timestamp() + seconds})


@pytest.mark.parametrize(
    ("key", "verdict", "words"),
    [
        ("oag_" + "0a" * 32, "ok", "an oag_ key, from"),
        ("oag_" + "0a" * 31, "warn", "begins with oag_ and has 66 characters instead of 68"),
        ("oag_" + "0A" * 32, "warn", "begins with oag_"),
        (ends_in(3000), "ok", "a user token, good for 50:00"),
        (ends_in(90), "warn", "a user token, good for 1:30"),
        (ends_in(-7200), "fail", "a user token that ended 2:00:00 ago"),
        (ends_in(-5 * 86_400), "fail", "a user token that ended 5 days ago"),
        ("sesame", "warn", "neither an oag_ key nor a user token"),
        (token({"sub": "x"}), "warn", "neither an oag_ key nor a user token"),
        (token([1]), "warn", "neither an oag_ key nor a user token"),
        (token({"exp": "soon"}), "warn", "neither an oag_ key nor a user token"),
        (token({"exp": 1e300}), "warn", "neither an oag_ key nor a user token"),
        ("head.!.signature", "warn", "neither an oag_ key nor a user token"),
    ],
)
def test_a_key_is_told_by_its_kind_and_never_shown(key: str, verdict: str, words: str) -> None:
    """Whether it was cut off or has ended can be seen from here; the rest is the server's."""
    finding = key_finding(key, "BEEOS_API_KEY", URL, NOW)

    assert (finding.verdict, finding.what) == (verdict, "key")
    assert words in finding.fact
    assert finding.fact.endswith(", from BEEOS_API_KEY")
    assert (finding.advice == "") is (verdict == "ok")
    assert all(part not in str(finding) for part in key.split(".") if len(part) > 5)


def test_for_a_pretend_cloud_any_word_will_do() -> None:
    """It is not judged by the form of a real one."""
    finding = key_finding("sesame", "BEEOS_API_KEY", "http://127.0.0.1:8095", NOW)

    assert finding == ("ok", "key", "a word for a pretend cloud, from BEEOS_API_KEY", "")


def test_a_real_key_for_a_pretend_cloud_is_worth_a_word() -> None:
    """It is no word for one: it is refused there, and goes where it was not meant to."""
    finding = key_finding("oag_" + "0a" * 32, "BEEOS_API_KEY", "http://localhost:8095", NOW)

    assert finding.verdict == "warn"
    assert finding.fact == "an oag_ key, from BEEOS_API_KEY, and the URL is this machine's"
    assert "a pretend cloud refuses a real key" in finding.advice


def test_a_log_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do behind it, and nothing a terminal obeys."""
    findings = Findings(as_objects=False)
    findings.add(Finding("ok", "dns", "found"))
    assert not findings.failed
    findings.add(Finding("fail", "call", "no \x1b[2J", "try again"))
    findings.add(Finding("warn", "clock", "late"))

    assert findings.failed
    assert capsys.readouterr().out.splitlines() == [
        "ok dns: found",
        "fail call: no \ufffd[2J; try again",
        "warn clock: late",
    ]


def test_a_long_time_is_told_in_days() -> None:
    """Hours beyond two days tell nobody anything."""
    assert (lasts(3.0), lasts(86_400.0), lasts(864_000.0)) == ("3.0 s", "24:00:00", "10 days")
