"""Rebuild: the catalog from media alone.  No Ray: it is what one does when nothing else is left."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.rebuild import Rebuild
from flowbackup.catalog.replacement import replacing_catalog
from flowbackup.errors import DamageError, DeviceError, UsageError, WrongKeyError
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.page import PageRef, decode_root
from flowbackup.media.checks.facts import FactsStatistics, MediumFacts, Mode
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.labels.label import LOCK_NAME, QUEUE_NAME, read_label
from flowbackup.media.labels.set_label import is_set, read_set
from flowbackup.media.locks.door import check_turn, lock_in_turn
from flowbackup.media.locks.kinds import locking_at
from flowbackup.media.segments.freed import FreedNote
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.scan import Damage
from flowbackup.media.sets.media_set import find_set
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.forgotten import ForgottenRecord
from flowbackup.model.ids import id_text
from flowbackup.model.location import is_directory, kind_at, whole_place
from flowbackup.model.record import SessionRecord, VersionRecord, load_record
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, Progress
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.record_reader import RecordReader
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.units import counted, format_size

PROGRESS_SECONDS = 0.5
_CANNOT_LOCK = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""What a medium says that this user cannot write to; another one who can does not concern him."""


@dataclass(frozen=True, slots=True)
class RebuildTask:
    """locations: of the media.  fresh: what the catalog knows now does not count; it is kept under
    another name."""

    catalog: Path
    locations: tuple[str, ...]
    mode: Mode = Mode.FAST
    fresh: bool = False
    keys: KeyRing = NO_KEYS


@dataclass(frozen=True, slots=True)
class OpenMedium:
    """A medium that nobody writes to meanwhile."""

    info: MediumInfo
    reader: MediumReader


def run_rebuild(
    task: RebuildTask, monitor: Monitor, cancel: Cancel | None = None
) -> SessionReport:  # fmt: skip
    """Takes over what the media tell: into a new catalog if there is none or a fresh one is wanted,
    else into the present one, which then knows both, and of these media what they say.

    What cannot be had is told as a problem, and makes the outcome incomplete.  Raises DeviceError
    for a medium that is not there, DeviceLockedError for one that is written just now, CatalogError
    for a catalog that cannot be used; nothing has changed then.  cancel: ends it behind a frame, by
    InterruptedSessionError; a new catalog is not kept then, and the next rebuild completes another.
    """
    with _opened(task, monitor) as media:
        if task.fresh or not task.catalog.exists():
            with replacing_catalog(task.catalog, monitor.message) as catalog:
                return _Rebuilding(catalog, media, task, monitor, cancel).run()
        with open_catalog(task.catalog, create=False) as catalog:
            catalog.check()
            return _Rebuilding(catalog, media, task, monitor, cancel).run()


