"""The signatures of webhooks, against a digest that another program made."""

from __future__ import annotations

import pytest

from beeos_async import ConfigurationError, WebhookSignatureError
from beeos_async._protocol.signature import checked_secret, signature, verify

BODY = b'{"type":"task_status","task_id":"chn-hedge","status":"completed"}'
SHARED = "a-secret-of-a-gardener"
WHEN = 1_790_000_000

# printf '%s' '1790000000.{"type":…}' | openssl dgst -sha256 -hmac a-secret-of-a-gardener
HEX = "378445a806579720a456818e0d7f52dcb05c2514a85a4a2ecc5f736ddbbb4984"
HEADER = f"t={WHEN},v1={HEX}"


def refusal(header: str, *secrets: str, body: bytes = BODY, now: float = WHEN) -> str:
    with pytest.raises(WebhookSignatureError) as caught:
        verify(body, header, secrets or (SHARED,), now, 300)
    assert SHARED not in str(caught.value)
    return str(caught.value)


def test_a_signature_is_what_another_program_makes() -> None:
    """HMAC-SHA256 over the time, a point and the bytes."""
    assert signature(BODY, SHARED, WHEN) == HEADER
    verify(BODY, HEADER, [SHARED], WHEN, 300)


@pytest.mark.parametrize(
    "header",
    [
        f"v1={HEX},t={WHEN}",
        f" t={WHEN} , v1={HEX} ",
        f"t={WHEN},v1={'0' * 64},v1={HEX}",
        f"t={WHEN},v0=odd,v1={HEX},v2=new",
        f"t={WHEN},v1={HEX.upper()}",
        f"t={WHEN},v1=short,v1={HEX}",
        f"t={WHEN},v1={HEX},sha256={HEX}",
    ],
)
def test_one_right_signature_among_others_will_do(header: str) -> None:
    """In any order, with blanks, beside versions that are not known here."""
    verify(BODY, header, ["another", SHARED, "a third"], WHEN, 300)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "no timestamp"),
        (f"v1={HEX}", "no timestamp"),
        (f"t=,v1={HEX}", "no timestamp"),
        (f"t=soon,v1={HEX}", "no timestamp"),
        (f"t=-1,v1={HEX}", "no timestamp"),
        (f"t=\uff11\uff17,v1={HEX}", "no timestamp"),
        (f"t={WHEN},t={WHEN},v1={HEX}", "more than one timestamp"),
        (f"t={WHEN},sha256={HEX}", "old form"),
        (f"t={WHEN}", "no v1"),
        (f"t={WHEN},v1={HEX[:-1]}", "no v1"),
        (f"t={WHEN},v1={HEX}0", "no v1"),
        (f"t={WHEN},v1={'é' * 64}", "no v1"),
        (f"t={WHEN},v1={'0' * 64}", "does not fit"),
        (f"t={WHEN + 1},v1={HEX}", "does not fit"),
        (f"sha256={HEX}", "old form"),
        (f"t={WHEN},v1={HEX}," * 100, "more than one timestamp"),
    ],
)
def test_a_header_that_proves_nothing_is_refused(header: str, why: str) -> None:
    """And says what is wrong with it."""
    assert why in refusal(header)


def test_another_body_or_secret_does_not_fit() -> None:
    """A byte is enough; the hint names what people get wrong."""
    assert "raw bytes" in refusal(HEADER, body=BODY + b" ")
    assert "another secret" in refusal(HEADER, "another")


@pytest.mark.parametrize("now", [WHEN - 300, WHEN, WHEN + 300])
def test_clocks_may_differ_a_little(now: float) -> None:
    """By the tolerance, either way."""
    verify(BODY, HEADER, [SHARED], now, 300)


@pytest.mark.parametrize(
    ("now", "why"),
    [(WHEN + 301, "is 301 s old"), (WHEN - 301, "is 301 s ahead of this clock")],
)
def test_an_old_one_and_one_of_the_future_are_refused(now: float, why: str) -> None:
    """Unless any age will do."""
    assert why in refusal(HEADER, now=now)
    assert "tolerance=None" in refusal(HEADER, now=now)
    verify(BODY, HEADER, [SHARED], now, None)


def test_only_who_knows_the_secret_is_told_about_clocks() -> None:
    """An old forgery is a forgery."""
    assert "does not fit" in refusal(f"t={WHEN},v1={'0' * 64}", now=WHEN + 10_000)


@pytest.mark.parametrize("secret", ["", None, b"bytes", 7])
def test_what_is_no_secret_is_refused(secret: object) -> None:
    """An empty one would let anybody in."""
    with pytest.raises(ConfigurationError, match="secret"):
        checked_secret(secret)
