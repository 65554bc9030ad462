"""Devices of other nodes: an actor there frees, and only what it was asked about travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flowbackup.media.freeing import SealedSegment, SegmentFreer
from flowbackup.model.device import HERE, DeviceTarget, MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.plan.decided import NodePlan, Plan, StagingPlan
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Engine, Post, Reference
from flowbackup.runtime.freeing.session import Reach, medium_target, near_freer
from flowbackup.runtime.freeing.turn import Freer
from flowbackup.runtime.freeing.witnesses import NearWitness, Witness
from flowbackup.runtime.reading.far_media import far_media

CALL_SECONDS_MAX = 120
"""A list of names, an index, or a note and three syncs: a device slower than that hangs."""


class FarFreer:
    """A Freer whose work is done by a SegmentFreer on the node of the device: an actor, which ends
    with this and gives the lock back."""

    kind: type[SegmentFreer] = SegmentFreer

    def __init__(self, engine: Engine, target: DeviceTarget, node: NodePlan) -> None:
        """Raises PeerLostError for a node that is not there."""
        self._engine = engine
        post = Post(engine.place((node,))[node.name])
        self._who = f'the freeing agent of device "{target.name}" on node {node.name}'
        self._agent = engine.spawn(post, self.kind, target)

    def info(self) -> MediumInfo:
        info: MediumInfo = self._answer(self._agent.info.remote())
        return info

    def lock(self, holder: str, *, in_turn: bool) -> None:
        self._answer(self._agent.lock.remote(holder, in_turn=in_turn))

    def sizes(self) -> dict[tuple[int, int], int]:
        sizes: dict[tuple[int, int], int] = self._answer(self._agent.sizes.remote())
        return sizes

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        freed: tuple[FreedSegment, ...] = self._answer(self._agent.freed.remote(segments))
        return freed

    def sealed(self, segment: int, epoch: int) -> SealedSegment | None:
        sealed: SealedSegment | None = self._answer(self._agent.sealed.remote(segment, epoch))
        return sealed

    def free(
        self, sealed: SealedSegment, session: bytes, freed_ns: int, media: Sequence[bytes]
    ) -> FreedSegment:
        call = self._agent.free.remote(sealed, session, freed_ns, media)
        freed: FreedSegment = self._answer(call)
        return freed

    def close(self) -> None:
        """Ends the agent."""
        self._engine.end(self._agent)

    def _answer(self, reference: Reference, seconds_max: float = CALL_SECONDS_MAX) -> Any:
        try:
            return reference.result(seconds_max)
        except CallError as error:
            raise as_ours(error, self._who) from error


@contextmanager
def cluster_reach(plan: Plan, engine: Engine) -> Iterator[Reach]:
    """Devices and media wherever they are; their agents end with it."""
    nodes = {node.name: node for node in plan.nodes}
    with far_media(engine) as far:

        def freer(policy: StagingPlan, info: MediumInfo) -> Freer:
            if policy.node == HERE:
                return near_freer(policy, info)
            return FarFreer(engine, medium_target(policy, info), nodes[policy.node])

        def witness(info: MediumInfo) -> Witness:
            return NearWitness(info) if info.is_near else far(info)

        yield Reach(freer, witness)
