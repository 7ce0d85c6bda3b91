"""The border: what may pass, and that a refusal names the offence and never a secret."""

from __future__ import annotations

import copy
import pickle
import re
import ssl
import traceback
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from properties import modest

from beeos_async._checks import (
    Key,
    Options,
    count,
    header_text,
    quoted_id,
    seconds,
    tls_context,
)
from beeos_async._urls import DEFAULT_URL, base_url_of, is_loopback, proxy_of
from beeos_async.errors import ConfigurationError
from beeos_async.models.instances import Instance

HEX = "0123456789abcdef" * 4
OAG = f"oag_{HEX}"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvd24tOSJ9.c2lnbmF0dXJl"


# Ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "offence"),
    [
        ("..", "dot segment"),
        (".", "dot segment"),
        ("../agents", "'/' at position 2"),
        ("%2e%2e", "'%' at position 0"),
        ("i1/../i2", "'/' at position 2"),
        ("a\nb", r"'\n' at position 1"),
        ("a#x", "'#' at position 1"),
        ("a?x=1", "'?' at position 1"),
        ("a\\b", r"'\\' at position 1"),
        ("\ud800", r"'\ud800' at position 0"),
        ("a\udfffb", r"'\udfff' at position 1"),
        ("", "empty"),
        ("x" * 129, "129 characters; at most 128"),
        ("x" * 200, "200 characters"),
        ("é" * 129, "129 characters"),
        (" a", "' ' at position 0"),
        ("a ", "' ' at position 1"),
        ("a\tb", r"'\t' at position 1"),
        ("a\r\nHost: evil", r"'\r' at position 1"),
        ("a\x00b", r"'\x00' at position 1"),
        ("a\x1bb", r"'\x1b' at position 1"),
        ("a\x7fb", r"'\x7f' at position 1"),
        ("a\x85b", r"'\x85' at position 1"),
        ("a\xa0b", r"'\xa0' at position 1"),
        ("a\u2003b", r"'\u2003' at position 1"),
        ("a\u2028b", r"'\u2028' at position 1"),
        ("a\u3000b", r"'\u3000' at position 1"),
    ],
)
def test_an_id_that_could_change_the_path_is_refused(id: str, offence: str) -> None:
    """The refusal names the offence and where it stands."""
    with pytest.raises(ConfigurationError) as caught:
        quoted_id(id)

    assert offence in str(caught.value)
    assert str(caught.value).startswith("id ")


@pytest.mark.parametrize(
    ("id", "wire"),
    [
        ("instance_abc-1.2~3", "instance_abc-1.2~3"),
        ("x" * 128, "x" * 128),
        ("é" * 128, "%C3%A9" * 128),
        ("...", "..."),
        (".hidden", ".hidden"),
        ("a..", "a.."),
        ("~", "~"),
        ("a:b", "a%3Ab"),
        ("a+b&c=d;e", "a%2Bb%26c%3Dd%3Be"),
        ("käse", "k%C3%A4se"),
        ("猫", "%E7%8C%AB"),
        ("<a>\"'", "%3Ca%3E%22%27"),
        ("[1]@{2}|^`", "%5B1%5D%40%7B2%7D%7C%5E%60"),
    ],
)
def test_any_other_id_is_sent_percent_encoded(id: str, wire: str) -> None:
    """What means itself in a URL is unchanged, everything else is encoded."""
    assert quoted_id(id) == wire


@pytest.mark.parametrize("id", [None, 7, b"inst-1", ["inst-1"], True, 1.5])
def test_an_id_is_a_string(id: object) -> None:
    """Anything else is refused by its type, under the name the caller knows it by."""
    with pytest.raises(
        ConfigurationError, match=f"task id must be a string, not {type(id).__name__}"
    ):
        quoted_id(id, "task id")


def test_an_id_may_be_a_subclass_of_str() -> None:
    """A string enum, say, is as good as its text."""

    class Name(str):
        __slots__ = ()

    assert quoted_id(Name("inst 1".replace(" ", "-"))) == "inst-1"


