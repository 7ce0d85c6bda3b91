"""A short run of the fuzzer on every run of the tests, and by name what it once found."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import fuzz
import pytest

import beeos_async as b
from beeos_async.models._base import Envelope

CASES = 500


@pytest.mark.fault("N21", "N22", "N23", "P12")
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_nothing_that_comes_from_outside_breaks_us(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is bent: a value, or an error of ours, in time, and nothing is claimed wrongly."""
    assert fuzz.main(["--cases", str(CASES), "--seed", "20", "--only", kind]) == 0

    assert f"{kind}: {CASES} cases, 0 flaws" in capsys.readouterr().out


def test_what_is_bent_depends_on_the_seed_and_the_case_alone() -> None:
    """A case that failed can be replayed alone."""

    def bent(seed: int, number: int) -> bytes:
        dice = fuzz.Random(f"{seed}/wire/case-{number}")
        return fuzz.bend(fuzz.answer_to("case-1", dice)[1], dice)

    assert bent(1, 7) == bent(1, 7) != bent(1, 8)
    assert bent(1, 7) != bent(2, 7)
    assert len({bent(3, number) for number in range(200)}) > 190


def test_a_fuzzer_without_a_bound_runs_for_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A minute of each kind, where nothing is said."""
    asked: list[float] = []

    def briefly(kind: str, seed: int, *, cases: int, seconds: float) -> fuzz.Found:
        asked.append(seconds)
        return fuzz.Found(kind)

    monkeypatch.setattr(fuzz, "fuzz", briefly)

    assert fuzz.main(["--only", "ids"]) == 0
    assert asked == [60.0]
    assert capsys.readouterr().out.startswith("ids: 0 cases, 0 flaws")


# A fuzzer that cannot find anything proves nothing.


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("kind", "part", "bad", "said"),
    [
        ("decoder", "read", broken, "ZeroDivisionError() escaped from"),
        ("decoder", "read", lambda *_: Envelope(data=b.Instance(id="a")), "was taken for inst-1"),
        ("streams", "EVENTS", [broken], "escaped"),
        ("streams", "parse", lambda chunks: chunks, "is read otherwise"),
        ("headers", "retry_after", broken, "escaped from"),
        ("headers", "retry_after", lambda *_: float("nan"), "nan of"),
        ("ids", "quoted_id", broken, "escaped from"),
        ("ids", "quoted_id", lambda value: value, "is sent as"),
        ("urls", "base_url_of", broken, "escaped from"),
        ("urls", "base_url_of", lambda url: "http://evil.example", "is taken as"),
    ],
)
def test_the_fuzzer_finds_what_is_broken(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    part: str,
    bad: Any,
    said: str,
) -> None:
    """It tells the case, and ends with 1."""
    monkeypatch.setattr(fuzz, part, bad)

    assert fuzz.main(["--cases", "50", "--only", kind]) == 1
    assert said in capsys.readouterr().out


class Liar:
    """A client that does what it is told to."""

    def __init__(self, does: Any) -> None:
        self.does = does

    async def start(self, id: str) -> b.Instance:
        if isinstance(self.does, Exception):
            raise self.does
        return b.Instance(id=self.does)


LOST = b.ConnectionLostError(b.errors.Trouble(message="lost", reason="lost", delivered="no"))


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (ZeroDivisionError(), "escaped"),
        (LOST, "it took, and"),
        ("inst-2", "started, and it was not"),
        ("inst-1", None),
    ],
)
def test_the_fuzzer_finds_a_client_that_lies(does: Any, said: str | None) -> None:
    """What escapes, what is denied, what is claimed."""
    found = fuzz.Found("wire", outcomes=Counter())
    bee: Any = Liar(does)

    asyncio.run(fuzz.start(bee, "inst-1", {"inst-1"}, found))

    assert [said in flaw for flaw in found.flaws if said] == [True] * (said is not None)


def test_the_fuzzer_finds_what_is_slow_or_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot that is kept, a call that takes too long."""
    found = fuzz.Found("wire", outcomes=Counter())

    async def keep(bee: b.AsyncBeeOS, *_: object) -> str:
        await bee.instances.get("inst-1")
        bee._caller.gate.in_flight += 1
        return "kept"

    monkeypatch.setattr(fuzz, "start", keep)
    monkeypatch.setattr(fuzz, "LATE", -10.0)
    monkeypatch.setattr("beeos_async.client.CLOSE_GRACE", 0.01)
    asyncio.run(fuzz.fuzz_wire(found, 0, 0, 1))

    assert ["took" in found.flaws[0], "not given back" in found.flaws[1]] == [True, True]
