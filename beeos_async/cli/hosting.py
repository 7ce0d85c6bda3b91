"""`emulator`: a pretend cloud in the foreground, for programs in any language."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from rich.live import Live
from rich.text import Text

from beeos_async.emulator import Emulator

from .clients import quota_in, share_in
from .display import terminal
from .glyphs import glyphs_of
from .runs import OK
from .wording import as_json, clean, number

if TYPE_CHECKING:
    from rich.console import Console

    from .options import Cloud
    from .signals import Signals

SET: Final = "set" if os.name == "nt" else "export"

REDRAWS: Final = 4
"""Drawings a second."""


async def serve(signals: Signals, said: Cloud) -> int:
    """Open a pretend cloud until a signal ends it.

    Args:
        signals: What ends it.
        said: What it is like.

    Raises:
        ConfigurationError: An option cannot work, or the port is taken.
    """
    cloud = Emulator(
        said.instances,
        quota=None if said.quota is None else quota_in(said.quota),
        boot_time=said.boot_time,
        latency=said.latency,
        seed=said.seed,
        port=said.port,
        strict=said.strict,
    )
    cloud.faults.mix(share_in("--faults", said.faults), seed=said.seed)
    async with cloud:
        console = None if said.as_json else terminal()
        sys.stdout.write(_told(cloud, said) + "\n")
        sys.stdout.flush()
        try:
            await (asyncio.Event().wait() if console is None else _look_on(cloud, console))
        except asyncio.CancelledError:
            sys.stderr.write(f"{number(len(cloud.log), 'request')} came\n")
    # Ctrl-C is how it is closed: its usual end, and no failure.
    return OK if signals.received == signal.SIGINT else signals.exit_code


def _told(cloud: Emulator, said: Cloud) -> str:
    """Say where it is, and how a client finds it."""
    if said.as_json:
        return as_json({"url": cloud.url, "port": cloud.port, "instances": said.instances})
    stopped = f"{number(said.instances, 'instance')}, all stopped"
    return "\n".join(
        [
            f"A pretend BeeOS listens on {cloud.url}: {stopped}.",
            "",
            f"  {SET} BEEOS_API_URL={cloud.url}",
            f"  {SET} BEEOS_API_KEY=pretend",
            "  beeos-async start --status stopped",
            "",
            "Any word will do as a key, except a real one.  Ctrl-C closes it.",
        ]
    )


async def _look_on(cloud: Emulator, console: Console) -> None:
    """Show what comes, until cancelled."""
    glyphs = glyphs_of(console)
    console.print()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            line = Text(no_wrap=True).append(f"  {number(len(cloud.log), 'request')}", "bold")
            for last in cloud.log[-1:]:
                what = f"  {glyphs.dot}  {last.method} {clean(last.path)} {last.status}"
                line.append(what, "dim")
            line.truncate(console.width, overflow="ellipsis")
            live.update(line, refresh=True)
            await asyncio.sleep(1 / REDRAWS)
