"""Pages as an async iterator over items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from .._checks import count
from .._protocol.endpoint import Endpoint
from .._protocol.paging import Params
from ..models._base import Page
from .caller import Caller

T = TypeVar("T")

Next = Callable[[Params, Page[Any], Page[Any] | None], Params | None]


class Pager(Generic[T]):
    """A list that is fetched page by page, while it is iterated over.

    Each iteration starts anew at the first page.  Items may shift between pages while the
    list changes; then one may come twice, or not at all.

    ```python
    async for instance in bee.instances.list(status="stopped"):
        print(instance.name)
    ```
    """

    def __init__(
        self,
        caller: Caller,
        row: Endpoint[Page[T]],
        params: Params,
        next_params: Next,
        deadline: float | None = None,
    ) -> None:
        """Remember what to ask; nothing is sent yet.

        Args:
            caller: What makes the calls.
            row: The endpoint.
            params: The first page's query.
            next_params: How to ask for the page after one.
            deadline: Seconds for each page.
        """
        self._caller = caller
        self._row = row
        self._params = params
        self._next = next_params
        self._deadline = deadline

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate over the items of all pages."""
        async for page in self.pages():
            for item in page.data:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over the pages themselves; each has `.data` and perhaps `.total`."""
        params: Params | None = self._params
        before: Page[T] | None = None
        while params is not None:
            page = await self._caller.call(self._row, deadline=self._deadline, params=params)
            if not (before and before.data == page.data):
                yield page
            params, before = self._next(params, page, before), page

    async def collect(self, *, limit: int | None = None) -> list[T]:
        """Fetch everything into a list.

        Args:
            limit: How many items at most; no page beyond them is fetched.
        """
        if limit is not None:
            count("limit", limit, least=1, most=10**9)
        items: list[T] = []
        async for page in self.pages():
            items += page.data
            if limit is not None and len(items) >= limit:
                break
        return items[:limit]
