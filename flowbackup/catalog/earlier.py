"""What earlier sessions have made of an object: the states that a run may refer to.

Of an object that was complete there is a version, of one that was open when its session was
interrupted a journal.  Both name files and the frames that hold their content; where these frames
lie the catalog knows anyhow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowbackup.catalog import sessions, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.frame_chunks import FrameChunks
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.frame import Codec
from flowbackup.model.ids import FrameId


class ObjectName(NamedTuple):
    """source: the path that is read, b"" of a stream; an object of the same name elsewhere is
    another."""

    client: str
    name: str
    source: bytes


class EarlierState(NamedTuple):
    """One state of an object, as one session has read it.  started_ns: when reading it began."""

    session: bytes
    object_id: bytes
    started_ns: int


class Earlier:
    """Asked through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(
        self, graph: str, names: Iterable[ObjectName]
    ) -> dict[ObjectName, list[EarlierState]]:
        """Of each of these objects its newest version, and behind it the newest of this graph where
        that is another: what a second graph has written lies on other media.  Objects without one
        are not named; versions of interrupted sessions are none of these."""
        rows = {row.session: row for row in sessions.heads(self._database)}
        graphs = {key: row.graph_name for key, row in rows.items()}
        left = {key for key, row in rows.items() if row.is_interrupted}
        found: dict[ObjectName, list[EarlierState]] = {}
        for name in names:
            records = [
                row.record
                for row in reversed(versions.of_object(self._database, name.client, name.name))
                if row.record.source == name.source and row.record.session not in left
            ]
            own = [record for record in records if graphs.get(record.session) == graph]
            chosen = {record.object_id: record for record in (*records[:1], *own[:1])}
            if chosen:
                found[name] = [
                    EarlierState(record.session, record.object_id, record.started_ns)
                    for record in chosen.values()
                ]
        return found

    def pages(self, state: EarlierState) -> Iterator[tuple[bytes, ChunkRef | None]]:
        """Its list of files as far as it got, one page after the other; of a version with the place
        of the page on media, where that is known."""
        ordinal = -1
        while True:
            rows = self._database.rows(
                """SELECT vp.ordinal, p.body, p.digest, vp.stored_size, f.session, f.stream,
                     f.sequence, vp.stored_offset
                   FROM versions v JOIN version_pages vp USING (version) JOIN pages p USING (page)
                     LEFT JOIN frames f ON f.frame = vp.stored_frame
                   WHERE v.object_id = :object AND vp.ordinal > :ordinal
                   UNION ALL SELECT ordinal, page, NULL, NULL, NULL, NULL, NULL, NULL FROM journal
                     WHERE object_id = :object AND ordinal > :ordinal
                   ORDER BY 1 LIMIT 32""",
                {"object": state.object_id, "ordinal": ordinal},
            )
            if not rows:
                return
            for _, page, digest, size, *frame, offset in rows:
                known = size is not None
                yield page, ChunkRef(digest, size, FrameId(*frame), offset) if known else None
            ordinal = rows[-1][0]

    @property
    def chunks(self) -> FrameChunks:
        """Of all objects and versions, what lies in which frames."""
        return FrameChunks(self._database)

    def frames(self, state: EarlierState) -> set[FrameId]:
        """Those by which it can be gone on with: all of a version; of a journal those in which the
        content of its files lies."""
        from flowbackup.catalog.page_frames import frames_of_page  # noqa: PLC0415  keeps pyarrow out

        rows = self._database.rows(
            """SELECT f.session, f.stream, f.sequence FROM versions v
               JOIN version_frames USING (version) JOIN frames f USING (frame)
               WHERE v.object_id = ?""",
            (state.object_id,),
        )
        found = {FrameId(*row) for row in rows}
        return found or {frame for page, _ in self.pages(state) for frame in frames_of_page(page)}

    def holders(
        self, object_id: bytes, *, sealed: bool | None = None
    ) -> Iterator[tuple[FrameId, bytes]]:
        """Each frame that was written for an object, or that its version refers to, with each
        medium that holds it durably and undamaged, or has freed it: there it is not to be again, as
        long as another medium has it.  sealed: only those that are encrypted, or are not."""
        codec = -1 if sealed is None else int(Codec.SEALED) * sealed
        rows = self._database.rows(
            """WITH wanted (frame) AS (
                 SELECT frame FROM frames WHERE object_id = :object
                 UNION SELECT frame FROM versions JOIN version_frames USING (version)
                   WHERE versions.object_id = :object),
               held (frame, medium) AS (
                 SELECT c.frame, c.medium FROM wanted JOIN copies c USING (frame)
                   WHERE NOT c.damaged)
               SELECT f.session, f.stream, f.sequence, m.id FROM (
                   SELECT frame, medium FROM held
                   UNION SELECT z.frame, z.medium FROM wanted JOIN freed z USING (frame)
                     WHERE z.frame IN (SELECT frame FROM held))
                 JOIN frames f USING (frame) JOIN media m USING (medium)
               WHERE :codec IN (-1, f.codec & :bit)""",
            {"object": object_id, "bit": int(Codec.SEALED), "codec": codec},
        )
        return ((FrameId(*row[:3]), row[3]) for row in rows)
