"""The commands, and what each asks of the other rooms.

What can be said to them stands in `options.py`.  Only what `--help` needs is imported with
this file; the client and the emulator, which bring aiohttp, come when a command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer import Argument, Option

from .. import __version__
from . import options

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .signals import Signals

EXITS: Final = (
    "Exit status: 0 all well, 1 some failed, 2 wrong usage, 3 key refused, 4 deadline reached,"
    " 130 after Ctrl-C, 141 when its reader has left, 143 after SIGTERM."
)

FLEETS: Final = "Fleets"
LOOKS: Final = "Looking"
TOOLS: Final = "Tools"

app: Final = typer.Typer(
    help="Start BeeOS instances: one, or a hundred thousand.",
    epilog="The key is read from [bold]BEEOS_API_KEY[/bold] or from --api-key-file.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    # A traceback of typer's may show locals, and one of them may be the key.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)

StartWish = Annotated[
    Literal["running", "online", "connected"] | None,
    Option("--wait", metavar="STATE", help="Wait until each is running, online or connected."),
]
Yes = Annotated[bool, Option("--yes", metavar=options.FLAG, help="Do not ask; needed in scripts.")]
Wish = Literal["running", "online", "connected", "stopped", "terminated"]


def _version(asked: bool) -> None:  # noqa: FBT001 -- typer's protocol
    if asked:
        typer.echo(f"beeos-async {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        Option(
            "--version",
            callback=_version,
            is_eager=True,
            metavar=options.FLAG,
            help="Say which version.",
        ),
    ] = False,
) -> None:
    """Start BeeOS instances: one, or a hundred thousand."""


@app.command(rich_help_panel=FLEETS, epilog=EXITS)
@options.flat
def start(
    *,
    ids: options.Ids,
    filters: options.Filters,
    wait: StartWish = None,
    run: options.Run,
    server: options.Server,
) -> None:
    """Start instances: those named, those in a file, or those a filter finds.

    A start whose answer is lost is sent again only once a look has shown that it did not take.
    """
    _act("START", wait, ids, filters, run, server)


@app.command(rich_help_panel=FLEETS, epilog=EXITS)
@options.flat
def stop(
    *,
    ids: options.Ids,
    filters: options.Filters,
    wait: Annotated[
        Literal["stopped"] | None,
        Option("--wait", metavar="STATE", help="Wait until each is stopped."),
    ] = None,
    run: options.Run,
    server: options.Server,
) -> None:
    """Stop instances: those named, those in a file, or those a filter finds."""
    _act("STOP", wait, ids, filters, run, server)


@app.command(rich_help_panel=FLEETS, epilog=EXITS)
@options.flat
def restart(
    *,
    ids: options.Ids,
    filters: options.Filters,
    wait: StartWish = None,
    run: options.Run,
    server: options.Server,
) -> None:
    """Restart instances: those named, those in a file, or those a filter finds.

    None is sent again once it may have arrived: it would be restarted twice.
    """
    _act("RESTART", wait, ids, filters, run, server)


@app.command(rich_help_panel=FLEETS, epilog=EXITS)
@options.flat
def destroy(
    *,
    ids: options.Ids,
    filters: options.Filters,
    yes: Yes = False,
    wait: Annotated[
        Literal["terminated"] | None,
        Option("--wait", metavar="STATE", help="Wait until each is terminated."),
    ] = None,
    run: options.Run,
    server: options.Server,
) -> None:
    """Destroy instances, for good: those named, those in a file, or those a filter finds.

    On a terminal it asks first.
    """
    _act("DESTROY", wait, ids, filters, run, server, yes=yes)


@app.command(rich_help_panel=FLEETS, epilog=EXITS)
@options.flat
def wait(
    *,
    ids: options.Ids,
    filters: options.Filters,
    until: Annotated[
        Wish,
        Option(
            "--until",
            metavar="STATE",
            help="running, online, connected, stopped or terminated.",
        ),
    ] = "online",
    run: options.Run,
    server: options.Server,
) -> None:
    """Wait until instances are ready: online, or as --until says.  Sends nothing but looks."""
    _act("WAIT", until, ids, filters, run, server)


@app.command("ls", rich_help_panel=LOOKS)
@options.flat
def ls(
    *,
    filters: options.Filters,
    columns: Annotated[
        str | None,
        Option(metavar="A,B", help="Columns: id, name, status, region, since and so on."),
    ] = None,
    limit: Annotated[int | None, Option(min=1, metavar="N", help="At most so many.")] = None,
    deadline: options.Deadline = None,
    as_json: options.AsJson = False,
    server: options.Server,
) -> None:
    """List instances: a table on a terminal, JSON lines for a program."""
    from . import listing  # noqa: PLC0415 -- likewise

    said = listing.Wanted(filters, columns, limit, deadline, as_json)
    _leave(lambda _: listing.show(said, server))


@app.command(rich_help_panel=LOOKS)
@options.flat
def get(
    *,
    id: Annotated[str, Argument(metavar="ID", help="The instance.")],
    deadline: options.Deadline = None,
    as_json: options.AsJson = False,
    server: options.Server,
) -> None:
    """Look at one instance: its fields on a terminal, JSON for a program."""
    from . import portrait  # noqa: PLC0415 -- likewise

    _leave(lambda _: portrait.show(id, server, deadline, as_objects=as_json))


@app.command(rich_help_panel=LOOKS, epilog=EXITS)
@options.flat
def watch(
    *,
    ids: options.Ids,
    until: Annotated[
        Wish | None,
        Option(
            "--until",
            metavar="STATE",
            help="Leave once all are running, online, connected, stopped or terminated;"
            " else at Ctrl-C.",
        ),
    ] = None,
    deadline: options.Deadline = None,
    as_json: options.AsJson = False,
    server: options.Server,
) -> None:
    """Follow what becomes of instances, a line for each change."""
    from . import watching  # noqa: PLC0415 -- likewise

    _leave(lambda _: watching.follow(ids, until, server, deadline, as_objects=as_json))


@app.command(rich_help_panel=TOOLS, epilog=EXITS)
@options.flat
def demo(*, said: options.Demo) -> None:
    """Start a fleet in a pretend cloud on this machine: no account, no key, no network."""
    from . import fleets  # noqa: PLC0415 -- brings aiohttp, which --help needs not

    _leave(lambda signals: fleets.demo(signals, said))


@app.command(rich_help_panel=TOOLS)
@options.flat
def call(
    *,
    operation: Annotated[
        str,
        Argument(
            metavar="OPERATION_ID",
            help="Such as getInstance; `endpoints` lists them.",
            autocompletion=options.offered_operations,
        ),
    ],
    ids: Annotated[
        list[str] | None, Argument(metavar="ID", help="The ids its path takes, in order.")
    ] = None,
    params: Annotated[
        list[str] | None,
        Option("--param", metavar="K=V", help="A query parameter; may be repeated."),
    ] = None,
    body: Annotated[
        str | None,
        Option("--json-body", metavar="JSON", help="The body: a text, a file, or - for stdin."),
    ] = None,
    key: Annotated[
        str | None,
        Option(
            "--idempotency-key",
            metavar="WORD",
            help="For operations that take one; else one is made.",
        ),
    ] = None,
    yes: Yes = False,
    deadline: options.Deadline = None,
    server: options.Server,
) -> None:
    """Call any operation of the API, and print its answer as JSON.

    On a terminal it asks before what cannot be undone.
    """
    from . import calls  # noqa: PLC0415 -- likewise

    said = calls.Said(operation, ids or [], params or [], body, key, deadline, yes)
    _leave(lambda _: calls.make(said, server))


@app.command(rich_help_panel=TOOLS)
@options.flat
def endpoints(
    *,
    word: Annotated[
        str | None, Argument(metavar="WORD", help="Only those that contain this word.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the operations of the API: how each is called, and what a repeat of it does."""
    from . import operations  # noqa: PLC0415 -- likewise

    async def show(_: object) -> int:
        return operations.show(word, as_objects=as_json)

    _leave(show)


