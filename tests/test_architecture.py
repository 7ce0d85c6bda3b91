"""The floors of the house, held by reading the imports: decisions below, thin I/O above."""

from __future__ import annotations

import ast
import itertools
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import beeos_async

ROOT = Path(beeos_async.__file__).parent
FRONT_DOOR = ""


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted(ROOT.rglob("*.py"))}
"""Every module by its name inside the package; the front door's is empty."""

FLOORS = {
    "_version": 0,
    "errors": 0,
    "_checks": 0,
    "_urls": 0,
    "_clock": 0,
    "_reach": 0,
    "models": 1,
    "_protocol": 2,
    "_io": 3,
    "groups": 4,
    "waiting": 5,
    "webhooks": 5,
    "direct": 5,
    "fleet": 5,
    "client": 6,
    "_share": 6,
    "distributed": 6,
    "emulator": 7,
    "pytest_plugin": 8,
    "cli": 8,
    "__main__": 8,
    FRONT_DOOR: 9,
}

# Whose packages a floor must never import, and why.
NEVER = {
    # Every floor needs it.
    0: {"aiohttp"},
    # Data is data.
    1: {"aiohttp", "anyio", "asyncio"},
    # The same input gives the same output, and tests need no loop.
    2: {"aiohttp", "anyio", "asyncio", "time", "random", "os", "logging"},
    # A group says what, never how.
    4: {"aiohttp"},
    # Jobs speak the public language.
    5: {"aiohttp"},
}

# What speaks to aiohttp: both transports and what they share.
TRANSPORTS = {
    f"_io.{room}"
    for room in (
        "body",
        "failure",
        "feed",
        "flight",
        "lease",
        "line",
        "probe",
        "session",
        "store",
        "transport",
    )
}

LONGEST = 350
EXAMPLE = re.compile(r"\n\n *Example:\n *```python\n.*?\n *```(\n *(?=\"\"\"))?", re.DOTALL)
"""What every public name shows, to the end of its docstring; it is not counted."""

# Above it a module is argued for: what it holds would lose by being parted.
ARGUED = {
    FRONT_DOOR: "names alone, each three times, and a test that holds the three together",
    "_protocol.table": "every endpoint of the API, one row each, in one place",
    "_io.caller": "the only retry loop; its parts make sense only together",
    "_io.gate": "one entrance: brake, pace and slot belong to one walk",
    "errors": "the error tree, drawn whole",
    "groups.conversations": "one class for eleven endpoints, most of it what each argument means",
    "fleet.engine": "one run from its first id to its report",
    "groups.tasks": "one class for one group; most of it is what its methods say of themselves",
}


def room_of(module: str) -> str:
    return module.partition(".")[0]


def floor_of(module: str) -> int:
    return FLOORS[room_of(module)]


def is_package(module: str) -> bool:
    return MODULES[module].name == "__init__.py"


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def origin(module: str, node: ast.ImportFrom) -> str:
    """Make the origin of an import absolute."""
    if not node.level:
        return node.module or ""
    here = ["beeos_async", *filter(None, module.split("."))]
    base = here[: len(here) - node.level + is_package(module)]
    return ".".join([*base, *filter(None, [node.module])])


@cache
def imports_of(module: str) -> frozenset[str]:
    """Name what a module imports, also inside functions and under `TYPE_CHECKING`.

    What is ours is named as in `MODULES`, behind a colon.
    """
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = origin(module, node)
            inside = base.removeprefix("beeos_async").lstrip(".")
            for alias in node.names:
                part = f"{inside}.{alias.name}".lstrip(".")
                found.add(f"beeos_async.{part}" if ours(base) and part in MODULES else base)
    return frozenset(
        ":" + name.removeprefix("beeos_async").lstrip(".") if ours(name) else name
        for name in found
    )


def ours(name: str) -> bool:
    return name.partition(".")[0] == "beeos_async"


def ours_of(module: str) -> set[str]:
    return {name[1:] for name in imports_of(module) if name.startswith(":")} - {module}


def theirs_of(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(module) if not name.startswith(":")}


