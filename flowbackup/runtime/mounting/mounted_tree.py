"""What is where below a mount point: clients, their objects, the versions of each, and the entries
of a version.  Nothing here knows of FUSE.

    CLIENT/OBJECT/3/etc/hosts
    CLIENT/OBJECT/latest -> 3

Versions that are made while it is mounted are there as soon as the catalog has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import NotFoundError
from flowbackup.model.digest import frame_digest
from flowbackup.model.entry import Entry, EntryKind

LATEST = b"latest"
DIRECTORIES_KEPT = 64
"""Lists of entries that stay in memory: who lists a directory asks for each of its names next."""
_MODE = 0o555


class MountedTree:
    """Entries by path.  Paths are relative to the mount point, b"" for itself.  Every method may
    raise NotFoundError, CatalogError."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # Versions and their lists never change; whoever looks asks for them with every name.
        self._version = lru_cache(maxsize=DIRECTORIES_KEPT)(self._find_version)
        self._listed = lru_cache(maxsize=DIRECTORIES_KEPT)(self._list_version)

    def entry(self, path: bytes) -> Entry:
        """What is there, as a version holds it, whose further names of a file have the content of
        the first; of the directories above versions, only what they need to be shown."""
        above, _, name = path.rpartition(b"/")
        if not path:
            return _directory(path, 0)
        found = self.children(above).get(name)
        if found is None:
            raise NotFoundError(f"there is no {os.fsdecode(path)}")
        return found

    def children(self, path: bytes) -> Mapping[bytes, Entry]:
        """Name -> entry of what is directly in a directory; none of what is no directory."""
        parts = path.split(b"/", 3) if path else []
        if len(parts) < 2:
            return self._above_objects(parts)
        if len(parts) == 2:
            return self._versions(self._all_versions(*parts))
        return self._listed(self._version(*parts[:3]), parts[3] if len(parts) == 4 else b"")

    def _above_objects(self, parts: list[bytes]) -> dict[bytes, Entry]:
        """The clients, or the objects of one."""
        newest: dict[bytes, int] = {}
        for row in self._catalog.objects():
            client, name = os.fsencode(row.client), os.fsencode(row.name)
            if parts and parts[0] != client:
                continue
            shown = name if parts else client
            newest[shown] = max(newest.get(shown, 0), row.latest.record.finished_ns)
        if parts and not newest:
            raise NotFoundError(f"there is no client {os.fsdecode(parts[0])}")
        return {name: _directory(name, newest[name]) for name in sorted(newest)}

    def _all_versions(self, client: bytes, name: bytes) -> list[VersionRow]:
        wanted = (os.fsdecode(client), os.fsdecode(name))
        for row in self._catalog.objects():
            if (row.client, row.name) == wanted:
                return self._catalog.versions(row)
        raise NotFoundError(f"there is no object {'/'.join(wanted)}")

    def _find_version(self, client: bytes, name: bytes, number: bytes) -> VersionRow:
        for version in self._all_versions(client, name):
            if number == b"%d" % version.number:
                return version
        raise NotFoundError(f"there is no version {os.fsdecode(number)} of {os.fsdecode(name)}")

    def _versions(self, versions: Iterable[VersionRow]) -> dict[bytes, Entry]:
        numbered = {version.number: version for version in versions}
        found = {
            b"%d" % number: self._shown(version, self._catalog.entry(version, b""))
            for number, version in sorted(numbered.items())
        }
        newest = max(numbered)
        finished_ns = numbered[newest].record.finished_ns
        target = b"%d" % newest
        found[LATEST] = Entry(
            LATEST, EntryKind.SYMLINK, 0o777, size=len(target), mtime_ns=finished_ns,
            ctime_ns=finished_ns, inode=_inode(b"/%d" % finished_ns), target=target,
        )  # fmt: skip
        return found

    def _list_version(self, version: VersionRow, under: bytes) -> dict[bytes, Entry]:
        entries = self._catalog.entries(version, under, recursive=False)
        return {
            entry.path.rpartition(b"/")[2]: self._shown(version, entry)
            for entry in entries
            if entry.path != under
        }

    def _shown(self, version: VersionRow, entry: Entry) -> Entry:
        first = entry.path if entry.hard_link is None else entry.hard_link
        if entry.hard_link is not None:
            entry = self._catalog.entry(version, first)._replace(path=entry.path)
        return entry._replace(inode=_inode(version.object_id + first))


def _directory(path: bytes, time_ns: int) -> Entry:
    return Entry(
        path, EntryKind.DIRECTORY, _MODE, os.getuid(), os.getgid(), mtime_ns=time_ns,
        ctime_ns=time_ns, inode=_inode(path), links=2,
    )  # fmt: skip


def _inode(name: bytes) -> int:
    """The same for all names of a file, and another for every other, with next to no memory."""
    return int.from_bytes(frame_digest(name)[:8], "little")
