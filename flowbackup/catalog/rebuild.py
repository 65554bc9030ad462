"""From what media tell to rows: the catalog made anew, or brought up to date.

Everything may be told again, in any order of media and sessions: what comes out is the same.  What
media do not tell, as restores and verifications, stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from flowbackup.catalog import ends, forgetting, freed, sessions, tags, versions
from flowbackup.catalog.copies import insert_medium
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import DamageError
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.forgotten import ForgottenRecord
from flowbackup.model.found import FoundFrame
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import FrameId
from flowbackup.model.json_values import NUMBER_MAX
from flowbackup.model.record import SessionRecord, VersionRecord

if TYPE_CHECKING:
    from flowbackup.frame.page import PageRef

_HEADER = """session, stream, sequence, kind, codec, object_id, payload_bytes, content_bytes,
    chunk_count, digest"""
# What one medium holds, until all of it was read.  In a database of this connection alone, so that
# nobody waits for a lock while a medium is read.
_FOUND = (
    "DROP TABLE IF EXISTS temp.found",
    f"CREATE TEMP TABLE found ({_HEADER}, segment, epoch, offset, damaged)",
    "CREATE INDEX temp.found_places ON found (segment, epoch, offset)",
    "DROP TABLE IF EXISTS temp.gone",
    f"CREATE TEMP TABLE gone ({_HEADER}, segment, epoch)",
)
_SAME_FRAME = "(f.session, f.stream, f.sequence) = (n.session, n.stream, n.sequence)"


class Rebuild:
    """Takes the facts of media one after another, then the records that lie on them.

    For each medium `add_frames`, `add_freed` and `end_medium`; then `record_frames` says what to
    read, and `add_session`, `number_versions`, `add_version`, `end` take it.  What media say of
    their own frames replaces what the catalog said of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._freed: list[FreedSegment] = []
        for statement in _FOUND:
            database.execute(statement)

    def add_frames(self, frames: Iterable[FoundFrame]) -> None:
        """More of the frames of the medium that is being read."""
        self._database.execute_many(
            "INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (*header, place.segment, place.epoch, place.offset, damaged)
                for header, place, damaged in frames
            ),
        )

    def add_freed(self, segment: FreedSegment, frames: Iterable[FrameHeader]) -> None:
        """A segment of the medium that is being read was freed, and had these frames."""
        self._freed.append(segment)
        self._database.execute_many(
            "INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*header, segment.segment, segment.epoch) for header in frames),
        )

    def end_medium(self, info: MediumInfo, *, checked: bool) -> list[tuple[FrameId, FramePlace]]:
        """All frames of this medium were added: they, and no others, are its copies from now on.

        checked: every payload was looked at; otherwise a copy that a verification found damaged
        stays so.  Returns those that were left out, because a frame of the same name and other
        content is known: one of the two is forged, and the first that was told counts."""
        database = self._database
        with database.transaction(durable=True):
            insert_medium(database, info)
            medium = database.one("SELECT medium FROM media WHERE id = ?", (info.medium,))[0]
            self._take_headers()
            others = self._leave_out_others(info.medium)
            self._take_copies(medium, checked)
            # For versions that are known already.
            database.execute(
                """INSERT OR IGNORE INTO version_frames
                   SELECT v.version, f.frame FROM versions v JOIN frames f USING (object_id)
                   WHERE v.object_id IN (SELECT object_id FROM found
                     UNION SELECT object_id FROM gone)"""
            )
            self._take_freed(medium)
            database.execute("DELETE FROM found")
        return others

    def _take_freed(self, medium: int) -> None:
        """What was freed is no copy, but its frames are known by it."""
        for table in ("freed", "freed_segments"):
            self._database.execute(f"DELETE FROM {table} WHERE medium = ?", (medium,))
        for segment in self._freed:
            freed.insert_head(self._database, medium, segment)
        self._database.execute(
            f"""INSERT INTO freed SELECT f.frame, ?, n.segment, n.epoch
                FROM gone n JOIN frames f ON {_SAME_FRAME}
                WHERE n.digest = f.digest AND n.object_id = f.object_id""",
            (medium,),
        )
        self._database.execute("DELETE FROM gone")
        self._freed.clear()

    def _take_headers(self) -> None:
        self._database.execute(
            f"""INSERT INTO frames ({_HEADER}) SELECT {_HEADER} FROM
                  (SELECT {_HEADER}, 0 AS gone, segment, epoch, offset FROM found
                   UNION ALL SELECT {_HEADER}, 1, segment, epoch, 0 FROM gone) WHERE true
                ORDER BY gone, segment, epoch, offset
                ON CONFLICT (session, stream, sequence) DO UPDATE SET kind = excluded.kind,
                  codec = excluded.codec, object_id = excluded.object_id,
                  payload_bytes = excluded.payload_bytes, content_bytes = excluded.content_bytes,
                  chunk_count = excluded.chunk_count, digest = excluded.digest
                WHERE digest IS NULL"""
        )

    def _leave_out_others(self, medium: bytes) -> list[tuple[FrameId, FramePlace]]:
        rows = self._database.rows(
            f"""SELECT n.session, n.stream, n.sequence, n.segment, n.epoch, n.offset
                FROM found n JOIN frames f ON {_SAME_FRAME}
                WHERE n.digest <> f.digest OR n.object_id <> f.object_id
                ORDER BY n.segment, n.epoch, n.offset"""
        )
        self._database.execute_many(
            "DELETE FROM found WHERE segment = ? AND epoch = ? AND offset = ?",
            (row[3:] for row in rows),
        )
        return [(FrameId(*row[:3]), FramePlace(medium, *row[3:])) for row in rows]

    def _take_copies(self, medium: int, checked: bool) -> None:
        self._database.execute(
            """DELETE FROM copies WHERE medium = ? AND NOT EXISTS (
                 SELECT 1 FROM found n JOIN frames f USING (session, stream, sequence)
                 WHERE f.frame = copies.frame AND (n.segment, n.epoch, n.offset)
                   = (copies.segment, copies.epoch, copies.offset))""",
            (medium,),
        )
        self._database.execute(
            f"""INSERT INTO copies (frame, medium, segment, epoch, offset, damaged)
                SELECT f.frame, ?, n.segment, n.epoch, n.offset, n.damaged
                FROM found n JOIN frames f ON {_SAME_FRAME} WHERE true
                ON CONFLICT (frame, medium, segment, epoch, offset) DO UPDATE
                SET damaged = excluded.damaged WHERE ?""",
            (medium, checked),
        )

    def record_frames(self) -> list[FrameId]:
        """The catalog frames that may tell of a version, of an end or of what is forgotten that is
        not known yet."""
        rows = self._database.rows(
            """SELECT session, stream, sequence FROM frames f WHERE kind = ?
               AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.object_id = f.object_id)
               AND (object_id <> zeroblob(16) OR NOT EXISTS (SELECT 1 FROM sessions s
                    WHERE s.session = f.session AND s.finished_ns IS NOT NULL)
                    OR sequence > 0 AND NOT EXISTS (
                      SELECT 1 FROM forgotten_told t WHERE t.frame = f.frame))
               ORDER BY session, stream, sequence""",
            (FrameKind.CATALOG,),
        )
        return [FrameId(*row) for row in rows]

    def add_session(self, record: SessionRecord) -> None:
        """One that is known with its end stays as it is."""
        sessions.insert_record(self._database, record)
        ends.take_over(self._database, record)
        tags.insert(self._database, record.retags)

    def add_forgotten(self, record: ForgottenRecord, frame: FrameId) -> None:
        """What that frame tells is forgotten, and no version any more where the catalog had one:
        before any version is added."""
        forgetting.insert(self._database, record.versions, frame)

    def is_forgotten(self, object_id: bytes) -> bool:
        """Whether that is no version, although media have its record."""
        rows = self._database.rows("SELECT 1 FROM forgotten WHERE object_id = ?", (object_id,))
        return bool(rows)

    def number_versions(self, records: Collection[VersionRecord]) -> dict[bytes, int]:
        """The number of each new version, by its object id; versions that are known get others
        where one of the new is older (see `numbered`).  records: also those whose list of files
        cannot be had, so that they leave a gap and the others keep their numbers."""
        forgetting.name_unnamed(self._database, records)
        objects: dict[tuple[str, str], dict[bytes, int]] = {}
        for record in records:
            new = objects.setdefault((record.client, record.name), {})
            new[record.object_id] = record.finished_ns
        given: dict[bytes, int] = {}
        for (client, name), new in objects.items():
            known = versions.numbers(self._database, client, name)
            decided = numbered(known, new)
            moved = {key for key, (number, _) in known.items() if decided[key] != number}
            versions.renumber(self._database, {key: decided[key] for key in moved})
            given |= {key: decided[key] for key in new}
        return given

    def missing_pages(self, refs: Iterable[PageRef]) -> set[bytes]:
        """The digests of the pages whose bytes `add_version` needs."""
        return versions.missing_pages(self._database, refs)

    def add_version(
        self, record: VersionRecord, pages: Sequence[tuple[PageRef, bytes | None]], number: int
    ) -> None:
        """Raises CatalogError if the id is known with another record, DamageError for pages that
        cannot be decoded, or that lie in frames that cannot be."""
        if any(ref.ref.frame.sequence > NUMBER_MAX for ref, _ in pages):
            raise DamageError("the manifest's root refers to a frame that no stream has")
        versions.insert(self._database, record, pages, number)

    def out_of_reach(self) -> list[tuple[VersionRow, int]]:
        """The versions that no medium can give back as a whole, and how many frames they lack."""
        rows = self._database.rows(
            """SELECT vf.version, count(*) FROM version_frames vf WHERE NOT EXISTS (
                 SELECT 1 FROM copies c WHERE c.frame = vf.frame AND NOT c.damaged)
               GROUP BY vf.version ORDER BY vf.version"""
        )
        return [(versions.by_key(self._database, key), count) for key, count in rows]

    def end(self) -> None:
        """Sessions that left frames and no record are told as interrupted."""
        with self._database.transaction(durable=True):
            self._database.execute(
                "DELETE FROM retags WHERE object_id IN (SELECT object_id FROM forgotten)"
            )
            rows = self._database.rows(
                """SELECT DISTINCT session FROM frames WHERE digest IS NOT NULL
                   AND session NOT IN (SELECT session FROM sessions)"""
            )
            for (session,) in rows:
                sessions.insert_interrupted(self._database, session, _begun_ns(session))


def numbered(known: Mapping[bytes, tuple[int, int]], new: Mapping[bytes, int]) -> dict[bytes, int]:
    """The numbers of all versions of one object.  known: object id -> number, time of its end; new:
    object id -> time of its end.

    Numbers count in the order of time.  Those that people may have written down stay, and new
    versions get the next ones; unless a new one is older than a known one, or the known ones are
    not in order: then all are counted from 1, as if all had been told at once.
    """
    times = {key: time for key, (_, time) in known.items()} | dict(new)
    order = sorted(times, key=lambda key: (times[key], key))
    kept = [known[key][0] for key in order[: len(known)] if key in known]
    if len(kept) == len(known) and kept == sorted(kept):
        first = max(kept, default=0) + 1
        return dict(zip(order, [*kept, *range(first, first + len(order) - len(kept))], strict=True))
    return {key: number for number, key in enumerate(order, 1)}


def _begun_ns(session: bytes) -> int:
    """When the id of a session was made: it begins with its milliseconds."""
    time_ns = int.from_bytes(session[:6], "big") * 1_000_000
    return time_ns if time_ns <= NUMBER_MAX else 0
