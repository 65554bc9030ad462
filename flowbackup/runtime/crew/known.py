"""What of each object is safe already, and where: what a session does not send again.

A file need not be read again if it is as it was, and if every frame of its content lies on all
devices that must have it; a chunk, and a page of the list of files, need not be sent again if their
frames do.  So a run sends what one of the devices lacks and nothing else.  Every object gets a
version of its own in each session: what it has in common with earlier ones, it refers to.

What travels to the client are the lists of files of the newest versions, which name every chunk,
and the chunks of all other frames: of older versions, other objects, other graphs.  To look
something up it asks nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.earlier import EarlierState
from flowbackup.lanes.streams import agents_behind
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId
from flowbackup.model.known import KnownContent
from flowbackup.plan.decided import AgentPlan, ObjectPlan, Plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.crew.answers import START_SECONDS_MAX
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.ends import KnownShares
from flowbackup.runtime.crew.held_chunks import HeldFrame, Media, chunks_in, frames_with_chunks
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError
from flowbackup.units import MIB

BATCH_BYTES = 8 * MIB
"""Lists of files go to the client in calls of this size: the list of a large tree is larger than
what Ray's object store holds at once."""

States = Mapping[ObjectPlan, Sequence[EarlierState]]
"""Of each object, the newest first."""


class _Safe(NamedTuple):
    """A frame that counts as sent over a head, and the agents behind it that hold it.  lacking:
    those without which it is not safe."""

    head: str
    agents: tuple[str, ...]
    lacking: tuple[str, ...] = ()


