"""Requests out of rows, and answers or errors out of responses."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from properties import modest
from samples import Sample, sample, samples

from beeos_async._protocol.endpoint import Endpoint
from beeos_async._protocol.message import Request, Response
from beeos_async._protocol.table import (
    DEPLOY_INSTANCE,
    DESTROY_INSTANCE,
    GET_INSTANCE,
    INVOKE_RUNTIME_METHOD,
    LIST_INSTANCES,
    LIST_MODELS,
    ROWS,
    SET_CONVERSATION_MODEL,
    START_INSTANCE,
)
from beeos_async._protocol.wire import bare, build, read
from beeos_async.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    BeeOSError,
    ConfigurationError,
    ConflictError,
    DecodeError,
    GatewayTimeoutError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)
from beeos_async.models._base import Accepted, Envelope
from beeos_async.models.instances import DeployInstance, Instance

OURS = "inst-k41"
KEY = "oag_" + "0123456789abcdef" * 4
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvd24tOSJ9.c2ln-bmF0_dXJl"


def answer(body: bytes | str, status: int = 200, **headers: str) -> Response:
    return Response(
        status,
        CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}),
        body.encode() if isinstance(body, str) else body,
    )


def unread(response: Response, row: Any = START_INSTANCE) -> DecodeError:
    """Give the error of an answer that must not be taken for one."""
    with pytest.raises(DecodeError) as caught:
        read(row, OURS, response)
    return caught.value


def refusal(response: Response) -> APIError:
    """Give the error of an answer that says no."""
    with pytest.raises(APIError) as caught:
        read(GET_INSTANCE, OURS, response)
    return caught.value


# Requests -------------------------------------------------------------------------------------


def test_a_request_is_made_of_a_row_and_ids() -> None:
    """The ids stand where the braces were, percent-encoded."""
    assert build(START_INSTANCE, "inst:1") == Request(
        "POST", "/api/v1/instances/inst%3A1/start", None, 8 * 1024 * 1024
    )
    assert build(LIST_INSTANCES).answer_cap == 32 * 1024 * 1024


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a?b", "a#b", "a%62", "a b", "x" * 129])
def test_an_id_that_could_change_the_path_makes_no_request(id: str) -> None:
    """It is refused before any I/O."""
    with pytest.raises(ConfigurationError):
        build(GET_INSTANCE, id)


@pytest.mark.parametrize("ids", [(), ("a", "b")])
def test_a_row_takes_as_many_ids_as_it_has_braces(ids: tuple[str, ...]) -> None:
    """Anything else is a mistake of ours, and loud."""
    with pytest.raises(ValueError, match="argument"):
        build(GET_INSTANCE, *ids)


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"status": None}, ""),
        ({"page": 0, "pageSize": 200}, "?page=0&pageSize=200"),
        ({"a": None, "b": "x", "c": None}, "?b=x"),
        ({"include_deltas": True, "x": False}, "?include_deltas=true&x=false"),
        ({"search": "night shift"}, "?search=night%20shift"),
        ({"cursor": "a/b+c=&d?#%"}, "?cursor=a%2Fb%2Bc%3D%26d%3F%23%25"),
        ({"search": "Ärger 猫"}, "?search=%C3%84rger%20%E7%8C%AB"),
        ({"search": ""}, "?search="),
        ({"search": "a\r\nHost: evil"}, "?search=a%0D%0AHost%3A%20evil"),
    ],
)
def test_a_query_is_percent_encoded(params: dict[str, object] | None, query: str) -> None:
    """What is `None` is left out, booleans are in lower case, nothing escapes its value."""
    assert build(LIST_INSTANCES, params=params).target == "/api/v1/instances" + query


@modest
@given(st.dictionaries(st.sampled_from(["status", "search", "cursor"]), st.text()))
def test_every_text_arrives_as_it_was(params: dict[str, str]) -> None:
    """What the server decodes is what the caller gave."""
    target = build(LIST_INSTANCES, params=params).target

    assert target.isascii()
    assert dict(parse_qsl(urlsplit(target).query, keep_blank_values=True)) == params


@pytest.mark.fault("C21")
def test_half_a_character_is_refused_in_a_query() -> None:
    """A lone surrogate cannot be sent; it is no `UnicodeEncodeError` to the caller."""
    with pytest.raises(ConfigurationError, match="surrogate"):
        build(LIST_INSTANCES, params={"search": "\ud800"})


def test_a_body_is_written_in_the_spelling_of_the_wire() -> None:
    """What was not given is left out."""
    body = DeployInstance(name="night", agent_framework="weaver", models=[], preferred_region="n")

    request = build(DEPLOY_INSTANCE, body=body)

    assert request.target == "/api/v1/instances"
    assert json.loads(request.body or b"") == {
        "name": "night",
        "agentFramework": "weaver",
        "models": [],
        "preferredRegion": "n",
    }


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.fault("C21")
@pytest.mark.parametrize(
    ("members", "offence"),
    [
        ({"name": 7}, r"Expected `str`, got `int` - at `\$\.name`"),
        ({"name": "x" * 129}, r"length <= 128 - at `\$\.name`"),
        ({"system_prompt": "x" * 8193}, "length <= 8192"),
        ({"provider_id": "x" * 65}, "length <= 64"),
        ({"models": ["x" * 129]}, r"length <= 128 - at `\$\.models\[0\]`"),
        ({"name": "\ud800"}, "surrogates not allowed"),
        ({"config": {"when": object()}}, "type object is unsupported"),
        ({"config": {(): 1}}, "cannot be sent"),
        ({"config": {"deep": nested(100_000)}}, "recursion"),
        ({"config": {"long": "x" * 70_000}}, "has 70,0.. bytes; the cap is 65,536"),
    ],
)
def test_a_body_that_cannot_be_sent_is_refused(members: dict[str, Any], offence: str) -> None:
    """Before any I/O, naming the operation and the field."""
    given = {"name": "night", "variant_id": "v-1", **members}

    with pytest.raises(ConfigurationError, match=offence) as caught:
        build(DEPLOY_INSTANCE, body=DeployInstance(**given))

    assert "the body of deployInstance" in str(caught.value)


def test_a_body_may_fill_its_cap() -> None:
    """To the last byte."""
    empty = len(
        build(DEPLOY_INSTANCE, body=DeployInstance(name="n", variant_id="v", config={})).body
        or b""
    )
    room = DEPLOY_INSTANCE.body_cap - empty - len('"x":""')

    def sized(length: int) -> Request:
        config = {"x": "x" * length}
        return build(DEPLOY_INSTANCE, body=DeployInstance(name="n", variant_id="v", config=config))

    assert len(sized(room).body or b"") == 65_536
    with pytest.raises(ConfigurationError, match="65,537 bytes; the cap is 65,536"):
        sized(room + 1)


# Answers --------------------------------------------------------------------------------------

RESPONSES = [
    name
    for name in (*samples("instances"), *samples("catalog"))
    if sample(name).kind == "response"
]
BROKEN = [
    name for name in (*samples("instances"), *samples("catalog")) if sample(name).kind == "broken"
]


@pytest.mark.parametrize("name", RESPONSES)
def test_an_answer_of_the_contract_is_read(name: str) -> None:
    """Whether it keeps to its schema or not."""
    one = sample(name)
    id = "inst-new" if one.name == "deployed" else OURS

    value = read(one.row, id, one.response)

    assert isinstance(value, one.row.answer.__origin__)
    assert value.success is True


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_never_taken_for_one(name: str) -> None:
    """It came, so the server may have acted; the error says so, and what came."""
    one = sample(name)

    error = unread(one.response, one.row)

    assert (error.delivered, error.status) == ("yes", 200)
    assert error.request_id == f"req-{one.name}"
    assert error.reason == (
        "wrong_id" if one.name in {"other_id", "duplicate_id"} else "unreadable"
    )
    assert error.trouble.excerpt
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    """Whichever of them the server chooses."""
    assert read(START_INSTANCE, OURS, answer('{"data":{"id":"inst-k41"}}', status)) == Envelope(
        data=Instance(id=OURS)
    )


NO_JSON = {
    "html": b"<html><body>hello</body></html>",
    "empty": b"",
    "blank": b" \r\n",
    "null": b"null",
    "true": b"true",
    "number": b"7",
    "text": b'"started"',
    "list": b"[]",
    "list of one": b'[{"success":true,"data":{"id":"inst-k41"}}]',
    "BOM": b'\xef\xbb\xbf{"success":true,"data":{"id":"inst-k41"}}',
    "UTF-16": '{"success":true,"data":{"id":"inst-k41"}}'.encode("utf-16"),
    "NaN": b"NaN",
    "NaN inside": b'{"success":true,"data":{"id":"inst-k41","totalRunSeconds":NaN}}',
    "Infinity inside": b'{"success":true,"data":{"id":"inst-k41","totalRunSeconds":-Infinity}}',
    "single quotes": b"{'success':true,'data':{'id':'inst-k41'}}",
    "trailing comma": b'{"success":true,"data":{"id":"inst-k41",}}',
    "trailing bytes": b'{"success":true,"data":{"id":"inst-k41"}}x',
    "trailing NUL": b'{"success":true,"data":{"id":"inst-k41"}}\x00',
    "two documents": b'{"success":true,"data":{"id":"inst-k41"}}{"success":true}',
    "two lines": b'{"success":true,"data":{"id":"inst-k41"}}\n{}',
    "cut": b'{"success":true,"data":{"id":"inst-k41"}',
    "cut in a text": b'{"success":true,"data":{"id":"inst-k4',
    "raw control": b'{"success":true,"data":{"id":"inst-k41","name":"a\x00b"}}',
    "invalid UTF-8": b'{"success":true,"data":{"id":"inst-k41","name":"a\xffb"}}',
    "overlong": b'{"success":true,"data":{"id":"inst-k41","name":"\xc0\xaf"}}',
    "surrogate bytes": b'{"success":true,"data":{"id":"inst-k41","name":"\xed\xa0\x80"}}',
    "lone surrogate": b'{"success":true,"data":{"id":"inst-k41","name":"\\ud800"}}',
    "bad escape": b'{"success":true,"data":{"id":"inst-k41","name":"\\x41"}}',
    "brackets": b"[" * 10_000_000,
    "brackets in data": b'{"success":true,"data":' + b"[" * 10_000_000,
    "brackets ignored": b'{"success":true,"data":{"id":"inst-k41","new":' + b'{"a":' * 1_000_000,
    "brackets closed": b'{"data":{"id":"inst-k41","new":' + b"[" * 99_999 + b"]" * 99_999 + b"}}",
    "closing brackets": b"]" * 100_000,
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=list(NO_JSON))
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    """No exception but ours, and none chained to it."""
    error = unread(answer(body, X_Request_Id="req-1"))

    assert (error.reason, error.delivered, error.status) == ("unreadable", "yes", 200)
    assert error.request_id == "req-1"
    assert len(error.trouble.excerpt) <= 200
    assert len(str(error)) < 1000
    assert error.__context__ is None
    assert pickle.loads(pickle.dumps(error)) == error


@pytest.mark.parametrize("body", [b"", b" "])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    """A 202 or 204 where an instance was expected is to be looked into, not to be guessed."""
    assert ("the body is empty" in str(unread(answer(body, 204)))) is (body == b"")


@pytest.mark.parametrize("row", [SET_CONVERSATION_MODEL, INVOKE_RUNTIME_METHOD])
@pytest.mark.parametrize("body", [b"accepted", b'["accepted"]', b"\xff", b'{"a":', b"[" * 9999])
def test_what_was_accepted_is_so_whatever_its_body(row: Endpoint[Accepted], body: bytes) -> None:
    """It runs: its id is not lost for a body that the contract leaves open."""
    named = answer(body, 202, X_BeeOS_Operation_Id="op-1")

    assert read(row, OURS, named) == Accepted(operation_id="op-1")
    assert read(row, OURS, answer(body, 202)) == Accepted()


def test_what_was_not_said_to_be_accepted_shows_it_by_its_id() -> None:
    """Under another yes a page of a proxy is none."""
    named = answer(b"done", 200, X_BeeOS_Operation_Id="op-1")

    assert read(SET_CONVERSATION_MODEL, OURS, named) == Accepted(operation_id="op-1")
    assert unread(answer(b"<html>", 200), SET_CONVERSATION_MODEL).status == 200


@pytest.mark.fault("P5")
@pytest.mark.parametrize(
    ("field", "text", "path"),
    [
        ("totalRunSeconds", "9" * 5000, "$.data.totalRunSeconds"),
        ("totalRunSeconds", "-" + "9" * 5000, "$.data.totalRunSeconds"),
        ("totalRunSeconds", "1e400", "$.data.totalRunSeconds"),
        ("providerConfig", '{"x":1e400}', "$.data.providerConfig[...]"),
        ("providerConfig", '{"x":' + "9" * 5000 + "}", "$.data.providerConfig[...]"),
    ],
)
def test_a_number_beyond_all_bounds_is_unreadable(field: str, text: str, path: str) -> None:
    """No Python number can hold it; the error names its place."""
    error = unread(answer('{"data":{"id":"inst-k41","%s":%s}}' % (field, text)))

    assert path in str(error)
    assert "out of range" in str(error) or "Expected `int`" in str(error)


def test_a_number_beyond_all_bounds_does_no_harm_where_nobody_reads_it() -> None:
    """An unknown field is not looked at."""
    body = '{"data":{"id":"inst-k41","new":%s,"newer":1e999}}' % ("9" * 5000)

    assert read(GET_INSTANCE, OURS, answer(body)).data.id == OURS


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    """In both passes, and for `success` too."""
    twice = '{"data":{"id":"inst-x99","name":"a","id":"inst-k41","name":%s}}'

    assert read(GET_INSTANCE, OURS, answer(twice % '"b"')).data.name == "b"
    assert read(GET_INSTANCE, OURS, answer(twice % "null")).data.name == ""
    assert "success: false" in str(
        unread(answer('{"success":true,"data":{"id":"inst-k41"},"success":false}'))
    )


def test_only_a_row_that_echoes_its_id_is_held_to_it() -> None:
    """A destruction answers with a word; a deployment names what nobody could know before."""
    assert read(DESTROY_INSTANCE, OURS, sample("instances/destroyed").response).data == "destroyed"
    assert read(DEPLOY_INSTANCE, "", sample("instances/deployed").response).data.id == "inst-new"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
@pytest.mark.parametrize("where", ["/elsewhere", "https://evil.example/", ""])
def test_a_redirect_is_not_followed(status: int, where: str) -> None:
    """Whoever answers with one has not acted, and names no place to send the key to."""
    error = unread(answer("<a>moved</a>", status, Location=where, X_Request_Id="req-1"))

    assert (error.reason, error.delivered, error.status) == ("redirect", "maybe", status)
    assert "evil" not in str(error)


@pytest.mark.fault("P4")
def test_an_answer_is_read_whatever_the_recursion_limit() -> None:
    """A raised limit must not let a document overflow the C stack and kill the process."""
    script = """
        import sys
        from beeos_async._protocol.table import START_INSTANCE
        from beeos_async._protocol.message import Response
        from beeos_async._protocol.wire import read
        from beeos_async.errors import APIError, DecodeError

        sys.setrecursionlimit(100_000)
        deep = b"[" * 50_000 + b"]" * 50_000
        for body in (
            b"[" * 50_000,
            deep,
            b'{"a":' * 50_000,
            b'{"success":true,"data":{"id":"inst-k41","providerConfig":{"x":' + deep + b"}}}",
            b'{"new":"a \\\\" [","success":true,"data":{"id":"inst-k41"},"newer":' + deep + b"}",
            b"[]" * 50_000 + deep,
            b'"' + b'\\\\"[' * 50_000,
        ):
            try:
                read(START_INSTANCE, "inst-k41", Response(200, {}, body))
            except DecodeError:
                print("refused")
            try:
                read(START_INSTANCE, "inst-k41", Response(500, {}, body))
            except APIError as error:
                repr(error)
                print("told")
        honest = b'{"data":{"id":"inst-k41","name":"' + b"[" * 300 + b'\\\\"","x":[[[]],{}]}}'
        print(read(START_INSTANCE, "inst-k41", Response(200, {}, honest)).data.name.count("["))
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["refused", "told"] * 7 + ["300"]


