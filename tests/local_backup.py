"""Backups without Ray: the same reader, frames, writers and catalog in the process of the test.

Every device gets every frame, unless it `fails_at` one, as a mirror does whose disk is full, or the
devices are `striped`: then they take turns, as a group does whose devices are equally fast.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.catalog.holder import holder_text
from flowbackup.catalog.rows import VersionRow
from flowbackup.frame.page import PageRef, decode_root
from flowbackup.frame.seal import seal
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.set_label import is_set
from flowbackup.media.open import make_first_medium
from flowbackup.media.port import Device, FrameWriter
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, FrameId, id_text, new_id
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.source.known import KnownFiles
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.units import KIB

FRAME_BYTES = 64 * KIB
SEGMENT_BYTES = 512 * KIB
GROUP_FRAMES = 4
CLIENT = "web"


class Died(Exception):
    """The process that backs up is no more."""


@dataclass
class _Target:
    """One device of a session and how many frames it takes before it fails."""

    info: MediumInfo
    device: Device
    writer: FrameWriter
    frames_max: int
    frames: int = 0
    durable: list[tuple[FrameHeader, FramePlace]] = field(default_factory=list)

    @property
    def works(self) -> bool:
        return self.frames < self.frames_max

    def append(self, header: FrameHeader, payload: memoryview) -> None:
        if self.works:
            self.writer.append(header, payload)
            self.frames += 1
            if self.frames % GROUP_FRAMES == 0 or not self.works:
                self.commit()

    def commit(self) -> None:
        self.durable += [(frame.header, frame.place) for frame in self.writer.commit()]


class _Sink:
    """A FrameSink and PageSink that writes every frame to all targets, or to one in its turn."""

    def __init__(
        self, session: bytes, stream: int, targets: list[_Target], *, striped: bool, dies_at: int
    ) -> None:  # fmt: skip
        self._session, self._stream, self._targets = session, stream, targets
        self._striped = striped
        self._dies_at = dies_at
        self._sequence = 0
        self._root: list[PageRef] = []
        self._bodies: list[bytes] = []

    def borrow(self) -> OpenSlot:
        memory = memoryview(mmap(-1, slot_bytes(FRAME_BYTES)))
        return OpenSlot(FrameId(self._session, self._stream, self._sequence), memory, 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        turn = self._sequence % len(self._targets)
        self._sequence += 1
        for target in self._targets[turn : turn + 1] if self._striped else self._targets:
            target.append(header, slot.memory[: header.payload_bytes])
        if self._sequence == self._dies_at:
            raise Died

    def give_back(self, slot: OpenSlot) -> None:
        """Nothing was lent but memory."""

    def page(self, digest: bytes, data: bytes) -> None:
        self._bodies.append(data)

    def root(self, digest: bytes, data: bytes) -> None:
        self._root = decode_root(data)

    def pages(self) -> list[tuple[PageRef, bytes]]:
        return list(zip(self._root, self._bodies, strict=True))


class LocalBackup:
    """A folder with a catalog and devices, and backups to them."""

    def __init__(
        self, folder: Path, *devices: str, media_bytes: Mapping[str, int] | None = None
    ) -> None:
        """media_bytes: of devices with sets of media of this size."""
        self.folder = folder
        self.catalog_path = folder / "catalog.sqlite"
        sizes = media_bytes or {}
        for name in devices:
            make_first_medium(str(self.place(name)), name=name, media_bytes=sizes.get(name, 0))

    def place(self, device: str) -> Path:
        return self.folder / device

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        with open_catalog(self.catalog_path) as opened:
            yield opened

    def run(
        self, source: Path, *devices: str, fails_at: Mapping[str, int] | None = None,
        optional: tuple[str, ...] = (), striped: bool = False, known: KnownFiles | None = None,
        clock: Callable[[], int] = time.time_ns, tags: tuple[str, ...] = (), dies_at: int = 0,
    ) -> VersionRow:  # fmt: skip
        """Backs `source` up.  fails_at: device -> frames that it takes.  known: files that are
        neither read nor sent.  clock: for the end of the version.  dies_at: the frame, from 1,
        behind which the process dies; then this raises Died."""
        session = new_id()
        with self.catalog() as catalog:
            targets = [self._opened(name, session, fails_at or {}) for name in devices]
            for target in targets:
                catalog.add_medium(target.info)
            catalog.begin_session(
                session, "backup", "local", "graph: local", socket.gethostname(), 1,
                holder_text(), tags,
            )  # fmt: skip
            sink = _Sink(session, 1, targets, striped=striped, dies_at=dies_at)
            task = ObjectTask(
                session, new_id(), CLIENT, source.name, os.fsencode(source), FRAME_BYTES, 1,
                clock=clock,
            )  # fmt: skip
            try:
                record = read_object(task, sink, sink, SilentMonitor(), known=known)
                if dies_at:
                    raise Died
            except Died:
                for target in targets:
                    for info in target.device.media():
                        catalog.add_medium(info)
                    catalog.add_durable(target.durable)
                    target.writer.close()
                    target.device.close()
                raise
            for target in targets:
                self._finish(target, session, tags)
                for info in target.device.media():
                    catalog.add_medium(info)
                catalog.add_durable(target.durable)
            number = catalog.add_version(record, sink.pages())
            catalog.end_session(_report(session, targets, optional), 2)
        return VersionRow(number, record)

    def _opened(self, name: str, session: bytes, fails_at: Mapping[str, int]) -> _Target:
        target = DeviceTarget(name, "directory", str(self.place(name)))
        kind = SetDevice if is_set(target.location) else DirectoryDevice
        device = kind(target, segment_bytes=SEGMENT_BYTES)
        device.lock("local backup")
        writer = device.writer(session, 0)
        return _Target(device.info(), device, writer, fails_at.get(name, 1 << 30))

    def _finish(self, target: _Target, session: bytes, tags: tuple[str, ...]) -> None:
        """A device that failed has no record of the session and no footer."""
        if target.works:
            record = SessionRecord(session, "backup", "local", 1, 2, "success", "here", tags=tags)
            data = record.to_json()
            memory = memoryview(mmap(-1, len(data)))
            memory[:] = data
            frame = FrameId(session, 0, 0)
            target.append(seal(memory, [], frame, FrameKind.CATALOG, NO_ID, len(data)), memory)
            target.commit()
            target.writer.finish()
        target.writer.close()
        target.device.close()


def damage(place: Path, where: FramePlace, byte: int = 0) -> None:
    """Flips a bit of the payload of the frame that lies there, in a block of 4096 bytes."""
    (segment,) = (place / "segments").glob(f"{where.segment:08d}-{where.epoch:04d}.*")
    mode = segment.stat().st_mode
    segment.chmod(0o600)
    with segment.open("r+b") as file:
        file.seek(where.offset + 4096 + byte)
        value = file.read(1)[0]
        file.seek(where.offset + 4096 + byte)
        file.write(bytes([value ^ 1]))
    segment.chmod(mode)


def _report(
    session: bytes, targets: list[_Target], optional: tuple[str, ...]
) -> SessionReport:  # fmt: skip
    devices = tuple(
        DeviceReport(
            name=target.info.device, agent=f"g{level}.{target.info.device}",
            role="mirror" if level else "backup", level=level, node="here",
            state="complete" if target.works else "failed", bytes_written=0,
            frames=target.frames, medium=id_text(target.info.medium),
            required=target.info.device not in optional,
        )
        for level, target in enumerate(targets)
    )  # fmt: skip
    return SessionReport(
        id_text(session), "backup", "local", Outcome.SUCCESS, 0, "local", 1.0, 0.0, 1, 1, 1, 1,
        devices=devices,
    )  # fmt: skip
