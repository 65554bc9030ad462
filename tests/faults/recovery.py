"""What must hold of a medium when the power is back, whatever happened to it before."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from flowbackup.errors import NotFoundError
from flowbackup.frame.page import decode_page, decode_root, joined
from flowbackup.frame.seal import Content, open_frame
from flowbackup.media.calls import SystemCalls
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.reader import MediumReader
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord, load_record
from flowbackup.monitor import SilentMonitor
from flowbackup.restore.tree import restore_tree
from flowbackup.testing.compare import differences
from flowbackup.testing.frames import SampleFrame
from tests.faults.objects import CLIENT
from tests.faults.pipeline import target_of
from tests.judge import listed_here, recovered_here

NEXT_EPOCH = 1


class NoReservation(SystemCalls):
    """A file system that reserves nothing: the sessions that go on write a few blocks only."""

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def check_medium(
    place: Path, name: str, originals: Mapping[FrameId, bytes], durable: Collection[FrameId],
    following: Sequence[SampleFrame],
) -> None:  # fmt: skip
    """durable: what was acknowledged; it is there.  Nothing is there that is not as it was sent,
    verify finds no damage, and the next session, `following`, is written and read."""
    frames = check_content(DirectoryDevice(target_of(place, name)), originals)
    missing = durable - frames
    assert not missing, f"{name}: acknowledged and lost: {sorted(missing)}"
    device = DirectoryDevice(target_of(place, name), calls=NoReservation())
    device.lock("the next session")
    writer = device.writer(following[0].header.session, NEXT_EPOCH)
    for frame in following:
        writer.append(*frame)
    writer.finish()
    writer.close()
    device.close()
    now = {stored.header.frame_id for stored in device.reader().frames()}
    assert now == frames | {frame.header.frame_id for frame in following}, name
    report = verify_medium(device, SilentMonitor())
    assert not report.damaged and not report.unknown_files, (name, report.damaged)


def check_restores(place: Path, name: str, source: Path, target: Path) -> set[str]:
    """Restores every version that is whole on the medium; each is equal to its source.  Returns
    their names."""
    frames = MediumFrames(DirectoryDevice(target_of(place, name)).reader())
    restored = set()
    for record in frames.versions():
        entries = list(frames.entries(record.root))
        into = target / record.name
        statistics = restore_tree(entries, frames, os.fsencode(into))
        assert statistics.failed == 0, (name, record.name)
        assert list(differences(str(source / record.name), str(into))) == [], (name, record.name)
        restored.add(record.name)
    return restored


def check_recovers(place: Path, name: str, source: Path, target: Path) -> set[str]:
    """As `check_restores`, by the second reader."""
    if not listed_here([place]):
        return set()
    recovery = recovered_here([place], target, "all")
    assert recovery.exit_code == 0 and not recovery.problems, (name, recovery)
    restored = {tree.name for tree in (target / CLIENT).iterdir()}
    for tree in restored:
        there, back = str(source / tree), str(target / CLIENT / tree)
        assert list(differences(there, back)) == [], (name, tree)
    return restored


class MediumFrames:
    """A FrameSource over one medium and nothing else."""

    def __init__(self, reader: MediumReader) -> None:
        self._reader = reader
        self._stored: dict[FrameId, StoredFrame] = {
            stored.header.frame_id: stored for stored in reader.frames()
        }

    def payload(self, frame: FrameId) -> Content:
        stored = self._stored.get(frame)
        if stored is None:
            raise NotFoundError(f"frame {frame} is not on the medium")
        return open_frame(*self._reader.read(stored.header, stored.place)).held()

    def versions(self) -> Iterator[VersionRecord]:
        for frame, stored in self._stored.items():
            if stored.header.kind == FrameKind.CATALOG:
                record = load_record(self.payload(frame).data)
                if isinstance(record, VersionRecord):
                    yield record

    def entries(self, root: ChunkRef) -> Iterator[Entry]:
        pages = decode_root(bytes(self.payload(root.frame).chunk(root)))
        chunks = (bytes(self.payload(page.ref.frame).chunk(page.ref)) for page in pages)
        return joined(entry for chunk in chunks for entry in decode_page(chunk))


def check_content(device: DirectoryDevice, originals: Mapping[FrameId, bytes]) -> set[FrameId]:
    """Every frame that the medium claims to have is what was sent.  Returns their names."""
    reader = device.reader()
    found = set()
    for stored in reader.frames():
        frame = stored.header.frame_id
        content = reader.read(stored.header, stored.place)[1]
        assert content == originals.get(frame), f"{device.name}: {frame} is not what was sent"
        found.add(frame)
    return found
