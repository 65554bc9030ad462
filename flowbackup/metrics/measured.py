"""Numbers taken from what a session tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowbackup.metrics.families import Sample
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Progress, count_by_kind


@dataclass(frozen=True, slots=True)
class History:
    """What is known of earlier runs.  last_success: seconds, 0 for never.  below: versions with too
    few copies, None where nobody could look."""

    last_success: float = 0.0
    below: int | None = None


class Stalls:
    """How long each edge has waited, from snapshots that tell of the wait that lasts now."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        self._now: dict[str, float] = {}

    def add(self, progress: Progress) -> None:
        for edge in progress.edges:
            before = self._now.get(edge.name, 0.0)
            now = edge.waiting_seconds if edge.waiting_for else 0.0
            if now < before:  # That wait is over, and its last moment is all that was seen of it.
                self._ended[edge.name] = self._ended.get(edge.name, 0.0) + before
            self._now[edge.name] = now

    def seconds(self, edge: str) -> float:
        return self._ended.get(edge, 0.0) + self._now.get(edge, 0.0)


def of_progress(graph: str, progress: Progress, stalls: Stalls) -> Iterator[Sample]:
    """What moves."""
    for edge in progress.edges:
        for family, value in (
            ("flowbackup_edge_moved_bytes", edge.bytes_moved),
            ("flowbackup_edge_durable_bytes", edge.bytes_durable),
            ("flowbackup_edge_slots", edge.slots),
            ("flowbackup_edge_slots_used", edge.slots_used),
            ("flowbackup_edge_stall_seconds", stalls.seconds(edge.name)),
        ):
            yield Sample(family, graph, (edge.name,), value)


def of_history(graph: str, history: History, *, running: bool) -> Iterator[Sample]:
    yield Sample("flowbackup_running", graph, (), float(running))
    yield Sample("flowbackup_last_success_timestamp_seconds", graph, (), history.last_success)
    if history.below is not None:
        yield Sample("flowbackup_versions_below_copies", graph, (), history.below)


def of_end(
    graph: str, outcome: Outcome, exit_code: int, ended: float, seconds: float
) -> Iterator[Sample]:  # fmt: skip
    """Of any run, also of one that was never begun.  ended: seconds."""
    for each in Outcome:
        yield Sample("flowbackup_last_outcome", graph, (each.value,), float(each is outcome))
    yield Sample("flowbackup_last_exit_code", graph, (), exit_code)
    yield Sample("flowbackup_last_end_timestamp_seconds", graph, (), ended)
    yield Sample("flowbackup_last_duration_seconds", graph, (), seconds)


def of_report(graph: str, report: SessionReport) -> Iterator[Sample]:
    """Of a run and the stages behind it."""
    parts = (report, *report.stages)
    for family, value in (
        ("flowbackup_last_files", report.files),
        ("flowbackup_last_source_bytes", report.bytes_source),
        ("flowbackup_last_read_bytes", report.bytes_read),
        ("flowbackup_last_new_bytes", report.bytes_new),
    ):
        yield Sample(family, graph, (), value)
    problems = [problem for part in parts for problem in part.problems]
    for kind, count in count_by_kind(problems).items():
        yield Sample("flowbackup_last_problems", graph, (kind,), count)
    written: dict[tuple[str, ...], float] = {}
    complete: dict[tuple[str, ...], bool] = {}
    for device in (device for part in parts for device in part.devices):
        labels: tuple[str, ...]
        labels = (device.agent or device.name, device.name, device.role, str(device.level))
        written[labels] = written.get(labels, 0.0) + device.bytes_written
        complete[labels] = complete.get(labels, True) and device.state == "complete"
    for labels, size in written.items():
        yield Sample("flowbackup_device_written_bytes", graph, labels, size)
        yield Sample("flowbackup_device_complete", graph, labels, float(complete[labels]))
