"""From the plan to what each actor is told: a pure translation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flowbackup.lanes.shares import own_slab, share_of, slab_of, slots_for
from flowbackup.lanes.streams import lanes_of, streams_over, ways_of
from flowbackup.model.ids import id_text
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan, SlabPlan, Transport
from flowbackup.plan.spares import has_spares
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.edges.slab import PrivateMemory, slab_path
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    ClientSettings,
    EdgeSettings,
    MediaAgentSettings,
    ReaderSettings,
    SlabSettings,
)

SPARE_BYTES = 1 << 20
"""What a device must have free beyond one window: labels, records, index and footer."""


class Assignments:
    """The settings of every actor of one session."""

    def __init__(
        self, plan: Plan, session: bytes, owner: ProcessIdentity,
        memory: PrivateMemory | None = None,
    ) -> None:  # fmt: skip
        """memory: of the slabs, where all actors are in the process `owner`."""
        self._plan = plan
        self._memory = memory
        self._session = session
        self._owner = owner
        self._slabs: Mapping[str, SlabPlan] = {slab.name: slab for slab in plan.slabs}
        self._streams = streams_over(plan)

    @property
    def clients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(o.client for o in self._plan.objects))

    @property
    def slab_paths(self) -> tuple[Path, ...]:
        """Where the slabs of this session lie, each on its node."""
        session = id_text(self._session)
        return tuple(slab_path(session, name) for name in self._slabs)

    def node_of_client(self, client: str) -> str:
        return next(o.node for o in self._plan.objects if o.client == client)

    def buffer(self, agent: AgentPlan, epoch: int = 0) -> BufferSettings:
        return BufferSettings(
            agent=agent.name,
            session=self._session,
            slots=agent.slots,
            slab=self._slab(agent.slab),
            makes_slab=self._slabs[agent.slab].owner == agent.name,
            receiving_slots=tuple(
                number
                for edge in self._plan.edges_into(agent.name)
                if edge.transport is not Transport.SHARED_MEMORY
                for number in share_of(self._plan, edge)
            ),
            arrivals=tuple(
                (edge.name, edge.transport)
                for edge in self._plan.edges_into(agent.name)
                if edge.transport is not Transport.SHARED_MEMORY
            ),
            sync_bytes=self._plan.sync_bytes,
            sync_seconds=max(self._plan.sync_seconds, agent.device.sync_seconds_min),
            has_spares=has_spares(self._plan, agent),
            epoch=epoch,
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

    def reader(self, agent: AgentPlan) -> ReaderSettings:
        return ReaderSettings(
            agent=agent.name,
            session=self._session,
            target=agent.device,
            slab=self._slab(agent.slab),
            ways=tuple(way for way in ways_of(self._plan) if way.edge in self._names_from(agent)),
        )

    def _names_from(self, agent: AgentPlan) -> set[str]:
        return {edge.name for edge in self._plan.edges_from(agent.name)}

    def client(self, name: str) -> ClientSettings:
        edges = self.edges_from(name)
        own = own_slab(self._plan, name)
        return ClientSettings(
            client=name,
            session=self._session,
            own_slab=self._slab(own.name) if own else None,
            slabs=tuple(
                (edge.name, self._slab(slab_of(self._plan, edge).name))
                for edge in self._plan.edges_from(name)
            ),
            frame_bytes=self._plan.frame_bytes,
            objects=tuple(o for o in self._plan.objects if o.client == name),
            edges=edges,
            lanes=tuple(
                lane for lane in lanes_of(self._plan) if lane.edge in {e.name for e in edges}
            ),
            slots=tuple((e.name, slots_for(self._plan, e)) for e in self._plan.edges_from(name)),
            stdin=f"/proc/{os.getpid()}/fd/0",
            graph=self._plan.graph,
            catalog=self._plan.catalog,
            zstd_level=self._plan.zstd_level,
        )

    def _slab(self, name: str) -> SlabSettings:
        slab = self._slabs[name]
        path = slab_path(id_text(self._session), name)
        return SlabSettings(str(path), slab.slots, slab.slot_bytes, self._owner, self._memory)

    def _edge(self, edge: EdgePlan) -> EdgeSettings:
        frames_max = len(share_of(self._plan, edge))
        return EdgeSettings(
            edge.name, edge.target, edge.transport, self._streams[edge.name], frames_max, edge.rate
        )
