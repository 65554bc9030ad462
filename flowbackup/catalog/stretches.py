"""What of each medium was verified when, and what is due next.

The stretches of a medium stand in a queue.  New ones join it at its end; those that were verified
go to its end.  A run that reads the n-th part of a medium takes from its front until it has that
many bytes, so n runs reach everything that stood in the queue before the first of them: what joins
meanwhile joins behind it, and makes the parts larger, not smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil

from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import LostRow, VerifiedRow
from flowbackup.model import stretch as units
from flowbackup.model.device import FramePlace
from flowbackup.model.ids import FrameId
from flowbackup.model.stretch import Stretch

Extents = Mapping[tuple[int, int], int]
"""(segment, epoch) -> offset of the last copy that is known in it.  Asked for before a medium is
looked at: a session that runs meanwhile writes behind it, and nothing of that is missed."""
_SOUND_COPY = "SELECT 1 FROM copies WHERE frame = ? AND medium = ? AND NOT damaged"
_NEXT_TURN = "(SELECT coalesce(max(turn), 0) + 1 FROM stretches WHERE medium = ?)"


def verified_ns() -> str:
    """In a statement: when the copy `c` was verified last, 0 for never.  A stretch that has grown
    since says nothing about what came behind."""
    unit = units.STRETCH_BYTES
    return f"""coalesce((SELECT s.verified_ns FROM stretches s
        WHERE s.medium = c.medium AND s.segment = c.segment AND s.epoch = c.epoch
          AND s.number = c.offset / {unit} AND c.offset < s.number * {unit} + s.size_bytes), 0)"""


def due(database: Database, key: int, present: Sequence[Stretch], share: Fraction) -> list[Stretch]:
    """The stretches to read now, by place, of those that medium `key` has: at least that share of
    its bytes, those that wait longest.  Stretches that are gone are forgotten."""
    by_name = {stretch[:3]: stretch for stretch in present}
    with database.transaction():
        waiting = _queue(database, key)
        database.execute_many(
            """DELETE FROM stretches WHERE medium = ? AND segment = ? AND epoch = ?
               AND number = ?""",
            ((key, *name) for name in waiting if name not in by_name),
        )
        turn = database.one(f"SELECT {_NEXT_TURN}", (key,))[0]
        known = set(waiting)
        database.execute_many(
            "INSERT INTO stretches VALUES (?, ?, ?, ?, ?, ?, 0)",
            ((key, *stretch, turn) for stretch in present if stretch[:3] not in known),
        )
        queue = [by_name[name] for name in _queue(database, key)]
    wanted = ceil(sum(stretch.size_bytes for stretch in present) * share)
    chosen: list[Stretch] = []
    for stretch in queue:
        if wanted <= 0 and share < 1:
            break
        wanted -= stretch.size_bytes
        chosen.append(stretch)
    return sorted(chosen)


def extents(database: Database, key: int) -> Extents:
    """How far the copies that are known now reach."""
    rows = database.rows(
        "SELECT segment, epoch, max(offset) FROM copies WHERE medium = ? GROUP BY segment, epoch",
        (key,),
    )
    return {(row[0], row[1]): row[2] for row in rows}


def record(
    database: Database,
    key: int,
    medium: bytes,
    stretch: Stretch,
    found: Sequence[tuple[FrameId, FramePlace]],
    verified_ns: int,
    known: Extents,
) -> list[LostRow]:
    """A stretch was read, and these sound frames were found in it.  Their copies count from now on,
    and the others that were known to lie in it do not: these are returned, by offset."""
    last = min(known.get(stretch[:2], -1), stretch.border - 1)
    place = (key, stretch.segment, stretch.epoch, stretch.begin, last)
    sound = {(frame, where.offset) for frame, where in found}
    with database.transaction():
        database.execute(
            f"""INSERT OR REPLACE INTO stretches VALUES (?, ?, ?, ?, ?, {_NEXT_TURN}, ?)""",
            (key, *stretch, key, verified_ns),
        )
        rows = database.rows(
            """SELECT f.frame, f.session, f.stream, f.sequence, c.offset, c.damaged
               FROM copies c JOIN frames f USING (frame)
               WHERE c.medium = ? AND c.segment = ? AND c.epoch = ?
                 AND c.offset BETWEEN ? AND ? ORDER BY c.offset""",
            place,
        )
        lost = [row for row in rows if (FrameId(*row[1:4]), row[4]) not in sound]
        now = {(row[0], row[4]) for row in lost}
        database.execute_many(
            """UPDATE copies SET damaged = ? WHERE frame = ? AND medium = ? AND segment = ?
               AND epoch = ? AND offset = ?""",
            (
                (int((row[0], row[4]) in now), row[0], key, *stretch[:2], row[4])
                for row in rows
                if bool(row[5]) != ((row[0], row[4]) in now)
            ),
        )
        return [
            LostRow(
                FrameId(*r[1:4]),
                FramePlace(medium, *stretch[:2], r[4]),
                bool(database.rows(_SOUND_COPY, (r[0], key))),
            )
            for r in lost
        ]


def lose(
    database: Database, key: int, medium: bytes, present: Sequence[Stretch], known: Extents
) -> list[LostRow]:
    """Marks those of the known copies damaged that lie where a medium has nothing: in no file, or
    behind the end of theirs.  Returns the first of each segment that no repair has replaced."""
    ends = {stretch[:2]: stretch.end for stretch in present}
    lost = []
    for (segment, epoch), last in sorted(known.items()):
        end = ends.get((segment, epoch), 0)
        if last < end:
            continue
        where = "medium = ? AND segment = ? AND epoch = ? AND offset BETWEEN ? AND ?"
        values = (key, segment, epoch, end, last)
        database.execute(f"UPDATE copies SET damaged = 1 WHERE {where}", values)
        rows = database.rows(
            f"""SELECT session, stream, sequence, offset FROM copies JOIN frames USING (frame)
                WHERE {where} AND NOT EXISTS (SELECT 1 FROM copies c
                  WHERE c.frame = copies.frame AND c.medium = copies.medium AND NOT c.damaged)
                ORDER BY offset LIMIT 1""",
            values,
        )
        lost += [LostRow(FrameId(*r[:3]), FramePlace(medium, segment, epoch, r[3])) for r in rows]
    return lost


def verified(database: Database, key: int) -> VerifiedRow:
    """What of a medium was verified when."""
    row = database.rows(
        f"""SELECT count(*), coalesce(sum(at > 0), 0), coalesce(sum(damaged), 0),
              coalesce(min(at), 0), coalesce(max(at), 0)
            FROM (SELECT c.damaged, {verified_ns()} AS at FROM copies c WHERE c.medium = ?)""",
        (key,),
    )[0]
    return VerifiedRow(*row)


def _queue(database: Database, key: int) -> list[tuple[int, int, int]]:
    rows = database.rows(
        """SELECT segment, epoch, number FROM stretches WHERE medium = ?
           ORDER BY turn, segment, epoch, number""",
        (key,),
    )
    return [(row[0], row[1], row[2]) for row in rows]
