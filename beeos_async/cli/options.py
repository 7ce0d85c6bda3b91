"""What can be said on a command line: each option once, in groups that commands take whole.

Only what `--help` needs is imported here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, cast, get_type_hints

from typer import Argument, Option

PRODUCTION: Final = "https://openapi.beeos.ai"

WHICH: Final = "Which instances"
SERVER: Final = "Server"

FLAG: Final = ""
"""What stands behind an option that takes nothing."""

STATES: Final = ("pending", "provisioning", "running", "stopped", "terminated")
"""What a shell offers after `--status`; the server may know more."""


def offered_states(incomplete: str) -> list[str]:
    """Complete the word after `--status`."""
    return [state for state in STATES if state.startswith(incomplete)]


def offered_operations(incomplete: str) -> Iterable[str]:
    """Complete an operation of the API."""
    from beeos_async._protocol import table  # noqa: PLC0415 -- only a shell that asks for it waits

    return (one for one in table.ROWS if one.startswith(incomplete))


class Ids(NamedTuple):
    """Which instances are meant, by name."""

    ids: Annotated[
        list[str] | None,
        Argument(metavar="ID", help="Instance ids; - reads them from standard input."),
    ] = None
    files: Annotated[
        list[Path] | None,
        Option("--from", metavar="FILE", help="A file of ids, one a line.", rich_help_panel=WHICH),
    ] = None


class Filters(NamedTuple):
    """Which instances are meant, by what they are; as `bee.instances.list` takes it."""

    status: Annotated[
        str | None,
        Option(
            metavar="STATE",
            help=f"In this state: {', '.join(STATES)}.",
            rich_help_panel=WHICH,
            autocompletion=offered_states,
        ),
    ] = None
    provider_id: Annotated[
        str | None,
        Option("--provider", metavar="ID", help="Of this provider.", rich_help_panel=WHICH),
    ] = None
    agent_framework: Annotated[
        str | None,
        Option(
            "--framework", metavar="NAME", help="With this agent framework.", rich_help_panel=WHICH
        ),
    ] = None
    cluster_id: Annotated[
        str | None,
        Option("--cluster", metavar="ID", help="In this cluster.", rich_help_panel=WHICH),
    ] = None
    search: Annotated[
        str | None, Option(metavar="TEXT", help="Matching this text.", rich_help_panel=WHICH)
    ] = None

    def __str__(self) -> str:
        """Say them as they are said on the command line."""
        words = {
            "--status": self.status,
            "--provider": self.provider_id,
            "--framework": self.agent_framework,
            "--cluster": self.cluster_id,
            "--search": self.search,
        }
        return " ".join(f"{name} {value}" for name, value in words.items() if value)


class Server(NamedTuple):
    """How to reach the server, and how hard to try."""

    key_file: Annotated[
        Path | None,
        Option(
            "--api-key-file",
            metavar="FILE",
            help="File with the API key; readable by you alone.",
            rich_help_panel=SERVER,
        ),
    ] = None
    base_url: Annotated[
        str,
        Option(
            envvar="BEEOS_API_URL",
            metavar="URL",
            help="Address of the API.",
            rich_help_panel=SERVER,
        ),
    ] = PRODUCTION
    timeout: Annotated[
        float, Option(metavar="SECONDS", help="Time limit of one attempt.", rich_help_panel=SERVER)
    ] = 30.0
    retries: Annotated[
        int,
        Option(
            metavar="N", help="How often a failed request is repeated.", rich_help_panel=SERVER
        ),
    ] = 3


Concurrency = Annotated[int, Option(min=1, max=10_000, metavar="N", help="Requests at once.")]
Deadline = Annotated[
    float | None, Option(metavar="SECONDS", help="Time limit for all of it; none if not given.")
]
AsJson = Annotated[bool, Option("--json", metavar=FLAG, help="Write JSON lines.")]


class Run(NamedTuple):
    """How a run over a fleet goes, and how it is shown."""

    concurrency: Concurrency = 64
    deadline: Deadline = None
    max_failures: Annotated[
        str | None,
        Option(metavar="N|SHARE", help="Stop launching after more failures than this: 10, or 5%."),
    ] = None
    journal: Annotated[
        Path | None,
        Option(metavar="FILE", help="Record progress here; the same command resumes from it."),
    ] = None
    rate_limit: Annotated[
        str | None,
        Option(
            metavar="RATE",
            help="Your quota, if known: 600/min, 10/s; bare numbers are per second.",
        ),
    ] = None
    dry_run: Annotated[
        bool, Option("--dry-run", metavar=FLAG, help="Say what would be done; change nothing.")
    ] = False
    as_json: AsJson = False


class Demo(NamedTuple):
    """What the fleet of a demonstration meets."""

    instances: Annotated[int, Option(min=1, metavar="N", help="How many to start.")] = 500
    quota: Annotated[
        str, Option(metavar="RATE", help="What the server allows: 100/s, 600/min, or none.")
    ] = "100/s"
    faults: Annotated[
        str, Option(metavar="SHARE", help="Share of requests that go wrong: 5%, or 0.05.")
    ] = "5%"
    concurrency: Concurrency = 64
    seed: Annotated[int, Option(metavar="N", help="Seed of the random faults.")] = 0
    as_json: AsJson = False


class Cloud(NamedTuple):
    """A pretend cloud, and what it does to those who come."""

    port: Annotated[int, Option(metavar="N", help="Port to listen on; 0 for a free one.")] = 8095
    instances: Annotated[int, Option(metavar="N", help="How many instances, all stopped.")] = 100
    quota: Annotated[
        str | None, Option(metavar="RATE", help="What each endpoint allows: 100/s, 600/min.")
    ] = None
    boot_time: Annotated[
        float, Option(metavar="SECONDS", help="About how long a start takes to running.")
    ] = 2.0
    latency: Annotated[
        float, Option(metavar="SECONDS", help="About how long an answer takes.")
    ] = 0.0
    faults: Annotated[
        str, Option(metavar="SHARE", help="Share of starts that go wrong: 5%, or 0.05.")
    ] = "0%"
    strict: Annotated[
        bool, Option("--strict", metavar=FLAG, help="Starting what is started is a conflict.")
    ] = False
    seed: Annotated[int, Option(metavar="N", help="Seed of the ids and the random faults.")] = 0
    as_json: AsJson = False


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options, where typer wants each option by itself.

    Args:
        command: Takes keywords; one annotated with a group gets the group.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, tuple):
            groups[name] = group = cast("type[Any]", kind)
            parameters += _fields_of(group)
        else:
            parameters.append(parameter.replace(annotation=kind))

    def called(**said: Any) -> None:
        for name, kind in groups.items():
            said[name] = kind(**{field: said.pop(field) for field in kind._fields})
        command(**said)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(called)["__signature__"] = inspect.Signature(parameters)
    return called


def _fields_of(group: type[Any]) -> Iterable[inspect.Parameter]:
    for name, kind in get_type_hints(group, include_extras=True).items():
        default = group._field_defaults.get(name, inspect.Parameter.empty)
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
        )
