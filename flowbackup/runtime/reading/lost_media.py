"""Media that are not where they were, and what they take along."""

from __future__ import annotations

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import LostMedium
from flowbackup.runtime.reading.known_media import KnownMedia


def lost_media(catalog: Catalog) -> list[LostMedium]:
    """Looks at every medium of this machine; those of other nodes count as there, and those of
    devices that keep nothing as no loss."""
    media = KnownMedia(catalog)
    return [lost_medium(catalog, media, medium) for medium in _away(media)]


def lost_medium(catalog: Catalog, media: KnownMedia, medium: bytes) -> LostMedium:
    """One that was found out of reach."""
    versions = catalog.taken_along(medium, _away(media))
    return LostMedium(media.infos[medium], media.state(medium).fault, tuple(versions))


def _away(media: KnownMedia) -> list[bytes]:
    return [
        medium
        for medium, info in media.infos.items()
        if info.is_near and info.location and media.state(medium).fault
    ]
