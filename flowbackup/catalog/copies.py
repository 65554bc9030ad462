"""Frames, where their copies lie, and what follows from that for versions.

A version has as many copies as its worst protected frame: media on which every frame of it lies
count one each, and two media that hold one half each count one together.  So do two media of one
set, also where a frame lies on both: they are one device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from flowbackup.catalog.database import Database, Row
from flowbackup.catalog.rows import CopyRow, FrameRow
from flowbackup.catalog.stretches import verified_ns
from flowbackup.errors import CatalogError, NotFoundError
from flowbackup.model.device import HERE, FramePlace, MediumInfo, Membership
from flowbackup.model.frame import FrameHeader
from flowbackup.model.frame_copy import FrameCopy
from flowbackup.model.ids import FrameId, id_text

_MEDIUM = """m.id, m.device, m.pool, m.location, m.format_major, m.format_minor, m.block_bytes,
    m.free_bytes, m.created_ns, m.node, m.node_labels, m.set_id, m.set_number, m.media_bytes"""
_MEDIUM_COLUMNS = 14
_HEADER = """f.session, f.stream, f.sequence, f.kind, f.codec, f.object_id, f.payload_bytes,
    f.content_bytes, f.chunk_count, f.digest"""


def insert_medium(database: Database, info: MediumInfo) -> None:
    """Records a medium as seen now; one that is known gets its newest facts."""
    database.execute(
        """INSERT INTO media (id, device, pool, location, format_major, format_minor, block_bytes,
             free_bytes, created_ns, node, node_labels, set_id, set_number, media_bytes, seen)
           SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
             coalesce(max(seen), 0) + 1 FROM media WHERE true
           ON CONFLICT (id) DO UPDATE SET device = excluded.device, pool = excluded.pool,
             location = excluded.location, format_major = excluded.format_major,
             format_minor = excluded.format_minor, block_bytes = excluded.block_bytes,
             free_bytes = excluded.free_bytes, created_ns = excluded.created_ns,
             node = excluded.node, node_labels = excluded.node_labels, set_id = excluded.set_id,
             set_number = excluded.set_number, media_bytes = excluded.media_bytes,
             seen = excluded.seen""",
        (
            info.medium,
            info.device,
            info.pool,
            info.location,
            info.format_major,
            info.format_minor,
            info.block_bytes,
            info.free_bytes,
            info.created_ns,
            info.node,
            json.dumps(info.node_labels),
            *((m.set_id, m.number, m.media_bytes) if (m := info.membership) else (None, 0, 0)),
        ),
    )


def media(database: Database) -> list[MediumInfo]:
    """All media ever seen, in the order of their labels' making."""
    rows = database.rows(f"SELECT {_MEDIUM} FROM media m ORDER BY created_ns, id")
    return [_info(row) for row in rows]


def medium_key(database: Database, medium: bytes) -> int:
    """Raises CatalogError for a medium that was never seen."""
    rows = database.rows("SELECT medium FROM media WHERE id = ?", (medium,))
    if not rows:
        raise CatalogError(f"medium {id_text(medium)} is not in the catalog")
    return int(rows[0][0])


def medium_of_location(database: Database, location: str) -> MediumInfo | None:
    """The medium that was last seen there on the machine of the command, by itself or of a set."""
    rows = database.rows(
        f"""SELECT {_MEDIUM} FROM media m WHERE (location = ? OR set_id IS NOT NULL
              AND substr(location, 1, length(?) + 1) = ? || '/'
              AND instr(substr(location, length(?) + 2), '/') = 0)
            AND node = ? ORDER BY seen DESC LIMIT 1""",
        (location, location, location, location, HERE),
    )
    return _info(rows[0]) if rows else None


