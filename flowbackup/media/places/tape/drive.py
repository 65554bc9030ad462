"""A tape drive, as the st driver of Linux shows it, and no more than that.

The rules, from Documentation/scsi/st.rst of the kernel and st(4):
* A drive is opened once at a time; its position stays when it is closed (the no-rewind device).
* Blocks of fixed size: what is written has a multiple of it.  Writing takes away all that follows.
* A read ends at a file mark with fewer bytes, the next one returns none and is behind the mark.
* Near the end of the tape (early warning) a write still ends well, the next one fails with ENOSPC,
  the one after that is carried out again, and so on in turns up to the end itself.
* Writing file marks, also 0 of them, returns when all that was written before is on the tape.
* Who writes and then rewinds, seeks, spaces back or closes gets a file mark written there.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from flowbackup.media.calls import Writable

TAPE_BLOCK_BYTES = 64 << 10
"""Where nobody says otherwise: drives are slow with less, and each record costs one at least."""


class TapeOp(IntEnum):
    """Operations of MTIOCTOP, with their numbers of linux/mtio.h."""

    FORWARD_FILES = 1
    BACK_FILES = 2
    FORWARD_BLOCKS = 3
    BACK_BLOCKS = 4
    WRITE_MARKS = 5
    REWIND = 6
    UNLOAD = 7
    TO_END = 12
    SET_BLOCK = 20
    SEEK = 22


MOVES_BACK = frozenset(
    {TapeOp.BACK_FILES, TapeOp.BACK_BLOCKS, TapeOp.REWIND, TapeOp.UNLOAD, TapeOp.SEEK}
)
"""Before these the driver writes a file mark if the last thing that was done was a write."""


@dataclass(frozen=True, slots=True)
class DriveStatus:
    """is_at_end: nothing was ever written behind this place."""

    is_protected: bool
    is_at_end: bool


class TapeDrive(Protocol):
    """A drive that is open, with a tape in it.  Every call raises OSError."""

    def write(self, data: Writable) -> int:
        """Bytes written, whole blocks."""

    def read_into(self, view: memoryview) -> int:
        """Bytes read; 0 behind a file mark that was passed now, or at the end of what is there."""

    def operate(self, operation: TapeOp, count: int = 1) -> None:
        """Raises OSError also where a move ends early, at a file mark or at an end."""

    def position(self) -> int:
        """Number of the block where the tape is; file marks count as blocks."""

    def status(self) -> DriveStatus:
        """As the driver sees it."""

    def close(self) -> None:
        """Safe to repeat."""


OpenDrive = Callable[[bool], TapeDrive]
"""Opens a drive; True: to be written.  Raises OSError."""


class TapeError(OSError):
    """What a drive refuses, with its name and with what to do."""

    def __init__(self, number: int, text: str, *, remedy: str = "") -> None:
        super().__init__(number, text)
        self.remedy = remedy


class NotOnTapeError(FileNotFoundError):
    """The drive is well, and the tape has nothing of that name."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.ENOENT, text)


class BlankTapeError(NotOnTapeError):
    """Nothing stands on the tape."""


_FAULTS = {
    errno.ENOMEDIUM: ("there is no tape in it", "put the right tape in"),
    errno.EBUSY: ("another program uses it", "wait until that has finished, or end it"),
    errno.EROFS: ("its tape is write-protected", "move the tab of the tape, or put in another"),
    errno.EACCES: ("this user may not use it", "become a member of its group, mostly `tape`"),
    errno.ENOENT: ("there is no such drive", "look at the cable, and at what `lsscsi -g` lists"),
    errno.ENXIO: ("this is no tape drive", "name one that `lsscsi -g` lists, as /dev/nst0"),
    errno.ENOSPC: ("its tape is full", "put in another tape and label it"),
    errno.EIO: ("it reports an I/O error", "clean the drive; if that is no help, use another tape"),
}


def tape_error(drive: str, error: OSError) -> OSError:
    """Names the drive, and says what can be done.  drive: its path."""
    if isinstance(error, TapeError | NotOnTapeError):
        return error
    number = error.errno or 0
    text, remedy = _FAULTS.get(number, (error.strerror or str(error), "look at the kernel log"))
    return TapeError(number, f"tape drive {drive}: {text}", remedy=remedy)


@contextmanager
def named(drive: str) -> Iterator[None]:
    """Errors of the drive get its name."""
    try:
        yield
    except (TapeError, NotOnTapeError):
        raise
    except OSError as error:
        raise tape_error(drive, error) from error
