"""The folder of segments of a medium, as the writer of segments sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from flowbackup.media.calls import SystemCalls
from flowbackup.media.segments.open_segment import OpenSegment
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.media.segments.segment import parse_file_name, segment_file_name


class DirectoryFolder:
    """A SegmentFolder that is the folder of segments of a medium."""

    def __init__(
        self, open_folder: Callable[[], int], block_bytes: int, calls: SystemCalls
    ) -> None:  # fmt: skip
        """open_folder: a descriptor of the folder on the right medium, in which all of one segment
        is done; raises DeviceError if another medium is where this one was."""
        self._open_folder = open_folder
        self._block_bytes = block_bytes
        self._calls = calls
        self._folder = -1

    def begin(self, epoch: int) -> tuple[int, RecordFile]:
        folder = self._folder = self._open_folder()
        segment = 1 + max(_segment_numbers(folder), default=0)
        name = segment_file_name(segment, epoch, sealed=False)
        file = RecordFile(self._calls, folder, name, self._block_bytes)
        try:
            self._calls.sync_directory(folder)
        except OSError:
            with suppress(OSError):
                file.close()
            raise
        return segment, file

    def seal(self, file: OpenSegment, segment: int, epoch: int) -> None:
        file.seal()
        sealed = segment_file_name(segment, epoch, sealed=True)
        self._calls.rename(file.name, sealed, folder=self._folder)
        self._calls.sync_directory(self._folder)

    def remove(self, file: OpenSegment) -> None:
        self._calls.unlink(file.name, folder=self._folder)

    def close(self) -> None:
        folder, self._folder = self._folder, -1
        if folder >= 0:
            self._calls.close(folder)


def _segment_numbers(folder: int) -> Iterator[int]:
    for name in os.listdir(folder):
        parsed = parse_file_name(name)
        if parsed is not None:
            yield parsed[0]
