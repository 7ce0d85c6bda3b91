"""The reference: every public name says what it is, shows it, and what it shows runs.

What a user calls or makes - a function, a method, a fixture, a class that is more than data -
shows an example of its own; what is only read - a property, a word, an answer, an error - is
shown by its class or by the module it lives in.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import sys
import typing
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from distributed import Client, LocalCluster
from examples import examples_in, promises, run, run_tests

import beeos_async
from beeos_async import AsyncBeeOS, pytest_plugin
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

README: Final = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
GROUPS: Final = [
    kind.__module__
    for kind in typing.get_type_hints(AsyncBeeOS).values()
    if kind.__module__.startswith("beeos_async.groups.")
]
ROOMS: Final = [
    importlib.import_module(name)
    for name in (
        *("beeos_async", "beeos_async.errors", "beeos_async.waiting", "beeos_async.webhooks"),
        *("beeos_async.distributed", "beeos_async.emulator", "beeos_async.pytest_plugin"),
        *GROUPS,
    )
]
"""The modules a user imports from."""

FIXTURE: Final = type(pytest_plugin.beeos)

ENTRANCES: Final = {"__init__", "__aenter__", "__aiter__", "__anext__"}
"""What is called by a class's own example; of data, its fields say all."""


class Name(NamedTuple):
    """A public name, and what is written at it."""

    path: str
    doc: str
    shown_in: str | None
    """The texts one of which must show it; none where it is shown by its class."""


def names() -> Iterator[Name]:
    """Give each public name once."""
    for room in ROOMS:
        for name in room.__all__:
            thing = getattr(room, name)
            if inspect.isclass(thing):
                yield from names_of(thing)
            elif inspect.isfunction(thing) or isinstance(thing, FIXTURE):
                yield called(thing.__module__, name, thing)
            else:
                yield Name(f"{room.__name__}.{name}", below(room, name), None)


def names_of(kind: type) -> Iterator[Name]:
    """Give a class and its members, those it has inherited from a class of ours included."""
    # Its own, not its parent's, and not a generated one.
    doc = inspect.cleandoc(vars(kind).get("__doc__") or "")
    is_data = issubclass(kind, msgspec.Struct | BaseException | dict)
    home = inspect.getdoc(sys.modules[kind.__module__]) if is_data else ""
    yield Name(f"{kind.__module__}.{kind.__qualname__}", doc, f"{doc}\n{home}")
    for base in kind.__mro__:
        if not base.__module__.startswith("beeos_async"):
            continue
        for name, member in vars(base).items():
            place = f"{base.__module__}.{base.__qualname__}"
            if isinstance(member, property) or (name in ENTRANCES and not is_data):
                yield Name(f"{place}.{name}", inspect.getdoc(member) or "", None)
            elif name.startswith("_"):
                continue
            # Under another name it is the same.
            elif inspect.isroutine(getattr(kind, name)) and member.__name__ == name:
                yield called(place, name, member)


def called(place: str, name: str, thing: object) -> Name:
    doc = inspect.getdoc(thing) or ""
    return Name(f"{place}.{name}", doc, doc)


def below(room: ModuleType, name: str) -> str:
    """Read what stands below a word where it is set, which may be in another room."""
    tree = ast.parse(inspect.getsource(room))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in {one.name for one in node.names}:
            home = "." * node.level + (node.module or "")
            return below(importlib.import_module(home, room.__package__), name)
    return "".join(
        str(ast.literal_eval(text.value))
        for node, text in itertools.pairwise(tree.body)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr)
        if ast.unparse(node).startswith((f"{name} = ", f"{name}: "))
    )


NAMES: Final = {name.path: name for name in names()}
HOMES: Final = {path.rpartition(".")[0] for path in NAMES} & set(sys.modules)
DOCS: Final = {path: name.doc for path, name in NAMES.items()} | {
    home: inspect.getdoc(sys.modules[home]) or "" for home in sorted(HOMES)
}
EXAMPLES: Final = [
    pytest.param(block, path, id=path.removeprefix("beeos_async."))
    for path, doc in DOCS.items()
    for block in examples_in(doc)
]


@pytest.mark.parametrize("path", NAMES)
def test_a_public_name_says_what_it_is(path: str) -> None:
    """In full sentences."""
    doc = NAMES[path].doc

    assert doc
    assert not doc.startswith(f"{path.rpartition('.')[2]}(")
    assert doc.partition("\n\n")[0].rstrip("…").endswith((".", "`", ":"))
    assert "!" not in doc.replace("!=", "").replace("!r", "")


@pytest.mark.parametrize("path", [path for path, name in NAMES.items() if name.shown_in])
def test_what_is_called_or_made_shows_how(path: str) -> None:
    """As the rule at the top has it."""
    assert list(examples_in(str(NAMES[path].shown_in)))


def test_no_code_stands_where_it_is_not_run() -> None:
    """Neither outside of an `Example:`, nor at a name that is not public."""
    package = Path(str(beeos_async.__file__)).parent
    written = [file.read_text(encoding="utf-8") for file in package.rglob("*.py")]

    assert sum(text.count("```python") for text in written) == len(EXAMPLES)


def test_a_promise_is_read_to_the_letter() -> None:
    """But for what varies."""
    (promise,) = promises("report = 1\nprint(report)  # 20 of … started\n# and so on\n")

    assert promise.search("20 of 21 started in 0.1 s\n")
    assert not promise.search("19 of 20 started, 20 of 20\nstarted\n")


def test_the_pages_have_every_room() -> None:
    """The command of the README names each, or the package it is in."""
    (named,) = re.findall(r"^python -m pdoc .* beeos_async\.\{(.*)\}$", README, re.MULTILINE)
    inner = {room.__name__.split(".")[1] for room in ROOMS if room is not beeos_async}

    assert inner <= set(named.split(","))


@asynccontextmanager
async def dask() -> AsyncGenerator[Any]:
    """Have a Dask cluster of one worker, which is a thread of this process."""
    machines = LocalCluster(
        n_workers=1,
        processes=False,
        asynchronous=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    )
    async with machines, Client(machines, asynchronous=True, set_as_default=False) as cluster:
        yield cluster


@pytest.mark.parametrize(("block", "path"), EXAMPLES)
async def test_each_example_runs(
    block: str,
    path: str,
    cloud: Emulator,
    around: dict[str, Any],
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It works as it stands, and prints what it says it prints."""
    if "def test_" in block:
        await run_tests(block, pytester)
        return
    offered = {name: getattr(beeos_async, name) for name in beeos_async.__all__}
    machines = dask() if "(cluster, " in block else nullcontext()

    async with cloud.client() as bee, machines as cluster:
        await run(block, path, {**offered, **around, "bee": bee, "cluster": cluster})

    printed = capsys.readouterr().out
    for promise in promises(block):
        found = promise.search(printed)
        assert found, f"{promise.pattern!r} is not in {printed!r}"
        printed = printed[found.end() :]
