"""Segments that made room, and which may: frames that are needed on a medium no more, because
enough other devices have them."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog import versions
from flowbackup.catalog.copies import medium_from, medium_select
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import CopyRow, Keep, KeepReason, SegmentStanding
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import FrameId

# Two media of one device are lost together: a device counts once, and this one not at all.
_OTHERS = """INSERT INTO others
    SELECT medium, min(medium) OVER (PARTITION BY node, device) FROM media
    WHERE (node, device) <> (SELECT node, device FROM media WHERE medium = :medium)"""
_ELSEWHERE = """(SELECT count(DISTINCT o.device) FROM copies e JOIN others o USING (medium)
    WHERE e.frame = f.frame AND NOT e.damaged)"""
_PREPARE = (
    "CREATE TEMP TABLE IF NOT EXISTS others (medium INTEGER PRIMARY KEY, device INTEGER NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS scarce (frame INTEGER PRIMARY KEY, copies INTEGER NOT NULL)",
    "DELETE FROM others",
    "DELETE FROM scarce",
)
# Also parts of these versions that lie elsewhere: a version is safe as a whole or not at all.
_SCARCE = f"""INSERT INTO scarce SELECT f.frame, {_ELSEWHERE} AS n FROM
    (SELECT DISTINCT vf.frame FROM version_frames vf WHERE vf.version IN
      (SELECT vh.version FROM copies c JOIN version_frames vh USING (frame)
       WHERE c.medium = :medium)) f WHERE n < :copies"""
_OF_SCARCE = """SELECT c.segment, c.epoch, x.version, min(x.copies) FROM copies c
    JOIN version_frames vf USING (frame)
    JOIN (SELECT vs.version, min(s.copies) AS copies FROM scarce s
          JOIN version_frames vs USING (frame) GROUP BY vs.version) x USING (version)
    WHERE c.medium = :medium GROUP BY c.segment, c.epoch"""
_OF_YOUNG = """SELECT c.segment, c.epoch, v.version, max(v.finished_ns) FROM copies c
    JOIN version_frames vf USING (frame) JOIN versions v USING (version)
    WHERE c.medium = :medium AND v.finished_ns > :before_ns GROUP BY c.segment, c.epoch"""
# The record of a session is needed by no version, and nevertheless not to be lost.
_OF_NOBODY = f"""SELECT c.segment, c.epoch, NULL, count(*) FROM copies c JOIN frames f USING (frame)
    WHERE c.medium = :medium
      AND NOT EXISTS (SELECT 1 FROM version_frames vf WHERE vf.frame = f.frame)
      AND (f.stream <> 0 OR {_ELSEWHERE} < :copies) GROUP BY c.segment, c.epoch"""
# What was pruned everywhere: a rebuild does not find it either.
_DELETE_UNUSED = """DELETE FROM frames AS f WHERE f.frame = ?
    AND NOT EXISTS (SELECT 1 FROM copies c WHERE c.frame = f.frame)
    AND NOT EXISTS (SELECT 1 FROM freed z WHERE z.frame = f.frame)
    AND NOT EXISTS (SELECT 1 FROM version_frames v WHERE v.frame = f.frame)
    AND NOT EXISTS (SELECT 1 FROM page_frames p WHERE p.frame = f.frame)
    AND NOT EXISTS (SELECT 1 FROM version_pages s WHERE s.stored_frame = f.frame)
    AND NOT EXISTS (SELECT 1 FROM forgotten_told t WHERE t.frame = f.frame)"""
_REASONS = (
    (KeepReason.NOBODY, _OF_NOBODY),
    (KeepReason.YOUNG, _OF_YOUNG),
    (KeepReason.COPIES, _OF_SCARCE),
)
"""The last of them is told where several hold."""


def insert(database: Database, key: int, freed: FreedSegment) -> None:
    """A segment of medium `key` was freed: its copies are copies no more, and nobody misses them
    there.  Of one that was pruned (no frames) nothing is remembered: no version needs what was in
    it, or it lies in another segment of the medium or of its set.  Safe to repeat."""
    place = (key, freed.segment, freed.epoch)
    where = "medium = ? AND segment = ? AND epoch = ?"
    with database.transaction():
        insert_head(database, key, freed)
        if freed.frames:
            database.execute(
                f"""INSERT OR IGNORE INTO freed SELECT frame, medium, segment, epoch FROM copies
                    WHERE {where}""",
                place,
            )
        frames = database.rows(f"SELECT DISTINCT frame FROM copies WHERE {where}", place)
        database.execute(f"DELETE FROM copies WHERE {where}", place)
        if not freed.frames:
            database.execute_many(_DELETE_UNUSED, frames)


def insert_head(database: Database, key: int, freed: FreedSegment) -> None:
    """That a segment was freed, without its frames."""
    database.execute(
        "INSERT OR REPLACE INTO freed_segments VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            freed.segment,
            freed.epoch,
            freed.session,
            freed.freed_ns,
            freed.frames,
            freed.size_bytes,
        ),
    )


def segments(database: Database, key: int) -> list[FreedSegment]:
    """Those of medium `key` that are known to be freed, by number and epoch."""
    rows = database.rows(
        """SELECT segment, epoch, session, freed_ns, frames, size_bytes FROM freed_segments
           WHERE medium = ? ORDER BY segment, epoch""",
        (key,),
    )
    return [FreedSegment(*row) for row in rows]


def held_once(database: Database, version: int) -> list[CopyRow]:
    """The media that have freed frames of a version, with what they still hold of it."""
    total = database.one("SELECT count(*) FROM version_frames WHERE version = ?", (version,))[0]
    columns = medium_select()
    rows = database.rows(
        f"""SELECT {columns}, count(DISTINCT z.frame) FROM version_frames vf
            JOIN freed z USING (frame) JOIN media m USING (medium)
            WHERE vf.version = ? AND NOT EXISTS (SELECT 1 FROM copies c
              WHERE c.frame = z.frame AND c.medium = z.medium AND NOT c.damaged)
            GROUP BY m.medium ORDER BY m.medium""",
        (version,),
    )
    return [CopyRow(medium_from(row), 0, total, frames_freed=row[-1]) for row in rows]


def standings(
    database: Database, key: int, copies: int, before_ns: int
) -> list[SegmentStanding]:  # fmt: skip
    """Every segment in which medium `key` is known to have frames, and what keeps it: a version
    that has not so many copies on other devices, or was not finished by then, or frames that no
    version needs."""
    values: dict[str, int | str] = {"medium": key, "copies": copies, "before_ns": before_ns}
    for statement in _PREPARE:
        database.execute(statement)
    for statement in (_OTHERS, _SCARCE):
        database.execute(statement, values)
    keeps: dict[tuple[int, int], Keep] = {}
    for reason, sql in _REASONS:
        for segment, epoch, version, number in database.rows(sql, values):
            row = None if version is None else versions.by_key(database, version)
            keeps[segment, epoch] = Keep(reason, row, number)
    rows = database.rows(
        """SELECT segment, epoch, count(*) FROM copies WHERE medium = ?
           GROUP BY segment, epoch ORDER BY segment, epoch""",
        (key,),
    )
    return [
        SegmentStanding(segment, epoch, frames, keeps.get((segment, epoch)))
        for segment, epoch, frames in rows
    ]


def frames_in(
    database: Database, key: int, segment: int, epoch: int
) -> set[tuple[FrameId, int]]:  # fmt: skip
    """The frames that are known to lie in a segment, and their offsets."""
    rows = database.rows(
        """SELECT session, stream, sequence, offset FROM copies JOIN frames USING (frame)
           WHERE medium = ? AND segment = ? AND epoch = ?""",
        (key, segment, epoch),
    )
    return {(FrameId(*row[:3]), row[3]) for row in rows}


def merged(rows: Sequence[CopyRow], freed: Sequence[CopyRow]) -> list[CopyRow]:
    """Both in one list: a medium that holds a part and has freed another is one row."""
    by_medium = {row.medium.medium: row for row in freed}
    found = [
        CopyRow(
            row.medium, row.frames_held, row.frames_needed, row.verified_ns,
            by_medium[row.medium.medium].frames_freed if row.medium.medium in by_medium else 0,
        )
        for row in rows
    ]  # fmt: skip
    present = {row.medium.medium for row in rows}
    return found + [row for row in freed if row.medium.medium not in present]
