"""The key: it goes to the server in one header, and is found nowhere else."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import traceback

import aiohttp
import pytest
from fault_network import Names
from fault_server import (
    FaultServer,
    Handler,
    Peer,
    Seen,
    half,
    mixed,
    requests,
    silent,
    vanish,
)
from hand_clock import HandClock
from msgspec import json
from standing import SECRET, client, hidden

import beeos_async as b
from beeos_async.emulator import Emulator

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("either_road")]


def alive(package: str) -> list[object]:
    """Find every object of a package that is alive, and not only waits to be collected."""
    gc.collect()
    return [one for one in gc.get_objects() if str(type(one).__module__).startswith(package)]


def echo(status: str) -> Handler:
    """Quote the request's key wherever an answer has room for words."""

    async def handler(peer: Peer, seen: Seen) -> None:
        said = seen.headers["authorization"]
        key = said.removeprefix("Bearer ")
        body = {
            "success": False,
            "request_id": key,
            "error": {
                "code": key,
                "message": f"not allowed: {said}",
                "param": key,
                "metadata": {"Authorization": said, key: [said], "deep": {"er": {"key": key}}},
            },
        }
        await peer.answer(
            json.encode(body),
            status,
            f"X-Request-Id: {key}",
            f"Location: https://elsewhere.example/?key={key}",
            f"WWW-Authenticate: {said}",
        )

    return handler


@pytest.mark.fault("H2", "H17", "P13")
@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad", "401 Who", "500 Oops"])
async def test_a_server_that_quotes_the_key_does_not_make_us_show_it(
    clock: HandClock, status: str
) -> None:
    """In no error, in no log, in no report; a pickled error does not carry it either."""
    attempts: list[b.Attempt] = []
    async with FaultServer(requests(echo(status))) as server:
        async with client(server, clock, on_attempt=attempts.append, max_retries=1) as bee:
            with pytest.raises(b.BeeOSError) as caught:
                await bee.instances.get("inst-1")
            report = await bee.start_many(["inst-1", "inst-2"])

    assert SECRET[8:].encode() not in pickle.dumps(caught.value)
    assert SECRET[8:].encode() not in pickle.dumps(report)
    hidden(str(report), repr(list(report)), repr(attempts), report._repr_html_())


@pytest.mark.fault("C1", "C5")
@pytest.mark.parametrize("where", ["connecting", "waiting", "reading"])
async def test_a_call_broken_off_from_outside_shows_no_key(where: str) -> None:
    """A cancellation comes up through frames of others: with their locals, they hide it too."""
    connector = aiohttp.TCPConnector(resolver=Names(hangs=True))
    async with FaultServer(requests(half if where == "reading" else silent)) as server:
        url = "http://slow.localhost" if where == "connecting" else server.url
        options = {"connector": connector} if where == "connecting" else {}
        async with client(url, **options) as bee:
            try:
                async with asyncio.timeout(0.05):
                    await bee.start("inst-1")
            except TimeoutError as error:
                told = traceback.TracebackException.from_exception(error, capture_locals=True)
    await connector.close()

    text = "".join(told.format())
    assert "aiohttp" in text, "their frames are among them"
    # This test's own globals are no locals of anybody.
    hidden(text)


async def test_nothing_of_ours_shows_the_key_while_it_is_in_use(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Every object of the package that is alive, and everything that is logged, in debug mode."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    kinds = {"lost": vanish, "401": echo("401 Who"), "500": echo("500 Oops")}
    async with FaultServer(mixed(kinds, 0.3)) as server:
        async with client(server, clock) as bee:
            with bee.capture() as seen:
                report = await bee.start_many([f"inst-{number}" for number in range(30)])
            ours = alive("beeos_async")
            kinds_shown = {type(one).__name__ for one in ours}
            # What was captured is the server's own answer, as it came: the user asked for it.
            told = [one for one in ours if not isinstance(one, b.Captured)]
            hidden(*map(repr, told))
            # A request of aiohttp's has its headers for as long as it lives.
            plain = [one for one in told if not isinstance(one, aiohttp.ClientRequest)]
            hidden(*(repr(vars(one)) for one in plain if hasattr(one, "__dict__")))
    asyncio.get_running_loop().set_debug(False)

    assert {"AsyncBeeOS", "Caller", "Gate", "Key", "FleetReport"} <= kinds_shown
    assert len(report) == 30
    assert caplog.records
    hidden(caplog.text)
    assert all("authorization" not in dict(one.headers) for one in seen)


async def test_the_pretend_cloud_forgets_the_key(clock: HandClock) -> None:
    """Neither its log nor anything it remembers has it."""
    async with Emulator(instances=3, clock=clock) as cloud:
        async with cloud.client(api_key="not-so-real-" + SECRET[8:]) as bee:
            await bee.start_many(cloud.ids)
        ours = alive("beeos_async.emulator")

    assert len(cloud.log) == 3
    hidden(repr(cloud.log), *map(repr, ours))
