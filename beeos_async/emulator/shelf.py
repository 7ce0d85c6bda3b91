"""The files of the pretend cloud: what was announced, what has come, who may have it.

No HTTP in here; the store that takes and gives the bytes is `depot.py`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Literal
from urllib.parse import parse_qsl, quote

from msgspec import Struct

from .._clock import Clock
from ..models.files import FileMeta, PresignedUpload, PresignUpload
from .refusals import RefusedError

UPLOAD_TIME: Final = 900
"""Seconds an address takes a file."""

DOWNLOAD_TIME: Final = 86_400
"""Seconds an address gives one."""

Use = Literal["PUT", "GET"]


class File(Struct):
    """One file as the shelf keeps it."""

    id: str
    name: str
    kind: str
    """Its `Content-Type`."""

    data: bytes | None = None
    """Nothing before it has come."""

    @property
    def mark(self) -> str:
        """Its `ETag`."""
        return f'"{blake2b(self.data or b"", digest_size=16).hexdigest()}"'


class Shelf:
    """Every file, and the addresses under which it is sent and had.

    Attributes:
        base: Scheme, host and port of the store, while it is open.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        """Begin empty.

        Args:
            clock: Time, for addresses that expire.
            seed: What ids and signatures are drawn from.
        """
        self.base = ""
        self._clock = clock
        self._secret = b"%d" % seed
        self._files: dict[str, File] = {}
        self._used: set[str] = set()
        self._links = 0

    def announce(self, wanted: PresignUpload) -> PresignedUpload:
        """Make a place for a file that is to come."""
        file = self._place(wanted.filename, wanted.content_type)
        return PresignedUpload(
            file_id=file.id,
            upload_url=self._link("PUT", file.id, UPLOAD_TIME),
            download_url=self._link("GET", file.id, DOWNLOAD_TIME),
            download_expires_in=DOWNLOAD_TIME,
        )

    def keep(self, data: bytes, name: str, kind: str, lasts: int = DOWNLOAD_TIME) -> FileMeta:
        """Put a file of the cloud's own there, such as a screenshot.

        Args:
            data: Its bytes.
            name: Its name.
            kind: Its `Content-Type`.
            lasts: Seconds for which the address that is told gives it.
        """
        file = self._place(name, kind)
        file.data = data
        return self._told(file, lasts)

    def get(self, id: str) -> FileMeta:
        """Look at a file.

        Args:
            id: It.

        Raises:
            RefusedError: There is none.
        """
        return self._told(self.find(id), DOWNLOAD_TIME)

    def _told(self, file: File, lasts: int) -> FileMeta:
        here = file.data is not None
        return FileMeta(
            file_id=file.id,
            filename=file.name,
            content_type=file.kind,
            size=None if file.data is None else len(file.data),
            download_url=self._link("GET", file.id, lasts) if here else "",
        )

    def find(self, id: str) -> File:
        """Find a file, whether it has come or not.

        Args:
            id: It.

        Raises:
            RefusedError: There is none.
        """
        file = self._files.get(id)
        if file is None:
            raise RefusedError(404, "not_found", "there is no such file")
        return file

    def admit(self, use: Use, id: str, query: str) -> str:
        """Let somebody in who has an address.

        Args:
            use: What he wants.
            id: Of which file.
            query: What proves that he may.

        Returns:
            His proof, for `spend`.

        Raises:
            RefusedError: He may not, no longer, or not again.
        """
        told = dict(parse_qsl(query))
        proof, until = told.get("sig", ""), told.get("until", "")
        if proof != self._sign(use, id, until, told.get("link", "")):
            raise RefusedError(403, "SignatureDoesNotMatch", "The signature is wrong")
        if self._clock.wall() > int(until):
            raise RefusedError(403, "AccessDenied", "Request has expired")
        if proof in self._used:
            raise RefusedError(403, "AccessDenied", "The address was used before")
        return proof

    def spend(self, proof: str) -> None:
        """Take an address for used."""
        self._used.add(proof)

    def _place(self, name: str, kind: str) -> File:
        number = len(self._files) + 1
        id = f"fil-{blake2b(b'%s/%d' % (self._secret, number), digest_size=6).hexdigest()}"
        file = self._files[id] = File(id, name, kind)
        return file

    def _link(self, use: Use, id: str, seconds: int) -> str:
        self._links += 1
        until, link = str(int(self._clock.wall()) + seconds), str(self._links)
        proof = self._sign(use, id, until, link)
        return f"{self.base}/objects/{quote(id)}?until={until}&link={link}&sig={proof}"

    def _sign(self, use: Use, id: str, until: str, link: str) -> str:
        text = f"{use}/{id}/{until}/{link}"
        return blake2b(text.encode(), key=self._secret, digest_size=16).hexdigest()
