"""The drives that this process has open.

A drive is opened once at a time, whoever wants it: so all that want it in one process share what
was opened, and take turns.  It is closed when nobody is left.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from flowbackup.media.layout import BLOCK_BYTES_MAX
from flowbackup.media.places.tape.drive import (
    BlankTapeError,
    OpenDrive,
    TapeDrive,
    TapeError,
    TapeOp,
    named,
    tape_error,
)
from flowbackup.media.places.tape.kernel_drive import KernelDrive
from flowbackup.media.places.tape.loaded import LABEL_BYTES, LoadedTape
from flowbackup.media.places.tape.tape import Tape
from flowbackup.media.places.tape.virtual_drive import VirtualDrive

T = TypeVar("T")
CHANGE_SECONDS_MAX = 600.0
"""Who reads one file to its end lets go of the drive between its pieces."""
LOOK_SECONDS = 1.0


class SharedDrive:
    """One drive of this machine, in this process.  Every method raises OSError."""

    def __init__(self, path: str, opening: OpenDrive) -> None:
        self.path = path
        self.turn = threading.Condition(threading.RLock())
        """Held for each thing that is done with the tape; told when somebody has let go of it."""
        self._opening = opening
        self._users = self._writers = 0
        self._let_go_at = 0.0
        self._is_writable = False
        self._drive: TapeDrive | None = None
        self._loaded: LoadedTape | None = None
        self._left_at = 0

    @contextmanager
    def using(self) -> Iterator[LoadedTape]:
        """The tape, for one thing to be done with it."""
        with self.turn:
            self.hold()
            try:
                yield self.loaded()
            finally:
                self.release()

    def wait_unused(self, idle_seconds: float) -> None:
        """Until nobody has had it open for so long, with the turn held: who reads on and on is not
        interrupted for another tape.  Raises OSError where it is being written, and where that
        takes too long."""
        latest = time.monotonic() + CHANGE_SECONDS_MAX
        while not self._writers and (now := time.monotonic()) < latest:
            idle_left = self._let_go_at + idle_seconds - now
            if not self._users and idle_left <= 0:
                return
            self.turn.wait(LOOK_SECONDS if self._users else idle_left)
        raise TapeError(
            errno.EBUSY, f"tape drive {self.path}: its tape is in use, and cannot be changed now",
            remedy="run the command again when that has ended",
        )  # fmt: skip

    def hold(self, *, writable: bool = False) -> None:
        """Has the drive open until `release`."""
        with self.turn:
            if writable and not self._is_writable:
                self._shut()
            if self._drive is None:
                self._open(writable)
            self._users += 1
            self._writers += writable

    def release(self, *, writable: bool = False) -> None:
        """The last one closes the drive.  writable: as it was held."""
        with self.turn:
            self._users -= 1
            self._writers -= writable
            self._let_go_at = time.monotonic()
            if self._users == 0:
                self._shut()
            self.turn.notify_all()

    def loaded(self) -> LoadedTape:
        """The tape in the drive, which is open.  Raises BlankTapeError for one on
        which nothing stands."""
        if self._loaded is None:
            with named(self.path):
                drive = self._opened()
                label = read_first(drive)
                if not label:
                    raise BlankTapeError(f"the tape in {self.path} is blank")
                is_whole = sum(map(len, label)) >= LABEL_BYTES
                if is_whole and drive.position() != len(label):
                    raise TapeError(
                        errno.EINVAL, f"tape drive {self.path}: its positions do not count blocks",
                        remedy=f"as root: `mt -f {self.path} stsetoptions scsi2logical`",
                    )  # fmt: skip
                self._loaded = LoadedTape(b"".join(label)[:LABEL_BYTES], Tape(drive, len(label[0])))
        return self._loaded

    def eject(self) -> None:
        """Rewinds the tape, and lets go of it; some changers take none that the drive holds."""
        with self.turn, named(self.path):
            self._loaded = None
            self._opened().operate(TapeOp.UNLOAD)

    def forget(self) -> None:
        """Another tape is put in, or this one is written anew."""
        with self.turn:
            self._loaded = None

    def with_drive(self, use: Callable[[TapeDrive], T]) -> T:
        """What `use` makes of the drive itself, opened to be written, whatever is on its tape."""
        with self.turn, named(self.path):
            self.hold(writable=True)
            try:
                self._loaded = None
                return use(self._opened())
            finally:
                self._loaded = None
                self.release(writable=True)

    def _opened(self) -> TapeDrive:
        assert self._drive is not None, "a drive is held before it is used"
        return self._drive

    def _open(self, writable: bool) -> None:
        try:
            self._drive = self._opening(writable)
            self._is_writable = writable
            self._keep_if_same(self._drive)
        except OSError as error:
            self._shut()
            raise tape_error(self.path, error) from error

    def _keep_if_same(self, drive: TapeDrive) -> None:
        """A tape that was put in is at its beginning, and one that is where it was left is the one
        that was there; anything else is looked at anew."""
        loaded = self._loaded
        if loaded is None:
            return
        if self._left_at and drive.position() == self._left_at:
            loaded.tape.take(drive)
        else:
            self._loaded = None

    def _shut(self) -> None:
        drive, self._drive = self._drive, None
        self._is_writable, self._left_at = False, 0
        if drive is None:
            return
        with suppress(OSError):
            self._left_at = drive.position()
        with suppress(OSError):
            drive.close()


def read_first(drive: TapeDrive) -> list[bytes]:
    """The blocks that begin a tape, as far as a label goes; none of a blank one."""
    blocks: list[bytes] = []
    view = memoryview(bytearray(BLOCK_BYTES_MAX))
    try:
        drive.operate(TapeOp.REWIND)
        drive.operate(TapeOp.SET_BLOCK, 0)
        while sum(map(len, blocks)) < LABEL_BYTES:
            count = drive.read_into(view)
            if count <= 0:
                break
            blocks.append(bytes(view[:count]))
    except OSError:
        # A drive that finds nothing at all on a tape says so by an error, too.
        if blocks or not drive.status().is_at_end:
            raise
    return blocks


_DRIVES: dict[str, SharedDrive] = {}
_LOOKING = threading.Lock()


def shared_drive(path: str) -> SharedDrive:
    """The drive at a path, one object for all of this process: the kernel has one, too.  A drive
    that is a directory has virtual tapes."""
    with _LOOKING:
        return _DRIVES.setdefault(path, SharedDrive(path, _opening(path)))


def _opening(path: str) -> OpenDrive:
    def open_drive(writable: bool) -> TapeDrive:
        kind = VirtualDrive if os.path.isdir(path) else KernelDrive
        return kind(path, writable=writable)

    return open_drive
