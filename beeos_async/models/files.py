"""Files: what goes along with a message, kept in an object store.

Example:
    ```python
    file = await bee.files.upload(b"two roses", filename="receipt.txt")
    print(file.size, "bytes of", file.content_type)  # 9 bytes of text/plain
    await bee.tasks.create(agent_id, "Book this.", attachments=[file.attachment])
    ```
"""

from __future__ import annotations

from typing import ClassVar

from .._checks import length
from ._base import Snake
from .messages import Attachment


class PresignUpload(Snake, frozen=True, kw_only=True):
    """The file that shall be uploaded."""

    filename: str
    content_type: str

    def __post_init__(self) -> None:
        """Refuse what the server could only refuse.

        Raises:
            ConfigurationError: The name has not 1 to 512, or the type 1 to 255 characters.
        """
        length("filename", self.filename, most=512)
        length("content_type", self.content_type, most=255)


class PresignedUpload(Snake, frozen=True, kw_only=True):
    """Where a file is to be sent, once."""

    veiled: ClassVar[frozenset[str]] = frozenset({"upload_url", "download_url"})

    file_id: str
    upload_url: str
    """Takes one PUT of the bytes with exactly the announced `Content-Type`; whoever has it
    may send.  Never an address to send the key to."""

    download_url: str = ""
    """Where the file will be; empty where the store has no such addresses."""

    download_expires_in: int | None = None
    """Seconds for which `download_url` will do."""


class FileMeta(Snake, frozen=True, kw_only=True):
    """What is known of a file."""

    veiled: ClassVar[frozenset[str]] = frozenset({"download_url"})

    file_id: str
    filename: str = ""
    content_type: str = ""
    size: int | None = None
    """Bytes."""

    download_url: str = ""
    """Where it is, for about a day; whoever has it may read.  Never an address to send the
    key to."""

    @property
    def attachment(self) -> Attachment:
        """What a message needs to have it attached."""
        return Attachment(
            file_id=self.file_id,
            filename=self.filename or None,
            content_type=self.content_type or None,
        )