@pytest.mark.parametrize("limit", [3000, 100_000])
def test_the_depth_guard_looks_at_brackets_alone(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Brackets in texts do not count; 256 levels are honest, one more is not."""
    monkeypatch.setattr(sys, "getrecursionlimit", lambda: limit)
    body = '{"data":{"id":"inst-k41","name":"\\\\\\"[[[[","new":%s}}'

    def reads(depth: int) -> Any:
        return read(GET_INSTANCE, OURS, answer(body % ("[" * depth + "]" * depth)))

    assert reads(254).data.name == '\\"[[[['
    with pytest.raises(DecodeError, match="nested too deep"):
        reads(255)


BODILESS = {"empty", "accepted"}
"""Shapes whose yes needs no body."""


@modest
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_body_is_worse_than_an_error_of_ours(body: bytes) -> None:
    """Under any status, for every row."""
    for row in ROWS.values():
        for status in (302, 400, 503) if row.shape in BODILESS else (200, 302, 400, 503):
            with pytest.raises(BeeOSError) as caught:
                read(row, OURS, answer(body, status))
            assert re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", str(caught.value)) is None


@modest
@given(st.data())
def test_a_cut_answer_is_never_a_whole_one(data: Any) -> None:
    """Wherever the connection broke."""
    body = sample("instances/full").response.body.strip()
    cut = data.draw(st.integers(0, len(body) - 1))

    assert unread(answer(body[:cut])).delivered == "yes"


# Refusals -------------------------------------------------------------------------------------

STATUSES: list[tuple[int, type[APIError]]] = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (402, BadRequestError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (405, BadRequestError),
    (408, BadRequestError),
    (409, ConflictError),
    (410, BadRequestError),
    (413, PayloadTooLargeError),
    (418, BadRequestError),
    (422, UnprocessableEntityError),
    (429, RateLimitError),
    (451, BadRequestError),
    (499, BadRequestError),
    (500, ServerError),
    (501, ServerError),
    (502, ServerError),
    (503, ServiceUnavailableError),
    (504, GatewayTimeoutError),
    (520, ServerError),
    (599, ServerError),
    (999, ServerError),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_a_status_is_a_class(status: int, kind: type[APIError]) -> None:
    """An unknown 4xx is a bad request, an unknown 5xx a server's failure."""
    error = refusal(answer('{"error":{"code":"whatever","message":"no"}}', status))

    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, "whatever", "no")


