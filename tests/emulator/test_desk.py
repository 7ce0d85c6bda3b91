"""What is answered, over a real socket, to a client that knows nothing of ours."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from hand_clock import HandClock
from msgspec import json

from beeos_async._protocol import table
from beeos_async._protocol.throttle import rates
from beeos_async.emulator import EFFECTS_PATH, Emulator, Faults, World
from beeos_async.emulator.desk import ANSWERS, Desk

if TYPE_CHECKING:
    from conftest import Knock

pytestmark = pytest.mark.anyio

LIST = "/api/v1/instances"


async def test_every_answer_has_a_request_id(cloud: Emulator, knock: Knock) -> None:
    """Success or not, the header is there, differs each time, and is the error's."""
    seen = [
        await knock(cloud, "GET", LIST),
        await knock(cloud, "GET", "/api/v1/nowhere"),
        await knock(cloud, "GET", LIST, key=None),
    ]

    ids = [one.headers["X-Request-Id"] for one in seen]
    assert len(set(ids)) == 3
    assert [one.error["request_id"] for one in seen[1:]] == ids[1:]
    assert ids == [entry.request_id for entry in cloud.log]


@pytest.mark.parametrize("key", [None, ""])
async def test_no_key_is_refused(cloud: Emulator, knock: Knock, key: str | None) -> None:
    """Without a bearer there is a 401, and no effect."""
    heard = await knock(cloud, "POST", f"{LIST}/{cloud.ids[0]}/start", key=key)

    assert (heard.status, heard.error["code"]) == (401, "missing_token")
    assert heard.error["type"] == "authentication_error"
    assert cloud.effects(cloud.ids[0]) == 0


@pytest.mark.parametrize(
    "key",
    [
        "oag_" + secrets.token_hex(32),
        "oag_" + secrets.token_hex(16),
        "oag_" + "Zz09" * 12,
        ".".join(secrets.token_urlsafe(size) for size in (27, 90, 32)),
    ],
)
async def test_a_key_that_looks_real_is_refused_and_forgotten(
    cloud: Emulator, knock: Knock, key: str
) -> None:
    """Nobody points production at the emulator unnoticed, and the key stands nowhere."""
    heard = await knock(cloud, "GET", LIST, key=key)

    assert (heard.status, heard.error["code"]) == (401, "invalid_token")
    assert "looks real" in heard.error["message"]
    assert key not in heard.body.decode()
    assert key not in repr(cloud.log)


@pytest.mark.parametrize(
    "key", ["any", "test", "pretend", "oag_pretend", "sk-live-abc", "a.b.c", "x" * 80]
)
async def test_any_other_word_will_do(cloud: Emulator, knock: Knock, key: str) -> None:
    """What looks like nobody's key is taken as one."""
    assert (await knock(cloud, "GET", LIST, key=key)).status == 200


async def test_the_log_holds_no_key(cloud: Emulator, knock: Knock) -> None:
    """What is written down of a request is enough to judge by, and never the key."""
    id = cloud.ids[3]

    await knock(cloud, "POST", f"{LIST}/{id}/start?x=1", key="sesame")

    (entry,) = cloud.log
    assert (entry.operation, entry.method, entry.ids) == ("startInstance", "POST", (id,))
    assert entry.path == f"{LIST}/{id}/start?x=1"
    assert (entry.status, entry.applied, entry.body) == (200, True, b"")
    assert "sesame" not in repr(entry)


async def test_applied_tells_what_changed_the_world(cloud: Emulator, knock: Knock) -> None:
    """A second start, a look and a refusal change nothing."""
    id = cloud.ids[0]

    for method, path in [
        ("POST", f"{LIST}/{id}/start"),
        ("POST", f"{LIST}/{id}/start"),
        ("GET", f"{LIST}/{id}"),
        ("POST", f"{LIST}/inst-none/start"),
        ("POST", f"{LIST}/{id}/restart"),
        ("DELETE", f"{LIST}/{id}"),
        ("DELETE", f"{LIST}/{id}"),
    ]:
        await knock(cloud, method, path)

    assert [(entry.status, entry.applied) for entry in cloud.log] == [
        (200, True),
        (200, False),
        (200, False),
        (404, False),
        (200, True),
        (200, True),
        (200, False),
    ]
    assert cloud.effects(id) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1", 404, "not_found"),
        ("GET", "/api/v1/instances/", 404, "not_found"),
        ("GET", "/api/v1/instances/a/b", 404, "not_found"),
        ("POST", "/api/v1/instances//start", 404, "not_found"),
        ("GET", "/api/v1/instances/nope", 404, "agent_not_found"),
        ("GET", "/api/v1/instances/a/start", 405, "method_not_allowed"),
        ("PUT", "/api/v1/instances", 405, "method_not_allowed"),
    ],
)
async def test_what_does_not_exist_is_refused_in_the_envelope(
    cloud: Emulator, knock: Knock, method: str, path: str, status: int, code: str
) -> None:
    """An unknown route, a wrong method and an unknown id are errors of the contract's form."""
    heard = await knock(cloud, method, path)

    assert (heard.status, heard.error["code"]) == (status, code)
    assert heard.document["success"] is False
    assert ("Allow" in heard.headers) == (status == 405)


