"""The end of a session on its media: its record, and the seal."""

from __future__ import annotations

import time

from flowbackup.frame.record_frame import record_frame
from flowbackup.media.port import WriterStatistics
from flowbackup.model.record import SessionRecord
from flowbackup.runtime.cancel import Part
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.station import Station
from flowbackup.runtime.crew.watch import ANSWER_SECONDS_MAX, Watch
from flowbackup.runtime.engines.answers import answer_by
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Reference

FINISH_SECONDS_MAX = 120
"""Sealing writes an index and syncs: seconds on a slow disk, two minutes on one that is dying."""


def stop_writing(crew: Crew, watch: Watch) -> None:
    """A session that was told to end does not wait for what lies in buffers: every device ends
    behind the frame that it is writing, and what is durable then is heard.  One that takes longer
    has what it has told before."""
    if not crew.cancel.is_told:
        return
    latest = time.monotonic() + ANSWER_SECONDS_MAX
    calls = {name: station.agent.stop.remote() for name, station in _writing(crew).items()}
    for reference in calls.values():
        try:
            answer_by(reference, lambda: crew.cancel.latest(Part.WRITE, latest))
        except CallError:
            # Whoever is lost is found so by the questions that follow.
            continue
    watch.ask_durable(time.monotonic() + ANSWER_SECONDS_MAX)


def seal_media(
    crew: Crew, watch: Watch, record: SessionRecord
) -> tuple[dict[str, WriterStatistics], bool]:  # fmt: skip
    """Seals every medium that still works; and whether all required ones that did until now could
    be sealed.  Behind a lost buffer nothing is committed any more: what was written last came from
    slots that may have been filled again meanwhile.  Who says "now" does not wait for a slow disk:
    what was committed is valid without a seal."""
    closing = record_frame(record.session, record.to_json(), crew.key)
    stations = _writing(crew)
    calls: dict[str, Reference] = {n: s.agent.finish.remote(*closing) for n, s in stations.items()}
    written: dict[str, WriterStatistics] = {}
    all_sealed = True
    latest = time.monotonic() + FINISH_SECONDS_MAX
    for name, reference in calls.items():
        station = stations[name]
        is_given_up = bool(station.failure) or not station.plan.required
        try:
            written[name] = _finished(crew, station, reference, latest)
        except CallError as first:
            error: CallError = first
            if not crew.cancel.is_told and watch.revive(name, error):
                again = station.agent.finish.remote(*closing)
                try:
                    written[name] = _finished(crew, station, again, latest)
                    continue
                except CallError as second:
                    error = second
            all_sealed &= is_given_up
            watch.fail(station, str(as_ours(error, f"media agent {name}")))
    if not crew.cancel.is_now:
        # The session's record is a frame, too, and can be repaired like one.
        watch.ask_durable(time.monotonic() + ANSWER_SECONDS_MAX)
    return written, all_sealed


def _finished(
    crew: Crew, station: Station, reference: Reference, latest: float
) -> WriterStatistics:
    written: WriterStatistics = answer_by(reference, lambda: crew.cancel.latest(Part.SEAL, latest))
    return station.earlier + written


def _writing(crew: Crew) -> dict[str, Station]:
    """The stations of which the medium can be sealed."""
    return {n: s for n, s in crew.stations.items() if not (s.agent_lost or s.buffer_lost)}
