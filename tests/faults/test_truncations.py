"""Target F4: files of a medium cut off at every length.  Exactly what was committed by then is
recovered, by the package and by recover.py.

A sealed segment vouches for each of its frames; what a `.part` holds counts once its commit record
stands behind it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import LABEL_NAME, parse_label
from flowbackup.media.labels.twice import COPY_BYTES
from flowbackup.media.layout import RecordKind
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.scan import FoundRecord, walk
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import FrameId
from flowbackup.monitor import SilentMonitor
from tests.faults.parallel import in_folder, shared_out
from tests.judge import recovered_here
from tests.media.media_samples import only_segment
from tests.media.object_media import write_objects
from tests.targets import Target

OBJECTS = 3
JUDGED_LABELS = 512
"""Every so many lengths of a label are tried by recover.py, which falls back to a segment."""
TEXT = "lengths of segments and labels: exactly the committed prefix, by both readers"


class Cut(NamedTuple):
    """What was cut, and what is left of it."""

    kind: str
    length: int


class Subject:
    """A medium of one segment with an object in each group."""

    def __init__(self, folder: Path, *, sealed: bool) -> None:
        self.place, self.target = folder / "medium", folder / "target"
        self.sealed = sealed
        self.content: dict[str, bytes] = {}
        random = Random(4)
        for number in range(OBJECTS):
            name = f"object{number}"
            (folder / name).mkdir()
            self.content[name] = random.randbytes(300)
            (folder / name / "file").write_bytes(self.content[name])
        trees = [(name, folder / name) for name in self.content]
        write_objects([self.place], trees, seal=sealed, frame_bytes=4096)
        self.device = DirectoryDevice(DeviceTarget("nas", "directory", str(self.place), 512))
        (source,) = self.device.reader().segments()
        with source:
            self.records = [item for item in walk(source) if isinstance(item, FoundRecord)]
        self.path = only_segment(self.place)
        self.path.chmod(0o600)
        self.size_bytes = self.path.stat().st_size

    def check(self, length: int) -> None:
        """Cuts to this length, which is shorter than the one before."""
        os.truncate(self.path, length)
        frames = self.expected_frames(length)
        found = [item for item in self.device.reader().scan() if isinstance(item, StoredFrame)]
        assert found == frames
        self._check_listed(frames, length)
        self._check_judge({frame.header.frame_id for frame in frames})

    def _check_listed(self, frames: list[StoredFrame], length: int) -> None:
        if not self.sealed:
            assert list(self.device.reader().frames()) == frames
        elif length < self.size_bytes:
            with pytest.raises(DamageError):
                list(self.device.reader().frames())
        report = verify_medium(self.device, SilentMonitor())
        assert bool(report.damaged) == (self.sealed and length < self.size_bytes)

    def expected_frames(self, length: int) -> list[StoredFrame]:
        """Of a sealed segment every whole frame, else those before the last whole commit."""
        whole = [record for record in self.records if record.end <= length]
        commits = [r.end for r in whole if r.header.kind == RecordKind.COMMIT]
        end = length if self.sealed else max(commits, default=0)
        return [r.stored() for r in whole if r.header.is_frame and r.end <= end]

    def _check_judge(self, frames: set[FrameId]) -> None:
        """An object is three frames."""
        ids = [r.header.frame().frame_id for r in self.records if r.header.is_frame]
        assert len(ids) == 3 * OBJECTS
        expected = {
            name: content
            for number, (name, content) in enumerate(self.content.items())
            if set(ids[3 * number : 3 * number + 3]) <= frames
        }
        assert restored(self.place, self.target) == expected


def restored(place: Path, target: Path) -> dict[str, bytes]:
    """What recover.py restores: object -> content of its file."""
    recovered_here([place], target, "all")
    found = {path.parent.name: path.read_bytes() for path in target.glob("client/*/file")}
    shutil.rmtree(target, ignore_errors=True)
    return found


def check(folder: Path, cuts: Sequence[Cut]) -> None:
    """Cuts in any order; each file is cut from its end on."""
    for kind in ("sealed", "part"):
        lengths = sorted((cut.length for cut in cuts if cut.kind == kind), reverse=True)
        (folder / kind).mkdir()
        subject = Subject(folder / kind, sealed=kind == "sealed")
        for length in lengths:
            try:
                subject.check(length)
            except Exception as error:
                error.add_note(str(Cut(kind, length)))
                raise
    check_label(folder, [cut.length for cut in cuts if cut.kind == "label"])


def check_label(folder: Path, lengths: Sequence[int]) -> None:
    """One whole copy is enough; without any, recover.py knows the medium by a segment of it."""
    (folder / "label").mkdir()
    subject = Subject(folder / "label", sealed=True)
    path = subject.place / LABEL_NAME
    data = path.read_bytes()
    for length in lengths:
        if length < COPY_BYTES:
            with pytest.raises(DamageError):
                parse_label(data[:length])
        else:
            found = parse_label(data[:length])
            assert found.label == parse_label(data).label
            assert found.faults
        if length % JUDGED_LABELS == 0:
            path.write_bytes(data[:length])
            assert restored(subject.place, subject.target) == subject.content


def every_cut(folder: Path, _: Sequence[None]) -> list[Cut]:
    """All lengths of all files, the whole ones included for the segments."""
    found = [Cut("label", length) for length in range(2 * COPY_BYTES)]
    for kind in ("sealed", "part"):
        (folder / kind).mkdir()
        size = Subject(folder / kind, sealed=kind == "sealed").size_bytes
        found += [Cut(kind, length) for length in range(size, -1, -1)]
    return found


def borders(cuts: Sequence[Cut]) -> list[Cut]:
    """A few bytes around each block of the segments, and some lengths in between."""
    near = [cut for cut in cuts if cut.kind != "label" and cut.length % 512 in (0, 511)]
    labels = [cut for cut in cuts if cut.kind == "label"][::256]
    return near[::3] + labels


def test_some_truncations(target: Target) -> None:
    cuts = borders(in_folder(every_cut, []))
    in_folder(check, cuts)
    target("F4", cases=len(cuts), text=TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sealed", "part", "label"])
def test_truncations(kind: str, target: Target) -> None:
    cuts = [cut for cut in in_folder(every_cut, []) if cut.kind == kind]
    shared_out(check, cuts)
    target("F4", cases=len(cuts), text=TEXT)
