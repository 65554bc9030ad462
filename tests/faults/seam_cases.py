"""Every moment of a session at which something may break, and what must hold in the end."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from random import Random
from typing import NamedTuple

from flowbackup.frame.record_frame import SESSION_STREAM
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.testing.crash_image import Loss, crash_image, put_image
from flowbackup.testing.frames import sample_frame
from tests.faults.objects import STREAM
from tests.faults.pipeline import SLOTS, STAGES, small_steps, target_of
from tests.faults.recovery import check_content
from tests.faults.seam import Seam
from tests.faults.seam_faults import Break, happen
from tests.faults.seam_parts import Level
from tests.faults.workplace import Workplace

OBJECTS = 3
"""12 frames: more than there are slots, so that slots are filled again."""
RESTORED_EACH = 25
"""One of so many cases is restored by both readers; in all of them every frame is compared."""


class Blow(NamedTuple):
    """Before which event, what, and to which level, from 0."""

    moment: int
    kind: Break
    level: int


class Case(NamedTuple):
    """blows: between events.  stop_at: level and system call at which its media agent is killed.
    attach_at: before which event the last level is attached, 0: it is there from the start."""

    blows: tuple[Blow, ...] = ()
    stop_at: tuple[int, int] = (0, 0)
    attach_at: int = 0


class SeamCases:
    """Tries one case after the other."""

    def __init__(self, folder: Path) -> None:
        self._work = Workplace(folder, objects=OBJECTS)
        self._checked = 0

    def moments(self) -> list[str]:
        """What happens at each moment of a session in which nothing breaks."""
        return self._run(Case()).kinds

    def calls(self) -> list[int]:
        """How many system calls each media agent makes when nothing breaks."""
        seam = self._run(Case())
        return [len(level.life.writer.disk.notes) for level in seam.levels]

    def check(self, case: Case) -> None:
        """Raises AssertionError, or what nobody has answered for."""
        try:
            self._check(case)
        except Exception as error:
            error.add_note(f"case: {case}")
            raise

    def _run(self, case: Case) -> Seam:
        for stage in range(len(STAGES)):
            self._work.clear(stage)
        with small_steps():
            levels = len(STAGES) - bool(case.attach_at)
            seam = Seam(self._work.media, self._work.frames, stop_at=case.stop_at, levels=levels)

            def breaks(moment: int) -> None:
                if case.attach_at and moment == case.attach_at:
                    seam.attach()
                for blow in case.blows:
                    if blow.moment == moment:
                        happen(seam, blow.kind, blow.level)

            seam.run(breaks)
        return seam

    def _check(self, case: Case) -> None:
        seam = self._run(case)
        assert set(seam.reads.values()) <= {1}, "the source was read twice"
        ends = seam.is_over or seam.client_is_dead or seam.levels[0].is_lost
        if not ends:
            assert seam.acknowledged.keys() == {f.header.frame_id for f in self._work.frames}
            self._check_credit(seam)
        self._checked += 1
        for level in seam.levels:
            self._check_medium(seam, level, is_whole=level.owes and not ends)
            if self._checked % RESTORED_EACH == 0 and level.owes and not level.begins:
                self._work.check_restores(level.number, seam.acknowledged)
        for level in seam.levels:
            self._check_power(seam, level)

    def _check_medium(self, seam: Seam, level: Level, *, is_whole: bool) -> None:
        """Effect once: each frame is there once, in its order, and as it was sent."""
        device = DirectoryDevice(target_of(level.place, level.name))
        found = [stored.header.frame_id for stored in device.reader().frames()]
        check_content(device, self._work.originals)
        owed = [frame.header.frame_id for frame in self._work.frames]
        owed = owed[level.begins.get(STREAM, 0) :]
        record = FrameId(seam.session, SESSION_STREAM, 0)
        frames = [frame for frame in found if frame != record]
        assert frames == owed[: len(frames)], f"{level.name}: {len(found)} frames are there"
        if is_whole:
            assert frames == owed and found.count(record) <= 1, level.name
        self._check_there(seam, level, found, "on the medium")

    def _check_power(self, seam: Seam, level: Level) -> None:
        """The same if now the power fails: only what was synced is there."""
        image = crash_image(level.life.writer.disk.notes, Loss.ALL, Random(0))
        self._work.clear(level.number)
        put_image(image, str(level.place / "segments"))
        device = DirectoryDevice(target_of(level.place, level.name))
        found = [stored.header.frame_id for stored in device.reader().frames()]
        self._check_there(seam, level, found, "behind a loss of power")

    def _check_there(
        self, seam: Seam, level: Level, found: Collection[FrameId], where: str
    ) -> None:  # fmt: skip
        """Nothing that was said to be durable is lost."""
        lost = level.durable.keys() - found
        assert not lost, f"{level.name}: said to be durable, not there {where}: {sorted(lost)}"
        if level.owes:
            lost = {frame for frame in seam.acknowledged if not level.has(frame)}
            assert not lost, f"{level.name}: acknowledged, not there {where}: {sorted(lost)}"

    def _check_credit(self, seam: Seam) -> None:
        """No slot has leaked: all can be lent again, and no more."""
        assert seam.sender.is_empty
        for level in seam.levels:
            assert level.is_lost or level.life.machine.is_empty, level.name
        edge = seam.levels[0].edge
        for _ in range(SLOTS):
            lent = seam.sender.lend([edge])
            assert lent is not None, "a slot has leaked"
            header = sample_frame(1)[0]._replace(
                session=lent.frame.session, stream=lent.frame.stream, sequence=lent.frame.sequence
            )
            seam.sender.filled(FrameDescriptor(header, "slots", lent.slot))
        assert seam.sender.lend([edge]) is None, "a slot is lent twice"
