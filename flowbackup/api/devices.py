"""The part of the api that makes, shows and measures devices, and writes into a graph file how fast
they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.rows import MediumRow
from flowbackup.errors import UsageError
from flowbackup.media.bounded import within
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, HERE, DeviceTarget, MediumInfo
from flowbackup.model.location import DIRECTORY, is_directory, kind_at, whole_place
from flowbackup.units import GIB

if TYPE_CHECKING:
    from flowbackup.media.measuring import Measured

MEASURE_BYTES = 2 * GIB
MEASURE_SECONDS = 5.0
"""Longer than the memory of a disk hides how fast it is, for most."""


def init_device(
    location: str, name: str = "", pool: str = "default", *,
    media_bytes: int = 0, block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> MediumInfo:  # fmt: skip
    """Gives an empty or new directory a label.  media_bytes: that of a set of media, of this size
    each, of which the first is made and returned.  Raises DeviceError."""
    from flowbackup.media.open import make_first_medium

    place = whole_place(location)
    return make_first_medium(
        place, name=name or os.path.basename(place), pool=pool,
        block_bytes=block_bytes, media_bytes=media_bytes,
    )  # fmt: skip


def make_virtual_tapes(
    location: str, tapes: int, capacity_bytes: int, warning_bytes: int = 0
) -> None:
    """Makes a directory that is a drive with a blank tape in it, or a changer with so many in its
    slots; see README.md.  warning_bytes: so far in front of its end a tape warns, a sixteenth of it
    if not said.  Raises UsageError."""
    from flowbackup.media.places.tape.cartridge import CartridgeText, make_cartridge
    from flowbackup.media.places.tape.changer import make_library
    from flowbackup.model.tape_place import tape_place

    text = CartridgeText(capacity_bytes, warning_bytes or capacity_bytes // 16)
    try:
        place = tape_place(location)
        if place.changer and place.drive != os.path.join(place.changer, "drive"):
            raise ValueError(f"has another drive than its changer|Name {place.changer}/drive")
        if place.changer:
            make_library(place.changer, tapes, text)
        else:
            make_cartridge(os.path.join(place.drive, "VT0001"), text)
    except ValueError as error:
        reason, _, remedy = str(error).partition("|")
        raise UsageError(f"{location} {reason}", remedy=remedy) from error
    except OSError as error:
        raise UsageError(
            f"no virtual tape can be made in {location}: {error.strerror}",
            remedy="name a directory that does not exist yet",
        ) from error


def show_device(name: str, catalog: Path | None = None) -> MediumRow:
    """What the label says of a medium in a directory or of a device that the catalog knows, and
    what the catalog knows besides: all of it for one on another node.  Raises DeviceError."""
    from flowbackup.media.open import open_device

    place = whole_place(name)
    path = catalog_of(catalog)
    known = devices(path) if path.exists() else []
    if is_directory(place) and not within(name, place, lambda: os.path.isdir(place)):
        named = [row for row in known if row.info.device == name]
        if named and not named[-1].info.is_near:
            return named[-1]
        place = named[-1].info.device_location if named else place
    target = DeviceTarget(os.path.basename(place), kind_at(place), place)
    info = within(target.name, place, lambda: open_device(target).info())
    verified = (row.verified for row in known if row.info.medium == info.medium)
    return MediumRow(info, next(verified, None))


def devices(catalog: Path | None = None) -> list[MediumRow]:
    """All media that the catalog knows."""
    with open_catalog(catalog_of(catalog)) as opened:
        return [MediumRow(info, opened.verified(info.medium)) for info in opened.media()]


def measure_device(
    location: str | Path, *, name: str = "", bytes_max: int = MEASURE_BYTES,
    seconds_max: float = MEASURE_SECONDS, rate_limit: int = 0,
) -> Measured:  # fmt: skip
    """Writes to a directory for some seconds, as a session would, and takes all of it away again.
    Raises DeviceError."""
    from flowbackup.media.measuring import measure_writing

    place = whole_place(str(location))
    named = name or os.path.basename(place)
    target = DeviceTarget(named, "directory", place, rate_limit=rate_limit)
    if is_directory(place) and not within(named, place, lambda: os.path.isdir(place)):
        raise UsageError(f"{place} is no directory", remedy="name one on the device")
    return measure_writing(target, bytes_max, seconds_max)


def devices_of_graph(path: str | Path, names: Sequence[str] = ()) -> tuple[DeviceTarget, ...]:
    """The devices of a graph file that can be measured here, or those of these names.  Raises
    GraphError, UsageError for a name that it does not have, or not here."""
    from flowbackup.plan.making import load_plan

    plan = load_plan(path)
    agents = [agent for part in (plan, *plan.stages) for agent in part.agents]
    near = (agent.device for agent in agents if agent.node == HERE)
    found = {device.name: device for device in near if device.kind == DIRECTORY}
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UsageError(
            f'{path} has no device "{unknown[0]}" with a directory on this machine',
            remedy=f"name one of {', '.join(found)}",
        )
    return tuple(found[name] for name in names or found)


def write_rates(path: str | Path, rates: Mapping[str, int]) -> None:
    """Writes `rate:` of these devices into a graph file; all else in it stays as it is, comments
    included.  Raises GraphError."""
    from flowbackup.spec.document import load_graph
    from flowbackup.spec.dump import edit_graph
    from flowbackup.spec.saving import replace_text

    document = load_graph(path)
    spec = document.spec
    devices = {
        name: device.model_copy(update={"rate": rates[name]}) if name in rates else device
        for name, device in spec.devices.items()
    }
    edited = edit_graph(document, spec.model_copy(update={"devices": devices}))
    replace_text(Path(path), edited.text)
