"""Rows of the catalog as objects for programs: the published keys, of `--json` and of the page."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog.retention import Decision
from flowbackup.catalog.rows import (
    CopyRow,
    DifferenceRow,
    FoundRow,
    HistoryRow,
    LostMedium,
    MediumRow,
    ObjectRow,
    SessionRow,
    VersionCopies,
    VersionRow,
)
from flowbackup.model.device import MediumInfo
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import id_text
from flowbackup.model.published import path_fields
from flowbackup.units import format_path, one_line


def entry_fields(entry: Entry) -> dict[str, object]:
    fields: dict[str, object] = path_fields(entry.path)
    fields.update(
        kind=kind_text(entry.kind),
        mode=f"{entry.mode:04o}",
        uid=entry.uid,
        gid=entry.gid,
        owner=_text(entry.owner),
        group=_text(entry.group),
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        links=entry.links,
        problem=entry.problem,
    )
    if entry.target is not None:
        fields.update(path_fields(entry.target, "target"))
    if entry.hard_link is not None:
        fields.update(path_fields(entry.hard_link, "hard_link"))
    return fields


def kind_text(kind: int) -> str:
    """ "file", "block device"."""
    return EntryKind(kind).name.lower().replace("_", " ")


def found_fields(row: FoundRow) -> dict[str, object]:
    return {**versions_fields(row.versions), **entry_fields(row.entry)}


def versions_fields(versions: Sequence[VersionRow]) -> dict[str, object]:
    """Versions of one object."""
    record = versions[0].record
    return {
        "client": record.client,
        "name": record.name,
        "versions": [version.number for version in versions],
    }


def history_fields(row: HistoryRow) -> dict[str, object]:
    fields: dict[str, object] = {
        **versions_fields(row.versions),
        "change": row.kind,
        "aspects": list(row.aspects),
        "finished_ns": row.versions[0].record.finished_ns,
    }
    return fields if row.entry is None else {**fields, **entry_fields(row.entry)}


def difference_fields(row: DifferenceRow) -> dict[str, object]:
    fields: dict[str, object] = {
        "change": row.kind,
        **path_fields(row.path),
        "aspects": list(row.aspects),
        "before": None if row.before is None else entry_fields(row.before),
        "after": None if row.after is None else entry_fields(row.after),
    }
    return fields


def object_fields(row: ObjectRow) -> dict[str, object]:
    latest = row.latest.record
    return {
        "client": row.client,
        "name": row.name,
        "versions": row.versions,
        "object_id": id_text(latest.object_id),
        "version": row.latest.number,
        "session": id_text(latest.session),
        "outcome": latest.outcome,
        "finished_ns": latest.finished_ns,
        "entries": latest.entries,
        "files": latest.files,
        "bytes_source": latest.bytes_source,
        **path_fields(latest.source, "source"),
    }


def session_fields(row: SessionRow) -> dict[str, object]:
    return {
        "session": id_text(row.session),
        "kind": row.kind,
        "graph": row.graph_name,
        "host": row.host,
        "state": row.state.value,
        "started_ns": row.started_ns,
        "finished_ns": row.finished_ns,
        "outcome": row.outcome.value if row.outcome else None,
        "exit_code": row.exit_code,
        "engine": row.engine,
        "duration_seconds": round(row.duration_seconds, 3),
        "files": row.files,
        "bytes_source": row.bytes_source,
        "bytes_read": row.bytes_read,
        "bytes_new": row.bytes_new,
        "problems": len(row.problems),
        "copied_from": _copied_from(row),
    }


def _copied_from(row: SessionRow) -> list[str]:
    """The media that a session of copies has read."""
    return [device.medium for device in row.devices if device.role == "restore" and device.frames]


def lost_fields(lost: LostMedium) -> dict[str, object]:
    return {
        "device": lost.info.device,
        "medium": id_text(lost.info.medium),
        **set_fields(lost.info),
        "location": lost.info.location,
        "fault": lost.fault,
        "versions": [
            {"object": str(row.version), "object_id": id_text(row.version.object_id),
             "frames": row.frames}
            for row in lost.versions
        ],
    }  # fmt: skip


def copies_fields(row: VersionCopies) -> dict[str, object]:
    record = row.version.record
    return {
        "client": record.client,
        "name": record.name,
        "version": row.version.number,
        "object_id": id_text(record.object_id),
        "outcome": record.outcome,
        "finished_ns": record.finished_ns,
        "copies_durable": row.copies,
    }


def copy_fields(row: CopyRow) -> dict[str, object]:
    return {
        "device": row.medium.device,
        "medium": id_text(row.medium.medium),
        **set_fields(row.medium),
        "pool": row.medium.pool,
        "location": row.medium.location,
        "frames_held": row.frames_held,
        "frames_needed": row.frames_needed,
        "frames_freed": row.frames_freed,
        "complete": row.complete,
        "verified_ns": row.verified_ns or None,
        "role": row.role or None,
        "copied_from": [id_text(medium) for medium in row.copied_from],
    }


def medium_fields(medium: MediumInfo) -> dict[str, object]:
    return {
        "device": medium.device,
        "medium": id_text(medium.medium),
        "pool": medium.pool,
        **set_fields(medium),
        "location": medium.location,
        "node": medium.node,
        "format": f"{medium.format_major}.{medium.format_minor}",
        "block_bytes": medium.block_bytes,
        "free_bytes": medium.free_bytes if medium.free_bytes >= 0 else None,
        "created_ns": medium.created_ns,
    }


def set_fields(medium: MediumInfo) -> dict[str, object]:
    """Of which set it is, and which medium of it; null for one by itself."""
    member = medium.membership
    return {
        "set": id_text(member.set_id) if member else None,
        "set_number": member.number if member else None,
        "media_bytes": member.media_bytes if member else None,
    }


def medium_row_fields(row: MediumRow) -> dict[str, object]:
    """Of a medium, with how much of it was verified: times are null for never, `verified_oldest_ns`
    also while a frame never was."""
    known = row.verified
    if known is None:
        return medium_fields(row.info)
    return medium_fields(row.info) | {
        "frames": known.frames,
        "frames_verified": known.frames_verified,
        "frames_damaged": known.frames_damaged,
        "verified_oldest_ns": known.oldest_ns or None,
        "verified_newest_ns": known.newest_ns or None,
    }


def decision_fields(decision: Decision) -> dict[str, object]:
    """The published keys of a version that was judged."""
    version = decision.version
    return {
        "client": version.record.client,
        "name": version.record.name,
        "version": version.number,
        "object_id": id_text(version.object_id),
        "session": id_text(version.record.session),
        "finished_ns": version.record.finished_ns,
        "outcome": version.record.outcome,
        "keep": decision.keeps,
        "reasons": list(decision.reasons),
    }


def _text(name: bytes) -> str:
    return one_line(format_path(name))
