"""The part of the api that is about devices and the media on them."""

from __future__ import annotations

import os
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.location import default_catalog_path
from flowbackup.catalog.rows import MediumRow
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, MediumInfo


def init_device(
    location: str, name: str = "", pool: str = "default", *,
    media_bytes: int = 0, block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> MediumInfo:  # fmt: skip
    """Gives an empty or new directory a label.  media_bytes: that of a set of media, of this size
    each, of which the first is made and returned.  Raises DeviceError."""
    from flowbackup.media.open import make_first_medium

    place = os.path.abspath(location)
    return make_first_medium(
        place, name=name or os.path.basename(place), pool=pool,
        block_bytes=block_bytes, media_bytes=media_bytes,
    )  # fmt: skip


def show_device(name: str, catalog: Path | None = None) -> MediumRow:
    """What the label says of a medium in a directory or of a device that the catalog knows, and
    what the catalog knows besides: all of it for one on another node.  Raises DeviceError."""
    from flowbackup.media.bounded import within
    from flowbackup.media.open import open_device
    from flowbackup.model.device import DeviceTarget

    place = os.path.abspath(name)
    path = catalog or default_catalog_path()
    known = devices(path) if path.exists() else []
    if not within(name, place, lambda: os.path.isdir(place)):
        named = [row for row in known if row.info.device == name]
        if named and not named[-1].info.is_near:
            return named[-1]
        place = named[-1].info.device_location if named else place
    target = DeviceTarget(os.path.basename(place), "directory", place)
    info = within(target.name, place, lambda: open_device(target).info())
    verified = (row.verified for row in known if row.info.medium == info.medium)
    return MediumRow(info, next(verified, None))


def devices(catalog: Path | None = None) -> list[MediumRow]:
    """All media that the catalog knows."""
    with open_catalog(catalog or default_catalog_path()) as opened:
        return [MediumRow(info, opened.verified(info.medium)) for info in opened.media()]
