"""Media of other nodes, pruned there: frames are moved on their own device, also from one medium of
its set to another, and none travels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from flowbackup.media.checks.inventory import FoundSegment
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.media.pruning import SegmentPruner
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.freed import FreedSegment
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.freeing.far import FarFreer
from flowbackup.runtime.pruning.pruner import Pruner
from flowbackup.runtime.pruning.session import OpenPruner, near_pruner
from flowbackup.runtime.reading.known_media import target_of

MOVE_SECONDS_MAX = 3600
"""A whole segment is read, written and read once more: 1 GiB on a slow disk takes minutes."""


class FarPruner(FarFreer):
    """A Pruner whose work is done by a SegmentPruner on the node of the medium."""

    kind = SegmentPruner

    def inventory(self, known: Collection[tuple[int, int]]) -> tuple[FoundSegment, ...]:
        found: tuple[FoundSegment, ...] = self._ask(
            "inventory", known, seconds_max=MOVE_SECONDS_MAX
        )
        return found

    def found(self, segment: int, epoch: int) -> SealedSegment:
        found: SealedSegment = self._ask("found", segment, epoch)
        return found

    def settle(self, session: bytes, freed_ns: int) -> tuple[FreedSegment, ...]:
        settled: tuple[FreedSegment, ...] = self._ask(
            "settle", session, freed_ns, seconds_max=MOVE_SECONDS_MAX
        )
        return settled

    def move(
        self, session: bytes, frames: Sequence[StoredFrame], source: DeviceTarget | None = None
    ) -> tuple[StoredFrame, ...]:  # fmt: skip
        """source: on the same node."""
        moved: tuple[StoredFrame, ...] = self._ask(
            "move", session, frames, source, seconds_max=MOVE_SECONDS_MAX
        )
        return moved

    def sound(self, frames: Sequence[StoredFrame]) -> tuple[StoredFrame, ...]:
        sound: tuple[StoredFrame, ...] = self._ask("sound", frames, seconds_max=MOVE_SECONDS_MAX)
        return sound

    def write_record(
        self, session: bytes, header: FrameHeader, payload: bytes
    ) -> tuple[StoredFrame, ...]:  # fmt: skip
        stored: tuple[StoredFrame, ...] = self._ask("write_record", session, header, payload)
        return stored

    def finish(self) -> WriterStatistics:
        statistics: WriterStatistics = self._ask("finish")
        return statistics


def cluster_pruner(engine: Engine) -> OpenPruner:
    """For media wherever they are."""
    return partial(_open, engine)


def _open(engine: Engine, info: MediumInfo) -> Pruner:
    if info.is_near:
        return near_pruner(info)
    return FarPruner(engine, target_of(info), NodePlan(info.node, info.node_labels))
