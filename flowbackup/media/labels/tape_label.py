"""The beginning of a tape: its label, and behind a file mark the texts that explain it, as an
archive of `tar`."""

from __future__ import annotations

import errno
import io
import tarfile
import time
from collections.abc import Mapping
from importlib.resources import files

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import Label, checked_block, pack_label
from flowbackup.media.places.tape.drive import TapeDrive, TapeOp
from flowbackup.media.places.tape.shared_drive import SharedDrive, read_first
from flowbackup.model.device import Membership
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import new_id
from flowbackup.units import MIB, round_up

DOCUMENTS = {
    "README.txt": "README-tape.txt",
    "FORMAT.md": "FORMAT.md",
    "recover.py": "recover.py",
    "dump-tape.sh": "dump-tape.sh",
}
"""Name on the tape -> name in this package."""


def init_tape(
    drive: SharedDrive,
    *,
    name: str,
    pool: str,
    block_bytes: int,
    membership: Membership | None = None,
) -> Label:
    """Makes a medium of the tape in the drive, which must be blank; durable when it returns.
    Raises DeviceError where anything stands on it."""
    checked_block(block_bytes)
    texts = {n: files("flowbackup.media").joinpath(f).read_bytes() for n, f in DOCUMENTS.items()}
    digests = {n: frame_digest(data).hex() for n, data in texts.items()}
    label = Label(
        new_id(), name, pool, block_bytes, time.time_ns(), documents=digests, membership=membership
    )

    def write(drive_open: TapeDrive) -> None:
        if read_first(drive_open):
            raise _taken(drive.path, name)
        drive_open.operate(TapeOp.REWIND)
        drive_open.operate(TapeOp.SET_BLOCK, block_bytes)
        for data in (pack_label(label), _archive(texts)):
            _write_file(
                drive_open, data.ljust(round_up(len(data), block_bytes), b"\0"), block_bytes
            )

    try:
        drive.with_drive(write)
    except OSError as error:
        raise device_error(name, "making a medium", error) from error
    return label


def _write_file(drive: TapeDrive, data: bytes, block_bytes: int) -> None:
    piece = max(MIB, block_bytes)
    for offset in range(0, len(data), piece):
        if drive.write(data[offset : offset + piece]) != len(data[offset : offset + piece]):
            raise OSError(errno.EIO, "the drive took a part of what was written")
    drive.operate(TapeOp.WRITE_MARKS, 1)


def _taken(drive: str, name: str) -> DeviceError:
    return DeviceError(
        f'device "{name}": something stands on the tape in {drive} already',
        remedy="put in a blank tape; to lose what is on this one, erase it with "
        f"`mt -f {drive} rewind` and `mt -f {drive} weof`",
        device=name,
        errno=errno.EEXIST,
    )


def _archive(texts: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in texts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()
