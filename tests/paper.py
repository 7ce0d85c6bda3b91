"""A console that is a text, and a refusal that would do harm on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from beeos_async import NotFoundError
from beeos_async.errors import Problem

EVIL = NotFoundError(
    Problem(
        status=404,
        code="not_found",
        message="[bold red]no[/] such \x1b[2J instance, " + "and never was " * 20,
        request_id="req_77",
    )
)


def console(width: int, height: int = 40, encoding: str = "utf-8", **options: object) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", newline="")
    return Console(file=file, width=width, height=height, force_terminal=True, **options)  # type: ignore[arg-type]


def text_of(drawn: Console) -> str:
    assert isinstance(drawn.file, io.TextIOWrapper)
    drawn.file.flush()
    drawn.file.seek(0)
    return drawn.file.read()
