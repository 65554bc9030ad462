"""What placing the backup and every stage of a graph has in common, worked out once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from flowbackup.model.device import DeviceTarget
from flowbackup.model.location import S3, TAPE, whole_place
from flowbackup.model.retention import RetentionPolicy
from flowbackup.model.source_rules import SourceRules
from flowbackup.model.tape_place import TapePlace
from flowbackup.plan.context import Context, absolute_path
from flowbackup.plan.decided import GroupPlan, ObjectPlan, SparePlan, StreamPlan
from flowbackup.plan.graph import LinkDraft
from flowbackup.plan.groups import groups_of
from flowbackup.plan.hooks import planned_hooks
from flowbackup.spec.models import GraphSpec, GroupSpec
from flowbackup.spec.objects import ObjectSpec


@dataclass(frozen=True, slots=True)
class Outline:
    """order: agent -> its number, those that feed it before it.  owners: agent -> the agent that
    owns its slab, the head of its chain on that node.  slots: agent -> frames that it may hold.
    links: agent -> couplings to it
    and their numbers.  heads: client -> the agents that its objects go to.  groups:
    in the order of the file."""

    context: Context
    order: dict[str, int]
    owners: dict[str, str]
    slots: dict[str, int]
    links: dict[str, list[tuple[int, LinkDraft]]]
    objects: tuple[ObjectPlan, ...]
    heads: dict[str, tuple[str, ...]]
    groups: dict[str, GroupPlan]
    group_order: dict[str, int]

    def ordered(self, names: Collection[str]) -> list[str]:
        """These agents, those that feed others before them."""
        return sorted(names, key=self.order.__getitem__)

    def links_to(self, names: Collection[str]) -> list[LinkDraft]:
        """Couplings to these agents, by level, then in the order of the file."""
        levels = self.context.levels
        found = [(levels[name], *link) for name in names for link in self.links.get(name, ())]
        return [link for *_, link in sorted(found, key=itemgetter(0, 1))]

    def groups_with(self, names: Collection[str]) -> tuple[GroupPlan, ...]:
        """The groups of these agents."""
        present = {self.context.agents[name].group for name in names}
        numbered = sorted(present, key=self.group_order.__getitem__)
        return tuple(self.groups[name] for name in numbered)


def outline_of(context: Context) -> Outline:
    """Needs an order of all agents."""
    order = sorted(context.levels, key=context.levels.__getitem__)
    owners = slab_owners(context)
    objects = _objects(context)
    groups = _groups(context)
    links: dict[str, list[tuple[int, LinkDraft]]] = {}
    for number, link in enumerate(context.links):
        links.setdefault(link.target, []).append((number, link))
    return Outline(
        context=context,
        order={name: number for number, name in enumerate(order)},
        owners=owners,
        slots=_slots(context, owners),
        links=links,
        objects=objects,
        heads=_heads(objects),
        groups=groups,
        group_order={name: number for number, name in enumerate(groups)},
    )


def slab_owners(context: Context) -> dict[str, str]:
    """Agent -> the agent that owns its slab: the head of its chain on that node."""
    owners: dict[str, str] = {}
    for agent in sorted(context.levels, key=context.levels.__getitem__):
        feeders = context.feeders[agent]
        nodes = {context.node_of(feeder) for feeder in feeders}
        shares = nodes == {context.node_of(agent)} and feeders[0] in owners
        owners[agent] = owners[feeders[0]] if shares else agent
    return owners


def device_target(context: Context, name: str) -> DeviceTarget:
    """A declared device, with its path in full."""
    device = context.spec.devices[name]
    location = absolute_path(context.document, device.path) if device.path else ""
    kind: str = device.own_kind or device.kind
    if device.kind == S3:
        location = device.bucket_location()
    elif device.kind == TAPE:
        changer = absolute_path(context.document, device.changer) if device.changer else ""
        location = TapePlace(location, changer).location()
    elif device.url:
        location = whole_place(device.url)
    return DeviceTarget(
        name, kind, location, device.block_size, device.rate_limit, device.media_size,
        device.rate,
    )  # fmt: skip


def lent_slots(context: Context, owners: dict[str, str]) -> dict[str, int]:
    """Agents that receive frames in the memory of others -> how many these have together."""
    lenders: dict[str, frozenset[str]] = {}
    lent: dict[str, int] = {}
    for agent in owners:
        if owners[agent] == agent:
            lenders[agent] = frozenset({agent})
            continue
        feeders = [lenders[feeder] for feeder in context.feeders[agent] if feeder in lenders]
        lenders[agent] = feeders[0].union(*feeders[1:]) if len(feeders) > 1 else feeders[0]
        lent[agent] = sum(context.agents[name].buffers for name in lenders[agent])
    return lent


def _slots(context: Context, owners: dict[str, str]) -> dict[str, int]:
    """As many as were asked for; who receives frames in the memory of others, no more than these
    have."""
    lent = lent_slots(context, owners)
    wanted = {name: context.agents[name].buffers for name in owners}
    return {name: min(buffers, lent.get(name, buffers)) for name, buffers in wanted.items()}


def _objects(context: Context) -> tuple[ObjectPlan, ...]:
    spec = context.spec
    planned = []
    whole = {name: tuple(context.groups[name].agents.values()) for name in spec.backup_groups}
    for client_name, client in spec.clients.items():
        for name, item in client.objects.items():
            group = _group_of(spec, item)
            if not group:
                continue
            agents, pinned = context.groups[group].agents, item.buffers
            chosen = (pinned.device,) if pinned else ()
            planned.append(
                ObjectPlan(
                    client=client_name,
                    name=name,
                    node=client.node,
                    path=absolute_path(context.document, item.path) if item.path else "",
                    group=group,
                    heads=tuple(agents[device] for device in chosen if device in agents)
                    if pinned
                    else whole[group],
                    buffers=(pinned.buffers.first, pinned.buffers.last) if pinned else None,
                    assign=spec.backup_groups[group].assign,
                    rules=source_rules(item),
                    stream=_stream(item),
                    hooks=planned_hooks(item.hooks),
                    retention=_retention(spec, item),
                    chunking=item.chunking.decided.within(spec.frame_size),
                )
            )
    return tuple(planned)


def _stream(item: ObjectSpec) -> StreamPlan | None:
    if item.path:
        return None
    options = tuple(sorted(item.options.items()))
    return StreamPlan(item.command, item.silence_max, item.source or "", options, item.table)


def _retention(spec: GraphSpec, item: ObjectSpec) -> RetentionPolicy | None:
    """That of the object, else that of the graph."""
    written = item.retention or spec.retention
    return None if written is None else written.policy(spec.copies or 1)


def source_rules(item: ObjectSpec) -> SourceRules:
    """What a written object leaves out of its tree."""
    return SourceRules(
        exclude=item.exclude, ignore_files=item.ignore_files, exclude_caches=item.exclude_caches,
        one_file_system=item.one_file_system, larger_than_bytes=item.exclude_larger_than,
        older_than_seconds=item.exclude_older_than,
    )  # fmt: skip


def _group_of(spec: GraphSpec, item: ObjectSpec) -> str:
    """The backup group of an object; "" where it does not say and cannot be told."""
    if item.group is None:
        return next(iter(spec.backup_groups)) if len(spec.backup_groups) == 1 else ""
    return item.group if item.group in spec.backup_groups else ""


def _heads(objects: Iterable[ObjectPlan]) -> dict[str, tuple[str, ...]]:
    heads: dict[str, dict[str, None]] = {}
    for item in once_for_each_group(objects):
        heads.setdefault(item.client, {}).update(dict.fromkeys(item.heads))
    return {client: tuple(names) for client, names in heads.items()}


def once_for_each_group(objects: Iterable[ObjectPlan]) -> Iterator[ObjectPlan]:
    """Pinned objects, and of the others of a client one for each group: they have equal heads."""
    seen: set[tuple[str, str]] = set()
    for item in objects:
        if item.buffers or (item.client, item.group) not in seen:
            yield item
        if not item.buffers:
            seen.add((item.client, item.group))


def _groups(context: Context) -> dict[str, GroupPlan]:
    devices = context.spec.devices
    planned: dict[str, GroupPlan] = {}
    for _, name, group in groups_of(context.spec):
        draft = context.groups[name]
        planned[name] = GroupPlan(
            name=name,
            role=draft.role,
            assign=getattr(group, "assign", "frame"),
            devices_min=(group.min or 0) if isinstance(group, GroupSpec) else 0,
            spares=tuple(
                SparePlan(device_target(context, spare), devices[spare].node)
                for spare in draft.spares
                if spare in devices
            ),
        )
    return planned
