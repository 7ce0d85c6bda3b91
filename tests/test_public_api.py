"""The surface is pinned: what the front door offers, how it is called, what it says."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import beeos_async
from beeos_async.models import agents, computer, control, files, mobile, tasks

# Every name of the front door that exists so far; dropping one is a breaking change.
NAMES = """
    APIError Accepted Agent AgentCapabilities AgentError AgentPage AgentTarget AppInfo
    AsyncBeeOS Attachment Attempt AuthenticationError BackfillTruncated BadRequestError
    BeeOSError CancelAccepted Captured ChannelEvent ChannelStream ClearAccepted
    ClientClosedError ClientLoopError ConfigurationError ConflictError ConnectionLostError
    ControlInfo Conversation ConversationTarget CustomPart DecodeError DeployInstance
    DeviceInfo EndpointState EventStream Failed FileMeta FilePart FleetError FleetOptions
    FleetPlan FleetReport FleetRun GatewayTimeoutError Instance InstanceProjection
    InstanceTarget InvokeDelta InvokeDone InvokeEvent InvokeFailure InvokeReasoning InvokeReply
    InvokeStream JournalState Message MessagePage Model NotFoundError NotSentError
    OperationCancelAccepted
    OperationCancelRequest OperationProgress OperationProjection OperationTarget Outcome Pager
    Part PayloadTooLargeError PermissionDeniedError PlanState PresignedUpload Progress Provider
    RateLimitError Region ReplayComplete RequestTimeoutError RuntimeErrorContext RuntimeEvent
    RuntimeMethodError RuntimeOperation RuntimeOperationError RuntimeOperationEvent
    RuntimeOperationEventPayload Screenshot SentMessage ServerError ServiceUnavailableError
    Skipped SkippedError SourcePart StartWish StreamEnd StreamEndedError StreamOptions
    Succeeded Task TaskCreated TaskStatusEvent TaskSummary TaskTimeoutError TaskWebhook
    TextStream ThinkingPart Throttle TimedOut ToolResultPart ToolUsePart TransportError UITree
    Unknown UnknownEvent UnknownPart UnknownTarget UnprocessableEntityError WaitError
    WaitReason WaitTimeoutError WebhookDelivery WebhookSignatureError Wish __version__
    only_loopback
"""
PINNED = set(NAMES.split())


def fresh(script: str) -> str:
    """Run a script in an interpreter that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# The front door -------------------------------------------------------------------------------


def test_the_front_door_offers_what_is_pinned() -> None:
    """Each name is there, once; nothing that was promised is gone."""
    assert len(set(beeos_async.__all__)) == len(beeos_async.__all__)
    assert set(beeos_async.__all__) >= PINNED
    assert set(dir(beeos_async)) >= set(beeos_async.__all__)


