"""The pytest plugin, as the tests of a user see it: whole runs of pytest inside these."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give what runs a file of tests, in this process and with every warning an error."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess(
            *("-p", "beeos_async.pytest_plugin", "-p", "no:cacheprovider", "-W", "error"),
            *("--strict-markers", "--import-mode=importlib", "-p", "unraisableexception"),
            *arguments,
        )

    return run


# What costs everybody -------------------------------------------------------------------------


def test_the_plugin_loads_nothing_that_is_heavy() -> None:
    """It is loaded in every run of pytest, also where nobody speaks of BeeOS."""
    code = """
import sys
import pytest
before = set(sys.modules)
import beeos_async.pytest_plugin
from beeos_async import only_loopback
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) == {
        *("beeos_async", "beeos_async._version", "beeos_async._reach"),
        "beeos_async.pytest_plugin",
    }


def test_the_plugin_is_announced() -> None:
    """Whoever installs the package has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    (module,) = project["entry-points"]["pytest11"].values()

    assert import_module(module).beeos_emulator


# The fixtures ---------------------------------------------------------------------------------

USES = """
    async def use(beeos, beeos_emulator):
        report = await beeos.start_many(beeos_emulator.ids)
        assert report.ok and len(report) == 5
        assert all(beeos_emulator.effects(id) == 1 for id in beeos_emulator.ids)
"""


def test_a_sync_test_has_cloud_and_client(run: Run) -> None:
    """It calls `asyncio.run`, and nothing is left open behind its loop."""
    run(f"""
    import asyncio, gc, pytest
    {USES}
    @pytest.mark.beeos(instances=5)
    def test_it(beeos, beeos_emulator):
        asyncio.run(use(beeos, beeos_emulator))

    def test_that_nothing_is_left():
        gc.collect()
    """).assert_outcomes(passed=2)


def test_a_test_on_anyio_has_them(run: Run) -> None:
    """The loop is still open when the client is closed."""
    run(
        f"""
    import gc, pytest
    {USES}
    pytestmark = [pytest.mark.anyio, pytest.mark.beeos(instances=5)]

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    async def test_it(beeos, beeos_emulator):
        await use(beeos, beeos_emulator)

    async def test_that_nothing_is_left():
        gc.collect()
    """,
        *("-p", "anyio"),
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["function", "session"])
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_a_test_on_pytest_asyncio_has_them(run: Run, mode: str, scope: str) -> None:
    """Whether it is marked or not, and however long its loop lives."""
    mark = f"pytest.mark.asyncio(loop_scope='{scope}')"
    marks = mark if mode == "strict" else ""
    run(
        f"""
    import gc, pytest
    {USES}
    pytestmark = [{marks}]

    @pytest.mark.beeos(instances=5)
    async def test_it(beeos, beeos_emulator):
        await use(beeos, beeos_emulator)

    async def test_that_nothing_is_left():
        gc.collect()
    """,
        *("-p", "pytest_asyncio.plugin", "--asyncio-mode", mode),
        *("-o", "asyncio_default_fixture_loop_scope=function"),
        *("-o", f"asyncio_default_test_loop_scope={scope}"),
    ).assert_outcomes(passed=2)


def test_a_loop_of_another_thread_has_them(run: Run) -> None:
    """The client is closed where it lives, also while that loop runs on."""
    run(f"""
    import pytest
    from anyio.from_thread import start_blocking_portal
    {USES}
    @pytest.fixture(scope="module")
    def portal():
        with start_blocking_portal("asyncio") as portal:
            yield portal

    @pytest.mark.beeos(instances=5)
    def test_it(portal, beeos, beeos_emulator):
        portal.call(use, beeos, beeos_emulator)
    """).assert_outcomes(passed=1)


def test_a_client_that_was_never_used_needs_no_loop(run: Run) -> None:
    """Nothing was opened, and nothing is closed."""
    run("""
    def test_it(beeos, beeos_emulator):
        assert beeos.base_url == beeos_emulator.url
    """).assert_outcomes(passed=1)


def test_code_under_test_that_makes_its_own_client_comes_to_the_cloud(run: Run) -> None:
    """Neither its URL nor its key need to be passed around, and none of them stays."""
    run("""
    import asyncio, os
    from beeos_async import AsyncBeeOS

    async def command():
        async with AsyncBeeOS() as bee:
            return [one.id async for one in bee.instances.list()]

    def test_it(beeos_emulator):
        assert sorted(asyncio.run(command())) == sorted(beeos_emulator.ids)

    def test_that_nothing_is_left():
        assert "BEEOS_API_URL" not in os.environ
        assert "BEEOS_API_KEY" not in os.environ
    """).assert_outcomes(passed=2)


# The marker -----------------------------------------------------------------------------------


def test_the_nearest_marker_counts(run: Run) -> None:
    """A module says what holds for all, a class and a test what is different for them."""
    run("""
    import pytest

    pytestmark = pytest.mark.beeos(instances=3, seed=1)

    def test_the_module(beeos_emulator):
        assert len(beeos_emulator.ids) == 3

    @pytest.mark.beeos(instances=4)
    class TestClass:
        def test_the_class(self, beeos_emulator):
            assert len(beeos_emulator.ids) == 4

        @pytest.mark.beeos(instances=5)
        def test_the_test(self, beeos_emulator):
            assert len(beeos_emulator.ids) == 5
    """).assert_outcomes(passed=3)


def test_the_marker_injects_trouble(run: Run) -> None:
    """A share of all starts, or what a function scripts."""
    run("""
    import asyncio, pytest

    def lost_answers(faults):
        faults.disconnect("startInstance", when="after", times=3)

    @pytest.mark.beeos(instances=8, faults=lost_answers)
    def test_a_function(beeos, beeos_emulator):
        report = asyncio.run(beeos.start_many(beeos_emulator.ids))
        assert report.ok
        asked = [entry.operation for entry in beeos_emulator.log]
        assert asked.count("startInstance") == 8
        assert asked.count("getInstance") == 3

    @pytest.mark.beeos(instances=30, faults=0.4)
    def test_a_share(beeos, beeos_emulator):
        report = asyncio.run(beeos.start_many(beeos_emulator.ids, deadline=0.5))
        assert any(entry.status != 200 for entry in beeos_emulator.log)
        for outcome in report.succeeded:
            assert beeos_emulator.effects(outcome.id) == 1
    """).assert_outcomes(passed=2)


def test_a_marker_that_says_nothing_of_use_is_an_error(run: Run) -> None:
    """What is misspelt or has no name is not passed over."""
    result = run("""
    import pytest

    @pytest.mark.beeos(5)
    def test_without_a_name(beeos_emulator): ...

    @pytest.mark.beeos(instance=5)
    def test_misspelt(beeos_emulator): ...
    """)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.beeos takes keywords, such as instances=20 or faults=0.05",
            "@pytest.mark.beeos has no option 'instance'; there are *boot_time, *instances, *",
        ]
    )


def test_the_marker_is_described(run: Run) -> None:
    """`pytest --markers` tells of it, and `--strict-markers` knows it."""
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.beeos(faults=None,*"])


# The guard ------------------------------------------------------------------------------------

REACHES = """
    import asyncio, contextlib, pytest
    from beeos_async import AsyncBeeOS, BeeOSError, NotSentError

    async def reach(url="https://openapi.beeos.ai"):
        # Where nobody listens: should the guard fail, nothing leaves this machine all the same.
        async with AsyncBeeOS("k", base_url=url, proxy="http://127.0.0.1:9", max_retries=0) as bee:
            await bee.start("inst-1")
