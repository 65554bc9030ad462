"""Small virtual tapes for tests."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from tarfile import RECORDSIZE

from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.labels.tape_label import DOCUMENTS
from flowbackup.media.open import make_first_medium
from flowbackup.media.places.tape.cartridge import TEXT_NAME, CartridgeText, make_cartridge
from flowbackup.media.places.tape.changer import make_library
from flowbackup.media.places.tape.loaded import LABEL_BYTES
from flowbackup.media.places.tape.virtual_drive import tape_in
from flowbackup.media.port import Device
from flowbackup.media.sets.tape_set import TapeSetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.model.tape_place import TapePlace
from flowbackup.testing.frames import sample_frame
from flowbackup.units import MIB, round_up
from tests.media.media_samples import SESSION

BLOCK = 512
_TEXTS = [len(files("flowbackup.media").joinpath(name).read_bytes()) for name in DOCUMENTS.values()]
TEXTS_BYTES = (
    LABEL_BYTES
    + round_up(sum(512 + round_up(n, 512) for n in _TEXTS) + 1024, RECORDSIZE)
    + 2 * BLOCK
)
"""What label and texts of a tape take."""
AMPLE = CartridgeText(capacity_bytes=64 * MIB, warning_bytes=MIB)


def place_of(drive: Path) -> str:
    return TapePlace(str(drive)).location()


def make_tape(
    drive: Path, text: CartridgeText = AMPLE, *, name: str = "VT0001", block_bytes: int = BLOCK,
    segment_bytes: int = 1 << 30,
) -> TapeDevice:  # fmt: skip
    """A device with a labelled tape, which is made if there is none in the drive."""
    if not drive.is_dir() or tape_in(str(drive)) is None:
        make_cartridge(str(drive / name), text)
        make_first_medium(place_of(drive), name="lto", block_bytes=block_bytes)
    target = DeviceTarget("lto", "tape", place_of(drive))
    return TapeDevice(target, segment_bytes=segment_bytes)


def make_changer(
    place: Path, text: CartridgeText = AMPLE, *, tapes: int = 4, block_bytes: int = BLOCK
) -> TapeSetDevice:
    """A device with a changer and a set of tapes, of which the first is made if there is none."""
    location = changer_place(place)
    if not place.is_dir():
        make_library(str(place), tapes, text)
        make_first_medium(location, name="lto", block_bytes=block_bytes)
    return TapeSetDevice(DeviceTarget("lto", "tape", location), segment_bytes=1 << 30)


def changer_place(place: Path) -> str:
    return TapePlace(str(place / "drive"), str(place)).location()


def tape_folder(drive: Path) -> Path:
    """Of the tape in a drive."""
    found = tape_in(str(drive))
    assert found is not None
    return Path(found)


def protect(tape: Path) -> None:
    """Moves the tab."""
    file = tape / TEXT_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | {"is_protected": True}))


def write(device: Device, *sizes: int, seal: bool = True, session: bytes = SESSION) -> None:
    """Frames of these sizes, each committed; without `seal` as a session that was killed."""
    device.lock("test")
    writer = device.writer(session, 1)
    for number, size in enumerate(sizes):
        writer.append(*sample_frame(size, number))
        writer.commit()
    if seal:
        writer.finish()
    writer.close()
    device.close()


def sequences(device: Device) -> list[int]:
    return [stored.header.sequence for stored in device.reader().frames()]
