"""The emulator's object store: as particular as those it stands for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from hand_clock import HandClock

from beeos_async.emulator import Emulator
from beeos_async.emulator.shelf import DOWNLOAD_TIME, UPLOAD_TIME
from beeos_async.models.files import PresignUpload

pytestmark = pytest.mark.anyio

KIND = {"Content-Type": "text/plain"}


async def ask(
    method: str, url: str, headers: dict[str, str] | None = None, data: Any = None
) -> tuple[int, bytes, Mapping[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, data=data) as answer,
    ):
        return answer.status, await answer.read(), answer.headers


async def chunks() -> AsyncIterator[bytes]:
    yield b"x"


def announced(cloud: Emulator) -> tuple[str, str]:
    told = cloud.world.files.announce(PresignUpload(filename="a.txt", content_type="text/plain"))
    return told.upload_url, told.download_url


async def test_a_file_is_taken_once_and_given_often(cloud: Emulator) -> None:
    """An address takes one PUT, and gives as often as it is asked."""
    up, down = announced(cloud)

    before = await ask("GET", down)
    first = await ask("PUT", up, KIND, b"bytes")
    second = await ask("PUT", up, KIND, b"other")
    gets = [await ask("GET", down) for _ in range(2)]

    assert (before[0], b"NoSuchKey" in before[1]) == (404, True)
    assert (first[0], second[0]) == (200, 403)
    assert b"<Code>AccessDenied</Code>" in second[1]
    assert [(status, body) for status, body, _ in gets] == [(200, b"bytes")] * 2
    assert gets[0][2]["ETag"] == first[2]["ETag"]
    assert gets[0][2]["Content-Type"] == "text/plain"
    assert [entry.operation for entry in cloud.store.log] == [
        "getObject",
        "putObject",
        "putObject",
        "getObject",
        "getObject",
    ]
    assert [entry.applied for entry in cloud.store.log].count(True) == 1
    assert cloud.log == []


@pytest.mark.parametrize(
    ("headers", "data", "status", "code"),
    [
        ({**KIND, "Authorization": "Bearer x"}, b"x", 400, b"InvalidArgument"),
        ({"Content-Type": "text/html"}, b"x", 403, b"SignatureDoesNotMatch"),
        (KIND, "in chunks", 411, b"MissingContentLength"),
        ({**KIND, "Content-Length": str(2**27)}, b"x", 413, b"EntityTooLarge"),
    ],
)
async def test_an_upload_must_be_as_announced(
    headers: dict[str, str], data: Any, status: int, code: bytes, cloud: Emulator
) -> None:
    """No key, the same type, a length that is known and not too large."""
    up, _ = announced(cloud)

    answer = await ask("PUT", up, headers, chunks() if data == "in chunks" else data)

    assert answer[0] == status
    assert code in answer[1]


async def test_a_signature_holds_for_one_use_and_a_while(clock: HandClock) -> None:
    """Not for another file, another way, or another day."""
    async with Emulator(clock=clock) as cloud:
        up, down = announced(cloud)
        shelf = cloud.world.files
        kept = shelf.keep(b"kept", "k.txt", "text/plain")
        wrong = [
            up.replace("sig=", "sig=0"),
            up.replace("until=", "until=9"),
            up.partition("?")[0],
            down,
            kept.download_url.replace(kept.file_id, "fil-other"),
        ]
        for url in wrong:
            assert (await ask("PUT", url, KIND, b"x"))[0] == 403
        clock.time += UPLOAD_TIME + 1
        assert b"Request has expired" in (await ask("PUT", up, KIND, b"x"))[1]
        assert (await ask("GET", kept.download_url))[0] == 200
        clock.time += DOWNLOAD_TIME
        assert (await ask("GET", kept.download_url))[0] == 403
        assert (await ask("GET", shelf.get(kept.file_id).download_url))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "body", "part"),
    [
        ({"Range": "bytes=4-"}, 206, b"456789", "bytes 4-9/10"),
        ({"Range": "bytes=4-5"}, 206, b"45", "bytes 4-5/10"),
        ({"Range": "bytes=4-99"}, 206, b"456789", "bytes 4-9/10"),
        ({"Range": "bytes=-4"}, 200, b"0123456789", None),
        ({"Range": "lines=4-"}, 200, b"0123456789", None),
        ({"Range": "bytes=4-", "If-Range": '"other"'}, 200, b"0123456789", None),
    ],
)
async def test_a_part_is_given_to_who_asks(
    headers: dict[str, str], status: int, body: bytes, part: str | None, cloud: Emulator
) -> None:
    """As long as it is still of the same object."""
    kept = cloud.world.files.keep(b"0123456789", "k.txt", "text/plain")

    answer = await ask("GET", kept.download_url, headers)

    assert (answer[0], answer[1], answer[2].get("Content-Range")) == (status, body, part)


async def test_what_lies_beyond_the_end_is_refused(cloud: Emulator) -> None:
    """With how much there is."""
    kept = cloud.world.files.keep(b"0123456789", "k.txt", "text/plain")

    status, body, headers = await ask("GET", kept.download_url, {"Range": "bytes=10-"})

    assert (status, headers["Content-Range"]) == (416, "bytes */10")
    assert b"InvalidRange" in body


async def test_other_ways_lead_nowhere(cloud: Emulator) -> None:
    """No other path, no other method."""
    up, _ = announced(cloud)
    base = cloud.world.files.base

    assert (await ask("GET", f"{base}/"))[0] == 404
    assert (await ask("GET", f"{base}/api/v1/instances"))[0] == 404
    assert (await ask("DELETE", up))[0] == 405


async def test_trouble_is_scripted_for_it_as_for_the_rest(cloud: Emulator) -> None:
    """By the names of its two operations."""
    kept = cloud.world.files.keep(b"0123456789", "k.txt", "text/plain")
    cloud.faults.refuse("getObject", 503, code="SlowDown")
    cloud.faults.garble("getObject", b"garbage", status=200)
    cloud.faults.delay("getObject", 0.01)
    cloud.faults.push("getObject", b"HTTP/1.1 200 OK\r\n\r\n")
    cloud.faults.refuse("getObject", 500)

    told = [await ask("GET", kept.download_url) for _ in range(5)]

    assert [status for status, _, _ in told] == [503, 200, 200, 200, 500]
    assert b"<Code>SlowDown</Code>" in told[0][1]
    assert [body for _, body, _ in told[1:4]] == [b"garbage", b"0123456789", b"0123456789"]
    assert b"<Code>InternalError</Code>" in told[4][1]
    # This client asks twice on its own.
    cloud.faults.disconnect("getObject", times=2)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask("GET", kept.download_url)
