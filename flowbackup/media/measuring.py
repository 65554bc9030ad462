"""How fast a device writes: by the writer that sessions use, into a folder of its own there."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from flowbackup.errors import DeviceError
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, DeviceTarget
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, new_id
from flowbackup.model.location import is_directory
from flowbackup.units import MIB, format_size

FRAME_BYTES = 16 * MIB
SYNC_BYTES = 32 * MIB
"""As a session writes where its graph says nothing else."""
FRAMES_HELD = SYNC_BYTES // FRAME_BYTES
FOLDER_PREFIX = ".flowbackup-measure-"
ROOM_PART = 4
"""No more than a quarter of what is free is written."""


@dataclass(frozen=True, slots=True)
class Measured:
    """rate: bytes per second, syncs included.  sync_seconds: of one sync, in the mean."""

    device: str
    location: str
    rate: float
    sync_seconds: float
    bytes_written: int
    seconds: float


def measure_writing(
    target: DeviceTarget, bytes_max: int, seconds_max: float,
    clock: Callable[[], float] = time.monotonic,
) -> Measured:  # fmt: skip
    """Writes for so long, or so much, whichever ends first, and takes all of it away again.  The
    medium there is not touched.  Raises DeviceError."""
    if not is_directory(target.location):
        raise DeviceError(
            f'device "{target.name}": {target.location} is no directory; only those are measured',
            remedy="write its rate into the graph yourself, after a first backup",
            device=target.name,
        )
    folder = _folder(target)
    try:
        make_first_medium(folder, name=target.name, block_bytes=DEFAULT_BLOCK_BYTES)
        scratch = DeviceTarget(target.name, "directory", folder, rate_limit=target.rate_limit)
        return _measured(target, scratch, min(bytes_max, _room(target)), seconds_max, clock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder(target: DeviceTarget) -> str:
    try:
        return tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=target.location)
    except OSError as error:
        raise DeviceError(
            f'device "{target.name}": {target.location} cannot be written to: {error.strerror}',
            remedy="name a directory on the device, and look whether it is mounted",
            device=target.name,
        ) from None


def _room(target: DeviceTarget) -> int:
    state = os.statvfs(target.location)
    room = state.f_bavail * state.f_frsize // ROOM_PART
    if room < 2 * SYNC_BYTES:
        raise DeviceError(
            f'device "{target.name}": {format_size(room * ROOM_PART)} are free in '
            f"{target.location}, too little to measure",
            remedy="make room there, or write its rate into the graph yourself",
            device=target.name,
        )
    return room


def _measured(
    target: DeviceTarget, scratch: DeviceTarget, bytes_max: int, seconds_max: float,
    clock: Callable[[], float],
) -> Measured:  # fmt: skip
    device = open_device(scratch)
    device.lock("measuring")
    try:
        session = new_id()
        writer = device.writer(session, 0)
        frames = [_frame(session) for _ in range(FRAMES_HELD)]
        sequence, begun = 0, clock()
        while True:
            for memory, header in frames:
                writer.append(header._replace(sequence=sequence), memory)
                sequence += 1
            writer.commit()
            seconds, size_bytes = clock() - begun, sequence * FRAME_BYTES
            if seconds >= seconds_max or size_bytes + SYNC_BYTES > bytes_max:
                break
        found = writer.statistics()
        writer.close()
    finally:
        device.close()
    return Measured(
        target.name, target.location, size_bytes / seconds if seconds else 0.0,
        found.sync_seconds / found.syncs if found.syncs else 0.0, size_bytes, seconds,
    )  # fmt: skip


def _frame(session: bytes) -> tuple[memoryview, FrameHeader]:
    """Bytes that no disk and no file system makes smaller, in memory that was touched."""
    memory = memoryview(mmap.mmap(-1, FRAME_BYTES))
    memory[:] = os.urandom(FRAME_BYTES)
    digest = frame_digest(memory)
    return memory, FrameHeader(
        session, 1, 0, FrameKind.DATA, Codec.PLAIN, NO_ID, FRAME_BYTES, FRAME_BYTES, 0, digest
    )
