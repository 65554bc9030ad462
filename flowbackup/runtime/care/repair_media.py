"""Which media a repair completes, and for which others they stand.

A disk that was replaced bears a new medium.  It stands for the lost one if it bears the same device
name and lies where that one lay, or was named by the user: a name alone, which two disks of two
graphs may share, moves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError, NotFoundError
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.runtime.reading.known_media import KnownMedia, OpenDevice


@dataclass(frozen=True, slots=True)
class RepairMedium:
    """fault: why it cannot be completed now, "" if it can.  stands_for: lost media whose place it
    has taken."""

    info: MediumInfo
    fault: str
    stands_for: tuple[bytes, ...] = ()


def media_to_repair(
    catalog: Catalog, names: Sequence[str], opening: OpenDevice
) -> list[RepairMedium]:
    """Those of these devices (names or locations), by default all that the catalog knows, without
    those that another one stands for.  A new medium in a known place becomes known.  Raises
    NotFoundError for a name that means none."""
    _adopt(catalog, names, opening)
    media = KnownMedia(catalog, opening)
    if not media.infos:
        raise NotFoundError(
            "the catalog knows no medium", remedy="make a backup first, or name its catalog"
        )
    named = _named(media.infos.values(), names)
    faults = {medium: media.state(medium).fault for medium in media.infos}
    stands_for = {
        medium: tuple(
            other.medium
            for other in media.infos.values()
            if faults[other.medium] and not faults[medium]
            if _replaces(info, other, is_named=medium in named)
        )
        for medium, info in media.infos.items()
    }
    replaced = {lost for others in stands_for.values() for lost in others}
    return [
        RepairMedium(info, faults[medium], stands_for[medium])
        for medium, info in media.infos.items()
        if (medium in named or not names) and medium not in replaced
    ]


def _replaces(info: MediumInfo, other: MediumInfo, *, is_named: bool) -> bool:
    place, other_place = (info.node, info.location), (other.node, other.location)
    return info.device == other.device and (is_named or place == other_place)


def _adopt(catalog: Catalog, names: Sequence[str], opening: OpenDevice) -> None:
    """Makes media known that lie in known places under the same device name, and those that were
    named by their place."""
    known = {info.medium: info for info in catalog.media()}
    near = [info for info in known.values() if info.is_near]
    for info in near:
        found = _label_at(info.location, info.device, opening)
        if found is not None and found.medium not in known and found.device == info.device:
            catalog.add_medium(found)
    for name in names:
        location = os.path.abspath(name)
        if any(info.device == name for info in known.values()) or not os.path.isdir(location):
            continue
        found = _label_at(location, os.path.basename(location), opening)
        if found is not None and known.get(found.medium) != found:
            catalog.add_medium(found)


def _label_at(location: str, device: str, opening: OpenDevice) -> MediumInfo | None:
    """The medium that lies there now; None for none that can be read, which is told when it is
    looked at as the one that should be there."""
    try:
        return opening(DeviceTarget(device, "directory", location)).info()
    except DeviceError:
        return None


def _named(infos: Iterable[MediumInfo], names: Sequence[str]) -> set[bytes]:
    found: set[bytes] = set()
    known = list(infos)
    for name in names:
        location = os.path.abspath(name)
        meant = {
            info.medium
            for info in known
            if info.device == name or (info.is_near and info.location == location)
        }
        if not meant:
            raise NotFoundError(
                f'no medium of device "{name}" is known',
                remedy="`flowbackup device list` shows them; a new one needs its directory",
            )
        found |= meant
    return found
