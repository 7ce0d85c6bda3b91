"""The README's programs, put to use: a web service is asked, a bot's message is read."""

from __future__ import annotations

import ast
import asyncio
import itertools
import re
import sys
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp.test_utils import TestClient, TestServer

from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, cloud: Emulator) -> None:
    """Let the programs find the cloud where they look for the real one."""
    monkeypatch.setenv("BEEOS_API_KEY", "any")
    monkeypatch.setenv("BEEOS_API_URL", cloud.url)


async def program(word: str, **given: Any) -> dict[str, Any]:
    """Run the one block of the README that holds a word; give what it defines."""
    names = {"__name__": "program", **given}
    (block,) = (block for block in BLOCKS if word in block)
    code = compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if (running := types.FunctionType(code, names)()) is not None:
        await running
    return names


async def test_an_aiohttp_service_starts_an_instance(cloud: Emulator) -> None:
    """One client for all requests, open as long as the service is."""
    app = (await program("cleanup_ctx"))["app"]

    async with TestClient(TestServer(app)) as caller:
        async with caller.post(f"/start/{cloud.ids[0]}") as answer:
            assert (await answer.json())["id"] == cloud.ids[0]
        cloud.faults.refuse("startInstance", 403, ids=cloud.ids[1:2])
        # Who asked for what cannot be is to blame, and BeeOS for all else.
        for id, status in (("a%20b", 400), ("inst-nowhere", 404), (cloud.ids[1], 502)):
            async with caller.post(f"/start/{id}") as answer:
                assert (answer.status, set(await answer.json())) == (status, {"error"})

    assert cloud.effects(cloud.ids[0]) == 1


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[dict[str, Any]]:
    """Keep an ASGI application alive as a server would, and give the state of its life."""
    state: dict[str, Any] = {}
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
    life = asyncio.create_task(app(scope, inbox.get, outbox.put))
    for word in ("startup", "shutdown"):
        await inbox.put({"type": f"lifespan.{word}"})
        assert await outbox.get() == {"type": f"lifespan.{word}.complete"}
        if word == "startup":
            yield state
    await life


async def post(app: Any, state: dict[str, Any], path: str) -> tuple[int, bytes]:
    """Ask an ASGI application."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [],
        "state": dict(state),
    }

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    # There is no body to be received.
    await app(scope, asyncio.Queue().get, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def test_a_starlette_service_starts_an_instance(cloud: Emulator) -> None:
    """One client for all requests, closed with the service."""
    app = (await program("from starlette"))["app"]

    async with served(app) as state:
        status, body = await post(app, state, f"/start/{cloud.ids[0]}")
        cloud.faults.refuse("startInstance", 403, ids=cloud.ids[1:2])
        bad = ("a b", "inst-nowhere", cloud.ids[1])
        refused = [(await post(app, state, f"/start/{id}"))[0] for id in bad]

    assert (status, refused) == (200, [400, 404, 502])
    assert cloud.ids[0].encode() in body
    assert cloud.effects(cloud.ids[0]) == 1


async def test_a_bot_edits_its_message(cloud: Emulator) -> None:
    """It says how far it is while it works, and in the end what became of the fleet."""
    names = await program("class Message", ids=[])
    times = itertools.count(step=3)
    names["time"] = types.SimpleNamespace(monotonic=lambda: next(times))
    said: list[str] = []

    class Message:
        async def edit(self, content: str) -> None:
            said.append(content)

    async with AsyncBeeOS() as bee:
        await names["start_fleet"](bee, cloud.ids, Message())

    assert re.match(r"starting: \d+ of 20 at .*/s", said[0])
    assert len(said) > 1
    assert said[-1].startswith("20 of 20 started in ")


async def test_a_notebook_shows_tables(cloud: Emulator) -> None:
    """The last word of a cell is shown by itself."""
    names = await program("in another one", ids=cloud.ids)

    assert names["report"].ok
    assert "20 of 20 started" in names["report"]._repr_html_()
    assert cloud.ids[0] in names["report"].instances[cloud.ids[0]]._repr_html_()


def started(cloud: Emulator) -> list[str]:
    """Name whom a start was sent to, each as often as it was."""
    return [entry.ids[0] for entry in cloud.log if entry.operation == "startInstance"]


async def test_a_cron_job_that_was_killed_goes_on(cloud: Emulator, tmp_path: Path) -> None:
    """Run again, it sends nothing of what the first run knows to be started."""
    (block,) = (block for block in BLOCKS if "night.jsonl" in block and "sys.exit(" in block)
    tmp_path.joinpath("ids.txt").write_text("\n".join(cloud.ids))
    cloud.faults.silence("startInstance", ids=cloud.ids[12:], times=8)
    first = await asyncio.create_subprocess_exec(sys.executable, "-c", block, cwd=tmp_path)
    with anyio.fail_after(60):
        while len(started(cloud)) < 20:
            await asyncio.sleep(0.01)

    first.kill()
    await first.wait()
    second = await asyncio.create_subprocess_exec(sys.executable, "-c", block, cwd=tmp_path)

    assert await second.wait() == 0
    assert [cloud.effects(id) for id in cloud.ids] == [1] * 20
    assert sorted(started(cloud)) == sorted([*cloud.ids, *cloud.ids[12:]])
