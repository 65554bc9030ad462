"""The program of the second process: makes the files of one batch after the other, until the first
process is gone or has nothing more.

It decides nothing and reports nothing.  A file that it cannot make exactly as asked it takes away
again and calls missing: the first process makes it itself, and tells what there is to tell.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from mmap import mmap
from typing import NoReturn

from flowbackup.errors import DamageError, RestoreError
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.restore.metadata import MetadataWriter, Owners
from flowbackup.restore.nodes import make_at_once
from flowbackup.restore.second.batch import (
    DIRECTORIES_MAX,
    MESSAGE_BYTES_MAX,
    BatchFile,
    answer,
    files_of,
)


class Making:
    """Makes files out of a memory that both processes see."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._metadata = MetadataWriter(Owners(numeric=True))

    def missing(self, message: bytes, directories: Sequence[int]) -> list[int]:
        """Makes the files of a batch.  Returns the numbers of those that were not made."""
        found: list[int] = []
        for number, (name, file) in enumerate(files_of(message)):
            try:
                self._make(name, file, directories[file.directory])
            except (DamageError, LookupError, OSError, RestoreError, ValueError, OverflowError):
                # Not swallowed: the first process makes it again, and meets the same.  (A
                # directory is not there where this process may open no more files.)
                found.append(number)
        return found

    def _make(self, name: bytes, file: BatchFile, directory: int) -> None:
        data = self._memory[file.place : file.place + file.size]
        if data and chunk_digest(data) != file.digest:
            raise DamageError("its content is not the one that was saved")
        entry = Entry(
            name, EntryKind.FILE, file.mode, file.uid, file.gid,
            size=file.size, mtime_ns=file.mtime_ns,
        )  # fmt: skip
        make_at_once(entry, data, name, directory, self._metadata, _refuse, fresh=True)


def _refuse(kind: str, text: str) -> NoReturn:
    """What has to be reported is for the first process to do."""
    raise RestoreError(f"{kind}: {text}")


def serve(link: socket.socket, memory: memoryview) -> None:
    """Answers batches until the other end is closed."""
    making = Making(memory)
    while True:
        message, directories, _, _ = socket.recv_fds(link, MESSAGE_BYTES_MAX, DIRECTORIES_MAX)
        if not message:
            return
        try:
            found = making.missing(message, directories)
        finally:
            for directory in directories:
                os.close(directory)
        link.send(answer(found))


def main(arguments: Sequence[str]) -> None:
    """arguments: the descriptors of the link and of the memory."""
    link, memory = map(int, arguments)
    with socket.socket(fileno=link) as connected:
        try:
            serve(connected, memoryview(mmap(memory, 0)))
        except (BrokenPipeError, ConnectionResetError):
            pass  # The first process has ended, and with it the restore.


if __name__ == "__main__":
    main(sys.argv[1:])
