"""Small media for the tests of this folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import DOCUMENTS, SET_NAME, init_medium
from flowbackup.media.labels.set_label import init_set
from flowbackup.media.locks.holder import HOLDER_BYTES_MAX
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.segment import SEGMENT_BYTES
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.frames import sample_frame, sample_id

SESSION = sample_id(1)


def make_device(
    place: Path,
    *,
    block_bytes: int = 512,
    segment_bytes: int = SEGMENT_BYTES,
    calls: SystemCalls = SYSTEM,
) -> DirectoryDevice:
    """A device on the medium at `place`, which is made if there is none."""
    if not (place / "flowbackup.label").exists():
        init_medium(str(place), name="nas", block_bytes=block_bytes)
    target = DeviceTarget("nas", "directory", str(place), block_bytes)
    return DirectoryDevice(target, segment_bytes=segment_bytes, calls=calls)


EMPTY_BYTES = (
    HOLDER_BYTES_MAX
    + 8192
    + sum(len(files("flowbackup.media").joinpath(n).read_bytes()) for n in DOCUMENTS)
)
"""What lock, label and documents of a medium take."""


def make_set(
    place: Path,
    *,
    media_bytes: int = 1 << 30,
    block_bytes: int = 512,
    segment_bytes: int = SEGMENT_BYTES,
    calls: SystemCalls = SYSTEM,
) -> SetDevice:
    """A device on the set of media at `place`, which is made if there is none."""
    if not (place / SET_NAME).exists():
        init_set(str(place), name="vault", media_bytes=media_bytes, block_bytes=block_bytes)
    target = DeviceTarget("vault", "directory", str(place), block_bytes)
    return SetDevice(target, segment_bytes=segment_bytes, calls=calls)


def write_groups(
    device: DirectoryDevice, groups: list[list[int]], *, seal: bool = True, rest: int = 0,
    session: bytes = SESSION,
) -> list[list[StoredFrame]]:  # fmt: skip
    """Writes groups of frames of the given sizes, then `rest` frames without a commit; returns the
    frames of each group as committed."""
    device.lock("test")
    writer = device.writer(session, 1)
    sequence = 0
    durable = []
    for sizes in groups:
        for size in sizes:
            writer.append(*sample_frame(size, sequence))
            sequence += 1
        durable.append(list(writer.commit()))
    for _ in range(rest):
        writer.append(*sample_frame(700, sequence))
        sequence += 1
    if seal:
        writer.finish()
    writer.close()
    device.close()
    return durable


def three_segments(place: Path) -> Path:
    """A medium of three sealed segments with four frames of noise each."""
    for _ in range(3):
        write_groups(make_device(place), [[700, 5000], [600, 1]])
    return place


def only_segment(place: Path) -> Path:
    """The one file in the folder of segments."""
    (path,) = (place / "segments").iterdir()
    return path