class KnownFrames:
    """The frames of these states that lie wherever their object is to be, and of all others those
    of which chunks are known.  lacking: of which agent's lack frames of the states are not safe,
    and how many."""

    def __init__(self, catalog: Catalog, plan: Plan, states: States, *, reads_all: bool) -> None:
        """reads_all: files are read also where they seem to be as they were."""
        self._catalog = catalog
        self._plan = plan
        self._states = states
        self._reads_all = reads_all
        self._safe: dict[tuple[str, str], Mapping[FrameId, _Safe]] = {}
        self._with_chunks: dict[tuple[str, str], Mapping[FrameId, _Safe]] = {}
        self.lacking: Counter[str] = Counter()

    def hand_over(self, crew: Crew) -> int:
        """Tells the clients; how many frames of the states are safe.  The crew holds its devices,
        so nothing that is found now goes away.  Raises FlowbackupError for a client that does not
        answer."""
        for data_object, states in self._states.items():
            safe = dict(self._safe_frames(data_object, states, crew.media))
            self._safe[data_object.client, data_object.name] = safe
            if safe:
                self._tell(crew, data_object, states, frozenset(safe))
        self._tell_chunks(crew)
        return sum(map(len, self._safe.values()))

    def shares(self, client: str, ending: ObjectEnding) -> KnownShares:
        """Of the frames that an object refers to: what is due behind each head, and is there."""
        name = client, ending.name
        safe, others = self._safe.get(name, {}), self._with_chunks.get(name, {})
        due: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for frame in ending.known:
            counted = safe.get(frame) or others[frame]
            due[counted.head] += 1
            held.update(counted.agents)
        return KnownShares(due, held)

    def _safe_frames(
        self, data_object: ObjectPlan, states: Sequence[EarlierState], media: Media
    ) -> Iterator[tuple[FrameId, _Safe]]:
        is_sealed = bool(self._plan.key)
        holders = holding_of(self._catalog, states, media, sealed=is_sealed)
        safe_by = self._judge_of(data_object)
        for frame, holding in holders.items():
            safe = safe_by(frozenset(holding))
            if safe.lacking:
                self.lacking.update(safe.lacking)
            else:
                yield frame, safe

    def _judge_of(self, data_object: ObjectPlan) -> Callable[[frozenset[str]], _Safe]:
        """How a frame of the object counts that these agents hold.  Most are held by the same."""

        @cache
        def judged(holding: frozenset[str]) -> _Safe:
            head, agents = nearest(self._plan, data_object, holding)
            held = tuple(a.name for a in agents if a.name in holding)
            return _Safe(head, held, self._lacking(agents, holding))

        return judged

    def _lacking(self, agents: Sequence[AgentPlan], holding: Collection[str]) -> tuple[str, ...]:
        """Who must have it, too; as `flow.outcome.end_object` asks of an object."""
        due = [agent for agent in agents if agent.required] or agents
        if self._plan.copies:
            held = sum(agent.name in holding for agent in agents)
            due = agents if held < self._plan.copies else []
        return tuple(agent.name for agent in due if agent.name not in holding)

    def _tell(
        self, crew: Crew, data_object: ObjectPlan, states: Sequence[EarlierState],
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

    # Chunks of other versions and objects

    def _tell_chunks(self, crew: Crew) -> None:
        """Objects that go the same way get the same."""
        frames = frames_with_chunks(self._catalog, crew.media, sealed=bool(self._plan.key))
        alike: dict[tuple[object, ...], list[ObjectPlan]] = {}
        for data_object in self._plan.objects if frames else ():
            way = data_object.client, data_object.heads, data_object.buffers
            alike.setdefault(way, []).append(data_object)
        for objects in alike.values():
            safe_by = self._judge_of(objects[0])
            found = [item for item in frames if not safe_by(item.agents).lacking]
            safe = {item.frame: safe_by(item.agents) for item in found}
            for data_object in objects:
                self._with_chunks[data_object.client, data_object.name] = safe
            names = tuple(o.name for o in objects)
            self._hand_chunks(crew, objects[0].client, names, found)

    def _hand_chunks(
        self, crew: Crew, client: str, names: tuple[str, ...], frames: Sequence[HeldFrame]
    ) -> None:
        handle = crew.clients[client]
        for held in chunks_in(self._catalog, frames, BATCH_BYTES):
            try:
                handle.know_chunks.remote(names, held).result(START_SECONDS_MAX)
            except CallError as error:
                raise as_ours(error, crew.who(client)) from error

    # Lists of files

    def _batches(self, state: EarlierState) -> Iterator[KnownContent]:
        empty = KnownContent(state.object_id, state.started_ns, is_trusted=not self._reads_all)
        pages: list[bytes] = []
        stored: list[ChunkRef] = []
        size = 0
        for page, ref in self._catalog.earlier.pages(state):
            pages.append(page)
            stored += [ref] if ref is not None else []
            size += len(page)
            if size >= BATCH_BYTES:
                yield empty._replace(pages=tuple(pages), stored=tuple(stored))
                pages, stored, size = [], [], 0
        yield empty._replace(pages=tuple(pages), stored=tuple(stored))


def holding_of(
    catalog: Catalog, states: Sequence[EarlierState], media: Media, *, sealed: bool | None = None
) -> dict[FrameId, set[str]]:  # fmt: skip
    """The frames of these states that agents have on their media, and which agents.  sealed: only
    those that are encrypted, or are not."""
    agents_of = {info.medium: name for name, infos in media.items() for info in infos}
    found: dict[FrameId, set[str]] = {}
    for state in states:
        for frame, medium in catalog.earlier.holders(state.object_id, sealed=sealed):
            if medium in agents_of:
                found.setdefault(frame, set()).add(agents_of[medium])
    return found


def nearest(
    plan: Plan, data_object: ObjectPlan, holding: Collection[str]
) -> tuple[str, Sequence[AgentPlan]]:
    """The head behind which most agents hold a frame, and all that are behind it."""
    behind = [
        (head, agents_behind(plan, head, data_object.buffers)) for head in data_object.heads
    ]  # fmt: skip
    return max(behind, key=lambda way: sum(agent.name in holding for agent in way[1]))
