"""A client that knows nothing of ours: it says what it is told, and tells what it heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from msgspec import Struct, json

from beeos_async.emulator import Emulator


class Heard(Struct, frozen=True):
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.document["error"]
        return error


Knock = Callable[..., Awaitable[Heard]]


@pytest.fixture
async def knock(anyio_backend: str) -> AsyncIterator[Knock]:
    """Give what sends one request to a cloud: `await knock(cloud, "GET", "/api/v1/…")`."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        session._retry_connection = False

        async def knock(
            cloud: Emulator,
            method: str,
            path: str,
            body: object = None,
            key: str | None = "emulator",
        ) -> Heard:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            async with session.request(
                method, cloud.url + path, headers=headers, data=body, allow_redirects=False
            ) as response:
                return Heard(response.status, response.headers, await response.read())

        yield knock