def test_every_status_of_the_tree_is_tested() -> None:
    """A class with a number of its own has a row above."""
    assert {kind for _, kind in STATUSES} == {
        *APIError.__subclasses__(),
        *ServerError.__subclasses__(),
    }


# The sample, and its code, message, request id, param and metadata as they must be read.
TOLD: list[tuple[str, str, str, str | None, str | None, dict[str, object]]] = [
    (
        "not_found",
        "agent_not_found",
        "no such instance",
        "req-not_found",
        "id",
        {"kind": "instance"},
    ),
    (
        "details",
        "invalid_param",
        "unknown region",
        "req-body",
        "preferredRegion",
        {"allowed": ["north-2"]},
    ),
    (
        "without_success",
        "conflict.invalid_state",
        "already terminated",
        "req-without_success",
        None,
        {},
    ),
    ("unauthorized", "invalid_token", "token expired", "req-unauthorized", None, {}),
    ("forbidden", "forbidden", "not the owner", "req-forbidden", None, {}),
    ("too_large", "payload_too_large", "64 KiB at most", "req-too_large", None, {}),
    ("unprocessable", "validation_failed", "no such framework", "req-unprocessable", None, {}),
    ("rate_limited", "rate_limited", "slow down", "req-rate", None, {}),
    ("quota_exceeded", "quota_exceeded", "five machines at most", "req-quota_exceeded", None, {}),
    ("internal", "internal_error", "unexpected", "req-internal", None, {}),
    ("auth_transient", "auth_transient", "try again", "req-auth_transient", None, {}),
    (
        "agent_offline",
        "agent_offline",
        "no live session",
        "req-agent_offline",
        None,
        {"retry_after_ms": 1500, "seen": None},
    ),
    (
        "service_timeout",
        "service_timeout",
        "still running, perhaps",
        "req-service_timeout",
        None,
        {},
    ),
    (
        "device_busy",
        "device_busy",
        "a task is at work on this phone",
        "req-device_busy",
        None,
        {},
    ),
    ("device_offline", "device_offline", "its channel is down", "req-device_offline", None, {}),
    (
        "control_quota_down",
        "control_rate_limit_unavailable",
        "the ledger of quotas is away",
        "req-control_quota_down",
        None,
        {},
    ),
    (
        "action_unsupported",
        "action_unsupported",
        "only with launchable_only",
        "req-action_unsupported",
        None,
        {},
    ),
    (
        "bare_not_cancellable",
        "OPERATION_NOT_CANCELLABLE",
        "",
        "req-bare_not_cancellable",
        None,
        {"operationId": "6f1b0a52-0000-4000-8000-00000000002a", "httpStatus": 409},
    ),
    (
        "bare_cursor_ahead",
        "OPERATION_CURSOR_AHEAD",
        "",
        "req-bare_cursor_ahead",
        None,
        {
            "operationId": "6f1b0a52-0000-4000-8000-00000000002a",
            "cursor": "90",
            "lastSequence": "41",
            "httpStatus": 409,
        },
    ),
    ("plain_string", "", "upstream connect error", "req-plain_string", None, {}),
    ("html", "", "502 Bad&nbsp;Gateway lakeproxy/1.2", None, None, {}),
    ("empty", "", "", None, None, {}),
    ("xml", "", "AccessDenied Request has expired", None, None, {}),
    (
        "other_json",
        "",
        '{ "detail": "Method Not Allowed" }',
        "req-other_json",
        None,
        {"detail": "Method Not Allowed"},
    ),
    ("list", "", '[ "boom" ]', "req-list", None, {}),
]


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told[0])
def test_a_refusal_is_read_in_whatever_shape_it_comes(
    told: tuple[str, str, str, str | None, str | None, dict[str, object]],
) -> None:
    """Its own words where it has any, else what a person can read of the body."""
    name, code, message, request_id, param, metadata = told
    one: Sample = sample(f"errors/{name}")

    error = refusal(one.response)

    assert (error.status, error.code) == (one.status, code)
    assert error.message == message
    assert (error.request_id, error.param) == (request_id, param)
    assert error.metadata == metadata
    assert str(one.status) in str(error)
    assert pickle.loads(pickle.dumps(error)) == error


