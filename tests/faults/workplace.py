"""Three media and thirty objects in a folder, for one session after the other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from flowbackup.frame.record_frame import SESSION_STREAM
from flowbackup.media.calls import SystemCalls
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from tests.faults.objects import make_objects, object_name
from tests.faults.pipeline import SESSION_RECORD, STAGES, Pipeline, make_media, small_steps
from tests.faults.recovery import check_medium, check_recovers, check_restores

SESSION, FOLLOWING = 1, 2


class Workplace:
    """originals: what each frame of the session holds, that of its record included."""

    def __init__(self, folder: Path, *, objects: int, threads: bool = False) -> None:
        """threads: every record is written in a thread, as large ones are."""
        self._threads = threads
        self._source = folder / "source"
        self._target = folder / "target"
        self.frames = make_objects(self._source, SESSION, objects=objects)
        self._following = make_objects(self._source, FOLLOWING, objects=1)
        self.originals = {f.header.frame_id: bytes(f.payload) for f in self.frames}
        record = FrameId(self.frames[0].header.session, SESSION_STREAM, 0)
        self.originals[record] = SESSION_RECORD
        self.media = [folder / name for name in STAGES]
        make_media(self.media)

    def run(self, calls: Sequence[SystemCalls], *, loses_node: bool = False) -> Pipeline:
        """A session onto empty media."""
        for stage in range(len(STAGES)):
            self.clear(stage)
        with small_steps(threads=self._threads):
            pipeline = Pipeline(self.media, calls, self.frames, loses_node=loses_node)
            pipeline.run()
        return pipeline

    def clear(self, stage: int) -> None:
        for entry in os.scandir(self.media[stage] / "segments"):
            os.unlink(entry.path)

    def check_complete(self, pipeline: Pipeline, stages: Collection[int]) -> None:
        """These stages have everything, and the client was told so."""
        if stages:
            assert len(pipeline.acknowledged) == len(self.frames)
        for stage in (pipeline.stages[number] for number in stages):
            assert stage.is_sealed and stage.durable.keys() == self.originals.keys(), stage.name

    def check(self, stage: int, durable: Collection[FrameId]) -> None:
        """See `check_medium`."""
        check_medium(self.media[stage], STAGES[stage], self.originals, durable, self._following)

    def check_restores(self, stage: int, durable: Collection[FrameId]) -> None:
        """Every acknowledged object is restored from this medium alone, equal to its source: by
        the package, and by the program that lies on the medium."""
        shutil.rmtree(self._target, ignore_errors=True)
        records = [f for f in self.frames if f.header.kind == FrameKind.CATALOG]
        owed = {
            object_name(SESSION, number)
            for number, frame in enumerate(records)
            if frame.header.frame_id in durable
        }
        for restores in (check_restores, check_recovers):
            restored = restores(
                self.media[stage], STAGES[stage], self._source, self._target / restores.__name__
            )
            assert owed <= restored, f"{STAGES[stage]}: acknowledged and lost: {owed - restored}"