def insert_durable(database: Database, frames: Sequence[tuple[FrameHeader, FramePlace]]) -> None:
    """Frames and where they lie.  Safe to repeat.  Raises CatalogError for an unknown medium, and
    for a frame that is known with another digest or object."""
    media_keys = {row[0]: row[1] for row in database.rows("SELECT id, medium FROM media")}
    for _, place in frames:
        if place.medium not in media_keys:
            raise CatalogError(f"medium {id_text(place.medium)} is not in the catalog")
    with database.transaction():
        database.execute_many(
            """INSERT INTO frames (session, stream, sequence, kind, codec, object_id,
                 payload_bytes, content_bytes, chunk_count, digest)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (session, stream, sequence) DO UPDATE SET kind = excluded.kind,
                 codec = excluded.codec, object_id = excluded.object_id,
                 payload_bytes = excluded.payload_bytes, content_bytes = excluded.content_bytes,
                 chunk_count = excluded.chunk_count, digest = excluded.digest
               WHERE digest IS NULL OR digest <> excluded.digest
                 OR object_id <> excluded.object_id""",
            (header for header, _ in frames),
        )
        database.execute_many(
            """INSERT OR IGNORE INTO copies (frame, medium, segment, epoch, offset)
               SELECT frame, ?, ?, ?, ? FROM frames
               WHERE session = ? AND stream = ? AND sequence = ?""",
            (
                (
                    media_keys[place.medium],
                    place.segment,
                    place.epoch,
                    place.offset,
                    *header.frame_id,
                )
                for header, place in frames
            ),
        )
        # For versions that are known already, as in a rebuild.
        database.execute_many(
            """INSERT OR IGNORE INTO version_frames
               SELECT v.version, f.frame FROM versions v JOIN frames f USING (object_id)
               WHERE v.object_id = ?""",
            ((name,) for name in {header.object_id for header, _ in frames}),
        )


def mark_damaged(database: Database, place: FramePlace, damaged: bool) -> bool:
    """Whether a copy lies there.  A damaged one does not count as a copy any more."""
    changed = database.execute(
        """UPDATE copies SET damaged = ? WHERE segment = ? AND epoch = ? AND offset = ?
           AND medium = (SELECT medium FROM media WHERE id = ?)""",
        (int(damaged), place.segment, place.epoch, place.offset, place.medium),
    )
    return changed > 0


def ensure_frames(database: Database, frames: Iterable[FrameId]) -> list[int]:
    """The keys of frames; a frame that no medium was seen to hold gets a row without header."""
    wanted = list(frames)
    database.execute_many(
        "INSERT OR IGNORE INTO frames (session, stream, sequence) VALUES (?, ?, ?)", wanted
    )
    where = "SELECT frame FROM frames WHERE session = ? AND stream = ? AND sequence = ?"
    return [database.one(where, frame)[0] for frame in wanted]


def needed(database: Database, version: int) -> list[FrameRow]:
    """The frames of a version, in the order of their writing."""
    rows = database.rows(
        f"""SELECT {_HEADER} FROM version_frames vf JOIN frames f USING (frame)
            WHERE vf.version = ? ORDER BY f.session, f.stream, f.sequence""",
        (version,),
    )
    return [FrameRow(FrameId(*row[:3]), _header(row)) for row in rows]


def held(database: Database, version: int) -> list[CopyRow]:
    """What each medium holds of a version, the fullest first; media with nothing are left out."""
    total = database.one("SELECT count(*) FROM version_frames WHERE version = ?", (version,))[0]
    rows = database.rows(
        f"""SELECT {_MEDIUM}, count(DISTINCT c.frame) AS held, min({verified_ns()})
            FROM version_frames vf
            JOIN copies c ON c.frame = vf.frame AND NOT c.damaged JOIN media m USING (medium)
            WHERE vf.version = ? GROUP BY m.medium ORDER BY held DESC, m.medium""",
        (version,),
    )
    return [
        CopyRow(_info(row), row[_MEDIUM_COLUMNS], total, row[_MEDIUM_COLUMNS + 1]) for row in rows
    ]


def copies_by_version(
    database: Database, below: int, version: int | None = None
) -> list[tuple[int, int]]:
    """(version, copies) of those with fewer than `below`, of all or of one."""
    # Where there is no set every medium is a device, and they are counted in half of the time.
    has_sets = database.rows("SELECT 1 FROM media WHERE set_id IS NOT NULL LIMIT 1")
    device = "coalesce(m.set_id, m.medium)" if has_sets else "c.medium"
    joined = "JOIN media m USING (medium)" if has_sets else ""
    rows = database.rows(
        f"""SELECT vf.version, min((SELECT count(DISTINCT {device}) FROM copies c {joined}
             WHERE c.frame = vf.frame AND NOT c.damaged)) AS copies
           FROM version_frames vf WHERE ? IS NULL OR vf.version = ?
           GROUP BY vf.version HAVING copies < ? ORDER BY vf.version""",
        (version, version, below),
    )
    return [(row[0], row[1]) for row in rows]


