"""One stage of copies from start to report: what a restore group reads and copy groups write."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.holder import holder_text
from flowbackup.flow.outcome import end_copies
from flowbackup.frame.keys import WriterKey
from flowbackup.media.port import WriterStatistics
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.profile import Profile, Work
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan
from flowbackup.plan.groups import COPY, RESTORE
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.copying.runs import CopyRuns
from flowbackup.runtime.copying.work import CopyWork, VersionWork
from flowbackup.runtime.crew.changes import LiveChanges
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.doors import doors_of
from flowbackup.runtime.crew.ends import report_device, report_retired
from flowbackup.runtime.crew.entrance import Entrance
from flowbackup.runtime.crew.opening import open_crew
from flowbackup.runtime.crew.preflight import near_nodes
from flowbackup.runtime.crew.reception import Reception
from flowbackup.runtime.crew.sealing import seal_media, stop_writing
from flowbackup.runtime.crew.spent import profile_of
from flowbackup.runtime.crew.watch import Watch
from flowbackup.runtime.edges.wiring import Durable
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.reading.looking import look_at
from flowbackup.runtime.versions import tool_versions
from flowbackup.units import counted

KIND = "copy"
NOTHING: Mapping[str, WriterStatistics] = MappingProxyType({})


class CopySession:
    """Runs a stage once."""

    def __init__(
        self, stage: Plan, catalog: Catalog, monitor: Monitor, copied: bytes | None,
        cancel: Cancel, wait_seconds_max: float = 0.0, session: bytes = b"",
        key: WriterKey | None = None,
    ) -> None:  # fmt: skip
        """copied: the session whose versions `versions: session` means, None for none.
        session: its own id, a new one for none.  cancel: ends it.  wait_seconds_max: how long it
        may wait for devices that others hold.  key: seals what tells of it."""
        self.session = session or new_id()
        self._stage = stage
        self._catalog = catalog
        self._monitor = monitor
        self._copied = copied
        self._key = key
        self._times = Beginning()
        self._cancel = cancel
        self._work: CopyWork | None = None
        self._wait_seconds_max = wait_seconds_max
        self._short: set[str] = set()
        self._reception = Reception(self.session, KIND, stage.graph, self._times, cancel)

    def run(self, engine: Engine) -> SessionReport:
        """Raises what was found before a byte moved, InterruptedSessionError if that was a cancel;
        everything later is told in the report."""
        with self._reception:
            if self._reception.fault:
                self._monitor.message(self._reception.fault)
            return self._run(engine)

    def _run(self, engine: Engine) -> SessionReport:
        entrance = Entrance(
            self.session, doors_of(self._stage, self.session, engine), self._wait_seconds_max,
            self._monitor, cancel=self._cancel,
        )  # fmt: skip
        self._times.turn_to(Work.OPENING)
        with open_crew(
            self._stage, self.session, entrance, self._monitor, engine, self._cancel, self._key
        ) as crew:
            self._cancel.refuse("anything was copied")
            crew.wire()
            # From here on it has a report: a word before that has begun nothing.
            self._begin(crew)
            self._hear_of_killed(crew)
            report, finished_ns, profile = self._copy(crew)
        self._catalog.end_session(report, finished_ns)
        return replace(report, profile=profile(self._times.seconds()))

    def _begin(self, crew: Crew) -> None:
        for name, media in crew.media.items():
            for info in media:
                self._add_medium(name, info)
        self._catalog.begin_session(
            self.session, KIND, self._stage.graph, self._stage.graph_text, socket.gethostname(),
            self._times.started_ns, holder_text(self._reception.path),
        )  # fmt: skip
        self._monitor.session_began(self.session, KIND, self._stage.graph)

    def _hear_of_killed(self, crew: Crew) -> None:
        """Copies that were interrupted may have written more than they lived to tell."""
        if all(row.kind != KIND for row in self._catalog.unfinished.sessions(self._stage.graph)):
            return
        near = near_nodes(self._stage)
        for agent in self._stage.agents:
            if agent.role == COPY and agent.node in near:
                for info in crew.media[agent.name]:
                    look_at(self._catalog, info)

    def _add_medium(self, agent: str, info: MediumInfo) -> None:
        node = next(n for n in self._stage.nodes if n.name == self._stage.agent(agent).node)
        self._catalog.add_medium(replace(info, node=node.name, node_labels=node.labels))

    def _copy(self, crew: Crew) -> tuple[SessionReport, int, Callable[[float], Profile]]:
        self._times.turn_to(Work.RUNNING)
        media = {name: {info.medium for info in media} for name, media in crew.media.items()}
        work = self._work = CopyWork(
            self._catalog, self._stage, media, time.time_ns(), self._copied
        )
        for group, frames in work.skipped.items():
            self._monitor.message(f"{group}: {counted(frames, 'frame')} there already")
        watch = Watch(crew, self._keep, self._add_medium)
        runs = CopyRuns(
            self._catalog, self._stage, crew, watch, work,
            lambda: self._look(crew, watch, runs, changes),
        )  # fmt: skip
        changes = LiveChanges(self.session, crew, watch)
        runs.run()
        self._reception.end_changes()
        stop_writing(crew, watch)
        self._times.turn_to(Work.SEALING)
        self._round(watch)
        so_far = self._report(crew, watch, runs, all_sealed=True)
        record = self._session_record(so_far)
        written, all_sealed = NOTHING, True
        if work.frames:
            written, all_sealed = seal_media(crew, watch, record)
            if all_sealed:
                self._catalog.ends.told(record.ends)
        self._times.turn_to(Work.RECORDING)
        report = self._report(crew, watch, runs, all_sealed=all_sealed, written=written)
        for problem in report.problems:
            self._monitor.problem(problem)
        profile = partial(profile_of, self._times, self._stage, watch, written)
        return report, record.finished_ns, profile

    def _round(self, watch: Watch) -> None:
        watch.round()
        # The other copies go on: a group that fails costs its own copy.
        for group, text in watch.short_of_devices().items():
            if group not in self._short:
                self._short.add(group)
                watch.end_group(group, text)

    def _look(self, crew: Crew, watch: Watch, runs: CopyRuns, changes: LiveChanges) -> None:
        runs.hear()
        self._round(watch)
        for device in changes.leave_behind(time.monotonic()):
            self._monitor.message(f"{device} is too slow: the session goes on without it")
        self._reception.make_changes(changes)
        total = self._work.payload_bytes if self._work is not None else None
        progress = watch.progress(KIND, None, total)
        self._reception.tell(progress, crew)
        self._monitor.progress(progress)

    def _keep(self, agent: str, frames: Sequence[Durable]) -> None:
        self._catalog.add_durable([(frame.header, frame.place) for frame in frames])
        if self._work is not None:
            for frame in frames:
                self._work.durable(agent, frame.header.frame_id)

    def _report(
        self, crew: Crew, watch: Watch, runs: CopyRuns, *, all_sealed: bool,
        written: Mapping[str, WriterStatistics] = NOTHING,
    ) -> SessionReport:  # fmt: skip
        assert self._work is not None
        work = self._work
        outcomes = [work.outcome(version) for version in work.versions]
        lost = any(s.failure and s.plan.required for s in crew.stations.values())
        outcome, exit_code = end_copies(
            outcomes, interrupted=self._cancel.is_told, all_sealed=all_sealed and not lost
        )
        devices = (*self._readers(crew, runs), *self._writers(crew, watch, written))
        return SessionReport(
            session=id_text(self.session), kind=KIND, graph=self._stage.graph, outcome=outcome,
            exit_code=exit_code, engine=crew.engine.name, duration_seconds=self._times.seconds(),
            start_seconds=self._start_seconds(watch), files=0, bytes_source=work.payload_bytes,
            bytes_read=watch.bytes_read,
            bytes_new=sum(w.bytes_payload for w in self._written_by_copies(crew, watch, written)),
            objects=tuple(map(self._object, work.versions, outcomes)), devices=devices,
            problems=tuple(watch.problems),
        )  # fmt: skip

    def _object(self, work: VersionWork, outcome: Outcome) -> ObjectReport:
        assert self._work is not None
        record = work.version.record
        required = {item.group for item in self._stage.selections if item.required}
        return ObjectReport(
            name=record.name, client=record.client, object_id=id_text(record.object_id),
            version=work.version.number, outcome=outcome,
            copies_durable=len(self._work.complete(work)),
            copies_required=len(required.intersection(work.groups)),
        )  # fmt: skip

    def _readers(self, crew: Crew, runs: CopyRuns) -> list[DeviceReport]:
        """What was read, so that every copy tells where it comes from."""
        return [
            DeviceReport(
                name=agent.device.name, agent=agent.name, role=RESTORE, level=agent.level,
                node=agent.node, state="failed" if agent.name in crew.clients_lost else "complete",
                bytes_written=0, frames=runs.frames_read[agent.name],
                medium=id_text(crew.media[agent.name][-1].medium), required=False,
            )
            for agent in self._stage.agents
            if agent.role == RESTORE
        ]  # fmt: skip

    def _writers(
        self, crew: Crew, watch: Watch, written: Mapping[str, WriterStatistics]
    ) -> list[DeviceReport]:  # fmt: skip
        return [
            report
            for name, station in crew.stations.items()
            for report in (
                *map(report_retired, station.retired),
                report_device(
                    station, _heard(name, watch, written), crew.media[name][-1].medium, ()
                ),
            )
        ]

    def _written_by_copies(
        self, crew: Crew, watch: Watch, written: Mapping[str, WriterStatistics]
    ) -> list[WriterStatistics]:  # fmt: skip
        names = [name for name, s in crew.stations.items() if s.plan.role == COPY]
        return [_heard(name, watch, written) for name in names]

    def _session_record(self, so_far: SessionReport) -> SessionRecord:
        record = SessionRecord.of_report(
            so_far, started_ns=self._times.started_ns, finished_ns=time.time_ns(),
            host=socket.gethostname(), graph=self._stage.graph_text, versions=tool_versions(),
            ends=self._catalog.ends.untold(self._stage.graph, KIND),
        )  # fmt: skip
        is_open = self._key is None and self._work is not None and self._work.has_sealed
        return record.without_names() if is_open else record

    def _start_seconds(self, watch: Watch) -> float:
        first = watch.first_frame_at
        return max(0.0, first - self._times.started_ns / 1e9) if first else 0.0


def _heard(
    name: str, watch: Watch, written: Mapping[str, WriterStatistics]
) -> WriterStatistics:  # fmt: skip
    """What a sealed device has told; of others the last that was heard."""
    return written.get(name) or watch.writers.get(name, WriterStatistics())
