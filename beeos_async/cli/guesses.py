"""Did you mean: what somebody may have meant who typed something else."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, NoReturn

from beeos_async import ConfigurationError

from .options import STATES
from .wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR: Final = 0.7
"""How alike two words are of which one may be a slip of the other, from 0 to 1."""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Find the word that was meant, if one is near enough; case does not count.

    Args:
        word: What was typed.
        words: What there is.
    """
    known = {one.lower(): one for one in words}
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=NEAR)
    return known[found[0]] if found else None


def refuse_word(what: str, word: str, words: Sequence[str], where: str = "") -> NoReturn:
    """Refuse a word there is not.

    Args:
        what: What it was to be.
        word: What was typed.
        words: What there is.
        where: What to look at, where nothing is near.

    Raises:
        ConfigurationError: In any case.
    """
    meant = nearest(word, words)
    hint = f"did you mean {meant}?" if meant else where
    msg = f"{clean(word)} is no {what}; {hint}"
    raise ConfigurationError(msg)


def check_state(word: str | None) -> None:
    """Refuse a state that is a slip of one there is; another may be one the server has added.

    Args:
        word: What was said after `--status`, if anything.

    Raises:
        ConfigurationError: With what was meant.
    """
    if word is not None and word not in STATES and nearest(word, STATES):
        refuse_word("state", word, STATES)


def strange_state(word: str | None) -> str:
    """Say that nothing was found, and why that may be; `word` is what was asked for."""
    if word is None or word in STATES:
        return ""
    return f"; nor is {clean(word)} a state that is known: those are {', '.join(STATES)}"
