"""Which files a second process makes, and what becomes of them.

Only plain ones: small, of a single chunk, with nothing that could need a word in the report, in a
directory that nobody else can reach yet.  Everything that goes otherwise than asked is left to who
handed the file over, so that a restore reports the same whoever made its files.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from flowbackup.model.entry import Entry, EntryKind
from flowbackup.restore.content import ContentSource
from flowbackup.restore.directories import Level
from flowbackup.restore.metadata import MetadataWriter
from flowbackup.restore.second.batch import CONTENT_BYTES_MAX, Batch, missing_of
from flowbackup.restore.second.process import PARTS, GoneError, SecondProcess
from flowbackup.units import KIB

FILES_ALONE = 2_000
"""Where nobody knows how many there will be, so many that could be handed over are not: a process
takes as long to start as these to be made, so that a small restore costs nothing more."""
FILES_EXPECTED_MIN = 2 * FILES_ALONE
"""Where more are expected it starts at once, while the first frame is read."""
FILE_BYTES_MAX = 128 * KIB
"""Of one file: to copy more into the memory of both takes longer than the calls that make it."""
_TIME_END = 1 << 63


class Handed(NamedTuple):
    """A file that was handed over, to be called `name` in `level`."""

    entry: Entry
    name: bytes
    level: Level


class Receiver(Protocol):
    """Who handed files over.  Each is one day made or comes back; then its level has `arrived`,
    once for each batch that had files for it."""

    def made(self, files: int, size_bytes: int) -> None:
        """So many files are there as they are to be."""

    def back(self, handed: Handed, *, is_unknown: bool) -> None:
        """This one was not made.  is_unknown: some or all of it may be there nevertheless."""

    def arrived(self, level: Level) -> None:
        """See Way."""

    def message(self, text: str) -> None:
        """See Monitor."""


@dataclass(slots=True)
class _Sent:
    """Files of one batch, and the part of the memory that has their contents."""

    part: int
    batch: Batch
    files: list[Handed] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)


class HandOver:
    """Hands files over, batch by batch; bounded by PARTS batches.  Used by one thread."""

    def __init__(
        self, content: ContentSource, metadata: MetadataWriter, receiver: Receiver,
        files_expected: int,
    ) -> None:  # fmt: skip
        """receiver: is called within the methods of this.  files_expected: 0 if nobody knows."""
        self._content = content
        self._metadata = metadata
        self._receiver = receiver
        self._alone = 1 if files_expected > FILES_EXPECTED_MIN else FILES_ALONE
        if not _is_of_use():
            self._alone = sys.maxsize
        self._process: SecondProcess | None = None
        self._parts = deque(range(PARTS))
        self._filling: _Sent | None = None
        self._sent: deque[_Sent] = deque()

    def takes(self, entry: Entry, name: bytes, level: Level) -> bool:
        """Takes a file to be made as `name` in `level`, which nobody else can reach, or leaves it,
        and all that is no file, to the caller.  Raises what reading its content does, and
        RestoreError."""
        if level.gives_owner or not _is_plain(entry):
            return False
        if self._process is None:
            self._count_down()
            return False
        owner = self._metadata.owner_here(entry)
        unchecked = self._content.unchecked(entry)
        if unchecked is None or not self._metadata.may_own(*owner):
            return False
        filling = self._with_room(entry.size, level)
        if filling is None:
            return False
        if not filling.levels or filling.levels[-1] is not level:
            filling.batch.begin_directory(level.descriptor)
            filling.levels.append(level)
            level.under_way += 1
        filling.batch.add(name, *unchecked, entry.mode & 0o7777, owner, entry.mtime_ns)
        filling.files.append(Handed(entry, name, level))
        return True

    def finish(self) -> None:
        """Waits until nothing is under way.  Raises RestoreError."""
        self._send()
        while self._sent and self._process is not None:
            try:
                self._answered(self._process.wait_answer())
            except GoneError as error:
                self._lose(error)

    def close(self) -> None:
        """Ends the second process, whatever is under way.  Safe to repeat.  Raises RestoreError."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _with_room(self, size: int, level: Level) -> _Sent | None:
        """The batch that such a file goes to; None where none can be filled now."""
        filling = self._filling
        if filling is not None:
            if filling.batch.has_room(size, elsewhere=filling.levels[-1] is not level):
                return filling
            self._send()
        if not self._parts:
            self._look()
        if not self._parts or self._process is None:
            return None
        part = self._parts.popleft()
        batch = Batch(self._process.memory, part * CONTENT_BYTES_MAX)
        self._filling = filling = _Sent(part, batch)
        return filling

    def _send(self) -> None:
        filling, self._filling = self._filling, None
        if filling is None or self._process is None:
            return
        self._sent.append(filling)
        try:
            self._process.send(filling.batch.message(), filling.batch.directories)
        except GoneError as error:
            self._lose(error)

    def _look(self) -> None:
        """Takes the answers that are there."""
        try:
            while self._process is not None:
                message = self._process.answer_nowait()
                if message is None:
                    return
                self._answered(message)
        except GoneError as error:
            self._lose(error)

    def _answered(self, message: bytes) -> None:
        sent = self._sent.popleft()
        self._parts.append(sent.part)
        missing = missing_of(message)
        size_bytes = sum(handed.entry.size for handed in sent.files)
        for number in missing:
            handed = sent.files[number]
            size_bytes -= handed.entry.size
            self._receiver.back(handed, is_unknown=False)
        self._receiver.made(len(sent.files) - len(missing), size_bytes)
        for level in sent.levels:
            self._receiver.arrived(level)

    def _count_down(self) -> None:
        """Starts the second process when it is worth while, once."""
        self._alone -= 1
        if self._alone:
            return
        try:
            self._process = SecondProcess()
        except OSError as error:
            text = error.strerror or str(error)
            self._receiver.message(f"no second process makes small files: {text}")

    def _lose(self, error: GoneError) -> None:
        """Goes on without the second process."""
        self._receiver.message(
            f"the second process, which made small files, is lost: {error}; going on alone"
        )
        self.close()
        lost = list(self._sent)
        self._sent.clear()
        for sent in lost:
            for handed in sent.files:
                self._receiver.back(handed, is_unknown=True)
            for level in sent.levels:
                self._receiver.arrived(level)


def _is_of_use() -> bool:
    """A second process can run beside this one."""
    return bool(sys.executable) and len(os.sched_getaffinity(0)) > 1


def _is_plain(entry: Entry) -> bool:
    """A regular file that is made with its content, mode, owner and time, and all of it at once."""
    chunks, size = entry.chunks, entry.size
    return (
        entry.kind == EntryKind.FILE
        and size <= FILE_BYTES_MAX
        and len(chunks) <= 1
        and size == (chunks[0].size if chunks else 0)
        and entry.links == 1
        and -_TIME_END <= entry.mtime_ns < _TIME_END
        and entry.hard_link is None
        and not entry.xattrs
        and not entry.holes
        and not entry.problem
    )
