"""Going on where a session was interrupted: what of each object is safe already, and where.

A file need not be read again if it is as it was, and if every frame of its content lies on all
devices that must have it, so that a run sends what one of them lacks and nothing else.  Every
object gets a version of its own in each session: what it has in common with what was left, it
refers to.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.unfinished import LeftObject, ObjectName
from flowbackup.errors import NotFoundError
from flowbackup.lanes.streams import agents_behind
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import FrameId
from flowbackup.model.known import KnownContent
from flowbackup.plan.decided import AgentPlan, ObjectPlan, Plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.crew.answers import START_SECONDS_MAX
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.ends import KnownShares
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError
from flowbackup.units import MIB

BATCH_BYTES = 8 * MIB
"""Lists of files go to the client in calls of this size: the list of a large tree is larger than
what Ray's object store holds at once."""


class _Safe(NamedTuple):
    """A frame that counts as sent over a head, and the agents behind it that hold it."""

    head: str
    agents: tuple[str, ...]


class Resume:
    """What is left of the objects of a plan; nothing where nothing was interrupted."""

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        self._catalog = catalog
        self._plan = plan
        # What a stream gave before says nothing about what it gives now.
        names = {
            ObjectName(o.client, o.name, os.fsencode(o.path)): o
            for o in plan.objects if o.stream is None
        }  # fmt: skip
        left = catalog.unfinished.objects(plan.graph, names)
        self._left = {names[name]: states for name, states in left.items()}
        self._safe: dict[tuple[str, str], dict[FrameId, _Safe]] = {}

    @property
    def sessions(self) -> tuple[bytes, ...]:
        """Those that left something, the newest last."""
        states = [state for found in self._left.values() for state in found]
        states.sort(key=lambda state: state.started_ns)
        return tuple(dict.fromkeys(state.session for state in states))

    def hand_over(self, crew: Crew) -> int:
        """Tells the clients; how many frames are safe.  The crew holds its devices, so nothing that
        is found now goes away.  Raises FlowbackupError for a client that does not answer."""
        for data_object, states in self._left.items():
            safe = dict(self._safe_frames(data_object, states, crew.media))
            self._safe[data_object.client, data_object.name] = safe
            if safe:
                self._tell(crew, data_object, states, frozenset(safe))
        return sum(map(len, self._safe.values()))

    def shares(self, client: str, ending: ObjectEnding) -> KnownShares:
        """Of the frames that an object refers to: what is due behind each head, and is there."""
        safe = self._safe.get((client, ending.name), {})
        due: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for frame in ending.known:
            due[safe[frame].head] += 1
            held.update(safe[frame].agents)
        return KnownShares(due, held)

    def lacking(self, media: Mapping[str, Sequence[MediumInfo]]) -> dict[str, set[FrameId]]:
        """Agent -> frames that others behind the same head hold, and it does not.  media: of each
        agent those that are within reach."""
        found: dict[str, set[FrameId]] = {}
        for data_object, states in self._left.items():
            wanted = {f for state in states for f in self._catalog.unfinished.frames(state)}
            holding = self._holding(states, media)
            for frame in wanted.intersection(holding):
                _, agents = self._nearest(data_object, holding[frame])
                for agent in agents:
                    if agent.name in media and agent.name not in holding[frame]:
                        found.setdefault(agent.name, set()).add(frame)
        return found

    def _safe_frames(
        self, data_object: ObjectPlan, states: Sequence[LeftObject],
        media: Mapping[str, Sequence[MediumInfo]],
    ) -> Iterator[tuple[FrameId, _Safe]]:  # fmt: skip
        for frame, holding in self._holding(states, media).items():
            head, agents = self._nearest(data_object, holding)
            if self._is_enough(agents, holding):
                yield frame, _Safe(head, tuple(a.name for a in agents if a.name in holding))

    def _holding(
        self, states: Sequence[LeftObject], media: Mapping[str, Sequence[MediumInfo]]
    ) -> dict[FrameId, set[str]]:
        """The frames of these objects that agents have on their media, and which agents."""
        agents_of = {info.medium: name for name, infos in media.items() for info in infos}
        found: dict[FrameId, set[str]] = {}
        for state in states:
            for frame, medium in self._catalog.unfinished.holders(state.object_id):
                if medium in agents_of:
                    found.setdefault(frame, set()).add(agents_of[medium])
        return found

    def _nearest(
        self, data_object: ObjectPlan, holding: Collection[str]
    ) -> tuple[str, Sequence[AgentPlan]]:
        """The head behind which most agents hold a frame, and all that are behind it."""
        behind = [
            (head, agents_behind(self._plan, head, data_object.buffers))
            for head in data_object.heads
        ]
        return max(behind, key=lambda way: sum(agent.name in holding for agent in way[1]))

    def _is_enough(self, agents: Sequence[AgentPlan], holding: Collection[str]) -> bool:
        """As `flow.outcome.end_object` asks of an object."""
        if self._plan.copies:
            return sum(agent.name in holding for agent in agents) >= self._plan.copies
        due = [agent for agent in agents if agent.required] or agents
        return all(agent.name in holding for agent in due)

    def _tell(
        self, crew: Crew, data_object: ObjectPlan, states: Sequence[LeftObject],
        safe: frozenset[FrameId],
    ) -> None:  # fmt: skip
        client = crew.clients[data_object.client]
        for state in states:
            for content in self._batches(state):
                try:
                    client.know.remote(data_object.name, content, safe).result(START_SECONDS_MAX)
                except CallError as error:
                    raise as_ours(error, crew.who(data_object.client)) from error
                safe = frozenset()

    def _batches(self, state: LeftObject) -> Iterator[KnownContent]:
        pages: list[bytes] = []
        size = 0
        for page in self._catalog.unfinished.pages(state):
            pages.append(page)
            size += len(page)
            if size >= BATCH_BYTES:
                yield KnownContent(state.object_id, state.started_ns, tuple(pages))
                pages, size = [], 0
        yield KnownContent(state.object_id, state.started_ns, tuple(pages))


def refuse_if_nothing_left(plan: Plan, catalog: Catalog) -> None:
    """Raises NotFoundError where a run of the plan has nothing to go on with."""
    if not catalog.unfinished.sessions(plan.graph) and not Resume(catalog, plan).sessions:
        raise NotFoundError(
            f"no session of graph {plan.graph} was interrupted",
            remedy="run it without --resume; `flowbackup sessions` shows how the last one ended",
        )