def test_every_refusal_sample_is_read() -> None:
    """None lies about untested."""
    assert {f"errors/{told[0]}" for told in TOLD} == set(samples("errors"))


def test_a_rate_limit_says_how_long() -> None:
    """From the header, and only where it stands."""
    assert refusal(sample("errors/rate_limited").response).retry_after == 9.0
    assert refusal(sample("errors/quota_exceeded").response).retry_after is None


@pytest.mark.parametrize(
    "error",
    [
        "null",
        "7",
        "true",
        "[]",
        '["boom"]',
        "{}",
        '""',
        '{"code":null,"message":null,"param":null,"metadata":null,"request_id":null}',
        '{"code":[],"message":{},"param":[1],"metadata":"x","details":7,"request_id":7.5}',
        '{"code":true,"message":false,"param":true,"metadata":[],"request_id":{}}',
        '{"code":"' + "x" * 5000 + '","message":' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_a_refusal_of_odd_types_is_still_a_refusal(error: str) -> None:
    """Decoding an error never fails, and makes nothing up."""
    found = refusal(answer('{"success":false,"error":%s}' % error, 422))

    assert isinstance(found, UnprocessableEntityError)
    assert found.metadata == {}
    assert found.param is None
    assert len(found.code) <= 128
    assert len(found.message) <= 200
    repr(found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_number_is_as_good_a_word() -> None:
    """Some gateways number their refusals."""
    error = refusal(answer('{"error":{"code":1042,"message":7,"param":0,"request_id":55}}', 400))

    assert (error.code, error.message, error.param, error.request_id) == ("1042", "7", "0", "55")


@pytest.mark.parametrize(
    ("metadata", "details", "kept"),
    [
        ('{"a":"b"}', '{"c":"d"}', {"a": "b"}),
        ("null", '{"c":"d"}', {"c": "d"}),
        ('"x"', '{"c":"d"}', {"c": "d"}),
        ("{}", "null", {}),
        ('{"a":[1,2.5,null,true]}', "null", {"a": [1, 2.5, None, True]}),
    ],
)
def test_metadata_come_first_and_details_next(
    metadata: str, details: str, kept: dict[str, object]
) -> None:
    """Whichever of the two is an object."""
    body = '{"error":{"code":"x","metadata":%s,"details":%s}}' % (metadata, details)

    assert refusal(answer(body, 400)).metadata == kept


def test_a_bare_refusal_tells_the_rest_as_metadata() -> None:
    """What has an attribute of its own is not said twice."""
    bare = """
        {"success":false,"code":"x","message":"m","type":"t","request_id":"r","param":"p","row":1}
    """
    string = '{"error":"boom","type":"t","row":1}'
    odd = '{"error":["boom"],"message":"m","details":null,"row":1}'

    for body, message in ((bare, "m"), (string, "boom"), (odd, "m")):
        error = refusal(answer(body, 400))
        assert (error.message, error.metadata) == (message, {"row": 1})


def test_metadata_are_kept_eight_levels_deep() -> None:
    """The mapping itself is the first."""
    body = '{"error":{"metadata":{"a":%s}}}'

    assert refusal(answer(body % "[[[[[[[7]]]]]]]", 400)).metadata == {"a": [[[[[[[7]]]]]]]}
    assert refusal(answer(body % "[[[[[[[[7]]]]]]]]", 400)).metadata == {"a": [[[[[[["…"]]]]]]]}


def test_metadata_have_a_bottom() -> None:
    """However deep the server nests them, the error can be printed, pickled and compared."""
    deep = "[" * 900 + "]" * 900
    body = (
        '{"error":{"code":"x","message":"no","metadata":{"a":%s,"b\\u001b":{"c":"\\u001b[2J"}}}}'
    )

    error = refusal(answer(body % deep, 400))

    assert error.metadata["b"] == {"c": "[2J"}
    assert "…" in repr(error.metadata["a"])
    assert len(repr(error)) < 500
    assert pickle.loads(pickle.dumps(error)) == error


# What is shown --------------------------------------------------------------------------------

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "[2J [31mred"),
        ("a\r\nb\x00c\x07", "a b c"),
        ("a\x9b31mb\x7f", "a 31mb"),
        ("invoice \u202egnp.exe\u2066", "invoice  gnp.exe"),
        ("a\u2028b", "a b"),
        ("naïve 猫 🐝", "naïve 猫 🐝"),
    ],
)
def test_foreign_words_are_fit_for_a_terminal(text: str, shown: str) -> None:
    """No escape sequence, no control character, nothing that turns the line around."""
    body = json.dumps(
        {"error": {"code": text, "message": text, "param": text, "request_id": text}}
    )

    error = refusal(answer(body, 400))

    assert (error.message, error.code, error.param, error.request_id) == (shown,) * 4
    assert UNPRINTABLE.search(str(error)) is None


