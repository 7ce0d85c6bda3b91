"""Did you mean."""

from __future__ import annotations

import pytest

from beeos_async import ConfigurationError
from beeos_async.cli.guesses import check_state, nearest, refuse_word, strange_state


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stoped", "stopped"),
        ("Running", "running"),
        ("terminate", "terminated"),
        ("hibernating", None),
        ("", None),
    ],
)
def test_the_nearest_word_is_found(word: str, meant: str | None) -> None:
    """Case and a slip of the finger do not count; another word is another word."""
    assert nearest(word, ("running", "stopped", "terminated")) == meant


def test_a_slip_is_refused_and_a_new_word_is_not() -> None:
    """The server may have states of its own; those it has not are told afterwards."""
    for fine in (None, "stopped", "hibernating"):
        check_state(fine)
    with pytest.raises(ConfigurationError, match=r"stopd is no state; did you mean stopped\?"):
        check_state("stopd")

    assert strange_state("stopped") == strange_state(None) == ""
    assert "nor is hib\ufffd a state that is known: those are pending" in strange_state("hib\x1b")


def test_where_nothing_is_near_it_says_where_to_look() -> None:
    """A guess that is none would lead astray."""
    with pytest.raises(ConfigurationError, match="x is no operation; `endpoints` lists them"):
        refuse_word("operation", "x", ["startInstance"], "`endpoints` lists them")
