"""What of each segment is needed, and which segments are worth to be written anew.

Needed is what a version needs, whichever it is; what a journal of an interrupted session names; and
the records of sessions, which tell how they ended and what was forgotten.  Of two sound copies on
one medium the later one is needed: a prune that was killed leaves two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from flowbackup.catalog import copies, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import VersionCopies
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import Codec, FrameHeader
from flowbackup.model.ids import FrameId

_PREPARE = (
    "CREATE TEMP TABLE IF NOT EXISTS needed (frame INTEGER PRIMARY KEY)",
    "DELETE FROM needed",
    """INSERT INTO needed SELECT frame FROM version_frames
       UNION SELECT frame FROM frames WHERE stream = 0
       UNION SELECT f.frame FROM frames f JOIN journal j USING (object_id)""",
)
_OWN = """SELECT c.segment, c.epoch, c.offset, c.damaged, f.*, m.block_bytes,
      f.payload_bytes + (m.block_bytes - f.payload_bytes % m.block_bytes) % m.block_bytes
        + m.block_bytes AS size,
      EXISTS (SELECT 1 FROM needed n WHERE n.frame = c.frame) AS is_needed,
      NOT c.damaged AND NOT EXISTS (SELECT 1 FROM copies o
        WHERE o.frame = c.frame AND o.medium = c.medium AND NOT o.damaged
          AND (o.segment, o.epoch, o.offset) > (c.segment, c.epoch, c.offset)) AS is_last,
      EXISTS (SELECT 1 FROM copies o WHERE o.frame = c.frame AND NOT o.damaged) AS is_sound
    FROM copies c JOIN frames f USING (frame) JOIN media m USING (medium)
    WHERE c.medium = :medium"""
_SHARES = f"""SELECT segment, epoch, count(*), sum(size), sum(is_needed AND is_last),
      coalesce(sum(size) FILTER (WHERE is_needed AND is_last), 0),
      sum(is_needed AND is_last AND stream <> 0), sum(is_needed AND NOT is_sound),
      max(block_bytes)
    FROM ({_OWN}) GROUP BY segment, epoch ORDER BY segment, epoch"""
_LIVE = f"""SELECT session, stream, sequence, kind, codec, object_id, payload_bytes, content_bytes,
      chunk_count, digest, offset
    FROM ({_OWN}) WHERE segment = :segment AND epoch = :epoch AND is_needed AND is_last
    ORDER BY offset"""


NOTE_BLOCKS = 6
"""What stands in the place of a segment that was freed: less than that it is not worth to free."""


class SegmentShare(NamedTuple):
    """A segment and what of it is needed.  Bytes are those of the records.

    frames: all that are known to lie in it; live_frames: those that are needed and are here in
    their last sound copy of the medium; live_content: of these, all but records of sessions.
    hopeless: frames that are needed, and of which no medium has a sound copy.  block_bytes: of the
    medium."""

    segment: int
    epoch: int
    frames: int
    size_bytes: int
    live_frames: int
    live_bytes: int
    live_content: int
    hopeless: int
    block_bytes: int

    @property
    def dead_bytes(self) -> int:
        return self.size_bytes - self.live_bytes

    @property
    def may_go(self) -> bool:
        """That makes room, and takes nothing along that may be had from nowhere else."""
        return not self.hopeless and self.dead_bytes > NOTE_BLOCKS * self.block_bytes


class Pruning:
    """Asked through a catalog, in which nobody writes meanwhile what would be needed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> None:
        """Works out what is needed now, for `shares` and `live`."""
        for statement in _PREPARE:
            self._database.execute(statement)
        self._database.execute_many(
            """INSERT OR IGNORE INTO needed SELECT frame FROM frames
               WHERE session = ? AND stream = ? AND sequence = ?""",
            self._in_journals(),
        )

    def strange_sessions(self, medium: bytes) -> int:
        """How many sessions that are not in the catalog have left frames on a medium."""
        key = copies.medium_key(self._database, medium)
        (count,) = self._database.one(
            """SELECT count(DISTINCT f.session) FROM copies c JOIN frames f USING (frame)
               WHERE c.medium = ? AND NOT EXISTS (
                 SELECT 1 FROM sessions s WHERE s.session = f.session)""",
            (key,),
        )
        return int(count)

    def has_sealed(self, medium: bytes) -> bool:
        """Whether frames on a medium are encrypted."""
        key = copies.medium_key(self._database, medium)
        rows = self._database.rows(
            """SELECT 1 FROM copies JOIN frames USING (frame) WHERE medium = ? AND codec & ?
               LIMIT 1""",
            (key, int(Codec.SEALED)),
        )
        return bool(rows)

    def shares(self, medium: bytes) -> list[SegmentShare]:
        """Every segment of a medium in which frames are known, by number and epoch."""
        key = copies.medium_key(self._database, medium)
        return [SegmentShare(*row) for row in self._database.rows(_SHARES, {"medium": key})]

    def live(
        self, medium: bytes, segment: int, epoch: int
    ) -> list[tuple[FrameHeader, FramePlace]]:  # fmt: skip
        """The frames of a segment that must not be lost with it, in the order of their offsets."""
        values = {
            "medium": copies.medium_key(self._database, medium),
            "segment": segment,
            "epoch": epoch,
        }
        return [
            (FrameHeader(*row[:-1]), FramePlace(medium, segment, epoch, row[-1]))
            for row in self._database.rows(_LIVE, values)
        ]

    def below_copies(self, required: int) -> list[VersionCopies]:
        """The versions with fewer durable copies than that."""
        return [
            VersionCopies(versions.by_key(self._database, key), count)
            for key, count in copies.copies_by_version(self._database, required)
        ]

    def _in_journals(self) -> Iterable[FrameId]:
        from flowbackup.catalog.page_frames import frames_of_page  # noqa: PLC0415  keeps pyarrow out

        for (page,) in self._database.rows("SELECT page FROM journal"):
            yield from frames_of_page(page)


def chosen(
    shares: Sequence[SegmentShare], max_unused: Fraction | None
) -> list[SegmentShare]:  # fmt: skip
    """Which segments are to go, in the order in which that makes most room: those that no version
    needs, then of the others those with the largest part that is not needed, until what stays
    unused is no more than `max_unused` of all that stays; None for any part.  One with frames of
    which there is no sound copy stays, and so does one that gives back less than it costs."""
    able = [share for share in shares if share.may_go]
    order = sorted(able, key=lambda s: (s.live_content > 0, s.live_frames > 0, _used(s), s[:2]))
    used_bytes = sum(share.live_bytes for share in shares)
    unused_bytes = sum(share.dead_bytes for share in shares)
    found: list[SegmentShare] = []
    for share in order:
        is_enough = max_unused is None or unused_bytes <= max_unused * (used_bytes + unused_bytes)
        if share.live_content and is_enough:
            break
        unused_bytes -= share.dead_bytes
        found.append(share)
    return found


def _used(share: SegmentShare) -> Fraction:
    return Fraction(share.live_bytes, share.size_bytes)