@pytest.mark.fault("P13")
def test_a_message_of_a_mebibyte_is_cut() -> None:
    """To 2,000 characters; the rest of a ticket is shorter still."""
    body = json.dumps({"error": {"code": "c" * 2**20, "message": "m" * 2**20, "param": "p" * 999}})

    error = refusal(answer(body, 400))

    assert (len(error.message), len(error.code), len(error.param or "")) == (2000, 128, 128)


def test_a_page_of_a_mebibyte_is_cut() -> None:
    """To 200 characters of words."""
    page = "<p title='" + "x" * 3000 + "'>" + "word " * 2**18

    error = refusal(answer(page, 502))

    assert len(error.message) == 200
    assert "<" not in error.message
    assert error.message.startswith("word word")


@pytest.mark.parametrize(
    ("header", "request_id"),
    [
        ("req-1", "req-1"),
        ("", None),
        ("\r\n", None),
        ("req-1\r\nSet-Cookie: a", "req-1 Set-Cookie: a"),
        ("req-\x1b[2J", "req- [2J"),
        ("x" * 128, "x" * 128),
        ("x" * 5000, "x" * 128),
        ("réq", "réq"),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_request_id_is_fit_for_a_ticket(
    header: str, request_id: str | None, status: int
) -> None:
    """128 printable characters of it, on every kind of error."""
    with pytest.raises(BeeOSError) as caught:
        read(GET_INSTANCE, OURS, answer("", status, X_Request_Id=header))

    assert caught.value.request_id == request_id  # type: ignore[attr-defined]  # both kinds have it


def test_the_header_names_the_request_before_the_body_does() -> None:
    """The header is on every answer, the body's word is its copy."""
    body = '{"error":{"code":"x","request_id":"req-body"}}'

    assert refusal(answer(body, 400, X_Request_Id="req-head")).request_id == "req-head"
    assert refusal(answer(body, 400)).request_id == "req-body"


@pytest.mark.parametrize("secret", [KEY, KEY.upper(), JWT, "bak_" + "f" * 40])
@pytest.mark.parametrize(
    "quoting",
    [
        '{"error":{"code":"invalid_token","message":"bad token %s"}}',
        '{"error":{"code":"%s","message":"bad token","param":"%s"}}',
        '{"error":{"code":"x","metadata":{"Authorization":"Bearer %s","a":[{"b":"%s"}]}}}',
        '{"error":"Authorization: Bearer %s"}',
        '{"headers":{"authorization":"bearer %s"}}',
        "<html><pre>GET / HTTP/1.1\r\nAuthorization: Bearer %s\r\n</pre></html>",
        "no token like %s",
    ],
)
def test_a_key_that_comes_back_is_not_shown(quoting: str, secret: str) -> None:
    """A server or a proxy that quotes the request does not make us print the key."""
    body = quoting.replace("%s", secret)

    for status in (200, 302, 401, 502):
        with pytest.raises(BeeOSError) as caught:
            read(GET_INSTANCE, OURS, answer(body, status))
        shown = f"{caught.value} {caught.value!r}".casefold()
        assert secret[12:].casefold() not in shown
        assert secret[4:20].casefold() not in shown


def test_an_opaque_key_after_its_scheme_is_not_shown() -> None:
    """Whatever it looks like."""
    error = refusal(answer("Authorization: BEARER hunter2-hunter2", 400))

    assert error.message == "Authorization: BEARER <key …>"


def test_the_other_resource_is_named_safely() -> None:
    """An id of the server's making is foreign text too."""
    body = json.dumps({"data": {"id": "inst-\x1b[2J" + "x" * 5000}})

    error = unread(answer(body))

    assert "names another resource, 'inst- [2Jxxx" in str(error)
    assert len(str(error)) < 600
    assert UNPRINTABLE.search(str(error)) is None


def test_a_list_endpoint_reads_lists() -> None:
    """A null list is an empty one."""
    assert read(LIST_MODELS, "", sample("catalog/models_null").response).data == []


@pytest.mark.parametrize("id", ["instance_a", "a b", "", "..", "é", "a/b", "x" * 129])
def test_a_bare_request_is_the_one_that_would_be_built(id: str) -> None:
    """Or it is refused in the same words."""

    def told(make: Callable[[Any, str], Request]) -> Request | str:
        try:
            return make(START_INSTANCE, id)
        except ConfigurationError as error:
            return str(error)

    assert told(bare) == told(build)
