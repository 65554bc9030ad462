"""Who goes on where a media agent or its device has failed.

Ray restarts nothing by itself (`max_restarts=0`): only the session knows what a dead process has
left behind, so it decides, in its own thread, between two questions to its actors.

Two things fail in different ways.  A *device* refuses: a spare of its group goes on, on the same
node, or the agent relays only.  A *process* dies (it was killed, it broke) or is as good as dead
(it was stopped, it answers nothing): its device may be as good as ever, so a new process goes on
with it, on the same node and under a higher epoch.  The new one first ends the old one for sure,
so that a stopped one that is continued writes nothing; the device's lock, which went with the old
process, proves it.  Then it cuts the segment back to the last commit and tells what is durable;
its buffer, which has waited meanwhile, gives it the rest once more, from memory.  Nothing is read
from the source again, and nobody in the chain is told.

What dies again and again (`flow.restarts`), or cannot be started, is treated as a device that has
failed.  Every restart is told in the report; a copy that is complete in the end is complete.
"""

from __future__ import annotations

import time

from flowbackup.errors import FlowbackupError
from flowbackup.flow.restarts import Restarts
from flowbackup.media.port import WriterStatistics
from flowbackup.monitor import Problem
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.heard import Heard
from flowbackup.runtime.crew.spares import Spares
from flowbackup.runtime.crew.station import Station


class Succession:
    """Finds a successor for what has failed, and tells of it."""

    def __init__(self, crew: Crew, heard: Heard, problems: list[Problem]) -> None:
        self._crew = crew
        self._heard = heard
        self._problems = problems
        self._spares = Spares(crew.plan)
        self._restarts = Restarts()

    def agent_died(self, name: str, text: str, written: WriterStatistics) -> bool:
        """A media agent is dead or as good as dead.  Does another one go on?  written: what was
        last heard of its device."""
        station = self._crew.stations[name]
        if self._is_over(station):
            return self._give_up(station)
        if self._restarts.may(name, time.monotonic()) and self._restart(name, text, written):
            return True
        return self._spare(name, text, written) or self._give_up(station)

    def device_failed(self, name: str, text: str, written: WriterStatistics) -> bool:
        """A device refuses.  Does a spare go on?"""
        station = self._crew.stations[name]
        if self._is_over(station):
            return self._give_up(station)
        return self._spare(name, text, written) or self._give_up(station)

    def _is_over(self, station: Station) -> bool:
        return bool(station.failure) or station.buffer_lost

    def _give_up(self, station: Station) -> bool:
        """Its buffer may be waiting."""
        if not station.buffer_lost:
            self._crew.give_up_device(station.plan.name)
        return False

    def _restart(self, name: str, text: str, written: WriterStatistics) -> bool:
        device = self._crew.stations[name].plan.device.name
        try:
            left = self._crew.restart_agent(name, written)
        except FlowbackupError as error:
            told = f"{text}; it could not be restarted: {error}"
            self._problems.append(Problem("restart_failed", told, device=device))
            return False
        self._heard.succeed(name, left, is_same_device=True)
        told = f"{text}; it was restarted behind its last commit"
        self._problems.append(Problem("restarted", told, device=device))
        return True

    def _spare(self, name: str, text: str, written: WriterStatistics) -> bool:
        station = self._crew.stations[name]
        failed = station.plan.device.name
        while spare := self._spares.take(station.plan):
            try:
                left = self._crew.replace_device(name, spare.device, written)
            except FlowbackupError as error:
                problem = Problem("device_failed", str(error), device=spare.device.name)
                self._problems.append(problem)
                continue
            self._heard.succeed(name, left, is_same_device=False)
            told = f'{text}; device "{spare.device.name}" goes on in its place'
            self._problems.append(Problem("device_replaced", told, device=failed))
            return True
        return False
