"""Watching a running crew: what is durable where, how far each edge is, who waits for whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import ray
from ray.exceptions import RayError

from flowbackup.errors import FlowbackupError
from flowbackup.flow.buffer import BufferStatistics
from flowbackup.media.port import WriterStatistics
from flowbackup.monitor import EdgeState, Problem, Progress
from flowbackup.plan.decided import EdgePlan, Plan
from flowbackup.runtime.client import ClientProgress
from flowbackup.runtime.crew import Crew
from flowbackup.runtime.faults import as_ours
from flowbackup.runtime.wiring import Durable

ANSWER_SECONDS_MAX = 15
"""A process that answers no question for so long is as good as dead."""

BufferAnswer = tuple[BufferStatistics, dict[str, int], tuple[str, ...]]
Keep = Callable[[str, list[Durable]], None]


class Watch:
    """Asks all actors of a crew, one round at a time.  Holds counts, decides nothing."""

    def __init__(self, plan: Plan, crew: Crew, keep: Keep) -> None:
        """keep: receives what became durable on an agent, each frame once."""
        self._plan = plan
        self._crew = crew
        self._keep = keep
        self._seen: dict[str, int] = dict.fromkeys(crew.stations, 0)
        self._buffers: dict[str, BufferStatistics] = {}
        self._moved: dict[str, int] = {}
        self._told: set[str] = set()
        self.problems: list[Problem] = []
        self.writers: dict[str, WriterStatistics] = {}
        self.durable: dict[str, dict[bytes, int]] = {name: {} for name in crew.stations}
        self.files = 0
        self.bytes_read = 0
        self.first_frame_at = 0.0

    def round(self) -> None:
        """One question to everybody; those that are lost are noted as such."""
        stations = self._crew.stations
        buffers = {n: s.buffer.statistics.remote() for n, s in stations.items()}
        agents = {n: s for n, s in stations.items() if not s.failure}
        durable = {n: s.agent.durable_since.remote(self._seen[n]) for n, s in agents.items()}
        writers = {n: s.agent.statistics.remote() for n, s in agents.items()}
        clients = {n: c.progress.remote() for n, c in self._crew.clients.items()}
        for name, answer in self._answers(buffers, "buffer"):
            self._hear_buffer(name, answer)
        for name, answer in self._answers(durable, "media agent"):
            self._hear_durable(name, answer)
        for name, answer in self._answers(writers, "media agent"):
            if isinstance(answer, WriterStatistics):
                self.writers[name] = answer
        self._hear_clients(answer for _, answer in self._answers(clients, "client"))

    def progress(self, stage: str, files: int | None, size_bytes: int | None) -> Progress:
        """What a person may see; totals as far as they are known."""
        edges = tuple(self._edge(edge) for edge in self._plan.edges)
        return Progress(stage, self.files, self.bytes_read, files, size_bytes, edges)

    def note(self, kind: str, text: str, device: str) -> None:
        """A problem of a device, told once."""
        if text not in self._told:
            self._told.add(text)
            self.problems.append(Problem(kind, text, device=device))

    def _answers(
        self, references: Mapping[str, Any], what: str
    ) -> Iterable[tuple[str, object]]:  # fmt: skip
        for name, reference in references.items():
            try:
                yield name, ray.get(reference, timeout=ANSWER_SECONDS_MAX)
            except RayError as error:
                self._lost(name, what, as_ours(error, f"{what} {name}"))

    def _lost(self, name: str, what: str, error: FlowbackupError) -> None:
        station = self._crew.stations.get(name)
        if station is None:
            self.note("client_lost", str(error), "")
            return
        if what == "media agent":
            station.failure = station.failure or str(error)
        self.note("device_failed", str(error), station.plan.device.name)

    def _hear_buffer(self, name: str, answer: object) -> None:
        statistics, moved, failures = cast("BufferAnswer", answer)
        self._buffers[name] = statistics
        self._moved |= moved
        station = self._crew.stations[name]
        for text in failures:
            self.note("device_failed", text, station.plan.device.name)
        if failures and not statistics.device_alive:
            station.failure = station.failure or failures[0]

    def _hear_durable(self, name: str, answer: object) -> None:
        frames = cast("list[Durable]", answer)
        if not frames:
            return
        self._seen[name] += len(frames)
        counts = self.durable[name]
        for frame in frames:
            object_id = frame.header.object_id
            counts[object_id] = counts.get(object_id, 0) + 1
        self._keep(name, frames)

    def _hear_clients(self, answers: Iterable[object]) -> None:
        files = bytes_read = 0
        for answer in answers:
            if not isinstance(answer, ClientProgress):
                continue
            files += answer.files
            bytes_read += answer.bytes_read
            self._moved |= dict(answer.edges)
            self.problems += answer.problems
            if answer.first_frame_at and not self.first_frame_at:
                self.first_frame_at = answer.first_frame_at
        self.files = max(self.files, files)
        self.bytes_read = max(self.bytes_read, bytes_read)

    def _edge(self, edge: EdgePlan) -> EdgeState:
        target = self._plan.agent(edge.target)
        statistics = self._buffers.get(edge.target)
        moved = self._moved.get(edge.name, 0)
        if statistics is None:
            return EdgeState(edge.name, target.level, moved, 0, 0, target.slots, "starting")
        waits = target.device.name if statistics.waiting_for == "device" else statistics.waiting_for
        failed = self._crew.stations[edge.target].failure
        return EdgeState(
            edge.name, target.level, moved, statistics.bytes_released,
            statistics.window.slots_used, target.slots, "relay-only" if failed else "running",
            waits, statistics.waiting_seconds,
        )  # fmt: skip
