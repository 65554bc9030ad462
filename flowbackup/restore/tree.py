"""A tree from its entries: the loop over them, and what becomes of everything that goes wrong."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from flowbackup.errors import DamageError, DeviceError, NotFoundError, RestoreError
from flowbackup.leaving import undoing
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.monitor import Monitor, Problem, Progress, SilentMonitor
from flowbackup.restore.content import ContentSource, lacks_content
from flowbackup.restore.directories import Level, Way, level_of, opened_level
from flowbackup.restore.existing import Existing
from flowbackup.restore.large import LARGE_BYTES_MIN
from flowbackup.restore.links import FirstEntry, HardLinks
from flowbackup.restore.metadata import MetadataWriter, Owners, strip_inherited
from flowbackup.restore.nodes import NodeWriter
from flowbackup.restore.port import Foresight, FrameSource
from flowbackup.restore.publish import discard
from flowbackup.restore.second.hand_over import Handed, HandOver
from flowbackup.restore.selection import is_plain_name, safe_names, selected
from flowbackup.restore.settings import (
    Overwrite,
    RestoreCounters,
    RestoreSettings,
    RestoreStatistics,
)
from flowbackup.restore.sync import RunningSync
from flowbackup.restore.target import open_target

Make = Callable[[Entry, bytes, Level], None]

_FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)
"""What will not get better with the next file."""

PROGRESS_SECONDS = 0.5


def restore_tree(
    entries: Iterable[Entry],
    frames: FrameSource,
    target: bytes,
    settings: RestoreSettings | None = None,
    monitor: Monitor | None = None,
    first_entry: FirstEntry | None = None,
    foresight: Foresight | None = None,
    files_expected: int = 0,
) -> RestoreStatistics:
    """Restores the entries of a version, in path order, below the directory `target`, which is made
    if it is not there.  A version that is a single file becomes `target` itself, or a file in it.

    first_entry: for hard links whose first name is not among the entries.  foresight: may look
    at the entries to come, so that their frames are read meanwhile.  files_expected: about so
    many regular files are among them, 0 if nobody knows.  What cannot be restored is reported as a
    problem, and the rest goes on; nothing outside `target` is ever touched.
    Raises RestoreError when going on has no sense: target unusable, disk full.
    """
    wanted = settings or RestoreSettings()
    chosen = selected(entries, wanted)
    if foresight is not None:
        chosen = foresight.following(chosen)
    first = next(chosen, None)
    if first is None:
        raise RestoreError("nothing was selected", remedy="check the path and the patterns")
    root, name = open_target(target, first, wanted)
    if name:
        first = first._replace(path=name)
    job = _Job(
        root, frames, wanted, monitor or SilentMonitor(), first_entry, foresight, files_expected,
        alone=bool(name),
    )  # fmt: skip
    try:
        with undoing():
            return job.run(chain((first,), chosen))
    except OSError as error:
        raise RestoreError(
            f"{os.fsdecode(target)} cannot be written: {error.strerror}",
            remedy="make room there (unfinished files are called .flowbackup-*.part), and restore "
            "again with --overwrite changed",
        ) from error
    finally:
        job.close()


class _Job:
    """One restore under way."""

    def __init__(
        self,
        root: int,
        frames: FrameSource,
        settings: RestoreSettings,
        monitor: Monitor,
        first_entry: FirstEntry | None,
        foresight: Foresight | None,
        files_expected: int,
        *,
        alone: bool,
    ) -> None:
        """alone: the object is one file, and `root` the directory of the user that it goes into."""
        self._root = root
        self._alone = alone
        self._settings = settings
        self._monitor = monitor
        self._foresight = foresight
        self._counters = RestoreCounters()
        self._replace = settings.overwrite is not Overwrite.NEVER
        owners = Owners(settings.numeric_owners)
        self._metadata = MetadataWriter(owners)
        self._existing = Existing(settings.overwrite, owners)
        content = ContentSource(frames, foresight)
        self._nodes = NodeWriter(content, self._metadata, replace=self._replace)
        self._hand_over = HandOver(content, self._metadata, self, files_expected)
        self._links = HardLinks(settings.under, first_entry)
        self._blocked: bytes | None = None
        self._path = b""
        self._reported_at = time.monotonic()
        self._sync = RunningSync(root)
        self._syncs = settings.sync and not settings.dry_run
        self._cached_bytes = 0
        self._way = Way(_root_level(root), self._leave)
        self.arrived, self.message = self._way.arrived, monitor.message

    def close(self) -> None:
        try:
            self._hand_over.close()
        finally:
            self._close()

    def _close(self) -> None:
        self._way.close()
        self._nodes.close()
        self._sync.close()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def run(self, entries: Iterator[Entry]) -> RestoreStatistics:
        for number, entry in enumerate(entries):
            self._reported(entry, self._stray if self._alone and number else self._one)
            if self._foresight is not None:
                self._foresight.restored(number + 1)
            self._progress()
            if self._syncs:
                self._sync.reached(self._cached_bytes)
        self._hand_over.finish()
        self._way.finish()
        if self._syncs:
            begun = time.perf_counter()
            self._sync.finish()
            self._counters.sync_seconds = time.perf_counter() - begun
        return self._counters.frozen()

    def _reported(self, entry: Entry, restore: Callable[[Entry], None]) -> None:
        """What goes wrong with an entry is told under its name, and ends nothing but this entry."""
        self._path = entry.path
        try:
            restore(entry)
        except (DeviceError, NotFoundError, OverflowError, ValueError) as error:
            self._failed(entry, "damaged", str(error))
        except OSError as error:
            if error.errno in _FATAL:
                raise
            self._failed(entry, "unwritable", error.strerror or str(error))

    def _stray(self, entry: Entry) -> None:
        raise DamageError("it stands behind an object that is a single file")

    def _one(self, entry: Entry) -> None:
        path = entry.path
        if not path:
            self._take_root(entry)
            return
        if self._blocked is not None:
            if path.startswith(self._blocked):
                self._counters.failed += 1
                return
            self._blocked = None
        here = self._way.here
        name = path[len(here.prefix) :]
        if not (path.startswith(here.prefix) and is_plain_name(name)):
            name = self._gone_to(path)
            here = self._way.here
        if here.private and self._hand_over.takes(entry, name, here):
            return
        if lacks_content(entry):
            self._failed(entry, "source", f"its content was not saved: {entry.problem}")
            return
        if entry.problem:
            self._report("source", f"it is not what the source held: {entry.problem}")
        if entry.kind == EntryKind.DIRECTORY:
            self._directory(entry, name)
        else:
            self._node(entry, name)

    def _gone_to(self, path: bytes) -> bytes:
        """Goes to the directory of a path, and returns its name there."""
        if safe_names(path) is None:
            raise DamageError("the path is not one of plain names below the target")
        parent, slash, name = path.rpartition(b"/")
        if not self._way.go_to(parent + slash):
            raise DamageError("its directory is not in the manifest before it")
        return name

    def _take_root(self, entry: Entry) -> None:
        level = self._way.here
        if entry.kind != EntryKind.DIRECTORY:
            raise DamageError("the root of the tree is listed twice")
        self._counters.directories += 1
        # An existing directory with things in it is somebody's: `never` leaves it as it is.
        if level.descriptor >= 0 and (self._replace or not os.listdir(level.descriptor)):
            level.entry = entry
            if level.gives_acls:
                strip_inherited(level.descriptor)
                level.gives_acls = False

    # Directories

    def _directory(self, entry: Entry, name: bytes) -> None:
        if self._way.is_deep:
            self._hand_over.finish()
        here = self._way.here
        prefix = entry.path + b"/"
        level = self._dry_level(name, prefix) if self._settings.dry_run else None
        if level is None:
            level = self._made_level(entry, name, prefix, here)
        if level is None:
            self._blocked = prefix
            return
        self._counters.directories += 1
        self._way.enter(level)

    def _made_level(self, entry: Entry, name: bytes, prefix: bytes, here: Level) -> Level | None:
        """None when something that is no directory stands there and stays."""
        try:
            os.mkdir(name, 0o700, dir_fd=here.descriptor)
            created = True
        except FileExistsError:
            created = False
            if not self._existing.is_directory(name, here.descriptor):
                if not self._replace:
                    self._exists("it is no directory")
                    return None
                os.unlink(name, dir_fd=here.descriptor)
                os.mkdir(name, 0o700, dir_fd=here.descriptor)
                created = True
        keeps = not created and not self._replace
        strip = created and here.gives_acls
        level = opened_level(
            name, here.descriptor, prefix, None if keeps else entry, created=created, strip=strip
        )
        if keeps and not self._existing.same_rights(os.fstat(level.descriptor), entry):
            self._report("exists", "the directory exists; its mode, owner and times were left")
        return level

    def _dry_level(self, name: bytes, prefix: bytes) -> Level:
        here = self._way.here
        try:
            if here.descriptor >= 0:
                return opened_level(name, here.descriptor, prefix, None, created=False, strip=False)
        except OSError:
            pass  # Not there, or no directory: it would be made.
        return Level(prefix, None, -1, (0, 0), True)

    def _leave(self, level: Level) -> None:
        """Gives a directory its metadata when everything in it is done."""
        if level.entry is None or level.descriptor < 0 or self._settings.dry_run:
            return
        # It is left on the way to another entry, which is the one to report on afterwards.
        under_way, self._path = self._path, level.entry.path
        try:
            fresh = level.created and not level.gives_owner
            self._metadata.apply(level.descriptor, level.entry, self._report, fresh=fresh)
        except OSError as error:
            self._report("metadata", f"its metadata cannot be given: {error.strerror}")
        finally:
            self._path = under_way

    # Everything else

    def _node(self, entry: Entry, name: bytes) -> None:
        here = self._way.here
        if not here.created and here.descriptor >= 0:
            found = self._existing.verdict(entry, name, here.descriptor)
            if found is not None:
                if found:
                    self._exists(found)
                else:
                    self._counters.unchanged += 1
                    self._links.remember(entry, self._existing.identity_of(name, here.descriptor))
                return
        if self._settings.dry_run:
            self._count(entry, entry.size if entry.hard_link is None else 0)
            return
        self._named(self._make, entry, name, here)

    def _named(self, make: Make, entry: Entry, name: bytes, level: Level) -> None:
        try:
            make(entry, name, level)
        except (FileExistsError, IsADirectoryError):
            self._exists("it appeared meanwhile" if level.created else "it is a directory")

    def _make(self, entry: Entry, name: bytes, here: Level) -> None:
        if entry.hard_link is not None:
            known = self._links.restored(entry)
            if known is not None and self._linked(known, name, here):
                self._counters.links += 1
                return
            entry = self._links.whole(entry)
        self._make_here(entry, name, here)

    def _make_here(self, entry: Entry, name: bytes, here: Level) -> None:
        if entry.kind == EntryKind.FILE:
            made = self._nodes.file(entry, name, here, self._report)
        else:
            made = self._nodes.special(entry, name, here, self._report)
        self._links.remember(entry, made.identity)
        self._count(entry, made.bytes_written)

    def _linked(self, known: tuple[bytes, tuple[int, int]], name: bytes, here: Level) -> bool:
        """False when the link cannot be made and the content has to be restored again."""
        try:
            self._nodes.link(*known, self._root, name, here)
        except FileExistsError:
            raise
        except (OSError, DamageError) as error:
            if isinstance(error, OSError) and error.errno in _FATAL:
                raise
            self._report("hard_link", f"restored as a file of its own: {error}")
            return False
        return True

    def _count(self, entry: Entry, written: int) -> None:
        if entry.kind != EntryKind.FILE:
            self._counters.others += 1
        elif written < LARGE_BYTES_MIN:
            self.made(1, written)
        else:
            self._counters.files += 1
            self._counters.bytes_written += written

    # Files that were handed over: see Receiver

    def made(self, files: int, size_bytes: int) -> None:
        self._counters.files += files
        self._counters.bytes_written += size_bytes
        self._cached_bytes += size_bytes

    def back(self, handed: Handed, *, is_unknown: bool) -> None:
        """It is made here, with every word that there is to say about it."""
        entry, name, level = handed
        if is_unknown:
            # The directory is still closed to everybody else: nobody but us put it there.
            discard(name, level.descriptor)
        under_way = self._path
        self._reported(entry, lambda entry: self._named(self._make_here, entry, name, level))
        self._path = under_way

    # Reports

    def _report(self, kind: str, text: str) -> None:
        self._counters.problems += 1
        self._monitor.problem(Problem(kind, text, self._path))

    def _failed(self, entry: Entry, kind: str, text: str) -> None:
        """A directory that cannot be had is reported once; what is in it counts as failed."""
        self._counters.failed += 1
        if entry.kind == EntryKind.DIRECTORY and entry.path:
            self._blocked = entry.path + b"/"
        self._report(kind, text)

    def _exists(self, why: str) -> None:
        self._counters.existing += 1
        self._report("exists", f"left as it is, because {why}; --overwrite decides")

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._reported_at >= PROGRESS_SECONDS:
            self._reported_at = now
            counters = self._counters
            self._monitor.progress(Progress("restore", counters.files, counters.bytes_written))


def _root_level(root: int) -> Level:
    if root < 0:
        return Level(b"", None, -1, (0, 0), True)
    return level_of(os.dup(root), b"", None, created=False, strip=False)
