"""The directed acyclic graph behind a spec: agents, and couplings between agents.

Made without judging: what cannot be resolved is left out here and named by a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import product

from flowbackup.model.rate import RateSchedule
from flowbackup.plan.groups import COPY, HEADS, RESTORE, devices_at_work, groups_of, spare_devices
from flowbackup.spec.endpoint import BufferRange, Endpoint
from flowbackup.spec.models import CopyGroupSpec, CouplingSpec, GraphSpec, MirrorGroupSpec
from flowbackup.spec.tree import Keys
from flowbackup.spec.window import parse_window

PAIRS_MAX = 100_000
"""Couplings of two agents in a graph: ten for each of ten thousand agents.  Restore agents are all
coupled with all agents of a copy group, so that a short file could ask for millions."""


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """A group before its agents are placed.  keys: where it stands.  at_work: devices that get an
    agent each.  agents: their names.  spares: what takes the place of failed devices."""

    name: str
    role: str
    keys: Keys
    buffers: int
    at_work: tuple[str, ...]
    agents: Mapping[str, str]
    spares: tuple[str, ...]


Groups = Mapping[str, GroupDraft]
JOINED = (RESTORE, COPY)


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """A media agent before it is placed.  keys: where its group stands in the file."""

    group: str
    device: str
    buffers: int
    role: str
    keys: Keys

    @property
    def name(self) -> str:
        return f"{self.group}.{self.device}"

    @property
    def writes(self) -> bool:
        return self.role != RESTORE


@dataclass(frozen=True, slots=True)
class CouplingDraft:
    """A coupling as written, group to group or agent to agent.  keys: where it stands."""

    source: Endpoint
    target: Endpoint
    keys: Keys
    on_failure: str | None = None
    when_slow: str | None = None
    lag_max: int | None = None
    rate_limit: int | None = None
    rate_windows: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A coupling of two agents.  buffers: the range of the source that is coupled; into: the range
    of the target that takes their frames."""

    source: str
    target: str
    buffers: BufferRange
    into: BufferRange
    coupling: CouplingDraft


def drafted_groups(spec: GraphSpec) -> dict[str, GroupDraft]:
    """Every group by its name; of two with one name the first."""
    drafts: dict[str, GroupDraft] = {}
    for keys, name, group in groups_of(spec):
        role = str(keys[0])[: -len("_groups")]
        at_work = devices_at_work(group)
        agents = {device: f"{name}.{device}" for device in at_work}
        draft = GroupDraft(
            name, role, keys, group.buffers, at_work, agents, spare_devices(group)
        )  # fmt: skip
        drafts.setdefault(name, draft)
    return drafts


def agents_of(groups: Iterable[GroupDraft]) -> dict[str, AgentDraft]:
    """Every agent by its name, in the order of the file."""
    return {
        agent: AgentDraft(group.name, device, group.buffers, group.role, group.keys)
        for group in groups
        for device, agent in group.agents.items()
    }


def couplings_of(spec: GraphSpec) -> tuple[CouplingDraft, ...]:
    """Every coupling: those that `mirrors:` and `copies:` stand for, then the explicit ones."""
    mirrors = (
        CouplingDraft(group.mirrors, Endpoint(name), ("mirror_groups", name, "mirrors"))
        for name, group in spec.mirror_groups.items()
        if group.mirrors is not None
    )
    copies = (
        CouplingDraft(group.copies, Endpoint(name), ("copy_groups", name, "copies"))
        for name, group in spec.copy_groups.items()
        if group.copies is not None
    )
    explicit = (_explicit(index, coupling) for index, coupling in enumerate(spec.couplings))
    return (*mirrors, *copies, *explicit)


def _explicit(index: int, coupling: CouplingSpec) -> CouplingDraft:
    return CouplingDraft(
        coupling.source, coupling.target, ("couplings", index),
        coupling.on_failure, coupling.when_slow, coupling.lag_max, coupling.rate_limit,
        coupling.rate_windows,
    )  # fmt: skip


def agents_at(groups: Groups, end: Endpoint) -> tuple[str, ...]:
    """Names of the agents at an end of a coupling; none where a name does not exist."""
    group = groups.get(end.group)
    if group is None:
        return ()
    if end.device is None:
        return tuple(group.agents.values())
    agent = group.agents.get(end.device)
    return () if agent is None else (agent,)


