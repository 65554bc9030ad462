"""How much versions would fill, and how much they fill: what was saved by knowing it already, and
by packing it."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog.copies import medium_from, medium_select
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import MediumStats, ObjectStats, VersionRow
from flowbackup.model.frame import FrameKind

_SUMS = f"""count(*), coalesce(sum(f.content_bytes) FILTER (WHERE f.kind = {FrameKind.DATA}), 0),
    coalesce(sum(f.payload_bytes) FILTER (WHERE f.kind = {FrameKind.DATA}), 0),
    coalesce(sum(f.payload_bytes) FILTER (WHERE f.kind <> {FrameKind.DATA}), 0)"""


class Taken:
    """Asked through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by(self, versions: Sequence[VersionRow], name: str) -> ObjectStats:
        """What these versions take together, under that name: a frame that several need counts
        once."""
        database = self._database
        database.execute("CREATE TEMP TABLE IF NOT EXISTS meant (object_id BLOB PRIMARY KEY)")
        database.execute("DELETE FROM meant")
        database.execute_many("INSERT INTO meant VALUES (?)", ((v.object_id,) for v in versions))
        frames, content, packed, lists = database.one(
            f"""SELECT {_SUMS} FROM frames f WHERE f.digest IS NOT NULL AND f.frame IN (
                  SELECT vf.frame FROM version_frames vf JOIN versions USING (version)
                  JOIN meant USING (object_id))"""
        )
        return ObjectStats(
            name=name, versions=len(versions), frames=frames,
            bytes_source=sum(version.record.bytes_source for version in versions),
            bytes_content=content, bytes_packed=packed, bytes_lists=lists,
        )  # fmt: skip

    def media(self) -> list[MediumStats]:
        """What each medium holds, frames that lie there twice twice, by the time of its label;
        those with nothing are named."""
        rows = self._database.rows(
            f"""SELECT {medium_select()}, count(c.frame), coalesce(sum(f.payload_bytes), 0)
                FROM media m LEFT JOIN copies c ON c.medium = m.medium AND NOT c.damaged
                  LEFT JOIN frames f ON f.frame = c.frame
                GROUP BY m.medium ORDER BY m.created_ns, m.id"""
        )
        return [MediumStats(medium_from(row), row[-2], row[-1]) for row in rows]