async def test_ids_are_decoded_whole(cloud: Emulator, knock: Knock) -> None:
    """Whatever an id is made of, percent-encoded it arrives."""
    id = cloud.world.add_instance(id="biene maja/ü:1")

    heard = await knock(cloud, "GET", f"{LIST}/biene%20maja%2F%C3%BC%3A1")

    assert heard.document["data"]["id"] == id
    assert cloud.log[-1].ids == (id,)


async def test_a_look_has_a_body_like_a_real_one(cloud: Emulator, knock: Knock) -> None:
    """Every documented field that is set is there, empty ones too, in realistic length."""
    heard = await knock(cloud, "GET", f"{LIST}/{cloud.ids[0]}")

    data = heard.document["data"]
    assert heard.document["success"] is True
    assert len(data) == 41, "all but startedAt: it never ran"
    assert data["haltReason"] == data["errorMessage"] == ""
    assert data["isTrial"] is False
    assert data["stoppedAt"].endswith("Z")
    assert 1_100 <= len(heard.body) <= 1_650


async def test_a_list_is_paged_and_filtered_by_the_query(cloud: Emulator, knock: Knock) -> None:
    """Names, page and size come from the query; `total` counts all pages."""
    world = cloud.world
    one = world.add_instance("running", name="Honey Pot", provider_id="p", cluster_id="c")
    two = world.add_instance(agent_framework="f w")

    async def found(query: str) -> tuple[list[str], int]:
        document = (await knock(cloud, "GET", LIST + query)).document
        return [row["id"] for row in document["data"]], document["total"]

    assert await found("?pageSize=200") == ([*cloud.ids, one, two], 22)
    assert await found("?page=1") == ([one, two], 22)
    assert await found("?page=2&pageSize=9") == ([*cloud.ids[18:], one, two], 22)
    assert await found("?pageSize=0") == ([], 22)
    assert await found("?status=running") == ([one], 1)
    assert await found("?providerId=p&clusterId=c&search=honey%20p") == ([one], 1)
    assert await found("?agentFramework=f+w") == ([two], 1)
    assert await found("?status=running&agentFramework=f+w") == ([], 0)


@pytest.mark.parametrize(
    "query",
    ["pageSize=201", "pageSize=-1", "pageSize=ten", "pageSize=1e1", "page=-1", "page=9999999999"],
)
async def test_a_page_that_cannot_be_is_refused(cloud: Emulator, knock: Knock, query: str) -> None:
    """What is no number within bounds is a 400 that names the parameter."""
    heard = await knock(cloud, "GET", f"{LIST}?{query}")

    assert (heard.status, heard.error["code"]) == (400, "invalid_param")
    assert heard.error["type"] == "validation_error"
    assert heard.error["param"] == query.partition("=")[0]


async def test_a_deploy_answers_201_and_the_body_is_logged(cloud: Emulator, knock: Knock) -> None:
    """What was asked for is made, and can be looked at."""
    body = json.encode({"name": "scribe", "agentFramework": "nectar-claw"})

    heard = await knock(cloud, "POST", LIST, body)

    assert heard.status == 201
    made = heard.document["data"]
    assert (made["name"], made["status"], made["totalRunSeconds"]) == ("scribe", "pending", 0)
    assert "startedAt" not in made
    assert cloud.log[-1].body == body
    assert cloud.log[-1].applied
    assert cloud.world.get(made["id"]).name == "scribe"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b'{"name": "\xff"}', "invalid_json", None),
        (b'{"name": "a", "config": ' + b'{"a":' * 9_000, "invalid_json", None),
        (b"[]", "invalid_body", None),
        (b"{}", "invalid_body", "name"),
        (b'{"name": 7}', "invalid_body", "name"),
        (b'{"name": "a"}', "invalid_body", None),
        (b'{"name": "a", "variantId": []}', "invalid_body", "variantId"),
    ],
)
async def test_a_body_that_cannot_be_is_refused(
    cloud: Emulator, knock: Knock, body: bytes, code: str, param: str | None
) -> None:
    """Broken JSON and a broken request are told apart, and the field is named."""
    heard = await knock(cloud, "POST", LIST, body)

    assert (heard.status, heard.error["code"]) == (400, code)
    assert heard.error.get("param") == param
    assert not cloud.log[-1].applied


