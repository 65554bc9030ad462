"""Going on where a session was interrupted: what it has left, and what devices lack of that."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.earlier import EarlierState, ObjectName
from flowbackup.errors import NotFoundError
from flowbackup.model.ids import FrameId
from flowbackup.plan.decided import ObjectPlan, Plan
from flowbackup.runtime.crew.held_chunks import Media
from flowbackup.runtime.crew.known import States, holding_of, nearest


class Resume:
    """What is left of the objects of a plan; nothing where nothing was interrupted."""

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        self._catalog = catalog
        self._plan = plan
        # What a stream gave before says nothing about what it gives now.
        names = {name: o for name, o in named(plan).items() if o.stream is None}
        left = catalog.unfinished.objects(plan.graph, names)
        self.states: States = {names[name]: states for name, states in left.items()}

    @property
    def sessions(self) -> tuple[bytes, ...]:
        """Those that left something, the newest last."""
        states = [state for found in self.states.values() for state in found]
        states.sort(key=lambda state: state.started_ns)
        return tuple(dict.fromkeys(state.session for state in states))

    def lacking(self, media: Media) -> dict[str, set[FrameId]]:
        """Agent -> frames that others behind the same head hold, and it does not."""
        found: dict[str, set[FrameId]] = {}
        for data_object, states in self.states.items():
            wanted = {f for state in states for f in self._catalog.earlier.frames(state)}
            holding = holding_of(self._catalog, states, media)
            for frame in wanted.intersection(holding):
                _, agents = nearest(self._plan, data_object, holding[frame])
                for agent in agents:
                    if agent.name in media and agent.name not in holding[frame]:
                        found.setdefault(agent.name, set()).add(frame)
        return found


def named(plan: Plan) -> Mapping[ObjectName, ObjectPlan]:
    """The objects of a plan by the names that the catalog has of them."""
    return {ObjectName(o.client, o.name, os.fsencode(o.path)): o for o in plan.objects}


def earlier_states(catalog: Catalog, plan: Plan, *, resumes: bool) -> States:
    """What a run of the plan may refer to, of each object.  resumes: also what interrupted sessions
    have left."""
    left = Resume(catalog, plan).states if resumes else {}
    newest = catalog.earlier.newest(plan.graph, named(plan))
    found: dict[ObjectPlan, Sequence[EarlierState]] = {}
    for name, data_object in named(plan).items():
        states = [*left.get(data_object, ()), *newest.get(name, ())]
        if states:
            found[data_object] = states
    return found


def refuse_if_nothing_left(plan: Plan, catalog: Catalog) -> None:
    """Raises NotFoundError where a run of the plan has nothing to go on with."""
    if not catalog.unfinished.sessions(plan.graph) and not Resume(catalog, plan).sessions:
        raise NotFoundError(
            f"no session of graph {plan.graph} was interrupted",
            remedy="run it without --resume; `flowbackup sessions` shows how the last one ended",
        )
