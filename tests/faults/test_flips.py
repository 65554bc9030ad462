"""Target F3: every byte of a medium of 64 KiB flipped, all 8 bits of it in headers, labels, commits
and index.  Each flip is detected, and located to its record, its frame, its object and the paths
whose content it hits; every other frame is believed and every other object comes back.

The texts beside the label, which are longer than the medium, have a test of their own in
tests/media/test_damage.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import pytest

from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import LABEL_NAME, parse_label
from flowbackup.media.layout import HEADER_BYTES, RecordKind
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments import segment_source
from flowbackup.media.segments.scan import Damage, FoundRecord, walk
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.restore import RestoreSettings, restore_tree
from flowbackup.runtime.reading.copies import copy_reader
from tests.faults.commands import rebuilt
from tests.faults.parallel import in_folder, shared_out
from tests.judge import recovered_here
from tests.media.object_media import write_objects
from tests.targets import Target

BLOCK = 512
PARTS = 5
"""A test that takes too long is killed."""
OBJECTS = 6
FILES = 4
FILE_BYTES = 1000
SCANNED, RESTORED, JUDGED = 8, 64, 512
"""After every so many flips: all frames are looked for; all objects are restored; by recover.py."""


class Flip(NamedTuple):
    """A bit of a file of the medium."""

    file: int
    offset: int
    bit: int


class Subject:
    """One medium of two segments, sealed and unfinished, and what is known of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "medium"
        self.content: dict[str, dict[str, bytes]] = {}
        random = Random(3)
        for number in range(OBJECTS):
            tree = folder / f"object{number}"
            tree.mkdir()
            files = {f"file{n}": random.randbytes(FILE_BYTES) for n in range(FILES)}
            for name, data in files.items():
                (tree / name).write_bytes(data)
            self.content[tree.name] = files
        trees = [(name, folder / name) for name in self.content]
        # An object is three frames, and these are a group.
        write_objects([self.place], trees[:4], session=1, frame_bytes=16 << 10)
        write_objects([self.place], trees[4:], session=2, frame_bytes=16 << 10, seal=False)
        self.device = DirectoryDevice(DeviceTarget("nas", "directory", str(self.place), BLOCK))
        self.catalog = rebuilt(folder / "catalog", self.place)
        self.files = [self.place / LABEL_NAME, *sorted((self.place / "segments").iterdir())]
        self.original = [path.read_bytes() for path in self.files]
        self.label = parse_label(self.original[0]).label
        self.records: list[list[FoundRecord]] = [[]]
        for source in self.device.reader().segments():
            assert not isinstance(source, Damage)
            with source:
                self.records.append([r for r in walk(source) if isinstance(r, FoundRecord)])
        self.frames = set(self.believed())
        for path in self.files:
            path.chmod(0o600)

    def size_bytes(self) -> int:
        return sum(map(len, self.original))

    def flips(self) -> Iterator[Flip]:
        """One bit of every byte, in turn; all of those of labels, headers and index."""
        for number, data in enumerate(self.original):
            for offset in range(len(data)):
                bits = range(8) if self._is_told(number, offset) else (offset * 5 % 8,)
                yield from (Flip(number, offset, bit) for bit in bits)

    def _is_told(self, number: int, offset: int) -> bool:
        """Whether the byte says something of the medium itself."""
        record = self.record(number, offset)
        if record is None or record.header.kind == RecordKind.INDEX:
            return True
        return offset < record.offset + HEADER_BYTES

    def record(self, number: int, offset: int) -> FoundRecord | None:
        found = (r for r in self.records[number] if r.offset <= offset < r.end)
        return next(found, None)

    def believed(self) -> Iterator[StoredFrame]:
        return (item for item in self.device.reader().scan() if isinstance(item, StoredFrame))

    def check(self, flip: Flip, turn: int) -> None:
        if flip.file == 0 and turn % RESTORED:
            self._check_label(flip)
            return
        path, data = self.files[flip.file], self.original[flip.file]
        changed = bytes([data[flip.offset] ^ 1 << flip.bit])
        fd = os.open(path, os.O_WRONLY)
        os.pwrite(fd, changed, flip.offset)
        try:
            self._check_flipped(flip, turn)
        finally:
            os.pwrite(fd, data[flip.offset : flip.offset + 1], flip.offset)
            os.close(fd)

    def _check_label(self, flip: Flip) -> None:
        """A label has two copies, each checked as a whole: the flip costs one."""
        changed = bytearray(self.original[0])
        changed[flip.offset] ^= 1 << flip.bit
        found = parse_label(bytes(changed))
        assert found.label == self.label
        assert f"copy {1 + flip.offset // 4096}" in found.faults[0]

    def _check_flipped(self, flip: Flip, turn: int) -> None:
        report = verify_medium(self.device, SilentMonitor())
        (damage,) = report.damages
        record = self.record(flip.file, flip.offset)
        if record is not None:
            assert (damage.offset, damage.end) == (record.offset, record.end)
            assert damage.file == str(self.files[flip.file])
            self._check_hits(record)
            if turn % SCANNED == 0:
                self._check_frames(record)
        if turn % RESTORED == 0:
            self._check_objects(record, judged=turn % JUDGED == 0)

    def _check_hits(self, record: FoundRecord) -> None:
        """The frame, the object and the paths are found by the place alone."""
        header = record.header
        hits = [*self.catalog.objects_at(header.medium, header.segment, record.offset)]
        if not header.is_frame:
            assert hits == []
            return
        (hit,) = hits
        assert hit.version.object_id == header.object_id
        assert hit.frame == FrameId(header.session, header.stream, header.sequence)
        named = [name.encode() for name in self.content[hit.version.record.name]]
        assert list(hit.paths) == (named if header.kind == FrameKind.DATA else [])

    def _check_frames(self, record: FoundRecord) -> None:
        """What is not hit is believed; of the last group of an unfinished segment all or nothing,
        for nothing behind it proves that it was ever durable."""
        lost = self.frames - set(self.believed())
        group = self.group(record)
        is_open = self.records[2][0].header.segment == record.header.segment
        is_last = is_open and group == self.group(self.records[2][-1])
        # A payload that is wrong is found by reading it, as verify does, and not by a scan.
        assert lost == (group if is_last else lost & {record.stored()})

    def group(self, record: FoundRecord) -> set[StoredFrame]:
        """The frames that were committed together with this record."""
        records = self.records[record.header.segment]
        commits = [r.offset for r in records if r.header.kind == RecordKind.COMMIT]
        end = min((c for c in commits if c >= record.offset), default=0)
        begin = max((c for c in commits if c < end), default=0)
        return {r.stored() for r in records if r.header.is_frame and begin < r.offset < end}

    def _check_objects(self, record: FoundRecord | None, *, judged: bool) -> None:
        hit = record.header.object_id if record and record.header.is_frame else None
        for number, version in enumerate(self.catalog.versions()):
            target = self.folder / f"restored{number}"
            with copy_reader(self.catalog, SilentMonitor()) as frames:
                settings, monitor = RestoreSettings(sync=False), RecordingMonitor()
                entries = self.catalog.entries(version)
                restore_tree(entries, frames, os.fsencode(target), settings, monitor)
            wanted = self.content[version.record.name]
            found = {path.name: path.read_bytes() for path in target.iterdir()}
            assert found.items() <= wanted.items()
            assert found == wanted or version.object_id == hit
            shutil.rmtree(target)
        if judged:
            self._check_judge(record)

    def _check_judge(self, record: FoundRecord | None) -> None:
        target = self.folder / "judged"
        recovered_here([self.place], target, "all")
        lost = {frame.header.object_id for frame in self.group(record)} if record else set()
        known = {v.record.name: v.object_id for v in self.catalog.versions()}
        for name, wanted in self.content.items():
            place = target / "client" / name
            found = {p.name: p.read_bytes() for p in place.iterdir()} if place.exists() else {}
            assert found.items() <= wanted.items()
            assert found == wanted or known[name] in lost
        shutil.rmtree(target)


def check(folder: Path, shares: Sequence[tuple[int, int]]) -> int:
    """Every n-th flip from the first on, for each (first, n); how many there were."""
    # Reading ahead in threads would be most of the time; the bytes are in memory.
    with patch.object(segment_source, "O_DIRECT", 0):
        subject, count = Subject(folder), 0
        assert 60 << 10 < subject.size_bytes() < 76 << 10
        flips = list(subject.flips())
        for first, step in shares:
            for flip in flips[first::step]:
                try:
                    subject.check(flip, count)
                except Exception as error:
                    error.add_note(str(flip))
                    raise
                count += 1
        subject.catalog.close()
    return count


TEXT = "flips of a medium of 64 KiB: detected, located to frame, object and paths, others restored"


def test_some_flips(target: Target) -> None:
    target("F3", cases=in_folder(check, [(5, 997)]), text=TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_flips(part: int, target: Target) -> None:
    shares = [(first, 8 * PARTS) for first in range(part, 8 * PARTS, PARTS)]
    target("F3", cases=sum(shared_out(check, shares)), text=TEXT)
