"""Where the time of a session went that has run with a crew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbackup.media.port import WriterStatistics
from flowbackup.model.profile import Profile, Role, Spent, Work
from flowbackup.plan.decided import Plan
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.crew.watch import Watch


def profile_of(
    times: Beginning, plan: Plan, watch: Watch, written: Mapping[str, WriterStatistics],
    seconds: float,
) -> Profile:  # fmt: skip
    """written: what sealed devices have told; of others counts the last that was heard.  seconds:
    of the whole session."""
    session = times.spent(seconds)
    running = sum(spent.seconds for spent in session if spent.work is Work.RUNNING)
    clients = [spent for name, one in watch.times.items() for spent in one.spent(name)]
    heard = watch.writers | dict(written)
    agents = [spent for name, one in heard.items() for spent in _of_writer(name, one, running)]
    return Profile(seconds, (*session, *clients, *agents, *_waits(plan, watch)))


def _of_writer(name: str, heard: WriterStatistics, running: float) -> Iterator[Spent]:
    busy = heard.write_seconds + heard.sync_seconds
    yield Spent(Role.AGENT, name, Work.WRITING, heard.write_seconds)
    yield Spent(Role.AGENT, name, Work.SYNCING, heard.sync_seconds)
    yield Spent(Role.AGENT, name, Work.IDLE, max(0.0, running - busy))


def _waits(plan: Plan, watch: Watch) -> Iterator[Spent]:
    """Of edges: for which their frames were held by the device, or by who comes behind it."""
    for (agent, waited_for), seconds in watch.waits.items():
        into = ", ".join(edge.name for edge in plan.edges if edge.target == agent)
        if waited_for == "device":
            yield Spent(Role.EDGE, into, Work.WAITING, seconds, plan.agent(agent).device.name)
        else:
            target = next((e.target for e in plan.edges if e.name == waited_for), "")
            yield Spent(Role.EDGE, waited_for, Work.WAITING, seconds, target)
