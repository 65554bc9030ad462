"""One version in a drill: a part of it is restored, and compared with the source as it is now."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import NotFoundError, RestoreError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import id_text
from flowbackup.model.report import ObjectReport, Outcome
from flowbackup.monitor import Problem
from flowbackup.restore.live import Spot, Standing, compare
from flowbackup.restore.sampling import Part, sampled
from flowbackup.restore.settings import RestoreSettings, RestoreStatistics
from flowbackup.restore.tree import restore_tree
from flowbackup.runtime.reading.copies import CopyReader
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.units import GIB, counted, format_path, format_size

ENTRIES_DEFAULT = 100
BYTES_DEFAULT = GIB
"""What a drill restores of an object unless it is told otherwise: minutes, not hours."""
FAILURES = ("damaged", "unwritable", "exists", "differs")
"""Problems that mean that something did not come back.  The others say that it came back as far as
the source once, or this user now, could give it."""
NOT_GIVEN = {
    "owner": ("owner", "mode", "attributes"),
    "xattr": ("attributes",),
    "metadata": ("mode", "time"),
}
"""What a restore could not give back, by its own words, is no difference besides."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Drilled:
    """What came of one version."""

    version: VersionRow
    restored: RestoreStatistics
    outcome: Outcome

    def report(self, copies_durable: int) -> ObjectReport:
        """The line of the summary."""
        record, restored = self.version.record, self.restored
        return ObjectReport(
            name=record.name, client=record.client, object_id=id_text(record.object_id),
            version=self.version.number, outcome=self.outcome,
            copies_durable=copies_durable, copies_required=0,
            files=restored.files + restored.links, bytes_source=restored.bytes_written,
        )  # fmt: skip


class Drill:
    """`run` once.  A Monitor of its restore, which remembers what that said of each path."""

    def __init__(
        self, catalog: Catalog, version: VersionRow, frames: CopyReader, session: LocalSession
    ) -> None:
        self.message = session.message
        self.session_began = session.session_began
        self.progress = session.progress
        self._catalog = catalog
        self._version = version
        self._frames = frames
        self._session = session
        self._told: dict[bytes, set[str]] = {}
        self._is_failed = False

    def problem(self, problem: Problem) -> None:
        """See Monitor."""
        self._is_failed |= problem.kind in FAILURES
        self._told.setdefault(problem.path or b"", set()).add(problem.kind)
        self._session.problem(problem)

    def run(self, place: bytes, seed: int, sample: int | Fraction | None) -> Drilled:
        """Restores the part that the seed names into a directory of its own in `place`.  Raises
        RestoreError if the part has no room there."""
        part = self._part(seed, sample)
        self._check_room(place, part)
        target = os.path.join(place, id_text(self._version.object_id).encode())
        os.mkdir(target, 0o700)
        settings = RestoreSettings(root_name=os.fsencode(self._version.record.name), sync=False)
        restored = restore_tree(
            self._entries(part),
            self._frames,
            target,
            settings,
            self,
            self._entry,
            self._frames,
        )
        compared = self._compare(part, target, seed)
        self.message(
            f"{self._version}: part {part.number + 1} of {part.parts} (seed {seed}), "
            f"{counted(restored.files + restored.links, 'file')} restored; the source: {compared}"
        )
        outcome = Outcome.FAILED if self._is_failed else restored.outcome
        return Drilled(self._version, restored, outcome)

    def _part(self, seed: int, sample: int | Fraction | None) -> Part:
        """The first part from that of the seed on that has more than directories."""
        record = self._version.record
        if isinstance(sample, Fraction):
            parts = ceil(1 / sample)
        elif sample is not None:
            parts = ceil(record.entries / sample)
        else:
            parts = max(
                ceil(record.entries / ENTRIES_DEFAULT), ceil(record.bytes_source / BYTES_DEFAULT)
            )
        parts = max(parts, 1)
        first = Part(seed % parts, parts)
        for step in range(parts):
            part = Part((seed + step) % parts, parts)
            if any(entry.kind != EntryKind.DIRECTORY for entry in self._entries(part)):
                return part
        return first

    def _entries(self, part: Part) -> Iterator[Entry]:
        return sampled(self._catalog.entries(self._version), part)

    def _entry(self, path: bytes) -> Entry:
        return self._catalog.entry(self._version, path)

    def _check_room(self, place: bytes, part: Part) -> None:
        need = sum(chunk.size for entry in self._entries(part) for chunk in entry.chunks)
        space = os.statvfs(place)
        free = space.f_bavail * space.f_frsize
        if free < need:
            raise RestoreError(
                f"{format_path(place)} has {format_size(free)} free, {format_size(need)} of "
                f"{self._version} are to be restored",
                remedy="name a place with room with --target, or a smaller --sample",
            )

    def _compare(self, part: Part, target: bytes, seed: int) -> str:
        """Compares what was restored; what is to be said of the source, in a few words."""
        standings: Counter[Standing] = Counter()
        restored = os.open(target, _DIRECTORY)
        try:
            with self._source() as source:
                if source is None:
                    return "is not on this machine any more, only the restore was checked"
                for entry in self._entries(part):
                    paths = self._paths(entry)
                    if self._told.get(paths[1], set()) & {*FAILURES, "source"}:
                        continue
                    found = compare(entry, Spot(source, paths[0]), Spot(restored, paths[1]))
                    standings[found.standing] += 1
                    self._tell(entry, paths[1], found.differences, seed)
        finally:
            os.close(restored)
        return ", ".join(f"{standings[each]} {each.value}" for each in Standing)

    def _tell(
        self, entry: Entry, restored: bytes, differences: tuple[tuple[str, str], ...], seed: int
    ) -> None:
        not_given = {
            what for kind in self._told.get(restored, ()) for what in NOT_GIVEN.get(kind, ())
        }
        for what, text in differences:
            if what not in not_given:
                text = f"{what}: {text}; in {self._version} (--seed {seed} repeats this)"
                self.problem(Problem("differs", text, entry.path))

    def _paths(self, entry: Entry) -> tuple[bytes, bytes]:
        """Where an entry is below the source, and below the target."""
        if entry.path or entry.kind == EntryKind.DIRECTORY:
            return entry.path, entry.path
        record = self._version.record
        return os.path.basename(record.source), os.fsencode(record.name)

    @contextmanager
    def _source(self) -> Iterator[int | None]:
        """The directory in which the source is; None where another machine had it, or it is gone or
        replaced by another one."""
        record = self._version.record
        root = next(self._entries(Part(0, 1)))
        is_tree = root.kind == EntryKind.DIRECTORY
        place = record.source if is_tree else os.path.dirname(record.source)
        directory = _opened_or_none(place) if self._was_here() else None
        try:
            same = directory is not None and (
                not is_tree or os.fstat(directory).st_ino == root.inode
            )
            yield directory if same else None
        finally:
            if directory is not None:
                os.close(directory)

    def _was_here(self) -> bool:
        """False where the catalog knows that the session ran on another machine."""
        try:
            host = self._catalog.session(id_text(self._version.record.session)).host
        except NotFoundError:
            return True
        return host in ("", socket.gethostname())


def _opened_or_none(directory: bytes) -> int | None:
    try:
        return os.open(directory, _DIRECTORY)
    except OSError:
        return None
