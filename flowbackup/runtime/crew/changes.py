"""Live changes of a running session: mirrors that are left behind, attached and detached, and how
fast couplings may be.

All of it happens between two rounds of questions, in the thread of the session.
"""

from __future__ import annotations

from collections.abc import Callable

from flowbackup.errors import FlowbackupError, UsageError
from flowbackup.flow.lag import is_behind
from flowbackup.flow.patience import Patience
from flowbackup.model.device import DeviceTarget
from flowbackup.model.rate import RateSchedule
from flowbackup.monitor import Problem, SilentMonitor
from flowbackup.plan.attaching import attach_mirror, document_of_plan
from flowbackup.plan.decided import EdgePlan, Plan, with_rates
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.doors import door_of
from flowbackup.runtime.crew.entrance import Entrance
from flowbackup.runtime.crew.station import Station
from flowbackup.runtime.crew.watch import Watch
from flowbackup.units import counted, format_size

LAG_SECONDS_MAX = 2.0
"""So long a mirror may be too far behind without pause: every disk stops for a moment now and
then, and a copy that has to be repaired costs more than that moment."""

Check = Callable[[Plan, DeviceTarget], None]
"""Looks at a device of the plan before anything is started for it; raises what is wrong with it."""


class LiveChanges:
    """The mirrors of one running session, as they come and go, and the limits of its couplings."""

    def __init__(self, session: bytes, crew: Crew, watch: Watch) -> None:
        self._session = session
        self._crew = crew
        self._watch = watch
        self._patience = Patience(LAG_SECONDS_MAX)
        self._document = document_of_plan(crew.plan)
        self._rates: dict[str, RateSchedule] = {}
        """Of couplings that got another one since."""

    def leave_behind(self, now: float) -> list[str]:
        """Detaches the mirrors that the graph allows to leave behind and that are too far behind;
        their devices."""
        slow = [edge for edge in self._crew.plan.edges if edge.when_slow == "detach"]
        late = [edge for edge in slow if self._is_too_late(edge, now)]
        for edge in late:
            station = self._crew.stations[edge.target]
            lag = format_size(self._lag_bytes(edge))
            self._let_go(station, f"{lag} behind {edge.source}, more than the graph allows")
        return [self._crew.stations[edge.target].plan.device.name for edge in late]

    def detach(self, query: str) -> str:
        """Lets a mirror go at the border of a frame; `query`: its agent or device.  Returns the
        agent.  Raises UsageError, and nothing has changed then."""
        station = self._mirror(query)
        self._refuse_last(station)
        self._let_go(station, "detached as asked")
        return station.plan.name

    def attach(self, place: str, source: str, check: Check) -> str:
        """A mirror more, from the next frames on; see plan.attaching for the arguments.  Returns
        its agent.  Raises what keeps it from being attached; the session goes on as it was then."""
        attachment = attach_mirror(self._document, self._crew.plan, place, source)
        plan = with_rates(attachment.plan, self._rates)
        agent = plan.agent(attachment.agent)
        (edge,) = plan.edges_into(agent.name)
        feeder = self._crew.stations[edge.source]
        if feeder.buffer_lost or feeder.cut_off:
            raise UsageError(f"{edge.source} is gone", remedy="name another agent with --from")
        check(plan, agent.device)
        door = door_of(plan, agent, self._session, self._crew.engine)
        # It waits for nobody: the session's thread has a chain to watch.
        cancel = self._crew.cancel
        entrance = Entrance(self._session, [door], 0, SilentMonitor(), cancel=cancel)
        entrance.wait()
        try:
            self._crew.attach(plan, agent.name)
        finally:
            entrance.leave()
        self._document = attachment.document
        self._watch.join(agent.name)
        return agent.name

    def limit(self, query: str, rate: int) -> str:
        """A coupling may move so many bytes per second from now on, 0 for as many as it can; hours
        of the graph count no more for it.  query: its name, or its target's agent or device.
        Returns its name.  Raises UsageError."""
        edges = self._crew.plan.edges
        devices = {s.plan.name: s.plan.device.name for s in self._crew.stations.values()}
        named = [e for e in edges if query in (e.name, e.target, devices.get(e.target))]
        if len(named) != 1:
            names = ", ".join(f'"{edge.name}"' for edge in edges)
            why = "names several couplings" if named else "is no coupling of the session"
            raise UsageError(f'"{query}" {why}', remedy=f"name one of: {names}")
        (edge,) = named
        self._rates[edge.name] = RateSchedule(rate)
        self._crew.limit(with_rates(self._crew.plan, self._rates), edge.name)
        return edge.name

    def _lag_bytes(self, edge: EdgePlan) -> int:
        statistics = self._watch.buffer(edge.source)
        return dict(statistics.lags).get(edge.name, 0) if statistics else 0

    def _is_too_late(self, edge: EdgePlan, now: float) -> bool:
        source, station = self._watch.buffer(edge.source), self._crew.stations[edge.target]
        if source is None or station.detached or station.failure:
            return False
        limit = edge.lag_bytes_max or station.plan.slots * self._crew.plan.slot_bytes
        behind = is_behind(self._lag_bytes(edge), limit, source.window)
        is_safe = source.device_alive and not self._crew.stations[edge.source].failure
        return self._patience.is_over(edge.name, owes=behind and is_safe, done=None, now=now)

    def _let_go(self, station: Station, why: str) -> None:
        """First its device, whose slots are in use, then the frames that are owed to it."""
        device = station.plan.device.name
        station.detached = True
        station.failure = f"{why}; `flowbackup repair {device}` completes its copy"
        self._watch.problems.append(Problem("detached", station.failure, device=device))
        name = station.plan.name
        try:
            self._watch.writers[name] = self._crew.detach(name)
            self._watch.hear_last(name)
        except FlowbackupError as error:
            text = f"it could not seal its medium: {error}"
            self._watch.problems.append(Problem("device_failed", text, device=device))
        self._crew.let_go(name)

    def _mirror(self, query: str) -> Station:
        """The mirror that is meant, at work."""
        stations = self._crew.stations.values()
        mirrors = [s for s in stations if s.plan.level > 0 and not s.failure]
        named = [s for s in mirrors if query in (s.plan.name, s.plan.device.name)]
        if len(named) == 1:
            return named[0]
        names = ", ".join(s.plan.name for s in mirrors) or "none"
        known = [s for s in stations if query in (s.plan.name, s.plan.device.name)]
        why = f'no mirror of the session is called "{query}"'
        if known and known[0].plan.level == 0:
            why = f"{known[0].plan.name} begins the chain and is no mirror"
        elif known:
            why = f"{known[0].plan.name} is {known[0].state}"
        raise UsageError(why, remedy=f"mirrors that can be detached: {names}")

    def _refuse_last(self, station: Station) -> None:
        """Of a mirror that others rely on."""
        name = station.plan.name
        for edge in self._crew.plan.edges_into(name):
            source = self._crew.stations[edge.source]
            if source.failure:
                raise UsageError(
                    f"{edge.source} is {source.state}, so that {name} is relied upon",
                    remedy="let the session end first",
                )
        group = next((g for g in self._crew.plan.groups if g.name == station.plan.group), None)
        others = [s for s in self._crew.stations.values() if s.plan.group == station.plan.group]
        left = sum(not s.failure for s in others) - 1
        if group is not None and left < group.devices_min:
            devices = counted(left, "device")
            why = f'group "{group.name}" would have {devices}, min: {group.devices_min}'
            raise UsageError(why, remedy="let the session end first")
