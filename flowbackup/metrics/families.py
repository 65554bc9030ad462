"""Every number that flowbackup gives to Prometheus: the only list of their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class Family:
    """labels: beside the graph.  help: for whoever looks at it in Prometheus."""

    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One number now.  labels: the values of its family's, in their order."""

    family: str
    graph: str
    labels: tuple[str, ...]
    value: float


FAMILIES = {
    "flowbackup_running": Family("1 while the graph is run."),
    "flowbackup_last_end_timestamp_seconds": Family("When the last run ended."),
    "flowbackup_last_success_timestamp_seconds": Family("When the last good run ended, 0: never."),
    "flowbackup_last_outcome": Family("1 for the outcome of the last run.", ("outcome",)),
    "flowbackup_last_exit_code": Family("Exit code of the last run."),
    "flowbackup_last_duration_seconds": Family("How long the last run took."),
    "flowbackup_last_files": Family("Files of the last run."),
    "flowbackup_last_source_bytes": Family("Size of what the last run was to save."),
    "flowbackup_last_read_bytes": Family("What the last run read of it."),
    "flowbackup_last_new_bytes": Family("What of that was new."),
    "flowbackup_last_problems": Family("What went wrong in the last run.", ("kind",)),
    "flowbackup_device_written_bytes": Family(
        "What the run wrote to a device.", ("agent", "device", "role", "level")
    ),
    "flowbackup_device_complete": Family(
        "1 where the device has all that it was to get.", ("agent", "device", "role", "level")
    ),
    "flowbackup_edge_moved_bytes": Family("What an edge has carried.", ("edge",)),
    "flowbackup_edge_durable_bytes": Family("What of that is safe behind it.", ("edge",)),
    "flowbackup_edge_slots": Family("Slots of the buffer of an edge.", ("edge",)),
    "flowbackup_edge_slots_used": Family("Slots of it that are in use.", ("edge",)),
    "flowbackup_edge_stall_seconds": Family("How long an edge waited for another.", ("edge",)),
    "flowbackup_versions_below_copies": Family(
        "Versions of the graph's objects with fewer durable copies than it wants."
    ),
}
