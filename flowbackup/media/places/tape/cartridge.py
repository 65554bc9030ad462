"""A virtual tape: a directory that obeys the rules of a tape, for trying and for tests.

    DRIVE/NAME/tape.json      how much goes on it, whether it is write-protected
    DRIVE/NAME/file-00000     what stands in front of the first file mark
    DRIVE/NAME/file-00001     what stands behind it, and so on: behind each but the last is a mark

The files are what `dd` would read from a real tape, file by file.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass, replace

from flowbackup.media.places.tape.drive import TapeError
from flowbackup.media.regular import read_regular
from flowbackup.model.json_values import whole_number
from flowbackup.units import GIB, KIB, MIB
from flowbackup.whole_file import write_whole

TEXT_NAME = "tape.json"
_TEXT_BYTES_MAX = 64 * KIB


@dataclass(frozen=True, slots=True)
class CartridgeText:
    """capacity_bytes: where the tape ends; a file mark takes a block.  warning_bytes: so far in
    front of that the early warning comes.  block_bytes: of what is on it, 0 for a new one."""

    capacity_bytes: int = GIB
    warning_bytes: int = 64 * MIB
    is_protected: bool = False
    block_bytes: int = 0


def make_cartridge(path: str, text: CartridgeText | None = None) -> None:
    """A new, empty tape.  Raises OSError."""
    os.makedirs(path)
    _write_text(path, text or CartridgeText())


class Cartridge:
    """The tape in a drive: its files, and their lengths in blocks.  Raises OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = _read_text(path)
        self.lengths = self._read_lengths()

    def set_block(self, block_bytes: int) -> None:
        """Of what is written from now on, on a tape that is written from its beginning."""
        self.text = replace(self.text, block_bytes=block_bytes)
        _write_text(self.path, self.text)

    def used_bytes(self, file: int, block: int) -> int:
        """In front of a place."""
        before = self.lengths[:file]
        return (sum(before) + len(before) + block) * self.text.block_bytes

    def number(self, file: int, block: int) -> int:
        """Of a place, counted in blocks and file marks."""
        return sum(self.lengths[:file]) + file + block

    def place(self, number: int) -> tuple[int, int]:
        """File and block of a number; the end for one behind it."""
        for file, length in enumerate(self.lengths):
            if number <= length:
                return file, number
            number -= length + 1
        return self.end()

    def end(self) -> tuple[int, int]:
        return len(self.lengths) - 1, self.lengths[-1]

    def cut(self, file: int, block: int) -> None:
        """Takes away what stands behind a place."""
        for number in range(len(self.lengths) - 1, file, -1):
            os.unlink(self._file(number))
        del self.lengths[file + 1 :]
        if self.lengths[file] != block or not os.path.exists(self._file(file)):
            with open(self._file(file), "ab") as opened:
                opened.truncate(block * self.text.block_bytes)
        self.lengths[file] = block

    def append(self, data: memoryview) -> None:
        """Whole blocks, at the end: what a writer that was killed has left of one is no block."""
        with open(self._file(len(self.lengths) - 1), "ab") as file:
            file.truncate(self.lengths[-1] * self.text.block_bytes)
            file.write(data)
        self.lengths[-1] += len(data) // self.text.block_bytes

    def mark(self) -> None:
        """A file mark at the end."""
        open(self._file(len(self.lengths)), "xb").close()
        self.lengths.append(0)

    def read_into(self, file: int, block: int, view: memoryview) -> int:
        with open(self._file(file), "rb", buffering=0) as opened:
            return os.preadv(opened.fileno(), [view], block * self.text.block_bytes)

    def sync(self) -> None:
        """What was written stays, whatever happens to the machine."""
        for number in range(len(self.lengths))[-2:]:
            with open(self._file(number), "ab") as file:
                os.fsync(file.fileno())
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _file(self, number: int) -> str:
        return os.path.join(self.path, f"file-{number:05d}")

    def _read_lengths(self) -> list[int]:
        names = {name for name in os.listdir(self.path) if name.startswith("file-")}
        files = [self._file(number) for number in range(len(names))]
        if strange := names.difference(map(os.path.basename, files)):
            raise _strange(os.path.join(self.path, min(strange)), "no file is in front of it")
        return [os.stat(path).st_size // (self.text.block_bytes or 1) for path in files] or [0]


def _read_text(path: str) -> CartridgeText:
    place = os.path.join(path, TEXT_NAME)
    try:
        text = CartridgeText(**json.loads(read_regular(place, _TEXT_BYTES_MAX)))
        sizes = map(whole_number, (text.capacity_bytes, text.warning_bytes, text.block_bytes))
        if min(sizes) < 0 or not isinstance(text.is_protected, bool):
            raise ValueError("a size is below 0, or is_protected is neither true nor false")
    except (ValueError, TypeError, RecursionError) as error:
        raise _strange(place, str(error)) from error
    return text


def _strange(place: str, why: str) -> TapeError:
    return TapeError(
        errno.EINVAL, f"{place} is not of a virtual tape: {why}",
        remedy="correct it, or make another tape",
    )  # fmt: skip


def _write_text(path: str, text: CartridgeText) -> None:
    write_whole(os.path.join(path, TEXT_NAME), json.dumps(asdict(text), indent=1).encode())
