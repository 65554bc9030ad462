"""Every way in which a session of three stages can be stopped at one call, and what must hold then.

The session runs once for each place at which something ends.  From the notes of the disk that it
happened to come all the states in which that disk may be found afterwards: each is a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from random import Random
from typing import NamedTuple

from flowbackup.testing.crash_disk import CrashDisk, Note, Power
from flowbackup.testing.crash_image import Loss, crash_image, put_image, torn
from tests.faults.objects import OBJECTS
from tests.faults.pipeline import STAGES, Pipeline
from tests.faults.workplace import Workplace

TEARS = (0.25, 0.5, 0.75)
RESTORED_EACH = 40
"""One of so many places is restored in full; in all of them every frame is compared."""


class End(Enum):
    """What ends at a call."""

    PROCESS = "the media agent's process"
    NODE = "the node of one stage, by loss of power"
    MACHINE = "the machine that all stages share, by loss of power"


class Place(NamedTuple):
    """A call, from 1, of a stage, from 0."""

    stage: int
    call: int
    end: End


class Found(NamedTuple):
    """A state in which the disk may be found: what was done, and what of it has lasted."""

    text: str
    notes: Sequence[Note]
    loss: Loss


class CrashCases:
    """Tries one place after the other."""

    def __init__(self, folder: Path, *, threads: bool = False) -> None:
        self._work = Workplace(folder, objects=OBJECTS, threads=threads)

    def calls(self) -> list[int]:
        """How many calls each stage makes when nothing happens."""
        disks = [CrashDisk() for _ in STAGES]
        self._work.check_complete(self._work.run(disks), range(len(STAGES)))
        return [len(disk.notes) for disk in disks]

    def check(self, place: Place) -> int:
        """Returns the number of cases.  Raises AssertionError, or what the media house says."""
        try:
            return self._check(place)
        except Exception as error:
            error.add_note(f"case: {place}")
            raise

    def _check(self, place: Place) -> int:
        power = Power() if place.end is End.MACHINE else None
        disks = [CrashDisk(power) for _ in STAGES]
        disks[place.stage] = CrashDisk(power, stop_at=place.call)
        pipeline = self._work.run(disks, loses_node=place.end is End.NODE)
        self._work.check_complete(pipeline, _others(place))
        hit = range(len(STAGES)) if place.end is End.MACHINE else [place.stage]
        states = [list(_found(disks[stage], place.end)) for stage in hit]
        for number, together in enumerate(zip(*states, strict=True)):
            for stage, found in zip(hit, together, strict=True):
                self._check_found(pipeline, place, stage, number, found)
        return len(states[0])

    def _check_found(
        self, pipeline: Pipeline, place: Place, stage: int, number: int, found: Found
    ) -> None:
        work, durable = self._work, pipeline.stages[stage].durable.keys()
        image = crash_image(found.notes, found.loss, Random(f"{place}/{number}/{stage}"))
        work.clear(stage)
        put_image(image, str(work.media[stage] / "segments"))
        try:
            work.check(stage, durable)
            if number == 0 and place.call % RESTORED_EACH == 0:
                work.check_restores(stage, durable)
        except Exception as error:
            error.add_note(f"{STAGES[stage]}: {found.text}, {found.loss}")
            raise


def _others(place: Place) -> list[int]:
    """The stages that are to have everything all the same: behind a lost node there is no way."""
    if place.end is End.MACHINE:
        return []
    others = [*range(len(STAGES))]
    del others[place.stage : place.stage + 1 if place.end is End.PROCESS else None]
    return others


def _found(disk: CrashDisk, end: End) -> Iterator[Found]:
    """All that a stop instead of one call may leave."""
    before = disk.notes
    if end is End.MACHINE:
        yield Found("before it", before, Loss.ALL)
        yield Found("before it", before, Loss.SOME)
        return
    note = disk.not_made
    assert note is not None, "the session made fewer calls than it was to be stopped at"
    for loss in [Loss.NOTHING] if end is End.PROCESS else [Loss.ALL, Loss.SOME]:
        yield Found("before it", before, loss)
        yield Found(f"after {note.verb}", [*before, note], loss)
    for part in TEARS if note.verb == "pwritev" else ():
        loss = Loss.NOTHING if end is End.PROCESS else Loss.ALL
        last = torn(note, part, has_lasted=end is End.NODE)
        yield Found(f"torn at {part} of the write", [*before, last], loss)
