"""Media as sessions leave them, and the catalog that knew of them, without Ray: the parts that read
and write are the real ones, the chain between them is a list."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.frame.page import PageRef, decode_root
from flowbackup.frame.seal import seal
from flowbackup.media.calls import SystemCalls
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.port import FrameWriter
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, FrameId, id_text, new_id
from flowbackup.model.record import SessionRecord, VersionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import Problem, SilentMonitor
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask

FRAME_BYTES = 64 << 10
HOUR_NS = 3600 * 10**9
PROBLEMS = (
    Problem("vanished", "gone \udcff", b"a/\xff"),
    Problem("device_failed", "EIO", None, "x"),
)


class _NoSync(SystemCalls):
    """No test that uses these media takes the power away, and syncs are what making them costs."""

    def fdatasync(self, fd: int) -> None:
        pass

    def fsync(self, fd: int) -> None:
        pass

    def sync_directory(self, place: str | int) -> None:
        pass


_CALLS = _NoSync()
Frames = list[tuple[FrameHeader, memoryview]]


@dataclass
class Session:
    """One session on its way: what it sent, and what came of it."""

    number: int
    session: bytes
    frame_bytes: int
    frames: Frames = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)
    refs: list[PageRef] = field(default_factory=list)
    versions: list[tuple[VersionRecord, list[tuple[PageRef, bytes]]]] = field(default_factory=list)

    # What a source asks of a sink of frames and of pages.

    def borrow(self) -> OpenSlot:
        memory = memoryview(mmap(-1, 2 * self.frame_bytes))
        return OpenSlot(FrameId(self.session, 1, len(self.frames)), memory, 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        self.frames.append((header, slot.memory[: header.payload_bytes]))

    def give_back(self, slot: OpenSlot) -> None:
        pass

    def page(self, digest: bytes, data: bytes) -> None:
        self.pages.append(data)

    def root(self, digest: bytes, data: bytes) -> None:
        self.refs = decode_root(data)

    def read(self, client: str, name: str, source: Path) -> None:
        """Reads one object into frames."""
        self.pages = []
        begun_ns = self.number * HOUR_NS
        finished = iter([begun_ns + len(self.versions) + 1])
        task = ObjectTask(
            self.session, new_id(begun_ns // 10**6, os.urandom(10)), client, name,
            os.fsencode(source), self.frame_bytes, begun_ns, clock=lambda: next(finished),
        )  # fmt: skip
        record = read_object(task, self, self, SilentMonitor())
        self.versions.append((record, list(zip(self.refs, self.pages, strict=True))))

    def report(self, devices: Iterable[str]) -> SessionReport:
        return SessionReport(
            id_text(self.session), "backup", "nightly", Outcome.INCOMPLETE, 3, "ray", 12.5, 0.5,
            sum(record.files for record, _ in self.versions), 2, 3, 4, (),
            tuple(
                DeviceReport(
                    name, f"primary.{name}", "backup", 0, "here", "complete", 100, 2, 1,
                    medium=id_text(self.session), required=name != "d0", streams=(1,),
                )
                for name in devices
            ),
            PROBLEMS,
        )  # fmt: skip


class Chain:
    """Devices d0, d1, ... in a folder, each of which gets every frame, and their catalog."""

    def __init__(
        self, folder: Path, devices: int, *, segment_bytes: int = 1 << 30,
        frame_bytes: int = FRAME_BYTES,
    ) -> None:  # fmt: skip
        self.catalog = folder / "catalog.sqlite"
        self.places = [folder / f"d{number}" for number in range(devices)]
        self._segment_bytes = segment_bytes
        self._frame_bytes = frame_bytes
        self._sessions = 0
        for place in self.places:
            init_medium(str(place), name=place.name, calls=_CALLS)

    @property
    def locations(self) -> tuple[str, ...]:
        return tuple(str(place) for place in self.places)

    def backup(
        self, objects: dict[str, Path], *, killed: bool = False, commit_frames: int = 3
    ) -> Session:
        """One session.  objects: "client/name" -> source.  killed: it ends before its record, and
        leaves its segments as they are then."""
        session = self.sent(objects)
        begun_ns = self._sessions * HOUR_NS
        report = session.report([place.name for place in self.places])
        record = SessionRecord.of_report(
            report, started_ns=begun_ns, finished_ns=begun_ns + 99, host="here", graph="graph: x",
            versions={"ray": "2"},
        )  # fmt: skip
        with open_catalog(self.catalog) as catalog:
            catalog.begin_session(
                session.session, "backup", "nightly", "graph: x", "here", begun_ns, "somebody"
            )
            for place in self.places:
                self._write(catalog, place, session, None if killed else record, commit_frames)
            for version, pages in session.versions:
                catalog.add_version(version, pages)
            if not killed:
                catalog.end_session(report, record.finished_ns)
        return session

    def sent(self, objects: dict[str, Path]) -> Session:
        """A session that has read its objects, and nobody has written them."""
        self._sessions += 1
        begun_ms = self._sessions * HOUR_NS // 10**6
        session = Session(self._sessions, new_id(begun_ms, os.urandom(10)), self._frame_bytes)
        for named, source in objects.items():
            client, name = named.split("/")
            session.read(client, name, source)
        return session

    def device(self, place: Path) -> DirectoryDevice:
        target = DeviceTarget(place.name, "directory", str(place))
        return DirectoryDevice(target, segment_bytes=self._segment_bytes, calls=_CALLS)

    def write(self, place: Path, session: Session) -> None:
        """Puts what a session sent on one more device.  Raises CatalogError."""
        with open_catalog(self.catalog) as catalog:
            self._write(catalog, place, session, None, 1 << 20)

    def _write(
        self, catalog: Catalog, place: Path, session: Session, record: SessionRecord | None,
        commit_frames: int,
    ) -> None:  # fmt: skip
        with closing(self.device(place)) as device:
            catalog.add_medium(device.info())
            device.lock("a test")
            with closing(device.writer(session.session, 0)) as writer:
                for number, (header, payload) in enumerate(session.frames, 1):
                    writer.append(header, payload)
                    if number % commit_frames == 0:
                        _commit(catalog, writer)
                _commit(catalog, writer)
                if record is not None:
                    writer.append(*_record_frame(session.session, record))
                    _commit(catalog, writer)
                    writer.finish()


def _commit(catalog: Catalog, writer: FrameWriter) -> None:
    catalog.add_durable([(stored.header, stored.place) for stored in writer.commit()])


def _record_frame(session: bytes, record: SessionRecord) -> tuple[FrameHeader, memoryview]:
    data = record.to_json()
    memory = memoryview(mmap(-1, len(data)))
    memory[: len(data)] = data
    header = seal(memory, [], FrameId(session, 0, 0), FrameKind.CATALOG, NO_ID, len(data))
    return header, memory[: len(data)]