def header(database: Database, frame: FrameId) -> FrameHeader:
    """Raises NotFoundError for a frame that no medium was seen to hold."""
    rows = database.rows(
        f"SELECT {_HEADER} FROM frames f WHERE session = ? AND stream = ? AND sequence = ?",
        frame,
    )
    found = _header(rows[0]) if rows else None
    if found is None:
        raise NotFoundError(f"no medium in the catalog holds frame {frame}")
    return found


def places(database: Database, frame: FrameId) -> list[tuple[MediumInfo, FramePlace]]:
    """Where a frame lies: copies that were found damaged last, the medium seen last first."""
    rows = database.rows(
        f"""SELECT {_MEDIUM}, c.segment, c.epoch, c.offset FROM frames f
            JOIN copies c USING (frame) JOIN media m USING (medium)
            WHERE f.session = ? AND f.stream = ? AND f.sequence = ?
            ORDER BY c.damaged, m.seen DESC, c.segment DESC, c.offset DESC""",
        frame,
    )
    return [(_info(row), FramePlace(row[0], *row[_MEDIUM_COLUMNS:])) for row in rows]


def of_frame(database: Database, frame: FrameId) -> list[FrameCopy]:
    rows = database.rows(
        f"""SELECT m.id, c.segment, c.epoch, c.offset, c.damaged, {verified_ns()}
           FROM frames f JOIN copies c USING (frame) JOIN media m USING (medium)
           WHERE f.session = ? AND f.stream = ? AND f.sequence = ?""",
        frame,
    )
    return [FrameCopy(FramePlace(*row[:4]), bool(row[4]), row[5]) for row in rows]


def key_of(database: Database, frame: FrameId) -> tuple[int, FrameId, int] | None:
    """(key, id, kind) of a frame; kind 0 while no medium was seen to hold it."""
    rows = database.rows(
        """SELECT frame, coalesce(kind, 0) FROM frames
           WHERE session = ? AND stream = ? AND sequence = ?""",
        frame,
    )
    return (rows[0][0], frame, rows[0][1]) if rows else None


def frames_at(
    database: Database, medium: bytes, segment: int, offset: int, end: int
) -> list[tuple[int, FrameId, int]]:
    """(key, id, kind) of the frames in whose records bytes [offset, end) of a segment lie."""
    rows = database.rows(
        """SELECT f.frame, f.session, f.stream, f.sequence, f.kind FROM copies c
           JOIN media m USING (medium) JOIN frames f USING (frame)
           WHERE m.id = ? AND c.segment = ? AND c.offset < ? AND c.offset
             + (f.payload_bytes + 2 * m.block_bytes - 1) / m.block_bytes * m.block_bytes > ?
           ORDER BY c.offset""",
        (medium, segment, end, offset),
    )
    return [(row[0], FrameId(*row[1:4]), row[4]) for row in rows]


def medium_select() -> str:
    """In a statement: the columns of the medium `m` that `medium_from` takes."""
    return _MEDIUM


def medium_from(row: Row) -> MediumInfo:
    """A medium from the columns of `medium_select`, which a row begins with."""
    return _info(row)


def _info(row: Row) -> MediumInfo:
    labels = tuple((key, value) for key, value in json.loads(row[10]))
    set_id, number, media_bytes = row[11:_MEDIUM_COLUMNS]
    membership = Membership(set_id, number, media_bytes) if set_id else None
    facts: Row = (*row[:10], labels, membership)
    return MediumInfo(*facts)


def _header(row: Row) -> FrameHeader | None:
    return FrameHeader(*row) if row[-1] is not None else None


def taken_along(
    database: Database, medium: bytes, lost: Iterable[bytes]
) -> list[tuple[int, int]]:  # fmt: skip
    """(version, frames) of all that has no sound copy but on this medium and others of `lost`."""
    rows = database.rows(
        """SELECT vf.version, count(DISTINCT c.frame)
           FROM media m JOIN copies c USING (medium) JOIN version_frames vf USING (frame)
           WHERE m.id = ? AND NOT c.damaged AND NOT EXISTS (
             SELECT 1 FROM copies o JOIN media om USING (medium)
             WHERE o.frame = c.frame AND NOT o.damaged
               AND hex(om.id) NOT IN (SELECT value FROM json_each(?)))
           GROUP BY vf.version ORDER BY vf.version""",
        (medium, json.dumps([name.hex().upper() for name in {medium, *lost}])),
    )
    return [(row[0], row[1]) for row in rows]
