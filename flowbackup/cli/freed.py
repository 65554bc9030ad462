"""What staging devices gave back, or would, and why the rest stays."""

from __future__ import annotations

from flowbackup.cli.names import one_line
from flowbackup.model.report import FreedReport, KeptReport
from flowbackup.units import format_size


def freed_fields(freed: FreedReport) -> dict[str, object]:
    """The published keys of a staging device."""
    return {
        "device": freed.device,
        "medium": freed.medium,
        "segments": freed.segments,
        "frames": freed.frames,
        "bytes": freed.size_bytes,
        "kept": [_kept_fields(kept) for kept in freed.kept],
    }


def _kept_fields(kept: KeptReport) -> dict[str, object]:
    return {
        "reason": kept.reason,
        "text": kept.text,
        "segments": kept.segments,
        "bytes": kept.size_bytes,
    }


def freed_text(freed: FreedReport, *, dry_run: bool) -> str:
    """A line for the device, one for each reason why something stays on it."""
    verb = "would give back" if dry_run else "gave back"
    what = f"{format_size(freed.size_bytes)} in {freed.segments} segments"
    lines = [f"  {freed.device} {verb} {what if freed.segments else 'nothing'}"]
    for kept in freed.kept:
        size = f"{format_size(kept.size_bytes)} in {kept.segments} segments"
        lines.append(f"    {size} stay ({kept.reason}): {one_line(kept.text)}")
    return "\n".join(lines)
