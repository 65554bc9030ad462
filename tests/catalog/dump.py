"""All that a catalog knows, as sets of rows without the keys that only sqlite cares for."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

Dump = dict[str, list[tuple[Any, ...]]]

_FRAME = "f.session, f.stream, f.sequence"
_MEDIA = """id, device, pool, location, format_major, format_minor, block_bytes, created_ns, node,
    node_labels"""
_TABLES = {
    "objects": "SELECT client, name FROM objects",
    "versions": """SELECT client, name, number, object_id, session, finished_ns, outcome, record
        FROM versions JOIN objects USING (object)""",
    "pages": "SELECT digest, entries, body FROM pages",
    "searched_pages": """SELECT digest, s.body FROM searched_pages s JOIN pages USING (page)""",
    "version_pages": """SELECT object_id, ordinal, digest, first_key FROM version_pages
        JOIN versions USING (version) JOIN pages USING (page)""",
    "frames": f"""SELECT {_FRAME}, kind, codec, object_id, payload_bytes, content_bytes,
        chunk_count, digest FROM frames f""",
    "page_frames": f"""SELECT digest, {_FRAME} FROM page_frames JOIN pages p USING (page)
        JOIN (SELECT frame, session, stream, sequence FROM frames) f USING (frame)""",
    "version_frames": f"""SELECT v.object_id, {_FRAME} FROM version_frames
        JOIN versions v USING (version) JOIN frames f USING (frame)""",
    # Not: free_bytes, which is of the moment, and seen, which only orders.
    "media": f"SELECT {_MEDIA} FROM media",
    "copies": f"""SELECT m.id, {_FRAME}, c.segment, c.epoch, c.offset, c.damaged FROM copies c
        JOIN media m USING (medium) JOIN frames f USING (frame)""",
    "freed_segments": """SELECT id, segment, epoch, session, freed_ns, frames, size_bytes
        FROM freed_segments JOIN media USING (medium)""",
    "freed": f"""SELECT m.id, {_FRAME}, z.segment, z.epoch FROM freed z
        JOIN media m USING (medium) JOIN frames f USING (frame)""",
    "forgotten": "SELECT object_id, client, name, number, finished_ns, forgotten_ns FROM forgotten",
    "retags": "SELECT object_id, tags, changed_ns FROM retags",
    "forgotten_told": f"""SELECT t.object_id, {_FRAME} FROM forgotten_told t
        JOIN frames f USING (frame)""",
}
_OF_SESSIONS = ("sessions", "session_devices", "problems", "session_ends")
_NOT_ON_MEDIA = {"verifications", "stretches", "journal"}
"""What no medium tells; a rebuild leaves it as it is."""
_DERIVED = {"frame_chunks"}
"""What pages tell once more, also pages of versions that are forgotten: only looked up in."""
# Whoever holds a session is a process, and no fact.
_LEFT_OUT = {"holder"}


def dump(catalog: Path, leave_out: Collection[str] = ()) -> Dump:
    """By table.  Sessions that leave nothing on media, restores as well as rebuilds, are not in it.
    leave_out: columns of the tables of sessions."""
    connection = sqlite3.connect(catalog)
    try:
        tables = {row[0] for row in connection.execute(_ALL_TABLES)}
        assert tables == {*_TABLES, *_OF_SESSIONS, *_NOT_ON_MEDIA, *_DERIVED}, (
            "a table that nobody compares"
        )
        found = {name: sorted(connection.execute(sql), key=repr) for name, sql in _TABLES.items()}
        for name in _OF_SESSIONS:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            kept = [column for column in columns if column not in {*_LEFT_OUT, *leave_out}]
            sql = f"""SELECT {", ".join(kept)} FROM {name} WHERE session IN
                (SELECT session FROM sessions WHERE kind IN ('backup', 'repair', 'prune'))"""
            found[name] = sorted(connection.execute(sql), key=repr)
        return found
    finally:
        connection.close()


_ALL_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


def assert_equal(found: Dump, expected: Dump) -> None:
    """Table by table, so that a failure is short."""
    for name, rows in expected.items():
        lost, more = set(rows) - set(found[name]), set(found[name]) - set(rows)
        assert not lost and not more, f"{name}: lacks {lost}, has also {more}"
        assert len(rows) == len(found[name])
