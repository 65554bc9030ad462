"""The rules of a tape drive, held by the virtual one; and what is asked of the real one."""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

from flowbackup.media.places.tape import kernel_drive
from flowbackup.media.places.tape.cartridge import CartridgeText, make_cartridge
from flowbackup.media.places.tape.drive import TapeDrive, TapeError, TapeOp
from flowbackup.media.places.tape.kernel_drive import KernelDrive
from flowbackup.media.places.tape.shared_drive import shared_drive
from flowbackup.media.places.tape.tape import Tape, TapeExtent
from flowbackup.media.places.tape.virtual_drive import VirtualDrive

BLOCK = 512


def block(number: int) -> bytes:
    return bytes([number]) * BLOCK


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_cartridge(str(tmp_path / "drive" / "VT0001"), CartridgeText(64 * BLOCK, 8 * BLOCK))
    return tmp_path / "drive"


def opened(place: Path, *, writable: bool = True) -> VirtualDrive:
    drive = VirtualDrive(str(place), writable=writable)
    drive.operate(TapeOp.SET_BLOCK, BLOCK)
    return drive


def read(drive: TapeDrive, blocks: int = 1) -> bytes:
    view = memoryview(bytearray(blocks * BLOCK))
    return bytes(view[: drive.read_into(view)])


def written(place: Path) -> VirtualDrive:
    """Files of 2, 0 and 3 blocks, the last without a file mark."""
    drive = opened(place)
    drive.write(block(1) + block(2))
    drive.operate(TapeOp.WRITE_MARKS, 2)
    for number in (3, 4, 5):
        drive.write(block(number))
    return drive


def refused(number: int, call: object, *arguments: object) -> None:
    with pytest.raises(OSError) as told:
        call(*arguments)  # type: ignore[operator]
    assert told.value.errno == number


def test_a_read_ends_at_a_file_mark_and_the_next_one_is_behind_it(place: Path) -> None:
    drive = written(place)
    drive.operate(TapeOp.REWIND)
    assert read(drive, 9) == block(1) + block(2)
    assert [read(drive), read(drive), read(drive)] == [b"", b"", block(3)]
    assert read(drive, 9) == block(4) + block(5)
    # Rewinding behind a write has put a file mark there.
    assert [read(drive), read(drive), read(drive)] == [b"", b"", b""]


def test_marks_and_blocks_are_counted_alike(place: Path) -> None:
    drive = written(place)
    assert drive.position() == 7
    for number, content in ((0, 1), (1, 2), (4, 3), (6, 5)):
        drive.operate(TapeOp.SEEK, number)
        assert drive.position() == number
        assert read(drive) == block(content)
    refused(errno.EIO, drive.operate, TapeOp.SEEK, 99)


def test_moves_end_early_at_marks_and_ends(place: Path) -> None:
    drive = written(place)
    drive.operate(TapeOp.WRITE_MARKS, 1)
    drive.operate(TapeOp.BACK_FILES, 1)
    assert drive.position() == 7
    drive.operate(TapeOp.BACK_BLOCKS, 2)
    assert read(drive) == block(4)
    refused(errno.EIO, drive.operate, TapeOp.BACK_BLOCKS, 9)
    assert drive.position() == 3
    refused(errno.EIO, drive.operate, TapeOp.BACK_FILES, 9)
    assert drive.position() == 0
    drive.operate(TapeOp.FORWARD_FILES, 2)
    assert read(drive) == block(3)
    drive.operate(TapeOp.REWIND)
    refused(errno.EIO, drive.operate, TapeOp.FORWARD_BLOCKS, 3)
    assert drive.position() == 3
    refused(errno.EIO, drive.operate, TapeOp.FORWARD_FILES, 9)
    assert drive.status().is_at_end


def test_what_is_written_takes_away_all_that_follows(place: Path) -> None:
    drive = written(place)
    drive.operate(TapeOp.SEEK, 1)
    drive.write(block(9))
    drive.operate(TapeOp.REWIND)
    assert read(drive, 9) == block(1) + block(9)
    assert [read(drive), read(drive)] == [b"", b""]


def test_a_file_mark_alone_takes_away_all_that_follows(place: Path) -> None:
    drive = written(place)
    drive.operate(TapeOp.SEEK, 5)
    drive.operate(TapeOp.WRITE_MARKS, 1)
    drive.operate(TapeOp.SEEK, 4)
    assert [read(drive, 9), read(drive), read(drive)] == [block(3), b"", b""]


