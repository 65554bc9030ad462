"""A process that competes for devices as a session does, told by lines on standard input.

    python -m tests.runtime.contender NAME SECONDS_MAX DIRECTORY...

"go": takes the devices, in the order in which they were named, and says "won", or who won.
"end": gives them back and says "done".  "repeat N": N times both, and looks whether it is alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from flowbackup.errors import DeviceLockedError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import new_id
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.crew.entrance import Entrance

HASTE = 200
"""How much sooner it looks again than a session would."""


def doors_of(places: Sequence[str], holder: str) -> list[DeviceDoor]:
    return [
        DeviceDoor(DirectoryDevice(DeviceTarget(os.path.basename(p), "directory", p)), holder)
        for p in places
    ]


class Contender:
    def __init__(self, name: str, seconds_max: float, places: Sequence[str]) -> None:
        self._name = name
        self._seconds_max = seconds_max
        self._places = places
        self._doors: list[DeviceDoor] = []

    def go(self) -> str:
        self._doors = doors_of(self._places, self._name)
        entrance = Entrance(
            new_id(), self._doors, self._seconds_max, SilentMonitor(),
            sleep=lambda seconds: time.sleep(seconds / HASTE),
        )  # fmt: skip
        try:
            entrance.take()
        except DeviceLockedError as error:
            return f"{error.exit_code} {error}"
        return "won"

    def end(self) -> str:
        for door in self._doors:
            door.unlock()
        return "done"

    def repeat(self, times: int) -> str:
        for turn in range(times):
            answer = self.go()
            if answer != "won":
                return answer
            mine = f"{self._name} {turn}"
            marks = [Path(place, "segments", "mark") for place in self._places]
            for mark in marks:
                mark.write_text(mine)
            os.sched_yield()
            if any(mark.read_text() != mine for mark in marks):
                return "not alone"
            self.end()
        return "done"


def main() -> None:
    name, seconds_max, *places = sys.argv[1:]
    contender = Contender(name, float(seconds_max), places)
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *numbers = line.split()
        print(getattr(contender, verb)(*map(int, numbers)), flush=True)


if __name__ == "__main__":
    main()
