"""Ctrl-C and SIGTERM, sent to this very process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from beeos_async.cli import signals as room
from beeos_async.cli.signals import Signals, run_until_signalled


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Be independent of who runs the tests: one in the background has Ctrl-C ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def for_ever() -> int:
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    return await never


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_what_runs(number: int, code: int) -> None:
    """The first one is a cancellation, and the exit code says which it was."""

    async def main(signals: Signals) -> int:
        os.kill(os.getpid(), number)
        return await for_ever()

    assert run_until_signalled(main) == code
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_cancelled_may_put_things_in_order() -> None:
    """Who catches the cancellation decides what is returned."""

    async def main(signals: Signals) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            return await for_ever()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return 7

    assert run_until_signalled(main) == 7


def test_without_a_signal_the_code_is_the_commands_own() -> None:
    """And a cancellation of unknown origin counts as Ctrl-C."""

    async def main(signals: Signals) -> int:
        return signals.exit_code

    assert run_until_signalled(main) == 130


def test_a_second_signal_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last duty it is over, whatever the loop is doing."""
    left: list[object] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(room, "ECHO", 0.0)

    async def main(signals: Signals) -> int:
        signals.at_once = lambda: left.append("cursor")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    run_until_signalled(main)

    assert left == ["cursor", 143]


def test_an_echo_is_no_second_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`timeout` signals a process and then its group: that is one wish, not two."""
    left: list[object] = []
    monkeypatch.setattr(os, "_exit", left.append)

    async def main(signals: Signals) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        return await for_ever()

    assert run_until_signalled(main) == 143
    assert left == []


def test_a_second_signal_needs_no_duty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is anything to tidy up, leaving is just leaving."""
    left: list[object] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(room, "ECHO", 0.0)

    async def main(signals: Signals) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    run_until_signalled(main)

    assert left == [130]


def test_an_ignored_signal_stays_ignored() -> None:
    """Who starts a job in the background does not want the foreground's Ctrl-C to reach it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def main(signals: Signals) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        return 0

    assert run_until_signalled(main) == 0
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
