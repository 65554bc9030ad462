"""Watching a running crew: what is durable where, how far each edge is, who waits for whom."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from flowbackup.errors import DeviceError
from flowbackup.flow.buffer import BufferStatistics
from flowbackup.flow.patience import Patience
from flowbackup.media.port import WriterStatistics
from flowbackup.model.known import JournalPage
from flowbackup.model.profile import ClientTimes
from flowbackup.monitor import EdgeState, Problem, Progress
from flowbackup.plan.decided import EdgePlan
from flowbackup.runtime.actors.buffer import BufferAnswer
from flowbackup.runtime.actors.client import ClientProgress, ObjectEnding
from flowbackup.runtime.cancel import Part
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.heard import Heard, Keep, Welcome
from flowbackup.runtime.crew.station import Station
from flowbackup.runtime.crew.succession import Succession
from flowbackup.runtime.edges.wiring import Failure, Told
from flowbackup.runtime.engines.answers import answer_by
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Handle, Reference
from flowbackup.units import counted

ANSWER_SECONDS_MAX = 15
"""A process that answers no question for so long is as good as dead."""

STALL_SECONDS_MAX = 180.0
"""A device that takes not one frame for so long, or an edge that moves none, is given up: longer
than a network file system may take to fail over, shorter than a night."""


class Watch:
    """Asks all actors of a crew, one round at a time; ends those who will never answer or work."""

    def __init__(self, crew: Crew, keep: Keep, welcome: Welcome) -> None:
        """keep, welcome: see Heard."""
        self._crew = crew
        self._heard = Heard(crew, keep, welcome)
        self._buffers: dict[str, BufferStatistics] = {}
        self._moved: dict[str, int] = {}
        self._moved_before: Counter[str] = Counter()
        self._released: Counter[str] = Counter()
        """Of buffers and their edges, what those before the present ones had counted."""
        self._patience = Patience(STALL_SECONDS_MAX)
        self.endings: dict[str, list[ObjectEnding]] = {name: [] for name in crew.clients}
        self.journal: list[JournalPage] = []
        """How far clients got; whoever keeps it takes it out."""
        self.problems: list[Problem] = []
        self._succession = Succession(
            crew, self._heard, self._written, self.hear_last, self.problems
        )
        self.writers: dict[str, WriterStatistics] = {}
        self._read: dict[str, tuple[int, int, int]] = {}
        self._made_good: set[str] = set()
        self.first_frame_at = 0.0
        self.times: dict[str, ClientTimes] = {}
        """Of clients, where theirs went."""
        self.waits: defaultdict[tuple[str, str], float] = defaultdict(float)
        """Seconds for which an agent and whoever its oldest frame waited for had kept an edge
        busy, as seen in each round."""
        self._heard_at: dict[str, float] = {}

    def round(self) -> None:
        """One question to everybody who may answer; those who do not are given up, and so are
        those who owe work and do none."""
        stations = self._crew.stations
        buffers = {n: s.buffer for n, s in stations.items() if not s.buffer_lost}
        agents = self._agents()
        clients = {n: c for n, c in self._crew.clients.items() if n not in self._crew.clients_lost}
        statistics = {n: buffer.statistics.remote() for n, buffer in buffers.items()}
        writers = {n: agent.statistics.remote() for n, agent in agents.items()}
        progress = {n: c.progress.remote() for n, c in clients.items()}
        latest = time.monotonic() + ANSWER_SECONDS_MAX
        self.ask_durable(latest)
        for name, answer in self._answers(writers, latest, self._lose(agents)):
            earlier = self._crew.stations[name].earlier
            self.writers[name] = earlier + cast("WriterStatistics", answer)
        for name, answer in self._answers(statistics, latest, self._lose_buffer(buffers)):
            if stations[name].buffer is buffers[name]:
                self._hear_buffer(name, cast("BufferAnswer", answer))
        for name, answer in self._answers(progress, latest, self.lose_client):
            self._hear_client(name, cast("ClientProgress", answer))
        self._look_for_stalls(time.monotonic())

    def ask_durable(self, latest: float) -> None:
        """What became durable since the last question, as far as it is answered until then."""
        agents = self._agents()
        calls = {n: agent.durable_since.remote(self._heard.seen[n]) for n, agent in agents.items()}
        for name, answer in self._answers(calls, latest, self._lose(agents)):
            self._tell(name, cast("Told", answer))

    def _answers(
        self,
        references: Mapping[str, Reference],
        latest: float,
        lose: Callable[[str, CallError], None],
    ) -> Iterator[tuple[str, object]]:
        """What was answered until then, or sooner if the user says so; who did not is lost."""
        cancel = self._crew.cancel
        for name, reference in references.items():
            try:
                yield name, answer_by(reference, lambda: cancel.latest(Part.SEAL, latest))
            except CallError as error:
                lose(name, error)

    def _agents(self) -> dict[str, Handle]:
        return {n: s.agent for n, s in self._crew.stations.items() if not s.agent_lost}

    @property
    def durable(self) -> Mapping[str, Mapping[bytes, int]]:
        """Agent -> object -> frames under a commit."""
        return self._heard.durable

    @property
    def files(self) -> int:
        return sum(files for files, _, _ in self._read.values())

    @property
    def bytes_read(self) -> int:
        """From the sources, by all clients."""
        return sum(bytes_read for _, bytes_read, _ in self._read.values())

    @property
    def bytes_known(self) -> int:
        """Of the sources, safe already when the session began, and so neither read nor sent."""
        return sum(bytes_known for _, _, bytes_known in self._read.values())

    def progress(self, stage: str, files: int | None, size_bytes: int | None) -> Progress:
        """What a person may see; totals as far as they are known."""
        edges = tuple(self._edge(edge) for edge in self._crew.plan.edges)
        done = self.bytes_read + self.bytes_known
        return Progress(stage, self.files, done, files, size_bytes, edges)

    @property
    def is_quiet(self) -> bool:
        """No buffer holds a frame that could still become durable."""
        return all(
            self._crew.stations[name].buffer_lost or not statistics.window.slots_used
            for name, statistics in self._buffers.items()
        )

    def short_of_devices(self) -> dict[str, str]:
        """Groups that have fewer devices that work than the graph wants at least, and that in
        words."""
        short: dict[str, str] = {}
        for group in self._crew.plan.groups:
            stations = [s for s in self._crew.stations.values() if s.plan.group == group.name]
            working = sum(not station.failure for station in stations)
            if stations and working < group.devices_min:
                left = counted(working, "device")
                text = f'group "{group.name}" has {left} left, min: {group.devices_min}'
                short[group.name] = text
        return short

    def end_group(self, group: str, text: str) -> None:
        """Nothing more goes to the agents of a group, nor to those behind them."""
        self.problems.append(Problem("group_failed", text))
        for name, station in self._crew.stations.items():
            if station.plan.group == group and not station.buffer_lost:
                self._succession.end_buffer(name, text, may_adopt=False)

    def buffer(self, name: str) -> BufferStatistics | None:
        """What was last heard of a buffer."""
        return self._buffers.get(name)

    def join(self, name: str) -> None:
        """An agent was attached."""
        self._heard.join(name)

    def hear_last(self, name: str) -> None:
        """Of an agent that is about to end: what it has made durable."""
        if self._crew.stations[name].agent_lost:
            return
        agents = {name: self._crew.stations[name].agent}
        calls = {name: agents[name].durable_since.remote(self._heard.seen[name])}
        latest = time.monotonic() + ANSWER_SECONDS_MAX
        for _, answer in self._answers(calls, latest, self._lose(agents)):
            self._tell(name, cast("Told", answer))

    def fail(self, station: Station, text: str) -> None:
        """Why a copy cannot be complete; the first reason is told."""
        self._succession.fail(station, text)

    def lose_client(self, name: str, error: CallError) -> None:
        """Ends a client that is dead, or as good as dead."""
        if name not in self._crew.clients_lost:
            text = str(as_ours(error, self._crew.who(name)))
            self.problems.append(Problem("client_lost", text))
            self._crew.lose_client(name)

    def _lose(self, agents: Mapping[str, Handle]) -> Callable[[str, CallError], None]:
        """Ends those of these agents that do not answer; who was replaced meanwhile is no news."""

        def lose(name: str, error: CallError) -> None:
            if self._crew.stations[name].agent is agents[name]:
                self._succession.agent_died(name, str(as_ours(error, f"media agent {name}")))

        return lose

    def revive(self, name: str, error: CallError) -> bool:
        """A media agent did not answer what it was asked last.  Does another one go on?"""
        fault = as_ours(error, f"media agent {name}")
        return not isinstance(fault, DeviceError) and self._succession.agent_died(name, str(fault))

    def _lose_buffer(self, buffers: Mapping[str, Handle]) -> Callable[[str, CallError], None]:
        """As `_lose`, for buffers."""

        def lose(name: str, error: CallError) -> None:
            station = self._crew.stations[name]
            if station.buffer is buffers[name] and not station.buffer_lost:
                self._end_buffer(name, str(as_ours(error, f"buffer {name}")))

        return lose

    def _end_buffer(self, name: str, text: str) -> None:
        if self._succession.buffer_died(name, text) and name in self._buffers:
            # Another one counts from 0.
            self._released[name] += self._buffers[name].bytes_released
            for edge in self._crew.plan.edges_from(name):
                self._moved_before[edge.name] = self._moved.get(edge.name, 0)

    def _written(self, name: str) -> WriterStatistics:
        return self.writers.get(name, WriterStatistics())

    def _look_for_stalls(self, now: float) -> None:
        for name, statistics in self._buffers.items():
            station, owed_by = self._crew.stations[name], statistics.waiting_for
            if station.buffer_lost:
                continue
            if self._patience.is_over(
                name, owes=owed_by == "device", done=self.writers.get(name), now=now
            ):
                device = station.plan.device.name
                text = f'device "{device}" has taken nothing for {_limit()}'
                if not self._succession.device_failed(name, text):
                    station.lose_agent()
        for edge in self._crew.plan.edges:
            if self._is_stalled(edge, now):
                text = f"{edge.name}: nothing has arrived for {_limit()}"
                self._succession.end_buffer(edge.target, text)

    def _is_stalled(self, edge: EdgePlan, now: float) -> bool:
        """The source waits for a target that has nothing to do."""
        source, target = self._buffers.get(edge.source), self._buffers.get(edge.target)
        if source is None or target is None or self._crew.stations[edge.target].buffer_lost:
            return False
        owes = source.waiting_for == edge.name and not target.window.slots_used
        done = target.frames_accepted
        return self._patience.is_over(edge.name, owes=owes, done=done, now=now)

    def _hear_buffer(self, name: str, answer: BufferAnswer) -> None:
        self._buffers[name] = answer.statistics
        self._count_wait(name, answer.statistics, time.monotonic())
        self._moved |= {
            edge: self._moved_before[edge] + size_bytes for edge, size_bytes in answer.moved
        }
        for failure in answer.failures:
            if failure.edge:
                self._hear_failure(failure)
            elif failure.epoch == self._crew.stations[name].agent_epoch:
                # Else it speaks of an agent that was replaced since it was asked.
                died, failed = self._succession.agent_died, self._succession.device_failed
                (died if failure.is_lost else failed)(name, failure.text)

    def _count_wait(self, name: str, statistics: BufferStatistics, now: float) -> None:
        since = now - self._heard_at.get(name, now)
        self._heard_at[name] = now
        if statistics.waiting_for:
            self.waits[name, statistics.waiting_for] += min(since, statistics.waiting_seconds)

    def _hear_failure(self, failure: Failure) -> None:
        """Behind an edge.  A mirror that could not be attached is no part of the session, and so no
        failure; nor is what a buffer did that was replaced meanwhile."""
        target = next((e.target for e in self._crew.plan.edges if e.name == failure.edge), "")
        station = self._crew.stations.get(target)
        if station is None or station.buffer_lost or station.buffer_epoch != failure.epoch:
            return
        if failure.is_lost:
            self._end_buffer(target, failure.text)
        else:
            self.fail(station, failure.text)

    def _tell(self, name: str, told: Told) -> None:
        self._heard.tell(name, told)
        if told.made_good and told.made_good not in self._made_good:
            self._made_good.add(told.made_good)
            device = self._crew.stations[name].plan.device.name
            self.problems.append(Problem("segment_replaced", told.made_good, device=device))

    def _hear_client(self, name: str, answer: ClientProgress) -> None:
        self._read[name] = answer.files, answer.bytes_read, answer.bytes_known
        self.times[name] = answer.times
        self.journal += answer.journal
        self._moved |= dict(answer.edges)
        self.problems += answer.problems
        for failure in answer.failures:
            self._hear_failure(failure)
        self.endings[name] += answer.endings
        if answer.first_frame_at and not self.first_frame_at:
            self.first_frame_at = answer.first_frame_at

    def _edge(self, edge: EdgePlan) -> EdgeState:
        target = self._crew.plan.agent(edge.target)
        statistics = self._buffers.get(edge.target)
        moved = self._moved.get(edge.name, 0)
        if statistics is None:
            return EdgeState(edge.name, target.level, moved, 0, 0, target.slots, "starting")
        waits = target.device.name if statistics.waiting_for == "device" else statistics.waiting_for
        station = self._crew.stations[edge.target]
        return EdgeState(
            edge.name, target.level, moved,
            self._released[edge.target] + statistics.bytes_released,
            statistics.window.slots_used, target.slots,
            station.state if station.failure else "running",
            waits, statistics.waiting_seconds,
        )  # fmt: skip


def _limit() -> str:
    return f"{STALL_SECONDS_MAX:.0f} s"