async def test_a_body_over_the_cap_is_refused_early(cloud: Emulator, knock: Knock) -> None:
    """64 KiB are taken, and not a byte more."""
    start = b'{"name": "a", "variantId": "v", "config": {"x": "'
    fits = start + b"x" * (64 * 1024 - len(start) - 3) + b'"}}'

    assert (await knock(cloud, "POST", LIST, fits)).status == 201
    heard = await knock(cloud, "POST", LIST, fits + b" ")

    assert (heard.status, heard.error["code"]) == (413, "payload_too_large")
    assert not cloud.log[-1].applied
    assert cloud.log[-1].body == b""


async def test_the_catalog_is_filtered(cloud: Emulator, knock: Knock) -> None:
    """Regions by provider, models by framework; of an unknown one there are none."""

    async def found(path: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = (await knock(cloud, "GET", path)).document["data"]
        return rows

    providers = await found("/api/v1/providers")
    regions = await found("/api/v1/deploy/regions")
    models = await found("/api/v1/deploy/models")

    assert len(providers) == 2
    assert {region["available"] for region in regions} == {True, False}
    assert {model["reasoning"] for model in models} == {True, False}
    some = await found("/api/v1/deploy/regions?providerId=comb-k8s")
    assert [region for region in regions if region in some] == some != regions
    assert await found("/api/v1/deploy/regions?providerId=none") == []
    assert len(await found("/api/v1/deploy/models?agentFramework=nectar-phone")) == 1
    assert await found("/api/v1/deploy/models?agentFramework=none") == []


async def test_a_quota_is_a_burst_and_a_refill(clock: HandClock, knock: Knock) -> None:
    """Over it there is a 429 that tells whole seconds, and nothing happens."""
    async with Emulator(9, quota={"startInstance": "6/min"}, clock=clock) as cloud:
        starts = [await knock(cloud, "POST", f"{LIST}/{id}/start") for id in cloud.ids[:8]]
        looks = [await knock(cloud, "GET", f"{LIST}/{id}") for id in cloud.ids]
        clock.time += 10.0
        late = [await knock(cloud, "POST", f"{LIST}/{id}/start") for id in cloud.ids[7:]]

        assert [one.status for one in starts] == [200] * 6 + [429] * 2
        assert starts[6].error["code"] == "rate_limited"
        assert starts[6].error["type"] == "rate_limit_error"
        assert starts[6].headers["Retry-After"] == "10"
        assert not cloud.effects(cloud.ids[6])
        assert [one.status for one in looks] == [200] * 9
        assert [one.status for one in late] == [200, 429]


async def test_a_retry_after_is_never_nothing(clock: HandClock, knock: Knock) -> None:
    """A tenth of a second is told as a second."""
    async with Emulator(2, quota=10.0, clock=clock) as cloud:
        await knock(cloud, "GET", LIST)
        heard = await knock(cloud, "GET", LIST)

        assert heard.status == 429
        assert heard.headers["Retry-After"] == "1"


async def test_latency_makes_answers_late_and_effects_not(clock: HandClock, knock: Knock) -> None:
    """Each answer takes half to one and a half of it, by the clock given."""
    async with Emulator(9, latency=0.4, clock=clock) as cloud:
        for id in cloud.ids:
            await knock(cloud, "POST", f"{LIST}/{id}/start")

        assert len(set(clock.slept)) == 9
        assert all(0.2 <= pause <= 0.6 for pause in clock.slept)
        assert cloud.log[0].at == 1000.0


async def test_effects_can_be_asked_for_from_outside(cloud: Emulator, knock: Knock) -> None:
    """Another process learns what took effect, without a key and without being counted."""
    await knock(cloud, "POST", f"{LIST}/{cloud.ids[1]}/start")
    await knock(cloud, "GET", f"{LIST}/{cloud.ids[2]}")

    heard = await knock(cloud, "GET", EFFECTS_PATH, key=None)

    assert heard.document == {
        "requests": 2,
        "answers": {"startInstance": {"200": 1}, "getInstance": {"200": 1}},
        "effects": {cloud.ids[1]: 1},
        "outages": [],
    }
    assert len(cloud.log) == 2


def test_a_row_without_an_answer_keeps_the_desk_closed(clock: HandClock) -> None:
    """A new row of the table is not forgotten here: the emulator names it."""
    answers = {name: answer for name, answer in ANSWERS.items() if name != "stopInstance"}

    with pytest.raises(RuntimeError, match="no answer to stopInstance"):
        Desk(World(clock), Faults(), clock, rates(None, "quota"), answers=answers)
    assert list(ANSWERS.keys() - table.ROWS.keys()) == []
