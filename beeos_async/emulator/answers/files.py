"""Answers about files: what is known of them; the bytes go elsewhere."""

from __future__ import annotations

from ..._protocol import table
from ...models._base import Envelope
from ...models.files import FileMeta, PresignedUpload, PresignUpload
from ..desk import Call, desk
from ..world import World


@desk(table.PRESIGN_UPLOAD)
async def presign_upload(world: World, call: Call) -> Envelope[PresignedUpload]:
    """Make a place, each time another."""
    wanted = call.body(PresignUpload)
    world.changes += 1
    return Envelope(data=world.files.announce(wanted))


@desk(table.GET_FILE)
async def get_file(world: World, call: Call) -> Envelope[FileMeta]:
    """Look, and give a fresh address."""
    (id,) = call.ids
    return Envelope(data=world.files.get(id))
