"""Files: sent to the object store behind the API, and fetched from there."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

from .._checks import count, header_text
from .._io.cargo import MOST, Given, MemorySink, file_sink, opened
from .._io.transfer import MEMORY_CAP, Progress, Transfers
from .._protocol import table
from ..errors import ConfigurationError
from ..models.files import FileMeta, PresignedUpload, PresignUpload

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Files"]

_ANY_BYTES: Final = "application/octet-stream"


class Files:
    """`bee.files`: what goes along with a message.

    The bytes travel to and from an object store whose addresses the API tells, in a session
    of their own that never carries the key.  An address must be https (http only on
    loopback); beyond that it is trusted to lead where the API says.

    Example:
        ```python
        file = await bee.files.upload(b"two roses", filename="receipt.txt")
        await bee.tasks.create(agent_id, "Book this.", attachments=[file.attachment])
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._call = caller.call
        self._clock = caller.clock
        self._transfers = Transfers(caller)

    async def presign_upload(
        self, *, filename: str, content_type: str, deadline: float | None = None
    ) -> PresignedUpload:
        """Ask for an address to send a file to; `upload` does it all.

        Args:
            filename: Its name, 1 to 512 characters.
            content_type: What it is, such as `application/pdf`; the PUT must say the same.
            deadline: Seconds for the whole call.

        Example:
            ```python
            import aiohttp

            kind = "text/plain"
            told = await bee.files.presign_upload(filename="receipt.txt", content_type=kind)
            async with aiohttp.ClientSession(headers={"Content-Type": kind}) as session:
                async with session.put(told.upload_url, data=b"two roses") as answer:
                    answer.raise_for_status()
            print(told.file_id, told.download_url)
            ```
        """
        body = PresignUpload(filename=filename, content_type=content_type)
        return (await self._call(table.PRESIGN_UPLOAD, deadline=deadline, body=body)).data

    async def get(self, id: str, *, deadline: float | None = None) -> FileMeta:
        """Look at one file; its `download_url` is fresh.

        Args:
            id: The file.
            deadline: Seconds for the whole call.

        Example:
            ```python
            file = await bee.files.get(file_id)
            print(file.filename, file.content_type, file.size)  # receipt.txt text/plain 9
            ```
        """
        return (await self._call(table.GET_FILE, id, deadline=deadline)).data

    async def upload(
        self,
        source: Given,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        size: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> FileMeta:
        """Upload a file.

        An upload that breaks off is begun anew, at a new address; only an iterator whose
        `size` was told is read once and cannot be.  One without is collected first, beyond
        1 MiB in a temporary file, because an object store wants the size before the bytes.

        Args:
            source: A path, bytes, or an async iterator over bytes.
            filename: Its name, 1 to 512 characters; needed where the source is no path.
            content_type: What it is; else guessed from the name.
            size: How many bytes an iterator gives.
            progress: Called, or awaited, with the bytes sent and their sum; begins again
                where the upload does.
            deadline: Seconds for everything; else `timeout` bounds the silence of the network.

        Returns:
            The file; `file_id` is what an attachment needs.

        Raises:
            OSError: The source cannot be read.

        Example:
            ```python
            from pathlib import Path

            Path("receipt.txt").write_text("two roses", encoding="utf-8")
            file = await bee.files.upload("receipt.txt", progress=print)
            print(file.file_id, file.content_type, file.size)  # … text/plain 9
            ```
        """
        if isinstance(source, str | os.PathLike):
            filename = filename or Path(source).name
        if not filename:
            msg = "filename is needed where the source is no path"
            raise ConfigurationError(msg)
        kind = header_text("content_type", content_type or _kind_of(filename))
        wanted = PresignUpload(filename=filename, content_type=kind)
        told: list[PresignedUpload] = []

        async def locate() -> str:
            told.append((await self._call(table.PRESIGN_UPLOAD, body=wanted)).data)
            return told[-1].upload_url

        async with opened(source, size) as cargo:
            await self._transfers.upload(locate, cargo, kind, progress=progress, deadline=deadline)
        return FileMeta(
            file_id=told[-1].file_id,
            filename=filename,
            content_type=kind,
            size=cargo.size,
            download_url=told[-1].download_url,
        )

    @overload
    async def download(
        self,
        file_id: str,
        to: None = None,
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> bytes: ...
    @overload
    async def download(
        self,
        file_id: str,
        to: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> Path: ...
    async def download(
        self,
        file_id: str,
        to: str | os.PathLike[str] | None = None,
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> bytes | Path:
        """Download a file.

        What breaks off goes on where it stood, where the store can, and else begins anew.

        Args:
            file_id: The file.
            to: Where it shall be; it appears there when it is whole, and replaces what was
                there.  `None`: the bytes are returned.
            max_bytes: How many are taken at most; else 256 MiB into memory, and into a file
                as many as there are.
            progress: Called, or awaited, with the bytes received and their sum where it is
                known.
            deadline: Seconds for everything; else `timeout` bounds the silence of the network.

        Returns:
            The bytes, or the path.

        Raises:
            OSError: The file cannot be written.

        Example:
            ```python
            print(await bee.files.download(file_id, max_bytes=1_000_000))  # b'two roses'
            path = await bee.files.download(file_id, "receipt.txt")
            print(path, path.stat().st_size)  # receipt.txt 9
            ```
        """

        async def locate() -> str:
            return (await self.get(file_id)).download_url

        return await self._land(locate, to, max_bytes, progress, deadline)

    @overload
    async def fetch(
        self,
        url: str,
        to: None = None,
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> bytes: ...
    @overload
    async def fetch(
        self,
        url: str,
        to: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> Path: ...
    async def fetch(
        self,
        url: str,
        to: str | os.PathLike[str] | None = None,
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        deadline: float | None = None,
    ) -> bytes | Path:
        """Fetch what an answer names the address of, without the key.

        A screenshot's `url`, a `FilePart.url`, a `download_url`: all of them work for a while
        for whoever has them, and none of them is a place for the key.

        Args:
            url: The address, as the answer has it.
            to: Where it shall be; as for `download`.
            max_bytes: How many are taken at most; as for `download`.
            progress: Called, or awaited, with the bytes received and their sum.
            deadline: Seconds for everything.

        Returns:
            The bytes, or the path.

        Raises:
            DecodeError: It is no address that is gone to.
            OSError: The file cannot be written.

        Example:
            ```python
            shot = await bee.computer.screenshot(desk)
            picture = await bee.files.fetch(shot.url)
            await bee.files.fetch(shot.url, "desk.png")
            ```
        """

        async def locate() -> str:
            return url

        return await self._land(locate, to, max_bytes, progress, deadline)

    async def _land(
        self,
        locate: Callable[[], Awaitable[str]],
        to: str | os.PathLike[str] | None,
        max_bytes: int | None,
        progress: Progress | None,
        deadline: float | None,
    ) -> bytes | Path:
        if max_bytes is not None:
            count("max_bytes", max_bytes, least=0, most=MOST)
        if to is None:
            sink = MemorySink()
            cap = MEMORY_CAP if max_bytes is None else max_bytes
            await self._transfers.download(
                locate, sink, cap=cap, progress=progress, deadline=deadline
            )
            return sink.whole()
        path = Path(to)
        async with file_sink(path, self._clock) as file:
            await self._transfers.download(
                locate, file, cap=max_bytes, progress=progress, deadline=deadline
            )
        return path


def _kind_of(filename: str) -> str:
    kind, packing = mimetypes.guess_type(filename)
    # What is packed is not what it will be.
    return _ANY_BYTES if kind is None or packing else kind