class _Rebuilding:
    """One rebuild: frames of all media, then the records among them, then what these lead to."""

    def __init__(
        self, catalog: Catalog, media: Sequence[OpenMedium], task: RebuildTask, monitor: Monitor,
        cancel: Cancel | None = None,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._media = media
        self._mode = task.mode
        self._keys = task.keys
        names = ", ".join(medium.info.device for medium in media)
        self._session = LocalSession(catalog, "rebuild", names, monitor, cancel=cancel)
        self._rebuild: Rebuild = catalog.rebuild()
        readers = {medium.info.medium: medium.reader for medium in media}
        self._records = RecordReader(catalog, readers, self._session, task.keys)
        self._facts: dict[bytes, FactsStatistics] = {}
        self._is_complete = True
        self._files = 0
        self._told = 0.0

    def run(self) -> SessionReport:
        try:
            for medium in self._media:
                self._take_frames(medium)
            self._take_versions(self._take_sessions())
            self._rebuild.end()
            self._tell_out_of_reach()
        except BaseException:
            self._session.finish(Outcome.FAILED)
            raise
        facts = self._facts.values()
        total = sum(f.bytes_total for f in facts)
        bytes_read = sum(f.bytes_read for f in facts) + self._records.bytes_read
        self._session.message(f"{format_size(bytes_read)} of {format_size(total)} were read")
        return self._session.finish(
            Outcome.SUCCESS if self._is_complete else Outcome.INCOMPLETE,
            files=self._files,
            bytes_source=total,
            bytes_read=bytes_read,
            objects=self._objects(),
            devices=[_device_report(m.info, self._facts[m.info.medium]) for m in self._media],
        )

    # Frames

    def _take_frames(self, medium: OpenMedium) -> None:
        name = medium.info.device

        def tell(damage: Damage) -> None:
            self._tell_damage(name, damage)

        def hear(note: FreedNote) -> None:
            self._rebuild.add_freed(note.freed, (row.frame for row in note.rows))

        facts = MediumFacts(medium.reader, self._mode, tell, self._show, hear, self._keys)
        for frames in facts.segments():
            self._rebuild.add_frames(frames)
        others = self._rebuild.end_medium(medium.info, checked=self._mode is Mode.PARANOID)
        for frame, place in others:
            text = f"segment {place.segment}, offset {place.offset}: another frame {frame} is known"
            self._lose("forged", text, name)
        self._facts[medium.info.medium] = facts.statistics()

    def _tell_damage(self, device: str, damage: Damage) -> None:
        """A frame of which the header is sound may have other copies, and then nothing is lost."""
        self._is_complete &= damage.frame is not None
        span = f", bytes {damage.offset} to {damage.end}" if damage.end else ""
        text = f"{damage.file}{span}: {damage.reason}"
        self._session.problem(Problem("damaged", text, device=device))

    def _show(self, now: FactsStatistics) -> None:
        self._session.cancel.refuse("everything was taken over")
        moment = time.monotonic()
        if moment - self._told >= PROGRESS_SECONDS:
            self._told = moment
            before = sum(facts.bytes_read for facts in self._facts.values())
            self._session.progress(Progress("rebuild", 0, before + now.bytes_read))

    # Records

    def _take_sessions(self) -> list[VersionRecord]:
        """Sessions are taken over, and what is forgotten; the records of versions that are not are
        returned, by time.  Raises WrongKeyError where no record opens."""
        versions: dict[bytes, VersionRecord] = {}
        refused: list[WrongKeyError] = []
        opened = 0
        for frame in self._rebuild.record_frames():
            try:
                header, content = self._records.frame(frame)
                record = load_record(content.data)
            except (DeviceError, ValueError) as error:
                self._lose("record_lost", f"frame {frame}: {error}")
                continue
            except WrongKeyError as error:
                refused.append(error)
                continue
            opened += 1
            if record is not None and record.session != header.session:
                self._lose("forged", f"frame {frame} tells of a session that is not its own")
            elif isinstance(record, SessionRecord):
                self._rebuild.add_session(record)
            elif isinstance(record, ForgottenRecord):
                self._rebuild.add_forgotten(record, frame)
            elif record is not None and record.object_id != header.object_id:
                self._lose("forged", f"frame {frame} tells of an object that is not its own")
            elif record is not None:
                # Of several the last one counts, as FORMAT.md says.
                versions[record.object_id] = record
        if refused and not opened:
            raise refused[0]
        for text, count in Counter(map(str, refused)).items():
            # Who shares a medium with others takes over what is his.
            self._lose("encrypted", f"{counted(count, 'record')}: {text}")
        found = [r for r in versions.values() if not self._rebuild.is_forgotten(r.object_id)]
        return sorted(found, key=lambda record: (record.finished_ns, record.object_id))

    def _take_versions(self, records: Sequence[VersionRecord]) -> None:
        numbers = self._rebuild.number_versions(records)
        for record in records:
            self._session.cancel.refuse("everything was taken over")
            number = numbers[record.object_id]
            try:
                self._rebuild.add_version(record, self._pages(record), number)
            except DamageError as error:
                name = f"{record.client}/{record.name}@{number}"
                self._lose("version_lost", f"{name} has no whole list of its files: {error}")
                continue
            self._files += record.files

    def _pages(self, record: VersionRecord) -> list[tuple[PageRef, bytes | None]]:
        """Pages that another version has brought already are not read again."""
        _, content = self._records.frame(record.root.frame)
        refs = decode_root(content.chunk(record.root))
        missing = self._rebuild.missing_pages(refs)
        return [
            (ref, self._records.chunk(ref.ref) if ref.ref.digest in missing else None)
            for ref in refs
        ]

    # The end

    def _tell_out_of_reach(self) -> None:
        for version, frames in self._rebuild.out_of_reach():
            text = f"{version} lacks {counted(frames, 'frame')} on all media that are known"
            self._lose("frames_missing", f"{text}: rebuild with the one that has them, too")

    def _lose(self, kind: str, text: str, device: str | None = None) -> None:
        self._is_complete = False
        self._session.problem(Problem(kind, text, device=device))

    def _objects(self) -> Iterator[ObjectReport]:
        for row in self._catalog.objects():
            record = row.latest.record
            yield ObjectReport(
                name=row.name, client=row.client, object_id=id_text(record.object_id),
                version=row.latest.number, outcome=Outcome(record.outcome),
                copies_durable=self._catalog.copies_durable(row.latest), copies_required=0,
                files=record.files, bytes_source=record.bytes_source,
            )  # fmt: skip


@contextmanager
def _opened(task: RebuildTask, monitor: Monitor) -> Iterator[list[OpenMedium]]:
    """The media in the order of their making, whichever way they were named, so that the catalog is
    the same.  They are locked until the end: nobody writes what would be overlooked."""
    media: dict[bytes, OpenMedium] = {}
    whole = [whole_place(location) for location in task.locations]
    places = {os.path.realpath(p) if is_directory(p) else p: p for p in whole}
    with ExitStack() as stack:
        for place in [p for named in places.values() for p in _media_in(named, stack, monitor)]:
            label = read_label(place).label
            device = medium_device(DeviceTarget(label.device, kind_at(place), place))
            stack.callback(device.close)
            _lock(partial(lock_in_turn, device, "flowbackup rebuild"), place, monitor)
            info = device.info()
            if info.medium in media:
                raise UsageError(
                    f"{media[info.medium].info.location} and {place} hold the same medium, "
                    f"{id_text(info.medium)}",
                    remedy="one is a copy of the other's files: name one of them",
                )
            # Who believes nothing reads what is on the device, and not what memory says of it.
            reader = device.reader(cached=task.mode is not Mode.PARANOID)
            media[info.medium] = OpenMedium(info, reader)
        yield sorted(media.values(), key=lambda m: (m.info.created_ns, m.info.medium))


def _media_in(place: str, stack: ExitStack, monitor: Monitor) -> list[str]:
    """The medium there, or all that are there of a set, which is then locked: nobody begins another
    medium.  What the set lacks is told."""
    if not is_set(place):
        return [place]
    name = read_set(place)[0].device

    def lock() -> None:
        at = locking_at(place)
        check_turn(at.queue(os.path.join(place, QUEUE_NAME), name), name)
        path = os.path.join(place, LOCK_NAME)
        stack.callback(at.lock(path, name, "flowbackup rebuild").close)

    _lock(lock, place, monitor)
    found = find_set(place, name)
    for fault in found.faults:
        monitor.problem(Problem("unreachable", fault, device=name))
    return [member.location for member in found.members]


def _lock(lock: Callable[[], None], place: str, monitor: Monitor) -> None:
    try:
        lock()
    except DeviceError as error:
        if error.errno not in _CANNOT_LOCK:
            raise
        monitor.message(f"{place} cannot be locked: no backup to it may run meanwhile")


def _device_report(info: MediumInfo, facts: FactsStatistics) -> DeviceReport:
    return DeviceReport(
        name=info.device, agent="", role="rebuild", level=0, node="here",
        state="damaged" if facts.damages else "read", bytes_written=0, frames=facts.frames,
        medium=id_text(info.medium),
    )  # fmt: skip
