"""The object store of the pretend cloud: a host of its own that knows no keys and speaks XML.

Like the ones it stands for it wants the size before the bytes, checks the signature of an
address and nothing else, gives parts of an object, and will not hear of another credential.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from msgspec import structs

from .._clock import Clock
from .faults import Faults
from .log import Entry
from .refusals import RefusedError
from .replies import Reply
from .shelf import Shelf
from .trouble import Fault

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an object."""

OPERATIONS: Final[Mapping[str, str]] = {"PUT": "putObject", "GET": "getObject"}

_PLACE: Final = re.compile(r"/objects/([A-Za-z0-9-]+)").fullmatch
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})").fullmatch
_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'

Read = Callable[[int], Awaitable[bytes | None]]


class Depot:
    """Takes and gives objects.

    Attributes:
        log: What came, in order.
    """

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        """Stand before a shelf.

        Args:
            shelf: What is kept.
            faults: What goes wrong, with `putObject` and `getObject`.
            clock: Time.
        """
        self.log: list[Entry] = []
        self._shelf = shelf
        self._faults = faults
        self._clock = clock

    async def serve(
        self, method: str, target: str, headers: Mapping[str, str], read: Read
    ) -> Reply:
        """Serve one request.

        Args:
            method: The HTTP method.
            target: Path and query as they were sent.
            headers: Lookup ignores case.
            read: Reads the body, or gives `None` when it has more bytes than it is told.
        """
        request_id = f"obj-{len(self.log) + 1:08x}"
        path, _, query = target.partition("?")
        found = _PLACE(path)
        id = found[1] if found else ""
        operation = OPERATIONS.get(method, "")
        fault = self._faults.pick(operation, id)
        taken = b""
        try:
            if fault is not None and fault.when == "before":
                reply = _spoilt(fault, Reply(0, b"", {}), request_id)
            else:
                reply, taken = await self._answer(method, id, query, headers, read)
                reply = reply if fault is None else _spoilt(fault, reply, request_id)
        except RefusedError as error:
            reply = _refusal(error, request_id)
        self.log.append(
            Entry(
                operation=operation,
                method=method,
                path=target,
                ids=(id,) if id else (),
                status=reply.status,
                request_id=request_id,
                applied=bool(taken),
                at=self._clock.now(),
                body=taken,
            )
        )
        return structs.replace(reply, request_id=request_id)

    async def _answer(
        self, method: str, id: str, query: str, headers: Mapping[str, str], read: Read
    ) -> tuple[Reply, bytes]:
        if "Authorization" in headers:
            # The stores it stands for say the same, and it shows a key on the wrong way.
            raise RefusedError(400, "InvalidArgument", "Only one auth mechanism allowed")
        if not id:
            raise RefusedError(404, "NoSuchKey", "The specified key does not exist.")
        if method == "PUT":
            return await self._take(id, query, headers, read)
        if method == "GET":
            return self._give(id, query, headers), b""
        raise RefusedError(405, "MethodNotAllowed", "The method is not allowed.")

    async def _take(
        self, id: str, query: str, headers: Mapping[str, str], read: Read
    ) -> tuple[Reply, bytes]:
        proof = self._shelf.admit("PUT", id, query)
        file = self._shelf.find(id)
        if headers.get("Content-Type") != file.kind:
            raise RefusedError(403, "SignatureDoesNotMatch", "The signature is wrong")
        length = headers.get("Content-Length")
        if length is None:
            message = "You must provide the Content-Length HTTP header."
            raise RefusedError(411, "MissingContentLength", message)
        data = None if int(length) > LARGEST else await read(LARGEST)
        if data is None:
            raise RefusedError(413, "EntityTooLarge", "The object is too large.")
        self._shelf.spend(proof)
        file.data = data
        return Reply(200, b"", {"ETag": file.mark}), data

    def _give(self, id: str, query: str, headers: Mapping[str, str]) -> Reply:
        self._shelf.admit("GET", id, query)
        file = self._shelf.find(id)
        if file.data is None:
            raise RefusedError(404, "NoSuchKey", "The specified key does not exist.")
        told = {"Content-Type": file.kind, "ETag": file.mark, "Accept-Ranges": "bytes"}
        wanted = _RANGE(headers.get("Range", ""))
        if wanted is None or headers.get("If-Range", file.mark) != file.mark:
            return Reply(200, file.data, told)
        return _part(file.data, int(wanted[1]), wanted[2], told)


def _part(data: bytes, begin: int, last: str, told: Mapping[str, str]) -> Reply:
    size = len(data)
    if begin >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        message = "The range cannot be satisfied."
        raise RefusedError(416, "InvalidRange", message, headers=headers)
    end = min(int(last) + 1 if last else size, size)
    return Reply(
        206, data[begin:end], {**told, "Content-Range": f"bytes {begin}-{end - 1}/{size}"}
    )


def _spoilt(fault: Fault, reply: Reply, request_id: str) -> Reply:
    """Give what the door shall do, instead of or besides what would have been answered."""
    if fault.kind == "delay":
        return structs.replace(reply, delay=fault.seconds)
    if fault.kind in {"refuse", "garble"}:
        message = fault.message or "scripted trouble"
        code = fault.code or "InternalError"
        refusal = _refusal(
            RefusedError(fault.status, code, message, headers=fault.headers), request_id
        )
        return refusal if fault.body is None else structs.replace(refusal, body=fault.body)
    if fault.kind == "push":
        return structs.replace(reply, fault=fault)
    return structs.replace(reply, status=0, fault=fault)


def _refusal(error: RefusedError, request_id: str) -> Reply:
    body = (
        f"{_XML}<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}"
        f"</Message><RequestId>{request_id}</RequestId></Error>"
    )
    return Reply(error.status, body.encode(), {"Content-Type": "application/xml", **error.headers})
