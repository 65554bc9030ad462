"""Where what a medium holds of a version has come from: a client, the chain, or other media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowbackup.catalog.rows import CopyRow, SessionRow, VersionRow
from flowbackup.model.ids import id_text

READS = "restore"
"""The role of those media of a session that were read."""
REPAIR = "repair"
WRITES = ("backup", "mirror", "copy", REPAIR)


def with_lineage(
    copies: Iterable[CopyRow], version: VersionRow, sessions: Sequence[SessionRow]
) -> list[CopyRow]:
    """Copies with their role and what they were copied from.  The session that made the version
    decides; of other media the newest session that wrote to them and read media with the version.
    """
    rows = list(copies)
    holders = {id_text(row.medium.medium): row.medium.medium for row in rows}
    return [_with_origin(row, version, sessions, holders) for row in rows]


def _with_origin(
    row: CopyRow, version: VersionRow, sessions: Sequence[SessionRow], holders: dict[str, bytes]
) -> CopyRow:
    medium = id_text(row.medium.medium)
    for session in sorted(sessions, key=lambda s: s.session != version.record.session):
        roles = [d.role for d in session.devices if d.medium == medium and d.frames]
        read = [d.medium for d in session.devices if d.role == READS and d.frames]
        sources = tuple(holders[m] for m in read if m in holders and m != medium)
        role = next((role for role in roles if role in WRITES), "")
        if role and (sources or session.session == version.record.session or role == REPAIR):
            return replace(row, role=role, copied_from=sources)
    return row
