"""Where pretend screenshots are fetched: signed URLs of another host than the API's.

In truth it is the same server, under a path of its own.  Nothing is kept: what is to be drawn
stands in the URL, and the signature says that it is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from .._clock import Clock
from .screens import png

PICTURES_PATH: Final = "/__emulator__/pictures/"

LIFETIME: Final = 300.0
"""Seconds for which a URL works; the contract says only that they are short."""


class Served(Struct, frozen=True):
    """What an object store answers."""

    status: int
    kind: str
    body: bytes


class Pictures:
    """Signs URLs, and draws what they ask for."""

    def __init__(self, clock: Clock, seed: int) -> None:
        """Remember what to sign with.

        Args:
            clock: Time.
            seed: What the secret is drawn from.
        """
        self._clock = clock
        self._secret = b"pictures/%d" % seed

    def url(self, host: str, file_id: str, width: int, height: int, colour: bytes) -> str:
        """Make a URL that can be fetched for a while.

        Args:
            host: How the client calls this server, with its port.
            file_id: The picture.
            width: Pixels.
            height: Pixels.
            colour: Three bytes.
        """
        wanted = {
            "width": str(width),
            "height": str(height),
            "colour": colour.hex(),
            "until": str(self._clock.now() + LIFETIME),
        }
        sig = self._sign(file_id, wanted)
        return f"http://{host}{PICTURES_PATH}{file_id}?{urlencode({**wanted, 'sig': sig})}"

    def serve(self, path: str, query: str, headers: Mapping[str, str]) -> Served:
        """Answer as an object store does: without an envelope, and never to a key.

        Args:
            path: The path that was asked for.
            query: What followed it.
            headers: Lookup ignores case.
        """
        if "Authorization" in headers:
            # Real ones refuse it too; here it shows a client that sends its key anywhere.
            return _refused(400, "InvalidArgument", "only one way to authenticate is allowed")
        wanted = dict(parse_qsl(query))
        sig = wanted.pop("sig", "")
        if sig != self._sign(path.removeprefix(PICTURES_PATH), wanted):
            return _refused(403, "SignatureDoesNotMatch", "the signature is not ours")
        if self._clock.now() > float(wanted["until"]):
            return _refused(403, "AccessDenied", "the URL has expired")
        colour = bytes.fromhex(wanted["colour"])
        return Served(200, "image/png", png(int(wanted["width"]), int(wanted["height"]), colour))

    def _sign(self, file_id: str, wanted: Mapping[str, str]) -> str:
        text = f"{file_id}?{urlencode(wanted)}"
        return blake2b(text.encode(), key=self._secret, digest_size=12).hexdigest()


def _refused(status: int, code: str, message: str) -> Served:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Served(status, "application/xml", text.encode())
