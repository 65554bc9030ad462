"""Which media a repair completes, and for which others they stand.

A disk that was replaced bears a new medium.  It stands for the lost one if it bears the same device
name and lies where that one lay, or was named by the user: a name alone, which two disks of two
graphs may share, moves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError, NotFoundError
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.location import is_directory, kind_at, whole_place
from flowbackup.runtime.care.repair_reach import RepairReach
from flowbackup.runtime.reading.known_media import KnownMedia, OpenDevice
from flowbackup.runtime.reading.named_media import media_named


@dataclass(frozen=True, slots=True)
class RepairMedium:
    """fault: why it cannot be completed now, "" if it can.  stands_for: lost media whose place it
    has taken.

    Of a set it is the newest medium that is there, and stands for all: what any of them lacks goes
    to the one that is written on.  members: those that are there, and lost: those that are not."""

    info: MediumInfo
    fault: str
    stands_for: tuple[bytes, ...] = ()
    members: tuple[MediumInfo, ...] = ()
    lost: tuple[bytes, ...] = ()

    @property
    def present(self) -> tuple[MediumInfo, ...]:
        """All that there is to look at."""
        return self.members or (self.info,)


def media_to_repair(
    catalog: Catalog, names: Sequence[str], reach: RepairReach
) -> list[RepairMedium]:
    """Those of these devices (names or locations), by default all that the catalog knows, without
    those that another one stands for.  A new medium in a known place becomes known.  Raises
    NotFoundError for a name that means none."""
    _adopt(catalog, names, reach.opening)
    _adopt_far(catalog, reach)
    media = KnownMedia(catalog, reach.opening, reach.reads_far)
    if not media.infos:
        raise NotFoundError(
            "the catalog knows no medium", remedy="make a backup first, or name its catalog"
        )
    meant = media_named(
        media.infos.values(), names,
        "`flowbackup device list` shows them; a new one needs its directory",
    )  # fmt: skip
    named = {info.medium for info in meant}
    devices: dict[bytes, list[MediumInfo]] = {}
    for info in media.infos.values():
        devices.setdefault(info.device_id, []).append(info)
    found = [_repair_medium(media, infos, reach) for infos in devices.values()]
    away = [info for info in media.infos.values() if media.state(info.medium).fault]
    stands_for = {
        medium.info.medium: tuple(
            other.medium
            for other in away
            if not medium.fault and other.device_id != medium.info.device_id
            if _replaces(medium.info, other, is_named=_is_named(medium, named))
        )
        for medium in found
    }
    replaced = {lost for others in stands_for.values() for lost in others}
    return [
        replace(medium, stands_for=stands_for[medium.info.medium])
        for medium in found
        if (_is_named(medium, named) or not names) and medium.info.medium not in replaced
    ]


def _repair_medium(
    media: KnownMedia, infos: Sequence[MediumInfo], reach: RepairReach
) -> RepairMedium:
    """Of one device: its medium, or all that the catalog knows of its set, by the time of their
    making."""
    faults = {info.medium: _fault(media, info, reach) for info in infos}
    present = [info for info in infos if not faults[info.medium]]
    newest = (present or infos)[-1]
    if newest.membership is None:
        return RepairMedium(newest, faults[newest.medium])
    lost = tuple(info.medium for info in infos if faults[info.medium])
    return RepairMedium(newest, faults[newest.medium], (), tuple(present), lost)


def _fault(media: KnownMedia, info: MediumInfo, reach: RepairReach) -> str:
    """Why a repair cannot write to it, "" if it can."""
    if reach.can_write(info):
        return media.state(info.medium).fault
    return (
        f'device "{info.device}" is on node {info.node}, and not on this machine (give the '
        "--address of the Ray cluster; or bring it here, and name the place where it is then)"
    )


def _is_named(medium: RepairMedium, named: set[bytes]) -> bool:
    media = (medium.info.medium, *(info.medium for info in medium.members), *medium.lost)
    return not named.isdisjoint(media)


def _replaces(info: MediumInfo, other: MediumInfo, *, is_named: bool) -> bool:
    place, other_place = (info.node, info.device_location), (other.node, other.device_location)
    return info.device == other.device and (is_named or place == other_place)


def _adopt(catalog: Catalog, names: Sequence[str], opening: OpenDevice) -> None:
    """Makes media known that lie in known places under the same device name, and those that were
    named by their place."""
    known = {info.medium: info for info in catalog.media()}
    near = [info for info in known.values() if info.is_near]
    for place, device in dict.fromkeys((info.device_location, info.device) for info in near):
        for found in _media_at(place, device, opening):
            if found.medium not in known and found.device == device:
                catalog.add_medium(found)
    for name in names:
        location = whole_place(name)
        if any(info.device == name for info in known.values()):
            continue
        if is_directory(location) and not os.path.isdir(location):
            continue
        for found in _media_at(location, os.path.basename(location), opening):
            if known.get(found.medium) != found:
                catalog.add_medium(found)


def _adopt_far(catalog: Catalog, reach: RepairReach) -> None:
    """The same for known places of other nodes, where a lost disk may have been replaced."""
    known = {info.medium: info for info in catalog.media()}
    places = {
        (info.node, info.device_location, info.device): info
        for info in known.values()
        if not info.is_near and reach.can_write(info)
    }
    for info in places.values():
        try:
            media = reach.device(info).media()
        except DeviceError:
            # Told when it is looked at, as the one that should be there.
            continue
        for found in media:
            if found.medium not in known and found.device == info.device:
                catalog.add_medium(replace(found, node=info.node, node_labels=info.node_labels))


def _media_at(location: str, device: str, opening: OpenDevice) -> tuple[MediumInfo, ...]:
    """The media that lie there now; none where none can be read, which is told when it is looked
    at as the one that should be there."""
    try:
        return opening(DeviceTarget(device, kind_at(location), location)).media()
    except DeviceError:
        return ()