@pytest.mark.parametrize("operation", [TapeOp.REWIND, TapeOp.BACK_FILES, TapeOp.SEEK, None])
def test_who_writes_and_moves_or_closes_has_written_a_mark(
    place: Path, operation: TapeOp | None
) -> None:
    drive = opened(place)
    drive.write(block(1))
    if operation is None:
        drive.close()
    elif operation is TapeOp.BACK_FILES:
        drive.operate(operation, 1)
    else:
        drive.operate(operation, 0)
    assert sorted(os.listdir(place / "VT0001"))[:2] == ["file-00000", "file-00001"]


def test_who_has_synced_and_moves_has_written_no_mark(place: Path) -> None:
    drive = opened(place)
    drive.write(block(1))
    drive.operate(TapeOp.WRITE_MARKS, 0)
    drive.operate(TapeOp.REWIND)
    drive.close()
    assert sorted(os.listdir(place / "VT0001")) == ["file-00000", "tape.json"]


def test_the_early_warning_refuses_every_second_write_until_the_end(place: Path) -> None:
    drive = opened(place)
    for _ in range(56):
        drive.write(block(1))
    for _ in range(7):
        refused(errno.ENOSPC, drive.write, block(2))
        drive.write(block(2))
    refused(errno.ENOSPC, drive.write, block(3))
    refused(errno.ENOSPC, drive.write, block(3))
    refused(errno.ENOSPC, drive.write, block(3))


def test_blocks_are_whole_and_equally_long(place: Path) -> None:
    drive = written(place)
    refused(errno.EINVAL, drive.write, b"x")
    drive.operate(TapeOp.REWIND)
    drive.operate(TapeOp.SET_BLOCK, 1024)
    refused(errno.EIO, drive.read_into, memoryview(bytearray(1024)))
    drive.operate(TapeOp.SET_BLOCK, 0)
    refused(errno.ENOMEM, drive.read_into, memoryview(bytearray(100)))
    assert drive.read_into(memoryview(bytearray(9000))) == BLOCK


def test_a_drive_is_opened_once_and_keeps_its_place(place: Path) -> None:
    drive = written(place)
    refused(errno.EBUSY, opened, place)
    drive.operate(TapeOp.SEEK, 4)
    drive.close()
    drive.close()
    again = opened(place, writable=False)
    assert again.position() == 4
    refused(errno.EBADF, again.write, block(1))
    refused(errno.EACCES, again.operate, TapeOp.WRITE_MARKS, 1)
    again.close()


def test_no_tape_and_a_protected_tape(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(errno.ENOMEDIUM, opened, tmp_path / "empty")
    make_cartridge(str(tmp_path / "drive" / "A"), CartridgeText(is_protected=True))
    refused(errno.EROFS, opened, tmp_path / "drive")
    drive = VirtualDrive(str(tmp_path / "drive"), writable=False)
    assert drive.status().is_protected
    drive.close()


def test_the_files_of_a_tape_are_found_and_one_left_open_is_ended(place: Path) -> None:
    drive = written(place)
    tape = Tape(drive, BLOCK)
    drive.operate(TapeOp.WRITE_MARKS, 0)
    found = [TapeExtent(0, 2, True), TapeExtent(3, 3, True), TapeExtent(4, 7, False)]
    assert tape.files() == found
    assert tape.begin_file() == 3
    tape.write([block(6)])
    assert tape.files() == [*found[:2], TapeExtent(4, 7, True), TapeExtent(8, 9, False)]
    # Reading meanwhile puts no mark into the file, and writing goes on behind it.
    view = memoryview(bytearray(9 * BLOCK))
    assert tape.read(4, view) == 3 * BLOCK
    assert not (place / "VT0001" / "file-00004").exists()
    tape.write([block(7), block(8)])
    tape.end_file()
    assert tape.read(8, view) == 3 * BLOCK and view[: 3 * BLOCK] == block(6) + block(7) + block(8)
    tape.cut(9)
    assert Tape(drive, BLOCK).files()[-1] == TapeExtent(8, 9, True)


def test_behind_the_warning_a_tape_takes_what_was_begun(place: Path) -> None:
    tape = Tape(opened(place), BLOCK)
    tape.begin_file()
    tape.write([block(1)] * 56)
    assert not tape.is_full
    tape.write([block(2)] * 4)
    assert tape.is_full
    with pytest.raises(OSError, match="space"):
        tape.write([block(3)] * 9)
    assert not tape.is_writing
    with pytest.raises(OSError, match="no file was begun"):
        tape.write([block(3)])
    # What was written stays, and another file may follow as long as there is room.
    assert tape.files()[0].begin == 0


class Buffering(VirtualDrive):
    """Hears of the early warning only when what it has kept back is written."""

    refuses = 0

    def operate(self, operation: TapeOp, count: int = 1) -> None:
        if operation is TapeOp.WRITE_MARKS and self.refuses:
            self.refuses -= 1
            raise OSError(errno.ENOSPC, "early warning")
        super().operate(operation, count)


def test_a_warning_that_comes_with_the_sync_is_none_of_its_failures(place: Path) -> None:
    drive = Buffering(str(place), writable=True)
    tape = Tape(drive, BLOCK)
    tape.begin_file()
    tape.write([block(1)])
    drive.refuses = 1
    tape.sync()
    assert tape.is_full
    drive.refuses = 1
    tape.end_file()
    assert tape.files() == [TapeExtent(0, 1, True)]
    drive.refuses = 2
    refused(errno.ENOSPC, tape.sync)


def test_a_drive_that_does_not_count_blocks_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = opened(place)
    drive.write(bytes(16 * BLOCK))
    drive.close()
    monkeypatch.setattr(VirtualDrive, "position", lambda drive: 1000)
    with pytest.raises(TapeError, match="its positions do not count blocks") as told:
        with shared_drive(str(place)).using():
            pass
    assert "stsetoptions scsi2logical" in told.value.remedy


@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.ENOMEDIUM, "there is no tape in it"), (errno.EBUSY, "another program uses it")],
)
def test_errors_name_the_drive(place: Path, number: int, text: str) -> None:
    if number == errno.ENOMEDIUM:
        (place / "VT0001").rename(place.parent / "away")
        holder = None
    else:
        holder = opened(place)
    with pytest.raises(TapeError) as told, shared_drive(str(place)).using():
        pass
    assert (told.value.errno, told.value.strerror) == (number, f"tape drive {place}: {text}")
    assert told.value.remedy
    if holder is not None:
        holder.close()


