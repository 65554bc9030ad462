"""One session of a plan in one process: the real client or restore agents, machines and media
agents, wired as the plan says.  Only actors, shared memory, the network and the clock are replaced:
who works next, and which message arrives next, is drawn by a seed.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple
from unittest.mock import patch

from flowbackup.errors import DeviceError
from flowbackup.flow.actions import Action, Break, Commit, Forward, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Outbox
from flowbackup.flow.sender import SenderMachine
from flowbackup.flow.spread import SpreadMachine
from flowbackup.frame.record_frame import record_frame
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.port import FrameWriter
from flowbackup.model.device import MediumInfo
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor, FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.plan.decided import AgentPlan, Plan, Transport
from flowbackup.plan.groups import RESTORE
from flowbackup.process import identify
from flowbackup.runtime.actors import media_agent
from flowbackup.runtime.actors.client import Client, ObjectEnding
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.actors.slots import SlotSink
from flowbackup.runtime.actors.spread_sink import SpreadSink
from flowbackup.runtime.crew.assignments import Assignments
from flowbackup.runtime.edges.pumps import JOBS_PER_CALL
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    Durable,
    EdgeSettings,
    Job,
    ReadTask,
    Reply,
)
from tests.whole.memory import Memories, QuietCalls
from tests.whole.turns import TurnCondition, Worker

STEPS_MAX = 200_000
IDLE_TICKS_MAX = 5
SPEEDS = (0.1, 1.0, 3.0)
"""How often something is chosen, against others: one device is slow, one edge is late."""
_THIS_PROCESS = identify()


class Failure(NamedTuple):
    """The device of an agent takes so many frames and then no more."""

    agent: str
    frames: int


class FailingAgent(MediaAgent):
    """A media agent whose device fails."""

    frames_left = 1 << 30

    def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
        if self.frames_left <= 0:
            raise DeviceError("it burns", device=self._settings.target.name, errno=errno.EIO)
        self.frames_left -= 1
        super()._append(writer, frame)


class Station:
    """One media agent and its buffer."""

    def __init__(
        self, settings: BufferSettings, machine: BufferMachine, agent: MediaAgent, info: MediumInfo
    ) -> None:
        self.settings = settings
        self.machine = machine
        self.agent = agent
        self.info = info
        self.jobs: deque[Job] = deque()
        self.calls = 0
        self.free_slots = deque(settings.receiving_slots)
        self.own_slots: dict[FrameId, int] = {}
        self.durable: list[Durable] = []


class Edge:
    """A coupling: frames on their way, answers on their way back.  sent: all that ever was."""

    def __init__(
        self, settings: EdgeSettings, replied: Callable[[FrameId], None],
        lost: Callable[[], None],
    ) -> None:  # fmt: skip
        self.settings = settings
        self.replied = replied
        self.lost = lost
        self.is_gone = False
        self.waiting: deque[Forward] = deque()
        self.answers: list[FrameId] = []
        self.frames_out = 0
        self.sent: list[FrameHeader] = []

    def put(self, forward: Forward) -> None:
        self.sent.append(forward.frame.header)
        if not self.is_gone:
            self.waiting.append(forward)

    def give_up(self) -> None:
        """Nobody is at its end any more."""
        self.is_gone = True
        self.waiting.clear()
        self.answers.clear()
        self.lost()

    @property
    def can_send(self) -> bool:
        return bool(self.waiting) and self.frames_out < self.settings.frames_max


class _AtOnce:
    """An event loop that does what it is asked to do."""

    def call_soon_threadsafe(self, act: Callable[[Forward], None], forward: Forward) -> None:
        act(forward)


class World:
    """The actors of a plan, or of one stage of it.  `run`, then `finish`."""

    def __init__(
        self, plan: Plan, session: bytes, seed: int, failure: Failure | None = None
    ) -> None:
        self.plan = plan
        self.session = session
        self._failure = failure
        self._random = Random(seed)
        self._now = 0.0
        self._memories = Memories()
        self._assignments = Assignments(plan, session, _THIS_PROCESS)
        self._speeds: dict[str, float] = {}
        self._workers: list[Worker] = []
        self.clients: dict[str, Client] = {}
        self.edges: dict[str, Edge] = {}
        self.stations = {a.name: self._station(a) for a in plan.agents if a.role != RESTORE}
        for name, station in self.stations.items():
            for edge in self._assignments.edges_from(name):
                self.edges[edge.name] = Edge(
                    edge, self._to_machine(station, edge.name), self._without(station, edge.name)
                )

    def add_clients(self) -> None:
        """Every client reads all of its objects."""
        for name in self._assignments.clients:
            settings = self._assignments.client(name)
            client = self.clients[name] = Client(settings)
            machine = SenderMachine(
                settings.session, settings.lanes, {e: dict(pairs) for e, pairs in settings.slots}
            )
            slabs = {edge: self._memories.of(slab) for edge, slab in settings.slabs}
            sink = client._sink = SlotSink(machine, slabs, client._forward)  # type: ignore[arg-type]
            self._wire(name, client, sink, settings.edges, lambda c=client: _read(c))

    def add_reader(self, agent: AgentPlan, tasks: list[ReadTask]) -> None:
        """A restore agent reads these frames."""
        settings = self._assignments.reader(agent)
        reader = Reader(settings)
        reader._reader = DirectoryDevice(settings.target).reader(cached=False)
        memory = self._memories.of(settings.slab)
        reader._slab = memory  # type: ignore[assignment]
        machine = SpreadMachine(range(memory.slots), settings.ways)
        sink = reader._sink = SpreadSink(machine, reader._forward)
        edges = self._assignments.edges_from(agent.name)
        self._wire(agent.name, reader, sink, edges, lambda: _read_tasks(reader, tasks))

    def run(self) -> None:
        """Until everything is read and released.  Raises AssertionError where that never comes."""
        steps = idle = 0
        try:
            while idle < IDLE_TICKS_MAX:
                steps += 1
                assert steps < STEPS_MAX, "the session does not end"
                acts = self._possible()
                if acts:
                    weights = [self._speed(name) for name, _ in acts]
                    self._random.choices(acts, weights)[0][1]()
                    idle = 0
                else:
                    self._tick()
                    idle += not any(self._possible())
            self._check_end()
        finally:
            for worker in self._workers:
                worker.abandon()

    def finish(self, record: bytes) -> None:
        """Seals all media."""
        for station in self.stations.values():
            station.agent.finish(*record_frame(self.session, record))
            station.durable = list(station.agent.durable_since(0).frames)
            station.agent.close()

    def endings(self) -> list[tuple[str, ObjectEnding]]:
        """How each object ended, with its client."""
        return [(name, e) for name, client in self.clients.items() for e in client._endings]

    def sent_by_sources(self) -> list[FrameHeader]:
        """What clients or restore agents have sent, in no order."""
        return [h for e in self.edges.values() if self._is_first(e) for h in e.sent]

    def _is_first(self, edge: Edge) -> bool:
        return all(edge.settings.name != e.name for n in self.stations
                   for e in self.plan.edges_from(n))  # fmt: skip

    def _station(self, agent: AgentPlan) -> Station:
        settings = self._assignments.buffer(agent)
        device = DirectoryDevice(agent.device, calls=QuietCalls())
        with (
            patch.object(media_agent, "open_device", lambda _: device),
        ):
            live = FailingAgent(self._assignments.media_agent(agent, 0, "a test"))
            if self._failure is not None and self._failure.agent == agent.name:
                live.frames_left = self._failure.frames
            live._slabs = self._memories  # type: ignore[assignment]
            _, (info,) = live.open()
        if settings.makes_slab:
            self._memories.of(settings.slab)
        edges = self._assignments.edges_from(agent.name)
        machine = BufferMachine(
            slots=settings.slots, bytes_max=settings.slots * settings.slab.slot_bytes,
            commit=GroupCommit(settings.sync_bytes, settings.sync_seconds),
            successors=[Outbox(edge.name, edge.streams) for edge in edges],
        )  # fmt: skip
        return Station(settings, machine, live, info)

    def _wire(
        self, name: str, actor: Client | Reader, sink: SlotSink | SpreadSink,
        edges: Iterable[EdgeSettings], work: Callable[[], None],
    ) -> None:  # fmt: skip
        actor._loop = _AtOnce()  # type: ignore[assignment]
        for edge in edges:
            self.edges[edge.name] = Edge(edge, self._to_sink(sink, edge.name), _never)
            actor._pumps[edge.name] = self.edges[edge.name]  # type: ignore[assignment]
        place = sink._changed = TurnCondition()
        place.worker = Worker(name, work)
        self._workers.append(place.worker)

    def _to_sink(self, sink: SlotSink | SpreadSink, edge: str) -> Callable[[FrameId], None]:
        return lambda frame: sink.replied(edge, Reply((frame,)))

    def _to_machine(self, station: Station, edge: str) -> Callable[[FrameId], None]:
        return lambda frame: self._perform(station, station.machine.released(edge, frame, 0))

    def _without(self, station: Station, edge: str) -> Callable[[], None]:
        return lambda: self._perform(station, station.machine.successor_detached(edge))

    # What may happen next.

    def _possible(self) -> list[tuple[str, Callable[[], None]]]:
        acts = [(worker.name, worker.go_on) for worker in self._workers if worker.can_go_on]
        for name, edge in self.edges.items():
            if edge.can_send:
                acts.append((name, lambda e=edge: self._deliver(e)))
            if edge.answers:
                acts.append((f"back over {name}", lambda e=edge: self._answer(e)))
        acts += [
            (name, lambda s=station: self._work(s))
            for name, station in self.stations.items()
            if station.jobs
        ]
        return acts

    def _speed(self, name: str) -> float:
        if name not in self._speeds:
            self._speeds[name] = self._random.choice(SPEEDS)
        return self._speeds[name]

    def _deliver(self, edge: Edge) -> None:
        forward = edge.waiting.popleft()
        edge.frames_out += 1
        station = self.stations[edge.settings.target]
        frame = forward.frame
        if edge.settings.transport is not Transport.SHARED_MEMORY:
            frame = self._moved(station, frame)
        name, epoch = edge.settings.name, 0
        actions = station.machine.offered(name, epoch, forward.floor, frame, self._now)
        self._perform(station, actions)

    def _moved(self, station: Station, frame: FrameDescriptor) -> FrameDescriptor:
        """A frame from another node, in memory of the receiver."""
        assert station.free_slots, f"{station.settings.agent} was sent more than it has credit for"
        slot = station.free_slots.popleft()
        station.own_slots[frame.header.frame_id] = slot
        memory = self._memories.of(station.settings.slab)
        target = memory.payload(slot, frame.header.payload_bytes)
        target[:] = self._memories.payload(frame)
        assert frame_digest(target) == frame.header.digest, f"{frame.header.frame_id} was changed"
        return frame._replace(slab=memory.path.name, slot=slot)

    def _answer(self, edge: Edge) -> None:
        frame = edge.answers.pop(self._random.randrange(len(edge.answers)))
        edge.frames_out -= 1
        edge.replied(frame)

    def _work(self, station: Station) -> None:
        """A media agent answers one call."""
        count = self._random.randint(1, min(len(station.jobs), JOBS_PER_CALL))
        jobs = [station.jobs.popleft() for _ in range(count)]
        written = station.agent.write(station.calls, jobs)
        station.calls += 1
        self._perform(station, station.machine.committed(written.durable, 0))
        if written.failure is not None:
            assert self._failure is not None, written.failure
            station.jobs.clear()
            self._perform(station, station.machine.device_failed())

    def _tick(self) -> None:
        self._now += self.plan.sync_seconds
        for station in self.stations.values():
            self._perform(station, station.machine.ticked(self._now))

    def _perform(self, station: Station, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Write(frame):
                    station.jobs.append(Job(frame))
                case Commit():
                    station.jobs.append(Job(None))
                case Forward(edge):
                    self.edges[edge].put(action)
                case Release(edge=edge, frame=frame_id):
                    slot = station.own_slots.pop(frame_id, None)
                    if slot is not None:
                        station.free_slots.append(slot)
                    self.edges[edge].answers.append(frame_id)
                case Break():
                    for before in self.plan.edges_into(station.settings.agent):
                        self.edges[before.name].give_up()
                case _:
                    raise AssertionError(f"{station.settings.agent}: nothing was lost: {action}")

    def _check_end(self) -> None:
        waiting = [worker.name for worker in self._workers if not worker.has_ended]
        assert not waiting, f"{waiting} wait for ever"
        for name, station in self.stations.items():
            assert station.machine.is_empty or station.machine.broken, f"{name} holds frames"
            window = station.machine.statistics(self._now).window
            assert window.slots_peak <= self.plan.agent(name).slots


def _never() -> None:
    raise AssertionError("a head broke")


def _read(client: Client) -> None:
    failure = client._read_all()
    assert failure is None, failure
    failures = [ending.failure for ending in client._endings if ending.failure is not None]
    assert not failures, failures


def _read_tasks(reader: Reader, tasks: list[ReadTask]) -> None:
    readings = reader._read_all(tasks)
    assert readings == ((), ()), readings