"""


def test_a_test_that_reaches_another_machine_fails(run: Run) -> None:
    """In a fixture, in the test, and at the end; and it says what to do."""
    result = run(f"""
    {REACHES}
    def test_it():
        asyncio.run(reach())

    @pytest.fixture
    def before():
        asyncio.run(reach())

    def test_with_a_fixture(before): ...

    @pytest.fixture
    def after():
        yield
        asyncio.run(reach())

    def test_with_an_end(after): ...
    """)

    result.assert_outcomes(failed=1, passed=1, errors=2)
    result.stdout.fnmatch_lines(["*only loopback may be reached*https://openapi.beeos.ai*"])


def test_a_test_cannot_hide_that_it_reached_another_machine(run: Run) -> None:
    """A bot that catches everything is caught."""
    result = run(f"""
    {REACHES}
    def test_it():
        with contextlib.suppress(BeeOSError):
            asyncio.run(reach("https://staging.example.com"))
    """)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*would have reached https://staging.example.com; give*"])


@pytest.mark.beeos(beeos_allow_network=True)
def test_a_test_may_be_allowed_to_reach_another_machine(run: Run) -> None:
    """By the marker, or for the whole run; then it fails by itself, if at all."""
    source = f"""
    {REACHES}
    {{mark}}
    def test_it():
        with pytest.raises(NotSentError):
            asyncio.run(reach())
    """
    allowed = source.format(mark="@pytest.mark.beeos(beeos_allow_network=True)")

    run(allowed).assert_outcomes(passed=1)
    run(source.format(mark=""), "-o", "beeos_allow_network=true").assert_outcomes(passed=1)
