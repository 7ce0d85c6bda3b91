"""Around the groups: a request for what has no method yet, answers as they came, the way there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar, overload
from urllib.parse import urlsplit

from ._checks import one_of, path_of
from ._io.caller import Caller
from ._io.capture import Captured, capture
from ._protocol.endpoint import KEYED, MIB, ONCE, SAFE, Endpoint

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Direct:
    """What a client offers besides its groups."""

    _caller: Caller
    _proxy: str | None

    @property
    def proxy(self) -> str | None:
        """Whom it connects to instead, without name and password; `None`: nobody."""
        url = self._proxy and urlsplit(self._proxy)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}" if url else None

    @overload
    async def request(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        json: object = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]: ...

    @overload
    async def request(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        json: object = None,
        into: type[T],
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> T: ...

    async def request(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        json: object = None,
        into: type[Any] = dict,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Any:
        """Reach what has no method yet, with everything a method has: retries, errors, limits.

        A GET is repeated freely; anything else only where it certainly was not done, unless
        an idempotency key makes repeating it safe.

        Args:
            method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
            path: The path below the base URL, such as `/api/v1/things`, percent-encoded.
            params: The query; `None` values are left out.
            json: What travels as JSON: anything msgspec can encode.
            into: What the whole body is decoded to: `dict`, any type msgspec can decode, or
                `type(None)` for an answer without a body.
            idempotency_key: Sent in the `Idempotency-Key` header.
            deadline: Seconds for the whole call.

        Returns:
            The whole body, as `into` has it.

        Raises:
            ConfigurationError: The method or the path cannot be one.

        Example:
            ```python
            raw = await bee.request("GET", "/api/v1/instances", params={"status": "stopped"})
            print(raw["total"])  # 20
            ```
        """
        row = Endpoint(
            f"{method} {path_of(path)}",
            one_of("method", method, ("GET", "POST", "PUT", "PATCH", "DELETE")),
            path,
            into,
            SAFE if method == "GET" else KEYED if idempotency_key else ONCE,
            "request",
            answer_cap=32 * MIB,
            body_cap=MIB,
            key="header" if idempotency_key else None,
        )
        return await self._caller.call(
            row, deadline=deadline, params=params, body=json, key=idempotency_key
        )

    def capture(self) -> AbstractContextManager[list[Captured]]:
        """Collect the raw answers of the calls made inside a block, in this task and its tasks.

        Returns:
            A context manager; it yields a list that fills while the block runs, one item for
            each attempt.

        Example:
            ```python
            with bee.capture() as seen:
                await bee.instances.get(id)
            print(seen[0].endpoint, seen[0].status, seen[0].request_id)  # getInstance 200 …
            ```
        """
        return capture()
