"""One backup session from start to report: the only place that sees all of it.

Opens everything before a byte moves, lets it run, keeps the catalog, seals the media, reports.
The media are the truth: an object is complete when the media say so, the catalog only remembers.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.holder import holder_text
from flowbackup.flow.outcome import ObjectEnd, end_session
from flowbackup.frame.keys import WriterKey
from flowbackup.lanes.streams import streams_of
from flowbackup.media.port import WriterStatistics
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.profile import Profile, Work
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import Plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.backup.runs import ClientRuns
from flowbackup.runtime.backup.scan import SourceScan
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel, Part, Word
from flowbackup.runtime.crew.changes import LiveChanges
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.doors import doors_of, has_far_doors
from flowbackup.runtime.crew.ends import judge, report_device, report_object, report_retired
from flowbackup.runtime.crew.entrance import Entrance
from flowbackup.runtime.crew.known import KnownFrames
from flowbackup.runtime.crew.opening import open_crew
from flowbackup.runtime.crew.preflight import Labelling, check_device
from flowbackup.runtime.crew.reception import Reception
from flowbackup.runtime.crew.resume import earlier_states
from flowbackup.runtime.crew.sealing import seal_media, stop_writing
from flowbackup.runtime.crew.spent import profile_of
from flowbackup.runtime.crew.watch import Watch
from flowbackup.runtime.edges.wiring import Durable
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.versions import tool_versions
from flowbackup.units import counted

KIND = "backup"
ROUND_SECONDS = 0.5
ENDING = {
    Word.DRAIN: f"ending: what is read within {Part.READ.value[0]:.0f} s is finished; once more "
    "ends at once",
    Word.CUT: "ending: what is not finished is cut off",
}


class BackupSession:
    """Runs a plan once."""

    def __init__(
        self, plan: Plan, catalog: Catalog, scan: SourceScan, monitor: Monitor,
        beginning: Beginning, cancel: Cancel, wait_seconds_max: float = 0.0, *,
        resumes: bool = True, reads_all: bool = False, session: bytes = b"",
        tags: tuple[str, ...] = (), key: WriterKey | None = None,
    ) -> None:  # fmt: skip
        """cancel: ends it.  wait_seconds_max: how long it may wait for devices that others hold.
        session: its id, a new one for none.  resumes: does it go on with what interrupted sessions
        have left?  reads_all: also files that are as they were?  tags: what its versions are
        called, for retention.  key: seals everything that goes to media."""
        self.session = session or new_id()
        self._plan = plan
        self._catalog = catalog
        self._scan = scan
        self._monitor = monitor
        self._cancel = cancel
        self._times = beginning
        self._finished_ns = 0
        self._objects = {(o.client, o.name): o for o in plan.objects}
        self._resumes = resumes
        self._tags = tags
        self._reads_all = reads_all
        self._key = key
        self._known: KnownFrames | None = None
        self._remembered: set[bytes] = set()
        self._reception = Reception(
            self.session, KIND, plan.graph, beginning, cancel, self._check_device
        )
        self._wait_seconds_max = wait_seconds_max
        self._entrance: Entrance | None = None

    def wait_for_devices(self) -> None:
        """Before an engine is started, where none is needed to come to them; until `run` has them
        or `close`, everybody else waits for this session.  Raises as `Entrance.wait`."""
        if not has_far_doors(self._plan):
            self._entrance = self._entrance_by(None)
            self._entrance.wait()

    def close(self) -> None:
        """It waits for nothing any more; safe to repeat."""
        if self._entrance is not None:
            self._entrance.leave()

    def _entrance_by(self, engine: Engine | None) -> Entrance:
        return Entrance(
            self.session, doors_of(self._plan, self.session, engine), self._wait_seconds_max,
            self._monitor, cancel=self._cancel,
        )  # fmt: skip

    def _check_device(self, plan: Plan, target: DeviceTarget, is_new: bool) -> None:
        labels = Labelling(create=True, init=is_new)
        check_device(plan, target, self._catalog, labels, self._monitor)

    def run(self, engine: Engine) -> SessionReport:
        """Raises what was found before a byte moved, InterruptedSessionError if that was a cancel;
        everything later is told in the report."""
        self._cancel.refuse("anything was written")
        with self._reception:
            if self._reception.fault:
                self._monitor.message(self._reception.fault)
            return self._run(engine)

    def _run(self, engine: Engine) -> SessionReport:
        if self._entrance is None:
            self._entrance = self._entrance_by(engine)
        self._times.turn_to(Work.OPENING)
        with open_crew(
            self._plan,
            self.session,
            self._entrance,
            self._monitor,
            engine,
            self._cancel,
            self._key,
        ) as crew:
            self._cancel.refuse("anything was written")
            self._go_on(crew)
            crew.wire()
            # From here on it has a report: a word before that has begun nothing.
            self._begin(crew)
            report, profile = self._work(crew)
        self._catalog.end_session(report, self._finished_ns)
        return replace(report, profile=profile(self._times.seconds()))

    def _go_on(self, crew: Crew) -> None:
        """Now that it has the devices: nobody else is going on with the same."""
        left = [
            row for row in self._catalog.unfinished.sessions(self._plan.graph)
            if row.kind == KIND
        ]  # fmt: skip
        states = earlier_states(self._catalog, self._plan, resumes=self._resumes)
        self._known = KnownFrames(self._catalog, self._plan, states, reads_all=self._reads_all)
        frames = self._known.hand_over(crew)
        for agent, lacking in self._known.lacking.items():
            self._monitor.message(
                f"{agent} lacks {counted(lacking, 'frame')} of earlier sessions: what lies there "
                "is sent again, unless `flowbackup repair --full` before a run moves it"
            )
        if left:
            self._monitor.message(f"{left[0]} was interrupted")
        if left and self._resumes and frames:
            self._monitor.message(
                f"going on from there, with {counted(frames, 'frame')} safe: what lies there is "
                "neither read nor sent again where files are as they were"
            )

    def _begin(self, crew: Crew) -> None:
        for name, media in crew.media.items():
            for info in media:
                self._add_medium(crew.plan, name, info)
        self._catalog.begin_session(
            self.session, KIND, self._plan.graph, self._plan.graph_text,
            socket.gethostname(), self._times.started_ns, holder_text(self._reception.path),
            self._tags,
        )  # fmt: skip
        self._monitor.session_began(self.session, KIND, self._plan.graph)

    def _add_medium(self, plan: Plan, agent: str, info: MediumInfo) -> None:
        nodes = {node.name: node for node in plan.nodes}
        node = nodes[plan.agent(agent).node]
        self._catalog.add_medium(replace(info, node=node.name, node_labels=node.labels))

    def _work(self, crew: Crew) -> tuple[SessionReport, Callable[[float], Profile]]:
        self._times.turn_to(Work.RUNNING)
        watch = Watch(crew, self._keep, lambda name, info: self._add_medium(crew.plan, name, info))
        runs = ClientRuns(self._plan, crew, watch)
        self._follow(crew, runs, watch)
        stop_writing(crew, watch)
        self._times.turn_to(Work.SEALING)
        endings = runs.endings()
        ends = {(client, e.name): self._judge(crew, watch, client, e) for client, e in endings}
        interrupted = self._cancel.is_told
        so_far = self._report(
            crew, watch, runs, endings, end_session(ends.values(), interrupted=interrupted)
        )
        record = self._session_record(so_far)
        self._finished_ns = record.finished_ns
        written, all_sealed = seal_media(crew, watch, record)
        if all_sealed:
            self._catalog.ends.told(record.ends)
        end = end_session(ends.values(), interrupted=interrupted, all_sealed=all_sealed)
        objects = tuple(
            self._record(crew.plan, client, e, ends[client, e.name]) for client, e in endings
        )
        self._times.turn_to(Work.RECORDING)
        report = self._report(crew, watch, runs, endings, end, written)
        for problem in report.problems:
            self._monitor.problem(problem)
        profile = partial(profile_of, self._times, crew.plan, watch, written)
        return replace(report, objects=objects), profile

    def _report(
        self, crew: Crew, watch: Watch, runs: ClientRuns, endings: list[tuple[str, ObjectEnding]],
        end: tuple[Outcome, int],
        written: Mapping[str, WriterStatistics] = MappingProxyType({}),
    ) -> SessionReport:  # fmt: skip
        """What is known now, without objects.  written: what sealed devices have told; of others
        the last that was heard."""
        streams = streams_of(crew.plan)
        records = [e.record for _, e in endings if e.record is not None]
        heard = {n: watch.writers.get(n, WriterStatistics()) for n in crew.stations} | dict(written)
        return SessionReport(
            session=id_text(self.session), kind=KIND, graph=self._plan.graph,
            outcome=end[0], exit_code=end[1], engine=crew.engine.name,
            duration_seconds=self._times.seconds(), start_seconds=self._start_seconds(watch),
            files=sum(record.files for record in records),
            bytes_source=sum(record.bytes_source for record in records),
            bytes_read=watch.bytes_read,
            bytes_new=sum(record.bytes_new for record in records),
            devices=tuple(
                report
                for n, s in crew.stations.items()
                for report in (
                    *map(report_retired, s.retired),
                    report_device(s, heard[n], crew.media[n][-1].medium, streams[n]),
                )
            ),
            problems=(
                *watch.problems, *runs.problems(), *(p for _, e in endings for p in _failure_of(e))
            ),
        )  # fmt: skip

    def _follow(self, crew: Crew, runs: ClientRuns, watch: Watch) -> None:
        """Waits for all clients, with one round of questions each half second; between two of them
        mirrors come and go."""
        changes, word = LiveChanges(self.session, crew, watch), Word.NONE
        while not runs.is_over:
            before, word = word, runs.hear()
            if word > before:
                self._monitor.message(ENDING[word])
            runs.wait(ROUND_SECONDS)
            watch.round()
            for device in changes.leave_behind(time.monotonic()):
                self._monitor.message(f"{device} is too slow: the session goes on without it")
            self._remember(crew, watch)
            self._reception.make_changes(changes)
            short = watch.short_of_devices()
            if short and not runs.is_to_end:
                watch.problems += [Problem("group_failed", text) for text in short.values()]
                runs.end(drain=False)
            progress = watch.progress(KIND, *self._scan.totals())
            self._reception.tell(progress, crew)
            self._monitor.progress(progress)
        self._reception.end_changes()
        runs.settle()
        watch.round()
        self._remember(crew, watch)

    def _judge(self, crew: Crew, watch: Watch, client: str, ending: ObjectEnding) -> ObjectEnd:
        known = self._known.shares(client, ending) if self._known else None
        return judge(
            crew.plan, ending, self._objects[client, ending.name], watch.durable, known
        )  # fmt: skip

    def _remember(self, crew: Crew, watch: Watch) -> None:
        """What is needed to go on with, should this process die: which objects are complete, and
        how far the clients got with the others."""
        self._catalog.unfinished.add_journal(self.session, watch.journal)
        watch.journal.clear()
        for client, endings in watch.endings.items():
            for ending in endings:
                if ending.record is None or ending.object_id in self._remembered:
                    continue
                end = self._judge(crew, watch, client, ending)
                if end.outcome is not Outcome.FAILED and not end.copies_missing:
                    self._catalog.add_version(ending.record, ending.pages)
                    self._remembered.add(ending.object_id)

    def _keep(self, agent: str, frames: Sequence[Durable]) -> None:
        self._catalog.add_durable([(frame.header, frame.place) for frame in frames])

    def _session_record(self, so_far: SessionReport) -> SessionRecord:
        return SessionRecord.of_report(
            so_far, started_ns=self._times.started_ns, finished_ns=time.time_ns(),
            host=socket.gethostname(), graph=self._plan.graph_text, versions=tool_versions(),
            tags=self._tags, ends=self._catalog.ends.untold(self._plan.graph, KIND),
            retags=self._catalog.forgetting.tags.to_tell(self._objects),
        )  # fmt: skip

    def _record(
        self, plan: Plan, client: str, ending: ObjectEnding, end: ObjectEnd
    ) -> ObjectReport:  # fmt: skip
        """An object that has no copy is no version."""
        version = 0
        if ending.record is not None and end.outcome is not Outcome.FAILED:
            version = self._catalog.add_version(ending.record, ending.pages)
        return report_object(plan, ending, self._objects[client, ending.name], end, version)

    def _start_seconds(self, watch: Watch) -> float:
        first = watch.first_frame_at
        return max(0.0, first - self._times.started_ns / 1e9) if first else 0.0


def _failure_of(ending: ObjectEnding) -> tuple[Problem, ...]:
    if ending.failure is None:
        return ()
    return (Problem("object_failed", f"{ending.name}: {ending.failure}"),)
