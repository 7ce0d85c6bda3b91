"""The runtime group, against the emulator; judged by what the server has seen."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from hand_clock import HandClock

from beeos_async import (
    AsyncBeeOS,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionLostError,
    InstanceTarget,
    NotFoundError,
    RuntimeMethodError,
    ServiceUnavailableError,
)
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

OPERATION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
AGENT = "3e8a5f14-0c2b-4d9e-b7a1-6f4d2c8e9a03"


@pytest.fixture
def hours() -> HandClock:
    """Give the clock of the cloud: nothing moves there until somebody waits or winds it."""
    return HandClock()


@pytest.fixture
async def cloud(anyio_backend: str, hours: HandClock) -> AsyncIterator[Emulator]:
    """Give a cloud with such a clock."""
    async with Emulator(instances=3, clock=hours) as cloud:
        yield cloud


@pytest.fixture
def one(cloud: Emulator) -> str:
    """Give an instance whose runtime can be reached."""
    return cloud.world.add_instance(status="running")


async def test_a_method_becomes_an_operation(
    cloud: Emulator, hours: HandClock, bee: AsyncBeeOS, one: str
) -> None:
    """Which goes its way on its own, from queued to succeeded."""
    cloud.world.runtimes.pace = 1.0
    accepted = await bee.runtime.invoke(one, "skills/install", {"name": "ocr"})
    seen = [await bee.runtime.operation(one, accepted.operation_id)]

    while not seen[-1].terminal:
        hours.time += 1.0
        seen.append(await bee.runtime.operation(one, accepted.operation_id))

    assert [(found.status, found.effect_state) for found in seen] == [
        ("queued", "queued"),
        ("running", "running"),
        ("running", "running"),
        ("runtime_committed", "committed"),
        ("projection_pending", "committed"),
        ("runtime_committed", "committed"),
        ("succeeded", "committed"),
    ]
    assert [found.position for found in seen] == list(range(7))
    assert {found.target for found in seen} == {InstanceTarget()}
    last = seen[-1]
    assert (last.capability, last.transport, last.instance_id) == ("skills", "service", one)
    assert (last.projection and last.projection.state) == "synced"


async def test_its_events_tell_the_same(bee: AsyncBeeOS, one: str) -> None:
    """Up to the answer, with its result."""
    accepted = await bee.runtime.invoke(one, "models/list")

    async with bee.runtime.operation_events(one, accepted.operation_id) as events:
        told = [event async for event in events]

    assert [event.event.type.removeprefix("runtime_") for event in told] == [
        "operation_started",
        "operation_progress",
        "effect_committed",
        "rpc_response",
    ]
    assert told[-1].event.outcome == events.end_reason == "succeeded"
    assert "clover/mini-3" in told[-1].event.result["models"]


async def test_what_was_installed_is_there(
    hours: HandClock, bee: AsyncBeeOS, one: str, cloud: Emulator
) -> None:
    """A runtime remembers; another one does not."""
    other = cloud.world.add_instance(status="running")

    async def done(id: str, method: str, params: dict[str, Any] | None = None) -> Any:
        accepted = await bee.runtime.invoke(id, method, params)
        hours.time += 1.0
        return (await bee.runtime.operation(id, accepted.operation_id)).result

    await done(one, "skills/install", {"name": "ocr", "version": 2})
    await done(one, "skills/install", {"name": "sum"})
    await done(one, "skills/uninstall", {"name": "sum"})
    gone = await done(one, "skills/uninstall", {"name": "sum"})

    assert await done(one, "skills/list") == {"skills": [{"name": "ocr", "version": 2}]}
    assert await done(other, "skills/list") == {"skills": []}
    assert gone == {"removed": False}


async def test_an_invocation_says_what_was_said(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """The method, its parameters and the id of the request, under the caller's key and id."""
    accepted = await bee.runtime.invoke(
        one,
        "cron/list",
        {"limit": 3},
        rpc_id={"mine": 7},
        idempotency_key="rt-1",
        operation_id=OPERATION,
    )

    assert accepted.operation_id == OPERATION
    assert accepted.body["id"] == {"mine": 7}
    assert msgspec.json.decode(cloud.log[-1].body) == {
        "jsonrpc": "2.0",
        "id": {"mine": 7},
        "method": "cron/list",
        "params": {"limit": 3},
    }