@modest
@given(st.text(st.characters(exclude_categories=()), max_size=140))
@example("i1/../i2")
def test_no_id_leaves_its_place_in_the_path(id: str) -> None:
    """Whatever is let through is one segment, plain ASCII, and decodes to what was given."""
    try:
        wire = quoted_id(id)
    except ConfigurationError:
        return

    assert re.fullmatch(r"[A-Za-z0-9._~%-]+", wire)
    assert wire not in {".", ".."}
    assert unquote(wire) == id
    assert wire == quote(id, safe="")


# Keys -----------------------------------------------------------------------------------------


@pytest.mark.fault("C19")
@pytest.mark.parametrize(
    ("key", "offence"),
    [
        ("", "empty"),
        (" ", "a blank"),
        (f" {OAG}", "a blank"),
        (f"{OAG} ", "a blank"),
        (f"{OAG}\n", "a line break"),
        (f"{OAG}\r\nX-Evil: 1", "a line break"),
        (f"oag_\x00{HEX}", "unbroken word"),
        (f"oag_\x7f{HEX}", "unbroken word"),
        (f"oag_ü{HEX}", "outside ASCII"),
        (f"oag_\uff10{HEX}", "outside ASCII"),
        (f"oag_\ud800{HEX}", "outside ASCII"),
        (f"https://openapi.beeos.ai/?k={HEX}", "looks like a URL"),
        (f"https://{OAG}@openapi.beeos.ai", "looks like a URL"),
        (f"redis://{HEX}", "looks like a URL"),
        (f"bak_{HEX}", "begins with bak_"),
    ],
)
def test_a_malformed_key_is_refused_without_being_repeated(key: str, offence: str) -> None:
    """The message names the offence and what would be right, never the value."""
    with pytest.raises(ConfigurationError) as caught:
        Key(key)

    assert offence in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert HEX[:8] not in shown
    assert HEX.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("key", [None, 7, b"oag_1", object()])
def test_a_key_is_a_string(key: object) -> None:
    """Anything else is refused by its type."""
    with pytest.raises(ConfigurationError, match=f"string, not {type(key).__name__}"):
        Key(key)


def test_a_refused_key_stands_in_no_frame_of_ours() -> None:
    """A traceback with locals, as crash reporters take it, does not show the value."""
    with pytest.raises(ConfigurationError) as caught:
        Key(f"oag_ {HEX}")

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if frame.filename.endswith("_checks.py")]
    assert ours
    assert all(HEX not in repr(frame.locals) for frame in ours)


@pytest.mark.parametrize("key", [OAG, JWT, "x", "".join(map(chr, range(0x21, 0x7F)))])
def test_a_key_of_visible_ascii_is_taken_as_it_is(key: str) -> None:
    """Nothing is stripped, nothing is changed."""
    assert Key(key).header == f"Bearer {key}"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (OAG, "<key oag_0123…>"),
        (f"oag_{HEX[:20]}", "<key …>"),
        ("oag_", "<key …>"),
        (JWT, "<key …>"),
        ("hunter2", "<key …>"),
    ],
)
def test_a_key_shows_its_first_letters_at_most(key: str, shown: str) -> None:
    """A `repr` tells two keys apart; it gives neither away."""
    assert repr(Key(key)) == str(Key(key)) == shown
    assert f"{Key(key)}" == shown


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_does_not_travel(carry: Any) -> None:
    """There is no byte string of it, and no second one by accident."""
    with pytest.raises(TypeError, match="does not pickle"):
        carry(Key(OAG))


def test_a_key_has_no_other_door() -> None:
    """`vars` finds nothing to print."""
    assert not hasattr(Key(OAG), "__dict__")


def test_what_has_an_id_is_told_from_it() -> None:
    """An instance in place of its id is the commonest slip: the refusal names what was meant."""
    with pytest.raises(ConfigurationError, match=r"not Instance; give its \.id, 'inst-1'"):
        quoted_id(Instance(id="inst-1"))


# Base URLs ------------------------------------------------------------------------------------


