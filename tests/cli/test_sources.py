"""Ids and keys out of arguments, files and standard input."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from beeos_async import ConfigurationError
from beeos_async.cli.sources import ids_from, ids_in, key_in

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files mean something on POSIX")


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("inst_1\n", ["inst_1"]),
        ("  inst_1\t\r\n", ["inst_1"]),
        ("", []),
        ("   \n", []),
        ("# inst_1\n", []),
        ("inst_1  # the old one\n", ["inst_1"]),
        ("inst#1\n", ["inst#1"]),
        ("inst 1\n", ["inst 1"]),
    ],
)
def test_a_line_is_an_id_or_nothing(line: str, ids: list[str]) -> None:
    """A word with a mark inside is passed on to be refused: it must not name another one."""
    assert list(ids_in([line])) == ids


def test_ids_keep_their_order_and_lose_their_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments, standard input where its mark stands, files: each id where it came first."""
    file = tmp_path / "ids"
    file.write_bytes(b"\xef\xbb\xbffile_1\nb\n\n# no\nfile_2")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"stdin_1\r\na\r\n")))

    assert ids_from(["a", "-", "b"], [file]) == ["a", "stdin_1", "b", "file_1", "file_2"]


def test_a_file_may_be_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--from -` is what people type."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n")))

    assert ids_from([], [Path("-")]) == ["a"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The refusal says which file, and why, and nothing a terminal obeys."""
    with pytest.raises(ConfigurationError, match=r"no\ufffdne cannot be read: No such file"):
        ids_from([], [tmp_path / "no\x1bne"])


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are not guessed at."""
    (tmp_path / "ids").write_bytes(b"a\n\xff\xfe\n")

    with pytest.raises(ConfigurationError, match="ids is no UTF-8 text: invalid start byte"):
        ids_from([], [tmp_path / "ids"])


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_key_is_read_without_its_line_end(tmp_path: Path) -> None:
    """An editor's last line end is no part of the key."""
    assert key_in(key_file(tmp_path, b" sesame\r\n")) == "sesame"


def test_a_key_of_other_characters_is_left_to_be_refused(tmp_path: Path) -> None:
    """No byte is dropped in silence."""
    assert key_in(key_file(tmp_path, "schlüssel".encode())) == "schl\ufffd\ufffdssel"


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """For group or others, in whatever way; the refusal tells how to make it right."""
    with pytest.raises(ConfigurationError, match="chmod 600") as refused:
        key_in(key_file(tmp_path, b"sesame", mode))

    assert "sesame" not in str(refused.value)


def test_where_modes_mean_nothing_they_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows every file seems to be open to all."""
    file = key_file(tmp_path, b"sesame", 0o644)
    monkeypatch.setattr("beeos_async.cli.sources.POSIX", False)

    assert key_in(file) == "sesame"


def test_a_key_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The refusal names the file."""
    with pytest.raises(ConfigurationError, match=r"key file .*nowhere cannot be read: No such"):
        key_in(tmp_path / "nowhere")
