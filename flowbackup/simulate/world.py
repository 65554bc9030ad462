"""All parts of a simulated session, made from a plan: the machines, and what is modelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import Random

from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.sender import SenderMachine
from flowbackup.flow.spread import SpreadMachine
from flowbackup.lanes.shares import share_of, slots_for
from flowbackup.lanes.streams import lanes_of, streams_over, ways_of
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import NO_ID
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan, Transport
from flowbackup.plan.groups import RESTORE
from flowbackup.simulate.client import ModelClient, ReadObject
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.device import ModelDevice
from flowbackup.simulate.edge import ModelEdge, Way
from flowbackup.simulate.reader import ModelReader
from flowbackup.simulate.scenario import NodeModel, Scenario
from flowbackup.simulate.server import Server, seconds_of
from flowbackup.simulate.station import Station


class World:
    """clients, readers, stations and edges by name."""

    def __init__(self, plan: Plan, scenario: Scenario, copied_bytes: int = 0) -> None:
        """copied_bytes: what a stage of copies reads."""
        self.plan = plan
        self.scenario = scenario
        self.clock = Clock()
        self._cores: dict[str, Server] = {}
        self._disks: dict[tuple[str, str], Server] = {}
        self._ways: dict[tuple[str, str], Way] = {}
        self._ports: defaultdict[tuple[str, str], Server] = defaultdict(Server)
        self._streams = streams_over(plan)
        self._client_nodes = {item.client: item.node for item in plan.objects}
        readers = [agent for agent in plan.agents if agent.role == RESTORE]
        self.edges: Mapping[str, ModelEdge] = {e.name: self._edge(e) for e in plan.edges}
        self.stations: Mapping[str, Station] = {
            agent.name: self._station(agent) for agent in plan.agents if agent.role != RESTORE
        }
        self.clients: Mapping[str, ModelClient] = {
            name: self._client(name) for name in self._client_nodes
        }
        share = -(-copied_bytes // max(1, len(readers)))
        self.readers: Mapping[str, ModelReader] = {
            agent.name: self._reader(agent, number, share) for number, agent in enumerate(readers)
        }
        for edge in plan.edges:
            self._couple(edge)

    def make_device(self, station: Station, name: str) -> ModelDevice:
        """A spare one, in the place of that of a station."""
        return self._device(station.plan, DeviceTarget(name, "directory"))

    def _edge(self, edge: EdgePlan) -> ModelEdge:
        scenario = self.scenario
        return ModelEdge(
            edge, self._streams[edge.name], len(share_of(self.plan, edge)), self.clock,
            self._way_of(edge), scenario.call_seconds, (scenario.day, scenario.minute),
        )  # fmt: skip

    def _node_of(self, name: str) -> str:
        return self._client_nodes.get(name) or self.plan.agent(name).node

    def _way_of(self, edge: EdgePlan) -> Way | None:
        """All couplings from one node to another one share the network between them, and all of a
        node its ports."""
        if edge.transport is Transport.SHARED_MEMORY:
            return None
        source, target = self._node_of(edge.source), self._node_of(edge.target)
        if (source, target) not in self._ways:
            model = self.scenario.links.get((source, target), self.scenario.link)
            shared = (
                (Server(), model.rate),
                (self._ports[source, "out"], self._node(source).network_rate),
                (self._ports[target, "in"], self._node(target).network_rate),
            )
            self._ways[source, target] = Way(shared, model.latency_seconds)
        return self._ways[source, target]

    def _cores_of(self, node: str) -> Server:
        if node not in self._cores:
            self._cores[node] = Server(self._node(node).cores)
        return self._cores[node]

    def _node(self, name: str) -> NodeModel:
        return self.scenario.nodes.get(name, self.scenario.node)

    def _device(self, agent: AgentPlan, target: DeviceTarget) -> ModelDevice:
        scenario, node = self.scenario, agent.node
        model = scenario.devices.get(target.name, scenario.device)
        shared = (node, model.disk) if model.disk else ("", f"{agent.name}/{target.name}")
        disk = self._disks.setdefault(shared, Server())
        cores, rate = self._cores_of(node), self._node(node).digest_rate

        def check_digest(size_bytes: int) -> float:
            return cores.book(self.clock.now, seconds_of(size_bytes, rate)) if rate else 0.0

        random = Random(f"{scenario.seed}/{agent.name}/{target.name}")
        return ModelDevice(
            target, model, self.clock, random, disk, scenario.call_seconds, check_digest
        )

    def _station(self, agent: AgentPlan) -> Station:
        plan = self.plan
        outboxes = [self.edges[edge.name].outbox() for edge in plan.edges_from(agent.name)]
        machine = BufferMachine(
            slots=agent.slots, bytes_max=agent.slots * plan.slot_bytes,
            commit=GroupCommit(plan.sync_bytes, plan.sync_seconds), successors=outboxes,
        )  # fmt: skip
        device = self._device(agent, agent.device)
        return Station(agent, machine, device, self.clock, plan.sync_seconds)

    def _client(self, name: str) -> ModelClient:
        plan, scenario = self.plan, self.scenario
        edges = plan.edges_from(name)
        lanes = [lane for lane in lanes_of(plan) if lane.edge in {edge.name for edge in edges}]
        sender = SenderMachine(NO_ID, lanes, {e.name: dict(slots_for(plan, e)) for e in edges})
        objects: list[ReadObject] = []
        for number, item in enumerate(plan.objects):
            if item.client == name:
                model = scenario.objects.get(f"{name}/{item.name}", scenario.object)
                heads = tuple(f"{name} -> {head}" for head in item.heads)
                objects.append(ReadObject(item, model, number, heads, model.size_bytes))
        return ModelClient(
            name, scenario.clients.get(name, scenario.client), objects, sender,
            {edge.name: self.edges[edge.name] for edge in edges}, plan.frame_bytes, self.clock,
            self._cores_of(self._client_nodes[name]),
        )  # fmt: skip

    def _reader(self, agent: AgentPlan, number: int, left_bytes: int) -> ModelReader:
        plan = self.plan
        edges = {edge.name: self.edges[edge.name] for edge in plan.edges_from(agent.name)}
        ways = [way for way in ways_of(plan) if way.edge in edges]
        machine = SpreadMachine(range(agent.slots), ways)
        device = self._device(agent, agent.device)
        return ModelReader(
            agent, number, machine, device, edges, left_bytes, plan.frame_bytes, self.clock,
        )  # fmt: skip

    def _couple(self, edge: EdgePlan) -> None:
        coupled, target = self.edges[edge.name], self.stations[edge.target]
        if edge.source in self.stations:
            self.stations[edge.source].couple(coupled, target)
            return
        source = self.clients.get(edge.source) or self.readers[edge.source]
        target.incoming[edge.name] = coupled
        coupled.couple(target, source.hears(edge.name))
