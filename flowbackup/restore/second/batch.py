"""What crosses to the second process: files to make, in directories that go along as descriptors.

Contents lie in memory that both processes see; what says what they are travels as one message.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from flowbackup.units import KIB

FILES_MAX = 64
"""In one batch: some milliseconds of work, against some microseconds to send it."""
DIRECTORIES_MAX = 16
"""In one batch; each stays open in the first process until its files are made."""
CONTENT_BYTES_MAX = 1024 * KIB
"""In one batch."""
NAME_BYTES_MAX = 255

_FILE = Struct("<IIIIIHq32s")
_COUNT = Struct("<I")
_MISSING = Struct("<H")
MESSAGE_BYTES_MAX = _COUNT.size + FILES_MAX * (_FILE.size + NAME_BYTES_MAX + 1)


class BatchFile(NamedTuple):
    """One file.  place, size: where in the memory its content lies; digest: of its one chunk, not
    looked at where it is empty.  uid, gid: as they are to be here.  directory: its number in the
    batch."""

    place: int
    size: int
    mode: int
    uid: int
    gid: int
    directory: int
    mtime_ns: int
    digest: bytes


class Batch:
    """A batch that is being filled, in the part of the memory that begins at `place`."""

    def __init__(self, memory: memoryview, place: int) -> None:
        self.directories: list[int] = []
        self._memory = memory
        self._place = place
        self._end = place + CONTENT_BYTES_MAX
        self._records: list[bytes] = []
        self._names: list[bytes] = []

    def has_room(self, size: int, *, elsewhere: bool) -> bool:
        """For one more file of that size; elsewhere: in a directory that is not the last one."""
        return (
            self._place + size <= self._end
            and len(self._names) < FILES_MAX
            and not (elsewhere and len(self.directories) == DIRECTORIES_MAX)
        )

    def begin_directory(self, descriptor: int) -> None:
        """The files that follow belong into this one.  It stays open until the batch is
        answered."""
        self.directories.append(descriptor)

    def add(
        self, name: bytes, content: memoryview, digest: bytes, mode: int, owner: tuple[int, int],
        mtime_ns: int,
    ) -> None:  # fmt: skip
        """Takes a copy of the content."""
        place, size = self._place, len(content)
        number = len(self.directories) - 1
        self._records.append(_FILE.pack(place, size, mode, *owner, number, mtime_ns, digest))
        self._names.append(name)
        self._place = end = place + size
        self._memory[place:end] = content

    def message(self) -> bytes:
        head = _COUNT.pack(len(self._records))
        return head + b"".join(self._records) + b"/".join(self._names)


def files_of(message: bytes) -> Iterator[tuple[bytes, BatchFile]]:
    """The names and files of a message that is not empty."""
    (count,) = _COUNT.unpack_from(message)
    names_at = _COUNT.size + count * _FILE.size
    names = message[names_at:].split(b"/")
    records = _FILE.iter_unpack(memoryview(message)[_COUNT.size : names_at])
    return zip(names, map(BatchFile._make, records), strict=True)


def answer(missing: list[int]) -> bytes:
    """What says that a batch is done, but for the files with these numbers."""
    return b"".join((_MISSING.pack(len(missing)), *map(_MISSING.pack, missing)))


def missing_of(message: bytes) -> set[int]:
    """The numbers in an answer."""
    return {number for (number,) in _MISSING.iter_unpack(message[_MISSING.size :])}
