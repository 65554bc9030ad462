"""Devices of other nodes: an actor there frees, and only what it was asked about travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flowbackup.media.freeing import SealedSegment, SegmentFreer
from flowbackup.model.device import HERE, DeviceTarget, MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.plan.decided import NodePlan, Plan, StagingPlan
from flowbackup.runtime.engines.far_agent import FarAgent
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.freeing.freer import Freer
from flowbackup.runtime.freeing.session import Reach, medium_target, near_freer
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
        who = f'the freeing agent of device "{target.name}" on node {node.name}'
        self._agent = FarAgent(engine, node, who, self.kind, target)

    def info(self) -> MediumInfo:
        info: MediumInfo = self._ask("info")
        return info

    def lock(self, holder: str, *, in_turn: bool) -> None:
        self._ask("lock", holder, in_turn=in_turn)

    def sizes(self) -> dict[tuple[int, int], int]:
        sizes: dict[tuple[int, int], int] = self._ask("sizes")
        return sizes

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        freed: tuple[FreedSegment, ...] = self._ask("freed", segments)
        return freed

    def sealed(self, segment: int, epoch: int) -> SealedSegment | None:
        sealed: SealedSegment | None = self._ask("sealed", segment, epoch)
        return sealed

    def free(
        self, sealed: SealedSegment, session: bytes, freed_ns: int, media: Sequence[bytes]
    ) -> FreedSegment:
        freed: FreedSegment = self._ask("free", sealed, session, freed_ns, media)
        return freed

    def close(self) -> None:
        """Ends the agent."""
        self._agent.end()

    def _ask(
        self, verb: str, *arguments: object, seconds_max: float = CALL_SECONDS_MAX, **named: object
    ) -> Any:
        return self._agent.ask(verb, *arguments, seconds_max=seconds_max, **named)


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
