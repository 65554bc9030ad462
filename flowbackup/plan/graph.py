"""The directed acyclic graph behind a spec: agents, and couplings between agents.

Made without judging: what cannot be resolved is left out here and named by a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from flowbackup.spec.endpoint import BufferRange, Endpoint
from flowbackup.spec.models import CouplingSpec, GraphSpec, GroupSpec, MirrorGroupSpec
from flowbackup.spec.tree import Keys


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """A media agent before it is placed.  keys: where its group stands in the file."""

    group: str
    device: str
    buffers: int
    backup: bool
    keys: Keys

    @property
    def name(self) -> str:
        return f"{self.group}.{self.device}"


@dataclass(frozen=True, slots=True)
class CouplingDraft:
    """A coupling as written, group to group or agent to agent.  keys: where it stands."""

    source: Endpoint
    target: Endpoint
    keys: Keys
    on_failure: str | None = None
    when_slow: str | None = None
    lag_max: int | None = None


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A coupling of two agents.  buffers: the range of the source that is coupled."""

    source: str
    target: str
    buffers: BufferRange
    coupling: CouplingDraft


def groups_of(spec: GraphSpec) -> Iterator[tuple[Keys, str, GroupSpec]]:
    """All groups with their keys and names, backup groups first."""
    for name, backup in spec.backup_groups.items():
        yield ("backup_groups", name), name, backup
    for name, mirror in spec.mirror_groups.items():
        yield ("mirror_groups", name), name, mirror


def group_named(spec: GraphSpec, name: str) -> GroupSpec | None:
    return spec.backup_groups.get(name) or spec.mirror_groups.get(name)


def agents_of(spec: GraphSpec) -> dict[str, AgentDraft]:
    """Every agent by its name, in the order of the file."""
    agents: dict[str, AgentDraft] = {}
    for keys, name, group in groups_of(spec):
        for device in group.devices:
            agent = AgentDraft(name, device, group.buffers, keys[0] == "backup_groups", keys)
            agents.setdefault(agent.name, agent)
    return agents


def couplings_of(spec: GraphSpec) -> tuple[CouplingDraft, ...]:
    """Every coupling: those that `mirrors:` stands for, then the explicit ones."""
    short = (
        CouplingDraft(group.mirrors, Endpoint(name), ("mirror_groups", name, "mirrors"))
        for name, group in spec.mirror_groups.items()
        if group.mirrors is not None
    )
    explicit = (_explicit(index, coupling) for index, coupling in enumerate(spec.couplings))
    return (*short, *explicit)


def _explicit(index: int, coupling: CouplingSpec) -> CouplingDraft:
    return CouplingDraft(
        coupling.source, coupling.target, ("couplings", index),
        coupling.on_failure, coupling.when_slow, coupling.lag_max,
    )  # fmt: skip


def agents_at(spec: GraphSpec, end: Endpoint) -> tuple[str, ...]:
    """Names of the agents at an end of a coupling; none where a name does not exist."""
    group = group_named(spec, end.group)
    if group is None or (end.device is not None and end.device not in group.devices):
        return ()
    devices = dict.fromkeys(group.devices) if end.device is None else (end.device,)
    return tuple(f"{end.group}.{device}" for device in devices)


def links_of(
    spec: GraphSpec, agents: dict[str, AgentDraft], couplings: tuple[CouplingDraft, ...]
) -> tuple[LinkDraft, ...]:
    """Couplings agent by agent: the i-th of the source with the i-th of the target where both have
    as many, the only one of the source with all of the target."""
    links: list[LinkDraft] = []
    for coupling in couplings:
        sources, targets = agents_at(spec, coupling.source), agents_at(spec, coupling.target)
        if len(sources) == 1:
            sources = sources * len(targets)
        if len(sources) == len(targets):
            links.extend(
                LinkDraft(source, target, _range(coupling, agents[source]), coupling)
                for source, target in zip(sources, targets, strict=True)
            )
    return tuple(links)


def _range(coupling: CouplingDraft, source: AgentDraft) -> BufferRange:
    return coupling.source.buffers or BufferRange(0, source.buffers)


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
    """Level of every agent that a backup agent reaches: couplings behind it, the longest way.
    Agents of cycles, and those behind them, have none."""
    order = TopologicalSorter(feeders)
    try:
        order.prepare()
    except CycleError:
        pass  # The sorter still gives everything that no cycle holds up; `cycles_of` names these.
    levels: dict[str, int] = {}
    while ready := order.get_ready():
        for name in ready:
            before = [levels[source] for source in feeders[name] if source in levels]
            if before or agents[name].backup:
                levels[name] = max(before) + 1 if before else 0
        order.done(*ready)
    return levels


def required(spec: GraphSpec, link: LinkDraft) -> bool:
    group = spec.mirror_groups.get(link.coupling.target.group)
    written = link.coupling.on_failure or (group.on_failure if group else None)
    return written != "optional"


def slowness(spec: GraphSpec, link: LinkDraft) -> tuple[str, int]:
    """when_slow and the bytes of lag at which a slow target is detached."""
    coupling = link.coupling
    group = spec.mirror_groups.get(coupling.target.group) or MirrorGroupSpec(devices=("-",))
    lag_max = group.lag_max if coupling.lag_max is None else coupling.lag_max
    return coupling.when_slow or group.when_slow, lag_max
