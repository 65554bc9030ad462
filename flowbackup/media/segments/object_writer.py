"""Appending to a bucket: the frames of one group become one object, a sealed segment.

An object cannot grow, so nothing of a group is to be seen before all of it is there, and there are
no unfinished segments.  A small one is created in one request that refuses to take the place of
another (If-None-Match).  A large one is sent in parts while frames come in; the end of such a
sending knows no condition, so its name is taken before, by creating an object in `claims/`.  Who
created that is the only one who ever sends under that name.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import SEGMENTS_NAME, Label
from flowbackup.media.layout import FRAMES_MAX, RecordKind, SegmentName
from flowbackup.media.places.bucket import CLAIMS_NAME, object_at
from flowbackup.media.places.store import Upload
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.media.segments.run import (
    Pieces,
    RecordRun,
    begin_bytes,
    frame_bytes,
    tail_bytes,
)
from flowbackup.media.segments.segment import (
    SEGMENT_BYTES,
    check_intact,
    parse_file_name,
    segment_file_name,
)
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import id_text, new_id
from flowbackup.units import MIB

PARTS_FROM_BYTES = 16 * MIB
"""From here on a group is sent while the rest of it comes in, instead of at its end."""


class ObjectWriter:
    """A FrameWriter into the segments of one medium in a bucket; one thread at a time."""

    def __init__(
        self, location: str, label: Label, session: bytes, epoch: int, *, device: str,
        check: Callable[[], None] = lambda: None, segment_bytes: int = SEGMENT_BYTES,
    ) -> None:  # fmt: skip
        """check: called before anything is made; raises DeviceError for who must not write."""
        self._location = location
        self._store, self._prefix = object_at(location)
        self._label = label
        self._session = session
        self._device = device
        self._check = check
        self._segment_bytes = segment_bytes
        self._name = SegmentName(label.medium, 0, epoch, label.block_bytes)
        self._run: RecordRun | None = None
        self._pieces: Pieces = []
        self._upload: Upload | None = None
        self._group: list[StoredFrame] = []
        self._durable: list[StoredFrame] = []
        """Not told yet."""
        self._failure: DeviceError | None = None
        self._statistics = WriterStatistics()

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        self._check_usable()
        check_intact(header, payload, self._device)
        started = time.perf_counter()
        run = self._run_for(header)
        place = FramePlace(self._name.medium, self._name.segment, self._name.epoch, run.end)
        self._send(run.frame(header, payload))
        self._group.append(StoredFrame(header, place))
        self._statistics.frames += 1
        self._statistics.bytes_payload += header.payload_bytes
        self._statistics.write_seconds += time.perf_counter() - started
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        self._check_usable()
        self._end_object()
        durable = tuple(self._durable)
        self._durable.clear()
        return durable

    def finish(self) -> WriterStatistics:
        self.commit()
        return self.statistics()

    def close(self) -> None:
        self._let_go()
        if self._failure is None:
            self._failure = DeviceError(
                f'device "{self._device}": the writer is closed', device=self._device
            )

    def statistics(self) -> WriterStatistics:
        return replace(self._statistics)

    def bytes_with(self, header: FrameHeader) -> int:
        """See SegmentWriter."""
        block, run = self._name.block_bytes, self._run
        rows = 0 if run is None else len(run.rows)
        more = frame_bytes(header, block) + block
        if run is None or self._is_full_for(run, header):
            more += begin_bytes(self._label.to_json(), block)
            more += 0 if run is None else block + tail_bytes(rows, block)
            rows = 0
        return self._statistics.bytes_written + more + tail_bytes(rows + 1, block)

    def _is_full_for(self, run: RecordRun, header: FrameHeader) -> bool:
        end = run.end + frame_bytes(header, self._name.block_bytes)
        return bool(run.rows) and (end > self._segment_bytes or len(run.rows) >= FRAMES_MAX)

    def _run_for(self, header: FrameHeader) -> RecordRun:
        if self._run is not None and self._is_full_for(self._run, header):
            self._end_object()
        return self._run or self._begin()

    def _begin(self) -> RecordRun:
        with self._guard("beginning a segment"):
            self._check()
            last = self._name.segment or self._last_number()
        self._name = self._name._replace(segment=last + 1)
        run = self._run = RecordRun(self._name, self._session)
        self._send(run.plain(RecordKind.SEGMENT, self._label.to_json(), sequence=time.time_ns()))
        return run

    def _last_number(self) -> int:
        """Of all that are there, or were to be: none is given twice."""
        names: list[str] = []
        for folder in (SEGMENTS_NAME, CLAIMS_NAME):
            names += self._store.listing(os.path.join(self._prefix, folder))[0]
        return max((parsed[0] for name in names if (parsed := parse_file_name(name))), default=0)

    def _send(self, pieces: Pieces) -> None:
        self._statistics.bytes_written += sum(len(piece) for piece in pieces)
        self._pieces += pieces
        run = self._run
        if self._upload is None and (run is None or run.end < PARTS_FROM_BYTES):
            return
        with self._guard(f"writing to segment {self._name.segment}"):
            if self._upload is None:
                self._store.create(self._key(CLAIMS_NAME), id_text(new_id()).encode())
                self._upload = self._store.upload(self._key(SEGMENTS_NAME))
            for piece in self._pieces:
                self._upload.write(piece)
        self._pieces.clear()

    def _end_object(self) -> None:
        """Makes the group durable."""
        run = self._run
        if run is None or not self._group:
            return
        first, count = run.ordinal - len(self._group), len(self._group)
        self._send(run.plain(RecordKind.COMMIT, sequence=first, chunk_count=count))
        self._send(run.tail())
        started = time.perf_counter()
        with self._guard(f"the sync of segment {self._name.segment}"):
            # Who lost the lock meanwhile finds out before, and not behind, what cannot be undone.
            self._check()
            if self._upload is None:
                self._store.create(self._key(SEGMENTS_NAME), b"".join(self._pieces))
            else:
                self._upload.finish()
        self._statistics.syncs += 1
        self._statistics.segments += 1
        self._statistics.sync_seconds += time.perf_counter() - started
        if self._upload is not None:
            with suppress(OSError):
                # One that stays only keeps its number.
                self._store.remove(self._key(CLAIMS_NAME))
        self._durable += self._group
        self._let_go()

    def _let_go(self) -> None:
        """Of the object under way; nothing of it is to be seen unless it was finished."""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.abandon()
        self._run = None
        self._pieces.clear()
        self._group.clear()

    def _key(self, folder: str) -> str:
        name = segment_file_name(self._name.segment, self._name.epoch, sealed=True)
        return os.path.join(self._prefix, folder, name)

    def _check_usable(self) -> None:
        failure = self._failure
        if failure is not None:
            raise DeviceError(
                f"no further writing after: {failure.message}",
                remedy=failure.remedy, device=self._device, errno=failure.errno,
            )  # fmt: skip

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """After a failure the writer is poisoned, and what it had begun is never there."""
        try:
            yield
        except DeviceError as error:
            self._failure = self._failure or error
            self._let_go()
            raise
        except FileExistsError as error:
            failure = DeviceError(
                f'device "{self._device}": another writer has made segment '
                f"{self._name.segment} in {self._location}",
                remedy="look which other program writes to this medium, and end it",
                device=self._device, errno=errno.EEXIST,
            )  # fmt: skip
            self._failure = failure
            self._let_go()
            raise failure from error
        except OSError as error:
            failure = self._failure = device_error(self._device, what, error)
            self._let_go()
            raise failure from error
