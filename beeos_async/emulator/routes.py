"""The paths of the table as a tree: from a method and a path to the row that is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from .._protocol.endpoint import Endpoint
from .refusals import RefusedError


class _Place(Struct):
    """A point of the tree."""

    ways: dict[str, _Place] = {}
    any: _Place | None = None
    """Where an id leads."""

    rows: dict[str, Endpoint[Any]] = {}
    """What is found here, by HTTP method."""


class Routes:
    """Every route of some rows."""

    def __init__(self, rows: Iterable[Endpoint[Any]]) -> None:
        """Grow the tree.

        Args:
            rows: The endpoints.
        """
        self._root = _Place()
        for row in rows:
            place = self._root
            for word in row.path.split("/"):
                if word.startswith("{"):
                    place.any = place.any or _Place()
                    place = place.any
                else:
                    place = place.ways.setdefault(word, _Place())
            place.rows[row.method] = row

    def find(self, method: str, path: str) -> tuple[Endpoint[Any], tuple[str, ...]]:
        """Find the row that is meant, and the ids in the path, decoded.

        Args:
            method: The HTTP method.
            path: The path as it was sent.

        Raises:
            RefusedError: There is none: 404, or 405 with another method.
        """
        place = self._root
        ids: tuple[str, ...] = ()
        for word in path.split("/"):
            way = place.ways.get(word)
            # An empty word is no id.
            if way is None and word:
                way, ids = place.any, (*ids, unquote(word))
            if way is None:
                raise RefusedError(404, "not_found", "there is no such route")
            place = way
        row = place.rows.get(method)
        if row is not None:
            return row, ids
        if not place.rows:
            raise RefusedError(404, "not_found", "there is no such route")
        methods = ", ".join(place.rows)
        headers = {"Allow": methods}
        raise RefusedError(405, "method_not_allowed", f"this route takes {methods}", None, headers)
