"""What would serve a graph better: buffers and syncs by trying them, the order of levels by rule.

Nothing is changed: a recommendation says what to write, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flowbackup.errors import GraphError
from flowbackup.model.device import HERE
from flowbackup.plan.decided import Plan
from flowbackup.plan.machine import Machine
from flowbackup.plan.making import make_plan
from flowbackup.simulate.running import simulate
from flowbackup.simulate.scenario import ObjectModel, Scenario, with_declared
from flowbackup.spec.models import GraphSpec, MirrorGroupSpec
from flowbackup.units import format_rate, format_size

BUFFERS_TRIED = (4, 6, 8, 12, 16, 24, 32, 48, 64)
SYNC_FRAMES_TRIED = (1, 2, 4, 8)
"""Frames under one sync."""
FRAMES_TRIED = 600
"""Of each object: enough for the buffers to fill and empty many times."""
JITTER = 0.3
SYNC_SECONDS = 0.02
"""Assumed where nobody says otherwise: no device is quite steady, and a sync costs something."""
GOOD_ENOUGH = 0.95
"""Of the best rate: more memory than for that is hardly worth it."""
SECTIONS = ("backup_groups", "mirror_groups", "copy_groups")


@dataclass(frozen=True, slots=True)
class Advice:
    """keys: what to write and where, as in ("mirror_groups", "vault", "mirrors").  value: what
    stands there then."""

    keys: tuple[str, ...]
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Trial:
    buffers: int
    sync_bytes: int
    rate: float
    memory_bytes: int


def recommend(
    spec: GraphSpec, scenario: Scenario, memory_max: int = 0, machine: Machine | None = None
) -> tuple[Advice, ...]:
    """memory_max: bytes of slabs on any one node, 0 for any number.  Raises GraphError for a graph
    that is none."""
    plan = make_plan(spec, machine=machine)
    return (*_windows(spec, plan, scenario, memory_max, machine), *_order(spec, plan, scenario))


def _windows(
    spec: GraphSpec, plan: Plan, scenario: Scenario, memory_max: int, machine: Machine | None
) -> Iterator[Advice]:
    present = _tried(spec, plan, scenario)
    trials = [trial for trial in _trials(spec, scenario, machine) if trial is not None]
    allowed = [t for t in trials if not memory_max or t.memory_bytes <= memory_max]
    if not allowed:
        return
    best = max(trial.rate for trial in allowed)
    chosen = min(
        (trial for trial in allowed if trial.rate >= GOOD_ENOUGH * best),
        key=lambda trial: (trial.memory_bytes, -trial.sync_bytes),
    )
    is_faster = chosen.rate > present.rate / GOOD_ENOUGH
    is_smaller = (
        chosen.memory_bytes < present.memory_bytes and chosen.rate >= GOOD_ENOUGH * present.rate
    )
    is_too_large = memory_max and present.memory_bytes > memory_max
    if not (is_faster or is_smaller or is_too_large):
        return
    reason = (
        f"{format_rate(chosen.rate)} with {format_size(chosen.memory_bytes)} of memory, instead of "
        f"{format_rate(present.rate)} with {format_size(present.memory_bytes)}"
    )
    for section in SECTIONS:
        for name, group in getattr(spec, section).items():
            if group.buffers != chosen.buffers:
                yield Advice((section, name, "buffers"), str(chosen.buffers), reason)
    if spec.sync_size != chosen.sync_bytes:
        yield Advice(("sync_size",), format_size(chosen.sync_bytes), reason)


def _trials(
    spec: GraphSpec, scenario: Scenario, machine: Machine | None
) -> Iterator[_Trial | None]:
    for buffers in BUFFERS_TRIED:
        for frames in SYNC_FRAMES_TRIED:
            if buffers >= 2 * frames:
                changed = _with(spec, buffers, frames * spec.frame_size)
                try:
                    plan = make_plan(changed, machine=machine)
                except GraphError:
                    # Ranges of buffers that are coupled or pinned may need more of them.
                    yield None
                else:
                    yield _tried(changed, plan, scenario)


def _with(spec: GraphSpec, buffers: int, sync_bytes: int) -> GraphSpec:
    sections = {
        section: {
            name: group.model_copy(update={"buffers": buffers})
            for name, group in getattr(spec, section).items()
        }
        for section in SECTIONS
    }
    return spec.model_copy(update={**sections, "sync_size": sync_bytes})


def _tried(spec: GraphSpec, plan: Plan, scenario: Scenario) -> _Trial:
    """A session in small, on devices that are not quite steady."""
    size = ObjectModel(FRAMES_TRIED * spec.frame_size)
    unsteady = replace(
        scenario.device, jitter=scenario.device.jitter or JITTER,
        sync_seconds=scenario.device.sync_seconds or SYNC_SECONDS,
    )  # fmt: skip
    known = with_declared(scenario, plan)[0].devices
    devices = {
        name: replace(model, jitter=unsteady.jitter, sync_seconds=unsteady.sync_seconds)
        for name, model in known.items()
    }
    small = replace(
        scenario, object=size, objects={}, events=(), device=unsteady, devices=devices, exact=True
    )
    found = simulate(replace(plan, stages=()) if plan.objects else plan, small)
    buffers = max((agent.slots for agent in plan.agents), default=0)
    memory = max((size_bytes for _, size_bytes in plan.memory_bytes), default=0)
    # What lets a mirror go is fast, and not what anybody wants.
    is_whole = not any(device.failure for device in found.devices)
    return _Trial(buffers, spec.sync_size, found.rate if is_whole else 0.0, memory)


def _order(spec: GraphSpec, plan: Plan, scenario: Scenario) -> Iterator[Advice]:
    """Of each chain of groups of one device: what stands on the node before it first, so that the
    network is crossed once; what may fail last; among equals the fastest first."""
    rates = with_declared(scenario, plan)[0].devices
    for head, chain in _chains(spec):
        node = _node_of(spec, head)

        def key(name: str, node: str = node) -> tuple[bool, str, bool, float]:
            group = spec.mirror_groups[name]
            model = rates.get(group.devices[0], scenario.device)
            away = _node_of(spec, name)
            return away != node, away, group.on_failure == "optional", -model.rate

        wished = sorted(chain, key=key)
        for before, name in zip([head, *wished], wished, strict=False):
            if spec.mirror_groups[name].mirrors is not None and before != _source(spec, name):
                yield Advice(
                    ("mirror_groups", name, "mirrors"), before,
                    "what is on one node stands together, what may fail stands last, and the "
                    "faster device before the slower one, so that less depends on it",
                )  # fmt: skip


def _chains(spec: GraphSpec) -> Iterator[tuple[str, list[str]]]:
    """A backup group, and the mirror groups behind it where each feeds one other at most."""
    if spec.couplings:
        return
    fed: dict[str, list[str]] = {}
    for name in spec.mirror_groups:
        fed.setdefault(_source(spec, name), []).append(name)
    for head in spec.backup_groups:
        chain, at = [], head
        while len(fed.get(at, ())) == 1:
            at = fed[at][0]
            chain.append(at)
        is_simple = all(len(_group(spec, name).devices) == 1 for name in (head, *chain))
        if len(chain) > 1 and at not in fed and is_simple:
            yield head, chain


def _group(spec: GraphSpec, name: str) -> MirrorGroupSpec:
    groups: Mapping[str, MirrorGroupSpec] = {**spec.backup_groups, **spec.mirror_groups}  # type: ignore[dict-item]
    return groups[name]


def _source(spec: GraphSpec, name: str) -> str:
    endpoint = spec.mirror_groups[name].mirrors
    return endpoint.group if endpoint is not None else ""


def _node_of(spec: GraphSpec, group: str) -> str:
    device = spec.devices.get(_group(spec, group).devices[0])
    return device.node if device is not None else HERE
