"""Which media the user means by the name or the place of a device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowbackup.errors import NotFoundError
from flowbackup.model.device import MediumInfo
from flowbackup.model.location import whole_place

_SHOWN = "`flowbackup device list` shows them"


def media_named(
    infos: Iterable[MediumInfo], names: Sequence[str], remedy: str = _SHOWN
) -> list[MediumInfo]:
    """Of these media those of a device with such a name, on any node, and those that lie in such a
    place of this machine: a set is named by its own place, or each of its media by theirs.  Each
    once, in the order of the names.  Raises NotFoundError for a name that means none."""
    known = list(infos)
    found: dict[MediumInfo, None] = {}
    for name in names:
        meant = [info for info in known if _is_meant(info, name, whole_place(name))]
        if not meant:
            raise NotFoundError(f'no medium of device "{name}" is known', remedy=remedy)
        found |= dict.fromkeys(meant)
    return list(found)


def newest_of_places(infos: Iterable[MediumInfo]) -> list[MediumInfo]:
    """Without those in whose place a newer medium was seen.  infos: the newer ones last."""
    newest = {(info.node, info.location or info.medium): info for info in infos}
    return list(newest.values())


def _is_meant(info: MediumInfo, name: str, place: str) -> bool:
    return info.device == name or (
        info.is_near and place in (info.location, info.device_location)
    )  # fmt: skip
