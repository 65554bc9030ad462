"""From what was sent and what is durable to reports: counting, no calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flowbackup.flow.outcome import ObjectEnd, Share, end_object
from flowbackup.lanes.streams import NO_STREAM, agents_behind
from flowbackup.media.port import WriterStatistics
from flowbackup.model.ids import id_text
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome
from flowbackup.plan.decided import AgentPlan, ObjectPlan, Plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.crew.station import Retired, Station

DurableFrames = Mapping[str, Mapping[bytes, int]]
"""Agent -> object -> frames under a commit."""


class KnownShares(NamedTuple):
    """Frames of earlier sessions that an object refers to.  due: behind each head; held: by each
    agent."""

    due: Counter[str]
    held: Counter[str]


def shares_of(
    plan: Plan, ending: ObjectEnding, object_plan: ObjectPlan, durable: DurableFrames,
    known: KnownShares | None = None,
) -> Iterator[tuple[str, Share]]:  # fmt: skip
    """Agent and share of every agent to which all buffers of the object lead."""
    sent = dict(ending.frames)
    known = known or KnownShares(Counter(), Counter())
    frames_over = {
        head: sent.get(f"{object_plan.client} -> {head}", 0) + known.due[head]
        for head in object_plan.heads
    }
    behind = {
        head: agents_behind(plan, head, object_plan.buffers)
        for head, frames in frames_over.items()
        if frames
    }
    # Where heads lead to one agent, it owes what came over all of them.
    due = Counter[str]()
    for head, agents in behind.items():
        due.update({agent.name: frames_over[head] for agent in agents})
    for head, agents in behind.items():
        for agent in agents:
            frames = durable[agent.name].get(ending.object_id, 0) + known.held[agent.name]
            yield agent.name, Share(agent.group, head, agent.required, due[agent.name], frames)


def judge(
    plan: Plan, ending: ObjectEnding, object_plan: ObjectPlan, durable: DurableFrames,
    known: KnownShares | None = None,
) -> ObjectEnd:  # fmt: skip
    """What was read, and where all of it is durable."""
    shares = (share for _, share in shares_of(plan, ending, object_plan, durable, known))
    source = Outcome(ending.record.outcome) if ending.record else Outcome.FAILED
    return end_object(source, shares, plan.copies)


def report_object(
    plan: Plan, ending: ObjectEnding, object_plan: ObjectPlan, end: ObjectEnd, version: int
) -> ObjectReport:
    """One line of the summary."""
    record = ending.record
    return ObjectReport(
        name=ending.name,
        client=object_plan.client,
        object_id=id_text(ending.object_id),
        version=version,
        outcome=end.outcome,
        copies_durable=end.copies_durable,
        copies_required=plan.copies or copies_planned(plan, object_plan),
        files=record.files if record else 0,
        bytes_source=record.bytes_source if record else 0,
        bytes_read=record.bytes_read if record else 0,
        bytes_new=record.bytes_new if record else 0,
        bytes_known=ending.bytes_known if record else 0,
        bytes_deduplicated=ending.bytes_deduplicated if record else 0,
        bytes_packed=ending.bytes_packed if record else 0,
    )


def copies_planned(plan: Plan, object_plan: ObjectPlan) -> int:
    """How many copies there are when every required agent has done its share."""
    behind = {
        head: [a for a in agents_behind(plan, head, object_plan.buffers) if a.required]
        for head in object_plan.heads
    }
    groups = {agent.group for agents in behind.values() for agent in agents}
    return sum(
        min(sum(1 for agent in agents if agent.group == group) for agents in behind.values())
        for group in groups
    )


def report_device(
    station: Station, written: WriterStatistics, medium: bytes, streams: tuple[int, ...]
) -> DeviceReport:
    """One device's line of the summary."""
    return _device_report(station.plan, station.state, written, medium, streams)


def report_retired(retired: Retired) -> DeviceReport:
    """The line of a device that failed and was replaced: what it has is meant to be elsewhere."""
    return _device_report(
        retired.plan, "replaced", retired.written, retired.medium, (NO_STREAM,), required=False
    )


def _device_report(
    agent: AgentPlan,
    state: str,
    written: WriterStatistics,
    medium: bytes,
    streams: tuple[int, ...],
    *,
    required: bool | None = None,
) -> DeviceReport:
    return DeviceReport(
        name=agent.device.name,
        agent=agent.name,
        role=agent.role,
        level=agent.level,
        node=agent.node,
        state=state,
        bytes_written=written.bytes_written,
        frames=written.frames,
        syncs=written.syncs,
        medium=id_text(medium),
        required=agent.required if required is None else required,
        streams=streams,
    )
