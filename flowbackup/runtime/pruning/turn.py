"""One medium: what of it is needed, asked of the catalog and then of the medium itself, and the
segments that go."""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.pruning import SegmentShare, chosen
from flowbackup.errors import DamageError, DeviceError, FlowbackupError
from flowbackup.media.failure import FULL
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.moving import frames_bytes
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import MediumInfo
from flowbackup.model.forgotten import VERSIONS_IN_RECORD_MAX, ForgottenRecord
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.report import FreedReport
from flowbackup.monitor import Problem
from flowbackup.runtime.freeing.turn import Kept
from flowbackup.runtime.pruning.pruner import (
    RECORD_STREAM,
    NoRoom,
    Pruner,
    PruneSetting,
    sealed_record,
)
from flowbackup.runtime.pruning.room import MediumRoom
from flowbackup.runtime.pruning.tally import PruneTally
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.runtime.reading.known_media import target_of
from flowbackup.runtime.reading.looking import take_over_found
from flowbackup.units import counted, format_size


class PruneTurn:
    """`look`, `plan`, `take`, `take_rest`, `tell_again`, each once, and each of all media of a
    session before the next; then `report`, and `end` when the session has its record."""

    def __init__(
        self, catalog: Catalog, info: MediumInfo, pruner: Pruner, setting: PruneSetting
    ) -> None:
        self.info = info
        self.has_written = False
        self.bytes_written = 0
        """Of frames, by this turn and by others of its set."""
        self.has_failed = False
        """Its medium is asked for nothing more."""
        self._catalog = catalog
        self._pruner = pruner
        self._setting = setting
        self._room = MediumRoom(info)
        self._tally = PruneTally(info)
        self._beside: Sequence[PruneTurn] = ()
        self._going: Sequence[SegmentShare] = ()
        self._left: Sequence[SegmentShare] = ()
        self._short: list[SegmentShare] = []
        """For which there was no room."""
        self._gone: set[tuple[int, int]] = set()
        self._is_mixed = False

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
        self._room = MediumRoom(self._pruner.info())
        sizes = self._pruner.sizes()
        take_over_freed(self._catalog, medium, sizes, self._pruner.freed)
        known = set(self._catalog.segments(medium))
        for freed in self._pruner.freed([name for name in sizes if name not in known]):
            # It held nothing that anybody knew of, and whoever freed it did not live to tell.
            self._catalog.add_freed(medium, freed)
        lost = take_over_found(self._catalog, medium, known, self._pruner.inventory(known))
        if lost:
            text = f"segments are gone from {self.info.location}, with {counted(lost, 'frame')}"
            self._setting.tell(Problem("damaged", text, device=self.info.device))

    def plan(self, looked: Iterable[PruneTurn]) -> None:
        """Chooses what is to go, of the medium as it is before anything is moved to it.  looked:
        all of the session, of which those of the same set on the same node may take frames."""
        shares = self._catalog.forgetting.pruning.shares(self.info.medium)
        self._going = chosen(shares, self._setting.max_unused)
        self._left = [s for s in shares if s not in self._going and s.dead_bytes]
        self._beside = [turn for turn in looked if turn is not self and self._is_beside(turn.info)]

    def take(self) -> None:
        """Tells the medium what is forgotten, then frees what may go as far as the medium itself
        has room for what is moved.  Raises DeviceError for a device that fails: what was freed
        before is counted."""
        with self._noting_failure():
            try:
                self._tell_forgotten()
            except DeviceError as error:
                if error.errno not in FULL:
                    raise
                text = f"{error.message}, to tell the medium what is forgotten before it goes"
                for share in self._going:
                    self._tally.keep(Kept("room", text), share.dead_bytes)
                self._going = ()
            for share in self._going:
                if self._setting.is_to_end():
                    return
                try:
                    self._prune(share, [self])
                except NoRoom:
                    self._short.append(share)
                except Kept as reason:
                    self._tally.keep(reason, share.dead_bytes)
            for share in self._left:
                self._tally.keep(self._why(share), share.dead_bytes)

    def take_rest(self) -> None:
        """Once more what had no room: other media of the set may have some, and so may the medium
        itself by now.  Raises as `take`."""
        with self._noting_failure():
            for share in self._short:
                if self._setting.is_to_end():
                    return
                try:
                    self._prune(share, [self, *self._roomiest_beside()])
                except Kept as reason:
                    self._tally.keep(reason, share.dead_bytes)

    def tell_again(self) -> None:
        """Where frames have gone from one medium of the set to another: of an object that is
        forgotten a version may need frames, too, and what told of it may be on the other one now.
        Where there is no room for that, the next prune does it.  Raises DeviceError."""
        if self._setting.dry_run or not self._is_mixed:
            return
        with self._noting_failure():
            try:
                self._tell_forgotten()
            except DeviceError as error:
                if error.errno not in FULL:
                    raise

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
        return self._tally.report()

    # What is forgotten

    def _tell_forgotten(self) -> None:
        """Before anything of it goes, so that no rebuild finds a part of a version."""
        untold = iter(self._catalog.forgetting.untold(self.info.medium))
        while versions := tuple(islice(untold, VERSIONS_IN_RECORD_MAX)):
            record = ForgottenRecord(self._setting.session, versions)
            data = (record.without_names() if self.has_sealed else record).to_json()
            frame = FrameId(self._setting.session, RECORD_STREAM, self._setting.sequences())
            header, payload = sealed_record(frame, data)
            self._count_record(header)
            if not self._setting.dry_run:
                self._hear(self._pruner.write_record(self._setting.session, header, payload))
                self._catalog.forgetting.add_told(frame, versions)

    def _count_record(self, header: FrameHeader) -> None:
        """Raises DeviceError where there is no room for it."""
        if not self._room.holds_record(header):
            raise DeviceError(
                f"{self.info.location} has {format_size(self._room.free_bytes)} left",
                device=self.info.device,
                errno=errno.ENOSPC,
            )
        self._room.take_record(header)

    # One segment

    def _prune(self, share: SegmentShare, targets: Sequence[PruneTurn]) -> None:
        """Frees it when what is needed of it is elsewhere on the device, or raises what keeps it.
        targets: that may take this, the first one first."""
        setting = self._setting
        found = self._found(share)
        live = self._live(share)
        held = self._held_beside(live)
        moving = [frame for frame in live if frame.header.frame_id not in held]
        if moving:
            self._move(moving, targets)
        if not setting.dry_run:
            # Nothing that is needed is in it any more: the note has no rows.
            empty = found._replace(rows=[])
            freed = self._pruner.free(empty, setting.session, setting.now_ns, ())
            self._catalog.add_freed(self.info.medium, freed)
        self._gone.add(share[:2])
        self._room.give(found.size_bytes)
        self._tally.free(len(found.rows) - len(moving), found.size_bytes)

    def _live(self, share: SegmentShare) -> list[StoredFrame]:
        pruning = self._catalog.forgetting.pruning
        rows = pruning.live(self.info.medium, share.segment, share.epoch)
        return [StoredFrame(header, place) for header, place in rows]

    def _move(self, moving: Sequence[StoredFrame], targets: Sequence[PruneTurn]) -> None:
        """Writes these to the first of the targets that takes them."""
        headers = [frame.header for frame in moving]
        text = self._room_text(headers)
        for target in targets:
            if target.has_failed or not target._room.holds(headers):
                continue
            target._room.take(headers)
            try:
                if not self._setting.dry_run:
                    with target._noting_failure():
                        target._take_from(self.info, moving)
            except NoRoom as reason:
                text = reason.text
                continue
            if target is not self:
                self._is_mixed = target._is_mixed = True
            size_bytes = frames_bytes(headers, self.info.block_bytes)
            target.bytes_written += size_bytes
            self._tally.move(target.info, len(moving), size_bytes)
            return
        raise NoRoom("room", text)

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

    # The other media of the set

    def _is_beside(self, other: MediumInfo) -> bool:
        """Two that are lost together, and that one agent reaches."""
        mine, its = self.info.membership, other.membership
        is_of_set = mine is not None and its is not None and mine.set_id == its.set_id
        return is_of_set and self.info.node == other.node

    def _roomiest_beside(self) -> list[PruneTurn]:
        return sorted(self._beside, key=lambda turn: -turn._room.free_bytes)

    def _take_from(self, source: MediumInfo, frames: Sequence[StoredFrame]) -> None:
        """Writes frames of a medium, this one or another one, to this one: they are durable, read
        back and known when this returns.  Raises NoRoom, Kept, DeviceError."""
        is_own = source.medium == self.info.medium
        try:
            moved = self._pruner.move(
                self._setting.session, frames, None if is_own else target_of(source)
            )
        except DamageError as error:
            raise Kept("damaged", f"{error.message}; `flowbackup verify` says more") from error
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            self._room.fill()
            raise NoRoom("room", f"{error.message}, to move there what is needed") from error
        self._hear(moved)
        lacking = {f.header.frame_id for f in frames} - {f.header.frame_id for f in moved}
        if lacking:
            raise Kept("damaged", f"{len(lacking)} frames were not moved")

    def _held_beside(self, live: Sequence[StoredFrame]) -> set[FrameId]:
        """Those that another medium of the set has, too: who moved them there was killed before he
        could free the segment.  The catalog alone is not believed.  A record is on each medium that
        its session wrote to, and is moved like all else."""
        beside = {turn.info.medium: turn for turn in self._beside if not turn.has_failed}
        known: dict[bytes, list[StoredFrame]] = defaultdict(list)
        contents = [f for f in live if f.header.stream != RECORD_STREAM] if beside else ()
        for frame in contents:
            for copy in self._catalog.copies_of_frame(frame.header.frame_id):
                if copy.place.medium in beside and not copy.damaged:
                    known[copy.place.medium].append(StoredFrame(frame.header, copy.place))
        held: set[FrameId] = set()
        for medium, frames in known.items():
            held |= beside[medium]._shown(frames)
        return held

    def _shown(self, known: Sequence[StoredFrame]) -> set[FrameId]:
        """Of frames that are known to lie on this medium those that can be read there.  Raises
        DeviceError."""
        known = [f for f in known if (f.place.segment, f.place.epoch) not in self._gone]
        if self._setting.dry_run or not known:
            return {frame.header.frame_id for frame in known}
        with self._noting_failure():
            sound = self._pruner.sound(known)
        self._mark_damaged([frame for frame in known if frame not in sound])
        return {frame.header.frame_id for frame in sound}

    def _mark_damaged(self, frames: Sequence[StoredFrame]) -> None:
        for frame in frames:
            self._catalog.mark_damaged(frame.place)
        if frames:
            many = counted(len(frames), "frame")
            text = f"{many} on {self.info.location} cannot be read any more"
            self._setting.tell(Problem("damaged", text, device=self.info.device))

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except FlowbackupError:
            self.has_failed = True
            raise

    # Words

    def _room_text(self, headers: Sequence[FrameHeader]) -> str:
        left, need = self._room.free_bytes, self._room.need_bytes(headers)
        text = (
            f"{self.info.location} has {format_size(left)} left, and {format_size(need)} are "
            "needed to move there what is needed of it"
        )
        others = "; no other medium of its set that is within reach has so much"
        return text + (others if self.info.membership else "")

    def _why(self, share: SegmentShare) -> Kept:
        if share.hopeless:
            text = "frames that versions need have no sound copy; `flowbackup repair` looks for one"
            return Kept("damaged", text)
        if not share.may_go:
            return Kept("small", "to free them would cost as much room as it gives back")
        return Kept("sparse", "less than --max-unused of the medium is not needed")
