"""From the plan to what each actor is told: a pure translation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from flowbackup.flow.sender import Lane
from flowbackup.model.ids import id_text
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan, SlabPlan, Transport
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.slab import slab_path
from flowbackup.runtime.wiring import (
    BufferSettings,
    ClientSettings,
    EdgeSettings,
    MediaAgentSettings,
    SlabSettings,
)

SPARE_BYTES = 1 << 20
"""What a device must have free beyond one window: labels, records, index and footer."""


class Assignments:
    """The settings of every actor of one session."""

    def __init__(self, plan: Plan, session: bytes, owner: ProcessIdentity) -> None:
        self._plan = plan
        self._session = session
        self._owner = owner
        self._slabs: Mapping[str, SlabPlan] = {slab.name: slab for slab in plan.slabs}

    @property
    def clients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(o.client for o in self._plan.objects))

    def node_of_client(self, client: str) -> str:
        return next(o.node for o in self._plan.objects if o.client == client)

    def buffer(self, agent: AgentPlan) -> BufferSettings:
        return BufferSettings(
            agent=agent.name,
            session=self._session,
            slots=agent.slots,
            slab=self._slab(agent.slab),
            makes_slab=self._slabs[agent.slab].owner == agent.name,
            sync_bytes=self._plan.sync_bytes,
            sync_seconds=self._plan.sync_seconds,
        )

    def media_agent(self, agent: AgentPlan, epoch: int, holder: str) -> MediaAgentSettings:
        return MediaAgentSettings(
            agent=agent.name,
            session=self._session,
            target=agent.device,
            slab=self._slab(agent.slab),
            epoch=epoch,
            holder=holder,
            need_bytes=agent.slots * self._plan.slot_bytes + SPARE_BYTES,
        )

    def edges_from(self, source: str) -> tuple[EdgeSettings, ...]:
        return tuple(self._edge(edge) for edge in self._plan.edges_from(source))

    def client(self, name: str) -> ClientSettings:
        edges = self.edges_from(name)
        slab = self._client_slab(name)
        return ClientSettings(
            client=name,
            session=self._session,
            slab=self._slab(slab.name),
            makes_slab=slab.owner == name,
            frame_bytes=self._plan.frame_bytes,
            objects=tuple(o for o in self._plan.objects if o.client == name),
            edges=edges,
            lanes=tuple(lane for lane in self._all_lanes() if lane.edge in {e.name for e in edges}),
            slots=tuple((edge.name, self._slots_for(edge.name, name)) for edge in edges),
        )

    def _slab(self, name: str) -> SlabSettings:
        slab = self._slabs[name]
        path = slab_path(id_text(self._session), name)
        return SlabSettings(str(path), slab.slots, slab.slot_bytes, self._owner)

    def _edge(self, edge: EdgePlan) -> EdgeSettings:
        frames_max = self._plan.agent(edge.target).slots
        return EdgeSettings(
            edge.name, edge.target, edge.transport, edge.first_slot, edge.last_slot, frames_max
        )

    def _client_slab(self, client: str) -> SlabPlan:
        own = [slab for slab in self._plan.slabs if slab.owner == client]
        if own:
            return own[0]
        head = self._plan.edges_from(client)[0].target
        return self._slabs[self._plan.agent(head).slab]

    def _all_lanes(self) -> list[Lane]:
        """One lane, and so one stream, for each client edge and each way through its head."""
        lanes: list[Lane] = []
        for client in self.clients:
            for edge in self._plan.edges_from(client):
                for first, last in self._ways(edge.target):
                    lanes.append(Lane(edge.name, len(lanes) + 1, first, last))
        return lanes

    def _ways(self, head: str) -> list[tuple[int, int]]:
        """The head's buffers, cut where a coupling begins or ends."""
        slots = self._plan.agent(head).slots
        cuts = {0, slots}
        for edge in self._plan.edges_from(head):
            cuts |= {edge.first_slot, min(edge.last_slot, slots)}
        borders = sorted(cuts)
        return list(pairwise(borders))

    def _slots_for(self, edge_name: str, client: str) -> tuple[int, ...]:
        """The slots that this client may fill for this edge: those of a shared slab are dealt out
        in turn to everybody who fills it, so that each has some of every lane."""
        edge = next(e for e in self._plan.edges_from(client) if e.name == edge_name)
        if edge.transport is Transport.SHARED_MEMORY:
            sharers = [
                e.name for e in self._plan.edges_into(edge.target)
                if e.transport is Transport.SHARED_MEMORY
            ]  # fmt: skip
            slots = self._plan.agent(edge.target).slots
        else:
            sharers = [e.name for e in self._plan.edges_from(client)]
            slots = self._client_slab(client).slots
        turn = sharers.index(edge_name)
        return tuple(range(turn, slots, len(sharers)))
