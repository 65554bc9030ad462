"""Which chunks lie in which frames: what a run looks content up in, whichever object, version or
graph has brought it.

It is told by the lists of files of versions, and so made anew with them by a rebuild; a frame never
changes, so what was told stays true as long as the frame lies somewhere.  Who looks something up
asks of the frames first where they lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowbackup.catalog.copies import ensure_frames
from flowbackup.catalog.database import Database
from flowbackup.model.frame import Codec
from flowbackup.model.ids import FrameId

if TYPE_CHECKING:
    from flowbackup.catalog.page_frames import ToldChunks

_ROWS = 500


class ToldFrame(NamedTuple):
    """A frame of which chunks are known, and one medium that holds it.  key: for `records`."""

    key: int
    frame: FrameId
    medium: bytes


class FrameChunks:
    """Asked through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holders(self, *, sealed: bool) -> Iterator[ToldFrame]:
        """Each frame with each medium that has it durably and undamaged, or has freed it while
        another one has it; the newest frames first.  sealed: those that are encrypted, else those
        that are not."""
        rows = self._database.rows(
            """WITH held (frame, medium) AS (
                 SELECT frame, medium FROM copies WHERE NOT damaged
                 UNION SELECT frame, medium FROM freed
                   WHERE frame IN (SELECT frame FROM copies WHERE NOT damaged))
               SELECT k.frame, f.session, f.stream, f.sequence, m.id
               FROM frame_chunks k JOIN frames f USING (frame) JOIN held USING (frame)
                 JOIN media m USING (medium)
               WHERE f.codec & :bit = :codec ORDER BY k.frame DESC""",
            {"bit": int(Codec.SEALED), "codec": int(Codec.SEALED) * sealed},
        )
        return (ToldFrame(row[0], FrameId(*row[1:4]), row[4]) for row in rows)

    def records(self, keys: Sequence[int]) -> Iterator[bytes]:
        """Of each of these frames, in order, its chunks as the index of a frame has them."""
        for place in range(0, len(keys), _ROWS):
            asked = keys[place : place + _ROWS]
            rows = self._database.rows(
                f"SELECT frame, records FROM frame_chunks WHERE frame IN ({_marks(asked)})", asked
            )
            found: dict[int, bytes] = dict(rows)
            yield from (found.get(key, b"") for key in asked)


def insert_chunks(database: Database, told: ToldChunks) -> None:
    """What pages of a version have told of frames of which no other version has told: all content
    of a frame is told by the version for which it was written.  Clears it for the next pages."""
    frames = list(told.frames)
    keys = dict(zip(frames, ensure_frames(database, frames), strict=True))
    before = {frame: _records(database, key) for frame, key in keys.items()}
    mine = {frame: known for frame, known in before.items() if not known or frame in told.begun}
    database.execute_many(
        "INSERT OR REPLACE INTO frame_chunks VALUES (?, ?)",
        ((keys[frame], records) for frame, records in told.records(mine)),
    )
    told.begun |= mine.keys()
    told.clear()


def _records(database: Database, key: int) -> bytes:
    rows = database.rows("SELECT records FROM frame_chunks WHERE frame = ?", (key,))
    return bytes(rows[0][0]) if rows else b""


def _marks(keys: Sequence[int]) -> str:
    return ", ".join("?" * len(keys))
