"""Entries as a tar archive: the `pax` interchange format of POSIX.1-2001, as GNU tar writes it.

What the old header has no room for stands in records in front of it: long paths, times in ns,
sizes over 8 GiB, large owners; xattrs as SCHILY.xattr.NAME, files with holes as GNU.sparse 1.0.
Names are bytes, and go into the archive as they are: that is what GNU tar reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO

from flowbackup.errors import DeviceError, NotFoundError, RestoreError
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.monitor import Monitor, Problem
from flowbackup.restore.content import ContentSource, extents, lacks_content
from flowbackup.restore.links import FirstEntry
from flowbackup.restore.port import Foresight, FrameSource
from flowbackup.restore.selection import selected
from flowbackup.restore.settings import RestoreCounters, RestoreSettings, RestoreStatistics
from flowbackup.units import format_path, round_up

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES
"""The end of an archive is filled to a multiple of it, for readers of tapes."""
_NAME_BYTES, _OWNER_BYTES = 100, 31
_NS = 1_000_000_000
_HARD_LINK = b"1"
_EXTENDED = b"x"
_TYPES = {
    EntryKind.FILE: b"0",
    EntryKind.SYMLINK: b"2",
    EntryKind.CHARACTER_DEVICE: b"3",
    EntryKind.BLOCK_DEVICE: b"4",
    EntryKind.DIRECTORY: b"5",
    EntryKind.FIFO: b"6",
}

Records = dict[bytes, bytes]


def write_tar(
    entries: Iterable[Entry],
    frames: FrameSource,
    out: BinaryIO,
    settings: RestoreSettings,
    monitor: Monitor,
    first_entry: FirstEntry | None = None,
    foresight: Foresight | None = None,
) -> RestoreStatistics:
    """Writes the selected entries of a version, in path order, as an archive with its end.

    What cannot be had is left out and reported as a problem.  A large file of which a later part
    cannot be had is in the archive already: then this raises RestoreError, and what was written has
    no end, so that no reader takes it for whole.  Raises OSError of `out`.
    """
    chosen = selected(entries, settings)
    if foresight is not None:
        chosen = foresight.following(chosen)
    content = ContentSource(frames, foresight)
    archive = _Archive(content, out, settings, monitor, first_entry)
    count = 0
    for count, entry in enumerate(chosen, 1):
        archive.add(entry)
        if foresight is not None:
            foresight.restored(count)
    if not count:
        raise RestoreError("nothing was selected", remedy="check the path and the patterns")
    archive.finish()
    return archive.counters.frozen()


class _Archive:
    """An archive under way."""

    def __init__(
        self, content: ContentSource, out: BinaryIO, settings: RestoreSettings, monitor: Monitor,
        first_entry: FirstEntry | None,
    ) -> None:  # fmt: skip
        self.counters = RestoreCounters()
        self._content = content
        self._out = out
        self._settings = settings
        self._monitor = monitor
        self._first_entry = first_entry
        self._written = 0
        # First names of hard links: kind and original path -> the name in the archive.
        self._links: dict[tuple[int, bytes], bytes] = {}

    def add(self, entry: Entry) -> None:
        name = self._name(entry)
        try:
            if entry.kind == EntryKind.SOCKET:
                # As GNU tar does: nothing is in a socket, and its program makes it anew.
                self._monitor.message(f"{format_path(entry.path)} is a socket, and left out")
            elif not self._linked(entry, name):
                self._add_whole(self._with_content(entry), name)
        except (DeviceError, NotFoundError) as error:
            self.counters.failed += 1
            self._report(entry, "damaged", str(error))

    def finish(self) -> None:
        """Two blocks of zeros are the end."""
        end = self._written + 2 * BLOCK_BYTES
        self._write(bytes(round_up(end, RECORD_BYTES) - self._written))

    def _name(self, entry: Entry) -> bytes:
        if not entry.path and entry.kind != EntryKind.DIRECTORY:
            return self._settings.root_name or b"content"
        name = b"./" + entry.path
        return name + b"/" if entry.path and entry.kind == EntryKind.DIRECTORY else name

    def _linked(self, entry: Entry, name: bytes) -> bool:
        """Whether it is a further name of what is in the archive already, which it then is there,
        too.  Remembers first names."""
        under = self._settings.under
        original = b"/".join(part for part in (under, entry.path) if part)
        key = (entry.kind, entry.hard_link or original)
        known = self._links.get(key) if entry.hard_link is not None else None
        if known is None:
            if entry.links > 1 and entry.kind != EntryKind.DIRECTORY:
                self._links[key] = name
            return False
        self._head(entry, name, _HARD_LINK, 0, known, {})
        self.counters.links += 1
        return True

    def _with_content(self, entry: Entry) -> Entry:
        """A further name whose first is not in the archive has the content of that one."""
        if entry.hard_link is None or entry.kind != EntryKind.FILE:
            return entry
        if self._first_entry is None:
            raise NotFoundError(f"its content belongs to {format_path(entry.hard_link)}")
        first = self._first_entry(entry.hard_link)
        return entry._replace(size=first.size, holes=first.holes, chunks=first.chunks)

    def _add_whole(self, entry: Entry, name: bytes) -> None:
        kind = EntryKind(entry.kind)
        if lacks_content(entry):
            self.counters.failed += 1
            self._report(entry, "source", f"its content was not saved: {entry.problem}")
            return
        if entry.problem:
            self._report(entry, "source", f"it is not what the source held: {entry.problem}")
        if kind is EntryKind.FILE:
            self._file(entry, name)
            self.counters.files += 1
            return
        self._head(entry, name, _TYPES[kind], 0, entry.target or b"", _attributes(entry))
        if kind is EntryKind.DIRECTORY:
            self.counters.directories += 1
        else:
            self.counters.others += 1

    def _file(self, entry: Entry, name: bytes) -> None:
        parts = extents(entry)
        records = _attributes(entry)
        runs = self._content.runs(entry.chunks)
        # The first run is checked before the file is in the archive: most files have no other.
        first = next(runs, None)
        table = b""
        if entry.holes:
            table = _sparse_table(parts, entry.size)
            records |= {
                b"GNU.sparse.major": b"1",
                b"GNU.sparse.minor": b"0",
                b"GNU.sparse.name": name,
                b"GNU.sparse.realsize": b"%d" % entry.size,
            }
            name = b"GNUSparseFile.0/" + name.rpartition(b"/")[2][: _NAME_BYTES - 20]
        size = len(table) + sum(part.size for part in parts)
        self._head(entry, name, _TYPES[EntryKind.FILE], size, b"", records)
        self._write(table)
        try:
            written = 0
            while first is not None:
                self._write(first)
                written += len(first)
                first = next(runs, None)
        except (DeviceError, NotFoundError) as error:
            raise RestoreError(
                f"the archive ends in {format_path(entry.path)}, of which a part cannot be had: "
                f"{error}",
                remedy="leave it out with --exclude, or restore it to see what there is",
            ) from error
        self._pad(size)
        self.counters.bytes_written += written

    def _head(
        self, entry: Entry, name: bytes, kind: bytes, size: int, link: bytes, records: Records
    ) -> None:
        """The header of an entry, behind the records that it needs."""
        fields = _Fields(records)
        mtime, rest = divmod(entry.mtime_ns, _NS)
        if rest or mtime < 0:
            fields.records[b"mtime"] = _time_text(entry.mtime_ns)
        devices = entry.kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
        major, minor = (os.major(entry.rdev), os.minor(entry.rdev)) if devices else (0, 0)
        block = b"".join(
            (
                fields.text(b"path", name, _NAME_BYTES),
                fields.number(b"", entry.mode, 8),
                fields.number(b"uid", entry.uid, 8),
                fields.number(b"gid", entry.gid, 8),
                fields.number(b"size", size, 12),
                fields.number(b"mtime", mtime, 12),
                b" " * 8,
                kind,
                fields.text(b"linkpath", link, _NAME_BYTES),
                b"ustar\x0000",
                fields.text(b"uname", entry.owner, _OWNER_BYTES) + b"\0",
                fields.text(b"gname", entry.group, _OWNER_BYTES) + b"\0",
                fields.number(b"SCHILY.devmajor", major, 8),
                fields.number(b"SCHILY.devminor", minor, 8),
                bytes(167),
            )
        )
        if fields.records:
            self._records(fields.records, name)
        self._write(_summed(block))

    def _records(self, records: Records, name: bytes) -> None:
        data = b"".join(_record(key, value) for key, value in records.items())
        fields = _Fields({})
        short = b"./PaxHeaders/" + name.strip(b"/").rpartition(b"/")[2][: _NAME_BYTES - 20]
        block = b"".join(
            (
                fields.text(b"", short, _NAME_BYTES),
                b"0000644\0", b"0000000\0" * 2, fields.number(b"", len(data), 12),
                b"%011o\0" % 0, b" " * 8, _EXTENDED, bytes(_NAME_BYTES), b"ustar\x0000",
                bytes(247),
            )
        )  # fmt: skip
        self._write(_summed(block))
        self._write(data)
        self._pad(len(data))

    def _write(self, data: bytes | memoryview) -> None:
        if data:
            self._out.write(data)
            self._written += len(data)

    def _pad(self, size: int) -> None:
        self._write(bytes(-size % BLOCK_BYTES))

    def _report(self, entry: Entry, kind: str, text: str) -> None:
        self.counters.problems += 1
        self._monitor.problem(Problem(kind, text, entry.path))


class _Fields:
    """Fields of a header; what does not fit becomes a record."""

    def __init__(self, records: Records) -> None:
        self.records = dict(records)

    def text(self, key: bytes, value: bytes, size: int) -> bytes:
        if len(value) > size:
            self.records[key] = value
        return value[:size].ljust(size, b"\0")

    def number(self, key: bytes, value: int, size: int) -> bytes:
        if 0 <= value < 8 ** (size - 1):
            return b"%0*o\0" % (size - 1, value)
        self.records.setdefault(key, b"%d" % value)
        return b"%0*o\0" % (size - 1, 0)


def _attributes(entry: Entry) -> Records:
    """Extended attributes, their names spelled as GNU tar does."""
    return {
        b"SCHILY.xattr." + name.replace(b"%", b"%25").replace(b"=", b"%3D"): value
        for name, value in entry.xattrs
    }


def _sparse_table(parts: list[Extent], size: int) -> bytes:
    """Where content lies, in decimal lines; one that ends with a hole has an empty piece there."""
    pieces = list(parts)
    if not pieces or pieces[-1].offset + pieces[-1].size < size:
        pieces.append(Extent(size, 0))
    lines = [len(pieces), *(number for piece in pieces for number in piece)]
    text = b"".join(b"%d\n" % number for number in lines)
    return text + bytes(-len(text) % BLOCK_BYTES)


def _record(key: bytes, value: bytes) -> bytes:
    """ "LENGTH KEY=VALUE\\n", of which the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) > len(str(rest)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _time_text(time_ns: int) -> bytes:
    seconds, rest = divmod(abs(time_ns), _NS)
    text = f"{'-' if time_ns < 0 else ''}{seconds}.{rest:09d}".rstrip("0").rstrip(".")
    return text.encode()


def _summed(block: bytes) -> bytes:
    """A header with its sum, which is taken with blanks in its place."""
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