@pytest.mark.fault("C20")
@pytest.mark.parametrize(
    ("url", "offence"),
    [
        ("", "must be a string such as https://"),
        (None, "must be a string"),
        (b"https://openapi.beeos.ai", "must be a string"),
        ("openapi.beeos.ai", "must begin with https:// .*, and begins with 'openapi.'$"),
        ("admin:pw@openapi.beeos.ai", r"must begin with https:// \(or http:// for loopback\)$"),
        ("https://openapi.beeos.ai/api/v1", "ends in /api/v1, .* leave it out"),
        ("https://gate.example/bees/api/v1//", "ends in /api/v1"),
        ("//openapi.beeos.ai", "must begin with https://"),
        ("ftp://openapi.beeos.ai", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("wss://openapi.beeos.ai", "must begin with https://"),
        ("http://openapi.beeos.ai", "plain http to openapi.beeos.ai"),
        ("HTTP://OPENAPI.BEEOS.AI", "plain http to openapi.beeos.ai"),
        ("http://127.0.0.1.evil.example", "plain http to 127.0.0.1.evil.example"),
        ("http://localhost.evil.example", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("http://0.0.0.0", "plain http"),
        ("http://127.1", "plain http"),
        ("http://[2001:db8::1]", "plain http to 2001:db8::1"),
        ("https://openapi.beeos.ai@evil.example", "user information"),
        ("https://user:hunter2@openapi.beeos.ai", "user information"),
        ("https://@openapi.beeos.ai", "user information"),
        ("https://openapi.beeos.ai?x=1", "no query"),
        ("https://openapi.beeos.ai/?", "no query"),
        ("https://openapi.beeos.ai#x", "no fragment"),
        ("https://openapi.beeos.ai/#", "no fragment"),
        ("https://h\t.evil", "a control character"),
        ("https://h.evil\n", "a control character"),
        ("https://h\r\n.evil", "a control character"),
        ("https://h\x00.evil", "a control character"),
        ("https://h\x7f.evil", "a control character"),
        (" https://openapi.beeos.ai", "a blank"),
        ("https://openapi.beeos.ai ", "a blank"),
        ("https://open api.beeos.ai", "a blank"),
        ("https://openapi.beeos.ai\\@evil.example", "a backslash"),
        ("https://\uff45vil.example", "outside ASCII"),
        ("https://bücher.example", "write a foreign host name as punycode"),
        ("https://openapi\u3002beeos.ai", "outside ASCII"),
        ("https://%65vil.example", "no usable host"),
        ("https://[fe80::1%25eth0]", "no usable host"),
        ("https://", "no usable host"),
        ("https:///api", "no usable host"),
        ("https:openapi.beeos.ai", "no usable host"),
        ("https://:443", "no usable host"),
        ("https://.", "no usable host"),
        ("https://a..b", "no usable host"),
        ("https://-a.example", "no usable host"),
        ("https://a-.example", "no usable host"),
        (f"https://{'a' * 64}.example", "no usable host"),
        (f"https://{'a.' * 126}aa", "no usable host"),
        ("https://a,b.example", "no usable host"),
        ("https://[::1", "malformed host or port"),
        ("https://[::g]", "malformed host or port|no usable host"),
        ("https://[v1.a:b]", "malformed host or port|no usable host"),
        ("https://openapi.beeos.ai:99999", "malformed host or port"),
        ("https://openapi.beeos.ai:-1", "malformed host or port"),
        ("https://openapi.beeos.ai:80x", "malformed host or port"),
        ("https://openapi.beeos.ai/a/../b", "dot segment"),
        ("https://openapi.beeos.ai/.", "dot segment"),
        ("https://openapi.beeos.ai/%2e%2e", "percent sign"),
        ('https://openapi.beeos.ai/"x', "odd character"),
        ("https://openapi.beeos.ai/<x>", "odd character"),
    ],
)
def test_a_base_url_that_could_lead_elsewhere_is_refused(url: object, offence: str) -> None:
    """The refusal is a `ValueError` that says what would be right, and quotes no password."""
    with pytest.raises(ConfigurationError, match=offence) as caught:
        base_url_of(url)

    assert isinstance(caught.value, ValueError)
    assert "base_url" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        (DEFAULT_URL, "https://openapi.beeos.ai"),
        ("https://openapi.beeos.ai/", "https://openapi.beeos.ai"),
        ("https://openapi.beeos.ai///", "https://openapi.beeos.ai"),
        ("HTTPS://OpenAPI.BeeOS.ai", "https://openapi.beeos.ai"),
        ("https://openapi.beeos.ai:8443", "https://openapi.beeos.ai:8443"),
        ("https://openapi.beeos.ai:", "https://openapi.beeos.ai"),
        ("https://gate.example/beeos/v2/", "https://gate.example/beeos/v2"),
        ("https://gate.example/a.b/~c;d=1,e", "https://gate.example/a.b/~c;d=1,e"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://openapi.beeos.ai.", "https://openapi.beeos.ai."),
        ("https://my_gate.internal", "https://my_gate.internal"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        (f"https://{'a.' * 126}a", f"https://{'a.' * 126}a"),
        (f"https://{'a' * 63}.example", f"https://{'a' * 63}.example"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("http://localhost:8095", "http://localhost:8095"),
        ("http://LOCALHOST:8095/", "http://localhost:8095"),
        ("http://api.localhost", "http://api.localhost"),
        ("http://127.0.0.1:8095", "http://127.0.0.1:8095"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8095", "http://[::1]:8095"),
    ],
)
def test_an_honest_base_url_is_taken_in_its_plainest_form(url: str, plain: str) -> None:
    """Scheme and host in lower case, no trailing slash; taking it again changes nothing."""
    assert base_url_of(url) == plain
    assert base_url_of(plain) == plain


def test_plain_http_needs_a_word_of_consent() -> None:
    """`allow_insecure` opens plain http to any host, and nothing else."""
    assert base_url_of("http://gate.example", allow_insecure=True) == "http://gate.example"
    with pytest.raises(ConfigurationError, match="user information"):
        base_url_of("http://gate.example@evil.example", allow_insecure=True)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("notlocalhost", False),
        ("localhost.evil", False),
        ("128.0.0.1", False),
        ("::2", False),
        ("", False),
    ],
)
def test_loopback_is_what_can_only_mean_this_machine(host: str, loopback: bool) -> None:
    """A name that somebody else's resolver answers is never loopback."""
    assert is_loopback(host) is loopback


# Proxies --------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "set_to", "chosen"),
    [
        ("https://openapi.beeos.ai", {}, None),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://openapi.beeos.ai", {"https_proxy": PROXY}, PROXY),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": ""}, None),
        ("https://openapi.beeos.ai", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, None),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": PROXY, "NO_PROXY": "beeos.ai"}, None),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": PROXY, "NO_PROXY": ".beeos.ai"}, None),
        ("https://openapi.beeos.ai:444", {"HTTPS_PROXY": PROXY, "no_proxy": "x, beeos.ai"}, None),
        ("https://openapi.beeos.ai", {"HTTPS_PROXY": PROXY, "NO_PROXY": "bees.ai"}, PROXY),
        ("https://localhost", {"HTTPS_PROXY": PROXY}, None),
        ("https://127.0.0.1:8443", {"HTTPS_PROXY": PROXY}, None),
        ("http://localhost:8095", {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}, None),
        ("http://gate.example", {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}, None),
    ],
)
def test_the_environment_names_a_proxy_for_https_alone(
    environment: pytest.MonkeyPatch, url: str, set_to: dict[str, str], chosen: str | None
) -> None:
    """To a proxy, plain http would show the key; and loopback needs none."""
    for name, value in set_to.items():
        environment.setenv(name, value)

    assert proxy_of(url, None) == chosen


