"""Reports as objects of JSON: the published keys, for `--json` and for notices."""

from __future__ import annotations

import base64

from flowbackup.model.profile import Profile
from flowbackup.model.report import (
    DeviceReport,
    FreedReport,
    KeptReport,
    MovedReport,
    ObjectReport,
    SessionReport,
)
from flowbackup.monitor import Problem
from flowbackup.units import format_path


def command_fields(report: SessionReport, *, profile: bool = False) -> dict[str, object]:
    """Of a whole command: a session with those behind it, and the worst end of them.  profile: with
    where the time of each went."""
    first, *stages = [
        summary_fields(part) | (profile_fields(part.profile) if profile else {})
        for part in (report, *report.stages)
    ]
    worst = {"outcome": report.worst.outcome.value, "exit_code": report.worst.exit_code}
    return {**first, **({"stages": stages} if stages else {}), **worst}


def profile_fields(profile: Profile | None) -> dict[str, object]:
    """The published keys of a profile; none where nothing was measured."""
    if profile is None:
        return {}
    spent = [
        {"role": part.role.value, "name": part.name, "work": part.work.value,
         "seconds": round(part.seconds, 6), **({"target": part.target} if part.target else {})}
        for part in profile.spent
    ]  # fmt: skip
    return {"profile": {"seconds": round(profile.seconds, 6), "spent": spent}}


def summary_fields(report: SessionReport) -> dict[str, object]:
    """The published keys of a summary."""
    freed = {"freed": [freed_fields(item) for item in report.freed]} if report.freed else {}
    return freed | {
        "outcome": report.outcome.value,
        "exit_code": report.exit_code,
        "session": report.session,
        "kind": report.kind,
        "graph": report.graph,
        "engine": report.engine,
        "duration_seconds": round(report.duration_seconds, 3),
        "start_seconds": round(report.start_seconds, 3),
        "files": report.files,
        "bytes_source": report.bytes_source,
        "bytes_read": report.bytes_read,
        "bytes_new": report.bytes_new,
        "bytes_known": report.bytes_known,
        "bytes_deduplicated": report.bytes_deduplicated,
        "bytes_packed": report.bytes_packed,
        "objects": [_object_fields(item) for item in report.objects],
        "devices": [device_fields(item) for item in report.devices],
        "problems": [problem_fields(item) for item in report.problems],
    }


def _object_fields(item: ObjectReport) -> dict[str, object]:
    return {
        "name": item.name,
        "client": item.client,
        "object_id": item.object_id,
        "version": item.version,
        "outcome": item.outcome.value,
        "copies_durable": item.copies_durable,
        "copies_required": item.copies_required,
        "files": item.files,
        "bytes_source": item.bytes_source,
        "bytes_read": item.bytes_read,
        "bytes_new": item.bytes_new,
        "bytes_known": item.bytes_known,
        "bytes_deduplicated": item.bytes_deduplicated,
        "bytes_packed": item.bytes_packed,
    }


def device_fields(item: DeviceReport) -> dict[str, object]:
    """The published keys of a media agent."""
    return {
        "name": item.name,
        "agent": item.agent,
        "role": item.role,
        "level": item.level,
        "node": item.node,
        "state": item.state,
        "bytes_written": item.bytes_written,
        "frames": item.frames,
        "syncs": item.syncs,
    }


def problem_fields(problem: Problem) -> dict[str, object]:
    """A problem for programs; `path` or `device` only where it has one."""
    fields: dict[str, object] = {"kind": problem.kind, "text": problem.text}
    if problem.path is not None:
        fields.update(path_fields(problem.path))
    if problem.device is not None:
        fields["device"] = problem.device
    return fields


def freed_fields(freed: FreedReport) -> dict[str, object]:
    """The published keys of a device that gave back room; what was moved only where it was."""
    moved: dict[str, object] = {
        "moved_frames": freed.moved_frames, "moved_bytes": freed.moved_bytes
    }  # fmt: skip
    if freed.moved_to:
        moved["moved_to"] = [_moved_fields(part) for part in freed.moved_to]
    return (moved if freed.moved_frames else {}) | {
        "device": freed.device,
        "medium": freed.medium,
        "segments": freed.segments,
        "frames": freed.frames,
        "bytes": freed.size_bytes,
        "kept": [_kept_fields(kept) for kept in freed.kept],
    }


def _moved_fields(moved: MovedReport) -> dict[str, object]:
    return {
        "medium": moved.medium,
        "number": moved.number,
        "frames": moved.frames,
        "bytes": moved.size_bytes,
    }


def _kept_fields(kept: KeptReport) -> dict[str, object]:
    return {
        "reason": kept.reason,
        "text": kept.text,
        "segments": kept.segments,
        "bytes": kept.size_bytes,
    }


def path_fields(path: bytes, name: str = "path") -> dict[str, object]:
    """A path for programs: as text, and in base64 too where the text could not be turned back."""
    try:
        return {name: path.decode("utf-8")}
    except UnicodeDecodeError:
        encoded = base64.b64encode(path).decode()
        return {name: format_path(path), f"{name}_base64": encoded}
