"""The files group, against the emulator and its object store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import beeos_async as b
from beeos_async import AsyncBeeOS, FileMeta
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

BIG = bytes(range(256)) * 4096 * 3
"""Three mebibytes: more than a piece, more than is kept in memory."""


async def pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def names_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


@pytest.mark.parametrize("data", [b"", b"receipt", BIG], ids=["empty", "small", "big"])
@pytest.mark.parametrize("way", ["path", "text", "bytes", "bytearray", "iterator", "sized"])
async def test_what_goes_up_comes_down(
    way: str, data: bytes, cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """Whatever it was given as, it is stored to the byte, under its name and type."""
    path = tmp_path / "Beleg März.pdf"
    path.write_bytes(data)
    options: dict[str, Any] = {} if way in {"path", "text"} else {"filename": path.name}
    if way == "sized":
        options["size"] = len(data)
    source: Any = {
        "path": path,
        "text": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "iterator": pieces(data),
        "sized": pieces(data),
    }[way]

    file = await bee.files.upload(source, **options)

    assert (file.filename, file.content_type, file.size) == (
        "Beleg März.pdf",
        "application/pdf",
        len(data),
    )
    assert await bee.files.download(file.file_id) == data
    found = await bee.files.get(file.file_id)
    assert (found.filename, found.content_type, found.size) == (
        file.filename,
        file.content_type,
        file.size,
    )
    put = cloud.store.log[0]
    assert (put.operation, put.status, put.body == data) == ("putObject", 200, True)


async def test_a_download_lands_whole_under_its_name(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """It replaces what was there, and leaves nothing beside."""
    file = await bee.files.upload(BIG, filename="big.bin")
    target = tmp_path / "here.bin"
    target.write_bytes(b"old")

    assert await bee.files.download(file.file_id, target) == target

    assert target.read_bytes() == BIG
    assert names_in(tmp_path) == ["here.bin"]


async def test_a_download_that_fails_leaves_what_was_there(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """Neither half a file nor a stray one is left."""
    file = await bee.files.upload(BIG, filename="big.bin")
    target = tmp_path / "here.bin"
    target.write_bytes(b"old")
    cloud.faults.cut("getObject", times=None)

    with pytest.raises(b.ConnectionLostError):
        await bee.files.download(file.file_id, str(target))

    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["here.bin"]


async def test_progress_is_told_on_both_ways(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """By a function or a coroutine: rising, and whole at the end."""
    up: list[tuple[int, int | None]] = []
    down: list[tuple[int, int | None]] = []

    async def tell(done: int, total: int | None) -> None:
        down.append((done, total))

    file = await bee.files.upload(
        BIG, filename="big.bin", progress=lambda done, total: up.append((done, total))
    )
    await bee.files.download(file.file_id, progress=tell)

    for told in (up, down):
        assert [done for done, _ in told] == sorted({done for done, _ in told})
        assert told[-1] == (len(BIG), len(BIG))
        assert len(told) > 1


async def test_an_upload_that_breaks_off_goes_to_a_new_address(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """An address takes one PUT: each attempt asks for its own, and one file comes of it."""
    cloud.faults.disconnect("putObject")
    cloud.faults.refuse("putObject", 503, code="SlowDown")

    file = await bee.files.upload(BIG, filename="big.bin")

    puts = [(entry.ids[0], entry.status) for entry in cloud.store.log]
    assert [status for _, status in puts] == [0, 503, 200]
    assert len({id for id, _ in puts}) == 3
    assert puts[-1][0] == file.file_id
    assert [entry.operation for entry in cloud.log] == ["presignFileUpload"] * 3


async def test_a_download_goes_on_where_it_broke_off(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """What has come is kept; only the rest is asked for."""
    file = await bee.files.upload(BIG, filename="big.bin")
    cloud.faults.cut("getObject", times=2)
    seen: list[int] = []

    data = await bee.files.download(file.file_id, progress=lambda done, _: seen.append(done))

    assert data == BIG
    assert seen == sorted(seen)
    assert [entry.status for entry in cloud.store.log[1:]] == [0, 0, 206]


async def test_an_iterator_is_read_once(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """With a size it streams and cannot be sent again; without, it is collected and can."""
    cloud.faults.refuse("putObject", 503, times=2)

    with pytest.raises(b.ServiceUnavailableError) as caught:
        await bee.files.upload(pieces(BIG), filename="a", size=len(BIG))
    await bee.files.upload(pieces(BIG), filename="b")

    assert caught.value.attempts == 1
    assert [entry.status for entry in cloud.store.log] == [503, 503, 200]


async def test_the_key_never_reaches_the_store(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """The store refuses whoever brings one, and nobody is refused."""
    file = await bee.files.upload(b"x", filename="x.txt")
    await bee.files.download(file.file_id)

    assert [entry.status for entry in cloud.store.log] == [200, 200]


async def test_a_refusal_in_xml_is_told_by_status_and_code(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """An expired address is a permission denied, in the store's own words."""
    file = await bee.files.upload(b"x", filename="x.txt")
    cloud.faults.refuse("getObject", 403, code="AccessDenied", message="Request has <expired>")

    with pytest.raises(b.PermissionDeniedError) as caught:
        await bee.files.download(file.file_id)

    error = caught.value
    assert (error.code, error.message) == ("AccessDenied", "Request has <expired>")
    assert error.request_id == "obj-00000002"


