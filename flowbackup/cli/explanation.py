"""Which copies a restore used, and why: a line for each medium, one for each frame that took
another way."""

from __future__ import annotations

from flowbackup.cli.columns import table
from flowbackup.cli.names import one_line, short_id, time_text
from flowbackup.cli.output import Output
from flowbackup.model.report import Detour, Explanation, MediumUse
from flowbackup.units import format_size

HEADS = ("device", "medium", "node", "verified", ">frames", ">read", "because")


def show_explanation(explanation: Explanation, output: Output) -> None:
    """As rows `medium` and `detour`, or as a table and lines."""
    if output.json:
        for use in explanation.media:
            output.row("medium", medium_fields(use), "")
        for detour in explanation.detours:
            output.row("detour", detour_fields(detour), "")
        return
    output.text(table(HEADS, [_cells(use) for use in explanation.media]))
    for detour in explanation.detours:
        output.text(_detour_text(detour))


def medium_fields(use: MediumUse) -> dict[str, object]:
    """The published keys of a medium."""
    return {
        "device": use.device,
        "medium": use.medium,
        "location": use.location,
        "node": use.node,
        "reachable": not use.fault,
        "fault": use.fault,
        "busy_with": use.holder,
        "verified_ns": use.verified_ns or None,
        "frames": use.frames,
        "bytes_read": use.bytes_read,
        "reasons": dict(use.reasons),
    }


def detour_fields(detour: Detour) -> dict[str, object]:
    """The published keys of a frame that was not taken from its first choice."""
    return {
        "frame": detour.frame,
        "taken_from": detour.taken_from,
        "failures": list(detour.failures),
    }


def _cells(use: MediumUse) -> tuple[str, ...]:
    return (
        use.device,
        short_id(use.medium),
        use.node,
        time_text(use.verified_ns) if use.verified_ns else "never",
        str(use.frames),
        format_size(use.bytes_read),
        one_line(_why(use)),
    )


def _why(use: MediumUse) -> str:
    parts = [f"{why}: {frames}" for why, frames in use.reasons]
    if use.holder:
        parts.append(f"busy with {use.holder}")
    if use.fault:
        parts.append(f"not reachable: {use.fault}")
    return "; ".join(parts) or "never the first choice"


def _detour_text(detour: Detour) -> str:
    failures = "; ".join(detour.failures)
    return one_line(f"frame {detour.frame} was taken from {detour.taken_from}, because {failures}")
