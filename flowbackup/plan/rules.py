"""The table of rules: each is one function from a Context to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from flowbackup.plan import (
    rules_buffers,
    rules_copies,
    rules_counts,
    rules_couplings,
    rules_devices,
    rules_engine,
    rules_memory,
    rules_names,
    rules_objects,
    rules_size,
)
from flowbackup.plan.context import Context
from flowbackup.spec.finding import Finding

Rule = Callable[[Context], Iterable[Finding]]

INDEPENDENT_RULES = frozenset(
    {"doubled-name", "reserved-name", "unknown-node", "unknown-device", "unknown-group",
     "unknown-agent", "object-to-mirror", "self-loop", "cycle", "feeds-backup-group",
     "feeds-copy-group",
     "feeds-restore-group", "feeds-mirror-group",
     "doubled-coupling", "two-sources", "device-twice", "same-device", "device-inside-device",
     "source-in-device", "device-in-source"}
)  # fmt: skip
"""What these rules find does not come from a fault of form somewhere else."""

RULES_OF_PLACES = frozenset(
    {"same-device", "device-inside-device", "source-in-device", "device-in-source"}
)
"""What these rules find depends on more than one key of a part: on which node it is, and where."""

_GROUPS = ("backup_groups", "mirror_groups", "restore_groups", "copy_groups")
DECLARED_IN: Mapping[str, tuple[str, ...]] = {
    "unknown-node": ("nodes",), "unknown-device": ("devices",), "unknown-group": _GROUPS,
    "object-to-mirror": _GROUPS,
}  # fmt: skip
"""Rule -> the sections in which it looks for names."""

RULES: tuple[Rule, ...] = (
    rules_names.doubled_names,
    rules_names.reserved_names,
    rules_names.something_to_do,
    rules_names.unknown_nodes,
    rules_names.unknown_devices,
    rules_names.unknown_ends,
    rules_names.object_groups,
    rules_names.unused,
    rules_couplings.self_loops,
    rules_couplings.cycles,
    rules_couplings.roles_fit,
    rules_couplings.agent_counts,
    rules_size.pairs_bounded,
    rules_couplings.one_source,
    rules_couplings.unreached,
    rules_couplings.written_levels,
    rules_couplings.coupled_ranges,
    rules_objects.pinned_objects,
    rules_objects.standard_input,
    rules_objects.given_here,
    rules_objects.chunks_fit_frames,
    rules_objects.half_mirrored,
    rules_objects.brings_nothing_back,
    rules_counts.copies_possible,
    rules_buffers.parts_of_copies,
    rules_buffers.halves_behind,
    rules_buffers.two_ways,
    rules_buffers.copied_two_ways,
    rules_buffers.shared_buffers,
    rules_copies.copy_loops,
    rules_copies.copy_selections,
    rules_copies.idle_readers,
    rules_copies.spares_at_hand,
    rules_copies.staging_is_drained,
    rules_copies.media_hold_frames,
    rules_devices.one_agent_per_device,
    rules_devices.devices_apart,
    rules_devices.sources_apart,
    rules_engine.engine_reaches,
    rules_memory.windows,
    rules_memory.shared_slots,
    rules_memory.memory,
)
