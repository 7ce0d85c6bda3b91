"""Webhooks at the receiver: by hand, and as the emulator really delivers them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hand_clock import HandClock
from msgspec import json
from multidict import CIMultiDict

import beeos_async as b
from beeos_async import (
    AsyncBeeOS,
    TaskStatusEvent,
    UnknownEvent,
    WebhookDelivery,
    WebhookSignatureError,
)
from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.webhooks import HEADER, sign, unwrap

pytestmark = pytest.mark.anyio

SHARED = "a-secret-of-a-gardener"
WHEN = 1_790_000_000
BODY = json.encode(
    {
        "type": "task_status",
        "task_id": "chn-hedge",
        "context_id": "chn-hedge",
        "status": "completed",
        "final": True,
        "timestamp": "2026-07-04T06:15:00.250Z",
    }
)


def told(body: bytes = BODY, *, now: float = WHEN, **options: Any) -> Any:
    headers = {HEADER: sign(body, SHARED, WHEN)}
    return unwrap(body, headers, SHARED, _now=lambda: now, **options)


def test_a_push_is_read() -> None:
    """Signed, and in types."""
    event = told()

    assert event == TaskStatusEvent(
        task_id="chn-hedge",
        context_id="chn-hedge",
        status="completed",
        final=True,
        timestamp=datetime(2026, 7, 4, 6, 15, 0, 250_000, tzinfo=UTC),
    )
    assert event.outcome == "completed"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-beeos-signature": sign(BODY, SHARED, WHEN)},
        {"X-BEEOS-SIGNATURE": sign(BODY, SHARED, WHEN), "Host": "x"},
        CIMultiDict({"X-BeeOS-signature": sign(BODY, SHARED, WHEN)}),
        {b"x-beeos-signature": sign(BODY, SHARED, WHEN).encode()},
        [(b"host", b"\xe9"), (b"x-beeos-signature", sign(BODY, SHARED, WHEN).encode())],
    ],
)
def test_headers_are_found_in_any_case(headers: Any) -> None:
    """Frameworks differ; ASGI itself speaks in bytes."""
    assert unwrap(BODY, headers, SHARED, _now=lambda: WHEN)


def test_one_of_several_secrets_will_do() -> None:
    """While one is being replaced by another."""
    headers = {HEADER: sign(BODY, SHARED, WHEN)}

    assert unwrap(BODY, headers, ["new-one", SHARED], _now=lambda: WHEN)
    assert unwrap(bytearray(BODY), headers, (SHARED,), _now=lambda: WHEN)  # type: ignore[arg-type]  # some frameworks give one
    with pytest.raises(WebhookSignatureError):
        unwrap(BODY, headers, ["new-one"], _now=lambda: WHEN)


@pytest.mark.parametrize("headers", [None, 7, ["X"], {HEADER: 7}, {7: "x"}])
def test_what_is_no_headers_is_refused(headers: Any) -> None:
    """And not taken for a push that is not signed."""
    with pytest.raises(b.ConfigurationError, match="headers must be"):
        unwrap(BODY, headers, SHARED)


def test_clocks_may_have_to_agree_or_not_at_all() -> None:
    """From the very second to any age; but a tolerance is a number."""
    assert told(tolerance=0)
    assert told(now=WHEN + 10**9, tolerance=float("inf"))
    with pytest.raises(WebhookSignatureError, match="at most 0 s"):
        told(now=WHEN + 1, tolerance=0)
    for odd in (-1, float("nan"), "60"):
        with pytest.raises(b.ConfigurationError, match="tolerance must be"):
            told(tolerance=odd)


def test_any_age_is_a_choice() -> None:
    """A redelivered original is as old as it is."""
    for now in (WHEN + 86_400, WHEN - 86_400):
        with pytest.raises(WebhookSignatureError, match="at most 300 s"):
            told(now=now)
        with pytest.raises(WebhookSignatureError, match="at most 60 s"):
            told(now=now, tolerance=60)
        assert told(now=now, tolerance=None)
        assert told(now=now, tolerance=100_000)


def test_what_is_not_signed_is_not_read() -> None:
    """Nor what is signed by two."""
    with pytest.raises(WebhookSignatureError, match="has no X-BeeOS-Signature header"):
        unwrap(BODY, {}, SHARED)
    twice = CIMultiDict([(HEADER, sign(BODY, SHARED, WHEN))] * 2)
    with pytest.raises(WebhookSignatureError, match="timestamp"):
        unwrap(BODY, twice, SHARED)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "task_moved", "task_id": "chn-hedge"},
        {"type": "task_status", "status": "completed"},
        {"type": 7},
        {},
    ],
)
def test_news_of_a_kind_not_known_here_is_given_whole(document: dict[str, Any]) -> None:
    """It is to be passed over, and breaks nothing."""
    event = told(json.encode(document))

    assert isinstance(event, UnknownEvent)
    assert event.data == document
    assert (
        event.name == (document.get("type") if document.get("type") != 7 else "") or not event.name
    )


def test_a_push_is_read_as_far_as_it_can_be() -> None:
    """Unknown words and fields, and fields of odd types."""
    odd = {"type": "task_status", "task_id": "t", "status": "dozing", "final": "no", "new": 1}

    assert told(json.encode(odd)) == TaskStatusEvent(task_id="t", status="dozing")
    assert told(json.encode({**odd, "status": "succeeded"})).outcome == "completed"


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_signed_and_cannot_be_read_is_refused_likewise(body: bytes) -> None:
    """A receiver has one error to catch."""
    with pytest.raises(WebhookSignatureError, match="no JSON object"):
        told(body)


@pytest.mark.parametrize(
    ("call", "flaw"),
    [
        (lambda: unwrap("text", {}, SHARED), "bytes as they came"),  # type: ignore[arg-type]
        (lambda: unwrap(BODY, {}, ""), "none of them empty"),
        (lambda: unwrap(BODY, {}, []), "there is none"),
        (lambda: unwrap(BODY, {}, [SHARED, ""]), "none of them empty"),
        (lambda: sign(BODY, "", WHEN), "none of them empty"),
        (lambda: sign(BODY, SHARED, -1), "timestamp"),
        (lambda: sign(BODY, SHARED, 1.5), "timestamp"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_work_is_the_callers_error(call: Any, flaw: str) -> None:
    """No forgery may hide behind it."""
    with pytest.raises(b.ConfigurationError, match=flaw):
        call()


def test_reading_webhooks_needs_no_network() -> None:
    """Neither aiohttp nor anyio is imported for it."""
    script = (
        "import sys; from beeos_async.webhooks import sign, unwrap;"
        "print(*sorted({'aiohttp', 'anyio', 'yarl', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr, done.stdout.strip()) in [(0, "", ""), (0, "", "ssl")]


# As they are delivered ------------------------------------------------------------------------


class Receiver:
    """A server that is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[Any] = []
        self.requests: list[tuple[bytes, dict[str, str]]] = []
        self.answers: list[int] = []
        self.tolerance: float | None = 300

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((body, dict(request.headers)))
        self.events.append(unwrap(body, request.headers, SHARED, self.tolerance))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)

    async def until(self, count: int) -> None:
        while len(self.requests) < count:
            await asyncio.sleep(0.001)