async def test_what_has_not_come_cannot_be_had(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """A file that was announced and never sent has no address."""
    announced = await bee.files.presign_upload(filename="x", content_type="text/plain")

    with pytest.raises(b.DecodeError, match="no address"):
        await bee.files.download(announced.file_id)
    with pytest.raises(b.NotFoundError):
        await bee.files.download("fil-nowhere")


async def test_more_than_is_wanted_is_not_taken(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """A cap holds before the bytes come, and for files too."""
    file = await bee.files.upload(BIG, filename="big.bin")

    for to in (None, tmp_path / "x"):
        with pytest.raises(b.DecodeError, match="more than 1,000 bytes") as caught:
            await bee.files.download(file.file_id, to, max_bytes=1000)
        assert caught.value.reason == "too_large"
    assert len(await bee.files.download(file.file_id, max_bytes=len(BIG))) == len(BIG)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("source", "options", "flaw"),
    [
        (b"x", {}, "filename is needed"),
        (b"x", {"filename": "x" * 513}, "filename must have 1 to 512 characters"),
        (b"x", {"filename": "x", "content_type": "text/plain\r\nX: y"}, "printable ASCII"),
        (b"x", {"filename": "x", "content_type": "x" * 256}, "content_type must have 1 to 255"),
        (b"x", {"filename": "x", "size": 1}, "size is told only of an async iterator"),
        (42, {"filename": "x"}, "not int"),
        (pieces(b""), {"filename": "x", "size": -1}, "size must be a whole number"),
        (b"x", {"filename": "x", "deadline": 0}, "deadline must be a positive number"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is(
    source: Any, options: dict[str, Any], flaw: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The refusal says what is wrong."""
    with pytest.raises(b.ConfigurationError, match=flaw):
        await bee.files.upload(source, **options)

    assert cloud.log == []


@pytest.mark.parametrize(
    ("given", "size", "flaw"),
    [
        (b"four", 5, "gave 4 of the 5 bytes"),
        (b"four", 3, "gave more than the 3 bytes"),
    ],
)
async def test_a_source_that_is_not_as_long_as_it_said_is_refused(
    given: bytes, size: int, flaw: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The store never has half a file, and nobody waits for the rest."""
    with pytest.raises(b.ConfigurationError, match=flaw):
        await bee.files.upload(pieces(given), filename="x", size=size)

    assert not any(entry.applied for entry in cloud.store.log)


async def test_an_iterator_must_give_bytes(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Text has no bytes until somebody says which."""

    async def words() -> AsyncIterator[Any]:
        yield "text"

    for options in ({}, {"size": 4}):
        with pytest.raises(b.ConfigurationError, match="gave str"):
            await bee.files.upload(words(), filename="x", **options)


async def test_what_the_caller_raises_leaves_as_it_is(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """An error of a source or a callback is neither wrapped nor taken for the network's."""

    mine = "mine"

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise LookupError(mine)

    def callback(done: int, total: int | None) -> None:
        raise OSError(mine)

    file = await bee.files.upload(b"x", filename="x")
    for options in ({}, {"size": 10}):
        with pytest.raises(LookupError) as caught:
            await bee.files.upload(broken(), filename="x", **options)
        assert caught.value.__context__ is None
    with pytest.raises(OSError, match="mine"):
        await bee.files.upload(BIG, filename="x", progress=callback)
    with pytest.raises(OSError, match="mine"):
        await bee.files.download(file.file_id, progress=callback)
    with pytest.raises(FileNotFoundError):
        await bee.files.upload("/nowhere/at/all.txt")
    with pytest.raises(FileNotFoundError):
        await bee.files.download(file.file_id, "/nowhere/at/all.txt")


async def test_a_folder_is_no_place_for_a_file(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """Which file is meant is not guessed."""
    with pytest.raises(b.ConfigurationError, match="is a folder"):
        await bee.files.download("fil-1", tmp_path)
    with pytest.raises(b.ConfigurationError, match="max_bytes"):
        await bee.files.download("fil-1", max_bytes=-1)

    assert cloud.log == []


async def test_a_deadline_is_for_everything(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """However many attempts are left."""
    file = await bee.files.upload(b"x", filename="x")
    cloud.faults.silence("getObject", times=None)

    with pytest.raises(b.RequestTimeoutError) as caught:
        await bee.files.download(file.file_id, deadline=0.05)

    assert caught.value.gave_up == "deadline"


async def test_many_go_at_once_and_the_rest_wait(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """A hundred uploads are no hundred connections, and all arrive."""
    files = await asyncio.gather(
        *(bee.files.upload(b"%d" % number, filename="x") for number in range(100))
    )

    assert [await bee.files.download(file.file_id) for file in files[:3]] == [b"0", b"1", b"2"]
    assert len({file.file_id for file in files}) == 100
    assert all(isinstance(file, FileMeta) for file in files)


async def test_what_an_answer_names_is_fetched(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """A screenshot, say, as bytes or as a file; no other address than it says."""
    desk = cloud.world.add_instance(status="running", os_type="linux")
    shot = await bee.computer.screenshot(desk)

    picture = await bee.files.fetch(shot.url)
    path = await bee.files.fetch(shot.url, tmp_path / "shot.png")

    assert picture.startswith(b"\x89PNG")
    assert path.read_bytes() == picture
    with pytest.raises(b.DecodeError, match="is plain http"):
        await bee.files.fetch("http://elsewhere.example.net/shot.png")


async def test_a_file_that_changed_meanwhile_is_begun_anew(
    cloud: Emulator, bee: AsyncBeeOS, tmp_path: Path
) -> None:
    """Half of one state and half of another are no file."""
    file = await bee.files.upload(BIG, filename="big.bin")
    kept = cloud.world.files.find(file.file_id)
    cloud.faults.cut("getObject")

    def change(done: int, total: int | None) -> None:
        kept.data = BIG[::-1]

    path = await bee.files.download(file.file_id, tmp_path / "here", progress=change)

    assert path.read_bytes() == BIG[::-1]
    assert [entry.status for entry in cloud.store.log[1:]] == [0, 200]
