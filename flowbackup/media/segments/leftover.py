"""What writers that were killed have left: room behind the end of their segments, and frames
behind their last commit."""

from __future__ import annotations

import errno
import os

from flowbackup.media.calls import SystemCalls
from flowbackup.media.failure import device_error
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.scan import committed_end
from flowbackup.media.segments.segment import parse_file_name


def give_back_reserved(folder: int, device: str, calls: SystemCalls) -> int:
    """Frees what lies behind the end of every unfinished segment; returns how many had such room.
    folder: a descriptor of the folder of segments.

    No file becomes shorter and no byte of one changes.  Only for the holder of the medium's lock
    that has no writer yet, so that nobody is writing these files.  Raises DeviceError.
    """
    freed = 0
    try:
        for name in sorted(os.listdir(folder)):
            parsed = parse_file_name(name)
            if parsed is not None and not parsed[2]:
                freed += _cut_behind_end(folder, name, calls)
    except OSError as error:
        raise device_error(device, "freeing reserved room", error) from error
    return freed


def cut_back(reader: MediumReader, session: bytes, device: str, calls: SystemCalls) -> int:
    """Cuts the unfinished segments of a session back to their last commit; returns how many it had.

    Who wrote them is dead, and may have died between a commit record and its sync.  So they are
    synced first, and of the last group the device itself is asked, past the page cache, whether it
    has it: what a failed sync has left is not believed.  Only for the holder of the medium's lock,
    before it writes.  Raises DeviceError.
    """
    left = [file for file in reader.files_of(session) if not file.sealed]
    for segment, epoch, _ in left:
        cut_tail(reader, segment, epoch, device, calls)
    return len(left)


def cut_tail(
    reader: MediumReader, segment: int, epoch: int, device: str, calls: SystemCalls
) -> None:  # fmt: skip
    """Cuts one unfinished segment back to its last commit, on the same terms."""
    try:
        with reader.segment(segment, epoch, sealed=False) as found:
            path = found.path
        fd = calls.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            calls.fsync(fd)
            with reader.segment(segment, epoch, sealed=False, direct=True) as source:
                end = committed_end(source)
            if end < source.size:
                calls.truncate(fd, end)
                calls.fsync(fd)
        finally:
            calls.close(fd)
    except OSError as error:
        raise device_error(device, f"cutting back segment {segment}", error) from error


def _cut_behind_end(folder: int, name: str, calls: SystemCalls) -> bool:
    try:
        fd = calls.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, folder=folder)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.EISDIR):
            # Another user's, or no file: it costs room, not data, and stops no backup.
            return False
        raise
    try:
        state = os.fstat(fd)
        used = -(-state.st_size // state.st_blksize) * state.st_blksize
        if state.st_blocks * 512 <= used:
            return False
        calls.truncate(fd, state.st_size)
        return True
    finally:
        calls.close(fd)