async def attempted(bee: AsyncBeeOS, agent: str, task: str, hook: str) -> list[WebhookDelivery]:
    """Wait until nothing is on its way any more, and give what became of it."""
    while True:
        rows = await bee.tasks.webhook_deliveries(agent, task, hook)
        if rows and all(row.status != "pending" for row in rows):
            return rows
        await asyncio.sleep(0.001)


async def until_dead(bee: AsyncBeeOS, agent: str, task: str, hook: str) -> None:
    """Wait until the newest delivery is given up."""
    rows: list[WebhookDelivery] = []
    while not rows or rows[0].status != "dead_letter":
        await asyncio.sleep(0.001)
        rows = await bee.tasks.webhook_deliveries(agent, task, hook)


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application()
    app.router.add_post("/hook", one.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield one
    await runner.cleanup()


@pytest.fixture
def agent(cloud: Emulator) -> str:
    cloud.world.tasks.work_time = 0.0
    return agent_of(cloud.world.add_instance(status="running"))


async def test_every_step_of_a_task_is_told(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, receiver: Receiver
) -> None:
    """Over HTTP, signed, with the bearer that was asked for, and each is a row."""
    task = (await bee.tasks.create(agent, "ask: Trim the hedge.")).task_id
    await bee.tasks.wait(agent, task)
    bearer = "for-the-gate"
    hook = await bee.tasks.register_webhook(
        agent, task, url=receiver.url, token=bearer, secret=SHARED
    )

    await bee.tasks.continue_(agent, task, input="Shorter.")
    await receiver.until(2)

    assert [(event.task_id, event.status) for event in receiver.events] == [
        (task, "running"),
        (task, "completed"),
    ]
    assert [event.final for event in receiver.events] == [False, True]
    _, headers = receiver.requests[0]
    assert headers["Authorization"] == f"Bearer {bearer}"
    assert headers["X-BeeOS-Webhook-Format"] == "openapi"
    assert (headers["X-BeeOS-Event"], headers["X-BeeOS-Task-Id"]) == ("task.state", task)
    rows = await attempted(bee, agent, task, hook.webhook_id)
    assert [(row.status, row.attempt_num, row.last_response_status) for row in rows] == [
        ("succeeded", 1, 204)
    ] * 2


async def test_a_receiver_that_fails_is_told_again_and_then_no_more(
    receiver: Receiver, clock: HandClock
) -> None:
    """After a minute, five, half an hour, two hours, twelve; each time the same bytes."""
    receiver.answers = [500] * 6
    async with Emulator(clock=clock, instances=1) as cloud, cloud.client() as bee:
        agent = agent_of(cloud.world.add_instance(status="running"))
        cloud.world.tasks.work_time = 0.0
        task = (await bee.tasks.create(agent, "linger: on")).task_id
        await bee.tasks.get(agent, task)
        hook = await bee.tasks.register_webhook(agent, task, url=receiver.url, secret=SHARED)
        receiver.tolerance = None
        began = clock.now()
        await bee.tasks.cancel(agent, task)
        await receiver.until(6)
        await until_dead(bee, agent, task, hook.webhook_id)

        (row,) = await bee.tasks.webhook_deliveries(agent, task, hook.webhook_id, limit=1)

    assert clock.now() - began >= 60 + 300 + 1800 + 7200 + 43_200
    assert (row.status, row.attempt_num, row.last_response_status) == ("dead_letter", 6, 500)
    assert row.last_error == "status 500"
    assert len({body for body, _ in receiver.requests}) == 1
    assert len({headers[HEADER] for _, headers in receiver.requests}) == 1


async def test_a_redelivery_is_the_original(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, receiver: Receiver
) -> None:
    """To the byte, with its signature; one that succeeded is not told again."""
    receiver.answers = [503]
    task = (await bee.tasks.create(agent, "ask: it")).task_id
    await bee.tasks.wait(agent, task)
    hook = (
        await bee.tasks.register_webhook(agent, task, url=receiver.url, secret=SHARED)
    ).webhook_id
    await bee.tasks.cancel(agent, task)
    (failed,) = await attempted(bee, agent, task, hook)

    again = await bee.tasks.redeliver_webhook(agent, task, hook, failed.delivery_id)
    await receiver.until(2)

    assert (failed.status, failed.next_attempt_at > failed.created_at) == ("failed", True)  # type: ignore[operator]  # it has both
    assert (again.status, again.attempt_num) == ("pending", 0)
    first, second = receiver.requests
    assert first[0] == second[0]
    assert first[1][HEADER] == second[1][HEADER]
    newest, _ = await attempted(bee, agent, task, hook)
    assert (newest.delivery_id, newest.status) == (again.delivery_id, "succeeded")
    with pytest.raises(b.ConflictError) as caught:
        await bee.tasks.redeliver_webhook(agent, task, hook, newest.delivery_id)
    assert caught.value.code == "conflict.invalid_state"
    with pytest.raises(b.NotFoundError):
        await bee.tasks.redeliver_webhook(agent, task, hook, "dlv-nowhere")


async def test_a_webhook_is_one_for_each_url(
    bee: AsyncBeeOS, agent: str, receiver: Receiver
) -> None:
    """Once more changes its token, and keeps its secret where none is given."""
    task = (await bee.tasks.create(agent, "linger: on")).task_id
    plain = await bee.tasks.register_webhook(agent, task, url=receiver.url)
    signed = await bee.tasks.register_webhook(agent, task, url=receiver.url, secret=SHARED)
    kept = await bee.tasks.register_webhook(agent, task, url=receiver.url, secret="")
    other = await bee.tasks.register_webhook(agent, task, url=f"{receiver.url}?other")

    assert plain.webhook_id == signed.webhook_id == kept.webhook_id != other.webhook_id
    assert (plain.has_secret, signed.has_secret, kept.has_secret) == (False, True, True)
    assert await bee.tasks.list_webhooks(agent, task) == [kept, other]


async def test_a_deleted_webhook_is_told_no_more(
    cloud: Emulator, bee: AsyncBeeOS, agent: str, receiver: Receiver
) -> None:
    """A deletion whose answer was lost is one; a second is a 404."""
    task = (await bee.tasks.create(agent, "ask: it")).task_id
    await bee.tasks.wait(agent, task)
    hook = (await bee.tasks.register_webhook(agent, task, url=receiver.url)).webhook_id
    cloud.faults.disconnect("deleteTaskWebhook", when="after")

    await bee.tasks.delete_webhook(agent, task, hook)
    await bee.tasks.cancel(agent, task)
    await asyncio.sleep(0.02)

    assert receiver.requests == []
    assert await bee.tasks.list_webhooks(agent, task) == []
    with pytest.raises(b.NotFoundError):
        await bee.tasks.delete_webhook(agent, task, hook)
    with pytest.raises(b.NotFoundError):
        await bee.tasks.webhook_deliveries(agent, task, hook)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/nobody", "transport: ClientConnectorError"),
        ("https://hooks.example.net/b", "transport: the emulator tells nobody beyond"),
    ],
)
async def test_a_receiver_that_is_not_there_is_told_later(
    url: str, error: str, cloud: Emulator, bee: AsyncBeeOS, agent: str
) -> None:
    """Nobody beyond this machine is ever told anything."""
    task = (await bee.tasks.create(agent, "linger: on")).task_id
    await bee.tasks.get(agent, task)
    hook = (await bee.tasks.register_webhook(agent, task, url=url)).webhook_id
    await bee.tasks.cancel(agent, task)

    row = (await attempted(bee, agent, task, hook))[0]

    assert (row.status, row.last_response_status) == ("failed", 0)
    assert row.last_error.startswith(error)
