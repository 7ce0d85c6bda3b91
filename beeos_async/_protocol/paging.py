"""The five ways to ask for the next page, each as a pure decision.

A list is asked for until nothing new comes: whatever a server tells of its end, an empty
page that moves nothing, a page that repeats the one before it and a cursor that does not
move end it too, so that no list is endless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from .._checks import LAST_OFFSET
from ..models._base import Envelope, Page, whole
from ..models.messages import Message, MessagePage

PAGE_SIZE: Final = 200
"""The most `listInstances` takes; its default is unpublished, so the size is always sent."""

Params = Mapping[str, object]

Next = Callable[[Params, Page[Any], Page[Any] | None], Params | None]
"""From what a page was asked with, that page and the one before it: what to ask next, or
`None` at the end."""


class Style(Struct, frozen=True):
    """How one list is paged."""

    next: Next
    page: Callable[[Any], Page[Any]]
    """Makes a page of an answer."""

    name: Callable[[Any], object]
    """What tells one item from another: items shift between pages while a list changes."""


def next_numbered(params: Params, page: Page[Any], before: Page[Any] | None) -> Params | None:
    """Ask for the page after this one, of a list with zero-based page numbers.

    With a `total` the last page is known.  Without one a short page proves nothing, since
    the server may serve fewer rows than asked for.

    Args:
        params: What this page was asked with.
        page: This page.
        before: The page before it.
    """
    number, size = int(str(params["page"])), int(str(params["pageSize"]))
    if _is_last(page, before, (number + 1) * size):
        return None
    return {**params, "page": number + 1}


def next_offset(params: Params, page: Page[Any], before: Page[Any] | None) -> Params | None:
    """Ask for the rows after these, of a list that counts rows from 0.

    Args:
        params: What this page was asked with.
        page: This page.
        before: The page before it.
    """
    reached = int(str(params.get("offset") or 0)) + len(page.data) + (page.left_out or 0)
    return None if _is_last(page, before, reached) else {**params, "offset": reached}


def _is_last(page: Page[Any], before: Page[Any] | None, reached: int) -> bool:
    rows = len(page.data) + (page.left_out or 0)
    # Of rows without names nobody can tell whether they are the same: then the total tells.
    told = bool(page.data) or page.total is None
    if not rows or (told and before is not None and before.data == page.data):
        return True
    # A total below the rows at hand tells nothing.
    return page.total is not None and rows <= page.total <= reached


def by_cursor(parameter: str) -> Next:
    """Make the way to follow an opaque cursor.

    Args:
        parameter: The parameter it is sent in.
    """

    def ask(params: Params, page: Page[Any], _before: Page[Any] | None) -> Params | None:
        cursor = page.next_cursor
        # An empty page may come before a full one; a cursor that stands still goes nowhere.
        if not cursor or cursor == params.get(parameter):
            return None
        return {**params, parameter: cursor}

    return ask


def by_log(offset_of: Callable[[Any], int | None]) -> Next:
    """Make the way to read a log whose rows have rising offsets, with holes.

    Args:
        offset_of: Tells a row's offset.
    """

    def ask(params: Params, page: Page[Any], _before: Page[Any] | None) -> Params | None:
        since = int(str(params.get("since") or 0))
        last = max((offset_of(row) or 0 for row in page.data), default=0)
        if page.has_more is False:
            return None
        # An older server tells no end; one that tells no last offset either, none but silence.
        if page.has_more is None and (
            not page.data or last >= (page.latest_offset or LAST_OFFSET)
        ):
            return None
        # Never on to the latest offset: what lies between would be lost.
        told = whole(page.next_cursor or "")
        reached = told if told > since else last
        return {**params, "since": reached} if reached > since else None

    return ask


def _messages(answer: Envelope[MessagePage]) -> Page[Message]:
    found = answer.data
    return Page(
        data=found.messages,
        next_cursor=found.next_since,
        has_more=found.has_more,
        latest_offset=found.latest_offset,
    )


# A message that has grown comes again with a higher offset, and is news.
MESSAGES: Final = Style(
    by_log(lambda row: row.offset), page=_messages, name=lambda row: row.offset or row.message_id
)
"""The messages of a task or a conversation."""
