"""The ways to ask for the next page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..models._base import Page

PAGE_SIZE: Final = 200
"""The most `listInstances` takes; its default is unpublished, so the size is always sent."""

Params = Mapping[str, object]


def next_numbered(params: Params, page: Page[Any], before: Page[Any] | None) -> Params | None:
    """Ask for the page after this one, of a list with zero-based page numbers.

    With a `total` the last page is known.  Without one a short page proves nothing, since
    the server may serve fewer rows than asked for.  In any case the list ends with an empty
    page, or with one that repeats the page before it.

    Args:
        params: What this page was asked with.
        page: This page.
        before: The page before it.

    Returns:
        What to ask next, or `None` at the end.
    """
    number, size = int(str(params["page"])), int(str(params["pageSize"]))
    if not page.data or (before is not None and before.data == page.data):
        return None
    # A total below the rows at hand tells nothing.
    if page.total is not None and len(page.data) <= page.total <= (number + 1) * size:
        return None
    return {**params, "page": number + 1}
