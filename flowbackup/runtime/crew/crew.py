"""All actors of one session: hired on their nodes, opened, coupled, asked, dismissed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import cast

from flowbackup.errors import FlowbackupError
from flowbackup.flow.outbox import NEVER, Begins
from flowbackup.frame.keys import WriterKey
from flowbackup.lanes.streams import lanes_of
from flowbackup.media.port import WriterStatistics
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan
from flowbackup.plan.groups import RESTORE
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.actors.buffer import Buffer
from flowbackup.runtime.actors.client import Client
from flowbackup.runtime.actors.media_agent import CONCURRENCY_GROUPS, MediaAgent
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.cancel import Cancel, Part
from flowbackup.runtime.crew.answers import START_SECONDS_MAX, answer_of, raise_all
from flowbackup.runtime.crew.assignments import Assignments
from flowbackup.runtime.crew.doors import holder_of
from flowbackup.runtime.crew.station import Adopted, Station
from flowbackup.runtime.edges.letterbox import letter_to
from flowbackup.runtime.edges.slab import PrivateMemory
from flowbackup.runtime.edges.wiring import Coupled, EdgeSettings
from flowbackup.runtime.engines.port import Engine, Handle, Post, Reference

CLOSE_SECONDS_MAX = 20
TELL_SECONDS_MAX = 15
"""Who lives hears what he is told at once."""
Calls = dict[str, Reference]


class Crew:
    """The live actors of a session.  clients: who feeds the chains: clients of a backup, or the
    restore agents of a stage of copies."""

    def __init__(
        self, plan: Plan, session: bytes, engine: Engine, cancel: Cancel,
        key: WriterKey | None = None,
    ) -> None:  # fmt: skip
        """key: with which everything is sealed that goes to media."""
        self.plan = plan
        self.key = key
        self.engine = engine
        self.cancel = cancel
        self.session = session
        self._memory = PrivateMemory() if engine.is_one_process else None
        self._assignments = self._assigned(plan)
        self.stations: dict[str, Station] = {}
        self.clients: dict[str, Handle] = {}
        self.clients_lost: set[str] = set()
        self.media: dict[str, tuple[MediumInfo, ...]] = {}
        """Of each device, the newest last; more than one where it has a set of them."""
        self.adopted: dict[str, Adopted] = {}
        """By the edge on which a station stands for a lost one."""
        self._nodes: dict[str, str] = {}

    def hire(self) -> None:
        """Starts every actor on its node, all at once.  Raises PeerLostError for absent nodes."""
        self._nodes = self.engine.place(self.plan.nodes)
        for agent in self.plan.agents:
            if agent.role == RESTORE:
                self.clients[agent.name] = self._reader(agent)
                continue
            buffer = self.hire_buffer(agent)
            self.stations[agent.name] = Station(
                agent, buffer, self.hire_agent(agent), self.engine
            )  # fmt: skip
        for name in self._assignments.clients:
            node = self._nodes[self._assignments.node_of_client(name)]
            post = self._post(node, name, "clients")
            self.clients[name] = self.engine.spawn(post, Client, self._assignments.client(name))

    def _reader(self, agent: AgentPlan) -> Handle:
        post = self._post(self._nodes[agent.node], agent.name, "clients")
        return self.engine.spawn(post, Reader, self._assignments.reader(agent))

    def who(self, client: str) -> str:
        """Of those who feed the chains, in words."""
        return f"restore agent {client}" if client in self.media else f"client {client}"

    def hire_buffer(self, agent: AgentPlan, epoch: int = 0) -> Handle:
        """Starts it on its node, and waits for nothing."""
        post = self._post(self._nodes[agent.node], f"{agent.name}{_self(epoch)}", "buffers")
        return self.engine.spawn(post, Buffer, self._assignments.buffer(agent, epoch))

    def hire_agent(self, agent: AgentPlan, epoch: int = 0) -> Handle:
        """Starts it on its node, and waits for nothing."""
        holder = holder_of(self.plan, self.session)
        name = f"{agent.group}.{agent.device.name}{_self(epoch)}"
        post = self._post(self._nodes[agent.node], name, "agents")._replace(
            groups=CONCURRENCY_GROUPS
        )
        settings = self._assignments.media_agent(agent, epoch, holder)
        return self.engine.spawn(post, MediaAgent, settings)

    def hear_opened(self, name: str, opened: object) -> None:
        """What MediaAgent.open returns."""
        process, self.media[name] = cast("tuple[ProcessIdentity, tuple[MediumInfo, ...]]", opened)
        if name in self.stations:
            self.stations[name].agent_process = another(process)

    def has_node(self, name: str) -> bool:
        """Is the node of a station still there, as far as its engine knows?"""
        node = self._nodes[self.stations[name].plan.node]
        return self.engine.is_alive(node)

    def buffer_answers(self, name: str) -> bool:
        """Is the buffer of a station alive?"""
        faults: list[FlowbackupError] = []
        call = self.stations[name].buffer.statistics.remote()
        self.answer_of(call, f"buffer {name}", faults, TELL_SECONDS_MAX)
        return not faults

    def edges_from(self, name: str) -> list[EdgePlan]:
        """Over which a station sends, those included on which it stands for a lost one."""
        own = [e for e in self.plan.edges_from(name) if e.name not in self.adopted]
        return own + [e for e in self.plan.edges if e.source != name and self.sender(e) == name]

    def sender(self, edge: EdgePlan) -> str:
        """Who sends over an edge: its source, or who stands for that."""
        return self.adopted[edge.name].by if edge.name in self.adopted else edge.source

    def couplings(self, name: str) -> list[Coupled]:
        """The edges out of a station to those behind it that are there."""
        found: list[Coupled] = []
        for edge in self.edges_from(name):
            target = self.stations[edge.target]
            if not target.buffer_lost:
                epoch = self.adopted[edge.name].epoch if edge.name in self.adopted else None
                found.append(
                    Coupled(
                        self.settings_of(edge), target.buffer, target.buffer_epoch, target.begins,
                        epoch,
                    )
                )  # fmt: skip
        return found

    def settings_of(self, edge: EdgePlan) -> EdgeSettings:
        """As its sender has them."""
        if edge.name in self.adopted:
            return self.adopted[edge.name].settings
        return next(e for e in self._assignments.edges_from(edge.source) if e.name == edge.name)

    def feeders(self, name: str) -> dict[str, Handle]:
        """Edge -> who sends over it to a station, as far as he is there."""
        found: dict[str, Handle] = {}
        for edge in self.plan.edges_into(name):
            source = self.sender(edge)
            if source in self.stations and not self.stations[source].buffer_lost:
                found[edge.name] = self.stations[source].buffer
            elif source in self.clients and source not in self.clients_lost:
                found[edge.name] = self.clients[source]
        return found

    def limit(self, plan: Plan, name: str) -> None:
        """An edge is to be as fast as a new plan says, which differs by that from the present one;
        so it stays for those who replace its sender.  Raises what the sender says."""
        self.plan, self._assignments = plan, self._assigned(plan)
        edge = next(edge for edge in plan.edges if edge.name == name)
        feeder = self.feeders(edge.target).get(name)
        if feeder is not None:
            faults: list[FlowbackupError] = []
            self.answer_of(feeder.limit.remote(name, edge.rate), name, faults, TELL_SECONDS_MAX)
            raise_all(faults)

    def detach_from_feeders(self, name: str) -> None:
        """Nobody waits for this station any more; who cannot be told has died himself."""
        for edge, feeder in self.feeders(name).items():
            self.answer_of(feeder.detach.remote(edge), edge, [], TELL_SECONDS_MAX)

    def give_up_device(self, name: str) -> None:
        """Its buffer shall not wait for another device."""
        self.answer_of(self.stations[name].buffer.give_up_device.remote(), f"buffer {name}", [])

    def attach(self, plan: Plan, name: str) -> None:
        """Hires a mirror of a new plan, which differs by that from the present one, and couples it
        with its predecessor.  Raises the first fault; everything is as before then."""
        before, self.plan = self.plan, plan
        self._assignments = self._assigned(plan)
        agent = plan.agent(name)
        station = Station(agent, self.hire_buffer(agent), self.hire_agent(agent), self.engine)
        try:
            self.stations[name] = station
            station.begins = self._couple(station)
        except FlowbackupError:
            self.dismiss_one(self.stations.pop(name))
            self.media.pop(name, None)
            self.plan = before
            self._assignments = self._assigned(before)
            raise

    def _couple(self, station: Station) -> Begins:
        name, faults = station.plan.name, list[FlowbackupError]()
        answer = self.answer_of(station.agent.open.remote(), f"media agent {name}", faults)
        process = self.answer_of(station.buffer.open.remote(), f"buffer {name}", faults)
        raise_all(faults)
        station.buffer_process = another(cast("ProcessIdentity", process))
        self.hear_opened(name, answer)
        self.answer_of(station.agent.map.remote(), f"media agent {name}", faults)
        self.answer_of(station.buffer.wire.remote(station.agent, ()), f"buffer {name}", faults)
        borders = self._borders(faults)
        raise_all(faults)
        (edge,) = self.plan.edges_into(name)
        settings = self.settings_of(edge)
        source = self.stations[edge.source].buffer
        owed = self.answer_of(
            source.attach.remote(settings, station.buffer, borders), f"buffer {edge.source}", faults
        )
        raise_all(faults)
        return cast("Begins", owed)

    def _borders(self, faults: list[FlowbackupError]) -> Begins:
        """Where each stream is now.  Of a lost client nothing is owed to anybody new."""
        borders = {lane.stream: NEVER for lane in lanes_of(self.plan)}
        for name, client in self.clients.items():
            if name not in self.clients_lost:
                answer = self.answer_of(client.next_sequences.remote(), self.who(name), faults)
                borders |= cast("dict[int, int]", answer or {})
        return borders

    def detach(self, name: str) -> WriterStatistics:
        """Lets a media agent end behind the frame under way and seal what it has; one that cannot
        is ended.  Its frames are still owed (`let_go`).  Raises FlowbackupError when its medium is
        not sealed."""
        station = self.stations[name]
        faults: list[FlowbackupError] = []
        answer = self.answer_of(station.agent.leave.remote(), f"media agent {name}", faults)
        if faults:
            station.lose_agent()
            raise_all(faults)
        return station.earlier + cast("WriterStatistics", answer)

    def let_go(self, name: str) -> None:
        """Nobody waits any more for a media agent that was detached.  One that feeds others goes on
        without its device, the others end."""
        station = self.stations[name]
        station.lose_agent()
        if any(not self.stations[e.target].buffer_lost for e in self.edges_from(name)):
            self.give_up_device(name)
            return
        self.detach_from_feeders(name)
        self.dismiss_one(station)

    def dismiss_one(self, station: Station) -> None:
        """Ends both of its actors; memory goes only where it is theirs alone."""
        is_owner = any(slab.owner == station.plan.name for slab in self.plan.slabs)
        if is_owner and not station.buffer_lost:
            self.answer_of(station.buffer.close.remote(), f"buffer {station.plan.name}", [])
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
            answer = self.answer_of(reference, f"media agent {name}", faults, part=Part.BEGIN)
            if answer is not None:
                self.hear_opened(name, answer)
        for name, reference in others.items():
            process = self.answer_of(reference, name, faults, part=Part.BEGIN)
            if name in self.stations and process is not None:
                self.stations[name].buffer_process = another(cast("ProcessIdentity", process))
        self._raise_unbegun(faults)

    def _lock_devices(self) -> None:
        """One after the other, in the order of their media, which is the same for every session: so
        two that want the same devices at the same moment do not both fail.  See flow.admission."""
        faults: list[FlowbackupError] = []
        looking: Calls = {n: s.agent.look.remote() for n, s in self.stations.items()}
        found: list[tuple[bytes, str]] = []
        for name, reference in looking.items():
            answer = self.answer_of(reference, f"media agent {name}", faults, part=Part.BEGIN)
            if answer is not None:
                found.append((cast("MediumInfo", answer).device_id, name))
        self._raise_unbegun(faults)
        for _, name in sorted(found):
            lock = self.stations[name].agent.lock.remote()
            self.answer_of(lock, f"media agent {name}", faults, part=Part.BEGIN)
            self._raise_unbegun(faults)

    def wire(self) -> None:
        """Couples everybody with everybody he talks to."""
        faults: list[FlowbackupError] = []
        calls: Calls = {f"media agent {n}": s.agent.map.remote() for n, s in self.stations.items()}
        for name, station in self.stations.items():
            call = station.buffer.wire.remote(station.agent, self.couplings(name))
            calls[f"buffer {name}"] = call
        for name, client in self.clients.items():
            heads = [
                (edge, self.stations[edge.target].buffer)
                for edge in self._assignments.edges_from(name)
            ]
            calls[self.who(name)] = client.wire.remote(heads)
        for who, reference in calls.items():
            self.answer_of(reference, who, faults, part=Part.BEGIN)
        self._raise_unbegun(faults)
        if self.key is not None:
            self._hand_over_key(self.key)

    def _hand_over_key(self, key: WriterKey) -> None:
        """To the clients: sealed for each, because Ray keeps what actors are told."""
        faults: list[FlowbackupError] = []
        clients = {n: c for n, c in self.clients.items() if n in self._assignments.clients}
        asked = {name: client.letterbox.remote() for name, client in clients.items()}
        for name, reference in asked.items():
            address = self.answer_of(reference, self.who(name), faults, part=Part.BEGIN)
            if address is not None:
                letter = letter_to(cast("bytes", address), key.secret)
                call = clients[name].hear_key.remote(key.public, key.slots, letter)
                self.answer_of(call, self.who(name), faults, part=Part.BEGIN)
        self._raise_unbegun(faults)

    def dismiss(self) -> list[FlowbackupError]:
        """Everybody lets go of devices and memory and ends; returns what did not go well."""
        faults: list[FlowbackupError] = []
        everybody = self._everybody()
        calls: Calls = {who: actor.close.remote() for who, actor in everybody.items()}
        latest = time.monotonic() + CLOSE_SECONDS_MAX
        for who, reference in calls.items():
            left = max(0.0, latest - time.monotonic())
            self.answer_of(reference, who, faults, left, Part.LEAVE)
        for actor in everybody.values():
            self.engine.end(actor)
        self.remove_memory()
        return faults

    def remove_memory(self) -> None:
        """Of this node.  Its owner has done so, if it still could; on other nodes the other users
        have."""
        for path in self._assignments.slab_paths:
            path.unlink(missing_ok=True)

    def lose_client(self, name: str) -> None:
        """Ends the client, whatever it is doing."""
        if name not in self.clients_lost:
            self.clients_lost.add(name)
            self.engine.end(self.clients[name])

    def _everybody(self) -> Mapping[str, Handle]:
        """All who may still answer; media agents first, they have most to do."""
        stations = self.stations.items()
        agents = {f"media agent {n}": s.agent for n, s in stations if not s.agent_lost}
        clients = {self.who(n): c for n, c in self.clients.items() if n not in self.clients_lost}
        buffers = {f"buffer {n}": s.buffer for n, s in stations if not s.buffer_lost}
        return agents | clients | buffers

    def answer_of(
        self, reference: Reference, who: str, faults: list[FlowbackupError],
        seconds_max: float = START_SECONDS_MAX, part: Part = Part.WRITE,
    ) -> object | None:  # fmt: skip
        """See answers.  part: what the session is at, which a cancel gives less time."""
        latest = time.monotonic() + seconds_max
        return answer_of(reference, who, faults, lambda: self.cancel.latest(part, latest))

    def _raise_unbegun(self, faults: Iterable[FlowbackupError]) -> None:
        """What kept it from being begun: the user's word before all else."""
        self.cancel.refuse("anything was written")
        raise_all(faults)

    def _assigned(self, plan: Plan) -> Assignments:
        return Assignments(plan, self.session, identify(), self._memory)

    def _post(self, node: str, name: str, kind: str) -> Post:
        """Buffer and MediaAgent of an agent bear the same name, so they live in two spaces; each
        session has its own."""
        space = f"flowbackup.{id_text(self.session)}.{kind}"
        return Post(node, f"{self.plan.graph}/{name}", space)


def another(process: ProcessIdentity) -> ProcessIdentity | None:
    """One that may be ended for whom it serves; None for this one."""
    return None if process == identify() else process


def _self(epoch: int) -> str:
    """In the name of an actor: the engine may not know yet that the one before has died."""
    return f" self {epoch}" if epoch else ""
