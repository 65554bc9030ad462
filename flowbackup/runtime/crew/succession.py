"""Who goes on where a media agent, a buffer or a device has failed.

An engine restarts nothing by itself: only the session knows what a dead process has
left behind, so it decides, in its own thread, between two questions to its actors.

A *device* refuses: a spare of its group goes on, on the same node, or the agent relays only.  A
*process* dies (it was killed, it broke) or is as good as dead (it was stopped, it answers nothing):
its device may be as good as ever, so a new process goes on, on the same node and under a higher
epoch.  Who depends on it keeps what is owed to it meanwhile, and waits.

A *media agent*: the new one first ends the old one for sure, so that a stopped one that is
continued writes nothing; the device's lock, which went with the old process, proves it.  Then it
cuts the segment back to the last commit and tells what is durable; its buffer gives it the rest
once more, from memory.

A *buffer*: its media agent looks into slots that nobody guards any more, so both are ended, and
both begin anew.  The slots lie in shared memory that survives its processes.  The new buffer asks
those behind it what they hold: from then on they hear nothing more of the old one, and their slots
are not filled again before they have released them.  Then those in front of it send again what was
not released; what comes twice is known by its identity, on the medium and further behind.

Nothing is read from the source again, and nothing is restarted on another node: a device is where
it is.  What dies again and again (`flow.restarts`), or cannot be started, is treated as a device
that has failed, or a buffer that is lost: then the buffer in front of it takes its place towards
those behind it, where it can, and they are cut off where it cannot.  Every restart is told in the
report; a copy that is complete in the end is complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flowbackup.errors import FlowbackupError
from flowbackup.flow.restarts import Restarts
from flowbackup.media.port import WriterStatistics
from flowbackup.monitor import Problem
from flowbackup.plan.spares import Spares
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.heard import Heard
from flowbackup.runtime.crew.replacing import Replacing
from flowbackup.runtime.crew.station import Station

Written = Callable[[str], WriterStatistics]


class Succession:
    """Finds a successor for what has failed, and tells of it.  All of its methods that return a
    truth tell whether somebody goes on."""

    def __init__(
        self, crew: Crew, heard: Heard, written: Written, hear_last: Callable[[str], None],
        problems: list[Problem],
    ) -> None:  # fmt: skip
        """written: what was last heard of a station's device.  hear_last: asks its media agent what
        is durable.  problems: gets more."""
        self._hear_last = hear_last
        self._crew = crew
        self._heard = heard
        self._written = written
        self._problems = problems
        self._replacing = Replacing(crew)
        self._spares = Spares(crew.plan)
        self._restarts = Restarts()

    def agent_died(self, name: str, text: str) -> bool:
        """A media agent is dead or as good as dead."""
        station = self._crew.stations[name]
        may = not (station.failure or station.buffer_lost)
        if may and not self._crew.buffer_answers(name):
            # Both are dead, and this one was heard of first.
            return self.buffer_died(name, text)
        if may and self._may_restart(name) and self._restart_agent(name, text):
            told = f"{text}; it was restarted behind its last commit"
            self._problems.append(Problem("restarted", told, device=station.plan.device.name))
            return True
        return self._end_agent(name, text, may_go_on=may)

    def device_failed(self, name: str, text: str) -> bool:
        """A device refuses, and its media agent can still seal what it has."""
        station = self._crew.stations[name]
        if self._next_device(name, text):
            return True
        self.fail(station, text)
        return False

    def buffer_died(self, name: str, text: str) -> bool:
        """A buffer is dead or as good as dead."""
        station = self._crew.stations[name]
        may = not (station.buffer_lost or station.cut_off or station.detached)
        if may and self._may_restart(name) and self._restart_buffer(name, text):
            return True
        self.end_buffer(name, text)
        return False

    def end_buffer(self, name: str, text: str, *, may_adopt: bool = True) -> None:
        """Nothing goes to a station any more, nor to those behind it, unless who has fed it takes
        its place towards them."""
        station = self._crew.stations[name]
        self.fail(station, text)
        station.lose_buffer()
        self._hear_last(name)
        station.lose_agent()
        # Only now: what they do not keep for it any more lies in slots that are filled again.
        adopted = self._replacing.adopt(name) if may_adopt else []
        for target in adopted:
            told = f"{name} is gone: who has fed it feeds {target} now"
            device = self._crew.stations[target].plan.device.name
            self._problems.append(Problem("adopted", told, device=device))
        if not adopted:
            self._crew.detach_from_feeders(name)
        self._cut_off(name)

    def fail(self, station: Station, text: str) -> None:
        """Why a copy cannot be complete; the first reason is told."""
        if not station.failure:
            station.failure = text
            self._problems.append(Problem("device_failed", text, device=station.plan.device.name))

    def _cut_off(self, name: str) -> None:
        """Not everything comes any more to those behind a lost buffer."""
        for edge in self._crew.edges_from(name):
            target = self._crew.stations[edge.target]
            target.cut_off = True
            self.fail(target, f"{edge.name}: {name} is gone")
            self._cut_off(edge.target)

    def _may_restart(self, name: str) -> bool:
        # Who is about to end begins nothing again, and nothing on another device.
        if self._crew.cancel.is_told:
            return False
        return self._crew.has_node(name) and self._restarts.may(name, time.monotonic())

    def _restart_buffer(self, name: str, text: str) -> bool:
        station = self._crew.stations[name]
        has_device, device = not station.failure, station.plan.device.name
        try:
            self._replacing.restart_buffer(name, self._lost_behind)
        except FlowbackupError as error:
            told = f"{text}; it could not be restarted: {error}"
            self._problems.append(Problem("restart_failed", told, device=device))
            return False
        if not has_device or self._restart_agent(name, text):
            told = f"{text}; it was restarted, and got again what was not released"
            self._problems.append(Problem("restarted", told, device=device))
        else:
            self._end_agent(name, text, may_go_on=True)
        return True

    def _lost_behind(self, name: str, text: str) -> None:
        self.buffer_died(name, text)

    def _restart_agent(self, name: str, text: str) -> bool:
        try:
            left = self._replacing.restart_agent(name, self._written(name))
        except FlowbackupError as error:
            device = self._crew.stations[name].plan.device.name
            told = f"{text}; it could not be restarted: {error}"
            self._problems.append(Problem("restart_failed", told, device=device))
            return False
        self._heard.succeed(name, left, is_same_device=True)
        return True

    def _end_agent(self, name: str, text: str, *, may_go_on: bool) -> bool:
        """It is not restarted: a spare goes on, or nobody."""
        station = self._crew.stations[name]
        if may_go_on:
            if self._next_device(name, text):
                return True
        else:
            self._give_up_device(station)
        self.fail(station, text)
        station.lose_agent()
        return False

    def _next_device(self, name: str, text: str) -> bool:
        """Does a spare go on?  Where none does, the buffer is not left waiting."""
        station = self._crew.stations[name]
        if not (station.failure or station.buffer_lost):
            failed = station.plan.device.name
            while not self._crew.cancel.is_told and (spare := self._spares.take(station.plan)):
                try:
                    left = self._replacing.replace_device(name, spare.device, self._written(name))
                except FlowbackupError as error:
                    problem = Problem("device_failed", str(error), device=spare.device.name)
                    self._problems.append(problem)
                    continue
                self._heard.succeed(name, left, is_same_device=False)
                told = f'{text}; device "{spare.device.name}" goes on in its place'
                self._problems.append(Problem("device_replaced", told, device=failed))
                return True
        self._give_up_device(station)
        return False

    def _give_up_device(self, station: Station) -> None:
        if not station.buffer_lost:
            self._crew.give_up_device(station.plan.name)
