"""How a session ended: the `summary` object for programs, a few lines for people."""

from __future__ import annotations

from flowbackup.cli.columns import table
from flowbackup.cli.freed import freed_text
from flowbackup.cli.names import one_line, path_text, short_id
from flowbackup.cli.output import Output
from flowbackup.cli.profile import profile_text
from flowbackup.model.published import command_fields
from flowbackup.model.report import DeviceReport, ObjectReport, SessionReport
from flowbackup.monitor import Problem, count_by_kind
from flowbackup.units import counted, format_rate, format_seconds, format_size

BACKUP = "backup"
REPAIR = "repair"
COPY = "copy"
FREEING = ("free", "prune")
FORGET = "forget"
PROBLEMS_SHOWN_MAX = 20
"""More than a screen of problems hides the rest; the catalog and --json have all of them."""


def show_summary(report: SessionReport, output: Output, *, profile: bool = False) -> int:
    """Tells how a session and the stages behind it ended, and returns the exit code of the
    command: that of the worst of them.  profile: also where their time went."""
    exit_code = report.worst.exit_code
    if output.log_json:
        output.log.ended(report)
    if output.json:
        output.row("summary", command_fields(report, profile=profile), "")
    elif profile or not (output.quiet and exit_code == 0):
        for part in (report, *report.stages):
            output.text(summary_text(part, output))
            if profile and part.profile is not None:
                output.text(profile_text(part.profile))
    return exit_code


def summary_text(report: SessionReport, output: Output) -> str:
    """Outcome first, then numbers, objects, devices, and what went wrong."""
    parts = [_head(report, output), _numbers(report)]
    parts += [freed_text(item, dry_run=not report.session) for item in report.freed]
    if report.objects:
        parts.append(_indented(_object_table(report.objects)))
    if report.devices and report.kind not in FREEING:
        parts.append(_indented(_device_table(report.devices)))
    if report.problems:
        parts.append(_problem_text(report.problems, output))
    return "\n".join(parts)


def _head(report: SessionReport, output: Output) -> str:
    outcome = output.styled(report.outcome.value, report.outcome.value)
    what = {BACKUP: f"graph {report.graph}", "": report.kind}.get(
        report.kind if report.graph else "", f"{report.kind} of {report.graph}"
    )
    session = f"session {short_id(report.session)}" if report.session else "dry run"
    return f"{outcome}: {what}, {session}"


def _numbers(report: SessionReport) -> str:
    """Only a backup selects and sends, a repair moves frames; reading sessions just read."""
    parts = [counted(report.files, "file"), f"{format_size(report.bytes_read)} read"]
    if report.kind == REPAIR:
        frames = sum(device.frames for device in report.devices)
        parts = [
            f"{counted(frames, 'frame')} moved",
            parts[1],
            f"{format_size(report.bytes_new)} written",
        ]
    if report.kind == COPY:
        frames = sum(device.frames for device in report.devices if device.role == COPY)
        parts = [
            f"{counted(frames, 'frame')} copied",
            parts[1],
            f"{format_size(report.bytes_new)} written",
        ]
    if report.kind == FORGET:
        return f"  decided in {format_seconds(report.duration_seconds)}"
    if report.kind in FREEING:
        segments = sum(freed.segments for freed in report.freed)
        size = format_size(sum(freed.size_bytes for freed in report.freed))
        verb = "freed" if report.session else "would be freed"
        took = format_seconds(report.duration_seconds)
        return f"  {size} {verb} in {counted(segments, 'segment')}, looked at in {took}"
    if report.kind == BACKUP:
        parts.insert(1, f"{format_size(report.bytes_source)} selected")
        parts.append(f"{format_size(report.bytes_new)} new{_packed(report)}")
        if report.bytes_deduplicated:
            parts.append(f"{format_size(report.bytes_deduplicated)} known already")
        if report.bytes_known:
            parts.append(f"{format_size(report.bytes_known)} unchanged and not read")
    busy = report.duration_seconds - report.start_seconds
    rate = format_rate(report.bytes_read / busy) if busy > 0 else "-"
    started = f"{format_seconds(report.start_seconds)} to start, " if report.start_seconds else ""
    return f"  {', '.join(parts)} in {format_seconds(report.duration_seconds)} ({started}{rate})"


def _packed(report: SessionReport) -> str:
    """What became of new content, where that is less."""
    if not 0 < report.bytes_packed < report.bytes_new:
        return ""
    factor = report.bytes_new / report.bytes_packed
    return f" and packed into {format_size(report.bytes_packed)} ({factor:.1f}x)"


def _object_table(items: tuple[ObjectReport, ...]) -> str:
    rows = [
        (
            f"{item.client}/{item.name}" + (f"@{item.version}" if item.version else ""),
            short_id(item.object_id),
            item.outcome.value,
            _copies(item),
        )
        for item in items
    ]
    return table(("object", "id", "outcome", ">durable copies"), rows)


def _copies(item: ObjectReport) -> str:
    if not item.copies_required:
        return str(item.copies_durable)
    return f"{item.copies_durable} of {item.copies_required}"


def _device_table(items: tuple[DeviceReport, ...]) -> str:
    rows = [
        (
            item.agent or item.name,
            item.role,
            str(item.level),
            item.state,
            format_size(item.bytes_written),
            str(item.frames),
            str(item.syncs),
        )
        for item in items
    ]
    return table(("agent", "role", ">level", "state", ">written", ">frames", ">syncs"), rows)


def _problem_text(problems: tuple[Problem, ...], output: Output) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in count_by_kind(problems).items())
    shown = problems if output.verbose else problems[:PROBLEMS_SHOWN_MAX]
    lines = [f"  problems: {counts}", *(f"    {problem_text(problem)}" for problem in shown)]
    if len(shown) < len(problems):
        lines.append(f"    and {len(problems) - len(shown)} more; -v shows all")
    return "\n".join(lines)


def problem_text(problem: Problem) -> str:
    """One line: the kind, on what, and why."""
    place = path_text(problem.path) if problem.path is not None else problem.device or ""
    head = f"{problem.kind} {place}" if place else problem.kind
    return f"{head}: {one_line(problem.text)}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