class Kernel:
    """Takes the calls of a KernelDrive, and answers as the st driver."""

    def __init__(self, *, minor: int = 128, flags: int = 0) -> None:
        self.minor, self.flags = minor, flags
        self.calls: list[tuple[int, bytes]] = []
        self.opened: list[int] = []

    def open(self, path: str, flags: int) -> int:
        self.opened.append(flags)
        return 1000

    def fstat(self, fd: int) -> os.stat_result:
        return os.stat_result(
            (stat.S_IFCHR | 0o660, 0, 0, 0, 0, 0, 0, 0, 0, 0),
            {"st_rdev": os.makedev(9, self.minor)},
        )

    def ioctl(self, fd: int, request: int, argument: bytes) -> bytes:
        self.calls.append((request, argument))
        if request == 0x80306D02:
            return struct.pack("5l2i", 0, 0, 0, self.flags, 0, 0, 0)
        return struct.pack("l", 77) if request == 0x80086D03 else argument


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(kernel_drive.os, "open", kernel.open)
    monkeypatch.setattr(kernel_drive.os, "fstat", kernel.fstat)
    monkeypatch.setattr(kernel_drive.os, "close", lambda fd: None)
    monkeypatch.setattr(kernel_drive.fcntl, "ioctl", kernel.ioctl)
    return kernel


def test_the_requests_are_those_of_mtio(kernel: Kernel) -> None:
    drive = KernelDrive("/dev/nst0", writable=True)
    assert kernel.opened == [os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR]
    logical = kernel.calls[-1]
    kernel.calls.clear()
    drive.operate(TapeOp.SET_BLOCK, 65536)
    drive.operate(TapeOp.WRITE_MARKS, 0)
    assert drive.position() == 77
    kernel.flags = 0x0C00_0000
    assert (drive.status().is_protected, drive.status().is_at_end) == (True, True)
    assert logical == (0x40086D01, struct.pack("hi", 24, 0x30000800))
    assert kernel.calls[:3] == [
        (0x40086D01, struct.pack("hi", 20, 65536)),
        (0x40086D01, struct.pack("hi", 5, 0)),
        (0x80086D03, bytes(8)),
    ]


def test_a_drive_without_a_tape_is_not_waited_for(kernel: Kernel) -> None:
    kernel.flags = 0x0004_0000
    refused(errno.ENOMEDIUM, lambda: KernelDrive("/dev/nst0", writable=False))
    assert kernel.opened == [os.O_RDONLY | os.O_NONBLOCK]


def test_a_device_that_rewinds_when_it_is_closed_is_refused(kernel: Kernel) -> None:
    kernel.minor = 0
    with pytest.raises(OSError, match="as /dev/nst0"):
        KernelDrive("/dev/st0", writable=False)


def test_what_is_no_drive_is_refused() -> None:
    refused(errno.ENXIO, lambda: KernelDrive("/etc/hostname", writable=False))
