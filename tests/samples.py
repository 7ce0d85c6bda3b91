"""The wire samples: answers written by hand from the documented contract, the witness that is
not our code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from multidict import CIMultiDict

from beeos_async._protocol.endpoint import Endpoint
from beeos_async._protocol.message import Response
from beeos_async._protocol.table import ROWS

WIRE = Path(__file__).parent / "wire"


class Sample(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """One answer: what it is about, and every byte of it."""

    name: str
    kind: str
    """`response`, or `broken`: an answer that must not be taken for one."""

    about: str
    operation_id: str
    status: int
    headers: dict[str, str]
    schema: str
    body: msgspec.Raw = msgspec.Raw()
    text: str = ""
    """The body, where it is no JSON or must be kept to the letter."""

    violates: list[str] = []
    """Where it breaks the schema on purpose."""

    @property
    def row(self) -> Endpoint[Any]:
        return ROWS[self.operation_id]

    @property
    def document(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def response(self) -> Response:
        return Response(
            self.status, CIMultiDict(self.headers), bytes(self.body) or self.text.encode()
        )


def sample(path: str) -> Sample:
    return msgspec.json.decode((WIRE / f"{path}.json").read_bytes(), type=Sample)


def samples(group: str) -> list[str]:
    """Name every sample of a group, as `sample` takes it."""
    return sorted(f"{group}/{file.stem}" for file in (WIRE / group).glob("*.json"))
