"""A segment that is a file of a tape, opened for reading."""

from __future__ import annotations

import os

from flowbackup.errors import DamageError
from flowbackup.media.failure import device_error
from flowbackup.media.layout import PAYLOAD_BYTES_MAX, SegmentName
from flowbackup.media.places.tape.drive import NotOnTapeError, named
from flowbackup.media.places.tape.loaded import TapeSegmentFile
from flowbackup.media.places.tape.shared_drive import SharedDrive
from flowbackup.media.places.tape.shelf import bring
from flowbackup.media.places.tape.tape_files import drive_at
from flowbackup.media.segments.memory import FrameMemory, io_memory
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.units import MIB, round_up


class TapeSource(SegmentSource):
    """A SegmentSource of which every byte comes from the tape, in whole blocks.  Its drive is open
    as long as it is."""

    def __init__(
        self, path: str, name: SegmentName, *, sealed: bool, device: str = "", cached: bool = True
    ) -> None:
        """path: that of the place, with the folder of segments and the name of one behind it."""
        self.path = path
        self.name = name
        self.sealed = sealed
        self.device = device
        self.bytes_read = 0
        self._room: memoryview | None = None
        self._is_open = False
        try:
            self._drive, self._segment = self._found()
        except OSError as error:
            raise device_error(device, f"opening {path}", error) from error
        begin, end, _ = self._segment.extent
        self.size = (end - begin) * name.block_bytes

    def _found(self) -> tuple[SharedDrive, TapeSegmentFile]:
        """Has the drive open then.  Raises OSError."""
        folder, wanted = os.path.split(self.path)
        place, drive = drive_at(os.path.dirname(folder))
        with drive.turn, named(drive.path):
            bring(place, drive)
            with drive.using() as loaded:
                found = loaded.find(wanted)
                if found is None:
                    raise NotOnTapeError("it is not on the tape")
                drive.hold()
        self._is_open = True
        return drive, found

    def read(self, offset: int, size_bytes: int) -> memoryview:
        size_bytes = min(size_bytes, self.size - offset)
        if size_bytes > PAYLOAD_BYTES_MAX + MIB:
            raise DamageError(f"{size_bytes} bytes in one piece are over the limit")
        if size_bytes <= 0:
            return memoryview(b"")
        begin, need = self._blocks(offset, size_bytes)
        if self._room is None or len(self._room) < need:
            self._room = memoryview(io_memory(need))
        return self._filled(begin, self._room[:need])[offset - begin :][:size_bytes]

    def read_kept(self, offset: int, size_bytes: int, memory: FrameMemory) -> memoryview:
        size_bytes = min(size_bytes, self.size - offset)
        if not 0 < size_bytes <= PAYLOAD_BYTES_MAX:
            return self.read(offset, size_bytes)
        begin, need = self._blocks(offset, size_bytes)
        return self._filled(begin, memory.take(need))[offset - begin :][:size_bytes]

    def read_ahead(self, offset: int, size_bytes: int) -> None:
        """The drive does that by itself."""

    def next_data(self, offset: int) -> int:
        """A tape has no holes."""
        return offset

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._drive.release()

    def _blocks(self, offset: int, size_bytes: int) -> tuple[int, int]:
        """The whole blocks that cover these bytes: where they begin, and how long they are."""
        block = self.name.block_bytes
        begin = offset // block * block
        return begin, round_up(offset + size_bytes, block) - begin

    def _filled(self, begin: int, view: memoryview) -> memoryview:
        number = self._segment.extent.begin + begin // self.name.block_bytes
        with self._drive.turn:
            try:
                with named(self._drive.path):
                    count = self._drive.loaded().tape.read(number, view)
            except OSError as error:
                fault = device_error(self.device, f"reading {self.path} at {begin}", error)
                raise DamageError(
                    fault.message, remedy=fault.remedy, device=self.device, errno=fault.errno
                ) from error
        self.bytes_read += count
        if count < len(view):
            raise DamageError(f"{self.path} ends before {begin + len(view)}", device=self.device)
        return view
