"""One staging device: what may go, asked of the catalog and then of the media themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import Keep, KeepReason, SegmentStanding
from flowbackup.errors import DamageError
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import FramePlace
from flowbackup.model.ids import FrameId
from flowbackup.model.report import FreedReport
from flowbackup.monitor import Problem
from flowbackup.plan.decided import StagingPlan
from flowbackup.runtime.freeing.freer import Freer, FreeSetting
from flowbackup.runtime.freeing.kept import Kept, damaged, unlisted_frames
from flowbackup.runtime.freeing.tally import FreedTally
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.units import counted, format_seconds

NS_PER_SECOND = 10**9


class FreeTurn:
    """`take` once; then `report`."""

    def __init__(
        self, catalog: Catalog, policy: StagingPlan, freer: Freer, setting: FreeSetting
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._freer = freer
        self._setting = setting
        self._medium = b""
        self._tally = FreedTally(policy.device.name, b"")
        self.is_short_of_copies = False

    def take(self) -> None:
        """The freer must hold the lock, but in a dry run.  Raises DeviceError for a device that
        fails: what was freed before is counted."""
        self._medium = self._freer.info().medium
        self._tally = FreedTally(self._policy.device.name, self._medium)
        if self._medium not in self._setting.witnesses.infos:
            # New, or of another catalog: nothing is known of it, so nothing may go.
            return
        sizes = self._freer.sizes()
        take_over_freed(self._catalog, self._medium, sizes, self._freer.freed)
        confirmed: dict[tuple[int, int], list[bytes]] = {}
        kept: dict[tuple[int, int], Kept] = {}
        # All are looked at before the first one goes: a copy that a medium does not show any more
        # keeps the other segments of its version, too.
        standings = self._standings()
        for standing in standings:
            if standing.keep is None and not self._setting.is_to_end():
                try:
                    sealed = self._sealed(standing)
                    confirmed[standing[:2]] = self._confirmed(sealed)
                except Kept as reason:
                    kept[standing[:2]] = reason
        for standing in self._standings() if self.is_short_of_copies else standings:
            if self._setting.is_to_end():
                return
            try:
                if standing[:2] in kept:
                    raise kept[standing[:2]]
                self._free(standing, confirmed.get(standing[:2], ()))
            except Kept as reason:
                self._tally.keep(reason, sizes.get(standing[:2], 0))

    def report(self) -> FreedReport:
        """What was freed, and what stays for which reason."""
        return self._tally.report()

    # One segment

    def _standings(self) -> list[SegmentStanding]:
        before_ns = self._setting.now_ns - self._policy.keep_seconds * NS_PER_SECOND
        return self._catalog.standings(self._medium, self._policy.copies, before_ns)

    def _free(self, standing: SegmentStanding, media: Sequence[bytes]) -> None:
        """Frees it, or raises what keeps it.  media: those that have shown its frames."""
        if standing.keep is not None:
            raise Kept(standing.keep.reason.value, self._keep_text(standing.keep))
        if not media:
            raise Kept("unseen", "it has only now become one that may go: the next run looks at it")
        sealed = self._sealed(standing)
        if self._setting.dry_run:
            size_bytes = sealed.size_bytes
        else:
            setting = self._setting
            freed = self._freer.free(sealed, setting.session, setting.now_ns, media)
            self._catalog.add_freed(self._medium, freed)
            size_bytes = freed.size_bytes
        self._tally.free(len(sealed.rows), size_bytes)

    def _sealed(self, standing: SegmentStanding) -> SealedSegment:
        """The segment as it lies there, which is as it is known."""
        try:
            sealed = self._freer.sealed(standing.segment, standing.epoch)
        except DamageError as error:
            raise damaged(error) from error
        if sealed is None:
            raise Kept("unsealed", "it was never sealed: its session was killed")
        if unlisted_frames(self._catalog, self._medium, sealed):
            raise Kept("damaged", "its index does not list all that was written to it")
        return sealed

    def _confirmed(self, sealed: SealedSegment) -> list[bytes]:
        """The media that show the frames of a segment, on as many other devices as it takes."""
        headers = {row.frame.frame_id: row.frame for row in sealed.rows}
        asked: dict[bytes, list[StoredFrame]] = defaultdict(list)
        for frame, header in headers.items():
            for place in self._elsewhere(frame):
                asked[place.medium].append(StoredFrame(header, place))
        devices: dict[FrameId, set[tuple[str, str]]] = {frame: set() for frame in headers}
        media: list[bytes] = []
        # The fullest first, so that few are asked.
        for medium in sorted(asked, key=lambda name: (-len(asked[name]), name)):
            if all(len(found) >= self._policy.copies for found in devices.values()):
                break
            seen = self._setting.witnesses.seen(medium, asked[medium])
            self._compare(medium, asked[medium], seen)
            for copy in asked[medium]:
                if copy.place in seen:
                    device = self._setting.witnesses.device_of(medium)
                    devices[copy.header.frame_id].add(device)
            media += [medium] if seen else []
        lacking = sum(len(found) < self._policy.copies for found in devices.values())
        if lacking:
            raise Kept("unseen", self._unseen_text(lacking, asked))
        return media

    def _elsewhere(self, frame: FrameId) -> Iterator[FramePlace]:
        """Sound copies on other devices, as far as is known."""
        own = self._setting.witnesses.device_of(self._medium)
        for copy in self._catalog.copies_of_frame(frame):
            medium = copy.place.medium
            is_known = medium in self._setting.witnesses.infos
            if is_known and not copy.damaged and self._setting.witnesses.device_of(medium) != own:
                yield copy.place

    def _compare(self, medium: bytes, asked: list[StoredFrame], seen: set[FramePlace]) -> None:
        """A medium that was asked and does not show a copy has none, whatever the catalog says."""
        if medium in self._setting.witnesses.faults:
            return
        gone = [copy.place for copy in asked if copy.place not in seen]
        for place in gone:
            self._catalog.mark_damaged(place)
        if gone:
            self.is_short_of_copies = True
            info = self._setting.witnesses.infos[medium]
            text = (
                f"{info.location} does not show {counted(len(gone), 'frame')} copied to it, the "
                f"first in segment {gone[0].segment}; `flowbackup repair` brings them back"
            )
            self._setting.tell(Problem("damaged", text, device=info.device))

    # Words

    def _unseen_text(self, lacking: int, asked: dict[bytes, list[StoredFrame]]) -> str:
        faults = self._setting.witnesses.faults
        texts = "; ".join(faults[medium] for medium in asked if medium in faults)
        reason = texts or "the media do not show them"
        return f"{lacking} frames have not {self._policy.copies} copies within reach: {reason}"

    def _keep_text(self, keep: Keep) -> str:
        if keep.reason is KeepReason.COPIES:
            wanted = self._policy.copies
            return f"{keep.version} has {keep.number} of {wanted} copies on other devices"
        if keep.reason is KeepReason.YOUNG:
            until_ns = keep.number + self._policy.keep_seconds * NS_PER_SECOND
            left = _duration((until_ns - self._setting.now_ns) / NS_PER_SECOND)
            return f"{keep.version} is to be kept for another {left}"
        return (
            f"{counted(keep.number, 'frame')} of no version: of an object that was not finished, "
            "or the record of a session that no other device has"
        )


def _duration(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:.1f} days" if days >= 2 else format_seconds(seconds)
