"""Examples of the README and of the docstrings: what each finds around it, and how it is run."""

from __future__ import annotations

import ast
import re
import textwrap
import time
import types
from collections.abc import Iterator
from typing import Any, Final

import anyio.to_thread
import pytest

from beeos_async.emulator import Emulator
from beeos_async.emulator.agents import agent_of
from beeos_async.models.conversations import CreateConversation, SendMessage
from beeos_async.models.runtime import InvokeRuntimeMethod
from beeos_async.models.tasks import CreateTask, RegisterWebhook
from beeos_async.webhooks import HEADER, sign

CONFTEST: Final = """
import pytest
pytest_plugins = ["beeos_async.pytest_plugin"]  # installed or not
anyio_backend = pytest.fixture(lambda: "asyncio")
"""
SIGNED_WITH: Final = "sixteen-or-more-characters"
AGES: Final = 3600.0
"""Seconds that no test waits for."""


def blocks_of(text: str) -> list[str]:
    """Find the Python blocks of a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def examples_in(doc: str) -> list[str]:
    """Find the Python blocks in the `Example:` sections of a docstring."""
    sections = re.findall(r"^Example:\n((?:\n| {4}.*\n?)+)", doc, re.MULTILINE)
    return [block for section in sections for block in blocks_of(textwrap.dedent(section))]


def scene(cloud: Emulator) -> dict[str, Any]:
    """Put into a cloud what examples are about, and name it as they do.

    `id` and `ids` are stopped; `desk` and `phone` are online.  On the desk lives `agent_id`,
    whose task `task_id` waits for input and has a webhook that could not be reached, and whose
    conversation `conversation_id` has a turn under way, as has its runtime `operation_id`.
    """
    world = cloud.world
    desk = world.add_instance(status="running", os_type="linux")
    agent = agent_of(desk)
    return {
        "__name__": "example",
        "cloud": cloud,
        "ids": cloud.ids,
        "id": cloud.ids[0],
        "desk": desk,
        "phone": world.add_instance(status="running", os_type="android"),
        "agent": agent,
        "agent_id": agent,
        "file_id": world.files.keep(b"two roses", "receipt.txt", "text/plain").file_id,
        **_task(cloud, agent),
        **_talk(cloud, desk, agent),
        **_webhook(),
    }


def _task(cloud: Emulator, agent: str) -> dict[str, str]:
    tasks, hooks = cloud.world.tasks, cloud.world.hooks
    tasks.work_time = 0.0
    id = tasks.create(agent, CreateTask(message="ask: how high?")).task_id
    wanted = RegisterWebhook(url="https://hooks.example.net/a", secret=SIGNED_WITH)
    hook = hooks.register(id, wanted).webhook_id
    hooks.tell(tasks.job(agent, id))
    delivery = hooks.due.pop()
    hooks.report(delivery, 0, "transport: nobody is there")
    return {"task_id": id, "webhook_id": hook, "delivery_id": delivery.id}


def _talk(cloud: Emulator, desk: str, agent: str) -> dict[str, str]:
    talks, runtimes = cloud.world.conversations, cloud.world.runtimes
    talks.reply_time = runtimes.pace = AGES
    id = talks.create(agent, CreateConversation(title="The hedge")).conversation_id
    message = talks.send(agent, id, SendMessage(message="How high?")).message_id
    asked = InvokeRuntimeMethod(jsonrpc="2.0", id=1, method="skills/list", params={})
    operation = runtimes.invoke(desk, asked, "")
    # What is begun from here on comes to its end at once.
    talks.reply_time = runtimes.pace = 0.0
    return {"conversation_id": id, "message_id": message, "operation_id": operation}


def _webhook() -> dict[str, Any]:
    body = b'{"type": "task_status", "task_id": "task-1", "status": "completed"}'
    headers = {HEADER: sign(body, SIGNED_WITH, int(time.time()))}
    return {"body": body, "headers": headers, "secret": SIGNED_WITH}


async def run(block: str, where: str, names: dict[str, Any]) -> None:
    """Run a block in which `await` may stand at the top."""
    code = compile(block, where, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    # What only defines something has run when it comes back.
    if (running := types.FunctionType(code, names)()) is not None:
        await running


async def run_tests(block: str, pytester: pytest.Pytester) -> None:
    """Run a block of tests, in a run of its own, for there is a loop here."""
    pytester.makepyfile(block).with_name("conftest.py").write_text(CONFTEST)
    done = await anyio.to_thread.run_sync(pytester.runpytest_subprocess, "-p", "no:beeos_async")
    done.assert_outcomes(passed=block.count("def test_"))


def promises(block: str) -> Iterator[re.Pattern[str]]:
    """Read what the comments behind prints say is printed; `…` stands for what varies."""
    for said in re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE):
        yield re.compile(".*".join(map(re.escape, said.split("…"))))