@pytest.mark.parametrize("given", [PROXY, "https://proxy.example", "http://u:p@proxy.example:1"])
def test_a_proxy_that_is_given_is_taken(environment: pytest.MonkeyPatch, given: str) -> None:
    """What the caller says comes before what the environment says."""
    environment.setenv("HTTPS_PROXY", "http://other.example:1")
    environment.setenv("NO_PROXY", "*")

    assert proxy_of("https://openapi.beeos.ai", given) == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "proxy.example:3128",
        "socks5://proxy.example:1080",
        "http://",
        "http://:3128",
        "http://hunter2 @proxy.example",
        "http://u:hunter2@proxy.example\n",
        "http://u:hunter2@proxy.example:99999",
        "http://u:hunter2@[::1",
    ],
)
def test_what_is_no_proxy_is_refused(given: str) -> None:
    """The refusal shows the form, and no password."""
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        proxy_of("https://openapi.beeos.ai", given)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_malformed_proxy_of_the_environment_is_refused(
    environment: pytest.MonkeyPatch,
) -> None:
    """The message names the variable: nobody passed anything."""
    environment.setenv("HTTPS_PROXY", "proxy.example:3128")

    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        proxy_of("https://openapi.beeos.ai", None)


# Options --------------------------------------------------------------------------------------