def may_import(module: str, other: str) -> bool:
    """Say whether the plan of the house lets one module see another."""
    room, floor, below = room_of(module), floor_of(module), floor_of(other)
    if floor == 8:
        # A door that needs a back room shows a missing public name.
        return (
            room_of(other) == room
            or other in {FRONT_DOOR, "emulator", "errors", "waiting", "webhooks"}
            or (room == "cli" and other == "_protocol.table")
            or (module == "__main__" and room_of(other) == "cli")
        )
    if floor == 7:
        # Client and emulator meet only at the table and on the socket.
        return below < 3 or room_of(other) == room or (module, other) == ("emulator", "client")
    refused = {
        # What may pass the border is said in two rooms.
        0: other != "errors" and (module, other) != ("_urls", "_checks"),
        1: other == "_clock",
        2: other == "_clock",
        # It carries any endpoint and knows none.
        3: room_of(other) == "models" and other not in {"models", "models._base"},
        4: room_of(other) == "groups" and other != "groups",
        # The fleet knows the wishes; a wish knows no fleet.
        5: below == 5 and room_of(other) != room and other != "waiting",
        # The front door opens the client's rooms; the others have doors of their own.
        9: below > 6,
    }
    return below <= floor and not refused.get(floor, False)


every_module = pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "beeos_async")


def test_every_module_has_a_floor() -> None:
    """A room that nobody planned is planned before it is furnished."""
    assert {room_of(module) for module in MODULES} <= set(FLOORS)


@every_module
def test_a_module_sees_only_what_it_may(module: str) -> None:
    """Read the imports, and you have read the architecture."""
    assert {other for other in ours_of(module) if not may_import(module, other)} == set()


@every_module
def test_a_module_brings_in_only_whom_its_floor_receives(module: str) -> None:
    """A floor without I/O, clock or chance imports nothing that has them."""
    assert theirs_of(module) & NEVER.get(floor_of(module), set()) == set()


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("aiohttp", {*TRANSPORTS, "client", "emulator"}),
        ("random", {"_clock", "emulator"}),
        ("opentelemetry", {"_io.telemetry"}),
        ("pydantic", set()),
        ("requests", set()),
    ],
)
def test_a_package_has_its_own_rooms(package: str, rooms: set[str]) -> None:
    """The transports and what they share speak to aiohttp; nothing but the clock rolls dice."""
    users = {module for module in MODULES if package in theirs_of(module)}

    assert {user for user in users if user not in rooms and room_of(user) not in rooms} == set()


def test_the_client_names_aiohttp_for_the_checkers_alone() -> None:
    """A borrowed connector has a type; nothing of it is imported at run time."""
    hidden = [
        inner
        for node in ast.walk(tree_of("client"))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    ]
    named = [
        node
        for node in ast.walk(tree_of("client"))
        if isinstance(node, ast.Import | ast.ImportFrom) and "aiohttp" in ast.unparse(node)
    ]

    assert all(node in hidden for node in named)


def test_no_modules_import_each_other() -> None:
    """Not even in a circle, and not even for the checkers: a cycle is a missing floor."""
    # The front door names every room for the checkers and opens none.
    graph = {module: ours_of(module) - {FRONT_DOOR} for module in MODULES if module}

    # Raises with the cycle, if there is one.
    assert set(TopologicalSorter(graph).static_order()) >= set(graph)


@every_module
def test_a_module_says_what_lives_in_it(module: str) -> None:
    """A docstring first; and where there is code, annotations are never evaluated by accident."""
    tree = tree_of(module)
    code = [node for node in tree.body if not isinstance(node, ast.Expr)]

    assert ast.get_docstring(tree)
    if any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AnnAssign) for node in code):
        assert ast.unparse(code[0]) == "from __future__ import annotations"


@every_module
def test_a_module_is_small_or_argued_for(module: str) -> None:
    """Small is kept small, examples aside; an argument is dropped as soon as it is not needed."""
    lines = len(EXAMPLE.sub("", MODULES[module].read_text(encoding="utf-8")).splitlines())

    assert (lines > LONGEST) == (module in ARGUED)


@every_module
def test_a_module_is_named_by_a_noun(module: str) -> None:
    """A leftover means that a room is missing."""
    names = {part.strip("_") for part in module.split(".")}

    assert names & {"util", "utils", "helper", "helpers", "common", "misc", "base_utils"} == set()


@every_module
def test_every_silenced_rule_carries_its_reason(module: str) -> None:
    """`noqa`, `pragma: no cover`: the line says why, or the one above it does."""
    lines = ["", *MODULES[module].read_text(encoding="utf-8").splitlines()]
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if ("# noqa" in line or "# pragma" in line)
        and " -- " not in line + above
        and not above.strip().startswith("#")
    ]

    assert bare == []
