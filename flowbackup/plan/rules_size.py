"""Rules about size: a few words cannot ask for millions of couplings."""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.plan.context import Context
from flowbackup.plan.graph import PAIRS_MAX, pairs_count
from flowbackup.spec.finding import Finding
from flowbackup.spec.tree import Keys


def pairs_bounded(context: Context) -> Iterator[Finding]:
    """Every coupling of two agents, or of a client and an agent, is a place where frames wait."""
    total = 0
    for keys, what, pairs in _pairs(context):
        if total + pairs <= PAIRS_MAX:
            total += pairs
            continue
        yield context.error(
            keys, "too-many-pairs",
            f"{what} makes {pairs} couplings of single agents, but a graph has at most {PAIRS_MAX}",
            "Name fewer devices, or split the file into several graphs.",
        )  # fmt: skip


def _pairs(context: Context) -> Iterator[tuple[Keys, str, int]]:
    """What asks for couplings, and for how many."""
    for coupling in context.couplings:
        what = f'"{coupling.source} -> {coupling.target}"'
        yield coupling.keys, what, pairs_count(context.groups, coupling)
    groups = context.spec.backup_groups
    only = next(iter(groups)) if len(groups) == 1 else ""
    for client, written in context.spec.clients.items():
        items = [(item.group or only, item.buffers) for item in written.objects.values()]
        whole = {group for group, buffers in items if buffers is None and group in groups}
        heads = {(group, pinned.device) for group, pinned in items if pinned and group in groups}
        pairs = sum(len(context.groups[group].at_work) for group in whole)
        yield (
            ("clients", client), f'client "{client}"',
            pairs + sum(group not in whole for group, _ in heads),
        )  # fmt: skip
