"""Frames that tell of others: records, roots and pages, out of whichever copy has them sound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DamageError, DeviceError
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.seal import Content, open_frame
from flowbackup.media.port import FrameReader
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.monitor import Monitor, Problem

FRAMES_KEPT = 3
"""The pages of a version lie in a row of frames; its root is in the last of them."""


class RecordReader:
    """Reads nothing ahead: between these frames lie those of content, which nobody asked for."""

    def __init__(
        self, catalog: Catalog, readers: Mapping[bytes, FrameReader], monitor: Monitor,
        keys: KeyRing = NO_KEYS,
    ) -> None:  # fmt: skip
        """readers: by medium.  monitor: hears of each copy that was not sound; the catalog does,
        too."""
        self._catalog = catalog
        self._readers = readers
        self._monitor = monitor
        self._keys = keys
        self._kept: OrderedDict[FrameId, tuple[FrameHeader, Content]] = OrderedDict()
        self.bytes_read = 0

    def frame(self, frame: FrameId) -> tuple[FrameHeader, Content]:
        """Header and opened content.  Raises DamageError if no medium gives it."""
        if frame not in self._kept:
            self._kept[frame] = self._read(frame)
        self._kept.move_to_end(frame)
        while len(self._kept) > FRAMES_KEPT:
            self._kept.popitem(last=False)
        return self._kept[frame]

    def chunk(self, ref: ChunkRef) -> bytes:
        """A chunk, its hash checked.  Raises DamageError."""
        return bytes(self.frame(ref.frame)[1].chunk(ref))

    def _read(self, frame: FrameId) -> tuple[FrameHeader, Content]:
        faults: list[str] = []
        for info, place in self._catalog.places(frame):
            if info.medium not in self._readers:
                continue
            try:
                return self._read_copy(frame, info, place)
            except DamageError as error:
                self._catalog.mark_damaged(place)
                faults.append(error.message)
            except DeviceError as error:
                faults.append(error.message)
            self._monitor.problem(Problem("damaged", faults[-1], device=info.device))
        raise DamageError(
            f"frame {frame} is on none of these media"
            if not faults
            else f"frame {frame} is damaged on each of these media that has it",
            remedy="name another medium that has it, too",
        )

    def _read_copy(
        self, frame: FrameId, info: MediumInfo, place: FramePlace
    ) -> tuple[FrameHeader, Content]:
        header, payload = self._readers[info.medium].read(None, place)
        self.bytes_read += info.block_bytes + len(payload)
        if header != self._catalog.header(frame):
            raise DamageError(f"{info.device}: another frame lies where {frame} should be")
        return header, open_frame(header, payload, self._keys).held()
