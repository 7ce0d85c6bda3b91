"""Pages as an async iterator over items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from .._checks import count
from .._protocol.endpoint import Endpoint
from .._protocol.paging import Params, Style
from ..models._base import Page
from .caller import Caller

T = TypeVar("T")


class Pager(Generic[T]):
    """A list that is fetched page by page, while it is iterated over.

    Each iteration starts anew at the first page.  Items may shift between pages while the
    list changes: one that comes again on the next page is given once; one may be missed.

    Example:
        ```python
        stopped = bee.instances.list(status="stopped")
        async for instance in stopped:
            print(instance.name)
        print(len(await stopped.collect()))  # 20
        ```
    """

    def __init__(
        self,
        caller: Caller,
        row: Endpoint[Any],
        *ids: str,
        style: Style,
        params: Params,
        deadline: float | None = None,
    ) -> None:
        """Remember what to ask; nothing is sent yet.

        Args:
            caller: What makes the calls.
            row: The endpoint.
            *ids: What its path names.
            style: How the list is paged.
            params: The first page's query.
            deadline: Seconds for each page.
        """
        self._caller = caller
        self._row = row
        self._ids = ids
        self._style = style
        self._params = params
        self._deadline = deadline

    def __repr__(self) -> str:
        """Show what it lists."""
        return f"<Pager of {self._row.operation}>"

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate over the items of all pages."""
        async for items in self._news():
            for item in items:
                yield item

    # Type checkers see for themselves that a pager cannot be awaited.
    if not TYPE_CHECKING:  # pragma: no branch -- what runs is not checked

        def __await__(self) -> NoReturn:
            """Say what would be right: the interpreter's own words do not."""
            msg = "a Pager is not awaited: use `async for`, or `await pager.collect()`"
            raise TypeError(msg)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over the pages themselves; each has `.data`, and `.total` where it is told.

        Example:
            ```python
            async for page in bee.instances.list(status="stopped", page_size=5).pages():
                print(len(page.data), "of", page.total)  # 5 of 20
            ```
        """
        params: Params | None = self._params
        before: Page[T] | None = None
        known: set[object] = set()
        asked: set[tuple[tuple[str, object], ...]] = set()
        # A cursor that leads back to a page before it leads nowhere.
        while params is not None and (asking := tuple(sorted(params.items()))) not in asked:
            asked.add(asking)
            page: Page[T] = self._style.page(
                await self._caller.call(
                    self._row, *self._ids, deadline=self._deadline, params=params
                )
            )
            names = {self._style.name(item) for item in page.data}
            again = before is not None and before.data == page.data
            if names and (again or (names <= known and page.total is None)):
                # However its items have changed, and wherever it leads: the server does not page.
                return
            yield page
            params, before, known = self._style.next(params, page, before), page, names

    async def collect(self, *, limit: int | None = None) -> list[T]:
        """Fetch everything into a list.

        Args:
            limit: How many items at most; no page beyond them is fetched.

        Example:
            ```python
            first = await bee.instances.list(status="stopped").collect(limit=3)
            print(len(first))  # 3
            ```
        """
        if limit is not None:
            count("limit", limit, least=1, most=10**9)
        items: list[T] = []
        async for more in self._news():
            items += more
            if limit is not None and len(items) >= limit:
                break
        return items[:limit]

    async def _news(self) -> AsyncIterator[list[T]]:
        """Give of each page what was not on the page before it."""
        known: set[object] = set()
        async for page in self.pages():
            names = [self._style.name(item) for item in page.data]
            yield [item for name, item in zip(names, page.data, strict=True) if name not in known]
            known = set(names)