@app.command(rich_help_panel=TOOLS, epilog=EXITS)
@options.flat
def doctor(*, as_json: options.AsJson = False, server: options.Server) -> None:
    """Find out whether all is well between here and the server, and what to do if not."""
    from . import doctor as room  # noqa: PLC0415 -- likewise

    _leave(lambda _: room.examine(server, as_objects=as_json))


@app.command(rich_help_panel=TOOLS)
@options.flat
def emulator(*, said: options.Cloud) -> None:
    """Open a pretend BeeOS on this machine, for programs in any language, until Ctrl-C."""
    from . import hosting  # noqa: PLC0415 -- likewise

    _leave(lambda signals: hosting.serve(signals, said))


def _act(
    action: str,
    wish: str | None,
    ids: options.Ids,
    filters: options.Filters,
    run: options.Run,
    server: options.Server,
    *,
    yes: bool = True,
) -> None:
    from . import actions, fleets  # noqa: PLC0415 -- brings aiohttp, which --help needs not

    chosen: actions.Action = getattr(actions, action)
    _leave(lambda signals: fleets.act(signals, chosen, wish, ids, filters, run, server, yes=yes))


def _leave(command: Callable[[Signals], Coroutine[Any, Any, int]]) -> None:
    from .runs import run  # noqa: PLC0415 -- likewise

    raise typer.Exit(run(command))
