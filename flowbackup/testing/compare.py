"""Are two trees equal?  By a way of its own: nothing here is shared with reading or restoring.

    python -m flowbackup.testing.compare A B

prints every difference and ends with 1 if there is any.  Compared are names as bytes, kinds,
content, modes, owners, modification times in ns, link targets, device numbers, sets of hard links,
where data and holes are, and all extended attributes (ACLs and capabilities are such).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass

_BLOCK_BYTES = 1 << 20
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """holes: that both have the same ranges of data.  root: the two named directories' own
    metadata.  owners, xattrs: switched off where a user without rights restored."""

    holes: bool = True
    root: bool = True
    owners: bool = True
    xattrs: bool = True


def differences(
    one: str | bytes, other: str | bytes, settings: CompareSettings | None = None
) -> Iterator[str]:
    """One line for each difference, by path.  Raises OSError for what cannot be read."""
    comparison = _Comparison(settings or CompareSettings())
    left, right = (os.open(place, os.O_RDONLY | os.O_DIRECTORY) for place in (one, other))
    # A stack of names left to compare, not recursion: trees are deeper than Python's.
    yield from comparison.walk(left, right)


class _Comparison:
    def __init__(self, settings: CompareSettings) -> None:
        self._settings = settings
        self._sets: dict[tuple[int, int, int], bytes] = {}

    def walk(self, left: int, right: int) -> Iterator[str]:
        """Goes through both trees at once; both descriptors are closed at the end."""
        if self._settings.root:
            yield from self._metadata(b".", os.fstat(left), os.fstat(right))
            places = (b"/proc/self/fd/%d" % left, b"/proc/self/fd/%d" % right)
            yield from self._attributes(b".", *places, True)
        todo: list[tuple[bytes, list[bytes]]] = []
        names = yield from self._both(b"", left, right)
        todo.append((b"", names))
        while todo:
            path, names = todo[-1]
            if not names:
                todo.pop()
                if todo:
                    left, right = _up(left), _up(right)
                continue
            name = names.pop()
            child = path + b"/" + name if path else name
            if (yield from self._pair(child, name, left, right)):
                left, right = _down(left, name), _down(right, name)
                todo.append((child, (yield from self._both(child, left, right))))
        os.close(left)
        os.close(right)

    def _both(self, path: bytes, left: int, right: int) -> Generator[str, None, list[bytes]]:
        """The names that both directories have, last first."""
        mine, yours = ({os.fsencode(n) for n in os.listdir(d)} for d in (left, right))
        for names, where in ((mine - yours, "second"), (yours - mine, "first")):
            for name in sorted(names):
                yield f"{_shown(path + b'/' + name if path else name)}: missing in the {where}"
        return sorted(mine & yours, reverse=True)

    def _pair(self, path: bytes, name: bytes, left: int, right: int) -> Generator[str, None, bool]:
        """True when both are directories."""
        one = os.stat(name, dir_fd=left, follow_symlinks=False)
        other = os.stat(name, dir_fd=right, follow_symlinks=False)
        kind = stat.S_IFMT(one.st_mode)
        if kind != stat.S_IFMT(other.st_mode):
            kinds = (_KINDS[stat.S_IFMT(s.st_mode)] for s in (one, other))
            yield f"{_shown(path)}: kind: {' != '.join(kinds)}"
            return False
        yield from self._metadata(path, one, other)
        places = (b"/proc/self/fd/%d/%s" % (left, name), b"/proc/self/fd/%d/%s" % (right, name))
        yield from self._attributes(path, *places, False)
        if kind != stat.S_IFDIR:
            yield from self._links(path, one, other)
        if kind == stat.S_IFLNK:
            targets = [os.readlink(name, dir_fd=directory) for directory in (left, right)]
            yield from _unequal(path, "target", *targets)
        if kind == stat.S_IFREG:
            yield from self._content(path, name, left, right)
        return kind == stat.S_IFDIR

    def _metadata(self, path: bytes, one: os.stat_result, other: os.stat_result) -> Iterator[str]:
        if not stat.S_ISLNK(one.st_mode):
            yield from _unequal(path, "mode", oct(one.st_mode), oct(other.st_mode))
        if self._settings.owners:
            owners = [f"{s.st_uid}:{s.st_gid}" for s in (one, other)]
            yield from _unequal(path, "owner", *owners)
        yield from _unequal(path, "mtime", one.st_mtime_ns, other.st_mtime_ns)
        if stat.S_ISREG(one.st_mode):
            yield from _unequal(path, "size", one.st_size, other.st_size)
        if stat.S_ISCHR(one.st_mode) or stat.S_ISBLK(one.st_mode):
            yield from _unequal(path, "device number", one.st_rdev, other.st_rdev)

    def _attributes(self, path: bytes, one: bytes, other: bytes, follow: bool) -> Iterator[str]:
        if self._settings.xattrs:
            found = [_attributes(place, follow) for place in (one, other)]
            yield from _unequal(path, "attributes", *found)

    def _links(self, path: bytes, one: os.stat_result, other: os.stat_result) -> Iterator[str]:
        """Each name must have met the same earlier name of its file on both sides."""
        firsts = [
            self._sets.setdefault((side, s.st_dev, s.st_ino), path) if s.st_nlink > 1 else path
            for side, s in enumerate((one, other))
        ]
        yield from _unequal(path, "hard link", *map(_shown, firsts))

    def _content(self, path: bytes, name: bytes, left: int, right: int) -> Iterator[str]:
        one, other = (os.open(name, _OPEN, dir_fd=directory) for directory in (left, right))
        try:
            ranges = [_data(one), _data(other)]
            if self._settings.holes:
                yield from _unequal(path, "data ranges", *ranges)
            for start, end in sorted(set(ranges[0] + ranges[1])):
                for place in range(start, end, _BLOCK_BYTES):
                    size = min(_BLOCK_BYTES, end - place)
                    if os.pread(one, size, place) != os.pread(other, size, place):
                        yield f"{_shown(path)}: content differs from byte {place} on"
                        return
        finally:
            os.close(one)
            os.close(other)


def _data(descriptor: int) -> list[tuple[int, int]]:
    """The ranges that are no holes."""
    size = os.fstat(descriptor).st_size
    found: list[tuple[int, int]] = []
    place = 0
    while place < size:
        try:
            start = os.lseek(descriptor, place, os.SEEK_DATA)
        except OSError:
            break
        place = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        found.append((start, place))
    return found


def _attributes(place: bytes, follow: bool) -> dict[str, bytes]:
    try:
        names = os.listxattr(place, follow_symlinks=follow)
    except OSError:
        return {}
    return {name: os.getxattr(place, name, follow_symlinks=follow) for name in sorted(names)}


def _down(directory: int, name: bytes) -> int:
    below = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=directory)
    os.close(directory)
    return below


def _up(directory: int) -> int:
    above = os.open("..", _OPEN | os.O_DIRECTORY, dir_fd=directory)
    os.close(directory)
    return above


def _unequal(path: bytes, what: str, one: object, other: object) -> Iterator[str]:
    if one != other:
        yield f"{_shown(path)}: {what}: {one!r} != {other!r}"


def _shown(path: bytes) -> str:
    return path.decode(errors="backslashreplace")


def main(arguments: list[str]) -> int:
    """The program: 0 equal, 1 different, 2 wrong usage."""
    if len(arguments) != 2:
        print("usage: python -m flowbackup.testing.compare A B", file=sys.stderr)
        return 2
    count = 0
    for line in differences(arguments[0], arguments[1]):
        count += 1
        print(line)
    print(f"{count} differences" if count else "the trees are equal")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
