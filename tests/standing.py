"""What holds whatever goes wrong: errors of ours alone, nothing left behind, no key shown."""

from __future__ import annotations

import contextlib
import pickle
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fault_server import FaultServer
from roads import ROAD

import beeos_async as b
from beeos_async import AsyncBeeOS, FleetReport

SECRET: Final = "oag_" + "5ec2e7-" * 8
"""The key of every client of the fault tests; it is looked for wherever something is shown."""

TESTS: Final = str(Path(__file__).parent)
FILES: Final = Path("/proc/self/fd")

_raises: Final = pytest.raises


@contextlib.asynccontextmanager
async def client(
    at: FaultServer | str, clock: Any = None, **options: Any
) -> AsyncIterator[AsyncBeeOS]:
    """Open a client that goes to a server, and check that it holds nothing when it is closed."""
    url = at if isinstance(at, str) else at.url
    given = {"timeout": 2.0, "connect_timeout": 0.5, **ROAD, **options}
    async with AsyncBeeOS(SECRET, base_url=url, _clock=clock, **given) as bee:
        yield bee
        caller = bee._caller
        assert caller.gate.in_flight == 0
        assert held(caller.transport) == 0
        assert SECRET not in repr(bee)


def held(transport: Any) -> int:
    """Count the connections that are held for a request."""
    session = transport._session
    taken = len(getattr(session.connector, "_acquired", ())) if session else 0
    # A leased connection that rests is the transport's, and nobody's request.
    return taken - len(transport._lines.idle) if hasattr(transport, "_lines") else taken


def check_error(error: BaseException) -> None:
    """Check what holds for every error of ours, and for those it holds in turn."""
    assert isinstance(error, b.BeeOSError), f"{type(error).__name__} is none of ours"
    assert error.__cause__ is None
    assert error.__context__ is None or isinstance(error.__context__, b.BeeOSError)
    hidden(str(error), repr(error), shown(error))
    copy = pickle.loads(pickle.dumps(error))
    assert copy == error
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    for name in ("attempts", "delivered", "gave_up", "idempotency_key"):
        assert getattr(copy, name) == getattr(error, name)


def check_report(report: FleetReport[Any], ids: list[str] | None = None) -> None:
    """Check what holds for every report: one outcome for each id, and errors as they shall be."""
    hidden(str(report), repr(report), report._repr_html_())
    for outcome in report:
        if isinstance(outcome, b.Failed | b.Unknown):
            check_error(outcome.error)
        hidden(repr(outcome))
    if ids is not None:
        assert [outcome.id for outcome in report] == list(dict.fromkeys(ids))
    assert pickle.loads(pickle.dumps(report)) == report


def agree(report: FleetReport[Any], applied: list[str]) -> None:
    """Check a report of starts against what took effect at the server."""
    started = {one.id for one in report.succeeded}
    unknown = {one.id for one in report.unknown}
    times = Counter(applied)
    assert started <= set(times), "nothing is claimed that did not happen"
    assert set(times) <= started | unknown, "nothing that happened is reported as failed"
    assert max(times.values(), default=0) <= 1, "nothing happened twice"


def hidden(*texts: str) -> None:
    """Check that no text has the key, nor what follows the part that may be shown."""
    for text in texts:
        assert SECRET[8:] not in text


def shown(error: BaseException) -> str:
    """Show an error as crash reporters do, with the locals of every frame but a test's own."""
    try:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    except RecursionError:  # pragma: no cover -- a local nested too deep for the stack of 3.11
        told = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in told.stack if not frame.filename.startswith(TESTS)]
    return "".join(
        [*traceback.StackSummary.from_list(frames).format(), *told.format_exception_only()]
    )


@contextlib.contextmanager
def checked_raises(*expected: Any, **options: Any) -> Iterator[pytest.ExceptionInfo[Any]]:
    """Do what `pytest.raises` does, and check the error if it is one of ours."""
    with _raises(*expected, **options) as caught:
        yield caught
    if isinstance(caught.value, b.BeeOSError):
        check_error(caught.value)


def open_files() -> list[str]:
    """List what this process has open; nothing, where the system does not tell."""
    found: list[str] = []
    for file in FILES.iterdir() if FILES.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(file.readlink()))
    return sorted(one for one in found if one.startswith(("socket:", "pipe:", "anon_inode:")))
