"""The tables.  A migration is a row of statements; never change one, append the next.

Entries are no rows: the manifest pages of a version are stored as they stand on media, once per
digest however many versions share them, and `version_pages` says in which page a path is.
`first_key` is the first path with NUL for "/": compared byte by byte it sorts as `path_order` does.
`version_frames` says which frames a version needs: those written for it, and those that its entries
refer to.  A frame that is only referred to has no header yet (its columns are NULL).
"""

from __future__ import annotations

APPLICATION_ID = 0x666C6F77  # "flow"

_FIRST = (
    """CREATE TABLE sessions (
        session BLOB PRIMARY KEY, kind TEXT NOT NULL, graph_name TEXT NOT NULL,
        graph_text TEXT NOT NULL, host TEXT NOT NULL, holder TEXT NOT NULL,
        started_ns INTEGER NOT NULL, finished_ns INTEGER, outcome TEXT, exit_code INTEGER,
        engine TEXT NOT NULL DEFAULT '', duration_seconds REAL NOT NULL DEFAULT 0,
        start_seconds REAL NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0,
        bytes_source INTEGER NOT NULL DEFAULT 0, bytes_read INTEGER NOT NULL DEFAULT 0,
        bytes_new INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    "CREATE INDEX sessions_by_time ON sessions (started_ns)",
    # streams: a JSON list of those that were meant for this device, NULL for all.
    """CREATE TABLE session_devices (
        session BLOB NOT NULL REFERENCES sessions, ordinal INTEGER NOT NULL, name TEXT NOT NULL,
        agent TEXT NOT NULL, role TEXT NOT NULL, level INTEGER NOT NULL, node TEXT NOT NULL,
        state TEXT NOT NULL, bytes_written INTEGER NOT NULL, frames INTEGER NOT NULL,
        syncs INTEGER NOT NULL, medium BLOB, required INTEGER NOT NULL DEFAULT 1, streams TEXT,
        PRIMARY KEY (session, ordinal)) WITHOUT ROWID""",
    """CREATE TABLE problems (
        session BLOB NOT NULL REFERENCES sessions, ordinal INTEGER NOT NULL, kind TEXT NOT NULL,
        text TEXT NOT NULL, path BLOB, device TEXT,
        PRIMARY KEY (session, ordinal)) WITHOUT ROWID""",
    """CREATE TABLE objects (
        object INTEGER PRIMARY KEY, client TEXT NOT NULL, name TEXT NOT NULL,
        UNIQUE (client, name))""",
    # No reference to sessions: a rebuild meets versions whose session left no record.
    """CREATE TABLE versions (
        version INTEGER PRIMARY KEY, object_id BLOB NOT NULL UNIQUE,
        object INTEGER NOT NULL REFERENCES objects, number INTEGER NOT NULL,
        session BLOB NOT NULL, finished_ns INTEGER NOT NULL, outcome TEXT NOT NULL,
        record BLOB NOT NULL, UNIQUE (object, number))""",
    "CREATE INDEX versions_by_session ON versions (session)",
    "CREATE INDEX versions_by_time ON versions (finished_ns)",
    """CREATE TABLE pages (
        page INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, entries INTEGER NOT NULL,
        body BLOB NOT NULL)""",
    """CREATE TABLE version_pages (
        version INTEGER NOT NULL REFERENCES versions, ordinal INTEGER NOT NULL,
        page INTEGER NOT NULL REFERENCES pages, first_key BLOB NOT NULL,
        PRIMARY KEY (version, ordinal)) WITHOUT ROWID""",
    "CREATE INDEX version_pages_by_key ON version_pages (version, first_key, ordinal)",
    """CREATE TABLE frames (
        frame INTEGER PRIMARY KEY, session BLOB NOT NULL, stream INTEGER NOT NULL,
        sequence INTEGER NOT NULL, kind INTEGER, codec INTEGER, object_id BLOB,
        payload_bytes INTEGER, content_bytes INTEGER, chunk_count INTEGER, digest BLOB,
        UNIQUE (session, stream, sequence))""",
    "CREATE INDEX frames_by_object ON frames (object_id)",
    """CREATE TRIGGER frames_never_change BEFORE UPDATE ON frames
        WHEN old.digest <> new.digest OR old.object_id <> new.object_id
        BEGIN SELECT raise(ABORT, 'a frame is already known with other content'); END""",
    """CREATE TABLE page_frames (
        page INTEGER NOT NULL REFERENCES pages, frame INTEGER NOT NULL REFERENCES frames,
        PRIMARY KEY (page, frame)) WITHOUT ROWID""",
    "CREATE INDEX page_frames_by_frame ON page_frames (frame)",
    """CREATE TABLE version_frames (
        version INTEGER NOT NULL REFERENCES versions, frame INTEGER NOT NULL REFERENCES frames,
        PRIMARY KEY (version, frame)) WITHOUT ROWID""",
    "CREATE INDEX version_frames_by_frame ON version_frames (frame)",
    """CREATE TABLE media (
        medium INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, device TEXT NOT NULL,
        pool TEXT NOT NULL, location TEXT NOT NULL, format_major INTEGER NOT NULL,
        format_minor INTEGER NOT NULL, block_bytes INTEGER NOT NULL, free_bytes INTEGER NOT NULL,
        created_ns INTEGER NOT NULL, node TEXT NOT NULL, node_labels TEXT NOT NULL,
        seen INTEGER NOT NULL)""",
    "CREATE INDEX media_by_location ON media (location)",
    # damaged: 1 after a verification found it unreadable; such a copy does not count.
    """CREATE TABLE copies (
        frame INTEGER NOT NULL REFERENCES frames, medium INTEGER NOT NULL REFERENCES media,
        segment INTEGER NOT NULL, epoch INTEGER NOT NULL, offset INTEGER NOT NULL,
        damaged INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (frame, medium, segment, epoch, offset)) WITHOUT ROWID""",
    "CREATE INDEX copies_by_place ON copies (medium, segment, offset)",
    """CREATE TABLE verifications (
        session BLOB NOT NULL REFERENCES sessions, medium INTEGER NOT NULL REFERENCES media,
        started_ns INTEGER NOT NULL, finished_ns INTEGER NOT NULL, frames INTEGER NOT NULL,
        bytes_read INTEGER NOT NULL, bytes_total INTEGER NOT NULL, damaged INTEGER NOT NULL,
        PRIMARY KEY (session, medium)) WITHOUT ROWID""",
    # turn: the place in the queue of the medium; the lowest is verified next.  A count and no time,
    # because clocks jump.  verified_ns: 0 for never.
    """CREATE TABLE stretches (
        medium INTEGER NOT NULL REFERENCES media, segment INTEGER NOT NULL, epoch INTEGER NOT NULL,
        number INTEGER NOT NULL, size_bytes INTEGER NOT NULL, turn INTEGER NOT NULL,
        verified_ns INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (medium, segment, epoch, number)) WITHOUT ROWID""",
    "CREATE INDEX stretches_by_turn ON stretches (medium, turn)",
)

_SECOND = (
    """CREATE TABLE freed_segments (
        medium INTEGER NOT NULL REFERENCES media, segment INTEGER NOT NULL, epoch INTEGER NOT NULL,
        session BLOB NOT NULL, freed_ns INTEGER NOT NULL, frames INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, PRIMARY KEY (medium, segment, epoch)) WITHOUT ROWID""",
    # What a medium had and is not to have again.
    """CREATE TABLE freed (
        frame INTEGER NOT NULL REFERENCES frames, medium INTEGER NOT NULL REFERENCES media,
        segment INTEGER NOT NULL, epoch INTEGER NOT NULL,
        PRIMARY KEY (frame, medium, segment, epoch)) WITHOUT ROWID""",
    "CREATE INDEX freed_by_medium ON freed (medium)",
)

# Of a medium by itself set_id is NULL.
_THIRD = (
    "ALTER TABLE media ADD COLUMN set_id BLOB",
    "ALTER TABLE media ADD COLUMN set_number INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN media_bytes INTEGER NOT NULL DEFAULT 0",
)

# What clients have told of objects that are no versions yet: lists of files, in pages.
_FOURTH = (
    """CREATE TABLE journal (
        object_id BLOB NOT NULL, ordinal INTEGER NOT NULL, session BLOB NOT NULL,
        client TEXT NOT NULL, name TEXT NOT NULL, source BLOB NOT NULL, started_ns INTEGER NOT NULL,
        page BLOB NOT NULL, UNIQUE (object_id, ordinal))""",
    "CREATE INDEX journal_by_name ON journal (client, name)",
)

# Where a page lies on media, so that the next version can refer to it; NULL where a catalog before
# this one has not kept it.
_FIFTH = (
    "ALTER TABLE version_pages ADD COLUMN stored_frame INTEGER REFERENCES frames",
    "ALTER TABLE version_pages ADD COLUMN stored_offset INTEGER",
    "ALTER TABLE version_pages ADD COLUMN stored_size INTEGER",
)

# Of each page what a search looks at: see frame.searched.  In a table of its own, because a row is
# read from its begin.  Pages of older catalogs have none and are searched themselves.
_SIXTH = (
    """CREATE TABLE searched_pages (
        page INTEGER PRIMARY KEY REFERENCES pages, body BLOB NOT NULL)""",
)

_SEVENTH = (
    # A JSON list of texts.
    "ALTER TABLE sessions ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
    # Versions that are none any more; their numbers are given to no other.
    """CREATE TABLE forgotten (
        object_id BLOB PRIMARY KEY, client TEXT NOT NULL, name TEXT NOT NULL,
        number INTEGER NOT NULL, finished_ns INTEGER NOT NULL,
        forgotten_ns INTEGER NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX forgotten_by_name ON forgotten (client, name)",
    # The records that tell media of them: a medium that has such a frame was told.
    """CREATE TABLE forgotten_told (
        object_id BLOB NOT NULL REFERENCES forgotten, frame INTEGER NOT NULL REFERENCES frames,
        PRIMARY KEY (object_id, frame)) WITHOUT ROWID""",
    "CREATE INDEX forgotten_told_by_frame ON forgotten_told (frame)",
    "CREATE INDEX version_pages_by_stored ON version_pages (stored_frame)",
)

# How sessions ended behind the hooks of their users, as JSON: see catalog.ends.  No reference to
# sessions: a rebuild may hear of the end before it hears of the session.
_EIGHTH = (
    """CREATE TABLE session_ends (
        session BLOB PRIMARY KEY, body TEXT NOT NULL, is_told INTEGER NOT NULL,
        is_applied INTEGER NOT NULL) WITHOUT ROWID""",
)

# Of each frame the chunks that lists of files have told to lie in it, as frame.index writes them;
# of frames of older catalogs nothing is told.
_CHUNKS = (
    """CREATE TABLE frame_chunks (
        frame INTEGER PRIMARY KEY REFERENCES frames ON DELETE CASCADE,
        records BLOB NOT NULL)""",
)

# Tags of versions that were changed since their session, a JSON list of texts.  No reference to
# versions: a rebuild hears of them before it hears of these.
_RETAGS = (
    """CREATE TABLE retags (
        object_id BLOB PRIMARY KEY, tags TEXT NOT NULL,
        changed_ns INTEGER NOT NULL) WITHOUT ROWID""",
)

# Of what was forgotten on encrypted media another version of its object, until that tells its name.
_BESIDE = ("ALTER TABLE forgotten ADD COLUMN beside BLOB NOT NULL DEFAULT x''",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH, _EIGHTH, _CHUNKS, _RETAGS,
    _BESIDE,
)  # fmt: skip
VERSION = len(MIGRATIONS)
