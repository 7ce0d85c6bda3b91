"""How property tests run: the same examples each time, and not many of them."""

from __future__ import annotations

from hypothesis import settings

modest = settings(derandomize=True, max_examples=60, deadline=None)
