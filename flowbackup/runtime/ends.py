"""From what was sent and what is durable to reports: counting, no calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowbackup.errors import InterruptedSessionError
from flowbackup.flow.outcome import ObjectEnd, end_object
from flowbackup.media.port import WriterStatistics
from flowbackup.model.ids import id_text
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome
from flowbackup.plan.decided import ObjectPlan, Plan
from flowbackup.runtime.client import ObjectEnding
from flowbackup.runtime.crew import Station


def judge(plan: Plan, ending: ObjectEnding, object_plan: ObjectPlan,
          durable: Mapping[str, Mapping[bytes, int]]) -> ObjectEnd:  # fmt: skip
    """A copy is a group: the frames of an object lie on all of its agents together."""
    reached = _groups_behind(plan, object_plan.heads)
    held = {
        group: sum(
            durable[a.name].get(ending.object_id, 0) for a in plan.agents if a.group == group
        )
        for group in reached
    }
    required = {a.group for a in plan.agents if a.group in reached and a.required}
    return end_object(_source_outcome(ending), ending.frames, held, required, plan.copies)


def report_object(
    plan: Plan, ending: ObjectEnding, object_plan: ObjectPlan, end: ObjectEnd, version: int
) -> ObjectReport:
    """One line of the summary."""
    reached = _groups_behind(plan, object_plan.heads)
    required = {a.group for a in plan.agents if a.group in reached and a.required}
    record = ending.record
    return ObjectReport(
        name=ending.name,
        client=object_plan.client,
        object_id=id_text(ending.object_id),
        version=version,
        outcome=end.outcome,
        copies_durable=end.copies_durable,
        copies_required=plan.copies or len(required),
        files=record.files if record else 0,
        bytes_source=record.bytes_source if record else 0,
        bytes_read=record.bytes_read if record else 0,
        bytes_new=record.bytes_new if record else 0,
    )


def report_device(station: Station, written: WriterStatistics) -> DeviceReport:
    """One device's line of the summary."""
    agent = station.plan
    return DeviceReport(
        name=agent.device.name,
        agent=agent.name,
        role=agent.role,
        level=agent.level,
        node=agent.node,
        state="relay-only" if station.failure else "complete",
        bytes_written=written.bytes_written,
        frames=written.frames,
        syncs=written.syncs,
    )


def _source_outcome(ending: ObjectEnding) -> Outcome:
    if ending.record is None or isinstance(ending.failure, InterruptedSessionError):
        return Outcome.FAILED
    if ending.failure is not None:
        return Outcome.FAILED
    return Outcome(ending.record.outcome)


def _groups_behind(plan: Plan, heads: Iterable[str]) -> set[str]:
    """The groups that frames sent to these heads come through."""
    reached: set[str] = set()
    queue = list(heads)
    while queue:
        agent = queue.pop()
        if agent not in reached:
            reached.add(agent)
            queue += [edge.target for edge in plan.edges_from(agent)]
    return {plan.agent(name).group for name in reached}
