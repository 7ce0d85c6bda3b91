"""What is carried to the object store, and where it lands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hand_clock import HandClock

from beeos_async._io.cargo import IN_MEMORY, PIECE, file_sink, opened

pytestmark = pytest.mark.anyio


def names_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


async def stream(*pieces: Any) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


async def whole(given: Any, size: int | None = None) -> tuple[bytes, int]:
    async with opened(given, size) as source:
        return b"".join([bytes(piece) async for piece in source.pieces()]), source.size


@pytest.mark.parametrize("size", [None, 6])
async def test_pieces_of_every_kind_are_bytes(size: int | None) -> None:
    """What can change is copied, and what is empty is passed over."""
    pieces = (b"ab", b"", bytearray(b"cd"), memoryview(b"ef"))

    assert await whole(stream(*pieces), size) == (b"abcdef", 6)


async def test_what_is_collected_can_be_had_again() -> None:
    """As often as there are attempts; in a file where it is much."""
    data = bytes(IN_MEMORY + 3 * PIECE + 1)

    async with opened(
        stream(*[data[start : start + 1000] for start in range(0, len(data), 1000)]), None
    ) as source:
        for _ in range(2):
            assert b"".join([bytes(piece) async for piece in source.pieces()]) == data
        assert source.size == len(data)
        assert not source.is_spent


async def test_anything_that_has_bytes_can_be_sent() -> None:
    """Also where they lie in another shape."""
    assert await whole(memoryview(b"abcd").cast("H")) == (b"abcd", 4)


async def test_two_attempts_at_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    """One that was given up may still be reading."""
    path = tmp_path / "big"
    path.write_bytes(bytes(PIECE) + b"tail")
    async with opened(path, None) as source:
        one, other = source.pieces(), source.pieces()
        first = [await anext(one), await anext(other), await anext(one), await anext(other)]

    assert [len(piece) for piece in first] == [PIECE, PIECE, 4, 4]


async def test_a_file_begins_anew(tmp_path: Path, clock: HandClock) -> None:
    """Nothing of what was there before is left."""
    path = tmp_path / "here"
    async with file_sink(path, clock) as sink:
        await sink.write(b"a long beginning")
        sink.mark = '"one"'
        await sink.restart()
        assert (sink.position, sink.mark) == (0, "")
        await sink.write(b"short")

    assert path.read_bytes() == b"short"


async def test_a_name_may_be_long(tmp_path: Path, clock: HandClock) -> None:
    """What lies beside it for a while has a name that is allowed, too."""
    path = tmp_path / ("x" * 250)
    async with file_sink(path, clock) as sink:
        await sink.write(b"bytes")

    assert path.read_bytes() == b"bytes"


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path, clock: HandClock) -> None:
    """Neither the file nor half of it."""

    async def download() -> None:
        async with file_sink(tmp_path / "here", clock) as sink:
            await sink.write(b"half")
            await asyncio.Event().wait()

    task = asyncio.create_task(download())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert names_in(tmp_path) == []
