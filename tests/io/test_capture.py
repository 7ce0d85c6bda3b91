"""Raw answers for those who want to see them."""

from __future__ import annotations

import asyncio

import pytest

from beeos_async import AsyncBeeOS, NotSentError
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_each_attempt_is_seen_as_it_came(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Refusals and retries too: status, headers, request id and the bytes of the body."""
    cloud.faults.refuse("getInstance", 500, times=1)

    with bee.capture() as seen:
        found = await bee.instances.get(cloud.ids[0])

    refused, answered = seen
    assert (refused.endpoint, refused.status) == ("getInstance", 500)
    assert refused.error is not None
    assert b'"success":false' in refused.body
    assert (answered.status, answered.error) == (200, None)
    assert answered.request_id == cloud.log[-1].request_id
    assert answered.headers["Content-Type"] == "application/json"
    assert found.id.encode() in answered.body


async def test_only_the_calls_inside_the_block_are_seen(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """A block inside another takes its calls; tasks begun inside belong to it, others do not."""
    await bee.instances.get(cloud.ids[0])
    with bee.capture() as outer:
        await asyncio.create_task(_look(bee, cloud.ids[1]))
        with bee.capture() as inner:
            await bee.start_many(cloud.ids[:3])
        await bee.instances.get(cloud.ids[2])
    await bee.instances.get(cloud.ids[0])

    assert [one.endpoint for one in outer] == ["getInstance"] * 2
    assert [one.endpoint for one in inner] == ["startInstance"] * 3


async def test_what_brought_no_answer_is_seen_with_its_error(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """There is no status and no body then."""
    async with AsyncBeeOS("word", base_url="http://127.0.0.1:9", max_retries=0) as nobody:
        with nobody.capture() as seen, pytest.raises(NotSentError):
            await nobody.instances.get("one")

    (one,) = seen
    assert (one.status, one.body, type(one.error)) == (None, b"", NotSentError)
    assert "word" not in repr(seen)


async def _look(bee: AsyncBeeOS, id: str) -> None:
    await bee.instances.get(id)
