"""Rules about objects and the buffers that they may use: each comes whole to where it comes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from flowbackup.model.device import HERE
from flowbackup.plan.context import Context
from flowbackup.plan.graph import GroupDraft, LinkDraft
from flowbackup.plan.groups import BACKUP
from flowbackup.spec.finding import Finding, listed
from flowbackup.spec.objects import ObjectSpec
from flowbackup.spec.tree import Keys
from flowbackup.units import format_size

Borders = dict[str, tuple[list[int], list[LinkDraft]]]


def pinned_objects(context: Context) -> Iterator[Finding]:
    """An object stays inside the buffers that it was given."""
    for keys, who, item, group in objects_of(context):
        pinned = item.buffers
        if pinned is None:
            continue
        if pinned.device not in group.agents:
            yield context.error(
                (*keys, "buffers"), "unknown-agent",
                f'{who} uses buffers of "{pinned.device}", which is no device of group '
                f'"{group.name}"',
                context.suggester.remedy(
                    pinned.device, group.at_work, f"Its devices are {listed(group.at_work)}."
                ),
            )  # fmt: skip
        elif pinned.buffers.last > group.buffers:
            yield context.error(
                (*keys, "buffers"), "range-outside",
                f"{who} uses buffers up to {pinned.buffers.last}, but agents of group "
                f'"{group.name}" have {group.buffers}',
                f"Write a range within [0:{group.buffers}], or raise buffers.",
            )  # fmt: skip


def chunks_fit_frames(context: Context) -> Iterator[Finding]:
    """A frame holds the largest chunk; those of one size are as large as a frame at most."""
    frame_bytes = context.spec.frame_size
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            largest = item.chunking.decided.within(frame_bytes).chunk_bytes_max
            if largest > frame_bytes:
                yield context.error(
                    ("clients", client, "objects", name, "chunking"), "chunk-over-frame",
                    f'object "{name}" of client "{client}" has chunks of up to '
                    f"{format_size(largest)}, and a frame has {format_size(frame_bytes)}",
                    "Write a smaller max, or a larger frame_size.",
                )  # fmt: skip


def standard_input(context: Context) -> Iterator[Finding]:
    """There is one, where the command runs."""
    first = ""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            if not item.stdin:
                continue
            keys: Keys = ("clients", client, "objects", name, "stdin")
            who = f'object "{name}" of client "{client}"'
            if written.node != HERE:
                yield context.error(
                    keys, "stdin-far", f'{who} is standard input, and on node "{written.node}"',
                    "Move the object to a client without a node, or write a command.",
                )  # fmt: skip
            if first:
                yield context.error(
                    keys, "stdin-twice", f"{who} is standard input, which {first} is already",
                    "Keep one of them; write commands for the others.",
                )  # fmt: skip
            first = first or who


def given_here(context: Context) -> Iterator[Finding]:
    """A table is where the program is that gives it."""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            if item.table and written.node != HERE:
                yield context.error(
                    ("clients", client, "objects", name, "table"), "table-far",
                    f'object "{name}" of client "{client}" is a table of this program, and on node '
                    f'"{written.node}"',
                    "Move the object to a client without a node.",
                )  # fmt: skip


def half_mirrored(context: Context) -> Iterator[Finding]:
    """An object lies wholly inside or wholly outside the coupled buffers of an agent: half an
    object on a mirror is no copy."""
    borders = _borders(context)
    of_whole_groups: dict[str, LinkDraft | None] = {}
    for keys, who, item, group in objects_of(context) if borders else ():
        first, last = item.buffers.buffers if item.buffers else (0, group.buffers)
        if last > group.buffers:
            continue
        if item.buffers is not None:
            link = _crossed(borders, (f"{group.name}.{item.buffers.device}",), first, last)
        else:
            if group.name not in of_whole_groups:
                heads = group.agents.values()
                of_whole_groups[group.name] = _crossed(borders, heads, first, last)
            link = of_whole_groups[group.name]
        if link is not None:
            device = context.agents[link.source].device
            yield context.error(
                (*keys, "buffers"), "half-mirrored",
                f"{who} may use buffers [{first}:{last}] of {link.source}, of which only "
                f"{link.buffers} are coupled to {link.target}",
                f'Write buffers: "{device}{link.buffers}" to have it mirrored, or a range outside.',
            )  # fmt: skip


def brings_nothing_back(context: Context) -> Iterator[Finding]:
    """A line that brings names back stands behind one that leaves some out."""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            for number, line in enumerate(item.exclude):
                if not line.startswith("!"):
                    break
                yield context.warning(
                    ("clients", client, "objects", name, "exclude", number),
                    "brings-nothing-back",
                    f'object "{name}" of client "{client}" brings "{line}" back, before anything '
                    "is left out",
                    "Write it behind the line that leaves out too much; the last that matches "
                    "decides.",
                )  # fmt: skip


def _crossed(borders: Borders, heads: Iterable[str], first: int, last: int) -> LinkDraft | None:
    """A coupling that begins or ends among these buffers of one of the heads."""
    for head in heads:
        cuts, links = borders.get(head, ((), ()))
        at = bisect_right(cuts, first)
        if at < len(cuts) and cuts[at] < last:
            return links[at]
    return None


def _borders(context: Context) -> Borders:
    """Backup agent -> where couplings of a part of its buffers begin or end, in their order, and
    these couplings."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, link in enumerate(context.links):
        agent = context.agents[link.source]
        if agent.role == BACKUP and link.buffers != (0, agent.buffers):
            ends = ((cut, number) for cut in link.buffers)
            found.setdefault(link.source, []).extend(ends)
    return {
        agent: ([cut for cut, _ in ends], [context.links[number] for _, number in ends])
        for agent, ends in ((agent, sorted(ends)) for agent, ends in found.items())
    }


def objects_of(context: Context) -> Iterator[tuple[Keys, str, ObjectSpec, GroupDraft]]:
    """Every object whose backup group is known: its keys, what a message calls it, and both."""
    groups = context.spec.backup_groups
    only = next(iter(groups)) if len(groups) == 1 else ""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            group = item.group or only
            if group in groups:
                who = f'object "{name}" of client "{client}"'
                yield ("clients", client, "objects", name), who, item, context.groups[group]
