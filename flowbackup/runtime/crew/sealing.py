"""The end of a session on its media: its record, and the seal."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.exceptions import RayError

from flowbackup.media.port import WriterStatistics
from flowbackup.model.record import SessionRecord
from flowbackup.runtime.cluster.faults import as_ours
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.station import Station
from flowbackup.runtime.crew.watch import ANSWER_SECONDS_MAX, Watch

FINISH_SECONDS_MAX = 120
"""Sealing writes an index and syncs: seconds on a slow disk, two minutes on one that is dying."""
CANCELLED_FINISH_SECONDS_MAX = 2
"""Who says "now" does not wait for a slow disk: what was committed is valid without a seal."""


def seal_media(
    crew: Crew, watch: Watch, record: SessionRecord, *, is_to_end_now: bool
) -> tuple[dict[str, WriterStatistics], bool]:
    """Seals every medium that still works; and whether all required ones that did until now could
    be sealed.  Behind a lost buffer nothing is committed any more: what was written last came from
    slots that may have been filled again meanwhile."""
    data = record.to_json()
    stations = {
        n: s for n, s in crew.stations.items() if not (s.agent_lost or s.buffer_lost)
    }  # fmt: skip
    calls: dict[str, Any] = {n: s.agent.finish.remote(data) for n, s in stations.items()}
    written: dict[str, WriterStatistics] = {}
    all_sealed = True
    patience = CANCELLED_FINISH_SECONDS_MAX if is_to_end_now else FINISH_SECONDS_MAX
    latest = time.monotonic() + patience
    for name, reference in calls.items():
        station = stations[name]
        is_given_up = bool(station.failure) or not station.plan.required
        try:
            written[name] = _finished(station, reference, latest)
        except RayError as first:
            error: RayError = first
            if not is_to_end_now and watch.revive(name, error):
                try:
                    written[name] = _finished(station, station.agent.finish.remote(data), latest)
                    continue
                except RayError as second:
                    error = second
            all_sealed &= is_given_up
            watch.fail(station, str(as_ours(error, f"media agent {name}")))
    if not is_to_end_now:
        # The session's record is a frame, too, and can be repaired like one.
        watch.ask_durable(time.monotonic() + ANSWER_SECONDS_MAX)
    return written, all_sealed


def _finished(station: Station, reference: Any, latest: float) -> WriterStatistics:
    written: WriterStatistics = ray.get(reference, timeout=max(0.0, latest - time.monotonic()))
    return station.earlier + written
