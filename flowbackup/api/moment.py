"""One moment of a running session, in words and as fields.  An unknown total is called unknown."""

from __future__ import annotations

from flowbackup.api.rates import READ
from flowbackup.monitor import WAITING, EdgeState, Progress
from flowbackup.units import counted, format_rate, format_size


def progress_line(progress: Progress, rates: dict[str, float]) -> str:
    """The whole state on one line of a log."""
    if progress.stage == WAITING:
        edges = (f"{edge.name} {edge_state_text(edge)}" for edge in progress.edges)
        return f"{WAITING}: {'; '.join(edges)}"
    parts = [stage_text(progress, rates)]
    parts.extend(_edge_text(edge, rates[edge.name]) for edge in progress.edges)
    return "; ".join(parts)


def stage_text(progress: Progress, rates: dict[str, float]) -> str:
    """What is done, how much of it, how fast; while nothing was read, only what was found."""
    if progress.stage == WAITING:
        return WAITING
    if progress.bytes_read or progress.files or progress.edges:
        return f"{progress.stage}: {done_text(progress)} at {format_rate(rates[READ])}"
    if progress.files_total is None or progress.bytes_total is None:
        return progress.stage
    found = f"{counted(progress.files_total, 'file')}, {format_size(progress.bytes_total)}"
    return f"{progress.stage}: {found} to read"


def _edge_text(edge: EdgeState, rate: float) -> str:
    text = f"{edge.name} {format_rate(rate)}"
    if edge.slots:
        text += f" buffer {edge.slots_used}/{edge.slots} durable {format_size(edge.bytes_durable)}"
    state = edge_state_text(edge)
    return text if state == "running" else f"{text} {state}"


WAITING_SECONDS_SHOWN = 1.0
"""Every edge waits a moment for every sync; only a wait that lasts is news."""


def edge_state_text(edge: EdgeState) -> str:
    """ "running", "waiting for usb since 14 s", or what the edge says it is."""
    if edge.waiting_for and edge.waiting_seconds >= WAITING_SECONDS_SHOWN:
        return f"waiting for {edge.waiting_for} since {edge.waiting_seconds:.0f} s"
    return edge.state


def done_text(progress: Progress) -> str:
    """Files and bytes read, of totals where they are known."""
    if progress.files_total is None:
        files = f"{counted(progress.files, 'file')} (total unknown)"
    else:
        files = f"{progress.files} of {counted(progress.files_total, 'file')}"
    read = format_size(progress.bytes_read)
    if progress.bytes_total is None:
        return f"{files}, {read} read (total unknown)"
    return f"{files}, {read} of {format_size(progress.bytes_total)} read"


def progress_fields(progress: Progress, rates: dict[str, float]) -> dict[str, object]:
    """A state for programs; unknown totals are null."""
    return {
        "stage": progress.stage,
        "files": progress.files,
        "files_total": progress.files_total,
        "bytes_read": progress.bytes_read,
        "bytes_total": progress.bytes_total,
        "bytes_per_second": round(rates[READ]),
        "edges": [
            {
                "name": edge.name,
                "level": edge.level,
                "bytes_moved": edge.bytes_moved,
                "bytes_durable": edge.bytes_durable,
                "bytes_per_second": round(rates[edge.name]),
                "slots_used": edge.slots_used,
                "slots": edge.slots,
                "state": edge.state,
                "waiting_for": edge.waiting_for,
                "waiting_seconds": round(edge.waiting_seconds, 1),
            }
            for edge in progress.edges
        ],
    }
