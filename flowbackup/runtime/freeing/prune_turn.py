"""One medium: what of it is needed, asked of the catalog and then of the medium itself, and the
segments that go."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple, Protocol

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.pruning import SegmentShare, chosen
from flowbackup.errors import DamageError, DeviceError
from flowbackup.frame.seal import seal
from flowbackup.media.checks.inventory import FoundSegment
from flowbackup.media.failure import FULL
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.model.device import MediumInfo
from flowbackup.model.forgotten import VERSIONS_IN_RECORD_MAX, ForgottenRecord
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import NO_ID, FrameId, id_text
from flowbackup.model.report import FreedReport, KeptReport
from flowbackup.monitor import Problem
from flowbackup.runtime.freeing.medium_room import MediumRoom
from flowbackup.runtime.freeing.turn import Freer, Kept
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.runtime.reading.looking import take_over_found
from flowbackup.units import format_size

RECORD_STREAM = 0
"""In which sessions write what is about them and no part of an object."""


class Pruner(Freer, Protocol):
    """Whoever prunes a medium, here or on its node; see SegmentPruner."""

    def inventory(self, known: Collection[tuple[int, int]]) -> tuple[FoundSegment, ...]: ...

    def found(self, segment: int, epoch: int) -> SealedSegment: ...

    def settle(self, session: bytes, freed_ns: int) -> tuple[FreedSegment, ...]: ...

    def move(
        self, session: bytes, frames: Sequence[StoredFrame]
    ) -> tuple[StoredFrame, ...]: ...  # fmt: skip

    def write_record(
        self, session: bytes, header: FrameHeader, payload: bytes
    ) -> tuple[StoredFrame, ...]: ...  # fmt: skip

    def finish(self) -> WriterStatistics: ...


class PruneSetting(NamedTuple):
    """What all media of a session have in common.  max_unused: that part of a medium may stay that
    no version needs, None for any.  sequences: of the records that it writes, each number once.
    tell: hears of what is not as it should be.  is_to_end: whether to go on with no further
    segment."""

    session: bytes
    now_ns: int
    dry_run: bool
    max_unused: Fraction | None
    sequences: Callable[[], int]
    tell: Callable[[Problem], None]
    is_to_end: Callable[[], bool]


class PruneTurn:
    """`take` once; then `report`, and `end` when the session has its record."""

    def __init__(
        self, catalog: Catalog, info: MediumInfo, pruner: Pruner, setting: PruneSetting
    ) -> None:
        self.info = info
        self.has_written = False
        self.room = MediumRoom(info)
        self._catalog = catalog
        self._pruner = pruner
        self._setting = setting
        self._segments = self._frames = self._bytes = 0
        self._moved_frames = self._moved_bytes = 0
        self._kept_segments: Counter[str] = Counter()
        self._kept_bytes: Counter[str] = Counter()
        self._kept_texts: dict[str, str] = {}

    @property
    def has_sealed(self) -> bool:
        """Whether what is written to the medium must tell no names."""
        return self._catalog.forgetting.pruning.has_sealed(self.info.medium)

    def look(self) -> None:
        """Takes over what the medium knows and the catalog does not, because who wrote or freed
        there was killed.  The pruner must hold the lock, but in a dry run.  Raises DeviceError."""
        medium = self._pruner.info().medium
        if medium != self.info.medium:
            raise DeviceError(
                f"{self.info.location} holds medium {id_text(medium)}, expected "
                f"{id_text(self.info.medium)}",
                remedy="connect the right medium there",
                device=self.info.device,
            )
        if not self._setting.dry_run:
            for freed in self._pruner.settle(self._setting.session, self._setting.now_ns):
                self._catalog.add_freed(medium, freed)
        self.room = MediumRoom(self._pruner.info())
        sizes = self._pruner.sizes()
        take_over_freed(self._catalog, medium, sizes, self._pruner.freed)
        known = set(self._catalog.segments(medium))
        for freed in self._pruner.freed([name for name in sizes if name not in known]):
            # It held nothing that anybody knew of, and whoever freed it did not live to tell.
            self._catalog.add_freed(medium, freed)
        lost = take_over_found(self._catalog, medium, known, self._pruner.inventory(known))
        if lost:
            text = f"{lost} frames are gone from {self.info.location} with their segments"
            self._setting.tell(Problem("damaged", text, device=self.info.device))

    def take(self) -> None:
        """Tells the medium what is forgotten, then frees what may go.  Raises DeviceError for a
        device that fails: what was freed before is counted."""
        pruning = self._catalog.forgetting.pruning
        pruning.prepare()
        shares = pruning.shares(self.info.medium)
        going = chosen(shares, self._setting.max_unused)
        left = [share for share in shares if share not in going and share.dead_bytes]
        try:
            self._tell_forgotten()
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            text = f"{error.message}, to tell the medium what is forgotten before it goes"
            for share in going:
                self._keep(Kept("room", text), share)
            going = []
        for share in going:
            if self._setting.is_to_end():
                return
            try:
                self._prune(share)
            except Kept as reason:
                self._keep(reason, share)
        for share in left:
            self._keep(self._why(share), share)

    def end(self, header: FrameHeader, payload: bytes) -> None:
        """Puts the session's record on the medium, if it was written to, and seals that.  On one
        that is full it has no record."""
        if not self.has_written:
            return
        try:
            self._hear(self._pruner.write_record(self._setting.session, header, payload))
        except DeviceError as error:
            if error.errno not in FULL:
                raise
        self._pruner.finish()

    def report(self) -> FreedReport:
        """What was freed and moved, and what stays that is needed by no version."""
        kept = (
            KeptReport(reason, self._kept_texts[reason], count, self._kept_bytes[reason])
            for reason, count in self._kept_segments.items()
        )
        return FreedReport(
            self.info.device, id_text(self.info.medium), self._segments, self._frames, self._bytes,
            tuple(kept), self._moved_frames, self._moved_bytes,
        )  # fmt: skip

    # What is forgotten

    def _tell_forgotten(self) -> None:
        """Before anything of it goes, so that no rebuild finds a part of a version."""
        untold = iter(self._catalog.forgetting.untold(self.info.medium))
        while versions := tuple(islice(untold, VERSIONS_IN_RECORD_MAX)):
            record = ForgottenRecord(self._setting.session, versions)
            data = (record.without_names() if self.has_sealed else record).to_json()
            frame = FrameId(self._setting.session, RECORD_STREAM, self._setting.sequences())
            header, payload = sealed_record(frame, data)
            self._check_record(header)
            if not self._setting.dry_run:
                self._hear(self._pruner.write_record(self._setting.session, header, payload))
                self._catalog.forgetting.add_told(frame, versions)

    def _check_record(self, header: FrameHeader) -> None:
        """Counts its room.  Raises DeviceError where there is none."""
        if not self.room.holds_record(header):
            raise DeviceError(
                f"{self.info.location} has {format_size(self.room.free_bytes)} left",
                device=self.info.device,
                errno=errno.ENOSPC,
            )
        self.room.take_record(header)

    # One segment

    def _prune(self, share: SegmentShare) -> None:
        """Frees it, or raises what keeps it."""
        found = self._found(share)
        live = [
            StoredFrame(header, place)
            for header, place in self._catalog.forgetting.pruning.live(
                self.info.medium, share.segment, share.epoch
            )
        ]
        setting = self._setting
        self._move(live)
        if not setting.dry_run:
            # Nothing that is needed is in it any more: the note has no rows.
            empty = found._replace(rows=[])
            freed = self._pruner.free(empty, setting.session, setting.now_ns, ())
            self._catalog.add_freed(self.info.medium, freed)
        self.room.give(found.size_bytes)
        self._segments += 1
        self._frames += len(found.rows) - len(live)
        self._bytes += found.size_bytes
        self._moved_frames += len(live)
        self._moved_bytes += share.live_bytes

    def _move(self, live: Sequence[StoredFrame]) -> None:
        headers = [frame.header for frame in live]
        if not live:
            return
        if not self.room.holds(headers):
            raise Kept("room", self._room_text(headers))
        self.room.take(headers)
        if self._setting.dry_run:
            return
        try:
            moved = self._pruner.move(self._setting.session, live)
        except DamageError as error:
            raise Kept("damaged", f"{error.message}; `flowbackup verify` says more") from error
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            self.room.fill()
            raise Kept("room", f"{error.message}, to move there what is needed") from error
        self._hear(moved)
        lacking = {f.header.frame_id for f in live} - {f.header.frame_id for f in moved}
        if lacking:
            raise Kept("damaged", f"{len(lacking)} frames were not moved")

    def _hear(self, stored: Sequence[StoredFrame]) -> None:
        """Durable, and from now on it counts as a copy."""
        self.has_written = True
        self._catalog.add_durable([(frame.header, frame.place) for frame in stored])

    def _found(self, share: SegmentShare) -> SealedSegment:
        """The segment as it lies there, which is as it is known."""
        try:
            found = self._pruner.found(share.segment, share.epoch)
        except DamageError as error:
            raise Kept("damaged", f"{error.message}; `flowbackup verify` says more") from error
        known = self._catalog.frames_in(self.info.medium, share.segment, share.epoch)
        listed = {(row.frame.frame_id, row.offset) for row in found.rows}
        if listed - known:
            raise Kept(
                "unknown",
                f"the catalog does not know {len(listed - known)} of its frames; "
                "`flowbackup rebuild` with this device takes them over",
            )
        return found

    # Words

    def _room_text(self, headers: Sequence[FrameHeader]) -> str:
        left, need = self.room.free_bytes, self.room.need_bytes(headers)
        return (
            f"{self.info.location} has {format_size(left)} left, and {format_size(need)} are "
            "needed to move there what is needed of it"
        )

    def _why(self, share: SegmentShare) -> Kept:
        if share.hopeless:
            text = "frames that versions need have no sound copy; `flowbackup repair` looks for one"
            return Kept("damaged", text)
        if not share.may_go:
            return Kept("small", "to free them would cost as much room as it gives back")
        return Kept("sparse", "less than --max-unused of the medium is not needed")

    def _keep(self, kept: Kept, share: SegmentShare) -> None:
        self._kept_segments[kept.reason] += 1
        self._kept_bytes[kept.reason] += share.dead_bytes
        self._kept_texts.setdefault(kept.reason, kept.text)


def sealed_record(frame: FrameId, data: bytes) -> tuple[FrameHeader, bytes]:
    """A record as a frame: header and payload."""
    memory = bytearray(data)
    header = seal(memoryview(memory), [], frame, FrameKind.CATALOG, NO_ID, len(data))
    return header, bytes(memory[: header.payload_bytes])
