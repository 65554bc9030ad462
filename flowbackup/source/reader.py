"""Reads one data object: from names to entries, content into data frames, entries into manifest
frames, and the record of the version as the last frame.

What goes wrong with single names becomes a problem and a flag on the entry; the object goes on and
is incomplete.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, closing
from errno import ELOOP, ENOENT, ENOTDIR, ENXIO

from flowbackup.errors import SourceError
from flowbackup.frame.packing import packer
from flowbackup.frame.page import weight_of
from flowbackup.frame.seal import seal
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import FrameKind
from flowbackup.model.record import VersionRecord
from flowbackup.model.report import Outcome
from flowbackup.monitor import Monitor, Problem
from flowbackup.source.content import ContentReader, ReadCounters, ReadError
from flowbackup.source.filler import FrameFiller
from flowbackup.source.hashing import HashCrew
from flowbackup.source.known import KnownFiles, Parts
from flowbackup.source.manifest import Journal, ManifestWriter, PageSink
from flowbackup.source.metadata import (
    EntryMaker,
    HardLinks,
    Xattrs,
    error_name,
    error_text,
    kind_of,
)
from flowbackup.source.port import FrameSink
from flowbackup.source.selection import Selection
from flowbackup.source.stream import Stream, stream_entry
from flowbackup.source.task import ObjectTask
from flowbackup.source.walk import Found, open_file, open_root, walk
from flowbackup.units import MIB

_PAGE_WEIGHT_MAX = 4 * MIB
_CHUNK_WEIGHT = 72
_CHANGED = "changed while read"
# What openat says of a name that was a file or directory when it was listed, and now is a link,
# a socket, or of another kind.
_SWAPPED = (ELOOP, ENXIO, ENOTDIR)


def read_object(
    task: ObjectTask,
    sink: FrameSink,
    pages: PageSink,
    monitor: Monitor,
    counters: ReadCounters | None = None,
    known: KnownFiles | None = None,
    journal: Journal = lambda _: None,
) -> VersionRecord:
    """Reads everything below `task.path` once and sends it as frames to `sink`.  known: files that
    are neither read nor sent, if they are as they were.  journal: is told how far it got; not with
    a stream, which begins anew each time.

    Memory does not grow with the number of files.  When this raises, every file is closed and the
    open slot was given back; frames sent before stay sent.  Raises SourceError when the object
    cannot be read at all, and whatever `sink.borrow` raises.
    """
    with ExitStack() as stack:
        root = -1
        if task.stream is None:
            root = open_root(task.path)
            stack.callback(os.close, root)
        counters = counters or ReadCounters()
        crew = HashCrew(counters.hashing)
        stack.callback(crew.close)
        reader = _ObjectReader(
            task, sink, pages, monitor, counters, crew, known or KnownFiles(),
            journal if task.stream is None else lambda _: None,
        )  # fmt: skip
        stack.callback(reader.abandon)
        if task.stream is None:
            reader.read(root)
        else:
            with task.stream as stream:
                reader.read_stream(stream)
        return reader.finish()


class _ObjectReader:
    """The state of reading one object."""

    def __init__(
        self, task: ObjectTask, sink: FrameSink, pages: PageSink, monitor: Monitor,
        counters: ReadCounters, crew: HashCrew, known: KnownFiles, journal: Journal,
    ) -> None:  # fmt: skip
        self._task = task
        self._sink = sink
        self._monitor = monitor
        self._counters = counters
        self._known = known
        self._maker = EntryMaker()
        self._links = HardLinks()
        self._selection = Selection(task.rules, task.started_ns, self._report_relative)
        self._chunking = task.chunking.within(task.frame_bytes)
        self._weight_max = min(_PAGE_WEIGHT_MAX, task.frame_bytes // 2)
        frame = (task.object_id, task.frame_bytes, crew, task.cipher)
        find, pack = known.chunks if known.has_content else None, packer(task.zstd_level)
        self._data = FrameFiller(sink, FrameKind.DATA, *frame, self._store_pages, pack, find)
        self._manifest_frames = manifest = FrameFiller(sink, FrameKind.MANIFEST, *frame)
        self._manifest = ManifestWriter(
            manifest, pages, task.frame_bytes, self._weight_max, self._data.flush, journal,
            known.page, known.page_of,
        )  # fmt: skip
        chunks = max(1, self._weight_max // 2 // _CHUNK_WEIGHT)
        self._content = ContentReader(self._data, counters, self._chunking, chunks)

    def read(self, root: int) -> None:
        status = os.fstat(root)
        if stat.S_ISREG(status.st_mode):
            self._opened_file(b"", root, status)
            return
        self._directory(b"", root)
        try:
            names = walk(root, self._report_relative, self._selection.chosen)
            with closing(names):
                for found in self._counters.scanning(names):
                    if found.kind is EntryKind.FILE:
                        self._file(found)
                    elif found.descriptor >= 0:
                        self._directory(found.path, found.descriptor)
                    elif found.error is not None:
                        self._not_opened(found, found.error)
                    else:
                        self._special(found, swapped=False)
        except NotADirectoryError as error:
            place = os.fsdecode(self._task.path)
            raise SourceError(f"{place} cannot be listed: {error}") from error

    def read_stream(self, stream: Stream) -> None:
        """An object that is one file, of which nobody knows the size before its end."""
        counters = self._counters
        part = stream_entry(stream, self._maker, self._task.clock())
        size = 0
        for piece in self._content.stream_pieces(stream):
            counters.bytes_source += piece.end - size
            size = piece.end
            self._add(part._replace(size=size, chunks=piece.chunks))
            part = Entry(b"", EntryKind.FILE, part=part.part + 1)

    def finish(self) -> VersionRecord:
        """Sends what is left, the manifest and the record."""
        self._data.flush()
        self._counters.bytes_packed = self._data.payload_bytes
        root = self._manifest.finish()
        task, counters = self._task, self._counters
        record = VersionRecord(
            object_id=task.object_id,
            session=task.session,
            client=task.client,
            name=task.name,
            source=task.path,
            started_ns=task.started_ns,
            finished_ns=task.clock(),
            outcome=str(Outcome.INCOMPLETE if counters.problems else Outcome.SUCCESS),
            entries=counters.entries,
            files=counters.files,
            bytes_source=counters.bytes_source,
            bytes_read=counters.bytes_read,
            bytes_new=counters.bytes_cut - self._known.bytes_found,
            problems=counters.problems,
            root=root,
            chunking=self._chunking,
        )
        self._send_record(record.to_json())
        return record

    def abandon(self) -> None:
        """Gives open slots back; nothing to do after `finish`."""
        self._data.abandon()
        self._manifest_frames.abandon()

    def _send_record(self, data: bytes) -> None:
        slot, object_id = self._sink.borrow(), self._task.object_id
        slot.memory[: len(data)] = data
        frame, cipher = (slot.frame, FrameKind.CATALOG, object_id), self._task.cipher
        header = seal(slot.memory, (), *frame, len(data), cipher=cipher)
        self._sink.send(slot, header)

    def _store_pages(self) -> None:
        self._manifest.store_full()

    # One kind of name each.

    def _file(self, found: Found) -> None:
        if self._known.has_files and self._unchanged(found):
            return
        try:
            descriptor = open_file(found.name, found.parent)
        except OSError as error:
            self._not_opened(found, error)
            return
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                if not self._selection.beyond_limits(status):
                    self._opened_file(found.path, descriptor, status)
                return
        finally:
            os.close(descriptor)
        self._special(found, swapped=True)

    def _unchanged(self, found: Found) -> bool:
        """Adds the entry of a file that is as it was, which is not opened for that.  One with
        several names is, because the names must be told apart."""
        try:
            status = os.stat(found.name, dir_fd=found.parent, follow_symlinks=False)
        except OSError:
            return False
        if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode):
            return False
        if self._selection.beyond_limits(status):
            return True
        known = self._known.find(found.path, status, self._weight_max)
        if known:
            self._counters.bytes_source += status.st_size
            # The time of the inode is that of its attributes, too.
            first, make = known[0], self._maker
            still = len(known) == 1 and make.is_still(first, status)
            self._add_known(known, first if still else make.make(found.path, status, first.xattrs))
        return bool(known)

    def _opened_file(self, path: bytes, descriptor: int, status: os.stat_result) -> None:
        xattrs, problem = self._xattrs(path, descriptor, status.st_dev)
        first = self._links.first(status)
        if first is not None:
            self._add(self._maker.make(path, status, xattrs, None, first, problem))
            return
        size = status.st_size
        self._counters.bytes_source += size
        known = self._known.find(path, status, self._weight_max)
        if known:
            self._links.add(path, status)
            self._add_known(known, self._maker.make(path, status, xattrs, problem=problem))
            return
        if size > self._content.whole_bytes_max or status.st_blocks * 512 < size:
            entry = self._maker.make(path, status, xattrs, problem=problem)
            self._pieces(path, descriptor, status, entry)
            return
        chunks: tuple[ChunkRef, ...] = ()
        try:
            if size:
                chunk = self._content.read_small(descriptor, size)
                chunks = () if chunk is None else (chunk,)
        except ReadError as error:
            entry = self._maker.make(path, status, xattrs)
            self._add(self._unreadable(entry, error.error))
            return
        entry = self._maker.make(path, status, xattrs, None, None, problem, chunks)
        end = chunks[0].size if chunks else 0
        self._add_read(self._checked(entry, descriptor, status, end), status)

    def _pieces(self, path: bytes, descriptor: int, status: os.stat_result, entry: Entry) -> None:
        """A file that is large or has holes: one entry, or several where there are very many
        chunks or holes."""
        sparse = status.st_blocks * 512 < status.st_size
        part = entry
        try:
            for piece in self._content.pieces(descriptor, status.st_size, sparse):
                part = part._replace(chunks=piece.chunks, holes=piece.holes)
                if piece.last:
                    self._add_read(self._checked(part, descriptor, status, piece.end), status)
                    return
                self._add(part)
                part = Entry(
                    path, entry.kind, size=entry.size, problem=entry.problem, part=part.part + 1
                )
        except ReadError as error:
            self._add(self._unreadable(part, error.error))

    def _add_known(self, known: Parts, now: Entry) -> None:
        """What the file is now, and its content where an earlier session has put it."""
        first, *others = known
        self._counters.bytes_known += now.size
        self._add(now if now is first else now._replace(chunks=first.chunks, holes=first.holes))
        for part in others:
            self._add(part)

    def _directory(self, path: bytes, descriptor: int) -> None:
        status = os.fstat(descriptor)
        xattrs, problem = self._xattrs(path, descriptor, status.st_dev)
        self._add(self._maker.make(path, status, xattrs, problem=problem))

    def _not_opened(self, found: Found, error: OSError) -> None:
        """A file or directory that the system did not open, or a directory it did not list."""
        if error.errno == ENOENT:
            self._vanished(found.path)
        elif error.errno in _SWAPPED:
            self._special(found, swapped=True)
        else:
            status = self._status(found)
            if status is not None:
                self._add(self._unreadable(self._maker.make(found.path, status), error))

    def _special(self, found: Found, swapped: bool) -> None:
        """What is recorded and not read: links, FIFOs, sockets, devices, and what was swapped for
        something else between listing and opening."""
        status = self._status(found)
        if status is None:
            return
        kind = kind_of(status)
        problem, target = "", None
        xattrs: Xattrs = ()
        try:
            if kind is EntryKind.SYMLINK:
                target = os.readlink(found.name, dir_fd=found.parent)
            xattrs = self._maker.xattrs_at(found.name, found.parent, status.st_dev)
        except OSError as error:
            problem = f"attributes unreadable: {error_name(error)}"
            self._report("metadata", found.path, problem)
        if swapped or kind in (EntryKind.FILE, EntryKind.DIRECTORY):
            problem = f"changed: replaced by a {kind.name.lower().replace('_', ' ')} while read"
            self._report("changed", found.path, problem)
        first = self._links.first(status) if kind is not EntryKind.DIRECTORY else None
        self._add_linked(
            self._maker.make(found.path, status, xattrs, target, first, problem), status
        )

    # Parts of the above.

    def _status(self, found: Found) -> os.stat_result | None:
        try:
            return os.stat(found.name, dir_fd=found.parent, follow_symlinks=False)
        except FileNotFoundError:
            self._vanished(found.path)
        except OSError as error:
            self._report("unreadable", found.path, error_text(error))
        return None

    def _xattrs(self, path: bytes, descriptor: int, device: int) -> tuple[Xattrs, str]:
        try:
            return self._maker.xattrs_of(descriptor, device), ""
        except OSError as error:
            problem = f"attributes unreadable: {error_name(error)}"
            self._report("metadata", path, problem)
            return (), problem

    def _checked(self, entry: Entry, descriptor: int, before: os.stat_result, end: int) -> Entry:
        """The entry, flagged when the file is no longer what it was before it was read."""
        after = os.fstat(descriptor)
        if (
            end == before.st_size == after.st_size
            and before.st_mtime_ns == after.st_mtime_ns
            and before.st_ctime_ns == after.st_ctime_ns
        ):
            return entry
        self._report("changed", entry.path, _CHANGED)
        return entry._replace(size=end, problem=_CHANGED)

    def _unreadable(self, entry: Entry, error: OSError) -> Entry:
        self._data.collect()  # chunks that were read before the error belong to no entry
        problem = f"unreadable: {error_name(error)}"
        self._report("unreadable", entry.path, error_text(error))
        return entry._replace(problem=problem, chunks=(), holes=())

    def _add_read(self, entry: Entry, status: os.stat_result) -> None:
        self._links.add(entry.path, status)
        self._add(entry)

    def _add_linked(self, entry: Entry, status: os.stat_result) -> None:
        if entry.hard_link is None and entry.kind != EntryKind.DIRECTORY and not entry.problem:
            self._links.add(entry.path, status)
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        counters = self._counters
        if entry.xattrs and weight_of(entry) > self._weight_max:
            problem = "attributes too large for a frame"
            self._report("metadata", entry.path, problem)
            entry = entry._replace(xattrs=(), problem=problem)
        if not entry.part:
            counters.entries += 1
            counters.files += entry.kind == EntryKind.FILE
        self._manifest.add(entry)

    def _vanished(self, path: bytes) -> None:
        self._report("vanished", path, "vanished before it was read")

    def _report_relative(self, problem: Problem) -> None:
        self._report(problem.kind, problem.path or b"", problem.text)

    def _report(self, kind: str, path: bytes, text: str) -> None:
        self._counters.problems += 1
        whole = os.path.join(self._task.path, path) if path else self._task.path
        self._monitor.problem(Problem(kind, text, whole))
