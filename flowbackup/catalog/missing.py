"""What media should hold and do not: the frames that a repair has to move.

A version is meant for the media of its session: those to which its devices wrote, or those that
stand for them now.  Of a session that shared its objects over several devices each was meant to
hold its own streams only.  Frames of earlier sessions that a version refers to are meant for the
devices that get all streams.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowbackup.catalog.database import Database
from flowbackup.model.ids import FrameId

_PAGE_ROWS = 10_000

_PREPARE = (
    """CREATE TEMP TABLE IF NOT EXISTS missing (
        frame INTEGER NOT NULL, medium INTEGER NOT NULL, required INTEGER NOT NULL,
        PRIMARY KEY (frame, medium)) WITHOUT ROWID""",
    "DELETE FROM missing",
)
_CHOSEN = "(:versions IS NULL OR hex(v.object_id) IN (SELECT value FROM json_each(:versions)))"
_HERE = "IN (SELECT value FROM json_each(:here))"
_LACKS = f"""NOT EXISTS (SELECT 1 FROM copies c
    WHERE c.frame = f.frame AND c.medium {_HERE} AND NOT c.damaged)"""
# What made room is not missed, unless it was put there again since.
_FREED = f"EXISTS (SELECT 1 FROM freed z WHERE z.frame = f.frame AND z.medium {_HERE}"
# The medium, and of a set the others that are there; also those that were begun since.
_OF_SET = """
    SELECT o.medium, o.id FROM media m JOIN media o
      ON o.medium = m.medium
        OR o.set_id = m.set_id AND hex(o.id) NOT IN (SELECT value FROM json_each(:lost))
    WHERE m.medium = :medium"""
_MEANT = f"""
    INSERT INTO missing (frame, medium, required)
    SELECT f.frame, :medium, max(d.required)
    FROM session_devices d JOIN versions v USING (session)
      JOIN version_frames vf USING (version) JOIN frames f USING (frame)
    WHERE d.role IN ('backup', 'mirror')
      AND (hex(d.medium) IN (SELECT value FROM json_each(:media))
        OR d.name = :device AND coalesce(d.medium NOT IN (SELECT id FROM media), true))
      AND (d.streams IS NULL
        OR f.session = d.session AND f.stream IN (SELECT value FROM json_each(d.streams)))
      AND {_CHOSEN} AND {_LACKS} AND NOT {_FREED})
    GROUP BY f.frame"""
_EVERYTHING = f"""
    INSERT INTO missing (frame, medium, required)
    SELECT DISTINCT f.frame, :medium, 1
    FROM versions v JOIN version_frames vf USING (version) JOIN frames f USING (frame)
    WHERE {_CHOSEN} AND {_LACKS}"""
_NAMED = f"""
    INSERT OR IGNORE INTO missing (frame, medium, required)
    SELECT f.frame, :medium, 1 FROM frames f
    WHERE (f.session, f.stream, f.sequence) = (:session, :stream, :sequence) AND {_LACKS}"""
# What it once held is to be there again, whoever put it there.
_DAMAGED = f"""
    INSERT OR IGNORE INTO missing (frame, medium, required)
    SELECT DISTINCT f.frame, :medium, 0
    FROM copies bad JOIN frames f USING (frame) JOIN version_frames vf USING (frame)
      JOIN versions v USING (version)
    WHERE (bad.medium {_HERE} AND bad.damaged OR bad.medium IN (
        SELECT l.medium FROM media l WHERE hex(l.id) IN (SELECT value FROM json_each(:lost))))
      AND {_CHOSEN} AND {_LACKS} AND NOT {_FREED} AND z.segment > bad.segment)"""
# A session's own record belongs to each of its versions: who has them knows how it ended.
_RECORDS = f"""
    INSERT OR IGNORE INTO missing (frame, medium, required)
    SELECT DISTINCT f.frame, :medium, 0 FROM missing x JOIN version_frames vf USING (frame)
      JOIN versions v USING (version) JOIN frames f ON f.session = v.session AND f.stream = 0
    WHERE x.medium = :medium AND {_CHOSEN} AND {_LACKS}"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one medium is to hold.

    stands_for: media that it has taken the place of.  everything: every version, also if it was
    never meant for it.  versions: object ids of those that count, None for all.

    Of a set `medium` stands for all of it: what lies on one of its media none of them lacks.  lost:
    those that are not there, and held what is to be there again.

    frames: None for all that follows from the above; else these, and nothing besides.
    """

    medium: bytes
    device: str
    stands_for: tuple[bytes, ...] = ()
    everything: bool = False
    versions: tuple[bytes, ...] | None = None
    lost: tuple[bytes, ...] = ()
    frames: frozenset[FrameId] | None = None


class MissingFrame(NamedTuple):
    """A frame and the media that should hold it and do not."""

    frame: FrameId
    media: tuple[bytes, ...]


class MissingTotal(NamedTuple):
    """How much a medium lacks.  required: frames of it that belong to a required copy.
    payload_bytes: without frames that no medium was ever seen to hold."""

    frames: int = 0
    payload_bytes: int = 0
    required: int = 0


def find(database: Database, wanted: Sequence[Wanted]) -> dict[bytes, MissingTotal]:
    """Works out what these media lack, for `frames` to tell; the totals of each."""
    for statement in _PREPARE:
        database.execute(statement)
    for item in wanted:
        values = {
            "medium": database.one("SELECT medium FROM media WHERE id = ?", (item.medium,))[0],
            "lost": _listed(item.lost),
            "device": item.device,
            "versions": None if item.versions is None else _listed(item.versions),
        }
        here = database.rows(_OF_SET, values)
        values["here"] = json.dumps([row[0] for row in here])
        values["media"] = _listed((*(row[1] for row in here), *item.lost, *item.stands_for))
        if item.frames is not None:
            for session, stream, sequence in item.frames:
                name = {"session": session, "stream": stream, "sequence": sequence}
                database.execute(_NAMED, values | name)
            continue
        database.execute(_EVERYTHING if item.everything else _MEANT, values)
        database.execute(_DAMAGED, values)
        database.execute(_RECORDS, values)
    rows = database.rows(
        """SELECT m.id, count(*), coalesce(sum(f.payload_bytes), 0), sum(x.required)
           FROM missing x JOIN frames f USING (frame) JOIN media m USING (medium) GROUP BY m.id"""
    )
    return {item.medium: MissingTotal() for item in wanted} | {
        row[0]: MissingTotal(*row[1:]) for row in rows
    }


def frames(database: Database) -> Iterator[MissingFrame]:
    """What `find` has found, in the order of its writing; frames that become durable meanwhile are
    told nevertheless."""
    frame: FrameId | None = None
    media: list[bytes] = []
    for row in _rows(database):
        name = FrameId(*row[:3])
        if frame is not None and name != frame:
            yield MissingFrame(frame, tuple(media))
            media = []
        frame = name
        media.append(row[3])
    if frame is not None:
        yield MissingFrame(frame, tuple(media))


def _listed(ids: Sequence[bytes]) -> str:
    """For json_each; as sqlite's hex() spells them."""
    return json.dumps([name.hex().upper() for name in ids])


