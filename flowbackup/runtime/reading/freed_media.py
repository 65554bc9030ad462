"""What media have freed and the catalog has not heard of, because who freed it was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.media.labels.label import read_label
from flowbackup.media.segments.freed import freed_among
from flowbackup.media.segments.reader import MediumReader
from flowbackup.model.freed import FreedSegment

Names = Sequence[tuple[int, int]]
Look = Callable[[Names], Iterable[FreedSegment]]


def take_over_freed(
    catalog: Catalog, medium: bytes, sizes: Mapping[tuple[int, int], int],
    look: Look,
) -> int:  # fmt: skip
    """Tells the catalog; returns how many segments there were.  sizes: (number, epoch) -> bytes of
    the file of each sealed segment of the medium.  look: which of some segments were freed; asked
    only about those that are shorter than what is known to lie in them."""
    extents = catalog.extents(medium)
    shrunk = [name for name, last in sorted(extents.items()) if sizes.get(name, last + 1) <= last]
    found = list(look(shrunk)) if shrunk else []
    for segment in found:
        catalog.add_freed(medium, segment)
    return len(found)


def looking_at(location: str, device: str) -> tuple[Mapping[tuple[int, int], int], Look]:
    """The sizes and the look for a medium on this machine.  Raises DeviceError."""
    reader = MediumReader(location, read_label(location, device).label, device=device)
    return reader.sealed_sizes(), lambda segments: freed_among(reader, segments)
