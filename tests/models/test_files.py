"""Files as they travel."""

from __future__ import annotations

from typing import Any

import pytest
from samples import sample, samples

from beeos_async import Attachment, ConfigurationError, DecodeError, FileMeta, PresignedUpload
from beeos_async._protocol.wire import read
from beeos_async.models.control import Screenshot
from beeos_async.models.files import PresignUpload
from beeos_async.models.messages import FilePart
from beeos_async.models.tasks import RegisterWebhook

UPLOAD = "https://objects.example.org/in/fil-bill"


def read_sample(name: str) -> Any:
    one = sample(f"files/{name}")
    return read(one.row, "", one.response).data


def test_an_address_to_send_to_has_all_its_fields() -> None:
    """Four; without the address it is of no use."""
    assert read_sample("presigned") == PresignedUpload(
        file_id="fil-bill",
        upload_url=f"{UPLOAD}?sig=a%2Bb",
        download_url="https://objects.example.org/out/fil-bill?sig=c",
        download_expires_in=86_400,
    )
    assert len(PresignedUpload.__struct_fields__) == 4
    least = PresignedUpload(file_id="fil-bill", upload_url=UPLOAD)
    assert read_sample("presigned_least") == read_sample("presigned_empty") == least
    for name in ("presigned_nowhere", "presigned_without_data"):
        with pytest.raises(DecodeError, match=r"upload_url|file_id"):
            read_sample(name)


def test_a_file_has_all_its_fields() -> None:
    """Five; its size may be more than a float holds."""
    file = read_sample("meta")

    assert file == FileMeta(
        file_id="fil-bill",
        filename="Größe.pdf",
        content_type="application/pdf",
        size=2**53 + 1,
        download_url="https://objects.example.org/out/fil-bill?sig=d",
    )
    assert len(FileMeta.__struct_fields__) == 5
    assert read_sample("meta_least") == read_sample("meta_odd") == FileMeta(file_id="fil-bill")


def test_a_file_can_be_attached() -> None:
    """With what is known of it, and nothing that is not."""
    assert read_sample("meta").attachment == Attachment(
        file_id="fil-bill", filename="Größe.pdf", content_type="application/pdf"
    )
    assert FileMeta(file_id="f").attachment == Attachment(file_id="f")


def test_an_address_that_lets_anybody_in_is_not_shown() -> None:
    """That there is one is."""
    shown = (
        FileMeta(file_id="f", download_url="https://o.example/f?sig=d"),
        PresignedUpload(file_id="f", upload_url="https://o.example/f?sig=u", download_url="x"),
        Screenshot(file_id="f", url="https://o.example/f?sig=s"),
        FilePart(name="f", url="https://o.example/f?sig=p"),
        RegisterWebhook(url="https://o.example", secret="sig=" + "s" * 16, token="sig=t"),  # noqa: S106 -- a pretend one
    )

    for one in shown:
        assert "sig=" not in repr(one)
        assert "'…'" in repr(one)
        assert "…" in dict(one.__rich_repr__()).values()
    assert repr(FileMeta(file_id="f")).endswith("download_url='')")


def test_every_sample_is_read() -> None:
    """None lies about."""
    read_here = {
        *("presigned", "presigned_least", "presigned_empty", "presigned_nowhere"),
        *("presigned_without_data", "meta", "meta_least", "meta_odd"),
    }
    assert {name.partition("/")[2] for name in samples("files")} == read_here


@pytest.mark.parametrize(
    ("filename", "content_type"), [("", "a/b"), ("x" * 513, "a/b"), ("x", ""), ("x", "x" * 256)]
)
def test_a_file_has_a_name_and_a_type(filename: str, content_type: str) -> None:
    """Within the contract's limits."""
    with pytest.raises(ConfigurationError, match="must have 1 to"):
        PresignUpload(filename=filename, content_type=content_type)