def _rows(database: Database) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Session, stream, sequence and medium, by pages, so that memory does not grow with them."""
    last: tuple[bytes, int, int, bytes] = (b"", -1, -1, b"")
    while True:
        rows = database.rows(
            """SELECT f.session, f.stream, f.sequence, m.id
               FROM missing x JOIN frames f USING (frame) JOIN media m USING (medium)
               WHERE (f.session, f.stream, f.sequence, m.id) > (?, ?, ?, ?)
               ORDER BY f.session, f.stream, f.sequence, m.id LIMIT ?""",
            (*last, _PAGE_ROWS),
        )
        for session, stream, sequence, medium in rows:
            yield session, stream, sequence, medium
        if len(rows) < _PAGE_ROWS:
            return
        session, stream, sequence, medium = rows[-1]
        last = session, stream, sequence, medium


def lose_behind(database: Database, medium: bytes, segment: int, epoch: int, end: int) -> int:
    """Marks as damaged what a segment cannot hold, because its file ends at `end`; how many."""
    return database.execute(
        """UPDATE copies SET damaged = 1
           FROM media m, frames f
           WHERE m.medium = copies.medium AND f.frame = copies.frame AND NOT copies.damaged
             AND m.id = ? AND copies.segment = ? AND copies.epoch = ?
             AND copies.offset + m.block_bytes + f.payload_bytes > ?""",
        (medium, segment, epoch, end),
    )


def segments(database: Database, medium: bytes) -> list[tuple[int, int]]:
    """Number and epoch of every segment of a medium in which frames are known, sound or not, or
    were until it was freed."""
    rows = database.rows(
        """SELECT segment, epoch FROM copies JOIN media USING (medium) WHERE id = ?
           UNION SELECT segment, epoch FROM freed_segments JOIN media USING (medium) WHERE id = ?
           ORDER BY segment, epoch""",
        (medium, medium),
    )
    return [(row[0], row[1]) for row in rows]
