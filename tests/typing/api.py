"""The surface as a type checker sees it: never run, checked by mypy and by pyright.

Positives are `assert_type`.  Negatives are ignores: both checkers fail when one of them is not
needed any more.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, assert_never, assert_type

import aiohttp

from beeos_async import (
    Accepted,
    Agent,
    AgentTarget,
    APIError,
    AppInfo,
    AsyncBeeOS,
    Attempt,
    BackfillTruncated,
    BeeOSError,
    CancelAccepted,
    ChannelEvent,
    ChannelStream,
    ControlInfo,
    Conversation,
    ConversationTarget,
    CustomPart,
    DecodeError,
    DeployInstance,
    DeviceInfo,
    EndpointState,
    EventStream,
    Failed,
    FileMeta,
    FilePart,
    FleetError,
    FleetOptions,
    FleetPlan,
    FleetReport,
    FleetRun,
    GatewayTimeoutError,
    Instance,
    InstanceTarget,
    InvokeDone,
    InvokeEvent,
    InvokeReply,
    InvokeStream,
    Message,
    Model,
    NotSentError,
    OperationCancelAccepted,
    Outcome,
    Pager,
    Part,
    PlanState,
    PresignedUpload,
    Progress,
    Provider,
    RateLimitError,
    Region,
    ReplayComplete,
    RequestTimeoutError,
    RuntimeEvent,
    RuntimeMethodError,
    RuntimeOperation,
    RuntimeOperationError,
    Screenshot,
    SentMessage,
    Skipped,
    SkippedError,
    SourcePart,
    StartWish,
    StreamEnd,
    StreamEndedError,
    Succeeded,
    Task,
    TaskCreated,
    TaskStatusEvent,
    TaskSummary,
    TaskWebhook,
    ThinkingPart,
    TimedOut,
    ToolResultPart,
    ToolUsePart,
    TransportError,
    UITree,
    Unknown,
    UnknownEvent,
    UnknownPart,
    UnknownTarget,
    WaitError,
    WaitReason,
    WaitTimeoutError,
    WebhookDelivery,
    Wish,
    __version__,
)
from beeos_async.webhooks import sign, unwrap


def the_version() -> str:
    return __version__


# The client -----------------------------------------------------------------------------------


def a_client(rotating: Callable[[], Awaitable[str]], seen: list[Attempt]) -> None:
    AsyncBeeOS()
    AsyncBeeOS("oag_1")
    AsyncBeeOS(rotating)
    AsyncBeeOS(
        api_key="oag_1",
        base_url="https://openapi.beeos.ai",
        timeout=30,
        connect_timeout=10.0,
        max_retries=3,
        max_concurrency=64,
        rate_limit="600/min",
        max_throttle_wait=60,
        proxy="http://proxy.example:3128",
        ssl=ssl.create_default_context(),
        connector=aiohttp.TCPConnector(),
        allow_insecure=True,
        user_agent="night-shift/1",
        on_attempt=seen.append,
    )
    AsyncBeeOS(rate_limit=10.0)
    AsyncBeeOS(rate_limit={"startInstance": "10/s", "getInstance": 5, "control-action": "2/s"})
    AsyncBeeOS("oag_1", "https://openapi.beeos.ai")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AsyncBeeOS(ssl=False)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncBeeOS(timeout="30")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncBeeOS(lambda: "oag_1")  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]
    AsyncBeeOS(retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def a_block(bee: AsyncBeeOS) -> None:
    async with bee as same:
        assert_type(same, AsyncBeeOS)
    assert_type(bee.with_options(timeout=5, max_retries=0), AsyncBeeOS)
    await bee.close()
    await bee.aclose()
    bee.with_options(base_url="https://x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def an_attempt(attempt: Attempt) -> None:
    assert_type(attempt.endpoint, str)
    assert_type(attempt.attempt, int)
    assert_type(attempt.seconds, float)
    assert_type(attempt.status, int | None)
    assert_type(attempt.error, BeeOSError | None)
    assert_type(attempt.request_id, str | None)
    attempt.attempt = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


# Calls ----------------------------------------------------------------------------------------


async def one_call(bee: AsyncBeeOS) -> None:
    assert_type(await bee.start("inst-1"), Instance)
    assert_type(await bee.stop("inst-1", deadline=5), Instance)
    assert_type(await bee.restart("inst-1"), Instance)
    assert_type(await bee.instances.start("inst-1", deadline=2.5), Instance)
    assert_type(await bee.instances.stop("inst-1"), Instance)
    assert_type(await bee.instances.restart("inst-1"), Instance)
    assert_type(await bee.instances.get("inst-1"), Instance)
    assert_type(await bee.instances.device_info("inst-1"), DeviceInfo)
    await bee.destroy("inst-1")
    await bee.instances.destroy("inst-1")

    await bee.start(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.start(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.start("inst-1", 5)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]
    await bee.start()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def one_wait(bee: AsyncBeeOS, wish: StartWish, any_wish: Wish) -> None:
    assert_type(await bee.start("inst-1", wait="online", deadline=90), Instance)
    assert_type(await bee.start("inst-1", wait=lambda one: one.public_ip != ""), Instance)
    assert_type(await bee.stop("inst-1", wait="stopped"), Instance)
    assert_type(await bee.restart("inst-1", wait=wish), Instance)
    await bee.destroy("inst-1", wait="terminated")
    assert_type(await bee.wait("inst-1", "online", deadline=90), Instance)
    assert_type(await bee.wait("inst-1", wish), Instance)
    assert_type(await bee.wait("inst-1", "stopped"), Instance)
    assert_type(await bee.wait("inst-1", "terminated"), Instance | None)
    await bee.start("inst-1", wait="stopped")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.stop("inst-1", wait="running")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.wait("inst-1")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    assert_type(await bee.wait_many(["inst-1"], any_wish, deadline=300), FleetReport[Instance])
    assert_type(bee.wait_stream(["inst-1"], any_wish, collect=False), FleetRun[Instance])
    await bee.wait_many(["inst-1"], "ready")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_deployment(bee: AsyncBeeOS) -> None:
    wanted = DeployInstance(name="night", variant_id="v-1", models=["heron/tiny-1"])
    assert_type(await bee.instances.deploy(wanted), Instance)
    assert_type(await bee.instances.deploy(name="night", agent_framework="weaver"), Instance)
    await bee.instances.deploy(name=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.instances.deploy(colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DeployInstance("night")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def the_catalog(bee: AsyncBeeOS) -> None:
    assert_type(await bee.catalog.providers(), list[Provider])
    assert_type(await bee.catalog.regions(provider_id="prov-lake"), list[Region])
    assert_type(await bee.catalog.models(agent_framework="weaver"), list[Model])


async def an_agent(bee: AsyncBeeOS) -> None:
    assert_type(bee.agents.list(instance_id="inst-1"), Pager[Agent])
    found = assert_type(await bee.agents.get("agt-1"), Agent)
    assert_type(found.capabilities.streaming, bool)
    # Open words: any text may be compared with.
    assert_type(found.visibility == "neighbours", bool)
    assert_type(await bee.agents.update("agt-1", visibility="public", mcp_enabled=True), Agent)
    assert_type(await bee.agents.delete("agt-1"), None)
    reply = assert_type(await bee.agents.invoke("agt-1", "Hello", timeout_ms=5), InvokeReply)
    assert_type(reply.raise_for_error(), InvokeReply)
    await bee.agents.update("agt-1", visibility="neighbours")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.agents.invoke("agt-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.agents.invoke("agt-1", "Hello", metadata={"a": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


async def a_task(bee: AsyncBeeOS, file: FileMeta) -> None:
    attached = [file.attachment]
    made = assert_type(await bee.tasks.create("agt-1", "Go.", attachments=attached), TaskCreated)
    task = assert_type(await bee.tasks.wait("agt-1", made.task_id, deadline=5), Task)
    assert_type(await bee.tasks.get("agt-1", "t"), Task)
    assert_type(
        task.outcome,
        Literal["completed", "failed", "canceled", "timeout", "rejected"] | None,
    )
    assert_type(task.is_paused, bool)
    assert_type(task.deadline_at, datetime | None)
    assert_type(await bee.tasks.cancel("agt-1", "t", reason="enough"), Task)
    assert_type(await bee.tasks.continue_("agt-1", "t", input=None), Task)
    assert_type(bee.tasks.list(state="open"), Pager[TaskSummary])
    assert_type(bee.tasks.list_for_agent("agt-1"), Pager[TaskSummary])
    assert_type(bee.tasks.messages("agt-1", "t", include_deltas=True), Pager[Message])
    bee.tasks.list(state="asleep")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.tasks.wait("agt-1", "t", 5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def webhooks(bee: AsyncBeeOS, body: bytes, headers: dict[str, str]) -> None:
    hook = assert_type(
        await bee.tasks.register_webhook("agt-1", "t", url="https://x"), TaskWebhook
    )
    assert_type(await bee.tasks.list_webhooks("agt-1", "t"), list[TaskWebhook])
    told = await bee.tasks.webhook_deliveries("agt-1", "t", hook.webhook_id)
    assert_type(told, list[WebhookDelivery])
    assert_type(await bee.tasks.redeliver_webhook("agt-1", "t", "w", "d"), WebhookDelivery)
    assert_type(await bee.tasks.delete_webhook("agt-1", "t", "w"), None)
    assert_type(sign(body, "secret", 1), str)
    event = unwrap(body, headers, ["old", "new"], tolerance=None)
    match event:
        case TaskStatusEvent(task_id=id):
            assert_type(id, str)
        case UnknownEvent(name=name):
            assert_type(name, str)
        case _:
            assert_never(event)
    unwrap("text", headers, "secret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def files(bee: AsyncBeeOS, stream: AsyncIterator[bytes]) -> None:
    presigned = await bee.files.presign_upload(filename="a", content_type="b/c")
    assert_type(presigned, PresignedUpload)
    assert_type(await bee.files.get("f"), FileMeta)
    assert_type(await bee.files.upload("a.txt"), FileMeta)
    assert_type(await bee.files.upload(Path("a.txt"), progress=print), FileMeta)
    assert_type(await bee.files.upload(b"x", filename="a"), FileMeta)
    assert_type(await bee.files.upload(stream, filename="a", size=3), FileMeta)
    assert_type(await bee.files.download("f"), bytes)
    assert_type(await bee.files.download("f", "a.txt"), Path)
    assert_type(await bee.files.fetch("https://x"), bytes)
    assert_type(await bee.files.fetch("https://x", Path("a.txt"), max_bytes=7), Path)
    await bee.files.upload(7, filename="a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_desktop(bee: AsyncBeeOS) -> None:
    info = assert_type(await bee.computer.info("inst-1"), ControlInfo)
    assert_type(info.supported_actions, list[str])
    # Open words: any text may be compared with.
    assert_type(info.os == "meadowos", bool)
    assert_type(await bee.computer.screenshot("inst-1", deadline=5), Screenshot)
    assert_type(await bee.computer.screenshot_bytes("inst-1", deadline=5), bytes)
    assert_type(await bee.computer.click("inst-1", x=1, y=2, button="right", count=2), bool)
    assert_type(await bee.computer.move("inst-1", x=1, y=2), bool)
    assert_type(await bee.computer.scroll("inst-1", direction="down", amount=3), bool)
    assert_type(await bee.computer.type("inst-1", text="hello", submit=True), bool)
    assert_type(await bee.computer.key("inst-1", keys=["ctrl", "c"]), bool)
    await bee.computer.click("inst-1", 1, 2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.computer.click("inst-1", x=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.computer.click("inst-1", x=1, y=2, button="back")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.computer.scroll("inst-1", direction="north")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.computer.key("inst-1", keys="enter")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_phone(bee: AsyncBeeOS) -> None:
    phone = bee.mobile
    assert_type(await phone.info("inst-1"), ControlInfo)
    assert_type(await phone.screenshot("inst-1"), Screenshot)
    assert_type(await phone.screenshot_bytes("inst-1"), bytes)
    assert_type(await phone.tap("inst-1", x=1, y=2), bool)
    assert_type(await phone.double_tap("inst-1", x=1, y=2), bool)
    assert_type(await phone.long_press("inst-1", x=1, y=2, duration_ms=800), bool)
    assert_type(await phone.drag("inst-1", x1=1, y1=2, x2=3, y2=4), bool)
    assert_type(await phone.swipe("inst-1", x1=1, y1=2, x2=3, y2=4, duration_ms=300), bool)
    assert_type(await phone.scroll("inst-1", direction="up"), bool)
    assert_type(await phone.type("inst-1", text="hello"), bool)
    assert_type(await phone.key("inst-1", keys=["KEYCODE_ENTER"]), bool)
    assert_type(await phone.press_button("inst-1", button="home"), bool)
    assert_type(await phone.apps("inst-1", include_system=True), list[AppInfo])
    assert_type(await phone.open_app("inst-1", app="net.example.mail"), bool)
    tree = assert_type(await phone.ui_tree("inst-1", query="Pay", format="raw"), UITree)
    assert_type(tree.content, str)
    await phone.ui_tree("inst-1", format="xml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await phone.press_button("inst-1", button="left")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_conversation(bee: AsyncBeeOS) -> None:
    of = bee.conversations
    made = assert_type(await of.create("agt-1", title="t", metadata={"a": "b"}), Conversation)
    assert_type(made.is_open, bool)
    assert_type(of.list("agt-1", state="closed"), Pager[Conversation])
    assert_type(await of.get("agt-1", "c"), Conversation)
    assert_type(await of.rename("agt-1", "c", "New", idempotency_key="k"), Conversation)
    assert_type(await of.send("agt-1", "c", "Hello", attachments=[]), SentMessage)
    assert_type(await of.messages("agt-1", "c", since=7).collect(), list[Message])
    assert_type(await of.cancel("agt-1", "c", "msg-1", operation_id="…"), CancelAccepted)
    assert_type((await of.clear("agt-1", "c")).generation, int)
    assert_type(await of.set_model("agt-1", "c", None), Accepted)
    await of.delete("agt-1", "c")
    await of.set_model("agt-1", "c")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    of.list("agt-1", state="dormant")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await of.create("agt-1", metadata={"a": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


async def a_runtime(bee: AsyncBeeOS) -> None:
    of = bee.runtime
    assert_type(await of.capabilities("inst-1"), dict[str, Any])
    assert_type(await of.invoke("inst-1", "skills/list"), Accepted)
    # Open: a runtime may know more methods.
    assert_type((await of.invoke("inst-1", "moon/land", {"at": 1})).operation_id, str)
    assert_type(of.operations("inst-1"), Pager[RuntimeOperation])
    assert_type(await of.cancel_operation("inst-1", "op"), OperationCancelAccepted)
    assert_type(await of.terminal_session("inst-1", platform_agent_id="…"), dict[str, Any])
    operation = assert_type(await of.operation("inst-1", "op"), RuntimeOperation)
    assert_type(operation.position, int)
    if operation.error is not None:
        assert_type(operation.error.retry_after, float | None)
    await of.canvas_session("inst-1", platform_agent_id="…")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    operation.terminal = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def a_target_is_one_of_these(operation: RuntimeOperation) -> str:
    match operation.target:
        case InstanceTarget():
            return operation.instance_id
        case AgentTarget(platform_agent_id=agent):
            return assert_type(agent, str)
        case ConversationTarget(conversation_id=conversation):
            return assert_type(conversation, str)
        case UnknownTarget(json=json):
            return str(json)
        case _:
            assert_never(operation.target)


async def pages(bee: AsyncBeeOS) -> None:
    pager = bee.instances.list(status="stopped")
    assert_type(pager, Pager[Instance])
    async for instance in pager:
        assert_type(instance, Instance)
    async for page in pager.pages():
        assert_type(page.data, list[Instance])
        assert_type(page.total, int | None)
    assert_type(await pager.collect(), list[Instance])
    assert_type(await pager.collect(limit=5), list[Instance])
    await pager  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


def an_instance(instance: Instance) -> None:
    assert_type(instance.id, str)
    assert_type(instance.models, tuple[str, ...])
    assert_type(instance.total_run_seconds, int)
    assert_type(instance.is_trial, bool)
    assert_type(instance.started_at, datetime | None)
    assert_type(instance.capabilities, dict[str, Any])
    # The word list is open: any text may be compared with, and none is narrowed away.
    if instance.status == "hibernating":
        assert_type(len(instance.status), int)
    instance.status = "running"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    instance.ownerId  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018 -- asking for it is the test


# Fleets ---------------------------------------------------------------------------------------


async def a_fleet(
    bee: AsyncBeeOS, instances: list[Instance], later: AsyncIterator[str | Instance]
) -> None:
    assert_type(await bee.start_many(["inst-1"]), FleetReport[Instance])
    await bee.start_many(instances, max_concurrency=8, deadline=60)
    await bee.start_many(later)
    await bee.start_many(f"inst-{n}" for n in range(9))
    await bee.start_many(bee.instances.list())
    await bee.start_many(["inst-1"], on_outcome=lambda outcome: outcome.kind)
    await bee.start_many([7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await bee.start_many(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.start_many(["inst-1"], 8)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]


async def a_stream(bee: AsyncBeeOS) -> None:
    async with bee.start_stream(["inst-1"], collect=False) as run:
        assert_type(run, FleetRun[Instance])
        async for outcome in run:
            assert_type(outcome, Outcome[Instance])
        run.stop()
    assert_type(run.report, FleetReport[Instance])
    progress = assert_type(run.progress, Progress)
    assert_type(progress.total, int | None)
    assert_type(progress.rate, float)
    assert_type(progress.seconds_left, float | None)
    progress.done = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def the_family(bee: AsyncBeeOS, common: FleetOptions[Instance]) -> None:
    assert_type(await bee.stop_many(["inst-1"], deadline=60), FleetReport[Instance])
    assert_type(await bee.restart_many(["inst-1"], max_failures=0.1), FleetReport[Instance])
    assert_type(await bee.destroy_many(["inst-1"], confirm=True), FleetReport[None])
    assert_type(bee.stop_stream(["inst-1"], collect=False), FleetRun[Instance])
    assert_type(bee.restart_stream(["inst-1"]), FleetRun[Instance])
    assert_type(bee.destroy_stream(["inst-1"], confirm=True), FleetRun[None])
    await bee.stop_many(["inst-1"], **common)
    await bee.start_many(["inst-1"], wait="online", **common)
    await bee.stop_many(["inst-1"], wait="stopped", **common)
    await bee.destroy_many(["inst-1"], confirm=True, wait="terminated")
    async with bee.running(["inst-1"], wait="connected") as report:
        assert_type(report, FleetReport[Instance])
    await bee.start_many(["inst-1"], wait="stopped")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bee.stop_many(["inst-1"], dead_line=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.stop_many(["inst-1"], collect=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.destroy_many(["inst-1"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bee.destroy_many(["inst-1"], confirm=False)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_plan_and_a_while(bee: AsyncBeeOS) -> None:
    plan = assert_type(await bee.plan_start(["inst-1"], deadline=5), FleetPlan)
    assert_type(plan.states, dict[str, PlanState])
    assert_type(plan.counts, dict[PlanState, int])
    assert_type(plan.requests, int)
    assert_type(plan.seconds, float | None)
    async with bee.running(["inst-1"], max_concurrency=2) as report:
        assert_type(report, FleetReport[Instance])


def what_a_client_knows(bee: AsyncBeeOS) -> None:
    assert_type(bee.base_url, str)
    assert_type(bee.throttle.snapshot(), dict[str, EndpointState])
    bee.base_url = "https://x"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def an_outcome_is_one_of_these(outcome: Outcome[Instance]) -> str:
    match outcome:
        case Succeeded(id, instance, already):
            assert_type(already, bool)
            return id + assert_type(instance, Instance).status
        case Failed(id, error) | Unknown(id, error):
            return id + str(assert_type(error, BeeOSError))
        case TimedOut(instance=instance, already=already):
            assert_type(already, bool)
            return assert_type(instance, Instance).connectivity
        case Skipped(reason=reason):
            # `reason` is a closed list of words.
            if reason == "tired":  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
                return "never"
            return reason
        case _:
            assert_never(outcome)


def an_outcome_left_out_is_noticed(outcome: Outcome[Instance]) -> str:
    match outcome:
        case Succeeded() | Failed() | TimedOut() | Unknown():
            return outcome.kind
        case _:
            assert_never(outcome)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def what_all_outcomes_tell(outcome: Outcome[Instance]) -> None:
    assert_type(outcome.id, str)
    assert_type(outcome.attempts, int)
    assert_type(outcome.request_id, str | None)
    assert_type(outcome.elapsed + outcome.queued + outcome.throttled + outcome.request, float)
    assert_type(outcome.provisioning, float | None)
    assert_type(outcome.connectivity, float | None)
    outcome.attempts = 9  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def a_journal(bee: AsyncBeeOS, report: FleetReport[Instance]) -> None:
    """A path, as text or as a `Path`; a report becomes text, and merges with its like."""
    await bee.start_many(["inst-1"], journal="fleet.jsonl")
    await bee.stop_many(["inst-1"], journal=Path("fleet.jsonl"))
    bee.start_stream(["inst-1"], journal=None)
    await bee.start_many(["inst-1"], journal=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(report.to_jsonl(), str)
    assert_type(report | report, FleetReport[Instance])
    report | 7  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]


def a_report(report: FleetReport[Instance], gone: FleetReport[None]) -> None:
    for outcome in report:
        assert_type(outcome, Outcome[Instance])
    assert_type(report["inst-1"], Outcome[Instance])
    assert_type(len(report), int)
    assert_type(report.ok, bool)
    assert_type(report.succeeded, list[Succeeded[Instance]])
    assert_type(report.failed, list[Failed])
    assert_type(report.timed_out, list[TimedOut[Instance]])
    assert_type(report.unknown, list[Unknown])
    assert_type(report.skipped, list[Skipped])
    assert_type(report.instances, dict[str, Instance])
    assert_type(gone.instances, dict[str, None])
    assert_type(report.retryable_ids, list[str])
    assert_type(report.duplicates, int)
    assert_type(report.elapsed, float)
    assert_type(report.first_try_rate, float)
    assert_type(report.fatal, BeeOSError | None)
    report[0]  # type: ignore[index]  # pyright: ignore[reportArgumentType]


# Streams --------------------------------------------------------------------------------------


async def an_invocation(bee: AsyncBeeOS) -> None:
    async with bee.agents.invoke_stream("agt-1", "Sum up.", timeout_ms=5000) as reply:
        assert_type(reply, InvokeStream)
        assert_type(reply.raise_for_error(), InvokeDone)
        async for words in reply.text():
            assert_type(words, str)
        async for event in reply:
            assert_type(event, InvokeEvent)
    assert_type(reply.done, InvokeDone | None)
    assert_type(reply.end_reason, str | None)
    bee.agents.invoke_stream("agt-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def a_channel(bee: AsyncBeeOS) -> None:
    async with bee.tasks.events("agt-1", "tsk-1", since=5, on_bad_event="skip") as events:
        assert_type(events, ChannelStream[ChannelEvent])
        async for event in events:
            assert_type(an_event_is_one_of_these(event), str)
    assert_type(events.last_offset, int)
    bee.conversations.events("agt-1", "cnv-1", since=events.last_offset)
    bee.tasks.events("agt-1", "tsk-1", on_bad_event="cry")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def an_event_is_one_of_these(event: ChannelEvent) -> str:
    match event:
        case Message(type="agent_reply", parts=parts):
            return "".join(a_part_is_one_of_these(part) for part in parts)
        case Message(offset=offset):
            return str(assert_type(offset, int))
        case BackfillTruncated() | ReplayComplete():
            return ""
        case StreamEnd(reason=reason):
            return reason
        case UnknownEvent(name=name):
            return name
        case _:
            assert_never(event)


def a_part_is_one_of_these(part: Part) -> str:
    match part:
        case ThinkingPart(text=text):
            return text
        case ToolUsePart() | ToolResultPart() | FilePart() | SourcePart() | CustomPart():
            return part.type
        case UnknownPart():
            return part.type
        case _:
            assert_never(part)


async def an_operation(bee: AsyncBeeOS) -> None:
    async with bee.runtime.operation_events("inst-1", "op-1", last_event_id="7") as events:
        assert_type(events, EventStream[RuntimeEvent])
        async for event in events:
            assert_type(event.event.result, Any)
            assert_type(event.event.error, RuntimeOperationError | None)
    assert_type(events.last_offset, int | str | None)
    events.text()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


# Errors ---------------------------------------------------------------------------------------


async def errors(bee: AsyncBeeOS) -> None:
    try:
        await bee.start("inst-1")
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except GatewayTimeoutError as error:
        assert_type(error.status, int)
    except APIError as error:
        assert_type(error.code, str)
        assert_type(error.message, str)
        assert_type(error.request_id, str | None)
        assert_type(error.param, str | None)
        assert_type(error.metadata, dict[str, object])
    except (NotSentError, DecodeError, RequestTimeoutError, TransportError) as error:
        assert_type(error.status, int | None)
        assert_type(error.reason, str)
    except BeeOSError as error:
        assert_type(error.attempts, int)
        if error.delivered == "perhaps":  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
            raise


def other_errors(
    runtime: RuntimeMethodError, stream: StreamEndedError, skipped: SkippedError, wait: WaitError
) -> None:
    assert_type(runtime.code, int)
    assert_type(runtime.retry_after, float | None)
    assert_type(stream.last_offset, int | str | None)
    assert_type(skipped.id + skipped.reason, str)
    assert_type(wait.last, Any)
    assert_type(wait.reason, WaitReason | None)


def timeouts_are_timeouts(one: RequestTimeoutError, other: WaitTimeoutError) -> list[TimeoutError]:
    return [one, other]


def a_fleet_that_failed(report: FleetReport[Instance]) -> None:
    try:
        report.raise_for_failures()
    except FleetError as error:
        assert_type(error.report, FleetReport[Any])
        assert_type(error.exceptions[0], BeeOSError | ExceptionGroup[BeeOSError])
    try:
        report.raise_for_failures()
    except* SkippedError as group:
        assert_type(group, ExceptionGroup[SkippedError])
