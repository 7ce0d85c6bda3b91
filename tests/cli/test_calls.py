"""Any operation, called by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Clouds, Command

from beeos_async import AsyncBeeOS
from beeos_async._protocol import table
from beeos_async.cli import calls
from beeos_async.cli.calls import STREAMS
from beeos_async.emulator.agents import agent_of


def test_an_operation_is_called_by_its_name(command: Command, open_cloud: Clouds) -> None:
    """Ids in its path, parameters in its query, and the whole answer as it came."""
    cloud = open_cloud(instances=3)

    one = command("call", "getInstance", cloud.ids[1], "--base-url", cloud.url)
    page = command(
        *("call", "listInstances", "--param", "pageSize=2", "--param", "page=0"),
        *("--base-url", cloud.url),
    )

    assert (one.code, page.code) == (0, 0)
    assert json.loads(one.out)["data"]["id"] == cloud.ids[1]
    assert len(one.out.splitlines()) == 1
    assert len(json.loads(page.out)["data"]) == 2
    assert cloud.log[-1].path == "/api/v1/instances?pageSize=2&page=0"


@pytest.mark.parametrize("how", ["text", "file", "stdin"])
def test_a_body_comes_from_where_it_is(
    command: Command, open_cloud: Clouds, tmp_path: Path, how: str
) -> None:
    """On the line, in a file, or down a pipe."""
    cloud = open_cloud(instances=1)
    text = '{"name": "night-shift", "agentFramework": "nectar-claw"}'
    (tmp_path / "body").write_text(text)
    given = {"text": text, "file": tmp_path / "body", "stdin": "-"}[how]

    ran = command(
        *("call", "deployInstance", "--json-body", given, "--base-url", cloud.url),
        stdin=text.encode(),
    )

    assert ran.code == 0
    assert json.loads(ran.out)["data"]["name"] == "night-shift"


def test_a_person_gets_it_spread_out(command: Command, open_cloud: Clouds) -> None:
    """In lines, in their own letters, and with nothing a terminal obeys."""
    cloud = open_cloud(instances=0)
    id = cloud.world.add_instance(name="蜂\x1b[2J")

    ran = command("call", "getInstance", id, "--base-url", cloud.url, terminal=80)

    assert ran.code == 0
    assert '\n    "name": "蜂\\u001b[2J",\n' in ran.out
    assert json.loads(ran.out)["data"]["id"] == id


def test_a_refusal_is_one_line_and_its_own_code(command: Command, open_cloud: Clouds) -> None:
    """As of any other command."""
    cloud = open_cloud(instances=1)
    cloud.faults.refuse("getInstance", 401, after=1, times=None)

    missing = command("call", "getInstance", "nowhere", "--base-url", cloud.url)
    refused = command("call", "getInstance", "nowhere", "--base-url", cloud.url)

    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("beeos-async: NotFoundError: ")
    assert refused.code == 3


def test_what_may_be_repeated_has_a_key(command: Command, open_cloud: Clouds) -> None:
    """One is made where none is given; and an answer without a body prints nothing."""
    cloud = open_cloud(instances=0)
    agent = agent_of(cloud.world.add_instance(status="running"))
    cloud.faults.disconnect("createConversation", when="after", times=1)
    url = ("--base-url", cloud.url)
    body = ("--json-body", '{"title": "The hedge"}')

    made = command("call", "createConversation", agent, *body, *url)
    again = command("call", "createConversation", agent, *body, "--idempotency-key", "k-1", *url)
    same = command("call", "createConversation", agent, *body, "--idempotency-key", "k-1", *url)
    conversation = json.loads(made.out)["data"]["conversation_id"]
    unasked = command("call", "deleteConversation", agent, conversation, *url)
    gone = command("call", "deleteConversation", agent, conversation, "--yes", *url)

    assert unasked.code == 2
    assert "this cannot be undone, and nobody is here to be asked: say --yes" in unasked.err
    assert (made.code, again.code, gone.code) == (0, 0, 0)
    assert [one.operation for one in cloud.log][:2] == ["createConversation"] * 2
    assert again.out == same.out != made.out
    assert gone.out == ""


@pytest.mark.parametrize("answer", [True, False])
def test_what_cannot_be_undone_is_asked_about(
    command: Command, open_cloud: Clouds, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    """As `destroy` asks; a no sends nothing, and what can be undone is not asked about."""
    asked: list[str] = []

    async def agreed(what: str) -> bool:
        asked.append(what)
        return answer

    monkeypatch.setattr(calls, "agreed", agreed)
    cloud = open_cloud(instances=1)

    stopped = command("call", "stopInstance", *cloud.ids, "--base-url", cloud.url)
    ran = command("call", "destroyInstance", *cloud.ids, "--base-url", cloud.url)

    assert (stopped.code, ran.code) == (0, 0 if answer else 1)
    assert asked == [f"destroyInstance {cloud.ids[0]} at {cloud.url} cannot be undone."]
    assert [one.operation for one in cloud.log][1:] == ["destroyInstance"] * answer
    assert ("nothing was sent" in ran.err) is not answer


@pytest.mark.parametrize("operation", sorted(table.STREAMS.keys() - {"invokeAgent"}))
def test_a_stream_says_where_to_go(command: Command, operation: str) -> None:
    """What never ends is no JSON: each is followed by a method of the client that there is."""
    ran = command("call", operation, "a", "b", "--base-url", "http://127.0.0.1:1")

    assert ran.code == 2
    assert f"{operation} answers with a stream of events; in Python, bee." in ran.err
    _, group, method = STREAMS[operation].split(".")
    assert callable(getattr(getattr(AsyncBeeOS("k"), group), method))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["startinstanse", "a"], "startinstanse is no operation; did you mean startInstance?"),
        (["teapot"], "teapot is no operation; `endpoints` lists them"),
        (["getInstance"], "/api/v1/instances/{id} takes 1 id, and 0 were given"),
        (["listInstances", "a"], "/api/v1/instances takes 0 ids, and 1 were given"),
        (["getInstance", "a/../b"], "'a/../b' is not an id: ids have no / "),
        (["getInstance", ".."], "'..' is not an id"),
        (["getInstance", "a?b"], "'a?b' is not an id"),
        (["getInstance", "a\nb"], "is not an id"),
        (["getInstance", ""], "'' is not an id"),
        (["listInstances", "--param", "page"], "--param is given as name=value, not page"),
        (["listInstances", "--param", "=3"], "--param is given as name=value, not =3"),
        (["deployInstance", "--json-body", "{1}"], "--json-body is no JSON: "),
        (["deployInstance", "--json-body", "no-such-file"], "no-such-file cannot be read"),
        (["listInstances", "--deadline", "0"], "deadline must be a positive number"),
    ],
)
def test_what_cannot_be_called_is_refused_unsent(
    command: Command, arguments: list[str], words: str
) -> None:
    """One line says what would be right."""
    ran = command("call", *arguments, "--base-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