@pytest.mark.parametrize(
    ("method", "params", "word"),
    [
        ("moon/land", None, "METHOD_NOT_SUPPORTED"),
        ("session/clear", None, "USE_AGENTS_API"),
        ("skills/install", None, "INVALID_INVOCATION"),
        ("cron/remove", {"name": 7}, "INVALID_INVOCATION"),
    ],
)
async def test_a_runtime_refuses_in_a_yes(
    cloud: Emulator,
    bee: AsyncBeeOS,
    one: str,
    method: str,
    params: dict[str, Any] | None,
    word: str,
) -> None:
    """Nothing has begun, and nothing is tried again."""
    with pytest.raises(RuntimeMethodError) as caught:
        await bee.runtime.invoke(one, method, params)

    error = caught.value
    assert (error.message, error.delivered, error.attempts) == (word, "no", 1)
    assert error.idempotency_key
    assert error.request_id == cloud.log[-1].request_id
    assert [(entry.status, entry.applied) for entry in cloud.log] == [(200, False)]


async def test_a_runtime_that_is_away_says_when_to_come_back(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """In seconds, however the runtime counts."""
    with pytest.raises(RuntimeMethodError, match="INSTANCE_OFFLINE") as away:
        await bee.runtime.invoke(cloud.ids[0], "models/list")

    cloud.world.runtimes.refuse("models/list", "PROJECTION_PENDING", retry_after_ms=250)
    with pytest.raises(RuntimeMethodError, match="PROJECTION_PENDING") as pending:
        await bee.runtime.invoke(one, "models/list")
    again = await bee.runtime.invoke(one, "models/list")

    assert (away.value.retry_after, pending.value.retry_after) == (1.0, 0.25)
    assert again.operation_id


@pytest.mark.parametrize(
    ("outcome", "code", "effect", "mode"),
    [
        ("failed", "RUNTIME_EXECUTION_FAILED", "failed", "resubmit"),
        ("expired", "COMMAND_EXPIRED", "expired", "resubmit"),
        ("outcome_unknown", "OUTCOME_UNKNOWN", "outcome_unknown", "none"),
        ("projection_blocked", "PROJECTION_BLOCKED", "committed", "none"),
    ],
)
async def test_an_operation_may_end_otherwise(
    cloud: Emulator,
    hours: HandClock,
    bee: AsyncBeeOS,
    one: str,
    outcome: str,
    code: str,
    effect: str,
    mode: str,
) -> None:
    """Its error says what became of the effect and what may be done; nothing is raised."""
    cloud.world.runtimes.turn_out("cron/add", outcome)
    accepted = await bee.runtime.invoke(one, "cron/add", {"name": "nightly"})
    hours.time += 1.0

    found = await bee.runtime.operation(one, accepted.operation_id)

    assert (found.status, found.effect_state, found.terminal) == (outcome, effect, True)
    assert found.error is not None
    assert (found.error.code, found.error.effect_state) == (code, effect)
    assert (found.error.retry_mode, found.error.operation_id) == (mode, found.id)
    assert found.error.retry_after == (0.25 if mode == "resubmit" else None)


async def test_what_is_not_over_is_listed(
    cloud: Emulator, hours: HandClock, bee: AsyncBeeOS, one: str
) -> None:
    """Page by page, by a cursor; and what the server needs to be told is always said."""
    other = cloud.world.add_instance(status="running")
    await bee.runtime.invoke(other, "models/list")
    ids = [(await bee.runtime.invoke(one, "models/list")).operation_id for _ in range(5)]

    found = await bee.runtime.operations(one, limit=2).collect()
    rest = await bee.runtime.operations(one, cursor=ids[1]).collect()
    hours.time += 1.0
    later = await bee.runtime.operations(one).collect()

    assert [operation.id for operation in found] == ids
    assert [operation.id for operation in rest] == ids[2:]
    assert later == []
    asked = [entry.path.partition("?")[2] for entry in cloud.log[6:]]
    assert asked == [
        "status=active&limit=2",
        f"status=active&cursor={ids[1]}&limit=2",
        f"status=active&cursor={ids[3]}&limit=2",
        f"status=active&cursor={ids[1]}&limit=200",
        "status=active&limit=200",
    ]


async def test_an_operation_is_cancelled_while_it_can_be(
    cloud: Emulator, hours: HandClock, bee: AsyncBeeOS, one: str
) -> None:
    """The wish is taken first; that it came true is told later, and nothing has happened."""
    id = (await bee.runtime.invoke(one, "skills/install", {"name": "ocr"})).operation_id
    hours.time += cloud.world.runtimes.pace

    taken = await bee.runtime.cancel_operation(one, id)
    wished = await bee.runtime.operation(one, id)
    hours.time += 1.0
    over = await bee.runtime.operation(one, id)

    assert (taken.operation_id, taken.status) == (id, "cancel_requested")
    assert (wished.status, wished.terminal) == ("running", False)
    assert wished.cancel_request is not None
    assert (over.status, over.effect_state, over.terminal) == ("cancelled", "cancelled", True)
    assert over.error is not None
    assert over.error.code == "OPERATION_CANCELLED"


@pytest.mark.parametrize("when", [3, 6])
async def test_what_took_effect_cannot_be_cancelled(
    cloud: Emulator, hours: HandClock, bee: AsyncBeeOS, one: str, when: int
) -> None:
    """A bare conflict, with its code and what it is about."""
    id = (await bee.runtime.invoke(one, "mcp/set", {"name": "files"})).operation_id
    hours.time += when * cloud.world.runtimes.pace + 0.001

    with pytest.raises(ConflictError) as caught:
        await bee.runtime.cancel_operation(one, id)

    error = caught.value
    assert error.code == "OPERATION_NOT_CANCELLABLE"
    assert error.metadata == {"operationId": id, "httpStatus": 409}
    assert error.attempts == 1


async def test_a_cursor_that_is_ahead_is_a_conflict(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """The other bare one."""
    id = (await bee.runtime.invoke(one, "models/list")).operation_id

    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(ConflictError) as caught:
            await stack.enter_async_context(
                bee.runtime.operation_events(one, id, last_event_id=99)
            )

    error = caught.value
    assert error.code == "OPERATION_CURSOR_AHEAD"
    assert error.metadata["lastSequence"] == "0"


async def test_a_runtime_tells_what_it_can(bee: AsyncBeeOS, one: str, cloud: Emulator) -> None:
    """Whether it can be reached or not."""
    assert (await bee.runtime.capabilities(one))["methods"][0] == "session/set_mode"
    assert (await bee.runtime.capabilities(cloud.ids[0]))["epoch"] == "1"


async def test_every_ticket_is_another(bee: AsyncBeeOS, one: str) -> None:
    """Each is good for one session."""
    tickets = [
        await bee.runtime.terminal_session(one, platform_agent_id=AGENT),
        await bee.runtime.terminal_session(one, platform_agent_id=AGENT),
        await bee.runtime.canvas_session(
            one, platform_agent_id=AGENT, conversation_id=OPERATION, canvas_id="board:1"
        ),
    ]

    assert len({ticket["ticket"] for ticket in tickets}) == 3


async def test_a_ticket_that_was_lost_is_not_asked_for_again(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """It may have been given; and of an instance that is away none is given at all."""
    cloud.faults.disconnect("createTerminalSession", when="after", times=1)

    with pytest.raises(ConnectionLostError) as caught:
        await bee.runtime.terminal_session(one, platform_agent_id=AGENT)
    with pytest.raises(ServiceUnavailableError) as away:
        await bee.runtime.terminal_session(cloud.ids[0], platform_agent_id=AGENT)

    assert caught.value.delivered == "maybe"
    assert away.value.code == "agent_offline"
    assert [entry.applied for entry in cloud.log] == [True, False]


async def test_an_invocation_that_was_lost_is_made_once(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """The same key, the same bytes, the same operation."""
    cloud.faults.disconnect("invokeRuntimeMethod", when="after", times=2)

    accepted = await bee.runtime.invoke(one, "skills/install", {"name": "ocr"})

    assert [entry.applied for entry in cloud.log] == [True, False, False]
    assert [found.id for found in await bee.runtime.operations(one).collect()] == [
        accepted.operation_id
    ]


async def test_a_cancellation_that_was_lost_is_made_once(
    cloud: Emulator, bee: AsyncBeeOS, one: str
) -> None:
    """A second wish would be refused, for the first was taken."""
    id = (await bee.runtime.invoke(one, "models/list")).operation_id
    cloud.faults.disconnect("cancelRuntimeOperation", when="after", times=1)

    taken = await bee.runtime.cancel_operation(one, id, operation_id=OPERATION)

    assert taken.operation_id == id
    assert [entry.applied for entry in cloud.log[1:]] == [True, False]


async def test_an_id_that_is_taken_is_a_conflict(bee: AsyncBeeOS, one: str) -> None:
    """Two operations are never one."""
    await bee.runtime.invoke(one, "models/list", operation_id=OPERATION)

    with pytest.raises(ConflictError, match="operation with this id"):
        await bee.runtime.invoke(one, "skills/list", operation_id=OPERATION)


async def test_what_is_not_there_is_not_found(cloud: Emulator, bee: AsyncBeeOS, one: str) -> None:
    """An instance, an operation, an operation of another instance."""
    id = (await bee.runtime.invoke(one, "models/list")).operation_id
    of = bee.runtime
    for refused in (
        of.capabilities("inst-nowhere"),
        of.invoke("inst-nowhere", "models/list"),
        of.operations("inst-nowhere").collect(),
        of.operation(one, OPERATION),
        of.operation(cloud.ids[0], id),
        of.cancel_operation(one, OPERATION),
        of.canvas_session("inst-nowhere", platform_agent_id=AGENT, conversation_id=AGENT),
    ):
        with pytest.raises(NotFoundError):
            await refused


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("operations", "missing_param"),
        ("operations?status=over", "invalid_param"),
        ("operations?status=active&limit=0", "invalid_param"),
        ("operations?status=active&limit=201", "invalid_param"),
        ("operations?status=active&cursor=nowhere", "invalid_param"),
    ],
)
async def test_the_server_wants_its_words(
    cloud: Emulator, bee: AsyncBeeOS, one: str, path: str, code: str
) -> None:
    """None of which this client would leave out."""
    name, _, query = path.partition("?")
    params = dict(word.split("=") for word in query.split("&") if word)

    with pytest.raises(BadRequestError) as caught:
        await bee.request("GET", f"/api/v1/instances/{one}/{name}", params=params)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("drive", "said"),
    [
        (lambda of: of.invoke("inst-1", ""), "method"),
        (lambda of: of.invoke("inst-1", "m", ["a"]), "params"),
        (lambda of: of.invoke("inst-1", "m", operation_id="op-1"), "operation_id must be a UUID"),
        (lambda of: of.cancel_operation("inst-1", "op", idempotency_key=""), "idempotency_key"),
        (lambda of: of.terminal_session("inst-1", platform_agent_id="agt-1"), "platform_agent_id"),
        (
            lambda of: of.canvas_session("inst-1", platform_agent_id=AGENT, conversation_id="c"),
            "conversation_id must be a UUID",
        ),
    ],
)
async def test_what_cannot_be_sent_is_not(
    cloud: Emulator, bee: AsyncBeeOS, drive: Callable[[Any], Any], said: str
) -> None:
    """The option is named, and what would be right."""
    with pytest.raises(ConfigurationError, match=said):
        await drive(bee.runtime)

    assert cloud.log == []


def test_a_page_that_cannot_be_asked_for_is_not() -> None:
    """1 to 200 rows."""
    bee = AsyncBeeOS("emulator", base_url="http://localhost")

    with pytest.raises(ConfigurationError, match="limit must be a whole number from 1 to 200"):
        bee.runtime.operations("inst-1", limit=201)
    with pytest.raises(ConfigurationError, match="cursor must have 1 to 128 characters"):
        bee.runtime.operations("inst-1", cursor="c" * 129)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "methods", {"jsonrpc": "2.0", "id": 1, "method": "models/list", "params": {}}),
        ("POST", "terminal-sessions", {"platformAgentId": AGENT}),
        ("POST", "canvas-sessions", {"platformAgentId": AGENT, "conversationId": AGENT}),
    ],
)
async def test_a_closed_request_takes_no_more(
    bee: AsyncBeeOS, one: str, method: Any, path: str, body: dict[str, Any]
) -> None:
    """The contract closes these; the emulator refuses what is beyond them, and names it."""
    with pytest.raises(BadRequestError) as caught:
        await bee.request(method, f"/api/v1/instances/{one}/{path}", json={**body, "more": 1})

    assert (caught.value.code, caught.value.param) == ("invalid_body", "more")
