"""`python -m beeos_async.emulator`: the pretend cloud in a process of its own.

Prints one line of JSON, `{"url": …, "instances": …}`, when it listens, and serves until it
is told to go.  Its ids are those of `instance_ids(instances, seed)`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from typing import Final, cast

from msgspec import json

from ..errors import ConfigurationError
from . import Emulator
from .outage import Down

_REFUSAL: Final = re.compile(r"([1-5][0-9][0-9])@([0-9]+)").fullmatch
_OUTAGE: Final = re.compile(
    r"(?P<kind>503|reset|refused):(?P<seconds>[0-9]+(\.[0-9]+)?)(@(?P<after>[0-9]+))?"
).fullmatch


async def serve(cloud: Emulator, instances: int) -> None:
    """Open a cloud, say where, and keep it open until SIGINT or SIGTERM.

    Args:
        cloud: The cloud.
        instances: How many instances it has, to be told.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def tell(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(told.set)

    # Not the loop's own way, which Windows lacks.
    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        async with cloud:
            line = json.encode({"url": cloud.url, "instances": instances})
            sys.stdout.write(line.decode() + "\n")
            sys.stdout.flush()
            await told.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def outage_of(text: str) -> tuple[float, str, int]:
    """Read when and how the host shall fail.

    Args:
        text: Such as `503:10@2000`: for 10 s from the 2,001st request on.

    Returns:
        Seconds, kind and how many requests pass first.

    Raises:
        ConfigurationError: It is something else.
    """
    found = _OUTAGE(text)
    if found is None:
        msg = f"an outage is written as 503:10@2000, reset:10 or refused:2.5@0, not {text!r}"
        raise ConfigurationError(msg)
    return float(found["seconds"]), found["kind"], int(found["after"] or 0)


def refusal_of(text: str) -> tuple[int, int]:
    """Read which status starts are refused with, and after how many.

    Args:
        text: Such as `401@1000`.

    Raises:
        ConfigurationError: It is something else.
    """
    found = _REFUSAL(text)
    if found is None:
        msg = f"a refusal is written as 401@1000, not {text!r}"
        raise ConfigurationError(msg)
    return int(found[1]), int(found[2])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments: Instead of `sys.argv`.

    Returns:
        The exit code: 0, or 2 where an option cannot work.
    """
    parser = argparse.ArgumentParser(
        prog="python -m beeos_async.emulator", description="A pretend BeeOS on 127.0.0.1."
    )
    option = parser.add_argument
    option("--port", type=int, default=0, help="where it listens; 0 for a free port")
    option("--instances", type=int, default=100, help="how many it begins with, all stopped")
    option("--quota", help='of each endpoint, such as "200/s"')
    option("--boot-time", type=float, default=0.2, help="seconds from a start to running")
    option("--latency", type=float, default=0.0, help="seconds an answer is late")
    option("--seed", type=int, default=0, help="what ids, spread and faults are drawn from")
    option("--faults", type=float, default=0.0, help="share of starts that meet trouble, 0 to 1")
    option("--refuse", help="401@1000 answers every start after the first 1,000 with a 401")
    option("--outage", help="503:10@2000 fails 10 s after 2,000 requests; or reset, refused")
    option("--strict", action="store_true", help="a start of what is started is a conflict")
    chosen = parser.parse_args(arguments)
    try:
        cloud = Emulator(
            chosen.instances,
            quota=chosen.quota,
            boot_time=chosen.boot_time,
            latency=chosen.latency,
            seed=chosen.seed,
            port=chosen.port,
            strict=chosen.strict,
        )
        cloud.faults.mix(chosen.faults, seed=chosen.seed)
        if chosen.refuse:
            status, passing = refusal_of(chosen.refuse)
            cloud.faults.refuse("startInstance", status, after=passing, times=None)
        if chosen.outage:
            seconds, kind, after = outage_of(chosen.outage)
            cloud.faults.outage(seconds, cast("Down", kind), after=after)
        asyncio.run(serve(cloud, chosen.instances))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
