"""A look at a medium that costs little: which segments there are, and what killed sessions left."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowbackup.catalog.catalog import Catalog
from flowbackup.media.checks.inventory import FoundSegment, inventory
from flowbackup.model.device import MediumInfo
from flowbackup.runtime.reading.freed_media import looking_at, take_over_freed


def look_at(catalog: Catalog, info: MediumInfo) -> int:
    """Tells the catalog what it does not know of a medium: frames that nobody lived to tell, and
    those that are gone with their segments, which do not count any more; how many went.  Raises
    DeviceError if the medium cannot be read."""
    take_over_freed(catalog, info.medium, *looking_at(info.location, info.device))
    known = set(catalog.segments(info.medium))
    found = inventory(info.location, info.device, known)
    return take_over_found(catalog, info.medium, known, found)


def take_over_found(
    catalog: Catalog, medium: bytes, known: Collection[tuple[int, int]],
    found: Iterable[FoundSegment],
) -> int:  # fmt: skip
    """What a look at a medium has found, of which these segments were known before; how many
    frames are gone."""
    gone = set(known)
    lost = 0
    for segment in found:
        name = segment.segment, segment.epoch
        gone.discard(name)
        lost += catalog.mark_cut_off(medium, *name, segment.size_bytes)
        catalog.add_durable([(frame.header, frame.place) for frame in segment.frames])
    return lost + sum(catalog.mark_cut_off(medium, *name, -1) for name in gone)