def links_of(
    groups: Groups, agents: Mapping[str, AgentDraft], couplings: Iterable[CouplingDraft]
) -> tuple[LinkDraft, ...]:
    """Couplings agent by agent, as far as there may be so many."""
    links: list[LinkDraft] = []
    for coupling in couplings:
        if len(links) + pairs_count(groups, coupling) <= PAIRS_MAX:
            links.extend(
                LinkDraft(
                    source,
                    target,
                    _range(coupling.source, agents[source]),
                    _range(coupling.target, agents[target]),
                    coupling,
                )
                for source, target in _pairs(groups, coupling)
            )
    return tuple(links)


def pairs_count(groups: Groups, coupling: CouplingDraft) -> int:
    """How many pairs of agents a coupling couples."""
    sources, targets = _count(groups, coupling.source), _count(groups, coupling.target)
    if joins(groups, coupling):
        return sources * targets
    return targets if sources in (1, targets) else 0


def joins(groups: Groups, coupling: CouplingDraft) -> bool:
    """Does every agent of the source feed every agent of the target?"""
    source, target = groups.get(coupling.source.group), groups.get(coupling.target.group)
    return source is not None and target is not None and (source.role, target.role) == JOINED


def _pairs(groups: Groups, coupling: CouplingDraft) -> Iterable[tuple[str, str]]:
    """The i-th agent of the source with the i-th of the target where both have as many, the only
    one of the source with all of the target.  Restore agents feed every agent of a copy group:
    what lies on several media comes together there."""
    sources, targets = agents_at(groups, coupling.source), agents_at(groups, coupling.target)
    if joins(groups, coupling) or len(sources) == 1:
        return product(sources, targets)
    return zip(sources, targets, strict=True) if len(sources) == len(targets) else ()


def _count(groups: Groups, end: Endpoint) -> int:
    group = groups.get(end.group)
    if group is None:
        return 0
    return len(group.at_work) if end.device is None else int(end.device in group.agents)


def _range(end: Endpoint, agent: AgentDraft) -> BufferRange:
    return end.buffers or BufferRange(0, agent.buffers)


def feeders_of(
    agents: dict[str, AgentDraft], links: tuple[LinkDraft, ...]
) -> dict[str, tuple[str, ...]]:
    """Who feeds each agent; self-loops are left to their rule."""
    feeders: dict[str, dict[str, None]] = {name: {} for name in agents}
    for link in links:
        if link.source != link.target:
            feeders[link.target][link.source] = None
    return {name: tuple(sources) for name, sources in feeders.items()}


def levels_of(agents: dict[str, AgentDraft], feeders: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Level of every agent that a head reaches: couplings behind it, the longest way.  Agents of
    cycles, and those behind them, have none."""
    order = TopologicalSorter(feeders)
    try:
        order.prepare()
    except CycleError:
        pass  # The sorter still gives everything that no cycle holds up; `cycles_of` names these.
    levels: dict[str, int] = {}
    while ready := order.get_ready():
        for name in ready:
            before = [levels[source] for source in feeders[name] if source in levels]
            if before or agents[name].role in HEADS:
                levels[name] = max(before) + 1 if before else 0
        order.done(*ready)
    return levels


def required(spec: GraphSpec, link: LinkDraft) -> bool:
    group = _target_of(spec, link)
    return (link.coupling.on_failure or group.on_failure) != "optional"


def slowness(spec: GraphSpec, link: LinkDraft) -> tuple[str, int]:
    """when_slow and the bytes of lag at which a slow target is detached."""
    coupling, group = link.coupling, _target_of(spec, link)
    if isinstance(group, CopyGroupSpec):
        return coupling.when_slow or "block", coupling.lag_max or 0
    lag_max = group.lag_max if coupling.lag_max is None else coupling.lag_max
    return coupling.when_slow or group.when_slow, lag_max


def rate_of(spec: GraphSpec, link: LinkDraft) -> RateSchedule:
    """How fast this coupling may be."""
    coupling, group = link.coupling, _target_of(spec, link)
    limit = group.rate_limit if coupling.rate_limit is None else coupling.rate_limit
    windows = group.rate_windows if coupling.rate_windows is None else coupling.rate_windows
    return schedule_of(limit, windows)


def schedule_of(limit: int, windows: Mapping[str, int]) -> RateSchedule:
    return RateSchedule(limit, tuple((parse_window(text), rate) for text, rate in windows.items()))


def _target_of(spec: GraphSpec, link: LinkDraft) -> MirrorGroupSpec | CopyGroupSpec:
    """The group that a coupling feeds; for a target that nothing may feed, the defaults."""
    name = link.coupling.target.group
    return (
        spec.mirror_groups.get(name)
        or spec.copy_groups.get(name)
        or MirrorGroupSpec(devices=("-",))
    )
