"""Everything of the package that reads a medium, on one that nobody vouches for.

`read_package` calls the parts of which commands are made, deeper than these go; only errors of
ours may come out of it, and it returns what they said.  `Watch` tells what it cost, `surroundings`
what it changed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from flowbackup.errors import DamageError, FlowbackupError
from flowbackup.frame.page import PageRef, decode_root
from flowbackup.frame.seal import Content, open_frame
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.reader import MediumReader
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord, load_record
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import RestoreSettings, restore_tree

_LIBC = ctypes.CDLL(None)


class Watch:
    """What a block of code cost: processor seconds and the growth of memory at its highest."""

    seconds = 0.0
    peak_kib = 0

    def __enter__(self) -> Self:
        # What was freed and kept before would hide what is taken now.
        pa.default_memory_pool().release_unused()
        _LIBC.malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        self._before = _status_kib("VmRSS")
        self._started = time.process_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.process_time() - self._started
        self.peak_kib = max(0, _status_kib("VmHWM") - self._before)


def _status_kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise AssertionError(f"no {name} in /proc/self/status")


def surroundings(base: Path, *, without: Path) -> dict[bytes, tuple[object, ...]]:
    """Everything below `base` but one name: status, attributes and content of each."""
    found: dict[bytes, tuple[object, ...]] = {}
    for where, names, files in os.walk(os.fsencode(base)):
        if Path(os.fsdecode(where)) == without.parent:
            names[:] = [name for name in names if name != os.fsencode(without.name)]
            files = [name for name in files if name != os.fsencode(without.name)]
        for name in (b".", *files, *names):
            path = os.path.join(where, name)
            if where == os.fsencode(without.parent) and name == b".":
                continue
            found[path] = _look(path)
    return found


def _look(path: bytes) -> tuple[object, ...]:
    found = os.lstat(path)
    content: object = None
    if stat.S_ISREG(found.st_mode) and found.st_size < 1 << 24:
        with open(path, "rb", buffering=0) as file:
            content = hashlib.sha256(file.read()).digest()
    elif stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    attributes = os.listxattr(path, follow_symlinks=False)
    times = (found.st_mtime_ns, found.st_ctime_ns)
    owner = (found.st_mode, found.st_uid, found.st_gid, found.st_nlink, found.st_ino)
    return owner, times, found.st_size, content, tuple(attributes)


def read_package(medium: Path, target: Path) -> list[str]:
    """Verifies a medium, reads all its frames, and restores every version into `target`/0, 1, ...
    without a catalog.  Returns the errors and problems in words."""
    told: list[str] = []
    device = DirectoryDevice(DeviceTarget("device", "directory", str(medium), 512))
    monitor = RecordingMonitor()

    def attempt(what: Callable[[], object]) -> None:
        try:
            what()
        except FlowbackupError as error:
            told.append(f"{type(error).__name__}: {error}")

    attempt(lambda: verify_medium(device, monitor))
    told += [problem.text for problem in monitor.problems]
    attempt(lambda: list(device.reader().frames()))
    attempt(lambda: told.extend(_restore_all(device, target, attempt)))
    return told


def _restore_all(
    device: DirectoryDevice,
    target: Path,
    attempt: Callable[[Callable[[], object]], None],
) -> list[str]:
    shelf = Shelf(device.reader())
    monitor = RecordingMonitor()
    for stored in shelf.stored.values():
        attempt(lambda stored=stored: shelf.opened(stored).spans())  # type: ignore[misc]
    for number, record in enumerate(shelf.versions(attempt)):
        place = os.fsencode(target / str(number))
        attempt(lambda: shelf.restore(record, place, monitor))  # noqa: B023
    return [f"{p.kind}: {p.text}" for p in monitor.problems]


class Shelf:
    """The frames of one medium by name; a FrameSource."""

    def __init__(self, reader: MediumReader) -> None:
        self._reader = reader
        found = (item for item in reader.scan() if isinstance(item, StoredFrame))
        self.stored: dict[FrameId, StoredFrame] = {item.header.frame_id: item for item in found}

    def opened(self, stored: StoredFrame):  # type: ignore[no-untyped-def]
        return open_frame(*self._reader.read(stored.header, stored.place))

    def payload(self, frame: FrameId) -> Content:
        if frame not in self.stored:
            raise DamageError(f"there is no frame {frame}")
        content: Content = self.opened(self.stored[frame]).held()
        return content

    def versions(self, attempt: Callable[[Callable[[], object]], None]) -> Iterator[VersionRecord]:
        for stored in self.stored.values():
            if stored.header.kind == FrameKind.CATALOG:
                found: list[VersionRecord] = []
                attempt(lambda: found.extend(self._records(stored)))  # noqa: B023
                yield from found

    def _records(self, stored: StoredFrame) -> list[VersionRecord]:
        try:
            record = load_record(self.opened(stored).content)
        except ValueError as error:
            raise DamageError(str(error)) from error
        return [record] if isinstance(record, VersionRecord) else []

    def pages(self, record: VersionRecord) -> list[tuple[PageRef, bytes]]:
        return [(page, self.chunk(page.ref)) for page in decode_root(self.chunk(record.root))]

    def chunk(self, ref: ChunkRef) -> bytes:
        return bytes(self.payload(ref.frame).chunk(ref))

    def restore(self, record: VersionRecord, place: bytes, monitor: RecordingMonitor) -> None:
        from flowbackup.frame.page import decode_page, joined

        rows = [entry for _, body in self.pages(record) for entry in decode_page(body)]
        entries = list(joined(rows))
        first = {entry.path: entry for entry in entries}

        def first_entry(path: bytes):  # type: ignore[no-untyped-def]
            if path not in first:
                raise DamageError(f"there is no {path!r}")
            return first[path]

        restore_tree(entries, self, place, RestoreSettings(sync=False), monitor, first_entry)
