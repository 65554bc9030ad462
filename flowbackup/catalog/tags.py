"""What versions are called, for retention: as their session was told, or as they were tagged since.

Media hear of the latter by the records of later sessions, so a rebuild knows as much as the last
backup of the object did.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from flowbackup.catalog import sessions
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.retag import RETAGS_BYTES_MAX, Retag


class Tags:
    """Asked and told through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, versions: Iterable[VersionRow]) -> list[tuple[str, ...]]:
        """The tags of each of these versions."""
        rows = self._database.rows("SELECT object_id, tags FROM retags")
        own = {row[0]: tuple(json.loads(row[1])) for row in rows}
        by_session = sessions.tags(self._database)
        return [
            own.get(version.object_id, by_session.get(version.record.session, ()))
            for version in versions
        ]

    def change(
        self, versions: Sequence[VersionRow], more: Collection[str], less: Collection[str],
        now_ns: int,
    ) -> list[tuple[str, ...]]:  # fmt: skip
        """The tags of each of these versions from now on: with `more` of them and without `less`.
        Of none nothing is changed if one of them cannot be; synced."""
        with self._database.transaction(durable=True):
            changed: list[tuple[str, ...]] = []
            for version, before in zip(versions, self.of(versions), strict=True):
                kept = [tag for tag in dict.fromkeys((*before, *more)) if tag not in less]
                changed.append(tuple(kept))
                if changed[-1] != before:
                    insert(self._database, [Retag(version.object_id, changed[-1], now_ns)])
            return changed

    def to_tell(self, objects: Iterable[tuple[str, str]]) -> tuple[Retag, ...]:
        """What the record of a session of these objects, client and name, is to tell: of all their
        versions that were tagged, of the newest changes if they are too many, in their order.  Each
        record tells all of it, whatever earlier ones did: their media may be lost by now."""
        wanted = set(objects)
        rows = self._database.rows(
            """SELECT r.object_id, r.tags, r.changed_ns, o.client, o.name FROM retags r
               JOIN versions v USING (object_id) JOIN objects o USING (object)
               ORDER BY r.changed_ns DESC, r.object_id DESC"""
        )
        told: list[Retag] = []
        room = RETAGS_BYTES_MAX
        for retag in (_retag(*row[:3]) for row in rows if row[3:] in wanted):
            room -= len(json.dumps(retag.to_json()))
            if room < 0:
                break
            told.append(retag)
        return tuple(reversed(told))


def insert(database: Database, retags: Iterable[Retag]) -> None:
    """Of each version the newest change counts, in whichever order they are told."""
    database.execute_many(
        """INSERT INTO retags VALUES (?, ?, ?) ON CONFLICT (object_id) DO UPDATE
           SET tags = excluded.tags, changed_ns = excluded.changed_ns
           WHERE excluded.changed_ns > retags.changed_ns""",
        ((retag.object_id, json.dumps([*retag.tags]), retag.changed_ns) for retag in retags),
    )


def _retag(object_id: bytes, tags: str, changed_ns: int) -> Retag:
    return Retag(object_id, tuple(json.loads(tags)), changed_ns)
