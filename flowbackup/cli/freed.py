"""What staging devices gave back, or would, and why the rest stays."""

from __future__ import annotations

from flowbackup.cli.names import one_line
from flowbackup.model.report import FreedReport
from flowbackup.units import counted, format_size


def freed_text(freed: FreedReport, *, dry_run: bool) -> str:
    """A line for the device, one for each reason why something stays on it."""
    verb = "would give back" if dry_run else "gave back"
    what = f"{format_size(freed.size_bytes)} in {counted(freed.segments, 'segment')}"
    if freed.moved_frames:
        what += f", of which {format_size(freed.moved_bytes)} are written anew{_places(freed)}"
    lines = [f"  {freed.device} {verb} {what if freed.segments else 'nothing'}"]
    for kept in freed.kept:
        size = f"{format_size(kept.size_bytes)} in {counted(kept.segments, 'segment')}"
        lines.append(f"    {size} stay ({kept.reason}): {one_line(kept.text)}")
    return "\n".join(lines)


def _places(freed: FreedReport) -> str:
    """Where what did not stay on its medium has gone."""
    parts = (f"{format_size(m.size_bytes)} on medium {m.number} of the set" for m in freed.moved_to)
    text = ", ".join(parts)
    return f" ({text})" if text else ""