NO_TIMES = [
    -1,
    -0.001,
    float("nan"),
    float("inf"),
    float("-inf"),
    10**400,
    1e9 + 1,
    True,
    "30",
    None,
]


@pytest.mark.parametrize("name", ["timeout", "connect_timeout", "max_throttle_wait"])
@pytest.mark.parametrize("value", NO_TIMES)
def test_a_time_is_a_number_of_seconds(name: str, value: Any) -> None:
    """What cannot be waited for is refused, by the name of the option."""
    with pytest.raises(ConfigurationError, match=f"{name} must be a .*number of seconds"):
        Options(**{name: value})


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
def test_a_timeout_of_zero_is_refused(name: str) -> None:
    """Nothing could be done within it."""
    with pytest.raises(ConfigurationError, match="must be a positive number"):
        Options(**{name: 0})


def test_options_that_can_work_are_kept() -> None:
    """No throttle wait at all is a wish that can be granted."""
    options = Options(timeout=1, connect_timeout=0.5, max_retries=0, max_throttle_wait=0)

    assert (options.timeout, options.max_retries, options.max_throttle_wait) == (1, 0, 0)
    assert Options() == Options(
        timeout=30.0, connect_timeout=10.0, max_retries=3, max_throttle_wait=60.0
    )
    with pytest.raises(ConfigurationError, match="max_retries"):
        msgspec.structs.replace(options, max_retries=-1)


@pytest.mark.parametrize("value", [-1, 101, 1.0, "3", True, None])
def test_a_count_is_a_whole_number_within_bounds(value: Any) -> None:
    """The bounds stand in the message."""
    with pytest.raises(
        ConfigurationError, match="max_retries must be a whole number from 0 to 100"
    ):
        Options(max_retries=value)


@pytest.mark.parametrize("value", [1, 10_000])
def test_the_bounds_of_a_count_belong_to_it(value: int) -> None:
    """Least and most are allowed."""
    count("max_concurrency", value, least=1, most=10_000)


def test_seconds_may_be_a_whole_number() -> None:
    """`deadline=90` is as good as `deadline=90.0`, and thirty years are as good as for ever."""
    seconds("deadline", 90)
    seconds("deadline", 1e9)


@pytest.mark.parametrize("value", [False, True, "no", ssl.CERT_NONE, object])
def test_tls_verification_has_no_switch(value: object) -> None:
    """`ssl=False` is refused, whatever other libraries make of it."""
    with pytest.raises(ConfigurationError, match=r"must be an ssl\.SSLContext"):
        tls_context(value)


@pytest.mark.parametrize("value", [None, ssl.create_default_context()])
def test_a_tls_context_is_taken(value: object) -> None:
    """As is its absence."""
    tls_context(value)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", "ü", "\x7f", 7, None, b"a"])
def test_what_cannot_stand_in_a_header_is_refused(value: object) -> None:
    """No header can be smuggled in through an option."""
    with pytest.raises(ConfigurationError, match="user_agent must be printable ASCII"):
        header_text("user_agent", value)


def test_printable_ascii_stands_in_a_header() -> None:
    """Blanks between words included."""
    assert header_text("user_agent", "night shift/1.0 (linux)") == "night shift/1.0 (linux)"
