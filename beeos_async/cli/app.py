"""The commands, their options, and what each asks of the other rooms.

Only what `--help` needs is imported with this file; the client and the emulator, which
bring aiohttp, come when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer import Argument, Option

from .. import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .signals import Signals

PRODUCTION: Final = "https://openapi.beeos.ai"

app: Final = typer.Typer(
    help="Start BeeOS instances: one, or a hundred thousand.",
    epilog="The key is read from [bold]BEEOS_API_KEY[/bold] or from --api-key-file.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    # A traceback of typer's may show locals, and one of them may be the key.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)

Concurrency = Annotated[
    int, Option(min=1, max=10_000, metavar="N", help="Requests in flight at once.")
]
AsJson = Annotated[bool, Option("--json", help="Write JSON lines, one object an outcome.")]

WHICH: Final = "Which instances"
SERVER: Final = "Server"


def _version(asked: bool) -> None:  # noqa: FBT001 -- typer's protocol
    if asked:
        typer.echo(f"beeos-async {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    """Start BeeOS instances: one, or a hundred thousand."""


@app.command()
def demo(
    *,
    instances: Annotated[int, Option(min=1, metavar="N", help="How many to start.")] = 500,
    quota: Annotated[
        str, Option(metavar="RATE", help="What the server allows: 100/s, 600/min, or none.")
    ] = "100/s",
    faults: Annotated[
        float, Option(min=0, max=1, metavar="SHARE", help="Which share of requests goes wrong.")
    ] = 0.05,
    concurrency: Concurrency = 64,
    seed: Annotated[int, Option(metavar="N", help="What trouble is drawn from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Start a fleet in a pretend cloud on this machine: no account, no key, no network."""
    from . import jobs  # noqa: PLC0415 -- brings aiohttp, which --help needs not

    how = jobs.How(concurrency, None, as_json)
    _leave(
        lambda signals: jobs.demo(
            signals, how, instances=instances, quota=quota, faults=faults, seed=seed
        )
    )


@app.command()
def start(
    *,
    ids: Annotated[
        list[str] | None,
        Argument(metavar="ID", help="Instance ids; - reads them from standard input."),
    ] = None,
    files: Annotated[
        list[Path] | None,
        Option("--from", metavar="FILE", help="A file of ids, one a line.", rich_help_panel=WHICH),
    ] = None,
    status: Annotated[
        str | None, Option(metavar="WORD", help="Those in this state.", rich_help_panel=WHICH)
    ] = None,
    provider: Annotated[
        str | None, Option(metavar="ID", help="Those of this provider.", rich_help_panel=WHICH)
    ] = None,
    framework: Annotated[
        str | None,
        Option(metavar="NAME", help="Those with this framework.", rich_help_panel=WHICH),
    ] = None,
    cluster: Annotated[
        str | None, Option(metavar="ID", help="Those in this cluster.", rich_help_panel=WHICH)
    ] = None,
    search: Annotated[
        str | None, Option(metavar="TEXT", help="Those found by a text.", rich_help_panel=WHICH)
    ] = None,
    concurrency: Concurrency = 64,
    deadline: Annotated[
        float | None, Option(metavar="SECONDS", help="What the whole run may take.")
    ] = None,
    as_json: AsJson = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the ids, and start nothing.")
    ] = False,
    api_key_file: Annotated[
        Path | None,
        Option(metavar="FILE", help="Holds the key, and is yours alone.", rich_help_panel=SERVER),
    ] = None,
    base_url: Annotated[
        str,
        Option(envvar="BEEOS_API_URL", metavar="URL", help="Where it is.", rich_help_panel=SERVER),
    ] = PRODUCTION,
    timeout: Annotated[
        float, Option(metavar="SECONDS", help="What one attempt may take.", rich_help_panel=SERVER)
    ] = 30.0,
    retries: Annotated[
        int,
        Option(
            metavar="N", help="How often a failed attempt is repeated.", rich_help_panel=SERVER
        ),
    ] = 3,
    rate_limit: Annotated[
        str | None,
        Option(metavar="RATE", help="The quota, if known: 600/min.", rich_help_panel=SERVER),
    ] = None,
) -> None:
    """Start instances: those named, those in a file, or those a filter finds.

    Each is started exactly once, however often it is named.

    Exit status: 0 all started, 1 some did not, 2 wrong usage, 3 key refused,
    4 deadline reached, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from . import jobs  # noqa: PLC0415 -- brings aiohttp, which --help needs not

    filters = jobs.Filters(status, provider, framework, cluster, search)
    which = jobs.Which(ids or [], files or [], filters)
    server = jobs.Server(base_url, api_key_file, timeout, retries, rate_limit)
    how = jobs.How(concurrency, deadline, as_json)
    _leave(lambda signals: jobs.start(signals, how, which=which, server=server, dry_run=dry_run))


def _leave(command: Callable[[Signals], Coroutine[Any, Any, int]]) -> None:
    from .runs import run  # noqa: PLC0415 -- likewise

    raise typer.Exit(run(command))