def test_the_list_the_table_and_the_imports_say_the_same() -> None:
    """Three readers need the names: a star import, the lazy door, the type checkers."""
    tree = ast.parse(Path(beeos_async.__file__).read_text(encoding="utf-8"))
    (hidden,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = {
        (node.module or "", tuple(alias.name for alias in node.names))
        for node in hidden.body
        if isinstance(node, ast.ImportFrom)
    }

    assert imported == set(beeos_async._ROOMS.items())
    assert {"__version__", *beeos_async._HOME} == set(beeos_async.__all__)
    assert list(beeos_async.__all__) == sorted(beeos_async.__all__)


@pytest.mark.parametrize("name", beeos_async.__all__)
def test_a_name_is_what_its_room_calls_it(name: str) -> None:
    """The door fetches it once, and gives the very thing."""
    room = beeos_async._HOME.get(name)
    if room is None:
        assert name == "__version__"
        return

    home = importlib.import_module(f"beeos_async.{room}")

    assert getattr(beeos_async, name) is getattr(home, name)
    assert vars(beeos_async)[name] is getattr(home, name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'beeos_async' has no attribute 'BeeOS'"):
        beeos_async.BeeOS  # type: ignore[attr-defined]  # noqa: B018 -- asking for it is the test


def test_the_import_costs_next_to_nothing() -> None:
    """Neither aiohttp nor pydantic nor msgspec, until somebody asks for a name that needs them."""
    loaded = fresh("""
        import sys
        before = set(sys.modules)
        import beeos_async
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
    """).split()

    heavy = {"aiohttp", "pydantic", "msgspec", "anyio", "asyncio", "ssl", "typer", "rich", "yarl"}
    assert "beeos_async" in loaded
    assert heavy & set(loaded) == set()


def test_the_errors_are_had_without_the_client() -> None:
    """Whoever only catches needs no aiohttp."""
    assert fresh("""
        import sys
        from beeos_async import BeeOSError, NotFoundError, Instance, FleetReport
        print("aiohttp" in sys.modules, "pydantic" in sys.modules)
    """).split() == ["False", "False"]


def test_the_client_brings_no_server_and_no_pydantic() -> None:
    """The real client drags in neither the pretend cloud nor a second model library."""
    assert fresh("""
        import sys
        from beeos_async import AsyncBeeOS
        heavy = ("beeos_async.emulator", "beeos_async.cli", "pydantic", "typer", "rich")
        print([name for name in heavy if name in sys.modules])
    """).split() == ["[]"]


def test_a_star_brings_what_is_offered() -> None:
    """And nothing else."""
    assert set(
        fresh("""
            namespace = {}
            exec("from beeos_async import *", namespace)
            print(*(name for name in namespace if name != "__builtins__"))
        """).split()
    ) == set(beeos_async.__all__)


def test_the_version_is_said_once() -> None:
    """As packages are numbered: a release, or a candidate for one."""
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", beeos_async.__version__)


def test_the_package_says_that_it_is_typed() -> None:
    """Type checkers look for a file."""
    assert (Path(beeos_async.__file__).parent / "py.typed").is_file()


GROUPS = {
    type(group).__name__: type(group)
    for group in vars(beeos_async.AsyncBeeOS("x", base_url="http://localhost")).values()
    if type(group).__module__.startswith("beeos_async.groups")
}


# How it is called -----------------------------------------------------------------------------


def parameters(function: Any, kind: Any = inspect.Parameter.KEYWORD_ONLY) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is kind and not name.startswith("_")
    }


def positional(function: Any) -> list[str]:
    return [
        name
        for name in parameters(function, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if name != "self"
    ]


def test_the_client_is_made_as_documented() -> None:
    """Names, order and defaults; what may be added later is a keyword."""
    client = beeos_async.AsyncBeeOS

    assert positional(client) == ["api_key"]
    assert inspect.signature(client).parameters["api_key"].default is None
    assert parameters(client) == {
        "base_url": None,
        "timeout": 30.0,
        "connect_timeout": 10.0,
        "max_retries": 3,
        "max_concurrency": 64,
        "rate_limit": None,
        "max_throttle_wait": 60.0,
        "proxy": None,
        "ssl": None,
        "connector": None,
        "transport": "auto",
        "allow_insecure": False,
        "user_agent": None,
        "on_attempt": None,
    }


def test_a_view_changes_how_calls_behave() -> None:
    """`None` leaves an option as it was."""
    options = parameters(beeos_async.AsyncBeeOS.with_options)

    assert {"timeout", "connect_timeout", "max_retries", "max_throttle_wait"} <= set(options)
    assert set(options.values()) == {None}


@pytest.mark.parametrize("name", ["start", "stop", "restart", "destroy"])
def test_a_shortcut_is_called_like_its_method(name: str) -> None:
    """One id, and a deadline for the whole call."""
    short = getattr(beeos_async.AsyncBeeOS, name)
    long = getattr(GROUPS["Instances"], name)

    assert positional(short) == positional(long) == ["id"]
    assert parameters(long) == {"deadline": None}
    assert parameters(short) == {"wait": None, "deadline": None}
    assert inspect.iscoroutinefunction(short)


@pytest.mark.parametrize("action", ["start", "stop", "restart", "destroy"])
def test_a_fleet_is_called_as_documented(action: str) -> None:
    """The stream takes what the collected run takes, and whether to collect."""
    many = getattr(beeos_async.AsyncBeeOS, f"{action}_many")
    stream = getattr(beeos_async.AsyncBeeOS, f"{action}_stream")
    confirm = {"confirm": inspect.Parameter.empty} if action == "destroy" else {}

    assert positional(many) == positional(stream) == ["ids"]
    assert parameters(many) == parameters(stream) == {**confirm, "wait": None}
    assert list(parameters(many, inspect.Parameter.VAR_KEYWORD)) == ["options"]
    assert inspect.iscoroutinefunction(many)
    assert not inspect.iscoroutinefunction(stream)


def test_a_wait_is_called_as_documented() -> None:
    """An id or ids, then what for; a fleet takes its options as ever."""
    client = beeos_async.AsyncBeeOS

    assert positional(client.wait) == ["id", "wish"]
    assert parameters(client.wait) == {"deadline": None}
    assert positional(client.wait_many) == ["ids", "wish"]
    assert list(parameters(client.wait_many, inspect.Parameter.VAR_KEYWORD)) == ["options"]
    assert inspect.signature(client.wait_stream).parameters.keys() == (
        inspect.signature(client.wait_many).parameters.keys()
    )
    assert not inspect.iscoroutinefunction(client.wait_stream)


def test_the_options_of_a_fleet_are_declared_once() -> None:
    """What is declared is what a run takes, and nothing of it has to be said."""
    declared = beeos_async.FleetOptions.__annotations__
    taken = parameters(beeos_async.FleetRun.__init__)

    assert {"max_concurrency", "deadline", "max_failures", "on_outcome"} <= set(declared)
    assert set(declared) == set(taken) - {"collect", "read", "waiting", "unsure"}
    assert {taken[name] for name in declared} == {None}
    assert set(beeos_async.StreamOptions.__annotations__) == {*declared, "collect"}
    assert taken["collect"] is True
    assert not beeos_async.StreamOptions.__required_keys__


def test_a_fleet_is_planned_and_had_for_a_while() -> None:
    """Ids first; a plan has a deadline, a block takes what a start takes."""
    client = beeos_async.AsyncBeeOS

    assert positional(client.plan_start) == positional(client.running) == ["ids"]
    assert parameters(client.plan_start) == {"deadline": None}
    assert list(parameters(client.running, inspect.Parameter.VAR_KEYWORD)) == ["options"]


def test_a_client_is_closed_under_two_names() -> None:
    """`contextlib.aclosing` knows one, people the other."""
    assert beeos_async.AsyncBeeOS.aclose is beeos_async.AsyncBeeOS.close
    assert {"__aenter__", "__aexit__"} <= set(vars(beeos_async.AsyncBeeOS))


@pytest.mark.parametrize(
    ("group", "methods"),
    [
        ("Instances", "list get deploy start stop restart destroy device_info"),
        ("Catalog", "providers regions models"),
        ("Computer", "info screenshot screenshot_bytes click move scroll type key"),
        (
            "Mobile",
            """info screenshot screenshot_bytes tap double_tap long_press drag swipe scroll type
            key press_button apps open_app ui_tree""",
        ),
        ("Agents", "list get update delete"),
        ("Files", "presign_upload get"),
    ],
)
def test_a_group_has_a_method_for_each_endpoint(group: str, methods: str) -> None:
    """Each takes a deadline; ids come first and by position."""
    owner = GROUPS[group]

    for name in methods.split():
        method = getattr(owner, name)
        assert parameters(method)["deadline"] is None
        assert positional(method) in ([], ["id"], ["wanted"])


@pytest.mark.parametrize(
    ("group", "name", "request_"),
    [
        ("Computer", "click", computer.Click),
        ("Computer", "move", computer.Move),
        ("Computer", "scroll", control.Scroll),
        ("Computer", "type", control.TypeText),
        ("Computer", "key", control.PressKeys),
        ("Mobile", "tap", mobile.Tap),
        ("Mobile", "double_tap", mobile.Tap),
        ("Mobile", "long_press", mobile.LongPress),
        ("Mobile", "drag", mobile.Drag),
        ("Mobile", "swipe", mobile.Swipe),
        ("Mobile", "scroll", control.Scroll),
        ("Mobile", "type", control.TypeText),
        ("Mobile", "key", mobile.PressKey),
        ("Mobile", "press_button", mobile.PressButton),
        ("Mobile", "open_app", mobile.OpenApp),
    ],
)
def test_an_action_takes_the_fields_of_its_request(
    group: str, name: str, request_: type[msgspec.Struct]
) -> None:
    """As keywords, named as on the wire; only what the contract needs has to be said."""
    fields = msgspec.structs.fields(request_)
    taken = parameters(getattr(GROUPS[group], name))

    assert set(taken) == {*(field.encode_name for field in fields), "deadline"}
    for field in fields:
        assert (taken[field.name] is inspect.Parameter.empty) == field.required


@pytest.mark.parametrize(
    ("group", "method", "ids", "own", "idle"),
    [
        ("Agents", "invoke_stream", ["id", "message"], {"idempotency_key": None}, 300.0),
        ("Tasks", "events", ["agent_id", "task_id"], {"since": 0}, 120.0),
        ("Conversations", "events", ["agent_id", "conversation_id"], {"since": 0}, 120.0),
        ("Runtime", "operation_events", ["id", "operation"], {"last_event_id": None}, 120.0),
    ],
)
def test_a_stream_is_called_as_documented(
    group: str, method: str, ids: list[str], own: dict[str, Any], idle: float
) -> None:
    """Ids first; then where to go on, and how it is listened to: longer what comes but once."""
    owner = getattr(GROUPS[group], method)
    found = parameters(owner)

    assert positional(owner) == ids
    assert found.items() >= own.items()
    assert {name: found[name] for name in ("idle", "on_bad_event", "deadline")} == {
        "idle": idle,
        "on_bad_event": "raise",
        "deadline": None,
    }
    assert not inspect.iscoroutinefunction(owner)


def test_a_stream_tells_where_it_is() -> None:
    """Where to go on after, and why it ended; in words, too, where it has words."""
    for name in ("last_offset", "end_reason"):
        assert isinstance(vars(beeos_async.EventStream)[name], property)
    assert isinstance(vars(beeos_async.InvokeStream)["done"], property)
    assert issubclass(beeos_async.InvokeStream, beeos_async.TextStream)
    assert issubclass(beeos_async.ChannelStream, beeos_async.TextStream)


@pytest.mark.parametrize(
    ("group", "methods", "ids"),
    [
        ("Agents", "invoke", ["id", "message"]),
        ("Tasks", "create", ["agent_id", "message"]),
        ("Tasks", "list", []),
        ("Tasks", "list_for_agent", ["agent_id"]),
        ("Tasks", "get messages cancel continue_ wait", ["agent_id", "task_id"]),
        ("Tasks", "register_webhook list_webhooks", ["agent_id", "task_id"]),
        ("Tasks", "delete_webhook webhook_deliveries", ["agent_id", "task_id", "webhook_id"]),
        (
            "Tasks",
            "redeliver_webhook",
            ["agent_id", "task_id", "webhook_id", "delivery_id"],
        ),
        ("Files", "upload", ["source"]),
        ("Files", "download", ["file_id", "to"]),
        ("Files", "fetch", ["url", "to"]),
    ],
)
def test_a_method_names_its_ids_first(group: str, methods: str, ids: list[str]) -> None:
    """Each takes a deadline; a keyed one takes a key."""
    for name in methods.split():
        method = getattr(GROUPS[group], name)
        taken = parameters(method)

        assert positional(method) == ids
        assert taken["deadline"] is None
        assert ("idempotency_key" in taken) == (name in {"invoke", "create"})


@pytest.mark.parametrize(
    ("group", "name", "request_", "own"),
    [
        ("Agents", "update", agents.UpdateAgent, set()),
        ("Agents", "invoke", agents.InvokeAgent, {"message"}),
        ("Tasks", "create", tasks.CreateTask, {"message"}),
        ("Tasks", "cancel", tasks.CancelTask, set()),
        ("Tasks", "continue_", tasks.ContinueTask, set()),
        ("Tasks", "register_webhook", tasks.RegisterWebhook, set()),
        ("Files", "presign_upload", files.PresignUpload, set()),
    ],
)
def test_a_method_takes_the_fields_of_its_request(
    group: str, name: str, request_: type[msgspec.Struct], own: set[str]
) -> None:
    """As keywords, in snake_case; what is said first of all may be given by position."""
    fields = {field.name for field in msgspec.structs.fields(request_)}

    assert set(parameters(getattr(GROUPS[group], name))) | own == {*fields, "deadline"}


KEYED = {"idempotency_key": None}
DURABLE = {**KEYED, "operation_id": None}
TALK = ["agent_id", "conversation_id"]


@pytest.mark.parametrize(
    ("group", "method", "ids", "own"),
    [
        ("Conversations", "create", ["agent_id"], {**KEYED, "title": None, "metadata": None}),
        ("Conversations", "list", ["agent_id"], {"state": None, "since": None, "limit": 100}),
        ("Conversations", "get", TALK, {}),
        ("Conversations", "rename", [*TALK, "title"], KEYED),
        ("Conversations", "delete", TALK, {}),
        ("Conversations", "send", [*TALK, "message"], {**KEYED, "attachments": None}),
        (
            "Conversations",
            "messages",
            TALK,
            {"since": 0, "limit": 200, "include_deltas": False},
        ),
        ("Conversations", "cancel", [*TALK, "target_message_id"], {**DURABLE, "reason": None}),
        ("Conversations", "clear", TALK, DURABLE),
        ("Conversations", "set_model", [*TALK, "model_override_id"], DURABLE),
        ("Runtime", "capabilities", ["id"], {}),
        ("Runtime", "invoke", ["id", "method", "params"], {**DURABLE, "rpc_id": 1}),
        ("Runtime", "operations", ["id"], {"cursor": None, "limit": 200}),
        ("Runtime", "operation", ["id", "operation"], {}),
        ("Runtime", "cancel_operation", ["id", "operation"], DURABLE),
        (
            "Runtime",
            "terminal_session",
            ["id"],
            {
                "platform_agent_id": inspect.Parameter.empty,
                "conversation_id": None,
                "resume_terminal_id": None,
            },
        ),
        (
            "Runtime",
            "canvas_session",
            ["id"],
            {
                "platform_agent_id": inspect.Parameter.empty,
                "conversation_id": inspect.Parameter.empty,
                "canvas_id": None,
            },
        ),
    ],
)
def test_a_method_of_agents_and_runtimes_is_called_as_documented(
    group: str, method: str, ids: list[str], own: dict[str, Any]
) -> None:
    """Ids first, and what it is all about; the rest by keyword, with a deadline."""
    owner = getattr(GROUPS[group], method)

    assert positional(owner) == ids
    assert parameters(owner) == {**own, "deadline": None}
    pages = method in {"list", "messages", "operations"}
    assert inspect.iscoroutinefunction(owner) is not pages


def test_a_deployment_takes_a_request_or_its_fields() -> None:
    """The same keywords, spelt alike."""
    fields = {field.name for field in msgspec.structs.fields(beeos_async.DeployInstance)}

    assert set(parameters(GROUPS["Instances"].deploy)) == {*fields, "deadline"}  # type: ignore[attr-defined]  # the group's class is found at run time


def test_outcomes_are_a_closed_union() -> None:
    """Five kinds, each with the fields that are told of all."""
    kinds = typing.get_args(beeos_async.Outcome)

    assert [typing.get_origin(kind) or kind for kind in kinds] == [
        beeos_async.Succeeded,
        beeos_async.Failed,
        beeos_async.TimedOut,
        beeos_async.Unknown,
        beeos_async.Skipped,
    ]
    told = {"attempts", "request_id", "queued", "throttled", "elapsed"}
    for kind in kinds:
        names = [field.name for field in msgspec.structs.fields(kind)]
        assert names[0] == "id"
        assert told <= set(names)


@pytest.mark.parametrize(
    "name",
    [
        *("ok", "counts", "succeeded", "failed", "timed_out", "unknown", "skipped", "instances"),
        *("retryable_ids", "duplicates", "elapsed", "first_try_rate", "fatal"),
    ],
)
def test_a_report_offers(name: str) -> None:
    """Each is a property."""
    assert isinstance(vars(beeos_async.FleetReport)[name], property)


def test_a_report_is_written_down_and_merged() -> None:
    """As text, as bytes, and with a later one."""
    assert positional(beeos_async.FleetReport.to_jsonl) == []
    assert positional(beeos_async.FleetReport.from_jsonl) == ["text"]
    assert "__or__" in vars(beeos_async.FleetReport)


def test_a_run_offers_its_report_and_a_way_to_stop() -> None:
    """While it goes on and afterwards."""
    assert isinstance(vars(beeos_async.FleetRun)["report"], property)
    assert isinstance(vars(beeos_async.FleetRun)["progress"], property)
    assert positional(beeos_async.FleetRun.stop) == []


def test_a_client_offers_what_it_knows() -> None:
    """Where it goes and what the quotas allow; neither can be set."""
    for name in ("base_url", "throttle"):
        assert isinstance(vars(beeos_async.AsyncBeeOS)[name], property)
        assert vars(beeos_async.AsyncBeeOS)[name].fset is None


def test_a_pager_offers_items_pages_and_a_list() -> None:
    """`collect` may be limited."""
    assert parameters(beeos_async.Pager.collect) == {"limit": None}
    assert {"pages", "__aiter__"} <= set(vars(beeos_async.Pager))
