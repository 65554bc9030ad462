"""The turn of one medium: what of it is needed, asked of the catalog and then of the medium itself,
and the segments that go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.pruning import SegmentShare, chosen
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.model.report import FreedReport
from flowbackup.runtime.freeing.kept import Kept
from flowbackup.runtime.pruning.medium import PruneMedium
from flowbackup.runtime.pruning.pruner import RECORD_STREAM, NoRoom, PruneSetting
from flowbackup.runtime.pruning.tally import PruneTally
from flowbackup.units import format_size


class PruneTurn:
    """`plan`, `take`, `take_rest`, `tell_again`, each once, and each of all media of a session
    before the next; then `report`."""

    def __init__(self, catalog: Catalog, medium: PruneMedium, setting: PruneSetting) -> None:
        self.medium = medium
        self._catalog = catalog
        self._setting = setting
        self._tally = PruneTally(medium.info)
        self._beside: Sequence[PruneMedium] = ()
        self._going: Sequence[SegmentShare] = ()
        self._left: Sequence[SegmentShare] = ()
        self._short: Sequence[SegmentShare] = ()

    def plan(self, looked: Iterable[PruneMedium]) -> None:
        """Chooses what is to go, of the medium as it is before anything is moved to it.  looked:
        all of the session, of which those of the same set on the same node may take frames."""
        mine = self.medium.info
        shares = self._catalog.forgetting.pruning.shares(mine.medium)
        self._going = chosen(shares, self._setting.max_unused)
        self._left = [s for s in shares if s not in self._going and s.dead_bytes]
        self._beside = [
            other for other in looked if other is not self.medium and _are_beside(mine, other.info)
        ]

    def take(self) -> None:
        """Tells the medium what is forgotten, then frees what may go as far as the medium itself
        has room for what is moved.  Raises DeviceError for a device that fails: what was freed
        before is counted."""
        with self.medium.noting_failure():
            untold = self.medium.tell_forgotten()
            if untold:
                self._keep(self._going, Kept("room", untold))
            else:
                self._short = [share for share, _ in self._free(self._going)]
            for share in self._left:
                self._keep([share], _why(share))

    def take_rest(self) -> None:
        """Once more what had no room: other media of the set may have some, and so may the medium
        itself by now.  Raises as `take`."""
        with self.medium.noting_failure():
            for share, reason in self._free(self._short, self._beside):
                self._keep([share], reason)

    def tell_again(self) -> None:
        """Where frames have gone from one medium of the set to another: of an object that is
        forgotten a version may need frames, too, and what told of it may be on the other one now.
        Where there is no room for that, the next prune does it.  Raises DeviceError."""
        if self.medium.is_mixed and not self._setting.dry_run:
            with self.medium.noting_failure():
                self.medium.tell_forgotten()

    def report(self) -> FreedReport:
        """What was freed and moved, and what stays that is needed by no version."""
        return self._tally.report()

    # One segment

    def _free(
        self, shares: Iterable[SegmentShare], beside: Sequence[PruneMedium] = ()
    ) -> list[tuple[SegmentShare, NoRoom]]:
        """One after the other; those for which there is no room, neither here nor on media beside.
        Others that must stay are counted as kept."""
        short: list[tuple[SegmentShare, NoRoom]] = []
        for share in shares:
            if self._setting.is_to_end():
                break
            roomiest = sorted(beside, key=lambda medium: -medium.room.free_bytes)
            try:
                self._free_one(share, [self.medium, *roomiest])
            except NoRoom as reason:
                short.append((share, reason))
            except Kept as reason:
                self._keep([share], reason)
        return short

    def _free_one(self, share: SegmentShare, targets: Sequence[PruneMedium]) -> None:
        """Frees it when what is needed of it is elsewhere on the device, or raises what keeps it.
        targets: that may take this, the first one first."""
        found = self.medium.found(share.segment, share.epoch)
        live = self._live(share)
        held = self._held_beside(live)
        moving = [frame for frame in live if frame.header.frame_id not in held]
        if moving:
            self._move(moving, targets)
        self.medium.free(found)
        self._tally.free(len(found.rows) - len(moving), found.size_bytes)

    def _live(self, share: SegmentShare) -> list[StoredFrame]:
        pruning = self._catalog.forgetting.pruning
        rows = pruning.live(self.medium.info.medium, share.segment, share.epoch)
        return [StoredFrame(header, place) for header, place in rows]

    def _held_beside(self, live: Sequence[StoredFrame]) -> set[FrameId]:
        """Those that another medium of the set has, too: who moved them there was killed before he
        could free the segment.  The catalog alone is not believed.  A record is on each medium that
        its session wrote to, and is moved like all else."""
        beside = {other.info.medium: other for other in self._beside if not other.has_failed}
        known: dict[bytes, list[StoredFrame]] = defaultdict(list)
        contents = [f for f in live if f.header.stream != RECORD_STREAM] if beside else ()
        for frame in contents:
            for copy in self._catalog.copies_of_frame(frame.header.frame_id):
                if copy.place.medium in beside and not copy.damaged:
                    known[copy.place.medium].append(StoredFrame(frame.header, copy.place))
        held: set[FrameId] = set()
        for medium, frames in known.items():
            held |= beside[medium].shown(frames)
        return held

    def _move(self, moving: Sequence[StoredFrame], targets: Sequence[PruneMedium]) -> None:
        """Writes these to the first of the targets that takes them."""
        headers = [frame.header for frame in moving]
        text = self._room_text(headers)
        for target in targets:
            if target.has_failed or not target.room.holds(headers):
                continue
            try:
                size_bytes = target.take_from(self.medium.info, moving)
            except NoRoom as reason:
                text = reason.text
                continue
            if target is not self.medium:
                self.medium.is_mixed = target.is_mixed = True
            self._tally.move(target.info, len(moving), size_bytes)
            return
        raise NoRoom("room", text)

    def _keep(self, shares: Iterable[SegmentShare], reason: Kept) -> None:
        for share in shares:
            self._tally.keep(reason, share.dead_bytes)

    def _room_text(self, headers: Sequence[FrameHeader]) -> str:
        info, room = self.medium.info, self.medium.room
        text = (
            f"{info.location} has {format_size(room.free_bytes)} left, and "
            f"{format_size(room.need_bytes(headers))} are needed to move there what is needed of it"
        )
        others = "; no other medium of its set that is within reach has so much"
        return text + (others if info.membership else "")


def _are_beside(one: MediumInfo, other: MediumInfo) -> bool:
    """Two that are lost together, and that one agent reaches."""
    mine, its = one.membership, other.membership
    is_of_set = mine is not None and its is not None and mine.set_id == its.set_id
    return is_of_set and one.node == other.node


def _why(share: SegmentShare) -> Kept:
    if share.hopeless:
        text = "frames that versions need have no sound copy; `flowbackup repair` looks for one"
        return Kept("damaged", text)
    if not share.may_go:
        return Kept("small", "to free them would cost as much room as it gives back")
    return Kept("sparse", "less than --max-unused of the medium is not needed")
