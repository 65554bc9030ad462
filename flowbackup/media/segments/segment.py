"""Appending: the frames of one session into segments, group by group.

A segment file: the segment record, then groups (frames, commit record), then index and footer.
It is called `<number>-<epoch>.part` until it is sealed, `.seg` from then on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.failure import FULL, device_error
from flowbackup.media.labels.label import Label
from flowbackup.media.layout import (
    FRAMES_MAX,
    NO_CHAIN,
    IndexRow,
    RecordHeader,
    RecordKind,
    SegmentName,
    frame_record,
    pack_index,
    plain_record,
)
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.media.segments.open_segment import OpenSegment, SegmentFolder
from flowbackup.media.segments.run import begin_bytes, frame_bytes, tail_bytes
from flowbackup.model.device import FramePlace
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameHeader
from flowbackup.units import GIB

SEGMENT_BYTES = GIB
"""Where a segment ends: few enough files for 100 TB, small enough to lose or move one."""
NUMBER_MAX = (1 << 32) - 1
"""Numbers and epochs of segments stand in four bytes."""
_FILE_NAME = re.compile(r"(\d{8,})-(\d{4,})\.(part|seg)")


def segment_file_name(segment: int, epoch: int, *, sealed: bool) -> str:
    return f"{segment:08d}-{epoch:04d}.{'seg' if sealed else 'part'}"


def parse_file_name(name: str) -> tuple[int, int, bool] | None:
    """Number, epoch and whether sealed; None for a name that no segment has."""
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        return None
    segment, epoch, ending = match.groups()
    parsed = int(segment), int(epoch), ending == "seg"
    if max(parsed) > NUMBER_MAX:
        return None
    return parsed if name == segment_file_name(*parsed[:2], sealed=parsed[2]) else None


def check_intact(header: FrameHeader, payload: memoryview, device: str) -> None:
    """Raises DamageError for a payload that is not what its header says."""
    if payload.nbytes != header.payload_bytes or frame_digest(payload) != header.digest:
        raise DamageError(
            f'device "{device}": frame {header.frame_id} does not match its digest '
            "before it was written",
            remedy="the memory of this machine or the sender is faulty; run a memory test",
            device=device,
        )


class SegmentWriter:
    """A FrameWriter into the folder of segments of one medium; one thread at a time.

    A device that is full refuses the frame (ENOSPC, EDQUOT) before it is begun; commit and finish
    still work then, because room for them was kept.  Every other DeviceError poisons the writer.
    """

    def __init__(
        self,
        folder: SegmentFolder,
        label: Label,
        session: bytes,
        epoch: int,
        *,
        device: str,
        check: Callable[[], None] = lambda: None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """check: called before a segment is sealed; raises DeviceError, as beginning one does, if
        another medium is where this one was."""
        self._folder = folder
        self._label = label
        self._session = session
        self._epoch = epoch
        self._device = device
        self._check = check
        self._segment_bytes = segment_bytes
        self._file: OpenSegment | None = None
        self._name = SegmentName(label.medium, 0, epoch, label.block_bytes)
        self._ordinal = 0
        self._chain = NO_CHAIN
        self._durable_end = 0
        self._rows: list[IndexRow] = []
        self._group: list[StoredFrame] = []
        self._failure: DeviceError | None = None
        self._statistics = WriterStatistics()

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        self._check_usable()
        # The frames before are being written meanwhile.
        check_intact(header, payload, self._device)
        started = time.perf_counter()
        file = self._file_for(header)
        record = frame_record(self._name, self._ordinal, self._chain, header)
        offset = file.end
        self._reserve(file, record)
        self._append(file, record, payload)
        place = FramePlace(self._name.medium, self._name.segment, self._epoch, offset)
        self._rows.append(IndexRow(offset, record.ordinal, header))
        self._group.append(StoredFrame(header, place))
        self._statistics.frames += 1
        self._statistics.bytes_payload += header.payload_bytes
        self._statistics.write_seconds += time.perf_counter() - started
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        self._check_usable()
        if self._file is None or not self._group:
            return ()
        self._wait(self._file)
        first = self._ordinal - len(self._group)
        self._append_plain(
            self._file, RecordKind.COMMIT, b"", sequence=first, chunk_count=len(self._group)
        )
        started = time.perf_counter()
        with self._guard("the sync"):
            self._file.sync()
        self._statistics.syncs += 1
        self._statistics.sync_seconds += time.perf_counter() - started
        self._durable_end = self._file.end
        durable = tuple(self._group)
        self._group.clear()
        return durable

    def finish(self) -> WriterStatistics:
        self.commit()
        self._seal()
        return self.statistics()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            # Nothing that was acknowledged depends on these; the next session finds a longer file.
            with suppress(OSError):
                if self._failure is None:
                    file.cut()
            with suppress(OSError):
                file.close()
        with suppress(OSError):
            self._folder.close()
        if self._failure is None:
            self._failure = DeviceError(
                f'device "{self._device}": the writer is closed', device=self._device
            )

    def statistics(self) -> WriterStatistics:
        return replace(self._statistics)

    def _wait(self, file: OpenSegment) -> None:
        """Until every frame has been written: a commit record speaks of nothing that is not."""
        started = time.perf_counter()
        with self._guard(f"writing to segment {self._name.segment}"):
            file.wait()
        self._statistics.write_seconds += time.perf_counter() - started

    def _check_usable(self) -> None:
        failure = self._failure
        if failure is not None:
            raise DeviceError(
                f"no further writing after: {failure.message}",
                remedy=failure.remedy,
                device=self._device,
                errno=failure.errno,
            )

    def bytes_with(self, header: FrameHeader) -> int:
        """What this writer will have put on the medium in the end if it takes this frame, too: with
        commit, index and footer, and of a new segment with its first record."""
        block = self._name.block_bytes
        frame, before, rows = self._frame_bytes(header), 0, len(self._rows)
        if self._file is None or self._is_full_for(header):
            before = begin_bytes(self._label.to_json(), block)
            before += self._tail_bytes(rows) if self._file is not None else 0
            rows = 0
        written = self._statistics.bytes_written
        return written + before + frame + block + self._tail_bytes(rows + 1)

    def _tail_bytes(self, rows: int) -> int:
        """Index and footer."""
        return tail_bytes(rows, self._name.block_bytes)

    def _frame_bytes(self, header: FrameHeader) -> int:
        return frame_bytes(header, self._name.block_bytes)

    def _is_full_for(self, header: FrameHeader) -> bool:
        """Is the open segment to be sealed before it?  Only if its last group is durable."""
        if self._file is None or self._group:
            return False
        end = self._file.end + self._frame_bytes(header)
        return end > self._segment_bytes or len(self._rows) >= FRAMES_MAX

    def _file_for(self, header: FrameHeader) -> OpenSegment:
        if self._is_full_for(header):
            self._seal()
        return self._file or self._begin()

    def _begin(self) -> OpenSegment:
        with self._looking(), self._guard("beginning a segment"):
            segment, file = self._folder.begin(self._epoch)
            self._name, self._file = self._name._replace(segment=segment), file
        self._ordinal, self._chain, self._durable_end = 0, NO_CHAIN, 0
        self._rows.clear()
        self._append_plain(file, RecordKind.SEGMENT, self._label.to_json(), sequence=time.time_ns())
        return file

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """At the medium: where it is another one, nothing more is written."""
        try:
            yield
        except DeviceError as error:
            self._failure = self._failure or error
            raise

    def _reserve(self, file: OpenSegment, record: RecordHeader) -> None:
        """Room for the frame, and behind it for commit, index and footer."""
        block = self._name.block_bytes
        try:
            file.reserve(record.total_bytes + block + self._tail_bytes(len(self._rows) + 1))
        except OSError as error:
            failure = device_error(self._device, f"room in segment {self._name.segment}", error)
            if error.errno not in FULL:
                self._poison(failure)
            raise failure from error

    def _append_plain(
        self,
        file: OpenSegment,
        kind: RecordKind,
        payload: bytes,
        *,
        sequence: int = 0,
        chunk_count: int = 0,
    ) -> None:
        record = plain_record(
            self._name,
            self._ordinal,
            self._chain,
            kind,
            self._session,
            payload,
            sequence=sequence,
            chunk_count=chunk_count,
        )
        self._append(file, record, payload)

    def _append(self, file: OpenSegment, record: RecordHeader, payload: memoryview | bytes) -> None:
        with self._guard(f"writing to segment {self._name.segment}"):
            self._chain = file.append(record, payload)
        self._ordinal += 1
        self._statistics.bytes_written += record.total_bytes

    def _seal(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with self._looking():
                self._check()
            if self._rows:
                self._write_tail(file)
            else:
                with self._guard("removing an empty segment"):
                    self._folder.remove(file)
        finally:
            with self._guard("closing a segment"):
                file.close()
                self._folder.close()

    def _write_tail(self, file: OpenSegment) -> None:
        index_offset, count = file.end, len(self._rows)
        self._append_plain(file, RecordKind.INDEX, pack_index(self._rows), chunk_count=count)
        self._append_plain(file, RecordKind.FOOTER, b"", sequence=index_offset, chunk_count=count)
        with self._guard(f"sealing segment {self._name.segment}"):
            self._folder.seal(file, self._name.segment, self._epoch)
        self._statistics.segments += 1

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            failure = device_error(self._device, what, error)
            self._poison(failure)
            raise failure from error

    def _poison(self, failure: DeviceError) -> None:
        """The first failure stays.  Nothing is under way any more when the caller hears of it, and
        nobody finds in the segment what was not acknowledged."""
        if self._failure is None:
            self._failure = failure
        if self._file is not None:
            with suppress(OSError):
                self._file.cut_back(self._durable_end)
