"""All actors of one session: hired on their nodes, opened, coupled, asked, dismissed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import ray
from ray.exceptions import RayError

from flowbackup.errors import FlowbackupError
from flowbackup.flow.outbox import NEVER, Begins
from flowbackup.media.port import WriterStatistics
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.plan.decided import AgentPlan, Plan
from flowbackup.plan.groups import RESTORE
from flowbackup.process import identify
from flowbackup.runtime.actors.buffer import Buffer
from flowbackup.runtime.actors.client import Client
from flowbackup.runtime.actors.media_agent import CONCURRENCY_GROUPS, MediaAgent
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.cluster.faults import as_ours
from flowbackup.runtime.cluster.nodes import NodeFacts, pinned, place
from flowbackup.runtime.crew.assignments import Assignments
from flowbackup.runtime.crew.doors import holder_of
from flowbackup.runtime.crew.station import Retired, Station
from flowbackup.runtime.crew.streams import lanes_of
from flowbackup.runtime.edges.wiring import Handle, Told

START_SECONDS_MAX = 120
"""A worker starts in half a second, on a loaded host in many, on a lost node never."""
CLOSE_SECONDS_MAX = 20
Calls = dict[str, Any]


class Crew:
    """The live actors of a session.  clients: who feeds the chains: clients of a backup, or the
    restore agents of a stage of copies."""

    def __init__(self, plan: Plan, session: bytes) -> None:
        self.plan = plan
        self._session = session
        self._assignments = Assignments(plan, session, identify())
        self.stations: dict[str, Station] = {}
        self.clients: dict[str, Handle] = {}
        self.clients_lost: set[str] = set()
        self.media: dict[str, tuple[MediumInfo, ...]] = {}
        """Of each device, the newest last; more than one where it has a set of them."""
        self._nodes: dict[str, str] = {}

    def hire(self) -> None:
        """Starts every actor on its node, all at once.  Raises PeerLostError for absent nodes."""
        self._nodes = place(self.plan.nodes)
        for agent in self.plan.agents:
            if agent.role == RESTORE:
                self.clients[agent.name] = self._reader(agent)
                continue
            buffer = self._buffer(agent)
            self.stations[agent.name] = Station(agent, buffer, self._media_agent(agent))
        for name in self._assignments.clients:
            node = self._nodes[self._assignments.node_of_client(name)]
            self.clients[name] = _start(
                Client, f"{self.plan.graph}/{name}", self._space("clients"), node,
                self._assignments.client(name),
            )  # fmt: skip

    def _reader(self, agent: AgentPlan) -> Handle:
        return _start(
            Reader, f"{self.plan.graph}/{agent.name}", self._space("clients"),
            self._nodes[agent.node], self._assignments.reader(agent),
        )  # fmt: skip

    def who(self, client: str) -> str:
        """Of those who feed the chains, in words."""
        return f"restore agent {client}" if client in self.media else f"client {client}"

    def _buffer(self, agent: AgentPlan) -> Handle:
        return _start(
            Buffer, f"{self.plan.graph}/{agent.name}", self._space("buffers"),
            self._nodes[agent.node], self._assignments.buffer(agent),
        )  # fmt: skip

    def _media_agent(self, agent: AgentPlan, epoch: int = 0) -> Handle:
        holder = holder_of(self.plan, self._session)
        return _start(
            MediaAgent, f"{self.plan.graph}/{agent.group}.{agent.device.name}{_self(epoch)}",
            self._space("agents"), self._nodes[agent.node],
            self._assignments.media_agent(agent, epoch, holder),
            concurrency_groups=CONCURRENCY_GROUPS,
        )  # fmt: skip

    def replace_device(
        self, name: str, device: DeviceTarget, written: WriterStatistics
    ) -> Told:  # fmt: skip
        """Another device goes on in the place of a station's.  written: what the old one had done.
        Returns what is durable on the old one, in the order of writing: all that it ever told, and
        perhaps more.  Raises FlowbackupError if the device cannot be used; the
        buffer waits on then."""
        station = self.stations[name]
        # Before its successor begins: it must not write into slots that are used again.
        station.lose_agent()
        plan = replace(station.plan, device=device)
        who, faults, epoch = _agent(name), list[FlowbackupError](), station.next_epoch()
        agent = self._media_agent(plan)
        answer = _answer(agent.open.remote(), who, faults)
        left = None
        if answer is not None:
            left = _answer(agent.left_on.remote(station.plan.device), who, faults)
        self._map(name, agent, faults)
        told = cast("Told", left)
        before = (*self.media[name], *told.media)[-1]
        station.retired.append(Retired(station.plan, before.medium, written))
        station.plan, station.earlier = plan, WriterStatistics()
        self._go_on(name, agent, epoch, answer, told)
        return told

    def restart_agent(self, name: str, written: WriterStatistics) -> Told:
        """A new media agent goes on with the device of one that is dead or as good as dead.
        written: what this device had taken.  Returns what is durable on it, in the order of
        writing.  Raises FlowbackupError if it cannot; the buffer waits on then."""
        station = self.stations[name]
        station.lose_agent()
        epoch, faults = station.next_epoch(), list[FlowbackupError]()
        agent = self._media_agent(station.plan, epoch)
        device_id = self.media[name][-1].device_id
        call = agent.take_over.remote(station.agent_process, device_id)
        answer = _answer(call, _agent(name), faults)
        self._map(name, agent, faults)
        opened, told = cast("tuple[object, Told]", answer)
        sizes = [frame.header.payload_bytes for frame in told.frames]
        station.earlier = replace(written, frames=len(sizes), bytes_payload=sum(sizes))
        self._go_on(name, agent, epoch, opened, told)
        return told

    def _map(self, name: str, agent: Handle, faults: list[FlowbackupError]) -> None:
        """The last step of a new media agent that had no faults; else it ends, and they are
        raised."""
        if not faults:
            _answer(agent.map.remote(), _agent(name), faults)
        if faults:
            ray.kill(agent)
            _raise_all(faults)

    def _go_on(self, name: str, agent: Handle, epoch: int, opened: object, told: Told) -> None:
        station, faults = self.stations[name], list[FlowbackupError]()
        station.agent, station.agent_epoch, station.agent_lost = agent, epoch, False
        self._hear_opened(name, station, opened)
        names = tuple(frame.header.frame_id for frame in told.frames)
        call = station.buffer.replace_device.remote(agent, epoch, names)
        _answer(call, f"buffer {name}", faults)
        _raise_all(faults)

    def _hear_opened(self, name: str, station: Station, opened: object) -> None:
        """What MediaAgent.open returns."""
        facts, self.media[name] = cast("tuple[NodeFacts, tuple[MediumInfo, ...]]", opened)
        station.agent_process = facts.process

    def give_up_device(self, name: str) -> None:
        """Its buffer shall not wait for another device."""
        _answer(self.stations[name].buffer.give_up_device.remote(), f"buffer {name}", [])

    def attach(self, plan: Plan, name: str) -> None:
        """Hires a mirror of a new plan, which differs by that from the present one, and couples it
        with its predecessor.  Raises the first fault; everything is as before then."""
        before, self.plan = self.plan, plan
        self._assignments = Assignments(plan, self._session, identify())
        agent = plan.agent(name)
        station = Station(agent, self._buffer(agent), self._media_agent(agent))
        try:
            station.begins = self._couple(station)
        except FlowbackupError:
            self.dismiss_one(station)
            self.media.pop(name, None)
            self.plan = before
            self._assignments = Assignments(before, self._session, identify())
            raise
        self.stations[name] = station

    def _couple(self, station: Station) -> Begins:
        name, faults = station.plan.name, list[FlowbackupError]()
        answer = _answer(station.agent.open.remote(), f"media agent {name}", faults)
        _answer(station.buffer.open.remote(), f"buffer {name}", faults)
        _raise_all(faults)
        self._hear_opened(name, station, answer)
        _answer(station.agent.map.remote(), f"media agent {name}", faults)
        _answer(station.buffer.wire.remote(station.agent, ()), f"buffer {name}", faults)
        borders = self._borders(faults)
        _raise_all(faults)
        (edge,) = self.plan.edges_into(name)
        settings = next(e for e in self._assignments.edges_from(edge.source) if e.target == name)
        source = self.stations[edge.source].buffer
        owed = _answer(
            source.attach.remote(settings, station.buffer, borders), f"buffer {edge.source}", faults
        )
        _raise_all(faults)
        return cast("Begins", owed)

    def _borders(self, faults: list[FlowbackupError]) -> Begins:
        """Where each stream is now.  Of a lost client nothing is owed to anybody new."""
        borders = {lane.stream: NEVER for lane in lanes_of(self.plan)}
        for name, client in self.clients.items():
            if name not in self.clients_lost:
                answer = _answer(client.next_sequences.remote(), self.who(name), faults)
                borders |= cast("dict[int, int]", answer or {})
        return borders

    def detach(self, name: str) -> WriterStatistics:
        """Lets a media agent end behind the frame under way and seal what it has; one that cannot
        is ended.  Its frames are still owed (`let_go`).  Raises FlowbackupError when its medium is
        not sealed."""
        station = self.stations[name]
        faults: list[FlowbackupError] = []
        answer = _answer(station.agent.leave.remote(), f"media agent {name}", faults)
        if faults:
            station.lose_agent()
            _raise_all(faults)
        return station.earlier + cast("WriterStatistics", answer)

    def let_go(self, name: str) -> None:
        """Nobody waits any more for a media agent that was detached.  One that feeds others goes on
        without its device, the others end."""
        station = self.stations[name]
        station.lose_agent()
        if any(not self.stations[e.target].buffer_lost for e in self.plan.edges_from(name)):
            self.give_up_device(name)
            return
        for edge in self.plan.edges_into(name):
            source = self.stations[edge.source]
            if not source.buffer_lost:
                _answer(source.buffer.detach.remote(edge.name), f"buffer {edge.source}", [])
        self.dismiss_one(station)

    def dismiss_one(self, station: Station) -> None:
        """Ends both of its actors; memory goes only where it is theirs alone."""
        is_owner = any(slab.owner == station.plan.name for slab in self.plan.slabs)
        if is_owner and not station.buffer_lost:
            _answer(station.buffer.close.remote(), f"buffer {station.plan.name}", [])
        station.lose_agent()
        station.lose_buffer()

    def open(self) -> None:
        """Devices are locked and checked, memory is reserved, objects are looked for.  Raises the
        first fault with the others in its message; nothing was written then."""
        readers = {n for n in self.clients if n not in self._assignments.clients}
        others: Calls = {n: s.buffer.open.remote() for n, s in self.stations.items()}
        others |= {n: c.open.remote() for n, c in self.clients.items() if n not in readers}
        self._lock_devices()
        opened: Calls = {n: s.agent.open.remote() for n, s in self.stations.items()}
        opened |= {n: self.clients[n].open.remote() for n in readers}
        faults: list[FlowbackupError] = []
        for name, reference in opened.items():
            answer = _answer(reference, _agent(name), faults)
            if answer is not None and name in self.stations:
                self._hear_opened(name, self.stations[name], answer)
            elif answer is not None:
                _, self.media[name] = cast("tuple[NodeFacts, tuple[MediumInfo, ...]]", answer)
        for name, reference in others.items():
            _answer(reference, name, faults)
        _raise_all(faults)

    def _lock_devices(self) -> None:
        """One after the other, in the order of their media, which is the same for every session: so
        two that want the same devices at the same moment do not both fail.  See flow.admission."""
        faults: list[FlowbackupError] = []
        looking: Calls = {n: s.agent.look.remote() for n, s in self.stations.items()}
        found: list[tuple[bytes, str]] = []
        for name, reference in looking.items():
            answer = _answer(reference, f"media agent {name}", faults)
            if answer is not None:
                found.append((cast("MediumInfo", answer).device_id, name))
        _raise_all(faults)
        for _, name in sorted(found):
            _answer(self.stations[name].agent.lock.remote(), f"media agent {name}", faults)
            _raise_all(faults)

    def wire(self) -> None:
        """Couples everybody with everybody he talks to."""
        faults: list[FlowbackupError] = []
        calls: Calls = {f"media agent {n}": s.agent.map.remote() for n, s in self.stations.items()}
        for name, station in self.stations.items():
            edges = [
                (edge, self.stations[edge.target].buffer)
                for edge in self._assignments.edges_from(name)
            ]
            calls[f"buffer {name}"] = station.buffer.wire.remote(station.agent, edges)
        for name, client in self.clients.items():
            heads = [
                (edge, self.stations[edge.target].buffer)
                for edge in self._assignments.edges_from(name)
            ]
            calls[self.who(name)] = client.wire.remote(heads)
        for who, reference in calls.items():
            _answer(reference, who, faults)
        _raise_all(faults)

    def dismiss(self) -> list[FlowbackupError]:
        """Everybody lets go of devices and memory and ends; returns what did not go well."""
        faults: list[FlowbackupError] = []
        everybody = self._everybody()
        calls: Calls = {who: actor.close.remote() for who, actor in everybody.items()}
        latest = time.monotonic() + CLOSE_SECONDS_MAX
        for who, reference in calls.items():
            _answer(reference, who, faults, max(0.0, latest - time.monotonic()))
        for actor in everybody.values():
            ray.kill(actor)
        for path in self._assignments.slab_paths:
            # Its owner has done so, if it still could; on other nodes the other users have.
            path.unlink(missing_ok=True)
        return faults

    def lose_client(self, name: str) -> None:
        """Ends the client's process, whatever it is doing."""
        if name not in self.clients_lost:
            self.clients_lost.add(name)
            ray.kill(self.clients[name])

    def _everybody(self) -> Mapping[str, Handle]:
        """All who may still answer; media agents first, they have most to do."""
        stations = self.stations.items()
        agents = {f"media agent {n}": s.agent for n, s in stations if not s.agent_lost}
        clients = {self.who(n): c for n, c in self.clients.items() if n not in self.clients_lost}
        buffers = {f"buffer {n}": s.buffer for n, s in stations if not s.buffer_lost}
        return agents | clients | buffers

    def _space(self, kind: str) -> str:
        """Buffer and MediaAgent of an agent bear the same name, so they live in two namespaces;
        each session has its own."""
        return f"flowbackup.{id_text(self._session)}.{kind}"


def _start(
    kind: type, name: str, namespace: str, node: str, settings: object, **options: Any
) -> Handle:
    """No CPU is asked for: agents wait for devices, and a busy cluster must not delay a backup."""
    remote: Any = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, **options)(kind)
    placed = remote.options(name=name, namespace=namespace, scheduling_strategy=pinned(node))
    handle: Handle = placed.remote(settings)
    return handle


def _answer(
    reference: Any, who: str, faults: list[FlowbackupError],
    seconds_max: float = START_SECONDS_MAX,
) -> object | None:  # fmt: skip
    try:
        answer: object = ray.get(reference, timeout=seconds_max)
    except RayError as error:
        faults.append(as_ours(error, who))
        return None
    return answer


def _self(epoch: int) -> str:
    """In the name of an actor: Ray may not know yet that the one before has died."""
    return f" self {epoch}" if epoch else ""


def _agent(name: str) -> str:
    return f"media agent {name}"


def _raise_all(faults: Iterable[FlowbackupError]) -> None:
    """Raises the first fault, the others told in its message."""
    all_faults = list(faults)
    if not all_faults:
        return
    first = all_faults[0]
    first.message = "; ".join(fault.message for fault in all_faults)
    raise first
